// Which device a thread uses: its stack of contexts, as the driver has it. cudaSetDevice replaces the
// topmost by a primary context.
#pragma once

namespace lnrnn::emulator {

// Of the topmost context; 0 where there is none.
int current_device();
// Makes the primary context of device 0 current where there is none.
void need_context();
// False if there is no such device.
bool select_device(int device);

}  // namespace lnrnn::emulator

// Pages that are all ones, NaN to every type, before anyone has written to them. A page costs time
// and memory only when it is written to: large memory of which little is used is there at once.
#pragma once

#include <cstddef>

namespace lnrnn::emulator {

// Maps such pages, to be read and written, over what is mapped there. False where the system has
// none, or no more.
bool map_ones(void* begin, size_t bytes);

}  // namespace lnrnn::emulator

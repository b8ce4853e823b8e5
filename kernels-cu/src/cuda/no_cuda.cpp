// The CUDA backend's entrance in a library that was built without it.
#include "core/device.h"
#include "core/status.h"

namespace lnrnn {

namespace {

lnrnnStatus_t refuse() {
  return fail(LNRNN_STATUS_DEVICE_UNAVAILABLE,
              "there is no CUDA device: this library was built without CUDA");
}

}  // namespace

lnrnnStatus_t cuda_device_count(int* count) {
  *count = 0;
  return refuse();
}

lnrnnStatus_t cuda_device_properties(int, lnrnnDeviceProperties_t*) { return refuse(); }

lnrnnStatus_t open_cuda_device(int, std::unique_ptr<Device>*) { return refuse(); }

}  // namespace lnrnn

#include "properties.h"

#include <cstdio>

#include "core/status.h"

#include "architectures.h"
#include "cublas.h"

namespace lnrnn {

namespace cuda {

void name_kernels(int architecture, int cublas, lnrnnDeviceProperties_t* out) {
  out->cublasVersion = cublas;
  std::snprintf(out->isa, sizeof out->isa, "sm_%d%s", architecture, cublas == 0 ? "" : " cuBLAS");
}

bool is_no_kernel(cudaError_t error) {
  return error == cudaErrorNoKernelImageForDevice || error == cudaErrorInvalidDeviceFunction ||
         error == cudaErrorInvalidKernelImage || error == cudaErrorUnsupportedPtxVersion ||
         error == cudaErrorJitCompilerNotFound || error == cudaErrorJitCompilationDisabled;
}

lnrnnStatus_t read_properties(int ordinal, lnrnnDeviceProperties_t* out) {
  cudaDeviceProp device{};
  const cudaError_t error = cudaGetDeviceProperties(&device, ordinal);
  if (error != cudaSuccess) cudaGetLastError();
  LNRNN_CHECK(error == cudaSuccess, LNRNN_STATUS_DEVICE_UNAVAILABLE,
              "the properties of CUDA device %d could not be read: %s", ordinal,
              cudaGetErrorString(error));
  out->kind = LNRNN_DEVICE_CUDA;
  out->ordinal = ordinal;
  out->totalMemory = device.totalGlobalMem;
  std::snprintf(out->name, sizeof out->name, "%.127s", device.name);
  std::snprintf(out->isaAvailable, sizeof out->isaAvailable, "%s", targets());
  out->computeCapabilityMajor = device.major;
  out->computeCapabilityMinor = device.minor;
  out->multiprocessors = device.multiProcessorCount;
  cudaDriverGetVersion(&out->driverVersion);
  out->runtimeVersion = CUDART_VERSION;
  const int capability = 10 * device.major + device.minor;
  const int architecture = find_architecture(targets(), capability);
  if (architecture != 0) {
    name_kernels(architecture == kUnknownArchitecture ? capability : architecture, cublas_version(),
                 out);
  }
  return LNRNN_STATUS_SUCCESS;
}

}  // namespace cuda

namespace {

int major_of(int version) { return version / 1000; }
int minor_of(int version) { return version % 1000 / 10; }

}  // namespace

// Whether CUDA can be used in this process at all, and with how many devices.
lnrnnStatus_t cuda_device_count(int* count) {
  *count = 0;
  int driver = 0;
  const cudaError_t asked = cudaDriverGetVersion(&driver);
  if (asked != cudaSuccess) cudaGetLastError();
  LNRNN_CHECK(
      asked == cudaSuccess, LNRNN_STATUS_DEVICE_UNAVAILABLE,
      "there is no CUDA device that can be used: the driver's version could not be read: %s",
      cudaGetErrorString(asked));
  LNRNN_CHECK(driver != 0, LNRNN_STATUS_DEVICE_UNAVAILABLE,
              "there is no CUDA device: no NVIDIA driver is installed");
  LNRNN_CHECK(
      driver >= CUDART_VERSION, LNRNN_STATUS_DEVICE_UNAVAILABLE,
      "there is no CUDA device that can be used: the NVIDIA driver is for CUDA %d.%d, which "
      "is older than the %d.%d this library was built for",
      major_of(driver), minor_of(driver), major_of(CUDART_VERSION), minor_of(CUDART_VERSION));
  int found = 0;
  const cudaError_t error = cudaGetDeviceCount(&found);
  if (error != cudaSuccess) cudaGetLastError();
  LNRNN_CHECK(error == cudaSuccess || error == cudaErrorNoDevice, LNRNN_STATUS_DEVICE_UNAVAILABLE,
              "there is no CUDA device that can be used: %s", cudaGetErrorString(error));
  LNRNN_CHECK(found > 0, LNRNN_STATUS_DEVICE_UNAVAILABLE,
              "there is no CUDA device: the NVIDIA driver finds no GPU");
  *count = found;
  return LNRNN_STATUS_SUCCESS;
}

lnrnnStatus_t cuda_device_properties(int ordinal, lnrnnDeviceProperties_t* properties) {
  return cuda::read_properties(ordinal, properties);
}

}  // namespace lnrnn

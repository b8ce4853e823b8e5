// What the runtime tells of itself and the device, and errors in words.
#include <cstring>

#include "device.h"
#include "emulator.h"
#include "memory.h"
#include "shared_memory.h"
#include "sites.h"
#include "streams.h"

namespace lnrnn::emulator {

std::string counted(size_t count, const char* what) {
  return count == 0 ? std::string() : std::to_string(count) + " " + what + "; ";
}

std::string left_over() {
  wait_for_all_streams();
  return count_streams_and_events() + count_graphs() + count_pools() + count_memory();
}

void reset_device() {
  wait_for_all_streams();
  free_all_memory();
  forget_errors();
  set_skipped_site("");
  number_streams_anew();
}

}  // namespace lnrnn::emulator

using namespace lnrnn::emulator;

namespace {

struct Text {
  cudaError_t error;
  const char* name;
  const char* sentence;
};

#define LNRNN_TEXT(name, sentence) \
  { name, #name, sentence }
constexpr Text kTexts[] = {
    LNRNN_TEXT(cudaSuccess, "no error"),
    LNRNN_TEXT(cudaErrorInvalidValue, "invalid argument"),
    LNRNN_TEXT(cudaErrorMemoryAllocation, "out of memory"),
    LNRNN_TEXT(cudaErrorInvalidConfiguration, "invalid configuration argument"),
    LNRNN_TEXT(cudaErrorInsufficientDriver,
               "CUDA driver version is insufficient for CUDA runtime version"),
    LNRNN_TEXT(cudaErrorNoKernelImageForDevice,
               "no kernel image is available for execution on the device"),
    LNRNN_TEXT(cudaErrorDeviceUninitialized, "invalid device context"),
    LNRNN_TEXT(cudaErrorNoDevice, "no CUDA-capable device is detected"),
    LNRNN_TEXT(cudaErrorInvalidDevice, "invalid device ordinal"),
    LNRNN_TEXT(cudaErrorInvalidResourceHandle, "invalid resource handle"),
    LNRNN_TEXT(cudaErrorIllegalState, "the operation cannot be performed in the present state"),
    LNRNN_TEXT(cudaErrorNotReady, "device not ready"),
    LNRNN_TEXT(cudaErrorIllegalAddress, "an illegal memory access was encountered"),
    LNRNN_TEXT(cudaErrorLaunchOutOfResources, "too many resources requested for launch"),
    LNRNN_TEXT(cudaErrorLaunchTimeout, "the launch timed out and was terminated"),
    LNRNN_TEXT(cudaErrorHostMemoryAlreadyRegistered,
               "part or all of the requested memory range is already mapped"),
    LNRNN_TEXT(cudaErrorHostMemoryNotRegistered,
               "pointer does not correspond to a registered memory region"),
    LNRNN_TEXT(cudaErrorIllegalInstruction, "an illegal instruction was encountered"),
    LNRNN_TEXT(cudaErrorMisalignedAddress, "misaligned address"),
    LNRNN_TEXT(cudaErrorLaunchFailure, "unspecified launch failure"),
    LNRNN_TEXT(cudaErrorCooperativeLaunchTooLarge, "too many blocks in cooperative launch"),
    LNRNN_TEXT(cudaErrorNotPermitted, "operation not permitted"),
    LNRNN_TEXT(cudaErrorNotSupported, "operation not supported"),
    LNRNN_TEXT(cudaErrorStreamCaptureUnsupported,
               "operation not permitted when stream is capturing"),
    LNRNN_TEXT(cudaErrorStreamCaptureInvalidated,
               "operation failed due to a previous error during capture"),
    LNRNN_TEXT(cudaErrorStreamCaptureMerge,
               "operation would result in a merge of separate capture sequences"),
    LNRNN_TEXT(cudaErrorStreamCaptureUnmatched,
               "capture was not ended in the same stream as it began"),
    LNRNN_TEXT(cudaErrorStreamCaptureUnjoined, "capturing stream has unjoined work"),
    LNRNN_TEXT(cudaErrorStreamCaptureIsolation,
               "dependency created on uncaptured work in another stream"),
    LNRNN_TEXT(cudaErrorCapturedEvent,
               "operation not permitted on an event last recorded in a capturing stream"),
    LNRNN_TEXT(cudaErrorStreamCaptureWrongThread,
               "attempt to terminate a thread-local capture sequence from another thread"),
    LNRNN_TEXT(cudaErrorInvalidClusterSize, "invalid cluster size"),
    LNRNN_TEXT(cudaErrorUnknown, "unknown error"),
};
#undef LNRNN_TEXT

const Text* find_text(cudaError_t error) {
  for (const Text& text : kTexts)
    if (text.error == error) return &text;
  return nullptr;
}

int attribute_of(const cudaDeviceProp& p, cudaDeviceAttr attribute) {
  switch (attribute) {
    case cudaDevAttrMaxThreadsPerBlock: return p.maxThreadsPerBlock;
    case cudaDevAttrMaxSharedMemoryPerBlock: return static_cast<int>(p.sharedMemPerBlock);
    case cudaDevAttrWarpSize: return p.warpSize;
    case cudaDevAttrClockRate: return 1000000;
    case cudaDevAttrMultiProcessorCount: return p.multiProcessorCount;
    case cudaDevAttrIntegrated: return p.integrated;
    case cudaDevAttrConcurrentKernels: return p.concurrentKernels;
    case cudaDevAttrMemoryClockRate: return 1000000;
    case cudaDevAttrGlobalMemoryBusWidth: return p.memoryBusWidth;
    case cudaDevAttrL2CacheSize: return p.l2CacheSize;
    case cudaDevAttrMaxThreadsPerMultiProcessor: return p.maxThreadsPerMultiProcessor;
    case cudaDevAttrUnifiedAddressing: return p.unifiedAddressing;
    case cudaDevAttrComputeCapabilityMajor: return p.major;
    case cudaDevAttrComputeCapabilityMinor: return p.minor;
    case cudaDevAttrMaxSharedMemoryPerMultiprocessor:
      return static_cast<int>(p.sharedMemPerMultiprocessor);
    case cudaDevAttrPageableMemoryAccess: return p.pageableMemoryAccess;
    case cudaDevAttrCooperativeLaunch: return p.cooperativeLaunch;
    case cudaDevAttrMaxSharedMemoryPerBlockOptin: return static_cast<int>(p.sharedMemPerBlockOptin);
    case cudaDevAttrHostRegisterSupported: return p.hostRegisterSupported;
    case cudaDevAttrMaxBlocksPerMultiprocessor: return p.maxBlocksPerMultiProcessor;
    case cudaDevAttrReservedSharedMemoryPerBlock:
      return static_cast<int>(p.reservedSharedMemPerBlock);
    case cudaDevAttrMemoryPoolsSupported: return p.memoryPoolsSupported;
    case cudaDevAttrClusterLaunch: return p.clusterLaunch;
  }
  return -1;
}

cudaDeviceProp properties_of_device(int device) {
  cudaDeviceProp p{};
  std::strcpy(p.name, "lnrnn emulator");
  p.totalGlobalMem = memory_limit();
  p.sharedMemPerBlock = 48 * 1024;
  p.regsPerBlock = p.regsPerMultiprocessor = 65536;
  p.warpSize = 32;
  p.maxThreadsPerBlock = kLargestBlock;
  p.maxThreadsDim[0] = p.maxThreadsDim[1] = kLargestBlock;
  p.maxThreadsDim[2] = 64;
  p.maxGridSize[0] = 2147483647;
  p.maxGridSize[1] = p.maxGridSize[2] = 65535;
  p.major = capability(device) / 10;
  p.minor = capability(device) % 10;
  p.multiProcessorCount = kMultiprocessors;
  p.canMapHostMemory = p.concurrentKernels = p.unifiedAddressing = 1;
  p.asyncEngineCount = 2;
  p.memoryBusWidth = 64;
  p.l2CacheSize = 4 * 1024 * 1024;
  p.maxThreadsPerMultiProcessor = kThreadsOfMultiprocessor;
  p.sharedMemPerMultiprocessor = kSharedOfMultiprocessor;
  p.cooperativeLaunch = 1;
  p.clusterLaunch = capability(device) >= kLeastForClusters ? 1 : 0;
  p.sharedMemPerBlockOptin = kSharedLimit;
  p.maxBlocksPerMultiProcessor = kBlocksOfMultiprocessor;
  p.reservedSharedMemPerBlock = kSharedReserved;
  p.hostRegisterSupported = p.memoryPoolsSupported = 1;
  return p;
}

}  // namespace

extern "C" {

const char* cudaGetErrorName(cudaError_t error) {
  const Text* text = find_text(error);
  return text != nullptr ? text->name : "unrecognized error code";
}

const char* cudaGetErrorString(cudaError_t error) {
  const Text* text = find_text(error);
  return text != nullptr ? text->sentence : "unrecognized error code";
}

cudaError_t cudaGetLastError() { return last_error(true); }
cudaError_t cudaPeekAtLastError() { return last_error(false); }

// Works without a driver: the version is 0 then.
cudaError_t cudaDriverGetVersion(int* version) {
  const Call call(Call::kWithoutContext);
  if (version == nullptr) return leave(cudaErrorInvalidValue);
  bool no_device;
  *version = driver_version(&no_device);
  return cudaSuccess;
}

cudaError_t cudaRuntimeGetVersion(int* version) {
  const Call call(Call::kWithoutContext);
  if (version == nullptr) return leave(cudaErrorInvalidValue);
  *version = kRuntimeVersion;
  return cudaSuccess;
}

cudaError_t cudaGetDeviceCount(int* count) {
  const Call call(Call::kWithoutContext);
  if (count == nullptr) return leave(cudaErrorInvalidValue);
  const cudaError_t error = enter();
  *count = error == cudaSuccess || error == sticky_error() ? device_count() : 0;
  return leave(error);
}

cudaError_t cudaGetDeviceProperties(cudaDeviceProp* properties, int device) {
  const Call call(Call::kWithoutContext);
  const cudaError_t error = enter();
  if (error != cudaSuccess) return leave(error);
  if (device < 0 || device >= device_count()) return leave(cudaErrorInvalidDevice);
  if (properties == nullptr) return leave(cudaErrorInvalidValue);
  *properties = properties_of_device(device);
  return leave(cudaSuccess);
}

cudaError_t cudaDeviceGetAttribute(int* value, cudaDeviceAttr attribute, int device) {
  const Call call(Call::kWithoutContext);
  const cudaError_t error = enter();
  if (error != cudaSuccess) return leave(error);
  if (device < 0 || device >= device_count()) return leave(cudaErrorInvalidDevice);
  if (value == nullptr) return leave(cudaErrorInvalidValue);
  *value = attribute_of(properties_of_device(device), attribute);
  return leave(*value >= 0 ? cudaSuccess : cudaErrorInvalidValue);
}

cudaError_t cudaMemGetInfo(size_t* free, size_t* total) {
  const Call call;
  const cudaError_t error = enter();
  if (error != cudaSuccess) return leave(error);
  if (free == nullptr || total == nullptr) return leave(cudaErrorInvalidValue);
  const size_t used = device_bytes_used();
  *total = memory_limit();
  *free = *total > used ? *total - used : 0;
  return leave(cudaSuccess);
}

}  // extern "C"

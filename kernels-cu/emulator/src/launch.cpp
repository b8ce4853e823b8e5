// Launches: the limits of the device, and the way into a stream.
#include <climits>

#include "contexts.h"
#include "device.h"
#include "machine.h"
#include "streams.h"

namespace lnrnn::emulator {

namespace {

// Blocks that the device holds at once.
int resident_blocks(const Launch& launch) {
  const int by_threads = kThreadsOfMultiprocessor / launch.threads;
  const int by_memory =
      static_cast<int>(kSharedOfMultiprocessor / (launch.shared_bytes + kSharedReserved));
  return kMultiprocessors * std::min({by_threads, by_memory, kBlocksOfMultiprocessor});
}

cudaError_t check(const Launch& launch) {
  if (launch.blocks <= 0 || launch.blocks > INT_MAX) return cudaErrorInvalidConfiguration;
  if (launch.threads <= 0 || launch.threads > kLargestBlock) return cudaErrorInvalidConfiguration;
  // The hardware would take an incomplete warp; kernels here are written for whole ones.
  if (launch.threads % kWarpLanes != 0) return cudaErrorInvalidConfiguration;
  if (launch.threads > launch.max_threads) return cudaErrorInvalidValue;
  if (launch.shared_bytes > kSharedLimit) return cudaErrorInvalidValue;
  if (launch.cluster < 1 || launch.cluster > kLargestCluster) return cudaErrorInvalidClusterSize;
  if (launch.blocks % launch.cluster != 0) return cudaErrorInvalidClusterSize;
  const int architecture = architecture_of_kernels(current_device());
  if (architecture == 0) return cudaErrorNoKernelImageForDevice;
  if (launch.cluster > 1 && architecture < kLeastForClusters) return cudaErrorNotSupported;
  if (!launch.cooperative) return cudaSuccess;
  return launch.blocks <= resident_blocks(launch) ? cudaSuccess
                                                  : cudaErrorCooperativeLaunchTooLarge;
}

}  // namespace

}  // namespace lnrnn::emulator

namespace lnrnn::cuda::emulated {

using namespace lnrnn::emulator;

cudaError_t enqueue(cudaStream_t handle, Launch launch) {
  cudaError_t error = enter();
  if (error == cudaSuccess) error = check(launch);
  if (error == cudaSuccess && fault_is_due(FaultPoint::kLaunch))
    error = cudaErrorLaunchOutOfResources;
  if (error != cudaSuccess) return leave(error);
  launch.architecture = lnrnn::emulator::architecture_of_kernels(current_device());
  const bool lost = fault_is_due(FaultPoint::kDeviceLost);
  const Recording recording(handle);
  const std::lock_guard<std::mutex> lock(handles());
  CUstream_st* stream = find_stream(handle);
  if (stream == nullptr || (handle != nullptr && stream->device != current_device()))
    return leave(cudaErrorInvalidResourceHandle);
  return leave(submit(*stream, {[launch, lost](Machine& machine, uint64_t seed) {
    Fault fault = machine.run(launch, seed);
    if (lost)
      fault = {cudaErrorLaunchFailure, "kernel " + std::string(launch.name) + ": injected fault"};
    if (fault.error != cudaSuccess) lose_device(fault.error, fault.text);
  }}));
}

cudaError_t count_clusters(const Launch& launch, int* count) {
  const Call call;
  cudaError_t error = enter();
  if (error == cudaSuccess) error = check(launch);
  if (error == cudaSuccess) *count = resident_blocks(launch) / launch.cluster;
  return leave(error);
}

}  // namespace lnrnn::cuda::emulated

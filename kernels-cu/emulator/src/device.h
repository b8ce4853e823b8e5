// The one emulated device: what it is, what has gone wrong with it, and the faults that tests ask
// for. Every call of the runtime comes through enter() and goes through leave().
#pragma once

#include <cuda_runtime.h>

#include <cstdint>
#include <string>

namespace lnrnn::emulator {

constexpr int kRuntimeVersion = 13000;
constexpr int kMultiprocessors = 16;
constexpr int kThreadsOfMultiprocessor = 1024;
constexpr int kBlocksOfMultiprocessor = 32;
constexpr int kLargestBlock = 1024;
constexpr int kPortableCluster = 8;
constexpr int kLargestCluster = 16;

// The error that a call must return at once: no driver, no device, a device that is lost, a call
// from a host function of a stream.
cudaError_t enter();
// Records the error for cudaGetLastError(); returns it.
cudaError_t leave(cudaError_t error);
cudaError_t last_error(bool forget);

cudaError_t sticky_error();
// Writes the line and makes the error sticky, unless there is one already.
void lose_device(cudaError_t error, const std::string& text);
void forget_errors();

// Counts a call of this kind; whether it is the one that a test wants to fail.
enum class FaultPoint {
  kOutOfMemory,      // allocating device memory
  kOutOfHostMemory,  // allocating pinned memory
  kRegister,         // pinning memory that is there
  kStream,           // creating a stream
  kEvent,            // creating an event
  kGraph,            // making a graph executable
  kLaunch,           // queueing a kernel: refused
  kDeviceLost,       // queueing kernels, copies, fills: the device is lost when its turn comes
  kCount
};
bool fault_is_due(FaultPoint point);

uint64_t seed();
size_t memory_limit();
// 0 where there is no driver; no_device: a driver, but nothing to drive.
int driver_version(bool* no_device);

// While one lives, the calling thread runs a host function, which may not call the runtime.
class HostFunctionScope {
 public:
  HostFunctionScope();
  ~HostFunctionScope();
};

}  // namespace lnrnn::emulator

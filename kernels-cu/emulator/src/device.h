// The emulated devices, which share all but their compute capability: what they are, what has gone wrong
// with them, and the faults that tests ask for. Every call of the runtime is a Call, comes through enter()
// and goes through leave().
#pragma once

#include <cuda_runtime.h>

#include <cstdint>
#include <string>

#include "emulated_lane.h"

namespace lnrnn::emulator {

using cuda::emulated::Call;

constexpr int kRuntimeVersion = 13000;
constexpr int kMultiprocessors = 16;
constexpr int kThreadsOfMultiprocessor = 1024;
constexpr int kBlocksOfMultiprocessor = 32;
constexpr int kLargestBlock = 1024;
constexpr int kPortableCluster = 8;
constexpr int kLargestCluster = 16;
// Compute capabilities, as 90.
constexpr int kLeastForMma = 80, kLeastForClusters = 90;

// "3 streams; ", or "" for none.
std::string counted(size_t count, const char* what);

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

// Counts a call of this kind; whether it is one that a test wants to fail.
enum class FaultPoint {
  kOutOfMemory,      // allocating device memory
  kOutOfHostMemory,  // allocating pinned memory
  kRegister,         // pinning memory that is there
  kStream,           // creating a stream
  kEvent,            // creating an event
  kGraph,            // making a graph executable
  kLaunch,           // queueing a kernel: refused
  kDeviceLost,       // queueing kernels, copies, fills: the device is lost when its turn comes
  kCall,             // any call of the runtime
  kCount
};
bool fault_is_due(FaultPoint point);

uint64_t seed();
size_t memory_limit();
int device_count();
// The compute capability, as 90.
int capability(int device);
// Of the kernels that the device runs; 0 where there are none.
int architecture_of_kernels(int device);
// 0 where there is no driver; no_device: a driver, but nothing to drive.
int driver_version(bool* no_device);

// While one lives, the calling thread runs a host function, which may not call the runtime.
class HostFunctionScope {
 public:
  HostFunctionScope();
  ~HostFunctionScope();
};

}  // namespace lnrnn::emulator

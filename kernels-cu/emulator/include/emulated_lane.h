// What a running kernel knows of itself, and the calls by which it reaches the emulator. Between
// emulated_block.h, which kernels see, and the scheduler behind it.
#pragma once

#include <cuda_runtime.h>

#include <cstddef>
#include <cstdint>
#include <memory>

namespace lnrnn::cuda::emulated {

// One thread of a grid.
struct Lane {
  int thread;
  int threads;
  int64_t block;
  int64_t blocks;
  int cluster_rank;
  int cluster_blocks;
  unsigned char* shared;
  size_t shared_bytes;
};

enum class Scope { kWarp, kBlock, kCluster, kGrid };

// A place in a kernel's source.
struct Site {
  const char* file;
  int line;
};

// One execution of a kernel, its arguments copied.
struct Launch {
  const char* name;
  int max_threads;
  int64_t blocks;
  int threads;
  size_t shared_bytes;
  int cluster;
  bool cooperative;
  int architecture;  // filled in when it is queued
  std::shared_ptr<const void> kernel;
  void (*run)(const void* kernel, Lane& lane);
};

// A call of the runtime, from its first to its last instruction: counts for the fault "call", and makes
// device 0 current where the thread has no device yet and the call needs one. Calls that it makes in its
// turn are part of it.
class Call {
 public:
  enum Needs { kContext, kWithoutContext };
  explicit Call(Needs needs = kContext);
  ~Call();
  Call(const Call&) = delete;
  Call& operator=(const Call&) = delete;
};

// The architecture, as 90, of the kernels that the thread's device runs.
cudaError_t find_architecture(int* architecture);
// What kernels are compiled for, as "sm_90a compute_90".
const char* targets();
// Checks the launch against the device's limits and queues it.
cudaError_t enqueue(cudaStream_t stream, Launch launch);
// How many clusters of the launch the device holds at once.
cudaError_t count_clusters(const Launch& launch, int* count);

// ---- called by lanes, from anywhere in a kernel --------------------------------------------------

void synchronize(Lane& lane, Scope scope, Site site);
// Every lane of the warp gives a value and takes that of lane source.
uint64_t exchange(Lane& lane, uint64_t mine, int source, Site site);
unsigned vote(Lane& lane, bool vote, Site site);
// d += a b in the layout of mma.m16n8k16; bf16 or else f16.
void multiply(Lane& lane, bool bf16, float (&d)[4], const uint32_t (&a)[4], const uint32_t (&b)[2],
              Site site);
// The address in the shared memory of another block of the cluster.
void* map_to_rank(Lane& lane, void* address, size_t size, int rank);
// Something that other lanes may be waiting for: the grid is not stuck. Lanes may change here.
void progress(Lane& lane);
// A lane looked at a flag: the others must get their turn.
void poll(Lane& lane);
// Lets other lanes run ahead, now and then.
void interleave();
// Ends the grid with cudaErrorIllegalAddress and a line on stderr.
[[noreturn]] void refuse_index(int64_t index, int64_t count);
[[noreturn]] void refuse_shared(Lane& lane, size_t size);
// Likewise with cudaErrorMisalignedAddress.
[[noreturn]] void refuse_address(const void* address, size_t alignment);

// Array accesses until the next chance for other lanes. Initial-exec, so that counting costs one
// instruction; plain __thread, so that no wrapper function is called.
extern __thread int accesses_until_interleaving __attribute__((tls_model("initial-exec")));

inline void check_aligned(const void* address, size_t alignment) {
  if (reinterpret_cast<uintptr_t>(address) % alignment != 0) refuse_address(address, alignment);
}

inline void check_index(int64_t index, int64_t count) {
  if (static_cast<uint64_t>(index) >= static_cast<uint64_t>(count)) refuse_index(index, count);
#if !defined(__SANITIZE_THREAD__)  // it would see the lanes of a thread race for the counter
  if (--accesses_until_interleaving <= 0) interleave();
#endif
}

}  // namespace lnrnn::cuda::emulated

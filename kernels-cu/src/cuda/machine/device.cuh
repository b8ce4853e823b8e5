// The machine that kernels see. Only gpu.cuh names threadIdx, __syncthreads, __shfl, mma or a
// launch: the same .cu files are compiled by nvcc for GPUs, and by the host's compiler against the
// emulator's block (emulator/include/emulated_block.h), which offers what Block offers here.
//
// A kernel is a trivially copyable struct that carries its arguments:
//
//   struct Scale {
//     static constexpr const char* kName = "scale";
//     static constexpr int kMaxThreads = 256;
//     double* x; int64_t n; double by;
//     LNRNN_DEVICE void operator()(Block& block) const { ... }   // run by every thread
//   };
//   enqueue(stream, LaunchShape{8, 256}, Scale{x, n, 2.0});  // 8 blocks of 256 threads
//
// It may also name kResidentBlocks, for so many of which a multiprocessor has registers.
//
// Barriers, shuffles, votes, mma, cluster and grid operations are collective: every thread of the
// block (warp, cluster, grid) must reach them. So no kernel returns before its last one.
#pragma once

#include "types.cuh"

#if defined(LNRNN_EMULATOR)
#include "emulated_block.h"
#else
#include "gpu.cuh"
#endif

namespace lnrnn::cuda {

// A fixed array for shared memory.
template <class T, int kCount>
struct Array {
  T values[kCount];

  LNRNN_DEVICE T& operator[](int64_t index) {
    LNRNN_CHECK_INDEX(index, kCount);
    return values[index];
  }
  LNRNN_DEVICE const T& operator[](int64_t index) const {
    LNRNN_CHECK_INDEX(index, kCount);
    return values[index];
  }
};

}  // namespace lnrnn::cuda

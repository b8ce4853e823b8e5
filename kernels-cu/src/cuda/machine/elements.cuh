// Kernels whose threads stride over elements.
#pragma once

#include "cell/host_device.h"
#include "device.cuh"

namespace lnrnn::cuda {

LNRNN_CELL int64_t tiles_of(int64_t n, int64_t tile) { return (n + tile - 1) / tile; }

// How such a kernel is launched.
template <class Kernel>
LaunchShape elements_shape(int64_t elements) {
  constexpr int64_t kMostBlocks = 4096;
  const int64_t blocks = tiles_of(elements, Kernel::kMaxThreads);
  return {blocks < kMostBlocks ? blocks : kMostBlocks, Kernel::kMaxThreads};
}

// use(i) for each element that is the thread's.
template <class F>
LNRNN_DEVICE void each_element(const Block& block, int64_t elements, const F& use) {
  const int64_t stride = block.blocks() * block.threads();
  for (int64_t i = block.index() * block.threads() + block.thread(); i < elements; i += stride) {
    use(i);
  }
}

}  // namespace lnrnn::cuda

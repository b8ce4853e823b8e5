// What kernels and launches are described in, on GPUs and on the emulated device.
#pragma once

#include <cuda_runtime.h>

#include <cstddef>
#include <cstdint>
#include <type_traits>

#include "cell/half.h"

namespace lnrnn::cuda {

constexpr int kWarp = 32;
constexpr unsigned kAllLanes = 0xffffffffu;

struct LaunchShape {
  int64_t blocks;
  int threads;               // a multiple of kWarp
  size_t shared_bytes = 0;   // dynamic shared memory of each block
  int cluster = 1;           // blocks that form a cluster; divides blocks
  bool cooperative = false;  // all blocks are resident at once, so that sync_grid() works
  bool overlapping = false;  // sent ahead, to begin the moment the kernel before ends
};

// 16-bit operands of mma, as their bits.
enum class MmaType { kF16, kBf16 };
// Major compute capabilities: of mma, and of launches that overlap or form clusters.
constexpr int kLeastForMma = 8, kLeastForOverlap = 9;

constexpr int kMostClusterBlocks = 16;

// What is loaded and stored at once, from an address that is a multiple of its size.
struct alignas(16) Words {
  uint32_t word[4];
};

// A word and the round it is said in, stored and loaded as one: who sees the round has the word.
struct alignas(8) Tagged {
  uint32_t word;
  uint32_t round;
};

// Counts what other blocks of a cluster store into this one's shared memory, round after round: see
// Block::store_arriving.
struct alignas(8) Arrivals {
  uint64_t state;
};

}  // namespace lnrnn::cuda

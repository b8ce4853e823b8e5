// Kernels that do one thing as fast as the machine can: what every limit is made of. Each leaves
// results by which the host sees that it did the thing.
#pragma once

#include <cmath>
#include <cstdint>

#include "cell/host_device.h"
#include "cuda/machine/device.cuh"

namespace bench {

using lnrnn::cuda::Array;
using lnrnn::cuda::Block;
using lnrnn::cuda::kWarp;
using lnrnn::cuda::MmaType;

// The widest load and store.
struct alignas(16) Quad {
  uint32_t words[4];

  LNRNN_DEVICE void take(const Quad& other) {
    for (int i = 0; i < 4; ++i) words[i] ^= other.words[i];
  }
  LNRNN_DEVICE uint32_t folded() const { return words[0] ^ words[1] ^ words[2] ^ words[3]; }
};

// The cost of a launch alone.
struct Empty {
  static constexpr const char* kName = "empty";
  static constexpr int kMaxThreads = 32;

  LNRNN_DEVICE void operator()(Block&) const {}
};

// to:(count) = from:(count), in memory.
struct Copy {
  static constexpr const char* kName = "copy";
  static constexpr int kMaxThreads = 512;
  Quad* to;
  const Quad* from;
  int64_t count;

  LNRNN_DEVICE void operator()(Block& block) const {
    const int64_t step = block.blocks() * block.threads();
    for (int64_t i = block.index() * block.threads() + block.thread(); i < count; i += step) {
      to[i] = from[i];
    }
  }
};

// Each round reads from:(blocks, share), another block's share every time, so that what answers is
// the cache that blocks have in common. out:(blocks, threads) are XORs of what each thread read.
struct ReadRepeatedly {
  static constexpr const char* kName = "read_repeatedly";
  static constexpr int kMaxThreads = 512;
  const Quad* from;
  uint32_t* out;
  int64_t share;
  int rounds;

  LNRNN_DEVICE void operator()(Block& block) const {
    Quad sum{};
    for (int round = 0; round < rounds; ++round) {
      const Quad* const part = from + (block.index() + round) % block.blocks() * share;
      for (int64_t i = block.thread(); i < share; i += block.threads()) sum.take(part[i]);
    }
    out[block.index() * block.threads() + block.thread()] = sum.folded();
  }
};

// The same of a block's shared memory, whose words are word(0), word(1), ...
struct ReadShared {
  static constexpr const char* kName = "read_shared";
  static constexpr int kMaxThreads = 512;
  static constexpr int kCount = 4096;
  using Memory = Array<Quad, kCount>;
  uint32_t* out;
  int rounds;

  LNRNN_CELL uint32_t word(uint32_t i) { return (i + 1) * 2654435761u; }

  LNRNN_DEVICE void operator()(Block& block) const {
    Memory& memory = block.shared<Memory>();
    for (int i = block.thread(); i < kCount; i += block.threads()) {
      for (int j = 0; j < 4; ++j) memory[i].words[j] = word(static_cast<uint32_t>(4 * i + j));
    }
    block.sync();
    Quad sum{};
    for (int round = 0; round < rounds; ++round) {
      for (int i = block.thread(); i < kCount; i += block.threads()) {
        sum.take(memory[(i + round) % kCount]);
      }
    }
    out[block.index() * block.threads() + block.thread()] = sum.folded();
  }
};

LNRNN_DEVICE float multiply_add(float a, float b, float c) { return ::fmaf(a, b, c); }
LNRNN_DEVICE double multiply_add(double a, double b, double c) { return ::fma(a, b, c); }

// Multiply-adds in registers: sums a <- a x + y, independent of each other.
template <class T>
struct MultiplyAdd {
  static constexpr const char* kName = "multiply_add";
  static constexpr int kMaxThreads = 512;
  static constexpr int kSums = 16;
  T* out;  // (blocks, threads)
  T x, y;
  int rounds;

  LNRNN_DEVICE void operator()(Block& block) const {
    T sums[kSums];
    for (int i = 0; i < kSums; ++i) sums[i] = static_cast<T>(i);
    for (int round = 0; round < rounds; ++round) {
      for (int i = 0; i < kSums; ++i) sums[i] = multiply_add(sums[i], x, y);
    }
    T total(0);
    for (int i = 0; i < kSums; ++i) total += sums[i];
    out[block.index() * block.threads() + block.thread()] = total;
  }
};

// Tensor cores: d <- d + a b with a and b all ones, so that an element of d grows by 16 each time.
template <MmaType kType>
struct TensorMultiplyAdd {
  static constexpr const char* kName = "tensor_multiply_add";
  static constexpr int kMaxThreads = 512;
  static constexpr int kTiles = 8;
  static constexpr int64_t kFlops = 2 * 16 * 8 * 16;  // of a warp, for each tile
  float* out;                                         // (blocks, threads)
  int rounds;

  LNRNN_DEVICE void operator()(Block& block) const {
    constexpr uint32_t kOnes = kType == MmaType::kF16 ? 0x3c003c00u : 0x3f803f80u;
    const uint32_t a[4] = {kOnes, kOnes, kOnes, kOnes}, b[2] = {kOnes, kOnes};
    float d[kTiles][4] = {};
    for (int round = 0; round < rounds; ++round) {
      for (int tile = 0; tile < kTiles; ++tile) block.mma<kType>(d[tile], a, b);
    }
    float total = 0;
    for (int tile = 0; tile < kTiles; ++tile) {
      for (int i = 0; i < 4; ++i) total += d[tile][i];
    }
    out[block.index() * block.threads() + block.thread()] = total;
  }
};

// Exchanges. In each round every block publishes a value and then holds the sum of all, plus its
// own index: exchange_values in calibrate.cu computes the same.

// Through memory and one barrier of the grid. slots:(2, blocks) alternate, so that one barrier a
// round is enough: nobody writes to what a slower block still reads.
struct ExchangeByGridBarrier {
  static constexpr const char* kName = "exchange_by_grid_barrier";
  static constexpr int kMaxThreads = kWarp;
  uint32_t* slots;
  uint32_t* out;  // (blocks)
  int rounds;

  LNRNN_DEVICE void operator()(Block& block) const {
    uint32_t value = static_cast<uint32_t>(block.index());
    for (int round = 0; round < rounds; ++round) {
      uint32_t* const now = slots + round % 2 * block.blocks();
      if (block.thread() == 0) now[block.index()] = value;
      block.sync_grid();
      uint32_t sum = 0;
      for (int64_t i = block.lane(); i < block.blocks(); i += kWarp) sum += now[i];
      for (int mask = 1; mask < kWarp; mask *= 2) sum += block.shuffle_xor(sum, mask);
      value = sum + static_cast<uint32_t>(block.index());
    }
    if (block.thread() == 0) out[block.index()] = value;
  }
};

// Through memory and a flag beside each value, which is 0 before the first round. There is no barrier
// but the warp's own.
struct ExchangeByFlags {
  static constexpr const char* kName = "exchange_by_flags";
  static constexpr int kMaxThreads = kWarp;
  uint32_t* slots;  // (2, blocks)
  uint32_t* flags;  // (2, blocks)
  uint32_t* out;    // (blocks)
  int rounds;

  LNRNN_DEVICE void operator()(Block& block) const {
    uint32_t value = static_cast<uint32_t>(block.index());
    for (int round = 0; round < rounds; ++round) {
      const int64_t at = round % 2 * block.blocks();
      const uint32_t now = static_cast<uint32_t>(round) + 1;
      if (block.thread() == 0) {
        slots[at + block.index()] = value;
        block.store_release(flags + at + block.index(), now);
      }
      uint32_t sum = 0;
      for (int64_t i = at + block.lane(); i < at + block.blocks(); i += kWarp) {
        while (block.load_acquire(flags + i) < now) {
        }
        sum += slots[i];
      }
      // What any lane has read and acquired is so for the first lane, which writes next.
      block.sync_warp();
      for (int mask = 1; mask < kWarp; mask *= 2) sum += block.shuffle_xor(sum, mask);
      value = sum + static_cast<uint32_t>(block.index());
    }
    if (block.thread() == 0) out[block.index()] = value;
  }
};

// Through the shared memory of the blocks of a cluster.
struct ExchangeInCluster {
  static constexpr const char* kName = "exchange_in_cluster";
  static constexpr int kMaxThreads = kWarp;
  static constexpr int kMostBlocks = 16;
  struct Memory {
    Array<uint32_t, 2 * kMostBlocks> inbox;
  };
  uint32_t* out;  // (blocks)
  int rounds;

  LNRNN_DEVICE void operator()(Block& block) const {
    Memory& memory = block.shared<Memory>();
    const int rank = block.cluster_rank(), others = block.cluster_blocks();
    // Only now is the memory of the others sure to be there.
    block.sync_cluster();
    uint32_t value = static_cast<uint32_t>(rank);
    for (int round = 0; round < rounds; ++round) {
      const int at = round % 2 * kMostBlocks;
      if (block.lane() < others) block.remote(memory, block.lane()).inbox[at + rank] = value;
      block.sync_cluster();
      uint32_t sum = 0;
      for (int i = 0; i < others; ++i) sum += memory.inbox[at + i];
      value = sum + static_cast<uint32_t>(rank);
    }
    if (block.thread() == 0) out[block.index()] = value;
  }
};

}  // namespace bench

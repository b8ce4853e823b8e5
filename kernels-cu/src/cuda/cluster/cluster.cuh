// How a cluster of blocks walks through the steps of a pass in one launch: it owns 8 rows of the batch,
// and each of its blocks 32 units. In a block a warp stands for a row, its lanes for the units. What a step
// needs of all units the blocks tell each other through their shared memory.
#pragma once

// scalar.h, which comes with reduce.h, before what looks for fma.
#include "cuda/machine/reduce.cuh"

#include "cuda/product/product.cuh"

#include <cfloat>

namespace lnrnn::cuda {

constexpr int kClusterRows = 8;  // of the batch, one for each warp
constexpr int kClusterUnits = kWarp;
constexpr int kClusterThreads = kClusterRows * kWarp;

template <class Kernel>
LaunchShape cluster_shape(int64_t batch, int64_t hidden) {
  const int64_t blocks = hidden / kClusterUnits;
  return {tiles_of(batch, kClusterRows) * blocks, kClusterThreads, sizeof(typename Kernel::Shared),
          static_cast<int>(blocks)};
}

// Where a thread stands.
struct ClusterPlace {
  int rank, ranks;  // of the block in its cluster
  int row, unit;    // in the block
  int64_t n;        // in the batch
  int j;            // in the layer

  LNRNN_DEVICE static ClusterPlace of(const Block& block) {
    const int rank = block.cluster_rank(), ranks = block.cluster_blocks();
    return {rank,
            ranks,
            block.warp(),
            block.lane(),
            block.index() / ranks * kClusterRows + block.warp(),
            rank * kClusterUnits + block.lane()};
  }
};

// Sums over so many neighbouring lanes, a power of two; all of them get them. One sum's shuffles do not wait
// for another's.
template <int kLanes, int kCount>
LNRNN_DEVICE void lane_sums(const Block& block, float (&values)[kCount]) {
  LNRNN_UNROLL
  for (int mask = kLanes / 2; mask > 0; mask /= 2) {
    LNRNN_UNROLL
    for (int i = 0; i < kCount; ++i) values[i] += block.shuffle_xor(values[i], mask);
  }
}

// What is said in a step; before the first one nothing is.
LNRNN_DEVICE uint32_t round_of(int64_t step) { return static_cast<uint32_t>(step) + 1; }

// What other blocks say in this round, at slots i * stride for the lane's i < count, of which there are at
// most kCount; 0 for the others. The warp's lanes wait together: apart, each of its next shuffles would
// first have to join them again.
template <int kCount>
LNRNN_DEVICE void await(const Block& block, const Tagged* slots, int stride, int count,
                        uint32_t round, uint32_t (&words)[kCount]) {
  uint32_t apart;
  do {
    apart = 0;
    LNRNN_UNROLL
    for (int i = 0; i < kCount; ++i) {
      Tagged said{0, round};
      if (i < count) said = block.load_tagged(slots + i * stride);
      words[i] = said.word;
      apart |= said.round ^ round;
    }
  } while (block.ballot(apart != 0) != 0);
}

// Of each row and each block of the cluster kCount numbers, which all blocks get to know. Only warps of a row
// see its slots: one that has heard from another block, by whatever means, what that said after a round may
// say its own of the next.
template <int kCount>
struct RowExchange {
  Array<Tagged, kClusterRows * kCount * kMostClusterBlocks> slots;  // (row, number, rank)

  // A barrier of the cluster belongs between this and the first step.
  LNRNN_DEVICE void clear(const Block& block) {
    constexpr int kSlots = kClusterRows * kCount * kMostClusterBlocks;
    for (int i = block.thread(); i < kSlots; i += block.threads()) slots[i] = Tagged{0, 0};
  }

  // Each warp says its row's numbers. Its lanes get what the cluster's blocks said of that row: the first
  // kMostClusterBlocks rank by rank, then zeros, and as many more lanes the same.
  LNRNN_DEVICE void swap(const Block& block, const ClusterPlace& place, int64_t step,
                         float (&values)[kCount]) {
    const int first = place.row * kCount * kMostClusterBlocks;
    const int rank = block.lane() % kMostClusterBlocks;
    if (block.lane() < place.ranks) {
      LNRNN_UNROLL
      for (int i = 0; i < kCount; ++i) {
        block.store_tagged(&slots[first + i * kMostClusterBlocks + place.rank], block.lane(),
                           {float_bits(values[i]), round_of(step)});
      }
    }
    uint32_t words[kCount];
    await(block, &slots[first + rank], kMostClusterBlocks, rank < place.ranks ? kCount : 0,
          round_of(step), words);
    LNRNN_UNROLL
    for (int i = 0; i < kCount; ++i) values[i] = float_of_bits(words[i]);
  }
};

// Sums over a row's units in all blocks.
template <int kCount>
LNRNN_DEVICE void cluster_sum(const Block& block, const ClusterPlace& place,
                              RowExchange<kCount>& exchange, int64_t step,
                              float (&values)[kCount]) {
  lane_sums<kWarp>(block, values);
  exchange.swap(block, place, step, values);
  lane_sums<kMostClusterBlocks>(block, values);
}

// What rows are multiplied by before they are squared, a power of two: their squares overflow as late as can
// be, while epsilon is still a normal number, beside which what underflows is nothing. Where they overflow even
// so the norm is NaN.
struct NormScale {
  float factor, epsilon;  // epsilon times the factor's square

  static NormScale of(float epsilon) {
    int exponent;
    std::frexp(epsilon, &exponent);
    const float factor = std::ldexp(1.0f, -((exponent - FLT_MIN_EXP) / 2));
    return {factor, epsilon * factor * factor};
  }
  // sum + share times the square of x, multiplied.
  LNRNN_DEVICE float add_square(float sum, float x, float share = 1.0f) const {
    const float scaled = factor * x;
    return fma(share * scaled, scaled, sum);
  }
  LNRNN_DEVICE float rstd(float variance) const {
    const float sum = variance + epsilon;
    return overflows(sum) ? NAN : factor * reciprocal_root(sum);
  }
};

// The norm of a row, of whose units a lane has one: each block's mean and sum of squares about it, merged
// (Chan, Golub & LeVeque 1983). Both come of one round of sums, about one of the values: what that loses to
// cancellation is bounded, for the sum of squares about the mean is at least that value's own.
LNRNN_DEVICE Moments<float> cluster_moments(const Block& block, const ClusterPlace& place,
                                            RowExchange<2>& exchange, int64_t step, float value,
                                            const NormScale& scale) {
  constexpr float kShare = 1.0f / kClusterUnits;
  const float first = block.shuffle(value, 0), apart = value - first;
  float of_block[2] = {apart, scale.add_square(0.0f, apart)};
  lane_sums<kWarp>(block, of_block);
  of_block[1] = scale.add_square(of_block[1], of_block[0], -kShare);
  of_block[0] = fma(kShare, of_block[0], first);
  exchange.swap(block, place, step, of_block);

  const float share = 1.0f / static_cast<float>(place.ranks);
  const float other = block.shuffle(of_block[0], 0);
  const bool there = block.lane() % kMostClusterBlocks < place.ranks;
  const float blocks_apart = there ? of_block[0] - other : 0.0f;
  float of_all[2] = {blocks_apart,
                     scale.add_square(of_block[1], blocks_apart, float{kClusterUnits})};
  lane_sums<kMostClusterBlocks>(block, of_all);
  const float mean = share * of_all[0];
  return {other + mean, scale.rstd(scale.add_square(share * kShare * of_all[1], mean, -1.0f))};
}

}  // namespace lnrnn::cuda

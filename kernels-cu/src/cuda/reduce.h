// Sums over the threads of a block that every thread gets. The order of additions depends on
// nothing but the number of threads, and all threads get the same bits.
#pragma once

#include "../cell/scalar.h"
#include "../cell/layernorm.h"
#include "device.h"

namespace lnrnn::cuda {

constexpr int kMaxWarps = 32;

template <class T>
LNRNN_DEVICE T warp_sum(const Block& block, T value) {
  for (int mask = kWarp / 2; mask > 0; mask /= 2) value += block.shuffle_xor(value, mask);
  return value;
}

// One reduction's room in shared memory. A kernel that reduces twice has two: then one barrier for
// each is enough.
template <class T, int kCount>
struct SumScratch {
  Array<T, kCount * kMaxWarps> of_warp;
};

template <class T, int kCount>
LNRNN_DEVICE void block_sum(const Block& block, SumScratch<T, kCount>& scratch,
                            T (&values)[kCount]) {
  for (int i = 0; i < kCount; ++i) {
    values[i] = warp_sum(block, values[i]);
    if (block.lane() == 0) scratch.of_warp[i * kMaxWarps + block.warp()] = values[i];
  }
  block.sync();
  for (int i = 0; i < kCount; ++i) {
    const bool mine = block.lane() < block.warps();
    values[i] = warp_sum(block, mine ? scratch.of_warp[i * kMaxWarps + block.lane()] : T(0));
  }
}

template <class T>
struct MomentsScratch {
  Array<LayernormMoments<T>, kMaxWarps> of_warp;
};

template <class T>
LNRNN_DEVICE LayernormMoments<T> warp_merge(const Block& block, LayernormMoments<T> mine) {
  for (int mask = 1; mask < kWarp; mask *= 2) {
    const LayernormMoments<T> other{block.shuffle_xor(mine.count, mask),
                                    block.shuffle_xor(mine.mean, mask),
                                    block.shuffle_xor(mine.m2, mask)};
    // The lower lane's part comes first for both, so that both get the same bits.
    mine = (block.lane() & mask) == 0 ? layernorm_merge(mine, other) : layernorm_merge(other, mine);
  }
  return mine;
}

template <class T>
LNRNN_DEVICE LayernormMoments<T> block_merge(const Block& block, MomentsScratch<T>& scratch,
                                             LayernormMoments<T> mine) {
  mine = warp_merge(block, mine);
  if (block.lane() == 0) scratch.of_warp[block.warp()] = mine;
  block.sync();
  LayernormMoments<T> part{};
  if (block.lane() < block.warps()) part = scratch.of_warp[block.lane()];
  return warp_merge(block, part);
}

// What a normalisation needs of a row.
template <class T>
struct Norm {
  T mean, rstd;

  LNRNN_DEVICE T z(T x) const { return layernorm_normalize(x, mean, rstd); }
  LNRNN_DEVICE static Norm of(const LayernormMoments<T>& moments, T epsilon) {
    return {moments.mean, T(1) / square_root(moments.m2 / moments.count + epsilon)};
  }
  LNRNN_DEVICE static Norm load(const T* pair) { return {pair[0], pair[1]}; }
  LNRNN_DEVICE void store(T* pair) const {
    pair[0] = mean;
    pair[1] = rstd;
  }
};

}  // namespace lnrnn::cuda

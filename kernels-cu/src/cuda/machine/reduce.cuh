// Sums over the threads of a block that every thread gets. The order of additions depends on
// nothing but the number of threads, and all threads get the same bits.
#pragma once

#include "cell/layernorm.h"
#include "cell/scalar.h"
#include "cell/total.h"
#include "device.cuh"

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

template <class T, int kRows, int kColumns>
LNRNN_DEVICE void block_sum(const Block& block, SumScratch<T, kRows * kColumns>& scratch,
                            T (&values)[kRows][kColumns]) {
  block_sum(block, scratch, reinterpret_cast<T(&)[kRows * kColumns]>(values));
}

// kCount sums of a thread over so many samples that one chain of additions would lose too much: chains are
// added to totals that lose nothing; see cell/total.h.
template <class T, int kCount>
struct Totals {
  T high[kCount] = {}, low[kCount] = {};

  // And begins the chains anew.
  LNRNN_DEVICE void take(T (&chain)[kCount]) {
    LNRNN_UNROLL
    for (int i = 0; i < kCount; ++i) {
      add_to_total(chain[i], high[i], low[i]);
      chain[i] = T(0);
    }
  }
  LNRNN_DEVICE T value(int i) const { return value_of_total(high[i], low[i]); }
};

// What a normalisation needs of a row.
template <class T>
struct Moments {
  T mean, rstd;

  LNRNN_DEVICE T z(T x) const { return layernorm_normalize(x, mean, rstd); }
  // The same of a large row, measured as large_row_element has it.
  LNRNN_DEVICE static Moments of_large(T mean, T variance, T epsilon) {
    return {mean * LargeRow<T>::kUnscale, large_row_rstd(variance, epsilon)};
  }
  LNRNN_DEVICE static Moments load(const T* pair) { return {pair[0], pair[1]}; }
  LNRNN_DEVICE void store(T* pair) const {
    pair[0] = mean;
    pair[1] = rstd;
  }
};

// Of a row whose value(j) each thread has or finds for the j it strides over: two passes, the second of
// which corrects the first one's rounding (Chan, Golub & LeVeque 1983).
template <class T>
struct MomentsScratch {
  SumScratch<T, 1> first;
  SumScratch<T, 2> second;
};
template <class T>
struct Measure {
  T mean, variance;
};
template <class T, class F>
LNRNN_DEVICE Measure<T> block_measure(const Block& block, MomentsScratch<T>& scratch, int64_t width,
                                      const F& value) {
  const T share = T(1) / static_cast<T>(width);
  T sum[1] = {};
  for (int64_t j = block.thread(); j < width; j += block.threads()) sum[0] += value(j);
  block_sum(block, scratch.first, sum);
  const T mean = sum[0] * share;
  T rest[2] = {};
  for (int64_t j = block.thread(); j < width; j += block.threads()) {
    const T deviation = value(j) - mean;
    rest[0] += deviation;
    rest[1] = fma(deviation, deviation, rest[1]);
  }
  block_sum(block, scratch.second, rest);
  const T correction = rest[0] * share;
  return {mean + correction, fma(-correction, correction, rest[1] * share)};
}
template <class T, class F>
LNRNN_DEVICE Moments<T> block_moments(const Block& block, MomentsScratch<T>& scratch, int64_t width,
                                      T epsilon, const F& value) {
  const Measure<T> plain = block_measure(block, scratch, width, value);
  const T variance = plain.variance + epsilon;
  if (!overflows(variance)) return {plain.mean, reciprocal_root(variance)};
  // All threads come here or none does. Who writes to the first sums again has met all who read them.
  const Measure<T> large = block_measure(block, scratch, width,
                                         [&](int64_t j) { return large_row_element<T>(value(j)); });
  return Moments<T>::of_large(large.mean, large.variance, epsilon);
}

}  // namespace lnrnn::cuda

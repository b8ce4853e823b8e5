// Layer normalisation of a row, or of a segment of one.
#pragma once

#include "cell/layernorm.h"
#include "lanes.h"

namespace lnrnn::cpu::LNRNN_ISA {

template <class T>
struct Moments {
  T mean = 0;
  T rstd = 1;

  LNRNN_INLINE Vec<T> normalize(Vec<T> x) const {
    return layernorm_normalize(x, Vec<T>(mean), Vec<T>(rstd));
  }
  void save(T* pair) const {
    pair[0] = mean;
    pair[1] = rstd;
  }
  static Moments saved(const T* pair) { return {pair[0], pair[1]}; }
};

// An element as its row is measured.
template <class T, bool kLarge>
LNRNN_SIMD Vec<T> measured(Vec<T> x) {
  if constexpr (kLarge) return large_row_element<T>(x);
  return x;
}

// Two passes, with the mean corrected by what the second one leaves over (Chan, Golub & LeVeque
// 1983): a constant row has variance 0 at any magnitude. Of a large row: of its elements scaled.
template <class T>
struct Measure {
  T mean, variance;
};
template <class T, bool kLarge>
LNRNN_SIMD Measure<T> measure(const T* row, int64_t n) {
  Chains<T> all;
  for_lanes_in_chains<T>(n, [&](Lanes<T> at, int chain) LNRNN_INLINE {
    all.of[chain] = all.of[chain] + measured<T, kLarge>(at.load_from(row));
  });
  const T count = static_cast<T>(n);
  const T mean = all.total() / count;

  Chains<T> left, squares;
  const T fill = kLarge ? mean * LargeRow<T>::kUnscale : mean;
  for_lanes_in_chains<T>(n, [&](Lanes<T> at, int chain) LNRNN_INLINE {
    const Vec<T> d = measured<T, kLarge>(at.load_from(row, fill)) - Vec<T>(mean);
    left.of[chain] = left.of[chain] + d;
    squares.of[chain] = fma(d, d, squares.of[chain]);
  });
  const T correction = left.total() / count;
  const T variance = squares.total() / count - correction * correction;
  // Not std::max: NaN must pass.
  return {mean + correction, variance < T(0) ? T(0) : variance};
}

// The same of a row that is not centred: its mean is taken for 0.
template <class T, bool kLarge>
LNRNN_SIMD Measure<T> measure_uncentred(const T* row, int64_t n) {
  Chains<T> squares;
  for_lanes_in_chains<T>(n, [&](Lanes<T> at, int chain) LNRNN_INLINE {
    const Vec<T> x = measured<T, kLarge>(at.load_from(row));
    squares.of[chain] = fma(x, x, squares.of[chain]);
  });
  return {T(0), squares.total() / static_cast<T>(n)};
}
template <class T, bool kLarge, bool kCentred>
LNRNN_SIMD Measure<T> measure_as(const T* row, int64_t n) {
  return kCentred ? measure<T, kLarge>(row, n) : measure_uncentred<T, kLarge>(row, n);
}

template <class T, bool kCentred>
__attribute__((noinline, cold)) static Moments<T> large_row_moments(const T* row, int64_t n,
                                                                    T epsilon) {
  const Measure<T> of = measure_as<T, true, kCentred>(row, n);
  return {of.mean * LargeRow<T>::kUnscale, large_row_rstd(of.variance, epsilon)};
}
template <class T, bool kCentred = true>
static Moments<T> moments(const T* row, int64_t n, T epsilon) {
  const Measure<T> of = measure_as<T, false, kCentred>(row, n);
  const T variance = of.variance + epsilon;
  if (__builtin_expect(overflows(variance), false))
    return large_row_moments<T, kCentred>(row, n, epsilon);
  return {of.mean, T(1) / square_root(variance)};
}

// dx from dy for one row of n; dx may be dy. Adds to dgain, and to dbias unless null.
//
// z is what forward computed with, whose mean is not quite 0: the mean of x was rounded, and where it is
// large against the deviations that is a large part of them. So z is centred here. Where nothing comes in
// z is not read as a number. Of a row that is not centred neither mean is taken away.
template <class T, bool kCentred = true>
static void layernorm_backward_row(const Moments<T>& of_x, const T* x, const T* gain, const T* dy,
                                   int64_t n, T* dx, T* dgain, T* dbias) {
  Chains<T> sum_z, sum_q, sum_qz;
  for_lanes_in_chains<T>(n, [&](Lanes<T> at, int chain) LNRNN_INLINE {
    const Vec<T> dy_at = at.load_from(dy);
    const Vec<T> z = of_x.normalize(at.load_from(x, of_x.mean));
    const Vec<T> q = at.load_from(gain) * dy_at;
    sum_z.of[chain] = sum_z.of[chain] + z;
    sum_q.of[chain] = sum_q.of[chain] + q;
    sum_qz.of[chain] = fma(q, unless_zero(q, z), sum_qz.of[chain]);
    at.store_to(dgain, fma(dy_at, unless_zero(dy_at, z), at.load_from(dgain)));
    if (dbias != nullptr) at.add_to(dbias, dy_at);
  });
  const T count = static_cast<T>(n);
  const T mean_z = kCentred ? sum_z.total() / count : T(0);
  const T mean_q = kCentred ? sum_q.total() / count : T(0);
  const T mean_qz = sum_qz.total() / count - mean_q * unless_zero(mean_q, mean_z);

  const Vec<T> slope(mean_qz), rest(mean_q - unless_zero(mean_qz, mean_z) * mean_qz),
      rstd(of_x.rstd);
  for_lanes<T>(n, [&](Lanes<T> at) LNRNN_INLINE {
    const Vec<T> z = of_x.normalize(at.load_from(x));
    const Vec<T> q = at.load_from(gain) * at.load_from(dy);
    at.store_to(dx, layernorm_backward(q, z, rest, slope, rstd));
  });
}

}  // namespace lnrnn::cpu::LNRNN_ISA

// Walking a row lane by lane, and layer normalisation of a row.
#pragma once

#include <cstdint>
#include <type_traits>

#include "activation.h"
#include "cell/layernorm.h"
#include "cpu/machine/isa.h"

namespace lnrnn::cpu::LNRNN_ISA {

// Up to one vector's worth of a row: full, or the ragged end.
template <class T>
struct Lanes {
  int64_t at;
  int count;

  LNRNN_INLINE bool full() const { return count == Vec<T>::kWidth; }
  LNRNN_INLINE Lanes shifted(int64_t by) const { return {at + by, count}; }
  LNRNN_INLINE Vec<T> load_from(const T* row, T fill = T(0)) const {
    return full() ? load(row + at) : load_partial(row + at, count, fill);
  }
  LNRNN_INLINE void store_to(T* row, Vec<T> value) const {
    if (full()) {
      store(row + at, value);
    } else {
      store_partial(row + at, value, count);
    }
  }
  LNRNN_INLINE void add_to(T* row, Vec<T> value) const { store_to(row, load_from(row) + value); }
  // All bits set where the byte is not 0.
  LNRNN_INLINE typename Vec<T>::Bits mask(const uint8_t* row) const {
    typename VecTypes<T>::Bytes bytes{};
    if (full()) {
      std::memcpy(&bytes, row + at, sizeof bytes);
    } else {
      std::memcpy(&bytes, row + at, static_cast<size_t>(count));
    }
    return __builtin_convertvector(bytes, typename Vec<T>::Bits) != 0;
  }
};

template <class T, class F>
LNRNN_SIMD void for_lanes(int64_t n, F&& body) {
  constexpr int kWidth = Vec<T>::kWidth;
  int64_t j = 0;
  for (; j + kWidth <= n; j += kWidth) body(Lanes<T>{j, kWidth});
  if (j < n) body(Lanes<T>{j, static_cast<int>(n - j)});
}

// The same with a number at each, 0 to kChains - 1 in turn, so that sums need not wait for each other.
constexpr int kChains = 4;
template <class T, class F>
LNRNN_SIMD void for_lanes_in_chains(int64_t n, F&& body) {
  constexpr int kWidth = Vec<T>::kWidth;
  int64_t j = 0;
  for (; j + kChains * kWidth <= n; j += kChains * kWidth) {
#pragma GCC unroll 4
    for (int chain = 0; chain < kChains; ++chain) body(Lanes<T>{j + chain * kWidth, kWidth}, chain);
  }
  for (; j + kWidth <= n; j += kWidth) body(Lanes<T>{j, kWidth}, 0);
  if (j < n) body(Lanes<T>{j, static_cast<int>(n - j)}, 1);
}

// Sums kept apart, and added up at the end.
template <class T>
struct Chains {
  Vec<T> of[kChains];

  LNRNN_INLINE Chains() {
    for (Vec<T>& chain : of) chain = Vec<T>(T(0));
  }
  LNRNN_INLINE T total() const { return sum((of[0] + of[1]) + (of[2] + of[3])); }
};

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

template <class T>
__attribute__((noinline, cold)) static Moments<T> large_row_moments(const T* row, int64_t n,
                                                                    T epsilon) {
  const Measure<T> of = measure<T, true>(row, n);
  return {of.mean * LargeRow<T>::kUnscale, large_row_rstd(of.variance, epsilon)};
}
template <class T>
static Moments<T> moments(const T* row, int64_t n, T epsilon) {
  const Measure<T> of = measure<T, false>(row, n);
  const T variance = of.variance + epsilon;
  if (__builtin_expect(overflows(variance), false)) return large_row_moments(row, n, epsilon);
  return {of.mean, T(1) / square_root(variance)};
}

// dx from dy for one row of n; dx may be dy. Adds to dgain, and to dbias unless null.
//
// z is what forward computed with, whose mean is not quite 0: the mean of x was rounded, and where it is
// large against the deviations that is a large part of them. So z is centred here. Where nothing comes in
// z is not read as a number.
template <class T>
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
  const T mean_z = sum_z.total() / count, mean_q = sum_q.total() / count;
  const T mean_qz = sum_qz.total() / count - mean_q * unless_zero(mean_q, mean_z);

  const Vec<T> slope(mean_qz), rest(mean_q - unless_zero(mean_qz, mean_z) * mean_qz),
      rstd(of_x.rstd);
  for_lanes<T>(n, [&](Lanes<T> at) LNRNN_INLINE {
    const Vec<T> z = of_x.normalize(at.load_from(x));
    const Vec<T> q = at.load_from(gain) * at.load_from(dy);
    at.store_to(dx, layernorm_backward(q, z, rest, slope, rstd));
  });
}

// A row that is used as it is or, with a gain, normalised.
template <class T, bool kNormalized>
struct Term {
  const T* x;
  const T* gain;
  int64_t n;
  T* kept;  // its statistics; null where nobody wants them
  Moments<T> of_x{};

  // In forward; x has been written.
  void measure(T epsilon) {
    if (!kNormalized) return;
    of_x = moments(x, n, epsilon);
    if (kept != nullptr) of_x.save(kept);
  }
  // In backward, from what forward kept.
  void recall() {
    if (kNormalized) of_x = Moments<T>::saved(kept);
  }

  LNRNN_INLINE Vec<T> plus(Lanes<T> at, Vec<T> rest) const {
    return plus(at, at.load_from(x), rest);
  }
  // The same, of what stands there in x.
  LNRNN_INLINE Vec<T> plus(Lanes<T> at, Vec<T> x_at, Vec<T> rest) const {
    return kNormalized ? fma(at.load_from(gain), of_x.normalize(x_at), rest) : x_at + rest;
  }

  // From the gradient of the term that of x; dx may be dy. Without a gain they are the same.
  void backward(const T* dy, T* dx, T* dgain, T* dbias) const {
    if (kNormalized) layernorm_backward_row(of_x, x, gain, dy, n, dx, dgain, dbias);
  }
};

// Both products of a row, which are normalised both or not at all. That is known when this is compiled,
// because the loops over a row are too short of instructions to ask at every vector.
template <class T, bool kNormalized>
struct Products {
  Term<T, kNormalized> a, r;  // r only where the products are apart

  explicit Products(const Row<T>& row)
      : a{row.a, (*row.vectors)[Slot::kGainInput], row.shape->gates * row.hidden, row.statistics},
        r{row.r, (*row.vectors)[Slot::kGainRecurrent], row.shape->gates * row.hidden,
          kept(row, row.shape->input_norm)} {}

  // The statistics that stand behind those of count layer norms.
  static T* kept(const Row<T>& row, int count) {
    return row.statistics == nullptr ? nullptr : row.statistics + 2 * count;
  }

  void measure(T epsilon) {
    a.measure(epsilon);
    r.measure(epsilon);
  }
  void recall() {
    a.recall();
    r.recall();
  }
};

// To be called once for each unit: all of them together fetch the rows that come next.
template <int kGates, class T>
LNRNN_SIMD void prefetch_next(const Row<T>& row, Lanes<T> unit) {
  prefetch<T, kGates>(row.next_a + kGates * unit.at);
  if (row.r != nullptr) prefetch<T, kGates>(row.next_r + kGates * unit.at);
}
template <int kGates, class T>
LNRNN_SIMD void prefetch_next(const BackwardRow<T>& row, Lanes<T> unit) {
  prefetch_next<kGates>(static_cast<const Row<T>&>(row), unit);
  prefetch<T, kGates, true>(row.next_da + kGates * unit.at);
  if (row.r != nullptr) prefetch<T, kGates, true>(row.next_dr + kGates * unit.at);
}

// Calls body with a constant that says whether the row's products are normalised.
template <class T, class F>
LNRNN_SIMD void with_normalized(const Row<T>& row, const F& body) {
  if ((*row.vectors)[Slot::kGainInput] != nullptr) {
    body(std::true_type{});
  } else {
    body(std::false_type{});
  }
}

}  // namespace lnrnn::cpu::LNRNN_ISA

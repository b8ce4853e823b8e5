// Walking a row lane by lane, and layer normalisation of a row.
#pragma once

#include <cstdint>

#include "../cell/layernorm.h"
#include "activation.h"

namespace lnrnn::cpu::LNRNN_ISA {

// Up to one vector's worth of a row: full, or the ragged end.
template <class T>
struct Lanes {
  int64_t at;
  int count;

  __attribute__((always_inline)) bool full() const { return count == Vec<T>::kWidth; }
  __attribute__((always_inline)) Lanes shifted(int64_t by) const { return {at + by, count}; }
  __attribute__((always_inline)) Vec<T> load_from(const T* row, T fill = T(0)) const {
    return full() ? load(row + at) : load_partial(row + at, count, fill);
  }
  __attribute__((always_inline)) void store_to(T* row, Vec<T> value) const {
    if (full()) {
      store(row + at, value);
    } else {
      store_partial(row + at, value, count);
    }
  }
  __attribute__((always_inline)) void add_to(T* row, Vec<T> value) const {
    store_to(row, load_from(row) + value);
  }
  // All bits set where the byte is not 0.
  __attribute__((always_inline)) typename Vec<T>::Bits mask(const uint8_t* row) const {
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

template <class T>
struct Moments {
  T mean = 0;
  T rstd = 1;

  __attribute__((always_inline)) Vec<T> normalize(Vec<T> x) const {
    return layernorm_normalize(x, Vec<T>(mean), Vec<T>(rstd));
  }
  void save(T* pair) const {
    pair[0] = mean;
    pair[1] = rstd;
  }
  static Moments saved(const T* pair) { return {pair[0], pair[1]}; }
};

// Two passes, with the mean corrected by what the second one leaves over (Chan, Golub & LeVeque
// 1983): a constant row has variance 0 at any magnitude.
template <class T>
static Moments<T> moments(const T* row, int64_t n, T epsilon) {
  Vec<T> total(T(0));
  for_lanes<T>(n, [&](Lanes<T> at) __attribute__((always_inline)) {
    total = total + at.load_from(row);
  });
  const T count = static_cast<T>(n);
  const T mean = sum(total) / count;

  Vec<T> left(T(0)), squares(T(0));
  for_lanes<T>(n, [&](Lanes<T> at) __attribute__((always_inline)) {
    const Vec<T> d = at.load_from(row, mean) - Vec<T>(mean);
    left = left + d;
    squares = fma(d, d, squares);
  });
  const T correction = sum(left) / count;
  const T variance = sum(squares) / count - correction * correction;
  // Not std::max: NaN must pass.
  return {mean + correction, T(1) / square_root((variance < T(0) ? T(0) : variance) + epsilon)};
}

// gain z + bias, or x itself where there is no gain.
template <class T>
LNRNN_SIMD Vec<T> affine(const Moments<T>& of_x, const T* gain, const T* bias, Lanes<T> at,
                         Vec<T> x) {
  if (gain == nullptr) return x;
  return fma(at.load_from(gain), of_x.normalize(x), at.load_from(bias));
}

// dx from dy for one row of n; dx may be dy. Adds to dgain, and to dbias unless null.
template <class T>
static void layernorm_backward_row(const Moments<T>& of_x, const T* x, const T* gain, const T* dy,
                                   int64_t n, T* dx, T* dgain, T* dbias) {
  Vec<T> sum_q(T(0)), sum_qz(T(0));
  for_lanes<T>(n, [&](Lanes<T> at) __attribute__((always_inline)) {
    const Vec<T> dy_at = at.load_from(dy);
    const Vec<T> z = of_x.normalize(at.load_from(x));
    const Vec<T> q = at.load_from(gain) * dy_at;
    sum_q = sum_q + q;
    sum_qz = fma(q, z, sum_qz);
    at.store_to(dgain, fma(dy_at, z, at.load_from(dgain)));
    if (dbias != nullptr) at.add_to(dbias, dy_at);
  });
  const T count = static_cast<T>(n);
  const Vec<T> mean_q(sum(sum_q) / count), mean_qz(sum(sum_qz) / count), rstd(of_x.rstd);

  Vec<T> total(T(0));
  for_lanes<T>(n, [&](Lanes<T> at) __attribute__((always_inline)) {
    const Vec<T> z = of_x.normalize(at.load_from(x));
    const Vec<T> q = at.load_from(gain) * at.load_from(dy);
    const Vec<T> dx_at = layernorm_backward(q, z, mean_q, mean_qz, rstd);
    at.store_to(dx, dx_at);
    total = at.full() ? total + dx_at : total + at.load_from(dx);
  });
  const Vec<T> mean(sum(total) / count);
  for_lanes<T>(n, [&](Lanes<T> at) __attribute__((always_inline)) {
    at.store_to(dx, at.load_from(dx) - mean);
  });
}

}  // namespace lnrnn::cpu::LNRNN_ISA

// Walking a row lane by lane.
#pragma once

#include <cstdint>
#include <cstring>

#include "cpu/machine/simd.h"

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

}  // namespace lnrnn::cpu::LNRNN_ISA

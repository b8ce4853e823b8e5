// The body of every isa_*.cpp, which defines LNRNN_ISA (its namespace) and is compiled for it.
#pragma once

#include "cell/total.h"
#include "cpu/row/backward_row.h"
#include "cpu/row/forward_row.h"
#include "cpu/row/orthogonal.h"
#include "cpu/product/product.h"
#include "cpu/row/random.h"

namespace lnrnn::cpu::LNRNN_ISA {

template <class T>
static void add(const T* part, int64_t n, T* sum) {
  for_lanes<T>(n, [&](Lanes<T> at) LNRNN_INLINE { at.add_to(sum, at.load_from(part)); });
}

template <class T>
static void move_to_total(T* part, int64_t n, T* high, T* low) {
  for_lanes<T>(n, [&](Lanes<T> at) LNRNN_INLINE {
    Vec<T> high_at = at.load_from(high), low_at = at.load_from(low);
    add_to_total(at.load_from(part), high_at, low_at);
    at.store_to(high, high_at);
    at.store_to(low, low_at);
    at.store_to(part, Vec<T>(T(0)));
  });
}

template <class T>
static void sigmoid_all(const T* x, T* y, int64_t n) {
  for_lanes<T>(n, [&](Lanes<T> at) { at.store_to(y, sigmoid(at.load_from(x))); });
}

template <class T>
static void tanh_all(const T* x, T* y, int64_t n) {
  for_lanes<T>(n, [&](Lanes<T> at) { at.store_to(y, tanh(at.load_from(x))); });
}

// Only float has numbers stored as another type.
template <class T, class P>
constexpr Multiply<T, P> multiply_stored() {
  if constexpr (std::is_same_v<T, accumulation_t<P>>) {
    return multiply<T, P>;
  } else {
    return nullptr;
  }
}

template <class T>
constexpr Kernels<T> kernels() {
  return {kTileRows,
          kPanelWidth<T>,
          interleave<T>,
          gather<T>,
          multiply<T, T>,
          multiply_stored<T, F16>(),
          multiply_stored<T, Bf16>(),
          forward_row<T>,
          project_row<T>,
          unproject_row<T>,
          backward_row<T>,
          add<T>,
          move_to_total<T>,
          draw,
          random_words,
          pack_bits,
          drop<T>,
          sigmoid_all<T>,
          tanh_all<T>,
          spin_flops<T>};
}

constexpr Initializers initializers() { return {normals, add_plain}; }

}  // namespace lnrnn::cpu::LNRNN_ISA

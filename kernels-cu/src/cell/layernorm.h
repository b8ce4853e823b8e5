// Layer normalisation (Ba, Kiros, Hinton 2016), elementwise parts. Sums over a row belong to the
// backend, which owns the loop. V is a scalar or a SIMD vector. Of a SIMD vector fma, unless_zero and
// within are found by argument-dependent lookup.
//
//   z = (x - mean) rstd,  rstd = 1 / sqrt(var + epsilon),  y = gain z + bias
//   dx = rstd (q - mean(q) - z mean(q z)),  q = gain dy;  dgain += dy z;  dbias += dy
//
// The caller subtracts the mean of dx once more: rounding in z is amplified by a large mean of x. A row by
// which no gradient comes in gives none, though x be NaN.
#pragma once

#include "scalar.h"

namespace lnrnn {

template <class V>
LNRNN_CELL V layernorm_normalize(V x, V mean, V rstd) {
  return (x - mean) * rstd;
}

template <class V>
LNRNN_CELL V layernorm_backward(V q, V z, V mean_q, V mean_qz, V rstd) {
  const V e = q - fma(unless_zero(mean_qz, z), mean_qz, mean_q);
  return unless_zero(e, rstd * e);
}

// A row whose squares overflow though its elements do not is measured again, multiplied by a power of two
// which brings all that may be in it near 1. Beyond kLargest the distance of two elements may overflow, too:
// such a row is NaN, as one with an infinite element.
template <class T>
struct LargeRow;
template <>
struct LargeRow<float> {
  static constexpr float kScale = 0x1p-80f, kUnscale = 0x1p80f;
  static constexpr float kLargest = 0x1p126f, kFinite = 0x1.fffffep127f;
};
template <>
struct LargeRow<double> {
  static constexpr double kScale = 0x1p-600, kUnscale = 0x1p600;
  static constexpr double kLargest = 0x1p1022, kFinite = 0x1.fffffffffffffp1023;
};

// Whether the row has to be measured again; variance with epsilon.
template <class T>
LNRNN_CELL bool overflows(T variance) {
  return !(variance <= LargeRow<T>::kFinite);
}
template <class T, class V>
LNRNN_CELL V large_row_element(V x) {
  return within(x, V(LargeRow<T>::kLargest), x * V(LargeRow<T>::kScale));
}
// From the variance of those elements.
template <class T>
LNRNN_CELL T large_row_rstd(T variance, T epsilon) {
  constexpr T kScale = LargeRow<T>::kScale;
  if (variance <= T(0)) return reciprocal_root(epsilon);
  return kScale * reciprocal_root(variance + epsilon * kScale * kScale);
}

}  // namespace lnrnn

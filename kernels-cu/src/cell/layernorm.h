// Layer normalisation (Ba, Kiros, Hinton 2016), elementwise parts. Sums over a row belong to the
// backend, which owns the loop. V is a scalar or a SIMD vector.
//
//   z = (x - mean) rstd,  rstd = 1 / sqrt(var + epsilon),  y = gain z + bias
//   dx = rstd (q - mean(q) - z mean(q z)),  q = gain dy;  dgain += dy z;  dbias += dy
//
// The caller subtracts the mean of dx once more: rounding in z is amplified by a large mean of x.
#pragma once

#include "host_device.h"

namespace lnrnn {

template <class V>
LNRNN_CELL V layernorm_normalize(V x, V mean, V rstd) {
  return (x - mean) * rstd;
}

template <class V>
LNRNN_CELL V layernorm_backward(V q, V z, V mean_q, V mean_qz, V rstd) {
  return rstd * (q - fma(z, mean_qz, mean_q));
}

// Count, mean and sum of squared deviations of some of a row's elements.
template <class V>
struct LayernormMoments {
  V count, mean, m2;
};

// Of two disjoint parts together, with the accuracy of two passes (Chan, Golub & LeVeque 1983).
template <class V>
LNRNN_CELL LayernormMoments<V> layernorm_merge(LayernormMoments<V> a, LayernormMoments<V> b) {
  const V count = a.count + b.count;
  const V share = count > V(0) ? b.count / count : V(0);
  const V delta = b.mean - a.mean;
  return {count, fma(delta, share, a.mean), a.m2 + b.m2 + delta * delta * a.count * share};
}

}  // namespace lnrnn

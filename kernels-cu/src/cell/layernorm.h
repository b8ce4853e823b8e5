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

}  // namespace lnrnn

// Terms of the gates' pre-activations: rows of products, which may be normalised.
#pragma once

// scalar.h, which comes with reduce.cuh, before the formulas that look for what it declares.
#include "cuda/machine/reduce.cuh"

#include "strand.h"

namespace lnrnn::cuda {

// A product's part of the gates' pre-activations: x, or gain z of its layer norm, or nothing.
template <class T>
struct GateTerm {
  const T* x;     // (GH), or null
  const T* gain;  // (GH), or null where x is not normalised
  Norm<T> norm;

  LNRNN_DEVICE T z(int64_t at) const { return norm.z(x[at]); }
  LNRNN_DEVICE T plus(T rest, int64_t at) const {
    if (x == nullptr) return rest;
    return gain == nullptr ? x[at] + rest : fma(gain[at], z(at), rest);
  }
  // Statistics (N,kStatistics) are null where gain is.
  LNRNN_DEVICE static GateTerm of_row(const T* x, int64_t width, const T* gain, const T* statistics,
                                      int64_t n) {
    GateTerm term{x == nullptr ? nullptr : x + n * width, gain, {}};
    if (gain != nullptr && statistics != nullptr) {
      term.norm = Norm<T>::load(statistics + n * kStatistics);
    }
    return term;
  }
};

// What a cell computes the gates of a row's units from.
template <class T>
struct GateInputs {
  int64_t hidden;
  const T *bias, *bias_hh;  // (GH)
  GateTerm<T> a, r;
};

// What a layer norm's gradient needs of a row: mean q, mean q z and mean z, q = gain dy.
//   dx = rstd (q - mean(q) - (z - mean(z)) mean(q z))
// The mean of z is 0 but for rounding, which a large mean of x amplifies; subtracting it is
// subtracting the mean of dx, without a second round.
template <class T>
struct NormGradient {
  T q, qz, z;

  LNRNN_DEVICE static void add(T (&sums)[3], T q_at, T z_at) {
    sums[0] += q_at;
    sums[1] = fma(q_at, unless_zero(q_at, z_at), sums[1]);
    sums[2] += z_at;
  }
  LNRNN_DEVICE static NormGradient of(const T (&sums)[3], int64_t count) {
    const T n = static_cast<T>(count);
    return {sums[0] / n, sums[1] / n, sums[2] / n};
  }
  LNRNN_DEVICE T dx(T q_at, T z_at, T rstd) const {
    return layernorm_backward(q_at, z_at - z, q, qz, rstd);
  }
  // Where forward took the mean of x for 0 and did not subtract it.
  LNRNN_DEVICE T dx_uncentred(T q_at, T z_at, T rstd) const {
    return layernorm_backward(q_at, z_at, T(0), qz, rstd);
  }
};

}  // namespace lnrnn::cuda

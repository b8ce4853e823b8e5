// Terms of the gates' pre-activations: rows of products, which may be normalised.
#pragma once

// scalar.h, which comes with reduce.cuh, before the formulas that look for what it declares.
#include "cuda/machine/reduce.cuh"

#include "strand.h"

namespace lnrnn::cuda {

// How many moments a kernel keeps of a product's row: one pair, or one for each gate, which is that of the gate's
// segment. Where a row is not normalised it is never asked.
enum class RowMoments { kOne, kOfEachGate };
constexpr RowMoments row_moments(const CellShape& shape) {
  for (int i = 0; i < shape.site_count; ++i) {
    if (shape.sites[i].segments.count > 1) return RowMoments::kOfEachGate;
  }
  return RowMoments::kOne;
}

// A product's part of the gates' pre-activations: x, or gain z of its layer norm, or nothing. kMoments: 1, or as
// many as gates.
template <class T, int kMoments>
struct Term {
  const T* x;     // (GH), or null
  const T* gain;  // (GH), or null where x is not normalised
  Moments<T> of_gate[kMoments];

  // at: an element of the gate.
  LNRNN_DEVICE const Moments<T>& moments_of(int gate) const {
    return of_gate[kMoments == 1 ? 0 : gate];
  }
  LNRNN_DEVICE T z(int gate, int64_t at) const { return moments_of(gate).z(x[at]); }
  LNRNN_DEVICE T plus(T rest, int gate, int64_t at) const {
    if (x == nullptr) return rest;
    return gain == nullptr ? x[at] + rest : fma(gain[at], z(gate, at), rest);
  }
  // Statistics are null where gain is.
  LNRNN_DEVICE static Term of_row(const T* x, int64_t width, const T* gain, const T* statistics,
                                  const Segments& segments, int64_t n) {
    Term term{x == nullptr ? nullptr : x + n * width, gain, {}};
    if (gain != nullptr && statistics != nullptr) {
      LNRNN_UNROLL
      for (int gate = 0; gate < kMoments; ++gate) {
        term.of_gate[gate] = Moments<T>::load(
            kMoments == 1
                ? statistics + n * kStatistics
                : statistics + (n * segments.count + segments.of_gate(gate)) * kStatistics);
      }
    }
    return term;
  }
};

// What a cell computes the gates of a row's units from: both terms, and what is added to them.
template <class T, int kMoments>
struct GateInputs {
  int64_t width;            // H
  const T *bias, *bias_hh;  // (GH)
  Term<T, kMoments> a, r;

  // Each term with its bias, and their sum with the bias of both.
  LNRNN_DEVICE T of_x(int gate, int64_t unit) const {
    const int64_t at = gate * width + unit;
    return a.plus(bias[at], gate, at);
  }
  LNRNN_DEVICE T of_h(int gate, int64_t unit) const {
    const int64_t at = gate * width + unit;
    return r.plus(bias_hh[at], gate, at);
  }
  LNRNN_DEVICE T of_both(int gate, int64_t unit) const {
    const int64_t at = gate * width + unit;
    return a.plus(r.plus(bias[at], gate, at), gate, at);
  }
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

// Of each gate's norm, from the gates' sums, or from those of the row. width: of a gate.
template <int kGates, class T, int kMoments>
LNRNN_DEVICE void norm_gradients(const T (&sums)[kMoments][3], const Segments& segments,
                                 int64_t width, NormGradient<T> (&gradients)[kMoments]) {
  if constexpr (kMoments == 1) {
    gradients[0] = NormGradient<T>::of(sums[0], kGates * width);
  } else {
    LNRNN_UNROLL
    for (int gate = 0; gate < kGates; ++gate) {
      const int segment = segments.of_gate(gate);
      T of_segment[3] = {};
      LNRNN_UNROLL
      for (int other = 0; other < kGates; ++other) {
        if (segments.of_gate(other) != segment) continue;
        LNRNN_UNROLL
        for (int i = 0; i < 3; ++i) of_segment[i] += sums[other][i];
      }
      gradients[gate] = NormGradient<T>::of(of_segment, segments.gates[segment] * width);
    }
  }
}

}  // namespace lnrnn::cuda

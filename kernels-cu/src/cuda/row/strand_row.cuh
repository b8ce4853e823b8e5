// One (t, n) row of a cell, forward and backward: arguments and what all cells do alike. A block owns
// a row; its threads stride over the units, and a thread comes back to the same units in every loop,
// so that what it stored needs no barrier.
#pragma once

// scalar.h, which comes with reduce.h, before the formulas that look for what it declares.
#include "cuda/machine/reduce.cuh"

#include "cell/zoneout.h"
#include "strand.h"

namespace lnrnn::cuda {

// The steps of a pass, in the order in which it takes them.
struct TimeWalk {
  int64_t begin, count;  // steps
  bool upwards;          // from begin on, or down to it

  LNRNN_DEVICE int64_t step(int64_t k) const { return upwards ? begin + k : begin + count - 1 - k; }
};

// A state after zoneout: the old one where the mask, training's, does not keep the new; and the mean
// by shares, inference's.
template <class T>
LNRNN_DEVICE T after_zoneout(bool keeps, const ZoneoutShares<T>& share, T old, T now) {
  return zoneout_expectation(old, keeps ? now : old, share);
}

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

// Blocks: rows n of one step.
template <class S>
struct ForwardRow {
  using T = accumulation_t<S>;

  int64_t step, batch, hidden, gates;  // gates: GH
  Lengths lengths;
  StrandVectors<const T> weights;
  bool carries_norm;
  T epsilon;
  ZoneoutShares<T> zoneout, zoneout_cell;  // inference's, of h and of c
  Mask mask, mask_cell;                    // training
  const T *a, *r;                          // (N,GH)
  const T* norm_a;                         // (N,kStatistics)
  const T* square_sums;                    // (N,tiles) of r, whose mean is 0
  int64_t tiles;
  T *norm_r, *norm_u;            // (N,kStatistics), null where they are not kept
  const T *h_before, *c_before;  // (N,H)
  T *h, *c;                      // (N,H)
  S* h_operand;  // (N,H) h as the next product reads it, null where that is h itself
  S* y;          // (N,H) strided, or null
  int64_t y_row_stride;

  LNRNN_DEVICE GateTerm<T> of_a(int64_t n) const {
    return GateTerm<T>::of_row(a, gates, weights.gain_i, norm_a, n);
  }
  LNRNN_DEVICE GateTerm<T> of_r(Block& block, int64_t n) const {
    auto term = GateTerm<T>::of_row(r, gates, weights.gain_h, nullptr, n);
    if (term.gain == nullptr) return term;
    T squares(0);
    for (int64_t i = block.lane(); i < tiles; i += kWarp) squares += square_sums[n * tiles + i];
    const T variance = warp_sum(block, squares) / static_cast<T>(gates) + epsilon;
    term.norm = overflows(variance) ? norm_of_large_r(block, term.x)
                                    : Norm<T>{T(0), reciprocal_root(variance)};
    if (norm_r != nullptr && block.thread() == 0) term.norm.store(norm_r + n * kStatistics);
    return term;
  }

  // Every warp takes all of the row: it is rare.
  LNRNN_DEVICE Norm<T> norm_of_large_r(const Block& block, const T* row) const {
    T squares(0);
    for (int64_t j = block.lane(); j < gates; j += kWarp) {
      const T value = large_row_element<T>(row[j]);
      squares = fma(value, value, squares);
    }
    return Norm<T>::of_large(T(0), warp_sum(block, squares) / static_cast<T>(gates), epsilon);
  }

  // Zoneout of h, and where h goes.
  LNRNN_DEVICE void store(const Mask& drawn, int64_t n, int64_t j, T value) const {
    const int64_t at = n * hidden + j;
    value = after_zoneout(drawn.keeps(step, batch, n, j), zoneout, h_before[at], value);
    h[at] = value;
    if (h_operand != nullptr) h_operand[at] = to_storage<S>(value);
    if (y != nullptr) y[n * y_row_stride + j] = to_storage<S>(value);
  }

  // Beyond a row's length the state stays, and the output is 0.
  LNRNN_DEVICE void stay(Block& block, int64_t n) const {
    for (int64_t j = block.thread(); j < hidden; j += block.threads()) {
      h[n * hidden + j] = h_before[n * hidden + j];
      if (c != nullptr) c[n * hidden + j] = c_before[n * hidden + j];
      if (y != nullptr) y[n * y_row_stride + j] = to_storage<S>(T(0));
    }
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

// Blocks: rows n of one step. Reads and writes dh, dc; writes dv, dr, dk and z of this step.
template <class S>
struct BackwardRow {
  using T = accumulation_t<S>;

  int64_t step, batch, hidden, gates;
  Lengths lengths;
  StrandVectors<const T> weights;
  bool carries_norm;
  Mask mask, mask_cell;
  const T *a, *r;                     // (N,GH)
  const T *norm_a, *norm_r, *norm_u;  // (N,kStatistics)
  const T *h_before, *c_before;       // (N,H)
  const S* dy;                        // (N,H) strided, or null
  int64_t dy_row_stride;
  T *dh, *dc;   // (N,H)
  T* dv;        // (N,GH) by the pre-activations, as x's product sees them
  S* dr;        // (N,GH) by h's product; null where that is dv
  T* exact_dr;  // (N,GH) the same as h R' was computed, with R' rounded to S; or null
  T* dk;  // (N,H) LSTM: by the cell's layer norm; GRU: the last third of what h's product sees
  T* z;   // (N,H) LSTM: the cell, normalised

  LNRNN_DEVICE GateTerm<T> of_a(int64_t n) const {
    return GateTerm<T>::of_row(a, gates, weights.gain_i, norm_a, n);
  }
  LNRNN_DEVICE GateTerm<T> of_r(int64_t n) const {
    return GateTerm<T>::of_row(r, gates, weights.gain_h, norm_r, n);
  }

  // The gradient by what the cell computed, and to dh that by the h before which zoneout let pass.
  LNRNN_DEVICE T through_zoneout(const Mask& drawn, int64_t n, int64_t j) const {
    const int64_t at = n * hidden + j;
    T by_h = dh[at];
    if (dy != nullptr) by_h += to_accumulation(dy[n * dy_row_stride + j]);
    const bool keeps = drawn.keeps(step, batch, n, j);
    dh[at] = keeps ? T(0) : by_h;
    return keeps ? by_h : T(0);
  }

  // The gradient by h's product, element at of row n.
  LNRNN_DEVICE void store_dr(int64_t n, int64_t at, T value, T exact) const {
    if (dr != nullptr) dr[n * gates + at] = to_storage<S>(value);
    if (exact_dr != nullptr) exact_dr[n * gates + at] = exact;
  }

  // Likewise, through the layer norm of that product; by_q: the gradient by what comes of it.
  LNRNN_DEVICE void store_dr(int64_t n, int64_t at, const GateTerm<T>& of_r,
                             const NormGradient<T>& sums, T by_q) const {
    const T q = of_r.gain[at] * by_q, z_at = of_r.z(at), rstd = of_r.norm.rstd;
    store_dr(n, at, sums.dx(q, z_at, rstd), sums.dx_uncentred(q, z_at, rstd));
  }

  LNRNN_DEVICE void skip(Block& block, int64_t n) const {
    for (int64_t j = block.thread(); j < gates; j += block.threads()) {
      dv[n * gates + j] = T(0);
      store_dr(n, j, T(0), T(0));
      if (j >= hidden) continue;
      if (dk != nullptr) dk[n * hidden + j] = T(0);
      if (z != nullptr) z[n * hidden + j] = T(0);
    }
  }
};

}  // namespace lnrnn::cuda

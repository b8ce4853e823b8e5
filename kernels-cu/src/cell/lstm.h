// The LSTM's elementwise formulas (Hochreiter & Schmidhuber 1997, with the forget gate of Gers,
// Schmidhuber & Cummins 2000), shared by every normalisation and backend. V is a scalar or a SIMD
// vector with fma, sigmoid, tanh, select, limited, unless_zero and unless_beyond found by
// argument-dependent lookup.
//
//   i, f, o = sigmoid(v);  g = tanh(v);  u = f c' + i g;  q = tanh(k);  h = o q
//
// where c' is the carried cell before the step, and k is u or its layer norm. With recurrent dropout
// (Semeniuta, Severyn & Barth 2016) u = f c' + i m g / (1 - p), m being 0 or 1. Where the cell is clipped,
// u is limited first, and what is carried is limited, too.
#pragma once

#include "host_device.h"

namespace lnrnn {

template <class V>
struct LstmGates {
  V i, f, g, o;
};

template <class V>
LNRNN_CELL LstmGates<V> lstm_gates(V vi, V vf, V vg, V vo) {
  return {sigmoid(vi), sigmoid(vf), tanh(vg), sigmoid(vo)};
}

// What of i g counts, and of the gradient by it: all.
struct WholeCandidate {
  template <class V>
  LNRNN_CELL_METHOD V operator()(V value) const {
    return value;
  }
};
// The same under recurrent dropout: what is kept is multiplied by 1 / (1 - p); else there is nothing,
// whatever the value is.
template <class V, class Mask>
LNRNN_CELL V kept_candidate(Mask keeps, V value, V scale) {
  return select(keeps, value * scale, V(0));
}

// counts: WholeCandidate, or what calls kept_candidate.
template <class V, class Counts>
LNRNN_CELL V lstm_cell(V i, V f, V g, V c_before, const Counts& counts) {
  return fma(f, c_before, counts(i * g));
}

template <class V>
LNRNN_CELL V lstm_clip(V u, V clip) {
  return limited(u, clip);
}

template <class V>
LNRNN_CELL V lstm_output(V o, V k) {
  return o * tanh(k);
}

// Gradients: where nothing comes in nothing goes out, though the gates be NaN.
template <class V>
struct LstmOutputGradients {
  V k;   // by k
  V vo;  // by the output gate's pre-activation
};

template <class V>
LNRNN_CELL LstmOutputGradients<V> lstm_output_backward(V dh, V o, V q) {
  const V one(1);
  return {unless_zero(dh, dh * o * (one - q * q)), unless_zero(dh, dh * q * o * (one - o))};
}

// du: by u with its limit. Returns that by u without, which passes at the limit, too; that by NaN stays.
template <class V>
LNRNN_CELL V lstm_clip_backward(V du, V u, V clip) {
  return unless_beyond(u, clip, du);
}

template <class V>
struct LstmCellGradients {
  V vi, vf, vg;  // by the other gates' pre-activations
  V c_before;
};

template <class V, class Counts>
LNRNN_CELL LstmCellGradients<V> lstm_cell_backward(V du, V i, V f, V g, V c_before,
                                                   const Counts& counts) {
  const V one(1), by_candidate = counts(du);
  return {unless_zero(by_candidate, by_candidate * g * i * (one - i)),
          unless_zero(du, du * c_before * f * (one - f)),
          unless_zero(by_candidate, by_candidate * i * (one - g * g)), unless_zero(du, du * f)};
}

}  // namespace lnrnn

// The LSTM's elementwise formulas (Hochreiter & Schmidhuber 1997, with the forget gate of Gers,
// Schmidhuber & Cummins 2000), shared by every normalisation and backend. V is a scalar or a SIMD
// vector with fma, sigmoid, tanh, limited, unless_zero and unless_beyond found by argument-dependent lookup.
//
//   i, f, o = sigmoid(v);  g = tanh(v);  u = f c' + i g;  q = tanh(k);  h = o q
//
// where c' is the carried cell before the step, and k is u or its layer norm. Where the cell is clipped,
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

template <class V>
LNRNN_CELL V lstm_cell(V i, V f, V g, V c_before) {
  return fma(f, c_before, i * g);
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

template <class V>
LNRNN_CELL LstmCellGradients<V> lstm_cell_backward(V du, V i, V f, V g, V c_before) {
  const V one(1);
  return {unless_zero(du, du * g * i * (one - i)), unless_zero(du, du * c_before * f * (one - f)),
          unless_zero(du, du * i * (one - g * g)), unless_zero(du, du * f)};
}

}  // namespace lnrnn

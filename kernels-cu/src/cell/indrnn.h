// The IndRNN's elementwise formulas (Li et al. 2018): each unit sees its own past only. V is a scalar
// or a SIMD vector with fma, tanh and unless_zero found by argument-dependent lookup.
//
//   h = tanh(v + w h'),  v = a + b
#pragma once

#include "host_device.h"

namespace lnrnn {

template <class V>
LNRNN_CELL V indrnn_output(V v, V w, V h_before) {
  return tanh(fma(w, h_before, v));
}

// Where nothing comes in nothing goes out, though h be NaN.
//
// By v; by w it is that times h', and by h' times w.
template <class V>
LNRNN_CELL V indrnn_backward(V dh, V h) {
  return unless_zero(dh, dh * (V(1) - h * h));
}

}  // namespace lnrnn

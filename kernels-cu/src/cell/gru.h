// The GRU's elementwise formulas (Cho et al. 2014; the reset gate after the product, as in cuDNN and
// PyTorch), shared by every normalisation and backend. V is a scalar or a SIMD vector with fma,
// sigmoid and tanh found by argument-dependent lookup.
//
//   r, z = sigmoid(p + q);  n = tanh(p_n + r q_n);  h = z h' + (1 - z) n
//
// where p and q are what comes of x and of h', each with its bias. Or jointly, of their sum s alone, the reset
// gate taking the whole of n:
//
//   r, z = sigmoid(s);  n = tanh(r s_n)
#pragma once

#include "host_device.h"

namespace lnrnn {

template <class V>
struct GruGates {
  V r, z, n;
};

template <class V>
LNRNN_CELL GruGates<V> gru_gates(V pr, V qr, V pz, V qz, V pn, V qn) {
  const V r = sigmoid(pr + qr);
  return {r, sigmoid(pz + qz), tanh(fma(r, qn, pn))};
}

template <class V>
LNRNN_CELL GruGates<V> gru_joint_gates(V sr, V sz, V sn) {
  const V r = sigmoid(sr);
  return {r, sigmoid(sz), tanh(r * sn)};
}

template <class V>
LNRNN_CELL V gru_output(V z, V n, V h_before) {
  return fma(z, h_before, (V(1) - z) * n);
}

// Where nothing comes in nothing goes out, though the gates be NaN.
template <class V>
struct GruGradients {
  V pr, pz, pn;  // by p; by q likewise, but for
  V qn;
  V h_before;  // apart from what goes through q
};

template <class V>
LNRNN_CELL GruGradients<V> gru_backward(V dh, V r, V z, V n, V qn, V h_before) {
  const V one(1);
  const V pn = dh * (one - z) * (one - n * n);
  return {unless_zero(dh, pn * qn * r * (one - r)),
          unless_zero(dh, dh * (h_before - n) * z * (one - z)), unless_zero(dh, pn),
          unless_zero(dh, pn * r), unless_zero(dh, dh * z)};
}

template <class V>
struct GruJointGradients {
  V sr, sz, sn;
  V h_before;  // apart from what goes through s
};

// q_n = s_n and p_n = 0 see the same gradients.
template <class V>
LNRNN_CELL GruJointGradients<V> gru_joint_backward(V dh, V r, V z, V n, V sn, V h_before) {
  const auto by = gru_backward(dh, r, z, n, sn, h_before);
  return {by.pr, by.pz, by.qn, by.h_before};
}

}  // namespace lnrnn

// The GRU as its walks see it. Formulas are src/cell's. p is what comes of x, q what comes of h, each with
// its bias.
#pragma once

#include "term.cuh"

#include "cell/gru.h"

namespace lnrnn::cuda {

template <Norms kHas>
struct Gru {
  static constexpr int kGates = 3;
  static constexpr int kNorms = kHas == Norms::kSegments ? kGates : 1;
  static constexpr bool kRecurrentMatrix = true;
  static constexpr bool kCarriesCell = false;
  static constexpr bool kLastApart = true;  // of the last gate the products see different gradients

  template <class T>
  LNRNN_DEVICE static T output(const GateInputs<T, kNorms>& in, int64_t unit, T h_before) {
    const GruGates<T> gate = gates(in, unit, q(in, 2, unit));
    return gru_output(gate.z, gate.n, h_before);
  }

  template <class T>
  struct Gradients {
    T h_before;                    // but for what h's product gives
    T by_a[kGates], by_r[kGates];  // by what comes of either product
  };
  template <class T>
  LNRNN_DEVICE static Gradients<T> backward(const GateInputs<T, kNorms>& in, int64_t unit, T by_h,
                                            T h_before) {
    const T qn = q(in, 2, unit);
    const GruGates<T> gate = gates(in, unit, qn);
    const auto by = gru_backward(by_h, gate.r, gate.z, gate.n, qn, h_before);
    return {by.h_before, {by.pr, by.pz, by.pn}, {by.pr, by.pz, by.qn}};
  }

 private:
  template <class T>
  LNRNN_DEVICE static T p(const GateInputs<T, kNorms>& in, int gate, int64_t unit) {
    const int64_t at = gate * in.width + unit;
    return in.a.plus(in.bias[at], gate, at);
  }
  template <class T>
  LNRNN_DEVICE static T q(const GateInputs<T, kNorms>& in, int gate, int64_t unit) {
    const int64_t at = gate * in.width + unit;
    return in.r.plus(in.bias_hh[at], gate, at);
  }
  template <class T>
  LNRNN_DEVICE static GruGates<T> gates(const GateInputs<T, kNorms>& in, int64_t unit, T qn) {
    return gru_gates(p(in, 0, unit), q(in, 0, unit), p(in, 1, unit), q(in, 1, unit), p(in, 2, unit),
                     qn);
  }
};

}  // namespace lnrnn::cuda

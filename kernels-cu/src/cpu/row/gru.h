// The GRU as its walks see it. Formulas are src/cell's. p is what comes of x, q what comes of h, each with
// its bias.
#pragma once

#include "cell/gru.h"
#include "term.h"

namespace lnrnn::cpu::LNRNN_ISA {

struct Gru {
  static constexpr int kGates = 3;
  static constexpr bool kRecurrentMatrix = true;
  static constexpr bool kCarriesCell = false;
  static constexpr bool kLastApart = true;  // of the last gate the products see different gradients

  template <class T, Norms kNorms>
  LNRNN_SIMD GruGates<Vec<T>> gates(const GateInputs<T, kNorms>& in, Lanes<T> unit, Vec<T> qn) {
    return gru_gates(in.of_x(0, unit), in.of_h(0, unit), in.of_x(1, unit), in.of_h(1, unit),
                     in.of_x(2, unit), qn);
  }
  template <class T, Norms kNorms>
  LNRNN_SIMD Vec<T> output(const GateInputs<T, kNorms>& in, Lanes<T> unit, Vec<T> h_before) {
    const auto gate = gates(in, unit, in.of_h(2, unit));
    return gru_output(gate.z, gate.n, h_before);
  }

  template <class V>
  struct Gradients {
    V h_before;                    // but for what h's product gives
    V by_a[kGates], by_r[kGates];  // by what comes of either product
  };
  template <class T, Norms kNorms>
  LNRNN_SIMD Gradients<Vec<T>> backward(const GateInputs<T, kNorms>& in, Lanes<T> unit, Vec<T> by_h,
                                        Vec<T> h_before) {
    const Vec<T> qn = in.of_h(2, unit);
    const auto gate = gates(in, unit, qn);
    const auto by = gru_backward(by_h, gate.r, gate.z, gate.n, qn, h_before);
    return {by.h_before, {by.pr, by.pz, by.pn}, {by.pr, by.pz, by.qn}};
  }
};

}  // namespace lnrnn::cpu::LNRNN_ISA

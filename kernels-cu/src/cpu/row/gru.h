// The GRU as its walks see it. Formulas are src/cell's. p is what comes of x, q what comes of h, each with
// its bias.
#pragma once

#include "cell/gru.h"
#include "term.h"

namespace lnrnn::cpu::LNRNN_ISA {

struct Gru {
  static constexpr CellKind kKind = CellKind::kGru;
  static constexpr int kGates = 3;
  static constexpr bool kRecurrentMatrix = true;
  static constexpr bool kCarriesCell = false;
  static constexpr bool kLastApart = true;  // of the last gate the products see different gradients

  template <class In, class T>
  LNRNN_SIMD GruGates<Vec<T>> gates(const In& in, Lanes<T> unit, Vec<T> qn) {
    return gru_gates(in.of_x(0, unit), in.of_h(0, unit), in.of_x(1, unit), in.of_h(1, unit),
                     in.of_x(2, unit), qn);
  }
  template <class In, class T>
  LNRNN_SIMD Vec<T> output(const In& in, Lanes<T> unit, Vec<T> h_before) {
    const auto gate = gates(in, unit, in.of_h(2, unit));
    return gru_output(gate.z, gate.n, h_before);
  }

  template <class V>
  struct Gradients {
    V h_before;                    // but for what h's product gives
    V by_a[kGates], by_r[kGates];  // by what comes of either product
  };
  template <class In, class T>
  LNRNN_SIMD Gradients<Vec<T>> backward(const In& in, Lanes<T> unit, Vec<T> by_h, Vec<T> h_before) {
    const Vec<T> qn = in.of_h(2, unit);
    const auto gate = gates(in, unit, qn);
    const auto by = gru_backward(by_h, gate.r, gate.z, gate.n, qn, h_before);
    return {by.h_before, {by.pr, by.pz, by.pn}, {by.pr, by.pz, by.qn}};
  }
};

// Of the sum of both.
struct JointGru {
  static constexpr CellKind kKind = CellKind::kJointGru;
  static constexpr int kGates = 3;
  static constexpr bool kRecurrentMatrix = true;
  static constexpr bool kCarriesCell = false;
  static constexpr bool kLastApart = false;

  template <class In, class T>
  LNRNN_SIMD GruGates<Vec<T>> gates(const In& in, Lanes<T> unit, Vec<T> sn) {
    return gru_joint_gates(in.of_both(0, unit), in.of_both(1, unit), sn);
  }
  template <class In, class T>
  LNRNN_SIMD Vec<T> output(const In& in, Lanes<T> unit, Vec<T> h_before) {
    const auto gate = gates(in, unit, in.of_both(2, unit));
    return gru_output(gate.z, gate.n, h_before);
  }

  template <class V>
  struct Gradients {
    V h_before;
    V by_a[kGates];  // by the sum
  };
  template <class In, class T>
  LNRNN_SIMD Gradients<Vec<T>> backward(const In& in, Lanes<T> unit, Vec<T> by_h, Vec<T> h_before) {
    const Vec<T> sn = in.of_both(2, unit);
    const auto gate = gates(in, unit, sn);
    const auto by = gru_joint_backward(by_h, gate.r, gate.z, gate.n, sn, h_before);
    return {by.h_before, {by.sr, by.sz, by.sn}};
  }
};

}  // namespace lnrnn::cpu::LNRNN_ISA

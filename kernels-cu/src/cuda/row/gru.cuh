// The GRU as its walks see it. Formulas are src/cell's. p is what comes of x, q what comes of h, each with
// its bias.
#pragma once

#include "term.cuh"

#include "cell/gru.h"

namespace lnrnn::cuda {

template <RowMoments kHas>
struct Gru {
  static constexpr int kGates = 3;
  static constexpr int kMoments = kHas == RowMoments::kOfEachGate ? kGates : 1;
  static constexpr bool kRecurrentMatrix = true;
  static constexpr bool kCarriesCell = false;
  static constexpr bool kLastApart = true;  // of the last gate the products see different gradients

  template <class T>
  LNRNN_DEVICE static T output(const GateInputs<T, kMoments>& in, int64_t unit, T h_before) {
    const GruGates<T> gate = gates(in, unit, in.of_h(2, unit));
    return gru_output(gate.z, gate.n, h_before);
  }

  template <class T>
  struct Gradients {
    T h_before;                    // but for what h's product gives
    T by_a[kGates], by_r[kGates];  // by what comes of either product
  };
  template <class T>
  LNRNN_DEVICE static Gradients<T> backward(const GateInputs<T, kMoments>& in, int64_t unit, T by_h,
                                            T h_before) {
    const T qn = in.of_h(2, unit);
    const GruGates<T> gate = gates(in, unit, qn);
    const auto by = gru_backward(by_h, gate.r, gate.z, gate.n, qn, h_before);
    return {by.h_before, {by.pr, by.pz, by.pn}, {by.pr, by.pz, by.qn}};
  }

 private:
  template <class T>
  LNRNN_DEVICE static GruGates<T> gates(const GateInputs<T, kMoments>& in, int64_t unit, T qn) {
    return gru_gates(in.of_x(0, unit), in.of_h(0, unit), in.of_x(1, unit), in.of_h(1, unit),
                     in.of_x(2, unit), qn);
  }
};

// The GRU whose gates see the sum of both products alone.
template <RowMoments kHas>
struct JointGru {
  static constexpr int kGates = 3;
  static constexpr int kMoments = kHas == RowMoments::kOfEachGate ? kGates : 1;
  static constexpr bool kRecurrentMatrix = true;
  static constexpr bool kCarriesCell = false;
  static constexpr bool kLastApart = false;

  template <class T>
  LNRNN_DEVICE static T output(const GateInputs<T, kMoments>& in, int64_t unit, T h_before) {
    const GruGates<T> gate = gates(in, unit, in.of_both(2, unit));
    return gru_output(gate.z, gate.n, h_before);
  }

  template <class T>
  struct Gradients {
    T h_before;
    T by_a[kGates], by_r[kGates];  // the same
  };
  template <class T>
  LNRNN_DEVICE static Gradients<T> backward(const GateInputs<T, kMoments>& in, int64_t unit, T by_h,
                                            T h_before) {
    const T sn = in.of_both(2, unit);
    const GruGates<T> gate = gates(in, unit, sn);
    const auto by = gru_joint_backward(by_h, gate.r, gate.z, gate.n, sn, h_before);
    return {by.h_before, {by.sr, by.sz, by.sn}, {by.sr, by.sz, by.sn}};
  }

 private:
  template <class T>
  LNRNN_DEVICE static GruGates<T> gates(const GateInputs<T, kMoments>& in, int64_t unit, T sn) {
    return gru_joint_gates(in.of_both(0, unit), in.of_both(1, unit), sn);
  }
};

}  // namespace lnrnn::cuda

// The LSTM as its walks see it. Formulas are src/cell's.
#pragma once

#include "candidate.cuh"

namespace lnrnn::cuda {

template <RowMoments kHas>
struct Lstm {
  static constexpr int kGates = 4;
  static constexpr int kMoments = kHas == RowMoments::kOfEachGate ? kGates : 1;
  static constexpr bool kRecurrentMatrix = true;
  static constexpr bool kCarriesCell = true;  // c beside h; what becomes of it may be normalised
  static constexpr bool kLastApart = false;   // both products see the same gradients

  // What comes of a unit's gates: the cell, which may be normalised, and what its output needs besides.
  template <class T>
  struct Candidate {
    T u, o;
  };
  template <class T>
  LNRNN_DEVICE static Candidate<T> candidate(const GateInputs<T, kMoments>& in, int64_t unit,
                                             T c_before, const CandidateShare<T>& share) {
    const LstmGates<T> gate = gates(in, unit);
    return {lstm_cell(gate.i, gate.f, gate.g, c_before, share), gate.o};
  }
  // Of u; without a limit that is infinite.
  template <class T>
  LNRNN_DEVICE static T clip(T u, T limit) {
    return lstm_clip(u, limit);
  }
  template <class T>
  LNRNN_DEVICE static T output_gate(const GateInputs<T, kMoments>& in, int64_t unit) {
    return sigmoid(in.of_both(3, unit));
  }
  // k: u, or what its layer norm makes of it.
  template <class T>
  LNRNN_DEVICE static T output(T o, T k) {
    return lstm_output(o, k);
  }

  // Backward in two halves, between which the gradient may go through the layer norm of u.
  template <class T>
  struct Recomputed {
    LstmGates<T> gate;
    T u;
  };
  template <class T>
  LNRNN_DEVICE static Recomputed<T> recompute(const GateInputs<T, kMoments>& in, int64_t unit,
                                              T c_before, const CandidateShare<T>& share) {
    const LstmGates<T> gate = gates(in, unit);
    return {gate, lstm_cell(gate.i, gate.f, gate.g, c_before, share)};
  }
  template <class T>
  struct OfOutput {
    T k;                // by k
    T output;           // itself
    T waiting[kGates];  // what the other half wants
  };
  template <class T>
  LNRNN_DEVICE static OfOutput<T> output_backward(T by_h, const LstmGates<T>& gate, T k) {
    const T q = tanh(k);
    const auto by = lstm_output_backward(by_h, gate.o, q);
    return {by.k, gate.o * q, {gate.i, gate.f, gate.g, by.vo}};
  }
  // by_u: by u with its limit.
  template <class T>
  LNRNN_DEVICE static T clip_backward(T by_u, const T (&waiting)[kGates], T c_before, T limit,
                                      const CandidateShare<T>& share) {
    const T u = lstm_cell(waiting[0], waiting[1], waiting[2], c_before, share);
    return lstm_clip_backward(by_u, u, limit);
  }
  template <class T>
  struct OfCell {
    T c_before;
    T gates[kGates];
  };
  template <class T>
  LNRNN_DEVICE static OfCell<T> cell_backward(T by_u, const T (&waiting)[kGates], T c_before,
                                              const CandidateShare<T>& share) {
    const auto by = lstm_cell_backward(by_u, waiting[0], waiting[1], waiting[2], c_before, share);
    return {by.c_before, {by.vi, by.vf, by.vg, waiting[3]}};
  }

 private:
  template <class T>
  LNRNN_DEVICE static LstmGates<T> gates(const GateInputs<T, kMoments>& in, int64_t unit) {
    return lstm_gates(in.of_both(0, unit), in.of_both(1, unit), in.of_both(2, unit),
                      in.of_both(3, unit));
  }
};

}  // namespace lnrnn::cuda

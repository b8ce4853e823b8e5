// The LSTM as its walks see it. Formulas are src/cell's.
#pragma once

#include "cell/lstm.h"
#include "term.h"

namespace lnrnn::cpu::LNRNN_ISA {

struct Lstm {
  static constexpr CellKind kKind = CellKind::kLstm;
  static constexpr int kGates = 4;
  static constexpr bool kRecurrentMatrix = true;
  static constexpr bool kCarriesCell = true;  // c beside h; what becomes of it may be normalised
  static constexpr bool kLastApart = false;   // both products see the same gradients

  template <class In, class T>
  LNRNN_SIMD LstmGates<Vec<T>> gates(const In& in, Lanes<T> unit) {
    return lstm_gates(in.of_both(0, unit), in.of_both(1, unit), in.of_both(2, unit),
                      in.of_both(3, unit));
  }

  // What comes of a unit's gates: the cell, which may be normalised, and what its output needs besides.
  template <class V>
  struct Candidate {
    V u, o;
  };
  // counts: see cell/lstm.h.
  template <class In, class T, class Counts>
  LNRNN_SIMD Candidate<Vec<T>> candidate(const In& in, Lanes<T> unit, Vec<T> c_before,
                                         const Counts& counts) {
    const auto gate = gates(in, unit);
    return {lstm_cell(gate.i, gate.f, gate.g, c_before, counts), gate.o};
  }
  template <class V>
  LNRNN_SIMD V clip(V u, V limit) {
    return lstm_clip(u, limit);
  }
  // k: u, or what its layer norm makes of it.
  template <class V>
  LNRNN_SIMD V output(V o, V k) {
    return lstm_output(o, k);
  }

  // Backward in two halves, between which the gradient may go through the layer norm of u.
  template <class V>
  struct Recomputed {
    LstmGates<V> gate;
    V u;
  };
  template <class In, class T, class Counts>
  LNRNN_SIMD Recomputed<Vec<T>> recompute(const In& in, Lanes<T> unit, Vec<T> c_before,
                                          const Counts& counts) {
    const auto gate = gates(in, unit);
    return {gate, lstm_cell(gate.i, gate.f, gate.g, c_before, counts)};
  }
  static constexpr int kWaiting = 3;  // numbers that the other half wants of the first
  template <class V>
  struct OfOutput {
    V k;          // by k
    V last_gate;  // by the gate that the output sees
    V output;     // itself
    V waiting[kWaiting];
  };
  template <class V>
  LNRNN_SIMD OfOutput<V> output_backward(V by_h, const LstmGates<V>& gate, V k) {
    const V q = tanh(k);
    const auto by = lstm_output_backward(by_h, gate.o, q);
    return {by.k, by.vo, gate.o * q, {gate.i, gate.f, gate.g}};
  }
  // by_u: by u with its limit.
  template <class V, class Counts>
  LNRNN_SIMD V clip_backward(V by_u, const V (&waiting)[kWaiting], V c_before, V limit,
                             const Counts& counts) {
    const V u = lstm_cell(waiting[0], waiting[1], waiting[2], c_before, counts);
    return lstm_clip_backward(by_u, u, limit);
  }
  template <class V>
  struct OfCell {
    V c_before;
    V gates[kGates - 1];  // but the last
  };
  template <class V, class Counts>
  LNRNN_SIMD OfCell<V> cell_backward(V by_u, const V (&waiting)[kWaiting], V c_before,
                                     const Counts& counts) {
    const auto by = lstm_cell_backward(by_u, waiting[0], waiting[1], waiting[2], c_before, counts);
    return {by.c_before, {by.vi, by.vf, by.vg}};
  }
};

}  // namespace lnrnn::cpu::LNRNN_ISA

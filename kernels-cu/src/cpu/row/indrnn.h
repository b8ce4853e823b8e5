// The IndRNN as its walks see it. Formulas are src/cell's.
#pragma once

#include "cell/indrnn.h"
#include "term.h"

namespace lnrnn::cpu::LNRNN_ISA {

struct Indrnn {
  static constexpr CellKind kKind = CellKind::kIndrnn;
  static constexpr int kGates = 1;
  static constexpr bool kRecurrentMatrix = false;
  static constexpr bool kCarriesCell = false;
  static constexpr bool kLastApart = false;

  template <class In, class T>
  LNRNN_SIMD Vec<T> output(const In& in, Lanes<T> unit, Vec<T> h_before) {
    return indrnn_output(in.of_x(0, unit), unit.load_from(in.weight_hh), h_before);
  }

  // By v.
  template <class In, class T>
  LNRNN_SIMD Vec<T> backward(const In& in, Lanes<T> unit, Vec<T> by_h, Vec<T> h_before) {
    return indrnn_backward(by_h, output(in, unit, h_before));
  }
};

}  // namespace lnrnn::cpu::LNRNN_ISA

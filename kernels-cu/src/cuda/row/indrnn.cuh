// The IndRNN as its walks see it. Formulas are src/cell's.
#pragma once

#include "term.cuh"

#include "cell/indrnn.h"

namespace lnrnn::cuda {

struct Indrnn {
  static constexpr int kGates = 1;
  static constexpr bool kRecurrentMatrix = false;
  static constexpr bool kLastApart = false;

  template <class T>
  LNRNN_DEVICE static T output(T v, T weight, T h_before) {
    return indrnn_output(v, weight, h_before);
  }
  template <class T>
  LNRNN_DEVICE static T backward(T by_h, T h) {
    return indrnn_backward(by_h, h);
  }
};

}  // namespace lnrnn::cuda

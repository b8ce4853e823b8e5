// Recurrent dropout of the LSTM's candidate, as steps see it.
#pragma once

#include "term.cuh"

#include "cell/lstm.h"

namespace lnrnn::cuda {

// What of one unit's candidate counts; without a mask all of it, times 1.
template <class T>
struct CandidateShare {
  bool keeps;
  T scale;

  LNRNN_DEVICE T operator()(T value) const { return kept_candidate(keeps, value, scale); }
};

}  // namespace lnrnn::cuda

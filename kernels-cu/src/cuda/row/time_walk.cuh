// The steps of a pass, and what becomes of a state in each of them.
#pragma once

#include "cell/zoneout.h"
#include "core/resets.h"
#include "cuda/machine/device.cuh"

namespace lnrnn::cuda {

// In the order in which the pass takes them.
struct TimeWalk {
  int64_t begin, count;  // steps
  bool upwards;          // from begin on, or down to it

  LNRNN_DEVICE int64_t step(int64_t k) const { return upwards ? begin + k : begin + count - 1 - k; }
};

// A state after zoneout: the old one where the mask, training's, does not keep the new; and the mean
// by shares, inference's.
template <class T>
LNRNN_DEVICE T after_zoneout(bool keeps, const ZoneoutShares<T>& share, T old, T now) {
  return zoneout_expectation(old, keeps ? now : old, share);
}

// What crosses from a step to the one after it, of a state, or back, of a gradient: zero where that is cut, see
// Cuts::after. A state is stored as the step after finds it, so that whatever reads it sees zeros.
template <class T>
LNRNN_DEVICE T crossing(bool cut, T state) {
  return cut ? T(0) : state;
}

}  // namespace lnrnn::cuda

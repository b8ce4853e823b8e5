// Zoneout (Krueger et al. 2016), of h and of the carried c alike. Training selects, by a mask, the
// new value or the old one; a blend would round, and let NaN through. Inference takes the
// expectation. V is a scalar or a SIMD vector.
#pragma once

#include "host_device.h"

namespace lnrnn {

// What inference takes of each; 1 - p is not what T makes of p, subtracted from 1.
template <class T>
struct ZoneoutShares {
  T before = T(0), now = T(1);

  // p: the probability that the old value stays.
  static ZoneoutShares of(double p) { return {static_cast<T>(p), static_cast<T>(1 - p)}; }
};

// A value that has no share is not multiplied by 0 but left out.
template <class V, class T>
LNRNN_CELL V zoneout_expectation(V before, V now, const ZoneoutShares<T>& share) {
  if (share.before == T(0)) return now;
  if (share.now == T(0)) return before;
  return fma(V(share.before), before, V(share.now) * now);
}

}  // namespace lnrnn

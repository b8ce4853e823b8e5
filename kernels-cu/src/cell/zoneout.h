// Zoneout (Krueger et al. 2016), of h and of the carried c alike. Training selects, by a mask, the
// new value or the old one; a blend would round, and let NaN through. Inference takes the
// expectation. V is a scalar or a SIMD vector.
#pragma once

#include "host_device.h"

namespace lnrnn {

// p: the probability that the old value stays.
template <class V>
LNRNN_CELL V zoneout_expectation(V before, V now, V p) {
  return fma(p, before, (V(1) - p) * now);
}

}  // namespace lnrnn

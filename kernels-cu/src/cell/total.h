// Sums too long for one chain of additions, whose rounding errors grow with its length: blocks of bounded
// length are summed as they come, and the sums of blocks are added to a total that loses nothing of them.
// V is a scalar or a SIMD vector.
//
//   high + low += part   exactly, but for the rounding of low (two-sum: Knuth, The Art of Computer
//                        Programming 2, 4.2.2)
#pragma once

#include "host_device.h"

namespace lnrnn {

template <class V>
LNRNN_CELL void add_to_total(V part, V& high, V& low) {
  const V sum = high + part;
  const V of_part = sum - high;
  low = low + ((high - (sum - of_part)) + (part - of_part));
  high = sum;
}

// Of scalars. Infinity leaves NaN in low, which does not count.
template <class T>
LNRNN_CELL T value_of_total(T high, T low) {
  return low == low ? high + low : high;
}

}  // namespace lnrnn

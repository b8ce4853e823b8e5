// Zoneout of a row's state, forward and backward; see cell/zoneout.h.
#pragma once

#include "cell/zoneout.h"
#include "cpu/machine/isa.h"
#include "lanes.h"

namespace lnrnn::cpu::LNRNN_ISA {

template <class T>
struct Zoneout {
  const uint8_t* update;         // the mask; null where there is none
  ZoneoutShares<T> expectation;  // where there is no mask

  // The state that goes on.
  LNRNN_INLINE Vec<T> apply(Lanes<T> unit, Vec<T> now, const T* before) const {
    if (update != nullptr) return select(unit.mask(update), now, unit.load_from(before));
    if (expectation.before == T(0)) return now;
    return zoneout_expectation(unit.load_from(before), now, expectation);
  }

  struct Gradients {
    Vec<T> now, before;
  };
  LNRNN_INLINE Gradients backward(Lanes<T> unit, Vec<T> d) const {
    const Vec<T> zero(T(0));
    if (update == nullptr) return {d, zero};
    const auto mask = unit.mask(update);
    return {select(mask, d, zero), select(mask, zero, d)};
  }
};

// The gradient by a row's h, from what reads it: y and the next step.
template <class T>
LNRNN_SIMD typename Zoneout<T>::Gradients zoneout_of_h_backward(const BackwardRow<T>& row,
                                                                Lanes<T> unit) {
  Vec<T> dh = unit.load_from(row.dh);
  if (row.dy != nullptr) dh = dh + unit.load_from(row.dy);
  return Zoneout<T>{row.update, {}}.backward(unit, dh);
}

}  // namespace lnrnn::cpu::LNRNN_ISA

// One (t, n) row of the IndRNN, forward and backward: all of a step, which has no product. Formulas
// are src/cell's; this file owns the passes.
#pragma once

#include "cell/indrnn.h"
#include "zoneout_row.h"

namespace lnrnn::cpu::LNRNN_ISA {

// The state before zoneout.
template <class T, bool kNormalized>
LNRNN_SIMD Vec<T> indrnn_now(const Row<T>& row, const Term<T, kNormalized>& a, Lanes<T> unit) {
  return indrnn_output(a.plus(unit, unit.load_from((*row.vectors)[Slot::kBias])),
                       unit.load_from((*row.vectors)[Slot::kWeightHh]),
                       unit.load_from(row.h_before));
}

template <class T, bool kNormalized>
static void indrnn_forward_row(const ForwardRow<T>& row) {
  Term<T, kNormalized> a = Products<T, kNormalized>(row).a;
  a.measure(row.epsilon);
  const Zoneout<T> of_h{row.update, row.zoneout};
  for_lanes<T>(
      row.hidden, [&](Lanes<T> unit) __attribute__((always_inline)) {
        prefetch_next<1>(row, unit);
        const Vec<T> h = of_h.apply(unit, indrnn_now<T>(row, a, unit), row.h_before);
        unit.store_to(row.h, h);
        if (row.y != nullptr) unit.store_to(row.y, h);
      });
}

template <class T, bool kNormalized>
static void indrnn_backward_row(const BackwardRow<T>& row) {
  Term<T, kNormalized> a = Products<T, kNormalized>(row).a;
  a.recall();
  for_lanes<T>(
      row.hidden, [&](Lanes<T> unit) __attribute__((always_inline)) {
        prefetch_next<1>(row, unit);
        const auto dh = zoneout_of_h_backward(row, unit);
        const Vec<T> dv = indrnn_backward(dh.now, indrnn_now<T>(row, a, unit));
        unit.store_to(row.da, dv);
        unit.add_to((*row.sums)[Slot::kBias], dv);
        const T* const w = (*row.vectors)[Slot::kWeightHh];
        T* const dw = (*row.sums)[Slot::kWeightHh];
        unit.store_to(dw,
                      fma(unless_zero(dv, unit.load_from(row.h_before)), dv, unit.load_from(dw)));
        unit.store_to(row.dh, fma(unit.load_from(w), dv, dh.before));
      });
  a.backward(row.da, row.da, (*row.sums)[Slot::kGainInput], nullptr);
}

template <class T>
static void indrnn_forward_row(const ForwardRow<T>& row) {
  with_normalized<T>(row, [&](auto normalized) { indrnn_forward_row<T, normalized>(row); });
}
template <class T>
static void indrnn_backward_row(const BackwardRow<T>& row) {
  with_normalized<T>(row, [&](auto normalized) { indrnn_backward_row<T, normalized>(row); });
}

}  // namespace lnrnn::cpu::LNRNN_ISA

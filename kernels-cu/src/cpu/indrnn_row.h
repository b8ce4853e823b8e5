// One (t, n) row of the IndRNN, forward and backward: all of a step, which has no product. Formulas
// are src/cell's; this file owns the passes.
#pragma once

#include "../cell/indrnn.h"
#include "zoneout_row.h"

namespace lnrnn::cpu::LNRNN_ISA {

// The state before zoneout.
template <class T>
LNRNN_SIMD Vec<T> indrnn_now(const Row<T>& row, const Products<T>& products, Lanes<T> unit) {
  return indrnn_output(products.a.plus(unit, unit.load_from(row.vectors->bias)),
                       unit.load_from(row.vectors->weight_hh), unit.load_from(row.h_before));
}

template <class T>
static void indrnn_forward_row(const ForwardRow<T>& row) {
  Products<T> products(row);
  products.measure(row.epsilon);
  const Zoneout<T> of_h{row.update, row.zoneout};
  for_lanes<T>(row.hidden, [&](Lanes<T> unit) __attribute__((always_inline)) {
    const Vec<T> h = of_h.apply(unit, indrnn_now<T>(row, products, unit), row.h_before);
    unit.store_to(row.h, h);
    if (row.y != nullptr) unit.store_to(row.y, h);
  });
}

template <class T>
static void indrnn_backward_row(const BackwardRow<T>& row) {
  Products<T> products(row);
  products.recall();
  for_lanes<T>(row.hidden, [&](Lanes<T> unit) __attribute__((always_inline)) {
    const auto dh = zoneout_of_h_backward(row, unit);
    const Vec<T> dv = indrnn_backward(dh.now, indrnn_now<T>(row, products, unit));
    unit.store_to(row.da, dv);
    unit.add_to(row.sums->bias, dv);
    const T* const w = row.vectors->weight_hh;
    T* const dw = row.sums->weight_hh;
    unit.store_to(dw, fma(unit.load_from(row.h_before), dv, unit.load_from(dw)));
    unit.store_to(row.dh, fma(unit.load_from(w), dv, dh.before));
  });
  products.a.backward(row.da, row.da, row.sums->gain_i, nullptr);
}

}  // namespace lnrnn::cpu::LNRNN_ISA

// One (t, n) row of the GRU, forward and backward: everything between two matrix products. Formulas
// are src/cell's; this file owns the passes.
#pragma once

#include "cell/gru.h"
#include "zoneout_row.h"

namespace lnrnn::cpu::LNRNN_ISA {

// What forward and backward both derive from a row's products.
template <class T, bool kNormalized>
struct GruRow {
  const Row<T>& row;
  Products<T, kNormalized> products;

  explicit GruRow(const Row<T>& r) : row(r), products(r) {}

  __attribute__((always_inline)) Vec<T> p(int gate, Lanes<T> unit) const {
    const Lanes<T> at = unit.shifted(gate * row.hidden);
    return products.a.plus(at, at.load_from((*row.vectors)[Slot::kBias]));
  }
  __attribute__((always_inline)) Vec<T> q(int gate, Lanes<T> unit) const {
    const Lanes<T> at = unit.shifted(gate * row.hidden);
    return products.r.plus(at, at.load_from((*row.vectors)[Slot::kBiasHh]));
  }
  __attribute__((always_inline)) GruGates<Vec<T>> gates(Lanes<T> unit, Vec<T> qn) const {
    return gru_gates(p(0, unit), q(0, unit), p(1, unit), q(1, unit), p(2, unit), qn);
  }
};

template <class T, bool kNormalized>
static void gru_forward_row(const ForwardRow<T>& row) {
  GruRow<T, kNormalized> gru(row);
  gru.products.measure(row.epsilon);
  const Zoneout<T> of_h{row.update, row.zoneout};
  for_lanes<T>(
      row.hidden, [&](Lanes<T> unit) __attribute__((always_inline)) {
        prefetch_next<3>(row, unit);
        const GruGates<Vec<T>> gate = gru.gates(unit, gru.q(2, unit));
        const Vec<T> now = gru_output(gate.z, gate.n, unit.load_from(row.h_before));
        const Vec<T> h = of_h.apply(unit, now, row.h_before);
        unit.store_to(row.h, h);
        if (row.y != nullptr) unit.store_to(row.y, h);
      });
}

template <class T, bool kNormalized>
static void gru_backward_row(const BackwardRow<T>& row) {
  const int64_t hidden = row.hidden;
  GruRow<T, kNormalized> gru(row);
  gru.products.recall();
  for_lanes<T>(
      hidden, [&](Lanes<T> unit) __attribute__((always_inline)) {
        prefetch_next<3>(row, unit);
        const auto dh = zoneout_of_h_backward(row, unit);
        const Vec<T> qn = gru.q(2, unit);
        const GruGates<Vec<T>> gate = gru.gates(unit, qn);
        const auto d =
            gru_backward(dh.now, gate.r, gate.z, gate.n, qn, unit.load_from(row.h_before));
        unit.store_to(row.dh, dh.before + d.h_before);
        const Lanes<T> z = unit.shifted(hidden), n = unit.shifted(2 * hidden);
        unit.store_to(row.da, d.pr);
        z.store_to(row.da, d.pz);
        n.store_to(row.da, d.pn);
        unit.store_to(row.dr, d.pr);
        z.store_to(row.dr, d.pz);
        n.store_to(row.dr, d.qn);
      });
  if (kNormalized) {
    gru.products.r.backward(row.dr, row.dr, (*row.sums)[Slot::kGainRecurrent],
                            (*row.sums)[Slot::kBiasHh]);
    gru.products.a.backward(row.da, row.da, (*row.sums)[Slot::kGainInput],
                            (*row.sums)[Slot::kBias]);
  } else {
    for_lanes<T>(
        3 * hidden, [&](Lanes<T> at) __attribute__((always_inline)) {
          at.add_to((*row.sums)[Slot::kBias], at.load_from(row.da));
          at.add_to((*row.sums)[Slot::kBiasHh], at.load_from(row.dr));
        });
  }
}

template <class T>
static void gru_forward_row(const ForwardRow<T>& row) {
  with_normalized<T>(row, [&](auto normalized) { gru_forward_row<T, normalized>(row); });
}
template <class T>
static void gru_backward_row(const BackwardRow<T>& row) {
  with_normalized<T>(row, [&](auto normalized) { gru_backward_row<T, normalized>(row); });
}

}  // namespace lnrnn::cpu::LNRNN_ISA

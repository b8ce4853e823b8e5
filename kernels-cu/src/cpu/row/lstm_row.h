// One (t, n) row of the LSTM, forward and backward: everything between two matrix products, in a
// few passes over rows that are in the first-level cache. Formulas are src/cell's; this file owns
// the passes. It serves every normalisation: what one has and another has not is in the shape, and
// in which vectors there are.
#pragma once

#include "cell/lstm.h"
#include "zoneout_row.h"

namespace lnrnn::cpu::LNRNN_ISA {

// What forward and backward both derive from a row's products: one, their sum, where they are not normalised.
template <class T, bool kNormalized>
struct LstmRow {
  const Row<T>& row;
  Products<T, kNormalized> products;
  Term<T, true> cell;  // u, in scratch; without a gain k is u

  LstmRow(const Row<T>& r, const T* u)
      : row(r), products(r), cell{u, (*r.vectors)[Slot::kGainCell], r.hidden,
                                  Products<T, kNormalized>::kept(r, r.shape->input_norm +
                                                                        r.shape->recurrent_norm)} {}

  bool normalizes_cell() const { return cell.gain != nullptr; }

  __attribute__((always_inline)) Vec<T> preactivation(int gate, Lanes<T> unit) const {
    const Lanes<T> at = unit.shifted(gate * row.hidden);
    const Vec<T> bias = at.load_from((*row.vectors)[Slot::kBias]);
    return products.a.plus(at, kNormalized ? products.r.plus(at, bias) : bias);
  }
  __attribute__((always_inline)) LstmGates<Vec<T>> gates(Lanes<T> unit) const {
    return lstm_gates(preactivation(0, unit), preactivation(1, unit), preactivation(2, unit),
                      preactivation(3, unit));
  }
  __attribute__((always_inline)) Vec<T> k(Lanes<T> unit, Vec<T> u) const {
    return normalizes_cell() ? cell.plus(unit, u, unit.load_from((*row.vectors)[Slot::kBiasCell]))
                             : u;
  }
};

template <class T, bool kNormalized>
static void lstm_forward_row(const ForwardRow<T>& row) {
  T *const o = row.scratch, *const u = o + row.hidden;
  LstmRow<T, kNormalized> lstm(row, u);
  lstm.products.measure(row.epsilon);
  for_lanes<T>(
      row.hidden, [&](Lanes<T> unit) __attribute__((always_inline)) {
        prefetch_next<4>(row, unit);
        const LstmGates<Vec<T>> gate = lstm.gates(unit);
        unit.store_to(o, gate.o);
        unit.store_to(u, lstm_cell(gate.i, gate.f, gate.g, unit.load_from(row.c_before)));
      });

  if (lstm.normalizes_cell()) lstm.cell.measure(row.epsilon);
  const Zoneout<T> of_h{row.update, row.zoneout}, of_c{row.update_cell, row.zoneout_cell};
  for_lanes<T>(
      row.hidden, [&](Lanes<T> unit) __attribute__((always_inline)) {
        const Vec<T> u_at = unit.load_from(u);
        const Vec<T> k = lstm.k(unit, u_at);
        unit.store_to(row.c, of_c.apply(unit, row.shape->carries_norm ? k : u_at, row.c_before));
        const Vec<T> h = of_h.apply(unit, lstm_output(unit.load_from(o), k), row.h_before);
        unit.store_to(row.h, h);
        if (row.y != nullptr) unit.store_to(row.y, h);
      });
}

template <class T, bool kNormalized>
static void lstm_backward_row(const BackwardRow<T>& row) {
  const int64_t hidden = row.hidden;
  T *const i = row.scratch, *const f = i + hidden, *const g = f + hidden, *const u = g + hidden;
  T *const dk = u + hidden, *const du = dk + hidden;
  T *const dv = row.da, *const dvo = dv + 3 * hidden;
  static_assert(kRowScratch == 6, "i, f, g, u, dk, du");
  LstmRow<T, kNormalized> lstm(row, u);
  lstm.products.recall();
  if (lstm.normalizes_cell()) lstm.cell.recall();

  const Zoneout<T> of_c{row.update_cell, {}};
  for_lanes<T>(
      hidden, [&](Lanes<T> unit) __attribute__((always_inline)) {
        prefetch_next<4>(row, unit);
        const auto dh = zoneout_of_h_backward(row, unit);
        const auto dc = of_c.backward(unit, unit.load_from(row.dc));
        unit.store_to(row.dh, dh.before);
        unit.store_to(row.dc, dc.before);

        const LstmGates<Vec<T>> gate = lstm.gates(unit);
        const Vec<T> u_at = lstm_cell(gate.i, gate.f, gate.g, unit.load_from(row.c_before));
        const auto output = lstm_output_backward(dh.now, gate.o, tanh(lstm.k(unit, u_at)));
        unit.store_to(i, gate.i);
        unit.store_to(f, gate.f);
        unit.store_to(g, gate.g);
        unit.store_to(u, u_at);
        unit.store_to(dvo, output.vo);
        // The carried c is k or u.
        const bool carries_norm = row.shape->carries_norm;
        unit.store_to(dk, carries_norm ? output.k + dc.now : output.k);
        unit.store_to(du, carries_norm ? Vec<T>(T(0)) : dc.now);
      });

  if (lstm.normalizes_cell())
    lstm.cell.backward(dk, dk, (*row.sums)[Slot::kGainCell], (*row.sums)[Slot::kBiasCell]);
  for_lanes<T>(
      hidden, [&](Lanes<T> unit) __attribute__((always_inline)) {
        const auto cell =
            lstm_cell_backward(unit.load_from(du) + unit.load_from(dk), unit.load_from(i),
                               unit.load_from(f), unit.load_from(g), unit.load_from(row.c_before));
        unit.store_to(dv, cell.vi);
        unit.store_to(dv + hidden, cell.vf);
        unit.store_to(dv + 2 * hidden, cell.vg);
        unit.add_to(row.dc, cell.c_before);
      });

  if (kNormalized) {
    lstm.products.r.backward(dv, row.dr, (*row.sums)[Slot::kGainRecurrent],
                             (*row.sums)[Slot::kBias]);
    lstm.products.a.backward(dv, dv, (*row.sums)[Slot::kGainInput], nullptr);
  } else {
    for_lanes<T>(
        4 * hidden, [&](Lanes<T> at) __attribute__((always_inline)) {
          at.add_to((*row.sums)[Slot::kBias], at.load_from(dv));
        });
  }
}

template <class T>
static void lstm_forward_row(const ForwardRow<T>& row) {
  with_normalized<T>(row, [&](auto normalized) { lstm_forward_row<T, normalized>(row); });
}
template <class T>
static void lstm_backward_row(const BackwardRow<T>& row) {
  with_normalized<T>(row, [&](auto normalized) { lstm_backward_row<T, normalized>(row); });
}

}  // namespace lnrnn::cpu::LNRNN_ISA

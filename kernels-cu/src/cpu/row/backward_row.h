// One (t, n) row backward, for every cell: see forward_row.h.
#pragma once

#include "forward_row.h"

namespace lnrnn::cpu::LNRNN_ISA {

// The gradients by the gates' terms, of which the norms make those by the products; what is only added sees
// the terms'. dr is written where the row has one, but for the GRU's, which is there.
template <class Cell, class T, Norms kNorms>
static void through_norms(const BackwardRow<T>& row, const GateInputs<Cell, T, kNorms>& in) {
  using In = GateInputs<Cell, T, kNorms>;
  if constexpr (kNorms != Norms::kNone) {
    constexpr Slot of_a = added_to(In::kFirst, Cell::kKind);
    constexpr Slot of_r = added_to(TermKind::kRecurrent, Cell::kKind);
    if constexpr (In::kApart) {
      in.r.backward(row, Cell::kLastApart ? row.dr : row.da, row.dr, row.sum(of_r));
    }
    const bool is_summed = In::kApart && of_a == of_r;
    in.a.backward(row, row.da, row.da, is_summed ? nullptr : row.sum(of_a));
  }
  if constexpr (kNorms == Norms::kSum) {
    T* const inside = row.sum(Slot::kBias);
    if (inside == nullptr) return;
    for_lanes<T>(Cell::kGates * in.width,
                 [&](Lanes<T> at) LNRNN_INLINE { at.add_to(inside, at.load_from(row.da)); });
  }
}
// Where there are no norms biases are summed on the way.
template <Norms kNorms, class T>
LNRNN_SIMD void sum_bias(T* sum, Lanes<T> at, Vec<T> gradient) {
  if constexpr (kNorms == Norms::kNone) at.add_to(sum, gradient);
}

template <class Cell, class T, Norms kNorms>
static void go_back(const BackwardRow<T>& row) {
  GateInputs<Cell, T, kNorms> in(row);
  in.recall();
  T *const sum_bias_a = row.sum(Slot::kBias), *const sum_bias_r = row.sum(Slot::kBiasHh);
  for_lanes<T>(in.width, [&](Lanes<T> unit) LNRNN_INLINE {
    prefetch_next<Cell::kGates>(row, unit);
    const auto dh = zoneout_of_h_backward(row, unit);
    const Vec<T> h_before = unit.load_from(row.h_before);
    if constexpr (Cell::kRecurrentMatrix) {
      const auto by = Cell::backward(in, unit, dh.now, h_before);
      unit.store_to(row.dh, dh.before + by.h_before);
#pragma GCC unroll 4
      for (int gate = 0; gate < Cell::kGates; ++gate) {
        const Lanes<T> at = unit.shifted(gate * in.width);
        at.store_to(row.da, by.by_a[gate]);
        sum_bias<kNorms>(sum_bias_a, at, by.by_a[gate]);
        if constexpr (Cell::kLastApart) {
          at.store_to(row.dr, by.by_r[gate]);
          sum_bias<kNorms>(sum_bias_r, at, by.by_r[gate]);
        }
      }
    } else {
      const Vec<T> dv = Cell::backward(in, unit, dh.now, h_before);
      unit.store_to(row.da, dv);
      sum_bias<kNorms>(sum_bias_a, unit, dv);
      T* const dw = row.sum(Slot::kWeightHh);
      unit.store_to(dw, fma(unless_zero(dv, h_before), dv, unit.load_from(dw)));
      unit.store_to(row.dh, fma(unit.load_from(in.weight_hh), dv, dh.before));
    }
  });
  through_norms<Cell>(row, in);
}

template <class Cell, Norms kNorms, class T, class Candidates>
static void go_back_through_cell(const BackwardRow<T>& row, const Candidates& candidates) {
  static_assert(!Cell::kLastApart && Cell::kWaiting + 3 <= kRowScratch, "u, dk, du");
  constexpr int kLast = Cell::kGates - 1;
  GateInputs<Cell, T, kNorms> in(row);
  in.recall();
  const int64_t width = in.width;
  T *const waiting = row.scratch, *const u = waiting + Cell::kWaiting * width;
  T *const dk = u + width, *const du = dk + width, *const dv = row.da;
  T* const sum_of_bias = row.sum(Slot::kBias);
  CellTerm<T> cell(row, u);
  if (cell.is_normalized) cell.recall();
  const bool is_clipped = row.pass->shape->clipped;
  const Vec<T> limit(row.pass->clip);

  const Zoneout<T> of_c{row.update_cell, {}};
  for_lanes<T>(width, [&](Lanes<T> unit) LNRNN_INLINE {
    prefetch_next<Cell::kGates>(row, unit);
    const auto dc = of_c.backward(unit, unit.load_from(row.dc));
    unit.store_to(row.dc, dc.before);

    const auto now = Cell::recompute(in, unit, unit.load_from(row.c_before), candidates.at(unit));
    Vec<T> by_output;
    if (row.d != nullptr) {
      by_output = unit.load_from(row.dd);
    } else {
      const auto dh = zoneout_of_h_backward(row, unit);
      unit.store_to(row.dh, dh.before);
      by_output = dh.now;
    }
    const Vec<T> u_at = is_clipped ? Cell::clip(now.u, limit) : now.u;
    const auto by = Cell::output_backward(by_output, now.gate, cell.seen(unit, u_at));
    if (row.d != nullptr) unit.store_to(row.d, by.output);
#pragma GCC unroll 4
    for (int i = 0; i < Cell::kWaiting; ++i) unit.store_to(waiting + i * width, by.waiting[i]);
    unit.store_to(u, u_at);
    const Lanes<T> last = unit.shifted(kLast * width);
    last.store_to(dv, by.last_gate);
    sum_bias<kNorms>(sum_of_bias, last, by.last_gate);
    // The carried c is k or u.
    unit.store_to(dk, cell.is_carried ? by.k + dc.now : by.k);
    unit.store_to(du, cell.is_carried ? Vec<T>(T(0)) : dc.now);
  });

  if (cell.is_normalized) cell.backward(row, dk, dk, row.sum(Slot::kBiasCell));
  for_lanes<T>(width, [&](Lanes<T> unit) LNRNN_INLINE {
    Vec<T> kept[Cell::kWaiting];
#pragma GCC unroll 4
    for (int i = 0; i < Cell::kWaiting; ++i) kept[i] = unit.load_from(waiting + i * width);
    const Vec<T> c_before = unit.load_from(row.c_before);
    const auto counts = candidates.at(unit);
    Vec<T> by_u = unit.load_from(du) + unit.load_from(dk);
    if (is_clipped) by_u = Cell::clip_backward(by_u, kept, c_before, limit, counts);
    const auto by = Cell::cell_backward(by_u, kept, c_before, counts);
#pragma GCC unroll 4
    for (int gate = 0; gate < kLast; ++gate) {
      const Lanes<T> at = unit.shifted(gate * width);
      at.store_to(dv, by.gates[gate]);
      sum_bias<kNorms>(sum_of_bias, at, by.gates[gate]);
    }
    unit.add_to(row.dc, by.c_before);
  });
  through_norms<Cell>(row, in);
}

template <class T>
static void unproject_row(const BackwardRow<T>& row) {
  for_lanes<T>(row.pass->output_width, [&](Lanes<T> at) LNRNN_INLINE {
    const auto dh = zoneout_of_h_backward(row, at);
    at.store_to(row.dh, dh.before);
    at.store_to(row.dprojected, dh.now);
  });
}

template <class T>
static void backward_row(const BackwardRow<T>& row) {
  with_cell_and_norms(*row.pass, [&](auto cell, auto norms) {
    using Cell = decltype(cell);
    constexpr Norms kNorms = decltype(norms)::value;
    if constexpr (Cell::kCarriesCell) {
      with_candidates(row, [&](const auto& candidates) LNRNN_INLINE {
        go_back_through_cell<Cell, kNorms>(row, candidates);
      });
    } else {
      go_back<Cell, T, kNorms>(row);
    }
  });
}

}  // namespace lnrnn::cpu::LNRNN_ISA

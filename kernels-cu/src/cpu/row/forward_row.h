// One (t, n) row forward, for every cell: everything between two matrix products, in a few passes over rows
// that are in the first-level cache.
#pragma once

#include "cells.h"
#include "zoneout_row.h"

namespace lnrnn::cpu::LNRNN_ISA {

// The cell as a term. It is measured where it is normalised at all.
template <class T>
struct CellTerm : Term<T, Norms::kWhole> {
  const T* bias;
  bool is_normalized, is_carried;  // is_carried: the next step sees the norm

  CellTerm(const Row<T>& row, const T* u)
      : Term<T, Norms::kWhole>(row, TermKind::kCell, u), bias(row.vector(Slot::kBiasCell)),
        is_normalized(this->site != nullptr),
        is_carried(is_normalized && this->site->seen_by == SeenBy::kCarry) {}

  // k of u.
  LNRNN_INLINE Vec<T> seen(Lanes<T> unit, Vec<T> u) const {
    return is_normalized ? this->plus(0, unit, u, unit.load_from(bias)) : u;
  }
};

// What of a row's candidates counts: all of them, or those that recurrent dropout's mask keeps.
template <class T>
struct WholeCandidates {
  LNRNN_INLINE WholeCandidate at(Lanes<T>) const { return {}; }
};
template <class T>
struct KeptCandidates {
  const uint8_t* mask;
  Vec<T> scale;

  LNRNN_INLINE auto at(Lanes<T> unit) const {
    return [keeps = unit.mask(mask), by = scale](Vec<T> value)
               LNRNN_INLINE { return kept_candidate(keeps, value, by); };
  }
};
// body(one of these): asked once for a row, not at every vector.
template <class T, class F>
LNRNN_SIMD void with_candidates(const Row<T>& row, const F& body) {
  if (row.keep_candidate == nullptr) return body(WholeCandidates<T>{});
  body(KeptCandidates<T>{row.keep_candidate, Vec<T>(row.pass->candidate_scale)});
}

// Zoneout of h, and where h goes.
template <class T>
struct NextState {
  const ForwardRow<T>& row;
  Zoneout<T> of_h;

  explicit NextState(const ForwardRow<T>& of) : row(of), of_h{of.update, of.pass->zoneout} {}
  LNRNN_INLINE void store(Lanes<T> unit, Vec<T> now) const {
    const Vec<T> h = of_h.apply(unit, now, row.h_before);
    unit.store_to(row.h, h);
    if (row.y != nullptr) unit.store_to(row.y, h);
  }
};

template <class Cell, class T, Norms kNorms>
static void advance(const ForwardRow<T>& row) {
  GateInputs<Cell, T, kNorms> in(row);
  in.measure(row.pass->epsilon);
  const NextState<T> next(row);
  for_lanes<T>(in.width, [&](Lanes<T> unit) LNRNN_INLINE {
    prefetch_next<Cell::kGates>(row, unit);
    next.store(unit, Cell::output(in, unit, unit.load_from(row.h_before)));
  });
}

template <class Cell, Norms kNorms, class T, class Candidates>
static void advance_cell(const ForwardRow<T>& row, const Candidates& candidates) {
  GateInputs<Cell, T, kNorms> in(row);
  in.measure(row.pass->epsilon);
  T *const o = row.scratch, *const u = o + in.width;
  const bool is_clipped = row.pass->shape->clipped;
  const Vec<T> limit(row.pass->clip);
  for_lanes<T>(in.width, [&](Lanes<T> unit) LNRNN_INLINE {
    prefetch_next<Cell::kGates>(row, unit);
    const auto candidate =
        Cell::candidate(in, unit, unit.load_from(row.c_before), candidates.at(unit));
    unit.store_to(o, candidate.o);
    unit.store_to(u, is_clipped ? Cell::clip(candidate.u, limit) : candidate.u);
  });

  CellTerm<T> cell(row, u);
  if (cell.is_normalized) cell.measure(row.pass->epsilon);
  const Zoneout<T> of_c{row.update_cell, row.pass->zoneout_cell};
  const NextState<T> next(row);
  for_lanes<T>(in.width, [&](Lanes<T> unit) LNRNN_INLINE {
    const Vec<T> u_at = unit.load_from(u), k = cell.seen(unit, u_at);
    unit.store_to(row.c, of_c.apply(unit, cell.is_carried ? k : u_at, row.c_before));
    const Vec<T> output = Cell::output(unit.load_from(o), k);
    if (row.d != nullptr) {
      unit.store_to(row.d, output);
    } else {
      next.store(unit, output);
    }
  });
}

template <class T>
static void project_row(const ForwardRow<T>& row) {
  const NextState<T> next(row);
  for_lanes<T>(row.pass->output_width,
               [&](Lanes<T> at) LNRNN_INLINE { next.store(at, at.load_from(row.projected)); });
}

template <class T>
static void forward_row(const ForwardRow<T>& row) {
  with_cell_and_norms(*row.pass, [&](auto cell, auto norms) {
    using Cell = decltype(cell);
    constexpr Norms kNorms = decltype(norms)::value;
    if constexpr (Cell::kCarriesCell) {
      with_candidates(row, [&](const auto& candidates)
                               LNRNN_INLINE { advance_cell<Cell, kNorms>(row, candidates); });
    } else {
      advance<Cell, T, kNorms>(row);
    }
  });
}

}  // namespace lnrnn::cpu::LNRNN_ISA

// Terms: rows of which each may be normalised, and what gates are computed from.
#pragma once

#include "activation.h"
#include "cpu/machine/isa.h"
#include "norm_row.h"

namespace lnrnn::cpu::LNRNN_ISA {

// A row that is used as it is or normalised, each segment by its own moments. Those of every gate are at hand,
// so that no loop over a row asks for segments.
template <class T, Norms kNorms>
struct Term {
  static constexpr bool kEachGate = kNorms == Norms::kSegments || kNorms == Norms::kSum;

  TermKind kind;
  const T* x;
  const T* gain;
  int64_t gate_width;
  int gates;
  const NormSite* site;  // null: as it is
  T* kept;               // its statistics; null where nobody wants them
  Moments<T> of_gate[kEachGate ? kMostGates : 1]{};

  Term(const Row<T>& row, TermKind of, const T* in)
      : kind(of), x(in), gain(row.vector(gain_of(of))), gate_width(row.pass->width),
        gates(of == TermKind::kCell ? 1 : row.pass->shape->gates),
        site(row.pass->site[static_cast<int>(of)]),
        kept(row.statistics == nullptr
                 ? nullptr
                 : row.statistics + row.pass->statistics[static_cast<int>(of)]) {}

  bool normalized() const {
    return kNorms == Norms::kSegments ? site != nullptr : kNorms != Norms::kNone;
  }

  // In forward; x has been written.
  void measure(T epsilon) {
    if constexpr (kNorms == Norms::kWhole) {
      of_gate[0] = moments_of_site(x, gates * gate_width, epsilon);
      if (kept != nullptr) of_gate[0].save(kept);
    } else {
      each_segment([&](int segment, int64_t begin, int64_t n) {
        const Moments<T> of = moments_of_site(x + begin, n, epsilon);
        if (kept != nullptr) of.save(kept + 2 * segment);
        return of;
      });
    }
  }
  // In backward, from what forward kept.
  void recall() {
    if constexpr (kNorms == Norms::kWhole) {
      of_gate[0] = Moments<T>::saved(kept);
    } else {
      each_segment(
          [&](int segment, int64_t, int64_t) { return Moments<T>::saved(kept + 2 * segment); });
    }
  }

  LNRNN_INLINE const Moments<T>& moments_of(int gate) const {
    return of_gate[kEachGate ? gate : 0];
  }
  // at: lanes of the gate.
  LNRNN_INLINE Vec<T> plus(int gate, Lanes<T> at, Vec<T> rest) const {
    return plus(gate, at, at.load_from(x), rest);
  }
  // The same, of what stands there in x.
  LNRNN_INLINE Vec<T> plus(int gate, Lanes<T> at, Vec<T> x_at, Vec<T> rest) const {
    if (!normalized()) return x_at + rest;
    return fma(at.load_from(gain), moments_of(gate).normalize(x_at), rest);
  }

  // From the gradient of the term that of x; dx may be dy. Adds to that of the gain and, unless null, to dbias.
  void backward(const BackwardRow<T>& row, const T* dy, T* dx, T* dbias) const {
    T* const dgain = row.sum(gain_of(kind));
    if constexpr (kNorms == Norms::kWhole) {
      segment_backward(0, 0, gates * gate_width, dy, dx, dgain, dbias);
    } else {
      if (!normalized()) return pass_on(dy, dx, dbias);
      int gate = 0;
      for (int segment = 0; segment < site->segments.count; ++segment) {
        segment_backward(gate, gate * gate_width, site->segments.gates[segment] * gate_width, dy,
                         dx, dgain, dbias);
        gate += site->segments.gates[segment];
      }
    }
  }

 private:
  Moments<T> moments_of_site(const T* begin, int64_t n, T epsilon) const {
    return site->centred ? moments(begin, n, epsilon) : moments<T, false>(begin, n, epsilon);
  }
  void segment_backward(int gate, int64_t begin, int64_t n, const T* dy, T* dx, T* dgain,
                        T* dbias) const {
    T* const dbias_here = dbias == nullptr ? nullptr : dbias + begin;
    const auto backward =
        site->centred ? layernorm_backward_row<T, true> : layernorm_backward_row<T, false>;
    backward(of_gate[gate], x + begin, gain + begin, dy + begin, n, dx + begin, dgain + begin,
             dbias_here);
  }
  // Notes for its gates what body(segment, begin, elements) gives for each segment.
  template <class F>
  void each_segment(const F& body) {
    if (!normalized()) return;
    int gate = 0;
    for (int segment = 0; segment < site->segments.count; ++segment) {
      const int wide = site->segments.gates[segment];
      const Moments<T> of = body(segment, gate * gate_width, wide * gate_width);
      for (const int end = gate + wide; gate < end; ++gate) of_gate[gate] = of;
    }
  }
  void pass_on(const T* dy, T* dx, T* dbias) const {
    for_lanes<T>(gates * gate_width, [&](Lanes<T> at) LNRNN_INLINE {
      const Vec<T> dy_at = at.load_from(dy);
      if (dx != dy) at.store_to(dx, dy_at);
      if (dbias != nullptr) at.add_to(dbias, dy_at);
    });
  }
};

// What a cell computes the gates of a row's units from: both products or their sum, and what is added to them.
template <class Cell, class T, Norms kNorms>
struct GateInputs {
  static constexpr TermKind kFirst = kNorms == Norms::kSum ? TermKind::kSum : TermKind::kInput;
  // Of the LSTM, products that have no norms are summed.
  static constexpr bool kApart = Cell::kRecurrentMatrix && kNorms != Norms::kSum &&
                                 (kNorms != Norms::kNone || Cell::kLastApart);

  int64_t width;
  const T *bias, *bias_hh, *weight_hh;
  Term<T, kNorms> a, r;  // r where the products are apart; else a is their sum

  explicit GateInputs(const Row<T>& row)
      : width(row.pass->width), bias(row.vector(added_to(kFirst, Cell::kKind))),
        bias_hh(row.vector(added_to(TermKind::kRecurrent, Cell::kKind))),
        weight_hh(row.vector(Slot::kWeightHh)), a(row, kFirst, row.a),
        r(row, TermKind::kRecurrent, row.r) {}

  // In forward, and in backward.
  void measure(T epsilon) {
    a.measure(epsilon);
    if constexpr (kApart) r.measure(epsilon);
  }
  void recall() {
    a.recall();
    if constexpr (kApart) r.recall();
  }

  // Each product with its bias, and their sum with the bias of both.
  LNRNN_INLINE Vec<T> of_x(int gate, Lanes<T> unit) const {
    const Lanes<T> at = unit.shifted(gate * width);
    return a.plus(gate, at, at.load_from(bias));
  }
  LNRNN_INLINE Vec<T> of_h(int gate, Lanes<T> unit) const {
    const Lanes<T> at = unit.shifted(gate * width);
    return r.plus(gate, at, at.load_from(bias_hh));
  }
  LNRNN_INLINE Vec<T> of_both(int gate, Lanes<T> unit) const {
    const Lanes<T> at = unit.shifted(gate * width);
    const Vec<T> rest = at.load_from(bias);
    return a.plus(gate, at, kApart ? r.plus(gate, at, rest) : rest);
  }
};

// To be called once for each unit: all of them together fetch the rows that come next.
template <int kGates, class T>
LNRNN_SIMD void prefetch_next(const Row<T>& row, Lanes<T> unit) {
  prefetch<T, kGates>(row.next_a + kGates * unit.at);
  if (row.r != nullptr) prefetch<T, kGates>(row.next_r + kGates * unit.at);
}
template <int kGates, class T>
LNRNN_SIMD void prefetch_next(const BackwardRow<T>& row, Lanes<T> unit) {
  prefetch_next<kGates>(static_cast<const Row<T>&>(row), unit);
  prefetch<T, kGates, true>(row.next_da + kGates * unit.at);
  if (row.r != nullptr) prefetch<T, kGates, true>(row.next_dr + kGates * unit.at);
}

}  // namespace lnrnn::cpu::LNRNN_ISA

// One (t, n) row of the LSTM, forward and backward: everything between two matrix products, in a
// few passes over rows that are in the first-level cache. Formulas are src/cell's; this file owns
// the passes.
#pragma once

#include "../cell/lstm.h"
#include "isa.h"
#include "norm_row.h"

namespace lnrnn::cpu::LNRNN_ISA {

// What forward and backward both derive from a row's products: the gates' pre-activations.
template <class T>
struct GateInputs {
  int64_t hidden;
  const T *a, *r, *bias, *gain_i, *gain_h;
  Moments<T> of_a, of_r;

  __attribute__((always_inline)) Vec<T> preactivation(int gate, Lanes<T> unit) const {
    const Lanes<T> at = unit.shifted(gate * hidden);
    const Vec<T> v = at.load_from(bias);
    if (r == nullptr) return at.load_from(a) + v;
    return fma(at.load_from(gain_i), of_a.normalize(at.load_from(a)),
               fma(at.load_from(gain_h), of_r.normalize(at.load_from(r)), v));
  }

  __attribute__((always_inline)) LstmGates<Vec<T>> gates(Lanes<T> unit) const {
    return lstm_gates(preactivation(0, unit), preactivation(1, unit), preactivation(2, unit),
                      preactivation(3, unit));
  }
};

template <class T>
static void lstm_forward_row(const LstmForwardRow<T>& row) {
  const int64_t hidden = row.hidden;
  GateInputs<T> in{hidden, row.a, row.r, row.bias, row.gain_i, row.gain_h, {}, {}};
  if (row.r != nullptr) {
    in.of_a = moments(row.a, 4 * hidden, row.epsilon);
    in.of_r = moments(row.r, 4 * hidden, row.epsilon);
  }

  T* const o = row.scratch;
  for_lanes<T>(hidden, [&](Lanes<T> unit) __attribute__((always_inline)) {
    const LstmGates<Vec<T>> gate = in.gates(unit);
    unit.store_to(o, gate.o);
    unit.store_to(row.c, lstm_cell(gate.i, gate.f, gate.g, unit.load_from(row.c_before)));
  });

  Moments<T> of_u{};
  if (row.gain_c != nullptr) of_u = moments(row.c, hidden, row.epsilon);
  if (row.statistics != nullptr) {
    in.of_a.save(row.statistics + kMeanA);
    in.of_r.save(row.statistics + kMeanR);
    of_u.save(row.statistics + kMeanU);
  }

  const Vec<T> keep(row.zoneout), take(T(1) - row.zoneout);
  for_lanes<T>(hidden, [&](Lanes<T> unit) __attribute__((always_inline)) {
    const Vec<T> k = affine(of_u, row.gain_c, row.bias_c, unit, unit.load_from(row.c));
    Vec<T> h = lstm_output(unit.load_from(o), k);
    if (row.update != nullptr) {
      h = select(unit.mask(row.update), h, unit.load_from(row.h_before));
    } else if (row.zoneout != T(0)) {
      h = fma(keep, unit.load_from(row.h_before), take * h);
    }
    unit.store_to(row.h, h);
    if (row.y != nullptr) unit.store_to(row.y, h);
  });
}

template <class T>
static void lstm_backward_row(const LstmBackwardRow<T>& row) {
  const int64_t hidden = row.hidden;
  GateInputs<T> in{hidden, row.a, row.r, row.bias, row.gain_i, row.gain_h, {}, {}};
  Moments<T> of_u{};
  if (row.statistics != nullptr) {
    in.of_a = Moments<T>::saved(row.statistics + kMeanA);
    in.of_r = Moments<T>::saved(row.statistics + kMeanR);
    of_u = Moments<T>::saved(row.statistics + kMeanU);
  }
  T *const i = row.scratch, *const f = i + hidden, *const g = f + hidden, *const dk = g + hidden;
  T *const dv = row.da, *const dvo = dv + 3 * hidden;

  for_lanes<T>(hidden, [&](Lanes<T> unit) __attribute__((always_inline)) {
    const Vec<T> zero(T(0));
    Vec<T> dh = unit.load_from(row.dh);
    if (row.dy != nullptr) dh = dh + unit.load_from(row.dy);
    Vec<T> past_zoneout = zero;
    if (row.update != nullptr) {
      const auto update = unit.mask(row.update);
      past_zoneout = select(update, zero, dh);
      dh = select(update, dh, zero);
    }
    unit.store_to(row.dh, past_zoneout);

    const LstmGates<Vec<T>> gate = in.gates(unit);
    const Vec<T> k = affine(of_u, row.gain_c, row.bias_c, unit, unit.load_from(row.c));
    const auto output = lstm_output_backward(dh, gate.o, tanh(k));
    unit.store_to(i, gate.i);
    unit.store_to(f, gate.f);
    unit.store_to(g, gate.g);
    unit.store_to(dk, output.k);
    unit.store_to(dvo, output.vo);
  });

  if (row.gain_c != nullptr) {
    layernorm_backward_row(of_u, row.c, row.gain_c, dk, hidden, dk, row.dgain_c, row.dbias_c);
  }

  for_lanes<T>(hidden, [&](Lanes<T> unit) __attribute__((always_inline)) {
    const Vec<T> du = unit.load_from(row.dc) + unit.load_from(dk);
    const auto cell = lstm_cell_backward(du, unit.load_from(i), unit.load_from(f),
                                         unit.load_from(g), unit.load_from(row.c_before));
    unit.store_to(dv, cell.vi);
    unit.store_to(dv + hidden, cell.vf);
    unit.store_to(dv + 2 * hidden, cell.vg);
    unit.store_to(row.dc, cell.c_before);
  });

  for_lanes<T>(4 * hidden, [&](Lanes<T> at) __attribute__((always_inline)) {
    at.add_to(row.dbias, at.load_from(dv));
  });
  if (row.dr != nullptr) {
    layernorm_backward_row<T>(in.of_r, row.r, row.gain_h, dv, 4 * hidden, row.dr, row.dgain_h,
                              nullptr);
    layernorm_backward_row<T>(in.of_a, row.a, row.gain_i, dv, 4 * hidden, dv, row.dgain_i, nullptr);
  }
}

}  // namespace lnrnn::cpu::LNRNN_ISA

// One (t, n) row of the LSTM between two matrix products. Formulas are src/cell's.
#pragma once

#include "strand_row.cuh"

#include "cell/lstm.h"

namespace lnrnn::cuda {

template <class T>
struct LstmInputs {
  int64_t hidden;
  const T* bias;
  GateTerm<T> a, r;

  LNRNN_DEVICE T preactivation(int gate, int64_t unit) const {
    const int64_t at = gate * hidden + unit;
    return a.plus(r.plus(bias[at], at), at);
  }
  LNRNN_DEVICE LstmGates<T> gates(int64_t unit) const {
    return lstm_gates(preactivation(0, unit), preactivation(1, unit), preactivation(2, unit),
                      preactivation(3, unit));
  }
};

template <class S>
struct LstmForwardRow {
  static constexpr const char* kName = "lstm_forward_row";
  static constexpr int kMaxThreads = 1024;
  using T = accumulation_t<S>;
  struct Shared {
    NormScratch<T> of_u;
  };

  ForwardRow<S> row;

  LNRNN_DEVICE void operator()(Block& block) const {
    const int64_t n = block.index();
    if (row.lengths.active(row.step, n)) {
      advance(block, n);
    } else {
      row.stay(block, n);
    }
  }

 private:
  LNRNN_DEVICE void advance(Block& block, int64_t n) const {
    auto& shared = block.template shared<Shared>();
    const int64_t hidden = row.hidden;
    const bool normalized = row.weights.gain_c != nullptr;
    const LstmInputs<T> in{hidden, row.weights.bias, row.of_a(n), row.of_r(block, n)};
    const T* const before = row.c_before + n * hidden;
    T* const cell = row.c + n * hidden;

    // A thread keeps u and o of its first unit, which is its only one up to a thousand; u of others
    // waits where the carried cell will be.
    const int64_t own = block.thread();
    T own_u(0), own_o(0);
    for (int64_t j = own; j < hidden; j += block.threads()) {
      const LstmGates<T> gate = in.gates(j);
      const T u = lstm_cell(gate.i, gate.f, gate.g, before[j]);
      if (j == own) {
        own_u = u;
        own_o = gate.o;
      } else {
        cell[j] = u;
      }
    }
    const auto u_of = [&](int64_t j) { return j == own ? own_u : cell[j]; };
    Norm<T> of_u{};
    if (normalized) {
      of_u = block_norm(block, shared.of_u, hidden, row.epsilon, u_of);
      if (row.norm_u != nullptr && block.thread() == 0) of_u.store(row.norm_u + n * kStatistics);
    }

    const Mask mask = row.mask.drawn(), mask_cell = row.mask_cell.drawn();
    for (int64_t j = own; j < hidden; j += block.threads()) {
      const T u = u_of(j), o = j == own ? own_o : sigmoid(in.preactivation(3, j));
      const T k = normalized ? fma(row.weights.gain_c[j], of_u.z(u), row.weights.bias_c[j]) : u;
      row.store(mask, n, j, lstm_output(o, k));
      cell[j] = after_zoneout(mask_cell.keeps(row.step, row.batch, n, j), row.zoneout_cell,
                              before[j], row.carries_norm ? k : u);
    }
  }
};

template <class S>
struct LstmBackwardRow {
  static constexpr const char* kName = "lstm_backward_row";
  static constexpr int kMaxThreads = 512;
  using T = accumulation_t<S>;
  struct Shared {
    SumScratch<T, 3> of_u, of_r;
  };

  BackwardRow<S> row;

  LNRNN_DEVICE void operator()(Block& block) const {
    const int64_t n = block.index();
    if (row.lengths.active(row.step, n)) {
      go_back(block, n);
    } else {
      row.skip(block, n);
    }
  }

 private:
  LNRNN_DEVICE void go_back(Block& block, int64_t n) const {
    auto& shared = block.template shared<Shared>();
    const int64_t hidden = row.hidden;
    const bool normalized = row.weights.gain_c != nullptr;
    const LstmInputs<T> in{hidden, row.weights.bias, row.of_a(n), row.of_r(n)};
    const Mask mask = row.mask.drawn(), mask_cell = row.mask_cell.drawn();
    const auto of_u = normalized ? Norm<T>::load(row.norm_u + n * kStatistics) : Norm<T>{};
    T* const dv = row.dv + n * row.gates;
    T* const dk = normalized ? row.dk + n * hidden : nullptr;
    T* const z = normalized ? row.z + n * hidden : nullptr;

    // Through the output to k, and to the output gate. The other gates wait where their gradients
    // will be.
    T sums_u[3] = {}, sums_r[3] = {};
    for (int64_t j = block.thread(); j < hidden; j += block.threads()) {
      const T by_h = row.through_zoneout(mask, n, j);
      const LstmGates<T> gate = in.gates(j);
      const T u = lstm_cell(gate.i, gate.f, gate.g, row.c_before[n * hidden + j]);
      if (!normalized) {
        const auto output = lstm_output_backward(by_h, gate.o, tanh(u));
        through_cell(in, mask_cell, n, j, gate, output.k, output.vo, sums_r);
        continue;
      }
      const T gain = row.weights.gain_c[j];
      z[j] = of_u.z(u);
      const auto output =
          lstm_output_backward(by_h, gate.o, tanh(fma(gain, z[j], row.weights.bias_c[j])));
      T by_norm = output.k;
      if (row.carries_norm && mask_cell.keeps(row.step, row.batch, n, j)) {
        by_norm += row.dc[n * hidden + j];
      }
      dk[j] = by_norm;
      NormGradient<T>::add(sums_u, gain * by_norm, z[j]);
      dv[j] = gate.i;
      dv[hidden + j] = gate.f;
      dv[2 * hidden + j] = gate.g;
      dv[3 * hidden + j] = output.vo;
    }

    if (normalized) {
      block_sum(block, shared.of_u, sums_u);
      const auto by_u = NormGradient<T>::of(sums_u, hidden);
      for (int64_t j = block.thread(); j < hidden; j += block.threads()) {
        const T du = by_u.dx(row.weights.gain_c[j] * dk[j], z[j], of_u.rstd);
        const LstmGates<T> gate{dv[j], dv[hidden + j], dv[2 * hidden + j], T(0)};
        through_cell(in, mask_cell, n, j, gate, du, dv[3 * hidden + j], sums_r);
      }
    }
    if (in.r.gain == nullptr) return;

    block_sum(block, shared.of_r, sums_r);
    const auto by_r = NormGradient<T>::of(sums_r, row.gates);
    for (int64_t j = block.thread(); j < hidden; j += block.threads()) {
      for (int k = 0; k < 4; ++k) {
        const int64_t at = k * hidden + j;
        row.store_dr(n, at, in.r, by_r, dv[at]);
      }
    }
  }

  // du: by the cell through the output alone. Adds to sums what the layer norm of r needs.
  LNRNN_DEVICE void through_cell(const LstmInputs<T>& in, const Mask& mask_cell, int64_t n,
                                 int64_t j, const LstmGates<T>& gate, T du, T dvo,
                                 T (&sums)[3]) const {
    const int64_t hidden = row.hidden, at = n * hidden + j;
    const bool keeps = mask_cell.keeps(row.step, row.batch, n, j);
    const T carried = row.dc[at];
    if (keeps && !row.carries_norm) du += carried;
    const auto cell = lstm_cell_backward(du, gate.i, gate.f, gate.g, row.c_before[at]);
    row.dc[at] = keeps ? cell.c_before : cell.c_before + carried;
    const T by_gate[4] = {cell.vi, cell.vf, cell.vg, dvo};
    for (int k = 0; k < 4; ++k) {
      const int64_t of_gate = k * hidden + j;
      row.dv[n * row.gates + of_gate] = by_gate[k];
      if (in.r.gain != nullptr) {
        NormGradient<T>::add(sums, in.r.gain[of_gate] * by_gate[k], in.r.z(of_gate));
      } else {
        row.store_dr(n, of_gate, by_gate[k], by_gate[k]);
      }
    }
  }
};

}  // namespace lnrnn::cuda

// One (t, n) row of the GRU between two matrix products. Formulas are src/cell's.
#pragma once

#include "strand_row.cuh"

#include "cell/gru.h"

namespace lnrnn::cuda {

// p is what comes of x, q what comes of h, each with its bias.
template <class T>
struct GruInputs {
  int64_t hidden;
  const T *bias, *bias_hh;
  GateTerm<T> a, r;

  LNRNN_DEVICE T p(int gate, int64_t unit) const {
    const int64_t at = gate * hidden + unit;
    return a.plus(bias[at], at);
  }
  LNRNN_DEVICE T q(int gate, int64_t unit) const {
    const int64_t at = gate * hidden + unit;
    return r.plus(bias_hh[at], at);
  }
  LNRNN_DEVICE GruGates<T> gates(int64_t unit, T qn) const {
    return gru_gates(p(0, unit), q(0, unit), p(1, unit), q(1, unit), p(2, unit), qn);
  }
};

template <class S>
struct GruForwardRow {
  static constexpr const char* kName = "gru_forward_row";
  static constexpr int kMaxThreads = 1024;
  using T = accumulation_t<S>;
  struct Shared {};

  ForwardRow<S> row;

  LNRNN_DEVICE void operator()(Block& block) const {
    const int64_t n = block.index(), hidden = row.hidden;
    if (!row.lengths.active(row.step, n)) {
      row.stay(block, n);
      return;
    }
    const GruInputs<T> in{hidden, row.weights.bias, row.weights.bias_hh, row.of_a(n),
                          row.of_r(block, n)};
    const Mask mask = row.mask.drawn();
    for (int64_t j = block.thread(); j < hidden; j += block.threads()) {
      const GruGates<T> gate = in.gates(j, in.q(2, j));
      row.store(mask, n, j, gru_output(gate.z, gate.n, row.h_before[n * hidden + j]));
    }
  }
};

template <class S>
struct GruBackwardRow {
  static constexpr const char* kName = "gru_backward_row";
  static constexpr int kMaxThreads = 512;
  using T = accumulation_t<S>;
  struct Shared {
    SumScratch<T, 3> of_r;
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
    const GruInputs<T> in{hidden, row.weights.bias, row.weights.bias_hh, row.of_a(n), row.of_r(n)};
    const Mask mask = row.mask.drawn();
    T* const dv = row.dv + n * row.gates;
    T* const dqn = row.dk + n * hidden;

    T sums[3] = {};
    for (int64_t j = block.thread(); j < hidden; j += block.threads()) {
      const T by_h = row.through_zoneout(mask, n, j), qn = in.q(2, j);
      const GruGates<T> gate = in.gates(j, qn);
      const auto by = gru_backward(by_h, gate.r, gate.z, gate.n, qn, row.h_before[n * hidden + j]);
      row.dh[n * hidden + j] += by.h_before;
      dv[j] = by.pr;
      dv[hidden + j] = by.pz;
      dv[2 * hidden + j] = by.pn;
      dqn[j] = by.qn;
      const T by_q[3] = {by.pr, by.pz, by.qn};
      for (int k = 0; k < 3; ++k) {
        const int64_t at = k * hidden + j;
        if (in.r.gain != nullptr) {
          NormGradient<T>::add(sums, in.r.gain[at] * by_q[k], in.r.z(at));
        } else {
          row.store_dr(n, at, by_q[k], by_q[k]);
        }
      }
    }
    if (in.r.gain == nullptr) return;

    block_sum(block, shared.of_r, sums);
    const auto by_r = NormGradient<T>::of(sums, row.gates);
    for (int64_t j = block.thread(); j < hidden; j += block.threads()) {
      for (int k = 0; k < 3; ++k) {
        const int64_t at = k * hidden + j;
        row.store_dr(n, at, in.r, by_r, k < 2 ? dv[at] : dqn[j]);
      }
    }
  }
};

}  // namespace lnrnn::cuda

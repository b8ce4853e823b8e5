// The LSTM through all steps in one launch. Formulas are src/cell's.
#pragma once

#include "cuda/row/lstm_row.cuh"
#include "strand_cluster.cuh"

namespace lnrnn::cuda {

constexpr int kLstmGates = 4;

// The vectors of parameters, as far as they concern one unit.
struct LstmUnit {
  float bias[kLstmGates], gain_i[kLstmGates], gain_h[kLstmGates], gain_c, bias_c;

  LNRNN_DEVICE static LstmUnit load(const StrandVectors<const float>& weights, int hidden, int j) {
    LstmUnit unit;
    load_unit(weights.bias, 0.0f, hidden, j, unit.bias);
    load_unit(weights.gain_i, 1.0f, hidden, j, unit.gain_i);
    load_unit(weights.gain_h, 1.0f, hidden, j, unit.gain_h);
    unit.gain_c = weights.gain_c == nullptr ? 1.0f : weights.gain_c[j];
    unit.bias_c = weights.bias_c == nullptr ? 0.0f : weights.bias_c[j];
    return unit;
  }
  LNRNN_DEVICE LstmGates<float> gates(const float (&a)[kLstmGates], const Norm<float>& of_a,
                                      const float (&r)[kLstmGates], const Norm<float>& of_r) const {
    return LstmInputs<float>{1, bias, {a, gain_i, of_a}, {r, gain_h, of_r}}.gates(0);
  }
};

// kShare: see launch_in_clusters.
template <class S, int kShare>
struct LstmClusterForward {
  static constexpr const char* kName = "lstm_cluster_forward";
  static constexpr int kMaxThreads = kClusterThreads;
  using HiddenProduct = ClusterProduct<S, kLstmGates, 2 * kShare>;
  struct Shared {
    typename HiddenProduct::Shared product;
    RowExchange<1> of_r;
    RowExchange<2> of_u;
  };

  ClusterForward<S> call;

  LNRNN_DEVICE void operator()(Block& block) const {
    auto& shared = block.template shared<Shared>();
    const ClusterPlace at = ClusterPlace::of(block);
    const LstmUnit unit = LstmUnit::load(call.weights, call.hidden, at.j);
    const ClusterRow row = call.row(at);
    shared.of_r.clear(block);
    shared.of_u.clear(block);
    HiddenProduct product;
    product.start(block, at, shared.product, call.hidden, call.hh);
    float h = call.load_state(at, call.h_from), c = call.load_state(at, call.c_from);
    product.publish(block, at, shared.product, 0, to_storage<S>(h));

    for (int64_t step = 0; step < call.walk.count; ++step) {
      const auto x = call.template read<kLstmGates>(at, row, step);
      float r[kLstmGates];
      product.multiply(block, at, shared.product, step, r);
      const auto of_r = call.norm_of_r(block, at, shared.of_r, step, r);
      const LstmGates<float> gate = unit.gates(x.a, x.of_a, r, of_r);
      const float u = lstm_cell(gate.i, gate.f, gate.g, c);
      auto of_u = no_norm();
      float k = u;
      if (call.normalizes_u()) {
        of_u = cluster_norm(block, at, shared.of_u, step, u, call.scale);
        k = fma(unit.gain_c, of_u.z(u), unit.bias_c);
      }
      if (x.active) {
        h = after_zoneout(x.keeps, call.zoneout, h, lstm_output(gate.o, k));
        c = after_zoneout(x.keeps_cell, call.zoneout_cell, c, call.carries_norm ? k : u);
      }
      if (step + 1 < call.walk.count) {
        product.publish(block, at, shared.product, step + 1, to_storage<S>(h));
      }
      call.store(at, x, r, of_r, of_u, h, c);
    }
    call.finish(at, h, c);
  }
};

template <class S, int kShare>
struct LstmClusterBackward {
  static constexpr const char* kName = "lstm_cluster_backward";
  static constexpr int kMaxThreads = kClusterThreads;
  using HiddenProduct = ClusterProductBack<S, kLstmGates, kShare>;
  struct Shared {
    typename HiddenProduct::Shared product;
    RowExchange<3> of_u, of_r;
  };

  ClusterBackward<S> call;

  LNRNN_DEVICE void operator()(Block& block) const {
    auto& shared = block.template shared<Shared>();
    const ClusterPlace at = ClusterPlace::of(block);
    const LstmUnit unit = LstmUnit::load(call.weights, call.hidden, at.j);
    const ClusterRow row = call.row(at);
    shared.of_u.clear(block);
    shared.of_r.clear(block);
    HiddenProduct product;
    product.start(block, at, shared.product, call.hidden, call.hh);
    float dh = call.load_state(at, call.dh), dc = call.load_state(at, call.dc);

    auto next = call.template read<kLstmGates>(at, row, 0);
    for (int64_t step = 0; step < call.walk.count; ++step) {
      const auto now = next;
      const float by_y = dh + to_accumulation(now.dy), by_h = now.keeps ? by_y : 0.0f;
      const LstmGates<float> gate = unit.gates(now.a, now.of_a, now.r, now.of_r);
      const float u = lstm_cell(gate.i, gate.f, gate.g, now.before), z = now.of_u.z(u);
      const float k = call.normalizes_u() ? fma(unit.gain_c, z, unit.bias_c) : u;
      const auto output = lstm_output_backward(by_h, gate.o, tanh(k));
      float dk = output.k, du = output.k;
      if (call.normalizes_u()) {
        if (call.carries_norm && now.keeps_cell) dk += dc;
        const float q = unit.gain_c * dk;
        float sums[3] = {};
        NormGradient<float>::add(sums, q, z);
        cluster_sum(block, at, shared.of_u, step, sums);
        du = NormGradient<float>::of(sums, call.hidden).dx(q, z, now.of_u.rstd);
      }
      if (now.keeps_cell && !call.carries_norm) du += dc;
      const auto cell = lstm_cell_backward(du, gate.i, gate.f, gate.g, now.before);
      const float dv[kLstmGates] = {cell.vi, cell.vf, cell.vg, output.vo};
      float dr[kLstmGates];
      call.through_norm_of_r(block, at, shared.of_r, step, unit.gain_h, now, dv, dr);
      call.store(at, now, dv, dr, product, shared.product, step);
      call.store(at, now, call.dk, dk);
      call.store(at, now, call.z, z);
      next = call.template read<kLstmGates>(at, row, step + 1);
      const float by_product = product.multiply(block, at, shared.product, step);
      if (!now.active) continue;
      dh = by_product + (now.keeps ? 0.0f : by_y);
      dc = now.keeps_cell ? cell.c_before : cell.c_before + dc;
    }
    if (!call.there(at)) return;
    call.dh[call.own(at)] = dh;
    call.dc[call.own(at)] = dc;
  }
};

}  // namespace lnrnn::cuda

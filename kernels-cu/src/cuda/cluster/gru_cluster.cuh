// The GRU through all steps in one launch. Formulas are src/cell's.
#pragma once

#include "cuda/row/gru_row.cuh"
#include "strand_cluster.cuh"

namespace lnrnn::cuda {

constexpr int kGruGates = 3;

// The vectors of parameters, as far as they concern one unit.
struct GruUnit {
  float bias[kGruGates], bias_hh[kGruGates], gain_i[kGruGates], gain_h[kGruGates];

  LNRNN_DEVICE static GruUnit load(const StrandVectors<const float>& weights, int hidden, int j) {
    GruUnit unit;
    load_unit(weights.bias, 0.0f, hidden, j, unit.bias);
    load_unit(weights.bias_hh, 0.0f, hidden, j, unit.bias_hh);
    load_unit(weights.gain_i, 1.0f, hidden, j, unit.gain_i);
    load_unit(weights.gain_h, 1.0f, hidden, j, unit.gain_h);
    return unit;
  }
  LNRNN_DEVICE GruInputs<float> inputs(const float (&a)[kGruGates], const Norm<float>& of_a,
                                       const float (&r)[kGruGates], const Norm<float>& of_r) const {
    return {1, bias, bias_hh, {a, gain_i, of_a}, {r, gain_h, of_r}};
  }
};

// kShare: see launch_in_clusters.
template <class S, int kShare>
struct GruClusterForward {
  static constexpr const char* kName = "gru_cluster_forward";
  static constexpr int kMaxThreads = kClusterThreads;
  using HiddenProduct = ClusterProduct<S, kGruGates, 2 * kShare>;
  struct Shared {
    typename HiddenProduct::Shared product;
    RowExchange<1> of_r;
  };

  ClusterForward<S> call;

  LNRNN_DEVICE void operator()(Block& block) const {
    auto& shared = block.template shared<Shared>();
    const ClusterPlace at = ClusterPlace::of(block);
    const GruUnit unit = GruUnit::load(call.weights, call.hidden, at.j);
    const ClusterRow row = call.row(at);
    shared.of_r.clear(block);
    HiddenProduct product;
    product.start(block, at, shared.product, call.hidden, call.hh);
    float h = call.load_state(at, call.h_from);
    product.publish(block, at, shared.product, 0, to_storage<S>(h));

    for (int64_t step = 0; step < call.walk.count; ++step) {
      const auto x = call.template read<kGruGates>(at, row, step);
      float r[kGruGates];
      product.multiply(block, at, shared.product, step, r);
      const auto of_r = call.norm_of_r(block, at, shared.of_r, step, r);
      const auto in = unit.inputs(x.a, x.of_a, r, of_r);
      const GruGates<float> gate = in.gates(0, in.q(2, 0));
      if (x.active) h = after_zoneout(x.keeps, call.zoneout, h, gru_output(gate.z, gate.n, h));
      if (step + 1 < call.walk.count) {
        product.publish(block, at, shared.product, step + 1, to_storage<S>(h));
      }
      call.store(at, x, r, of_r, no_norm(), h, 0.0f);
    }
    call.finish(at, h, 0.0f);
  }
};

template <class S, int kShare>
struct GruClusterBackward {
  static constexpr const char* kName = "gru_cluster_backward";
  static constexpr int kMaxThreads = kClusterThreads;
  using HiddenProduct = ClusterProductBack<S, kGruGates, kShare>;
  struct Shared {
    typename HiddenProduct::Shared product;
    RowExchange<3> of_r;
  };

  ClusterBackward<S> call;

  LNRNN_DEVICE void operator()(Block& block) const {
    auto& shared = block.template shared<Shared>();
    const ClusterPlace at = ClusterPlace::of(block);
    const GruUnit unit = GruUnit::load(call.weights, call.hidden, at.j);
    const ClusterRow row = call.row(at);
    shared.of_r.clear(block);
    HiddenProduct product;
    product.start(block, at, shared.product, call.hidden, call.hh);
    float dh = call.load_state(at, call.dh);

    auto next = call.template read<kGruGates>(at, row, 0);
    for (int64_t step = 0; step < call.walk.count; ++step) {
      const auto now = next;
      const float by_y = dh + to_accumulation(now.dy);
      const auto in = unit.inputs(now.a, now.of_a, now.r, now.of_r);
      const float qn = in.q(2, 0);
      const GruGates<float> gate = in.gates(0, qn);
      const auto by = gru_backward(now.keeps ? by_y : 0.0f, gate.r, gate.z, gate.n, qn, now.before);
      const float dv[kGruGates] = {by.pr, by.pz, by.pn}, by_q[kGruGates] = {by.pr, by.pz, by.qn};
      float dr[kGruGates];
      call.through_norm_of_r(block, at, shared.of_r, step, unit.gain_h, now, by_q, dr);
      call.store(at, now, dv, dr, product, shared.product, step);
      call.store(at, now, call.dk, by.qn);
      next = call.template read<kGruGates>(at, row, step + 1);
      const float by_product = product.multiply(block, at, shared.product, step);
      if (now.active) dh = by_product + by.h_before + (now.keeps ? 0.0f : by_y);
    }
    if (call.there(at)) call.dh[call.own(at)] = dh;
  }
};

}  // namespace lnrnn::cuda

// All steps back in clusters, in one launch, for every cell. See cluster_walk.cuh.
#pragma once

#include "cluster_walk.cuh"
#include "cuda/row/candidate.cuh"

namespace lnrnn::cuda {

// The walk is the other way round than forward's.
template <class S>
struct BackwardWalk : ClusterWalk<S> {
  const float *a, *r;                     // (T,N,GH): see term_of_step
  const float *norm_a, *norm_r, *norm_u;  // (T,N,segments,kStatistics)
  const float* before;                    // (T,N,H) the state that the cell's gradient needs
  Rows<const S> dy;                       // (T,N,H) strided; base may be null
  float *dh, *dc;                         // (N,H) read and written
  float* dv;                              // (T,N,GH) by the gates' pre-activations
  S* dr;                                  // (T,N,GH) by h's product
  float *last_dv, *dk, *z;                // (T,N,H): see BackwardStep

  // What a step reads, on its way during the product of the one before.
  template <class Cell>
  struct Step {
    int64_t sample;
    bool active, keeps, keeps_cell, keeps_candidate, cut;  // cut: see crossing
    float a[Cell::kGates], r[Cell::kGates];
    Moments<float> of_a[Cell::kMoments], of_r[Cell::kMoments], of_u;
    float before;
    S dy;
  };
  template <class Cell>
  LNRNN_DEVICE Step<Cell> read(const ClusterPlace& at, const ClusterRow& row, int64_t k) const {
    Step<Cell> s{};
    set_no_moments(s.of_a);
    set_no_moments(s.of_r);
    s.of_u = no_moments();
    if (k >= this->steps.count) return s;
    const int64_t step = this->steps.step(k), place = step - this->steps.begin;
    s.sample = place * this->batch + at.n;
    s.active = place < row.steps;
    if (!s.active) return s;
    const int64_t gates = s.sample * (Cell::kGates * this->hidden);
    load_unit(a == nullptr ? a : a + gates, 0.0f, this->hidden, at.j, s.a);
    load_unit(r == nullptr ? r : r + gates, 0.0f, this->hidden, at.j, s.r);
    load_moments(norm_a, this->segments_a, s.sample, s.of_a);
    load_moments(norm_r, this->segments_r, s.sample, s.of_r);
    s.of_u = load_moments(norm_u, s.sample);
    s.before = before[s.sample * this->hidden + at.j];
    if (dy.base != nullptr) s.dy = dy.at(place, at.n)[at.j];
    s.keeps = row.mask.keeps(step, this->batch, at.n, at.j);
    s.keeps_cell = row.mask_cell.keeps(step, this->batch, at.n, at.j);
    s.cut = this->cuts.after(step, at.n);
    s.keeps_candidate = row.mask_candidate.keeps(step, this->batch, at.n, at.j);
    return s;
  }

  // Through the layer norm of h R'; by_q: the gradient by what comes of it.
  template <class Cell>
  LNRNN_DEVICE void through_norm_of_r(const Block& block, const ClusterPlace& at,
                                      RowExchange<3 * Cell::kMoments>& exchange, int64_t step,
                                      const float (&gain)[Cell::kGates], const Step<Cell>& s,
                                      const float (&by_q)[Cell::kGates],
                                      float (&dr)[Cell::kGates]) const {
    constexpr int kGates = Cell::kGates, kMoments = Cell::kMoments;
    LNRNN_UNROLL
    for (int gate = 0; gate < kGates; ++gate) dr[gate] = by_q[gate];
    if (!this->normalizes_r()) return;
    float sums[kMoments][3] = {};
    LNRNN_UNROLL
    for (int gate = 0; gate < kGates; ++gate) {
      const int norm = kMoments == 1 ? 0 : gate;
      NormGradient<float>::add(sums[norm], gain[gate] * by_q[gate], s.of_r[norm].z(s.r[gate]));
    }
    cluster_sum(block, at, exchange, step, reinterpret_cast<float(&)[3 * kMoments]>(sums));
    NormGradient<float> by_r[kMoments];
    norm_gradients<kGates>(sums, this->segments_r, this->hidden, by_r);
    LNRNN_UNROLL
    for (int gate = 0; gate < kGates; ++gate) {
      const int norm = kMoments == 1 ? 0 : gate;
      dr[gate] =
          by_r[norm].dx(gain[gate] * by_q[gate], s.of_r[norm].z(s.r[gate]), s.of_r[norm].rstd);
    }
  }

  // Gradients by the gates' pre-activations and by h's product, which the product with R' takes, too.
  template <class Cell, class Product>
  LNRNN_DEVICE void store(const ClusterPlace& at, const Step<Cell>& s,
                          const float (&by_a)[Cell::kGates], const float (&by_r)[Cell::kGates],
                          const Product& product, typename Product::Shared& shared,
                          int64_t step) const {
    constexpr int kGates = Cell::kGates;
    const int64_t gates = s.sample * (kGates * this->hidden);
    LNRNN_UNROLL
    for (int gate = 0; gate < kGates; ++gate) {
      const S rounded = to_storage<S>(s.active ? by_r[gate] : 0.0f);
      product.put(at, shared, step, gate, rounded);
      if (!this->there(at)) continue;
      const int of_unit = gate * this->hidden + at.j;
      (dv + gates)[of_unit] = s.active ? by_a[gate] : 0.0f;
      (dr + gates)[of_unit] = rounded;
    }
  }
  template <class Cell>
  LNRNN_DEVICE void store(const ClusterPlace& at, const Step<Cell>& s, float* to,
                          float value) const {
    if (to == nullptr || !this->there(at)) return;
    to[s.sample * this->hidden + at.j] = s.active ? value : 0.0f;
  }
};

// kShare: see launch_in_clusters.
template <class Cell, class S, int kShare>
struct BackwardCluster {
  static constexpr const char* kName = "backward_cluster";
  static constexpr int kMaxThreads = kClusterThreads;
  static constexpr int kGates = Cell::kGates, kMoments = Cell::kMoments;
  using HiddenProduct = ClusterProductBack<S, kGates, kShare>;
  struct Shared {
    typename HiddenProduct::Shared product;
    RowExchange<3 * kMoments> of_r;
    CellExchange<Cell, 3> of_u;
  };

  BackwardWalk<S> walk;

  LNRNN_DEVICE void operator()(Block& block) const {
    auto& shared = block.template shared<Shared>();
    const ClusterPlace at = ClusterPlace::of(block);
    const auto unit = ClusterUnit<Cell>::load(walk.vectors, walk.hidden, at.j);
    const ClusterRow row = walk.row(at);
    if constexpr (Cell::kCarriesCell) shared.of_u.clear(block);
    shared.of_r.clear(block);
    HiddenProduct product;
    product.start(block, at, shared.product, walk.hidden, walk.hh);
    float dh = walk.load_state(at, walk.dh), dc = 0.0f;
    if constexpr (Cell::kCarriesCell) dc = walk.load_state(at, walk.dc);

    auto next = walk.template read<Cell>(at, row, 0);
    for (int64_t step = 0; step < walk.steps.count; ++step) {
      const auto now = next;
      dh = crossing(now.cut, dh);
      dc = crossing(now.cut, dc);
      const float by_y = dh + to_accumulation(now.dy), by_h = now.keeps ? by_y : 0.0f;
      const auto in = unit.inputs(now.a, now.of_a, now.r, now.of_r);
      const auto give = [&](const float(&by_a)[kGates], const float(&by_r)[kGates]) {
        float dr[kGates];
        walk.template through_norm_of_r<Cell>(block, at, shared.of_r, step, unit.gain_r, now, by_r,
                                              dr);
        walk.template store<Cell>(at, now, by_a, dr, product, shared.product, step);
      };
      float by_h_before = 0.0f;  // but for what h's product gives
      if constexpr (Cell::kCarriesCell) {
        const CandidateShare<float> share{now.keeps_candidate, walk.candidate_scale};
        const auto was = Cell::recompute(in, 0, now.before, share);
        const float u = Cell::clip(was.u, walk.clip), z = now.of_u.z(u);
        const float k = walk.normalizes_u() ? fma(unit.gain_u, z, unit.bias_u) : u;
        const auto output = Cell::output_backward(by_h, was.gate, k);
        float dk = output.k, du = output.k;
        if (walk.normalizes_u()) {
          if (walk.carries_norm && now.keeps_cell) dk += dc;
          const float q = unit.gain_u * dk;
          float sums[3] = {};
          NormGradient<float>::add(sums, q, z);
          cluster_sum(block, at, shared.of_u, step, sums);
          du = NormGradient<float>::of(sums, walk.hidden).dx(q, z, now.of_u.rstd);
        }
        if (now.keeps_cell && !walk.carries_norm) du += dc;
        du = Cell::clip_backward(du, output.waiting, now.before, walk.clip, share);
        const auto by = Cell::cell_backward(du, output.waiting, now.before, share);
        give(by.gates, by.gates);
        walk.template store<Cell>(at, now, walk.dk, dk);
        walk.template store<Cell>(at, now, walk.z, z);
        if (now.active) dc = now.keeps_cell ? by.c_before : by.c_before + dc;
      } else {
        const auto by = Cell::backward(in, 0, by_h, now.before);
        give(by.by_a, by.by_r);
        if constexpr (Cell::kLastApart)
          walk.template store<Cell>(at, now, walk.last_dv, by.by_r[kGates - 1]);
        by_h_before = by.h_before;
      }
      next = walk.template read<Cell>(at, row, step + 1);
      float by_product = product.multiply(block, at, shared.product, step);
      if constexpr (!Cell::kCarriesCell) by_product += by_h_before;
      if (now.active) dh = by_product + (now.keeps ? 0.0f : by_y);
    }
    if (!walk.there(at)) return;
    walk.dh[walk.own(at)] = dh;
    if constexpr (Cell::kCarriesCell) walk.dc[walk.own(at)] = dc;
  }
};

}  // namespace lnrnn::cuda

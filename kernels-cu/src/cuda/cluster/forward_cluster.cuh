// All steps forward in clusters, in one launch, for every cell. See cluster_walk.cuh.
#pragma once

#include "cluster_walk.cuh"

namespace lnrnn::cuda {

template <class S>
struct ForwardWalk : ClusterWalk<S> {
  NormScale scale;
  ZoneoutShares<float> zoneout, zoneout_cell;  // inference's, of h and of c
  const float* norm_a;                         // (T,N,segments,kStatistics)
  float* a;                                    // (T,N,GH); h R' is added to it, if adds
  bool adds;
  bool normalizes_sum;           // of a and h R': then that is r, and there is no other term
  float* r;                      // (T,N,GH)
  float *norm_r, *norm_u;        // (T,N,kStatistics)
  const float *h_from, *c_from;  // (N,H) before the walk
  float *h_to, *c_to;            // (N,H) after it; if keeps_states (T,N,H), after each step
  bool keeps_states;
  Rows<S> y;  // (T,N,H) strided; base may be null

  // Its x, on its way during the product.
  template <class Cell>
  struct Step {
    int64_t place, sample;                                 // the step's in memory; (place, n)
    bool active, keeps, keeps_cell, keeps_candidate, cut;  // cut: see crossing
    float a[Cell::kGates];
    Moments<float> of_a[Cell::kMoments];
  };
  template <class Cell>
  LNRNN_DEVICE Step<Cell> read(const ClusterPlace& at, const ClusterRow& row, int64_t k) const {
    Step<Cell> s{};
    set_no_moments(s.of_a);
    s.place = this->steps.step(k) - this->steps.begin;
    s.sample = s.place * this->batch + at.n;
    s.active = s.place < row.steps;
    if (!s.active) return s;
    load_unit(a + s.sample * (Cell::kGates * this->hidden), 0.0f, this->hidden, at.j, s.a);
    load_moments(norm_a, this->segments_a, s.sample, s.of_a);
    s.keeps = row.mask.keeps(this->steps.step(k), this->batch, at.n, at.j);
    s.keeps_cell = row.mask_cell.keeps(this->steps.step(k), this->batch, at.n, at.j);
    s.cut = this->cuts.after(this->steps.step(k), at.n);
    s.keeps_candidate = row.mask_candidate.keeps(this->steps.step(k), this->batch, at.n, at.j);
    return s;
  }

  template <class Cell>
  LNRNN_DEVICE void complete_sum(Step<Cell>& s, float (&r)[Cell::kGates]) const {
    if (!normalizes_sum) return;
    LNRNN_UNROLL
    for (int gate = 0; gate < Cell::kGates; ++gate) {
      r[gate] += s.a[gate];
      s.a[gate] = 0.0f;
    }
  }

  // The mean of r is 0.
  template <int kGates, int kMoments>
  LNRNN_DEVICE void find_moments_of_r(const Block& block, const ClusterPlace& at,
                                      RowExchange<kMoments>& exchange, int64_t step,
                                      const float (&r)[kGates],
                                      Moments<float> (&of_r)[kMoments]) const {
    set_no_moments(of_r);
    if (!this->normalizes_r()) return;
    float squares[kMoments] = {};
    LNRNN_UNROLL
    for (int gate = 0; gate < kGates; ++gate) {
      float& sum = squares[kMoments == 1 ? 0 : gate];
      sum = scale.add_square(sum, r[gate]);
    }
    cluster_sum(block, at, exchange, step, squares);
    if constexpr (kMoments == 1) {
      of_r[0] = {0.0f, scale.rstd(squares[0] / static_cast<float>(kGates * this->hidden))};
    } else {
      LNRNN_UNROLL
      for (int gate = 0; gate < kGates; ++gate) {
        const int segment = this->segments_r.of_gate(gate);
        float sum = 0.0f;
        LNRNN_UNROLL
        for (int other = 0; other < kGates; ++other) {
          if (this->segments_r.of_gate(other) == segment) sum += squares[other];
        }
        const int width = this->segments_r.gates[segment] * this->hidden;
        of_r[gate] = {0.0f, scale.rstd(sum / static_cast<float>(width))};
      }
    }
  }

  template <class Cell>
  LNRNN_DEVICE void store(const ClusterPlace& at, const Step<Cell>& s,
                          const float (&products)[Cell::kGates],
                          const Moments<float> (&of_r)[Cell::kMoments], const Moments<float>& of_u,
                          float h, float c, float output) const {
    constexpr int kGates = Cell::kGates;
    if (!this->there(at)) return;
    if (keeps_states) {
      h_to[s.sample * this->hidden + at.j] = h;
      if (c_to != nullptr) c_to[s.sample * this->hidden + at.j] = c;
    }
    if (y.base != nullptr) {
      y.at(s.place, at.n)[at.j] = to_storage<S>(s.active ? output : 0.0f);
    }
    if (!s.active) return;
    const int64_t gates = s.sample * (kGates * this->hidden);
    LNRNN_UNROLL
    for (int gate = 0; gate < kGates; ++gate) {
      const int of_unit = gate * this->hidden + at.j;
      if (adds) (a + gates)[of_unit] = s.a[gate] + products[gate];
      if (r != nullptr) (r + gates)[of_unit] = products[gate];
    }
    if (at.j != 0) return;
    if (norm_r != nullptr) store_moments(of_r, s.sample);
    if (norm_u != nullptr) of_u.store(norm_u + s.sample * kStatistics);
  }
  template <int kMoments>
  LNRNN_DEVICE void store_moments(const Moments<float> (&of_r)[kMoments], int64_t sample) const {
    LNRNN_UNROLL
    for (int gate = 0; gate < kMoments; ++gate) {
      const int64_t pair =
          kMoments == 1 ? sample : sample * this->segments_r.count + this->segments_r.of_gate(gate);
      of_r[gate].store(norm_r + pair * kStatistics);
    }
  }
  LNRNN_DEVICE void finish(const ClusterPlace& at, float h, float c) const {
    if (keeps_states || !this->there(at)) return;
    h_to[this->own(at)] = h;
    if (c_to != nullptr) c_to[this->own(at)] = c;
  }
};

// kShare: see launch_in_clusters.
template <class Cell, class S, int kShare>
struct ForwardCluster {
  static constexpr const char* kName = "forward_cluster";
  static constexpr int kMaxThreads = kClusterThreads;
  static constexpr int kGates = Cell::kGates, kMoments = Cell::kMoments;
  using HiddenProduct = ClusterProduct<S, kGates, 2 * kShare>;
  struct Shared {
    typename HiddenProduct::Shared product;
    RowExchange<kMoments> of_r;
    CellExchange<Cell, 2> of_u;
  };

  ForwardWalk<S> walk;

  LNRNN_DEVICE void operator()(Block& block) const {
    auto& shared = block.template shared<Shared>();
    const ClusterPlace at = ClusterPlace::of(block);
    const auto unit = ClusterUnit<Cell>::load(walk.vectors, walk.hidden, at.j);
    const ClusterRow row = walk.row(at);
    shared.of_r.clear(block);
    if constexpr (Cell::kCarriesCell) shared.of_u.clear(block);
    HiddenProduct product;
    product.start(block, at, shared.product, walk.hidden, walk.hh);
    float h = walk.load_state(at, walk.h_from), c = 0.0f;
    if constexpr (Cell::kCarriesCell) c = walk.load_state(at, walk.c_from);
    product.publish(block, at, shared.product, 0, to_storage<S>(h));

    for (int64_t step = 0; step < walk.steps.count; ++step) {
      auto x = walk.template read<Cell>(at, row, step);
      float r[kGates];
      product.multiply(block, at, shared.product, step, r);
      walk.template complete_sum<Cell>(x, r);
      Moments<float> of_r[kMoments];
      walk.find_moments_of_r(block, at, shared.of_r, step, r, of_r);
      const auto in = unit.inputs(x.a, x.of_a, r, of_r);
      auto of_u = no_moments();
      if constexpr (Cell::kCarriesCell) {
        auto candidate = Cell::candidate(in, 0, c, {x.keeps_candidate, walk.candidate_scale});
        candidate.u = Cell::clip(candidate.u, walk.clip);
        float k = candidate.u;
        if (walk.normalizes_u()) {
          of_u = cluster_moments(block, at, shared.of_u, step, candidate.u, walk.scale);
          k = fma(unit.gain_u, of_u.z(candidate.u), unit.bias_u);
        }
        if (x.active) {
          h = after_zoneout(x.keeps, walk.zoneout, h, Cell::output(candidate.o, k));
          c = after_zoneout(x.keeps_cell, walk.zoneout_cell, c,
                            walk.carries_norm ? k : candidate.u);
        }
      } else {
        const float now = Cell::output(in, 0, h);
        if (x.active) h = after_zoneout(x.keeps, walk.zoneout, h, now);
      }
      const float output = h;
      h = crossing(x.cut, h);
      c = crossing(x.cut, c);
      if (step + 1 < walk.steps.count) {
        product.publish(block, at, shared.product, step + 1, to_storage<S>(h));
      }
      walk.template store<Cell>(at, x, r, of_r, of_u, h, c, output);
    }
    walk.finish(at, h, c);
  }
};

}  // namespace lnrnn::cuda

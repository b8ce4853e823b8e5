// A strand's steps in clusters, in one launch: what a step reads, stores and normalises, for every cell.
// Data types of 16 bits; hidden sizes that are multiples of 32, up to kMostClusterBlocks times that.
//
// Tensors begin at the first of the walk's steps in memory; what is not wanted is null. What is not
// normalised has gain 1 and a norm that changes nothing, so that formulas need not ask.
#pragma once

#include "cluster_product.cuh"
#include "cuda/row/strand_row.cuh"

namespace lnrnn::cuda {

LNRNN_DEVICE Norm<float> no_norm() { return {0.0f, 1.0f}; }

// A vector of parameters (kGates H), or null, as far as it concerns unit j.
template <int kGates>
LNRNN_DEVICE void load_unit(const float* vector, float otherwise, int hidden, int j,
                            float (&to)[kGates]) {
  LNRNN_UNROLL
  for (int gate = 0; gate < kGates; ++gate) {
    to[gate] = vector == nullptr ? otherwise : vector[gate * hidden + j];
  }
}
LNRNN_DEVICE Norm<float> load_norm(const float* statistics, int64_t sample) {
  return statistics == nullptr ? no_norm() : Norm<float>::load(statistics + sample * kStatistics);
}

// What a thread finds out once.
struct ClusterRow {
  int64_t steps;         // as many of the walk's first ones in memory the row has
  Mask mask, mask_cell;  // training's
};

template <class S>
struct ClusterPass {
  TimeWalk walk;
  int64_t batch;
  int hidden;
  Lengths lengths;
  StrandVectors<const float> weights;
  const S* hh;  // (GH,H); backward: (H,GH)
  bool carries_norm;
  Mask mask, mask_cell;

  LNRNN_DEVICE ClusterRow row(const ClusterPlace& at) const {
    ClusterRow row{0, mask.drawn(), mask_cell.drawn()};
    if (!there(at)) return row;
    row.steps = lengths.lengths == nullptr ? walk.count : lengths.lengths[at.n] - walk.begin;
    return row;
  }
  LNRNN_DEVICE bool there(const ClusterPlace& at) const { return at.n < batch; }
  LNRNN_DEVICE bool normalizes_r() const { return weights.gain_h != nullptr; }
  LNRNN_DEVICE bool normalizes_u() const { return weights.gain_c != nullptr; }
  // Of a state (N,H).
  LNRNN_DEVICE int64_t own(const ClusterPlace& at) const { return at.n * hidden + at.j; }
  LNRNN_DEVICE float load_state(const ClusterPlace& at, const float* state) const {
    return there(at) ? state[own(at)] : 0.0f;
  }
};

template <class S>
struct ClusterForward : ClusterPass<S> {
  NormScale scale;
  ZoneoutShares<float> zoneout, zoneout_cell;  // inference's, of h and of c
  const float* norm_a;                         // (T,N,kStatistics)
  float* a;                                    // (T,N,GH); h R' is added to it, if adds
  bool adds;
  float* r;                      // (T,N,GH)
  float *norm_r, *norm_u;        // (T,N,kStatistics)
  const float *h_from, *c_from;  // (N,H) before the walk
  float *h_to, *c_to;            // (N,H) after it; if keeps_states (T,N,H), after each step
  bool keeps_states;
  Rows<S> y;  // (T,N,H) strided; base may be null

  // Its x, on its way during the product.
  template <int kGates>
  struct Step {
    int64_t place, sample;  // the step's in memory; (place, n)
    bool active, keeps, keeps_cell;
    float a[kGates];
    Norm<float> of_a;
  };
  template <int kGates>
  LNRNN_DEVICE Step<kGates> read(const ClusterPlace& at, const ClusterRow& row, int64_t k) const {
    Step<kGates> s{};
    s.of_a = no_norm();
    s.place = this->walk.step(k) - this->walk.begin;
    s.sample = s.place * this->batch + at.n;
    s.active = s.place < row.steps;
    if (!s.active) return s;
    load_unit(a + s.sample * (kGates * this->hidden), 0.0f, this->hidden, at.j, s.a);
    s.of_a = load_norm(norm_a, s.sample);
    s.keeps = row.mask.keeps(this->walk.step(k), this->batch, at.n, at.j);
    s.keeps_cell = row.mask_cell.keeps(this->walk.step(k), this->batch, at.n, at.j);
    return s;
  }

  // The mean of h R' is 0.
  template <int kGates>
  LNRNN_DEVICE Norm<float> norm_of_r(const Block& block, const ClusterPlace& at,
                                     RowExchange<1>& exchange, int64_t step,
                                     const float (&r)[kGates]) const {
    if (!this->normalizes_r()) return no_norm();
    float squares[1] = {0};
    LNRNN_UNROLL
    for (int gate = 0; gate < kGates; ++gate) squares[0] = scale.add_square(squares[0], r[gate]);
    cluster_sum(block, at, exchange, step, squares);
    return {0.0f, scale.rstd(squares[0] / static_cast<float>(kGates * this->hidden))};
  }

  template <int kGates>
  LNRNN_DEVICE void store(const ClusterPlace& at, const Step<kGates>& s,
                          const float (&products)[kGates], const Norm<float>& of_r,
                          const Norm<float>& of_u, float h, float c) const {
    if (!this->there(at)) return;
    if (keeps_states) {
      h_to[s.sample * this->hidden + at.j] = h;
      if (c_to != nullptr) c_to[s.sample * this->hidden + at.j] = c;
    }
    if (y.base != nullptr) {
      y.at(s.place, at.n)[at.j] = to_storage<S>(s.active ? h : 0.0f);
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
    if (norm_r != nullptr) of_r.store(norm_r + s.sample * kStatistics);
    if (norm_u != nullptr) of_u.store(norm_u + s.sample * kStatistics);
  }
  LNRNN_DEVICE void finish(const ClusterPlace& at, float h, float c) const {
    if (keeps_states || !this->there(at)) return;
    h_to[this->own(at)] = h;
    if (c_to != nullptr) c_to[this->own(at)] = c;
  }
};

// The walk is the other way round than forward's.
template <class S>
struct ClusterBackward : ClusterPass<S> {
  const float *a, *r;                     // (T,N,GH)
  const float *norm_a, *norm_r, *norm_u;  // (T,N,kStatistics)
  const float* before;                    // (T,N,H) the state that the cell's gradient needs
  Rows<const S> dy;                       // (T,N,H) strided; base may be null
  float *dh, *dc;                         // (N,H) read and written
  float* dv;                              // (T,N,GH) by the gates' pre-activations
  S* dr;                                  // (T,N,GH) by h's product
  float *dk, *z;                          // (T,N,H): see BackwardRow

  // What a step reads, on its way during the product of the one before.
  template <int kGates>
  struct Step {
    int64_t sample;
    bool active, keeps, keeps_cell;
    float a[kGates], r[kGates];
    Norm<float> of_a, of_r, of_u;
    float before;
    S dy;
  };
  template <int kGates>
  LNRNN_DEVICE Step<kGates> read(const ClusterPlace& at, const ClusterRow& row, int64_t k) const {
    Step<kGates> s{};
    s.of_a = s.of_r = s.of_u = no_norm();
    if (k >= this->walk.count) return s;
    const int64_t step = this->walk.step(k), place = step - this->walk.begin;
    s.sample = place * this->batch + at.n;
    s.active = place < row.steps;
    if (!s.active) return s;
    const int64_t gates = s.sample * (kGates * this->hidden);
    load_unit(a + gates, 0.0f, this->hidden, at.j, s.a);
    load_unit(r == nullptr ? r : r + gates, 0.0f, this->hidden, at.j, s.r);
    s.of_a = load_norm(norm_a, s.sample);
    s.of_r = load_norm(norm_r, s.sample);
    s.of_u = load_norm(norm_u, s.sample);
    s.before = before[s.sample * this->hidden + at.j];
    if (dy.base != nullptr) s.dy = dy.at(place, at.n)[at.j];
    s.keeps = row.mask.keeps(step, this->batch, at.n, at.j);
    s.keeps_cell = row.mask_cell.keeps(step, this->batch, at.n, at.j);
    return s;
  }

  // Through the layer norm of h R'; by_q: the gradient by what comes of it.
  template <int kGates>
  LNRNN_DEVICE void through_norm_of_r(const Block& block, const ClusterPlace& at,
                                      RowExchange<3>& exchange, int64_t step,
                                      const float (&gain)[kGates], const Step<kGates>& s,
                                      const float (&by_q)[kGates], float (&dr)[kGates]) const {
    LNRNN_UNROLL
    for (int gate = 0; gate < kGates; ++gate) dr[gate] = by_q[gate];
    if (!this->normalizes_r()) return;
    float sums[3] = {};
    LNRNN_UNROLL
    for (int gate = 0; gate < kGates; ++gate) {
      NormGradient<float>::add(sums, gain[gate] * by_q[gate], s.of_r.z(s.r[gate]));
    }
    cluster_sum(block, at, exchange, step, sums);
    const auto by_r = NormGradient<float>::of(sums, kGates * this->hidden);
    LNRNN_UNROLL
    for (int gate = 0; gate < kGates; ++gate) {
      dr[gate] = by_r.dx(gain[gate] * by_q[gate], s.of_r.z(s.r[gate]), s.of_r.rstd);
    }
  }

  // Gradients by the gates' pre-activations and by h's product, which the product with R' takes, too.
  template <int kGates, class Product>
  LNRNN_DEVICE void store(const ClusterPlace& at, const Step<kGates>& s,
                          const float (&by_gate)[kGates], const float (&by_product)[kGates],
                          const Product& product, typename Product::Shared& shared,
                          int64_t step) const {
    const int64_t gates = s.sample * (kGates * this->hidden);
    LNRNN_UNROLL
    for (int gate = 0; gate < kGates; ++gate) {
      const S rounded = to_storage<S>(s.active ? by_product[gate] : 0.0f);
      product.put(at, shared, step, gate, rounded);
      if (!this->there(at)) continue;
      const int of_unit = gate * this->hidden + at.j;
      (dv + gates)[of_unit] = s.active ? by_gate[gate] : 0.0f;
      (dr + gates)[of_unit] = rounded;
    }
  }
  template <int kGates>
  LNRNN_DEVICE void store(const ClusterPlace& at, const Step<kGates>& s, float* to,
                          float value) const {
    if (to == nullptr || !this->there(at)) return;
    to[s.sample * this->hidden + at.j] = s.active ? value : 0.0f;
  }
};

// Whether a strand's passes over such a batch run in clusters.
template <class S>
bool runs_in_clusters(const Context& context, const Strand& strand, int64_t batch) {
  // Clusters that find no room wait for others to take all their steps. A step takes less than a third of
  // the time that it takes with kernels of its own.
  constexpr int64_t kMostTurns = 3;
  const int64_t hidden = strand.hidden(), blocks = hidden / kClusterUnits;
  const CellKind kind = strand.shape().kind;
  if (kExactOperands<S> || (kind != CellKind::kLstm && kind != CellKind::kGru) ||
      hidden % kClusterUnits != 0 || blocks > kMostClusterBlocks) {
    return false;
  }
  return tiles_of(batch, kClusterRows) <= kMostTurns * context.resident_clusters(blocks);
}

// One of the two kernels with a call for it, in the least of its sizes that is enough for the blocks: kShare
// is as many tiles as a warp of ClusterProductBack takes, half the chunks that one of ClusterProduct does.
template <template <class, int> class Lstm, template <class, int> class Gru,
          template <class> class Call, class S>
lnrnnStatus_t launch_in_clusters(const CudaStream& stream, CellKind kind, const Call<S>& call) {
  const auto launch_kernel = [&](const auto& kernel) {
    using Kernel = std::decay_t<decltype(kernel)>;
    return launch(stream, cluster_shape<Kernel>(call.batch, call.hidden), kernel);
  };
  const auto launch_share = [&](auto share) {
    constexpr int kShare = decltype(share)::value;
    return kind == CellKind::kGru ? launch_kernel(Gru<S, kShare>{call})
                                  : launch_kernel(Lstm<S, kShare>{call});
  };
  if (call.hidden <= 4 * kClusterUnits) return launch_share(std::integral_constant<int, 1>{});
  if (call.hidden <= 8 * kClusterUnits) return launch_share(std::integral_constant<int, 2>{});
  return launch_share(std::integral_constant<int, 4>{});
}

}  // namespace lnrnn::cuda

// A strand's steps in clusters, in one launch: what forward and backward share, for every cell. Data types of
// 16 bits; hidden sizes that are multiples of 32, up to kMostClusterBlocks times that.
//
// Tensors begin at the first of the walk's steps in memory; what is not wanted is null. What is not
// normalised has gain 1 and a norm that changes nothing, so that formulas need not ask.
#pragma once

#include "cluster_product.cuh"
#include "cuda/row/term.cuh"
#include "cuda/row/time_walk.cuh"

namespace lnrnn::cuda {

LNRNN_DEVICE Moments<float> no_moments() { return {0.0f, 1.0f}; }
LNRNN_DEVICE Moments<float> load_moments(const float* statistics, int64_t sample) {
  return statistics == nullptr ? no_moments()
                               : Moments<float>::load(statistics + sample * kStatistics);
}
template <int kMoments>
LNRNN_DEVICE void load_moments(const float* statistics, const Segments& segments, int64_t sample,
                               Moments<float> (&of_gate)[kMoments]) {
  LNRNN_UNROLL
  for (int gate = 0; gate < kMoments; ++gate) {
    of_gate[gate] =
        load_moments(statistics,
                     kMoments == 1 ? sample : sample * segments.count + segments.of_gate(gate));
  }
}
template <int kMoments>
LNRNN_DEVICE void set_no_moments(Moments<float> (&of_gate)[kMoments]) {
  LNRNN_UNROLL
  for (Moments<float>& moments : of_gate) moments = no_moments();
}

// A tensor's row, or a vector of parameters, of kGates H numbers, or null, as far as it concerns unit j.
template <int kGates>
LNRNN_DEVICE void load_unit(const float* row, float otherwise, int hidden, int j,
                            float (&to)[kGates]) {
  LNRNN_UNROLL
  for (int gate = 0; gate < kGates; ++gate) {
    to[gate] = row == nullptr ? otherwise : row[gate * hidden + j];
  }
}

// The vectors of parameters, as far as they concern one unit.
template <class Cell>
struct ClusterUnit {
  static constexpr int kGates = Cell::kGates, kMoments = Cell::kMoments;

  float bias[kGates], bias_hh[kGates], gain_a[kGates], gain_r[kGates], gain_u, bias_u;

  LNRNN_DEVICE static ClusterUnit load(const StepVectors<float>& vectors, int hidden, int j) {
    ClusterUnit unit;
    load_unit(vectors.bias, 0.0f, hidden, j, unit.bias);
    load_unit(vectors.bias_hh, 0.0f, hidden, j, unit.bias_hh);
    load_unit(vectors.gain_a, 1.0f, hidden, j, unit.gain_a);
    load_unit(vectors.gain_r, 1.0f, hidden, j, unit.gain_r);
    unit.gain_u = vectors.gain_u == nullptr ? 1.0f : vectors.gain_u[j];
    unit.bias_u = vectors.bias_u == nullptr ? 0.0f : vectors.bias_u[j];
    return unit;
  }
  // The unit is a row of one.
  LNRNN_DEVICE GateInputs<float, kMoments> inputs(const float (&a)[kGates],
                                                  const Moments<float> (&of_a)[kMoments],
                                                  const float (&r)[kGates],
                                                  const Moments<float> (&of_r)[kMoments]) const {
    return {1, bias, bias_hh, term(a, gain_a, of_a), term(r, gain_r, of_r)};
  }

 private:
  LNRNN_DEVICE static Term<float, kMoments> term(const float* x, const float* gain,
                                                 const Moments<float> (&of_gate)[kMoments]) {
    Term<float, kMoments> term{x, gain, {}};
    LNRNN_UNROLL
    for (int gate = 0; gate < kMoments; ++gate) term.of_gate[gate] = of_gate[gate];
    return term;
  }
};

// The exchange for the layer norm of u, of cells that have one.
struct NoExchange {};
template <class Cell, int kCount>
using CellExchange = std::conditional_t<Cell::kCarriesCell, RowExchange<kCount>, NoExchange>;

// What a thread finds out once.
struct ClusterRow {
  int64_t steps;                         // as many of the walk's first ones in memory the row has
  Mask mask, mask_cell, mask_candidate;  // training's
};

template <class S>
struct ClusterWalk {
  TimeWalk steps;
  int64_t batch;
  int hidden;
  Cuts cuts;
  StepVectors<float> vectors;
  Segments segments_a, segments_r;  // of what is normalised
  const S* hh;                      // (GH,H); backward: (H,GH)
  bool carries_norm;
  float clip;  // of the cell
  Mask mask, mask_cell, mask_candidate;
  float candidate_scale;  // of what the last keeps; 1 without it

  LNRNN_DEVICE ClusterRow row(const ClusterPlace& at) const {
    ClusterRow row{0, mask.drawn(), mask_cell.drawn(), mask_candidate.drawn()};
    if (!there(at)) return row;
    const int64_t* const lengths = cuts.lengths.lengths;
    row.steps = lengths == nullptr ? steps.count : lengths[at.n] - steps.begin;
    return row;
  }
  LNRNN_DEVICE bool there(const ClusterPlace& at) const { return at.n < batch; }
  LNRNN_DEVICE bool normalizes_r() const { return vectors.gain_r != nullptr; }
  LNRNN_DEVICE bool normalizes_u() const { return vectors.gain_u != nullptr; }
  // Of a state (N,H).
  LNRNN_DEVICE int64_t own(const ClusterPlace& at) const { return at.n * hidden + at.j; }
  LNRNN_DEVICE float load_state(const ClusterPlace& at, const float* state) const {
    return there(at) ? state[own(at)] : 0.0f;
  }
};

}  // namespace lnrnn::cuda

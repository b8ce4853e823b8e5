// What the forward pass keeps where: packed weights, its workspace, and how much time it takes at once.
#pragma once

#include "cuda/row/strand.h"

namespace lnrnn::cuda {

// What inference reads, in one buffer.
template <class S>
struct PackedWeights {
  S* ih;  // (GH,I)
  S* hh;  // (GH,H) as prepared, where it is a matrix
  StrandVectors<accumulation_t<S>> vectors;

  static PackedWeights take(Carver& carver, const Strand& strand) {
    PackedWeights packed{};
    packed.ih = carver.take<S>({strand.gates(), strand.input()});
    if (strand.shape().recurrent_matrix) {
      packed.hh = carver.take<S>({strand.gates(), strand.hidden()});
    }
    packed.vectors = StrandVectors<accumulation_t<S>>::take(carver, strand);
    return packed;
  }
};

// Where a pass keeps its rows: in the workspace, but for what training reserves.
template <class S>
struct ForwardLayout {
  using T = accumulation_t<S>;

  StrandRows<T> rows;        // products of one chunk, r of one step; inference: h and c, two places
  S* hh;                     // (GH,H) training's
  StrandVectors<T> vectors;  // training's
  S* h_operand;              // (N,H), where products do not read h itself
  T* square_sums;            // (N,tiles), where r is normalised
  int64_t* lengths;          // (N)

  static ForwardLayout take(Carver& carver, const Strand& strand, int64_t chunk, int64_t batch,
                            bool training) {
    const CellShape& shape = strand.shape();
    const int64_t hidden = strand.hidden();
    ForwardLayout layout{};
    if (!keeps_products(strand, training)) {
      layout.rows.take_products(carver, strand, chunk, batch, 1);
    }
    if (training) {
      if (shape.recurrent_matrix) layout.hh = carver.take<S>({strand.gates(), hidden});
      layout.vectors = StrandVectors<T>::take(carver, strand);
    } else {
      layout.rows.h = carver.take<T>({2, batch, hidden});
      if (shape.carries_cell) layout.rows.c = carver.take<T>({2, batch, hidden});
      if (shape.input_norm) layout.rows.norm_a = carver.take<T>({chunk, batch, kStatistics});
    }
    if (shape.recurrent_matrix && !kExactOperands<S>) {
      layout.h_operand = carver.take<S>({batch, hidden});
    }
    if (shape.recurrent_norm) {
      layout.square_sums = carver.take<T>({batch, square_sum_tiles(batch, strand.gates())});
    }
    layout.lengths = carver.take<int64_t>({batch});
    return layout;
  }

  static bool keeps_products(const Strand& strand, bool training) {
    return training && !strand.plan.has(LNRNN_PLAN_RECOMPUTE);
  }
};

// Steps whose inputs are multiplied at once. Where the products are kept anyway, all; else enough rows
// to keep the device busy.
inline int64_t chunk_steps(int64_t steps, int64_t batch, bool keeps_products) {
  constexpr int64_t kChunkRows = 8192;
  const int64_t wanted = batch < 1 ? steps : (kChunkRows + batch - 1) / batch;
  return keeps_products || steps < wanted ? steps : wanted;
}

}  // namespace lnrnn::cuda

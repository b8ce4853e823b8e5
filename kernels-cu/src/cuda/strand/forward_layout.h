// What the forward pass keeps where: packed weights, its workspace, and how much time it takes at once.
#pragma once

#include "cuda/row/strand.h"

namespace lnrnn::cuda {

// What inference reads, in one buffer.
template <class S>
struct StrandWeights {
  S* ih;  // (GH,I)
  S* hh;  // (GH,P) as prepared, where it is a matrix
  S* hr;  // (P,H), where h is projected
  Vectors<accumulation_t<S>*> vectors;

  static StrandWeights take(Carver& carver, const Strand& strand) {
    StrandWeights packed{};
    packed.ih = carver.take<S>({strand.gates(), strand.input()});
    if (strand.shape().recurrent_matrix) {
      packed.hh = carver.take<S>({strand.gates(), strand.output_width()});
    }
    if (strand.shape().projected) {
      packed.hr = carver.take<S>({strand.output_width(), strand.cell_width()});
    }
    packed.vectors = take_vectors<accumulation_t<S>>(carver, strand);
    return packed;
  }
};

// Where a pass keeps its rows: in the workspace, but for what training reserves.
template <class S>
struct ForwardLayout {
  using T = accumulation_t<S>;

  StrandRows<T> rows;   // products of one chunk, r of one step; inference: h and c, two places
  S* hh;                // (GH,P) training's
  Vectors<T*> vectors;  // training's
  S* h_operand;         // (N,P), where products do not read h itself
  S* d;                 // (N,H) and
  T* projected;         // (N,P), where h is projected: D, as its product reads it, and D W_hr'
  T* square_sums;       // (N,slots), where a step finds a norm
  int64_t* lengths;     // (N)

  static ForwardLayout take(Carver& carver, const Strand& strand, int64_t chunk, int64_t batch,
                            bool training) {
    const CellShape& shape = strand.shape();
    const int64_t cell = strand.cell_width(), output = strand.output_width();
    ForwardLayout layout{};
    if (!keeps_products(strand, training)) {
      layout.rows.take_products(carver, strand, chunk, batch, 1);
    }
    if (training) {
      if (shape.recurrent_matrix) layout.hh = carver.take<S>({strand.gates(), output});
      layout.vectors = take_vectors<T>(carver, strand);
    } else {
      layout.rows.h = carver.take<T>({2, batch, output});
      if (shape.carries_cell) layout.rows.c = carver.take<T>({2, batch, cell});
      if (const NormSite* const site = shape.site(TermKind::kInput)) {
        layout.rows.norms[static_cast<int>(site->of)] =
            carver.take<T>({chunk, batch, site->segments.count, kStatistics});
      }
    }
    if (shape.recurrent_matrix && !kExactOperands<S>) {
      layout.h_operand = carver.take<S>({batch, output});
    }
    if (shape.projected) {
      layout.d = carver.take<S>({batch, cell});
      layout.projected = carver.take<T>({batch, output});
    }
    if (const NormSite* const site = shape.site(term_of_step(shape))) {
      layout.square_sums = carver.take<T>(
          {batch, SquareSumSlots::of(batch, site->segments, strand.cell_width()).count});
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

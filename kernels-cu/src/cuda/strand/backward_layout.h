// The workspace of the backward pass.
#pragma once

#include <algorithm>

#include "cuda/row/cells.cuh"
#include "passes.h"

namespace lnrnn::cuda {

template <class S>
struct BackwardLayout {
  using T = accumulation_t<S>;

  StrandRows<T> products;  // where they were not kept
  Vectors<T*> vectors;
  S* hh;         // (P,GH) the recurrent weights, transposed
  S* hh_rows;    // (GH,P) the same as they are, to compute h R' again
  S* h_operand;  // (T+1,N,P), where products do not read h itself
  T* dv;         // (T,N,GH) gradients by the gates' pre-activations, as x's product sees them
  S* dr;         // (T,N,GH) by h's product; null where dv is that
  T* exact_dr;   // (N,GH) of one step, where a product takes it: see BackwardStep
  S* da;         // (T,N,GH) by x W_ih', when all steps are done: in the place of dv, or of dr
  T *last_dv, *dk, *z;  // (T,N,H), see BackwardStep
  T *dh, *dc;           // (N,P) and (N,H)
  // Where h is projected: weight_hr, transposed (H,P); D (T,N,H) and the gradient by D W_hr' (T,N,P), as products read
  // them; the same gradient of one step, exact (N,P), where a product takes it, and that by D (N,H).
  S *hr, *d, *dprojected;
  T *exact_dprojected, *dd;
  T* partials;       // vector_partials
  T* partial;        // (GH, I or P) of a gradient, where cuBLAS may need it
  T* masked_dhh;     // (GH,P) gradient of the masked weight_hh, with DropConnect
  S* giving;         // (T,N, I, P or H) x, h or D in samples that give gradients, else 0; or null
  int64_t* lengths;  // (N)

  static BackwardLayout take(Carver& carver, const Strand& strand, int64_t steps, int64_t batch) {
    const CellShape& shape = strand.shape();
    const int64_t cell = strand.cell_width(), output = strand.output_width();
    const int64_t gates = strand.gates();
    const bool normalizes_sum = term_of_step(shape) == TermKind::kSum;
    const bool again = strand.plan.has(LNRNN_PLAN_RECOMPUTE);
    BackwardLayout layout{};
    if (again) layout.products.take_products(carver, strand, steps, batch);
    layout.vectors = take_vectors<T>(carver, strand);
    if (shape.recurrent_matrix) {
      layout.hh = carver.take<S>({output, gates});
      if (again) layout.hh_rows = carver.take<S>({gates, output});
      if (!kExactOperands<S>) layout.h_operand = carver.take<S>({steps + 1, batch, output});
    }
    layout.dv = carver.take<T>({steps, batch, gates});
    if (!kExactOperands<S> || shape.keeps_recurrent_product() || normalizes_sum) {
      layout.dr = carver.take<S>({steps, batch, gates});
    }
    if constexpr (kExactOperands<S>) {
      layout.da = normalizes_sum ? layout.dr : layout.dv;
    } else {
      layout.da = layout.dr;
      if (shape.recurrent_matrix && has_few_rows(batch)) {
        layout.exact_dr = carver.take<T>({batch, gates});
      }
    }
    if (has_last_apart(shape.kind)) layout.last_dv = carver.take<T>({steps, batch, cell});
    if (shape.site(TermKind::kCell) != nullptr) {
      layout.dk = carver.take<T>({steps, batch, cell});
      layout.z = carver.take<T>({steps, batch, cell});
    }
    layout.dh = carver.take<T>({batch, output});
    if (shape.carries_cell) layout.dc = carver.take<T>({batch, cell});
    if (shape.projected) {
      layout.hr = carver.take<S>({cell, output});
      layout.d = carver.take<S>({steps, batch, cell});
      layout.dprojected = carver.take<S>({steps, batch, output});
      if (!kExactOperands<S> && has_few_rows(batch)) {
        layout.exact_dprojected = carver.take<T>({batch, output});
      }
      layout.dd = carver.take<T>({batch, cell});
    }
    layout.partials = carver.take<T>({vector_partials(steps, batch), gates});
    const int64_t widest = output > strand.input() ? output : strand.input();
    if (size_product({steps, batch}) > static_cast<uint64_t>(kSamplesOfCalls<S>)) {
      layout.partial = carver.take<T>({gates, shape.recurrent_matrix ? widest : strand.input()});
    }
    if (strand.plan.description.dropconnect > 0)
      layout.masked_dhh = carver.take<T>({gates, output});
    if (strand.plan.discards()) {
      layout.giving =
          carver.take<S>({steps, batch, shape.projected ? std::max(widest, cell) : widest});
    }
    layout.lengths = carver.take<int64_t>({batch});
    return layout;
  }

  // h (T+1,N,P) as products read it.
  const S* h_operands(const T* h) const {
    if constexpr (kExactOperands<S>) {
      return h;
    } else {
      return h_operand;
    }
  }
  // dr of a step of so many elements: dv, where that is the same.
  const S* dr_at(int64_t step, int64_t elements) const {
    if constexpr (kExactOperands<S>) {
      if (dr == nullptr) return at_step(dv, step, elements);
    }
    return at_step(dr, step, elements);
  }
};

}  // namespace lnrnn::cuda

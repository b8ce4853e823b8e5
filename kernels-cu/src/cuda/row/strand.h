// A strand's passes on CUDA (one layer in one direction): what forward and backward share, for every
// cell. S is the data type, T the type that is computed with. What a tensor is null for is said once,
// here: kernels ask the pointers, not the cell.
#pragma once

#include <limits>

#include "core/size.h"
#include "cuda/product/product.cuh"
#include "masks.cuh"

namespace lnrnn::cuda {

constexpr int64_t kStatistics = 2;  // of a layer norm's row: mean and 1/sqrt(variance + epsilon)

// Whether products read numbers as they are, not rounded to 16 bits.
template <class S>
constexpr bool kExactOperands = std::is_same_v<S, accumulation_t<S>>;

// Training keeps this from forward for backward; inference has it for a chunk of time.
template <class T>
struct StrandRows {
  T* a;  // (T,N,GH) x W_ih', plus h W_hh' where the cell does not want them apart; see centre_inputs
  T* r;  // (T,N,GH) h R', R' being weight_hh as prepared; only where it is wanted apart
  T* h;  // (T+1,N,P), at before(t) and after(t), as the step after it finds it: see crossing
  T* c;  // (T+1,N,H), likewise, the LSTM's
  T* norms[kTermKinds];  // (T,N,segments,kStatistics) of the layer norms there are
  KeptWeights kept;      // training's

  T* norm(TermKind of) const { return norms[static_cast<int>(of)]; }

  static StrandRows take(Carver& carver, const Strand& strand, int64_t steps, int64_t batch) {
    const CellShape& shape = strand.shape();
    StrandRows rows{};
    if (!strand.plan.has(LNRNN_PLAN_RECOMPUTE)) rows.take_products(carver, strand, steps, batch);
    rows.h = carver.take<T>({steps + 1, batch, strand.output_width()});
    if (shape.carries_cell) rows.c = carver.take<T>({steps + 1, batch, strand.cell_width()});
    T* const all = carver.take<T>({shape.statistics(), steps, batch, kStatistics});
    for (int i = 0; i < shape.site_count && all != nullptr; ++i) {
      const TermKind of = shape.sites[i].of;
      rows.norms[static_cast<int>(of)] =
          all + shape.first_statistic(of) * steps * batch * kStatistics;
    }
    rows.kept = KeptWeights::take(carver, strand);
    return rows;
  }
  void take_products(Carver& carver, const Strand& strand, int64_t steps, int64_t batch,
                     int64_t recurrent_steps = -1) {
    const int64_t gates = strand.gates();
    a = carver.take<T>({steps, batch, gates});
    if (!strand.shape().keeps_recurrent_product()) return;
    r = carver.take<T>({recurrent_steps < 0 ? steps : recurrent_steps, batch, gates});
  }
};

// The term that a step's product completes, and whose norm the step finds: h W_hh', or both products where
// their sum is normalised. Kernels call its row r, and that of x W_ih' a. Where a sum is normalised it stands in
// the place of a, and there is no other; where nothing is, and the products are not wanted apart, a is both.
inline TermKind term_of_step(const CellShape& shape) {
  return shape.site(TermKind::kSum) == nullptr ? TermKind::kRecurrent : TermKind::kSum;
}

// The vectors of parameters as steps read them, null where the cell has no such.
template <class T>
struct StepVectors {
  const T *gain_a, *gain_r;  // (GH)
  const T *bias, *bias_hh;   // (GH) added to both terms, or to r
  const T *gain_u, *bias_u;  // (H) of the cell's norm

  static StepVectors of(const CellShape& shape, const Vectors<const T*>& vectors) {
    const TermKind r = term_of_step(shape), a = r == TermKind::kSum ? r : TermKind::kInput;
    return {vectors[gain_of(TermKind::kInput)], vectors[gain_of(r)],
            vectors[added_to(a, shape.kind)],   vectors[added_to(TermKind::kRecurrent, shape.kind)],
            vectors[gain_of(TermKind::kCell)],  vectors[added_to(TermKind::kCell, shape.kind)]};
  }
};

// The limit of the cell on either side; infinite where there is none, so that kernels need not ask.
template <class T>
T clip_of(const Strand& strand) {
  return strand.shape().clipped ? static_cast<T>(strand.plan.description.cellClip)
                                : std::numeric_limits<T>::infinity();
}

// What a term of gates is normalised over.
inline Segments segments_of(const CellShape& shape, TermKind of) {
  const NormSite* const site = shape.site(of);
  return site == nullptr ? Segments::whole(shape.gates) : site->segments;
}

// Element (t, n, ...) of a tensor of steps; null stays null.
template <class P>
P* at_step(P* tensor, int64_t step, int64_t elements) {
  return tensor == nullptr ? nullptr : tensor + step * elements;
}

// A tensor of the caller's, from a step on; strides that one step does not use may be anything.
template <class P, class V>
Rows<P> rows_of(const Tensor<V>& tensor, int64_t first_step, int64_t steps, int64_t batch) {
  P* const base = static_cast<P*>(tensor.pointer);
  return {at_step(base, first_step, tensor.step_stride),
          batch,
          steps == 1 ? batch * tensor.row_stride : tensor.step_stride,
          tensor.row_stride,
          first_step,
          {}};
}

// How kernels of one block per row are launched: a thread for each feature as far as there are.
template <class Kernel>
int row_threads(int64_t features) {
  const int64_t threads = (features + kWarp - 1) / kWarp * kWarp;
  return static_cast<int>(threads < Kernel::kMaxThreads ? threads : Kernel::kMaxThreads);
}
template <class Kernel>
LaunchShape row_shape(int64_t rows, int64_t features) {
  return {rows, row_threads<Kernel>(features), sizeof(typename Kernel::Shared)};
}

}  // namespace lnrnn::cuda

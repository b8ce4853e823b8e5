// One strand's weights as the passes read them: matrices in panels, vectors as rows see them.
#pragma once

#include "core/device.h"
#include "core/size.h"
#include "cpu/machine/isa.h"
#include "cpu/machine/storage.h"
#include "cpu/machine/team.h"
#include "cpu/product/row_product.h"
#include "cpu/row/masks.h"

namespace lnrnn::cpu {

// Matrices in panels of P.
template <class T, class P = T>
struct StrandWeights {
  PackedMatrix<T, P> ih;  // (I, G H)
  PackedMatrix<T, P> hh;  // (P, G H), DropConnect applied; empty without a recurrent matrix
  PackedMatrix<T, P> hr;  // (H, P); empty where h is not projected
  Vectors<T*> vectors{};

  static StrandWeights take(Carver& carver, const Kernels<T>& kernels, const Strand& strand) {
    StrandWeights weights;
    weights.ih = PackedMatrix<T, P>::take(carver, kernels, strand.input(), strand.gates());
    if (strand.shape().recurrent_matrix) {
      weights.hh = PackedMatrix<T, P>::take(carver, kernels, strand.output_width(), strand.gates());
    }
    if (strand.shape().projected) {
      weights.hr =
          PackedMatrix<T, P>::take(carver, kernels, strand.cell_width(), strand.output_width());
    }
    weights.vectors = take_vectors<T>(carver, strand);
    return weights;
  }
};

// Of the rows that are multiplied by weights.
inline int64_t longest_input(const Strand& strand) {
  const int64_t longest = std::max(strand.input(), strand.output_width());
  return strand.shape().projected ? std::max(longest, strand.cell_width()) : longest;
}

// What one thread needs to widen rows of weights, or to apply DropConnect, while it packs. Empty where
// weights are packed as they are.
template <class T>
struct PackScratch {
  T* values = nullptr;  // (panel width, longest row)

  template <class S>
  static PackScratch take(Carver& carver, const Kernels<T>& kernels, const Strand& strand) {
    PackScratch scratch;
    if (strand.plan.description.dropconnect > 0 || kIsHalf<S>) {
      scratch.values = carver.take<T>({kernels.panel_width, longest_input(strand)});
    }
    return scratch;
  }
};

// A matrix of weights as the products see it: widened, and with DropConnect (Wan et al. 2013) where
// there is a mask.
template <class S>
class WeightRows {
 public:
  using T = accumulation_t<S>;

  WeightRows(const S* weights, int64_t columns) : weights_(weights), columns_(columns) {}

  // weight_hh in training.
  static WeightRows recurrent(const Kernels<T>& kernels, const Strand& strand, const S* parameters,
                              const KeptWeights& kept) {
    WeightRows rows(strand.find(ParameterRole::kWeightHh, parameters), strand.output_width());
    rows.kept_ = kept;
    rows.drop_ = kernels.drop;
    rows.scale_ = kept_scale<T>(strand.plan.description.dropconnect);
    return rows;
  }

  bool masked() const { return kept_.bits != nullptr; }

  // Row m; the slot-th row of the scratch where it has to be written.
  const T* row(int64_t m, int64_t slot, const PackScratch<T>& scratch) const {
    const S* const stored = weights_ + m * columns_;
    T* const values = scratch.values + slot * columns_;
    if constexpr (kIsHalf<S>) {
      widen_row(stored, columns_, values);
      if (masked()) apply(m, values, values);
      return values;
    } else {
      if (!masked()) return stored;
      apply(m, stored, values);
      return values;
    }
  }

  // to = mask[m] from / (1 - p): the same for a row of weights and a row of their gradient.
  void apply(int64_t m, const T* from, T* to) const {
    drop_(from, kept_.row(m, columns_), scale_, columns_, to);
  }

 private:
  const S* weights_;
  int64_t columns_;
  KeptWeights kept_;
  void (*drop_)(const T*, const uint8_t*, T, int64_t, T*) = nullptr;
  T scale_ = T(1);
};

// Fills the vectors, from all parameters.
template <class S>
void gather_vectors(const Strand& strand, const S* parameters,
                    const Vectors<accumulation_t<S>*>& vectors);

// Packs crew's share of the panels.
template <class S>
void pack_panels(const Kernels<accumulation_t<S>>& kernels, const Strand& strand,
                 const S* parameters, const WeightRows<S>& weight_hh,
                 const PackScratch<accumulation_t<S>>& scratch, Crew crew,
                 const StrandWeights<accumulation_t<S>>& weights);

// All of it in one buffer, for inference. Panels are of the data type: weights in 16 bits are half of
// what a step of one row has to read.
template <class S>
uint64_t packed_bytes(const Kernels<accumulation_t<S>>& kernels, const Strand& strand);
template <class S>
void pack(const Kernels<accumulation_t<S>>& kernels, const Strand& strand, const S* parameters,
          void* packed);

}  // namespace lnrnn::cpu

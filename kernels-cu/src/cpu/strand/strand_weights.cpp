#include "strand_weights.h"

namespace lnrnn::cpu {

namespace {

// Panel by panel: the panel's columns are rows of the weight (columns, depth), gates in PyTorch's order.
template <class T, class S>
void pack_transposed(const Kernels<T>& kernels, const PackedMatrix<T>& matrix, Span panels,
                     const WeightRows<S>& weights, const PackScratch<T>& scratch) {
  const int64_t width = kernels.panel_width;
  const T* rows[64];
  for (int64_t panel = panels.begin; panel < panels.end; ++panel) {
    const int64_t count = std::min(width, matrix.columns - panel * width);
    for (int64_t j = 0; j < count; ++j) rows[j] = weights.row(panel * width + j, j, scratch);
    kernels.interleave(rows, count, width, matrix.depth,
                       matrix.panels + panel * width * matrix.depth);
  }
}

// The same without a change of type.
template <class T, class S>
void pack_stored(const Kernels<T>& kernels, const PackedMatrix<T, S>& matrix, const S* weights) {
  const int64_t width = kernels.panel_width, depth = matrix.depth;
  for (int64_t column = 0; column < matrix.columns; column += width) {
    S* const panel = matrix.panels + column * depth;
    const int64_t count = std::min(width, matrix.columns - column);
    std::fill_n(panel, count < width ? depth * width : 0, S{});
    for (int64_t j = 0; j < count; ++j) {
      const S* const row = weights + (column + j) * depth;
      const int64_t place = stored_column<S>(j, width);
      for (int64_t k = 0; k < depth; ++k) panel[k * width + place] = row[k];
    }
  }
}

}  // namespace

template <class S>
void gather_vectors(const Strand& strand, const S* parameters,
                    const Vectors<accumulation_t<S>*>& vectors) {
  using T = accumulation_t<S>;
  each_vector(strand, [&](const PlanVector& vector) {
    T* const to = vectors[vector.slot];
    if (vector.addends == 0) std::fill_n(to, vector.elements, T(0));
    if (vector.addends > 0) widen_row(strand.addend(vector, 0, parameters), vector.elements, to);
    for (int i = 1; i < vector.addends; ++i) {
      const S* const addend = strand.addend(vector, i, parameters);
      for (int64_t j = 0; j < vector.elements; ++j) to[j] += widen(addend[j]);
    }
  });
}

template <class S>
void pack_panels(const Kernels<accumulation_t<S>>& kernels, const Strand& strand,
                 const S* parameters, const WeightRows<S>& weight_hh,
                 const PackScratch<accumulation_t<S>>& scratch, Crew crew,
                 const StrandWeights<accumulation_t<S>>& weights) {
  const Span panels = crew.share(0, panel_count(strand.gates(), kernels.panel_width));
  const WeightRows<S> weight_ih(strand.find(ParameterRole::kWeightIh, parameters), strand.input());
  pack_transposed(kernels, weights.ih, panels, weight_ih, scratch);
  if (strand.shape().recurrent_matrix) {
    pack_transposed(kernels, weights.hh, panels, weight_hh, scratch);
  }
  if (strand.shape().projected) {
    const WeightRows<S> weight_hr(strand.find(ParameterRole::kWeightHr, parameters),
                                  strand.cell_width());
    const int64_t count = panel_count(strand.output_width(), kernels.panel_width);
    pack_transposed(kernels, weights.hr, crew.share(0, count), weight_hr, scratch);
  }
}

template <class S>
uint64_t packed_bytes(const Kernels<accumulation_t<S>>& kernels, const Strand& strand) {
  Carver carver;
  StrandWeights<accumulation_t<S>, S>::take(carver, kernels, strand);
  return carver.bytes();
}

template <class S>
void pack(const Kernels<accumulation_t<S>>& kernels, const Strand& strand, const S* parameters,
          void* buffer) {
  using T = accumulation_t<S>;
  Carver carver(buffer);
  const auto packed = StrandWeights<T, S>::take(carver, kernels, strand);
  const S* const weight_ih = strand.find(ParameterRole::kWeightIh, parameters);
  const S* const weight_hh = strand.find(ParameterRole::kWeightHh, parameters);
  if constexpr (kIsHalf<S>) {
    pack_stored<T>(kernels, packed.ih, weight_ih);
    if (strand.shape().recurrent_matrix) pack_stored<T>(kernels, packed.hh, weight_hh);
    if (strand.shape().projected) {
      pack_stored<T>(kernels, packed.hr, strand.find(ParameterRole::kWeightHr, parameters));
    }
  } else {
    pack_panels(kernels, strand, parameters, WeightRows<S>(weight_hh, strand.output_width()),
                PackScratch<T>{}, Crew{0, 1}, packed);
  }
  gather_vectors(strand, parameters, packed.vectors);
}

#define LNRNN_INSTANTIATE(S) \
  template void gather_vectors(const Strand&, const S*, const Vectors<accumulation_t<S>*>&); \
  template void pack_panels(const Kernels<accumulation_t<S>>&, const Strand&, const S*, \
                            const WeightRows<S>&, const PackScratch<accumulation_t<S>>&, Crew, \
                            const StrandWeights<accumulation_t<S>>&); \
  template uint64_t packed_bytes<S>(const Kernels<accumulation_t<S>>&, const Strand&); \
  template void pack(const Kernels<accumulation_t<S>>&, const Strand&, const S*, void*);
LNRNN_INSTANTIATE(float)
LNRNN_INSTANTIATE(double)
LNRNN_INSTANTIATE(F16)
LNRNN_INSTANTIATE(Bf16)
#undef LNRNN_INSTANTIATE

}  // namespace lnrnn::cpu

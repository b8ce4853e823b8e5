#include "strand_weights.h"

namespace lnrnn::cpu {

namespace {

// Panel by panel: the panel's columns are rows of the weight (G H, depth), gates in PyTorch's order.
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

// What inference is given: the weights, and where half precision is widened, room for that.
template <class S>
struct Packed {
  using T = accumulation_t<S>;

  StrandWeights<T> weights;
  PackScratch<T> scratch;

  static Packed take(Carver& carver, const Kernels<T>& kernels, const Strand& strand) {
    Packed packed;
    packed.weights = StrandWeights<T>::take(carver, kernels, strand);
    if (kIsHalf<S>) packed.scratch = PackScratch<T>::template take<S>(carver, kernels, strand);
    return packed;
  }
};

}  // namespace

template <class S>
void gather_vectors(const Strand& strand, const S* parameters,
                    const CellVectors<accumulation_t<S>*>& vectors) {
  using T = accumulation_t<S>;
  each_vector(strand, vectors, [&](T* vector, const auto& roles, int64_t n) {
    widen_row(strand.find(*roles.begin(), parameters), n, vector);
    for (const ParameterRole* role = roles.begin() + 1; role != roles.end(); ++role) {
      const S* const addend = strand.find(*role, parameters);
      for (int64_t j = 0; j < n; ++j) vector[j] += widen(addend[j]);
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
}

template <class S>
uint64_t packed_bytes(const Kernels<accumulation_t<S>>& kernels, const Strand& strand) {
  Carver carver;
  Packed<S>::take(carver, kernels, strand);
  return carver.bytes();
}

template <class S>
void pack(const Kernels<accumulation_t<S>>& kernels, const Strand& strand, const S* parameters,
          void* buffer) {
  Carver carver(buffer);
  Packed<S> packed = Packed<S>::take(carver, kernels, strand);
  const WeightRows<S> weight_hh(strand.find(ParameterRole::kWeightHh, parameters),
                                strand.hidden());
  pack_panels(kernels, strand, parameters, weight_hh, packed.scratch, Crew{0, 1, nullptr},
              packed.weights);
  gather_vectors(strand, parameters, packed.weights.vectors);
}

#define LNRNN_INSTANTIATE(S)                                                                      \
  template void gather_vectors(const Strand&, const S*, const CellVectors<accumulation_t<S>*>&);  \
  template void pack_panels(const Kernels<accumulation_t<S>>&, const Strand&, const S*,           \
                            const WeightRows<S>&, const PackScratch<accumulation_t<S>>&, Crew,    \
                            const StrandWeights<accumulation_t<S>>&);                             \
  template uint64_t packed_bytes<S>(const Kernels<accumulation_t<S>>&, const Strand&);            \
  template void pack(const Kernels<accumulation_t<S>>&, const Strand&, const S*, void*);
LNRNN_INSTANTIATE(float)
LNRNN_INSTANTIATE(double)
LNRNN_INSTANTIATE(F16)
LNRNN_INSTANTIATE(Bf16)
#undef LNRNN_INSTANTIATE

}  // namespace lnrnn::cpu

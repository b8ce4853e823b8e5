#include "lstm_weights.h"

namespace lnrnn::cpu {

// Panel by panel: the panel's columns are rows of the weight (4H, depth), gates in PyTorch's order.
template <class T, class RowOf>
void pack_transposed(const Kernels<T>& kernels, const PackedMatrix<T>& matrix, Span panels,
                     const RowOf& row_of) {
  const int64_t width = kernels.panel_width;
  const T* rows[64];
  for (int64_t panel = panels.begin; panel < panels.end; ++panel) {
    const int64_t count = std::min(width, matrix.columns - panel * width);
    for (int64_t j = 0; j < count; ++j) rows[j] = row_of(panel * width + j, j);
    kernels.interleave(rows, count, width, matrix.depth,
                       matrix.panels + panel * width * matrix.depth);
  }
}

template <class T>
LstmWeights<T> take_lstm_panels(Carver& carver, const Kernels<T>& kernels, const Strand& strand) {
  LstmWeights<T> weights{};
  weights.ih = PackedMatrix<T>::take(carver, kernels, strand.input(), strand.gates());
  weights.hh = PackedMatrix<T>::take(carver, kernels, strand.hidden(), strand.gates());
  return weights;
}

template <class T>
void point_at_vectors(const Strand& strand, const T* parameters, LstmWeights<T>* weights) {
  weights->bias = strand.find(ParameterRole::kBias, parameters);
  weights->gain_i = strand.find(ParameterRole::kGainI, parameters);
  weights->gain_h = strand.find(ParameterRole::kGainH, parameters);
  weights->gain_c = strand.find(ParameterRole::kGainC, parameters);
  weights->bias_c = strand.find(ParameterRole::kNormBiasC, parameters);
}

template <class T>
LstmWeights<T> take_packed_weights(Carver& carver, const Kernels<T>& kernels, const Strand& strand) {
  LstmWeights<T> weights = take_lstm_panels(carver, kernels, strand);
  const int64_t hidden = strand.hidden();
  weights.bias = carver.take<T>({4 * hidden});
  if (strand.shape().recurrent_norm) {
    weights.gain_i = carver.take<T>({4 * hidden});
    weights.gain_h = carver.take<T>({4 * hidden});
    weights.gain_c = carver.take<T>({hidden});
    weights.bias_c = carver.take<T>({hidden});
  }
  return weights;
}

template <class T>
void pack_lstm_panels(const Kernels<T>& kernels, const Strand& strand, const T* weight_ih,
                      const RecurrentRows<T>& weight_hh, const PackScratch<T>& scratch, Crew crew,
                      LstmWeights<T>* weights) {
  const Span panels = crew.share(0, panel_count(strand.gates(), kernels.panel_width));
  pack_transposed(kernels, weights->ih, panels,
                  [&](int64_t m, int64_t) { return weight_ih + m * strand.input(); });
  pack_transposed(kernels, weights->hh, panels, [&](int64_t m, int64_t j) {
    return weight_hh.row(m, scratch.values + j * strand.hidden(), scratch.bytes);
  });
}

template <class T>
void lstm_pack(const Kernels<T>& kernels, const Strand& strand, const T* parameters, void* packed) {
  Carver carver(packed);
  LstmWeights<T> weights = take_packed_weights(carver, kernels, strand);
  LstmWeights<T> from{};
  point_at_vectors(strand, parameters, &from);
  const RecurrentRows<T> weight_hh(strand, strand.find(ParameterRole::kWeightHh, parameters), Random{},
                                   nullptr, false);
  pack_lstm_panels(kernels, strand, strand.find(ParameterRole::kWeightIh, parameters), weight_hh, {},
                   Crew{0, 1, nullptr}, &weights);
  const int64_t hidden = strand.hidden();
  std::copy_n(from.bias, 4 * hidden, const_cast<T*>(weights.bias));
  if (strand.shape().recurrent_norm) {
    std::copy_n(from.gain_i, 4 * hidden, const_cast<T*>(weights.gain_i));
    std::copy_n(from.gain_h, 4 * hidden, const_cast<T*>(weights.gain_h));
    std::copy_n(from.gain_c, hidden, const_cast<T*>(weights.gain_c));
    std::copy_n(from.bias_c, hidden, const_cast<T*>(weights.bias_c));
  }
}

#define LNRNN_INSTANTIATE(T)                                                                      \
  template LstmWeights<T> take_lstm_panels(Carver&, const Kernels<T>&, const Strand&);              \
  template LstmWeights<T> take_packed_weights(Carver&, const Kernels<T>&, const Strand&);           \
  template void point_at_vectors(const Strand&, const T*, LstmWeights<T>*);                         \
  template void pack_lstm_panels(const Kernels<T>&, const Strand&, const T*,                        \
                                 const RecurrentRows<T>&, const PackScratch<T>&, Crew,            \
                                 LstmWeights<T>*);                                                \
  template void lstm_pack(const Kernels<T>&, const Strand&, const T*, void*);
LNRNN_INSTANTIATE(float)
LNRNN_INSTANTIATE(double)
#undef LNRNN_INSTANTIATE

}  // namespace lnrnn::cpu

// One layer's weights as the passes read them: matrices in panels, vectors as they are.
#pragma once

#include "../api/plan.h"
#include "../api/size.h"
#include "isa.h"
#include "masks.h"
#include "row_product.h"
#include "team.h"

namespace lnrnn::cpu {

template <class T>
struct LstmWeights {
  PackedMatrix<T> ih;  // (C, 4H)
  PackedMatrix<T> hh;  // (H, 4H), DropConnect applied
  // (4H) three times, (H) twice; all but bias null without normalisation.
  const T *bias, *gain_i, *gain_h, *gain_c, *bias_c;
};

// weight_hh as the products see it: with DropConnect (Wan et al. 2013) in training.
template <class T>
class RecurrentRows {
 public:
  // random and given_mask are read in training only.
  RecurrentRows(const Strand& strand, const T* weight_hh, const Random& random,
                const uint8_t* given_mask, bool training)
      : weights_(weight_hh), hidden_(strand.hidden()) {
    const double p = strand.plan.description.dropconnect;
    if (!training || p == 0) return;
    mask_ = Mask(p, given_mask, drawn_from(random).seed,
                 stream_of(RandomKind::kDropConnect, strand), hidden_);
    scale_ = p < 1 ? static_cast<T>(1 / (1 - p)) : T(0);
  }

  bool masked() const { return mask_.active(); }

  // Row m; written to values (H) where a mask applies, with bytes (H) to draw it in.
  const T* row(int64_t m, T* values, uint8_t* bytes) const {
    if (!masked()) return weights_ + m * hidden_;
    apply(m, weights_ + m * hidden_, values, bytes);
    return values;
  }

  // out = mask[m] in / (1 - p): the same for a row of weights and a row of their gradient.
  void apply(int64_t m, const T* in, T* out, uint8_t* bytes) const {
    const uint8_t* keep = mask_.row(m, m, 0, bytes);
    for (int64_t j = 0; j < hidden_; ++j) out[j] = keep[j] != 0 ? in[j] * scale_ : T(0);
  }

 private:
  const T* weights_;
  int64_t hidden_;
  Mask mask_;
  T scale_ = T(1);
};

// What one thread needs to apply DropConnect while it packs. Empty without DropConnect.
template <class T>
struct PackScratch {
  T* values = nullptr;       // (panel width, H)
  uint8_t* bytes = nullptr;  // (H)

  static PackScratch take(Carver& carver, const Kernels<T>& kernels, const Strand& strand) {
    if (strand.plan.description.dropconnect == 0) return {};
    return {carver.take<T>({kernels.panel_width, strand.hidden()}),
            carver.take<uint8_t>({strand.hidden()})};
  }
};

// The panels alone, for training: packed afresh for every pass, vectors read where they are.
template <class T>
LstmWeights<T> take_lstm_panels(Carver& carver, const Kernels<T>& kernels, const Strand& strand);
template <class T>
void point_at_vectors(const Strand& strand, const T* parameters, LstmWeights<T>* weights);
// Packs crew's share of the panels.
template <class T>
void pack_lstm_panels(const Kernels<T>& kernels, const Strand& strand, const T* weight_ih,
                      const RecurrentRows<T>& weight_hh, const PackScratch<T>& scratch, Crew crew,
                      LstmWeights<T>* weights);

// All of it in one buffer, for inference.
template <class T>
LstmWeights<T> take_packed_weights(Carver& carver, const Kernels<T>& kernels, const Strand& strand);
template <class T>
void lstm_pack(const Kernels<T>& kernels, const Strand& strand, const T* parameters, void* packed);

}  // namespace lnrnn::cpu

// Random decisions of a strand: given by the caller, or drawn.
#pragma once

#include "cell/philox.h"
#include "core/device.h"
#include "core/size.h"
#include "cuda/machine/device.cuh"

namespace lnrnn::cuda {

// The word of feature j among the four of its quad. Not word[j % 4]: an index known at run time only
// would send the words to memory.
LNRNN_DEVICE uint32_t word_of(const Philox4& random, int64_t j) {
  const uint32_t low = (j & 1) != 0 ? random.word[1] : random.word[0];
  const uint32_t high = (j & 1) != 0 ? random.word[3] : random.word[2];
  return (j & 2) != 0 ? high : low;
}

// Rows of n Bernoulli(1 - p) decisions of one strand. But for DropConnect's they are drawn where they
// are needed.
struct Mask {
  bool on = false;
  const uint8_t* given = nullptr;  // rows of n bytes, or null to draw
  int64_t n = 0;
  Random random{};
  uint64_t threshold = 0;
  uint32_t stream = 0;

  static Mask of(const Strand& strand, RandomKind kind, const uint8_t* given,
                 const Random& random) {
    const MaskShape shape = MaskShape::of(strand.plan, kind, 0, 0);
    if (shape.probability == 0) return {};
    return {true,
            given,
            shape.width,
            random,
            keep_threshold(shape.probability),
            random_stream(kind, strand)};
  }

  // What a kernel asks, once, before it asks for decisions.
  LNRNN_DEVICE Mask drawn() const {
    Mask mask = *this;
    if (on && given == nullptr) mask.random = random.drawn();
    return mask;
  }
  // Feature j at (step, row) of a tensor (T,batch,n). Without a mask everything is kept.
  LNRNN_DEVICE bool keeps(int64_t step, int64_t batch, int64_t row, int64_t j) const {
    return !on || decide(step * batch + row, step + random.step_offset, row + random.row_offset, j);
  }
  // Features 8 byte ... 8 byte + 7 of a row of a matrix, a bit each; for those beyond n anything.
  LNRNN_DEVICE uint32_t eight(int64_t row, int64_t byte) const {
    uint32_t bits = 0;
    if (given != nullptr) {
      for (int64_t j = 8 * byte; j < 8 * byte + 8 && j < n; ++j) {
        bits |= static_cast<uint32_t>(given[row * n + j] != 0) << (j - 8 * byte);
      }
      return bits;
    }
    LNRNN_UNROLL
    for (int half = 0; half < 2; ++half) {
      const Philox4 words = random_words(random.seed, static_cast<uint32_t>(2 * byte + half),
                                         static_cast<uint32_t>(row), 0, stream);
      LNRNN_UNROLL
      for (int j = 0; j < 4; ++j) {
        bits |= static_cast<uint32_t>(words.word[j] < threshold) << (4 * half + j);
      }
    }
    return bits;
  }

 private:
  LNRNN_DEVICE bool decide(int64_t given_row, int64_t step, int64_t row, int64_t j) const {
    if (given != nullptr) return given[given_row * n + j] != 0;
    return word_of(random_words(random.seed, static_cast<uint32_t>(j / 4),
                                static_cast<uint32_t>(step), static_cast<uint32_t>(row), stream),
                   j) < threshold;
  }
};

// DropConnect's: which weights of weight_hh (GH,H) stay, a bit each. Made once, by forward, and in the
// reserve from then on.
struct KeptWeights {
  uint8_t* bits = nullptr;  // (GH,row_bytes); null without DropConnect
  int64_t row_bytes = 0;

  static KeptWeights take(Carver& carver, const Strand& strand) {
    if (strand.plan.description.dropconnect == 0) return {};
    const int64_t bytes = bit_row_bytes(strand.output_width());
    return {carver.take<uint8_t>({strand.gates(), bytes}), bytes};
  }
  KeptWeights from_row(int64_t row) const {
    return {bits == nullptr ? nullptr : bits + row * row_bytes, row_bytes};
  }
  LNRNN_DEVICE bool keeps(int64_t row, int64_t column) const {
    return bits == nullptr || (bits[row * row_bytes + column / 8] >> column % 8 & 1) != 0;
  }
};

}  // namespace lnrnn::cuda

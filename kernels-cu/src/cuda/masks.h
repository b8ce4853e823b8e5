// Zoneout's and DropConnect's random decisions: given by the caller, or drawn where they are needed.
#pragma once

#include "../api/plan.h"
#include "../cell/philox.h"
#include "device.h"

namespace lnrnn::cuda {

// Rows of n Bernoulli(1 - p) decisions.
struct Mask {
  bool on = false;
  const uint8_t* given = nullptr;  // rows of n bytes, or null to draw from the seed
  int64_t n = 0;
  uint64_t seed = 0;
  uint64_t threshold = 0;
  uint32_t stream = 0;

  static Mask of(double p, const uint8_t* given, uint64_t seed, RandomKind kind, int64_t n) {
    if (p == 0) return {};
    return {true, given, n, seed, keep_threshold(p), random_stream(kind, 0, 0)};
  }

  // Element j of row given_row of the given mask, or of what Philox draws at (step, row).
  LNRNN_DEVICE bool keeps(int64_t given_row, int64_t step, int64_t row, int64_t j) const {
    if (given != nullptr) return given[given_row * n + j] != 0;
    const Philox4 random = random_words(seed, static_cast<uint32_t>(j / 4),
                                        static_cast<uint32_t>(step), static_cast<uint32_t>(row),
                                        stream);
    // Not word[j % 4]: an index known at run time only would send the words to memory.
    const uint32_t low = (j & 1) != 0 ? random.word[1] : random.word[0];
    const uint32_t high = (j & 1) != 0 ? random.word[3] : random.word[2];
    return ((j & 2) != 0 ? high : low) < threshold;
  }
};

}  // namespace lnrnn::cuda

// Zoneout's and DropConnect's random decisions: given by the caller, or drawn where they are needed.
#pragma once

#include <cstdint>

#include "../api/device.h"
#include "../cell/philox.h"

namespace lnrnn::cpu {

// The numbers that are to be drawn from: read now, where they stand in memory.
inline Random drawn_from(const Random& random) {
  const uint64_t* const at = random.device;
  if (at == nullptr) return random;
  return {at[0], static_cast<int64_t>(at[1]), static_cast<int64_t>(at[2]), nullptr};
}

inline uint32_t stream_of(RandomKind kind, const Strand& strand) {
  return random_stream(kind, static_cast<uint32_t>(strand.layer),
                       static_cast<uint32_t>(strand.direction));
}

// Rows of n Bernoulli(1 - p) decisions, one byte each.
class Mask {
 public:
  // No decisions: row() is null.
  Mask() = default;
  // given: rows of n bytes, or null to draw from the seed.
  Mask(double p, const uint8_t* given, uint64_t seed, uint32_t stream, int64_t n)
      : n_(n), active_(p > 0 || given != nullptr), given_(given), seed_(seed), stream_(stream),
        threshold_(keep_threshold(p)) {}

  bool active() const { return active_; }

  // Row given_row of the given mask, or the row that Philox draws at (step, row); into buffer (n)
  // where it has to be drawn.
  const uint8_t* row(int64_t given_row, int64_t step, int64_t row, uint8_t* buffer) const {
    if (!active_) return nullptr;
    if (given_ != nullptr) return given_ + given_row * n_;
    draw(static_cast<uint32_t>(step), static_cast<uint32_t>(row), buffer);
    return buffer;
  }

 private:
  void draw(uint32_t step, uint32_t row, uint8_t* out) const;

  int64_t n_ = 0;
  bool active_ = false;
  const uint8_t* given_ = nullptr;
  uint64_t seed_ = 0;
  uint32_t stream_ = 0;
  uint64_t threshold_ = 0;
};

}  // namespace lnrnn::cpu

// Random decisions of a strand: given by the caller, or drawn.
#pragma once

#include <algorithm>
#include <cstdint>

#include "core/device.h"
#include "core/size.h"
#include "cpu/machine/isa.h"

namespace lnrnn::cpu {

// Rows of width decisions, one byte each, drawn where they are needed: of zoneout, and of recurrent
// dropout.
template <class T>
class Mask {
 public:
  // No decisions: row() is null.
  Mask() = default;
  // given: rows of its width, or null to draw from the seed.
  Mask(const Kernels<T>& kernels, const Strand& strand, RandomKind kind, const uint8_t* given,
       uint64_t seed)
      : draw_(kernels.draw), given_(given) {
    const MaskShape shape = MaskShape::of(strand.plan, kind, 0, 0);
    width_ = shape.width;
    active_ = shape.probability > 0;
    if (active_ && given_ == nullptr) {
      drawn_ = {PhiloxKeys(seed), keep_threshold(shape.probability), random_stream(kind, strand)};
    }
  }

  // Row given_row of the given mask, or the row that Philox draws at (step, row); into buffer (width)
  // where it has to be drawn.
  const uint8_t* row(int64_t given_row, int64_t step, int64_t row, uint8_t* buffer) const {
    if (!active_) return nullptr;
    if (given_ != nullptr) return given_ + given_row * width_;
    draw_(drawn_, {static_cast<uint32_t>(step), 1, static_cast<uint32_t>(row), 0, width_}, buffer);
    return buffer;
  }

 private:
  void (*draw_)(const Draw&, const DrawnRows&, uint8_t*) = nullptr;
  int64_t width_ = 0;
  bool active_ = false;
  const uint8_t* given_ = nullptr;
  Draw drawn_;
};

// DropConnect's: which weights of weight_hh (G H,P) stay, a bit each. Made by forward, once for every
// row; in the reserve from then on, for whoever reads the weights or their gradient.
struct KeptWeights {
  uint8_t* bits = nullptr;  // (G H, bit_row_bytes(P)); null without DropConnect

  static KeptWeights take(Carver& carver, const Strand& strand) {
    if (strand.plan.description.dropconnect == 0) return {};
    return {carver.take<uint8_t>({strand.gates(), bit_row_bytes(strand.output_width())})};
  }
  const uint8_t* row(int64_t m, int64_t columns) const { return bits + m * bit_row_bytes(columns); }

  // Decides about rows [begin, end). given: (G H,P) bytes, or null to draw from the seed.
  template <class T>
  void decide(const Kernels<T>& kernels, const Strand& strand, const uint8_t* given, uint64_t seed,
              int64_t begin, int64_t end) const {
    constexpr int64_t kFeatures = 512, kRows = 16;  // at once: few enough for the nearest cache
    if (bits == nullptr) return;
    const int64_t columns = strand.output_width();
    const auto row_at = [&](int64_t m) { return bits + m * bit_row_bytes(columns); };
    if (given != nullptr) {
      for (int64_t m = begin; m < end; ++m) {
        kernels.pack_bits(given + m * columns, columns, row_at(m));
      }
      return;
    }
    const Draw draw{PhiloxKeys(seed), keep_threshold(strand.plan.description.dropconnect),
                    random_stream(RandomKind::kDropConnect, strand)};
    uint8_t drawn[kRows * kFeatures];
    for (int64_t m = begin; m < end; m += kRows) {
      const int64_t rows = std::min(kRows, end - m);
      for (int64_t first = 0; first < columns; first += kFeatures) {
        const int64_t count = std::min(kFeatures, columns - first);
        kernels.draw(draw, {static_cast<uint32_t>(m), rows, 0, first, count}, drawn);
        for (int64_t i = 0; i < rows; ++i) {
          kernels.pack_bits(drawn + i * count, count, row_at(m + i) + first / 8);
        }
      }
    }
  }
};

}  // namespace lnrnn::cpu

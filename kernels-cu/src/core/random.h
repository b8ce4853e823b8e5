// What masks are drawn from.
#pragma once

#include "cell/philox.h"
#include "plan.h"

namespace lnrnn {

// These numbers, or the three that stand in device memory.
struct Random {
  uint64_t seed;
  int64_t step_offset, row_offset;
  const uint64_t* device;

  // As numbers: read now, where they stand in memory.
  LNRNN_CELL_METHOD Random drawn() const {
    if (device == nullptr) return *this;
    return {device[0], static_cast<int64_t>(device[1]), static_cast<int64_t>(device[2]), nullptr};
  }
};

inline uint32_t random_stream(RandomKind kind, const Strand& strand) {
  return random_stream(kind, static_cast<uint32_t>(strand.layer),
                       static_cast<uint32_t>(strand.direction));
}

}  // namespace lnrnn

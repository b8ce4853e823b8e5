// Sequences of different length.
#pragma once

#include <cstdint>

#include "cell/host_device.h"

namespace lnrnn {

// A row of the batch is active before its length.
struct Lengths {
  const int64_t* lengths = nullptr;  // (N), where the passes read; null: all rows have all steps

  LNRNN_CELL_METHOD bool active(int64_t step, int64_t row) const {
    return lengths == nullptr || step < lengths[row];
  }
};

}  // namespace lnrnn

// Sequences that begin inside a row.
#pragma once

#include <cstdint>

#include "cell/host_device.h"
#include "lengths.h"

namespace lnrnn {

// Flags (T,N), where the passes read: not 0 where a new sequence begins at a step. Null: none does.
struct Resets {
  const uint8_t* flags = nullptr;
  int64_t step_stride = 0, row_stride = 0;

  LNRNN_CELL_METHOD bool begins(int64_t step, int64_t row) const {
    return flags[step * step_stride + row * row_stride] != 0;
  }
};

// Where a strand's state does not cross from one step to the next: there the state before a step is zeros,
// and no gradient comes back. No row is active from `steps` on. Steps that are asked for are the row's.
struct Cuts {
  Resets resets;
  Lengths lengths;
  int64_t steps = 0;
  bool reverse = false;

  LNRNN_CELL_METHOD bool any() const { return resets.flags != nullptr; }
  // Between a step and what the strand takes before it, which may be its initial state.
  LNRNN_CELL_METHOD bool before(int64_t step, int64_t row) const {
    return any() && (reverse ? begins_next(step, row) : resets.begins(step, row));
  }
  // Between a step and the one that the strand takes after it.
  LNRNN_CELL_METHOD bool after(int64_t step, int64_t row) const {
    return any() && (reverse ? step > 0 && resets.begins(step, row) : begins_next(step, row));
  }

 private:
  LNRNN_CELL_METHOD bool begins_next(int64_t step, int64_t row) const {
    return step + 1 < steps && lengths.active(step + 1, row) && resets.begins(step + 1, row);
  }
};

}  // namespace lnrnn

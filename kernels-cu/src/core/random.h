// What masks are drawn from, and their shapes.
#pragma once

#include "cell/philox.h"
#include "plan.h"
#include "size.h"

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

// All masks of a kind: tensors (steps,batch,width), one behind another.
struct MaskShape {
  double probability;  // in the plan, that a decision is 0
  int64_t tensors;     // one for each strand; dropout has one for each layer but the last
  int64_t steps, batch, width;
  bool counts_steps,
      counts_rows;  // whether step and row are the sequence's, which the offsets move

  static MaskShape of(const Plan& plan, RandomKind kind, int64_t steps, int64_t batch) {
    const lnrnnPlanDescription_t& d = plan.description;
    const int64_t strands = plan.strands(), cell = plan.cell_width(), output = plan.output_width();
    switch (kind) {
      case RandomKind::kZoneout: return {d.zoneout, strands, steps, batch, output, true, true};
      case RandomKind::kZoneoutCell:
        return {d.zoneoutCell, strands, steps, batch, cell, true, true};
      case RandomKind::kDropoutCandidate:
        return {d.dropoutCandidate, strands, steps, batch, cell, true, true};
      case RandomKind::kDropConnect:
        return {d.dropconnect, strands, plan.shape.gates * cell, 1, output, false, false};
      case RandomKind::kDropout: {
        const bool once = plan.has(LNRNN_PLAN_VARIATIONAL_DROPOUT);
        return {d.dropout, d.layers - 1, once ? 1 : steps, batch, plan.output(), !once, true};
      }
      case RandomKind::kInitialize: break;
    }
    return {};
  }
  uint64_t bytes() const { return size_product({tensors, steps, batch, width}); }
  uint64_t tensor_bytes() const { return size_product({steps, batch, width}); }
};

}  // namespace lnrnn

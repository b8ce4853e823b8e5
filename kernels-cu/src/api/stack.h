// A plan's layers and directions over each other: which strand reads and writes what. Devices run
// strands; this is all that knows of more than one.
#pragma once

#include <vector>

#include "core/device.h"

namespace lnrnn {

class Stack {
 public:
  Stack() = default;
  // Both outlive the stack.
  Stack(Device& device, const Plan& plan);

  uint64_t packed_bytes() const { return packed_offsets_.back(); }
  // Of h and its like, and of c.
  uint64_t state_bytes(int64_t batch) const { return state_bytes(batch, plan_->output_width()); }
  uint64_t cell_state_bytes(int64_t batch) const { return state_bytes(batch, plan_->cell_width()); }
  uint64_t reserve_bytes(int64_t steps, int64_t batch) const;
  // Of one strand, of layer 0 or of one above.
  uint64_t reserve_bytes_at(int layer, int64_t steps, int64_t batch) const;
  uint64_t workspace_bytes(Pass pass, int64_t steps, int64_t batch) const;
  MaskShape mask_shape(RandomKind kind, int64_t steps, int64_t batch) const {
    return MaskShape::of(*plan_, kind, steps, batch);
  }

  // The stream is held by the caller.
  lnrnnStatus_t pack(Stream& stream, const void* parameters, void* packed) const;
  lnrnnStatus_t run(Stream& stream, const lnrnnForwardInferenceArguments_t& call) const;
  lnrnnStatus_t run(Stream& stream, const lnrnnStepArguments_t& call) const;
  lnrnnStatus_t run(Stream& stream, const lnrnnForwardTrainingArguments_t& call) const;
  lnrnnStatus_t run(Stream& stream, const lnrnnBackwardArguments_t& call) const;
  // All masks of a kind, of that shape.
  lnrnnStatus_t draw(Stream& stream, RandomKind kind, const MaskShape& shape, const Random& random,
                     uint8_t* masks) const;

 private:
  uint64_t state_bytes(int64_t batch, int64_t width) const;
  // What a layer hands to the next, or its gradient.
  template <class Arguments>
  lnrnnStatus_t drop(Stream& stream, int layer, const Arguments& call, void* values) const;
  template <class F>
  lnrnnStatus_t each_strand(const F& body) const;

  uint64_t id_ = 0;  // which no other stack of this process ever has
  Device* device_ = nullptr;
  const Plan* plan_ = nullptr;
  std::vector<uint64_t> packed_offsets_;  // of each strand, and the end
};

}  // namespace lnrnn

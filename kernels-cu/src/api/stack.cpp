#include "stack.h"

#include <algorithm>
#include <atomic>
#include <type_traits>

#include "core/size.h"
#include "core/status.h"

namespace lnrnn {

namespace {

template <class P>
P* advance(P* base, uint64_t bytes) {
  if (base == nullptr) return nullptr;
  using Byte = std::conditional_t<std::is_const_v<P>, const char, char>;
  return reinterpret_cast<P*>(reinterpret_cast<Byte*>(base) + bytes);
}

// What layers hand to each other, (T,N,D H) each.
class Between {
 public:
  Between(Carver& carver, const Plan& plan, int count, int64_t steps, int64_t batch)
      : plan_(plan), batch_(batch), bytes_(each(plan, steps, batch)), count_(count),
        base_(static_cast<char*>(carver.take<char>({count, static_cast<int64_t>(bytes_)}))) {}

  // Above layer; buffers come round again where there are fewer than layers.
  void* of(int layer) const { return base_ + static_cast<uint64_t>(layer % count_) * bytes_; }
  template <class P>
  Steps<P> steps(int layer) const {
    return {of(layer), batch_ * plan_.output(), plan_.output()};
  }

 private:
  static uint64_t each(const Plan& plan, int64_t steps, int64_t batch) {
    return size_aligned(
        size_multiply(size_product({steps, batch, plan.output()}), plan.element_bytes()));
  }

  const Plan& plan_;
  const int64_t batch_;
  const uint64_t bytes_;
  const int count_;
  char* const base_;
};

// Where it need not be kept, what a layer hands on is gone when the next but one begins.
int passing(const Plan& plan) { return std::min(plan.description.layers - 1, 2); }

uint64_t strand_workspace(const Device& device, const Plan& plan, Pass pass, int64_t steps,
                          int64_t batch) {
  uint64_t most = device.workspace_bytes(Strand{plan, 0, 0}, pass, steps, batch);
  if (plan.description.layers > 1) {
    most = std::max(most, device.workspace_bytes(Strand{plan, 1, 0}, pass, steps, batch));
  }
  return most;
}

uint64_t next_id() {
  static std::atomic<uint64_t> last{0};
  return ++last;
}

// Steps up to the end of the longest row.
int64_t active_steps(const lnrnnSequence_t& s, const int64_t* lengths) {
  if (s.batch == 0) return 0;
  return lengths == nullptr ? s.steps : *std::max_element(lengths, lengths + s.batch);
}

Random random_of(const lnrnnSequence_t& s, const uint64_t* device) {
  return {s.seed, s.stepOffset, s.rowOffset, device};
}

// What is measured, and what of it is remembered.
enum class Size {
  kInference,
  kTraining,
  kBackward,
  kReserve,
  kReserveOfFirst,  // of a strand of layer 0
  kReserveOfOther,
  kCount
};

struct KnownSize {
  uint64_t stack;  // 0: nothing is known
  int64_t steps, batch;
  uint64_t bytes;
};
// Of a few stacks. Each thread remembers for itself: there is nothing to wait for.
constexpr size_t kStacks = 4;
thread_local KnownSize known_sizes[kStacks][static_cast<size_t>(Size::kCount)];

// Measuring takes longer than all other checks of a call, and most calls have the shape of one before.
template <class F>
uint64_t known_size(uint64_t stack, Size size, int64_t steps, int64_t batch, const F& measure) {
  KnownSize& known = known_sizes[stack % kStacks][static_cast<size_t>(size)];
  if (known.stack != stack || known.steps != steps || known.batch != batch) {
    known = {stack, steps, batch, measure()};
  }
  return known.bytes;
}

}  // namespace

// Places of all strands in a reserve.
class ReserveLayout {
 public:
  ReserveLayout(Carver& carver, const Stack& stack, const Plan& plan, int64_t steps, int64_t batch)
      : between(carver, plan, plan.description.layers - 1, steps, batch) {
    // Strands above layer 0 are all alike.
    for (int level = 0; level < std::min(plan.description.layers, 2); ++level) {
      bytes_[level] = size_aligned(stack.reserve_bytes_at(level, steps, batch));
      const int64_t layers = level == 0 ? 1 : plan.description.layers - 1;
      base_[level] =
          carver.take<char>({layers * plan.directions(), static_cast<int64_t>(bytes_[level])});
    }
  }

  char* of(const Strand& strand) const {
    if (strand.layer == 0) return base_[0] + static_cast<uint64_t>(strand.direction) * bytes_[0];
    return base_[1] + static_cast<uint64_t>(strand.index() - strand.plan.directions()) * bytes_[1];
  }

  const Between between;

 private:
  uint64_t bytes_[2] = {};
  char* base_[2] = {};
};

Stack::Stack(Device& device, const Plan& plan) : id_(next_id()), device_(&device), plan_(&plan) {
  uint64_t offset = 0;
  packed_offsets_.push_back(offset);
  each_strand([&](const Strand& strand) {
    offset = size_add(offset, size_aligned(device.packed_bytes(strand)));
    packed_offsets_.push_back(offset);
    return LNRNN_STATUS_SUCCESS;
  });
}

template <class F>
lnrnnStatus_t Stack::each_strand(const F& body) const {
  for (int layer = 0; layer < plan_->description.layers; ++layer) {
    for (int direction = 0; direction < plan_->directions(); ++direction) {
      LNRNN_FORWARD(body(Strand{*plan_, layer, direction}));
    }
  }
  return LNRNN_STATUS_SUCCESS;
}

uint64_t Stack::state_bytes(int64_t batch) const {
  return size_multiply(size_product({plan_->strands(), batch, plan_->hidden()}),
                       plan_->accumulation_bytes());
}

uint64_t Stack::reserve_bytes_at(int layer, int64_t steps, int64_t batch) const {
  const Size size = layer == 0 ? Size::kReserveOfFirst : Size::kReserveOfOther;
  return known_size(id_, size, steps, batch, [&] {
    return device_->reserve_bytes(Strand{*plan_, layer, 0}, steps, batch);
  });
}

uint64_t Stack::reserve_bytes(int64_t steps, int64_t batch) const {
  return known_size(id_, Size::kReserve, steps, batch, [&] {
    Carver carver;
    ReserveLayout(carver, *this, *plan_, steps, batch);
    return carver.bytes();
  });
}

uint64_t Stack::workspace_bytes(Pass pass, int64_t steps, int64_t batch) const {
  const Size size = pass == Pass::kInference  ? Size::kInference
                    : pass == Pass::kTraining ? Size::kTraining
                                              : Size::kBackward;
  return known_size(id_, size, steps, batch, [&] {
    Carver carver;
    if (pass != Pass::kTraining) Between(carver, *plan_, passing(*plan_), steps, batch);
    return size_add(carver.bytes(), strand_workspace(*device_, *plan_, pass, steps, batch));
  });
}

lnrnnStatus_t Stack::pack(Stream& stream, const void* parameters, void* packed) const {
  return each_strand([&](const Strand& strand) {
    return device_->pack(strand, stream, parameters,
                         advance(packed, packed_offsets_[static_cast<size_t>(strand.index())]));
  });
}

namespace {

// A strand's part of the tensors of a call.
struct Parts {
  const Plan& plan;
  int64_t steps, batch;
  uint64_t index;

  template <class P>
  P* state(P* base) const {
    return advance(base, index * static_cast<uint64_t>(batch * plan.hidden()) *
                             plan.accumulation_bytes());
  }
  const uint8_t* zoneout(const uint8_t* mask) const {
    return advance(mask, index * static_cast<uint64_t>(steps * batch * plan.hidden()));
  }
  const uint8_t* dropconnect(const uint8_t* mask) const {
    return advance(mask, index * static_cast<uint64_t>(plan.shape.gates) *
                             static_cast<uint64_t>(plan.hidden() * plan.hidden()));
  }
  // The features that one direction writes.
  template <class P>
  Steps<P> half(Steps<P> both, int direction) const {
    both.base =
        advance(both.base, static_cast<uint64_t>(direction * plan.hidden()) * plan.element_bytes());
    return both;
  }
};

}  // namespace

lnrnnStatus_t Stack::infer(Stream& stream, const StackForward& call) const {
  const lnrnnSequence_t& s = *call.sequence;
  const int64_t active = active_steps(s, call.lengths);
  const Plan& plan = *plan_;
  const int last = plan.description.layers - 1;
  Carver carver(call.workspace);
  const Between between(carver, plan, passing(plan), s.steps, s.batch);
  return each_strand([&](const Strand& strand) {
    const auto index = static_cast<size_t>(strand.index());
    const Parts part{plan, s.steps, s.batch, index};
    const Steps<const void> x{call.x, s.xStepStride, s.xRowStride};
    const Steps<void> y{call.y, s.yStepStride, s.yRowStride};
    return device_->infer(stream,
                          {strand, s.steps, s.batch, call.lengths, active, Random{},
                           advance(call.weights, packed_offsets_[index]),
                           strand.layer == 0 ? x : between.steps<const void>(strand.layer - 1),
                           part.state(call.h0), part.state(call.c0), nullptr, nullptr,
                           part.half(strand.layer == last ? y : between.steps<void>(strand.layer),
                                     strand.direction),
                           part.state(call.hn), part.state(call.cn), nullptr,
                           advance(call.workspace, carver.bytes())});
  });
}

lnrnnStatus_t Stack::train(Stream& stream, const StackForward& call) const {
  const lnrnnSequence_t& s = *call.sequence;
  const int64_t active = active_steps(s, call.lengths);
  const Plan& plan = *plan_;
  const int last = plan.description.layers - 1;
  Carver carver(call.reserve);
  const ReserveLayout reserve(carver, *this, plan, s.steps, s.batch);
  return each_strand([&](const Strand& strand) {
    const Parts part{plan, s.steps, s.batch, static_cast<uint64_t>(strand.index())};
    const Steps<const void> x{call.x, s.xStepStride, s.xRowStride};
    const Steps<void> y{call.y, s.yStepStride, s.yRowStride};
    LNRNN_FORWARD(device_->train(
        stream,
        {strand, s.steps, s.batch, call.lengths, active, random_of(s, call.random), call.weights,
         strand.layer == 0 ? x : reserve.between.steps<const void>(strand.layer - 1),
         part.state(call.h0), part.state(call.c0), part.zoneout(call.zoneout_mask),
         part.dropconnect(call.dropconnect_mask),
         part.half(strand.layer == last ? y : reserve.between.steps<void>(strand.layer),
                   strand.direction),
         part.state(call.hn), part.state(call.cn), reserve.of(strand), call.workspace}));
    if (strand.layer == last || strand.direction + 1 < plan.directions()) {
      return LNRNN_STATUS_SUCCESS;
    }
    return drop(stream, strand.layer, s, call.random, reserve.between.of(strand.layer));
  });
}

lnrnnStatus_t Stack::backward(Stream& stream, const StackBackward& call) const {
  const lnrnnSequence_t& s = *call.sequence;
  const int64_t active = active_steps(s, call.lengths);
  const Plan& plan = *plan_;
  const int last = plan.description.layers - 1;
  Carver kept(call.reserve), carver(call.workspace);
  const ReserveLayout reserve(kept, *this, plan, s.steps, s.batch);
  const Between between(carver, plan, passing(plan), s.steps, s.batch);
  for (int layer = last; layer >= 0; --layer) {
    const Steps<const void> x{call.x, s.xStepStride, s.xRowStride};
    const Steps<const void> dy{call.dy, s.dyStepStride, s.dyRowStride};
    const Steps<void> dx{call.dx, s.dxStepStride, s.dxRowStride};
    for (int direction = 0; direction < plan.directions(); ++direction) {
      const Strand strand{plan, layer, direction};
      const Parts part{plan, s.steps, s.batch, static_cast<uint64_t>(strand.index())};
      LNRNN_FORWARD(device_->backward(
          stream, {strand,
                   s.steps,
                   s.batch,
                   call.lengths,
                   active,
                   random_of(s, call.random),
                   call.parameters,
                   layer == 0 ? x : reserve.between.steps<const void>(layer - 1),
                   part.zoneout(call.zoneout_mask),
                   part.dropconnect(call.dropconnect_mask),
                   part.half(layer == last ? dy : between.steps<const void>(layer), direction),
                   part.state(call.dhn),
                   part.state(call.dcn),
                   reserve.of(strand),
                   call.gradients,
                   (s.flags & LNRNN_SEQUENCE_ACCUMULATE) != 0,
                   layer == 0 ? dx : between.steps<void>(layer - 1),
                   direction > 0,
                   part.state(call.dh0),
                   part.state(call.dc0),
                   advance(call.workspace, carver.bytes())}));
    }
    if (layer > 0) LNRNN_FORWARD(drop(stream, layer - 1, s, call.random, between.of(layer - 1)));
  }
  return LNRNN_STATUS_SUCCESS;
}

lnrnnStatus_t Stack::drop(Stream& stream, int layer, const lnrnnSequence_t& sequence,
                          const uint64_t* random, void* values) const {
  if (plan_->description.dropout == 0) return LNRNN_STATUS_SUCCESS;
  return device_->dropout(stream, {*plan_, layer, sequence.steps, sequence.batch,
                                   random_of(sequence, random), values});
}

}  // namespace lnrnn

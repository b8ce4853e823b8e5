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
  Tensor<P> tensor(int layer) const {
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
int64_t active_steps(const lnrnnSequence_t& s) {
  if (s.batch == 0) return 0;
  return s.lengths == nullptr ? s.steps : *std::max_element(s.lengths, s.lengths + s.batch);
}

bool is_last(const Strand& strand) { return strand.layer + 1 == strand.plan.description.layers; }

// What a training forward and its backward draw from.
template <class Arguments>
Random random_of(const Arguments& call) {
  const lnrnnSequence_t& s = call.sequence;
  return {s.seed, s.stepOffset, s.rowOffset, static_cast<const uint64_t*>(call.random.pointer)};
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

uint64_t Stack::state_bytes(int64_t batch, int64_t width) const {
  return size_multiply(size_product({plan_->strands(), batch, width}), plan_->accumulation_bytes());
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

Tensor<const void> inside(const lnrnnConstTensor_t& t) {
  return {t.pointer, t.stepStride, t.rowStride};
}
Tensor<void> inside(const lnrnnTensor_t& t) { return {t.pointer, t.stepStride, t.rowStride}; }

// One of the tensors of a given mask; null where it is not given.
const uint8_t* mask_of(const MaskShape& shape, int64_t index, const lnrnnConstBuffer_t& given) {
  return static_cast<const uint8_t*>(
      advance(given.pointer, static_cast<uint64_t>(index) * shape.tensor_bytes()));
}

// One strand's part of the tensors of a call.
class Part {
 public:
  Part(const Strand& strand, const lnrnnSequence_t& sequence)
      : strand_(strand), plan_(strand.plan), sequence_(sequence) {}

  StrandArguments begin(const lnrnnConstTensor_t& resets) const {
    return {strand_,
            sequence_.steps,
            sequence_.batch,
            sequence_.lengths,
            active_steps(sequence_),
            {static_cast<const uint8_t*>(resets.pointer), resets.stepStride, resets.rowStride}};
  }
  template <class Buffer>
  auto* state(const Buffer& whole) const {
    return at(whole.pointer, sequence_.batch * plan_.output_width(), plan_.accumulation_bytes());
  }
  template <class Buffer>
  auto* cell_state(const Buffer& whole) const {
    return at(whole.pointer, sequence_.batch * plan_.cell_width(), plan_.accumulation_bytes());
  }
  // What a training forward and its backward draw, or are given.
  template <class Call>
  void draws(const Call& call, StrandArguments* to) const {
    to->zoneout_mask = mask(RandomKind::kZoneout, call.zoneoutMask);
    to->zoneout_cell_mask = mask(RandomKind::kZoneoutCell, call.zoneoutCellMask);
    to->dropconnect_mask = mask(RandomKind::kDropConnect, call.dropconnectMask);
    to->dropout_candidate_mask = mask(RandomKind::kDropoutCandidate, call.dropoutCandidateMask);
    to->random = random_of(call);
  }
  // The features that one direction writes.
  template <class P>
  Tensor<P> half(Tensor<P> both) const {
    both.pointer =
        advance(both.pointer, static_cast<uint64_t>(strand_.direction * plan_.output_width()) *
                                  plan_.element_bytes());
    return both;
  }

 private:
  const uint8_t* mask(RandomKind kind, const lnrnnConstBuffer_t& given) const {
    return mask_of(MaskShape::of(plan_, kind, sequence_.steps, sequence_.batch), strand_.index(),
                   given);
  }
  // In a tensor that has so many elements for each strand.
  template <class P>
  P* at(P* base, int64_t elements, size_t bytes) const {
    return advance(base, static_cast<uint64_t>(strand_.index()) * static_cast<uint64_t>(elements) *
                             bytes);
  }

  const Strand& strand_;
  const Plan& plan_;
  const lnrnnSequence_t& sequence_;
};

// What inference and training have in common, where layers hand to each other through `between`.
template <class Arguments>
ForwardArguments forward_of(const Strand& strand, const Arguments& call, const Between& between) {
  const Part part(strand, call.sequence);
  ForwardArguments arguments{part.begin(call.resets)};
  arguments.x = strand.layer == 0 ? inside(call.x) : between.tensor<const void>(strand.layer - 1);
  arguments.h0 = part.state(call.h0);
  arguments.c0 = part.cell_state(call.c0);
  arguments.y = part.half(is_last(strand) ? inside(call.y) : between.tensor<void>(strand.layer));
  arguments.hn = part.state(call.hn);
  arguments.cn = part.cell_state(call.cn);
  return arguments;
}

}  // namespace

lnrnnStatus_t Stack::run(Stream& stream, const lnrnnForwardInferenceArguments_t& call) const {
  Carver carver(call.workspace.pointer);
  const Between between(carver, *plan_, passing(*plan_), call.sequence.steps, call.sequence.batch);
  return each_strand([&](const Strand& strand) {
    ForwardArguments arguments = forward_of(strand, call, between);
    arguments.packed =
        advance(call.packed.pointer, packed_offsets_[static_cast<size_t>(strand.index())]);
    arguments.workspace = advance(call.workspace.pointer, carver.bytes());
    return device_->infer(stream, arguments);
  });
}

// Inference of a single step, in place.
lnrnnStatus_t Stack::run(Stream& stream, const lnrnnStepArguments_t& call) const {
  lnrnnForwardInferenceArguments_t inference{};
  inference.sequence.steps = 1;
  inference.sequence.batch = call.batch;
  inference.packed = call.packed;
  inference.x = call.x;
  inference.resets = call.resets;
  inference.h0 = {call.h.pointer, call.h.bytes};
  inference.c0 = {call.c.pointer, call.c.bytes};
  inference.hn = call.h;
  inference.cn = call.c;
  inference.workspace = call.workspace;
  return run(stream, inference);
}

lnrnnStatus_t Stack::run(Stream& stream, const lnrnnForwardTrainingArguments_t& call) const {
  const lnrnnSequence_t& s = call.sequence;
  Carver carver(call.reserve.pointer);
  const ReserveLayout reserve(carver, *this, *plan_, s.steps, s.batch);
  return each_strand([&](const Strand& strand) {
    ForwardArguments arguments = forward_of(strand, call, reserve.between);
    arguments.parameters = call.parameters.pointer;
    Part(strand, s).draws(call, &arguments);
    arguments.reserve = reserve.of(strand);
    arguments.workspace = call.workspace.pointer;
    LNRNN_FORWARD(device_->train(stream, arguments));
    if (is_last(strand) || strand.direction + 1 < plan_->directions()) {
      return LNRNN_STATUS_SUCCESS;
    }
    return drop(stream, strand.layer, call, reserve.between.of(strand.layer));
  });
}

lnrnnStatus_t Stack::run(Stream& stream, const lnrnnBackwardArguments_t& call) const {
  const lnrnnSequence_t& s = call.sequence;
  Carver kept(call.reserve.pointer), carver(call.workspace.pointer);
  const ReserveLayout reserve(kept, *this, *plan_, s.steps, s.batch);
  const Between between(carver, *plan_, passing(*plan_), s.steps, s.batch);
  for (int layer = plan_->description.layers - 1; layer >= 0; --layer) {
    for (int direction = 0; direction < plan_->directions(); ++direction) {
      const Strand strand{*plan_, layer, direction};
      const Part part(strand, s);
      BackwardArguments arguments{part.begin(call.resets)};
      arguments.parameters = call.parameters.pointer;
      arguments.x = layer == 0 ? inside(call.x) : reserve.between.tensor<const void>(layer - 1);
      part.draws(call, &arguments);
      arguments.reserve = reserve.of(strand);
      arguments.dy =
          part.half(is_last(strand) ? inside(call.dy) : between.tensor<const void>(layer));
      arguments.dhn = part.state(call.dhn);
      arguments.dcn = part.cell_state(call.dcn);
      arguments.gradients = call.gradients.pointer;
      arguments.accumulate = (call.flags & LNRNN_BACKWARD_ACCUMULATE) != 0;
      arguments.dx = layer == 0 ? inside(call.dx) : between.tensor<void>(layer - 1);
      arguments.add_dx = direction > 0;
      arguments.dh0 = part.state(call.dh0);
      arguments.dc0 = part.cell_state(call.dc0);
      arguments.workspace = advance(call.workspace.pointer, carver.bytes());
      LNRNN_FORWARD(device_->backward(stream, arguments));
    }
    if (layer > 0) LNRNN_FORWARD(drop(stream, layer - 1, call, between.of(layer - 1)));
  }
  return LNRNN_STATUS_SUCCESS;
}

template <class Arguments>
lnrnnStatus_t Stack::drop(Stream& stream, int layer, const Arguments& call, void* values) const {
  const lnrnnSequence_t& s = call.sequence;
  const MaskShape shape = mask_shape(RandomKind::kDropout, s.steps, s.batch);
  if (shape.probability == 0) return LNRNN_STATUS_SUCCESS;
  return device_->dropout(stream, {*plan_, layer, s.steps, s.batch, random_of(call), values,
                                   mask_of(shape, layer, call.dropoutMask)});
}

lnrnnStatus_t Stack::draw(Stream& stream, RandomKind kind, const MaskShape& shape,
                          const Random& random, uint8_t* masks) const {
  const int directions = kind == RandomKind::kDropout ? 1 : plan_->directions();
  for (int64_t i = 0; i < shape.tensors; ++i) {
    const uint32_t of = random_stream(kind, static_cast<uint32_t>(i / directions),
                                      static_cast<uint32_t>(i % directions));
    LNRNN_FORWARD(device_->draw_mask(
        stream,
        {shape, of, random, advance(masks, static_cast<uint64_t>(i) * shape.tensor_bytes())}));
  }
  return LNRNN_STATUS_SUCCESS;
}

}  // namespace lnrnn

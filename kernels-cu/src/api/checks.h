// The checks of one call's arguments: of what it reads, then of what it writes, then that they are
// apart. Each states what it found and what was expected, by the name that lnrnn.h gives it.
#pragma once

#include <type_traits>

#include "objects.h"
#include "regions.h"
#include "core/size.h"

namespace lnrnn {

// Of lnrnnMaskKind_t, in its order: what they are drawn as, and their probability in a plan.
struct MaskKind {
  RandomKind kind;
  const char* probability;
};
constexpr MaskKind kMaskKinds[] = {{RandomKind::kZoneout, "zoneout"},
                                   {RandomKind::kZoneoutCell, "zoneoutCell"},
                                   {RandomKind::kDropConnect, "dropconnect"},
                                   {RandomKind::kDropout, "dropout"},
                                   {RandomKind::kDropoutCandidate, "dropoutCandidate"}};
constexpr int kMaskKindCount = LNRNN_MASK_DROPOUT_CANDIDATE + 1;
static_assert(sizeof kMaskKinds / sizeof *kMaskKinds == kMaskKindCount);

class Checks {
 public:
  Checks(const char* function, lnrnnPlan_t plan)
      : function_(function), plan_(plan->plan), stack_(plan->stack) {}

  // Every argument of a call.
  lnrnnStatus_t all(const lnrnnForwardInferenceArguments_t& a) {
    LNRNN_FORWARD(sequence(a.sequence));
    LNRNN_FORWARD(space("packed", a.packed, stack_.packed_bytes()));
    LNRNN_FORWARD(forward_tensors(a));
    return space("workspace", a.workspace,
                 stack_.workspace_bytes(Pass::kInference, steps_, batch_));
  }
  lnrnnStatus_t all(const lnrnnStepArguments_t& a) {
    LNRNN_CHECK(plan_.directions() == 1, LNRNN_STATUS_INVALID_ARGUMENT,
                "%s: the plan is bidirectional, but a stream of steps has no end to read back from",
                function_);
    LNRNN_FORWARD(shape("steps", 1, "batch", a.batch));
    LNRNN_FORWARD(space("packed", a.packed, stack_.packed_bytes()));
    LNRNN_FORWARD(tensor("x", a.x, plan_.input(0)));
    LNRNN_FORWARD(resets(a.resets));
    LNRNN_FORWARD(buffer("h", a.h, state_bytes_, plan_.accumulation_bytes()));
    LNRNN_FORWARD(plan_.shape.carries_cell
                      ? buffer("c", a.c, cell_state_bytes_, plan_.accumulation_bytes())
                      : cell_state("c", a.c));
    return space("workspace", a.workspace,
                 stack_.workspace_bytes(Pass::kInference, steps_, batch_));
  }
  lnrnnStatus_t all(const lnrnnForwardTrainingArguments_t& a) {
    LNRNN_FORWARD(sequence(a.sequence));
    LNRNN_FORWARD(parameters(a.parameters));
    LNRNN_FORWARD(draws(a));
    LNRNN_FORWARD(forward_tensors(a));
    LNRNN_FORWARD(space("reserve", a.reserve, stack_.reserve_bytes(steps_, batch_)));
    return space("workspace", a.workspace, stack_.workspace_bytes(Pass::kTraining, steps_, batch_));
  }
  lnrnnStatus_t all(const lnrnnBackwardArguments_t& a) {
    LNRNN_CHECK((a.flags & ~LNRNN_BACKWARD_ACCUMULATE) == 0, LNRNN_STATUS_INVALID_ARGUMENT,
                "%s: flags is 0x%x; only LNRNN_BACKWARD_ACCUMULATE is defined", function_, a.flags);
    LNRNN_CHECK(a.reserved == 0, LNRNN_STATUS_INVALID_ARGUMENT, "%s: reserved is 0x%x, not 0",
                function_, a.reserved);
    LNRNN_FORWARD(sequence(a.sequence));
    LNRNN_FORWARD(parameters(a.parameters));
    LNRNN_FORWARD(tensor("x", a.x, plan_.input(0)));
    LNRNN_FORWARD(resets(a.resets));
    LNRNN_FORWARD(draws(a));
    LNRNN_FORWARD(space("reserve", a.reserve, stack_.reserve_bytes(steps_, batch_)));
    LNRNN_FORWARD(optional_tensor("dy", a.dy, plan_.output()));
    LNRNN_FORWARD(state("dhn", a.dhn));
    LNRNN_FORWARD(cell_state("dcn", a.dcn));
    LNRNN_FORWARD(optional_buffer("gradients", a.gradients, plan_.gradient_bytes(),
                                  plan_.accumulation_bytes()));
    LNRNN_FORWARD(optional_tensor("dx", a.dx, plan_.input(0)));
    LNRNN_FORWARD(state("dh0", a.dh0));
    LNRNN_FORWARD(cell_state("dc0", a.dc0));
    return space("workspace", a.workspace, stack_.workspace_bytes(Pass::kBackward, steps_, batch_));
  }

  lnrnnStatus_t all(const lnrnnMaskDraw_t& a, const lnrnnConstBuffer_t& random,
                    const lnrnnBuffer_t& mask, RandomKind* kind) {
    LNRNN_CHECK(a.kind >= 0 && a.kind < kMaskKindCount, LNRNN_STATUS_INVALID_ARGUMENT,
                "%s: draw->kind is %d, not 0...%d", function_, a.kind, kMaskKindCount - 1);
    const MaskKind& known = kMaskKinds[a.kind];
    LNRNN_CHECK(a.reserved == 0, LNRNN_STATUS_INVALID_ARGUMENT, "%s: draw->reserved is 0x%x, not 0",
                function_, static_cast<uint32_t>(a.reserved));
    LNRNN_FORWARD(shape("draw->steps", a.steps, "draw->batch", a.batch));
    LNRNN_FORWARD(offset("draw->stepOffset", a.stepOffset, steps_));
    LNRNN_FORWARD(offset("draw->rowOffset", a.rowOffset, batch_));
    const MaskShape of = mask_shape(known.kind);
    LNRNN_CHECK(of.probability > 0, LNRNN_STATUS_INVALID_ARGUMENT,
                "%s: draw->kind is %d, but the plan's %s is 0: there is no such mask", function_,
                a.kind, known.probability);
    LNRNN_FORWARD(optional_buffer("random", random, kRandomBytes, sizeof(uint64_t)));
    *kind = known.kind;
    return buffer("mask", mask, of.bytes(), 1);
  }

  template <class Buffer>
  lnrnnStatus_t parameters(const Buffer& given) {
    return buffer("parameters", given, plan_.parameter_bytes(), plan_.element_bytes());
  }
  // Packed weights, workspace and reserve.
  template <class Buffer>
  lnrnnStatus_t space(const char* name, const Buffer& given, uint64_t needed) {
    return buffer(name, given, needed, kAlignment);
  }

  // After all others.
  lnrnnStatus_t apart() const { return regions_.check_apart(function_); }

  // See objects.h. The caller holds the stream.
  lnrnnStatus_t hold(lnrnnHandle_t handle, Stream& stream) const {
    if (!handle->capturing) return LNRNN_STATUS_SUCCESS;
    const void* used[Regions::kMost];
    return hold_for_capture(function_, handle, stream, used, regions_.held(used));
  }

 private:
  static constexpr size_t kRandomBytes = 3 * sizeof(uint64_t);

  static long long wide(int64_t value) { return static_cast<long long>(value); }

  // A stride that nothing is multiplied by may be any number.
  static int64_t wrapped(int64_t stride, int64_t element) {
    return static_cast<int64_t>(static_cast<uint64_t>(stride) * static_cast<uint64_t>(element));
  }

  lnrnnStatus_t shape(const char* steps_name, int64_t steps, const char* batch_name,
                      int64_t batch) {
    LNRNN_FORWARD(check_extent(function_, steps_name, steps));
    LNRNN_FORWARD(check_extent(function_, batch_name, batch));
    steps_ = steps;
    batch_ = batch;
    state_bytes_ = stack_.state_bytes(batch);
    cell_state_bytes_ = stack_.cell_state_bytes(batch);
    return LNRNN_STATUS_SUCCESS;
  }
  lnrnnStatus_t offset(const char* name, int64_t given, int64_t extent) const {
    LNRNN_CHECK(given >= 0 && given <= kMaxExtent - extent, LNRNN_STATUS_INVALID_ARGUMENT,
                "%s: %s is %lld, not 0...2^32 - %lld", function_, name, wide(given), wide(extent));
    return LNRNN_STATUS_SUCCESS;
  }
  lnrnnStatus_t sequence(const lnrnnSequence_t& s) {
    LNRNN_FORWARD(shape("sequence.steps", s.steps, "sequence.batch", s.batch));
    LNRNN_FORWARD(offset("sequence.stepOffset", s.stepOffset, steps_));
    LNRNN_FORWARD(offset("sequence.rowOffset", s.rowOffset, batch_));
    if (s.lengths == nullptr) return LNRNN_STATUS_SUCCESS;
    regions_.read_at_once("sequence.lengths", s.lengths,
                          static_cast<uint64_t>(batch_) * sizeof *s.lengths);
    for (int64_t n = 0; n < batch_; ++n) {
      LNRNN_CHECK(s.lengths[n] >= 0 && s.lengths[n] <= steps_, LNRNN_STATUS_INVALID_ARGUMENT,
                  "%s: sequence.lengths[%lld] is %lld, not 0...%lld", function_, wide(n),
                  wide(s.lengths[n]), wide(steps_));
    }
    return LNRNN_STATUS_SUCCESS;
  }

  // Buffers and tensors are read or written as their types in lnrnn.h say.
  template <class Memory>
  static constexpr bool kWritten =
      !std::is_const_v<std::remove_pointer_t<decltype(Memory::pointer)>>;

  template <class Memory>
  lnrnnStatus_t buffer(const char* name, const Memory& given, uint64_t needed, size_t alignment) {
    // First of all: a member that was left out has no bytes either.
    LNRNN_CHECK(given.pointer != nullptr || needed == 0, LNRNN_STATUS_NULL_POINTER,
                "%s: %s is NULL", function_, name);
    LNRNN_CHECK(given.bytes >= needed, LNRNN_STATUS_BUFFER_TOO_SMALL,
                "%s: %s has %zu bytes, but %llu are needed", function_, name, given.bytes,
                static_cast<unsigned long long>(needed));
    LNRNN_CHECK(reinterpret_cast<uintptr_t>(given.pointer) % alignment == 0,
                LNRNN_STATUS_MISALIGNED, "%s: %s is at %p, not aligned to %zu bytes", function_,
                name, given.pointer, alignment);
    if constexpr (kWritten<Memory>) {
      regions_.written(name, given.pointer, needed);
    } else {
      regions_.read(name, given.pointer, needed);
    }
    return LNRNN_STATUS_SUCCESS;
  }
  template <class Memory>
  lnrnnStatus_t optional_buffer(const char* name, const Memory& given, uint64_t needed,
                                size_t alignment) {
    return given.pointer == nullptr ? LNRNN_STATUS_SUCCESS : buffer(name, given, needed, alignment);
  }

  // A tensor (T,N,features) of the data type with strides; written tensors may not overlap themselves.
  template <class Memory>
  lnrnnStatus_t tensor(const char* name, const Memory& given, int64_t features) {
    return tensor(name, given, features, plan_.element_bytes());
  }
  template <class Memory>
  lnrnnStatus_t tensor(const char* name, const Memory& given, int64_t features, size_t bytes) {
    const int64_t step = given.stepStride, row = given.rowStride;
    LNRNN_CHECK(step >= 0 && row >= 0, LNRNN_STATUS_INVALID_ARGUMENT,
                "%s: %s has strides %lld (step) and %lld (row), expected at least 0", function_,
                name, wide(step), wide(row));
    LNRNN_CHECK(given.featureStride == 0 || given.featureStride == 1, LNRNN_STATUS_NOT_SUPPORTED,
                "%s: %s has the feature stride %lld; only 1, or 0 for the same, is supported",
                function_, name, wide(given.featureStride));
    if (steps_ == 0 || batch_ == 0) return LNRNN_STATUS_SUCCESS;
    const uint64_t elements =
        size_add(size_add(size_product({steps_ - 1, step}), size_product({batch_ - 1, row})),
                 static_cast<uint64_t>(features));
    LNRNN_FORWARD(buffer(name, given, size_multiply(elements, bytes), bytes));
    if (elements != size_product({steps_, batch_, features})) {
      const int64_t element = static_cast<int64_t>(bytes);
      regions_.with_gaps(
          {0, features * element, steps_, wrapped(step, element), batch_, wrapped(row, element)});
    }
    LNRNN_CHECK(!kWritten<Memory> || separate(steps_, step, batch_, row, features) ||
                    separate(batch_, row, steps_, step, features),
                LNRNN_STATUS_INVALID_ARGUMENT,
                "%s: rows of %s overlap: strides %lld (step) and %lld (row), %lld features",
                function_, name, wide(step), wide(row), wide(features));
    return LNRNN_STATUS_SUCCESS;
  }
  template <class Memory>
  lnrnnStatus_t optional_tensor(const char* name, const Memory& given, int64_t features) {
    return given.pointer == nullptr ? LNRNN_STATUS_SUCCESS : tensor(name, given, features);
  }
  lnrnnStatus_t resets(const lnrnnConstTensor_t& given) {
    return given.pointer == nullptr ? LNRNN_STATUS_SUCCESS : tensor("resets", given, 1, 1);
  }
  // Whether each outer index has a place of its own, clear of the inner index's rows, which have
  // theirs.
  static bool separate(int64_t outer, int64_t outer_stride, int64_t inner, int64_t inner_stride,
                       int64_t features) {
    if (inner > 1 && inner_stride < features) return false;
    const uint64_t extent =
        size_add(size_product({inner - 1, inner_stride}), static_cast<uint64_t>(features));
    return outer <= 1 || static_cast<uint64_t>(outer_stride) >= extent;
  }

  // h and its like (L D,N,P), optional.
  template <class Memory>
  lnrnnStatus_t state(const char* name, const Memory& given) {
    return optional_buffer(name, given, state_bytes_, plan_.accumulation_bytes());
  }
  // c and its like (L D,N,H), which only the LSTM has.
  template <class Memory>
  lnrnnStatus_t cell_state(const char* name, const Memory& given) {
    LNRNN_CHECK(plan_.shape.carries_cell || given.pointer == nullptr, LNRNN_STATUS_INVALID_ARGUMENT,
                "%s: %s is given, but only the LSTM has c", function_, name);
    return optional_buffer(name, given, cell_state_bytes_, plan_.accumulation_bytes());
  }

  MaskShape mask_shape(RandomKind kind) const { return stack_.mask_shape(kind, steps_, batch_); }
  lnrnnStatus_t mask(const char* name, const lnrnnConstBuffer_t& given, RandomKind kind) {
    if (given.pointer == nullptr) return LNRNN_STATUS_SUCCESS;
    const MaskShape shape = mask_shape(kind);
    LNRNN_CHECK(shape.probability > 0, LNRNN_STATUS_INVALID_ARGUMENT,
                "%s: %s is given, but the plan's probability is 0", function_, name);
    return buffer(name, given, shape.bytes(), 1);
  }
  // What a training forward and its backward draw, or are given.
  template <class Arguments>
  lnrnnStatus_t draws(const Arguments& a) {
    LNRNN_FORWARD(mask("zoneoutMask", a.zoneoutMask, RandomKind::kZoneout));
    LNRNN_FORWARD(mask("zoneoutCellMask", a.zoneoutCellMask, RandomKind::kZoneoutCell));
    LNRNN_FORWARD(mask("dropconnectMask", a.dropconnectMask, RandomKind::kDropConnect));
    LNRNN_FORWARD(mask("dropoutMask", a.dropoutMask, RandomKind::kDropout));
    LNRNN_FORWARD(
        mask("dropoutCandidateMask", a.dropoutCandidateMask, RandomKind::kDropoutCandidate));
    return optional_buffer("random", a.random, kRandomBytes, sizeof(uint64_t));
  }

  // What both forward passes read and write.
  template <class Arguments>
  lnrnnStatus_t forward_tensors(const Arguments& a) {
    LNRNN_FORWARD(tensor("x", a.x, plan_.input(0)));
    LNRNN_FORWARD(resets(a.resets));
    LNRNN_FORWARD(state("h0", a.h0));
    LNRNN_FORWARD(cell_state("c0", a.c0));
    LNRNN_FORWARD(optional_tensor("y", a.y, plan_.output()));
    LNRNN_FORWARD(state("hn", a.hn));
    return cell_state("cn", a.cn);
  }

  const char* const function_;
  const Plan& plan_;
  const Stack& stack_;
  int64_t steps_ = 0;
  int64_t batch_ = 0;
  uint64_t state_bytes_ = 0, cell_state_bytes_ = 0;
  Regions regions_;
};

}  // namespace lnrnn

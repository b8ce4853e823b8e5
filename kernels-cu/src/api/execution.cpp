// The calls that compute: every argument is checked here, then the device is asked.
#include "core/size.h"
#include "objects.h"
#include "regions.h"

namespace lnrnn {

namespace {

constexpr bool kRead = false, kWritten = true;

// The checks of one call's arguments: of what it reads, then of what it writes, then that they are
// apart. Each states what it found and what was expected.
class Checks {
 public:
  Checks(const char* function, lnrnnPlan_t plan)
      : function_(function), plan_(plan->plan), stack_(plan->stack) {}

  lnrnnStatus_t read_sequence(const lnrnnSequence_t* from, lnrnnSequence_t* sequence) {
    LNRNN_FORWARD(read_struct(function_, "sequence", from, sequence));
    steps_ = sequence->steps;
    batch_ = sequence->batch;
    LNRNN_FORWARD(check_extent(function_, "steps", steps_));
    LNRNN_FORWARD(check_extent(function_, "batch", batch_));
    state_bytes_ = stack_.state_bytes(batch_);
    LNRNN_FORWARD(check_offset("stepOffset", sequence->stepOffset, steps_));
    LNRNN_FORWARD(check_offset("rowOffset", sequence->rowOffset, batch_));
    LNRNN_CHECK((sequence->flags & ~LNRNN_SEQUENCE_ACCUMULATE) == 0, LNRNN_STATUS_INVALID_ARGUMENT,
                "%s: flags is 0x%x; only LNRNN_SEQUENCE_ACCUMULATE is defined", function_,
                sequence->flags);
    LNRNN_CHECK(sequence->reserved == 0, LNRNN_STATUS_INVALID_ARGUMENT,
                "%s: reserved is 0x%x, not 0", function_, sequence->reserved);
    return LNRNN_STATUS_SUCCESS;
  }

  bool empty() const { return steps_ == 0 || batch_ == 0; }

  lnrnnStatus_t lengths(const int64_t* lengths) {
    if (lengths == nullptr) return LNRNN_STATUS_SUCCESS;
    regions_.read("lengths", lengths, static_cast<uint64_t>(batch_) * sizeof *lengths);
    for (int64_t n = 0; n < batch_; ++n) {
      LNRNN_CHECK(lengths[n] >= 0 && lengths[n] <= steps_, LNRNN_STATUS_INVALID_ARGUMENT,
                  "%s: lengths[%lld] is %lld, not 0...%lld", function_, wide(n), wide(lengths[n]),
                  wide(steps_));
    }
    return LNRNN_STATUS_SUCCESS;
  }

  lnrnnStatus_t buffer(const char* name, const void* pointer, size_t bytes, uint64_t needed,
                       size_t alignment, bool written) {
    LNRNN_CHECK(bytes >= needed, LNRNN_STATUS_BUFFER_TOO_SMALL,
                "%s: %s has %zu bytes, but %llu are needed", function_, name, bytes,
                static_cast<unsigned long long>(needed));
    LNRNN_CHECK(pointer != nullptr || needed == 0, LNRNN_STATUS_NULL_POINTER, "%s: %s is NULL",
                function_, name);
    LNRNN_CHECK(reinterpret_cast<uintptr_t>(pointer) % alignment == 0, LNRNN_STATUS_MISALIGNED,
                "%s: %s is at %p, not aligned to %zu bytes", function_, name, pointer, alignment);
    written ? regions_.written(name, pointer, needed) : regions_.read(name, pointer, needed);
    return LNRNN_STATUS_SUCCESS;
  }
  lnrnnStatus_t optional_buffer(const char* name, const void* pointer, size_t bytes,
                                uint64_t needed, size_t alignment, bool written) {
    return pointer == nullptr ? LNRNN_STATUS_SUCCESS
                              : buffer(name, pointer, bytes, needed, alignment, written);
  }

  lnrnnStatus_t parameters(const void* pointer, size_t bytes, bool written) {
    return buffer("parameters", pointer, bytes, plan_.parameter_bytes(), plan_.element_bytes(),
                  written);
  }
  // Packed weights, workspace and reserve.
  lnrnnStatus_t space(const char* name, const void* pointer, size_t bytes, uint64_t needed,
                      bool written) {
    return buffer(name, pointer, bytes, needed, kAlignment, written);
  }

  // A tensor (T,N,features) with strides; written tensors may not overlap themselves.
  lnrnnStatus_t strided(const char* name, const void* pointer, size_t bytes, int64_t features,
                        int64_t step_stride, int64_t row_stride, bool written) {
    LNRNN_CHECK(step_stride >= 0 && row_stride >= 0, LNRNN_STATUS_INVALID_ARGUMENT,
                "%s: %s has strides %lld (step) and %lld (row), which may not be negative",
                function_, name, wide(step_stride), wide(row_stride));
    if (empty()) return LNRNN_STATUS_SUCCESS;
    const uint64_t elements = size_add(size_add(size_product({steps_ - 1, step_stride}),
                                                size_product({batch_ - 1, row_stride})),
                                       static_cast<uint64_t>(features));
    LNRNN_FORWARD(buffer(name, pointer, bytes, size_multiply(elements, plan_.element_bytes()),
                         plan_.element_bytes(), written));
    if (elements != size_product({steps_, batch_, features})) {
      const int64_t element = static_cast<int64_t>(plan_.element_bytes());
      regions_.with_gaps({0, features * element, steps_, wrapped(step_stride, element), batch_,
                          wrapped(row_stride, element)});
    }
    const bool apart = separate(steps_, step_stride, batch_, row_stride, features) ||
                       separate(batch_, row_stride, steps_, step_stride, features);
    LNRNN_CHECK(!written || apart, LNRNN_STATUS_INVALID_ARGUMENT,
                "%s: rows of %s overlap: strides %lld (step) and %lld (row), %lld features",
                function_, name, wide(step_stride), wide(row_stride), wide(features));
    return LNRNN_STATUS_SUCCESS;
  }

  // h and its like (L D,N,H), optional.
  lnrnnStatus_t state(const char* name, const void* pointer, size_t bytes, bool written) {
    return optional_buffer(name, pointer, bytes, state_bytes_, plan_.accumulation_bytes(), written);
  }
  // c and its like, which only the LSTM has.
  lnrnnStatus_t cell_state(const char* name, const void* pointer, size_t bytes, bool written) {
    LNRNN_CHECK(plan_.shape.carries_cell || pointer == nullptr, LNRNN_STATUS_INVALID_ARGUMENT,
                "%s: %s is given, but only the LSTM carries a cell", function_, name);
    return state(name, pointer, bytes, written);
  }

  lnrnnStatus_t mask(const char* name, const uint8_t* pointer, size_t bytes, double probability,
                     uint64_t needed) {
    LNRNN_CHECK(pointer == nullptr || probability > 0, LNRNN_STATUS_INVALID_ARGUMENT,
                "%s: %s is given, but the plan's probability is 0", function_, name);
    return optional_buffer(name, pointer, bytes, needed, 1, kRead);
  }
  lnrnnStatus_t masks(const uint8_t* zoneout, size_t zoneout_bytes, const uint8_t* dropconnect,
                      size_t dropconnect_bytes, const uint64_t* random) {
    const int64_t hidden = plan_.hidden(), strands = plan_.strands();
    LNRNN_FORWARD(mask("zoneoutMask", zoneout, zoneout_bytes, plan_.description.zoneout,
                       size_product({strands, steps_, batch_, hidden})));
    LNRNN_FORWARD(mask("dropconnectMask", dropconnect, dropconnect_bytes,
                       plan_.description.dropconnect,
                       size_product({strands, plan_.shape.gates, hidden, hidden})));
    constexpr size_t kRandomBytes = 3 * sizeof(uint64_t);
    return optional_buffer("random", random, kRandomBytes, kRandomBytes, sizeof(uint64_t), kRead);
  }

  // What both forward passes read and write.
  lnrnnStatus_t forward_tensors(const lnrnnSequence_t& s, const void* x, size_t x_bytes,
                                const void* h0, const void* c0, const void* y, size_t y_bytes,
                                const void* hn, const void* cn, size_t state_bytes) {
    LNRNN_FORWARD(strided("x", x, x_bytes, plan_.input(0), s.xStepStride, s.xRowStride, kRead));
    LNRNN_FORWARD(state("h0", h0, state_bytes, kRead));
    LNRNN_FORWARD(cell_state("c0", c0, state_bytes, kRead));
    if (y != nullptr) {
      LNRNN_FORWARD(
          strided("y", y, y_bytes, plan_.output(), s.yStepStride, s.yRowStride, kWritten));
    }
    LNRNN_FORWARD(state("hn", hn, state_bytes, kWritten));
    return cell_state("cn", cn, state_bytes, kWritten);
  }

  // After all others.
  lnrnnStatus_t apart() const { return regions_.check_apart(function_); }

 private:
  static long long wide(int64_t value) { return static_cast<long long>(value); }

  // A stride that nothing is multiplied by may be any number.
  static int64_t wrapped(int64_t stride, int64_t element) {
    return static_cast<int64_t>(static_cast<uint64_t>(stride) * static_cast<uint64_t>(element));
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

  lnrnnStatus_t check_offset(const char* name, int64_t offset, int64_t extent) const {
    LNRNN_CHECK(offset >= 0 && offset <= kMaxExtent - extent, LNRNN_STATUS_INVALID_ARGUMENT,
                "%s: %s is %lld, not 0...2^32 - %lld", function_, name, wide(offset), wide(extent));
    return LNRNN_STATUS_SUCCESS;
  }

  const char* const function_;
  const Plan& plan_;
  const Stack& stack_;
  int64_t steps_ = 0;
  int64_t batch_ = 0;
  uint64_t state_bytes_ = 0;
  Regions regions_;
};

}  // namespace

}  // namespace lnrnn

using namespace lnrnn;

lnrnnStatus_t lnrnnInitializeParameters(lnrnnPlan_t plan, lnrnnStream_t stream, uint64_t seed,
                                        void* parameters, size_t parameterBytes) {
  LNRNN_REQUIRE(plan);
  Device& device = *plan->handle->device;
  Stream* resolved;
  LNRNN_FORWARD(resolve(__func__, plan->handle, stream, &resolved));
  LNRNN_FORWARD(Checks(__func__, plan).parameters(parameters, parameterBytes, kWritten));
  const std::lock_guard<std::mutex> queueing(resolved->busy);
  LNRNN_FORWARD(refuse_capture(__func__, plan->handle, *resolved));
  return guarded(__func__,
                 [&] { return device.initialize(plan->plan, *resolved, seed, parameters); });
}

lnrnnStatus_t lnrnnPackWeights(lnrnnPlan_t plan, lnrnnStream_t stream, const void* parameters,
                               size_t parameterBytes, void* packed, size_t packedBytes) {
  LNRNN_REQUIRE(plan);
  const Stack& stack = plan->stack;
  Stream* resolved;
  LNRNN_FORWARD(resolve(__func__, plan->handle, stream, &resolved));
  Checks check(__func__, plan);
  LNRNN_FORWARD(check.parameters(parameters, parameterBytes, kRead));
  LNRNN_FORWARD(check.space("packed", packed, packedBytes, stack.packed_bytes(), kWritten));
  LNRNN_FORWARD(check.apart());
  const std::lock_guard<std::mutex> queueing(resolved->busy);
  LNRNN_FORWARD(hold(__func__, plan->handle, *resolved, {parameters, packed}));
  return stack.pack(*resolved, parameters, packed);
}

lnrnnStatus_t lnrnnForwardInference(lnrnnPlan_t plan, lnrnnStream_t stream,
                                    const lnrnnSequence_t* sequence, const int64_t* lengths,
                                    const void* packed, size_t packedBytes, const void* x,
                                    size_t xBytes, const void* h0, const void* c0, void* y,
                                    size_t yBytes, void* hn, void* cn, size_t stateBytes,
                                    void* workspace, size_t workspaceBytes) {
  LNRNN_REQUIRE(plan);
  const Stack& stack = plan->stack;
  Stream* resolved;
  LNRNN_FORWARD(resolve(__func__, plan->handle, stream, &resolved));
  Checks check(__func__, plan);
  lnrnnSequence_t s;
  LNRNN_FORWARD(check.read_sequence(sequence, &s));
  LNRNN_FORWARD(check.lengths(lengths));
  LNRNN_FORWARD(check.space("packed", packed, packedBytes, stack.packed_bytes(), kRead));
  LNRNN_FORWARD(check.forward_tensors(s, x, xBytes, h0, c0, y, yBytes, hn, cn, stateBytes));
  LNRNN_FORWARD(check.space("workspace", workspace, workspaceBytes,
                            stack.workspace_bytes(Pass::kInference, s.steps, s.batch), kWritten));
  LNRNN_FORWARD(check.apart());
  const std::lock_guard<std::mutex> queueing(resolved->busy);
  LNRNN_FORWARD(hold(__func__, plan->handle, *resolved, {packed, x, h0, c0, y, hn, cn, workspace}));
  return stack.infer(*resolved, {&s, lengths, packed, x, h0, c0, nullptr, nullptr, nullptr, y, hn,
                                 cn, nullptr, workspace});
}

lnrnnStatus_t lnrnnStep(lnrnnPlan_t plan, lnrnnStream_t stream, int64_t batch, const void* packed,
                        size_t packedBytes, const void* x, size_t xBytes, void* h, void* c,
                        size_t stateBytes, void* workspace, size_t workspaceBytes) {
  LNRNN_REQUIRE(plan);
  const Plan& p = plan->plan;
  const Stack& stack = plan->stack;
  Stream* resolved;
  LNRNN_FORWARD(resolve(__func__, plan->handle, stream, &resolved));
  lnrnnSequence_t s{};
  s.structSize = sizeof s;
  s.steps = 1;
  s.batch = batch;
  s.xRowStride = p.input(0);
  LNRNN_CHECK(p.directions() == 1, LNRNN_STATUS_INVALID_ARGUMENT,
              "%s: the plan is bidirectional, but a single step has no end to read back from",
              __func__);
  Checks check(__func__, plan);
  LNRNN_FORWARD(check.read_sequence(&s, &s));
  LNRNN_CHECK(batch == 0 || h != nullptr, LNRNN_STATUS_NULL_POINTER, "%s: h is NULL", __func__);
  LNRNN_CHECK(batch == 0 || c != nullptr || !p.shape.carries_cell, LNRNN_STATUS_NULL_POINTER,
              "%s: c is NULL", __func__);
  LNRNN_FORWARD(check.space("packed", packed, packedBytes, stack.packed_bytes(), kRead));
  LNRNN_FORWARD(check.strided("x", x, xBytes, p.input(0), s.xStepStride, s.xRowStride, kRead));
  LNRNN_FORWARD(check.state("h", h, stateBytes, kWritten));
  LNRNN_FORWARD(check.cell_state("c", c, stateBytes, kWritten));
  LNRNN_FORWARD(check.space("workspace", workspace, workspaceBytes,
                            stack.workspace_bytes(Pass::kInference, 1, batch), kWritten));
  LNRNN_FORWARD(check.apart());
  const std::lock_guard<std::mutex> queueing(resolved->busy);
  LNRNN_FORWARD(hold(__func__, plan->handle, *resolved, {packed, x, h, c, workspace}));
  return stack.infer(*resolved, {&s, nullptr, packed, x, h, c, nullptr, nullptr, nullptr, nullptr,
                                 h, c, nullptr, workspace});
}

lnrnnStatus_t lnrnnForwardTraining(lnrnnPlan_t plan, lnrnnStream_t stream,
                                   const lnrnnSequence_t* sequence, const int64_t* lengths,
                                   const void* parameters, size_t parameterBytes, const void* x,
                                   size_t xBytes, const void* h0, const void* c0,
                                   const uint8_t* zoneoutMask, size_t zoneoutMaskBytes,
                                   const uint8_t* dropconnectMask, size_t dropconnectMaskBytes,
                                   const uint64_t* random, void* y, size_t yBytes, void* hn,
                                   void* cn, size_t stateBytes, void* reserve, size_t reserveBytes,
                                   void* workspace, size_t workspaceBytes) {
  LNRNN_REQUIRE(plan);
  const Stack& stack = plan->stack;
  Stream* resolved;
  LNRNN_FORWARD(resolve(__func__, plan->handle, stream, &resolved));
  Checks check(__func__, plan);
  lnrnnSequence_t s;
  LNRNN_FORWARD(check.read_sequence(sequence, &s));
  LNRNN_FORWARD(check.lengths(lengths));
  LNRNN_FORWARD(check.parameters(parameters, parameterBytes, kRead));
  LNRNN_FORWARD(
      check.masks(zoneoutMask, zoneoutMaskBytes, dropconnectMask, dropconnectMaskBytes, random));
  LNRNN_FORWARD(check.forward_tensors(s, x, xBytes, h0, c0, y, yBytes, hn, cn, stateBytes));
  LNRNN_FORWARD(check.space("reserve", reserve, reserveBytes, stack.reserve_bytes(s.steps, s.batch),
                            kWritten));
  LNRNN_FORWARD(check.space("workspace", workspace, workspaceBytes,
                            stack.workspace_bytes(Pass::kTraining, s.steps, s.batch), kWritten));
  LNRNN_FORWARD(check.apart());
  const std::lock_guard<std::mutex> queueing(resolved->busy);
  LNRNN_FORWARD(hold(__func__, plan->handle, *resolved,
                     {parameters, x, h0, c0, zoneoutMask, dropconnectMask, random, y, hn, cn,
                      reserve, workspace}));
  return stack.train(*resolved, {&s, lengths, parameters, x, h0, c0, zoneoutMask, dropconnectMask,
                                 random, y, hn, cn, reserve, workspace});
}

lnrnnStatus_t lnrnnBackward(lnrnnPlan_t plan, lnrnnStream_t stream, const lnrnnSequence_t* sequence,
                            const int64_t* lengths, const void* parameters, size_t parameterBytes,
                            const void* x, size_t xBytes, const uint8_t* zoneoutMask,
                            size_t zoneoutMaskBytes, const uint8_t* dropconnectMask,
                            size_t dropconnectMaskBytes, const uint64_t* random, const void* dy,
                            size_t dyBytes, const void* dhn, const void* dcn, const void* reserve,
                            size_t reserveBytes, void* gradients, size_t gradientBytes, void* dx,
                            size_t dxBytes, void* dh0, void* dc0, size_t stateBytes,
                            void* workspace, size_t workspaceBytes) {
  LNRNN_REQUIRE(plan);
  const Plan& p = plan->plan;
  const Stack& stack = plan->stack;
  Stream* resolved;
  LNRNN_FORWARD(resolve(__func__, plan->handle, stream, &resolved));
  Checks check(__func__, plan);
  lnrnnSequence_t s;
  LNRNN_FORWARD(check.read_sequence(sequence, &s));
  LNRNN_FORWARD(check.lengths(lengths));
  LNRNN_FORWARD(check.parameters(parameters, parameterBytes, kRead));
  LNRNN_FORWARD(check.strided("x", x, xBytes, p.input(0), s.xStepStride, s.xRowStride, kRead));
  LNRNN_FORWARD(
      check.masks(zoneoutMask, zoneoutMaskBytes, dropconnectMask, dropconnectMaskBytes, random));
  if (dy != nullptr) {
    LNRNN_FORWARD(
        check.strided("dy", dy, dyBytes, p.output(), s.dyStepStride, s.dyRowStride, kRead));
  }
  LNRNN_FORWARD(check.state("dhn", dhn, stateBytes, kRead));
  LNRNN_FORWARD(check.cell_state("dcn", dcn, stateBytes, kRead));
  LNRNN_FORWARD(
      check.space("reserve", reserve, reserveBytes, stack.reserve_bytes(s.steps, s.batch), kRead));
  if (gradients != nullptr) {
    LNRNN_FORWARD(check.buffer("gradients", gradients, gradientBytes, p.gradient_bytes(),
                               p.accumulation_bytes(), kWritten));
  }
  if (dx != nullptr) {
    LNRNN_FORWARD(
        check.strided("dx", dx, dxBytes, p.input(0), s.dxStepStride, s.dxRowStride, kWritten));
  }
  LNRNN_FORWARD(check.state("dh0", dh0, stateBytes, kWritten));
  LNRNN_FORWARD(check.cell_state("dc0", dc0, stateBytes, kWritten));
  LNRNN_FORWARD(check.space("workspace", workspace, workspaceBytes,
                            stack.workspace_bytes(Pass::kBackward, s.steps, s.batch), kWritten));
  LNRNN_FORWARD(check.apart());
  const std::lock_guard<std::mutex> queueing(resolved->busy);
  LNRNN_FORWARD(hold(__func__, plan->handle, *resolved,
                     {parameters, x, zoneoutMask, dropconnectMask, random, dy, dhn, dcn, reserve,
                      gradients, dx, dh0, dc0, workspace}));
  return stack.backward(*resolved,
                        {&s, lengths, parameters, x, zoneoutMask, dropconnectMask, random, dy, dhn,
                         dcn, reserve, gradients, dx, dh0, dc0, workspace});
}

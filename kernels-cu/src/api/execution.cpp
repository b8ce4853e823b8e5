// The calls that compute: every argument is checked, then the device is asked.
#include "checks.h"

using namespace lnrnn;

namespace {

// One call with a struct of arguments: it is read once, checked, and carried out on the stream.
template <class Arguments>
lnrnnStatus_t execute(const char* function, lnrnnPlan_t plan, lnrnnStream_t stream,
                      const Arguments* given) {
  LNRNN_CHECK(plan != nullptr, LNRNN_STATUS_NULL_POINTER, "%s: plan is NULL", function);
  Stream* resolved;
  LNRNN_FORWARD(resolve(function, plan->handle, stream, &resolved));
  Arguments arguments;
  LNRNN_FORWARD(read_struct(function, "arguments", given, &arguments));
  Checks check(function, plan);
  LNRNN_FORWARD(check.all(arguments));
  LNRNN_FORWARD(check.apart());
  const std::lock_guard<std::mutex> queueing(resolved->busy);
  LNRNN_FORWARD(check.hold(plan->handle, *resolved));
  return plan->stack.run(*resolved, arguments);
}

}  // namespace

lnrnnStatus_t lnrnnInitializeParameters(lnrnnPlan_t plan, lnrnnStream_t stream, uint64_t seed,
                                        void* parameters, size_t parameterBytes) {
  LNRNN_REQUIRE(plan);
  Device& device = *plan->handle->device;
  Stream* resolved;
  LNRNN_FORWARD(resolve(__func__, plan->handle, stream, &resolved));
  LNRNN_FORWARD(Checks(__func__, plan).parameters(lnrnnBuffer_t{parameters, parameterBytes}));
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
  LNRNN_FORWARD(check.parameters(lnrnnConstBuffer_t{parameters, parameterBytes}));
  LNRNN_FORWARD(check.space("packed", lnrnnBuffer_t{packed, packedBytes}, stack.packed_bytes()));
  LNRNN_FORWARD(check.apart());
  const std::lock_guard<std::mutex> queueing(resolved->busy);
  LNRNN_FORWARD(check.hold(plan->handle, *resolved));
  return stack.pack(*resolved, parameters, packed);
}

lnrnnStatus_t lnrnnDrawMask(lnrnnPlan_t plan, lnrnnStream_t stream, const lnrnnMaskDraw_t* draw,
                            const void* random, size_t randomBytes, void* mask, size_t maskBytes) {
  LNRNN_REQUIRE(plan);
  Stream* resolved;
  LNRNN_FORWARD(resolve(__func__, plan->handle, stream, &resolved));
  lnrnnMaskDraw_t read{};
  LNRNN_FORWARD(read_struct(__func__, "draw", draw, &read));
  Checks check(__func__, plan);
  RandomKind kind{};
  LNRNN_FORWARD(check.all(read, {random, randomBytes}, {mask, maskBytes}, &kind));
  LNRNN_FORWARD(check.apart());
  const std::lock_guard<std::mutex> queueing(resolved->busy);
  LNRNN_FORWARD(check.hold(plan->handle, *resolved));
  const Stack& stack = plan->stack;
  return stack.draw(*resolved, kind, stack.mask_shape(kind, read.steps, read.batch),
                    {read.seed, read.stepOffset, read.rowOffset,
                     static_cast<const uint64_t*>(random)},
                    static_cast<uint8_t*>(mask));
}

// Nobody looks at the further pointers, which have the names that the header gives them.
#pragma GCC diagnostic ignored "-Wunused-parameter"

// A call that takes a struct, and its forms with further pointers.
#define LNRNN_CALL(name) \
  lnrnnStatus_t name(lnrnnPlan_t plan, lnrnnStream_t stream, const name##Arguments_t* arguments) { \
    return execute(__func__, plan, stream, arguments); \
  } \
  LNRNN_HOLDING(name, 4) \
  LNRNN_HOLDING(name, 8) \
  LNRNN_HOLDING(name, 20)
#define LNRNN_HOLDING(name, width) \
  lnrnnStatus_t name##Holding##width(lnrnnPlan_t plan, lnrnnStream_t stream, \
                                     const name##Arguments_t* arguments, LNRNN_HELD_##width(h)) { \
    return name(plan, stream, arguments); \
  }

LNRNN_CALL(lnrnnForwardInference)
LNRNN_CALL(lnrnnStep)
LNRNN_CALL(lnrnnForwardTraining)
LNRNN_CALL(lnrnnBackward)

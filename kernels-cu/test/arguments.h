// Memory as an argument of a call: read or written as the member says that it becomes.
#pragma once

#include <cstddef>
#include <cstdint>

#include "lnrnn.h"

namespace args {

struct Memory {
  void* pointer = nullptr;
  size_t bytes = 0;

  operator lnrnnConstBuffer_t() const { return {pointer, bytes}; }
  operator lnrnnBuffer_t() const { return {pointer, bytes}; }
};

struct Strides {
  int64_t step = 0, row = 0;

  // Of (T,N,features) without gaps.
  static Strides of(int64_t batch, int64_t features) { return {batch * features, features}; }
};

struct View {
  Memory memory;
  Strides strides;

  operator lnrnnConstTensor_t() const {
    return {memory.pointer, memory.bytes, strides.step, strides.row, 0};
  }
  operator lnrnnTensor_t() const {
    return {memory.pointer, memory.bytes, strides.step, strides.row, 0};
  }
};

// A struct without anything in it yet.
template <class Arguments>
Arguments empty() {
  Arguments arguments{};
  arguments.structSize = sizeof arguments;
  return arguments;
}

// The calls by one name, for tests that are the same for all of them.
inline lnrnnStatus_t run(lnrnnPlan_t plan, lnrnnStream_t stream,
                         const lnrnnForwardInferenceArguments_t* a) {
  return lnrnnForwardInference(plan, stream, a);
}
inline lnrnnStatus_t run(lnrnnPlan_t plan, lnrnnStream_t stream, const lnrnnStepArguments_t* a) {
  return lnrnnStep(plan, stream, a);
}
inline lnrnnStatus_t run(lnrnnPlan_t plan, lnrnnStream_t stream,
                         const lnrnnForwardTrainingArguments_t* a) {
  return lnrnnForwardTraining(plan, stream, a);
}
inline lnrnnStatus_t run(lnrnnPlan_t plan, lnrnnStream_t stream,
                         const lnrnnBackwardArguments_t* a) {
  return lnrnnBackward(plan, stream, a);
}

// Every buffer and tensor of a call's arguments, by name: body takes the name and the member. A test
// spoils each, and a member that is missing here is one that no test spoils.
template <class Body>
void each_memory(lnrnnForwardInferenceArguments_t& a, const Body& body) {
  body("packed", a.packed), body("x", a.x), body("resets", a.resets);
  body("h0", a.h0), body("c0", a.c0), body("y", a.y), body("hn", a.hn), body("cn", a.cn),
      body("workspace", a.workspace);
}
template <class Body>
void each_memory(lnrnnStepArguments_t& a, const Body& body) {
  body("packed", a.packed), body("x", a.x), body("resets", a.resets), body("h", a.h),
      body("c", a.c);
  body("workspace", a.workspace);
}
template <class Body>
void each_memory(lnrnnForwardTrainingArguments_t& a, const Body& body) {
  body("parameters", a.parameters), body("x", a.x), body("resets", a.resets);
  body("h0", a.h0), body("c0", a.c0);
  body("zoneoutMask", a.zoneoutMask), body("dropconnectMask", a.dropconnectMask);
  body("random", a.random), body("y", a.y), body("hn", a.hn), body("cn", a.cn);
  body("reserve", a.reserve), body("workspace", a.workspace);
  body("zoneoutCellMask", a.zoneoutCellMask), body("dropoutMask", a.dropoutMask);
  body("dropoutCandidateMask", a.dropoutCandidateMask);
}
template <class Body>
void each_memory(lnrnnBackwardArguments_t& a, const Body& body) {
  body("parameters", a.parameters), body("x", a.x), body("resets", a.resets);
  body("zoneoutMask", a.zoneoutMask);
  body("dropconnectMask", a.dropconnectMask), body("random", a.random), body("reserve", a.reserve);
  body("dy", a.dy), body("dhn", a.dhn), body("dcn", a.dcn), body("gradients", a.gradients);
  body("dx", a.dx), body("dh0", a.dh0), body("dc0", a.dc0), body("workspace", a.workspace);
  body("zoneoutCellMask", a.zoneoutCellMask), body("dropoutMask", a.dropoutMask);
  body("dropoutCandidateMask", a.dropoutCandidateMask);
}

}  // namespace args

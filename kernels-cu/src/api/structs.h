// Structs that cross the C boundary: a caller's may be older (shorter) or newer (longer) than ours.
#pragma once

#include <cstddef>
#include <cstring>

#include "core/status.h"
#include "lnrnn.h"

namespace lnrnn {

// The bytes [begin, end) of an array in a struct.
struct Extent {
  size_t begin, end;
};

// What the sizes of a struct's versions have in common. Nothing here may follow a struct that grows,
// as its sizeof does: members say where a version ends.
struct StructForm {
  size_t least = 2 * sizeof(size_t);  // there is something behind structSize
  Extent arrays[4]{};                 // none of them is cut
};
constexpr StructForm form_of(const void*) { return {}; }
// A call's arguments are all there as ABI 5 has them: up to this, their last member then.
constexpr StructForm form_of(const lnrnnForwardInferenceArguments_t*) {
  using S = lnrnnForwardInferenceArguments_t;
  return {offsetof(S, workspace) + sizeof(S::workspace)};
}
constexpr StructForm form_of(const lnrnnStepArguments_t*) {
  using S = lnrnnStepArguments_t;
  return {offsetof(S, workspace) + sizeof(S::workspace)};
}
constexpr StructForm form_of(const lnrnnForwardTrainingArguments_t*) {
  using S = lnrnnForwardTrainingArguments_t;
  return {offsetof(S, workspace) + sizeof(S::workspace)};
}
constexpr StructForm form_of(const lnrnnBackwardArguments_t*) {
  using S = lnrnnBackwardArguments_t;
  return {offsetof(S, reserved) + sizeof(S::reserved)};
}
constexpr StructForm form_of(const lnrnnPlanDescription_t*) {
  return {offsetof(lnrnnPlanDescription_t, zoneout)};
}
constexpr StructForm form_of(const lnrnnMaskDraw_t*) {
  using S = lnrnnMaskDraw_t;
  return {offsetof(S, rowOffset) + sizeof(S::rowOffset)};
}
constexpr StructForm form_of(const lnrnnParameter_t*) {
  using S = lnrnnParameter_t;
  return {offsetof(S, rank),
          {{offsetof(S, name), offsetof(S, rank)}, {offsetof(S, shape), offsetof(S, elements)}}};
}
constexpr StructForm form_of(const lnrnnDeviceProperties_t*) {
  using S = lnrnnDeviceProperties_t;
  return {offsetof(S, totalMemory),
          {{offsetof(S, name), offsetof(S, isa)},
           {offsetof(S, isa), offsetof(S, isaAvailable)},
           {offsetof(S, isaAvailable), offsetof(S, computeCapabilityMajor)},
           {offsetof(S, threadsFrom), offsetof(S, threadsFrom) + sizeof(S::threadsFrom)}}};
}

// name: the struct's, as the caller knows it.
lnrnnStatus_t check_struct_size(const char* function, const char* name, size_t size,
                                const StructForm& form);
lnrnnStatus_t check_unknown_fields(const char* function, const char* name, const void* from,
                                   size_t known, size_t size);

// Refuses what a newer caller asks and this library does not know. What is checked and used from here
// on is the copy: a caller who changes the struct meanwhile breaks no check.
template <class S>
lnrnnStatus_t read_struct(const char* function, const char* name, const S* from, S* to) {
  LNRNN_CHECK(from != nullptr, LNRNN_STATUS_NULL_POINTER, "%s: %s is NULL", function, name);
  const size_t size = from->structSize;
  if (size == sizeof(S)) {
    *to = *from;
    return LNRNN_STATUS_SUCCESS;
  }
  LNRNN_FORWARD(check_struct_size(function, name, size, form_of(from)));
  LNRNN_FORWARD(check_unknown_fields(function, name, from, sizeof(S), size));
  S copy{};
  std::memcpy(static_cast<void*>(&copy), from, size < sizeof(S) ? size : sizeof(S));
  *to = copy;
  return LNRNN_STATUS_SUCCESS;
}

// to has been checked. What a newer caller has and this library does not know becomes 0.
template <class S>
void write_struct(S from, S* to) {
  from.structSize = to->structSize;
  if (from.structSize <= sizeof(S)) {
    std::memcpy(static_cast<void*>(to), &from, from.structSize);
    return;
  }
  char* const bytes = reinterpret_cast<char*>(to);
  std::memcpy(bytes, &from, sizeof(S));
  std::memset(bytes + sizeof(S), 0, from.structSize - sizeof(S));
}

}  // namespace lnrnn

// Of a struct that is to be written.
#define LNRNN_REQUIRE_STRUCT(pointer) \
  LNRNN_REQUIRE(pointer); \
  LNRNN_FORWARD(::lnrnn::check_struct_size(__func__, #pointer, (pointer)->structSize, \
                                           ::lnrnn::form_of(pointer)))

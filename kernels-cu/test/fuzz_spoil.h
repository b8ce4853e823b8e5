// One argument of a call spoilt, so that the call has to refuse it.
#pragma once

#include <string>
#include <type_traits>
#include <vector>

#include "fuzz_case.h"

namespace fuzz {

// A struct's size, and what it counts. Each answers whether it spoilt something: not all of it means
// something to every call.
inline bool spoil_count(Case& c, lnrnnSequence_t& s, std::vector<int64_t>& lengths) {
  Random& random = c.random;
  constexpr int64_t kMost = int64_t(1) << 32;
  switch (random.between(0, 5)) {
    case 0: s.batch = -random.between(1, 5); return true;
    case 1: s.steps = random.pick({int64_t(-1), kMost + 1, INT64_MIN}); return true;
    case 2: s.stepOffset = random.pick({kMost - c.T + 1, int64_t(-1), INT64_MAX}); return true;
    case 3: s.rowOffset = random.pick({kMost - c.N + 1, int64_t(-1), INT64_MAX}); return true;
    default:
      if (s.lengths == nullptr || c.N == 0) return false;
      lengths[size_t(random.between(0, c.N - 1))] =
          random.pick<int64_t>({-1, c.T + 1, INT64_MAX, INT64_MIN});
      s.lengths = lengths.data();
      return true;
  }
}
template <class Arguments>
bool spoil_count(Case& c, Arguments& a, std::vector<int64_t>& lengths) {
  return spoil_count(c, a.sequence, lengths);
}
inline bool spoil_count(Case& c, lnrnnStepArguments_t& a, std::vector<int64_t>&) {
  a.batch = -c.random.between(1, 5);
  return true;
}
inline bool spoil_count(Case& c, lnrnnBackwardArguments_t& a, std::vector<int64_t>& lengths) {
  switch (c.random.between(0, 3)) {
    case 0: a.flags |= 0x80000000u; return true;
    case 1: a.reserved = uint32_t(c.random.between(1, 9)); return true;
    default: return spoil_count(c, a.sequence, lengths);
  }
}

// What no call does without, as far as it needs any of it.
inline bool required(const std::string& name) {
  for (const char* const known : {"packed", "parameters", "x", "h", "c", "reserve", "workspace"})
    if (name == known) return true;
  return false;
}

template <class Memory>
bool spoil_strides(Case&, Memory&) {
  return false;
}
template <class Tensor>
bool spoil_tensor(Case& c, Tensor& tensor) {
  if (tensor.pointer == nullptr) return false;
  switch (c.random.between(0, 2)) {
    case 0: tensor.stepStride = c.random.pick<int64_t>({-1, INT64_MIN}); break;
    case 1: tensor.rowStride = c.random.pick<int64_t>({-1, INT64_MIN}); break;
    default: tensor.featureStride = c.random.pick<int64_t>({-1, 2, INT64_MAX}); break;
  }
  return true;
}
inline bool spoil_strides(Case& c, lnrnnConstTensor_t& tensor) { return spoil_tensor(c, tensor); }
inline bool spoil_strides(Case& c, lnrnnTensor_t& tensor) { return spoil_tensor(c, tensor); }

template <class Memory>
bool spoil_memory(Case& c, const std::string& name, Memory& memory) {
  using Byte = std::conditional_t<std::is_const_v<std::remove_pointer_t<decltype(memory.pointer)>>,
                                  const char, char>;
  const bool of_c = name == "c0" || name == "cn" || name == "dcn" || name == "dc0" || name == "c";
  const bool drawn = (name == "zoneoutMask" && c.spec.zoneout == 0) ||
                     (name == "zoneoutCellMask" && c.spec.zoneoutCell == 0) ||
                     (name == "dropconnectMask" && c.spec.dropconnect == 0) ||
                     (name == "dropoutMask" && c.spec.dropout == 0) ||
                     (name == "dropoutCandidateMask" && c.spec.dropoutCandidate == 0);
  if ((of_c && c.spec.cell != LNRNN_CELL_LSTM) || drawn) {
    memory.pointer = c.parameters.data();
    return true;
  }
  if (c.random.one_in(4)) return spoil_strides(c, memory);
  if (memory.pointer == nullptr || memory.bytes == 0) return false;
  switch (c.random.between(0, 2)) {
    case 0: memory.bytes -= c.random.one_in(2) ? 1 : memory.bytes; return true;
    case 1:
      if (!required(name)) return false;
      memory.pointer = nullptr;
      return true;
    default:
      if (name.find("Mask") != std::string::npos || name == "resets") return false;
      memory.pointer = static_cast<Byte*>(memory.pointer) + 1;
      return true;
  }
}

template <class Arguments>
bool spoil(Case& c, Arguments& a, std::vector<int64_t>& lengths) {
  Random& random = c.random;
  if (random.one_in(12)) {
    a.structSize = random.pick<size_t>({0, 7, 12, sizeof a - 4, sizeof a - 1, 1 << 20});
    return true;
  }
  if (random.one_in(4)) return spoil_count(c, a, lengths);
  int64_t members = 0;
  args::each_memory(a, [&](const char*, auto&) { ++members; });
  int64_t chosen = random.between(0, members - 1);
  bool spoilt = false;
  args::each_memory(a, [&](const char* name, auto& memory) {
    if (chosen-- == 0) spoilt = spoil_memory(c, name, memory);
  });
  return spoilt;
}

}  // namespace fuzz

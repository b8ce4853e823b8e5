// The structs of arguments: every size that a caller may give them, every member that may be wrong, and
// the calls that take further pointers beside them.
#include <cstring>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "api/structs.h"
#include "calls.h"
#include "network.h"

using network::Network;
using network::Options;

namespace {

// All that a call can have: both states, all masks, numbers in memory.
Options options() {
  Options all;
  all.layers = 2;
  all.regularize(0.5);
  all.projection = 4;
  all.cell_clip = 2;
  return all;
}

struct Given : Network<float> {
  Given() : Network<float>({3, 2, 4, 5}, options()) {
    for (const network::MaskKind& m : network::kMaskKinds) {
      mask(m.kind) = std::make_unique<network::Buffer<uint8_t>>(handle, mask_bytes(m.kind));
      for (size_t i = 0; i < mask(m.kind)->size(); i += 3) (*mask(m.kind))[i] = 1;
    }
    random = std::make_unique<network::Buffer<uint64_t>>(handle, 3);
    resets = std::make_unique<network::Buffer<uint8_t>>(handle, 3 * 2);
    (*resets)[3] = 1;
    pack();
    train();
    std::fill_n(y->data(), y->size(), 0.0f);
  }
};

// What callers of ABI 5 were compiled with: a library whose structs have more goes on taking these.
constexpr size_t size_in_abi_5(const lnrnnForwardInferenceArguments_t*) { return 272; }
constexpr size_t size_in_abi_5(const lnrnnStepArguments_t*) { return 160; }
constexpr size_t size_in_abi_5(const lnrnnForwardTrainingArguments_t*) { return 336; }
constexpr size_t size_in_abi_5(const lnrnnBackwardArguments_t*) { return 400; }
constexpr size_t size_in_abi_5(const lnrnnPlanDescription_t*) { return 88; }
constexpr size_t size_in_abi_5(const lnrnnMaskDraw_t*) { return sizeof(lnrnnMaskDraw_t); }
constexpr size_t size_in_abi_5(const lnrnnPlanSizes_t*) { return 80; }
constexpr size_t size_in_abi_5(const lnrnnParameter_t*) { return 120; }
constexpr size_t size_in_abi_5(const lnrnnUsage_t*) { return 96; }
constexpr size_t size_in_abi_5(const lnrnnDeviceProperties_t*) { return 344; }

// As a library will have it whose struct has grown, with what a caller of ABI 5 has behind its own.
template <class S>
void test_growth() {
  struct Grown : S {
    uint64_t added[2];
  };
  const auto size = size_in_abi_5(static_cast<const S*>(nullptr));
  CHECK(size <= sizeof(S));
  Grown from;
  std::memset(static_cast<void*>(&from), 0x11, sizeof from);
  from.structSize = size;
  Grown read;
  DONE(lnrnn::read_struct("a call", "arguments", &from, &read));
  CHECK(read.structSize == size && std::memcmp(&read, &from, size) == 0);
  CHECK(read.added[0] == 0 && read.added[1] == 0);
  DONE(lnrnn::check_struct_size("a call", "sizes", size, lnrnn::form_of(&from)));
}

// As a newer caller has it: ours, and more behind it.
template <class Arguments>
struct Newer {
  Arguments known;
  uint64_t more[2];
};

template <class Arguments>
void test_sizes(Given& net, const Arguments& good) {
  REFUSED(args::run(net.plan, nullptr, static_cast<const Arguments*>(nullptr)), NULL_POINTER,
          "arguments is NULL");
  DONE(net.run(good));
  Arguments a = good;
  const size_t least = size_in_abi_5(&a);
  a.structSize = least;
  DONE(net.run(a));
  for (const size_t size :
       {size_t{0}, size_t{4}, size_t{8}, least / 2 & ~size_t{7}, least - 8, least - 4, least - 1,
        sizeof a - 1, sizeof a + 4, size_t{65544}, SIZE_MAX & ~size_t{7}, SIZE_MAX}) {
    a.structSize = size;
    REFUSED(
        net.run(a), INVALID_ARGUMENT,
        ("arguments->structSize is " + std::to_string(size) + ", not the struct's size").c_str());
  }
  Newer<Arguments> newer{good, {}};
  newer.known.structSize = sizeof newer;
  DONE(net.run(newer.known));
  for (uint64_t& member : newer.more) {
    member = uint64_t{1} << 40;
    REFUSED(net.run(newer.known), INVALID_ARGUMENT, "this library knows only the first");
    member = 0;
  }
}

bool required(const std::string& name) {
  for (const char* const known : {"packed", "parameters", "x", "h", "c", "reserve", "workspace"}) {
    if (name == known) return true;
  }
  return false;
}

void test_strides(const std::string&, lnrnnConstBuffer_t&, const std::function<lnrnnStatus_t()>&) {}
void test_strides(const std::string&, lnrnnBuffer_t&, const std::function<lnrnnStatus_t()>&) {}
template <class Tensor>
void test_strides(const std::string& name, Tensor& tensor,
                  const std::function<lnrnnStatus_t()>& call) {
  const Tensor good = tensor;
  tensor.featureStride = 1;
  DONE(call());
  for (const int64_t stride : {int64_t{2}, int64_t{-1}, INT64_MIN}) {
    tensor.featureStride = stride;
    REFUSED(call(), NOT_SUPPORTED,
            (name + " has the feature stride " + std::to_string(stride)).c_str());
    tensor = good;
    tensor.stepStride = -1;
    REFUSED(call(), INVALID_ARGUMENT, (name + " has strides -1 (step)").c_str());
    tensor = good;
    tensor.rowStride = INT64_MIN;
    REFUSED(call(), INVALID_ARGUMENT, (name + " has strides").c_str());
    tensor = good;
  }
}

// Each member, with the others right: its sentence names it.
template <class Arguments>
void test_members(Given& net, Arguments a) {
  const std::function<lnrnnStatus_t()> call = [&] { return net.run(a); };
  int members = 0;
  args::each_memory(a, [&](const char* name, auto& member) {
    ++members;
    const auto good = member;
    const std::string named = name;
    test_strides(named, member, call);
    member.bytes = 0;
    REFUSED(call(), BUFFER_TOO_SMALL, (": " + named + " has 0 bytes, but ").c_str());
    member.bytes = good.bytes;
    member.pointer = nullptr;
    // Without its pointer, and left out altogether.
    for (const size_t bytes : {good.bytes, size_t{0}}) {
      member.bytes = bytes;
      if (required(name)) {
        REFUSED(call(), NULL_POINTER, (": " + named + " is NULL").c_str());
      } else {
        DONE(call());
      }
    }
    member = good;
    const bool of_bytes = named == "resets" || named.find("Mask") != std::string::npos;
    if (good.pointer != nullptr && !of_bytes) {
      using Byte =
          std::conditional_t<std::is_const_v<std::remove_pointer_t<decltype(good.pointer)>>,
                             const char, char>;
      member.pointer = static_cast<Byte*>(good.pointer) + 1;
      REFUSED(call(), MISALIGNED, (": " + named + " is at ").c_str());
      member = good;
    }
    DONE(call());
  });
  // What no test spoils is not tested: a struct is its size, what it counts, and its memory.
  size_t known = sizeof a.structSize;
  args::each_memory(a, [&](const char*, auto& member) { known += sizeof member; });
  const size_t rest = sizeof a - known;
  CHECK(members > 0 && (rest == sizeof(lnrnnSequence_t) || rest == sizeof(int64_t) ||
                        rest == sizeof(lnrnnSequence_t) + 2 * sizeof(uint32_t)));
}

template <class Arguments>
void test_sequence(Given& net, Arguments a) {
  const auto refused = [&](const auto& spoil, const char* words) {
    const lnrnnSequence_t good = a.sequence;
    spoil(a.sequence);
    REFUSED(net.run(a), INVALID_ARGUMENT, words);
    a.sequence = good;
    DONE(net.run(a));
  };
  refused([](lnrnnSequence_t& s) { s.steps = -1; }, "sequence.steps is -1");
  refused([](lnrnnSequence_t& s) { s.batch = -2; }, "sequence.batch is -2");
  refused([](lnrnnSequence_t& s) { s.steps = (int64_t{1} << 32) + 1; },
          "sequence.steps is 4294967297");
  refused([](lnrnnSequence_t& s) { s.stepOffset = -1; }, "sequence.stepOffset is -1");
  refused([](lnrnnSequence_t& s) { s.stepOffset = (int64_t{1} << 32) - 2; }, "not 0...2^32 - 3");
  refused([](lnrnnSequence_t& s) { s.rowOffset = (int64_t{1} << 32) - 1; },
          "sequence.rowOffset is");
  const int64_t lengths[] = {3, 4};
  refused([&](lnrnnSequence_t& s) { s.lengths = lengths; }, "sequence.lengths[1] is 4, not 0...3");
}

// Further pointers, which nothing may look at.
#define AT(i) reinterpret_cast<const void*>(uintptr_t{i})
#define POINTERS_4 AT(1), nullptr, AT(3), AT(~uintptr_t{0})
#define POINTERS_8 POINTERS_4, POINTERS_4
#define POINTERS_20 POINTERS_8, POINTERS_8, POINTERS_4
#define HOLDING(call) \
  lnrnnStatus_t holding(int width, lnrnnPlan_t plan, const call##Arguments_t& a) { \
    return width == 4   ? call##Holding4(plan, nullptr, &a, POINTERS_4) \
           : width == 8 ? call##Holding8(plan, nullptr, &a, POINTERS_8) \
                        : call##Holding20(plan, nullptr, &a, POINTERS_20); \
  }
HOLDING(lnrnnForwardInference)
HOLDING(lnrnnStep)
HOLDING(lnrnnForwardTraining)
HOLDING(lnrnnBackward)

using Bytes = std::vector<unsigned char>;

// What the members of a call's arguments hold.
template <class Arguments>
std::vector<Bytes> contents(Arguments a) {
  std::vector<Bytes> all;
  args::each_memory(a, [&](const char* name, auto& member) {
    const auto* const from = static_cast<const unsigned char*>(member.pointer);
    if (std::strcmp(name, "workspace") != 0) all.emplace_back(from, from + member.bytes);
  });
  return all;
}
template <class Arguments>
void restore(Arguments a, const std::vector<Bytes>& all) {
  size_t i = 0;
  args::each_memory(a, [&](const char* name, auto& member) {
    if (std::strcmp(name, "workspace") == 0) return;
    const Bytes& bytes = all[i++];
    std::memcpy(const_cast<void*>(static_cast<const void*>(member.pointer)), bytes.data(),
                bytes.size());
  });
}

template <class Arguments>
void test_holding(Given& net, const char* function, const Arguments& good) {
  const std::vector<Bytes> before = contents(good);
  DONE(net.run(good));
  const std::vector<Bytes> expected = contents(good);
  CHECK(expected != before);
  for (const int width : {4, 8, 20}) {
    restore(good, before);
    DONE(holding(width, net.plan, good));
    CHECK(contents(good) == expected);
  }
  restore(good, before);
  Arguments a = good;
  a.structSize = 0;
  REFUSED(holding(4, net.plan, a), INVALID_ARGUMENT, function);
  REFUSED(holding(8, nullptr, good), NULL_POINTER, "plan is NULL");
  CHECK(contents(good) == before);
}

template <class Arguments>
void test_call(const char* function, Arguments (Network<float>::*arguments)() const) {
  Given net;
  test_holding(net, function, (net.*arguments)());
  test_sizes(net, (net.*arguments)());
  test_members(net, (net.*arguments)());
}

void test_flags() {
  Given net;
  lnrnnBackwardArguments_t a = net.gradient_pass();
  a.flags = 2;
  REFUSED(net.run(a), INVALID_ARGUMENT, "flags is 0x2");
  a.flags = 0;
  a.reserved = 1;
  REFUSED(net.run(a), INVALID_ARGUMENT, "reserved is 0x1, not 0");
}

// Rows of a step may be those of a wider matrix.
void test_strides_of_a_step() {
  Given net;
  lnrnnStepArguments_t step = net.one_step();
  const auto h0 = net.h0->copy(), c0 = net.c0->copy();
  DONE(net.run(step));
  const auto h = net.h0->copy();
  std::copy(h0.begin(), h0.end(), net.h0->data());
  std::copy(c0.begin(), c0.end(), net.c0->data());
  float wide[2 * 7] = {};
  for (int n = 0; n < 2; ++n) std::copy_n(net.x->data() + 4 * n, 4, wide + 7 * n);
  step.x = {wide, sizeof wide, 0, 7, 0};
  DONE(net.run(step));
  CHECK(net.h0->copy() == h);
  step.x.bytes = sizeof(float) * (7 + 4) - 1;
  REFUSED(net.run(step), BUFFER_TOO_SMALL, "x has 43 bytes, but 44 are needed");
}

}  // namespace

int main() {
  RUN(test_growth<lnrnnForwardInferenceArguments_t>());
  RUN(test_growth<lnrnnStepArguments_t>());
  RUN(test_growth<lnrnnForwardTrainingArguments_t>());
  RUN(test_growth<lnrnnBackwardArguments_t>());
  RUN(test_growth<lnrnnPlanDescription_t>());
  RUN(test_growth<lnrnnMaskDraw_t>());
  RUN(test_growth<lnrnnPlanSizes_t>());
  RUN(test_growth<lnrnnParameter_t>());
  RUN(test_growth<lnrnnUsage_t>());
  RUN(test_growth<lnrnnDeviceProperties_t>());
  RUN(test_call("lnrnnForwardInference", &Network<float>::inference));
  RUN(test_call("lnrnnStep", &Network<float>::one_step));
  RUN(test_call("lnrnnForwardTraining", &Network<float>::training));
  RUN(test_call("lnrnnBackward", &Network<float>::gradient_pass));
  Given net;
  RUN(test_sequence(net, net.inference()));
  RUN(test_sequence(net, net.training()));
  RUN(test_sequence(net, net.gradient_pass()));
  RUN(test_flags());
  RUN(test_strides_of_a_step());
  return check::summary();
}

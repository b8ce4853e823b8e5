// What one call reads and writes is apart, or the call is refused: every pair of its arguments; and
// tensors with strides against a search of every byte.
#include <cstring>
#include <functional>
#include <random>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "api/regions.h"
#include "calls.h"
#include "network.h"

using lnrnn::Rows;
using network::Network;
using network::Options;

namespace {

std::vector<bool> bytes_of(const Rows& rows, int64_t extent) {
  std::vector<bool> taken(static_cast<size_t>(extent));
  for (int64_t t = 0; t < rows.steps; ++t) {
    for (int64_t n = 0; n < rows.batch; ++n) {
      for (int64_t i = 0; i < rows.bytes; ++i) {
        taken[static_cast<size_t>(rows.start + t * rows.step + n * rows.row + i)] = true;
      }
    }
  }
  return taken;
}

void test_rows_against_a_search() {
  std::mt19937 random(5);
  const auto any = [&](int64_t low, int64_t high) {
    return std::uniform_int_distribution<int64_t>(low, high)(random);
  };
  int met = 0, wrong = 0;
  for (int round = 0; round < 20000; ++round) {
    Rows a = {any(0, 30), any(1, 5), any(1, 4), any(0, 20), any(1, 4), any(0, 20)};
    Rows b = {any(0, 60), any(1, 5), any(1, 4), any(0, 20), any(1, 4), any(0, 20)};
    if (round % 2 == 0) {
      b = {b.start, b.bytes, a.steps, a.step, a.batch, a.row};
    }
    const std::vector<bool> in_a = bytes_of(a, 256), in_b = bytes_of(b, 256);
    bool expected = false;
    for (size_t i = 0; i < in_a.size(); ++i) expected |= in_a[i] && in_b[i];
    wrong += lnrnn::rows_meet(a, b) != expected;
    met += expected;
  }
  CHECK(wrong == 0);
  CHECK(met > 2000 && met < 18000);
}

// A member of a call's arguments: how many bytes of it the call uses, and where it is.
struct Argument {
  std::string name;
  uint64_t bytes;
  bool written;
  void* at;
  std::function<void(void*)> move;
};

// Memory enough to move any argument onto any other.
class Pool {
 public:
  char* place(uint64_t bytes) {
    char* const at = free_;
    free_ += 2 * ((bytes + 63) & ~uint64_t{63}) + 4096;
    CHECK(free_ <= reinterpret_cast<char*>(words_.data() + words_.size()));
    return at;
  }

 private:
  std::vector<uint64_t> words_ = std::vector<uint64_t>(1 << 20);
  char* free_ =
      reinterpret_cast<char*>(words_.data()) + (-reinterpret_cast<uintptr_t>(words_.data()) & 63);
};

// Moves each argument over each other one, by its last bytes and whole, and back again.
template <class Call>
void test_every_pair(const char* function, std::vector<Argument> arguments, const Call& call,
                     const std::vector<std::pair<std::string, std::string>>& in_place) {
  DONE(call());
  for (const Argument& a : arguments) {
    for (const Argument& b : arguments) {
      if (&a == &b || (!a.written && !b.written)) continue;
      const uint64_t last = (b.bytes - 1) & ~uint64_t{63};
      for (const uint64_t shift : {uint64_t{0}, last}) {
        a.move(static_cast<char*>(b.at) + shift);
        bool allowed = false;
        for (const auto& [written, read] : in_place) {
          allowed |= shift == 0 && ((a.name == written && b.name == read) ||
                                    (a.name == read && b.name == written));
        }
        if (allowed) {
          DONE(call());
        } else {
          REFUSED(call(), INVALID_ARGUMENT, "overlap");
          REFUSED(LNRNN_STATUS_INVALID_ARGUMENT, INVALID_ARGUMENT, a.name.c_str());
          REFUSED(LNRNN_STATUS_INVALID_ARGUMENT, INVALID_ARGUMENT, function);
        }
      }
      a.move(a.at);
    }
  }
}

// Of a call whose arguments are those of `a`, at other places. `workspace`: how much of it the call uses.
template <class Arguments>
void test_call(const char* function, Network<float>& net, Arguments a, uint64_t workspace,
               const std::vector<std::pair<std::string, std::string>>& in_place) {
  Pool pool;
  std::vector<Argument> arguments;
  int strided = 0;
  a.workspace.bytes = workspace;
  args::each_memory(a, [&](const char* name, auto& member) {
    using Pointer = decltype(member.pointer);
    void* const at = pool.place(member.bytes);
    std::memcpy(at, member.pointer, member.bytes);
    arguments.push_back({name, member.bytes, !std::is_const_v<std::remove_pointer_t<Pointer>>, at,
                         [&member](void* to) { member.pointer = to; }});
    member.pointer = at;
    strided += sizeof member == sizeof(lnrnnTensor_t);
  });
  // And the lengths.
  CHECK(arguments.size() + 1 <= static_cast<size_t>(lnrnn::Regions::kMost));
  CHECK(strided > 0 && strided <= lnrnn::Regions::kMostStrided);
  test_every_pair(
      function, arguments, [&] { return net.run(a); }, in_place);
}

void test_calls() {
  Options options;
  options.layers = 2;
  options.projection = 12;
  options.regularize(0.5);
  Network<float> net({4, 16, 8, 16}, options);
  for (const network::MaskKind& m : network::kMaskKinds) {
    net.mask(m.kind) =
        std::make_unique<network::Buffer<uint8_t>>(net.handle, net.mask_bytes(m.kind));
  }
  net.random = std::make_unique<network::Buffer<uint64_t>>(net.handle, 3);
  net.resets = std::make_unique<network::Buffer<uint8_t>>(net.handle, 4 * 16);
  net.pack();
  net.train();
  const lnrnnPlanSizes_t& sizes = net.sizes;
  const std::vector<std::pair<std::string, std::string>> states = {{"hn", "h0"}, {"cn", "c0"}};
  test_call("lnrnnForwardInference", net, net.inference(), sizes.inferenceWorkspaceBytes, states);
  lnrnnStepArguments_t step = net.one_step();
  step.x.bytes /= 4;
  test_call("lnrnnStep", net, step, sizes.stepWorkspaceBytes, {});
  test_call("lnrnnForwardTraining", net, net.training(), sizes.trainingWorkspaceBytes, states);
  test_call("lnrnnBackward", net, net.gradient_pass(), sizes.backwardWorkspaceBytes,
            {{"dh0", "dhn"}, {"dc0", "dcn"}});

  Pool pool;
  void* parameters = pool.place(sizes.parameterBytes);
  void* packed = pool.place(sizes.packedBytes);
  lnrnnMaskDraw_t draw{};
  draw.structSize = sizeof draw;
  draw.steps = 4;
  draw.batch = 16;
  const size_t mask_bytes = net.mask_bytes(LNRNN_MASK_ZONEOUT);
  void* random = pool.place(24);
  void* mask = pool.place(mask_bytes);
  test_every_pair(
      "lnrnnDrawMask",
      {{"random", 24, false, random, [&](void* to) { random = to; }},
       {"mask", mask_bytes, true, mask, [&](void* to) { mask = to; }}},
      [&] { return lnrnnDrawMask(net.plan, nullptr, &draw, random, 24, mask, mask_bytes); }, {});
  test_every_pair("lnrnnPackWeights",
                  {{"parameters", sizes.parameterBytes, false, parameters,
                    [&](void* to) { parameters = to; }},
                   {"packed", sizes.packedBytes, true, packed, [&](void* to) { packed = to; }}},
                  [&] {
                    return lnrnnPackWeights(net.plan, nullptr, parameters, sizes.parameterBytes,
                                            packed, sizes.packedBytes);
                  },
                  {});
}

// The lengths are read before anything is written, but belong to the call as all else does.
void test_lengths() {
  Network<float> net({4, 3, 8, 16}, {});
  net.pack();
  lnrnnForwardInferenceArguments_t a = net.inference();
  int64_t* const lengths = reinterpret_cast<int64_t*>(net.y->data());
  std::fill_n(lengths, 3, int64_t{4});
  a.sequence.lengths = lengths;
  REFUSED(net.run(a), INVALID_ARGUMENT, "sequence.lengths, at");
}

// x and y of one wider matrix, which no call of the past could tell from an overlap.
void test_columns_of_one_matrix() {
  Network<float> net({4, 3, 8, 16}, {});
  net.pack();
  std::vector<float> matrix(4 * 3 * 24);
  const auto infer = [&](int64_t x, int64_t y) {
    const auto columns = [&](int64_t first) {
      float* const at = matrix.data() + first;
      const auto bytes = static_cast<size_t>(matrix.data() + matrix.size() - at) * sizeof(float);
      return args::View{{at, bytes}, args::Strides::of(3, 24)};
    };
    lnrnnForwardInferenceArguments_t a = net.inference();
    a.x = columns(x);
    a.y = columns(y);
    return net.run(a);
  };
  DONE(infer(0, 8));
  DONE(infer(16, 0));
  REFUSED(infer(0, 7), INVALID_ARGUMENT, "overlap");
  REFUSED(infer(15, 0), INVALID_ARGUMENT, "overlap");
}

void test_copies() {
  lnrnnHandle_t handle;
  DONE(lnrnnCreate(LNRNN_DEVICE_CPU, 0, 1, nullptr, &handle));
  char memory[64];
  DONE(lnrnnMemcpy(handle, nullptr, memory, memory + 32, 32));
  REFUSED(lnrnnMemcpy(handle, nullptr, memory, memory + 31, 32), INVALID_ARGUMENT,
          "lnrnnMemcpy: source");
  REFUSED(lnrnnMemcpy(handle, nullptr, memory + 31, memory, 32), INVALID_ARGUMENT, "overlap");
  REFUSED(lnrnnMemcpy(handle, nullptr, memory, memory, 1), INVALID_ARGUMENT, "overlap");
  DONE(lnrnnMemcpy(handle, nullptr, memory, memory, 0));
  DONE(lnrnnDestroy(handle));
}

}  // namespace

int main() {
  RUN(test_rows_against_a_search());
  RUN(test_calls());
  RUN(test_lengths());
  RUN(test_columns_of_one_matrix());
  RUN(test_copies());
  check::nothing_left();
  return check::summary();
}

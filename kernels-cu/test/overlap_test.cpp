// What one call reads and writes is apart, or the call is refused: every pair of its arguments; and
// tensors with strides against a search of every byte.
#include <random>
#include <string>
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

// A buffer argument: how many bytes of it the call uses, and where it is.
struct Argument {
  const char* name;
  uint64_t bytes;
  bool written;
  void* at;
};

// Moves each argument over each other one, by its last bytes and whole, and back again.
template <class Call>
void test_every_pair(const char* function, std::vector<Argument> arguments, const Call& call,
                     const std::vector<std::pair<std::string, std::string>>& in_place) {
  DONE(call(arguments));
  for (size_t i = 0; i < arguments.size(); ++i) {
    for (size_t j = 0; j < arguments.size(); ++j) {
      if (i == j || (!arguments[i].written && !arguments[j].written)) continue;
      const Argument kept = arguments[i];
      const uint64_t last = (arguments[j].bytes - 1) & ~uint64_t{63};
      for (const uint64_t shift : {uint64_t{0}, last}) {
        arguments[i].at = static_cast<char*>(arguments[j].at) + shift;
        bool allowed = false;
        for (const auto& [written, read] : in_place) {
          allowed |= shift == 0 && ((kept.name == written && arguments[j].name == read) ||
                                    (kept.name == read && arguments[j].name == written));
        }
        if (allowed) {
          DONE(call(arguments));
        } else {
          REFUSED(call(arguments), INVALID_ARGUMENT, "overlap");
          REFUSED(LNRNN_STATUS_INVALID_ARGUMENT, INVALID_ARGUMENT, kept.name);
          REFUSED(LNRNN_STATUS_INVALID_ARGUMENT, INVALID_ARGUMENT, function);
        }
      }
      arguments[i] = kept;
    }
  }
}

void test_calls() {
  Options options;
  options.zoneout = options.dropconnect = 0.5;
  Network<float> net({4, 16, 8, 16}, options);
  net.pack();
  // Memory enough to move any argument onto any other.
  std::vector<uint64_t> pool(1 << 20);
  char* free = reinterpret_cast<char*>(pool.data());
  free += -reinterpret_cast<uintptr_t>(free) & 63;
  const auto place = [&](const char* name, uint64_t bytes, bool written) {
    char* const at = free;
    free += 2 * ((bytes + 63) & ~uint64_t{63}) + 4096;
    return Argument{name, bytes, written, at};
  };
  const uint64_t x = net.x->bytes(), y = net.y->bytes(), state = net.sizes.stateBytes;
  const lnrnnPlanSizes_t& sizes = net.sizes;
  std::vector<Argument> inference = {place("packed", sizes.packedBytes, false),
                                     place("x", x, false),
                                     place("h0", state, false),
                                     place("c0", state, false),
                                     place("y", y, true),
                                     place("hn", state, true),
                                     place("cn", state, true),
                                     place("workspace", sizes.inferenceWorkspaceBytes, true)};
  DONE(lnrnnPackWeights(net.plan, nullptr, net.parameters->data(), net.parameters->bytes(),
                        inference[0].at, sizes.packedBytes));
  test_every_pair("lnrnnForwardInference", inference,
                  [&](const std::vector<Argument>& a) {
                    return lnrnnForwardInference(net.plan, nullptr, &net.sequence, nullptr, a[0].at,
                                                 a[0].bytes, a[1].at, x, a[2].at, a[3].at, a[4].at,
                                                 y, a[5].at, a[6].at, state, a[7].at, a[7].bytes);
                  },
                  {{"hn", "h0"}, {"cn", "c0"}});

  std::vector<Argument> step = {place("packed", sizes.packedBytes, false), place("x", x / 4, false),
                                place("h", state, true), place("c", state, true),
                                place("workspace", sizes.stepWorkspaceBytes, true)};
  test_every_pair("lnrnnStep", step,
                  [&](const std::vector<Argument>& a) {
                    return lnrnnStep(net.plan, nullptr, 16, a[0].at, a[0].bytes, a[1].at, x / 4,
                                     a[2].at, a[3].at, state, a[4].at, a[4].bytes);
                  },
                  {});

  const uint64_t zoneout = 4 * 16 * 16, dropconnect = 4 * 16 * 16;
  const std::vector<Argument> read = {place("parameters", sizes.parameterBytes, false),
                                      place("x", x, false), place("zoneoutMask", zoneout, false),
                                      place("dropconnectMask", dropconnect, false),
                                      place("random", 24, false)};
  std::vector<Argument> training = read;
  for (const Argument& argument :
       {place("h0", state, false), place("c0", state, false), place("y", y, true),
        place("hn", state, true), place("cn", state, true),
        place("reserve", sizes.reserveBytes, true),
        place("workspace", sizes.trainingWorkspaceBytes, true)}) {
    training.push_back(argument);
  }
  test_every_pair("lnrnnForwardTraining", training,
                  [&](const std::vector<Argument>& a) {
                    return lnrnnForwardTraining(net.plan, nullptr, &net.sequence, nullptr, a[0].at,
                                                a[0].bytes, a[1].at, x, a[5].at, a[6].at,
                                                static_cast<uint8_t*>(a[2].at), zoneout,
                                                static_cast<uint8_t*>(a[3].at), dropconnect,
                                                static_cast<uint64_t*>(a[4].at), a[7].at, y,
                                                a[8].at, a[9].at, state, a[10].at, a[10].bytes,
                                                a[11].at, a[11].bytes);
                  },
                  {{"hn", "h0"}, {"cn", "c0"}});

  std::vector<Argument> backward = read;
  for (const Argument& argument :
       {place("dy", y, false), place("dhn", state, false), place("dcn", state, false),
        place("reserve", sizes.reserveBytes, false), place("gradients", sizes.gradientBytes, true),
        place("dx", x, true), place("dh0", state, true), place("dc0", state, true),
        place("workspace", sizes.backwardWorkspaceBytes, true)}) {
    backward.push_back(argument);
  }
  test_every_pair("lnrnnBackward", backward,
                  [&](const std::vector<Argument>& a) {
                    return lnrnnBackward(net.plan, nullptr, &net.sequence, nullptr, a[0].at,
                                         a[0].bytes, a[1].at, x, static_cast<uint8_t*>(a[2].at),
                                         zoneout, static_cast<uint8_t*>(a[3].at), dropconnect,
                                         static_cast<uint64_t*>(a[4].at), a[5].at, y, a[6].at,
                                         a[7].at, a[8].at, a[8].bytes, a[9].at, a[9].bytes,
                                         a[10].at, x, a[11].at, a[12].at, state, a[13].at,
                                         a[13].bytes);
                  },
                  {{"dh0", "dhn"}, {"dc0", "dcn"}});

  test_every_pair("lnrnnPackWeights", {read[0], inference[0]},
                  [&](std::vector<Argument> a) {
                    a[1].written = true;
                    return lnrnnPackWeights(net.plan, nullptr, a[0].at, a[0].bytes, a[1].at,
                                            a[1].bytes);
                  },
                  {});
  CHECK(free <= reinterpret_cast<char*>(pool.data() + pool.size()));
}

// x and y of one wider matrix, which no call of the past could tell from an overlap.
void test_columns_of_one_matrix() {
  Network<float> net({4, 3, 8, 16}, {});
  net.pack();
  std::vector<float> matrix(4 * 3 * 24);
  net.sequence.xStepStride = net.sequence.yStepStride = 3 * 24;
  net.sequence.xRowStride = net.sequence.yRowStride = 24;
  const auto infer = [&](int64_t x, int64_t y) {
    return lnrnnForwardInference(net.plan, nullptr, &net.sequence, nullptr, net.packed->data(),
                                 net.packed->bytes(), matrix.data() + x,
                                 (matrix.size() - x) * sizeof(float), nullptr, nullptr,
                                 matrix.data() + y, (matrix.size() - y) * sizeof(float), nullptr,
                                 nullptr, 0, net.workspace->data(), net.workspace->bytes());
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
  RUN(test_columns_of_one_matrix());
  RUN(test_copies());
  check::nothing_left();
  return check::summary();
}

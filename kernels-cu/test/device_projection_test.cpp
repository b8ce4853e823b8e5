// Projections of h and clips of u on the CUDA device: what they are the same as, and a clip in every type beside the
// CPU's. (device_test compares them with the CPU together with all else that a layer can have.)
//
//   device_projection_test small   what an emulated device under a sanitizer does in a minute
#include <algorithm>

#include "device_pair.h"
#include "projections.h"

using namespace device_pair;

namespace {

constexpr lnrnnDeviceKind_t kCuda = LNRNN_DEVICE_CUDA;

// Cells that the limit cuts off and others, none of which is so near to it that rounding would decide: gates that are
// all but constant carry them away from 0, from where they begin or from beyond the limit.
constexpr double kLimit = 2.5;
template <class S>
void keep_away_from_limit(Network<S>& net) {
  const int64_t hidden = net.shape.hidden;
  const auto sign = [](int64_t unit) { return unit % 2 == 0 ? 1.0 : -1.0; };
  const bool is_sum_normalized = net.has("layernorm_gates");
  for (const lnrnnParameter_t& p : net.descriptions()) {
    const std::string name = p.name;
    S* const values = net.parameter(p);
    const auto begins = [&](const char* with) {
      return name.compare(0, std::strlen(with), with) == 0;
    };
    const bool is_bias = begins("bias") || name.find(".bias") != std::string::npos;
    if (begins("layernorm_c") || (is_sum_normalized && begins("bias"))) continue;
    const bool is_of_gates = is_bias && begins(is_sum_normalized ? "layernorm_gates" : "bias");
    for (int64_t i = 0; i < p.elements; ++i) {
      const double of_gate[] = {2, 2, sign(i % hidden), 0};
      const double value = 0.05 * number(values[i]);
      values[i] = network::rounded<S>(is_of_gates ? value + of_gate[i / hidden] : value);
    }
  }
  for (size_t i = 0; i < net.c0->size(); ++i) {
    auto& c = (*net.c0)[i];
    const auto unit = static_cast<int64_t>(i) % hidden;
    c = c / 10 + static_cast<accumulation_t<S>>(unit % 4 < 2 ? 0 : 3 * sign(unit));
  }
}

template <class S>
void test_limit(Options options, Shape shape) {
  options.cell_clip = kLimit;
  options.regularize(0.2);
  Pair<S> pair(shape, options);
  pair.both([](Network<S>& net) {
    keep_away_from_limit(net);
    net.pack();
    net.infer();
  });
  pair.compare_outputs();
  pair.both([](Network<S>& net) {
    net.train();
    net.backward();
  });
  pair.compare_outputs();
  pair.compare_gradients();
  if (options.normalization == LNRNN_NORMALIZATION_CARRY ||
      options.normalization == LNRNN_NORMALIZATION_PER_GATE_CARRY) {
    return;  // what is carried is the cell's norm
  }
  const auto& cn = *pair.device.cn;
  const auto at_limit = std::count_if(cn.data(), cn.data() + cn.size(),
                                      [](auto c) { return std::fabs(number(c)) == kLimit; });
  CHECK(at_limit > 0 && static_cast<size_t>(at_limit) < cn.size());
}

// With kernels for each step, few rows and more, and in clusters.
template <class S>
void test_limit() {
  for (Options options : projections::lstms(kCuda)) {
    options.layers = 1;
    test_limit<S>(options, {3, 10, 4, 18});
    options.direction = LNRNN_DIRECTION_FORWARD;
    test_limit<S>(options, {3, 3, 4, 64});
    options.flags = LNRNN_PLAN_RECOMPUTE;
    options.projection = 11;
    test_limit<S>(options, {3, 2, 4, 20});
  }
}
// The same of one cell each.
void test_small() {
  Options options;
  options.device = kCuda;
  test_limit<float>(options, {3, 3, 4, 18});
  test_limit<F16>(options, {2, 2, 4, 64});
  options.projection = 11;
  test_limit<float>(options, {3, 3, 4, 20});
  test_limit<F16>(options, {3, 2, 4, 20});
}

template <class S>
void test_clip() {
  for (const int64_t hidden : {19, 64}) {
    projections::test_wide_clip_is_no_clip<S>(kCuda, hidden, 0);
    Options options;
    options.device = kCuda;
    projections::test_limits<S>(options, hidden);
  }
  projections::test_wide_clip_is_no_clip<S>(kCuda, 19, 7);
}

}  // namespace

int main(int argc, char** argv) {
  if (gpu::count() == 0) return gpu::skipped();
  if (argc > 1 && std::strcmp(argv[1], "small") == 0) {
    RUN(test_small());
    return check::summary();
  }
  RUN(projections::test_identity_is_no_projection<float>(kCuda));
  RUN(projections::test_identity_is_no_projection<double>(kCuda));
  RUN(test_clip<float>());
  RUN(test_clip<double>());
  RUN(test_clip<F16>());
  RUN(test_clip<Bf16>());
  RUN(test_limit<float>());
  RUN(test_limit<double>());
  RUN(test_limit<F16>());
  RUN(test_limit<Bf16>());
  return check::summary();
}

// Dropout between layers, seen from the device's side: how much is dropped, what is done to the rest,
// and what a decision depends on.
#include "core/device.h"

#include <cmath>
#include <vector>

#include "cell/half.h"
#include "check.h"

using lnrnn::Device;
using lnrnn::narrow;
using lnrnn::Plan;
using lnrnn::Random;
using lnrnn::widen;

namespace {

struct Case {
  Plan plan{};
  int64_t steps = 40, batch = 25, features = 34;

  explicit Case(double p, int32_t type = LNRNN_DATA_F32) {
    lnrnnPlanDescription_t& d = plan.description;
    d.dataType = type;
    d.direction = LNRNN_DIRECTION_BIDIRECTIONAL;
    d.layers = 3;
    d.inputSize = 1;
    d.hiddenSize = features / 2;
    d.dropout = p;
  }

  // What becomes of so many ones.
  template <class S>
  std::vector<double> ones(Device& device, int layer, const Random& random) const {
    std::vector<S> values(static_cast<size_t>(steps * batch * features), narrow<S>(1.0f));
    device.dropout(device.default_stream(), {plan, layer, steps, batch, random, values.data()});
    std::vector<double> wide;
    for (const S value : values) wide.push_back(static_cast<double>(widen(value)));
    return wide;
  }
  double at(const std::vector<double>& values, int64_t t, int64_t n, int64_t j) const {
    return values[static_cast<size_t>((t * batch + n) * features + j)];
  }
};

std::unique_ptr<Device> open(int threads) {
  std::unique_ptr<Device> device;
  CHECK(lnrnn::open_cpu_device(threads, nullptr, &device) == LNRNN_STATUS_SUCCESS);
  return device;
}

void test_share(Device& device) {
  const Case c(0.25);
  const auto values = c.ones<float>(device, 0, {7, 0, 0, nullptr});
  double kept = 0;
  for (const double value : values) {
    CHECK(value == 0 || value == static_cast<double>(1 / 0.75f));
    kept += value != 0;
  }
  CHECK_NEAR(kept / static_cast<double>(values.size()), 0.75, 0.01);
  for (const double value : Case(1).ones<float>(device, 0, {7, 0, 0, nullptr})) CHECK(value == 0);
}

void test_what_it_depends_on(Device& device) {
  const Case c(0.5);
  const auto values = c.ones<float>(device, 1, {7, 0, 0, nullptr});
  CHECK(values == c.ones<float>(device, 1, {7, 0, 0, nullptr}));
  CHECK(values == c.ones<float>(*open(3), 1, {7, 0, 0, nullptr}));
  CHECK(values != c.ones<float>(device, 0, {7, 0, 0, nullptr}));
  CHECK(values != c.ones<float>(device, 1, {8, 0, 0, nullptr}));
  const uint64_t numbers[] = {7, 3, 2};
  const auto shifted = c.ones<float>(device, 1, {7, 3, 2, nullptr});
  CHECK(shifted == c.ones<float>(device, 1, {0, 0, 0, numbers}));
  bool steps_differ = false;
  for (int64_t t = 0; t + 3 < c.steps; ++t) {
    for (int64_t n = 0; n + 2 < c.batch; ++n) {
      for (int64_t j = 0; j < c.features; ++j) {
        CHECK(c.at(shifted, t, n, j) == c.at(values, t + 3, n + 2, j));
        steps_differ |= c.at(values, t, n, j) != c.at(values, t + 1, n, j);
      }
    }
  }
  CHECK(steps_differ);
}

// One mask for all steps of a row, whatever the step's offset.
void test_variational(Device& device) {
  Case c(0.5, LNRNN_DATA_F64);
  c.plan.description.flags = LNRNN_PLAN_VARIATIONAL_DROPOUT;
  const auto values = c.ones<double>(device, 1, {7, 0, 0, nullptr});
  CHECK(values == c.ones<double>(device, 1, {7, 1000, 0, nullptr}));
  bool rows_differ = false;
  for (int64_t n = 0; n + 1 < c.batch; ++n) {
    for (int64_t j = 0; j < c.features; ++j) {
      for (int64_t t = 1; t < c.steps; ++t) {
        CHECK(c.at(values, t, n, j) == c.at(values, 0, n, j));
      }
      rows_differ |= c.at(values, 0, n, j) != c.at(values, 0, n + 1, j);
    }
  }
  CHECK(rows_differ);
}

// A mask in memory decides as it says, whatever would be drawn.
void test_given(Device& device, uint32_t flags) {
  Case c(0.5);
  c.plan.description.flags = flags;
  const auto rows = static_cast<size_t>((flags == 0 ? c.steps : 1) * c.batch);
  const auto features = static_cast<size_t>(c.features);
  std::vector<uint8_t> mask(rows * features);
  for (size_t i = 0; i < mask.size(); ++i) mask[i] = i % 7 < 3 ? 0 : static_cast<uint8_t>(i | 1);
  std::vector<float> values(static_cast<size_t>(c.steps * c.batch) * features, NAN);
  const auto kept = [&](size_t i) { return mask[i % mask.size()] != 0; };
  for (size_t i = 0; i < values.size(); ++i) {
    if (kept(i)) values[i] = 3;
  }
  device.dropout(device.default_stream(),
                 {c.plan, 1, c.steps, c.batch, {7, 0, 0, nullptr}, values.data(), mask.data()});
  for (size_t i = 0; i < values.size(); ++i) CHECK(values[i] == (kept(i) ? 6.0f : 0.0f));
}

// The same decisions in every type; the kept values are rounded to it.
template <class S>
void test_type(Device& device, int32_t type) {
  const auto values = Case(0.3, type).ones<S>(device, 0, {9, 0, 0, nullptr});
  const auto whole = Case(0.3).ones<float>(device, 0, {9, 0, 0, nullptr});
  for (size_t i = 0; i < values.size(); ++i) {
    CHECK(values[i] == static_cast<double>(widen(narrow<S>(static_cast<float>(whole[i])))));
  }
}

}  // namespace

int main() {
  const auto device = open(1);
  RUN(test_share(*device));
  RUN(test_what_it_depends_on(*device));
  RUN(test_variational(*device));
  RUN(test_given(*device, 0));
  RUN(test_given(*open(3), LNRNN_PLAN_VARIATIONAL_DROPOUT));
  RUN(test_type<lnrnn::F16>(*device, LNRNN_DATA_F16));
  RUN(test_type<lnrnn::Bf16>(*device, LNRNN_DATA_BF16));
  return check::summary();
}

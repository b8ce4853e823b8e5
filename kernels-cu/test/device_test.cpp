// Every pass on a device, compared with the CPU's in f64 on the same numbers: shapes on the edges of
// warps, tiles and blocks, masks, initial states, rows of different length.
//
// The device is what the environment variable LNRNN_TEST_DEVICE names: cpu, or cuda:N.
#include <cstdlib>
#include <string>

#include "check.h"
#include "device_network.h"

using device_network::Case;
using device_network::DeviceNetwork;
using device_network::done;
using device_network::largest_error;

namespace {

struct Type {
  int32_t value;
  const char* name;
  double out_bound, gradient_bound;
};
constexpr Type kTypes[] = {{LNRNN_DATA_F64, "f64", 1e-12, 1e-11},
                           {LNRNN_DATA_F32, "f32", 1e-5, 5e-5},
                           {LNRNN_DATA_BF16, "bf16", 3e-2, 1e-1},
                           {LNRNN_DATA_F16, "f16", 4e-3, 2e-2}};

constexpr int32_t kNone = LNRNN_NORMALIZATION_NONE, kHaste = LNRNN_NORMALIZATION_HASTE;

constexpr Case kCases[] = {
    {1, 1, 1, 3, kHaste},
    {3, 2, 5, 31, kHaste},
    {4, 3, 33, 32, kNone},
    {5, 7, 31, 33, kHaste, 0.25, 0.5, true, true},
    {5, 9, 12, 64, kNone, 0.25, 0.5, true, true},
    {2, 33, 64, 127, kHaste, 0, 0.25, false, true},
    {6, 5, 40, 257, kHaste, 0.5, 0, true, false},
    {3, 17, 128, 130, kNone, 0, 0, true, true},
    {7, 1, 16, 96, kHaste, 0.1, 0.1, false, true},
};

void compare(lnrnnHandle_t device, lnrnnHandle_t cpu, const Type& type, const Case& c) {
  const auto ours = DeviceNetwork::create(device, c, type.value);
  const auto reference = DeviceNetwork::create(cpu, c, LNRNN_DATA_F64);
  for (const auto* network : {&ours, &reference}) {
    (*network)->pack();
    (*network)->infer();
  }
  CHECK_NEAR(largest_error(ours->outputs(), reference->outputs()), 0, type.out_bound);
  for (const auto* network : {&ours, &reference}) (*network)->train();
  CHECK_NEAR(largest_error(ours->outputs(), reference->outputs()), 0, type.out_bound);
  CHECK_NEAR(largest_error(ours->gradients(), reference->gradients()), 0, type.gradient_bound);
}

}  // namespace

int main() {
  const char* const named = std::getenv("LNRNN_TEST_DEVICE");
  const lnrnnHandle_t cpu = device_network::open("cpu");
  const lnrnnHandle_t device = device_network::open(named == nullptr ? "cpu" : named);
  if (device == nullptr) {
    std::printf("%s\n", lnrnnGetLastErrorMessage());
    return EXIT_FAILURE;
  }
  for (const Type& type : kTypes) {
    if (DeviceNetwork::create(device, {1, 1, 1, 1}, type.value) == nullptr) {
      std::printf("%s is left out: %s\n", type.name, lnrnnGetLastErrorMessage());
      continue;
    }
    for (const Case& c : kCases) {
      const int failures = check::failures;
      compare(device, cpu, type, c);
      if (check::failures > failures) {
        std::printf("  in %s, T %d N %d C %d H %d\n", type.name, static_cast<int>(c.steps),
                    static_cast<int>(c.batch), static_cast<int>(c.input),
                    static_cast<int>(c.hidden));
      }
    }
  }
  done(lnrnnDestroy(device));
  done(lnrnnDestroy(cpu));
  return check::summary();
}

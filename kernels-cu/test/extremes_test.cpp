// Inputs at the ends of what numbers can be, on every instruction set.
#include "extremes.h"

using namespace extremes;

int main() {
  lnrnnDeviceProperties_t properties{};
  properties.structSize = sizeof properties;
  network::done(lnrnnGetDeviceProperties(LNRNN_DEVICE_CPU, 0, &properties));
  for (char* isa = std::strtok(properties.isaAvailable, " "); isa != nullptr;
       isa = std::strtok(nullptr, " ")) {
    Options options;
    options.isa = isa;
    RUN(test_type<float>(options, {9, 32}));
    RUN(test_type<double>(options, {9}));
    RUN(test_type<F16>(options, {9}));
    RUN(test_type<Bf16>(options, {9, 32}));
  }
  return check::summary();
}

// Inputs at the ends of what numbers can be, on a CUDA device: right, or NaN, and what the CPU gives. Of 16-bit
// types H 32 runs in clusters.
//
//   device_extremes_test small   what an emulated device under a sanitizer does in seconds
#include "extremes.h"
#include "gpu.h"

using namespace extremes;

int main(int argc, char** argv) {
  if (gpu::count() == 0) return gpu::skipped();
  Options options;
  options.device = LNRNN_DEVICE_CUDA;
  const bool small = argc > 1 && std::strcmp(argv[1], "small") == 0;
  RUN(test_type<float>(options, {9}));
  if (!small) RUN(test_type<double>(options, {9}));
  if (!small) RUN(test_type<F16>(options, {9, 32}));
  RUN(test_type<Bf16>(options, {small ? 9 : 32}));
  return check::summary();
}

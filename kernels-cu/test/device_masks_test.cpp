// Masks that training draws, read and given back on a CUDA device; and that it draws what the CPU does. Of 16-bit
// types H 32 runs in clusters.
//
//   device_masks_test small   what an emulated device under a sanitizer does in seconds
#include "masks.h"

using namespace masks;

namespace {

void test_same_as_on_the_cpu(Options options) {
  options.layers = 3;
  options.direction = LNRNN_DIRECTION_BIDIRECTIONAL;
  options.regularize(0.4);
  const Shape shape{4, 3, 3, 37};
  Network<float> cuda(shape, options);
  options.device = LNRNN_DEVICE_CPU;
  Network<float> cpu(shape, options);
  for (const MaskKind& m : kMaskKinds) {
    CHECK(read(cuda, m.kind)->copy() == read(cpu, m.kind)->copy());
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (gpu::count() == 0) return gpu::skipped();
  const bool small = argc > 1 && std::strcmp(argv[1], "small") == 0;
  Options options;
  options.device = LNRNN_DEVICE_CUDA;
  RUN(test_same_as_on_the_cpu(options));
  RUN(test_edges<float>(options));
  RUN(test_refusals<float>(options));
  if (small) return check::summary();
  RUN(test_parts<float>(options));
  RUN(test_cell<float>(options, network::kCells[1], 9));
  RUN(test_cell<network::Bf16>(options, network::kCells[12], 32));
  for (const int cell : {0, 3, 4, 6, 8, 10, 13}) {
    check::run(network::kCells[cell].name,
               [&] { test_cell<float>(options, network::kCells[cell], 9); });
  }
  RUN(test_cell<double>(options, network::kCells[2], 5));
  for (const int cell : {1, 3, 10}) {
    RUN(test_cell<network::F16>(options, network::kCells[cell], 32));
  }
  return check::summary();
}

// sums_test on a CUDA device: how far gradients that are sums over many rows of one sign are from exact.
//
//   device_sums_test [ROWS]   so many rows of one unit, and a fiftieth of that of every cell; 100000, which is
//                             what an emulated device has time for
#include "gpu.h"
#include "sums.h"

namespace {

using namespace sums;
using network::kCells;

// The library's kernels hold what lnrnn.h promises of them; of cuBLAS it is known how long its chains are at
// most, and what so long a chain may lose.
constexpr double kCublas = 4e-5;

// Rows of x and dy that coincide are none of cuBLAS's.
void test_cells(int64_t rows, bool cublas) {
  for (const Cell& cell : kCells) {
    for (const Shape& shape : {Shape{1, rows, 2, 4}, Shape{100, rows / 100, 2, 4}}) {
      Options options = Options::of(cell);
      options.device = LNRNN_DEVICE_CUDA;
      Data data;
      data.coinciding = cell.cell != LNRNN_CELL_GRU;
      const Tensors right = exact<float>(shape, options);
      check_errors(cell.name, shape, errors(gradients<float>(shape, options, data), right),
                   kVectors, cublas ? kCublas : kMatrices);
    }
  }
}

// In 16 bits each row has been rounded: so many rows are that many times one of them.
template <class S>
void test_type(const char* what, int64_t rows, double vectors, double matrices) {
  for (const int cell : {1, 6, 8}) {
    Options options = Options::of(kCells[cell]);
    options.device = LNRNN_DEVICE_CUDA;
    const Shape shape{1, rows, 2, 4};
    Data data;
    data.coinciding = false;
    const Tensors one = gradients<S>({1, 1, 2, 4}, options, data);
    check_errors(what, shape,
                 errors(gradients<S>(shape, options, data), combined(double(rows), one, 0, one)),
                 vectors, matrices);
  }
}

// The sum of dy = 0.1 over all rows, since tanh of 0 has the slope 1.
void test_tenths(int64_t rows, bool cublas) {
  for (const bool coinciding : {false, true}) {
    const Shape shape{1, rows, 1, 1};
    Options options = Options::of(kCells[7]);
    options.device = LNRNN_DEVICE_CUDA;
    Data data;
    data.plain = true;
    data.coinciding = coinciding;
    const bool of_cublas = cublas && !coinciding;
    for (const Tensor& t : gradients<float>(shape, options, data)) {
      const double right = t.name == "weight_hh_l0" ? 0 : 0.1 * static_cast<double>(rows);
      const double bound = !t.matrix ? kVectors : of_cublas ? kCublas : kMatrices;
      CHECK_NEAR(t.values[0], right, bound * right);
    }
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (gpu::count() == 0) return gpu::skipped();
  lnrnnDeviceProperties_t properties{};
  properties.structSize = sizeof properties;
  done(lnrnnGetDeviceProperties(LNRNN_DEVICE_CUDA, 0, &properties));
  const bool cublas = properties.cublasVersion != 0;
  const std::string selection = argc > 1 ? argv[1] : "100000";
  const int64_t most = selection == "small" ? 20000 : std::atoll(selection.c_str());
  const int64_t rows = most / 50;
  RUN(test_tenths(most, cublas));
  RUN(test_cells(rows, cublas));
  RUN(test_type<F16>("F16", rows, kVectors, cublas ? kCublas : kMatrices));
  RUN(test_type<Bf16>("BF16", rows, kVectors, cublas ? kCublas : kMatrices));
  RUN(test_type<double>("F64", rows, 1e-14, cublas ? 1e-13 : 2e-14));
  return check::summary();
}

// Gradients are sums over all T·N rows: how far they are from exact where there are many rows of one sign,
// which is where errors of rounding add up.
//
//   sums_test [ROWS]   about so many rows; a million
#include <limits>

#include "sums.h"

namespace {

using namespace sums;
using network::kCells;

template <class S>
void test(const char* what, const Shape& shape, const Options& options, double vectors = kVectors,
          double matrices = kMatrices) {
  const Tensors right = exact<S>(shape, options);
  check_errors(what, shape, errors(gradients<S>(shape, options), right), vectors, matrices);
}

// Every cell, in one step of many rows, many steps of one row, and, of fewer, both.
void test_cells(int64_t rows) {
  constexpr int64_t kSide = 100;
  int32_t threads = 0;
  for (const Cell& cell : kCells) {
    for (const Shape& shape : {Shape{1, rows, 2, 4}, Shape{rows, 1, 2, 4},
                               Shape{kSide, kSide, 2, 4}, Shape{1, kSide * kSide, 2, 4}}) {
      Options options = Options::of(cell);
      options.threads = threads++ % 3 + 1;
      test<float>(cell.name, shape, options);
    }
  }
}

void test_instruction_sets() {
  lnrnnDeviceProperties_t properties{};
  properties.structSize = sizeof properties;
  done(lnrnnGetDeviceProperties(LNRNN_DEVICE_CPU, 0, &properties));
  const std::string available = properties.isaAvailable;
  for (size_t at = 0; at < available.size();) {
    const size_t end = std::min(available.find(' ', at), available.size());
    const std::string isa = available.substr(at, end - at);
    Options options = Options::of(kCells[1]);
    options.isa = isa.c_str();
    test<float>(options.isa, {1, 20000, 3, 7}, options);
    at = end + 1;
  }
}

// What is stored in 16 bits is summed as what is stored in 32; what is computed in 64 as well.
void test_types() {
  for (const int cell : {2, 6, 8}) {
    const Shape shape{1, 20000, 2, 3};
    const Options options = Options::of(kCells[cell]);
    test<F16>("F16", shape, options);
    test<Bf16>("BF16", shape, options);
    test<double>("F64", shape, options, 1e-14, 2e-14);
  }
}

void test_masked_weights() {
  Options options = Options::of(kCells[0]);
  options.dropconnect = 0.3;
  test<float>("DropConnect", {1, 30000, 2, 3}, options);
  test<float>("DropConnect", {30000, 1, 2, 3}, options);
}

// Sums are added to what is there when they are whole: a large gradient does not swallow rows one by one.
void test_accumulation() {
  for (const int cell : {1, 5, 7}) {
    const Shape shape{1, 20000, 2, 3};
    Options options = Options::of(kCells[cell]);
    options.threads = 2;
    const Tensors once = exact<float>(shape, options);
    const Tensors held = combined(100, once, 0, once);
    Data data;
    data.add_to = &held;
    check_errors("accumulated", shape,
                 errors(gradients<float>(shape, options, data), combined(101, once, 0, once)));
  }
}

// The sum of dy = 0.1 over all rows, since tanh of 0 has the slope 1. Any number of threads.
void test_tenths(int64_t rows) {
  for (const bool of_steps : {false, true}) {
    const Shape shape{of_steps ? rows : 1, of_steps ? 1 : rows, 1, 1};
    for (const int32_t threads : {1, 3, 16}) {
      Options options = Options::of(kCells[7]);
      options.threads = threads;
      Data data;
      data.plain = true;
      for (const Tensor& t : gradients<float>(shape, options, data)) {
        const double right = t.name == "weight_hh_l0" ? 0 : 0.1 * static_cast<double>(rows);
        CHECK_NEAR(t.values[0], right, (t.matrix ? kMatrices : kVectors) * right);
      }
    }
  }
}

// A sum that overflows is infinite, whoever adds it up.
void test_overflow() {
  for (const int32_t threads : {1, 2, 3}) {
    Options options = Options::of(kCells[7]);
    options.threads = threads;
    Data data;
    data.plain = true;
    data.dy = 1e38;
    for (const Tensor& t : gradients<float>({1, 600, 1, 1}, options, data)) {
      if (t.name == "bias_l0") CHECK(t.values[0] == std::numeric_limits<double>::infinity());
    }
  }
}

}  // namespace

int main(int argc, char** argv) {
  const int64_t rows = argc > 1 ? std::atoll(argv[1]) : 1000000;
  RUN(test_cells(rows));
  RUN(test_tenths(rows));
  RUN(test_instruction_sets());
  RUN(test_types());
  RUN(test_masked_weights());
  RUN(test_accumulation());
  RUN(test_overflow());
  return check::summary();
}

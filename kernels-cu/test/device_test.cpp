// What the CUDA device computes is what the CPU computes: every pass, over shapes that reach each
// kernel's every way, in both types. Without a CUDA device the test is skipped and says why.
//
//   device_test [small]     small: what an emulated device under a sanitizer does in a minute
#include <cmath>
#include <cstring>
#include <utility>

#include "check.h"
#include "network.h"

using network::Buffer;
using network::Network;
using network::Options;
using network::Shape;

namespace {

constexpr int kSkipped = 77;

template <class T>
constexpr double kBound = sizeof(T) == 4 ? 2e-5 : 1e-12;

template <class T>
double largest(const Buffer<T>& tensor) {
  double largest = 0;
  for (size_t i = 0; i < tensor.size(); ++i) largest = std::fmax(largest, std::fabs(tensor[i]));
  return largest;
}

// The error as the reference cases have it: relative to the tensor's largest element, or to a
// thousandth of the largest of its kind, which cancellation may leave far behind.
template <class T>
void compare(const char* what, const Buffer<T>& device, const Buffer<T>& cpu, double of_kind,
             double bound) {
  double worst = 0;
  bool same_nan = true;
  for (size_t i = 0; i < cpu.size(); ++i) {
    same_nan = same_nan && std::isnan(device[i]) == std::isnan(cpu[i]);
    if (!std::isnan(cpu[i])) {
      worst = std::fmax(worst, std::fabs(double(device[i]) - double(cpu[i])));
    }
  }
  const double scale = std::fmax(largest(cpu), 1e-3 * of_kind);
  CHECK(same_nan);
  CHECK(worst <= bound * scale);
  if (!(worst <= bound * scale)) std::printf("  %s: %g of %g\n", what, worst, scale);
}

template <class T>
struct Pair {
  Network<T> device, cpu;

  Pair(Shape shape, Options options) : device(shape, on(LNRNN_DEVICE_CUDA, options)),
                                       cpu(shape, on(LNRNN_DEVICE_CPU, options)) {}

  static Options on(lnrnnDeviceKind_t kind, Options options) {
    options.device = kind;
    return options;
  }

  template <class F>
  void both(const F& body) {
    body(cpu);
    body(device);
    device.wait();
  }
  void compare_outputs() {
    const double kind = std::fmax(largest(*cpu.y), largest(*cpu.cn));
    compare("y", *device.y, *cpu.y, kind, kBound<T>);
    compare("hn", *device.hn, *cpu.hn, kind, kBound<T>);
    compare("cn", *device.cn, *cpu.cn, kind, kBound<T>);
  }
  void compare_gradients() {
    const double kind = std::fmax(largest(*cpu.gradients), largest(*cpu.dc0));
    compare("gradients", *device.gradients, *cpu.gradients, kind, 10 * kBound<T>);
    compare("dx", *device.dx, *cpu.dx, kind, 10 * kBound<T>);
    compare("dh0", *device.dh0, *cpu.dh0, kind, 10 * kBound<T>);
    compare("dc0", *device.dc0, *cpu.dc0, kind, 10 * kBound<T>);
  }
};

template <class T>
void test_passes(Shape shape, Options options, const std::vector<int64_t>& lengths) {
  Pair<T> pair(shape, options);
  pair.both([&](Network<T>& net) {
    net.lengths = lengths;
    net.pack();
    net.infer();
  });
  pair.compare_outputs();
  pair.both([](Network<T>& net) {
    net.train();
    net.backward();
  });
  pair.compare_outputs();
  pair.compare_gradients();

  // Again: the same bits. And once more on top: twice as much.
  const auto first = pair.device.gradients->copy();
  pair.device.backward();
  pair.device.wait();
  CHECK(pair.device.gradients->copy() == first);
  pair.both([](Network<T>& net) {
    net.sequence.flags = LNRNN_SEQUENCE_ACCUMULATE;
    net.backward();
  });
  pair.compare_gradients();
}

void test_small() {
  Options options;
  options.zoneout = options.dropconnect = 0.3;
  test_passes<float>({2, 3, 3, 9}, options, {2, 0, 1});
  test_passes<double>({2, 10, 2, 5}, options, {});
  options.normalization = LNRNN_NORMALIZATION_NONE;
  test_passes<float>({2, 9, 2, 5}, options, {});
}

template <class T>
void test_shapes() {
  for (const int32_t normalization : {LNRNN_NORMALIZATION_NONE, LNRNN_NORMALIZATION_HASTE}) {
    Options options;
    options.normalization = normalization;
    test_passes<T>({3, 1, 1, 1}, options, {});
    test_passes<T>({4, 2, 5, 31}, options, {});       // two rows of the product of few rows
    test_passes<T>({3, 3, 33, 65}, options, {3, 0, 2});
    test_passes<T>({2, 11, 7, 40}, options, {});      // tiles, ragged both ways
    test_passes<T>({0, 3, 4, 8}, options, {});
    options.zoneout = options.dropconnect = 0.3;
    test_passes<T>({4, 7, 6, 20}, options, {4, 2, 0, 1, 3, 4, 4});
    test_passes<T>({3, 34, 3, 9}, options, {});
  }
}

// Padding is not read as a number, whatever stands there.
template <class T>
void test_padding() {
  Pair<T> pair({3, 9, 4, 12}, {});
  pair.both([](Network<T>& net) {
    net.lengths = {3, 1, 0, 2, 3, 3, 1, 2, 3};
    for (int64_t t = 0; t < 3; ++t) {
      for (int64_t n = 0; n < 9; ++n) {
        if (t < net.lengths[static_cast<size_t>(n)]) continue;
        for (int64_t j = 0; j < 4; ++j) (*net.x)[static_cast<size_t>((t * 9 + n) * 4 + j)] = T(NAN);
        for (int64_t j = 0; j < 12; ++j) (*net.dy)[static_cast<size_t>((t * 9 + n) * 12 + j)] = T(NAN);
      }
    }
    net.train();
    net.backward();
  });
  pair.compare_outputs();
  pair.compare_gradients();
  for (size_t i = 0; i < pair.device.gradients->size(); ++i) {
    CHECK(std::isfinite((*pair.device.gradients)[i]));
  }
}

// A step is an inference of one step, in place, to the bit; and of the whole to rounding, because
// cuBLAS may add in another order where there are more rows. H beyond one block's threads.
void test_steps() {
  Options options;
  options.device = LNRNN_DEVICE_CUDA;
  options.zoneout = 0.3;
  const Shape one{1, 2, 5, 1030};
  Network<float> whole({3, 2, 5, 1030}, options), single(one, options), stream(one, options);
  whole.pack();
  whole.infer();
  whole.wait();
  single.pack();
  stream.pack();
  for (int t = 0; t < 3; ++t) {
    std::copy_n(whole.x->data() + t * 10, 10, stream.x->data());
    for (const auto& [from, to] : {std::pair{&stream.x, &single.x}, {&stream.h0, &single.h0},
                                   {&stream.c0, &single.c0}}) {
      std::copy_n((*from)->data(), (*from)->size(), (*to)->data());
    }
    single.infer();
    single.wait();
    stream.step();
    stream.wait();
    CHECK(stream.h0->copy() == single.hn->copy() && stream.c0->copy() == single.cn->copy());
    Buffer<float> y(stream.handle, stream.h0->size());
    std::copy_n(whole.y->data() + 2060 * t, y.size(), y.data());
    compare("steps", *stream.h0, y, largest(*whole.y), kBound<float>);
  }
}

// What a device is said to be before it is opened is what it is then, cuBLAS included.
void test_properties() {
  lnrnnDeviceProperties_t before{}, after{};
  before.structSize = after.structSize = sizeof before;
  lnrnnHandle_t handle = nullptr;
  network::done(lnrnnGetDeviceProperties(LNRNN_DEVICE_CUDA, 0, &before));
  network::done(lnrnnCreate(LNRNN_DEVICE_CUDA, 0, 0, nullptr, &handle));
  network::done(lnrnnGetProperties(handle, &after));
  network::done(lnrnnDestroy(handle));
  CHECK(std::strcmp(before.isa, after.isa) == 0);
  CHECK(before.cublasVersion == after.cublasVersion);
  CHECK((std::strstr(after.isa, "cuBLAS") != nullptr) == (after.cublasVersion >= 120000));
}

void test_long_rows() {
  test_passes<float>({2, 2, 3, 1025}, {}, {});
  test_passes<double>({2, 1, 3, 1025}, {}, {});
}

}  // namespace

int main(int argc, char** argv) {
  int32_t count = 0;
  network::done(lnrnnGetDeviceCount(LNRNN_DEVICE_CUDA, &count));
  if (count == 0) {
    std::printf("skipped: %s\n", lnrnnGetLastErrorMessage());
    return kSkipped;
  }
  if (argc > 1 && std::strcmp(argv[1], "small") == 0) {
    test_small();
    return check::summary();
  }
  test_properties();
  test_shapes<float>();
  test_shapes<double>();
  test_padding<float>();
  test_padding<double>();
  test_steps();
  test_long_rows();
  return check::summary();
}

// The LSTM through the C API: gradients against finite differences of its own forward, and the same
// results however the work is shared out. (The reference cases are run from Java.)
#include <cmath>

#include "check.h"
#include "network.h"

using network::Buffer;
using network::Network;
using network::Options;
using network::Shape;

namespace {

// Central differences of the loss by a few elements of a tensor against its gradient.
void compare_gradient(Network<double>& net, Buffer<double>& tensor, const Buffer<double>& gradient,
                      const char* name) {
  constexpr double kStep = 1e-5;
  const size_t stride = tensor.size() / 40 + 1;
  double worst = 0, largest = 0;
  for (size_t i = 0; i < tensor.size(); ++i) {
    largest = std::fmax(largest, std::fabs(gradient[i]));
  }
  for (size_t i = 0; i < tensor.size(); i += stride) {
    const double value = tensor[i];
    tensor[i] = value + kStep;
    const double above = net.loss();
    tensor[i] = value - kStep;
    const double below = net.loss();
    tensor[i] = value;
    worst = std::fmax(worst, std::fabs((above - below) / (2 * kStep) - gradient[i]));
  }
  CHECK(worst <= 1e-6 * std::fmax(largest, 1));
  if (worst > 1e-6 * std::fmax(largest, 1)) std::printf("  %s: %g of %g\n", name, worst, largest);
}

void test_gradients() {
  for (const int32_t normalization : {LNRNN_NORMALIZATION_NONE, LNRNN_NORMALIZATION_HASTE}) {
    for (const double p : {0.0, 0.3}) {
      for (const bool ragged : {false, true}) {
        Options options;
        options.normalization = normalization;
        options.zoneout = options.dropconnect = p;
        options.threads = 2;
        Network<double> net({4, 5, 3, 9}, options);
        if (ragged) net.lengths = {4, 0, 2, 1, 3};
        net.train();
        net.backward();
        compare_gradient(net, *net.parameters, *net.gradients, "parameters");
        compare_gradient(net, *net.x, *net.dx, "x");
        compare_gradient(net, *net.h0, *net.dh0, "h0");
        compare_gradient(net, *net.c0, *net.dc0, "c0");
      }
    }
  }
}

// Batch split, panel split and one thread alone: the same forward bits, gradients close; and the
// same gradients' bits when repeated.
template <class T>
void test_threads(Shape shape, double bound) {
  std::vector<T> y, gradients;
  for (const int32_t threads : {1, 2, 3, 4}) {
    Options options;
    options.zoneout = options.dropconnect = 0.2;
    options.threads = threads;
    Network<T> net(shape, options);
    net.train();
    net.backward();
    const std::vector<T> first = net.gradients->copy();
    if (y.empty()) {
      y = net.y->copy();
      gradients = first;
    }
    CHECK(net.y->copy() == y);
    double worst = 0, largest = 0;
    for (size_t i = 0; i < gradients.size(); ++i) {
      worst = std::fmax(worst, std::fabs(double(first[i]) - double(gradients[i])));
      largest = std::fmax(largest, std::fabs(double(gradients[i])));
    }
    CHECK(worst <= bound * largest);
    net.backward();
    CHECK(net.gradients->copy() == first);
    net.sequence.flags = LNRNN_SEQUENCE_ACCUMULATE;
    net.backward();
    worst = 0;
    for (size_t i = 0; i < first.size(); ++i) {
      worst = std::fmax(worst, std::fabs(double((*net.gradients)[i]) - 2 * double(first[i])));
    }
    CHECK(worst <= bound * largest);
  }
}

// A step is an inference of one step, in place; zoneout is its expectation.
void test_steps_are_inference() {
  Options options;
  options.zoneout = 0.3;
  Network<float> net({6, 3, 5, 21}, options);
  net.pack();
  net.infer();
  const auto y = net.y->copy(), cn = net.cn->copy();
  Network<float> stream({1, 3, 5, 21}, options);
  stream.pack();
  for (int t = 0; t < 6; ++t) {
    std::copy_n(net.x->data() + t * 15, 15, stream.x->data());
    stream.step();
    CHECK(std::equal(stream.h0->data(), stream.h0->data() + 63, y.begin() + t * 63));
  }
  CHECK(stream.c0->copy() == cn);
}

void test_every_isa() {
  lnrnnDeviceProperties_t properties{};
  properties.structSize = sizeof properties;
  network::done(lnrnnGetDeviceProperties(LNRNN_DEVICE_CPU, 0, &properties));
  std::vector<float> y;
  char names[sizeof properties.isaAvailable];
  std::strcpy(names, properties.isaAvailable);
  for (const char* isa = std::strtok(names, " "); isa != nullptr; isa = std::strtok(nullptr, " ")) {
    Options options;
    options.isa = isa;
    Network<float> net({7, 3, 6, 65}, options);
    net.pack();
    net.infer();
    if (y.empty()) y = net.y->copy();
    for (size_t i = 0; i < y.size(); ++i) CHECK_NEAR((*net.y)[i], y[i], 2e-5);
    std::printf("%s ran\n", isa);
  }
}

}  // namespace

int main() {
  test_gradients();
  test_threads<float>({9, 2, 6, 300}, 1e-5);   // few rows: panels are shared out
  test_threads<float>({5, 64, 6, 40}, 1e-5);   // many rows: the batch is
  test_threads<double>({5, 31, 6, 33}, 1e-13);
  test_steps_are_inference();
  test_every_isa();
  return check::summary();
}

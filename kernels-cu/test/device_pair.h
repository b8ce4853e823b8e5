// The same network on a CUDA device and on the CPU, and how far their results are apart.
#pragma once

#include <cmath>
#include <cstring>
#include <memory>
#include <string>

#include "check.h"
#include "gpu.h"
#include "network.h"

namespace device_pair {

using lnrnn::accumulation_t;
using network::Bf16;
using network::Buffer;
using network::F16;
using network::Network;
using network::number;
using network::Options;
using network::Shape;

// The largest error allowed of outputs; of gradients it is kGradients times that. The CPU computes
// 16-bit layers in float; on CUDA the operands of products are of 16 bits, as tensor cores want them.
template <class S>
constexpr double kBound = 2e-5;
template <>
inline constexpr double kBound<double> = 1e-12;
template <>
inline constexpr double kBound<F16> = 4e-3;
template <>
inline constexpr double kBound<Bf16> = 3e-2;
template <class S>
constexpr double kGradients = std::is_same_v<S, accumulation_t<S>> ? 10 : 4;

template <class E>
double largest(const E* values, size_t count) {
  double largest = 0;
  for (size_t i = 0; i < count; ++i) largest = std::fmax(largest, std::fabs(number(values[i])));
  return largest;
}

// The error as the reference cases have it: relative to the tensor's largest element, or to a
// thousandth of the largest of its kind, which cancellation may leave far behind.
template <class E>
void compare(const char* what, const E* device, const E* cpu, size_t count, double of_kind,
             double bound) {
  double worst = 0;
  bool same_nan = true;
  for (size_t i = 0; i < count; ++i) {
    const double of_device = number(device[i]), of_cpu = number(cpu[i]);
    same_nan = same_nan && std::isnan(of_device) == std::isnan(of_cpu);
    if (!std::isnan(of_cpu)) worst = std::fmax(worst, std::fabs(of_device - of_cpu));
  }
  const double scale = std::fmax(largest(cpu, count), 1e-3 * of_kind);
  CHECK(same_nan);
  CHECK(worst <= bound * scale);
  if (!(worst <= bound * scale)) std::printf("  %s: %g of %g\n", what, worst, scale);
}
template <class E>
void compare(const char* what, const std::unique_ptr<Buffer<E>>& device,
             const std::unique_ptr<Buffer<E>>& cpu, double of_kind, double bound) {
  if (cpu != nullptr) {
    compare(what, device->data(), cpu->data(), cpu->size(), of_kind, bound);
  }
}
template <class E>
double largest(const std::unique_ptr<Buffer<E>>& tensor) {
  return tensor == nullptr ? 0 : largest(tensor->data(), tensor->size());
}

template <class S>
struct Pair {
  Network<S> device, cpu;

  Pair(Shape shape, Options options)
      : device(shape, on(LNRNN_DEVICE_CUDA, options)), cpu(shape, on(LNRNN_DEVICE_CPU, options)) {}

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
  void compare_outputs(double bound = kBound<S>) const {
    const double kind = std::fmax(largest(cpu.y), std::fmax(largest(cpu.hn), largest(cpu.cn)));
    compare("y", device.y, cpu.y, kind, bound);
    compare("hn", device.hn, cpu.hn, kind, bound);
    compare("cn", device.cn, cpu.cn, kind, bound);
  }
  // Tensor by tensor.
  void compare_gradients(double bound = kGradients<S> * kBound<S>) const {
    double kind = std::fmax(largest(cpu.dx), std::fmax(largest(cpu.dh0), largest(cpu.dc0)));
    const auto parameters = cpu.descriptions();
    for (const lnrnnParameter_t& p : parameters) {
      kind = std::fmax(kind, largest(cpu.gradient(p), static_cast<size_t>(p.elements)));
    }
    for (const lnrnnParameter_t& p : parameters) {
      compare(p.name, device.gradient(p), cpu.gradient(p), static_cast<size_t>(p.elements), kind,
              bound);
    }
    compare("dx", device.dx, cpu.dx, kind, bound);
    compare("dh0", device.dh0, cpu.dh0, kind, bound);
    compare("dc0", device.dc0, cpu.dc0, kind, bound);
  }
};

template <class E>
bool same(const std::unique_ptr<Buffer<E>>& a, const std::unique_ptr<Buffer<E>>& b) {
  return a == nullptr || std::memcmp(a->data(), b->data(), a->bytes()) == 0;
}

// To the bit.
template <class S>
bool same_results(const Network<S>& a, const Network<S>& b) {
  return same(a.y, b.y) && same(a.hn, b.hn) && same(a.cn, b.cn) && same(a.gradients, b.gradients) &&
         same(a.dx, b.dx) && same(a.dh0, b.dh0) && same(a.dc0, b.dc0);
}

}  // namespace device_pair

// sigmoid and tanh of every instruction set: within 2 ulp of the exact value, over all magnitudes.
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <vector>

#include "check.h"
#include "cpu/machine/isa.h"

using lnrnn::cpu::Kernels;

template <class T>
struct Wider;
template <>
struct Wider<float> {
  using Type = double;
  using Bits = uint32_t;
  static constexpr Bits kInfinity = 0x7F800000;
};
template <>
struct Wider<double> {
  using Type = long double;
  using Bits = uint64_t;
  static constexpr Bits kInfinity = 0x7FF0000000000000;
};

template <class T>
static typename Wider<T>::Type exact_sigmoid(T x) {
  const typename Wider<T>::Type e = std::exp(-std::fabs(typename Wider<T>::Type(x)));
  return x < 0 ? e / (1 + e) : 1 / (1 + e);
}

template <class T>
static double ulps(T got, typename Wider<T>::Type exact) {
  const T rounded = static_cast<T>(exact);
  const T spacing =
      std::nextafter(std::fabs(rounded), std::numeric_limits<T>::infinity()) - std::fabs(rounded);
  return static_cast<double>(std::fabs((typename Wider<T>::Type(got) - exact) / spacing));
}

// Evenly over the bit patterns: as many values in every binade, of both signs.
template <class T>
static std::vector<T> stratified(size_t n) {
  using Bits = typename Wider<T>::Bits;
  std::vector<T> x(n);
  for (size_t i = 0; i < n; ++i) {
    const double position = (static_cast<double>(i / 2) + 0.5) / static_cast<double>(n / 2);
    Bits bits = static_cast<Bits>(position * static_cast<double>(Wider<T>::kInfinity));
    if (i % 2 == 1) bits |= Bits{1} << (8 * sizeof(T) - 1);
    std::memcpy(&x[i], &bits, sizeof(T));
  }
  return x;
}

template <class T>
static void sweep(const char* isa, const char* type, const Kernels<T>& kernels, size_t n) {
  const std::vector<T> x = stratified<T>(n);
  std::vector<T> y(n);
  double worst_sigmoid = 0, worst_tanh = 0;
  kernels.sigmoid(x.data(), y.data(), static_cast<int64_t>(n));
  for (size_t i = 0; i < n; ++i) {
    worst_sigmoid = std::fmax(worst_sigmoid, ulps(y[i], exact_sigmoid(x[i])));
  }
  kernels.tanh(x.data(), y.data(), static_cast<int64_t>(n));
  for (size_t i = 0; i < n; ++i) {
    worst_tanh = std::fmax(worst_tanh, ulps(y[i], std::tanh(typename Wider<T>::Type(x[i]))));
  }
  std::printf("%s %s: sigmoid %.3f ulp, tanh %.3f ulp\n", isa, type, worst_sigmoid, worst_tanh);
  CHECK(worst_sigmoid <= 2);
  CHECK(worst_tanh <= 2);

  const T infinity = std::numeric_limits<T>::infinity(), nan = std::numeric_limits<T>::quiet_NaN();
  const T special[] = {infinity, -infinity, nan, T(0), T(-0.0), T(100), T(-100)};
  T s[7], t[7];
  kernels.sigmoid(special, s, 7);
  kernels.tanh(special, t, 7);
  CHECK(s[0] == 1 && s[1] == 0 && std::isnan(s[2]) && s[3] == T(0.5) && s[4] == T(0.5));
  CHECK(t[0] == 1 && t[1] == -1 && std::isnan(t[2]) && t[3] == 0 && t[4] == 0);
  CHECK(!std::signbit(t[3]) && std::signbit(t[4]));
  CHECK(s[5] == 1 && s[6] > 0 && s[6] < T(1e-43) && t[5] == 1 && t[6] == -1);
}

// activation_test [float values]
int main(int argc, char** argv) {
  const size_t values = argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 2000000;
  for (const lnrnn::cpu::Isa* const* isa = lnrnn::cpu::available_isas(); *isa != nullptr; ++isa) {
    const std::string name = (*isa)->name;
    check::run(name + " f32", [&] { sweep<float>((*isa)->name, "f32", (*isa)->f32, values); });
    check::run(name + " f64", [&] { sweep<double>((*isa)->name, "f64", (*isa)->f64, values / 5); });
  }
  return check::summary();
}

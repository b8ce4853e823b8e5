// The 16-bit types: every number of theirs survives the way to float and back, and what lies between
// two of them is rounded to the nearest, ties to even.
#include "cell/half.h"

#include <cmath>

#include "check.h"

using lnrnn::Bf16;
using lnrnn::F16;
using lnrnn::narrow;
using lnrnn::widen;

namespace {

// By definition, from exponent and fraction.
double value_of(F16 half) {
  const int exponent = half.bits >> 10 & 31, fraction = half.bits & 1023;
  const double magnitude =
      exponent == 0 ? std::ldexp(fraction, -24) : std::ldexp(1024 + fraction, exponent - 25);
  return (half.bits & 0x8000) != 0 ? -magnitude : magnitude;
}
double value_of(Bf16 half) {
  const int exponent = half.bits >> 7 & 255, fraction = half.bits & 127;
  const double magnitude =
      exponent == 0 ? std::ldexp(fraction, -133) : std::ldexp(128 + fraction, exponent - 134);
  return (half.bits & 0x8000) != 0 ? -magnitude : magnitude;
}

// infinity: its bits, which are beyond all finite numbers'.
template <class S>
void test(uint16_t infinity) {
  for (uint32_t bits = 0; bits <= 0xFFFF; ++bits) {
    const S half{static_cast<uint16_t>(bits)};
    const float wide = widen(half);
    if ((bits & 0x7FFF) > infinity) {
      CHECK(std::isnan(wide) && std::isnan(widen(narrow<S>(wide))));
      continue;
    }
    CHECK(narrow<S>(wide).bits == bits);
    if ((bits & 0x7FFF) == infinity) {
      CHECK(std::isinf(wide) && std::signbit(wide) == (bits > 0x7FFF));
      continue;
    }
    CHECK(static_cast<double>(wide) == value_of(half) && std::signbit(wide) == (bits > 0x7FFF));

    // The next number away from 0; the largest one's would be where infinity stands.
    const S next{static_cast<uint16_t>(bits + 1)};
    const auto middle = static_cast<float>((value_of(half) + value_of(next)) / 2);
    const uint32_t even = bits % 2 == 0 ? bits : bits + 1;
    CHECK(narrow<S>(middle).bits == even);
    CHECK(narrow<S>(std::nextafter(middle, 0.0f)).bits == bits);
    const float beyond = std::nextafter(middle, bits > 0x7FFF ? -INFINITY : INFINITY);
    CHECK(narrow<S>(beyond).bits == bits + 1);
  }
}

}  // namespace

int main() {
  RUN(test<F16>(0x7C00));
  RUN(test<Bf16>(0x7F80));
  CHECK(narrow<F16>(1e30f).bits == 0x7C00 && narrow<F16>(-1e30f).bits == 0xFC00);
  CHECK(narrow<F16>(1e-30f).bits == 0 && narrow<F16>(-1e-30f).bits == 0x8000);
  return check::summary();
}

// exp, sigmoid and tanh for SIMD vectors, within 2 ulp over all inputs; NaN stays NaN.
//
// Both rest on exp(x) = 2^n (1 + p) with n = round(x / ln 2) and p = expm1(r), r = x - n ln 2,
// |r| <= ln(2)/2, where a Taylor polynomial (coefficients 1/k!) reaches rounding error:
//   sigmoid(x) = (x < 0 ? e : 1) / (1 + e),  e = exp(-|x|): never overflows, keeps the tiny tail,
//     and for x < -1 once more, sigmoid(x) = e - e sigmoid(x), where e is nearly all of it and the fraction's
//     rounding errors count as little as its part does;
//   tanh(|x|) = m / (m + 2),  m = expm1(2|x|) = 2^n p + (2^n - 1);
// and, where m / (m + 2) would round too often, tanh(x) = x - x q, with the small q from Lambert's
// continued fraction tanh(x) = x / (1 + w / (3 + w / (5 + w / (7 + ...)))), w = x x, cut off where
// it reaches rounding error and multiplied out: q = w D(w) / E(w).
#pragma once

#include "simd.h"

namespace lnrnn::cpu::LNRNN_ISA {

template <class T>
struct ExpConstants;

template <>
struct ExpConstants<float> {
  static constexpr int kMantissaBits = 23;
  static constexpr int32_t kOne = 0x3F800000;        // the bits of 1.0f
  static constexpr float kMagic = 0x1.8p23f;         // adding it rounds to an integer
  static constexpr float kLn2High = 0x1.63p-1f;      // 9 bits: n kLn2High is exact
  static constexpr float kLn2Low = -0x1.bd0106p-13f; // ln 2 - kLn2High
  static constexpr float kExpLimit = 104;            // exp(-104) rounds to 0
  static constexpr float kTanhLimit = 20;            // tanh(10) rounds to 1
  static constexpr float kLambertD[] = {35, 1};  // down to 5 + w / 7
  static constexpr float kLambertE[] = {105, 45, 1};
  static constexpr float kInverseFactorial[] = {1.f / 2,   1.f / 6,   1.f / 24,
                                                1.f / 120, 1.f / 720, 1.f / 5040};
};

template <>
struct ExpConstants<double> {
  static constexpr int kMantissaBits = 52;
  static constexpr int64_t kOne = 0x3FF0000000000000;
  static constexpr double kMagic = 0x1.8p52;
  static constexpr double kLn2High = 0x1.62e42feep-1;  // 32 bits
  static constexpr double kLn2Low = 0x1.a39ef35793c76p-33;
  static constexpr double kExpLimit = 746;
  static constexpr double kTanhLimit = 40;
  static constexpr double kLambertD[] = {45045, 2772, 27};  // down to 11 + w / 13
  static constexpr double kLambertE[] = {135135, 62370, 3150, 28};
  static constexpr double kInverseFactorial[] = {
      1. / 2,      1. / 6,       1. / 24,       1. / 120,       1. / 720,       1. / 5040,
      1. / 40320,  1. / 362880,  1. / 3628800,  1. / 39916800,  1. / 479001600, 1. / 6227020800};
};

template <class T, int N>
LNRNN_SIMD Vec<T> polynomial(const T (&coefficients)[N], Vec<T> x) {
  Vec<T> sum(coefficients[N - 1]);
  for (int k = N - 2; k >= 0; --k) sum = fma(sum, x, Vec<T>(coefficients[k]));
  return sum;
}

template <class T>
struct ExpParts {
  Vec<T> p;                     // expm1(r)
  typename Vec<T>::Bits shifted_n;  // n in the exponent's place
};

template <class T>
LNRNN_SIMD ExpParts<T> exp_parts(Vec<T> x) {
  using K = ExpConstants<T>;
  const Vec<T> magic(K::kMagic);
  const Vec<T> rounded = fma(x, Vec<T>(T(1.4426950408889634074)), magic);
  const Vec<T> n = rounded - magic;
  Vec<T> r = fma(n, Vec<T>(-K::kLn2High), x);
  r = fma(n, Vec<T>(-K::kLn2Low), r);

  const Vec<T> q = polynomial(K::kInverseFactorial, r);
  return {fma(r * r, q, r), bits(rounded) << K::kMantissaBits};
}

// exp(x) for x <= 0. The scale is applied in two factors, so that results may be subnormal.
template <class T>
LNRNN_SIMD Vec<T> exp_nonpositive(Vec<T> minus_x) {
  using K = ExpConstants<T>;
  const Vec<T> bounded = at_most(minus_x, Vec<T>(K::kExpLimit));
  const ExpParts<T> e = exp_parts<T>(Vec<T>(T(0)) - bounded);
  constexpr int kShift = K::kMantissaBits + 10;  // keeps the first factor normal
  constexpr auto kLift = decltype(K::kOne){kShift} << K::kMantissaBits;
  const Vec<T> scale = from_bits<T>(e.shifted_n + (K::kOne + kLift));
  const Vec<T> lower = from_bits<T>(typename Vec<T>::Bits{} + (K::kOne - kLift));
  return fma(scale, e.p, scale) * lower;
}

template <class T>
LNRNN_SIMD typename Vec<T>::Bits sign_mask() {
  return bits(Vec<T>(T(-0.0)));
}

template <class T>
LNRNN_SIMD Vec<T> sigmoid(Vec<T> x) {
  const Vec<T> e = exp_nonpositive(from_bits<T>(bits(x) & ~sign_mask<T>()));
  const Vec<T> one(T(1));
  const Vec<T> numerator = bits(x) < 0 ? e.v : one.v;
  const Vec<T> quotient = numerator / (one + e);
  return x.v < Vec<T>(T(-1)).v ? fma(Vec<T>(T(0)) - e, quotient, e).v : quotient.v;
}

template <class T>
LNRNN_SIMD Vec<T> tanh(Vec<T> x) {
  using K = ExpConstants<T>;
  const typename Vec<T>::Bits sign = bits(x) & sign_mask<T>();
  const Vec<T> magnitude = from_bits<T>(bits(x) & ~sign_mask<T>());
  const ExpParts<T> e = exp_parts<T>(at_most(magnitude + magnitude, Vec<T>(K::kTanhLimit)));
  const Vec<T> scale = from_bits<T>(e.shifted_n + K::kOne);
  const Vec<T> m = fma(scale, e.p, scale - Vec<T>(T(1)));

  const auto small = magnitude.v < Vec<T>(T(0.35)).v;
  const Vec<T> w = magnitude * magnitude;
  const Vec<T> quotient = select(small, w * polynomial(K::kLambertD, w), m) /
                          select(small, polynomial(K::kLambertE, w), m + Vec<T>(T(2)));
  const Vec<T> result = select(small, magnitude - magnitude * quotient, quotient);
  return from_bits<T>(bits(result) | sign);
}

}  // namespace lnrnn::cpu::LNRNN_ISA

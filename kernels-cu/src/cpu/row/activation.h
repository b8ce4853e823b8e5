// sigmoid and tanh for SIMD vectors, within 2 ulp over all inputs; NaN stays NaN.
//
// Many units are computed at once, but each is one chain of dependent operations, longer than what a
// processor looks ahead: what counts is that the chains are short.
//
// Both rest on exp(x) = 2^n (1 + p) with n = round(x / ln 2) and p = expm1(r), r = x - n ln 2,
// |r| <= ln(2)/2, where p is r + r^2 times a minimax polynomial of r (Remez exchange):
//   sigmoid(x) = s / (s + s 2^n (1 + p)) with exp(-x); s keeps all of it normal but a tiny result;
//   tanh(|x|) = 1 - 2 / (1 + 2^n (1 + p)) with exp(2|x|), and below 0.55, where the difference
//     would lose digits, x + x w P(w), w = x^2, with a minimax P.
// A denominator is rounded once, because 1 + 2^n is exact wherever it matters, but for one n of the
// sigmoid: 1 + 2^24 is a tie, and would lose all of the 1. So s is 1.75 times a power of two: of
// 1.75 + 1.75 2^n little is lost for any n.
#pragma once

#include "cpu/machine/simd.h"

namespace lnrnn::cpu::LNRNN_ISA {

template <class T>
struct ActivationConstants;

template <>
struct ActivationConstants<float> {
  static constexpr int kMantissaBits = 23;
  static constexpr int kExponentBias = 127;
  static constexpr float kMagic = 0x1.8p23f;          // adding it rounds to an integer
  static constexpr float kLn2High = 0x1.63p-1f;       // 9 bits: n kLn2High is exact
  static constexpr float kLn2Low = -0x1.bd0106p-13f;  // ln 2 - kLn2High
  static constexpr float kSigmoidLow = -104;          // sigmoid rounds to 0
  static constexpr float kSigmoidHigh = 30;           // sigmoid rounds to 1
  static constexpr float kTanhHigh = 10;              // tanh rounds to 1
  // Of (expm1(r) - r) / r^2: p is wrong by less than 3.2e-9.
  static constexpr float kExp[] = {0.5000000096f, 0.1666651771f, 0.0416662023f, 0.0083690248f,
                                   0.0013950727f};
  // Of (tanh(x) / x - 1) / w, below 0.55: tanh is wrong by less than 1e-9 of itself.
  static constexpr float kTanh[] = {-0.33333318046f, 0.13332601686f, -0.05385385799f,
                                    0.02107775851f, -0.00628247348f};
};

template <>
struct ActivationConstants<double> {
  static constexpr int kMantissaBits = 52;
  static constexpr int kExponentBias = 1023;
  static constexpr double kMagic = 0x1.8p52;
  static constexpr double kLn2High = 0x1.62e42feep-1;  // 32 bits
  static constexpr double kLn2Low = 0x1.a39ef35793c76p-33;
  static constexpr double kSigmoidLow = -746;
  static constexpr double kSigmoidHigh = 40;
  static constexpr double kTanhHigh = 20;
  // The same, by less than 6.5e-18.
  static constexpr double kExp[] = {0.50000000000000104205,   0.1666666666666667468,
                                    0.041666666666519776124,  0.0083333333333220369961,
                                    0.0013888888948496266038, 0.00019841269887110347591,
                                    2.4801486563471478253e-5, 2.7557241750305072834e-6,
                                    2.76329426414828635e-7,   2.5110270500686869897e-8};
  // The same, by less than 5.5e-19 of itself.
  static constexpr double kTanh[] = {-0.33333333333333299737,   0.13333333333326832998,
                                     -0.053968253963878544936,  0.021869488389101576445,
                                     -0.0088632326527650861029, 0.0035920925323504745639,
                                     -0.0014555459831218866405, 5.8845704609477756429e-4,
                                     -2.3341272308742242578e-4, 8.3360064386280126137e-5,
                                     -1.9521026231654752718e-5};
};

template <class T, int N>
LNRNN_SIMD Vec<T> polynomial(const T (&coefficients)[N], Vec<T> x) {
  Vec<T> sum(coefficients[N - 1]);
#pragma GCC unroll 16
  for (int k = N - 2; k >= 0; --k) sum = fma(sum, x, Vec<T>(coefficients[k]));
  return sum;
}

// The same of x2 = x x as well: even and odd powers are two chains, half as long.
template <class T, int N>
LNRNN_SIMD Vec<T> polynomial(const T (&coefficients)[N], Vec<T> x, Vec<T> x2) {
  Vec<T> last(coefficients[N - 1]), other(coefficients[N - 2]);
#pragma GCC unroll 16
  for (int k = N - 3; k >= 0; --k) {
    const Vec<T> next = fma(last, x2, Vec<T>(coefficients[k]));
    last = other;
    other = next;
  }
  return fma(last, x, other);
}

template <class T>
struct ExpParts {
  Vec<T> p;      // expm1(r)
  Vec<T> scale;  // 2^(n + kShift)
};

// Of exp(kFactor x).
template <int kFactor, int kShift, class T>
LNRNN_SIMD ExpParts<T> exp_parts(Vec<T> x) {
  using K = ActivationConstants<T>;
  // Brings n + kShift, biased, to where an exponent is shifted from.
  const Vec<T> magic(K::kMagic + (K::kExponentBias + kShift));
  const Vec<T> rounded = fma(x, Vec<T>(T(kFactor * 1.4426950408889634074)), magic);
  const Vec<T> n = rounded - magic;
  Vec<T> r = fma(n, Vec<T>(-K::kLn2High), x * Vec<T>(T(kFactor)));
  r = fma(n, Vec<T>(-K::kLn2Low), r);
  const Vec<T> r2 = r * r;
  return {fma(r2, polynomial(K::kExp, r, r2), r), from_bits<T>(bits(rounded) << K::kMantissaBits)};
}

template <class T>
LNRNN_SIMD Vec<T> sigmoid(Vec<T> x) {
  using K = ActivationConstants<T>;
  constexpr double kOdd = 1.75;
  const Vec<T> s(T(kOdd * 0x1p-64));
  const Vec<T> bounded = at_least(at_most(x, Vec<T>(K::kSigmoidHigh)), Vec<T>(K::kSigmoidLow));
  const auto e = exp_parts<-1, -64>(bounded);
  const Vec<T> scale = e.scale * Vec<T>(T(kOdd));
  return s / fma(scale, e.p, scale + s);
}

template <class T>
LNRNN_SIMD Vec<T> tanh(Vec<T> x) {
  using K = ActivationConstants<T>;
  const typename Vec<T>::Bits sign_mask = bits(Vec<T>(T(-0.0)));
  const Vec<T> magnitude = at_most(from_bits<T>(bits(x) & ~sign_mask), Vec<T>(K::kTanhHigh));
  const Vec<T> one(T(1));
  const auto e = exp_parts<2, 0>(magnitude);
  const Vec<T> large = one - Vec<T>(T(2)) / fma(e.scale, e.p, e.scale + one);

  const Vec<T> w = magnitude * magnitude;
  const Vec<T> small = fma(magnitude * w, polynomial(K::kTanh, w), magnitude);
  const auto is_small = magnitude.v < Vec<T>(T(0.55)).v;
  return from_bits<T>(bits(select(is_small, small, large)) | (bits(x) & sign_mask));
}

}  // namespace lnrnn::cpu::LNRNN_ISA

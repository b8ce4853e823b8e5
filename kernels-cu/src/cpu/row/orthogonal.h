// What a random orthogonal matrix is computed with, in one instruction set. Products and sums are rounded
// one by one, never fused, and functions are series: so every instruction set gives the same bits.
#pragma once

#include "cpu/machine/simd.h"

namespace lnrnn::cpu::LNRNN_ISA {

using Doubles = Vec<double>;

// Words as numbers in (0, 1).
LNRNN_SIMD Doubles uniform(const uint32_t* words) {
  using Half = uint32_t __attribute__((vector_size(kVectorBytes / 2)));
  Half half;
  std::memcpy(&half, words, sizeof half);
  const Doubles wide = __builtin_convertvector(half, Doubles::Native);
  return (wide + Doubles(0.5)) * Doubles(0x1p-32);
}

// a + b x, rounded twice.
LNRNN_SIMD Doubles plus(Doubles a, Doubles b, Doubles x) { return a + b * x; }

// log of x in (0, 1): of the power of two, and of the rest m, 2 atanh((m - 1) / (m + 1)).
LNRNN_SIMD Doubles log_of_fraction(Doubles x) {
  using Bits = Doubles::Bits;
  constexpr int64_t kHalf = 0x3fe6a09e667f3bcd;  // sqrt(1/2), where m begins
  const Bits exponent = (bits(x) - kHalf) >> 52;
  const Doubles m = from_bits<double>(bits(x) - (exponent << 52));
  const Doubles s = (m - Doubles(1)) / (m + Doubles(1)), s2 = s * s;
  Doubles sum(1.0 / 23);
  for (int k = 21; k > 0; k -= 2) sum = plus(Doubles(1.0 / k), sum, s2);
  const Doubles power = __builtin_convertvector(exponent, Doubles::Native);
  return plus(Doubles(2) * s * sum, power, Doubles(0.693147180559945309417));
}

// Cosine and sine of 2 pi x, x in (0, 1): Taylor's series of what a multiple of a quarter leaves over.
LNRNN_SIMD void cosine_and_sine(Doubles x, Doubles* cosine, Doubles* sine) {
  using Bits = Doubles::Bits;
  const Doubles to_integer(0x1.8p52);
  const Doubles shifted = Doubles(4) * x + to_integer;
  const Doubles angle =
      (x - (shifted - to_integer) * Doubles(0.25)) * Doubles(6.28318530717958647693);
  const Doubles square = angle * angle;
  Doubles c(1), s(1);
  for (int k = 16; k > 0; k -= 2) {
    c = Doubles(1) - square * Doubles(1.0 / (k * (k - 1))) * c;
    s = Doubles(1) - square * Doubles(1.0 / (k * (k + 1))) * s;
  }
  s = s * angle;
  const Bits quarter = bits(shifted);
  const Bits odd = (Bits)((quarter & 1) != 0), upper = (Bits)((quarter & 2) != 0);
  const Doubles zero(0);
  const Doubles turned_c = select(odd, zero - s, c), turned_s = select(odd, c, s);
  *cosine = select(upper, zero - turned_c, turned_c);
  *sine = select(upper, zero - turned_s, turned_s);
}

LNRNN_SIMD Doubles square_roots(Doubles x) {
  for (int j = 0; j < Doubles::kWidth; ++j) x.v[j] = __builtin_sqrt(x.v[j]);
  return x;
}

// Normally distributed numbers from words (Box & Muller 1958), 16 from 16: 8 radii and 8 angles.
//   n   a multiple of 16
static void normals(const uint32_t* words, int64_t n, double* out) {
  constexpr int64_t kPairs = 8;
  for (int64_t i = 0; i < n; i += 2 * kPairs) {
    for (int64_t j = i; j < i + kPairs; j += Doubles::kWidth) {
      const Doubles radius = square_roots(Doubles(-2) * log_of_fraction(uniform(words + j)));
      Doubles cosine, sine;
      cosine_and_sine(uniform(words + j + kPairs), &cosine, &sine);
      store(out + j, radius * cosine);
      store(out + j + kPairs, radius * sine);
    }
  }
}

template <int kRows>
static void add_plain_rows(const PlainProduct& p, int64_t row, int64_t column) {
  Doubles sums[kRows][2];
  double* const out = p.c + row * p.c_stride + column;
  const double* const a = p.a + row * p.a_stride;
#pragma GCC unroll 4
  for (int r = 0; r < kRows; ++r) {
    for (int half = 0; half < 2; ++half) {
      sums[r][half] = load(out + r * p.c_stride + half * Doubles::kWidth);
    }
  }
  for (int64_t k = 0; k < p.depth; ++k) {
    const double* const b = p.b + k * p.b_stride + column;
    const Doubles b0 = load(b), b1 = load(b + Doubles::kWidth);
#pragma GCC unroll 4
    for (int r = 0; r < kRows; ++r) {
      const Doubles factor(a[r * p.a_stride + k]);
      sums[r][0] = plus(sums[r][0], factor, b0);
      sums[r][1] = plus(sums[r][1], factor, b1);
    }
  }
#pragma GCC unroll 4
  for (int r = 0; r < kRows; ++r) {
    for (int half = 0; half < 2; ++half) {
      store(out + r * p.c_stride + half * Doubles::kWidth, sums[r][half]);
    }
  }
}

static void add_plain(const PlainProduct& p) {
  constexpr int kRows = 4;
  for (int64_t column = 0; column < p.columns; column += 2 * Doubles::kWidth) {
    int64_t row = 0;
    for (; row + kRows <= p.rows; row += kRows) add_plain_rows<kRows>(p, row, column);
    for (; row < p.rows; ++row) add_plain_rows<1>(p, row, column);
  }
}

}  // namespace lnrnn::cpu::LNRNN_ISA

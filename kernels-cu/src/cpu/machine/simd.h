// A SIMD vector of the instruction set that the including file is compiled for. What is ISA-specific
// stands between #ifs: fused multiply-add, broadcast, minimum and maximum, and moves of a part of a
// vector; the rest is the compiler's vector extension. Included only by isa_*.cpp (through isa_table.h),
// inside its ISA's namespace.
#pragma once

#include <cstdint>
#include <cstring>
#include <limits>

#include "cell/half.h"
#include "cell/scalar.h"

#if defined(__AVX512F__) || defined(__AVX2__)
#include <immintrin.h>
#elif defined(__ARM_NEON)
#include <arm_neon.h>
#elif defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace lnrnn::cpu::LNRNN_ISA {

#if defined(__AVX512F__)
constexpr int kVectorBytes = 64;
constexpr int kVectorRegisters = 32;
#elif defined(__AVX2__)
constexpr int kVectorBytes = 32;
constexpr int kVectorRegisters = 16;
#elif defined(__ARM_NEON)
constexpr int kVectorBytes = 16;
constexpr int kVectorRegisters = 32;
#else
constexpr int kVectorBytes = 16;
constexpr int kVectorRegisters = 16;
#endif

template <class T>
struct VecTypes;
template <>
struct VecTypes<float> {
  using Native = float __attribute__((vector_size(kVectorBytes)));
  using Bits = int32_t __attribute__((vector_size(kVectorBytes)));
  using Bytes = uint8_t __attribute__((vector_size(kVectorBytes / sizeof(float))));
  using Four = float __attribute__((vector_size(4 * sizeof(float))));
};
template <>
struct VecTypes<double> {
  using Native = double __attribute__((vector_size(kVectorBytes)));
  using Bits = int64_t __attribute__((vector_size(kVectorBytes)));
  using Bytes = uint8_t __attribute__((vector_size(kVectorBytes / sizeof(double))));
  using Four = double __attribute__((vector_size(4 * sizeof(double))));
};

// A name, for clang-format takes no lambda with an attribute for one.
#define LNRNN_INLINE __attribute__((always_inline))
#define LNRNN_SIMD static inline LNRNN_INLINE

// Of the minimum and the maximum the second operand may be NaN, and is the result then. (The masks of
// all lanes keep a warning off, about what GCC 12's header leaves undefined.)
#if defined(__AVX512F__)
LNRNN_SIMD VecTypes<float>::Native fma_native(__m512 a, __m512 b, __m512 c) {
  return _mm512_fmadd_ps(a, b, c);
}
LNRNN_SIMD VecTypes<double>::Native fma_native(__m512d a, __m512d b, __m512d c) {
  return _mm512_fmadd_pd(a, b, c);
}
LNRNN_SIMD VecTypes<float>::Native broadcast_native(float s) { return _mm512_set1_ps(s); }
LNRNN_SIMD VecTypes<double>::Native broadcast_native(double s) { return _mm512_set1_pd(s); }
LNRNN_SIMD VecTypes<float>::Native min_native(__m512 a, __m512 b) {
  return _mm512_maskz_min_ps(0xFFFF, a, b);
}
LNRNN_SIMD VecTypes<double>::Native min_native(__m512d a, __m512d b) {
  return _mm512_maskz_min_pd(0xFF, a, b);
}
LNRNN_SIMD VecTypes<float>::Native max_native(__m512 a, __m512 b) {
  return _mm512_maskz_max_ps(0xFFFF, a, b);
}
LNRNN_SIMD VecTypes<double>::Native max_native(__m512d a, __m512d b) {
  return _mm512_maskz_max_pd(0xFF, a, b);
}
#elif defined(__AVX2__)
LNRNN_SIMD VecTypes<float>::Native fma_native(__m256 a, __m256 b, __m256 c) {
  return _mm256_fmadd_ps(a, b, c);
}
LNRNN_SIMD VecTypes<double>::Native fma_native(__m256d a, __m256d b, __m256d c) {
  return _mm256_fmadd_pd(a, b, c);
}
LNRNN_SIMD VecTypes<float>::Native broadcast_native(float s) { return _mm256_set1_ps(s); }
LNRNN_SIMD VecTypes<double>::Native broadcast_native(double s) { return _mm256_set1_pd(s); }
LNRNN_SIMD VecTypes<float>::Native min_native(__m256 a, __m256 b) { return _mm256_min_ps(a, b); }
LNRNN_SIMD VecTypes<double>::Native min_native(__m256d a, __m256d b) { return _mm256_min_pd(a, b); }
LNRNN_SIMD VecTypes<float>::Native max_native(__m256 a, __m256 b) { return _mm256_max_ps(a, b); }
LNRNN_SIMD VecTypes<double>::Native max_native(__m256d a, __m256d b) { return _mm256_max_pd(a, b); }
#elif defined(__ARM_NEON)
LNRNN_SIMD VecTypes<float>::Native fma_native(float32x4_t a, float32x4_t b, float32x4_t c) {
  return vfmaq_f32(c, a, b);
}
LNRNN_SIMD VecTypes<double>::Native fma_native(float64x2_t a, float64x2_t b, float64x2_t c) {
  return vfmaq_f64(c, a, b);
}
LNRNN_SIMD VecTypes<float>::Native broadcast_native(float s) { return vdupq_n_f32(s); }
LNRNN_SIMD VecTypes<double>::Native broadcast_native(double s) { return vdupq_n_f64(s); }
LNRNN_SIMD VecTypes<float>::Native min_native(float32x4_t a, float32x4_t b) {
  return vminq_f32(a, b);
}
LNRNN_SIMD VecTypes<double>::Native min_native(float64x2_t a, float64x2_t b) {
  return vminq_f64(a, b);
}
LNRNN_SIMD VecTypes<float>::Native max_native(float32x4_t a, float32x4_t b) {
  return vmaxq_f32(a, b);
}
LNRNN_SIMD VecTypes<double>::Native max_native(float64x2_t a, float64x2_t b) {
  return vmaxq_f64(a, b);
}
#else
// No fused multiply-add: two roundings, still within every bound.
template <class N>
LNRNN_SIMD N fma_native(N a, N b, N c) {
  return a * b + c;
}
LNRNN_SIMD VecTypes<float>::Native broadcast_native(float s) {
  return VecTypes<float>::Native{s, s, s, s};
}
LNRNN_SIMD VecTypes<double>::Native broadcast_native(double s) {
  return VecTypes<double>::Native{s, s};
}
template <class N>
LNRNN_SIMD N min_native(N a, N b) {
  return a < b ? a : b;
}
template <class N>
LNRNN_SIMD N max_native(N a, N b) {
  return a > b ? a : b;
}
#endif

template <class T>
struct Vec {
  using Native = typename VecTypes<T>::Native;
  using Bits = typename VecTypes<T>::Bits;
  static constexpr int kWidth = kVectorBytes / static_cast<int>(sizeof(T));

  Native v;

  Vec() = default;
  LNRNN_INLINE Vec(Native native) : v(native) {}
  LNRNN_INLINE explicit Vec(T scalar) : v(broadcast_native(scalar)) {}
};

template <class T>
LNRNN_SIMD Vec<T> operator+(Vec<T> a, Vec<T> b) {
  return a.v + b.v;
}
template <class T>
LNRNN_SIMD Vec<T> operator-(Vec<T> a, Vec<T> b) {
  return a.v - b.v;
}
template <class T>
LNRNN_SIMD Vec<T> operator*(Vec<T> a, Vec<T> b) {
  return a.v * b.v;
}
template <class T>
LNRNN_SIMD Vec<T> operator/(Vec<T> a, Vec<T> b) {
  return a.v / b.v;
}
template <class T>
LNRNN_SIMD Vec<T> fma(Vec<T> a, Vec<T> b, Vec<T> c) {
  return fma_native(a.v, b.v, c.v);
}

template <class T>
LNRNN_SIMD typename Vec<T>::Bits bits(Vec<T> a) {
  return (typename Vec<T>::Bits)a.v;
}
template <class T>
LNRNN_SIMD Vec<T> from_bits(typename Vec<T>::Bits a) {
  return (typename Vec<T>::Native)a;
}

// x, but limit where x is more, or less; NaN stays NaN.
template <class T>
LNRNN_SIMD Vec<T> at_most(Vec<T> x, Vec<T> limit) {
  return min_native(limit.v, x.v);
}
template <class T>
LNRNN_SIMD Vec<T> at_least(Vec<T> x, Vec<T> limit) {
  return max_native(limit.v, x.v);
}

template <class T>
LNRNN_SIMD Vec<T> select(typename Vec<T>::Bits mask, Vec<T> a, Vec<T> b) {
  return mask ? a.v : b.v;
}

// value, or 0 where d is 0, whatever value is: 0 times NaN is NaN.
using lnrnn::unless_zero;
template <class T>
LNRNN_SIMD Vec<T> unless_zero(Vec<T> d, Vec<T> value) {
  return from_bits<T>(bits(value) & (typename Vec<T>::Bits)(d.v != Vec<T>(T(0)).v));
}

// value where |x| <= limit, else NaN.
template <class T>
LNRNN_SIMD Vec<T> within(Vec<T> x, Vec<T> limit, Vec<T> value) {
  const auto inside = (typename Vec<T>::Bits)((x.v <= limit.v) & (-limit.v <= x.v));
  return select(inside, value, Vec<T>(std::numeric_limits<T>::quiet_NaN()));
}

// x, but limit where it is more, and -limit where it is less; NaN stays NaN.
template <class T>
LNRNN_SIMD Vec<T> limited(Vec<T> x, Vec<T> limit) {
  return at_least(at_most(x, limit), Vec<T>(-limit.v));
}

// value, or 0 where |x| is more than limit.
template <class T>
LNRNN_SIMD Vec<T> unless_beyond(Vec<T> x, Vec<T> limit, Vec<T> value) {
  const auto beyond = (typename Vec<T>::Bits)((x.v > limit.v) | (x.v < -limit.v));
  return from_bits<T>(bits(value) & ~beyond);
}

template <class T>
LNRNN_SIMD Vec<T> load(const T* p) {
  Vec<T> a;
  std::memcpy(&a.v, p, sizeof a.v);
  return a;
}
template <class T>
LNRNN_SIMD void store(T* p, Vec<T> a) {
  std::memcpy(p, &a.v, sizeof a.v);
}

// A vector of binary16 numbers.
LNRNN_SIMD Vec<float> load(const F16* p) {
#if defined(__AVX512F__)
  return _mm512_maskz_cvtph_ps(0xFFFF, _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)));
#elif defined(__AVX2__)
  return _mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)));
#elif defined(__ARM_NEON)
  return vcvt_f32_f16(vreinterpret_f16_u16(vld1_u16(&p->bits)));
#else
  // The exponent's bias is made up for by a multiplication, which also normalises what was subnormal.
  using Bits = Vec<float>::Bits;
  const Bits all = Bits{p[0].bits, p[1].bits, p[2].bits, p[3].bits};
  const Bits magnitude = (all & 0x7fff) << 13;
  const Bits finite = bits(from_bits<float>(magnitude) * Vec<float>(0x1p112f));
  const Bits is_special = magnitude >= 0x7c00 << 13;
  return from_bits<float>((all & 0x8000) << 16 | (is_special ? magnitude | 0x7f800000 : finite));
#endif
}

// Two vectors of a panel's row; see stored_column.
template <class P>
LNRNN_SIMD void load_pair(const P* p, Vec<accumulation_t<P>>* pair) {
  pair[0] = load(p);
  pair[1] = load(p + Vec<accumulation_t<P>>::kWidth);
}
LNRNN_SIMD void load_pair(const Bf16* p, Vec<float>* pair) {
  Vec<float>::Bits both;
  std::memcpy(&both, p, sizeof both);
  pair[0] = from_bits<float>(both << 16);
  pair[1] = from_bits<float>(both & static_cast<int32_t>(0xFFFF0000));
}

// The first count lanes from memory, the others fill. Written out per instruction set, because lanes
// beyond count may be beyond the end of memory: masked moves do not touch those, while what GCC 12
// makes of a loop can (it merges an extract with a masked store, which then faults).
#if defined(__AVX512F__)
LNRNN_SIMD Vec<float> load_partial(const float* p, int count, float fill) {
  return _mm512_mask_loadu_ps(broadcast_native(fill), static_cast<__mmask16>((1u << count) - 1), p);
}
LNRNN_SIMD Vec<double> load_partial(const double* p, int count, double fill) {
  return _mm512_mask_loadu_pd(broadcast_native(fill), static_cast<__mmask8>((1u << count) - 1), p);
}
LNRNN_SIMD void store_partial(float* p, Vec<float> a, int count) {
  _mm512_mask_storeu_ps(p, static_cast<__mmask16>((1u << count) - 1), a.v);
}
LNRNN_SIMD void store_partial(double* p, Vec<double> a, int count) {
  _mm512_mask_storeu_pd(p, static_cast<__mmask8>((1u << count) - 1), a.v);
}
#elif defined(__AVX2__)
LNRNN_SIMD __m256i first_lanes(float, int count) {
  return _mm256_cmpgt_epi32(_mm256_set1_epi32(count), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}
LNRNN_SIMD __m256i first_lanes(double, int count) {
  return _mm256_cmpgt_epi64(_mm256_set1_epi64x(count), _mm256_setr_epi64x(0, 1, 2, 3));
}
LNRNN_SIMD Vec<float> load_partial(const float* p, int count, float fill) {
  const __m256i mask = first_lanes(fill, count);
  return _mm256_blendv_ps(broadcast_native(fill), _mm256_maskload_ps(p, mask), (__m256)mask);
}
LNRNN_SIMD Vec<double> load_partial(const double* p, int count, double fill) {
  const __m256i mask = first_lanes(fill, count);
  return _mm256_blendv_pd(broadcast_native(fill), _mm256_maskload_pd(p, mask), (__m256d)mask);
}
LNRNN_SIMD void store_partial(float* p, Vec<float> a, int count) {
  _mm256_maskstore_ps(p, first_lanes(0.f, count), a.v);
}
LNRNN_SIMD void store_partial(double* p, Vec<double> a, int count) {
  _mm256_maskstore_pd(p, first_lanes(0., count), a.v);
}
#else
template <class T>
LNRNN_SIMD Vec<T> load_partial(const T* p, int count, T fill) {
  Vec<T> a(fill);
  std::memcpy(&a.v, p, static_cast<size_t>(count) * sizeof(T));
  return a;
}
template <class T>
LNRNN_SIMD void store_partial(T* p, Vec<T> a, int count) {
  std::memcpy(p, &a.v, static_cast<size_t>(count) * sizeof(T));
}
#endif

constexpr int kLineBytes = 64;
// Fetches what kCount vectors from p on will touch, to read or to write it.
template <class T, int kCount, bool kWrite = false>
LNRNN_SIMD void prefetch(const T* p) {
#pragma GCC unroll 16
  for (int byte = 0; byte < kCount * kVectorBytes; byte += kLineBytes) {
    __builtin_prefetch(reinterpret_cast<const char*>(p) + byte, kWrite);
  }
}

// ---- Whole numbers ------------------------------------------------------------------------------

using Ints = uint32_t __attribute__((vector_size(kVectorBytes)));
using Longs = uint64_t __attribute__((vector_size(kVectorBytes)));
constexpr int kLongLanes = kVectorBytes / static_cast<int>(sizeof(uint64_t));

// The lower half of each lane times a number.
LNRNN_SIMD Longs multiply_low_halves(Longs a, uint32_t by) {
#if defined(__AVX512F__)
  return (Longs)_mm512_maskz_mul_epu32(0xFF, (__m512i)a, (__m512i)(Longs{} + by));
#elif defined(__AVX2__)
  return (Longs)_mm256_mul_epu32((__m256i)a, (__m256i)(Longs{} + by));
#elif defined(__ARM_NEON)
  return (Longs)vmull_u32(vmovn_u64((uint64x2_t)a), vdup_n_u32(by));
#elif defined(__SSE2__)
  return (Longs)_mm_mul_epu32((__m128i)a, (__m128i)(Longs{} + by));
#else
  return (a & 0xFFFFFFFFu) * (Longs{} + by);
#endif
}

// Bit j of bits: whether byte j of a vector's bytes is not 0.
LNRNN_SIMD void store_bits(const uint8_t* bytes, uint8_t* bits) {
#if defined(__AVX512F__)
  const __m512i all = _mm512_loadu_si512(bytes);
  const uint64_t packed = _mm512_test_epi8_mask(all, all);
#elif defined(__AVX2__)
  const __m256i all = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(bytes));
  const uint32_t packed =
      ~static_cast<uint32_t>(_mm256_movemask_epi8(_mm256_cmpeq_epi8(all, _mm256_setzero_si256())));
#elif defined(__ARM_NEON)
  const uint8x16_t all = vld1q_u8(bytes),
                   place = vreinterpretq_u8_u64(vdupq_n_u64(0x8040201008040201));
  const uint8x16_t set = vandq_u8(vtstq_u8(all, all), place);
  const uint8_t packed[2] = {vaddv_u8(vget_low_u8(set)), vaddv_u8(vget_high_u8(set))};
#elif defined(__SSE2__)
  const __m128i all = _mm_loadu_si128(reinterpret_cast<const __m128i*>(bytes));
  const uint16_t packed =
      static_cast<uint16_t>(~_mm_movemask_epi8(_mm_cmpeq_epi8(all, _mm_setzero_si128())));
#else
  uint8_t packed[kVectorBytes / 8] = {};
  for (int j = 0; j < kVectorBytes; ++j) packed[j / 8] |= (bytes[j] != 0) << j % 8;
#endif
  std::memcpy(bits, &packed, sizeof packed);
}

// All bits set in the lanes whose bit is set: lane j's is bit first + j of bits, first being a multiple
// of the lanes. Reads no byte beyond that of the last lane but those of a whole vector's bits.
template <class T>
LNRNN_SIMD typename Vec<T>::Bits lanes_of_bits(const uint8_t* bits, int64_t first) {
  using Bits = typename Vec<T>::Bits;
  constexpr int kWidth = Vec<T>::kWidth;
  uint32_t some = bits[first / 8];
  if constexpr (kWidth > 8) some |= uint32_t{bits[first / 8 + 1]} << 8;
  Bits place{};
  for (int j = 0; j < kWidth; ++j) place[j] = 1 << j;
  const Bits all = Bits{} + static_cast<int32_t>(some >> first % 8);
  return (Bits)((all & place) != 0);
}

LNRNN_SIMD float square_root(float x) { return __builtin_sqrtf(x); }
LNRNN_SIMD double square_root(double x) { return __builtin_sqrt(x); }

// Lanes added pairwise, so that the result does not depend on how the compiler orders them.
template <class T>
LNRNN_SIMD T sum(Vec<T> a) {
  T lane[Vec<T>::kWidth];
  store(lane, a);
  for (int half = Vec<T>::kWidth / 2; half > 0; half /= 2) {
    for (int j = 0; j < half; ++j) lane[j] += lane[j + half];
  }
  return lane[0];
}

}  // namespace lnrnn::cpu::LNRNN_ISA

// A SIMD vector of the instruction set that the including file is compiled for. Everything that is
// ISA-specific is in the four functions between the #ifs; the rest is the compiler's vector
// extension. Included only by isa_*.cpp (through kernels.h), inside its ISA's namespace.
#pragma once

#include <cstdint>
#include <cstring>

#if defined(__AVX512F__) || defined(__AVX2__)
#include <immintrin.h>
#endif

namespace lnrnn::cpu::LNRNN_ISA {

#if defined(__AVX512F__)
constexpr int kVectorBytes = 64;
constexpr int kVectorRegisters = 32;
#elif defined(__AVX2__)
constexpr int kVectorBytes = 32;
constexpr int kVectorRegisters = 16;
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
};
template <>
struct VecTypes<double> {
  using Native = double __attribute__((vector_size(kVectorBytes)));
  using Bits = int64_t __attribute__((vector_size(kVectorBytes)));
  using Bytes = uint8_t __attribute__((vector_size(kVectorBytes / sizeof(double))));
};

#define LNRNN_SIMD static inline __attribute__((always_inline))

#if defined(__AVX512F__)
LNRNN_SIMD VecTypes<float>::Native fma_native(__m512 a, __m512 b, __m512 c) {
  return _mm512_fmadd_ps(a, b, c);
}
LNRNN_SIMD VecTypes<double>::Native fma_native(__m512d a, __m512d b, __m512d c) {
  return _mm512_fmadd_pd(a, b, c);
}
LNRNN_SIMD VecTypes<float>::Native broadcast_native(float s) { return _mm512_set1_ps(s); }
LNRNN_SIMD VecTypes<double>::Native broadcast_native(double s) { return _mm512_set1_pd(s); }
#elif defined(__AVX2__)
LNRNN_SIMD VecTypes<float>::Native fma_native(__m256 a, __m256 b, __m256 c) {
  return _mm256_fmadd_ps(a, b, c);
}
LNRNN_SIMD VecTypes<double>::Native fma_native(__m256d a, __m256d b, __m256d c) {
  return _mm256_fmadd_pd(a, b, c);
}
LNRNN_SIMD VecTypes<float>::Native broadcast_native(float s) { return _mm256_set1_ps(s); }
LNRNN_SIMD VecTypes<double>::Native broadcast_native(double s) { return _mm256_set1_pd(s); }
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
#endif

template <class T>
struct Vec {
  using Native = typename VecTypes<T>::Native;
  using Bits = typename VecTypes<T>::Bits;
  static constexpr int kWidth = kVectorBytes / static_cast<int>(sizeof(T));

  Native v;

  Vec() = default;
  __attribute__((always_inline)) Vec(Native native) : v(native) {}
  __attribute__((always_inline)) explicit Vec(T scalar) : v(broadcast_native(scalar)) {}
};

template <class T>
LNRNN_SIMD Vec<T> operator+(Vec<T> a, Vec<T> b) { return a.v + b.v; }
template <class T>
LNRNN_SIMD Vec<T> operator-(Vec<T> a, Vec<T> b) { return a.v - b.v; }
template <class T>
LNRNN_SIMD Vec<T> operator*(Vec<T> a, Vec<T> b) { return a.v * b.v; }
template <class T>
LNRNN_SIMD Vec<T> operator/(Vec<T> a, Vec<T> b) { return a.v / b.v; }
template <class T>
LNRNN_SIMD Vec<T> fma(Vec<T> a, Vec<T> b, Vec<T> c) { return fma_native(a.v, b.v, c.v); }

template <class T>
LNRNN_SIMD typename Vec<T>::Bits bits(Vec<T> a) { return (typename Vec<T>::Bits)a.v; }
template <class T>
LNRNN_SIMD Vec<T> from_bits(typename Vec<T>::Bits a) { return (typename Vec<T>::Native)a; }

// x, but limit where x > limit; NaN stays NaN.
template <class T>
LNRNN_SIMD Vec<T> at_most(Vec<T> x, Vec<T> limit) { return x.v > limit.v ? limit.v : x.v; }

template <class T>
LNRNN_SIMD Vec<T> select(typename Vec<T>::Bits mask, Vec<T> a, Vec<T> b) {
  return mask ? a.v : b.v;
}

template <class T>
LNRNN_SIMD Vec<T> load(const T* p) {
  Vec<T> a;
  std::memcpy(&a.v, p, sizeof a.v);
  return a;
}
template <class T>
LNRNN_SIMD void store(T* p, Vec<T> a) { std::memcpy(p, &a.v, sizeof a.v); }

// The first count lanes from memory, the others fill.
template <class T>
LNRNN_SIMD Vec<T> load_partial(const T* p, int count, T fill) {
  T lane[Vec<T>::kWidth];
  for (int j = 0; j < Vec<T>::kWidth; ++j) lane[j] = j < count ? p[j] : fill;
  return load(lane);
}
template <class T>
LNRNN_SIMD void store_partial(T* p, Vec<T> a, int count) {
  T lane[Vec<T>::kWidth];
  store(lane, a);
  for (int j = 0; j < Vec<T>::kWidth; ++j) {
    if (j < count) p[j] = lane[j];
  }
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

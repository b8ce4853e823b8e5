// Sizes that cannot wrap: arithmetic that sticks at kTooLarge.
#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>

namespace lnrnn {

constexpr uint64_t kTooLarge = UINT64_MAX;
constexpr uint64_t kAlignment = 64;

inline uint64_t size_add(uint64_t a, uint64_t b) { return a > kTooLarge - b ? kTooLarge : a + b; }

inline uint64_t size_multiply(uint64_t a, uint64_t b) {
  uint64_t product;
  return __builtin_mul_overflow(a, b, &product) ? kTooLarge : product;
}

inline uint64_t size_product(std::initializer_list<int64_t> factors) {
  uint64_t product = 1;
  for (int64_t factor : factors) product = size_multiply(product, static_cast<uint64_t>(factor));
  return product;
}

inline uint64_t size_aligned(uint64_t bytes) {
  return size_add(bytes, kAlignment - 1) == kTooLarge
             ? kTooLarge
             : (bytes + kAlignment - 1) & ~(kAlignment - 1);
}

// A row of n bits: that of feature j is bit j % 8 of byte j / 8. Rounded up to what one may read at once.
inline int64_t bit_row_bytes(int64_t n) { return n / 16 * 2 + (n % 16 == 0 ? 0 : 2); }

// Lays tensors out one after another in a buffer. Without a buffer it only measures: one layout
// function serves both to size a buffer and to use it.
class Carver {
 public:
  explicit Carver(void* buffer = nullptr) : buffer_(static_cast<char*>(buffer)) {}
  explicit Carver(const void* buffer) : Carver(const_cast<void*>(buffer)) {}

  // Every tensor of every call comes by here: what is too large is noted, and not branched upon.
  template <class T, size_t kRank>
  __attribute__((always_inline)) T* take(const int64_t (&shape)[kRank]) {
    T* const start = buffer_ == nullptr ? nullptr : reinterpret_cast<T*>(buffer_ + bytes_);
    uint64_t bytes = sizeof(T);
    for (const int64_t extent : shape) {
      too_large_ |= __builtin_mul_overflow(bytes, static_cast<uint64_t>(extent), &bytes);
    }
    too_large_ |= __builtin_add_overflow(bytes, kAlignment - 1, &bytes);
    too_large_ |= __builtin_add_overflow(bytes_, bytes & ~(kAlignment - 1), &bytes_);
    return start;
  }

  uint64_t bytes() const { return too_large_ ? kTooLarge : bytes_; }
  // Where the next tensor will be.
  void* rest() const { return buffer_ == nullptr ? nullptr : buffer_ + bytes_; }

 private:
  char* buffer_;
  uint64_t bytes_ = 0;
  bool too_large_ = false;
};

}  // namespace lnrnn

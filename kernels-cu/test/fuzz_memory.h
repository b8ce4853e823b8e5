// What the fuzzer makes and compares: seeded random choices, memory of exactly so many bytes, tensors
// whose contents are known.
#pragma once

#include <cinttypes>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <initializer_list>
#include <memory>
#include <random>
#include <vector>

#include "check.h"
#include "lnrnn.h"

namespace fuzz {

inline uint64_t seed_now;  // of the input that is being run
inline int inputs, refused_plans, calls, spoilt_calls;

#define EXPECT(condition) \
  do { \
    const bool expect_holds = (condition); \
    CHECK(expect_holds); \
    if (!expect_holds) \
      std::printf("  %s, LNRNN_FUZZ_SEED=%" PRIu64 " (%s)\n", #condition, seed_now, \
                  lnrnnGetLastErrorMessage()); \
  } while (false)

class Random {
 public:
  explicit Random(uint64_t seed) : engine_(seed) {}
  int64_t between(int64_t low, int64_t high) {
    return low + int64_t(engine_() % uint64_t(high - low + 1));
  }
  bool one_in(int64_t n) { return between(1, n) == 1; }
  double real() { return double(engine_() >> 11) * 0x1p-53; }
  template <class T>
  T pick(std::initializer_list<T> values) {
    return values.begin()[between(0, int64_t(values.size()) - 1)];
  }

 private:
  std::mt19937_64 engine_;
};

inline size_t bytes_of(int32_t type) {
  return type == LNRNN_DATA_F64 ? 8 : type == LNRNN_DATA_F32 ? 4 : 2;
}

inline void encode(int32_t type, double value, unsigned char* to) {
  if (type == LNRNN_DATA_F64) {
    std::memcpy(to, &value, 8);
    return;
  }
  const float single = float(value);
  uint32_t bits;
  std::memcpy(&bits, &single, 4);
  if (type == LNRNN_DATA_F32) {
    std::memcpy(to, &bits, 4);
    return;
  }
  // Of 16 bits only numbers that are exact there are asked for: multiples of 1/64 below 2.
  uint16_t half = uint16_t(bits >> 16);
  if (type == LNRNN_DATA_F16) {
    const uint32_t exponent = bits >> 23 & 0xff;
    half = exponent == 0
               ? 0
               : uint16_t((bits >> 16 & 0x8000) | (exponent - 112) << 10 | (bits >> 13 & 0x3ff));
  }
  std::memcpy(to, &half, 2);
}

inline bool is_finite(int32_t type, const unsigned char* at) {
  if (type == LNRNN_DATA_F64) {
    double value;
    std::memcpy(&value, at, 8);
    return std::isfinite(value);
  }
  if (type == LNRNN_DATA_F32) {
    float value;
    std::memcpy(&value, at, 4);
    return std::isfinite(value);
  }
  uint16_t half;
  std::memcpy(&half, at, 2);
  const uint16_t exponent = type == LNRNN_DATA_F16 ? 0x7c00 : 0x7f80;
  return (half & exponent) != exponent;
}

inline double number(int32_t type, const unsigned char* at) {
  if (type == LNRNN_DATA_F64) {
    double value;
    std::memcpy(&value, at, 8);
    return value;
  }
  float value;
  std::memcpy(&value, at, 4);
  return value;
}

inline lnrnnHandle_t the_handle, other_handle;
inline bool on_cpu = true;

inline void must(lnrnnStatus_t status) { EXPECT(status == LNRNN_STATUS_SUCCESS); }

using Bytes = std::vector<unsigned char>;

// Exactly so many bytes: on the CPU a piece of the heap of its own, elsewhere the device's memory.
class Memory {
 public:
  Memory(size_t bytes, bool cache_line) : bytes_(bytes) {
    if (!on_cpu) {
      must(lnrnnMalloc(the_handle, nullptr, bytes, &data_));
      fill(Bytes(bytes, 0));
    } else {
      data_ = cache_line ? std::aligned_alloc(64, (bytes + 63) / 64 * 64) : std::malloc(bytes);
    }
  }
  ~Memory() {
    if (!on_cpu) {
      must(lnrnnFree(the_handle, nullptr, data_));
    } else {
      std::free(data_);
    }
  }
  Memory(const Memory&) = delete;
  Memory& operator=(const Memory&) = delete;

  void* data() const { return data_; }
  size_t bytes() const { return bytes_; }
  void fill(const Bytes& values) {
    if (bytes_ == 0) return;
    if (on_cpu) {
      std::memcpy(data_, values.data(), bytes_);
    } else {
      must(lnrnnMemcpy(the_handle, nullptr, data_, values.data(), bytes_));
    }
  }
  Bytes read() const {
    Bytes values(bytes_);
    if (bytes_ == 0) return values;
    if (on_cpu) {
      std::memcpy(values.data(), data_, bytes_);
    } else {
      must(lnrnnMemcpy(the_handle, nullptr, values.data(), data_, bytes_));
      must(lnrnnStreamSynchronize(the_handle, nullptr));
    }
    return values;
  }

 private:
  void* data_ = nullptr;
  size_t bytes_;
};

// (T,N,F) in memory: where its elements stand, and how many bytes that takes.
struct View {
  int64_t steps, rows, features, step_stride, row_stride;

  size_t elements() const {
    if (steps == 0 || rows == 0) return 0;
    return size_t((steps - 1) * step_stride + (rows - 1) * row_stride + features);
  }
  size_t first(int64_t t, int64_t n) const { return size_t(t * step_stride + n * row_stride); }
};

inline View view(Random& random, int64_t steps, int64_t rows, int64_t features, bool may_coincide) {
  const int64_t width = features + (random.one_in(3) ? random.between(0, 5) : 0);
  if (may_coincide && random.one_in(8)) return {steps, rows, features, width, 0};
  if (random.one_in(2)) return {steps, rows, features, rows * width, width};
  return {steps, rows, features, width, steps * width};
}

// A pointer argument: NULL, or memory of which what was there is known.
struct Tensor {
  std::unique_ptr<Memory> memory;
  int32_t type = LNRNN_DATA_F32;
  Bytes before;

  void* data() const { return memory ? memory->data() : nullptr; }
  size_t bytes() const { return memory ? memory->bytes() : 0; }
  bool is_as_before() const { return !memory || memory->read() == before; }
  // Filled with other garbage each time, which no result may depend on.
  void spoil(Random& random) {
    if (!memory) return;
    const unsigned char garbage = random.pick<unsigned char>({0x00, 0x3c, 0x7f, 0xff});
    before.assign(memory->bytes(), garbage);
    memory->fill(before);
  }
  void is_written() {
    if (memory) before = memory->read();
  }
};

inline Tensor empty() { return {}; }

inline Tensor tensor(size_t bytes, bool cache_line = false) {
  Tensor made;
  made.memory = std::make_unique<Memory>(bytes, cache_line);
  made.before.assign(bytes, 0);
  made.memory->fill(made.before);
  return made;
}

inline Tensor numbers(Random& random, int32_t type, size_t elements) {
  Tensor made = tensor(elements * bytes_of(type));
  made.type = type;
  for (size_t i = 0; i < elements; ++i)
    encode(type, double(random.between(-100, 100)) / 64, &made.before[i * bytes_of(type)]);
  made.memory->fill(made.before);
  return made;
}

inline Tensor mask(Random& random, size_t bytes) {
  Tensor made = tensor(bytes);
  for (unsigned char& keep : made.before)
    keep = random.one_in(3) ? 0 : random.pick<unsigned char>({1, 255});
  made.memory->fill(made.before);
  return made;
}

}  // namespace fuzz

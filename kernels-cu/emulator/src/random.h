// Random choices of the scheduler: small, fast, the same from the same seed on every machine.
#pragma once

#include <cstdint>

namespace lnrnn::emulator {

class Random {
 public:
  explicit Random(uint64_t seed = 0) : state_(seed) {}

  // Splitmix64.
  uint64_t next() {
    uint64_t z = state_ += 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
  }
  // In [0, bound), bound > 0.
  uint32_t below(uint32_t bound) {
    return static_cast<uint32_t>((next() >> 32) * static_cast<uint64_t>(bound) >> 32);
  }

 private:
  uint64_t state_;
};

// An order of 0 ... count - 1, without a table: i -> (first + i step) mod count.
class Order {
 public:
  Order(int64_t count, Random& random) : count_(count) {
    first_ = static_cast<int64_t>(random.next() % static_cast<uint64_t>(count));
    do {
      step_ = 1 + static_cast<int64_t>(random.next() % static_cast<uint64_t>(count));
    } while (divisor(step_, count) != 1);
  }
  int64_t operator[](int64_t i) const {
    return static_cast<int64_t>(
        (static_cast<unsigned __int128>(i) * static_cast<unsigned __int128>(step_) +
         static_cast<unsigned __int128>(first_)) %
        static_cast<unsigned __int128>(count_));
  }

 private:
  static int64_t divisor(int64_t a, int64_t b) {
    while (b != 0) {
      const int64_t rest = a % b;
      a = b;
      b = rest;
    }
    return a;
  }

  int64_t count_, first_, step_;
};

}  // namespace lnrnn::emulator

// Philox4x32-10, the counter-based random generator of Salmon, Moraes, Dror and Shaw, "Parallel
// Random Numbers: As Easy as 1, 2, 3" (SC 2011), and how this library addresses it.
//
// A random decision depends on the seed and on where it stands in the network, and on nothing else:
// not on the device, the number of threads or the order of work.
#pragma once

#include <cstdint>

#include "host_device.h"

namespace lnrnn {

struct Philox4 {
  uint32_t word[4];
};

constexpr int kPhiloxRounds = 10;
constexpr uint32_t kPhiloxMultiplier0 = 0xD2511F53u, kPhiloxMultiplier1 = 0xCD9E8D57u;
constexpr uint32_t kPhiloxWeyl0 = 0x9E3779B9u, kPhiloxWeyl1 = 0xBB67AE85u;

LNRNN_CELL Philox4 philox4x32(uint64_t key, Philox4 counter) {
  uint32_t key0 = static_cast<uint32_t>(key);
  uint32_t key1 = static_cast<uint32_t>(key >> 32);
  for (int round = 0; round < kPhiloxRounds; ++round) {
    const uint64_t product0 = uint64_t{kPhiloxMultiplier0} * counter.word[0];
    const uint64_t product1 = uint64_t{kPhiloxMultiplier1} * counter.word[2];
    counter = {{static_cast<uint32_t>(product1 >> 32) ^ counter.word[1] ^ key0,
                static_cast<uint32_t>(product1),
                static_cast<uint32_t>(product0 >> 32) ^ counter.word[3] ^ key1,
                static_cast<uint32_t>(product0)}};
    key0 += kPhiloxWeyl0;
    key1 += kPhiloxWeyl1;
  }
  return counter;
}

enum class RandomKind : uint32_t {
  kZoneout = 1,
  kZoneoutCell = 2,
  kDropConnect = 3,
  kDropout = 4,
  kInitialize = 5,
  kDropoutCandidate = 6,
};

// The last counter word: which of the network's random tensors is meant.
LNRNN_CELL uint32_t random_stream(RandomKind kind, uint32_t layer, uint32_t direction) {
  return static_cast<uint32_t>(kind) << 24 | direction << 23 | layer;
}

// Words 4 quad ... 4 quad + 3 of the row (step, row): the word of feature j is word[j % 4] at
// quad = j / 4.
LNRNN_CELL Philox4 random_words(uint64_t seed, uint32_t quad, uint32_t step, uint32_t row,
                                uint32_t stream) {
  return philox4x32(seed, {{quad, step, row, stream}});
}

// A Bernoulli(1 - p) decision is word < keep_threshold(p): never for p = 1, always for p = 0.
LNRNN_CELL uint64_t keep_threshold(double p) {
  return static_cast<uint64_t>((1.0 - p) * 4294967296.0);
}

// What is kept is multiplied by this, so that its expectation stays; where nothing is kept, by 0.
template <class T>
LNRNN_CELL T kept_scale(double p) {
  return p < 1 ? static_cast<T>(1 / (1 - p)) : T(0);
}

}  // namespace lnrnn

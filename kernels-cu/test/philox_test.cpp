// Known answers published with Random123 (Salmon et al. 2011); and that every instruction set draws what
// the scalar generator does.
#include "cell/philox.h"

#include <random>
#include <vector>

#include "core/size.h"
#include "check.h"
#include "cpu/machine/isa.h"

using lnrnn::Philox4;
using lnrnn::philox4x32;
using namespace lnrnn::cpu;

namespace {

void answers(uint64_t key, Philox4 counter, Philox4 expected) {
  const Philox4 got = philox4x32(key, counter);
  for (int i = 0; i < 4; ++i) CHECK(got.word[i] == expected.word[i]);
}

uint32_t scalar_word(uint64_t seed, const Philox4& at, int64_t j) {
  const Philox4 words =
      philox4x32(seed,
                 {{at.word[0] + static_cast<uint32_t>(j / 4), at.word[1], at.word[2], at.word[3]}});
  return words.word[j % 4];
}

void test_words(const Isa& isa, uint64_t seed, const Philox4& at) {
  for (const int64_t n : {0, 1, 5, 31, 64, 129, 1000}) {
    std::vector<uint32_t> words(static_cast<size_t>(n) + 1, 77);
    isa.f32.random_words(PhiloxKeys(seed), at, n, words.data());
    for (int64_t j = 0; j < n; ++j) {
      CHECK(words[static_cast<size_t>(j)] == scalar_word(seed, at, j));
    }
    CHECK(words.back() == 77);
  }
}

// Rows from the second last step that can be counted on: counters wrap.
void test_decisions(const Isa& isa, uint64_t seed, uint64_t threshold) {
  const uint32_t step = 0xFFFFFFFE, row = 7, stream = 3u << 24 | 5;
  const int64_t steps = 3;
  for (const int64_t first : {0, 4, 1024}) {
    for (const int64_t n : {1, 3, 30, 64, 130, 500}) {
      std::vector<uint8_t> keeps(static_cast<size_t>(steps * n) + 1, 77);
      isa.f64.draw({PhiloxKeys(seed), threshold, stream}, {step, steps, row, first, n},
                   keeps.data());
      for (int64_t i = 0; i < steps * n; ++i) {
        const Philox4 at{{0, step + static_cast<uint32_t>(i / n), row, stream}};
        const bool keep = scalar_word(seed, at, first + i % n) < threshold;
        CHECK(keeps[static_cast<size_t>(i)] == (keep ? 1 : 0));
      }
      CHECK(keeps.back() == 77);
    }
  }
}

// Bits of any bytes; and what they do to numbers, also where these are not finite.
template <class T>
void test_bits(const Kernels<T>& kernels) {
  std::mt19937 generator(1);
  for (const int64_t n : {1, 7, 8, 15, 16, 33, 64, 100, 259}) {
    std::vector<uint8_t> bytes, bits(static_cast<size_t>(lnrnn::bit_row_bytes(n)));
    std::vector<T> values;
    for (int64_t j = 0; j < n; ++j) {
      bytes.push_back(generator() % 3 == 0 ? 0 : static_cast<uint8_t>(generator() % 255 + 1));
      values.push_back(j % 5 == 0 ? T(NAN) : static_cast<T>(generator()));
    }
    kernels.pack_bits(bytes.data(), n, bits.data());
    std::vector<T> dropped(static_cast<size_t>(n) + 1, T(77));
    kernels.drop(values.data(), bits.data(), T(1.5), n, dropped.data());
    for (size_t j = 0; j < bytes.size(); ++j) {
      CHECK((bits[j / 8] >> j % 8 & 1) == (bytes[j] != 0));
      const T kept = values[j] * T(1.5);
      CHECK(bytes[j] == 0      ? dropped[j] == 0
            : std::isnan(kept) ? std::isnan(dropped[j])
                               : dropped[j] == kept);
    }
    CHECK(dropped.back() == 77);
  }
}

void test_every_isa() {
  for (const Isa* const* isa = available_isas(); *isa != nullptr; ++isa) {
    test_words(**isa, 0, {{0, 0, 0, 0}});
    test_words(**isa, ~uint64_t{0}, {{~0u, ~0u, ~0u, ~0u}});
    test_words(**isa, 0x299f31d0a4093822, {{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}});
    for (const double p : {0.0, 1e-20, 0.3, 0.999999, 1.0}) {
      test_decisions(**isa, 0x123456789abcdef, lnrnn::keep_threshold(p));
    }
    test_bits((*isa)->f32);
    test_bits((*isa)->f64);
  }
}

}  // namespace

int main() {
  answers(0, {{0, 0, 0, 0}}, {{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}});
  answers(~uint64_t{0}, {{~0u, ~0u, ~0u, ~0u}}, {{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}});
  answers(0x299f31d0a4093822, {{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}},
          {{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}});
  CHECK(lnrnn::keep_threshold(0) == uint64_t{1} << 32);
  CHECK(lnrnn::keep_threshold(1) == 0);
  CHECK(lnrnn::keep_threshold(0.25) == 3 * (uint64_t{1} << 30));
  RUN(test_every_isa());
  return check::summary();
}

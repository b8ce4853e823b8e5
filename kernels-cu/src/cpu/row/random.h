// Random numbers of one instruction set: Philox4x32-10 (cell/philox.h) for many counters at once, and
// the decisions drawn from it. The words are the scalar generator's, whatever the vector's width.
#pragma once

#include <algorithm>

#include "cell/philox.h"
#include "cpu/machine/isa.h"
#include "lanes.h"

namespace lnrnn::cpu::LNRNN_ISA {

// Quads whose words are computed together: two vectors, of every other quad each, and as many again, so
// that multiplications need not wait for each other.
constexpr int kQuadVectors = 4;
constexpr int kQuadsAtOnce = kQuadVectors * kLongLanes;

// The words of some quads. Each stands in the lower half of a lane; what is in the upper half means
// nothing.
struct QuadWords {
  Longs word[4];
};

LNRNN_SIMD void philox_round(const PhiloxKeys& keys, int round, Longs (&word)[4]) {
  const Longs product0 = multiply_low_halves(word[0], kPhiloxMultiplier0);
  const Longs product1 = multiply_low_halves(word[2], kPhiloxMultiplier1);
  word[0] = (product1 >> 32) ^ (word[1] ^ keys.of_word[0][round]);
  word[1] = product1;
  word[2] = (product0 >> 32) ^ (word[3] ^ keys.of_word[1][round]);
  word[3] = product0;
}

// The quads first, first + 1, ... of rows that differ in their step alone: vector 2 i + b has those
// i kQuadsAtOnce / 2 + b, b + 2, .... A counter's four words need three rounds to mix: what the first
// two rounds, and half of the third, make of the quad is the same for every step, and is kept.
class QuadBlock {
 public:
  LNRNN_INLINE QuadBlock(const PhiloxKeys& keys, uint32_t first, uint32_t row, uint32_t stream)
      : keys_(keys), of_row_(uint64_t{kPhiloxMultiplier1} * row) {
    Longs lane{};
    for (int j = 0; j < kLongLanes; ++j) lane[j] = 2 * static_cast<uint64_t>(j);
#pragma GCC unroll 4
    for (int i = 0; i < kQuadVectors; ++i) {
      Longs(&kept)[4] = kept_[i].word;
      const Longs quad = lane + (first + static_cast<uint64_t>(i / 2 * 2 * kLongLanes + i % 2));
      const Longs once = multiply_low_halves(quad, kPhiloxMultiplier0);
      const Longs twice =
          multiply_low_halves((once >> 32) ^ (stream ^ keys.of_word[1][0]), kPhiloxMultiplier1);
      const uint64_t low_of_row = static_cast<uint32_t>(of_row_);
      const Longs thrice = multiply_low_halves((twice >> 32) ^ (low_of_row ^ keys.of_word[0][1]),
                                               kPhiloxMultiplier0);
      kept[0] = twice ^ keys.of_word[0][2];
      kept[1] = once;
      kept[2] = (thrice >> 32) ^ keys.of_word[1][2];
      kept[3] = thrice;
    }
  }

  LNRNN_INLINE void words_at(uint32_t step, QuadWords (&words)[kQuadVectors]) const {
    const uint64_t of_step = uint64_t{kPhiloxMultiplier0} *
                             static_cast<uint32_t>((of_row_ >> 32) ^ step ^ keys_.of_word[0][0]);
    const uint64_t high = (of_step >> 32) ^ keys_.of_word[1][1];
    const uint64_t low = static_cast<uint32_t>(of_step);
#pragma GCC unroll 4
    for (int i = 0; i < kQuadVectors; ++i) {
      Longs(&word)[4] = words[i].word;
      const Longs(&kept)[4] = kept_[i].word;
      const Longs product1 = multiply_low_halves(kept[1] ^ high, kPhiloxMultiplier1);
      word[0] = (product1 >> 32) ^ kept[0];
      word[1] = product1;
      word[2] = kept[2] ^ low;
      word[3] = kept[3];
    }
#pragma GCC unroll 10
    for (int round = 3; round < kPhiloxRounds; ++round) {
#pragma GCC unroll 4
      for (int i = 0; i < kQuadVectors; ++i) philox_round(keys_, round, words[i].word);
    }
  }

 private:
  const PhiloxKeys& keys_;
  const uint64_t of_row_;
  QuadWords kept_[kQuadVectors];
};

// One word of all the quads of a pair of vectors, in order.
LNRNN_SIMD Ints in_order(const QuadWords* pair, int word) {
  return (Ints)((pair[0].word[word] & 0xFFFFFFFFu) | (pair[1].word[word] << 32));
}

static void draw(const Draw& draw, const DrawnRows& rows, uint8_t* keeps) {
  if (draw.threshold == 0) {
    for (int64_t i = 0; i < rows.steps; ++i) {
      std::memset(keeps + i * rows.count, 0, static_cast<size_t>(rows.count));
    }
    return;
  }
  const Ints most = Ints{} + static_cast<uint32_t>(draw.threshold - 1);
  constexpr int64_t kAtOnce = 4 * kQuadsAtOnce;
  for (int64_t done = 0; done < rows.count; done += kAtOnce) {
    const QuadBlock block(draw.keys, static_cast<uint32_t>((rows.first + done) / 4), rows.row,
                          draw.stream);
    const size_t count = static_cast<size_t>(std::min(rows.count - done, kAtOnce));
    for (int64_t i = 0; i < rows.steps; ++i) {
      QuadWords words[kQuadVectors];
      block.words_at(rows.step + static_cast<uint32_t>(i), words);
      // A quad's four decisions are the bytes of one word.
      Ints decisions[kQuadVectors / 2];
      for (int pair = 0; pair < kQuadVectors / 2; ++pair) {
        decisions[pair] = Ints{};
#pragma GCC unroll 4
        for (int word = 0; word < 4; ++word) {
          const Ints below = (Ints)(in_order(words + 2 * pair, word) <= most);
          decisions[pair] |= below & (1u << 8 * word);
        }
      }
      uint8_t* const to = keeps + i * rows.count + done;
      if (count == sizeof decisions) {
        std::memcpy(to, decisions, sizeof decisions);
      } else {
        std::memcpy(to, decisions, count);
      }
    }
  }
}

static void random_words(const PhiloxKeys& keys, const Philox4& at, int64_t n, uint32_t* out) {
  constexpr int64_t kAtOnce = 4 * kQuadsAtOnce;
  constexpr int kInts = 2 * kLongLanes;
  for (int64_t done = 0; done < n; done += kAtOnce) {
    QuadWords words[kQuadVectors];
    QuadBlock(keys, at.word[0] + static_cast<uint32_t>(done / 4), at.word[2], at.word[3])
        .words_at(at.word[1], words);
    uint32_t ordered[kAtOnce];
    for (int pair = 0; pair < kQuadVectors / 2; ++pair) {
      for (int word = 0; word < 4; ++word) {
        const Ints some = in_order(words + 2 * pair, word);
        for (int j = 0; j < kInts; ++j) ordered[(pair * kInts + j) * 4 + word] = some[j];
      }
    }
    std::memcpy(out + done, ordered,
                static_cast<size_t>(std::min(n - done, kAtOnce)) * sizeof(uint32_t));
  }
}

static void pack_bits(const uint8_t* bytes, int64_t n, uint8_t* bits) {
  int64_t j = 0;
  for (; j + kVectorBytes <= n; j += kVectorBytes) store_bits(bytes + j, bits + j / 8);
  for (; j < n; j += 8) {
    uint32_t packed = 0;
    for (int64_t k = 0; k < std::min<int64_t>(n - j, 8); ++k) {
      packed |= static_cast<uint32_t>(bytes[j + k] != 0) << k;
    }
    bits[j / 8] = static_cast<uint8_t>(packed);
  }
}

template <class T>
static void drop(const T* values, const uint8_t* keeps, T scale, int64_t n, T* out) {
  const Vec<T> zero(T(0)), factor(scale);
  for_lanes<T>(n, [&](Lanes<T> at) LNRNN_INLINE {
    at.store_to(out, select(lanes_of_bits<T>(keeps, at.at), at.load_from(values) * factor, zero));
  });
}

}  // namespace lnrnn::cpu::LNRNN_ISA

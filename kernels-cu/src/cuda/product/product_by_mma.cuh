// A product of 16-bit operands on the tensor cores: a block owns a kTile x kTile tile of out and walks
// along the depth in chunks, which it brings to shared memory; warps stand 2 x 4 over the tile, and
// each has kTile/32 x kTile/32 fragments of 16 x 8 results. Over samples no chain of additions is longer
// than kChainOfSamples.
#pragma once

#include "cell/scalar.h"
#include "cuda/machine/reduce.cuh"
#include "product.cuh"

namespace lnrnn::cuda {

// One operand's part of a chunk, as mma wants it: rows of consecutive depth, in pairs. Each thread has
// 8 numbers, fetched to registers while the chunk before is worked on.
template <class S, Depth kOver, int kTile, int kDepth, int kThreads>
class MmaLoader {
  static_assert(kTile * kDepth == 8 * kThreads);

 public:
  static constexpr int kLine = kDepth / 8;  // Words in a row of a chunk
  static constexpr int kPitch = kLine + 1;  // keeps the rows of a fragment in different banks
  using Chunk = Array<Words, kTile * kPitch>;

  LNRNN_DEVICE MmaLoader(const Rows<const S>& rows, int64_t first, int64_t extent, int thread)
      : rows_(rows), first_(first), extent_(extent), thread_(thread) {
    if constexpr (kOver == Depth::kFeatures) {
      const int64_t outer = first + thread / kLine;
      source_ = outer < extent && rows.active(outer) ? rows.sample(outer) : nullptr;
      aligned_ = reinterpret_cast<uintptr_t>(source_) % alignof(Words) == 0;
    }
  }

  LNRNN_DEVICE void fetch(int64_t from, int64_t depth) {
    value_ = {};
    if constexpr (kOver == Depth::kFeatures) {
      const int64_t k = from + thread_ % kLine * 8;
      if (source_ == nullptr) return;
      if (aligned_ && k + 8 <= depth) {
        value_ = load_words(source_ + k);
        return;
      }
      for (int i = 0; i < 8; ++i) {
        if (k + i < depth) put(i, source_[k + i]);
      }
    } else {
      for (int i = 0; i < 8; ++i) {
        const int64_t k = from + pair_of(i / 2) * 2 + i % 2;
        const int64_t outer = first_ + outer_of(i / 2);
        if (outer < extent_ && k < depth && rows_.active(k)) put(i, rows_.sample(k)[outer]);
      }
    }
  }

  LNRNN_DEVICE void store(Chunk& chunk) const {
    if constexpr (kOver == Depth::kFeatures) {
      chunk[thread_ / kLine * kPitch + thread_ % kLine] = value_;
    } else {
      for (int i = 0; i < 4; ++i) {
        chunk[outer_of(i) * kPitch + pair_of(i) / 4].word[pair_of(i) % 4] = value_.word[i];
      }
    }
  }

  // Depths 2 (lane % 4) + {0, 1} of row `outer`, in the 8 that begin at 8 line: a fragment's pair.
  LNRNN_DEVICE static uint32_t pair(const Chunk& chunk, int outer, int line, int lane) {
    return chunk[outer * kPitch + line].word[lane % 4];
  }

 private:
  // Over samples, where consecutive threads read consecutive features, threads have four pairs that
  // lie apart.
  LNRNN_DEVICE int outer_of(int i) const { return (thread_ + i * kThreads) % kTile; }
  LNRNN_DEVICE int pair_of(int i) const { return (thread_ + i * kThreads) / kTile; }
  LNRNN_DEVICE void put(int i, S value) {
    value_.word[i / 2] |= static_cast<uint32_t>(value.bits) << (i % 2 * 16);
  }

  const Rows<const S>& rows_;
  const int64_t first_, extent_;
  const int thread_;
  const S* source_ = nullptr;
  bool aligned_ = false;
  Words value_;
};

// Blocks: tiles of out, columns first.
template <class S, class O, Depth kA, Depth kB, int kTile>
struct ProductByMma {
  static constexpr const char* kName = "product_by_mma";
  static constexpr int kMaxThreads = 256;
  static constexpr int kDown = 2, kAcross = 4;         // warps over the tile
  static constexpr int kRows = 16, kColumns = 8;       // of a fragment
  static constexpr int kEach = kTile / kDown / kRows;  // fragments of a warp, either way
  static_assert(kEach == kTile / kAcross / kColumns);
  static constexpr int kDepth = 8 * kMaxThreads / kTile;  // of a chunk
  static constexpr int kMmaDepth = 16;
  static constexpr bool kOverSamples = kA == Depth::kSamples && kB == Depth::kSamples;
  static_assert(kChainOfSamples % kDepth == 0);
  using LoaderA = MmaLoader<S, kA, kTile, kDepth, kMaxThreads>;
  using LoaderB = MmaLoader<S, kB, kTile, kDepth, kMaxThreads>;

  struct Shared {
    typename LoaderA::Chunk a;
    typename LoaderB::Chunk b;
  };

  Product<S, O> p;

  LNRNN_DEVICE void operator()(Block& block) const {
    auto& shared = block.template shared<Shared>();
    const auto tile = OutTile<kTile, kTile>::of(block, p.columns);
    const int my_row = block.warp() / kAcross * kEach * kRows;
    const int my_column = block.warp() % kAcross * kEach * kColumns;

    LoaderA a(p.a, tile.first_row, p.rows, block.thread());
    LoaderB b(p.b, tile.first_column, p.columns, block.thread());
    float sum[kEach][kEach][4] = {};
    Totals<float, 4> totals[kOverSamples ? kEach : 1][kEach];
    a.fetch(0, p.depth);
    b.fetch(0, p.depth);
    for (int64_t k = 0; k < p.depth; k += kDepth) {
      a.store(shared.a);
      b.store(shared.b);
      block.sync();
      a.fetch(k + kDepth, p.depth);
      b.fetch(k + kDepth, p.depth);
      for (int line = 0; line < kDepth / 8; line += kMmaDepth / 8) {
        multiply(block, shared, my_row, my_column, line, sum);
      }
      if constexpr (kOverSamples) {
        if ((k + kDepth) % kChainOfSamples == 0 || k + kDepth >= p.depth) {
          LNRNN_UNROLL
          for (int i = 0; i < kEach; ++i) {
            LNRNN_UNROLL
            for (int j = 0; j < kEach; ++j) totals[i][j].take(sum[i][j]);
          }
        }
      }
      block.sync();
    }
    if constexpr (kOverSamples) {
      LNRNN_UNROLL
      for (int i = 0; i < kEach; ++i) {
        LNRNN_UNROLL
        for (int j = 0; j < kEach; ++j) {
          LNRNN_UNROLL
          for (int e = 0; e < 4; ++e) sum[i][j][e] = totals[i][j].value(e);
        }
      }
    }
    finish(block, tile.first_row, my_row, tile.first_column, my_column, sum);
  }

 private:
  LNRNN_DEVICE void multiply(Block& block, const Shared& shared, int my_row, int my_column,
                             int line, float (&sum)[kEach][kEach][4]) const {
    const int lane = block.lane(), group = lane / 4;
    uint32_t of_b[kEach][2];
    LNRNN_UNROLL
    for (int j = 0; j < kEach; ++j) {
      LNRNN_UNROLL
      for (int half = 0; half < 2; ++half) {
        of_b[j][half] =
            LoaderB::pair(shared.b, my_column + j * kColumns + group, line + half, lane);
      }
    }
    LNRNN_UNROLL
    for (int i = 0; i < kEach; ++i) {
      const int row = my_row + i * kRows + group;
      const uint32_t of_a[4] = {LoaderA::pair(shared.a, row, line, lane),
                                LoaderA::pair(shared.a, row + 8, line, lane),
                                LoaderA::pair(shared.a, row, line + 1, lane),
                                LoaderA::pair(shared.a, row + 8, line + 1, lane)};
      LNRNN_UNROLL
      for (int j = 0; j < kEach; ++j) block.template mma<kMmaType<S>>(sum[i][j], of_a, of_b[j]);
    }
  }

  // Results 2 half, 2 half + 1 of a fragment are columns 2 (lane % 4) + {0, 1} of row
  // lane / 4 + 8 half.
  LNRNN_DEVICE void finish(const Block& block, int64_t first_row, int my_row, int64_t first_column,
                           int my_column, const float (&sum)[kEach][kEach][4]) const {
    const int lane = block.lane();
    LNRNN_UNROLL
    for (int i = 0; i < kEach; ++i) {
      LNRNN_UNROLL
      for (int half = 0; half < 2; ++half) {
        const int in_tile = my_row + i * kRows + half * 8 + lane / 4;
        const int64_t row = first_row + in_tile;
        const bool inside = row < p.rows, active = inside && p.out.active(row);
        LNRNN_UNROLL
        for (int j = 0; j < kEach; ++j) {
          LNRNN_UNROLL
          for (int e = 0; e < 2; ++e) {
            const int64_t column = first_column + my_column + j * kColumns + lane % 4 * 2 + e;
            if (!inside || column >= p.columns) continue;
            p.store(row, column, sum[i][j][half * 2 + e], active);
          }
        }
      }
    }
  }
};

}  // namespace lnrnn::cuda

// A product on the multiply-add units: a block owns a kTile x kTile tile of out and walks along the
// depth in chunks, which it brings to shared memory; a thread keeps 4 x 4 results in registers. Small
// tiles leave threads over: groups of threads then share out each chunk, and add up at the end. Over
// samples no chain of additions is longer than kChainOfSamples.
#pragma once

#include "cell/scalar.h"
#include "cuda/machine/reduce.cuh"
#include "product.cuh"

namespace lnrnn::cuda {

// One operand's part of a chunk: kPerThread elements of (kDepth, kTile) for each thread, fetched to
// registers while the chunk before is worked on.
template <class T, Depth kOver, int kTile, int kDepth, int kThreads>
class ChunkLoader {
 public:
  static constexpr int kPerThread = kTile * kDepth / kThreads;
  static constexpr int kPitch = kTile + 4;  // keeps columns of a chunk in different banks

  LNRNN_DEVICE ChunkLoader(const Rows<const T>& rows, int64_t first, int64_t extent, int thread)
      : rows_(rows), first_(first), extent_(extent), thread_(thread) {
    for (int i = 0; i < kPerThread; ++i) {
      const int64_t outer = first + outer_of(i);
      const bool inside = outer < extent;
      if constexpr (kOver == Depth::kFeatures) {
        source_[i] = inside && rows.active(outer) ? rows.sample(outer) : nullptr;
      } else {
        source_[i] = nullptr;
      }
    }
  }

  LNRNN_DEVICE void fetch(int64_t from, int64_t depth) {
    for (int i = 0; i < kPerThread; ++i) {
      const int64_t k = from + depth_of(i);
      value_[i] = T(0);
      if constexpr (kOver == Depth::kFeatures) {
        if (source_[i] != nullptr && k < depth) value_[i] = source_[i][k];
      } else {
        const int64_t outer = first_ + outer_of(i);
        if (outer < extent_ && k < depth && rows_.active(k)) value_[i] = rows_.sample(k)[outer];
      }
    }
  }

  LNRNN_DEVICE void store(Array<T, kDepth * kPitch>& chunk) const {
    for (int i = 0; i < kPerThread; ++i) chunk[depth_of(i) * kPitch + outer_of(i)] = value_[i];
  }

 private:
  // Consecutive threads read consecutive addresses.
  LNRNN_DEVICE int outer_of(int i) const {
    const int at = thread_ + i * kThreads;
    return kOver == Depth::kFeatures ? at / kDepth : at % kTile;
  }
  LNRNN_DEVICE int depth_of(int i) const {
    const int at = thread_ + i * kThreads;
    return kOver == Depth::kFeatures ? at % kDepth : at / kTile;
  }

  const Rows<const T>& rows_;
  const int64_t first_, extent_;
  const int thread_;
  const T* source_[kPerThread];
  T value_[kPerThread];
};

// Blocks: tiles of out, columns first.
template <class T, Depth kA, Depth kB, int kTile>
struct ProductByTiles {
  static constexpr const char* kName = "product_by_tiles";
  static constexpr int kMaxThreads = 256;
  static constexpr int kSide = 4;               // results of a thread: kSide x kSide
  static constexpr int kLine = kTile / kSide;   // threads along one side of the tile
  static constexpr int kGroup = kLine * kLine;  // threads that cover the tile once
  static constexpr int kGroups = kMaxThreads / kGroup;
  static constexpr int kDepth = kTile == 64 ? 16 : 32;  // of a chunk
  static constexpr bool kOverSamples = kA == Depth::kSamples && kB == Depth::kSamples;
  static_assert(kChainOfSamples % kDepth == 0);
  using LoaderA = ChunkLoader<T, kA, kTile, kDepth, kMaxThreads>;
  using LoaderB = ChunkLoader<T, kB, kTile, kDepth, kMaxThreads>;

  struct Shared {
    Array<T, kDepth * LoaderA::kPitch> a, b;
    Array<T, kGroups == 1 ? 1 : (kGroups - 1) * kTile * kTile> of_groups;
  };

  Product<T> p;

  LNRNN_DEVICE void operator()(Block& block) const {
    auto& shared = block.template shared<Shared>();
    const auto tile = OutTile<kTile, kTile>::of(block, p.columns);
    const int group = block.thread() / kGroup, member = block.thread() % kGroup;
    const int my_row = member / kLine * kSide, my_column = member % kLine * kSide;

    LoaderA a(p.a, tile.first_row, p.rows, block.thread());
    LoaderB b(p.b, tile.first_column, p.columns, block.thread());
    T sum[kSide][kSide] = {};
    Totals<T, kSide> totals[kOverSamples ? kSide : 1];
    a.fetch(0, p.depth);
    b.fetch(0, p.depth);
    for (int64_t k = 0; k < p.depth; k += kDepth) {
      a.store(shared.a);
      b.store(shared.b);
      block.sync();
      a.fetch(k + kDepth, p.depth);
      b.fetch(k + kDepth, p.depth);
      for (int d = group * (kDepth / kGroups); d < (group + 1) * (kDepth / kGroups); ++d) {
        T of_a[kSide], of_b[kSide];
        for (int i = 0; i < kSide; ++i) {
          of_a[i] = shared.a[d * LoaderA::kPitch + my_row + i];
          of_b[i] = shared.b[d * LoaderB::kPitch + my_column + i];
        }
        for (int i = 0; i < kSide; ++i) {
          for (int j = 0; j < kSide; ++j) sum[i][j] = fma(of_a[i], of_b[j], sum[i][j]);
        }
      }
      if constexpr (kOverSamples) {
        if ((k + kDepth) % kChainOfSamples == 0 || k + kDepth >= p.depth) {
          LNRNN_UNROLL
          for (int i = 0; i < kSide; ++i) totals[i].take(sum[i]);
        }
      }
      block.sync();
    }
    if constexpr (kOverSamples) {
      LNRNN_UNROLL
      for (int i = 0; i < kSide; ++i) {
        LNRNN_UNROLL
        for (int j = 0; j < kSide; ++j) sum[i][j] = totals[i].value(j);
      }
    }
    if constexpr (kGroups > 1) add_groups(block, shared, group, member, sum);
    if (group == 0) finish(tile.first_row + my_row, tile.first_column, my_column, sum);
  }

 private:
  LNRNN_DEVICE void add_groups(Block& block, Shared& shared, int group, int member,
                               T (&sum)[kSide][kSide]) const {
    for (int i = 0; i < kSide * kSide && group > 0; ++i) {
      shared.of_groups[((group - 1) * kSide * kSide + i) * kGroup + member] =
          sum[i / kSide][i % kSide];
    }
    block.sync();
    if (group > 0) return;
    for (int g = 1; g < kGroups; ++g) {
      for (int i = 0; i < kSide * kSide; ++i) {
        sum[i / kSide][i % kSide] +=
            shared.of_groups[((g - 1) * kSide * kSide + i) * kGroup + member];
      }
    }
  }

  LNRNN_DEVICE void finish(int64_t first_row, int64_t first_column, int my_column,
                           const T (&sum)[kSide][kSide]) const {
    for (int i = 0; i < kSide; ++i) {
      const int64_t row = first_row + i;
      const bool inside = row < p.rows;
      const bool active = inside && p.out.active(row);
      for (int j = 0; j < kSide; ++j) {
        const int64_t column = first_column + my_column + j;
        if (!inside || column >= p.columns) continue;
        p.store(row, column, sum[i][j], active);
      }
    }
  }
};

}  // namespace lnrnn::cuda

// A product of few rows: a warp owns two columns of out for all rows; its lanes share out the depth.
// Reads the larger operand once, with nothing in shared memory, which is all that can be done for it.
#pragma once

#include "cell/scalar.h"
#include "cuda/machine/reduce.cuh"
#include "product.cuh"

namespace lnrnn::cuda {

constexpr int kFewRowsColumns = 2;  // of a warp
constexpr int kFewRowsThreads = 256;
constexpr int kFewRowsTile = kFewRowsColumns * kFewRowsThreads / kWarp;

template <class S>
LNRNN_DEVICE void load_pack(const S* from, accumulation_t<S>* to) {
  const Words words = load_words(from);
  S stored[kPack<S>];
  memcpy(stored, &words, sizeof words);
  LNRNN_UNROLL
  for (int i = 0; i < kPack<S>; ++i) to[i] = to_accumulation(stored[i]);
}

// Blocks: kFewRowsTile columns each.
template <class S, int kRows, bool kSegments>
struct ProductOfFewRows {
  static constexpr const char* kName = "product_of_few_rows";
  static constexpr int kMaxThreads = kFewRowsThreads;
  static constexpr int kColumns = kFewRowsColumns;
  using T = accumulation_t<S>;

  struct Shared {
    // (warp, row), or (column, row)
    Array<T, (kSegments ? kFewRowsTile : kMaxThreads / kWarp) * kRows> squares;
  };

  Product<S> p;

  LNRNN_DEVICE void operator()(Block& block) const {
    auto& shared = block.template shared<Shared>();
    const int64_t first = block.index() * kFewRowsTile + block.warp() * kColumns;
    // A lane's own result is that of row lane / kColumns. What it is added to is on its way meanwhile.
    static_assert(kRows * kColumns <= kWarp);
    const int own_row = block.lane() / kColumns;
    const int64_t own_column = first + block.lane() % kColumns;
    const bool owns = own_row < kRows && own_row < p.rows && own_column < p.columns;
    const T before = owns && p.add ? p.out.sample(own_row)[own_column] : T(0);
    T sum[kRows][kColumns] = {};
    if (p.packed()) {
      add_up<kPack<S>>(block, first, sum);
    } else {
      add_up<1>(block, first, sum);
    }
    LNRNN_UNROLL
    for (int r = 0; r < kRows; ++r) {
      T squares(0);
      LNRNN_UNROLL
      for (int c = 0; c < kColumns; ++c) {
        const int owner = r * kColumns + c;
        T total = before + warp_sum(block, sum[r][c]);  // the owner's
        if (p.add && p.square_sums != nullptr) total = block.shuffle(total, owner);
        const bool inside = r < p.rows && first + c < p.columns;
        if (inside) squares = fma(total, total, squares);
        if (kSegments && block.lane() == 0) {
          shared.squares[(block.warp() * kColumns + c) * kRows + r] = inside ? total * total : T(0);
        }
        if (!owns || block.lane() != owner) continue;
        // Together with those of the other lanes.
        const bool active = p.out.active(r);
        if (active || !p.add) p.out.sample(r)[own_column] = active ? total : T(0);
      }
      if (!kSegments && block.lane() == 0) shared.squares[block.warp() * kRows + r] = squares;
    }
    block.sync();
    if (p.square_sums == nullptr) return;
    if constexpr (kSegments) {
      store_squares_of_segments(block, shared);
    } else if (block.thread() < p.rows) {
      T squares(0);
      for (int w = 0; w < block.warps(); ++w) squares += shared.squares[w * kRows + block.thread()];
      p.square_sums[block.thread() * tiles_of(p.columns, kFewRowsTile) + block.index()] = squares;
    }
  }

 private:
  // A thread for each row and each segment that the tile has a share of.
  LNRNN_DEVICE void store_squares_of_segments(const Block& block, const Shared& shared) const {
    const int row = block.thread() % kRows;
    const int64_t first = block.index() * kFewRowsTile;
    const int segment = p.segments.at(first) + block.thread() / kRows;
    if (row >= p.rows || segment >= p.segments.count ||
        p.segments.begin[segment] >= first + kFewRowsTile) {
      return;
    }
    T squares(0);
    for (int column = 0; column < kFewRowsTile; ++column) {
      if (p.segments.contain(segment, first + column)) {
        squares += shared.squares[column * kRows + row];
      }
    }
    const int64_t slots = tiles_of(p.columns, kFewRowsTile) + p.segments.count - 1;
    p.square_sums[row * slots + block.index() + segment] = squares;
  }

  template <int kCount>
  LNRNN_DEVICE void add_up(const Block& block, int64_t first, T (&sum)[kRows][kColumns]) const {
    for (int64_t k = block.lane() * kCount; k < p.depth; k += kWarp * kCount) {
      T of_b[kColumns][kCount];
      LNRNN_UNROLL
      for (int c = 0; c < kColumns; ++c) {
        load<kCount>(p.b.sample(first + c < p.columns ? first + c : 0) + k, of_b[c]);
      }
      LNRNN_UNROLL
      for (int r = 0; r < kRows; ++r) {
        const int64_t row = r < p.rows ? r : 0;
        T of_a[kCount];
        if (p.exact_a == nullptr) {
          load<kCount>(p.a.sample(row) + k, of_a);
        } else {
          load<kCount>(p.exact_a + row * p.depth + k, of_a);
        }
        LNRNN_UNROLL
        for (int c = 0; c < kColumns; ++c) {
          LNRNN_UNROLL
          for (int i = 0; i < kCount; ++i) sum[r][c] = fma(of_a[i], of_b[c][i], sum[r][c]);
        }
      }
    }
  }

  template <int kCount, class E>
  LNRNN_DEVICE static void load(const E* from, T (&to)[kCount]) {
    if constexpr (kCount == 1) {
      to[0] = to_accumulation(*from);
    } else {
      LNRNN_UNROLL
      for (int i = 0; i < kCount; i += kPack<E>) load_pack(from + i, to + i);
    }
  }
};

}  // namespace lnrnn::cuda

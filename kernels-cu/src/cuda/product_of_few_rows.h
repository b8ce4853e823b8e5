// A product of few rows: a warp owns two columns of out for all rows; its lanes share out the depth.
// Reads the larger operand once, with nothing in shared memory, which is all that can be done for it.
#pragma once

#include "product.h"
#include "reduce.h"

namespace lnrnn::cuda {

constexpr int kFewRowsColumns = 2;  // of a warp
constexpr int kFewRowsThreads = 256;
constexpr int kFewRowsTile = kFewRowsColumns * kFewRowsThreads / kWarp;

// Blocks: kFewRowsTile columns each.
template <class S, int kRows>
struct ProductOfFewRows {
  static constexpr const char* kName = "product_of_few_rows";
  static constexpr int kMaxThreads = kFewRowsThreads;
  using T = accumulation_t<S>;

  struct Shared {
    Array<T, kMaxThreads / kWarp * kRows> squares;  // (warp, row)
  };

  Product<S> p;

  LNRNN_DEVICE void operator()(Block& block) const {
    auto& shared = block.template shared<Shared>();
    const int64_t first = block.index() * kFewRowsTile + block.warp() * kFewRowsColumns;
    const S* a[kRows];
    const T* exact_a[kRows];
    const S* b[kFewRowsColumns];
    for (int r = 0; r < kRows; ++r) {
      const int64_t row = r < p.rows ? r : 0;
      a[r] = p.a.sample(row);
      exact_a[r] = p.exact_a == nullptr ? nullptr : p.exact_a + row * p.depth;
    }
    for (int c = 0; c < kFewRowsColumns; ++c) {
      b[c] = p.b.sample(first + c < p.columns ? first + c : 0);
    }

    T sum[kRows][kFewRowsColumns] = {};
    for (int64_t k = block.lane(); k < p.depth; k += kWarp) {
      T of_b[kFewRowsColumns];
      for (int c = 0; c < kFewRowsColumns; ++c) of_b[c] = to_accumulation(b[c][k]);
      for (int r = 0; r < kRows; ++r) {
        const T of_a = p.exact_a == nullptr ? to_accumulation(a[r][k]) : exact_a[r][k];
        for (int c = 0; c < kFewRowsColumns; ++c) sum[r][c] = fma(of_a, of_b[c], sum[r][c]);
      }
    }
    for (int r = 0; r < kRows; ++r) {
      T squares(0);
      for (int c = 0; c < kFewRowsColumns; ++c) {
        const T total = warp_sum(block, sum[r][c]);
        const bool inside = r < p.rows && first + c < p.columns;
        if (inside) squares = fma(total, total, squares);
        // Any lane could: each result has its own, so that stores go out together.
        if (!inside || block.lane() != r * kFewRowsColumns + c) continue;
        p.store(r, first + c, total, p.out.active(r));
      }
      if (block.lane() == 0) shared.squares[block.warp() * kRows + r] = squares;
    }
    block.sync();
    if (p.square_sums != nullptr && block.thread() < p.rows) {
      T squares(0);
      for (int w = 0; w < block.warps(); ++w) squares += shared.squares[w * kRows + block.thread()];
      p.square_sums[block.thread() * tiles_of(p.columns, kFewRowsTile) + block.index()] = squares;
    }
  }
};

}  // namespace lnrnn::cuda

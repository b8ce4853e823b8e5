// A product of few columns, whose tiles would be empty for the most part: the gradient of a narrow
// input. A warp owns a row of out; its lanes share out the depth.
#pragma once

#include "cuda/machine/reduce.cuh"
#include "product.cuh"

namespace lnrnn::cuda {

constexpr int kFewColumns = 8;

// Blocks: as many rows as there are warps.
//   exact_a:(rows,depth)  b:(depth,columns)  out:(rows,columns)
template <class S>
struct ProductOfFewColumns {
  static constexpr const char* kName = "product_of_few_columns";
  static constexpr int kMaxThreads = 256;
  static constexpr int kWarps = kMaxThreads / kWarp;
  using T = accumulation_t<S>;

  Product<S, S> p;

  LNRNN_DEVICE void operator()(Block& block) const {
    const int64_t row = block.index() * kWarps + block.warp();
    const bool inside = row < p.rows, active = inside && p.out.active(row);
    T sum[kFewColumns] = {};
    for (int64_t k = block.lane(); k < p.depth && active; k += kWarp) {
      const T of_a = p.exact_a[row * p.depth + k];
      const S* const of_b = p.b.sample(k);
      for (int c = 0; c < kFewColumns; ++c) {
        if (c < p.columns) sum[c] = fma(of_a, to_accumulation(of_b[c]), sum[c]);
      }
    }
    for (int c = 0; c < kFewColumns; ++c) {
      const T total = warp_sum(block, sum[c]);
      if (inside && c < p.columns && block.lane() == c) p.store(row, c, total, active);
    }
  }
};

}  // namespace lnrnn::cuda

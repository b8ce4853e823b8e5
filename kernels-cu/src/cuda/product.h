// Matrix products: kernels, and the one launcher that chooses among them.
#pragma once

#include "rows.h"
#include "runtime.h"

namespace lnrnn::cuda {

// Which of an operand's two indices is summed over: its rows' features, or its samples.
enum class Depth { kFeatures, kSamples };

// out (rows, columns) = sum over depth of a and b; added to what out holds, if add.
//   a             (rows, depth), or (depth, rows) where its samples are summed over
//   b             (columns, depth), or (depth, columns)
//   out           samples beyond their length are set to 0, or left alone if add
//   square_sums   null, or (rows, square_sum_tiles(rows, columns)): sums of squares of out's rows,
//                 tile by tile, for the row's norm. kFeatures, kFeatures only.
template <class T>
struct Product {
  int64_t rows, columns, depth;
  Rows<const T> a;
  Rows<const T> b;
  Rows<T> out;
  bool add = false;
  T* square_sums = nullptr;
};

int64_t square_sum_tiles(int64_t rows, int64_t columns);

// The product of one time step: few rows, launched often. Always a kernel of ours.
template <class T>
lnrnnStatus_t multiply_step(const CudaStream& stream, const Product<T>& product);

// The product of many time steps at once: cuBLAS where it is there and the layout allows it.
template <Depth kA, Depth kB, class T>
lnrnnStatus_t multiply_sequence(const CudaStream& stream, const Product<T>& product);

}  // namespace lnrnn::cuda

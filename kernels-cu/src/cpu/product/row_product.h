// Matrix products over lists of rows.
//
// The rows of the left operand and of the result are gathered one by one, as pointers. So time-major,
// batch-major and strided tensors need no copy, and padding never takes part: its rows are not in
// the list.
#pragma once

#include <algorithm>
#include <cstring>

#include "core/size.h"
#include "cpu/machine/isa.h"
#include "cpu/machine/team.h"

namespace lnrnn::cpu {

// A (depth, columns) matrix in panels of P; see isa.h.
template <class T, class P = T>
struct PackedMatrix {
  int64_t depth = 0;
  int64_t columns = 0;
  P* panels = nullptr;

  static PackedMatrix take(Carver& carver, const Kernels<T>& kernels, int64_t depth,
                           int64_t columns) {
    const int64_t count = panel_count(columns, kernels.panel_width);
    return {depth, columns, carver.take<P>({count, depth, kernels.panel_width})};
  }
};

// How many rows one thread gathers and packs at once: packed, they stay in the second-level cache.
//
// Packed rows are in the caller's workspace. The pointers to rows are not: they are on the stack, so
// that nothing a caller does to its workspace meanwhile can send a pointer astray.
template <class T>
struct RowGroup {
  static constexpr int64_t kRows = 192;
  static constexpr int64_t kPackedElements = 256 * 1024 / sizeof(T);

  static int64_t capacity(const Kernels<T>& kernels, int64_t depth) {
    const int64_t tiles = kPackedElements / std::max<int64_t>(depth, 1) / kernels.tile_rows;
    return std::min(std::max<int64_t>(tiles, 1) * kernels.tile_rows, kRows);
  }

  // Room for capacity(depth) packed rows of any depth up to max_depth.
  static T* take(Carver& carver, const Kernels<T>& kernels, int64_t max_depth) {
    const int64_t few_deep = static_cast<int64_t>(
        std::min<uint64_t>(size_product({kernels.tile_rows, max_depth}), INT64_MAX));
    return carver.take<T>({std::max(few_deep, kPackedElements)});
  }
};

// out_row (+)= in_row times panels [begin, end) of a packed matrix, for every row added.
template <class T, class P = T>
class RowProduct {
 public:
  // packed: as RowGroup takes it.
  RowProduct(const Kernels<T>& kernels, const PackedMatrix<T, P>& matrix, T* packed, Span panels,
             bool accumulate)
      : kernels_(kernels), matrix_(matrix), packed_(packed), panels_(panels),
        accumulate_(accumulate), capacity_(RowGroup<T>::capacity(kernels, matrix.depth)) {}

  void add(const T* in, T* out) {
    in_[count_] = in;
    out_[count_] = out;
    if (++count_ == capacity_) flush();
  }

  // Multiplies the rows added since the last flush. To be called after the last row.
  void flush() {
    const int64_t blocks = block_count(count_, kernels_.tile_rows);
    for (int64_t block = 0; block < blocks; ++block) {
      const int64_t begin = block_begin(count_, kernels_.tile_rows, block);
      const int64_t rows = block_begin(count_, kernels_.tile_rows, block + 1) - begin;
      kernels_.interleave(in_ + begin, rows, rows, matrix_.depth, packed_ + begin * matrix_.depth);
    }
    if (count_ > 0) {
      multiply_of<P>(kernels_)(packed_, count_, matrix_.depth, matrix_.panels, matrix_.columns,
                               panels_.begin, panels_.end, out_, accumulate_);
    }
    count_ = 0;
  }

 private:
  const Kernels<T>& kernels_;
  const PackedMatrix<T, P>& matrix_;
  T* const packed_;
  const Span panels_;
  const bool accumulate_;
  const int64_t capacity_;
  int64_t count_ = 0;
  const T* in_[RowGroup<T>::kRows];
  T* out_[RowGroup<T>::kRows];
};

// Packs rows[k] (columns elements each) as row k of the matrix.
template <class T>
void pack_row(const Kernels<T>& kernels, const T* row, int64_t k, const PackedMatrix<T>& matrix) {
  const int64_t width = kernels.panel_width;
  for (int64_t column = 0; column < matrix.columns; column += width) {
    const int64_t valid = std::min(width, matrix.columns - column);
    T* const out = matrix.panels + column * matrix.depth + k * width;
    std::copy_n(row + column, valid, out);
    std::fill_n(out + valid, width - valid, T(0));
  }
}

// to[j] (+)= from[j]
template <class T>
void add_numbers(const T* from, int64_t n, T* to, bool accumulate) {
  for (int64_t j = 0; j < n; ++j) to[j] = accumulate ? to[j] + from[j] : from[j];
}

// Where sums over many entries are added up: as a tree, because the rounding errors of one chain of
// additions grow with its length. kBlocks blocks of kEntries entries are added up in a matrix of its own,
// kBlocks of these in the next, and the last kBlocks at most where the sum is wanted. Where so many blocks
// are all there is no such matrix. Rows of a matrix are of width numbers.
template <class T>
struct PartialSums {
  static constexpr int64_t kEntries = 256, kBlocks = 64;

  T* base = nullptr;
  int count = 0;
  int64_t rows = 0, width = 0;

  static PartialSums take(Carver& carver, int64_t entries, int64_t rows, int64_t width) {
    PartialSums partial;
    partial.rows = rows;
    partial.width = width;
    for (int64_t sums = block_count(entries, kEntries); sums > kBlocks;
         sums = block_count(sums, kBlocks)) {
      ++partial.count;
    }
    partial.base = carver.take<T>({partial.count, rows, width});
    return partial;
  }
  T* row(int matrix, int64_t m) const { return base + (matrix * rows + m) * width; }
};

// Sums of outer products: gradient[m][j] (+)= sum over entries of left[m] right[j], for the rows m
// of a share. Entries are gathered one by one and summed in the order in which they came, in
// blocks and sums of these as PartialSums has it.
template <class T>
class OuterProducts {
 public:
  // packed, panels: as RowGroup and take_panels take them. partial: for so many entries, or more; others
  // may use the rows of other shares. gradient (rows, columns).
  OuterProducts(const Kernels<T>& kernels, T* packed, T* panels, const PartialSums<T>& partial,
                T* gradient, int64_t columns, Span rows, bool accumulate)
      : kernels_(kernels), packed_(packed), panels_(panels), partial_(partial), gradient_(gradient),
        columns_(columns), rows_(rows) {
    if (!accumulate) {
      std::fill_n(gradient + rows.begin * columns, (rows.end - rows.begin) * columns, T(0));
    }
  }

  static T* take_panels(Carver& carver, const Kernels<T>& kernels, int64_t max_columns) {
    return PackedMatrix<T>::take(carver, kernels, kEntries, max_columns).panels;
  }

  void add(const T* left, const T* right) {
    left_[count_] = left;
    right_[count_] = right;
    if (++count_ == kEntries) end_block();
  }

  // To be called after the last entry.
  void finish() {
    if (count_ > 0) end_block();
    bool carried = false;
    int64_t sums = blocks_;  // that came to a matrix
    for (int matrix = 0; matrix < partial_.count; ++matrix) {
      carried = carried || sums % kBlocks != 0;
      sums = block_count(sums, kBlocks);
      if (carried) carry(matrix, sums);
    }
  }

 private:
  static constexpr int64_t kEntries = PartialSums<T>::kEntries, kBlocks = PartialSums<T>::kBlocks;

  void end_block() {
    const PackedMatrix<T> right{count_, columns_, panels_};
    for (int64_t k = 0; k < count_; ++k) pack_row(kernels_, right_[k], k, right);
    const int64_t capacity = RowGroup<T>::capacity(kernels_, count_);
    for (int64_t m = rows_.begin; m < rows_.end; m += capacity) {
      multiply(right, m, std::min(capacity, rows_.end - m));
    }
    count_ = 0;
    int64_t sums = ++blocks_;
    for (int matrix = 0; matrix < partial_.count && sums % kBlocks == 0; ++matrix) {
      sums /= kBlocks;
      carry(matrix, sums);
    }
  }

  void multiply(const PackedMatrix<T>& right, int64_t first, int64_t rows) {
    T* out_row[RowGroup<T>::kRows];
    kernels_.gather(left_, count_, first, rows, packed_);
    for (int64_t r = 0; r < rows; ++r) out_row[r] = row(0, first + r);
    kernels_.multiply(packed_, rows, count_, right.panels, columns_, 0,
                      panel_count(columns_, kernels_.panel_width), out_row, adds(0, blocks_ + 1));
  }

  // The gradient stands behind all matrices.
  T* row(int matrix, int64_t m) const {
    return matrix < partial_.count ? partial_.row(matrix, m) : gradient_ + m * columns_;
  }
  // Whether the nth sum that comes to a matrix is added to others.
  bool adds(int matrix, int64_t nth) const {
    return matrix == partial_.count || (nth - 1) % kBlocks != 0;
  }
  // The sum in a matrix is the nth that comes to the next.
  void carry(int matrix, int64_t nth) const {
    for (int64_t m = rows_.begin; m < rows_.end; ++m) {
      add_numbers(row(matrix, m), columns_, row(matrix + 1, m), adds(matrix + 1, nth));
    }
  }

  const Kernels<T>& kernels_;
  T* const packed_;
  T* const panels_;
  const PartialSums<T>& partial_;
  T* const gradient_;
  const int64_t columns_;
  const Span rows_;
  int64_t count_ = 0;
  int64_t blocks_ = 0;
  const T* left_[kEntries];
  const T* right_[kEntries];
};

}  // namespace lnrnn::cpu

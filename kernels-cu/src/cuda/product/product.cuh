// Matrix products: one launcher that chooses among the kernels.
#pragma once

#include "core/shape.h"
#include "cuda/machine/elements.cuh"
#include "cuda/machine/rows.cuh"
#include "cuda/machine/runtime.h"

namespace lnrnn::cuda {

// Which of an operand's two indices is summed over: its rows' features, or its samples.
enum class Depth { kFeatures, kSamples };

// Of samples there may be any number: sums over so many of them are one chain, and added to a total.
constexpr int kChainOfSamples = 256;

// Numbers that are loaded at once.
template <class S>
constexpr int kPack = static_cast<int>(sizeof(Words) / sizeof(S));

// How the tensor cores take numbers of 16 bits.
template <class S>
constexpr MmaType kMmaType = std::is_same_v<S, Bf16> ? MmaType::kBf16 : MmaType::kF16;

// Where the columns of a row have statistics of their own.
struct SegmentColumns {
  int count = 1;
  int64_t begin[kMostGates + 1] = {0, INT64_MAX, INT64_MAX, INT64_MAX, INT64_MAX};

  static SegmentColumns of(const Segments& segments, int64_t gate_width) {
    SegmentColumns columns;
    columns.count = segments.count;
    for (int s = 1; s < segments.count; ++s) columns.begin[s] = segments.begin(s) * gate_width;
    return columns;
  }
  // The segment of a column.
  LNRNN_DEVICE int at(int64_t column) const {
    int segment = 0;
    LNRNN_UNROLL
    for (int s = 1; s < kMostGates; ++s) segment += column >= begin[s];
    return segment;
  }
  LNRNN_DEVICE bool contain(int segment, int64_t column) const {
    return column >= begin[segment] && column < begin[segment + 1];
  }
};

// Sums of squares of a row: of each tile of columns one, and one more where a tile has a share of a next segment,
// at the sum of both numbers.
struct SquareSumSlots {
  int64_t count;
  int begin[kMostGates], end[kMostGates];  // of each segment

  // Those that multiply_step writes.
  static SquareSumSlots of(int64_t rows, const Segments& segments, int64_t gate_width);
};

// out (rows, columns) = sum over depth of a and b; added to what out holds, if add. Operands are of
// the data type S, sums of the type it is computed with; out is of either.
//   a             (rows, depth), or (depth, rows) where its samples are summed over
//   b             (columns, depth), or (depth, columns)
//   out           samples beyond their length are set to 0, or left alone if add
//   exact_a       null, or (rows, depth) a before it was rounded to S: products of few rows or columns,
//                 which do not use the tensor cores, read that instead.
//   partial       null, or (rows, columns) of out's type for sums over more than most_samples_of_calls:
//                 multiply_sequence over samples only.
//   square_sums   null, or (rows, slots of square_sums): sums of squares of out's rows, tile by tile and
//                 segment by segment, for the norms of rows. multiply_step only.
template <class S, class O = accumulation_t<S>>
struct Product {
  int64_t rows, columns, depth;
  Rows<const S> a;
  Rows<const S> b;
  Rows<O> out;
  bool add = false;
  const accumulation_t<S>* exact_a = nullptr;
  O* partial = nullptr;
  accumulation_t<S>* square_sums = nullptr;
  SegmentColumns segments{};

  // Whether the rows of both operands, of depth numbers, begin and end where Words can be loaded;
  // exact_a's then do, too.
  LNRNN_DEVICE bool packed() const { return packed(a) && packed(b); }

  // active: out.active(row)
  LNRNN_DEVICE void store(int64_t row, int64_t column, accumulation_t<S> sum, bool active) const {
    O& to = out.sample(row)[column];
    if (active) {
      to = to_storage<O>(add ? to_accumulation(to) + sum : sum);
    } else if (!add) {
      to = to_storage<O>(0);
    }
  }

 private:
  LNRNN_DEVICE bool packed(const Rows<const S>& rows) const {
    return depth % kPack<S> == 0 && rows.row_stride % kPack<S> == 0 &&
           reinterpret_cast<uintptr_t>(rows.base) % sizeof(Words) == 0;
  }
};

// The part of out that a block owns, where blocks are tiles, columns first.
template <int kRows, int kColumns>
struct OutTile {
  int64_t first_row, first_column;

  static int64_t count(int64_t rows, int64_t columns) {
    return tiles_of(rows, kRows) * tiles_of(columns, kColumns);
  }
  LNRNN_DEVICE static OutTile of(const Block& block, int64_t columns) {
    const int64_t across = tiles_of(columns, kColumns);
    return {block.index() / across * kRows, block.index() % across * kColumns};
  }
};

// Whether exact_a is read: by multiply_step where it has so many rows, and by multiply_sequence, over
// a's features and b's samples, where it has so many columns.
bool has_few_rows(int64_t rows);
bool has_few_columns(int64_t columns);

// How many samples cuBLAS sums in one call: the longest chain that it may make of them, of calls that add to each
// other's results as well. In 16 bits a call is done sooner, and its operands have lost more.
constexpr int64_t kMostCalls = 64;
template <class S>
constexpr int64_t kSamplesOfCall = std::is_same_v<S, float> ? 1024 : 8192;
// More samples than that are added up call after call in a matrix that is added to the result at times.
template <class S>
constexpr int64_t kSamplesOfCalls = kMostCalls* kSamplesOfCall<S>;

// The product of one time step: few rows, launched often. Always a kernel of ours.
template <class S>
lnrnnStatus_t multiply_step(const CudaStream& stream, const Product<S>& product);

// The product of many time steps at once: cuBLAS where it is there and the layout allows it.
template <Depth kA, Depth kB, class S, class O>
lnrnnStatus_t multiply_sequence(const CudaStream& stream, const Product<S, O>& product);

}  // namespace lnrnn::cuda

// out (rows, columns) = a b, in two shapes.
//
// Tiles: a block owns a kTile x kTile tile of out and walks along the depth in chunks, which it
// brings to shared memory; a thread keeps 4 x 4 results in registers. Small tiles leave threads over:
// groups of threads then share out each chunk, and add up at the end.
//
// Few rows: a warp owns two columns of out for all rows; its lanes share out the depth. Reads the
// larger operand once, with nothing in shared memory, which is all that can be done for it.
#include "product.h"

#include "../cell/scalar.h"
#include "cublas.h"
#include "reduce.h"

namespace lnrnn::cuda {

namespace {

LNRNN_CELL int64_t tiles_of(int64_t n, int64_t tile) { return (n + tile - 1) / tile; }

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
  static constexpr int kSide = 4;                       // results of a thread: kSide x kSide
  static constexpr int kLine = kTile / kSide;           // threads along one side of the tile
  static constexpr int kGroup = kLine * kLine;          // threads that cover the tile once
  static constexpr int kGroups = kMaxThreads / kGroup;
  static_assert(kGroup % kWarp == 0, "one group finishes, with shuffles of whole warps");
  static constexpr int kDepth = kTile == 64 ? 16 : 32;  // of a chunk
  using LoaderA = ChunkLoader<T, kA, kTile, kDepth, kMaxThreads>;
  using LoaderB = ChunkLoader<T, kB, kTile, kDepth, kMaxThreads>;

  struct Shared {
    Array<T, kDepth * LoaderA::kPitch> a, b;
    Array<T, kGroups == 1 ? 1 : (kGroups - 1) * kTile * kTile> of_groups;
  };

  Product<T> p;

  LNRNN_DEVICE void operator()(Block& block) const {
    auto& shared = block.template shared<Shared>();
    const int64_t tiles = tiles_of(p.columns, kTile);
    const int64_t first_row = block.index() / tiles * kTile;
    const int64_t first_column = block.index() % tiles * kTile;
    const int group = block.thread() / kGroup, member = block.thread() % kGroup;
    const int my_row = member / kLine * kSide, my_column = member % kLine * kSide;

    LoaderA a(p.a, first_row, p.rows, block.thread());
    LoaderB b(p.b, first_column, p.columns, block.thread());
    T sum[kSide][kSide] = {};
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
      block.sync();
    }
    if constexpr (kGroups > 1) add_groups(block, shared, group, member, sum);
    if (group == 0) finish(block, first_row + my_row, first_column, my_column, sum);
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

  LNRNN_DEVICE void finish(Block& block, int64_t first_row, int64_t first_column, int my_column,
                           const T (&sum)[kSide][kSide]) const {
    for (int i = 0; i < kSide; ++i) {
      const int64_t row = first_row + i;
      const bool inside = row < p.rows;
      const bool active = inside && p.out.active(row);
      T squares(0);
      for (int j = 0; j < kSide; ++j) {
        const int64_t column = first_column + my_column + j;
        if (!inside || column >= p.columns) continue;
        T& out = p.out.sample(row)[column];
        if (active) {
          out = p.add ? out + sum[i][j] : sum[i][j];
        } else if (!p.add) {
          out = T(0);
        }
        squares = fma(sum[i][j], sum[i][j], squares);
      }
      if (p.square_sums == nullptr) continue;
      // The threads of a line stand side by side in a warp.
      for (int mask = kLine / 2; mask > 0; mask /= 2) squares += block.shuffle_xor(squares, mask);
      if (inside && my_column == 0) {
        p.square_sums[row * tiles_of(p.columns, kTile) + first_column / kTile] = squares;
      }
    }
  }
};

constexpr int kFewRowsColumns = 2;  // of a warp
constexpr int kFewRowsThreads = 256;
constexpr int kFewRowsTile = kFewRowsColumns * kFewRowsThreads / kWarp;

// Blocks: kFewRowsTile columns each.
template <class T, int kRows>
struct ProductOfFewRows {
  static constexpr const char* kName = "product_of_few_rows";
  static constexpr int kMaxThreads = kFewRowsThreads;

  struct Shared {
    Array<T, kMaxThreads / kWarp * kRows> squares;  // (warp, row)
  };

  Product<T> p;

  LNRNN_DEVICE void operator()(Block& block) const {
    auto& shared = block.template shared<Shared>();
    const int64_t first = block.index() * kFewRowsTile + block.warp() * kFewRowsColumns;
    const T* a[kRows];
    const T* b[kFewRowsColumns];
    for (int r = 0; r < kRows; ++r) a[r] = p.a.sample(r < p.rows ? r : 0);
    for (int c = 0; c < kFewRowsColumns; ++c) b[c] = p.b.sample(first + c < p.columns ? first + c : 0);

    T sum[kRows][kFewRowsColumns] = {};
    for (int64_t k = block.lane(); k < p.depth; k += kWarp) {
      T of_b[kFewRowsColumns];
      for (int c = 0; c < kFewRowsColumns; ++c) of_b[c] = b[c][k];
      for (int r = 0; r < kRows; ++r) {
        const T of_a = a[r][k];
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
        T& out = p.out.sample(r)[first + c];
        if (p.out.active(r)) {
          out = p.add ? out + total : total;
        } else if (!p.add) {
          out = T(0);
        }
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

template <class T, Depth kA, Depth kB, int kTile>
lnrnnStatus_t launch_tiles(const CudaStream& stream, const Product<T>& p) {
  using Kernel = ProductByTiles<T, kA, kB, kTile>;
  return launch(stream,
                {tiles_of(p.rows, kTile) * tiles_of(p.columns, kTile), Kernel::kMaxThreads,
                 sizeof(typename Kernel::Shared)},
                Kernel{p});
}

template <class T, int kRows>
lnrnnStatus_t launch_few_rows(const CudaStream& stream, const Product<T>& p) {
  using Kernel = ProductOfFewRows<T, kRows>;
  return launch(stream,
                {tiles_of(p.columns, kFewRowsTile), Kernel::kMaxThreads,
                 sizeof(typename Kernel::Shared)},
                Kernel{p});
}

constexpr int64_t kFewRows = 8;
constexpr int kStepTile = 32;  // a step has too few rows for larger ones to keep the device busy
// Doubles of a larger tile would not fit the registers.
template <class T>
constexpr int kSequenceTile = sizeof(T) == 4 ? 64 : 32;

}  // namespace

int64_t square_sum_tiles(int64_t rows, int64_t columns) {
  return tiles_of(columns, rows <= kFewRows ? kFewRowsTile : kStepTile);
}

template <class T>
lnrnnStatus_t multiply_step(const CudaStream& stream, const Product<T>& p) {
  if (p.rows <= 1) return launch_few_rows<T, 1>(stream, p);
  if (p.rows <= 2) return launch_few_rows<T, 2>(stream, p);
  if (p.rows <= 4) return launch_few_rows<T, 4>(stream, p);
  if (p.rows <= kFewRows) return launch_few_rows<T, kFewRows>(stream, p);
  return launch_tiles<T, Depth::kFeatures, Depth::kFeatures, kStepTile>(stream, p);
}

template <Depth kA, Depth kB, class T>
lnrnnStatus_t multiply_sequence(const CudaStream& stream, const Product<T>& p) {
  const auto plain = [](const auto& rows) {
    return rows.uniform() && rows.lengths.lengths == nullptr;
  };
  if (stream.cublas != nullptr && plain(p.a) && plain(p.b) && plain(p.out)) {
    const Gemm<T> gemm{kA == Depth::kSamples, kB == Depth::kFeatures, p.rows,        p.columns,
                       p.depth,               p.a.base,               p.a.row_stride, p.b.base,
                       p.b.row_stride,        p.out.base,             p.out.row_stride, p.add};
    if (gemm.fits()) return stream.cublas->multiply(stream, gemm);
  }
  return launch_tiles<T, kA, kB, kSequenceTile<T>>(stream, p);
}

#define LNRNN_INSTANTIATE(T)                                                                  \
  template lnrnnStatus_t multiply_step(const CudaStream&, const Product<T>&);                 \
  template lnrnnStatus_t multiply_sequence<Depth::kFeatures, Depth::kFeatures>(               \
      const CudaStream&, const Product<T>&);                                                  \
  template lnrnnStatus_t multiply_sequence<Depth::kFeatures, Depth::kSamples>(                \
      const CudaStream&, const Product<T>&);                                                  \
  template lnrnnStatus_t multiply_sequence<Depth::kSamples, Depth::kSamples>(                 \
      const CudaStream&, const Product<T>&);
LNRNN_INSTANTIATE(float)
LNRNN_INSTANTIATE(double)
#undef LNRNN_INSTANTIATE

}  // namespace lnrnn::cuda

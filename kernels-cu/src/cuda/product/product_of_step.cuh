// A product of one time step, whose rows are few and whose latency is what counts: each warp owns 16 or
// 32 rows and 16 columns of out over a share of the depth, brings its operands to shared memory of its
// own, and meets the other warps once, when the shares are added up.
#pragma once

#include "cell/scalar.h"
#include "product.cuh"

namespace lnrnn::cuda {

// A chunk of the depth in shared memory: 128 bytes of each row of a, then of each column of b.
constexpr int kStepLine = 8;  // Words
template <int kLines>
struct StepChunk {
  Array<Words, kLines * kStepLine> words;

  // Whatever 8 lanes load or store at once lies in different banks: they are at one line, or at two
  // neighbours and 4 words of each, or at one word of 4 neighbours.
  LNRNN_DEVICE Words& at(int line, int word) {
    return words[line * kStepLine + (word ^ (line & 1) << 2 ^ (line >> 1 & 3))];
  }
};

// What a warp makes of a chunk on the multiply-add units: its lanes stand 8 x 4 over rows and columns.
template <class S, int kRows, int kColumns>
class StepSums {
  static constexpr int kDown = kRows / 8, kAcross = kColumns / 4;

 public:
  LNRNN_DEVICE void add(const Block& block, StepChunk<kRows + kColumns>& chunk) {
    constexpr int kCount = kPack<S>;
    LNRNN_UNROLL_BY_2
    for (int word = 0; word < kStepLine; ++word) {
      S of_a[kDown][kCount], of_b[kAcross][kCount];
      LNRNN_UNROLL
      for (int i = 0; i < kDown; ++i)
        memcpy(of_a[i], &chunk.at(row(block, i), word), sizeof(Words));
      LNRNN_UNROLL
      for (int j = 0; j < kAcross; ++j) {
        memcpy(of_b[j], &chunk.at(kRows + column(block, j), word), sizeof(Words));
      }
      LNRNN_UNROLL
      for (int k = 0; k < kCount; ++k) {
        LNRNN_UNROLL
        for (int i = 0; i < kDown; ++i) {
          LNRNN_UNROLL
          for (int j = 0; j < kAcross; ++j) sum_[i][j] = fma(of_a[i][k], of_b[j][k], sum_[i][j]);
        }
      }
    }
  }

  // out(row, column, sum) for each of the lane's.
  template <class F>
  LNRNN_DEVICE void each(const Block& block, const F& out) const {
    LNRNN_UNROLL
    for (int i = 0; i < kDown; ++i) {
      LNRNN_UNROLL
      for (int j = 0; j < kAcross; ++j) out(row(block, i), column(block, j), sum_[i][j]);
    }
  }

 private:
  LNRNN_DEVICE static int row(const Block& block, int i) { return block.lane() / 4 + 8 * i; }
  LNRNN_DEVICE static int column(const Block& block, int j) { return block.lane() % 4 + 4 * j; }

  S sum_[kDown][kAcross] = {};
};

// The same on the tensor cores, in fragments of 16 x 8 results. A sum may take its terms in any order,
// so a lane's pairs of one instruction are those that it loads together, not those that PTX names.
template <class S, int kRows, int kColumns>
class TensorStepSums {
  static constexpr int kDown = kRows / 16, kAcross = kColumns / 8;

 public:
  LNRNN_DEVICE void add(const Block& block, StepChunk<kRows + kColumns>& chunk) {
    const int group = block.lane() / 4, pair = block.lane() % 4;
    LNRNN_UNROLL
    for (int word = pair; word < kStepLine; word += 4) {
      Words of_a[kDown][2], of_b[kAcross];
      LNRNN_UNROLL
      for (int i = 0; i < kDown; ++i) {
        LNRNN_UNROLL
        for (int half = 0; half < 2; ++half)
          of_a[i][half] = chunk.at(16 * i + 8 * half + group, word);
      }
      LNRNN_UNROLL
      for (int j = 0; j < kAcross; ++j) of_b[j] = chunk.at(kRows + 8 * j + group, word);
      LNRNN_UNROLL
      for (int at = 0; at < 4; at += 2) {
        LNRNN_UNROLL
        for (int i = 0; i < kDown; ++i) {
          const uint32_t a[4] = {of_a[i][0].word[at], of_a[i][1].word[at], of_a[i][0].word[at + 1],
                                 of_a[i][1].word[at + 1]};
          LNRNN_UNROLL
          for (int j = 0; j < kAcross; ++j) {
            const uint32_t b[2] = {of_b[j].word[at], of_b[j].word[at + 1]};
            block.template mma<kMmaType<S>>(sum_[i][j], a, b);
          }
        }
      }
    }
  }

  template <class F>
  LNRNN_DEVICE void each(const Block& block, const F& out) const {
    LNRNN_UNROLL
    for (int i = 0; i < kDown; ++i) {
      LNRNN_UNROLL
      for (int j = 0; j < kAcross; ++j) {
        LNRNN_UNROLL
        for (int e = 0; e < 4; ++e) {
          out(16 * i + e / 2 * 8 + block.lane() / 4, 8 * j + block.lane() % 4 * 2 + e % 2,
              sum_[i][j][e]);
        }
      }
    }
  }

 private:
  float sum_[kDown][kAcross][4] = {};
};

// Operands and out are of one step: row by row at equal distances. Blocks: tiles of kRows x
// kTileColumns, columns first.
template <class S, int kRows, int kAcross, bool kSegments>
struct ProductOfStep {
  static constexpr const char* kName = "product_of_step";
  static constexpr int kMaxThreads = 256;
  // Two where that leaves enough registers for each.
  static constexpr int kResidentBlocks = kRows == 16 && sizeof(S) == 2 ? 2 : 1;
  static constexpr int kColumns = 16;  // of a warp
  static constexpr int kTileColumns = kColumns * kAcross;
  using Tile = OutTile<kRows, kTileColumns>;
  static constexpr int kWarps = kMaxThreads / kWarp;
  static constexpr int kDeep = kWarps / kAcross;  // warps with the same columns
  static constexpr int kLines = kRows + kColumns;
  static constexpr int kDepth = kStepLine * kPack<S>;  // of a chunk
  static constexpr int kLoads = kLines * kStepLine / kWarp;
  using T = accumulation_t<S>;
  using Sums = std::conditional_t<std::is_same_v<S, T>, StepSums<S, kRows, kColumns>,
                                  TensorStepSums<S, kRows, kColumns>>;

  union Shared {
    Array<StepChunk<kLines>, kWarps> chunks;
    Array<T, kWarps * kRows * kColumns> sums;  // (warp, row, column)
  };

  Product<S> p;

  LNRNN_DEVICE void operator()(Block& block) const {
    auto& shared = block.template shared<Shared>();
    const auto [first_row, first_column] = Tile::of(block, p.columns);
    // What is added to is on its way meanwhile.
    T before[kRows / kColumns][kAcross] = {};
    each_result(block, first_row, first_column, [&](int i, int j, T& out, bool) {
      if (p.add) before[i][j] = out;
    });

    Sums sums;
    auto& chunk = shared.chunks[block.warp()];
    int64_t column = first_column + block.warp() / kDeep * kColumns;
    if (column >= p.columns) column = first_column;  // another's, and left
    if (p.packed()) {
      add_up(block, chunk, first_row, column, sums);
    } else {
      add_up_one_by_one(block, chunk, first_row, column, sums);
    }
    block.sync();  // chunks and sums are one memory
    T* const mine = &shared.sums[block.warp() * kRows * kColumns];
    sums.each(block, [&](int row, int column, T sum) { mine[row * kColumns + column] = sum; });
    block.sync();

    // Of the whole row, or the results, of which each segment takes its own.
    T squares[kRows / kColumns] = {}, result[kRows / kColumns][kAcross] = {};
    each_result(block, first_row, first_column, [&](int i, int j, T& out, bool active) {
      T sum(0);
      LNRNN_UNROLL
      for (int deep = 0; deep < kDeep; ++deep) {
        sum += shared.sums[((j * kDeep + deep) * kRows + i * kColumns) * kColumns + block.thread()];
      }
      sum = before[i][j] + sum;
      if constexpr (kSegments) {
        result[i][j] = sum;
      } else {
        squares[i] = fma(sum, sum, squares[i]);
      }
      if (active) {
        out = sum;
      } else if (!p.add) {
        out = T(0);
      }
    });
    if (p.square_sums == nullptr) return;
    const int64_t slots =
        tiles_of(p.columns, kTileColumns) + (kSegments ? p.segments.count - 1 : 0);
    if constexpr (!kSegments) {
      store_squares(block, first_row, slots, first_column / kTileColumns, squares);
    } else {
      for (int segment = p.segments.at(first_column);
           segment < p.segments.count && p.segments.begin[segment] < first_column + kTileColumns;
           ++segment) {
        LNRNN_UNROLL
        for (int i = 0; i < kRows / kColumns; ++i) {
          squares[i] = T(0);
          LNRNN_UNROLL
          for (int j = 0; j < kAcross; ++j) {
            const int64_t column = first_column + j * kColumns + block.thread() % kColumns;
            if (!p.segments.contain(segment, column)) continue;
            squares[i] = fma(result[i][j], result[i][j], squares[i]);
          }
        }
        store_squares(block, first_row, slots, first_column / kTileColumns + segment, squares);
      }
    }
  }

 private:
  LNRNN_DEVICE void store_squares(const Block& block, int64_t first_row, int64_t slots,
                                  int64_t slot, T (&squares)[kRows / kColumns]) const {
    LNRNN_UNROLL
    for (int i = 0; i < kRows / kColumns; ++i) {
      // The threads of a row stand side by side in a warp.
      LNRNN_UNROLL
      for (int mask = kColumns / 2; mask > 0; mask /= 2) {
        squares[i] += block.shuffle_xor(squares[i], mask);
      }
      const int64_t row = first_row + i * kColumns + block.thread() / kColumns;
      if (block.thread() % kColumns == 0 && row < p.rows) {
        p.square_sums[row * slots + slot] = squares[i];
      }
    }
  }

  // The results of a thread, in each 16 rows and 16 columns one: use(i, j, out, active).
  template <class F>
  LNRNN_DEVICE void each_result(const Block& block, int64_t first_row, int64_t first_column,
                                const F& use) const {
    static_assert(kMaxThreads == kColumns * kColumns);
    LNRNN_UNROLL
    for (int i = 0; i < kRows / kColumns; ++i) {
      const int64_t row = first_row + i * kColumns + block.thread() / kColumns;
      if (row >= p.rows) continue;
      const bool active = p.out.lengths.active(p.out.first_step, row);
      T* const out = p.out.base + row * p.out.row_stride;
      LNRNN_UNROLL
      for (int j = 0; j < kAcross; ++j) {
        const int64_t column = first_column + j * kColumns + block.thread() % kColumns;
        if (column < p.columns) use(i, j, out[column], active);
      }
    }
  }

  // The warp's share of the depth; the next chunk is fetched while one is worked on.
  LNRNN_DEVICE void add_up(const Block& block, StepChunk<kLines>& chunk, int64_t first_row,
                           int64_t first_column, Sums& sums) const {
    constexpr int kStride = kWarp / kStepLine;  // lines between a lane's loads
    constexpr int kNext = kDeep * kDepth;
    const int line = block.lane() / kStepLine, word = block.lane() % kStepLine;
    const int depth = static_cast<int>(p.depth);
    int k = block.warp() % kDeep * kDepth;
    const S* a = p.a.base + first_row * p.a.row_stride + k + word * kPack<S>;
    const S* b = p.b.base + first_column * p.b.row_stride + k + word * kPack<S>;
    int offset[kLoads];
    LNRNN_UNROLL
    for (int i = 0; i < kLoads; ++i) {
      const bool of_a = i * kStride < kRows;
      const int at = line + i * kStride - (of_a ? 0 : kRows);
      // In the place of what lies beyond the last row or column another is multiplied, and left.
      const bool inside = of_a ? first_row + at < p.rows : first_column + at < p.columns;
      offset[i] = inside ? at * static_cast<int>(of_a ? p.a.row_stride : p.b.row_stride) : 0;
    }
    Words fetched[kLoads] = {};
    const auto fetch = [&](int left) {
      LNRNN_UNROLL
      for (int i = 0; i < kLoads; ++i) {
        fetched[i] = left > 0 ? load_words((i * kStride < kRows ? a : b) + offset[i]) : Words{};
      }
      a += kNext;
      b += kNext;
    };
    fetch(depth - k - word * kPack<S>);
    for (; k < depth; k += kNext) {
      LNRNN_UNROLL
      for (int i = 0; i < kLoads; ++i) chunk.at(line + i * kStride, word) = fetched[i];
      block.sync_warp();
      fetch(depth - k - kNext - word * kPack<S>);
      sums.add(block, chunk);
      block.sync_warp();
    }
  }

  // Likewise, where rows do not begin at multiples of 16 bytes.
  LNRNN_DEVICE void add_up_one_by_one(const Block& block, StepChunk<kLines>& chunk,
                                      int64_t first_row, int64_t first_column, Sums& sums) const {
    for (int64_t start = block.warp() % kDeep * kDepth; start < p.depth; start += kDeep * kDepth) {
      for (int at = block.lane(); at < kLines * kDepth; at += kWarp) {
        const int line = at / kDepth, in_line = at % kDepth;
        const int64_t row = first_row + line, column = first_column + line - kRows;
        const int64_t k = start + in_line;
        S value{};
        if (k < p.depth && line < kRows && row < p.rows) value = p.a.base[row * p.a.row_stride + k];
        if (k < p.depth && line >= kRows && column < p.columns) {
          value = p.b.base[column * p.b.row_stride + k];
        }
        memcpy(reinterpret_cast<S*>(&chunk.at(line, in_line / kPack<S>)) + in_line % kPack<S>,
               &value, sizeof value);
      }
      block.sync_warp();
      sums.add(block, chunk);
      block.sync_warp();
    }
  }
};

}  // namespace lnrnn::cuda

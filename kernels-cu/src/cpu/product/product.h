// The packed matrix product of one instruction set: packing, register tiles and their choice.
// isa.h says what the packed forms are.
#pragma once

#include <algorithm>
#include <array>
#include <utility>

#include "cpu/machine/isa.h"
#include "cpu/machine/simd.h"

namespace lnrnn::cpu::LNRNN_ISA {

// A tile is kTileRows rows by one panel of two vectors: the accumulators, two vectors of the panel
// and a broadcast fill the register file.
constexpr int kTileRows = kVectorRegisters == 32 ? 12 : 6;
template <class T>
constexpr int kPanelWidth = 2 * Vec<T>::kWidth;

// out[k width + j] = rows[j][k], for four j and four k.
template <class T>
LNRNN_SIMD void interleave_four(const T* const* rows, int64_t k, int64_t width, T* out) {
  using Four = typename VecTypes<T>::Four;
  Four row[4];
#pragma GCC unroll 4
  for (int j = 0; j < 4; ++j) std::memcpy(&row[j], rows[j] + k, sizeof row[j]);
  const Four low01 = __builtin_shufflevector(row[0], row[1], 0, 4, 1, 5);
  const Four high01 = __builtin_shufflevector(row[0], row[1], 2, 6, 3, 7);
  const Four low23 = __builtin_shufflevector(row[2], row[3], 0, 4, 1, 5);
  const Four high23 = __builtin_shufflevector(row[2], row[3], 2, 6, 3, 7);
  const Four column[4] = {__builtin_shufflevector(low01, low23, 0, 1, 4, 5),
                          __builtin_shufflevector(low01, low23, 2, 3, 6, 7),
                          __builtin_shufflevector(high01, high23, 0, 1, 4, 5),
                          __builtin_shufflevector(high01, high23, 2, 3, 6, 7)};
#pragma GCC unroll 4
  for (int j = 0; j < 4; ++j) std::memcpy(out + (k + j) * width, &column[j], sizeof column[j]);
}

template <class T>
static void interleave(const T* const* rows, int64_t count, int64_t width, int64_t depth, T* out) {
  int64_t k = 0;
  for (; count >= 4 && k + 4 <= depth; k += 4) {
    // The last four overlap those before where count is not a multiple.
    for (int64_t j = 0; j < count; j += 4) {
      const int64_t first = std::min(j, count - 4);
      interleave_four(rows + first, k, width, out + first);
    }
  }
  for (int64_t j = 0; j < count; ++j) {
    for (int64_t rest = k; rest < depth; ++rest) out[rest * width + j] = rows[j][rest];
  }
  for (int64_t j = count; j < width; ++j) {
    for (k = 0; k < depth; ++k) out[k * width + j] = T(0);
  }
}

template <class T, int Rows>
static void gather_block(const T* const* rows, int64_t count, int64_t column, T* out) {
  for (int64_t k = 0; k < count; ++k)
    std::memcpy(out + k * Rows, rows[k] + column, Rows * sizeof(T));
}

template <class T>
LNRNN_SIMD void store_tile_row(T* out, const Vec<T> (&value)[2], int64_t valid, bool accumulate) {
  constexpr int kWidth = Vec<T>::kWidth;
  for (int half = 0; half < 2; ++half) {
    const int64_t left = valid - half * kWidth;
    T* p = out + half * kWidth;
    if (left >= kWidth) {
      store(p, accumulate ? load(p) + value[half] : value[half]);
    } else if (left > 0) {
      const int count = static_cast<int>(left);
      store_partial(p, accumulate ? load_partial(p, count, T(0)) + value[half] : value[half],
                    count);
    }
  }
}

// Panels are read in pieces of so many k: one stays in the first-level cache while all rows pass over it.
// The sums over pieces are added up in order, whatever the tile; that also rounds less than one chain.
constexpr int64_t kPiece = 256;
// How many k a full tile takes between two tests for the end.
constexpr int kUnroll = 4;
// Cache lines of a panel of P in kUnroll k.
template <class T, class P>
constexpr int kLines = kPanelWidth<T>* kUnroll * sizeof(P) / kLineBytes;

// A few rows take several panels at once, to have enough independent chains in flight to hide the
// latency of the multiply-add: as far as there are registers, of which what is widened needs one more.
constexpr int panels_at_once(int rows, bool widens) {
  return rows == 1 ? 4 : 4 * rows + (widens ? 5 : 4) <= kVectorRegisters ? 2 : 1;
}
// Where registers are to spare, unrolling only lets the compiler reorder the chains, to their cost.
constexpr bool fills_registers(int rows) { return rows >= kTileRows - 1; }

// Rows rows of one block by Panels neighbouring panels, over one piece of the depth.
//   block   [k][Rows]
//   panels  [Panels][k][panel width], panel_stride elements from one to the next
//   ahead   memory that is wanted soon: Lines cache lines of it, and of what lies as far from it as the other
//           panels do, are fetched for every kUnroll k
template <class T, class P, int Rows, int Panels, int Lines>
static void multiply_tile(const T* block, int64_t depth, const P* panels, int64_t panel_stride,
                          const char* ahead, T* const* out, int64_t column, int64_t columns,
                          bool accumulate) {
  constexpr int kColumns = kPanelWidth<T>;
  Vec<T> sums[Rows][Panels][2];
#pragma GCC unroll 12
  for (int r = 0; r < Rows; ++r) {
#pragma GCC unroll 4
    for (int p = 0; p < Panels; ++p) sums[r][p][0] = sums[r][p][1] = Vec<T>(T(0));
  }
  // By the time the sums are there their places are, too.
#pragma GCC unroll 12
  for (int r = 0; r < Rows; ++r) __builtin_prefetch(out[r] + column, 1);
  const auto multiply_at = [&](int j) LNRNN_INLINE {
    Vec<T> b[Panels][2];
#pragma GCC unroll 4
    for (int p = 0; p < Panels; ++p) {
      load_pair(panels + p * panel_stride + j * kColumns, b[p]);
    }
#pragma GCC unroll 12
    for (int r = 0; r < Rows; ++r) {
      const Vec<T> a(block[j * Rows + r]);
#pragma GCC unroll 4
      for (int p = 0; p < Panels; ++p) {
        sums[r][p][0] = fma(a, b[p][0], sums[r][p][0]);
        sums[r][p][1] = fma(a, b[p][1], sums[r][p][1]);
      }
    }
  };
  if constexpr (Lines > 0 || fills_registers(Rows)) {
    const int64_t apart = panel_stride * static_cast<int64_t>(sizeof(P));
    for (; depth >= kUnroll; depth -= kUnroll) {
#pragma GCC unroll 4
      for (int p = 0; p < Panels; ++p) {
#pragma GCC unroll 8
        for (int line = 0; line < Lines; ++line) {
          __builtin_prefetch(ahead + p * apart + line * kLineBytes, 0, 2);
        }
      }
      if constexpr (fills_registers(Rows)) {
#pragma GCC unroll 4
        for (int j = 0; j < kUnroll; ++j) multiply_at(j);
      } else {
#pragma GCC unroll 1
        for (int j = 0; j < kUnroll; ++j) multiply_at(j);
      }
      block += kUnroll * Rows;
      panels += kUnroll * kColumns;
      ahead += Lines * kLineBytes;
    }
  }
  for (; depth > 0; --depth) {
    multiply_at(0);
    block += Rows;
    panels += kColumns;
  }
#pragma GCC unroll 12
  for (int r = 0; r < Rows; ++r) {
#pragma GCC unroll 4
    for (int p = 0; p < Panels; ++p) {
      const int64_t first = column + p * kColumns;
      store_tile_row(out[r] + first, sums[r][p], columns - first, accumulate);
    }
  }
}

// Matrices up to kNear stay in the second-level cache, what is larger than kFar comes from memory.
constexpr int64_t kNear = 3 << 20, kFar = 12 << 20;

// Whether to fetch ahead. A single row loads so much for each multiply-add that the loads are all that counts, but for
// panels of 16 bits, which are half as much. Panels of full width that come from memory are
// best left to the processor, which sees that they are read in order, unless arithmetic hides what more requests cost;
// of those near by two or three rows want nothing fetched either.
template <class T, class P>
constexpr bool fetches_ahead(int rows, int64_t matrix_bytes) {
  constexpr bool kStored = sizeof(P) < sizeof(T);
  if (rows == 1) return kStored && matrix_bytes > 2 * kNear;
  if (kStored || fills_registers(rows)) return true;
  if (matrix_bytes > kFar) return rows > 4;
  return rows > 3 || matrix_bytes >= kNear;
}
// Whether panels are taken several at once, where there are registers for it.
template <class T, class P>
constexpr bool takes_several(int rows, int64_t matrix_bytes) {
  return sizeof(P) < sizeof(T) || rows <= 3 || matrix_bytes <= kFar;
}

// The rows of one block, which stream the panels: nothing of them is used again.
template <class T, class P, int Rows>
static void multiply_few(const T* block, int64_t depth, const P* panels, int64_t columns,
                         int64_t panel_begin, int64_t panel_end, T* const* out, bool accumulate) {
  constexpr int64_t kColumns = kPanelWidth<T>;
  constexpr int kPanels = panels_at_once(Rows, sizeof(P) < sizeof(T));
  constexpr int kAhead = kLines<T, P>;
  const int64_t bytes = columns * depth * static_cast<int64_t>(sizeof(P));
  const bool ahead = fetches_ahead<T, P>(Rows, bytes);
  const int64_t most = takes_several<T, P>(Rows, bytes) ? kPanels : 1;
  const auto of_one =
      ahead ? multiply_tile<T, P, Rows, 1, kAhead> : multiply_tile<T, P, Rows, 1, 0>;
  const auto of_several =
      ahead ? multiply_tile<T, P, Rows, kPanels, kAhead> : multiply_tile<T, P, Rows, kPanels, 0>;
  for (int64_t panel = panel_begin; panel < panel_end;) {
    const bool several = panel + most <= panel_end && most > 1;
    const int64_t taken = several ? most : 1;
    const auto tile = several ? of_several : of_one;
    // Even without any k there are sums to store.
    for (int64_t k = 0; k == 0 || k < depth; k += kPiece) {
      const int64_t piece = std::min(depth - k, kPiece);
      const P* const source = panels + (panel * depth + k) * kColumns;
      const P* const next = k + piece < depth ? source + piece * kColumns
                                              : panels + (panel + taken) * depth * kColumns;
      tile(block + k * Rows, piece, source, depth * kColumns, reinterpret_cast<const char*>(next),
           out, panel * kColumns, columns, accumulate || k > 0);
    }
    panel += taken;
  }
}

template <class T, class P>
using Few = void (*)(const T*, int64_t, const P*, int64_t, int64_t, int64_t, T* const*, bool);

// One for each number of rows.
template <class T, class P, int... kRowsLessOne>
constexpr std::array<Few<T, P>, kTileRows> few_rows(std::integer_sequence<int, kRowsLessOne...>) {
  return {multiply_few<T, P, kRowsLessOne + 1>...};
}

template <class T>
using Tile = void (*)(const T*, int64_t, const T*, int64_t, const char*, T* const*, int64_t,
                      int64_t, bool);
// By the lines fetched ahead, which are shared by two blocks at least.
template <class T>
constexpr int kMostShare = (kLines<T, T> + 1) / 2;
template <class T>
using Tiles = std::array<Tile<T>, kMostShare<T> + 1>;

template <class T, int Rows, int... kAhead>
constexpr Tiles<T> tiles_of(std::integer_sequence<int, kAhead...>) {
  return {multiply_tile<T, T, Rows, 1, kAhead>...};
}

// Those for each number of rows that one of several blocks has.
constexpr int kFewestTileRows = kTileRows / 2;
template <class T, int... kMore>
constexpr std::array<Tiles<T>, sizeof...(kMore)> tiles(std::integer_sequence<int, kMore...>) {
  return {tiles_of<T, kFewestTileRows + kMore>(
      std::make_integer_sequence<int, kMostShare<T> + 1>{})...};
}

// A piece of a panel as numbers to compute with: itself, or widened into room for it.
template <class T>
static const T* widened(const T* piece, int64_t, T*) {
  return piece;
}
template <class T, class P>
static const T* widened(const P* piece, int64_t n, T* room) {
  for (int64_t j = 0; j < n; j += kPanelWidth<T>) {
    Vec<T> pair[2];
    load_pair(piece + j, pair);
    store(room + j, pair[0]);
    store(room + j + Vec<T>::kWidth, pair[1]);
  }
  return room;
}

// Several blocks, which share what is widened and fetched.
template <class T, class P>
static void multiply_many(const T* packed_rows, int64_t rows, int64_t depth, const P* panels,
                          int64_t columns, int64_t panel_begin, int64_t panel_end, T* const* out,
                          bool accumulate) {
  static constexpr auto kTiles =
      tiles<T>(std::make_integer_sequence<int, kTileRows - kFewestTileRows + 1>{});
  constexpr int64_t kColumns = kPanelWidth<T>;
  alignas(64) T room[std::is_same_v<T, P> ? 1 : kPiece * kColumns];
  const int64_t blocks = block_count(rows, kTileRows);
  for (int64_t panel = panel_begin; panel < panel_end; ++panel) {
    for (int64_t k = 0; k == 0 || k < depth; k += kPiece) {
      const int64_t piece = std::min(depth - k, kPiece);
      const P* const stored = panels + (panel * depth + k) * kColumns;
      const T* const source = widened(stored, piece * kColumns, room);
      // The blocks share the lines of the piece that comes next, so that none of them waits for memory.
      const char* ahead = reinterpret_cast<const char*>(stored + piece * kColumns);
      int64_t lines = kLines<T, P>;
      for (int64_t block = 0; block < blocks; ++block) {
        const int64_t begin = block_begin(rows, kTileRows, block);
        const int64_t width = block_begin(rows, kTileRows, block + 1) - begin;
        const int64_t share = block_count(lines, blocks - block);
        lines -= share;
        kTiles[static_cast<size_t>(width - kFewestTileRows)][static_cast<size_t>(share)](
            packed_rows + begin * depth + k * width, piece, source, 0, ahead, out + begin,
            panel * kColumns, columns, accumulate || k > 0);
        ahead += share * (piece / kUnroll) * kLineBytes;
      }
    }
  }
}

template <class T, class P>
static void multiply(const T* packed_rows, int64_t rows, int64_t depth, const P* panels,
                     int64_t columns, int64_t panel_begin, int64_t panel_end, T* const* out,
                     bool accumulate) {
  static constexpr auto kFew = few_rows<T, P>(std::make_integer_sequence<int, kTileRows>{});
  if (rows == 0) return;
  if (rows <= kTileRows) {
    kFew[static_cast<size_t>(rows - 1)](packed_rows, depth, panels, columns, panel_begin, panel_end,
                                        out, accumulate);
  } else {
    multiply_many(packed_rows, rows, depth, panels, columns, panel_begin, panel_end, out,
                  accumulate);
  }
}

template <class T>
using Gather = void (*)(const T* const*, int64_t, int64_t, T*);

// One for each number of rows, because copies of a size known to the compiler are a move or two.
template <class T, int... kRowsLessOne>
constexpr std::array<Gather<T>, kTileRows> gathers(std::integer_sequence<int, kRowsLessOne...>) {
  return {gather_block<T, kRowsLessOne + 1>...};
}

template <class T>
static void gather(const T* const* rows, int64_t depth, int64_t column, int64_t columns, T* out) {
  static constexpr auto kGathers = gathers<T>(std::make_integer_sequence<int, kTileRows>{});
  // Rows may lie a power of two apart: more of them at a time would drive each other from the cache.
  constexpr int64_t kRowsAtOnce = 8;
  const int64_t blocks = block_count(columns, kTileRows);
  for (int64_t k = 0; k < depth; k += kRowsAtOnce) {
    const int64_t count = std::min(depth - k, kRowsAtOnce);
    for (int64_t block = 0; block < blocks; ++block) {
      const int64_t begin = block_begin(columns, kTileRows, block);
      const int64_t width = block_begin(columns, kTileRows, block + 1) - begin;
      kGathers[static_cast<size_t>(width - 1)](rows + k, count, column + begin,
                                               out + begin * depth + k * width);
    }
  }
}

// As many independent chains as a tile has.
template <class T>
static double spin_flops(int64_t iterations) {
  constexpr int kCount = 2 * kTileRows;
  Vec<T> chain[kCount];
  for (int j = 0; j < kCount; ++j) chain[j] = Vec<T>(T(j));
  const Vec<T> a(T(0.999)), b(T(0.001));
  for (int64_t i = 0; i < iterations; ++i) {
#pragma GCC unroll 24
    for (int j = 0; j < kCount; ++j) chain[j] = fma(chain[j], a, b);
  }
  Vec<T> total(T(0));
  for (int j = 0; j < kCount; ++j) total = total + chain[j];
  volatile T sink = sum(total);
  (void)sink;
  return 2.0 * kCount * Vec<T>::kWidth * static_cast<double>(iterations);
}

}  // namespace lnrnn::cpu::LNRNN_ISA

// The packed matrix product of one instruction set: packing, register tiles and their choice.
// isa.h says what the packed forms are.
#pragma once

#include <array>
#include <utility>

#include "isa.h"
#include "simd.h"

namespace lnrnn::cpu::LNRNN_ISA {

// A tile is kTileRows rows by one panel of two vectors: the accumulators, two vectors of the panel
// and a broadcast fill the register file.
constexpr int kTileRows = kVectorRegisters == 32 ? 12 : 6;
template <class T>
constexpr int kPanelWidth = 2 * Vec<T>::kWidth;

template <class T>
static void interleave(const T* const* rows, int64_t count, int64_t width, int64_t depth, T* out) {
  for (int64_t j = 0; j < width; ++j) {
    if (j < count) {
      const T* row = rows[j];
      for (int64_t k = 0; k < depth; ++k) out[k * width + j] = row[k];
    } else {
      for (int64_t k = 0; k < depth; ++k) out[k * width + j] = T(0);
    }
  }
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
      store_partial(p, accumulate ? load_partial(p, count, T(0)) + value[half] : value[half], count);
    }
  }
}

// Rows rows of one block by Panels neighbouring panels. Few rows take several panels at once, to
// have enough independent chains in flight to hide the latency of the multiply-add.
template <class T, int Rows, int Panels>
static void multiply_tile(const T* block, int64_t depth, const T* panel, T* const* out,
                          int64_t column, int64_t columns, bool accumulate) {
  constexpr int kWidth = Vec<T>::kWidth;
  constexpr int kColumns = kPanelWidth<T>;
  Vec<T> sums[Rows][Panels][2];
#pragma GCC unroll 12
  for (int r = 0; r < Rows; ++r) {
#pragma GCC unroll 4
    for (int p = 0; p < Panels; ++p) sums[r][p][0] = sums[r][p][1] = Vec<T>(T(0));
  }
  for (int64_t k = 0; k < depth; ++k) {
    Vec<T> b[Panels][2];
#pragma GCC unroll 4
    for (int p = 0; p < Panels; ++p) {
      const T* source = panel + p * depth * kColumns + k * kColumns;
      b[p][0] = load(source);
      b[p][1] = load(source + kWidth);
    }
#pragma GCC unroll 12
    for (int r = 0; r < Rows; ++r) {
      const Vec<T> a(block[k * Rows + r]);
#pragma GCC unroll 4
      for (int p = 0; p < Panels; ++p) {
        sums[r][p][0] = fma(a, b[p][0], sums[r][p][0]);
        sums[r][p][1] = fma(a, b[p][1], sums[r][p][1]);
      }
    }
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

template <class T>
using Tile = void (*)(const T*, int64_t, const T*, T* const*, int64_t, int64_t, bool);

constexpr int panels_at_once(int rows) { return rows == 1 ? 4 : rows <= 3 ? 2 : 1; }

template <class T>
struct TileChoice {
  int panels;
  Tile<T> wide;    // that many panels
  Tile<T> single;  // one panel, for what is left
};

template <class T, int Rows>
constexpr TileChoice<T> tile_choice() {
  return {panels_at_once(Rows), multiply_tile<T, Rows, panels_at_once(Rows)>,
          multiply_tile<T, Rows, 1>};
}

// One tile for each number of rows.
template <class T, int... kRowsLessOne>
constexpr std::array<TileChoice<T>, kTileRows> tile_choices(
    std::integer_sequence<int, kRowsLessOne...>) {
  return {tile_choice<T, kRowsLessOne + 1>()...};
}

template <class T>
static const TileChoice<T>& choose_tile(int64_t rows) {
  static constexpr auto kChoices = tile_choices<T>(std::make_integer_sequence<int, kTileRows>{});
  return kChoices[static_cast<size_t>(rows - 1)];
}

template <class T>
static void multiply(const T* packed_rows, int64_t rows, int64_t depth, const T* panels,
                     int64_t columns, int64_t panel_begin, int64_t panel_end, T* const* out,
                     bool accumulate) {
  constexpr int64_t kColumns = kPanelWidth<T>;
  const int64_t blocks = block_count(rows, kTileRows);
  // A panel stays in the cache while all rows pass over it; one row alone streams the panels, four
  // at a time.
  const int64_t stride = blocks == 1 ? choose_tile<T>(rows).panels : 1;
  for (int64_t panel = panel_begin; panel < panel_end;) {
    const bool wide = panel + stride <= panel_end;
    for (int64_t block = 0; block < blocks; ++block) {
      const int64_t begin = block_begin(rows, kTileRows, block);
      const TileChoice<T>& tile =
          choose_tile<T>(block_begin(rows, kTileRows, block + 1) - begin);
      (wide && stride > 1 ? tile.wide : tile.single)(
          packed_rows + begin * depth, depth, panels + panel * kColumns * depth, out + begin,
          panel * kColumns, columns, accumulate);
    }
    panel += wide ? stride : 1;
  }
}

// As many independent chains as a tile has.
template <class T>
static double spin_flops(int64_t iterations) {
  constexpr int kChains = 2 * kTileRows;
  Vec<T> chain[kChains];
  for (int j = 0; j < kChains; ++j) chain[j] = Vec<T>(T(j));
  const Vec<T> a(T(0.999)), b(T(0.001));
  for (int64_t i = 0; i < iterations; ++i) {
#pragma GCC unroll 24
    for (int j = 0; j < kChains; ++j) chain[j] = fma(chain[j], a, b);
  }
  Vec<T> total(T(0));
  for (int j = 0; j < kChains; ++j) total = total + chain[j];
  volatile T sink = sum(total);
  (void)sink;
  return 2.0 * kChains * Vec<T>::kWidth * static_cast<double>(iterations);
}

}  // namespace lnrnn::cpu::LNRNN_ISA

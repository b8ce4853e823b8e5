// The instruction sets the CPU kernels are compiled for, and the table of kernels each provides.
// Code outside isa_*.cpp knows kernels only through these tables.
#pragma once

#include <cstddef>
#include <cstdint>

namespace lnrnn::cpu {

// Everything one (t, n) row of an LSTM needs, forward. Vectors of H or 4H elements (i,f,g,o), as
// shapes say. Pointers marked optional may be null, which switches their part off.
template <class T>
struct LstmForwardRow {
  int64_t hidden;
  T epsilon;
  T zoneout;             // expectation of inference: h = p h' + (1-p) h~; 0 where masks are drawn
  const T* a;            // (4H) x W_ih'; x W_ih' + h W_hh' where r is null
  const T* r;            // (4H) h W_hh', optional: null without normalisation of the gates
  const T* bias;         // (4H)
  const T* gain_i;       // (4H), with r
  const T* gain_h;       // (4H), with r
  const T* gain_c;       // (H), optional: null without normalisation of the cell
  const T* bias_c;       // (H), with gain_c
  const T* h_before;     // (H)
  const T* c_before;     // (H)
  const uint8_t* update; // (H), optional: zoneout's mask
  T* h;                  // (H), may be h_before
  T* c;                  // (H), may be c_before
  T* y;                  // (H), optional
  T* statistics;         // kStatistics, optional
  T* scratch;            // (H)
};

// Row statistics kept for backward: mean and 1/std of A, r and u.
enum Statistic { kMeanA, kRstdA, kMeanR, kRstdR, kMeanU, kRstdU, kStatistics };

// The same row, backward.
template <class T>
struct LstmBackwardRow {
  int64_t hidden;
  const T* a;
  const T* r;
  const T* bias;
  const T* gain_i;
  const T* gain_h;
  const T* gain_c;
  const T* bias_c;
  const T* c_before;
  const T* c;            // (H) what forward stored
  const T* statistics;
  const uint8_t* update;
  const T* dy;           // (H), optional
  T* dh;                 // (H) in: gradient by h; out: the part by h_before that passes by R
  T* dc;                 // (H) in: gradient by c; out: by c_before
  T* da;                 // (4H) out: gradient by A
  T* dr;                 // (4H) out: gradient by r; null without normalisation of the gates
  T* dbias;              // (4H), added to; likewise the following, each with its gain
  T* dgain_i;
  T* dgain_h;
  T* dgain_c;
  T* dbias_c;
  T* scratch;            // (4H)
};

// Matrix products work on packed operands:
//   row blocks: up to tile_rows rows interleaved, [k][row], all blocks of a list one after another,
//     sized by block_begin();
//   panels: panel_width columns of the other operand, [k][column], zero-filled at the edge.
// Every element is one chain of fused multiply-adds over k, whatever the tiling: the bits of a
// product do not depend on how its rows and panels were shared out.
template <class T>
struct Kernels {
  int tile_rows;
  int panel_width;

  // out[k][j] = rows[j][k] for j < count, 0 for count <= j < width; k < depth.
  void (*interleave)(const T* const* rows, int64_t count, int64_t width, int64_t depth, T* out);

  // out[r] (+)= packed row r times panels [panel_begin, panel_end) of columns columns.
  void (*multiply)(const T* packed_rows, int64_t rows, int64_t depth, const T* panels,
                   int64_t columns, int64_t panel_begin, int64_t panel_end, T* const* out,
                   bool accumulate);

  void (*lstm_forward_row)(const LstmForwardRow<T>& row);
  void (*lstm_backward_row)(const LstmBackwardRow<T>& row);

  // For tests: elementwise over n values.
  void (*sigmoid)(const T* x, T* y, int64_t n);
  void (*tanh)(const T* x, T* y, int64_t n);

  // For calibration: runs independent multiply-adds in registers and returns how many flops.
  double (*spin_flops)(int64_t iterations);
};

struct Isa {
  const char* name;
  Kernels<float> f32;
  Kernels<double> f64;
};

// Compiled in and supported here, best first; ends with null.
const Isa* const* available_isas();

// The named one, or the best where name is null; null where there is no such.
const Isa* find_isa(const char* name);

// Rows are shared out to blocks as evenly as can be: block b of a list of rows begins here, and
// block_count(rows) blocks end at rows.
inline int64_t block_count(int64_t rows, int64_t tile_rows) {
  return (rows + tile_rows - 1) / tile_rows;
}
inline int64_t block_begin(int64_t rows, int64_t tile_rows, int64_t block) {
  const int64_t blocks = block_count(rows, tile_rows);
  return blocks == 0 ? 0 : rows / blocks * block + (block < rows % blocks ? block : rows % blocks);
}

inline int64_t panel_count(int64_t columns, int64_t panel_width) {
  return (columns + panel_width - 1) / panel_width;
}

}  // namespace lnrnn::cpu

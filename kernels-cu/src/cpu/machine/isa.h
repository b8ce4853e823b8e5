// The instruction sets the CPU kernels are compiled for, and the table of kernels each provides.
// Code outside isa_*.cpp knows kernels only through these tables.
#pragma once

#include <cstddef>
#include <cstdint>
#include <type_traits>

#include "cell/half.h"
#include "cell/philox.h"
#include "cell/zoneout.h"
#include "core/plan.h"

namespace lnrnn::cpu {

// How the products of a row are normalised: known before the walk, because the loops over a row are too
// short of instructions to ask at every vector.
enum class Norms {
  kNone,
  kWhole,     // all of them, each as one segment
  kSegments,  // some of them, or otherwise
  kSum,       // their sum
};
inline Norms norms_of(const CellShape& shape) {
  if (shape.site(TermKind::kSum) != nullptr) return Norms::kSum;
  const NormSite* const of_x = shape.site(TermKind::kInput);
  const NormSite* const of_h = shape.site(TermKind::kRecurrent);
  if (of_x == nullptr && of_h == nullptr) return Norms::kNone;
  const auto whole = [](const NormSite* site) {
    return site != nullptr && site->segments.count == 1;
  };
  return whole(of_x) && (whole(of_h) || !shape.keeps_recurrent_product()) ? Norms::kWhole
                                                                          : Norms::kSegments;
}

// What the rows of a pass have in common.
template <class T>
struct RowPass {
  const CellShape* shape;
  int64_t width, output_width;  // H and P
  Vectors<const T*> vectors;
  Norms norms;
  const NormSite* site[kTermKinds];  // null where the term is not normalised
  int statistics[kTermKinds];        // where those of the term stand among a row's, in numbers
  const T*
      inside;  // (G H) what a norm of the sum has added before it measures; null where there is nothing
  T epsilon;
  T clip;                                  // of a shape that is clipped
  ZoneoutShares<T> zoneout, zoneout_cell;  // inference's; where masks are drawn h and c are new
  T candidate_scale;                       // of what recurrent dropout keeps

  RowPass(const Strand& strand, const Vectors<T*>& values)
      : shape(&strand.shape()), width(strand.cell_width()), output_width(strand.output_width()),
        vectors(read_only(values)), norms(norms_of(*shape)), inside(nullptr),
        epsilon(static_cast<T>(strand.plan.description.epsilon)),
        clip(static_cast<T>(strand.plan.description.cellClip)),
        candidate_scale(kept_scale<T>(strand.plan.description.dropoutCandidate)) {
    for (int kind = 0; kind < kTermKinds; ++kind) {
      site[kind] = shape->site(static_cast<TermKind>(kind));
      statistics[kind] = 2 * shape->first_statistic(static_cast<TermKind>(kind));
    }
    const NormSite* const of_sum = shape->site(TermKind::kSum);
    if (of_sum != nullptr && of_sum->has_bias_inside()) inside = vectors[Slot::kBias];
  }
};

// What lies between two products, for one (t, n) row, forward and backward alike. What is optional may
// be null, which switches its part off.
template <class T>
struct Row {
  const RowPass<T>* pass;
  const T* a;                     // (G H) x W_ih'; x W_ih' + h W_hh' + pass->inside where r is null
  const T* r;                     // (G H) h W_hh', where the shape has separate products
  const T* h_before;              // (P)
  const T* c_before;              // (H), where the shape carries a cell
  const uint8_t* update;          // (P), optional: zoneout's mask
  const uint8_t* update_cell;     // (H), optional: the same of the carried c
  const uint8_t* keep_candidate;  // (H), optional: recurrent dropout's mask
  T* statistics;  // mean and 1/std of each segment of each site; optional in inference
  T* scratch;     // (kRowScratch, H)
  T* d;  // (H), where h is projected: what the cell puts out, D, and h is D W_hr'; else null
  // The rows of a and r that come next, to be fetched meanwhile: they were written long ago. Only their
  // addresses are used.
  const T *next_a, *next_r;

  LNRNN_CELL_METHOD const T* vector(Slot slot) const { return pass->vectors[slot]; }
};
constexpr int kRowScratch = 6;

template <class T>
struct ForwardRow : Row<T> {
  const T* projected;  // (P) D W_hr'
  T* h;                // (P), may be h_before
  T* c;                // (H), may be c_before
  T* y;                // (P), optional
};

template <class T>
struct BackwardRow : Row<T> {
  const T* dd;              // (H) gradient by D, where there is one
  T* dprojected;            // (P) that by D W_hr'
  const T* dy;              // (P), optional
  T* dh;                    // (P) in: gradient by h; out: the part by h_before that passes by R
  T* dc;                    // (H) in: gradient by c; out: by c_before
  T* da;                    // (G H) out: gradient by a
  T* dr;                    // (G H) out: gradient by r, where there is one
  T *next_da, *next_dr;     // as next_a and next_r
  const Vectors<T*>* sums;  // added to

  LNRNN_CELL_METHOD T* sum(Slot slot) const { return (*sums)[slot]; }
};

// The generator's keys of every round, in its order: see cell/philox.h.
struct PhiloxKeys {
  uint64_t of_word[2][kPhiloxRounds] = {};

  PhiloxKeys() = default;
  explicit PhiloxKeys(uint64_t seed) {
    uint32_t key[2] = {static_cast<uint32_t>(seed), static_cast<uint32_t>(seed >> 32)};
    for (int round = 0; round < kPhiloxRounds; ++round) {
      of_word[0][round] = key[0];
      of_word[1][round] = key[1];
      key[0] += kPhiloxWeyl0;
      key[1] += kPhiloxWeyl1;
    }
  }
};

// Decisions about a random tensor, feature by feature: keep where the word is below the threshold.
struct Draw {
  PhiloxKeys keys;
  uint64_t threshold = 0;
  uint32_t stream = 0;
};
// Features [first, first + count) of its rows (step, row) ... (step + steps - 1, row); first is a multiple
// of 4.
struct DrawnRows {
  uint32_t step;
  int64_t steps;
  uint32_t row;
  int64_t first, count;
};

// c (rows, columns) += a (rows, depth) b (depth, columns): every element a chain in the order of the depth,
// of products and sums that are rounded one by one, the same bits in every instruction set. columns is a
// multiple of 16; strides are of rows, in elements.
struct PlainProduct {
  int64_t rows, columns, depth;
  const double* a;
  int64_t a_stride;
  const double* b;
  int64_t b_stride;
  double* c;
  int64_t c_stride;
};

// Matrix products work on packed operands:
//   row blocks: up to tile_rows rows interleaved, [k][row], all blocks of a list one after another,
//     sized by block_begin();
//   panels: panel_width columns of the other operand, [k][column], zero-filled at the edge.
//     Of bfloat16 numbers, which are the upper halves of floats, the columns of a panel's first half
//     alternate with those of the second, so that one load gives both by a shift and a mask.
// Every element is a sum of chains of fused multiply-adds, one for each piece of k, whatever the tiling:
// the bits of a product do not depend on how its rows and panels were shared out.
//   out[r] (+)= packed row r times panels [panel_begin, panel_end) of columns columns.
template <class T, class P>
using Multiply = void (*)(const T* packed_rows, int64_t rows, int64_t depth, const P* panels,
                          int64_t columns, int64_t panel_begin, int64_t panel_end, T* const* out,
                          bool accumulate);

template <class T>
struct Kernels {
  int tile_rows;
  int panel_width;

  // out[k][j] = rows[j][k] for j < count, 0 for count <= j < width; k < depth.
  void (*interleave)(const T* const* rows, int64_t count, int64_t width, int64_t depth, T* out);

  // Row blocks of the transposed matrix: those of its columns [column, column + columns).
  void (*gather)(const T* const* rows, int64_t depth, int64_t column, int64_t columns, T* out);

  Multiply<T, T> multiply;
  // Panels of 16-bit numbers, where T is float: half the bytes, and the same bits as of the widened ones.
  Multiply<T, F16> multiply_f16;
  Multiply<T, Bf16> multiply_bf16;

  // Of every cell. Where h is projected the row ends at D, and begins there backward: project_row and
  // unproject_row do what is left of h.
  void (*forward_row)(const ForwardRow<T>& row);
  void (*project_row)(const ForwardRow<T>& row);
  void (*unproject_row)(const BackwardRow<T>& row);
  void (*backward_row)(const BackwardRow<T>& row);

  // sum += part, elementwise over n values.
  void (*add)(const T* part, int64_t n, T* sum);
  // high + low += part, and part = 0, elementwise over n values; see src/cell/total.h.
  void (*move_to_total)(T* part, int64_t n, T* high, T* low);

  // keeps (steps, count): 1 or 0.
  void (*draw)(const Draw& draw, const DrawnRows& rows, uint8_t* keeps);
  // The first n words of the quads from at.word[0] on.
  void (*random_words)(const PhiloxKeys& keys, const Philox4& at, int64_t n, uint32_t* out);
  // Bit j of bits, a row of n (see bit_row_bytes): whether bytes[j] is not 0.
  void (*pack_bits)(const uint8_t* bytes, int64_t n, uint8_t* bits);
  // out[j] = values[j] scale where bit j is set, else 0. out may be values.
  void (*drop)(const T* values, const uint8_t* keeps, T scale, int64_t n, T* out);

  // For tests: elementwise over n values.
  void (*sigmoid)(const T* x, T* y, int64_t n);
  void (*tanh)(const T* x, T* y, int64_t n);

  // For calibration: runs independent multiply-adds in registers and returns how many flops.
  double (*spin_flops)(int64_t iterations);
};

// That of panels of P.
template <class P, class T>
Multiply<T, P> multiply_of(const Kernels<T>& kernels) {
  if constexpr (std::is_same_v<P, F16>) {
    return kernels.multiply_f16;
  } else if constexpr (std::is_same_v<P, Bf16>) {
    return kernels.multiply_bf16;
  } else {
    return kernels.multiply;
  }
}

// For initial parameters.
struct Initializers {
  // n normally distributed numbers from as many words; n is a multiple of 16.
  void (*normals)(const uint32_t* words, int64_t n, double* out);
  void (*add_plain)(const PlainProduct& product);
};

struct Isa {
  const char* name;
  Kernels<float> f32;
  Kernels<double> f64;
  Initializers initializers;
};

// Compiled in and supported here, best first; ends with null.
const Isa* const* available_isas();

// The named one, or the best where name is null; null where there is no such.
const Isa* find_isa(const char* name);

// Rows are shared out to blocks as evenly as can be: block b of a list of rows begins here, and
// block_count(rows) blocks end at rows.
inline int64_t block_count(int64_t rows, int64_t tile_rows) {
  return rows / tile_rows + (rows % tile_rows != 0);
}
inline int64_t block_begin(int64_t rows, int64_t tile_rows, int64_t block) {
  const int64_t blocks = block_count(rows, tile_rows);
  return blocks == 0 ? 0 : rows / blocks * block + (block < rows % blocks ? block : rows % blocks);
}

// Where column j of a panel of P stands in it.
template <class P>
constexpr int64_t stored_column(int64_t j, int64_t panel_width) {
  const int64_t half = panel_width / 2;
  return std::is_same_v<P, Bf16> ? j % half * 2 + j / half : j;
}

inline int64_t panel_count(int64_t columns, int64_t panel_width) {
  return (columns + panel_width - 1) / panel_width;
}

}  // namespace lnrnn::cpu

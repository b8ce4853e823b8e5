// What a cell and its normalisation are made of: all that parameters, time loops and row kernels need to
// know to serve every cell. Nobody else knows a normalisation by its name: a new one is a new row of
// cell_shape.
#pragma once

#include <cstdint>
#include <optional>

#include "cell/host_device.h"
#include "lnrnn.h"

namespace lnrnn {

enum class CellKind {
  kLstm,
  kGru,
  kJointGru,  // its gates see the sum of both products alone: the reset gate takes the whole of n
  kIndrnn,
};
constexpr int kMostGates = 4;

// A term is a row that may be normalised. In the order in which statistics stand and norms are listed.
enum class TermKind {
  kInput,      // (G H) x W_ih'
  kRecurrent,  // (G H) h W_hh'
  kSum,        // (G H) both, and the bias that a norm of the sum has inside
  kCell,       // (H) u, what the cell carries unless it carries the norm of it
};
constexpr int kTermKinds = 4;

// Parts of a row that have statistics of their own. Each is as wide as some gates; together they are the row.
struct Segments {
  int count;
  int gates[kMostGates];

  // The row as one; of the cell that is {1}.
  static constexpr Segments whole(int gates) { return {1, {gates}}; }
  static constexpr Segments each(int gates) {
    Segments segments{gates, {}};
    for (int i = 0; i < gates; ++i) segments.gates[i] = 1;
    return segments;
  }
  // Where one begins, in gates.
  LNRNN_CELL_METHOD constexpr int begin(int segment) const {
    int gate = 0;
    for (int i = 0; i < segment; ++i) gate += gates[i];
    return gate;
  }
  // How wide they are together.
  LNRNN_CELL_METHOD constexpr int wide() const { return begin(count); }
  // The one that a gate belongs to.
  LNRNN_CELL_METHOD constexpr int of_gate(int gate) const {
    int segment = 0;
    for (int end = gates[0]; end <= gate; end += gates[segment]) ++segment;
    return segment;
  }
};

enum class NormBias {
  kNone,
  kInside,  // added before the row is measured; a norm of the sum has the cell's own bias there
  kAfter,   // a parameter of the norm
  kBoth,
};

enum class SeenBy {
  kGates,   // of the norm of a product or of both
  kOutput,  // h sees k, the norm of u; the next step sees u
  kCarry,   // both see k
};

// Where a layer norm stands. It has a gain as wide as the term.
struct NormSite {
  TermKind of;
  Segments segments;
  bool centred;  // its mean is taken away; else it is divided by the root of its mean square
  NormBias bias;
  SeenBy seen_by;

  constexpr bool has_bias_after() const {
    return bias == NormBias::kAfter || bias == NormBias::kBoth;
  }
  constexpr bool has_bias_inside() const {
    return bias == NormBias::kInside || bias == NormBias::kBoth;
  }
};

// The biases that a cell has beside those of its norms.
enum class CellBias {
  kNone,
  kOne,   // of both products together
  kEach,  // of each product
};

struct CellShape {
  static constexpr int kMostSites = kTermKinds;

  CellKind kind;
  int gates;               // G
  bool recurrent_matrix;   // weight_hh is (G H,P): h W_hh' is a product per step; else it is (H)
  bool carries_cell;       // the state is h and c
  bool separate_products;  // the gates see x W_ih' and h W_hh' apart, not only their sum
  CellBias bias;
  int site_count;
  NormSite sites[kMostSites];  // in the order of their terms
  bool projected = false;      // h is a product, of what the cell puts out and weight_hr (P,H)
  bool clipped = false;        // u has a limit on either side

  constexpr const NormSite* site(TermKind of) const {
    for (int i = 0; i < site_count; ++i) {
      if (sites[i].of == of) return &sites[i];
    }
    return nullptr;
  }
  // Pairs of statistics that training keeps of a row: one of each segment of each site.
  constexpr int statistics() const {
    int count = 0;
    for (int i = 0; i < site_count; ++i) count += sites[i].segments.count;
    return count;
  }
  // Those of sites before the term's.
  constexpr int first_statistic(TermKind of) const {
    int first = 0;
    for (int i = 0; i < site_count && sites[i].of != of; ++i) first += sites[i].segments.count;
    return first;
  }
  // Whether its parts fit each other: backends rely on it. A norm of the sum leaves no product apart.
  constexpr bool consistent() const {
    const bool of_sum = site(TermKind::kSum) != nullptr;
    if (of_sum && (separate_products || !recurrent_matrix)) return false;
    if ((projected || clipped) && !carries_cell) return false;
    for (int i = 0; i < site_count; ++i) {
      const NormSite& norm = sites[i];
      const bool of_cell = norm.of == TermKind::kCell;
      const bool of_product = norm.of == TermKind::kInput || norm.of == TermKind::kRecurrent;
      if (i > 0 && sites[i - 1].of >= norm.of) return false;
      if (norm.segments.wide() != (of_cell ? 1 : gates)) return false;
      if (of_cell ? !carries_cell : norm.seen_by != SeenBy::kGates) return false;
      if (of_product && (of_sum || (recurrent_matrix && !separate_products))) return false;
      if (norm.of == TermKind::kRecurrent && !recurrent_matrix) return false;
      if (norm.has_bias_inside() && norm.of != TermKind::kSum) return false;
    }
    return true;
  }
  constexpr bool keeps_recurrent_product() const { return recurrent_matrix && separate_products; }
  // Whether the next step sees the normalised cell.
  constexpr bool carries_normalized() const {
    const NormSite* const cell = site(TermKind::kCell);
    return cell != nullptr && cell->seen_by == SeenBy::kCarry;
  }
};

// Of lnrnnCell_t and lnrnnNormalization_t; nothing where the cell does not know the normalisation.
std::optional<CellShape> cell_shape(int32_t cell, int32_t normalization);
// The same with what else the description asks of it.
std::optional<CellShape> cell_shape(const lnrnnPlanDescription_t& description);

}  // namespace lnrnn

// The one place that knows normalisations by their names.
#include "shape.h"

#include <initializer_list>

namespace lnrnn {

namespace {

// A norm of a product, or of both together, that the gates see.
NormSite of_gates(TermKind of, const Segments& segments, NormBias bias) {
  return {of, segments, true, bias, SeenBy::kGates};
}

// The cell's own bias is inside.
NormSite of_sum(const Segments& segments) {
  return of_gates(TermKind::kSum, segments, NormBias::kBoth);
}

NormSite of_cell(SeenBy seen_by) {
  return {TermKind::kCell, Segments::whole(1), true, NormBias::kAfter, seen_by};
}

CellShape with(CellShape shape, std::initializer_list<NormSite> sites) {
  for (const NormSite& site : sites) {
    shape.sites[shape.site_count++] = site;
    const bool of_one = site.of == TermKind::kInput || site.of == TermKind::kRecurrent;
    shape.separate_products = shape.separate_products || of_one;
  }
  return shape;
}

std::optional<CellShape> lstm(int32_t normalization) {
  constexpr CellShape kBare{CellKind::kLstm, 4, true, true, false, CellBias::kOne, 0, {}};
  constexpr Segments kRow = Segments::whole(4);
  constexpr TermKind kInput = TermKind::kInput, kRecurrent = TermKind::kRecurrent;
  switch (normalization) {
    case LNRNN_NORMALIZATION_NONE: return kBare;
    case LNRNN_NORMALIZATION_HASTE:
      return with(kBare, {of_gates(kInput, kRow, NormBias::kNone),
                          of_gates(kRecurrent, kRow, NormBias::kNone), of_cell(SeenBy::kOutput)});
    case LNRNN_NORMALIZATION_PAPER:
      return with(kBare, {of_gates(kInput, kRow, NormBias::kAfter),
                          of_gates(kRecurrent, kRow, NormBias::kAfter), of_cell(SeenBy::kOutput)});
    case LNRNN_NORMALIZATION_CARRY:
      return with(kBare, {of_gates(kInput, kRow, NormBias::kAfter),
                          of_gates(kRecurrent, kRow, NormBias::kAfter), of_cell(SeenBy::kCarry)});
    case LNRNN_NORMALIZATION_CELL: return with(kBare, {of_cell(SeenBy::kOutput)});
    case LNRNN_NORMALIZATION_PER_GATE: return with(kBare, {of_sum(Segments::each(4))});
    case LNRNN_NORMALIZATION_PER_GATE_CELL:
      return with(kBare, {of_sum(Segments::each(4)), of_cell(SeenBy::kOutput)});
    case LNRNN_NORMALIZATION_PER_GATE_CARRY:
      return with(kBare, {of_sum(Segments::each(4)), of_cell(SeenBy::kCarry)});
    default: return {};
  }
}

std::optional<CellShape> gru(int32_t normalization) {
  constexpr CellShape kBare{CellKind::kGru, 3, true, false, true, CellBias::kEach, 0, {}};
  constexpr Segments kRow = Segments::whole(3);
  constexpr TermKind kInput = TermKind::kInput, kRecurrent = TermKind::kRecurrent;
  switch (normalization) {
    case LNRNN_NORMALIZATION_NONE: return kBare;
    case LNRNN_NORMALIZATION_HASTE:
      return with(kBare, {of_gates(kInput, kRow, NormBias::kNone),
                          of_gates(kRecurrent, kRow, NormBias::kNone)});
    case LNRNN_NORMALIZATION_PAPER: {
      // r and z together, n by itself. The biases of the norms are all that it has.
      constexpr Segments kParts{2, {2, 1}};
      CellShape bare = kBare;
      bare.bias = CellBias::kNone;
      return with(bare, {of_gates(kInput, kParts, NormBias::kAfter),
                         of_gates(kRecurrent, kParts, NormBias::kAfter)});
    }
    case LNRNN_NORMALIZATION_JOINT:
      return with({CellKind::kJointGru, 3, true, false, false, CellBias::kOne, 0, {}},
                  {of_sum(kRow)});
    default: return {};
  }
}

std::optional<CellShape> indrnn(int32_t normalization) {
  constexpr CellShape kBare{CellKind::kIndrnn, 1, false, false, false, CellBias::kOne, 0, {}};
  switch (normalization) {
    case LNRNN_NORMALIZATION_NONE: return kBare;
    case LNRNN_NORMALIZATION_HASTE:
      return with(kBare, {of_gates(TermKind::kInput, Segments::whole(1), NormBias::kNone)});
    default: return {};
  }
}

}  // namespace

std::optional<CellShape> cell_shape(int32_t cell, int32_t normalization) {
  switch (cell) {
    case LNRNN_CELL_LSTM: return lstm(normalization);
    case LNRNN_CELL_GRU: return gru(normalization);
    case LNRNN_CELL_INDRNN: return indrnn(normalization);
    default: return {};
  }
}

std::optional<CellShape> cell_shape(const lnrnnPlanDescription_t& description) {
  std::optional<CellShape> shape = cell_shape(description.cell, description.normalization);
  if (!shape) return shape;
  shape->projected = description.projectionSize > 0;
  shape->clipped = description.cellClip > 0;
  return shape;
}

}  // namespace lnrnn

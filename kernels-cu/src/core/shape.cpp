// The one place that knows normalisations by their names.
#include "shape.h"

#include <initializer_list>

namespace lnrnn {

namespace {

CellShape bare_shape(lnrnnCell_t cell) {
  switch (cell) {
    case LNRNN_CELL_LSTM: return {CellKind::kLstm, 4, true, true, false, CellBias::kOne, 0, {}};
    case LNRNN_CELL_GRU: return {CellKind::kGru, 3, true, false, true, CellBias::kEach, 0, {}};
    case LNRNN_CELL_INDRNN: break;
  }
  return {CellKind::kIndrnn, 1, false, false, false, CellBias::kOne, 0, {}};
}

// x W_ih' and, where it is a product, h W_hh', each as one row.
void normalize_products(CellShape& shape, NormBias bias) {
  const Segments row = Segments::whole(shape.gates);
  shape.separate_products = true;
  shape.sites[shape.site_count++] = {TermKind::kInput, row, true, bias, SeenBy::kGates};
  if (!shape.recurrent_matrix) return;
  shape.sites[shape.site_count++] = {TermKind::kRecurrent, row, true, bias, SeenBy::kGates};
}

void normalize_cell(CellShape& shape, SeenBy seen_by) {
  if (!shape.carries_cell) return;
  shape.sites[shape.site_count++] = {TermKind::kCell, Segments::whole(1), true, NormBias::kAfter,
                                     seen_by};
}

}  // namespace

CellShape cell_shape(lnrnnCell_t cell, lnrnnNormalization_t normalization) {
  CellShape shape = bare_shape(cell);
  switch (normalization) {
    case LNRNN_NORMALIZATION_NONE: break;
    case LNRNN_NORMALIZATION_HASTE:
      normalize_products(shape, NormBias::kNone);
      normalize_cell(shape, SeenBy::kOutput);
      break;
    case LNRNN_NORMALIZATION_PAPER:
      normalize_products(shape, NormBias::kAfter);
      normalize_cell(shape, SeenBy::kOutput);
      break;
    case LNRNN_NORMALIZATION_CARRY:
      normalize_products(shape, NormBias::kAfter);
      normalize_cell(shape, SeenBy::kCarry);
      break;
    case LNRNN_NORMALIZATION_CELL: normalize_cell(shape, SeenBy::kOutput); break;
  }
  return shape;
}

}  // namespace lnrnn

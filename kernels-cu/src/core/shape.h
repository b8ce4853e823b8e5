// What a cell and its normalisation are made of: all that parameter layouts, time loops and row
// kernels need to know to serve every cell. A new normalisation is a new row of cell_shape in
// api/plan.cpp, and what its row kernel does with it.
#pragma once

namespace lnrnn {

enum class CellKind { kLstm, kGru, kIndrnn };

struct CellShape {
  CellKind kind;
  int gates;               // G
  bool recurrent_matrix;   // weight_hh is (G H, H): h W_hh' is a product per step; else it is (H)
  bool carries_cell;       // the state is h and c
  bool separate_products;  // x W_ih' and h W_hh' are needed apart, not only their sum
  bool input_norm;         // x W_ih' is normalised, with a gain
  bool recurrent_norm;     // h W_hh' likewise
  bool gate_norm_bias;     // both with a bias, too
  bool cell_norm;          // the output sees LN(u; gain, bias) instead of u
  bool carries_norm;       // and so does the next step

  // Layer norms whose statistics training keeps.
  constexpr int norms() const { return input_norm + recurrent_norm + cell_norm; }
  constexpr bool keeps_recurrent_product() const { return recurrent_matrix && separate_products; }
};

}  // namespace lnrnn

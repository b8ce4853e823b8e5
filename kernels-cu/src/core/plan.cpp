#include "plan.h"

#include <cstdio>

#include "size.h"
#include "status.h"

namespace lnrnn {

CellShape cell_shape(lnrnnCell_t cell, lnrnnNormalization_t normalization) {
  CellShape shape{};
  const bool gates = normalization == LNRNN_NORMALIZATION_HASTE ||
                     normalization == LNRNN_NORMALIZATION_PAPER ||
                     normalization == LNRNN_NORMALIZATION_CARRY;
  shape.input_norm = gates;
  shape.recurrent_norm = gates && cell != LNRNN_CELL_INDRNN;
  shape.recurrent_matrix = cell != LNRNN_CELL_INDRNN;
  shape.separate_products = gates || cell == LNRNN_CELL_GRU;
  switch (cell) {
    case LNRNN_CELL_LSTM:
      shape.kind = CellKind::kLstm;
      shape.gates = 4;
      shape.carries_cell = true;
      shape.cell_norm = normalization != LNRNN_NORMALIZATION_NONE;
      shape.carries_norm = normalization == LNRNN_NORMALIZATION_CARRY;
      shape.gate_norm_bias = gates && normalization != LNRNN_NORMALIZATION_HASTE;
      break;
    case LNRNN_CELL_GRU:
      shape.kind = CellKind::kGru;
      shape.gates = 3;
      break;
    case LNRNN_CELL_INDRNN:
      shape.kind = CellKind::kIndrnn;
      shape.gates = 1;
      break;
  }
  return shape;
}

namespace {

// Appends the parameters of one strand, from an offset in bytes of the data type to the one returned.
uint64_t add_parameters(Plan* plan, int layer, int direction, uint64_t offset) {
  const Strand strand{*plan, layer, direction};
  const int64_t hidden = strand.hidden(), gates = strand.gates();
  const auto add = [&](ParameterRole role, const char* name, const char* last, int64_t rows,
                       int64_t columns = 0) {
    PlanParameter p{role, {}};
    lnrnnParameter_t& d = p.description;
    std::snprintf(d.name, sizeof d.name, "%s_l%d%s%s", name, layer,
                  direction == 0 ? "" : "_reverse", last);
    d.rank = columns == 0 ? 1 : 2;
    d.layer = layer;
    d.direction = direction;
    d.shape[0] = rows;
    d.shape[1] = columns == 0 ? 1 : columns;
    const uint64_t elements = size_product({d.shape[0], d.shape[1]});
    d.elements = static_cast<int64_t>(elements);
    d.offsetBytes = offset;
    d.gradientOffsetBytes = offset / plan->element_bytes() * plan->accumulation_bytes();
    offset = size_add(offset, size_aligned(size_multiply(elements, plan->element_bytes())));
    plan->parameters.push_back(p);
  };
  const CellShape& shape = plan->shape;
  add(ParameterRole::kWeightIh, "weight_ih", "", gates, strand.input());
  add(ParameterRole::kWeightHh, "weight_hh", "", gates, shape.recurrent_matrix ? hidden : 0);
  if (shape.kind == CellKind::kGru) {
    add(ParameterRole::kBiasIh, "bias_ih", "", gates);
    add(ParameterRole::kBiasHh, "bias_hh", "", gates);
  } else {
    add(ParameterRole::kBias, "bias", "", gates);
  }
  if (shape.input_norm) add(ParameterRole::kGainI, "layernorm_i", ".weight", gates);
  if (shape.gate_norm_bias) add(ParameterRole::kNormBiasI, "layernorm_i", ".bias", gates);
  if (shape.recurrent_norm) add(ParameterRole::kGainH, "layernorm_h", ".weight", gates);
  if (shape.gate_norm_bias) add(ParameterRole::kNormBiasH, "layernorm_h", ".bias", gates);
  if (shape.cell_norm) {
    add(ParameterRole::kGainC, "layernorm_c", ".weight", hidden);
    add(ParameterRole::kNormBiasC, "layernorm_c", ".bias", hidden);
  }
  return offset;
}

}  // namespace

lnrnnStatus_t lay_out_parameters(Plan* plan) {
  const lnrnnPlanDescription_t& d = plan->description;
  plan->shape = cell_shape(static_cast<lnrnnCell_t>(d.cell),
                           static_cast<lnrnnNormalization_t>(d.normalization));
  uint64_t offset = 0;
  for (int layer = 0; layer < d.layers; ++layer) {
    for (int direction = 0; direction < plan->directions(); ++direction) {
      offset = add_parameters(plan, layer, direction, offset);
    }
  }
  plan->parameter_elements = offset / plan->element_bytes();
  LNRNN_CHECK(size_multiply(plan->parameter_elements, plan->accumulation_bytes()) <= INT64_MAX,
              LNRNN_STATUS_INVALID_ARGUMENT,
              "lnrnnPlanCreate: layers %d, inputSize %lld and hiddenSize %lld need more than 2^63 "
              "bytes of parameters",
              d.layers, static_cast<long long>(d.inputSize), static_cast<long long>(d.hiddenSize));
  return LNRNN_STATUS_SUCCESS;
}

}  // namespace lnrnn

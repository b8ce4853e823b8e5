#include "vectors.h"

namespace lnrnn {

namespace {

// What a norm's parameters are called, by its term.
struct NormNames {
  const char* name;
  ParameterRole gain_role, bias_role;
  Slot gain_slot, bias_slot;
  Width width;
};
NormNames names_of(TermKind of, const CellShape& shape) {
  // What is only ever added to a product's norm is added to its bias.
  const Slot of_recurrent = shape.bias == CellBias::kOne ? Slot::kBias : Slot::kBiasHh;
  switch (of) {
    case TermKind::kInput:
      return {"layernorm_i",    ParameterRole::kGainI, ParameterRole::kNormBiasI,
              Slot::kGainInput, Slot::kBias,           Width::kGates};
    case TermKind::kRecurrent:
      return {"layernorm_h",        ParameterRole::kGainH, ParameterRole::kNormBiasH,
              Slot::kGainRecurrent, of_recurrent,          Width::kGates};
    case TermKind::kSum:
      return {"layernorm_gates",
              ParameterRole::kGainGates,
              ParameterRole::kNormBiasGates,
              Slot::kGainSum,
              Slot::kBiasSum,
              Width::kGates};
    case TermKind::kCell: break;
  }
  return {"layernorm_c",   ParameterRole::kGainC, ParameterRole::kNormBiasC,
          Slot::kGainCell, Slot::kBiasCell,       Width::kCell};
}

}  // namespace

CellTensors cell_tensors(const CellShape& shape) {
  CellTensors tensors;
  const auto vector = [&](ParameterRole role, const char* name, const char* last, Width rows,
                          Slot slot, Start start) {
    tensors.add({role, name, last, rows, Width::kNone, slot, start});
  };
  tensors.add({ParameterRole::kWeightIh,
               "weight_ih",
               "",
               Width::kGates,
               Width::kInput,
               {},
               Start::kGlorot});
  if (shape.recurrent_matrix) {
    tensors.add({ParameterRole::kWeightHh,
                 "weight_hh",
                 "",
                 Width::kGates,
                 Width::kOutput,
                 {},
                 Start::kOrthogonal});
  } else {
    vector(ParameterRole::kWeightHh, "weight_hh", "", Width::kCell, Slot::kWeightHh,
           Start::kUniform);
  }
  if (shape.bias == CellBias::kEach) {
    vector(ParameterRole::kBiasIh, "bias_ih", "", Width::kGates, Slot::kBias, Start::kZero);
    vector(ParameterRole::kBiasHh, "bias_hh", "", Width::kGates, Slot::kBiasHh, Start::kZero);
  } else if (shape.bias == CellBias::kOne) {
    // Behind a norm of the sum, unless that has it inside.
    const NormSite* const sum = shape.site(TermKind::kSum);
    vector(ParameterRole::kBias, "bias", "", Width::kGates,
           sum == nullptr || sum->has_bias_inside() ? Slot::kBias : Slot::kBiasSum,
           shape.kind == CellKind::kLstm ? Start::kForgetOne : Start::kZero);
  }
  for (int i = 0; i < shape.site_count; ++i) {
    const NormSite& site = shape.sites[i];
    const NormNames names = names_of(site.of, shape);
    vector(names.gain_role, names.name, ".weight", names.width, names.gain_slot, Start::kOne);
    if (!site.has_bias_after()) continue;
    vector(names.bias_role, names.name, ".bias", names.width, names.bias_slot, Start::kZero);
  }
  return tensors;
}

}  // namespace lnrnn

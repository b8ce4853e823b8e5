#include "vectors.h"

namespace lnrnn {

namespace {

// What a norm's parameters are called, by its term.
struct NormNames {
  const char* name;
  ParameterRole gain, bias;
};
NormNames names_of(TermKind of) {
  switch (of) {
    case TermKind::kInput: return {"layernorm_i", ParameterRole::kGainI, ParameterRole::kNormBiasI};
    case TermKind::kRecurrent:
      return {"layernorm_h", ParameterRole::kGainH, ParameterRole::kNormBiasH};
    case TermKind::kSum:
      return {"layernorm_gates", ParameterRole::kGainGates, ParameterRole::kNormBiasGates};
    case TermKind::kCell: break;
  }
  return {"layernorm_c", ParameterRole::kGainC, ParameterRole::kNormBiasC};
}

}  // namespace

bool always_read(Slot slot, const CellShape& shape) {
  const auto reads = [&](TermKind of) { return slot == added_to(of, shape.kind); };
  if (shape.site(TermKind::kCell) != nullptr && reads(TermKind::kCell)) return true;
  if (shape.site(TermKind::kSum) != nullptr) return reads(TermKind::kSum);
  return reads(TermKind::kInput) || (shape.recurrent_matrix && reads(TermKind::kRecurrent));
}

CellTensors cell_tensors(const CellShape& shape) {
  CellTensors tensors;
  const auto vector = [&](ParameterRole role, const char* name, const char* last, Slot slot,
                          Start start) {
    tensors.add({role, name, last, width_of(slot), Width::kNone, slot, start});
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
    vector(ParameterRole::kWeightHh, "weight_hh", "", Slot::kWeightHh, Start::kUniform);
  }
  if (shape.projected) {
    tensors.add({ParameterRole::kWeightHr,
                 "weight_hr",
                 "",
                 Width::kOutput,
                 Width::kCell,
                 {},
                 Start::kGlorot});
  }
  // The LSTM's forget gate begins open. A norm would take away what all of a gate have alike: its bias begins so.
  const NormSite* const sum = shape.site(TermKind::kSum);
  const Start open = shape.kind == CellKind::kLstm ? Start::kForgetOne : Start::kZero;
  const bool inside = sum != nullptr && sum->has_bias_inside();
  if (shape.bias == CellBias::kEach) {
    vector(ParameterRole::kBiasIh, "bias_ih", "", Slot::kBias, Start::kZero);
    vector(ParameterRole::kBiasHh, "bias_hh", "", Slot::kBiasHh, Start::kZero);
  } else if (shape.bias == CellBias::kOne) {
    // Behind a norm of the sum, unless that has it inside.
    vector(ParameterRole::kBias, "bias", "",
           sum == nullptr || inside ? Slot::kBias : Slot::kBiasSum, inside ? Start::kZero : open);
  }
  for (int i = 0; i < shape.site_count; ++i) {
    const NormSite& site = shape.sites[i];
    const NormNames names = names_of(site.of);
    vector(names.gain, names.name, ".weight", gain_of(site.of), Start::kOne);
    if (!site.has_bias_after()) continue;
    vector(names.bias, names.name, ".bias", added_to(site.of, shape.kind),
           site.of == TermKind::kSum && inside ? open : Start::kZero);
  }
  return tensors;
}

}  // namespace lnrnn

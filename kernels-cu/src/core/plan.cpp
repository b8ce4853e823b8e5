#include "plan.h"

#include <cstdio>

#include "size.h"
#include "status.h"

namespace lnrnn {

namespace {

int64_t width_of(const Strand& strand, Width width) {
  switch (width) {
    case Width::kGates: return strand.gates();
    case Width::kCell: return strand.cell_width();
    case Width::kOutput: return strand.output_width();
    case Width::kInput: return strand.input();
    case Width::kNone: break;
  }
  return 1;
}

// Appends the parameters of one strand, from an offset in bytes of the data type to the one returned.
uint64_t add_parameters(Plan* plan, const CellTensors& tensors, const Strand& strand,
                        uint64_t offset) {
  for (int i = 0; i < tensors.count; ++i) {
    const CellTensor& tensor = tensors.of[i];
    const int64_t rows = width_of(strand, tensor.rows);
    PlanParameter parameter{
        tensor.role, tensor.start, tensor.rows == Width::kGates ? strand.cell_width() : rows, {}};
    lnrnnParameter_t& d = parameter.description;
    std::snprintf(d.name, sizeof d.name, "%s_l%d%s%s", tensor.name, strand.layer,
                  strand.reverse() ? "_reverse" : "", tensor.last);
    d.rank = tensor.columns == Width::kNone ? 1 : 2;
    d.layer = strand.layer;
    d.direction = strand.direction;
    d.shape[0] = rows;
    d.shape[1] = width_of(strand, tensor.columns);
    const uint64_t elements = size_product({d.shape[0], d.shape[1]});
    d.elements = static_cast<int64_t>(elements);
    d.offsetBytes = offset;
    d.gradientOffsetBytes = offset / plan->element_bytes() * plan->accumulation_bytes();
    offset = size_add(offset, size_aligned(size_multiply(elements, plan->element_bytes())));
    plan->parameters.push_back(parameter);
  }
  return offset;
}

void list_vectors(Plan* plan, const CellTensors& tensors) {
  const Strand any{*plan, 0, 0};
  plan->vector_count = 0;
  for (int slot = 0; slot < kSlots; ++slot) {
    PlanVector vector{static_cast<Slot>(slot), 0, 0, {}};
    vector.elements = width_of(any, width_of(vector.slot));
    for (int i = 0; i < tensors.count; ++i) {
      const CellTensor& tensor = tensors.of[i];
      if (tensor.columns != Width::kNone || tensor.slot != vector.slot) continue;
      vector.parameters[vector.addends++] = i;
    }
    if (vector.addends == 0 && !always_read(vector.slot, plan->shape)) continue;
    plan->vectors[plan->vector_count++] = vector;
  }
}

}  // namespace

lnrnnStatus_t lay_out_parameters(Plan* plan) {
  const lnrnnPlanDescription_t& d = plan->description;
  const CellTensors tensors = cell_tensors(plan->shape);
  list_vectors(plan, tensors);
  uint64_t offset = 0;
  for (int layer = 0; layer < d.layers; ++layer) {
    for (int direction = 0; direction < plan->directions(); ++direction) {
      offset = add_parameters(plan, tensors, Strand{*plan, layer, direction}, offset);
    }
  }
  plan->parameter_elements = offset / plan->element_bytes();
  LNRNN_CHECK(
      size_multiply(plan->parameter_elements, plan->accumulation_bytes()) <= INT64_MAX,
      LNRNN_STATUS_INVALID_ARGUMENT,
      "lnrnnPlanCreate: layers %d, inputSize %lld, hiddenSize %lld and projectionSize %lld need "
      "more than 2^63 bytes of parameters",
      d.layers, static_cast<long long>(d.inputSize), static_cast<long long>(d.hiddenSize),
      static_cast<long long>(d.projectionSize));
  return LNRNN_STATUS_SUCCESS;
}

}  // namespace lnrnn

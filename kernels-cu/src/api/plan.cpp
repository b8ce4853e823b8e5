#include "plan.h"

#include <cmath>
#include <cstdio>

#include "objects.h"
#include "size.h"

namespace lnrnn {

namespace {

// Sizes of single dimensions are bounded, so that sums of a few of them cannot wrap.
constexpr int64_t kMaxFeatures = int64_t{1} << 40;

lnrnnStatus_t check_choice(const char* name, int32_t value, int32_t last) {
  LNRNN_CHECK(value >= 0 && value <= last, LNRNN_STATUS_INVALID_ARGUMENT,
              "lnrnnPlanCreate: %s is %d, not 0...%d", name, value, last);
  return LNRNN_STATUS_SUCCESS;
}

lnrnnStatus_t check_features(const char* name, int64_t value) {
  LNRNN_CHECK(value >= 1 && value <= kMaxFeatures, LNRNN_STATUS_INVALID_ARGUMENT,
              "lnrnnPlanCreate: %s is %lld, not 1...2^40", name, static_cast<long long>(value));
  return LNRNN_STATUS_SUCCESS;
}

lnrnnStatus_t check_probability(const char* name, double p) {
  LNRNN_CHECK(p >= 0 && p <= 1, LNRNN_STATUS_INVALID_ARGUMENT,
              "lnrnnPlanCreate: %s is %g, not a probability 0...1", name, p);
  return LNRNN_STATUS_SUCCESS;
}

}  // namespace

lnrnnStatus_t check_extent(const char* function, const char* name, int64_t value) {
  LNRNN_CHECK(value >= 0 && value <= kMaxExtent, LNRNN_STATUS_INVALID_ARGUMENT,
              "%s: %s is %lld, not 0...2^32", function, name, static_cast<long long>(value));
  return LNRNN_STATUS_SUCCESS;
}

lnrnnStatus_t check_description(const lnrnnPlanDescription_t& d) {
  LNRNN_FORWARD(check_choice("cell", d.cell, LNRNN_CELL_INDRNN));
  LNRNN_FORWARD(check_choice("normalization", d.normalization, LNRNN_NORMALIZATION_CELL));
  LNRNN_FORWARD(check_choice("dataType", d.dataType, LNRNN_DATA_BF16));
  LNRNN_FORWARD(check_choice("direction", d.direction, LNRNN_DIRECTION_BIDIRECTIONAL));
  LNRNN_CHECK(d.layers >= 1, LNRNN_STATUS_INVALID_ARGUMENT,
              "lnrnnPlanCreate: layers is %d, not at least 1", d.layers);
  LNRNN_CHECK(d.flags == 0, LNRNN_STATUS_INVALID_ARGUMENT,
              "lnrnnPlanCreate: flags is 0x%x, but no flag is defined", d.flags);
  LNRNN_FORWARD(check_features("inputSize", d.inputSize));
  LNRNN_FORWARD(check_features("hiddenSize", d.hiddenSize));
  LNRNN_CHECK(d.epsilon > 0 && std::isfinite(d.epsilon), LNRNN_STATUS_INVALID_ARGUMENT,
              "lnrnnPlanCreate: epsilon is %g, not positive and finite", d.epsilon);
  LNRNN_FORWARD(check_probability("zoneout", d.zoneout));
  LNRNN_FORWARD(check_probability("zoneoutCell", d.zoneoutCell));
  LNRNN_FORWARD(check_probability("dropconnect", d.dropconnect));
  LNRNN_FORWARD(check_probability("dropout", d.dropout));
  LNRNN_CHECK(d.cell == LNRNN_CELL_LSTM || d.normalization <= LNRNN_NORMALIZATION_HASTE,
              LNRNN_STATUS_INVALID_ARGUMENT,
              "lnrnnPlanCreate: normalization %d is the LSTM's alone; GRU and IndRNN know NONE and "
              "HASTE",
              d.normalization);
  LNRNN_CHECK(d.cell == LNRNN_CELL_LSTM || d.zoneoutCell == 0, LNRNN_STATUS_INVALID_ARGUMENT,
              "lnrnnPlanCreate: zoneoutCell is %g, but only the LSTM carries a cell",
              d.zoneoutCell);
  LNRNN_CHECK(d.cell != LNRNN_CELL_INDRNN || d.dropconnect == 0, LNRNN_STATUS_INVALID_ARGUMENT,
              "lnrnnPlanCreate: dropconnect is %g, but the IndRNN has no recurrent matrix",
              d.dropconnect);
  return LNRNN_STATUS_SUCCESS;
}

lnrnnStatus_t check_single_lstm(const Plan& plan) {
  const lnrnnPlanDescription_t& d = plan.description;
  constexpr lnrnnStatus_t kNo = LNRNN_STATUS_NOT_SUPPORTED;
  LNRNN_CHECK(d.cell == LNRNN_CELL_LSTM, kNo, "lnrnn runs LSTM cells only, so far");
  LNRNN_CHECK(d.normalization == LNRNN_NORMALIZATION_NONE ||
                  d.normalization == LNRNN_NORMALIZATION_HASTE,
              kNo, "lnrnn runs the normalisations NONE and HASTE only, so far");
  LNRNN_CHECK(d.dataType == LNRNN_DATA_F32 || d.dataType == LNRNN_DATA_F64, kNo,
              "lnrnn runs F32 and F64 only, so far");
  LNRNN_CHECK(d.layers == 1, kNo, "lnrnn runs one layer only, so far, not %d", d.layers);
  LNRNN_CHECK(d.direction == LNRNN_DIRECTION_FORWARD, kNo,
              "lnrnn runs forward layers only, so far");
  LNRNN_CHECK(d.zoneoutCell == 0, kNo, "lnrnn has no zoneout of the cell, so far");
  return LNRNN_STATUS_SUCCESS;
}

lnrnnStatus_t lay_out_parameters(Plan* plan) {
  const int64_t input = plan->input(), hidden = plan->hidden(), gates = 4 * hidden;
  uint64_t offset = 0;
  const auto add = [&](ParameterRole role, const char* name, int32_t rank, int64_t rows,
                       int64_t columns) {
    PlanParameter p{role, {}};
    std::snprintf(p.description.name, sizeof p.description.name, "%s", name);
    p.description.rank = rank;
    p.description.layer = 0;
    p.description.shape[0] = rows;
    p.description.shape[1] = columns;
    const uint64_t elements = size_product({rows, columns});
    p.description.elements = static_cast<int64_t>(elements);
    p.description.offsetBytes = offset;
    offset = size_add(offset, size_aligned(size_multiply(elements, plan->element_bytes())));
    plan->parameters.push_back(p);
  };
  add(ParameterRole::kWeightIh, "weight_ih_l0", 2, gates, input);
  add(ParameterRole::kWeightHh, "weight_hh_l0", 2, gates, hidden);
  add(ParameterRole::kBias, "bias_l0", 1, gates, 1);
  if (plan->normalized()) {
    add(ParameterRole::kGainI, "layernorm_i_l0.weight", 1, gates, 1);
    add(ParameterRole::kGainH, "layernorm_h_l0.weight", 1, gates, 1);
    add(ParameterRole::kGainC, "layernorm_c_l0.weight", 1, hidden, 1);
    add(ParameterRole::kBiasC, "layernorm_c_l0.bias", 1, hidden, 1);
  }
  LNRNN_CHECK(offset <= INT64_MAX, LNRNN_STATUS_INVALID_ARGUMENT,
              "lnrnnPlanCreate: inputSize %lld and hiddenSize %lld need more than 2^63 bytes of "
              "parameters",
              static_cast<long long>(input), static_cast<long long>(hidden));
  plan->parameter_bytes = offset;
  return LNRNN_STATUS_SUCCESS;
}

}  // namespace lnrnn

using namespace lnrnn;

lnrnnStatus_t lnrnnPlanCreate(lnrnnHandle_t handle, const lnrnnPlanDescription_t* description,
                              lnrnnPlan_t* plan) {
  LNRNN_REQUIRE(handle);
  LNRNN_REQUIRE_STRUCT(description);
  LNRNN_REQUIRE(plan);
  return guarded(__func__, [&] {
    auto created = std::make_unique<lnrnnPlan>();
    created->handle = handle;
    created->plan.description = read_struct(description);
    LNRNN_FORWARD(check_description(created->plan.description));
    LNRNN_FORWARD(handle->device->check_support(created->plan));
    LNRNN_FORWARD(lay_out_parameters(&created->plan));
    ++handle->plans;
    ++usage.plans;
    *plan = created.release();
    return LNRNN_STATUS_SUCCESS;
  });
}

lnrnnStatus_t lnrnnPlanDestroy(lnrnnPlan_t plan) {
  LNRNN_REQUIRE(plan);
  --plan->handle->plans;
  --usage.plans;
  delete plan;
  return LNRNN_STATUS_SUCCESS;
}

lnrnnStatus_t lnrnnPlanGetSizes(lnrnnPlan_t plan, int64_t steps, int64_t batch,
                                lnrnnPlanSizes_t* sizes) {
  LNRNN_REQUIRE(plan);
  LNRNN_REQUIRE_STRUCT(sizes);
  LNRNN_FORWARD(check_extent(__func__, "steps", steps));
  LNRNN_FORWARD(check_extent(__func__, "batch", batch));
  const Plan& p = plan->plan;
  lnrnnPlanSizes_t ours{};
  ours.parameterBytes = p.parameter_bytes;
  ours.stateBytes = size_multiply(size_product({batch, p.hidden()}), p.element_bytes());
  const Device& device = *plan->handle->device;
  ours.packedBytes = device.packed_bytes(p);
  ours.inferenceWorkspaceBytes = device.workspace_bytes(p, Pass::kInference, steps, batch);
  ours.stepWorkspaceBytes = device.workspace_bytes(p, Pass::kInference, 1, batch);
  ours.trainingWorkspaceBytes = device.workspace_bytes(p, Pass::kTraining, steps, batch);
  ours.backwardWorkspaceBytes = device.workspace_bytes(p, Pass::kBackward, steps, batch);
  ours.reserveBytes = device.reserve_bytes(p, steps, batch);
  for (const uint64_t bytes :
       {ours.packedBytes, ours.stateBytes, ours.inferenceWorkspaceBytes, ours.stepWorkspaceBytes,
        ours.trainingWorkspaceBytes, ours.backwardWorkspaceBytes, ours.reserveBytes}) {
    LNRNN_CHECK(bytes <= INT64_MAX, LNRNN_STATUS_INVALID_ARGUMENT,
                "%s: steps %lld and batch %lld need more than 2^63 bytes", __func__,
                static_cast<long long>(steps), static_cast<long long>(batch));
  }
  write_struct(ours, sizes);
  return LNRNN_STATUS_SUCCESS;
}

lnrnnStatus_t lnrnnPlanGetParameterCount(lnrnnPlan_t plan, int32_t* count) {
  LNRNN_REQUIRE(plan);
  LNRNN_REQUIRE(count);
  *count = static_cast<int32_t>(plan->plan.parameters.size());
  return LNRNN_STATUS_SUCCESS;
}

lnrnnStatus_t lnrnnPlanGetParameter(lnrnnPlan_t plan, int32_t index, lnrnnParameter_t* parameter) {
  LNRNN_REQUIRE(plan);
  LNRNN_REQUIRE_STRUCT(parameter);
  const auto& parameters = plan->plan.parameters;
  LNRNN_CHECK(index >= 0 && static_cast<size_t>(index) < parameters.size(),
              LNRNN_STATUS_INVALID_ARGUMENT, "%s: index is %d, not 0...%zu", __func__, index,
              parameters.size() - 1);
  write_struct(parameters[static_cast<size_t>(index)].description, parameter);
  return LNRNN_STATUS_SUCCESS;
}

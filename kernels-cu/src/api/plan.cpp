#include "core/plan.h"

#include <limits>
#include <string>

#include "objects.h"

namespace lnrnn {

namespace {

// Sizes of single dimensions are bounded, so that sums of a few of them cannot wrap.
constexpr int64_t kMaxFeatures = int64_t{1} << 40;
// Deeper than any stack that trains; each layer costs a description of its parameters.
constexpr int32_t kMaxLayers = 1024;
constexpr uint32_t kFlags =
    LNRNN_PLAN_RECOMPUTE | LNRNN_PLAN_DETERMINISTIC | LNRNN_PLAN_VARIATIONAL_DROPOUT;

lnrnnStatus_t check_choice(const char* name, int32_t value, int32_t last) {
  LNRNN_CHECK(value >= 0 && value <= last, LNRNN_STATUS_INVALID_ARGUMENT,
              "lnrnnPlanCreate: %s is %d, not 0...%d", name, value, last);
  return LNRNN_STATUS_SUCCESS;
}

lnrnnStatus_t check_features(const char* name, int64_t value, int64_t least = 1) {
  LNRNN_CHECK(value >= least && value <= kMaxFeatures, LNRNN_STATUS_INVALID_ARGUMENT,
              "lnrnnPlanCreate: %s is %lld, not %lld...2^40", name, static_cast<long long>(value),
              static_cast<long long>(least));
  return LNRNN_STATUS_SUCCESS;
}

lnrnnStatus_t check_probability(const char* name, double p) {
  LNRNN_CHECK(p >= 0 && p <= 1, LNRNN_STATUS_INVALID_ARGUMENT,
              "lnrnnPlanCreate: %s is %g, not a probability 0...1", name, p);
  return LNRNN_STATUS_SUCCESS;
}

std::string known_normalizations(int32_t cell) {
  constexpr int32_t kBeyondAll = 64;
  std::string known;
  for (int32_t n = 0; n < kBeyondAll; ++n) {
    if (cell_shape(cell, n)) known += (known.empty() ? "" : ", ") + std::to_string(n);
  }
  return known;
}

// T: what is computed with. As epsilon its smallest normal number is enough: the variance of what is so small
// that it underflows is nothing to that. Less is 0 to a processor that flushes to zero, and 1 / sqrt(0) is
// infinite; a clip that is 0 would clip all.
template <class T>
lnrnnStatus_t check_normal(const char* type, const lnrnnPlanDescription_t& d) {
  constexpr double kLeast = std::numeric_limits<T>::min(), kMost = std::numeric_limits<T>::max();
  const auto is_normal = [](double value) { return value >= kLeast && value <= kMost; };
  LNRNN_CHECK(is_normal(d.epsilon), LNRNN_STATUS_INVALID_ARGUMENT,
              "lnrnnPlanCreate: epsilon is %g, not %g...%g, the normal numbers of %s, which layer "
              "norms are computed in",
              d.epsilon, kLeast, kMost, type);
  LNRNN_CHECK(d.cellClip == 0 || is_normal(d.cellClip), LNRNN_STATUS_INVALID_ARGUMENT,
              "lnrnnPlanCreate: cellClip is %g, not 0 (no limit) or %g...%g, the normal numbers of "
              "%s, which the cell is computed in",
              d.cellClip, kLeast, kMost, type);
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
  LNRNN_FORWARD(check_choice("dataType", d.dataType, LNRNN_DATA_BF16));
  LNRNN_FORWARD(check_choice("direction", d.direction, LNRNN_DIRECTION_BIDIRECTIONAL));
  LNRNN_CHECK(d.layers >= 1 && d.layers <= kMaxLayers, LNRNN_STATUS_INVALID_ARGUMENT,
              "lnrnnPlanCreate: layers is %d, not 1...%d", d.layers, kMaxLayers);
  LNRNN_CHECK((d.flags & ~kFlags) == 0, LNRNN_STATUS_INVALID_ARGUMENT,
              "lnrnnPlanCreate: flags is 0x%x; only the bits 0x%x are defined", d.flags, kFlags);
  LNRNN_FORWARD(check_features("inputSize", d.inputSize));
  LNRNN_FORWARD(check_features("hiddenSize", d.hiddenSize));
  LNRNN_FORWARD(check_features("projectionSize", d.projectionSize, 0));
  LNRNN_FORWARD(d.dataType == LNRNN_DATA_F64 ? check_normal<double>("F64", d)
                                             : check_normal<float>("F32", d));
  LNRNN_FORWARD(check_probability("zoneout", d.zoneout));
  LNRNN_FORWARD(check_probability("zoneoutCell", d.zoneoutCell));
  LNRNN_FORWARD(check_probability("dropconnect", d.dropconnect));
  LNRNN_FORWARD(check_probability("dropout", d.dropout));
  LNRNN_FORWARD(check_probability("dropoutCandidate", d.dropoutCandidate));
  LNRNN_CHECK(cell_shape(d), LNRNN_STATUS_INVALID_ARGUMENT,
              "lnrnnPlanCreate: normalization is %d, but cell %d knows %s", d.normalization, d.cell,
              known_normalizations(d.cell).c_str());
  LNRNN_CHECK(d.cell == LNRNN_CELL_LSTM || d.zoneoutCell == 0, LNRNN_STATUS_INVALID_ARGUMENT,
              "lnrnnPlanCreate: zoneoutCell is %g, expected 0: only the LSTM has c", d.zoneoutCell);
  LNRNN_CHECK(d.cell == LNRNN_CELL_LSTM || d.projectionSize == 0, LNRNN_STATUS_INVALID_ARGUMENT,
              "lnrnnPlanCreate: projectionSize is %lld, expected 0: only the LSTM has a projection",
              static_cast<long long>(d.projectionSize));
  LNRNN_CHECK(d.cell == LNRNN_CELL_LSTM || d.cellClip == 0, LNRNN_STATUS_INVALID_ARGUMENT,
              "lnrnnPlanCreate: cellClip is %g, expected 0: only the LSTM has c", d.cellClip);
  LNRNN_CHECK(
      d.cell == LNRNN_CELL_LSTM || d.dropoutCandidate == 0, LNRNN_STATUS_INVALID_ARGUMENT,
      "lnrnnPlanCreate: dropoutCandidate is %g, expected 0: only the LSTM has a candidate g "
      "beside its cell",
      d.dropoutCandidate);
  LNRNN_CHECK(d.cell != LNRNN_CELL_INDRNN || d.dropconnect == 0, LNRNN_STATUS_INVALID_ARGUMENT,
              "lnrnnPlanCreate: dropconnect is %g, expected 0: the IndRNN has no recurrent matrix",
              d.dropconnect);
  LNRNN_CHECK(d.layers > 1 || d.dropout == 0, LNRNN_STATUS_INVALID_ARGUMENT,
              "lnrnnPlanCreate: dropout is %g, expected 0 for 1 layer: dropout acts between layers",
              d.dropout);
  LNRNN_CHECK(d.dropout > 0 || (d.flags & LNRNN_PLAN_VARIATIONAL_DROPOUT) == 0,
              LNRNN_STATUS_INVALID_ARGUMENT,
              "lnrnnPlanCreate: LNRNN_PLAN_VARIATIONAL_DROPOUT is set, but dropout is 0");
  return LNRNN_STATUS_SUCCESS;
}

}  // namespace lnrnn

using namespace lnrnn;

lnrnnStatus_t lnrnnPlanCreate(lnrnnHandle_t handle, const lnrnnPlanDescription_t* description,
                              lnrnnPlan_t* plan) {
  LNRNN_REQUIRE(handle);
  lnrnnPlanDescription_t read;
  LNRNN_FORWARD(read_struct(__func__, "description", description, &read));
  LNRNN_REQUIRE(plan);
  return guarded(__func__, [&] {
    auto created = std::make_unique<lnrnnPlan>();
    created->handle = handle;
    created->plan.description = read;
    LNRNN_FORWARD(check_description(created->plan.description));
    created->plan.shape = *cell_shape(read);
    LNRNN_FORWARD(lay_out_parameters(&created->plan));
    LNRNN_FORWARD(handle->device->check_support(created->plan));
    created->stack = Stack(*handle->device, created->plan);
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
  const Stack& stack = plan->stack;
  lnrnnPlanSizes_t ours{};
  ours.parameterBytes = p.parameter_bytes();
  ours.gradientBytes = p.gradient_bytes();
  ours.stateBytes = stack.state_bytes(batch);
  ours.cellStateBytes = p.shape.carries_cell ? stack.cell_state_bytes(batch) : 0;
  ours.packedBytes = stack.packed_bytes();
  ours.inferenceWorkspaceBytes = stack.workspace_bytes(Pass::kInference, steps, batch);
  ours.stepWorkspaceBytes = stack.workspace_bytes(Pass::kInference, 1, batch);
  ours.trainingWorkspaceBytes = stack.workspace_bytes(Pass::kTraining, steps, batch);
  ours.backwardWorkspaceBytes = stack.workspace_bytes(Pass::kBackward, steps, batch);
  ours.reserveBytes = stack.reserve_bytes(steps, batch);
  for (const uint64_t bytes :
       {ours.packedBytes, ours.stateBytes, ours.cellStateBytes, ours.inferenceWorkspaceBytes,
        ours.stepWorkspaceBytes, ours.trainingWorkspaceBytes, ours.backwardWorkspaceBytes,
        ours.reserveBytes}) {
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

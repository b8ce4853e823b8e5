// Descriptions of plans for tests of the C API.
#pragma once

#include "calls.h"

inline lnrnnPlanDescription_t lstm(int64_t input, int64_t hidden) {
  lnrnnPlanDescription_t d{};
  d.structSize = sizeof d;
  d.normalization = LNRNN_NORMALIZATION_HASTE;
  d.layers = 1;
  d.inputSize = input;
  d.hiddenSize = hidden;
  d.epsilon = 1e-5;
  return d;
}

// The status that a plan of a changed description gives.
template <class Change>
lnrnnStatus_t plan_with(lnrnnHandle_t handle, const Change& change) {
  lnrnnPlanDescription_t d = lstm(3, 4);
  change(d);
  lnrnnPlan_t plan;
  const lnrnnStatus_t status = lnrnnPlanCreate(handle, &d, &plan);
  if (status == LNRNN_STATUS_SUCCESS) lnrnnPlanDestroy(plan);
  return status;
}

/* lnrnn.h compiles as C, and its overview's example runs. */
#include "lnrnn.h"

#include <stdio.h>
#include <string.h>

enum { T = 3, N = 2, C = 4, H = 5 };

/* As in the overview, with errors looked at. */
static lnrnnStatus_t infer(void) {
  lnrnnStatus_t status = LNRNN_STATUS_SUCCESS;
#define DO(call) \
  if (status == LNRNN_STATUS_SUCCESS) status = call
  lnrnnHandle_t handle = NULL;
  DO(lnrnnCreate(LNRNN_DEVICE_CPU, 0, 0, NULL, &handle));

  lnrnnPlanDescription_t d = {.structSize = sizeof d,
                              .cell = LNRNN_CELL_LSTM,
                              .normalization = LNRNN_NORMALIZATION_HASTE,
                              .dataType = LNRNN_DATA_F32,
                              .direction = LNRNN_DIRECTION_FORWARD,
                              .layers = 1,
                              .inputSize = C,
                              .hiddenSize = H,
                              .epsilon = 1e-5};
  lnrnnPlan_t plan = NULL;
  DO(lnrnnPlanCreate(handle, &d, &plan));

  lnrnnPlanSizes_t bytes = {.structSize = sizeof bytes};
  DO(lnrnnPlanGetSizes(plan, T, N, &bytes));
  void *parameters = NULL, *packed = NULL, *workspace = NULL;
  DO(lnrnnMalloc(handle, NULL, bytes.parameterBytes, &parameters));
  DO(lnrnnMalloc(handle, NULL, bytes.packedBytes, &packed));
  DO(lnrnnMalloc(handle, NULL, bytes.inferenceWorkspaceBytes, &workspace));
  float x[T * N * C], y[T * N * H] = {0};
  for (int i = 0; i < T * N * C; ++i) x[i] = (float)(i % 3);
  DO(lnrnnInitializeParameters(plan, NULL, 1, parameters, bytes.parameterBytes));
  DO(lnrnnPackWeights(plan, NULL, parameters, bytes.parameterBytes, packed, bytes.packedBytes));

  lnrnnForwardInferenceArguments_t a = {.structSize = sizeof a,
                                        .sequence = {.steps = T, .batch = N},
                                        .packed = {packed, bytes.packedBytes},
                                        .x = {x, sizeof x, .stepStride = N * C, .rowStride = C},
                                        .y = {y, sizeof y, .stepStride = N * H, .rowStride = H},
                                        .workspace = {workspace, bytes.inferenceWorkspaceBytes}};
  DO(lnrnnForwardInference(plan, NULL, &a));
  DO(y[T * N * H - 1] != 0 ? LNRNN_STATUS_SUCCESS : LNRNN_STATUS_INTERNAL_ERROR);

  DO(lnrnnFree(handle, NULL, parameters));
  DO(lnrnnFree(handle, NULL, packed));
  DO(lnrnnFree(handle, NULL, workspace));
  DO(lnrnnPlanDestroy(plan));
  DO(lnrnnDestroy(handle));
#undef DO
  return status;
}

int main(void) {
  if (lnrnnGetAbiVersion() != LNRNN_ABI_VERSION) return 1;
  char version[32];
  snprintf(version, sizeof version, "%d.%d.%d", LNRNN_VERSION_MAJOR, LNRNN_VERSION_MINOR,
           LNRNN_VERSION_PATCH);
  if (strcmp(version, lnrnnGetVersionString()) != 0) return 2;
  if (strcmp(lnrnnGetStatusName(LNRNN_STATUS_IN_USE), "LNRNN_STATUS_IN_USE") != 0) return 3;
  if (strcmp(lnrnnGetStatusName((lnrnnStatus_t)12345), "unknown status") != 0) return 4;
  const lnrnnStatus_t status = infer();
  if (status != LNRNN_STATUS_SUCCESS) printf("%s\n", lnrnnGetLastErrorMessage());
  return status == LNRNN_STATUS_SUCCESS ? 0 : 5;
}

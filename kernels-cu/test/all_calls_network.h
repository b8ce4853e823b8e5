// The layer whose passes the programs of all_calls.h run.
#pragma once

#include "all_calls_session.h"
#include "arguments.h"

namespace all_calls {

// A layer with its tensors, all in memory of the device that the host can read.
struct Network {
  static constexpr int64_t kSteps = 2, kBatch = 2, kInput = 3, kHidden = 4, kOutput = 3;
  static constexpr size_t kMaskBytes = 2 * kSteps * kBatch * kHidden;

  Network(Session& session, lnrnnStream_t stream) : session(session), stream(stream) {
    lnrnnPlanDescription_t description{};
    description.structSize = sizeof description;
    description.cell = LNRNN_CELL_LSTM;
    description.normalization = LNRNN_NORMALIZATION_HASTE;
    description.dataType = LNRNN_DATA_F32;
    description.layers = 2;
    description.inputSize = kInput;
    description.hiddenSize = kHidden;
    description.epsilon = 1e-5;
    description.zoneout = description.dropconnect = description.dropout = 0.1;
    description.projectionSize = kOutput;
    description.cellClip = 1;
    description.dropoutCandidate = 0.1;
    plan = session.objects.make<lnrnnPlan>(
        "lnrnnPlanCreate",
        [&](lnrnnPlan_t* p) { return lnrnnPlanCreate(session.handle, &description, p); },
        "lnrnnPlanDestroy", [](lnrnnPlan_t p) { return lnrnnPlanDestroy(p); });
    sizes.structSize = sizeof sizes;
    session.call("lnrnnPlanGetSizes",
                 [&] { return lnrnnPlanGetSizes(plan, kSteps, kBatch, &sizes); });
    int32_t count = 0;
    session.call("lnrnnPlanGetParameterCount",
                 [&] { return lnrnnPlanGetParameterCount(plan, &count); });
    lnrnnParameter_t parameter{};
    parameter.structSize = sizeof parameter;
    session.call("lnrnnPlanGetParameter",
                 [&] { return lnrnnPlanGetParameter(plan, count - 1, &parameter); });
    x_bytes = sizeof(float) * kSteps * kBatch * kInput;
    y_bytes = sizeof(float) * kSteps * kBatch * kOutput;
    workspace_bytes = sizes.inferenceWorkspaceBytes;
    for (const size_t bytes : {sizes.trainingWorkspaceBytes, sizes.backwardWorkspaceBytes}) {
      if (bytes > workspace_bytes) workspace_bytes = bytes;
    }
    parameters = session.host_memory(sizes.parameterBytes);
    gradients = session.host_memory(sizes.gradientBytes);
    packed = session.host_memory(sizes.packedBytes);
    reserve = session.host_memory(sizes.reserveBytes);
    workspace = session.host_memory(workspace_bytes);
    x = static_cast<float*>(session.host_memory(x_bytes));
    y = static_cast<float*>(session.host_memory(y_bytes));
    dx = session.host_memory(x_bytes);
    h = session.host_memory(sizes.stateBytes);
    c = session.host_memory(sizes.cellStateBytes);
    mask = session.host_memory(kMaskBytes);
    for (int64_t i = 0; i < kSteps * kBatch * kInput; ++i) x[i] = static_cast<float>(i % 7) - 3;
    bind();
    session.call("lnrnnInitializeParameters", [&] {
      return lnrnnInitializeParameters(plan, stream, 1, parameters, sizes.parameterBytes);
    });
  }

  lnrnnStatus_t pack_weights() {
    return lnrnnPackWeights(plan, stream, parameters, sizes.parameterBytes, packed,
                            sizes.packedBytes);
  }
  lnrnnStatus_t infer() { return lnrnnForwardInference(plan, stream, &inference); }
  lnrnnStatus_t step() { return lnrnnStep(plan, stream, &one_step); }
  lnrnnStatus_t train() { return lnrnnForwardTraining(plan, stream, &training); }
  lnrnnStatus_t backward() { return lnrnnBackward(plan, stream, &gradient_pass); }
  lnrnnStatus_t draw_mask() {
    lnrnnMaskDraw_t draw{};
    draw.structSize = sizeof draw;
    draw.kind = LNRNN_MASK_DROPOUT_CANDIDATE;
    draw.steps = kSteps;
    draw.batch = kBatch;
    draw.seed = 42;
    return lnrnnDrawMask(plan, stream, &draw, nullptr, 0, mask, kMaskBytes);
  }
  lnrnnStatus_t clear_state() {
    const lnrnnStatus_t status = lnrnnMemset(session.handle, stream, h, 0, sizes.stateBytes);
    if (status != LNRNN_STATUS_SUCCESS) return status;
    return lnrnnMemset(session.handle, stream, c, 0, sizes.cellStateBytes);
  }

  Session& session;
  const lnrnnStream_t stream;
  lnrnnPlan_t plan = nullptr;
  lnrnnPlanSizes_t sizes{};
  lnrnnForwardInferenceArguments_t inference = args::empty<lnrnnForwardInferenceArguments_t>();
  lnrnnStepArguments_t one_step = args::empty<lnrnnStepArguments_t>();
  lnrnnForwardTrainingArguments_t training = args::empty<lnrnnForwardTrainingArguments_t>();
  lnrnnBackwardArguments_t gradient_pass = args::empty<lnrnnBackwardArguments_t>();
  int64_t lengths[kBatch] = {2, 1};
  size_t x_bytes, y_bytes, workspace_bytes;
  void *parameters, *gradients, *packed, *reserve, *workspace, *dx, *h, *c, *mask;
  float *x, *y;

 private:
  void bind() {
    const args::View of_x{{x, x_bytes}, args::Strides::of(kBatch, kInput)};
    const args::View of_y{{y, y_bytes}, args::Strides::of(kBatch, kOutput)};
    const args::Memory of_workspace{workspace, workspace_bytes};

    inference.sequence.steps = kSteps;
    inference.sequence.batch = kBatch;
    inference.sequence.lengths = lengths;
    inference.sequence.seed = 42;
    inference.packed = {packed, sizes.packedBytes};
    inference.x = of_x;
    inference.y = of_y;
    inference.workspace = of_workspace;

    one_step.batch = kBatch;
    one_step.packed = inference.packed;
    one_step.x = of_x;
    one_step.h = {h, sizes.stateBytes};
    one_step.c = {c, sizes.cellStateBytes};
    one_step.workspace = of_workspace;

    training.sequence = inference.sequence;
    training.parameters = {parameters, sizes.parameterBytes};
    training.x = of_x;
    training.y = of_y;
    training.reserve = {reserve, sizes.reserveBytes};
    training.workspace = of_workspace;

    gradient_pass.sequence = inference.sequence;
    gradient_pass.parameters = training.parameters;
    gradient_pass.x = of_x;
    gradient_pass.reserve = {reserve, sizes.reserveBytes};
    gradient_pass.dy = of_y;
    gradient_pass.gradients = {gradients, sizes.gradientBytes};
    gradient_pass.dx = args::View{{dx, x_bytes}, args::Strides::of(kBatch, kInput)};
    gradient_pass.workspace = of_workspace;
  }
};

}  // namespace all_calls

// One random plan of the fuzzer, a sequence and tensors for it, and the arguments of its calls.
#pragma once

#include <array>
#include <iterator>

#include "arguments.h"
#include "cells.h"
#include "fuzz_memory.h"

namespace fuzz {

constexpr int32_t kMasks = LNRNN_MASK_DROPOUT_CANDIDATE + 1;

// Those of a call, as lnrnnMaskKind_t.
template <class Arguments>
std::array<lnrnnConstBuffer_t*, kMasks> mask_members(Arguments& a) {
  return {&a.zoneoutMask, &a.zoneoutCellMask, &a.dropconnectMask, &a.dropoutMask,
          &a.dropoutCandidateMask};
}

// One plan, and what all calls of it share.
struct Case {
  Random random;
  lnrnnPlanDescription_t spec = {};
  lnrnnPlan_t plan = nullptr;
  lnrnnPlanSizes_t sizes = {};
  lnrnnSequence_t sequence = {};
  int64_t T = 0, N = 0, C = 0, H = 0, P = 0, D = 1, S = 1, G = 4;
  int32_t type = LNRNN_DATA_F32, sum_type = LNRNN_DATA_F32;
  View x_view, y_view, dx_view, dy_view, resets_view;
  bool has_lengths = false;
  std::vector<int64_t> lengths;
  Tensor x, resets, h0, c0, parameters, packed, random_numbers, dy, dhn, dcn;
  Tensor masks[kMasks];  // as lnrnnMaskKind_t
  Tensor y, hn, cn, reserve, workspace, gradients, dx, dh0, dc0;

  explicit Case(uint64_t seed) : random(seed) {}
  ~Case() {
    if (plan != nullptr) must(lnrnnPlanDestroy(plan));
  }

  const int64_t* row_lengths() const { return has_lengths ? lengths.data() : nullptr; }
  int64_t length(int64_t n) const { return has_lengths ? lengths[size_t(n)] : T; }

  std::vector<Tensor*> inputs() {
    std::vector<Tensor*> all{&x,      &resets,         &h0, &c0,  &parameters,
                             &packed, &random_numbers, &dy, &dhn, &dcn};
    for (Tensor& mask : masks) all.push_back(&mask);
    return all;
  }
  std::vector<Tensor*> outputs() {
    return {&y, &hn, &cn, &reserve, &workspace, &gradients, &dx, &dh0, &dc0};
  }
  void keep() {
    for (Tensor* output : outputs()) output->is_written();
  }
  bool inputs_are_as_before() {
    for (Tensor* input : inputs())
      if (!input->is_as_before()) return false;
    return true;
  }
  bool outputs_are_as_before() {
    for (Tensor* output : outputs())
      if (!output->is_as_before()) return false;
    return true;
  }

  double mask_probability(int32_t kind) const {
    const double all[kMasks] = {spec.zoneout, spec.zoneoutCell, spec.dropconnect, spec.dropout,
                                spec.dropoutCandidate};
    return all[kind];
  }
  int64_t mask_bytes(int32_t kind) const {
    const bool once = (spec.flags & LNRNN_PLAN_VARIATIONAL_DROPOUT) != 0;
    if (kind == LNRNN_MASK_DROPCONNECT) return S * G * H * P;
    if (kind == LNRNN_MASK_DROPOUT) return (spec.layers - 1) * (once ? N : T * N) * D * P;
    return S * T * N * (kind == LNRNN_MASK_ZONEOUT ? P : H);
  }

  void describe();
  bool make_plan();
  void make_sequence();
  void make_tensors();

  // The arguments of each call.
  lnrnnForwardInferenceArguments_t inference(const Tensor& weights) const;
  lnrnnStepArguments_t step(const Tensor& row, const Tensor& h, const Tensor& cell) const;
  lnrnnForwardTrainingArguments_t training() const;
  lnrnnBackwardArguments_t gradient_pass() const;

 private:
  static args::Memory all(const Tensor& tensor) { return {tensor.data(), tensor.bytes()}; }
  static args::View all(const Tensor& tensor, const View& v) {
    return {all(tensor), {v.step_stride, v.row_stride}};
  }
  template <class Arguments>
  Arguments forward() const;
  template <class Arguments>
  void draw_for(Arguments& a) const;
};

inline void Case::describe() {
  spec.structSize = sizeof spec;
  const auto& cell = network::kCells[random.between(0, std::size(network::kCells) - 1)];
  spec.cell = cell.cell;
  spec.normalization = cell.normalization;
  spec.dataType = int32_t(random.between(0, 3));
  spec.direction = int32_t(random.between(0, 1));
  spec.layers = int32_t(random.between(1, 3));
  spec.flags = uint32_t(random.between(0, 7));
  C = spec.inputSize = random.one_in(3) ? random.between(1, 70) : random.between(1, 9);
  H = spec.hiddenSize = random.one_in(3) ? random.between(1, 70) : random.between(1, 17);
  // A row without variance multiplies gradients by 1/sqrt(epsilon), step by step and layer by layer,
  // and what two layers hand each other is infinite beyond 65504 in F16.
  spec.epsilon = spec.dataType == LNRNN_DATA_F16 ? 0.5 : random.pick({1e-5, 1e-3, 0.5});
  spec.zoneout = random.pick({0.0, 0.0, 0.3, 1.0});
  spec.zoneoutCell = spec.cell == LNRNN_CELL_LSTM ? random.pick({0.0, 0.0, 0.4, 1.0}) : 0;
  spec.dropoutCandidate = spec.cell == LNRNN_CELL_LSTM ? random.pick({0.0, 0.0, 0.3, 1.0}) : 0;
  spec.dropconnect = spec.cell == LNRNN_CELL_INDRNN ? 0 : random.pick({0.0, 0.0, 0.3, 1.0});
  spec.dropout = spec.layers == 1 ? 0 : random.pick({0.0, 0.3, 1.0});
  if (spec.cell == LNRNN_CELL_LSTM) {
    spec.projectionSize = random.one_in(3) ? random.between(1, 70) : 0;
    spec.cellClip = random.pick({0.0, 0.0, 0.1, 1e30});
  }
  P = spec.projectionSize > 0 ? spec.projectionSize : H;
  if (!on_cpu) spec.layers = int32_t(random.between(1, 2));
  if (spec.layers == 1) spec.dropout = 0;
}

inline bool Case::make_plan() {
  lnrnnPlan_t none = reinterpret_cast<lnrnnPlan_t>(&random);
  plan = none;
  const lnrnnStatus_t status = lnrnnPlanCreate(the_handle, &spec, &plan);
  if (status != LNRNN_STATUS_SUCCESS) {
    EXPECT(status == LNRNN_STATUS_INVALID_ARGUMENT || status == LNRNN_STATUS_NOT_SUPPORTED);
    EXPECT(lnrnnGetLastErrorMessage()[0] != 0);
    EXPECT(plan == none);
    plan = nullptr;
    ++refused_plans;
    return false;
  }
  return true;
}

inline void Case::make_sequence() {
  T = random.between(0, on_cpu ? 7 : 3);
  N = random.between(0, on_cpu ? 6 : 3);
  D = spec.direction == LNRNN_DIRECTION_BIDIRECTIONAL ? 2 : 1;
  S = D * spec.layers;
  G = spec.cell == LNRNN_CELL_LSTM ? 4 : spec.cell == LNRNN_CELL_GRU ? 3 : 1;
  type = spec.dataType;
  sum_type = type == LNRNN_DATA_F64 ? LNRNN_DATA_F64 : LNRNN_DATA_F32;
  x_view = view(random, T, N, C, true);
  y_view = view(random, T, N, D * P, false);
  dx_view = view(random, T, N, C, false);
  dy_view = view(random, T, N, D * P, true);
  resets_view = view(random, T, N, 1, true);
  sequence.steps = T;
  sequence.batch = N;
  sequence.seed = uint64_t(random.between(0, INT64_MAX - 1));
  sequence.stepOffset = random.one_in(4) ? (int64_t(1) << 32) - T : random.between(0, 100);
  sequence.rowOffset = random.one_in(4) ? (int64_t(1) << 32) - N : random.between(0, 100);
  has_lengths = random.one_in(2);
  lengths.clear();
  for (int64_t n = 0; n < N; ++n) lengths.push_back(random.between(0, T));
  sequence.lengths = row_lengths();
  sizes.structSize = sizeof sizes;
  must(lnrnnPlanGetSizes(plan, T, N, &sizes));
}

inline void Case::make_tensors() {
  const bool lstm = spec.cell == LNRNN_CELL_LSTM;
  const size_t state = size_t(S * N * P), cell_state = lstm ? size_t(S * N * H) : 0;
  EXPECT(sizes.stateBytes == state * bytes_of(sum_type));
  EXPECT(sizes.cellStateBytes == cell_state * bytes_of(sum_type));
  const auto maybe = [&](bool wanted, int32_t of, size_t elements) {
    return wanted && !random.one_in(3) ? numbers(random, of, elements) : empty();
  };
  x = numbers(random, type, x_view.elements());
  h0 = maybe(true, sum_type, state);
  c0 = maybe(lstm, sum_type, cell_state);
  dy = maybe(true, type, dy_view.elements());
  dhn = maybe(true, sum_type, state);
  dcn = maybe(lstm, sum_type, cell_state);
  for (int32_t kind = 0; kind < kMasks; ++kind) {
    const bool given = mask_probability(kind) > 0 && random.one_in(2);
    masks[kind] = given ? mask(random, size_t(mask_bytes(kind))) : empty();
  }
  resets = random.one_in(3) ? mask(random, resets_view.elements()) : empty();
  random_numbers = random.one_in(3) ? tensor(24) : empty();
  if (random_numbers.memory) {
    const uint64_t values[3] = {uint64_t(random.between(0, 1000)),
                                uint64_t(random.between(0, 1000)), 7};
    std::memcpy(random_numbers.before.data(), values, sizeof values);
    random_numbers.memory->fill(random_numbers.before);
  }
  parameters = tensor(size_t(sizes.parameterBytes), true);
  must(lnrnnInitializeParameters(plan, nullptr, sequence.seed, parameters.data(),
                                 parameters.bytes()));
  parameters.before = parameters.memory->read();
  packed = tensor(size_t(sizes.packedBytes), true);
  must(lnrnnPackWeights(plan, nullptr, parameters.data(), parameters.bytes(), packed.data(),
                        packed.bytes()));
  packed.before = packed.memory->read();
  y = maybe(true, type, y_view.elements());
  hn = maybe(true, sum_type, state);
  cn = maybe(lstm, sum_type, cell_state);
  gradients = random.one_in(6) ? empty() : tensor(size_t(sizes.gradientBytes));
  dx = maybe(true, type, dx_view.elements());
  dh0 = maybe(true, sum_type, state);
  dc0 = maybe(lstm, sum_type, cell_state);
  reserve = tensor(size_t(sizes.reserveBytes), true);
}

template <class Arguments>
Arguments Case::forward() const {
  auto a = args::empty<Arguments>();
  a.sequence = sequence;
  a.x = all(x, x_view);
  a.resets = all(resets, resets_view);
  a.h0 = all(h0);
  a.c0 = all(c0);
  a.y = all(y, y_view);
  a.hn = all(hn);
  a.cn = all(cn);
  a.workspace = all(workspace);
  return a;
}

template <class Arguments>
void Case::draw_for(Arguments& a) const {
  a.parameters = all(parameters);
  for (int32_t kind = 0; kind < kMasks; ++kind) *mask_members(a)[size_t(kind)] = all(masks[kind]);
  a.random = all(random_numbers);
}

inline lnrnnForwardInferenceArguments_t Case::inference(const Tensor& weights) const {
  auto a = forward<lnrnnForwardInferenceArguments_t>();
  a.packed = all(weights);
  return a;
}

inline lnrnnStepArguments_t Case::step(const Tensor& row, const Tensor& h,
                                       const Tensor& cell) const {
  auto a = args::empty<lnrnnStepArguments_t>();
  a.batch = N;
  a.packed = all(packed);
  a.x = args::View{all(row), {0, C}};
  a.h = all(h);
  a.c = all(cell);
  a.workspace = all(workspace);
  return a;
}

inline lnrnnForwardTrainingArguments_t Case::training() const {
  auto a = forward<lnrnnForwardTrainingArguments_t>();
  draw_for(a);
  a.reserve = all(reserve);
  return a;
}

inline lnrnnBackwardArguments_t Case::gradient_pass() const {
  auto a = args::empty<lnrnnBackwardArguments_t>();
  a.sequence = sequence;
  a.x = all(x, x_view);
  a.resets = all(resets, resets_view);
  draw_for(a);
  a.reserve = all(reserve);
  a.dy = all(dy, dy_view);
  a.dhn = all(dhn);
  a.dcn = all(dcn);
  a.gradients = all(gradients);
  a.dx = all(dx, dx_view);
  a.dh0 = all(dh0);
  a.dc0 = all(dc0);
  a.workspace = all(workspace);
  return a;
}

}  // namespace fuzz

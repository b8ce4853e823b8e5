// One network with data, run through the C API: what tests and the benchmark share.
#pragma once

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "../src/cell/half.h"
#include "arguments.h"
#include "lnrnn.h"
#include "options.h"

namespace network {

inline void done(lnrnnStatus_t status) {
  if (status == LNRNN_STATUS_SUCCESS) return;
  std::printf("%s: %s\n", lnrnnGetStatusName(status), lnrnnGetLastErrorMessage());
  std::exit(EXIT_FAILURE);
}

// Pinned memory that frees itself: every device reads and writes it in place, and so does the test.
template <class T>
class Buffer {
 public:
  Buffer(lnrnnHandle_t handle, size_t count) : handle_(handle), count_(count) {
    done(lnrnnHostAlloc(handle, count * sizeof(T), reinterpret_cast<void**>(&data_)));
    std::memset(static_cast<void*>(data_), 0, bytes());
  }
  ~Buffer() { lnrnnHostFree(handle_, data_); }
  Buffer(const Buffer&) = delete;
  Buffer& operator=(const Buffer&) = delete;

  T* data() const { return data_; }
  size_t size() const { return count_; }
  size_t bytes() const { return count_ * sizeof(T); }
  T& operator[](size_t i) const { return data_[i]; }
  std::vector<T> copy() const { return {data_, data_ + count_}; }

 private:
  lnrnnHandle_t handle_;
  size_t count_;
  T* data_ = nullptr;
};

using lnrnn::accumulation_t;
using lnrnn::Bf16;
using lnrnn::F16;

template <class S>
constexpr int32_t data_type();
template <>
constexpr int32_t data_type<float>() {
  return LNRNN_DATA_F32;
}
template <>
constexpr int32_t data_type<double>() {
  return LNRNN_DATA_F64;
}
template <>
constexpr int32_t data_type<F16>() {
  return LNRNN_DATA_F16;
}
template <>
constexpr int32_t data_type<Bf16>() {
  return LNRNN_DATA_BF16;
}

// A number of any type, and to any type.
template <class S>
double number(S value) {
  return static_cast<double>(lnrnn::widen(value));
}
template <class S>
S rounded(double value) {
  return lnrnn::narrow<S>(static_cast<accumulation_t<S>>(value));
}

// What a training pass may be given of masks.
struct MaskKind {
  lnrnnMaskKind_t kind;
  const char* member;  // of the arguments
  double lnrnnPlanDescription_t::*probability;
};
constexpr MaskKind kMaskKinds[] = {
    {LNRNN_MASK_ZONEOUT, "zoneoutMask", &lnrnnPlanDescription_t::zoneout},
    {LNRNN_MASK_ZONEOUT_CELL, "zoneoutCellMask", &lnrnnPlanDescription_t::zoneoutCell},
    {LNRNN_MASK_DROPCONNECT, "dropconnectMask", &lnrnnPlanDescription_t::dropconnect},
    {LNRNN_MASK_DROPOUT, "dropoutMask", &lnrnnPlanDescription_t::dropout},
    {LNRNN_MASK_DROPOUT_CANDIDATE, "dropoutCandidateMask",
     &lnrnnPlanDescription_t::dropoutCandidate}};

// Owns its handle and plan, and buffers for every tensor, filled with seeded random values: the same
// numbers for every type, as far as it holds them. S is the data type.
template <class S>
struct Network {
  using T = accumulation_t<S>;

  Shape shape;
  lnrnnPlanDescription_t description{};
  lnrnnHandle_t handle = nullptr;
  lnrnnPlan_t plan = nullptr;
  lnrnnStream_t stream = nullptr;  // where its passes are queued; the default one
  lnrnnPlanSizes_t sizes{};
  lnrnnSequence_t sequence{};    // but for the lengths
  std::vector<int64_t> lengths;  // empty for none
  args::Strides x_strides, y_strides, dx_strides, dy_strides, resets_strides;
  uint32_t flags = 0;  // of backward
  std::unique_ptr<Buffer<S>> parameters, x, y, dy, dx;
  // Those of c are null where the cell has none.
  std::unique_ptr<Buffer<T>> gradients, h0, c0, hn, cn, dhn, dcn, dh0, dc0;
  std::unique_ptr<Buffer<char>> packed, reserve, workspace;
  // Null unless a test makes them.
  std::unique_ptr<Buffer<uint8_t>> zoneout_mask, zoneout_cell_mask, dropconnect_mask, dropout_mask,
      dropout_candidate_mask, resets;
  std::unique_ptr<Buffer<uint64_t>> random;

  Network(Shape s, Options options) : shape(s) {
    const bool cpu = options.device == LNRNN_DEVICE_CPU;
    done(lnrnnCreate(options.device, options.ordinal, cpu ? options.threads : 0, options.isa,
                     &handle));
    const lnrnnPlanDescription_t d = options.description(s, data_type<S>());
    description = d;
    done(lnrnnPlanCreate(handle, &d, &plan));
    sizes.structSize = sizeof sizes;
    done(lnrnnPlanGetSizes(plan, s.steps, s.batch, &sizes));

    const int64_t rows = s.steps * s.batch;
    const int64_t output = options.output(s);
    fill_parameters();
    gradients = tensor<T>(sizes.gradientBytes / sizeof(T), 2);
    x = tensor<S>(static_cast<size_t>(rows * s.input), 3);
    dx = tensor<S>(static_cast<size_t>(rows * s.input), 4);
    y = tensor<S>(static_cast<size_t>(rows * output), 5);
    dy = tensor<S>(static_cast<size_t>(rows * output), 6);
    unsigned seed = 7;
    const bool has_c = d.cell == LNRNN_CELL_LSTM;
    for (auto* pair : {&h0, &c0, &hn, &cn, &dhn, &dcn, &dh0, &dc0}) {
      const bool of_c = seed % 2 == 0;
      if (has_c || !of_c)
        *pair = tensor<T>((of_c ? sizes.cellStateBytes : sizes.stateBytes) / sizeof(T), seed);
      ++seed;
    }
    packed = std::make_unique<Buffer<char>>(handle, sizes.packedBytes);
    reserve = std::make_unique<Buffer<char>>(handle, sizes.reserveBytes);
    workspace = std::make_unique<Buffer<char>>(handle, std::max({sizes.inferenceWorkspaceBytes,
                                                                 sizes.trainingWorkspaceBytes,
                                                                 sizes.backwardWorkspaceBytes}));

    sequence.steps = s.steps;
    sequence.batch = s.batch;
    resets_strides = args::Strides::of(s.batch, 1);
    x_strides = dx_strides = args::Strides::of(s.batch, s.input);
    y_strides = dy_strides = args::Strides::of(s.batch, output);
    sequence.seed = 42;
  }
  ~Network() {
    for (auto* t : {&parameters, &x, &y, &dy, &dx}) t->reset();
    for (auto* t : {&gradients, &h0, &c0, &hn, &cn, &dhn, &dcn, &dh0, &dc0}) t->reset();
    for (auto* t : {&packed, &reserve, &workspace}) t->reset();
    for (const MaskKind& m : kMaskKinds) mask(m.kind).reset();
    resets.reset();
    random.reset();
    done(lnrnnPlanDestroy(plan));
    done(lnrnnDestroy(handle));
  }
  Network(const Network&) = delete;
  Network& operator=(const Network&) = delete;

  // Results may be read after this.
  void wait() { done(lnrnnStreamSynchronize(handle, stream)); }

  std::vector<lnrnnParameter_t> descriptions() const {
    int32_t count = 0;
    done(lnrnnPlanGetParameterCount(plan, &count));
    std::vector<lnrnnParameter_t> all(static_cast<size_t>(count));
    for (int32_t i = 0; i < count; ++i) {
      all[static_cast<size_t>(i)].structSize = sizeof(lnrnnParameter_t);
      done(lnrnnPlanGetParameter(plan, i, &all[static_cast<size_t>(i)]));
    }
    return all;
  }
  // Whether there is a parameter whose name begins like that.
  bool has(const std::string& name) const {
    const auto all = descriptions();
    return std::any_of(all.begin(), all.end(), [&](const lnrnnParameter_t& p) {
      return std::string(p.name).compare(0, name.size(), name) == 0;
    });
  }
  S* parameter(const lnrnnParameter_t& p) const {
    return parameters->data() + p.offsetBytes / sizeof(S);
  }
  T* gradient(const lnrnnParameter_t& p) const {
    return gradients->data() + p.gradientOffsetBytes / sizeof(T);
  }

  std::unique_ptr<Buffer<uint8_t>>& mask(lnrnnMaskKind_t kind) {
    switch (kind) {
      case LNRNN_MASK_ZONEOUT: return zoneout_mask;
      case LNRNN_MASK_ZONEOUT_CELL: return zoneout_cell_mask;
      case LNRNN_MASK_DROPCONNECT: return dropconnect_mask;
      case LNRNN_MASK_DROPOUT: return dropout_mask;
      default: return dropout_candidate_mask;
    }
  }
  size_t mask_bytes(lnrnnMaskKind_t kind) const {
    const int64_t directions = description.direction == LNRNN_DIRECTION_BIDIRECTIONAL ? 2 : 1;
    const int64_t samples = shape.steps * shape.batch, layers = description.layers;
    const int64_t hidden = shape.hidden;
    const int64_t output = description.projectionSize > 0 ? description.projectionSize : hidden;
    const bool once = (description.flags & LNRNN_PLAN_VARIATIONAL_DROPOUT) != 0;
    int64_t elements =
        layers * directions * samples * (kind == LNRNN_MASK_ZONEOUT ? output : hidden);
    if (kind == LNRNN_MASK_DROPOUT) {
      elements = (layers - 1) * (once ? shape.batch : samples) * directions * output;
    } else if (kind == LNRNN_MASK_DROPCONNECT) {
      elements = 0;
      for (const lnrnnParameter_t& p : descriptions()) {
        if (std::strstr(p.name, "weight_hh") != nullptr) elements += p.elements;
      }
    }
    return static_cast<size_t>(elements);
  }

  template <class E>
  static args::Memory memory(const std::unique_ptr<Buffer<E>>& buffer) {
    return buffer == nullptr ? args::Memory{} : args::Memory{buffer->data(), buffer->bytes()};
  }
  template <class E>
  static args::View view(const std::unique_ptr<Buffer<E>>& buffer, args::Strides strides) {
    return {memory(buffer), strides};
  }

  void initialize(uint64_t seed) {
    done(lnrnnInitializeParameters(plan, stream, seed, parameters->data(), parameters->bytes()));
  }
  void pack() {
    done(lnrnnPackWeights(plan, stream, parameters->data(), parameters->bytes(), packed->data(),
                          packed->bytes()));
  }

  // What each pass is called with, for tests that change something of it.
  lnrnnForwardInferenceArguments_t inference() const {
    auto a = forward<lnrnnForwardInferenceArguments_t>();
    a.packed = memory(packed);
    return a;
  }
  lnrnnStepArguments_t one_step() const {
    auto a = args::empty<lnrnnStepArguments_t>();
    a.batch = shape.batch;
    a.packed = memory(packed);
    a.x = view(x, x_strides);
    a.resets = view(resets, resets_strides);
    a.h = memory(h0);
    a.c = memory(c0);
    a.workspace = memory(workspace);
    return a;
  }
  lnrnnForwardTrainingArguments_t training() const {
    auto a = forward<lnrnnForwardTrainingArguments_t>();
    draw_for(a);
    a.reserve = memory(reserve);
    return a;
  }
  lnrnnBackwardArguments_t gradient_pass() const {
    auto a = args::empty<lnrnnBackwardArguments_t>();
    a.sequence = whole_sequence();
    a.x = view(x, x_strides);
    a.resets = view(resets, resets_strides);
    draw_for(a);
    a.reserve = memory(reserve);
    a.dy = view(dy, dy_strides);
    a.dhn = memory(dhn);
    a.dcn = memory(dcn);
    a.gradients = memory(gradients);
    a.dx = view(dx, dx_strides);
    a.dh0 = memory(dh0);
    a.dc0 = memory(dc0);
    a.workspace = memory(workspace);
    a.flags = flags;
    return a;
  }
  template <class Arguments>
  lnrnnStatus_t run(const Arguments& a) {
    return args::run(plan, stream, &a);
  }

  void infer() { done(run(inference())); }
  void step() { done(run(one_step())); }
  void train() { done(run(training())); }
  void backward() { done(run(gradient_pass())); }

  // The loss that backward differentiates: y dy + hn dhn + cn dcn, after a training forward.
  double loss() {
    train();
    wait();
    double sum = 0;
    const auto dot = [&](const auto& a, const auto& b) {
      if (a == nullptr) return;
      for (size_t i = 0; i < a->size(); ++i) sum += number((*a)[i]) * number((*b)[i]);
    };
    dot(y, dy);
    dot(hn, dhn);
    dot(cn, dcn);
    return sum;
  }

 private:
  lnrnnSequence_t whole_sequence() const {
    lnrnnSequence_t whole = sequence;
    whole.lengths = lengths.empty() ? nullptr : lengths.data();
    return whole;
  }
  // What both forward passes have.
  template <class Arguments>
  Arguments forward() const {
    auto a = args::empty<Arguments>();
    a.sequence = whole_sequence();
    a.x = view(x, x_strides);
    a.resets = view(resets, resets_strides);
    a.h0 = memory(h0);
    a.c0 = memory(c0);
    a.y = view(y, y_strides);
    a.hn = memory(hn);
    a.cn = memory(cn);
    a.workspace = memory(workspace);
    return a;
  }
  // What a training forward and its backward have.
  template <class Arguments>
  void draw_for(Arguments& a) const {
    a.parameters = memory(parameters);
    a.zoneoutMask = memory(zoneout_mask);
    a.zoneoutCellMask = memory(zoneout_cell_mask);
    a.dropconnectMask = memory(dropconnect_mask);
    a.dropoutMask = memory(dropout_mask);
    a.dropoutCandidateMask = memory(dropout_candidate_mask);
    a.random = memory(random);
  }

  template <class E>
  static void fill(E* values, size_t count, unsigned seed, double scale) {
    std::mt19937 generator(seed);
    std::normal_distribution<double> normal;
    for (size_t i = 0; i < count; ++i) values[i] = rounded<E>(scale * normal(generator));
  }
  template <class E>
  std::unique_ptr<Buffer<E>> tensor(size_t count, unsigned seed) {
    auto buffer = std::make_unique<Buffer<E>>(handle, count);
    fill(buffer->data(), count, seed, 1);
    return buffer;
  }
  // Tensor by tensor, as their places depend on the type. What lies between them is not zero.
  void fill_parameters() {
    parameters = tensor<S>(sizes.parameterBytes / sizeof(S), 1);
    unsigned seed = 100;
    for (const lnrnnParameter_t& p : descriptions()) {
      fill(parameter(p), static_cast<size_t>(p.elements), seed++, 0.5);
    }
  }
};

}  // namespace network

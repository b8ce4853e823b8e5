// One LSTM with data, run through the C API: what tests and the benchmark share.
#pragma once

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "lnrnn.h"

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

template <class T>
constexpr int32_t data_type() {
  return sizeof(T) == 8 ? LNRNN_DATA_F64 : LNRNN_DATA_F32;
}

struct Shape {
  int64_t steps, batch, input, hidden;
};

struct Options {
  lnrnnDeviceKind_t device = LNRNN_DEVICE_CPU;
  int32_t normalization = LNRNN_NORMALIZATION_HASTE;
  double zoneout = 0, dropconnect = 0;
  int32_t threads = 1;
  const char* isa = nullptr;
};

// Owns its handle and plan, and buffers for every tensor, filled with seeded random values.
template <class T>
struct Network {
  Shape shape;
  lnrnnHandle_t handle = nullptr;
  lnrnnPlan_t plan = nullptr;
  lnrnnStream_t stream = nullptr;  // where its passes are queued; the default one
  lnrnnPlanSizes_t sizes{};
  lnrnnSequence_t sequence{};
  std::vector<int64_t> lengths;
  std::unique_ptr<Buffer<T>> parameters, gradients, x, h0, c0, y, hn, cn, dy, dhn, dcn, dx, dh0,
      dc0;
  std::unique_ptr<Buffer<char>> packed, reserve, workspace;

  Network(Shape s, Options options) : shape(s) {
    const bool cpu = options.device == LNRNN_DEVICE_CPU;
    done(lnrnnCreate(options.device, 0, cpu ? options.threads : 0, options.isa, &handle));
    lnrnnPlanDescription_t d{};
    d.structSize = sizeof d;
    d.normalization = options.normalization;
    d.dataType = data_type<T>();
    d.layers = 1;
    d.inputSize = s.input;
    d.hiddenSize = s.hidden;
    d.epsilon = 1e-5;
    d.zoneout = options.zoneout;
    d.dropconnect = options.dropconnect;
    done(lnrnnPlanCreate(handle, &d, &plan));
    sizes.structSize = sizeof sizes;
    done(lnrnnPlanGetSizes(plan, s.steps, s.batch, &sizes));

    const auto tensor = [&](int64_t count, unsigned seed) {
      auto buffer = std::make_unique<Buffer<T>>(handle, static_cast<size_t>(count));
      std::mt19937 generator(seed);
      std::normal_distribution<double> normal;
      for (size_t i = 0; i < buffer->size(); ++i) (*buffer)[i] = static_cast<T>(normal(generator));
      return buffer;
    };
    const int64_t rows = s.steps * s.batch, state = s.batch * s.hidden;
    const int64_t count = static_cast<int64_t>(sizes.parameterBytes / sizeof(T));
    parameters = tensor(count, 1);
    for (size_t i = 0; i < parameters->size(); ++i) (*parameters)[i] *= T(0.5);
    gradients = tensor(count, 2);
    x = tensor(rows * s.input, 3);
    dx = tensor(rows * s.input, 4);
    y = tensor(rows * s.hidden, 5);
    dy = tensor(rows * s.hidden, 6);
    h0 = tensor(state, 7);
    c0 = tensor(state, 8);
    hn = tensor(state, 9);
    cn = tensor(state, 10);
    dhn = tensor(state, 11);
    dcn = tensor(state, 12);
    dh0 = tensor(state, 13);
    dc0 = tensor(state, 14);
    packed = std::make_unique<Buffer<char>>(handle, sizes.packedBytes);
    reserve = std::make_unique<Buffer<char>>(handle, sizes.reserveBytes);
    workspace = std::make_unique<Buffer<char>>(
        handle, std::max({sizes.inferenceWorkspaceBytes, sizes.trainingWorkspaceBytes,
                          sizes.backwardWorkspaceBytes}));

    sequence.structSize = sizeof sequence;
    sequence.steps = s.steps;
    sequence.batch = s.batch;
    sequence.xStepStride = sequence.dxStepStride = s.batch * s.input;
    sequence.xRowStride = sequence.dxRowStride = s.input;
    sequence.yStepStride = sequence.dyStepStride = state;
    sequence.yRowStride = sequence.dyRowStride = s.hidden;
    sequence.seed = 42;
  }
  ~Network() {
    for (auto* t : {&parameters, &gradients, &x, &h0, &c0, &y, &hn, &cn, &dy, &dhn, &dcn, &dx,
                    &dh0, &dc0}) {
      t->reset();
    }
    for (auto* t : {&packed, &reserve, &workspace}) t->reset();
    done(lnrnnPlanDestroy(plan));
    done(lnrnnDestroy(handle));
  }
  Network(const Network&) = delete;
  Network& operator=(const Network&) = delete;

  // Results may be read after this.
  void wait() { done(lnrnnStreamSynchronize(handle, stream)); }

  const int64_t* lengths_or_null() const { return lengths.empty() ? nullptr : lengths.data(); }

  void pack() {
    done(lnrnnPackWeights(plan, stream, parameters->data(), parameters->bytes(), packed->data(),
                          packed->bytes()));
  }
  void infer() {
    done(lnrnnForwardInference(plan, stream, &sequence, lengths_or_null(), packed->data(),
                               packed->bytes(), x->data(), x->bytes(), h0->data(), c0->data(),
                               y->data(), y->bytes(), hn->data(), cn->data(), hn->bytes(),
                               workspace->data(), workspace->bytes()));
  }
  void step() {
    done(lnrnnStep(plan, stream, shape.batch, packed->data(), packed->bytes(), x->data(),
                   x->bytes(), h0->data(), c0->data(), h0->bytes(), workspace->data(),
                   workspace->bytes()));
  }
  void train() {
    done(lnrnnForwardTraining(plan, stream, &sequence, lengths_or_null(), parameters->data(),
                              parameters->bytes(), x->data(), x->bytes(), h0->data(), c0->data(),
                              nullptr, 0, nullptr, 0, y->data(), y->bytes(), hn->data(),
                              cn->data(), hn->bytes(), reserve->data(), reserve->bytes(),
                              workspace->data(), workspace->bytes()));
  }
  void backward() {
    done(lnrnnBackward(plan, stream, &sequence, lengths_or_null(), parameters->data(),
                       parameters->bytes(), x->data(), x->bytes(), nullptr, 0, nullptr, 0,
                       dy->data(), dy->bytes(), dhn->data(), dcn->data(), reserve->data(),
                       reserve->bytes(), gradients->data(), gradients->bytes(), dx->data(),
                       dx->bytes(), dh0->data(), dc0->data(), dh0->bytes(), workspace->data(),
                       workspace->bytes()));
  }

  // The loss that backward differentiates: y dy + hn dhn + cn dcn, after a training forward.
  double loss() {
    train();
    wait();
    double sum = 0;
    const auto dot = [&](const Buffer<T>& a, const Buffer<T>& b) {
      for (size_t i = 0; i < a.size(); ++i) sum += double(a[i]) * double(b[i]);
    };
    dot(*y, *dy);
    dot(*hn, *dhn);
    dot(*cn, *dcn);
    return sum;
  }
};

}  // namespace network

// The gradients of a network whose rows are all alike, summed over many of them, and what they are exactly:
// for tests of long sums. x and dy are the same at every (t, n), h0 and c0 at every n.
#pragma once

#include <cmath>
#include <functional>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "check.h"
#include "network.h"

namespace sums {

using lnrnn::accumulation_t;
using network::Bf16;
using network::Buffer;
using network::Cell;
using network::data_type;
using network::done;
using network::F16;
using network::number;
using network::Options;
using network::rounded;
using network::Shape;

struct Tensor {
  std::string name;
  bool matrix;
  std::vector<double> values;
};
using Tensors = std::vector<Tensor>;

// What a network has and its type cannot change: every number is one that R holds.
template <class R>
std::vector<double> numbers(size_t count, unsigned seed, double scale) {
  std::mt19937 generator(seed);
  std::normal_distribution<double> normal;
  std::vector<double> values(count);
  for (double& v : values) v = number(rounded<R>(scale * normal(generator)));
  return values;
}

template <class S>
void fill(const Buffer<S>& buffer, const std::vector<double>& row) {
  for (size_t i = 0; i < buffer.size(); ++i) buffer[i] = rounded<S>(row[i % row.size()]);
}

struct Data {
  bool coinciding = true;  // all rows of x, and of dy, are one in memory
  bool plain = false;      // parameters and h0 are 0, x 1 and dy the number below, not random
  double dy = 0.1;
  const Tensors* add_to = nullptr;  // what the gradients are added to; null: they replace
};

// The gradients of a pass in type S over numbers of type R.
template <class S, class R = S>
Tensors gradients(const Shape& shape, const Options& options, const Data& data = {}) {
  using T = accumulation_t<S>;
  lnrnnHandle_t handle = nullptr;
  done(lnrnnCreate(options.device, 0, options.device == LNRNN_DEVICE_CPU ? options.threads : 0,
                   options.isa, &handle));
  const lnrnnPlanDescription_t d = options.description(shape, data_type<S>());
  lnrnnPlan_t plan = nullptr;
  done(lnrnnPlanCreate(handle, &d, &plan));
  lnrnnPlanSizes_t sizes{};
  sizes.structSize = sizeof sizes;
  done(lnrnnPlanGetSizes(plan, shape.steps, shape.batch, &sizes));
  Tensors result;
  {
    const size_t rows = data.coinciding ? 1 : static_cast<size_t>(shape.steps * shape.batch);
    const auto input = static_cast<size_t>(shape.input), hidden = static_cast<size_t>(shape.hidden);
    const bool has_c = options.cell == LNRNN_CELL_LSTM;
    const Buffer<S> x(handle, rows * input), dy(handle, rows * hidden);
    const Buffer<S> parameters(handle, sizes.parameterBytes / sizeof(S));
    const Buffer<T> state(handle, sizes.stateBytes / sizeof(T));
    const Buffer<T> gradient(handle, sizes.gradientBytes / sizeof(T));
    const Buffer<char> reserve(handle, sizes.reserveBytes);
    const Buffer<char> workspace(handle, std::max(sizes.trainingWorkspaceBytes,
                                                  sizes.backwardWorkspaceBytes));
    if (data.plain) {
      fill(x, {1});
      fill(dy, {data.dy});
    } else {
      fill(x, numbers<R>(input, 1, 1));
      fill(dy, numbers<R>(hidden, 2, 0.1));
      fill(state, numbers<R>(hidden, 3, 0.5));
    }

    int32_t count = 0;
    done(lnrnnPlanGetParameterCount(plan, &count));
    std::vector<lnrnnParameter_t> all(static_cast<size_t>(count));
    for (int32_t i = 0; i < count; ++i) {
      lnrnnParameter_t& p = all[static_cast<size_t>(i)];
      p.structSize = sizeof p;
      done(lnrnnPlanGetParameter(plan, i, &p));
      // A state is forgotten within some hundred steps.
      const bool recurrent = std::strncmp(p.name, "weight_hh", 9) == 0;
      const double scale = data.plain ? 0 : recurrent ? 0.2 : 0.5;
      const auto values = numbers<R>(static_cast<size_t>(p.elements), 100 + unsigned(i), scale);
      for (size_t j = 0; j < values.size(); ++j) {
        parameters[p.offsetBytes / sizeof(S) + j] = rounded<S>(values[j]);
        if (data.add_to != nullptr) {
          gradient[p.gradientOffsetBytes / sizeof(T) + j] =
              static_cast<T>((*data.add_to)[static_cast<size_t>(i)].values[j]);
        }
      }
    }

    const auto memory = [](const auto& buffer) {
      return args::Memory{buffer.data(), buffer.bytes()};
    };
    const auto view = [&](const auto& buffer, int64_t features) {
      return args::View{memory(buffer), data.coinciding ? args::Strides{}
                                                        : args::Strides::of(shape.batch, features)};
    };
    auto training = args::empty<lnrnnForwardTrainingArguments_t>();
    training.sequence.steps = shape.steps;
    training.sequence.batch = shape.batch;
    training.parameters = memory(parameters);
    training.x = view(x, shape.input);
    training.h0 = memory(state);
    if (has_c) training.c0 = memory(state);
    training.reserve = memory(reserve);
    training.workspace = memory(workspace);
    done(lnrnnForwardTraining(plan, nullptr, &training));

    auto backward = args::empty<lnrnnBackwardArguments_t>();
    backward.sequence = training.sequence;
    backward.parameters = training.parameters;
    backward.x = training.x;
    backward.reserve = memory(reserve);
    backward.dy = view(dy, shape.hidden);
    backward.gradients = memory(gradient);
    backward.workspace = memory(workspace);
    backward.flags = data.add_to == nullptr ? 0 : LNRNN_BACKWARD_ACCUMULATE;
    done(lnrnnBackward(plan, nullptr, &backward));
    done(lnrnnStreamSynchronize(handle, nullptr));
    for (const lnrnnParameter_t& p : all) {
      const T* const from = gradient.data() + p.gradientOffsetBytes / sizeof(T);
      result.push_back({p.name, p.rank == 2, {from, from + p.elements}});
    }
  }
  done(lnrnnPlanDestroy(plan));
  done(lnrnnDestroy(handle));
  return result;
}

// factor a + rest b, elementwise.
inline Tensors combined(double factor, Tensors a, double rest, const Tensors& b) {
  for (size_t i = 0; i < a.size(); ++i) {
    for (size_t j = 0; j < a[i].values.size(); ++j) {
      a[i].values[j] = factor * a[i].values[j] + rest * b[i].values[j];
    }
  }
  return a;
}

// What they are exactly, for numbers of type R: computed by the CPU in f64 over as many steps as it takes
// until each adds the same; the rows of a batch do that from the first on.
template <class R>
Tensors exact(Shape shape, Options options) {
  constexpr int64_t kSettled = 500;
  options.device = LNRNN_DEVICE_CPU;
  options.threads = 1;
  const auto batch = static_cast<double>(shape.batch), steps = static_cast<double>(shape.steps);
  shape.batch = 1;
  if (shape.steps <= 2 * kSettled) {
    const Tensors one = gradients<double, R>(shape, options);
    return combined(batch, one, 0, one);
  }
  shape.steps = kSettled;
  const Tensors few = gradients<double, R>(shape, options);
  shape.steps = 2 * kSettled;
  const Tensors more = gradients<double, R>(shape, options);
  const double times = (steps - kSettled) / kSettled;
  return combined(batch * times, more, batch * (1 - times), few);
}

// The largest error of any vector and of any matrix, relative to the element, or to an eighth of the
// tensor's largest: smaller ones are differences of large numbers, of which each row loses more.
struct Errors {
  double vectors = 0, matrices = 0;
};
inline Errors errors(const Tensors& got, const Tensors& exact) {
  Errors errors;
  for (size_t i = 0; i < exact.size(); ++i) {
    double largest = 0;
    for (const double v : exact[i].values) largest = std::fmax(largest, std::fabs(v));
    for (size_t j = 0; j < exact[i].values.size(); ++j) {
      const double of = exact[i].values[j], scale = std::fmax(std::fabs(of), largest / 8);
      if (scale == 0) continue;
      double& worst = exact[i].matrix ? errors.matrices : errors.vectors;
      worst = std::fmax(worst, std::fabs(got[i].values[j] - of) / scale);
    }
  }
  return errors;
}

constexpr double kVectors = 4e-6, kMatrices = 1e-5;  // as lnrnn.h promises of f32

inline void check_errors(const char* what, const Shape& shape, const Errors& e,
                         double vectors = kVectors, double matrices = kMatrices) {
  const bool ok = e.vectors <= vectors && e.matrices <= matrices;
  CHECK(ok);
  if (ok && std::getenv("LNRNN_SUMS_VERBOSE") == nullptr) return;
  std::printf("%s %s, T %lld, N %lld: vectors %.2g, matrices %.2g\n", ok ? "  " : "X ", what,
              static_cast<long long>(shape.steps), static_cast<long long>(shape.batch), e.vectors,
              e.matrices);
}

}  // namespace sums

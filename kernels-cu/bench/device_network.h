// One LSTM with data on any device, in any data type, through the C API alone. The host never looks
// into device memory: what goes there and what comes back is copied.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "../test/arguments.h"
#include "lnrnn.h"

namespace bench {

inline void done(lnrnnStatus_t status) {
  if (status == LNRNN_STATUS_SUCCESS) return;
  std::fprintf(stderr, "%s: %s\n", lnrnnGetStatusName(status), lnrnnGetLastErrorMessage());
  std::exit(EXIT_FAILURE);
}

inline size_t element_bytes(int32_t type) {
  return type == LNRNN_DATA_F64 ? 8 : type == LNRNN_DATA_F32 ? 4 : 2;
}

// Values that every data type holds exactly: an integer below 128 times a power of two. So all
// types compute with the same numbers, and differ by their arithmetic alone.
inline void encode(int32_t type, double value, char* to) {
  const float single = static_cast<float>(value);
  uint32_t bits;
  std::memcpy(&bits, &single, sizeof bits);
  if (type == LNRNN_DATA_F64) {
    std::memcpy(to, &value, sizeof value);
  } else if (type == LNRNN_DATA_F32) {
    std::memcpy(to, &single, sizeof single);
  } else {
    const uint32_t half_magnitude = ((bits & 0x7fffffffu) >> 13) - (112u << 10);
    const uint16_t half = static_cast<uint16_t>(
        type == LNRNN_DATA_BF16 ? bits >> 16
                                : (bits >> 16 & 0x8000u) | (single == 0 ? 0 : half_magnitude));
    std::memcpy(to, &half, sizeof half);
  }
}

inline double decode(int32_t type, const char* from) {
  if (type == LNRNN_DATA_F64) {
    double value;
    std::memcpy(&value, from, sizeof value);
    return value;
  }
  if (type == LNRNN_DATA_F32) {
    float value;
    std::memcpy(&value, from, sizeof value);
    return value;
  }
  uint16_t half;
  std::memcpy(&half, from, sizeof half);
  if (type == LNRNN_DATA_BF16) {
    const uint32_t bits = static_cast<uint32_t>(half) << 16;
    float value;
    std::memcpy(&value, &bits, sizeof value);
    return value;
  }
  const int exponent = half >> 10 & 31, fraction = half & 1023;
  const double magnitude = exponent == 31  ? (fraction == 0 ? HUGE_VAL : NAN)
                           : exponent == 0 ? std::ldexp(fraction, -24)
                                           : std::ldexp(1024 + fraction, exponent - 25);
  return (half & 0x8000) != 0 ? -magnitude : magnitude;
}

// Random integers of first...last times scale, from element `begin` on. Integers are below 128 in
// magnitude, the scale is a power of two.
inline void fill(int32_t type, std::vector<char>& host, size_t begin, size_t count,
                 std::mt19937& random, int first, int last, double scale) {
  const size_t step = element_bytes(type);
  for (size_t i = begin; i < begin + count; ++i) {
    const int value = first + static_cast<int>(random() % static_cast<unsigned>(last - first + 1));
    encode(type, value * scale, host.data() + i * step);
  }
}

class DeviceBuffer {
 public:
  DeviceBuffer(lnrnnHandle_t handle, size_t bytes) : handle_(handle), bytes_(bytes) {
    done(lnrnnMalloc(handle, nullptr, bytes, &data_));
  }
  ~DeviceBuffer() { lnrnnFree(handle_, nullptr, data_); }
  DeviceBuffer(const DeviceBuffer&) = delete;
  DeviceBuffer& operator=(const DeviceBuffer&) = delete;

  void* data() const { return data_; }
  size_t bytes() const { return bytes_; }

  void upload(const std::vector<char>& host) {
    done(lnrnnMemcpy(handle_, nullptr, data_, host.data(), host.size()));
    done(lnrnnStreamSynchronize(handle_, nullptr));
  }

  std::vector<double> values(int32_t type) const {
    std::vector<char> host(bytes_);
    done(lnrnnMemcpy(handle_, nullptr, host.data(), data_, bytes_));
    done(lnrnnStreamSynchronize(handle_, nullptr));
    std::vector<double> values;
    for (size_t at = 0; at < bytes_; at += element_bytes(type)) {
      values.push_back(decode(type, host.data() + at));
    }
    return values;
  }

 private:
  lnrnnHandle_t handle_;
  size_t bytes_;
  void* data_ = nullptr;
};

// "cpu" or "cuda:N"; null where it cannot be opened, and the last error message says why.
inline lnrnnHandle_t open(const std::string& device) {
  const bool cuda = device.rfind("cuda:", 0) == 0;
  if (!cuda && device != "cpu") {
    std::fprintf(stderr, "'%s' is not a device: cpu and cuda:N are\n", device.c_str());
    std::exit(EXIT_FAILURE);
  }
  lnrnnHandle_t handle = nullptr;
  const int32_t ordinal = cuda ? std::atoi(device.c_str() + std::strlen("cuda:")) : 0;
  lnrnnCreate(cuda ? LNRNN_DEVICE_CUDA : LNRNN_DEVICE_CPU, ordinal, 0, nullptr, &handle);
  return handle;
}

struct Case {
  int64_t steps, batch, input, hidden;
  int32_t normalization = LNRNN_NORMALIZATION_HASTE;
};

// Owns a plan and all buffers that its passes need. The handle is the caller's.
class DeviceNetwork {
 public:
  // Null, with the library's sentence in lnrnnGetLastErrorMessage(), where the device cannot do it.
  static std::unique_ptr<DeviceNetwork> create(lnrnnHandle_t handle, const Case& c, int32_t type) {
    lnrnnPlanDescription_t d{};
    d.structSize = sizeof d;
    d.normalization = c.normalization;
    d.dataType = type;
    d.layers = 1;
    d.inputSize = c.input;
    d.hiddenSize = c.hidden;
    d.epsilon = 1e-5;
    lnrnnPlan_t plan = nullptr;
    const lnrnnStatus_t status = lnrnnPlanCreate(handle, &d, &plan);
    if (status == LNRNN_STATUS_NOT_SUPPORTED) return nullptr;
    done(status);
    return std::unique_ptr<DeviceNetwork>(new DeviceNetwork(handle, plan, c, type));
  }
  ~DeviceNetwork() {
    done(lnrnnPlanDestroy(plan_));
    done(lnrnnStreamDestroy(stream_));
  }
  DeviceNetwork(const DeviceNetwork&) = delete;
  DeviceNetwork& operator=(const DeviceNetwork&) = delete;

  lnrnnHandle_t handle() const { return handle_; }
  // Where its passes are queued.
  lnrnnStream_t stream() const { return stream_; }
  void wait() const { done(lnrnnStreamSynchronize(handle_, stream_)); }

  void pack() {
    done(lnrnnPackWeights(plan_, stream_, parameters_->data(), parameters_->bytes(),
                          packed_->data(), packed_->bytes()));
  }
  void infer() { done(lnrnnForwardInference(plan_, stream_, &inference_)); }
  void train() {
    done(lnrnnForwardTraining(plan_, stream_, &training_));
    done(lnrnnBackward(plan_, stream_, &backward_));
  }

  // All results become NaN.
  void forget() {
    for (auto* t : {&y_, &hn_, &cn_, &gradients_, &dx_, &dh0_, &dc0_}) {
      done(lnrnnMemset(handle_, stream_, (*t)->data(), 0xff, (*t)->bytes()));
    }
  }

  // Every output of a forward pass, and every gradient, tensor by tensor, of passes waited for.
  using Tensors = std::map<std::string, std::vector<double>>;
  Tensors outputs() const {
    return {{"y", y_->values(type_)}, {"hn", hn_->values(sums())}, {"cn", cn_->values(sums())}};
  }
  Tensors gradients() const {
    Tensors tensors{{"dx", dx_->values(type_)},
                    {"dh0", dh0_->values(sums())},
                    {"dc0", dc0_->values(sums())}};
    const std::vector<double> all = gradients_->values(sums());
    for (const lnrnnParameter_t& p : parameters()) {
      const auto first =
          all.begin() + static_cast<int64_t>(p.gradientOffsetBytes / element_bytes(sums()));
      tensors[p.name].assign(first, first + p.elements);
    }
    return tensors;
  }

 private:
  // The accumulation type: of states and of gradients.
  int32_t sums() const { return type_ == LNRNN_DATA_F64 ? LNRNN_DATA_F64 : LNRNN_DATA_F32; }

  DeviceNetwork(lnrnnHandle_t handle, lnrnnPlan_t plan, const Case& c, int32_t type)
      : handle_(handle), plan_(plan), type_(type) {
    done(lnrnnStreamCreate(handle, &stream_));
    lnrnnPlanSizes_t sizes{};
    sizes.structSize = sizeof sizes;
    done(lnrnnPlanGetSizes(plan, c.steps, c.batch, &sizes));
    const auto buffer = [&](uint64_t bytes) {
      return std::make_unique<DeviceBuffer>(handle, bytes);
    };
    std::mt19937 random(1);
    const auto tensor = [&](int64_t count) {
      std::vector<char> host(static_cast<size_t>(count) * element_bytes(type));
      fill(type, host, 0, static_cast<size_t>(count), random, -64, 64, 1.0 / 64);
      auto values = buffer(host.size());
      values->upload(host);
      return values;
    };
    parameters_ = buffer(sizes.parameterBytes);
    parameters_->upload(random_parameters(c.hidden, random));
    gradients_ = buffer(sizes.gradientBytes);
    packed_ = buffer(sizes.packedBytes);
    reserve_ = buffer(sizes.reserveBytes);
    workspace_ = buffer(std::max({sizes.inferenceWorkspaceBytes, sizes.trainingWorkspaceBytes,
                                  sizes.backwardWorkspaceBytes}));
    const int64_t rows = c.steps * c.batch;
    for (auto* t : {&x_, &dx_}) *t = tensor(rows * c.input);
    for (auto* t : {&y_, &dy_}) *t = tensor(rows * c.hidden);
    for (auto* t : {&hn_, &cn_, &dh0_, &dc0_}) *t = buffer(sizes.stateBytes);

    bind(c);
  }

  void bind(const Case& c) {
    const auto memory = [](const auto& buffer) {
      return args::Memory{buffer->data(), buffer->bytes()};
    };
    const auto view = [&](const auto& buffer, int64_t features) {
      return args::View{memory(buffer), args::Strides::of(c.batch, features)};
    };
    inference_.sequence.steps = c.steps;
    inference_.sequence.batch = c.batch;
    inference_.packed = memory(packed_);
    inference_.x = view(x_, c.input);
    inference_.y = view(y_, c.hidden);
    inference_.hn = memory(hn_);
    inference_.cn = memory(cn_);
    inference_.workspace = memory(workspace_);

    training_.sequence = inference_.sequence;
    training_.parameters = memory(parameters_);
    training_.x = inference_.x;
    training_.y = inference_.y;
    training_.hn = inference_.hn;
    training_.cn = inference_.cn;
    training_.reserve = memory(reserve_);
    training_.workspace = inference_.workspace;

    backward_.sequence = inference_.sequence;
    backward_.parameters = training_.parameters;
    backward_.x = inference_.x;
    backward_.reserve = memory(reserve_);
    backward_.dy = view(dy_, c.hidden);
    backward_.gradients = memory(gradients_);
    backward_.dx = view(dx_, c.input);
    backward_.dh0 = memory(dh0_);
    backward_.dc0 = memory(dc0_);
    backward_.workspace = inference_.workspace;
  }

  std::vector<lnrnnParameter_t> parameters() const {
    int32_t count = 0;
    done(lnrnnPlanGetParameterCount(plan_, &count));
    std::vector<lnrnnParameter_t> parameters(static_cast<size_t>(count));
    for (int32_t i = 0; i < count; ++i) {
      lnrnnParameter_t& parameter = parameters[static_cast<size_t>(i)];
      parameter.structSize = sizeof parameter;
      done(lnrnnPlanGetParameter(plan_, i, &parameter));
    }
    return parameters;
  }

  // Gates in their interesting range: a product of H such weights has a deviation of about 1.
  std::vector<char> random_parameters(int64_t hidden, std::mt19937& random) const {
    const double scale = std::exp2(-std::ceil(0.5 * std::log2(hidden)) - 1);
    std::vector<char> host(parameters_->bytes());
    for (const lnrnnParameter_t& p : parameters()) {
      const size_t begin = p.offsetBytes / element_bytes(type_);
      const size_t count = static_cast<size_t>(p.elements);
      if (p.rank == 2) {
        fill(type_, host, begin, count, random, -4, 4, scale);
      } else if (std::strstr(p.name, ".weight") != nullptr) {
        fill(type_, host, begin, count, random, 48, 80, 1.0 / 64);
      } else {
        fill(type_, host, begin, count, random, -16, 16, 1.0 / 64);
      }
    }
    return host;
  }

  lnrnnHandle_t handle_;
  lnrnnPlan_t plan_;
  lnrnnStream_t stream_ = nullptr;
  int32_t type_;
  lnrnnForwardInferenceArguments_t inference_ = args::empty<lnrnnForwardInferenceArguments_t>();
  lnrnnForwardTrainingArguments_t training_ = args::empty<lnrnnForwardTrainingArguments_t>();
  lnrnnBackwardArguments_t backward_ = args::empty<lnrnnBackwardArguments_t>();
  std::unique_ptr<DeviceBuffer> parameters_, gradients_, packed_, reserve_, workspace_, x_, dx_, y_,
      dy_, hn_, cn_, dh0_, dc0_;
};

// The largest error of any tensor: of its elements, relative to the largest expected one, or to a
// thousandth of the largest of all tensors where that is more. NaN where anything is.
inline double largest_error(const DeviceNetwork::Tensors& values,
                            const DeviceNetwork::Tensors& expected) {
  const auto largest = [](const std::vector<double>& tensor) {
    double result = 0;
    for (const double value : tensor) result = std::max(result, std::fabs(value));
    return result;
  };
  double least_scale = 0, error = 0;
  for (const auto& tensor : expected) {
    least_scale = std::max(least_scale, 1e-3 * largest(tensor.second));
  }
  for (const auto& [name, tensor] : expected) {
    const double scale = std::max(largest(tensor), least_scale);
    const std::vector<double>& ours = values.at(name);
    for (size_t i = 0; i < tensor.size(); ++i) {
      const double difference = std::fabs(ours[i] - tensor[i]) / (scale > 0 ? scale : 1);
      if (!(difference <= error)) error = difference;
    }
  }
  return error;
}

}  // namespace bench

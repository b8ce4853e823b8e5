// One LSTM with data on any device, in any data type, through the C API alone. The host never looks
// into device memory: what goes there and what comes back is copied.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <random>
#include <vector>

#include "lnrnn.h"
#include "shapes.h"

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
  const double magnitude = exponent == 31   ? (fraction == 0 ? HUGE_VAL : NAN)
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

// Owns a plan and all buffers that its passes need. The handle is the caller's.
class DeviceNetwork {
 public:
  // Null, with the library's sentence in lnrnnGetLastErrorMessage(), where the device cannot do it.
  static std::unique_ptr<DeviceNetwork> create(lnrnnHandle_t handle, const Shape& shape,
                                               int32_t type, int32_t normalization) {
    lnrnnPlanDescription_t d{};
    d.structSize = sizeof d;
    d.normalization = normalization;
    d.dataType = type;
    d.layers = 1;
    d.inputSize = shape.input;
    d.hiddenSize = shape.hidden;
    d.epsilon = 1e-5;
    lnrnnPlan_t plan = nullptr;
    const lnrnnStatus_t status = lnrnnPlanCreate(handle, &d, &plan);
    if (status == LNRNN_STATUS_NOT_SUPPORTED) return nullptr;
    done(status);
    return std::unique_ptr<DeviceNetwork>(new DeviceNetwork(handle, plan, shape, type));
  }
  ~DeviceNetwork() { done(lnrnnPlanDestroy(plan_)); }
  DeviceNetwork(const DeviceNetwork&) = delete;
  DeviceNetwork& operator=(const DeviceNetwork&) = delete;

  void pack() {
    done(lnrnnPackWeights(plan_, nullptr, parameters_->data(), parameters_->bytes(),
                          packed_->data(), packed_->bytes()));
  }
  void infer() {
    done(lnrnnForwardInference(plan_, nullptr, &sequence_, nullptr, packed_->data(),
                               packed_->bytes(), x_->data(), x_->bytes(), nullptr, nullptr,
                               y_->data(), y_->bytes(), nullptr, nullptr, 0, workspace_->data(),
                               workspace_->bytes()));
  }
  void train() {
    done(lnrnnForwardTraining(plan_, nullptr, &sequence_, nullptr, parameters_->data(),
                              parameters_->bytes(), x_->data(), x_->bytes(), nullptr, nullptr,
                              nullptr, 0, nullptr, 0, y_->data(), y_->bytes(), nullptr, nullptr, 0,
                              reserve_->data(), reserve_->bytes(), workspace_->data(),
                              workspace_->bytes()));
    done(lnrnnBackward(plan_, nullptr, &sequence_, nullptr, parameters_->data(),
                       parameters_->bytes(), x_->data(), x_->bytes(), nullptr, 0, nullptr, 0,
                       dy_->data(), dy_->bytes(), nullptr, nullptr, reserve_->data(),
                       reserve_->bytes(), gradients_->data(), gradients_->bytes(), dx_->data(),
                       dx_->bytes(), nullptr, nullptr, 0, workspace_->data(),
                       workspace_->bytes()));
  }

  std::vector<double> y() const { return y_->values(type_); }
  std::vector<double> dx() const { return dx_->values(type_); }

  // Of every parameter, without what lies between the tensors.
  std::vector<double> gradients() const {
    const std::vector<double> all = gradients_->values(type_);
    std::vector<double> gradients;
    for (const lnrnnParameter_t& p : tensors()) {
      const auto first = all.begin() + static_cast<int64_t>(p.offsetBytes / element_bytes(type_));
      gradients.insert(gradients.end(), first, first + p.elements);
    }
    return gradients;
  }

 private:
  DeviceNetwork(lnrnnHandle_t handle, lnrnnPlan_t plan, const Shape& s, int32_t type)
      : plan_(plan), type_(type) {
    lnrnnPlanSizes_t sizes{};
    sizes.structSize = sizeof sizes;
    done(lnrnnPlanGetSizes(plan, s.steps, s.batch, &sizes));
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
    parameters_->upload(random_parameters(s.hidden, random));
    gradients_ = buffer(sizes.parameterBytes);
    packed_ = buffer(sizes.packedBytes);
    reserve_ = buffer(sizes.reserveBytes);
    workspace_ = buffer(std::max({sizes.inferenceWorkspaceBytes, sizes.trainingWorkspaceBytes,
                                  sizes.backwardWorkspaceBytes}));
    const int64_t rows = s.steps * s.batch;
    x_ = tensor(rows * s.input);
    dx_ = tensor(rows * s.input);
    y_ = tensor(rows * s.hidden);
    dy_ = tensor(rows * s.hidden);

    sequence_.structSize = sizeof sequence_;
    sequence_.steps = s.steps;
    sequence_.batch = s.batch;
    sequence_.xStepStride = sequence_.dxStepStride = s.batch * s.input;
    sequence_.xRowStride = sequence_.dxRowStride = s.input;
    sequence_.yStepStride = sequence_.dyStepStride = s.batch * s.hidden;
    sequence_.yRowStride = sequence_.dyRowStride = s.hidden;
  }

  std::vector<lnrnnParameter_t> tensors() const {
    int32_t count = 0;
    done(lnrnnPlanGetParameterCount(plan_, &count));
    std::vector<lnrnnParameter_t> tensors(static_cast<size_t>(count));
    for (int32_t i = 0; i < count; ++i) {
      tensors[static_cast<size_t>(i)].structSize = sizeof(lnrnnParameter_t);
      done(lnrnnPlanGetParameter(plan_, i, &tensors[static_cast<size_t>(i)]));
    }
    return tensors;
  }

  // Gates in their interesting range: a product of H such weights has a deviation of about 1.
  std::vector<char> random_parameters(int64_t hidden, std::mt19937& random) const {
    const double scale = std::exp2(-std::ceil(0.5 * std::log2(hidden)) - 1);
    std::vector<char> host(parameters_->bytes());
    for (const lnrnnParameter_t& p : tensors()) {
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

  lnrnnPlan_t plan_;
  int32_t type_;
  lnrnnSequence_t sequence_{};
  std::unique_ptr<DeviceBuffer> parameters_, gradients_, packed_, reserve_, workspace_, x_, dx_, y_,
      dy_;
};

}  // namespace bench

// What a plan is inside: a checked description and the layout of its parameters.
#pragma once

#include <cstdint>
#include <vector>

#include "lnrnn.h"

namespace lnrnn {

enum class ParameterRole {
  kWeightIh,
  kWeightHh,
  kBias,
  kGainI,
  kGainH,
  kGainC,
  kBiasC,
};

struct PlanParameter {
  ParameterRole role;
  lnrnnParameter_t description;
};

// What the arithmetic needs to know of a plan: no handle, no device.
struct Plan {
  lnrnnPlanDescription_t description;
  std::vector<PlanParameter> parameters;
  uint64_t parameter_bytes;

  int64_t input() const { return description.inputSize; }
  int64_t hidden() const { return description.hiddenSize; }
  bool normalized() const { return description.normalization != LNRNN_NORMALIZATION_NONE; }
  size_t element_bytes() const {
    return description.dataType == LNRNN_DATA_F64   ? 8
           : description.dataType == LNRNN_DATA_F32 ? 4
                                                    : 2;
  }

  // Where a tensor stands in a flat buffer of elements T; null where the plan has no such tensor.
  template <class T>
  T* find(ParameterRole role, T* flat) const {
    for (const PlanParameter& p : parameters) {
      if (p.role == role) return flat + p.description.offsetBytes / sizeof(T);
    }
    return nullptr;
  }

  // Zeroes what lies between tensors, so that a flat buffer can be summed, scaled and compared.
  template <class T>
  void clear_padding(T* flat) const {
    for (size_t i = 0; i < parameters.size(); ++i) {
      const lnrnnParameter_t& p = parameters[i].description;
      const uint64_t next =
          i + 1 < parameters.size() ? parameters[i + 1].description.offsetBytes : parameter_bytes;
      for (uint64_t j = p.offsetBytes / sizeof(T) + p.elements; j < next / sizeof(T); ++j) {
        flat[j] = T(0);
      }
    }
  }
};

// A legal description; whether a device can run it is the device's to say.
lnrnnStatus_t check_description(const lnrnnPlanDescription_t& description);

// What every backend runs so far; NOT_SUPPORTED, with what is missing, for the rest.
lnrnnStatus_t check_single_lstm(const Plan& plan);

// Fills in parameters and parameter_bytes from the description.
lnrnnStatus_t lay_out_parameters(Plan* plan);

// Steps and batch are counted in 32-bit words by the random generator.
constexpr int64_t kMaxExtent = int64_t{1} << 32;
lnrnnStatus_t check_extent(const char* function, const char* name, int64_t value);

}  // namespace lnrnn

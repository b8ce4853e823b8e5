// What a plan is inside: a checked description, and the layout of its parameters.
#pragma once

#include <cstdint>
#include <vector>

#include "lnrnn.h"
#include "shape.h"
#include "size.h"
#include "vectors.h"

namespace lnrnn {

struct PlanParameter {
  ParameterRole role;
  Start start;
  int64_t matrix_rows;  // of a matrix, or of each gate's in it
  lnrnnParameter_t description;
};

// A vector as rows see it, and the parameters of a strand that are added up to it: none where it is 0.
struct PlanVector {
  static constexpr int kMostAddends = 3;

  Slot slot;
  int64_t elements;
  int addends;
  int parameters[kMostAddends];  // among the strand's
};

// What the arithmetic needs to know of a plan: no handle, no device.
struct Plan {
  lnrnnPlanDescription_t description;
  CellShape shape;
  std::vector<PlanParameter> parameters;  // those of one layer and direction stand together
  uint64_t parameter_elements;            // with what lies between tensors
  int vector_count;
  PlanVector vectors[kSlots];  // of each strand, in the order of their slots

  // Features of the cell, H, and of h, P, in one direction.
  int64_t cell_width() const { return description.hiddenSize; }
  int64_t output_width() const {
    return shape.projected ? description.projectionSize : description.hiddenSize;
  }
  int directions() const { return description.direction == LNRNN_DIRECTION_BIDIRECTIONAL ? 2 : 1; }
  int64_t strands() const { return int64_t{description.layers} * directions(); }
  // Features of what a layer writes, D P.
  int64_t output() const { return directions() * output_width(); }
  // Features of what a layer reads.
  int64_t input(int layer) const { return layer == 0 ? description.inputSize : output(); }
  bool has(uint32_t flag) const { return (description.flags & flag) != 0; }
  // Whether training leaves out some of what it computes. A row of which nothing is used gives no gradient, and
  // may be NaN.
  bool discards() const {
    return description.zoneout > 0 || description.zoneoutCell > 0 || description.dropout > 0;
  }

  // Of the data type, and of the accumulation type.
  size_t element_bytes() const {
    return description.dataType == LNRNN_DATA_F64   ? 8
           : description.dataType == LNRNN_DATA_F32 ? 4
                                                    : 2;
  }
  size_t accumulation_bytes() const { return description.dataType == LNRNN_DATA_F64 ? 8 : 4; }
  uint64_t parameter_bytes() const { return parameter_elements * element_bytes(); }
  uint64_t gradient_bytes() const { return parameter_elements * accumulation_bytes(); }

  // Where a tensor begins in a flat buffer of parameters or gradients, in elements.
  uint64_t offset(const PlanParameter& parameter) const {
    return parameter.description.offsetBytes / element_bytes();
  }
};

// One layer in one direction of a plan: what a backend runs at a time. Its input (T,N,input) and its
// output (T,N,P) are tensors of the data type; all else is of the accumulation type.
struct Strand {
  const Plan& plan;
  int layer;
  int direction;  // 0 forward, 1 reverse

  const CellShape& shape() const { return plan.shape; }
  int64_t index() const { return int64_t{layer} * plan.directions() + direction; }
  int64_t input() const { return plan.input(layer); }
  int64_t cell_width() const { return plan.cell_width(); }
  int64_t output_width() const { return plan.output_width(); }
  int64_t widest_state() const {
    return cell_width() > output_width() ? cell_width() : output_width();
  }
  int64_t gates() const { return plan.shape.gates * plan.cell_width(); }  // G H
  // Steps are counted as the caller counts them. Before step t the state stands at before(t) of T + 1
  // places, and after it at after(t).
  bool reverse() const { return direction != 0; }
  int64_t before(int64_t step) const { return reverse() ? step + 1 : step; }
  int64_t after(int64_t step) const { return reverse() ? step : step + 1; }

  // Where a tensor stands in a flat buffer of parameters or gradients, whose elements are T; null
  // where the strand has no such tensor.
  template <class T>
  T* find(ParameterRole role, T* flat) const {
    for (size_t i = first(); i < first() + tensors(); ++i) {
      if (plan.parameters[i].role == role) return flat + plan.offset(plan.parameters[i]);
    }
    return nullptr;
  }

  // Likewise one of a vector's addends.
  template <class T>
  T* addend(const PlanVector& vector, int i, T* flat) const {
    return flat + plan.offset(plan.parameters[first() + static_cast<size_t>(vector.parameters[i])]);
  }

  // The strand's part of a flat buffer, in elements.
  uint64_t begin() const { return plan.offset(plan.parameters[first()]); }
  uint64_t end() const {
    const size_t next = first() + tensors();
    return next < plan.parameters.size() ? plan.offset(plan.parameters[next])
                                         : plan.parameter_elements;
  }
  // Zeroes what lies between its tensors, so that a flat buffer can be summed, scaled and compared.
  template <class T>
  void clear_padding(T* flat) const {
    for (size_t i = first(); i < first() + tensors(); ++i) {
      const uint64_t from = plan.offset(plan.parameters[i]) + elements(i);
      const uint64_t to = i + 1 < plan.parameters.size() ? plan.offset(plan.parameters[i + 1])
                                                         : plan.parameter_elements;
      for (uint64_t j = from; j < to; ++j) flat[j] = T{};
    }
  }

 private:
  size_t tensors() const { return plan.parameters.size() / static_cast<size_t>(plan.strands()); }
  size_t first() const { return static_cast<size_t>(index()) * tensors(); }
  uint64_t elements(size_t i) const {
    return static_cast<uint64_t>(plan.parameters[i].description.elements);
  }
};

// body(vector) for every one that the strand has.
template <class F>
void each_vector(const Strand& strand, const F& body) {
  for (int i = 0; i < strand.plan.vector_count; ++i) body(strand.plan.vectors[i]);
}

template <class T>
Vectors<T*> take_vectors(Carver& carver, const Strand& strand) {
  Vectors<T*> vectors{};
  each_vector(strand, [&](const PlanVector& vector) {
    vectors[vector.slot] = carver.take<T>({vector.elements});
  });
  return vectors;
}

// Fills in what follows from the description and the shape.
lnrnnStatus_t lay_out_parameters(Plan* plan);

}  // namespace lnrnn

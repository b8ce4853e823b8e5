// How kernels address tensors: rows of contiguous features, one for each (step, row of the batch).
#pragma once

#include <cstdint>

#include "core/lengths.h"
#include "device.cuh"

namespace lnrnn::cuda {

// A tensor (S,N,features) seen as S N samples, sample i being step i / N of row i % N. A matrix is
// a tensor of one step.
template <class T>
struct Rows {
  T* base = nullptr;
  int64_t batch = 1;        // N
  int64_t step_stride = 0;  // elements
  int64_t row_stride = 0;
  int64_t first_step = 0;  // of these steps in the sequence, for lengths
  Lengths lengths{};       // samples beyond are not part of the tensor

  // Samples at equal distances.
  static Rows matrix(T* base, int64_t rows, int64_t features) {
    return {base, rows, rows * features, features, 0, {}};
  }
  static Rows sequence(T* base, int64_t batch, int64_t features) {
    return {base, batch, batch * features, features, 0, {}};
  }
  Rows masked(Lengths by, int64_t from_step) const {
    Rows rows = *this;
    rows.lengths = by;
    rows.first_step = from_step;
    return rows;
  }
  // Seen as a matrix where that is the same: it has no steps to look for.
  Rows simplified() const {
    Rows rows = *this;
    if (is_matrix()) return rows;
    if (batch == 1) rows.row_stride = step_stride;
    if (lengths.lengths == nullptr && step_stride == batch * rows.row_stride)
      rows.batch = INT64_MAX;
    return rows;
  }
  bool is_matrix() const { return batch == INT64_MAX; }

  LNRNN_DEVICE T* at(int64_t step, int64_t row) const {
    return base + step * step_stride + row * row_stride;
  }
  LNRNN_DEVICE T* sample(int64_t i) const {
    // Spares matrices the division, which costs a GPU a hundred instructions.
    if (i < batch) return base + i * row_stride;
    return at(i / batch, i % batch);
  }
  LNRNN_DEVICE bool active(int64_t i) const {
    return lengths.lengths == nullptr || lengths.active(first_step + i / batch, i % batch);
  }
};

}  // namespace lnrnn::cuda

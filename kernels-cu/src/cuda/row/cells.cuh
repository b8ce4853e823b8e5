// The cells there are: the one place where a cell's kind becomes a C++ type.
#pragma once

#include "gru.cuh"
#include "indrnn.cuh"
#include "lstm.cuh"

namespace lnrnn::cuda {

// body(Cell{}). A kind that has no case here does not compile.
template <RowMoments kHas, class F>
auto with_cell(CellKind kind, const F& body) {
  switch (kind) {
    case CellKind::kLstm: return body(Lstm<kHas>{});
    case CellKind::kGru: return body(Gru<kHas>{});
    case CellKind::kJointGru: return body(JointGru<kHas>{});
    case CellKind::kIndrnn: return body(Indrnn{});
  }
  __builtin_unreachable();
}
template <class F>
lnrnnStatus_t with_cell(const CellShape& shape, const F& body) {
  return row_moments(shape) == RowMoments::kOfEachGate
             ? with_cell<RowMoments::kOfEachGate>(shape.kind, body)
             : with_cell<RowMoments::kOne>(shape.kind, body);
}

// Whether of the last gate x's product sees another gradient than h's.
inline bool has_last_apart(CellKind kind) {
  return with_cell<RowMoments::kOne>(kind, [](auto cell) { return decltype(cell)::kLastApart; });
}

}  // namespace lnrnn::cuda

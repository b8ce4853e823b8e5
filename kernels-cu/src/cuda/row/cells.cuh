// The cells there are: the one place where a cell's kind becomes a C++ type.
#pragma once

#include "gru.cuh"
#include "indrnn.cuh"
#include "lstm.cuh"

namespace lnrnn::cuda {

// body(Cell{}). A kind that has no case here does not compile.
template <Norms kHas, class F>
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
  return norms_of(shape) == Norms::kSegments ? with_cell<Norms::kSegments>(shape.kind, body)
                                             : with_cell<Norms::kWhole>(shape.kind, body);
}

// Whether of the last gate x's product sees another gradient than h's.
inline bool has_last_apart(CellKind kind) {
  return with_cell<Norms::kWhole>(kind, [](auto cell) { return decltype(cell)::kLastApart; });
}

}  // namespace lnrnn::cuda

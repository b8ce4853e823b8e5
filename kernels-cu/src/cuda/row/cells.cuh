// The cells there are: the one place where a cell's kind becomes a C++ type.
#pragma once

#include "gru.cuh"
#include "indrnn.cuh"
#include "lstm.cuh"

namespace lnrnn::cuda {

// body(Cell{}). A kind that has no case here does not compile.
template <class F>
lnrnnStatus_t with_cell(CellKind kind, const F& body) {
  switch (kind) {
    case CellKind::kLstm: return body(Lstm{});
    case CellKind::kGru: return body(Gru{});
    case CellKind::kIndrnn: return body(Indrnn{});
  }
  __builtin_unreachable();
}

}  // namespace lnrnn::cuda

// The cells there are: the one place where a cell's kind becomes a C++ type.
#pragma once

#include "gru.h"
#include "indrnn.h"
#include "lstm.h"

namespace lnrnn::cpu::LNRNN_ISA {

// body(Cell{}). A kind that has no case here does not compile.
template <class F>
LNRNN_SIMD void with_cell(CellKind kind, const F& body) {
  switch (kind) {
    case CellKind::kLstm: return body(Lstm{});
    case CellKind::kGru: return body(Gru{});
    case CellKind::kIndrnn: return body(Indrnn{});
  }
  __builtin_unreachable();
}

// body(cell, constant that says how the row's products are normalised).
template <class T, class F>
LNRNN_SIMD void with_cell_and_norms(const RowPass<T>& pass, const F& body) {
  with_cell(pass.shape->kind, [&](auto cell) {
    switch (pass.norms) {
      case Norms::kNone: return body(cell, std::integral_constant<Norms, Norms::kNone>{});
      case Norms::kWhole: return body(cell, std::integral_constant<Norms, Norms::kWhole>{});
      case Norms::kSegments: return body(cell, std::integral_constant<Norms, Norms::kSegments>{});
    }
    __builtin_unreachable();
  });
}

}  // namespace lnrnn::cpu::LNRNN_ISA

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
    case CellKind::kJointGru: return body(JointGru{});
    case CellKind::kIndrnn: return body(Indrnn{});
  }
  __builtin_unreachable();
}

// Whether a cell's products may be normalised so.
constexpr bool has_kernels(CellKind kind, Norms norms) {
  switch (kind) {
    case CellKind::kLstm: return true;
    case CellKind::kGru: return norms != Norms::kSum;
    case CellKind::kJointGru: return norms == Norms::kSum;
    case CellKind::kIndrnn: break;
  }
  return norms == Norms::kNone || norms == Norms::kWhole;  // one gate, and one product
}

// body(cell, constant that says how the row's products are normalised).
template <class T, class F>
LNRNN_SIMD void with_cell_and_norms(const RowPass<T>& pass, const F& body) {
  with_cell(pass.shape->kind, [&](auto cell) {
    using Cell = decltype(cell);
    const auto with = [&](auto norms) {
      if constexpr (has_kernels(Cell::kKind, norms)) {
        body(Cell{}, norms);
      } else {
        __builtin_unreachable();
      }
    };
    switch (pass.norms) {
      case Norms::kNone: return with(std::integral_constant<Norms, Norms::kNone>{});
      case Norms::kWhole: return with(std::integral_constant<Norms, Norms::kWhole>{});
      case Norms::kSegments: return with(std::integral_constant<Norms, Norms::kSegments>{});
      case Norms::kSum: return with(std::integral_constant<Norms, Norms::kSum>{});
    }
    __builtin_unreachable();
  });
}

}  // namespace lnrnn::cpu::LNRNN_ISA

// The tensors of a cell's parameters, and the vectors among them as rows see them. One table says it all:
// layout and names of parameters, what vectors are packed and loaded, what they start from and whose
// gradients are summed follow from it.
#pragma once

#include "cell/host_device.h"
#include "shape.h"

namespace lnrnn {

// A vector as rows see it: where it stands, and so which gradient is its own. Several parameters may share a
// slot: what is only ever added is added up beforehand, and each has the gradient of the whole.
enum class Slot {
  kBias,  // (G H) added to the term of x W_ih'; with it to that of h W_hh', where they have none each
  kBiasHh,         // (G H) added to the term of h W_hh'
  kWeightHh,       // (H) times h; where the recurrent weights are no matrix
  kGainInput,      // (G H)
  kGainRecurrent,  // (G H)
  kGainSum,        // (G H)
  kBiasSum,        // (G H) added to the norm of the sum
  kGainCell,       // (H)
  kBiasCell,       // (H) added to the norm of the cell
};
constexpr int kSlots = 9;

// What a vector does to a term. Its gradient is the sum over samples of that by the term as it is used (where
// kBias and kBiasHh are added, and behind a norm otherwise), times what stands here.
enum class VectorUse {
  kAdded,       // 1
  kGain,        // the term, normalised
  kTimesState,  // h before the step
};
struct VectorPlace {
  TermKind term;
  VectorUse use;
};
constexpr VectorPlace place_of(Slot slot) {
  switch (slot) {
    case Slot::kBias: break;
    case Slot::kBiasHh: return {TermKind::kRecurrent, VectorUse::kAdded};
    case Slot::kWeightHh: return {TermKind::kInput, VectorUse::kTimesState};
    case Slot::kGainInput: return {TermKind::kInput, VectorUse::kGain};
    case Slot::kGainRecurrent: return {TermKind::kRecurrent, VectorUse::kGain};
    case Slot::kGainSum: return {TermKind::kSum, VectorUse::kGain};
    case Slot::kBiasSum: return {TermKind::kSum, VectorUse::kAdded};
    case Slot::kGainCell: return {TermKind::kCell, VectorUse::kGain};
    case Slot::kBiasCell: return {TermKind::kCell, VectorUse::kAdded};
  }
  return {TermKind::kInput, VectorUse::kAdded};
}

// The other way round: the gain of a term's norm, and what is added to a term as it is used, be it normalised or
// not. Of a cell that adds up its products alone, what is added to that of h is added to that of x.
constexpr Slot gain_of(TermKind of) {
  switch (of) {
    case TermKind::kInput: break;
    case TermKind::kRecurrent: return Slot::kGainRecurrent;
    case TermKind::kSum: return Slot::kGainSum;
    case TermKind::kCell: return Slot::kGainCell;
  }
  return Slot::kGainInput;
}
constexpr Slot added_to(TermKind of, CellKind kind) {
  switch (of) {
    case TermKind::kInput: break;
    case TermKind::kRecurrent: return kind == CellKind::kGru ? Slot::kBiasHh : Slot::kBias;
    case TermKind::kSum: return Slot::kBiasSum;
    case TermKind::kCell: return Slot::kBiasCell;
  }
  return Slot::kBias;
}

// What belongs to each slot; P is a pointer, null where the cell has no such vector.
template <class P>
struct Vectors {
  P of[kSlots];

  LNRNN_CELL_METHOD constexpr P& operator[](Slot slot) { return of[static_cast<int>(slot)]; }
  LNRNN_CELL_METHOD constexpr const P& operator[](Slot slot) const {
    return of[static_cast<int>(slot)];
  }
};
template <class T>
Vectors<const T*> read_only(const Vectors<T*>& vectors) {
  Vectors<const T*> all{};
  for (int slot = 0; slot < kSlots; ++slot) all.of[slot] = vectors.of[slot];
  return all;
}

enum class ParameterRole {
  kWeightIh,
  kWeightHh,
  kWeightHr,
  kBias,
  kBiasIh,
  kBiasHh,
  kGainI,
  kNormBiasI,
  kGainH,
  kNormBiasH,
  kGainGates,
  kNormBiasGates,
  kGainC,
  kNormBiasC,
};

// How wide a parameter is: as a row of gates G H, the cell H, the output P, the input.
enum class Width { kNone, kGates, kCell, kOutput, kInput };
constexpr Width width_of(Slot slot) {
  const VectorPlace place = place_of(slot);
  return place.term == TermKind::kCell || place.use == VectorUse::kTimesState ? Width::kCell
                                                                              : Width::kGates;
}
// Whether rows read a slot whatever there is to be added: where there is nothing it holds zeros.
bool always_read(Slot slot, const CellShape& shape);

// What a parameter starts from. A gate of a matrix is a matrix of its own.
enum class Start {
  kZero,
  kOne,
  kForgetOne,  // 1 in the forget gate, else 0
  kGlorot,     // uniform, by fan in and out (Glorot & Bengio 2010)
  kOrthogonal,
  kUniform,  // in 0...1
};

struct CellTensor {
  ParameterRole role;
  const char *name, *last;  // between them stand layer and direction
  Width rows, columns;      // kNone: a vector
  Slot slot;                // a vector's
  Start start;
};

struct CellTensors {
  static constexpr int kMost = 12;
  int count = 0;
  CellTensor of[kMost] = {};

  void add(const CellTensor& tensor) { of[count++] = tensor; }
};
// In the order in which lnrnn.h documents them.
CellTensors cell_tensors(const CellShape& shape);

}  // namespace lnrnn

// Every cell with every normalisation that it knows, as the tests draw them. plan_test sees that none is missing.
#pragma once

#include <cstdint>

#include "lnrnn.h"

namespace network {

struct Cell {
  int32_t cell, normalization;
  const char* name;
  int statistics;  // pairs of them in a row of a step: one for each segment of each layer norm
};
// Some tests take a few by their index: new ones stand at the end.
constexpr Cell kCells[] = {
    {LNRNN_CELL_LSTM, LNRNN_NORMALIZATION_NONE, "LSTM NONE", 0},
    {LNRNN_CELL_LSTM, LNRNN_NORMALIZATION_HASTE, "LSTM HASTE", 3},
    {LNRNN_CELL_LSTM, LNRNN_NORMALIZATION_PAPER, "LSTM PAPER", 3},
    {LNRNN_CELL_LSTM, LNRNN_NORMALIZATION_CARRY, "LSTM CARRY", 3},
    {LNRNN_CELL_LSTM, LNRNN_NORMALIZATION_CELL, "LSTM CELL", 1},
    {LNRNN_CELL_GRU, LNRNN_NORMALIZATION_NONE, "GRU NONE", 0},
    {LNRNN_CELL_GRU, LNRNN_NORMALIZATION_HASTE, "GRU HASTE", 2},
    {LNRNN_CELL_INDRNN, LNRNN_NORMALIZATION_NONE, "IndRNN NONE", 0},
    {LNRNN_CELL_INDRNN, LNRNN_NORMALIZATION_HASTE, "IndRNN HASTE", 1},
    {LNRNN_CELL_GRU, LNRNN_NORMALIZATION_PAPER, "GRU PAPER", 4},
    {LNRNN_CELL_LSTM, LNRNN_NORMALIZATION_PER_GATE, "LSTM PER_GATE", 4},
    {LNRNN_CELL_LSTM, LNRNN_NORMALIZATION_PER_GATE_CELL, "LSTM PER_GATE_CELL", 5},
    {LNRNN_CELL_LSTM, LNRNN_NORMALIZATION_PER_GATE_CARRY, "LSTM PER_GATE_CARRY", 5},
    {LNRNN_CELL_GRU, LNRNN_NORMALIZATION_JOINT, "GRU JOINT", 1}};

}  // namespace network

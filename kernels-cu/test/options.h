// What the networks of tests and of the benchmark are like.
#pragma once

#include <cstdint>
#include <vector>

#include "cells.h"
#include "lnrnn.h"

namespace network {

struct Shape {
  int64_t steps, batch, input, hidden;
};

struct Options {
  lnrnnDeviceKind_t device = LNRNN_DEVICE_CPU;
  int32_t ordinal = 0;
  int32_t cell = LNRNN_CELL_LSTM;
  int32_t normalization = LNRNN_NORMALIZATION_HASTE;
  int32_t direction = LNRNN_DIRECTION_FORWARD;
  int32_t layers = 1;
  uint32_t flags = 0;
  double zoneout = 0, zoneout_cell = 0, dropconnect = 0, dropout = 0, dropout_candidate = 0;
  int64_t projection = 0;
  double cell_clip = 0;
  int32_t threads = 1;
  const char* isa = nullptr;

  static Options of(const Cell& c) {
    Options options;
    options.cell = c.cell;
    options.normalization = c.normalization;
    return options;
  }
  // The cell as it is; and unless projection is 0 an LSTM also with h so many features wide, and u clipped.
  static std::vector<Options> all_of(const Cell& c, int64_t projection) {
    std::vector<Options> all{of(c)};
    if (c.cell != LNRNN_CELL_LSTM || projection == 0) return all;
    all.push_back(of(c));
    all.back().projection = projection;
    all.back().cell_clip = 0.7;
    return all;
  }
  // All the noise that the cell knows.
  void regularize(double p) {
    zoneout = p;
    if (cell == LNRNN_CELL_LSTM) zoneout_cell = dropout_candidate = p;
    if (cell != LNRNN_CELL_INDRNN) dropconnect = p;
    if (layers > 1) dropout = p;
  }

  // Features of h in one direction, and of y.
  int64_t width(const Shape& shape) const { return projection > 0 ? projection : shape.hidden; }
  int64_t output(const Shape& shape) const {
    return width(shape) * (direction == LNRNN_DIRECTION_BIDIRECTIONAL ? 2 : 1);
  }

  lnrnnPlanDescription_t description(const Shape& shape, int32_t data_type) const {
    lnrnnPlanDescription_t d{};
    d.structSize = sizeof d;
    d.cell = cell;
    d.normalization = normalization;
    d.dataType = data_type;
    d.direction = direction;
    d.layers = layers;
    d.flags = flags;
    d.inputSize = shape.input;
    d.hiddenSize = shape.hidden;
    d.epsilon = 1e-5;
    d.zoneout = zoneout;
    d.zoneoutCell = zoneout_cell;
    d.dropconnect = dropconnect;
    d.dropout = dropout;
    d.dropoutCandidate = dropout_candidate;
    d.projectionSize = projection;
    d.cellClip = cell_clip;
    return d;
  }
};

// Of all cells.
inline std::vector<Options> all_options(int64_t projection) {
  std::vector<Options> all;
  for (const Cell& cell : kCells) {
    for (const Options& options : Options::all_of(cell, projection)) all.push_back(options);
  }
  return all;
}

}  // namespace network

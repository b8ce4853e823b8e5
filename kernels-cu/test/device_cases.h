// Networks for the device tests: few, but any two choices occur together in one of them, as far as
// there is a cell that knows both.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "covering.h"
#include "network.h"

namespace device_cases {

enum Choice {
  kCell,
  kType,   // as lnrnnDataType_t
  kShape,  // input and hidden size
  kBatch,
  kDirection,
  kLayers,
  kLengths,  // of different length
  kZoneout,
  kZoneoutCell,
  kDropconnect,
  kDropout,  // plain, variational
  kDropoutCandidate,
  kRecompute,
  kGivenMasks,    // instead of drawn ones
  kDeviceRandom,  // seed and offsets in device memory
  kProjection,    // its size, or none
  kClip,
  kResets,  // sequences that begin inside rows
  kChoices
};

using Case = covering::Case<kChoices>;

constexpr int kCellCount = static_cast<int>(std::size(network::kCells));
constexpr Case kCounts{kCellCount, 4, 4, 5, 2, 2, 2, 2, 2, 2, 3, 2, 2, 2, 2, 3, 2, 2};
// In 16 bits, LSTM and GRU of the last one run in clusters.
constexpr std::pair<int64_t, int64_t> kShapes[] = {{3, 5}, {8, 16}, {5, 33}, {4, 64}};
// Each of these takes another way through the products of a step.
constexpr int64_t kBatches[] = {1, 2, 3, 7, 11};
constexpr int64_t kProjections[] = {0, 3, 18};

// Without what the cell does not know.
inline Case legal(Case c) {
  const auto& cell = network::kCells[c[kCell]];
  if (cell.cell != LNRNN_CELL_LSTM)
    c[kZoneoutCell] = c[kDropoutCandidate] = c[kProjection] = c[kClip] = 0;
  // Rounded to 16 bits, a cell may come to the other side of its limit: see device_projection_test.
  if (c[kType] == LNRNN_DATA_F16 || c[kType] == LNRNN_DATA_BF16) c[kClip] = 0;
  if (cell.cell == LNRNN_CELL_INDRNN) c[kDropconnect] = 0;
  if (c[kLayers] == 0) c[kDropout] = 0;
  int draws = 0;
  for (const Choice k : {kZoneout, kZoneoutCell, kDropconnect, kDropout, kDropoutCandidate}) {
    draws += c[k];
  }
  if (draws == 0) c[kGivenMasks] = 0;
  return c;
}

inline std::vector<Case> covering() { return covering::cases(kCounts, legal); }

inline network::Options options_of(const Case& c) {
  auto options = network::Options::of(network::kCells[c[kCell]]);
  options.direction = c[kDirection] == 0 ? LNRNN_DIRECTION_FORWARD : LNRNN_DIRECTION_BIDIRECTIONAL;
  options.layers = 1 + c[kLayers];
  options.zoneout = 0.3 * c[kZoneout];
  options.zoneout_cell = 0.2 * c[kZoneoutCell];
  options.dropconnect = 0.25 * c[kDropconnect];
  options.dropout = c[kDropout] == 0 ? 0 : 0.4;
  options.projection = kProjections[c[kProjection]];
  options.cell_clip = 0.7 * c[kClip];
  options.dropout_candidate = 0.35 * c[kDropoutCandidate];
  if (c[kDropout] == 2) options.flags |= LNRNN_PLAN_VARIATIONAL_DROPOUT;
  if (c[kRecompute] != 0) options.flags |= LNRNN_PLAN_RECOMPUTE;
  return options;
}

inline network::Shape shape_of(const Case& c, int64_t steps) {
  return {steps, kBatches[c[kBatch]], kShapes[c[kShape]].first, kShapes[c[kShape]].second};
}

inline std::string name_of(const Case& c) {
  static constexpr const char* kTypes[] = {"F32", "F64", "F16", "BF16"};
  std::string name = std::string(network::kCells[c[kCell]].name) + " " + kTypes[c[kType]];
  const auto shape = shape_of(c, 0);
  name += ", N " + std::to_string(shape.batch) + ", C " + std::to_string(shape.input) + ", H " +
          std::to_string(shape.hidden);
  static constexpr const char* kNames[] = {"",
                                           "",
                                           "",
                                           "",
                                           "bidirectional",
                                           "layers",
                                           "lengths",
                                           "zoneout",
                                           "zoneoutCell",
                                           "dropconnect",
                                           "dropout",
                                           "dropoutCandidate",
                                           "recompute",
                                           "given masks",
                                           "random in memory",
                                           "projection",
                                           "clip",
                                           "resets"};
  for (int k = kDirection; k < kChoices; ++k) {
    if (c[k] != 0) name += std::string(", ") + kNames[k];
  }
  return name;
}

}  // namespace device_cases

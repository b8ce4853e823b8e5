// Networks whose bits digest_test records: of each cell, any two choices occur together in one.
#pragma once

#include <string>
#include <vector>

#include "covering.h"
#include "network.h"

namespace digest_cases {

enum Choice {
  kType,  // as lnrnnDataType_t
  kHidden,
  kInput,
  kSteps,
  kBatch,
  kThreads,
  kDirection,
  kLayers,
  kLengths,  // of different length
  kStrides,  // rows of x, y, dx and dy with gaps between them, batch-major
  kZoneout,  // drawn, given
  kZoneoutCell,
  kDropconnect,  // drawn, given
  kDropout,      // plain, variational
  kRandom,       // seed and offsets: 0, of the sequence, in memory
  kRecompute,
  kAccumulate,
  kChoices
};

constexpr const char* kTypes[] = {"F32", "F64", "F16", "BF16"};

using Case = covering::Case<kChoices>;

// The sizes that a device is tried with, and what is beyond them.
struct Sizes {
  std::vector<int64_t> hidden, input, steps, batch, threads;
  struct Further {
    int32_t type;
    network::Shape shape;
    int64_t projection = 0;  // of the LSTM, which is clipped then, too
  };
  std::vector<Further> further;
};
// Vectors and tiles of each instruction set, with and without a rest; one row, and more rows than a
// tile; more samples than a block of a sum, and than a block of blocks.
inline const Sizes kCpu{{1, 7, 32, 33, 64, 257},
                        {1, 5, 32},
                        {1, 2, 5, 40},
                        {1, 3, 8, 19, 40},
                        {1, 2, 3},
                        {{LNRNN_DATA_F32, {300, 60, 2, 3}},
                         {LNRNN_DATA_F32, {9, 19, 5, 33}, 13},
                         {LNRNN_DATA_F64, {5, 3, 7, 16}, 33},
                         {LNRNN_DATA_BF16, {4, 8, 5, 64}, 32}}};
// Tiles and warps with and without a rest, more samples than one call of cuBLAS takes. In 16 bits,
// LSTM and GRU of H 32, 64 and 288 run in clusters.
inline const Sizes kCuda{{1, 7, 32, 33, 64},
                         {1, 5, 16},
                         {1, 2, 3},
                         {1, 3, 8, 19},
                         {1},
                         {{LNRNN_DATA_F32, {3, 400, 2, 3}}, {LNRNN_DATA_BF16, {2, 2, 3, 288}}}};

inline Case counts(const Sizes& s) {
  const auto size = [](const auto& list) { return static_cast<int>(list.size()); };
  return {4,
          size(s.hidden),
          size(s.input),
          size(s.steps),
          size(s.batch),
          size(s.threads),
          2,
          2,
          2,
          2,
          3,
          2,
          3,
          3,
          3,
          2,
          2};
}

// A case in the terms of the C API.
struct Settings {
  int32_t type;
  network::Shape shape;
  network::Options options;
  bool lengths, strides, given_zoneout, given_dropconnect, offsets, random, accumulate;
  std::string name;
};

inline std::string name_of(const network::Cell& cell, const Settings& s) {
  std::string name = std::string(cell.name) + " " + kTypes[s.type];
  const auto say = [&](const char* what, int64_t number) {
    name += std::string(" ") + what + std::to_string(number);
  };
  say("T", s.shape.steps);
  say("N", s.shape.batch);
  say("C", s.shape.input);
  say("H", s.shape.hidden);
  say("L", s.options.layers);
  if (s.options.projection > 0) say("P", s.options.projection);
  if (s.options.threads > 1) say("threads", s.options.threads);
  return name;
}

inline Settings settings_of(const network::Cell& cell, const Sizes& sizes, const Case& c) {
  const auto size = [&](const std::vector<int64_t>& list, Choice choice) {
    return list[static_cast<size_t>(c[choice])];
  };
  Settings s{};
  s.type = c[kType];
  s.shape = {size(sizes.steps, kSteps), size(sizes.batch, kBatch), size(sizes.input, kInput),
             size(sizes.hidden, kHidden)};
  s.options = network::Options::of(cell);
  s.options.threads = static_cast<int32_t>(size(sizes.threads, kThreads));
  if (c[kDirection] != 0) s.options.direction = LNRNN_DIRECTION_BIDIRECTIONAL;
  s.options.layers = 1 + c[kLayers];
  if (c[kZoneout] != 0) s.options.zoneout = 0.3;
  if (c[kZoneoutCell] != 0) s.options.zoneout_cell = 0.2;
  if (c[kDropconnect] != 0) s.options.dropconnect = 0.25;
  if (c[kDropout] != 0) s.options.dropout = 0.4;
  if (c[kDropout] == 2) s.options.flags |= LNRNN_PLAN_VARIATIONAL_DROPOUT;
  if (c[kRecompute] != 0) s.options.flags |= LNRNN_PLAN_RECOMPUTE;
  s.lengths = c[kLengths] != 0;
  s.strides = c[kStrides] != 0;
  s.given_zoneout = c[kZoneout] == 2;
  s.given_dropconnect = c[kDropconnect] == 2;
  s.offsets = c[kRandom] == 1;
  s.random = c[kRandom] == 2;
  s.accumulate = c[kAccumulate] != 0;

  s.name = name_of(cell, s);
  static constexpr const char* kWords[kChoices][2] = {{},
                                                      {},
                                                      {},
                                                      {},
                                                      {},
                                                      {},
                                                      {"bidirectional"},
                                                      {},
                                                      {"lengths"},
                                                      {"strides"},
                                                      {"zoneout", "zoneout-given"},
                                                      {"zoneoutCell"},
                                                      {"dropconnect", "dropconnect-given"},
                                                      {"dropout", "dropout-variational"},
                                                      {"offsets", "random-in-memory"},
                                                      {"recompute"},
                                                      {"accumulate"}};
  for (int k = kDirection; k < kChoices; ++k) {
    if (k != kLayers && c[k] != 0) s.name += std::string(" ") + kWords[k][c[k] - 1];
  }
  return s;
}

// The cases of a cell depend on no other cell, so that its digests stay when cells are added.
inline std::vector<Settings> settings_of(const network::Cell& cell, const Sizes& sizes) {
  const auto legal = [&](Case c) {
    if (cell.cell != LNRNN_CELL_LSTM) c[kZoneoutCell] = 0;
    if (cell.cell == LNRNN_CELL_INDRNN) c[kDropconnect] = 0;
    if (c[kLayers] == 0) c[kDropout] = 0;
    const bool draws = c[kZoneout] + c[kZoneoutCell] + c[kDropconnect] + c[kDropout] != 0;
    if (!draws) c[kRandom] = 0;
    // The largest takes few samples: its time is better spent on others.
    if (c[kHidden] + 1 == static_cast<int>(sizes.hidden.size())) {
      c[kSteps] = std::min(c[kSteps], 1);
      c[kBatch] = std::min(c[kBatch], 2);
    }
    return c;
  };
  std::vector<Settings> all;
  for (const Case& c : covering::cases(counts(sizes), legal)) {
    all.push_back(settings_of(cell, sizes, c));
  }
  for (const Sizes::Further& f : sizes.further) {
    if (f.projection > 0 && cell.cell != LNRNN_CELL_LSTM) continue;
    Settings s{};
    s.type = f.type;
    s.shape = f.shape;
    s.options = network::Options::of(cell);
    s.options.regularize(0.3);
    s.options.projection = f.projection;
    if (f.projection > 0) s.options.cell_clip = 0.7;
    s.options.dropout_candidate = 0;
    s.name = name_of(cell, s) + " regularized";
    all.push_back(s);
  }
  return all;
}

}  // namespace digest_cases

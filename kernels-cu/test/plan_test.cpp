// What the C API says of plans: descriptions that are refused, structs of other versions, sizes and parameters.
#include <algorithm>
#include <cstdint>
#include <cstring>
#include <limits>
#include <string>
#include <thread>
#include <vector>

#include "cells.h"
#include "plans.h"

namespace {

void test_descriptions(lnrnnHandle_t handle) {
  using D = lnrnnPlanDescription_t;
  const double nan = std::numeric_limits<double>::quiet_NaN();
  DONE(plan_with(handle, [](D&) {}));
  REFUSED(plan_with(handle, [](D& d) { d.cell = 3; }), INVALID_ARGUMENT, "cell is 3");
  REFUSED(plan_with(handle, [](D& d) { d.normalization = -1; }), INVALID_ARGUMENT, "normalization");
  REFUSED(plan_with(handle, [](D& d) { d.dataType = 9; }), INVALID_ARGUMENT, "dataType is 9");
  REFUSED(plan_with(handle, [](D& d) { d.direction = 2; }), INVALID_ARGUMENT, "direction is 2");
  REFUSED(plan_with(handle, [](D& d) { d.layers = 0; }), INVALID_ARGUMENT, "layers is 0");
  REFUSED(plan_with(handle, [](D& d) { d.flags = 8; }), INVALID_ARGUMENT, "flags is 0x8");
  REFUSED(plan_with(handle, [](D& d) { d.inputSize = 0; }), INVALID_ARGUMENT, "inputSize is 0");
  REFUSED(plan_with(handle, [](D& d) { d.hiddenSize = -4; }), INVALID_ARGUMENT, "hiddenSize is -4");
  REFUSED(plan_with(handle, [](D& d) { d.hiddenSize = int64_t{1} << 40; }), INVALID_ARGUMENT,
          "2^63 bytes");
  REFUSED(plan_with(handle, [](D& d) { d.epsilon = 0; }), INVALID_ARGUMENT, "epsilon is 0");
  REFUSED(plan_with(handle, [=](D& d) { d.epsilon = nan; }), INVALID_ARGUMENT, "epsilon is nan");
  REFUSED(plan_with(handle, [](D& d) { d.zoneout = 1.5; }), INVALID_ARGUMENT, "zoneout is 1.5");
  REFUSED(plan_with(handle, [=](D& d) { d.dropconnect = nan; }), INVALID_ARGUMENT, "dropconnect");
  REFUSED(plan_with(handle, [](D& d) { d.dropout = -0.1; }), INVALID_ARGUMENT, "dropout");
  REFUSED(plan_with(handle,
                    [](D& d) {
                      d.cell = LNRNN_CELL_GRU;
                      d.normalization = 3;
                    }),
          INVALID_ARGUMENT, "normalization is 3, but cell 1 knows 0, 1, 2, 8");
  REFUSED(plan_with(handle,
                    [](D& d) {
                      d.cell = LNRNN_CELL_INDRNN;
                      d.dropconnect = 0.1;
                    }),
          INVALID_ARGUMENT, "no recurrent matrix");
  REFUSED(plan_with(handle,
                    [](D& d) {
                      d.cell = LNRNN_CELL_INDRNN;
                      d.normalization = 4;
                    }),
          INVALID_ARGUMENT, "normalization is 4, but cell 2 knows 0, 1");
  REFUSED(plan_with(handle,
                    [](D& d) {
                      d.cell = LNRNN_CELL_GRU;
                      d.zoneoutCell = 0.1;
                    }),
          INVALID_ARGUMENT, "zoneoutCell is 0.1, expected 0: only the LSTM");
  REFUSED(plan_with(handle, [](D& d) { d.zoneoutCell = -1; }), INVALID_ARGUMENT, "zoneoutCell");
  for (const int64_t size : {int64_t{-1}, INT64_MIN, (int64_t{1} << 40) + 1}) {
    REFUSED(plan_with(handle, [=](D& d) { d.projectionSize = size; }), INVALID_ARGUMENT,
            ("projectionSize is " + std::to_string(size) + ", not 0...2^40").c_str());
  }
  REFUSED(plan_with(handle, [](D& d) { d.dropoutCandidate = 1.1; }), INVALID_ARGUMENT,
          "dropoutCandidate is 1.1");
  for (const int32_t cell : {LNRNN_CELL_GRU, LNRNN_CELL_INDRNN}) {
    REFUSED(plan_with(handle,
                      [=](D& d) {
                        d.cell = cell;
                        d.projectionSize = 2;
                      }),
            INVALID_ARGUMENT, "projectionSize is 2, expected 0: only the LSTM has a projection");
    REFUSED(plan_with(handle,
                      [=](D& d) {
                        d.cell = cell;
                        d.cellClip = 2;
                      }),
            INVALID_ARGUMENT, "cellClip is 2, expected 0: only the LSTM has c");
    REFUSED(plan_with(handle,
                      [=](D& d) {
                        d.cell = cell;
                        d.dropoutCandidate = 0.1;
                      }),
            INVALID_ARGUMENT, "dropoutCandidate is 0.1, expected 0: only the LSTM");
  }
  REFUSED(plan_with(handle, [](D& d) { d.hiddenSize = d.projectionSize = int64_t{1} << 30; }),
          INVALID_ARGUMENT, "hiddenSize 1073741824 and projectionSize 1073741824 need more than");
  DONE(plan_with(handle, [](D& d) {
    d.projectionSize = 9;  // more than H
    d.cellClip = 3;
  }));
  REFUSED(plan_with(handle, [](D& d) { d.layers = 1025; }), INVALID_ARGUMENT, "not 1...1024");
  REFUSED(plan_with(handle, [](D& d) { d.dropout = 0.5; }), INVALID_ARGUMENT,
          "expected 0 for 1 layer");
  REFUSED(plan_with(handle,
                    [](D& d) {
                      d.layers = 2;
                      d.flags = LNRNN_PLAN_VARIATIONAL_DROPOUT;
                    }),
          INVALID_ARGUMENT, "but dropout is 0");
  REFUSED(plan_with(handle,
                    [](D& d) {
                      d.layers = 1024;
                      d.hiddenSize = int64_t{1} << 25;
                    }),
          INVALID_ARGUMENT, "2^63 bytes");
  DONE(plan_with(handle, [](D& d) {
    d.layers = 1024;
    d.direction = LNRNN_DIRECTION_BIDIRECTIONAL;
    d.dropout = d.zoneout = d.zoneoutCell = d.dropconnect = d.dropoutCandidate = 1;
    d.flags = LNRNN_PLAN_RECOMPUTE | LNRNN_PLAN_DETERMINISTIC | LNRNN_PLAN_VARIATIONAL_DROPOUT;
  }));
}

// The tests of cells draw from a list that has each cell with each normalisation that it knows, once.
void test_all_cells_are_tested(lnrnnHandle_t handle) {
  for (int32_t cell = 0; cell < 16; ++cell) {
    for (int32_t normalization = 0; normalization < 64; ++normalization) {
      const auto times =
          std::count_if(std::begin(network::kCells), std::end(network::kCells),
                        [&](const network::Cell& tested) {
                          return tested.cell == cell && tested.normalization == normalization;
                        });
      const bool known = plan_with(handle, [=](lnrnnPlanDescription_t& d) {
                           d.cell = cell;
                           d.normalization = normalization;
                         }) == LNRNN_STATUS_SUCCESS;
      CHECK(times == (known ? 1 : 0));
    }
  }
}

void test_plan(lnrnnHandle_t handle) {
  const lnrnnPlanDescription_t d = lstm(3, 4);
  lnrnnPlan_t plan;
  DONE(lnrnnPlanCreate(handle, &d, &plan));
  REFUSED(lnrnnDestroy(handle), IN_USE, "1 plans");
  int32_t count = 0;
  DONE(lnrnnPlanGetParameterCount(plan, &count));
  CHECK(count == 7);
  lnrnnParameter_t p{};
  p.structSize = sizeof p;
  DONE(lnrnnPlanGetParameter(plan, 0, &p));
  CHECK(std::strcmp(p.name, "weight_ih_l0") == 0 && p.rank == 2 && p.shape[0] == 16 &&
        p.shape[1] == 3 && p.elements == 48 && p.offsetBytes == 0);
  DONE(lnrnnPlanGetParameter(plan, 6, &p));
  CHECK(std::strcmp(p.name, "layernorm_c_l0.bias") == 0 && p.rank == 1 && p.elements == 4 &&
        p.offsetBytes % 64 == 0);
  REFUSED(lnrnnPlanGetParameter(plan, 7, &p), INVALID_ARGUMENT, "index is 7, not 0...6");

  lnrnnPlanSizes_t s{};
  s.structSize = sizeof s;
  DONE(lnrnnPlanGetSizes(plan, 5, 2, &s));
  CHECK(s.stateBytes == 2 * 4 * sizeof(float) && s.cellStateBytes == s.stateBytes);
  REFUSED(lnrnnPlanGetSizes(plan, -1, 2, &s), INVALID_ARGUMENT, "steps is -1");
  REFUSED(lnrnnPlanGetSizes(plan, (int64_t{1} << 32) + 1, 2, &s), INVALID_ARGUMENT, "2^32");
  REFUSED(lnrnnPlanGetSizes(plan, int64_t{1} << 32, int64_t{1} << 32, &s), INVALID_ARGUMENT,
          "2^63 bytes");
  // More than 2^31 elements are sizes like any other.
  DONE(lnrnnPlanGetSizes(plan, 1 << 20, 1 << 16, &s));
  CHECK(s.reserveBytes > uint64_t{1} << 40);
  DONE(lnrnnPlanDestroy(plan));
}

// What is added to the variance, and what the cell is clipped at, have to be normal numbers of the type that is
// computed with.
void test_normal_numbers(lnrnnHandle_t handle, double lnrnnPlanDescription_t::*member,
                         const std::string& name) {
  using D = lnrnnPlanDescription_t;
  const auto with = [&](int32_t type, double value) {
    return plan_with(handle, [=](D& d) {
      d.dataType = type;
      d.*member = value;
    });
  };
  const auto refused = [&](int32_t type, double value, const char* range) {
    REFUSED(with(type, value), INVALID_ARGUMENT, (name + " is ").c_str());
    REFUSED(with(type, value), INVALID_ARGUMENT, range);
  };
  for (const int32_t type : {LNRNN_DATA_F32, LNRNN_DATA_F16, LNRNN_DATA_BF16}) {
    for (const double value : {1e-46, 1e-42, 1.1e-38, 1e-300, 5e-324, 3.5e38, 1e300, -1e-5,
                               double(INFINITY), std::numeric_limits<double>::quiet_NaN()}) {
      refused(type, value, "1.17549e-38...3.40282e+38, the normal numbers of F32");
    }
    DONE(with(type, std::numeric_limits<float>::min()));
    DONE(with(type, std::numeric_limits<float>::max()));
  }
  refused(LNRNN_DATA_F64, 1e-308, "2.22507e-308...1.79769e+308, the normal numbers of F64");
  DONE(with(LNRNN_DATA_F64, 1e-46));
  DONE(with(LNRNN_DATA_F64, 1e300));
}

// A struct as a caller of another version has it: ours, and more behind it.
template <class S>
struct Newer {
  S known;
  uint64_t more[3];

  explicit Newer(const S& s) : known(s), more{} { known.structSize = sizeof *this; }
};

void test_structs_of_other_versions(lnrnnHandle_t handle) {
  lnrnnPlan_t plan;
  Newer<lnrnnPlanDescription_t> d(lstm(3, 4));
  DONE(lnrnnPlanCreate(handle, &d.known, &plan));
  for (const size_t i : {0, 2}) {
    d.more[i] = uint64_t{1} << 40;
    lnrnnPlan_t none = nullptr;
    REFUSED(lnrnnPlanCreate(handle, &d.known, &none), INVALID_ARGUMENT, "description->structSize");
    REFUSED(lnrnnPlanCreate(handle, &d.known, &none), INVALID_ARGUMENT,
            "this library knows only the first");
    CHECK(none == nullptr);
    d.more[i] = 0;
  }
  // Sizes that no version ever had; nothing is read beyond.
  for (const size_t size : {size_t{0}, size_t{4}, size_t{8}, size_t{48}, size_t{60},
                            sizeof d.known - 1, size_t{65544}, SIZE_MAX & ~size_t{7}, SIZE_MAX}) {
    d.known.structSize = size;
    REFUSED(lnrnnPlanCreate(handle, &d.known, &plan), INVALID_ARGUMENT,
            ("structSize is " + std::to_string(size) + ", not the struct's size").c_str());
  }
  // Of a caller who knows neither projection nor clip: what stands behind its own is not read.
  d.known.structSize = offsetof(lnrnnPlanDescription_t, projectionSize);
  d.known.projectionSize = -7;
  lnrnnPlan_t without;
  DONE(lnrnnPlanCreate(handle, &d.known, &without));
  lnrnnPlanSizes_t sizes{};
  sizes.structSize = offsetof(lnrnnPlanSizes_t, cellStateBytes);
  sizes.cellStateBytes = 7;
  DONE(lnrnnPlanGetSizes(without, 5, 2, &sizes));
  CHECK(sizes.gradientBytes > 0 && sizes.cellStateBytes == 7);
  DONE(lnrnnPlanDestroy(without));
  // Without the probabilities, which are 0 then.
  d.known.structSize = offsetof(lnrnnPlanDescription_t, zoneout);
  d.known.zoneout = 7;
  lnrnnPlan_t older_plan;
  DONE(lnrnnPlanCreate(handle, &d.known, &older_plan));
  DONE(lnrnnPlanDestroy(older_plan));

  // What is written: nothing beyond what an older caller has; what a newer one has besides is 0.
  Newer<lnrnnUsage_t> usage{lnrnnUsage_t{}};
  usage.more[0] = usage.more[1] = usage.more[2] = 7;
  usage.known.structSize = offsetof(Newer<lnrnnUsage_t>, more) + 16;
  DONE(lnrnnGetUsage(&usage.known));
  CHECK(usage.known.plans == 1 && usage.more[0] == 0 && usage.more[1] == 0 && usage.more[2] == 7);
  lnrnnParameter_t p{};
  const size_t amid[] = {16, 56, 80};  // the name, and the shape
  for (const size_t size : amid) {
    p.structSize = size;
    REFUSED(lnrnnPlanGetParameter(plan, 0, &p), INVALID_ARGUMENT, "parameter->structSize is");
  }
  CHECK(p.name[0] == '\0');
  p.structSize = 88;
  DONE(lnrnnPlanGetParameter(plan, 0, &p));
  CHECK(p.shape[1] == 3 && p.elements == 0);
  lnrnnDeviceProperties_t properties{};
  properties.structSize = 40;
  REFUSED(lnrnnGetProperties(handle, &properties), INVALID_ARGUMENT,
          "ends inside the array at bytes");
  properties.structSize = size_t{1} << 40;
  REFUSED(lnrnnGetProperties(handle, &properties), INVALID_ARGUMENT, "not the struct's size");
  DONE(lnrnnPlanDestroy(plan));
}

// A thread remembers sizes; one that has just begun has nothing to remember and measures.
void test_remembered_sizes_are_measured_ones(lnrnnHandle_t handle) {
  const auto sizes = [](lnrnnPlan_t plan, int64_t steps, int64_t batch) {
    lnrnnPlanSizes_t s{};
    s.structSize = sizeof s;
    DONE(lnrnnPlanGetSizes(plan, steps, batch, &s));
    return s;
  };
  for (int round = 0; round < 3; ++round) {
    std::vector<lnrnnPlan_t> plans;
    for (int i = 0; i < 9; ++i) {  // those of later rounds stand where the earlier ones stood
      lnrnnPlanDescription_t d = lstm(3 + round, 4 + i);
      d.layers = 1 + i % 3;
      lnrnnPlan_t plan;
      DONE(lnrnnPlanCreate(handle, &d, &plan));
      plans.push_back(plan);
    }
    for (const int64_t batch : {0, 1, 700, 1}) {
      for (const int64_t steps : {1, 0, 5, 5, batch == 1 ? 700 : 1}) {
        for (const lnrnnPlan_t plan : plans) {
          const lnrnnPlanSizes_t remembered = sizes(plan, steps, batch);
          lnrnnPlanSizes_t measured;
          std::thread([&] { measured = sizes(plan, steps, batch); }).join();
          CHECK(std::memcmp(&remembered, &measured, sizeof measured) == 0);
        }
      }
    }
    for (const lnrnnPlan_t plan : plans) DONE(lnrnnPlanDestroy(plan));
  }
}

}  // namespace

int main() {
  lnrnnHandle_t handle;
  DONE(lnrnnCreate(LNRNN_DEVICE_CPU, 0, 2, nullptr, &handle));
  RUN(test_descriptions(handle));
  RUN(test_all_cells_are_tested(handle));
  RUN(test_normal_numbers(handle, &lnrnnPlanDescription_t::epsilon, "epsilon"));
  RUN(test_normal_numbers(handle, &lnrnnPlanDescription_t::cellClip, "cellClip"));
  RUN(test_structs_of_other_versions(handle));
  RUN(test_plan(handle));
  RUN(test_remembered_sizes_are_measured_ones(handle));
  return check::summary(handle);
}

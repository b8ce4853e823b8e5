// Every refusal of the C API: the status and the words that matter in its sentence.
#include <sys/resource.h>

#include <cstdint>
#include <cstring>
#include <limits>
#include <string>
#include <thread>
#include <vector>

#include "calls.h"

using check::usage;

namespace {

// The instruction set that every processor of this kind has.
#if defined(__aarch64__)
constexpr const char* kPlainest = "neon";
#else
constexpr const char* kPlainest = "baseline";
#endif

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool kSanitized = true;
#else
constexpr bool kSanitized = false;
#endif

lnrnnPlanDescription_t lstm(int64_t input, int64_t hidden) {
  lnrnnPlanDescription_t d{};
  d.structSize = sizeof d;
  d.normalization = LNRNN_NORMALIZATION_HASTE;
  d.layers = 1;
  d.inputSize = input;
  d.hiddenSize = hidden;
  d.epsilon = 1e-5;
  return d;
}

template <class Change>
lnrnnStatus_t plan_with(lnrnnHandle_t handle, const Change& change) {
  lnrnnPlanDescription_t d = lstm(3, 4);
  change(d);
  lnrnnPlan_t plan;
  const lnrnnStatus_t status = lnrnnPlanCreate(handle, &d, &plan);
  if (status == LNRNN_STATUS_SUCCESS) lnrnnPlanDestroy(plan);
  return status;
}

void test_devices() {
  int32_t count = -1;
  DONE(lnrnnGetDeviceCount(LNRNN_DEVICE_CPU, &count));
  CHECK(count == 1);
  DONE(lnrnnGetDeviceCount(LNRNN_DEVICE_CUDA, &count));
  const int32_t beyond = count;
  CHECK(count > 0 || std::strstr(lnrnnGetLastErrorMessage(), "there is no CUDA device") != nullptr);
  lnrnnDeviceProperties_t properties{};
  properties.structSize = sizeof properties;
  REFUSED(lnrnnGetDeviceProperties(LNRNN_DEVICE_CUDA, beyond, &properties), DEVICE_UNAVAILABLE,
          "there is no CUDA device");
  REFUSED(lnrnnGetDeviceCount(static_cast<lnrnnDeviceKind_t>(7), &count), INVALID_ARGUMENT,
          "kind is 7");
  lnrnnHandle_t handle;
  REFUSED(lnrnnCreate(LNRNN_DEVICE_CPU, 0, 0, nullptr, nullptr), NULL_POINTER, "handle is NULL");
  REFUSED(lnrnnCreate(LNRNN_DEVICE_CPU, 1, 0, nullptr, &handle), DEVICE_UNAVAILABLE,
          "CPU device 1");
  REFUSED(lnrnnCreate(LNRNN_DEVICE_CUDA, beyond, 0, nullptr, &handle), DEVICE_UNAVAILABLE,
          "there is no CUDA device");
  REFUSED(lnrnnCreate(LNRNN_DEVICE_CPU, 0, -1, nullptr, &handle), INVALID_ARGUMENT,
          "threads is -1");
  REFUSED(lnrnnCreate(LNRNN_DEVICE_CPU, 0, 1025, nullptr, &handle), INVALID_ARGUMENT, "0...1024");
  REFUSED(lnrnnCreate(LNRNN_DEVICE_CPU, 0, 0, "sse9", &handle), INVALID_ARGUMENT, kPlainest);

  properties.structSize = 0;
  REFUSED(lnrnnGetDeviceProperties(LNRNN_DEVICE_CPU, 0, &properties), INVALID_ARGUMENT,
          "structSize is 0");
  properties.structSize = sizeof properties;
  DONE(lnrnnCreate(LNRNN_DEVICE_CPU, 0, 3, kPlainest, &handle));
  DONE(lnrnnGetProperties(handle, &properties));
  CHECK(properties.threads == 3 && std::strcmp(properties.isa, kPlainest) == 0);
  CHECK(std::strcmp(properties.threadsFrom, "asked for") == 0);
  CHECK(properties.totalMemory > 0 && properties.name[0] != '\0');
  CHECK(properties.computeCapabilityMajor == 0 && properties.cublasVersion == 0);

  // An older caller's struct is shorter: nothing is written beyond it.
  lnrnnDeviceProperties_t older{};
  std::memset(static_cast<void*>(&older), 0x5A, sizeof older);
  older.structSize = offsetof(lnrnnDeviceProperties_t, totalMemory);
  DONE(lnrnnGetProperties(handle, &older));
  CHECK(older.threads == 3 && older.totalMemory == 0x5A5A5A5A5A5A5A5A);
  DONE(lnrnnDestroy(handle));
}

void test_no_more_threads() {
  rlimit before;
  getrlimit(RLIMIT_AS, &before);
  rlimit tight = before;
  tight.rlim_cur = 512u << 20;
  setrlimit(RLIMIT_AS, &tight);
  rlimit now;
  getrlimit(RLIMIT_AS, &now);
  if (now.rlim_cur != tight.rlim_cur) {
    std::printf("no limit of memory can be set, as under qemu-user: running out is not tested\n");
    return;
  }
  lnrnnHandle_t handle;
  REFUSED(lnrnnCreate(LNRNN_DEVICE_CPU, 0, 1024, nullptr, &handle), OUT_OF_MEMORY,
          "could not be started");
  setrlimit(RLIMIT_AS, &before);
}

void test_ownership(lnrnnHandle_t handle) {
  lnrnnHandle_t other;
  DONE(lnrnnCreate(LNRNN_DEVICE_CPU, 0, 1, nullptr, &other));
  lnrnnStream_t stream;
  lnrnnEvent_t start, end;
  void* memory = nullptr;
  void* pinned = nullptr;
  DONE(lnrnnStreamCreate(handle, &stream));
  DONE(lnrnnEventCreate(handle, &start));
  DONE(lnrnnEventCreate(handle, &end));
  DONE(lnrnnMalloc(handle, stream, 100, &memory));
  DONE(lnrnnHostAlloc(handle, 10, &pinned));
  CHECK(reinterpret_cast<uintptr_t>(memory) % 64 == 0);
  const lnrnnUsage_t u = usage();
  CHECK(u.streams == 1 && u.events == 2 && u.deviceBytes == 100 && u.hostBytes == 10);
  REFUSED(lnrnnDestroy(handle), IN_USE, "1 streams, 2 events, 0 graphs and 2 allocations");

  DONE(lnrnnMemset(handle, stream, memory, 7, 100));
  DONE(lnrnnMemcpy(handle, nullptr, pinned, memory, 10));
  CHECK(static_cast<char*>(pinned)[9] == 7);
  REFUSED(lnrnnMemcpy(handle, stream, nullptr, memory, 1), NULL_POINTER, "destination is NULL");
  DONE(lnrnnMemcpy(handle, stream, nullptr, nullptr, 0));
  REFUSED(lnrnnMemset(other, stream, memory, 7, 100), INVALID_ARGUMENT, "another handle");

  double ms;
  int32_t done = 0;
  DONE(lnrnnEventQuery(start, &done));
  CHECK(done == 1);
  REFUSED(lnrnnEventElapsedMilliseconds(start, end, &ms), INVALID_ARGUMENT,
          "start has not been recorded");
  DONE(lnrnnEventRecord(handle, start, stream));
  DONE(lnrnnEventRecord(handle, end, nullptr));
  DONE(lnrnnEventElapsedMilliseconds(start, end, &ms));
  CHECK(ms >= 0);
  DONE(lnrnnStreamWaitEvent(handle, stream, end));
  REFUSED(lnrnnStreamWaitEvent(other, nullptr, end), INVALID_ARGUMENT, "another handle");
  DONE(lnrnnStreamSynchronize(handle, stream));

  REFUSED(lnrnnFree(other, nullptr, memory), INVALID_ARGUMENT, "not allocated through");
  REFUSED(lnrnnHostFree(handle, memory), INVALID_ARGUMENT, "not allocated through");
  DONE(lnrnnFree(handle, stream, memory));
  REFUSED(lnrnnFree(handle, stream, memory), INVALID_ARGUMENT, "freed already");
  DONE(lnrnnFree(handle, stream, nullptr));
  REFUSED(lnrnnMalloc(handle, nullptr, SIZE_MAX, &memory), OUT_OF_MEMORY, "out of host memory");
  REFUSED(lnrnnMalloc(handle, nullptr, SIZE_MAX / 2, &memory), OUT_OF_MEMORY, "out of host memory");
  DONE(lnrnnMalloc(handle, nullptr, 0, &memory));
  CHECK(memory != nullptr);
  DONE(lnrnnFree(handle, nullptr, memory));
  DONE(lnrnnHostFree(handle, pinned));
  DONE(lnrnnEventDestroy(start));
  DONE(lnrnnEventDestroy(end));
  DONE(lnrnnStreamDestroy(stream));
  DONE(lnrnnDestroy(other));
}

void test_memory_is_found_by_its_start(lnrnnHandle_t handle) {
  void* memory = nullptr;
  DONE(lnrnnMalloc(handle, nullptr, 100, &memory));
  REFUSED(lnrnnFree(handle, nullptr, static_cast<char*>(memory) + 1), INVALID_ARGUMENT,
          "not allocated through");
  REFUSED(lnrnnHostUnregister(handle, memory), INVALID_ARGUMENT, "not registered");
  DONE(lnrnnCheckMemory(handle, memory, 100));
  REFUSED(lnrnnCheckMemory(handle, nullptr, 1), NULL_POINTER, "pointer is NULL");
  REFUSED(lnrnnCheckMemory(handle, memory, 0), INVALID_ARGUMENT, "bytes is 0");
  REFUSED(lnrnnCheckMemory(handle, memory, SIZE_MAX), INVALID_ARGUMENT, "bytes is 1844");
  DONE(lnrnnFree(handle, nullptr, memory));
}

void test_registration(lnrnnHandle_t handle) {
  std::vector<char> memory(1000);
  char* const start = memory.data() + 100;
  REFUSED(lnrnnHostRegister(handle, nullptr, 10), NULL_POINTER, "pointer is NULL");
  REFUSED(lnrnnHostRegister(handle, start, 0), INVALID_ARGUMENT, "bytes is 0");
  REFUSED(lnrnnHostRegister(handle, start, SIZE_MAX), INVALID_ARGUMENT, "bytes is 1844");
  DONE(lnrnnHostRegister(handle, start, 200));
  const lnrnnUsage_t u = usage();
  CHECK(u.registrations == 1 && u.registeredBytes == 200 && u.hostAllocations == 0);
  REFUSED(lnrnnDestroy(handle), IN_USE, "1 allocations or registrations");
  for (const long first : {100L, 0L, 50L, 299L, 150L}) {
    REFUSED(lnrnnHostRegister(handle, memory.data() + first, first == 0 ? 101 : 100),
            INVALID_ARGUMENT, "overlap");
  }
  // Neighbours are no overlap.
  DONE(lnrnnHostRegister(handle, start - 100, 100));
  DONE(lnrnnHostRegister(handle, start + 200, 100));

  void* pinned = nullptr;
  DONE(lnrnnHostAlloc(handle, 64, &pinned));
  REFUSED(lnrnnHostRegister(handle, static_cast<char*>(pinned) + 63, 1), INVALID_ARGUMENT,
          "overlap");
  REFUSED(lnrnnHostUnregister(handle, pinned), INVALID_ARGUMENT, "not registered");
  DONE(lnrnnHostFree(handle, pinned));

  REFUSED(lnrnnHostUnregister(handle, start + 1), INVALID_ARGUMENT, "not registered");
  REFUSED(lnrnnHostFree(handle, start), INVALID_ARGUMENT, "not allocated through");
  for (char* const p : {start, start - 100, start + 200}) DONE(lnrnnHostUnregister(handle, p));
  REFUSED(lnrnnHostUnregister(handle, start), INVALID_ARGUMENT, "not registered");
  DONE(lnrnnHostUnregister(handle, nullptr));
  CHECK(usage().registrations == 0 && usage().registeredBytes == 0);
}

void test_no_graphs_here(lnrnnHandle_t handle) {
  lnrnnStream_t stream;
  DONE(lnrnnStreamCreate(handle, &stream));
  lnrnnGraph_t graph;
  REFUSED(lnrnnStreamBeginCapture(handle, nullptr), NULL_POINTER, "default stream");
  REFUSED(lnrnnStreamBeginCapture(handle, stream), NOT_SUPPORTED, "captures no graphs");
  REFUSED(lnrnnStreamEndCapture(handle, stream, nullptr), NULL_POINTER, "graph is NULL");
  REFUSED(lnrnnStreamEndCapture(handle, stream, &graph), INVALID_STATE, "no capture has begun");
  REFUSED(lnrnnGraphLaunch(nullptr, stream), NULL_POINTER, "graph is NULL");
  REFUSED(lnrnnGraphDestroy(nullptr), NULL_POINTER, "graph is NULL");
  CHECK(usage().graphs == 0);
  DONE(lnrnnStreamSynchronize(handle, stream));
  DONE(lnrnnStreamDestroy(stream));
}

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
          INVALID_ARGUMENT, "the LSTM's alone");
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
          INVALID_ARGUMENT, "GRU and IndRNN know NONE and HASTE");
  REFUSED(plan_with(handle,
                    [](D& d) {
                      d.cell = LNRNN_CELL_GRU;
                      d.zoneoutCell = 0.1;
                    }),
          INVALID_ARGUMENT, "zoneoutCell is 0.1, but only the LSTM");
  REFUSED(plan_with(handle, [](D& d) { d.zoneoutCell = -1; }), INVALID_ARGUMENT, "zoneoutCell");
  REFUSED(plan_with(handle, [](D& d) { d.layers = 1025; }), INVALID_ARGUMENT, "not 1...1024");
  REFUSED(plan_with(handle, [](D& d) { d.dropout = 0.5; }), INVALID_ARGUMENT, "a single layer");
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
    d.dropout = d.zoneout = d.zoneoutCell = d.dropconnect = 1;
    d.flags = LNRNN_PLAN_RECOMPUTE | LNRNN_PLAN_DETERMINISTIC | LNRNN_PLAN_VARIATIONAL_DROPOUT;
  }));
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
  CHECK(s.stateBytes == 2 * 4 * sizeof(float));
  REFUSED(lnrnnPlanGetSizes(plan, -1, 2, &s), INVALID_ARGUMENT, "steps is -1");
  REFUSED(lnrnnPlanGetSizes(plan, (int64_t{1} << 32) + 1, 2, &s), INVALID_ARGUMENT, "2^32");
  REFUSED(lnrnnPlanGetSizes(plan, int64_t{1} << 32, int64_t{1} << 32, &s), INVALID_ARGUMENT,
          "2^63 bytes");
  // More than 2^31 elements are sizes like any other.
  DONE(lnrnnPlanGetSizes(plan, 1 << 20, 1 << 16, &s));
  CHECK(s.reserveBytes > uint64_t{1} << 40);
  DONE(lnrnnPlanDestroy(plan));
}

// What is added to the variance has to be a normal number of the type that norms are computed in.
void test_epsilon(lnrnnHandle_t handle) {
  using D = lnrnnPlanDescription_t;
  const auto with = [&](int32_t type, double epsilon) {
    return plan_with(handle, [=](D& d) {
      d.dataType = type;
      d.epsilon = epsilon;
    });
  };
  for (const int32_t type : {LNRNN_DATA_F32, LNRNN_DATA_F16, LNRNN_DATA_BF16}) {
    for (const double epsilon :
         {1e-46, 1e-42, 1.1e-38, 1e-300, 5e-324, 3.5e38, 1e300, -1e-5, double(INFINITY)}) {
      REFUSED(with(type, epsilon), INVALID_ARGUMENT, "not 1.17549e-38...3.40282e+38");
    }
    DONE(with(type, std::numeric_limits<float>::min()));
    DONE(with(type, std::numeric_limits<float>::max()));
  }
  REFUSED(with(LNRNN_DATA_F64, 1e-308), INVALID_ARGUMENT, "not 2.22507e-308...1.79769e+308");
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
    REFUSED(lnrnnPlanCreate(handle, &d.known, &none), INVALID_ARGUMENT, "cannot do what is asked");
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
  REFUSED(lnrnnGetProperties(handle, &properties), INVALID_ARGUMENT, "amid the array of bytes");
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

void test_step_arguments(lnrnnHandle_t handle) {
  const lnrnnPlanDescription_t d = lstm(3, 4);
  lnrnnPlan_t plan;
  DONE(lnrnnPlanCreate(handle, &d, &plan));
  lnrnnPlanSizes_t s{};
  s.structSize = sizeof s;
  DONE(lnrnnPlanGetSizes(plan, 1, 2, &s));
  std::vector<void*> memory;
  const auto take = [&](size_t bytes) {
    void* p = nullptr;
    DONE(lnrnnMalloc(handle, nullptr, bytes, &p));
    DONE(lnrnnMemset(handle, nullptr, p, 0, bytes));
    memory.push_back(p);
    return static_cast<char*>(p);
  };
  char* const parameters = take(s.parameterBytes);
  char* const packed = take(s.packedBytes);
  char* const x = take(24);
  char* const h = take(s.stateBytes);
  char* const c = take(s.stateBytes);
  char* const w = take(s.stepWorkspaceBytes);
  DONE(lnrnnInitializeParameters(plan, nullptr, 1, parameters, s.parameterBytes));
  REFUSED(lnrnnInitializeParameters(plan, nullptr, 1, parameters, s.parameterBytes - 1),
          BUFFER_TOO_SMALL, "parameters has");
  DONE(lnrnnPackWeights(plan, nullptr, parameters, s.parameterBytes, packed, s.packedBytes));
  lnrnnStepArguments_t good{};
  good.structSize = sizeof good;
  good.batch = 2;
  good.packed = {packed, s.packedBytes};
  good.x = {x, 24, 0, 3, 0};
  good.h = {h, s.stateBytes};
  good.c = {c, s.stateBytes};
  good.workspace = {w, s.stepWorkspaceBytes};
  const auto step = [&](const auto& change) {
    lnrnnStepArguments_t a = good;
    change(a);
    return lnrnnStep(plan, nullptr, &a);
  };
  using A = lnrnnStepArguments_t;
  DONE(step([](A&) {}));
  DONE(step([](A& a) { a.batch = 0, a.x = {}, a.h = a.c = {}; }));
  REFUSED(step([](A& a) { a.batch = -1; }), INVALID_ARGUMENT, "batch is -1");
  REFUSED(step([](A& a) { --a.x.bytes; }), BUFFER_TOO_SMALL, "x has 23 bytes, but 24 are needed");
  REFUSED(step([](A& a) { a.x.pointer = nullptr; }), NULL_POINTER, "x is NULL");
  REFUSED(step([&](A& a) { a.x.pointer = x + 1; }), MISALIGNED, "aligned to 4");
  REFUSED(step([](A& a) { a.h.pointer = nullptr; }), NULL_POINTER, "h is NULL");
  REFUSED(step([](A& a) { a.c.pointer = nullptr; }), NULL_POINTER, "c is NULL");
  REFUSED(step([](A& a) { --a.h.bytes; }), BUFFER_TOO_SMALL, "h has 31");
  REFUSED(step([](A& a) { --a.workspace.bytes; }), BUFFER_TOO_SMALL, "workspace has");
  REFUSED(step([&](A& a) { a.workspace.pointer = w + 4; }), MISALIGNED, "aligned to 64");
  for (void* p : memory) DONE(lnrnnFree(handle, nullptr, p));
  DONE(lnrnnPlanDestroy(plan));
}

void test_messages_are_per_thread() {
  int32_t count;
  (void)lnrnnGetDeviceCount(static_cast<lnrnnDeviceKind_t>(9), &count);
  std::thread([] { CHECK(lnrnnGetLastErrorMessage()[0] == '\0'); }).join();
  CHECK(std::strstr(lnrnnGetLastErrorMessage(), "kind is 9") != nullptr);
}

}  // namespace

int main() {
  RUN(test_messages_are_per_thread());
  RUN(test_devices());
  // Sanitizers reserve more address space than the limit leaves.
  if (!kSanitized) RUN(test_no_more_threads());
  lnrnnHandle_t handle;
  DONE(lnrnnCreate(LNRNN_DEVICE_CPU, 0, 2, nullptr, &handle));
  RUN(test_ownership(handle));
  RUN(test_memory_is_found_by_its_start(handle));
  RUN(test_registration(handle));
  RUN(test_no_graphs_here(handle));
  RUN(test_descriptions(handle));
  RUN(test_epsilon(handle));
  RUN(test_structs_of_other_versions(handle));
  RUN(test_plan(handle));
  RUN(test_remembered_sizes_are_measured_ones(handle));
  RUN(test_step_arguments(handle));
  DONE(lnrnnDestroy(handle));
  check::nothing_left();
  return check::summary();
}

// The refusals of the C API, but for those of plans (plan_test): the status and the words that matter in its sentence.
#include <sys/resource.h>

#include <cstdint>
#include <cstring>
#include <limits>
#include <string>
#include <thread>
#include <vector>

#include "plans.h"

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
  char* const c = take(s.cellStateBytes);
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
  good.c = {c, s.cellStateBytes};
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
  RUN(test_step_arguments(handle));
  return check::summary(handle);
}

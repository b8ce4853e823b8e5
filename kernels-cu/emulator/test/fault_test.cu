// Faults on demand: each comes at the call that was asked for, once, and is the error that CUDA
// gives. Drivers that are missing or too old. The same seed gives the same schedule.
#include <cstdlib>

#include "session.h"

using namespace emulator_test;

namespace {

struct Order {
  static constexpr const char* kName = "order";
  static constexpr int kMaxThreads = 64;
  int* next;
  int* order;  // (blocks,threads)
  LNRNN_DEVICE void operator()(Block& block) const {
    order[block.index() * block.threads() + block.thread()] = block.atomic_add(next, 1);
  }
};

std::vector<int> order_under(uint64_t seed) {
  lnrnn::emulator::set_seed(seed);
  const Session session;
  int* next = session.upload(std::vector<int>{0});
  int* order = session.allocate<int>(8 * 64);
  CHECK(session.run({8, 64}, Order{next, order}) == cudaSuccess);
  return session.download(order, 8 * 64);
}

// From the environment: the third allocation fails, the 7th thing queued loses the device.
void test_environment() {
  const Session session;
  void* memory = nullptr;
  for (int i = 1; i <= 4; ++i)
    CHECK(cudaMallocAsync(&memory, 100, session.stream()) ==
          (i == 3 ? cudaErrorMemoryAllocation : cudaSuccess));
  for (int i = 1; i <= 7; ++i) {
    CHECK(cudaMemsetAsync(memory, 0, 100, session.stream()) == cudaSuccess);
    CHECK(session.wait() == (i == 7 ? cudaErrorLaunchFailure : cudaSuccess));
  }
  CHECK(reported("injected fault"));
  CHECK(cudaMallocAsync(&memory, 100, session.stream()) == cudaErrorLaunchFailure);
}

void test_points() {
  const Session session;
  const auto fails_once = [](const char* fault, cudaError_t error, auto&& call) {
    CHECK(lnrnn::emulator::inject_fault(fault));
    CHECK(call() == cudaSuccess);
    CHECK(call() == error);
    CHECK(call() == cudaSuccess);
  };
  void* memory = nullptr;
  fails_once("out_of_memory@2", cudaErrorMemoryAllocation,
             [&] { return cudaMallocAsync(&memory, 8, session.stream()); });
  int* counter = session.upload(std::vector<int>{0});
  int* order = session.allocate<int>(64);
  fails_once("launch@2", cudaErrorLaunchOutOfResources, [&] {
    return session.run({1, 64}, Order{counter, order});
  });
  fails_once("out_of_host_memory@2", cudaErrorMemoryAllocation, [&] {
    const cudaError_t error = cudaHostAlloc(&memory, 8, 0);
    if (error == cudaSuccess) CHECK(cudaFreeHost(memory) == cudaSuccess);
    return error;
  });
  static char host[8];
  fails_once("register@2", cudaErrorMemoryAllocation, [&] {
    const cudaError_t error = cudaHostRegister(host, 8, 0);
    if (error == cudaSuccess) CHECK(cudaHostUnregister(host) == cudaSuccess);
    return error;
  });
  fails_once("stream@2", cudaErrorMemoryAllocation, [] {
    cudaStream_t stream = nullptr;
    const cudaError_t error = cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking);
    if (error == cudaSuccess) CHECK(cudaStreamDestroy(stream) == cudaSuccess);
    return error;
  });
  fails_once("event@2", cudaErrorMemoryAllocation, [] {
    cudaEvent_t event = nullptr;
    const cudaError_t error = cudaEventCreateWithFlags(&event, 0);
    if (error == cudaSuccess) CHECK(cudaEventDestroy(event) == cudaSuccess);
    return error;
  });
  CHECK(cudaStreamBeginCapture(session.stream(), cudaStreamCaptureModeRelaxed) == cudaSuccess);
  cudaGraph_t graph = nullptr;
  CHECK(cudaStreamEndCapture(session.stream(), &graph) == cudaSuccess);
  fails_once("graph@2", cudaErrorMemoryAllocation, [&] {
    cudaGraphExec_t exec = nullptr;
    const cudaError_t error = cudaGraphInstantiate(&exec, graph);
    if (error == cudaSuccess) CHECK(cudaGraphExecDestroy(exec) == cudaSuccess);
    return error;
  });
  CHECK(cudaGraphDestroy(graph) == cudaSuccess);
  for (const char* text : {"out_of_memory", "out_of_memory@0", "out_of_memory@x", "fire@1"})
    CHECK(!lnrnn::emulator::inject_fault(text));
}

void test_seeds() {
  const std::vector<int> order = order_under(1);
  CHECK(order_under(1) == order);
  CHECK(order_under(2) != order);
  CHECK(order_under(1) == order);
}

void test_drivers() {
  int version = -1, count = -1;
  CHECK(cudaRuntimeGetVersion(&version) == cudaSuccess && version == 13000);
  CHECK(cudaDriverGetVersion(&version) == cudaSuccess && version == 13000);
  CHECK(cudaGetDeviceCount(&count) == cudaSuccess && count == 1);
  lnrnn::emulator::set_driver("12020");
  CHECK(cudaDriverGetVersion(&version) == cudaSuccess && version == 12020);
  CHECK(cudaGetDeviceCount(&count) == cudaErrorInsufficientDriver && count == 0);
  lnrnn::emulator::set_driver("none");
  CHECK(cudaDriverGetVersion(&version) == cudaSuccess && version == 0);
  CHECK(cudaGetDeviceCount(&count) == cudaErrorInsufficientDriver && count == 0);
  CHECK(cudaSetDevice(0) == cudaErrorInsufficientDriver);
  lnrnn::emulator::set_driver("no_device");
  CHECK(cudaGetDeviceCount(&count) == cudaErrorNoDevice && count == 0);
  lnrnn::emulator::set_driver("");
  CHECK(cudaGetDeviceCount(&count) == cudaSuccess && count == 1);
  CHECK(cudaSetDevice(1) == cudaErrorInvalidDevice);
  CHECK(std::strcmp(cudaGetErrorName(cudaErrorNoDevice), "cudaErrorNoDevice") == 0);
  CHECK(std::strcmp(cudaGetErrorString(cudaErrorMemoryAllocation), "out of memory") == 0);
}

void test_device() {
  cudaDeviceProp properties;
  CHECK(cudaGetDeviceProperties(&properties, 0) == cudaSuccess);
  const auto attribute = [](cudaDeviceAttr which) {
    int value = -1;
    CHECK(cudaDeviceGetAttribute(&value, which, 0) == cudaSuccess);
    return value;
  };
  CHECK(attribute(cudaDevAttrMultiProcessorCount) == properties.multiProcessorCount);
  CHECK(attribute(cudaDevAttrComputeCapabilityMajor) == properties.major);
  CHECK(attribute(cudaDevAttrMaxSharedMemoryPerBlockOptin) == 227 * 1024);
  CHECK(attribute(cudaDevAttrClusterLaunch) == 1);
  CHECK(cudaGetDeviceProperties(&properties, 1) == cudaErrorInvalidDevice);
}

}  // namespace

int main() {
  // Before the first call of the runtime, which reads it.
  setenv("LNRNN_EMULATOR_FAULT", "out_of_memory@3,device_lost@7", 1);
  test_environment();
  test_points();
  test_seeds();
  test_drivers();
  test_device();
  return check::summary();
}

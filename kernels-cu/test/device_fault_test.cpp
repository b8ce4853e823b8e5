// What goes wrong with a GPU, injected through the emulated one: each is a status and a sentence,
// nothing is leaked, and what can go on does. Every case is a process of its own, because faults and
// drivers are read from the environment once.
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>
#include <vector>

#include "calls.h"
#include "network.h"

using network::Network;
using network::Options;

namespace {

lnrnnHandle_t open() {
  lnrnnHandle_t handle = nullptr;
  DONE(lnrnnCreate(LNRNN_DEVICE_CUDA, 0, 0, nullptr, &handle));
  return handle;
}

void refuse_to_open(const char* words) {
  int32_t count = -1;
  DONE(lnrnnGetDeviceCount(LNRNN_DEVICE_CUDA, &count));
  CHECK(count == 0);
  CHECK(std::strstr(lnrnnGetLastErrorMessage(), words) != nullptr);
  lnrnnHandle_t handle;
  REFUSED(lnrnnCreate(LNRNN_DEVICE_CUDA, 0, 0, nullptr, &handle), DEVICE_UNAVAILABLE, words);
}
void no_driver() { refuse_to_open("no NVIDIA driver is installed"); }
void old_driver() { refuse_to_open("for CUDA 12.2, which is older than the 13.0"); }
void no_device() { refuse_to_open("finds no GPU"); }

// A device that is there, and has no kernels: it is counted and described, and not opened.
void refuse_device(int32_t ordinal, const char* words) {
  lnrnnDeviceProperties_t properties{};
  properties.structSize = sizeof properties;
  DONE(lnrnnGetDeviceProperties(LNRNN_DEVICE_CUDA, ordinal, &properties));
  CHECK(std::strcmp(properties.isa, "") == 0);
  CHECK(properties.totalMemory > 0 && properties.cublasVersion == 0);
  lnrnnHandle_t handle = nullptr;
  REFUSED(lnrnnCreate(LNRNN_DEVICE_CUDA, ordinal, 0, nullptr, &handle), DEVICE_UNAVAILABLE, words);
}
void no_kernels() {
  int32_t count = 0;
  DONE(lnrnnGetDeviceCount(LNRNN_DEVICE_CUDA, &count));
  CHECK(count == 2);
  refuse_device(
      0,
      "CUDA device 0, lnrnn emulator, cannot be used: this library has no kernels for its "
      "compute capability 8.6; it was built for sm_90a compute_90");
  refuse_device(1, "capability 7.5");
}
// The first of two has no kernels, the second computes what the CPU does.
void no_kernels_for_first() {
  refuse_device(0, "capability 8.6");
  Options options;
  Network<double> cpu({4, 3, 3, 9}, options);
  options.device = LNRNN_DEVICE_CUDA;
  options.ordinal = 1;
  Network<double> device({4, 3, 3, 9}, options);
  for (Network<double>* net : {&cpu, &device}) {
    net->train();
    net->wait();
  }
  for (size_t i = 0; i < cpu.y->size(); ++i) CHECK_NEAR((*device.y)[i], (*cpu.y)[i], 1e-10);
}
// Kernels for 7.5 run on 8.0, but for those of 16-bit types.
void older_kernels() {
  Options options;
  options.device = LNRNN_DEVICE_CUDA;
  Network<float> net({2, 3, 5, 17}, options);
  net.pack();
  net.infer();
  net.train();
  net.wait();
  lnrnnDeviceProperties_t properties{};
  properties.structSize = sizeof properties;
  DONE(lnrnnGetProperties(net.handle, &properties));
  CHECK(std::strncmp(properties.isa, "sm_75", 5) == 0 && properties.computeCapabilityMajor == 8);
  for (const int32_t type : {LNRNN_DATA_F16, LNRNN_DATA_BF16}) {
    const lnrnnPlanDescription_t description = options.description({2, 3, 5, 17}, type);
    lnrnnPlan_t plan = nullptr;
    REFUSED(
        lnrnnPlanCreate(net.handle, &description, &plan), NOT_SUPPORTED,
        "need kernels for compute capability 8.0 or later; this library was built for compute_75, "
        "of which lnrnn emulator (8.0) runs sm_75");
  }
}

void little_memory() {
  lnrnnHandle_t handle = open();
  void *large = nullptr, *small = nullptr;
  REFUSED(lnrnnMalloc(handle, nullptr, size_t{300} << 20, &large), OUT_OF_MEMORY,
          "314572800 bytes could not be allocated on CUDA device 0");
  DONE(lnrnnMalloc(handle, nullptr, 4096, &small));  // the device is none the worse
  DONE(lnrnnFree(handle, nullptr, small));
  DONE(lnrnnDestroy(handle));
}

void no_pinned_memory() {
  lnrnnHandle_t handle = open();
  void* pointer = nullptr;
  REFUSED(lnrnnHostAlloc(handle, 4096, &pointer), OUT_OF_MEMORY,
          "4096 bytes could not be page-locked");
  DONE(lnrnnHostAlloc(handle, 4096, &pointer));
  DONE(lnrnnHostFree(handle, pointer));
  DONE(lnrnnDestroy(handle));
}

// Whichever of a device's parts cannot be had, it does not open, and the next attempt does.
void no_stream() {
  lnrnnHandle_t handle = nullptr;
  REFUSED(lnrnnCreate(LNRNN_DEVICE_CUDA, 0, 0, nullptr, &handle), OUT_OF_MEMORY,
          "cudaStreamCreate");
  handle = open();
  DONE(lnrnnDestroy(handle));
}
void no_event() {
  lnrnnHandle_t handle = nullptr;
  REFUSED(lnrnnCreate(LNRNN_DEVICE_CUDA, 0, 0, nullptr, &handle), OUT_OF_MEMORY, "cudaEventCreate");
  handle = open();
  DONE(lnrnnDestroy(handle));
}

// A device opens with three streams of its own and one event.
void no_more_streams() {
  lnrnnHandle_t handle = open();
  lnrnnStream_t stream = nullptr;
  REFUSED(lnrnnStreamCreate(handle, &stream), OUT_OF_MEMORY, "cudaStreamCreate");
  DONE(lnrnnStreamCreate(handle, &stream));
  DONE(lnrnnStreamDestroy(stream));
  DONE(lnrnnDestroy(handle));
}
void no_more_events() {
  lnrnnHandle_t handle = open();
  lnrnnEvent_t event = nullptr;
  REFUSED(lnrnnEventCreate(handle, &event), OUT_OF_MEMORY, "cudaEventCreate");
  DONE(lnrnnEventCreate(handle, &event));
  DONE(lnrnnEventDestroy(event));
  DONE(lnrnnDestroy(handle));
}

void no_registration() {
  lnrnnHandle_t handle = open();
  std::vector<char> host(4096);
  REFUSED(lnrnnHostRegister(handle, host.data(), host.size()), OUT_OF_MEMORY, "cudaHostRegister");
  DONE(lnrnnHostRegister(handle, host.data(), host.size()));
  DONE(lnrnnHostUnregister(handle, host.data()));
  DONE(lnrnnDestroy(handle));
}

void no_graph() {
  lnrnnHandle_t handle = open();
  lnrnnStream_t stream = nullptr;
  lnrnnGraph_t graph = nullptr;
  DONE(lnrnnStreamCreate(handle, &stream));
  for (const bool fails : {true, false}) {
    DONE(lnrnnStreamBeginCapture(handle, stream));
    if (fails) {
      REFUSED(lnrnnStreamEndCapture(handle, stream, &graph), OUT_OF_MEMORY, "cudaGraphInstantiate");
    } else {
      DONE(lnrnnStreamEndCapture(handle, stream, &graph));
    }
  }
  DONE(lnrnnGraphDestroy(graph));
  DONE(lnrnnStreamDestroy(stream));
  DONE(lnrnnDestroy(handle));
}

// A kernel that is not taken is the call's failure, and the device none the worse.
void no_launch() {
  Options options;
  options.device = LNRNN_DEVICE_CUDA;
  Network<float> net({2, 3, 5, 17}, options);
  REFUSED(lnrnnPackWeights(net.plan, nullptr, net.parameters->data(), net.parameters->bytes(),
                           net.packed->data(), net.packed->bytes()),
          INTERNAL_ERROR, "too many resources requested for launch");
  net.pack();
  net.infer();
  net.wait();
}

void lost_device() {
  Options options;
  options.device = LNRNN_DEVICE_CUDA;
  Network<float> net({20, 3, 5, 17}, options);
  net.sequence.steps = 20;
  lnrnnStream_t stream = nullptr;
  lnrnnEvent_t event = nullptr;
  DONE(lnrnnStreamCreate(net.handle, &stream));
  DONE(lnrnnEventCreate(net.handle, &event));
  // The call that queues may return before the device is lost; the next to wait does not.
  lnrnnPackWeights(net.plan, nullptr, net.parameters->data(), net.parameters->bytes(),
                   net.packed->data(), net.packed->bytes());
  REFUSED(lnrnnStreamSynchronize(net.handle, nullptr), DEVICE_LOST, "CUDA device 0");
  void* pointer = nullptr;
  REFUSED(lnrnnMalloc(net.handle, nullptr, 64, &pointer), DEVICE_LOST, "was lost earlier");
  REFUSED(lnrnnEventRecord(net.handle, event, stream), DEVICE_LOST, "close it");
  REFUSED(lnrnnPackWeights(net.plan, stream, net.parameters->data(), net.parameters->bytes(),
                           net.packed->data(), net.packed->bytes()),
          DEVICE_LOST, "was lost earlier");
  DONE(lnrnnStreamDestroy(stream));
  DONE(lnrnnEventDestroy(event));
}

// The same gradients as with cuBLAS, to rounding.
void no_cublas() {
  lnrnnHandle_t handle = open();
  lnrnnDeviceProperties_t properties{};
  properties.structSize = sizeof properties;
  DONE(lnrnnGetProperties(handle, &properties));
  CHECK(properties.cublasVersion == 0 && std::strstr(properties.isa, "cuBLAS") == nullptr);
  DONE(lnrnnDestroy(handle));
  Options options;
  Network<double> cpu({4, 10, 3, 9}, options);
  options.device = LNRNN_DEVICE_CUDA;
  Network<double> device({4, 10, 3, 9}, options);
  for (Network<double>* net : {&cpu, &device}) {
    net->train();
    net->backward();
    net->wait();
  }
  for (size_t i = 0; i < cpu.gradients->size(); ++i) {
    CHECK_NEAR((*device.gradients)[i], (*cpu.gradients)[i], 1e-10);
  }
}

struct Case {
  const char *name, *variable, *value;
  void (*run)();
  const char *variable2 = nullptr, *value2 = nullptr;
};
constexpr Case kCases[] = {
    {"no driver", "LNRNN_EMULATOR_DRIVER", "none", no_driver},
    {"an old driver", "LNRNN_EMULATOR_DRIVER", "12020", old_driver},
    {"no device", "LNRNN_EMULATOR_DRIVER", "no_device", no_device},
    {"no kernels", "LNRNN_EMULATOR_DEVICES", "8.6,7.5", no_kernels},
    {"no kernels for the first device", "LNRNN_EMULATOR_DEVICES", "8.6,9.0", no_kernels_for_first},
    {"older kernels", "LNRNN_EMULATOR_DEVICES", "8.0", older_kernels, "LNRNN_EMULATOR_KERNELS",
     "compute_75"},
    {"no cuBLAS", "LNRNN_EMULATOR_CUBLAS", "missing", no_cublas},
    {"little memory", "LNRNN_EMULATOR_MEMORY", "104857600", little_memory},
    {"no pinned memory", "LNRNN_EMULATOR_FAULT", "out_of_host_memory@1", no_pinned_memory},
    {"no stream", "LNRNN_EMULATOR_FAULT", "stream@1", no_stream},
    {"no second stream", "LNRNN_EMULATOR_FAULT", "stream@2", no_stream},
    {"no default stream", "LNRNN_EMULATOR_FAULT", "stream@3", no_stream},
    {"no more streams", "LNRNN_EMULATOR_FAULT", "stream@4", no_more_streams},
    {"no event", "LNRNN_EMULATOR_FAULT", "event@1", no_event},
    {"no more events", "LNRNN_EMULATOR_FAULT", "event@2", no_more_events},
    {"no registration", "LNRNN_EMULATOR_FAULT", "register@1", no_registration},
    {"no graph", "LNRNN_EMULATOR_FAULT", "graph@1", no_graph},
    {"no launch", "LNRNN_EMULATOR_FAULT", "launch@1", no_launch},
    {"a lost device", "LNRNN_EMULATOR_FAULT", "device_lost@2", lost_device},
};

}  // namespace

int main() {
  for (const Case& one : kCases) {
    std::printf("%s\n", one.name);
    std::fflush(stdout);
    const pid_t child = fork();
    if (child == 0) {
      setenv(one.variable, one.value, 1);
      if (one.variable2 != nullptr) setenv(one.variable2, one.value2, 1);
      one.run();
      check::nothing_left();
      const int status = check::summary();
      std::fflush(stdout);
      _exit(status);
    }
    int status = -1;
    waitpid(child, &status, 0);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == EXIT_SUCCESS);
  }
  return check::summary();
}

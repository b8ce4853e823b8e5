// Streams run by themselves and in order; events, host functions, copies and graphs keep the order
// that CUDA gives them.
#include <atomic>
#include <chrono>
#include <thread>

#include "session.h"

using namespace emulator_test;

namespace {

struct Add {
  static constexpr const char* kName = "add";
  static constexpr int kMaxThreads = 32;
  int* x;
  int by;
  LNRNN_DEVICE void operator()(Block& block) const {
    if (block.thread() == 0) *x += by;
  }
};

struct Multiply {
  static constexpr const char* kName = "multiply";
  static constexpr int kMaxThreads = 32;
  int* x;
  int by;
  LNRNN_DEVICE void operator()(Block& block) const {
    if (block.thread() == 0) *x *= by;
  }
};

// Keeps a stream busy until it is opened; lives until the stream has passed.
class Gate {
 public:
  explicit Gate(cudaStream_t stream) {
    CHECK(cudaLaunchHostFunc(
              stream, [](void* gate) { static_cast<Gate*>(gate)->pass(); }, this) == cudaSuccess);
  }
  ~Gate() {
    open();
    while (!passed_) std::this_thread::yield();
  }
  void open() { open_ = true; }

 private:
  void pass() {
    while (!open_) std::this_thread::yield();
    passed_ = true;
  }
  std::atomic<bool> open_{false}, passed_{false};
};

cudaStream_t make_stream() {
  cudaStream_t stream = nullptr;
  CHECK(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking) == cudaSuccess);
  return stream;
}

cudaEvent_t make_event(unsigned flags = cudaEventDisableTiming) {
  cudaEvent_t event = nullptr;
  CHECK(cudaEventCreateWithFlags(&event, flags) == cudaSuccess);
  return event;
}

void test_asynchrony() {
  const Session session;
  int* x = session.upload(std::vector<int>{1});
  CHECK(session.wait() == cudaSuccess);
  const cudaEvent_t event = make_event();
  CHECK(cudaEventQuery(event) == cudaSuccess);
  Gate gate(session.stream());
  CHECK(enqueue(session.stream(), {1, 32}, Add{x, 2}) == cudaSuccess);
  CHECK(enqueue(session.stream(), {1, 32}, Multiply{x, 10}) == cudaSuccess);
  CHECK(cudaEventRecord(event, session.stream()) == cudaSuccess);
  CHECK(cudaStreamQuery(session.stream()) == cudaErrorNotReady);
  CHECK(cudaEventQuery(event) == cudaErrorNotReady);
  CHECK(cudaGetLastError() == cudaSuccess);
  gate.open();
  CHECK(cudaEventSynchronize(event) == cudaSuccess);
  CHECK(cudaEventQuery(event) == cudaSuccess);
  CHECK(session.download(x, 1)[0] == 30);
  CHECK(session.wait() == cudaSuccess);
  CHECK(cudaStreamQuery(session.stream()) == cudaSuccess);
  CHECK(cudaEventDestroy(event) == cudaSuccess);
  CHECK(cudaEventDestroy(event) == cudaErrorInvalidResourceHandle);
}

void test_waits_between_streams() {
  const Session session;
  const cudaStream_t other = make_stream();
  const cudaEvent_t event = make_event();
  int* x = session.upload(std::vector<int>{1});
  {
    Gate gate(session.stream());
    CHECK(enqueue(session.stream(), {1, 32}, Add{x, 2}) == cudaSuccess);
    CHECK(cudaEventRecord(event, session.stream()) == cudaSuccess);
    CHECK(cudaStreamWaitEvent(other, event) == cudaSuccess);
    CHECK(enqueue(other, {1, 32}, Multiply{x, 10}) == cudaSuccess);
    CHECK(cudaStreamQuery(other) == cudaErrorNotReady);
    gate.open();
    CHECK(cudaStreamSynchronize(other) == cudaSuccess);
  }
  // What counts is the record before the wait: a later one does not hold it up.
  {
    Gate gate(session.stream());
    CHECK(cudaStreamWaitEvent(other, event) == cudaSuccess);
    CHECK(cudaEventRecord(event, session.stream()) == cudaSuccess);
    CHECK(cudaStreamSynchronize(other) == cudaSuccess);
    gate.open();
  }
  CHECK(session.download(x, 1)[0] == 30);
  // A stream that is destroyed still does what was queued.
  {
    Gate gate(other);
    CHECK(enqueue(other, {1, 32}, Add{x, 5}) == cudaSuccess);
    CHECK(cudaEventRecord(event, other) == cudaSuccess);
    CHECK(cudaStreamDestroy(other) == cudaSuccess);
    gate.open();
    CHECK(cudaEventSynchronize(event) == cudaSuccess);
  }
  CHECK(session.download(x, 1)[0] == 35);
  CHECK(cudaStreamSynchronize(other) == cudaErrorInvalidResourceHandle);
  CHECK(cudaEventDestroy(event) == cudaSuccess);
}

void test_elapsed_time() {
  const Session session;
  const cudaEvent_t start = make_event(0), end = make_event(0), untimed = make_event();
  float milliseconds = -1;
  CHECK(cudaEventElapsedTime(&milliseconds, start, end) == cudaErrorInvalidResourceHandle);
  CHECK(cudaEventRecord(start, session.stream()) == cudaSuccess);
  CHECK(cudaLaunchHostFunc(
            session.stream(),
            [](void*) { std::this_thread::sleep_for(std::chrono::milliseconds(5)); },
            nullptr) == cudaSuccess);
  CHECK(cudaEventRecord(end, session.stream()) == cudaSuccess);
  CHECK(cudaEventRecord(untimed, session.stream()) == cudaSuccess);
  CHECK(cudaEventElapsedTime(&milliseconds, start, end) == cudaErrorNotReady);
  CHECK(session.wait() == cudaSuccess);
  CHECK(cudaEventElapsedTime(&milliseconds, start, end) == cudaSuccess);
  CHECK(milliseconds >= 5);
  CHECK(cudaEventElapsedTime(&milliseconds, start, untimed) == cudaErrorInvalidResourceHandle);
  for (const cudaEvent_t event : {start, end, untimed})
    CHECK(cudaEventDestroy(event) == cudaSuccess);
}

// Host functions may not call the runtime, and are not called when the device is lost.
void test_host_functions() {
  bool called = false;
  const Session session;
  struct Seen {
    cudaStream_t stream;
    cudaError_t error = cudaSuccess;
  } seen{session.stream()};
  CHECK(cudaLaunchHostFunc(
            session.stream(),
            [](void* data) {
              Seen& outcome = *static_cast<Seen*>(data);
              outcome.error = cudaStreamQuery(outcome.stream);
            },
            &seen) == cudaSuccess);
  CHECK(session.wait() == cudaSuccess);
  CHECK(seen.error == cudaErrorNotPermitted);

  CHECK(lnrnn::emulator::inject_fault("device_lost@1"));
  int* x = session.upload(std::vector<int>{1});
  CHECK(x != nullptr);
  // The call may come before or after the loss.
  cudaLaunchHostFunc(
      session.stream(), [](void* flag) { *static_cast<bool*>(flag) = true; }, &called);
  CHECK(session.wait() == cudaErrorLaunchFailure);
  CHECK(cudaDeviceSynchronize() == cudaErrorLaunchFailure);
  CHECK(!called);
}

// A copy from pageable memory has read it when the call returns; one from pinned memory has not.
void test_staging() {
  const Session session;
  int* x = session.allocate<int>(1);
  int* y = session.allocate<int>(1);
  void* pinned = nullptr;
  CHECK(cudaHostAlloc(&pinned, sizeof(int), cudaHostAllocDefault) == cudaSuccess);
  int& source = *static_cast<int*>(pinned);
  source = 1;
  int pageable = 1;
  {
    Gate gate(session.stream());
    CHECK(cudaMemcpyAsync(x, &pageable, sizeof(int), cudaMemcpyDefault, session.stream()) ==
          cudaSuccess);
    CHECK(cudaMemcpyAsync(y, &source, sizeof(int), cudaMemcpyHostToDevice, session.stream()) ==
          cudaSuccess);
    pageable = 2;
    source = 2;
    gate.open();
  }
  CHECK(session.download(x, 1)[0] == 1);
  CHECK(session.download(y, 1)[0] == 2);
  CHECK(cudaMemsetAsync(x, 0x11, sizeof(int), session.stream()) == cudaSuccess);
  CHECK(cudaMemcpyAsync(&source, x, sizeof(int), cudaMemcpyDefault, session.stream()) ==
        cudaSuccess);
  CHECK(session.wait() == cudaSuccess);
  CHECK(source == 0x11111111);
  CHECK(cudaFreeHost(pinned) == cudaSuccess);
}

void test_kernel_arguments_are_copied() {
  const Session session;
  int* x = session.upload(std::vector<int>{0});
  Gate gate(session.stream());
  Add add{x, 1};
  CHECK(enqueue(session.stream(), {1, 32}, add) == cudaSuccess);
  add.by = 1000;
  gate.open();
  CHECK(session.download(x, 1)[0] == 1);
}

}  // namespace

int main() {
  test_asynchrony();
  test_waits_between_streams();
  test_elapsed_time();
  test_host_functions();
  test_staging();
  test_kernel_arguments_are_copied();
  return check::summary();
}

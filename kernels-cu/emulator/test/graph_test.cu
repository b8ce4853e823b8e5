// Streams that capture queue nothing and record a graph; calls that a capture forbids end it.
#include <thread>

#include "session.h"

using namespace emulator_test;

namespace {

// y = 10 y + x
struct Append {
  static constexpr const char* kName = "append";
  static constexpr int kMaxThreads = 32;
  const int* x;
  int* y;
  LNRNN_DEVICE void operator()(Block& block) const {
    if (block.thread() == 0) *y = 10 * *y + *x;
  }
};

cudaStreamCaptureStatus status(cudaStream_t stream) {
  cudaStreamCaptureStatus status = cudaStreamCaptureStatusNone;
  CHECK(cudaStreamIsCapturing(stream, &status) == cudaSuccess);
  return status;
}

cudaGraphExec_t end_capture(cudaStream_t stream) {
  cudaGraph_t graph = nullptr;
  cudaGraphExec_t exec = nullptr;
  CHECK(cudaStreamEndCapture(stream, &graph) == cudaSuccess);
  CHECK(cudaGraphInstantiate(&exec, graph) == cudaSuccess);
  CHECK(cudaGraphDestroy(graph) == cudaSuccess);
  return exec;
}

void test_replay() {
  const Session session;
  void* pinned = nullptr;
  CHECK(cudaHostAlloc(&pinned, sizeof(int), 0) == cudaSuccess);
  int& next = *static_cast<int*>(pinned);
  int* x = session.allocate<int>(1);
  int* y = session.upload(std::vector<int>{0});
  int calls = 0;
  next = 1;
  CHECK(session.wait() == cudaSuccess);
  CHECK(cudaStreamBeginCapture(session.stream(), cudaStreamCaptureModeThreadLocal) == cudaSuccess);
  CHECK(cudaStreamBeginCapture(session.stream(), cudaStreamCaptureModeThreadLocal) ==
        cudaErrorIllegalState);
  CHECK(status(session.stream()) == cudaStreamCaptureStatusActive);
  CHECK(cudaMemcpyAsync(x, &next, sizeof(int), cudaMemcpyDefault, session.stream()) == cudaSuccess);
  CHECK(enqueue(session.stream(), {1, 32}, Append{x, y}) == cudaSuccess);
  CHECK(cudaLaunchHostFunc(
            session.stream(), [](void* n) { ++*static_cast<int*>(n); }, &calls) == cudaSuccess);
  const cudaGraphExec_t exec = end_capture(session.stream());
  CHECK(status(session.stream()) == cudaStreamCaptureStatusNone);
  CHECK(session.download(y, 1)[0] == 0);
  for (next = 1; next <= 3; ++next) {
    CHECK(cudaGraphLaunch(exec, session.stream()) == cudaSuccess);
    CHECK(session.wait() == cudaSuccess);
  }
  CHECK(session.download(y, 1)[0] == 123 && calls == 3);
  CHECK(cudaGraphExecDestroy(exec) == cudaSuccess);
  CHECK(cudaGraphLaunch(exec, session.stream()) == cudaErrorInvalidValue);
  CHECK(cudaFreeHost(pinned) == cudaSuccess);
}

// Two streams, forked and joined by events: 7 first, then 1 and 2 beside each other, 9 at last.
void test_fork_and_join() {
  const Session session;
  cudaStream_t other = nullptr;
  cudaEvent_t fork = nullptr, join = nullptr;
  CHECK(cudaStreamCreateWithFlags(&other, cudaStreamNonBlocking) == cudaSuccess);
  CHECK(cudaEventCreateWithFlags(&fork, cudaEventDisableTiming) == cudaSuccess);
  CHECK(cudaEventCreateWithFlags(&join, cudaEventDisableTiming) == cudaSuccess);
  const int* digits = session.upload(std::vector<int>{0, 1, 2, 3, 4, 5, 6, 7, 8, 9});
  int* y = session.upload(std::vector<int>{0});
  CHECK(session.wait() == cudaSuccess);
  CHECK(cudaStreamBeginCapture(session.stream(), cudaStreamCaptureModeThreadLocal) == cudaSuccess);
  CHECK(enqueue(session.stream(), {1, 32}, Append{digits + 7, y}) == cudaSuccess);
  CHECK(cudaEventRecord(fork, session.stream()) == cudaSuccess);
  CHECK(cudaStreamWaitEvent(other, fork) == cudaSuccess);
  CHECK(status(other) == cudaStreamCaptureStatusActive);
  CHECK(enqueue(session.stream(), {1, 32}, Append{digits + 1, y}) == cudaSuccess);
  CHECK(enqueue(other, {1, 32}, Append{digits + 2, y}) == cudaSuccess);
  CHECK(cudaEventRecord(join, other) == cudaSuccess);
  CHECK(cudaStreamWaitEvent(session.stream(), join) == cudaSuccess);
  CHECK(enqueue(session.stream(), {1, 32}, Append{digits + 9, y}) == cudaSuccess);
  const cudaGraphExec_t exec = end_capture(session.stream());
  CHECK(status(other) == cudaStreamCaptureStatusNone);
  int first = 0, second = 0;
  for (int i = 0; i < 50; ++i) {
    CHECK(cudaMemsetAsync(y, 0, sizeof(int), session.stream()) == cudaSuccess);
    CHECK(cudaGraphLaunch(exec, session.stream()) == cudaSuccess);
    const int order = session.download(y, 1)[0];
    first += order == 7129;
    second += order == 7219;
  }
  // Both orders come up, and no other.
  CHECK(first + second == 50 && first > 0 && second > 0);
  CHECK(cudaGraphExecDestroy(exec) == cudaSuccess);

  // Without the join, the capture cannot end.
  CHECK(cudaStreamBeginCapture(session.stream(), cudaStreamCaptureModeThreadLocal) == cudaSuccess);
  CHECK(cudaEventRecord(fork, session.stream()) == cudaSuccess);
  CHECK(cudaStreamWaitEvent(other, fork) == cudaSuccess);
  CHECK(enqueue(other, {1, 32}, Append{digits + 2, y}) == cudaSuccess);
  cudaGraph_t graph = nullptr;
  CHECK(cudaStreamEndCapture(session.stream(), &graph) == cudaErrorStreamCaptureUnjoined);
  CHECK(graph == nullptr && status(other) == cudaStreamCaptureStatusNone);
  CHECK(cudaEventDestroy(fork) == cudaSuccess && cudaEventDestroy(join) == cudaSuccess);
  CHECK(cudaStreamDestroy(other) == cudaSuccess);
}

// Each forbidden call, what it returns, and that the capture is over.
void test_forbidden() {
  const Session session;
  cudaStream_t other = nullptr;
  cudaEvent_t inside = nullptr, outside = nullptr;
  CHECK(cudaStreamCreateWithFlags(&other, cudaStreamNonBlocking) == cudaSuccess);
  CHECK(cudaEventCreateWithFlags(&inside, 0) == cudaSuccess);
  CHECK(cudaEventCreateWithFlags(&outside, 0) == cudaSuccess);
  CHECK(cudaEventRecord(outside, other) == cudaSuccess);
  int* x = session.upload(std::vector<int>{1});
  CHECK(session.wait() == cudaSuccess);
  const cudaStream_t stream = session.stream();
  const auto ends_capture = [&](cudaError_t error, auto&& call) {
    CHECK(cudaStreamBeginCapture(stream, cudaStreamCaptureModeThreadLocal) == cudaSuccess);
    CHECK(cudaEventRecord(inside, stream) == cudaSuccess);
    CHECK(call() == error);
    CHECK(status(stream) == cudaStreamCaptureStatusInvalidated);
    CHECK(enqueue(stream, {1, 32}, Append{x, x}) == cudaErrorStreamCaptureInvalidated);
    cudaGraph_t graph = nullptr;
    CHECK(cudaStreamEndCapture(stream, &graph) == cudaErrorStreamCaptureInvalidated);
    CHECK(status(stream) == cudaStreamCaptureStatusNone && graph == nullptr);
  };
  void* memory = nullptr;
  const auto unsupported = cudaErrorStreamCaptureUnsupported;
  ends_capture(unsupported, [&] { return cudaStreamSynchronize(stream); });
  ends_capture(unsupported, [&] { return cudaStreamQuery(stream); });
  ends_capture(unsupported, [&] { return cudaDeviceSynchronize(); });
  ends_capture(unsupported, [&] { return cudaMallocAsync(&memory, 4, stream); });
  ends_capture(unsupported, [&] { return cudaFreeAsync(x, stream); });
  ends_capture(unsupported, [&] { return cudaHostAlloc(&memory, 4, 0); });
  ends_capture(unsupported, [&] { return cudaEventQuery(outside); });
  ends_capture(cudaErrorCapturedEvent, [&] { return cudaEventQuery(inside); });
  ends_capture(cudaErrorCapturedEvent, [&] { return cudaEventSynchronize(inside); });
  ends_capture(cudaErrorStreamCaptureIsolation,
               [&] { return cudaStreamWaitEvent(stream, outside); });
  // What other threads may do depends on the mode; ending the capture is this thread's alone.
  for (const auto mode : {cudaStreamCaptureModeThreadLocal, cudaStreamCaptureModeGlobal,
                          cudaStreamCaptureModeRelaxed}) {
    for (const bool ends : {false, true}) {
      CHECK(cudaStreamBeginCapture(stream, mode) == cudaSuccess);
      cudaGraph_t graph = nullptr;
      std::thread([&] {
        const bool forbidden =
            ends ? mode != cudaStreamCaptureModeRelaxed : mode == cudaStreamCaptureModeGlobal;
        if (ends) {
          CHECK(cudaStreamEndCapture(stream, &graph) ==
                (forbidden ? cudaErrorStreamCaptureWrongThread : cudaSuccess));
        } else {
          CHECK(cudaHostAlloc(&memory, 4, 0) == (forbidden ? unsupported : cudaSuccess));
          if (memory != nullptr) CHECK(cudaFreeHost(memory) == cudaSuccess);
          memory = nullptr;
        }
      }).join();
      if (graph == nullptr) cudaStreamEndCapture(stream, &graph);
      CHECK(status(stream) == cudaStreamCaptureStatusNone);
      CHECK(graph == nullptr || cudaGraphDestroy(graph) == cudaSuccess);
    }
  }
  CHECK(cudaStreamBeginCapture(nullptr, cudaStreamCaptureModeRelaxed) == unsupported);
  CHECK(session.download(x, 1)[0] == 1);
  CHECK(cudaEventDestroy(inside) == cudaSuccess && cudaEventDestroy(outside) == cudaSuccess);
  CHECK(cudaStreamDestroy(other) == cudaSuccess);
}

}  // namespace

int main() {
  test_replay();
  test_fork_and_join();
  test_forbidden();
  return check::summary();
}

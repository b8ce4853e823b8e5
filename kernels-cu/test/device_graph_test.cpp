// Graphs on the CUDA device: a capture carries nothing out, a launch does, and a graph keeps the
// memory that its calls use, whatever is freed meanwhile. Skipped where there is no such device.
#include <atomic>
#include <cstring>
#include <functional>
#include <thread>
#include <vector>

#include "graph_session.h"
#include "network.h"

using namespace graph_session;

namespace {

void test_capture_records() {
  Session s;
  void* const memory = s.device();
  s.fill(memory, 1);
  s.begin();
  s.fill(memory, 2);
  const lnrnnGraph_t graph = s.end();
  CHECK(s.holds(memory, 1));
  DONE(lnrnnGraphLaunch(graph, s.stream));
  CHECK(s.holds(memory, 2));
  s.fill(memory, 3);
  DONE(lnrnnStreamSynchronize(s.handle, s.stream));
  DONE(lnrnnGraphLaunch(graph, nullptr));
  DONE(lnrnnStreamSynchronize(s.handle, nullptr));
  CHECK(s.holds(memory, 2));
  REFUSED(lnrnnDestroy(s.handle), IN_USE, "1 graphs");
  DONE(lnrnnFree(s.handle, s.stream, memory));
  DONE(lnrnnGraphDestroy(graph));
}

void test_memory_outlives_its_free() {
  Session s;
  const int64_t device_before = usage().deviceAllocations;
  const int64_t host_before = usage().hostAllocations;
  char* const source = static_cast<char*>(s.pinned(2 * kBytes));
  char* const inner = static_cast<char*>(s.device(2 * kBytes));
  void* const spare = s.device();
  std::memset(source, 4, 2 * kBytes);
  s.begin();
  s.copy(inner + kBytes, source + kBytes);  // found by an address inside
  s.copy(s.seen, inner + kBytes);
  const lnrnnGraph_t graph = s.end();
  s.begin();
  s.copy(inner, source);
  const lnrnnGraph_t second = s.end();
  DONE(lnrnnFree(s.handle, s.stream, inner));
  DONE(lnrnnHostFree(s.handle, source));
  REFUSED(lnrnnFree(s.handle, s.stream, inner), INVALID_ARGUMENT, "freed already");
  DONE(lnrnnFree(s.handle, s.stream, spare));  // no graph uses it
  CHECK(usage().deviceAllocations == device_before + 1);
  CHECK(usage().hostAllocations == host_before + 1);
  for (int i = 0; i < 2; ++i) {
    std::memset(s.seen, 0, kBytes);
    DONE(lnrnnGraphLaunch(graph, s.stream));
    CHECK(s.holds(s.seen, 4));
  }
  DONE(lnrnnGraphDestroy(second));
  CHECK(usage().deviceAllocations == device_before + 1);
  // The launch ends, then the graph, then what it used.
  std::memset(s.seen, 0, kBytes);
  DONE(lnrnnGraphLaunch(graph, s.stream));
  DONE(lnrnnGraphDestroy(graph));
  CHECK(usage().deviceAllocations == device_before);
  CHECK(usage().hostAllocations == host_before);
  CHECK(s.holds(s.seen, 4));
}

void test_frees_wait_for_the_capture() {
  Session s;
  const int64_t before = usage().deviceAllocations;
  void* const unused = s.device();
  s.begin();
  DONE(lnrnnFree(s.handle, nullptr, unused));
  void* const scratch = s.device();
  s.fill(scratch, 5);
  s.copy(s.seen, scratch);
  DONE(lnrnnFree(s.handle, s.stream, scratch));
  CHECK(usage().deviceAllocations == before + 2);
  const lnrnnGraph_t graph = s.end();
  CHECK(usage().deviceAllocations == before + 1);
  DONE(lnrnnGraphLaunch(graph, s.stream));
  CHECK(s.holds(s.seen, 5));
  DONE(lnrnnGraphDestroy(graph));
  CHECK(usage().deviceAllocations == before);
}

void test_memory_of_others() {
  Session s;
  void* const memory = s.device();
  std::vector<char> host(kBytes);
  void* pinned = nullptr;
  DONE(lnrnnHostAlloc(s.handle, kBytes, &pinned));
  DONE(lnrnnCheckMemory(s.handle, memory, kBytes));
  REFUSED(lnrnnCheckMemory(s.handle, host.data(), kBytes), INVALID_ARGUMENT,
          "is host memory or no memory at all, expected memory of cuda:0");
  REFUSED(lnrnnCheckMemory(s.handle, pinned, kBytes), INVALID_ARGUMENT, "is pinned host memory");
  REFUSED(lnrnnCheckMemory(s.handle, memory, size_t{1} << 46), INVALID_ARGUMENT,
          "no memory at all");
  DONE(lnrnnHostFree(s.handle, pinned));
  DONE(lnrnnFree(s.handle, nullptr, memory));
}

void test_registered_memory() {
  Session s;
  void* const memory = s.device();
  std::vector<char> host(2 * kBytes, 10);
  DONE(lnrnnHostRegister(s.handle, host.data(), host.size()));
  s.begin();
  s.copy(memory, host.data() + kBytes);
  const lnrnnGraph_t graph = s.end();
  DONE(lnrnnGraphLaunch(graph, s.stream));
  CHECK(s.holds(memory, 10));
  DONE(lnrnnHostUnregister(s.handle, host.data()));
  CHECK(usage().registrations == 0);
  REFUSED(lnrnnGraphLaunch(graph, s.stream), INVALID_STATE, "were unregistered");
  // Registered anew it is not what the graph knew.
  DONE(lnrnnHostRegister(s.handle, host.data(), host.size()));
  REFUSED(lnrnnGraphLaunch(graph, s.stream), INVALID_STATE, "were unregistered");
  DONE(lnrnnHostUnregister(s.handle, host.data()));
  DONE(lnrnnGraphDestroy(graph));
  DONE(lnrnnFree(s.handle, nullptr, memory));
}

// What a pass needs besides the caller's memory is the graph's as well: it runs on another stream,
// and when the one that was captured is gone.
void test_a_pass_outlives_its_stream() {
  network::Options options;
  options.device = LNRNN_DEVICE_CUDA;
  network::Network<float> net({4, 10, 6, 9}, options);
  net.train();
  net.backward();
  net.wait();
  const auto y = net.y->copy(), gradients = net.gradients->copy();
  DONE(lnrnnMemset(net.handle, nullptr, net.y->data(), 0, net.y->bytes()));
  DONE(lnrnnMemset(net.handle, nullptr, net.gradients->data(), 0, net.gradients->bytes()));
  lnrnnGraph_t graph = nullptr;
  DONE(lnrnnStreamCreate(net.handle, &net.stream));
  DONE(lnrnnStreamBeginCapture(net.handle, net.stream));
  net.train();
  net.backward();
  DONE(lnrnnStreamEndCapture(net.handle, net.stream, &graph));
  DONE(lnrnnStreamDestroy(net.stream));
  net.stream = nullptr;
  for (int round = 0; round < 2; ++round) {
    DONE(lnrnnGraphLaunch(graph, nullptr));
    net.wait();
    CHECK(net.y->copy() == y && net.gradients->copy() == gradients);
  }
  DONE(lnrnnGraphDestroy(graph));
}

// Nothing of the caller's is read or written after lnrnnHostUnregister.
void test_unregistering_waits() {
  Session s;
  void* const memory = s.device();
  for (int round = 0; round < 20; ++round) {
    std::vector<char> host(kBytes, static_cast<char>(round));
    DONE(lnrnnHostRegister(s.handle, host.data(), host.size()));
    for (int i = 0; i < 5; ++i) s.copy(memory, host.data());
    DONE(lnrnnHostUnregister(s.handle, host.data()));
    host.assign(kBytes, -1);
    CHECK(s.holds(memory, static_cast<char>(round)));
  }
  DONE(lnrnnFree(s.handle, nullptr, memory));
}

// Threads that queue whatever they like on two streams, while another captures the first of them
// again and again and the second joins: what ends up in a capture is a matter of luck, but every call
// succeeds or is refused as documented.
void test_threads_that_queue_during_captures() {
  constexpr int kCaptures = 200;
  network::Options options;
  options.device = LNRNN_DEVICE_CUDA;
  network::Network<float> net({1, 9, 6, 5}, options);
  net.pack();
  net.wait();
  const lnrnnHandle_t handle = net.handle;
  lnrnnStream_t streams[2];
  lnrnnEvent_t fork, join;
  void* memory[2];
  network::Buffer<char> seen(handle, kBytes);
  for (int i = 0; i < 2; ++i) {
    DONE(lnrnnStreamCreate(handle, &streams[i]));
    DONE(lnrnnMalloc(handle, nullptr, kBytes, &memory[i]));
  }
  for (lnrnnEvent_t* event : {&fork, &join}) DONE(lnrnnEventCreate(handle, event));

  std::atomic<bool> stop{false};
  std::atomic<int> unexpected{0};
  // The checks' own count is one thread's.
  const auto expect = [&](lnrnnStatus_t got, lnrnnStatus_t refusal = LNRNN_STATUS_SUCCESS) {
    if (got == LNRNN_STATUS_SUCCESS || got == refusal || ++unexpected > 5) return;
    std::printf("  %s: %s\n", lnrnnGetStatusName(got), lnrnnGetLastErrorMessage());
  };
  constexpr lnrnnStatus_t spoilt = LNRNN_STATUS_INVALID_STATE;
  const std::function<void()> calls[] = {
      [&] { expect(lnrnnMemset(handle, streams[0], memory[0], 1, kBytes), spoilt); },
      [&] { expect(lnrnnMemcpy(handle, streams[0], seen.data(), memory[0], kBytes), spoilt); },
      [&] { expect(lnrnnMemset(handle, streams[1], memory[1], 2, kBytes), spoilt); },
      [&] {
        const auto step = net.one_step();
        expect(lnrnnStep(net.plan, streams[1], &step), spoilt);
      },
      [&] {
        void* fresh = nullptr;
        expect(lnrnnMalloc(handle, nullptr, kBytes, &fresh));
        expect(lnrnnMemset(handle, nullptr, fresh, 3, kBytes));
        expect(lnrnnFree(handle, nullptr, fresh));
      },
  };
  std::vector<std::thread> threads;
  for (const auto& call : calls) {
    threads.emplace_back([&] {
      for (int i = 1; !stop; ++i) {
        call();
        // So that no queue grows for ever.
        if (i % 8 == 0) {
          for (const lnrnnStream_t stream : {streams[0], streams[1], lnrnnStream_t{nullptr}}) {
            expect(lnrnnStreamSynchronize(handle, stream), spoilt);
          }
        }
      }
    });
  }
  for (int i = 0; i < kCaptures; ++i) {
    expect(lnrnnStreamBeginCapture(handle, streams[0]));
    expect(lnrnnEventRecord(handle, fork, streams[0]), spoilt);
    expect(lnrnnStreamWaitEvent(handle, streams[1], fork), spoilt);
    expect(lnrnnMemset(handle, streams[1], memory[1], 4, kBytes), spoilt);
    expect(lnrnnEventRecord(handle, join, streams[1]), spoilt);
    expect(lnrnnStreamWaitEvent(handle, streams[0], join), spoilt);
    lnrnnGraph_t graph = nullptr;
    // What the second stream was given since does not come back.
    expect(lnrnnStreamEndCapture(handle, streams[0], &graph), LNRNN_STATUS_INVALID_ARGUMENT);
    if (graph != nullptr) expect(lnrnnGraphDestroy(graph));
  }
  stop = true;
  for (std::thread& thread : threads) thread.join();
  CHECK(unexpected == 0);

  lnrnnGraph_t graph = nullptr;
  std::memset(seen.data(), 0, kBytes);
  DONE(lnrnnStreamBeginCapture(handle, streams[0]));
  DONE(lnrnnEventRecord(handle, fork, streams[0]));
  DONE(lnrnnStreamWaitEvent(handle, streams[1], fork));
  DONE(lnrnnMemset(handle, streams[1], memory[1], 5, kBytes));
  DONE(lnrnnEventRecord(handle, join, streams[1]));
  DONE(lnrnnStreamWaitEvent(handle, streams[0], join));
  DONE(lnrnnMemcpy(handle, streams[0], seen.data(), memory[1], kBytes));
  DONE(lnrnnStreamEndCapture(handle, streams[0], &graph));
  DONE(lnrnnGraphLaunch(graph, streams[0]));
  DONE(lnrnnStreamSynchronize(handle, streams[0]));
  CHECK(seen.copy() == std::vector<char>(kBytes, 5));
  DONE(lnrnnGraphDestroy(graph));
  for (const lnrnnEvent_t event : {fork, join}) DONE(lnrnnEventDestroy(event));
  for (int i = 0; i < 2; ++i) {
    DONE(lnrnnFree(handle, nullptr, memory[i]));
    DONE(lnrnnStreamDestroy(streams[i]));
  }
}

}  // namespace

int main() {
  if (gpu::count() == 0) return gpu::skipped();
  RUN(test_capture_records());
  RUN(test_memory_outlives_its_free());
  RUN(test_frees_wait_for_the_capture());
  RUN(test_a_pass_outlives_its_stream());
  RUN(test_memory_of_others());
  RUN(test_registered_memory());
  RUN(test_unregistering_waits());
  RUN(test_threads_that_queue_during_captures());
  return check::summary();
}

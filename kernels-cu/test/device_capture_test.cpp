// Captures on the CUDA device: what they refuse, which streams take part, and what they leave alone. Skipped where there
// is no such device.
#include <vector>

#include "graph_session.h"

using namespace graph_session;

namespace {

void test_what_a_capture_refuses() {
  Session s;
  lnrnnStream_t other;
  DONE(lnrnnStreamCreate(s.handle, &other));
  void* const memory = s.device();
  std::vector<char> pageable(kBytes);
  lnrnnGraph_t graph = nullptr;
  s.begin();
  const lnrnnGraph_t empty = s.end();
  lnrnnPlanDescription_t d{};
  d.structSize = sizeof d;
  d.layers = 1;
  d.inputSize = d.hiddenSize = 2;
  d.epsilon = 1e-5;
  lnrnnPlan_t plan;
  DONE(lnrnnPlanCreate(s.handle, &d, &plan));
  s.fill(memory, 6);

  s.begin();
  REFUSED(lnrnnStreamBeginCapture(s.handle, s.stream), INVALID_STATE, "has begun");
  REFUSED(lnrnnStreamBeginCapture(s.handle, other), INVALID_STATE, "has begun");
  REFUSED(lnrnnStreamEndCapture(s.handle, other, &graph), INVALID_STATE, "no capture has begun");
  REFUSED(lnrnnStreamEndCapture(s.handle, nullptr, &graph), INVALID_STATE, "no capture has begun");
  REFUSED(lnrnnStreamSynchronize(s.handle, s.stream), INVALID_STATE, "being captured");
  REFUSED(lnrnnGraphLaunch(empty, s.stream), INVALID_STATE, "being captured");
  REFUSED(lnrnnInitializeParameters(plan, s.stream, 1, memory, kBytes), INVALID_STATE,
          "being captured");
  REFUSED(lnrnnMemcpy(s.handle, s.stream, memory, pageable.data(), kBytes), INVALID_ARGUMENT,
          "pageable");
  // Other streams go on as ever.
  DONE(lnrnnGraphLaunch(empty, other));
  DONE(lnrnnStreamSynchronize(s.handle, other));
  s.fill(memory, 7);
  graph = s.end();

  CHECK(s.holds(memory, 6));
  DONE(lnrnnGraphLaunch(graph, s.stream));
  CHECK(s.holds(memory, 7));
  for (const lnrnnGraph_t g : {graph, empty}) DONE(lnrnnGraphDestroy(g));
  DONE(lnrnnPlanDestroy(plan));
  DONE(lnrnnFree(s.handle, nullptr, memory));
  DONE(lnrnnStreamDestroy(other));
}

void test_a_second_stream_joins() {
  Session s;
  lnrnnStream_t other;
  lnrnnEvent_t fork, join;
  DONE(lnrnnStreamCreate(s.handle, &other));
  DONE(lnrnnEventCreate(s.handle, &fork));
  DONE(lnrnnEventCreate(s.handle, &join));
  void* const memory = s.device();
  const int64_t allocations = usage().deviceAllocations;
  const auto capture = [&](bool comes_back) {
    s.begin();
    DONE(lnrnnEventRecord(s.handle, fork, s.stream));
    DONE(lnrnnStreamWaitEvent(s.handle, other, fork));
    DONE(lnrnnMemset(s.handle, other, memory, 8, kBytes));
    REFUSED(lnrnnStreamSynchronize(s.handle, other), INVALID_STATE, "being captured");
    DONE(lnrnnEventRecord(s.handle, join, other));
    if (comes_back) DONE(lnrnnStreamWaitEvent(s.handle, s.stream, join));
  };
  capture(false);
  lnrnnGraph_t graph = nullptr;
  REFUSED(lnrnnStreamEndCapture(s.handle, s.stream, &graph), INVALID_ARGUMENT, "capture");
  CHECK(graph == nullptr && usage().graphs == 0);
  capture(true);
  graph = s.end();
  DONE(lnrnnStreamDestroy(other));
  for (const lnrnnEvent_t e : {fork, join}) DONE(lnrnnEventDestroy(e));
  DONE(lnrnnFree(s.handle, nullptr, memory));
  CHECK(usage().deviceAllocations == allocations);  // held for the stream that joined, too
  DONE(lnrnnGraphLaunch(graph, s.stream));
  CHECK(s.holds(memory, 8));
  DONE(lnrnnGraphDestroy(graph));
}

void test_a_stream_that_goes_in_its_capture() {
  Session s;
  void* const memory = s.device();
  s.begin();
  s.fill(memory, 9);
  DONE(lnrnnFree(s.handle, nullptr, memory));
  DONE(lnrnnStreamDestroy(s.stream));
  s.stream = nullptr;
  CHECK(usage().graphs == 0 && usage().deviceAllocations == 0);
  DONE(lnrnnStreamCreate(s.handle, &s.stream));
  s.begin();
  DONE(lnrnnGraphDestroy(s.end()));
}

// What else happens on the same GPU meanwhile: devices are opened and closed, memory comes and goes.
void test_a_capture_is_left_alone() {
  Session s;
  void* const memory = s.device();
  s.begin();
  s.fill(memory, 11);
  {
    Session other;
    void* const more = other.device();
    other.fill(more, 12);
    CHECK(other.holds(more, 12));
    DONE(lnrnnFree(other.handle, other.stream, more));
  }
  const lnrnnGraph_t graph = s.end();
  DONE(lnrnnGraphLaunch(graph, s.stream));
  CHECK(s.holds(memory, 11));
  DONE(lnrnnGraphDestroy(graph));
  DONE(lnrnnFree(s.handle, nullptr, memory));
}

}  // namespace

int main() {
  if (gpu::count() == 0) return gpu::skipped();
  RUN(test_what_a_capture_refuses());
  RUN(test_a_second_stream_joins());
  RUN(test_a_stream_that_goes_in_its_capture());
  RUN(test_a_capture_is_left_alone());
  return check::summary();
}

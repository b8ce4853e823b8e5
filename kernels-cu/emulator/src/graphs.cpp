// Capture of streams, and graphs of what was captured.
#include <set>

#include "device.h"
#include "streams.h"

namespace lnrnn::emulator {

namespace {

// Both under handles().
std::set<CUgraph_st*>& graphs() {
  static auto& the_graphs = *new std::set<CUgraph_st*>;
  return the_graphs;
}

std::set<CUgraphExec_st*>& execs() {
  static auto& the_execs = *new std::set<CUgraphExec_st*>;
  return the_execs;
}

}  // namespace

std::string count_graphs() {
  const std::lock_guard<std::mutex> lock(handles());
  return counted(graphs().size(), "graphs") + counted(execs().size(), "executable graphs");
}

Recording::Recording(cudaStream_t stream_handle, cudaEvent_t event_handle) {
  {
    const std::lock_guard<std::mutex> lock(handles());
    const CUevent_st* const event = find_event(event_handle);
    const CUstream_st* const stream = find_stream(stream_handle);
    if (event != nullptr) capture_ = event->capture;
    if (capture_ == nullptr && stream != nullptr) capture_ = stream->capture;
  }
  if (capture_ == nullptr) return;
  if (capture_->calls++ != 0)
    lose_device(cudaErrorIllegalAddress, "capture: two threads record into it at once");
  std::this_thread::yield();  // so that they meet
}

Recording::~Recording() {
  if (capture_ != nullptr) --capture_->calls;
}

cudaError_t submit(CUstream_st& stream, Operation operation) {
  if (stream.capture == nullptr) {
    stream.worker->push(std::move(operation));
    return cudaSuccess;
  }
  Capture& capture = *stream.capture;
  if (!capture.valid) return cudaErrorStreamCaptureInvalidated;
  const int number = stream.number_in_capture;
  capture.nodes.push_back({std::move(operation), number, stream.clock});
  stream.clock[number] = ++capture.recorded[number];
  return cudaSuccess;
}

}  // namespace lnrnn::emulator

using namespace lnrnn::emulator;

extern "C" {

cudaError_t cudaStreamIsCapturing(cudaStream_t handle, cudaStreamCaptureStatus* status) {
  const Call call;
  const cudaError_t error = enter();
  if (error != cudaSuccess) return leave(error);
  if (status == nullptr) return leave(cudaErrorInvalidValue);
  const std::lock_guard<std::mutex> lock(handles());
  CUstream_st* stream = find_stream(handle);
  if (stream == nullptr) return leave(cudaErrorInvalidResourceHandle);
  *status = stream->capture == nullptr ? cudaStreamCaptureStatusNone
            : stream->capture->valid   ? cudaStreamCaptureStatusActive
                                       : cudaStreamCaptureStatusInvalidated;
  return leave(cudaSuccess);
}

cudaError_t cudaStreamBeginCapture(cudaStream_t handle, cudaStreamCaptureMode mode) {
  const Call call;
  const cudaError_t error = enter();
  if (error != cudaSuccess) return leave(error);
  const std::lock_guard<std::mutex> lock(handles());
  CUstream_st* stream = find_stream(handle);
  if (stream == nullptr) return leave(cudaErrorInvalidResourceHandle);
  // The default stream cannot be captured, nor one that is captured already.
  if (handle == nullptr) return leave(cudaErrorStreamCaptureUnsupported);
  if (stream->capture != nullptr) return leave(cudaErrorIllegalState);
  stream->capture = std::make_shared<Capture>();
  stream->capture->mode = mode;
  stream->capture->thread = std::this_thread::get_id();
  stream->capture->streams = 1;
  stream->capture->members.push_back(stream);
  stream->began_capture = true;
  stream->number_in_capture = 0;
  stream->clock.clear();
  return leave(cudaSuccess);
}

cudaError_t cudaStreamEndCapture(cudaStream_t handle, cudaGraph_t* graph) {
  const Call call;
  const cudaError_t error = enter();
  if (error != cudaSuccess) return leave(error);
  if (graph == nullptr) return leave(cudaErrorInvalidValue);
  *graph = nullptr;
  const Recording recording(handle);
  const std::lock_guard<std::mutex> lock(handles());
  CUstream_st* stream = find_stream(handle);
  if (stream == nullptr) return leave(cudaErrorInvalidResourceHandle);
  if (stream->capture == nullptr) return leave(cudaErrorIllegalState);
  const std::shared_ptr<Capture> capture = stream->capture;
  if (!stream->began_capture) {
    capture->valid = false;
    return leave(cudaErrorStreamCaptureUnmatched);
  }
  if (capture->mode != cudaStreamCaptureModeRelaxed &&
      capture->thread != std::this_thread::get_id()) {
    capture->valid = false;
    return leave(cudaErrorStreamCaptureWrongThread);
  }
  bool joined = true;
  for (const auto& [other, count] : capture->recorded) joined &= stream->clock[other] >= count;
  for (CUstream_st* member : capture->members)
    if (find_stream(member) != nullptr && member->capture == capture) member->capture = nullptr;
  if (!capture->valid) return leave(cudaErrorStreamCaptureInvalidated);
  // Events that were recorded in it are of no use any more.
  capture->valid = false;
  if (!joined) return leave(cudaErrorStreamCaptureUnjoined);
  *graph = new CUgraph_st{std::make_shared<const std::vector<Node>>(std::move(capture->nodes))};
  graphs().insert(*graph);
  return leave(cudaSuccess);
}

cudaError_t cudaGraphInstantiate(cudaGraphExec_t* exec, cudaGraph_t graph,
                                 unsigned long long flags) {
  const Call call;
  const cudaError_t error = enter();
  if (error != cudaSuccess) return leave(error);
  if (exec == nullptr || flags != 0) return leave(cudaErrorInvalidValue);
  *exec = nullptr;
  if (fault_is_due(FaultPoint::kGraph)) return leave(cudaErrorMemoryAllocation);
  const std::lock_guard<std::mutex> lock(handles());
  if (graphs().count(graph) == 0) return leave(cudaErrorInvalidValue);
  *exec = new CUgraphExec_st{graph->nodes, nullptr};
  execs().insert(*exec);
  return leave(cudaSuccess);
}

cudaError_t cudaGraphInstantiateWithFlags(cudaGraphExec_t* exec, cudaGraph_t graph,
                                          unsigned long long flags) {
  const Call call;
  return cudaGraphInstantiate(exec, graph, flags);
}

cudaError_t cudaGraphLaunch(cudaGraphExec_t exec, cudaStream_t handle) {
  const Call call;
  const cudaError_t error = enter();
  if (error != cudaSuccess) return leave(error);
  const Recording recording(handle);
  const std::lock_guard<std::mutex> lock(handles());
  CUstream_st* stream = find_stream(handle);
  if (stream == nullptr) return leave(cudaErrorInvalidResourceHandle);
  if (execs().count(exec) == 0) return leave(cudaErrorInvalidValue);
  Operation operation{[nodes = exec->nodes](Machine& machine, uint64_t seed) {
                        run_graph(*nodes, machine, seed);
                      },
                      true};
  if (stream->capture != nullptr) return leave(submit(*stream, std::move(operation)));
  if (exec->last != nullptr)
    stream->worker->push({[moment = exec->last](Machine&, uint64_t) { moment->wait(); }, true});
  stream->worker->push(std::move(operation));
  exec->last = mark(*stream);
  return leave(cudaSuccess);
}

cudaError_t cudaGraphExecDestroy(cudaGraphExec_t exec) {
  const Call call;
  const std::lock_guard<std::mutex> lock(handles());
  if (execs().erase(exec) == 0) return leave(cudaErrorInvalidValue);
  delete exec;
  return leave(enter());
}

cudaError_t cudaGraphDestroy(cudaGraph_t graph) {
  const Call call;
  const std::lock_guard<std::mutex> lock(handles());
  if (graphs().erase(graph) == 0) return leave(cudaErrorInvalidValue);
  delete graph;
  return leave(enter());
}

}  // extern "C"

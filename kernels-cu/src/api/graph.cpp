// Graphs: work recorded from a stream, and what it needs to be queued again.
#include "objects.h"

namespace lnrnn {

lnrnnStatus_t hold_for_capture(const char* function, lnrnnHandle_t handle, Stream& stream,
                               const void* const* used, size_t count) {
  bool captured;
  LNRNN_FORWARD(handle->device->capturing(stream, &captured));
  if (!captured) return LNRNN_STATUS_SUCCESS;
  return guarded(function, [&] {
    const std::lock_guard<std::mutex> lock(handle->guard);
    if (handle->capture == nullptr) return LNRNN_STATUS_SUCCESS;
    for (size_t i = 0; i < count; ++i) {
      if (Hold found = handle->memory.find(used[i])) {
        handle->capture->holdings.insert(std::move(found));
      }
    }
    return LNRNN_STATUS_SUCCESS;
  });
}

lnrnnStatus_t refuse_capture(const char* function, lnrnnHandle_t handle, Stream& stream) {
  if (!handle->capturing) return LNRNN_STATUS_SUCCESS;
  bool captured;
  LNRNN_FORWARD(handle->device->capturing(stream, &captured));
  LNRNN_CHECK(!captured, LNRNN_STATUS_INVALID_STATE,
              "%s: the stream is being captured, and this call cannot be recorded", function);
  return LNRNN_STATUS_SUCCESS;
}

namespace {

// Ends the open capture. What it held goes to the graph, or, with the capture itself, is let go of
// by the caller, who must have neither the guard nor a stream then. Null where the capture goes on,
// which it does not when its stream goes.
lnrnnStatus_t end_capture(lnrnnHandle_t handle, bool goes, std::unique_ptr<Capture>* ended) {
  bool over = false;
  const lnrnnStatus_t status = handle->device->end_capture(*handle->capture->origin->impl,
                                                           &handle->capture->graph->impl, &over);
  if (!over && !goes) return status;
  *ended = std::move(handle->capture);
  handle->capturing = false;
  return status;
}

// Memory of the caller's may be gone when it is not registered any more.
lnrnnStatus_t check_registrations(const lnrnnGraph& graph) {
  for (const Hold& held : graph.holdings) {
    const bool gone =
        held->kind() == MemoryKind::kRegistered && graph.handle->memory.find(held->start()) != held;
    LNRNN_CHECK(!gone, LNRNN_STATUS_INVALID_STATE,
                "lnrnnGraphLaunch: the graph uses the %zu bytes at %p, which were unregistered",
                held->bytes(), held->start());
  }
  return LNRNN_STATUS_SUCCESS;
}

}  // namespace

void abandon_capture(lnrnnStream_t stream) {
  lnrnnHandle_t handle = stream->handle;
  if (!handle->capturing) return;
  std::unique_ptr<Capture> ended;
  // Under the guard the capture that the stream takes part in is the open one. Its origin, which may
  // be going as well, cannot be held: a pass that is being queued there may end up in two halves.
  const std::lock_guard<std::mutex> lock(handle->guard);
  if (handle->capture == nullptr) return;
  const bool origin = handle->capture->origin == stream;
  bool captured = false;
  if (origin ||
      (handle->device->capturing(*stream->impl, &captured) == LNRNN_STATUS_SUCCESS && captured)) {
    end_capture(handle, origin, &ended);
  }
}

}  // namespace lnrnn

using namespace lnrnn;

lnrnnStatus_t lnrnnStreamBeginCapture(lnrnnHandle_t handle, lnrnnStream_t stream) {
  LNRNN_REQUIRE(handle);
  LNRNN_CHECK(stream != nullptr, LNRNN_STATUS_NULL_POINTER,
              "%s: stream is NULL; the default stream cannot be captured", __func__);
  Stream* resolved;
  LNRNN_FORWARD(resolve(__func__, handle, stream, &resolved));
  return guarded(__func__, [&] {
    auto begun = std::make_unique<Capture>();
    begun->origin = stream;
    begun->graph = std::make_unique<lnrnnGraph>();
    begun->graph->handle = handle;
    const std::lock_guard<std::mutex> queueing(resolved->busy);
    const std::lock_guard<std::mutex> lock(handle->guard);
    LNRNN_CHECK(handle->capture == nullptr, LNRNN_STATUS_INVALID_STATE,
                "lnrnnStreamBeginCapture: another capture of this handle has begun and not ended");
    LNRNN_FORWARD(handle->device->begin_capture(*resolved));
    handle->capture = std::move(begun);
    handle->capturing = true;
    return LNRNN_STATUS_SUCCESS;
  });
}

lnrnnStatus_t lnrnnStreamEndCapture(lnrnnHandle_t handle, lnrnnStream_t stream,
                                    lnrnnGraph_t* graph) {
  LNRNN_REQUIRE(handle);
  LNRNN_REQUIRE(graph);
  Stream* resolved;
  LNRNN_FORWARD(resolve(__func__, handle, stream, &resolved));
  return guarded(__func__, [&] {
    std::unique_ptr<Capture> ended;
    {
      const std::lock_guard<std::mutex> queueing(resolved->busy);
      const std::lock_guard<std::mutex> lock(handle->guard);
      LNRNN_CHECK(handle->capture != nullptr && handle->capture->origin == stream,
                  LNRNN_STATUS_INVALID_STATE,
                  "lnrnnStreamEndCapture: no capture has begun on this stream");
      LNRNN_FORWARD(end_capture(handle, false, &ended));
    }
    ended->graph->holdings = std::move(ended->holdings);
    ++handle->graphs;
    ++usage.graphs;
    *graph = ended->graph.release();
    return LNRNN_STATUS_SUCCESS;
  });
}

lnrnnStatus_t lnrnnGraphLaunch(lnrnnGraph_t graph, lnrnnStream_t stream) {
  LNRNN_REQUIRE(graph);
  lnrnnHandle_t handle = graph->handle;
  Stream* resolved;
  LNRNN_FORWARD(resolve(__func__, handle, stream, &resolved));
  const std::lock_guard<std::mutex> queueing(resolved->busy);
  LNRNN_FORWARD(refuse_capture(__func__, handle, *resolved));
  // Against an unregistration that would not see this launch, nor be seen by it.
  const std::lock_guard<std::mutex> lock(handle->guard);
  LNRNN_FORWARD(check_registrations(*graph));
  return handle->device->launch(*graph->impl, *resolved);
}

lnrnnStatus_t lnrnnGraphDestroy(lnrnnGraph_t graph) {
  LNRNN_REQUIRE(graph);
  lnrnnHandle_t handle = graph->handle;
  delete graph;
  --handle->graphs;
  --usage.graphs;
  return LNRNN_STATUS_SUCCESS;
}

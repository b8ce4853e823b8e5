#include "objects.h"

using namespace lnrnn;

lnrnnStatus_t lnrnnStreamCreate(lnrnnHandle_t handle, lnrnnStream_t* stream) {
  LNRNN_REQUIRE(handle);
  LNRNN_REQUIRE(stream);
  return guarded(__func__, [&] {
    auto created = std::make_unique<lnrnnStream>();
    created->handle = handle;
    LNRNN_FORWARD(handle->device->create_stream(&created->impl));
    ++handle->streams;
    ++usage.streams;
    *stream = created.release();
    return LNRNN_STATUS_SUCCESS;
  });
}

lnrnnStatus_t lnrnnStreamDestroy(lnrnnStream_t stream) {
  LNRNN_REQUIRE(stream);
  abandon_capture(stream);
  --stream->handle->streams;
  --usage.streams;
  delete stream;
  return LNRNN_STATUS_SUCCESS;
}

lnrnnStatus_t lnrnnStreamSynchronize(lnrnnHandle_t handle, lnrnnStream_t stream) {
  LNRNN_REQUIRE(handle);
  Stream* resolved;
  LNRNN_FORWARD(resolve(__func__, handle, stream, &resolved));
  LNRNN_FORWARD(refuse_capture(__func__, handle, *resolved));
  return handle->device->synchronize(*resolved);
}

lnrnnStatus_t lnrnnStreamWaitEvent(lnrnnHandle_t handle, lnrnnStream_t stream, lnrnnEvent_t event) {
  LNRNN_REQUIRE(handle);
  LNRNN_REQUIRE(event);
  LNRNN_CHECK(event->handle == handle, LNRNN_STATUS_INVALID_ARGUMENT,
              "lnrnnStreamWaitEvent: event belongs to another handle");
  Stream* resolved;
  LNRNN_FORWARD(resolve(__func__, handle, stream, &resolved));
  const std::lock_guard<std::mutex> queueing(resolved->busy);
  return handle->device->wait(*resolved, *event->impl);
}

lnrnnStatus_t lnrnnEventCreate(lnrnnHandle_t handle, lnrnnEvent_t* event) {
  LNRNN_REQUIRE(handle);
  LNRNN_REQUIRE(event);
  return guarded(__func__, [&] {
    auto created = std::make_unique<lnrnnEvent>();
    created->handle = handle;
    LNRNN_FORWARD(handle->device->create_event(&created->impl));
    ++handle->events;
    ++usage.events;
    *event = created.release();
    return LNRNN_STATUS_SUCCESS;
  });
}

lnrnnStatus_t lnrnnEventDestroy(lnrnnEvent_t event) {
  LNRNN_REQUIRE(event);
  --event->handle->events;
  --usage.events;
  delete event;
  return LNRNN_STATUS_SUCCESS;
}

lnrnnStatus_t lnrnnEventRecord(lnrnnHandle_t handle, lnrnnEvent_t event, lnrnnStream_t stream) {
  LNRNN_REQUIRE(handle);
  LNRNN_REQUIRE(event);
  LNRNN_CHECK(event->handle == handle, LNRNN_STATUS_INVALID_ARGUMENT,
              "lnrnnEventRecord: event belongs to another handle");
  Stream* resolved;
  LNRNN_FORWARD(resolve(__func__, handle, stream, &resolved));
  const std::lock_guard<std::mutex> queueing(resolved->busy);
  return handle->device->record(*event->impl, *resolved);
}

lnrnnStatus_t lnrnnEventQuery(lnrnnEvent_t event, int32_t* done) {
  LNRNN_REQUIRE(event);
  LNRNN_REQUIRE(done);
  bool is_done;
  LNRNN_FORWARD(event->handle->device->query(*event->impl, &is_done));
  *done = is_done ? 1 : 0;
  return LNRNN_STATUS_SUCCESS;
}

lnrnnStatus_t lnrnnEventSynchronize(lnrnnEvent_t event) {
  LNRNN_REQUIRE(event);
  return event->handle->device->synchronize(*event->impl);
}

lnrnnStatus_t lnrnnEventElapsedMilliseconds(lnrnnEvent_t start, lnrnnEvent_t end,
                                            double* milliseconds) {
  LNRNN_REQUIRE(start);
  LNRNN_REQUIRE(end);
  LNRNN_REQUIRE(milliseconds);
  LNRNN_CHECK(start->handle == end->handle, LNRNN_STATUS_INVALID_ARGUMENT,
              "lnrnnEventElapsedMilliseconds: start and end belong to different handles");
  return start->handle->device->elapsed(*start->impl, *end->impl, milliseconds);
}

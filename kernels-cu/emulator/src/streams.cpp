// Handles of streams and events, and the calls that queue, wait and ask.
#include "streams.h"

#include <set>
#include <system_error>

#include "contexts.h"
#include "device.h"

namespace lnrnn::emulator {

namespace {

struct Handles {
  std::mutex mutex;
  std::set<CUstream_st*> streams;
  std::set<CUevent_st*> events;
  CUstream_st* default_stream = nullptr;
  uint64_t created = 0;
};

Handles& all() {
  static Handles& handles = *new Handles;  // never destroyed: threads may outlive static objects
  return handles;
}

// Null where there can be no thread.
CUstream_st* make_stream() {
  auto stream = std::make_unique<CUstream_st>();
  try {
    stream->worker = std::make_unique<Worker>(all().created++);
  } catch (const std::system_error&) {
    return nullptr;
  }
  stream->device = current_device();
  all().streams.insert(stream.get());
  return stream.release();
}

}  // namespace

std::mutex& handles() { return all().mutex; }

CUstream_st* find_stream(cudaStream_t stream) {
  if (stream != nullptr) return all().streams.count(stream) != 0 ? stream : nullptr;
  if (all().default_stream == nullptr) all().default_stream = make_stream();
  return all().default_stream;
}

CUevent_st* find_event(cudaEvent_t event) {
  return all().events.count(event) != 0 ? event : nullptr;
}

std::shared_ptr<Completion> mark(CUstream_st& stream) {
  auto completion = std::make_shared<Completion>();
  stream.worker->push({[completion](Machine&, uint64_t) { completion->set(); }, true, false});
  return completion;
}

cudaError_t enter_between_captures() {
  cudaError_t error = enter();
  if (error != cudaSuccess) return error;
  const std::lock_guard<std::mutex> lock(handles());
  for (CUstream_st* stream : all().streams) {
    if (stream->capture == nullptr) continue;
    Capture& capture = *stream->capture;
    if (capture.mode == cudaStreamCaptureModeRelaxed) continue;
    if (capture.mode == cudaStreamCaptureModeThreadLocal &&
        capture.thread != std::this_thread::get_id())
      continue;
    capture.valid = false;
    error = cudaErrorStreamCaptureUnsupported;
  }
  return error;
}

std::string count_streams_and_events() {
  const std::lock_guard<std::mutex> lock(handles());
  const size_t streams = all().streams.size() - (all().default_stream != nullptr ? 1 : 0);
  return counted(streams, "streams") + counted(all().events.size(), "events");
}

void wait_for_all_streams() {
  std::vector<std::shared_ptr<Completion>> moments;
  {
    const std::lock_guard<std::mutex> lock(handles());
    for (CUstream_st* stream : all().streams) moments.push_back(mark(*stream));
  }
  for (const auto& moment : moments) moment->wait();
  Worker::wait_for_retired();
}

void number_streams_anew() {
  const std::lock_guard<std::mutex> lock(handles());
  all().created = 0;
}

namespace {

template <class Call>
cudaError_t with_stream(cudaStream_t handle, const Call& call) {
  cudaError_t error = enter();
  if (error != cudaSuccess) return leave(error);
  const std::lock_guard<std::mutex> lock(handles());
  CUstream_st* stream = find_stream(handle);
  return leave(stream == nullptr ? cudaErrorInvalidResourceHandle : call(*stream));
}

// A capture does not survive a call that would wait for it.
cudaError_t invalidate(CUstream_st& stream) {
  stream.capture->valid = false;
  return cudaErrorStreamCaptureUnsupported;
}

}  // namespace

}  // namespace lnrnn::emulator

using namespace lnrnn::emulator;

extern "C" {

cudaError_t cudaStreamCreateWithFlags(cudaStream_t* stream, unsigned flags) {
  const Call call;
  const cudaError_t error = enter();
  if (error != cudaSuccess) return leave(error);
  if (stream == nullptr || flags > cudaStreamNonBlocking) return leave(cudaErrorInvalidValue);
  if (fault_is_due(FaultPoint::kStream)) return leave(cudaErrorMemoryAllocation);
  const std::lock_guard<std::mutex> lock(handles());
  *stream = make_stream();
  return leave(*stream != nullptr ? cudaSuccess : cudaErrorMemoryAllocation);
}

// Handles can be given back after an error that is sticky, too.
cudaError_t cudaStreamDestroy(cudaStream_t stream) {
  const Call call;
  const std::lock_guard<std::mutex> lock(handles());
  if (stream == nullptr || all().streams.erase(stream) == 0)
    return leave(cudaErrorInvalidResourceHandle);
  if (stream->capture != nullptr) stream->capture->valid = false;
  Worker::retire(std::move(stream->worker));
  delete stream;
  return leave(enter());
}

cudaError_t cudaStreamSynchronize(cudaStream_t handle) {
  const Call call;
  std::shared_ptr<Completion> moment;
  const cudaError_t error = with_stream(handle, [&](CUstream_st& stream) {
    if (stream.capture != nullptr) return invalidate(stream);
    moment = mark(stream);
    return cudaSuccess;
  });
  if (error != cudaSuccess) return error;
  moment->wait();
  return leave(sticky_error());
}

cudaError_t cudaStreamQuery(cudaStream_t handle) {
  const Call call;
  return with_stream(handle, [](CUstream_st& stream) {
    if (stream.capture != nullptr) return invalidate(stream);
    return stream.worker->idle() ? sticky_error() : cudaErrorNotReady;
  });
}

cudaError_t cudaDeviceSynchronize() {
  const Call call;
  cudaError_t error = enter();
  if (error != cudaSuccess) return leave(error);
  {
    const std::lock_guard<std::mutex> lock(handles());
    for (CUstream_st* stream : all().streams)
      if (stream->capture != nullptr) error = invalidate(*stream);
  }
  if (error != cudaSuccess) return leave(error);
  wait_for_all_streams();
  return leave(sticky_error());
}

cudaError_t cudaLaunchHostFunc(cudaStream_t handle, cudaHostFn_t function, void* user_data) {
  const Call call;
  if (function == nullptr) return leave(cudaErrorInvalidValue);
  const Recording recording(handle);
  return with_stream(handle, [&](CUstream_st& stream) {
    return submit(stream, {[function, user_data](Machine&, uint64_t) {
                    const HostFunctionScope scope;
                    function(user_data);
                  }});
  });
}

cudaError_t cudaEventCreateWithFlags(cudaEvent_t* event, unsigned flags) {
  const Call call;
  const cudaError_t error = enter();
  if (error != cudaSuccess) return leave(error);
  if (event == nullptr || (flags & ~(cudaEventBlockingSync | cudaEventDisableTiming)) != 0)
    return leave(cudaErrorInvalidValue);
  if (fault_is_due(FaultPoint::kEvent)) return leave(cudaErrorMemoryAllocation);
  const std::lock_guard<std::mutex> lock(handles());
  *event = new CUevent_st;
  (*event)->flags = flags;
  (*event)->device = current_device();
  all().events.insert(*event);
  return leave(cudaSuccess);
}

cudaError_t cudaEventDestroy(cudaEvent_t event) {
  const Call call;
  const std::lock_guard<std::mutex> lock(handles());
  if (all().events.erase(event) == 0) return leave(cudaErrorInvalidResourceHandle);
  delete event;
  return leave(enter());
}

cudaError_t cudaEventRecord(cudaEvent_t handle, cudaStream_t stream_handle) {
  const Call call;
  const Recording recording(stream_handle);
  return with_stream(stream_handle, [&](CUstream_st& stream) {
    CUevent_st* event = find_event(handle);
    if (event == nullptr || event->device != stream.device) return cudaErrorInvalidResourceHandle;
    event->capture = stream.capture;
    event->completion = nullptr;
    if (stream.capture == nullptr) event->completion = mark(stream);
    else event->clock = stream.clock;
    return cudaSuccess;
  });
}

cudaError_t cudaStreamWaitEvent(cudaStream_t stream_handle, cudaEvent_t handle, unsigned flags) {
  const Call call;
  if (flags != 0) return leave(cudaErrorInvalidValue);
  const Recording recording(stream_handle, handle);
  return with_stream(stream_handle, [&](CUstream_st& stream) {
    CUevent_st* event = find_event(handle);
    if (event == nullptr) return cudaErrorInvalidResourceHandle;
    if (event->capture != nullptr) {
      // The stream becomes part of the capture, or learns what more comes before.
      Capture& capture = *event->capture;
      if (!capture.valid) return cudaErrorInvalidValue;  // so a GPU was seen to answer
      if (stream.capture == nullptr) {
        stream.capture = event->capture;
        stream.began_capture = false;
        stream.number_in_capture = capture.streams++;
        stream.clock.clear();
        capture.members.push_back(&stream);
      } else if (stream.capture != event->capture) {
        return cudaErrorStreamCaptureMerge;
      }
      for (const auto& [other, count] : event->clock)
        stream.clock[other] = std::max(stream.clock[other], count);
      return cudaSuccess;
    }
    if (stream.capture != nullptr) {
      stream.capture->valid = false;
      return cudaErrorStreamCaptureIsolation;
    }
    if (event->completion == nullptr) return cudaSuccess;
    stream.worker->push(
        {[moment = event->completion](Machine&, uint64_t) { moment->wait(); }, true});
    return cudaSuccess;
  });
}

namespace {

// The moment to ask or to wait for; null where the event was never recorded.
cudaError_t find_moment(cudaEvent_t handle, std::shared_ptr<Completion>* moment) {
  const cudaError_t error = enter();
  if (error != cudaSuccess) return error;
  std::unique_lock<std::mutex> lock(handles());
  CUevent_st* event = find_event(handle);
  if (event == nullptr) return cudaErrorInvalidResourceHandle;
  if (event->capture != nullptr) {
    event->capture->valid = false;
    return cudaErrorCapturedEvent;
  }
  *moment = event->completion;
  lock.unlock();
  return enter_between_captures();
}

}  // namespace

cudaError_t cudaEventQuery(cudaEvent_t event) {
  const Call call;
  std::shared_ptr<Completion> moment;
  const cudaError_t error = find_moment(event, &moment);
  if (error != cudaSuccess || moment == nullptr) return leave(error);
  return leave(moment->done() ? sticky_error() : cudaErrorNotReady);
}

cudaError_t cudaEventSynchronize(cudaEvent_t event) {
  const Call call;
  std::shared_ptr<Completion> moment;
  const cudaError_t error = find_moment(event, &moment);
  if (error != cudaSuccess || moment == nullptr) return leave(error);
  moment->wait();
  return leave(sticky_error());
}

cudaError_t cudaEventElapsedTime(float* milliseconds, cudaEvent_t start, cudaEvent_t end) {
  const Call call;
  std::shared_ptr<Completion> moments[2];
  for (int i = 0; i < 2; ++i) {
    const cudaEvent_t event = i == 0 ? start : end;
    const cudaError_t error = find_moment(event, &moments[i]);
    if (error != cudaSuccess) return leave(error);
    const std::lock_guard<std::mutex> lock(handles());
    if (moments[i] == nullptr || find_event(event) == nullptr ||
        (event->flags & cudaEventDisableTiming) != 0)
      return leave(cudaErrorInvalidResourceHandle);
  }
  if (milliseconds == nullptr) return leave(cudaErrorInvalidValue);
  if (!moments[0]->done() || !moments[1]->done()) return leave(cudaErrorNotReady);
  *milliseconds =
      std::chrono::duration<float, std::milli>(moments[1]->time() - moments[0]->time()).count();
  return leave(cudaSuccess);
}

}  // extern "C"

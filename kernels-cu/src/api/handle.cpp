#include "objects.h"

namespace lnrnn {

Usage usage;

lnrnnStatus_t resolve(const char* function, lnrnnHandle_t handle, lnrnnStream_t stream,
                      Stream** resolved) {
  if (stream == nullptr) {
    *resolved = &handle->device->default_stream();
    return LNRNN_STATUS_SUCCESS;
  }
  LNRNN_CHECK(stream->handle == handle, LNRNN_STATUS_INVALID_ARGUMENT,
              "%s: stream belongs to another handle", function);
  *resolved = stream->impl.get();
  return LNRNN_STATUS_SUCCESS;
}

namespace {

lnrnnStatus_t check_kind(const char* function, lnrnnDeviceKind_t kind) {
  LNRNN_CHECK(kind == LNRNN_DEVICE_CPU || kind == LNRNN_DEVICE_CUDA, LNRNN_STATUS_INVALID_ARGUMENT,
              "%s: kind is %d, not one of lnrnnDeviceKind_t", function, static_cast<int>(kind));
  return LNRNN_STATUS_SUCCESS;
}

lnrnnStatus_t check_ordinal(const char* function, lnrnnDeviceKind_t kind, int32_t ordinal) {
  LNRNN_FORWARD(check_kind(function, kind));
  if (kind == LNRNN_DEVICE_CPU) {
    LNRNN_CHECK(ordinal == 0, LNRNN_STATUS_DEVICE_UNAVAILABLE,
                "%s: there is no CPU device %d; the only one is 0", function, ordinal);
    return LNRNN_STATUS_SUCCESS;
  }
  int count;
  LNRNN_FORWARD(cuda_device_count(&count));
  LNRNN_CHECK(ordinal >= 0 && ordinal < count, LNRNN_STATUS_DEVICE_UNAVAILABLE,
              "%s: there is no CUDA device %d; there are 0...%d", function, ordinal, count - 1);
  return LNRNN_STATUS_SUCCESS;
}

lnrnnStatus_t open_device(lnrnnDeviceKind_t kind, int32_t ordinal, int32_t threads, const char* isa,
                          std::unique_ptr<Device>* device) {
  if (kind == LNRNN_DEVICE_CPU) return open_cpu_device(threads, isa, device);
  LNRNN_CHECK(threads == 0, LNRNN_STATUS_INVALID_ARGUMENT,
              "lnrnnCreate: threads is %d; a CUDA device takes 0", threads);
  LNRNN_CHECK(isa == nullptr, LNRNN_STATUS_INVALID_ARGUMENT,
              "lnrnnCreate: isa is \"%.32s\"; a CUDA device takes NULL", isa);
  return open_cuda_device(ordinal, device);
}

}  // namespace

}  // namespace lnrnn

using namespace lnrnn;

lnrnnStatus_t lnrnnGetDeviceCount(lnrnnDeviceKind_t kind, int32_t* count) {
  LNRNN_REQUIRE(count);
  LNRNN_FORWARD(check_kind(__func__, kind));
  int found = 1;
  // No device is not a failure; the sentence that says why there is none stays.
  if (kind == LNRNN_DEVICE_CUDA && cuda_device_count(&found) != LNRNN_STATUS_SUCCESS) found = 0;
  *count = found;
  return LNRNN_STATUS_SUCCESS;
}

lnrnnStatus_t lnrnnGetDeviceProperties(lnrnnDeviceKind_t kind, int32_t ordinal,
                                       lnrnnDeviceProperties_t* properties) {
  LNRNN_REQUIRE_STRUCT(properties);
  LNRNN_FORWARD(check_ordinal(__func__, kind, ordinal));
  lnrnnDeviceProperties_t ours{};
  LNRNN_FORWARD(guarded(__func__, [&] {
    return kind == LNRNN_DEVICE_CPU ? cpu_device_properties(&ours)
                                    : cuda_device_properties(ordinal, &ours);
  }));
  write_struct(ours, properties);
  return LNRNN_STATUS_SUCCESS;
}

lnrnnStatus_t lnrnnCreate(lnrnnDeviceKind_t kind, int32_t ordinal, int32_t threads, const char* isa,
                          lnrnnHandle_t* handle) {
  LNRNN_REQUIRE(handle);
  LNRNN_FORWARD(check_ordinal(__func__, kind, ordinal));
  return guarded(__func__, [&] {
    auto created = std::make_unique<lnrnnHandle>();
    LNRNN_FORWARD(open_device(kind, ordinal, threads, isa, &created->device));
    ++usage.handles;
    *handle = created.release();
    return LNRNN_STATUS_SUCCESS;
  });
}

lnrnnStatus_t lnrnnDestroy(lnrnnHandle_t handle) {
  LNRNN_REQUIRE(handle);
  const long long plans = handle->plans, streams = handle->streams, events = handle->events,
                  graphs = handle->graphs;
  size_t memory;
  {
    const std::lock_guard<std::mutex> lock(handle->guard);
    memory = handle->memory.size();
  }
  LNRNN_CHECK(plans + streams + events + graphs == 0 && memory == 0, LNRNN_STATUS_IN_USE,
              "lnrnnDestroy: the handle still owns %lld plans, %lld streams, %lld events, %lld "
              "graphs and %zu allocations or registrations",
              plans, streams, events, graphs, memory);
  LNRNN_FORWARD(handle->device->close());
  delete handle;
  --usage.handles;
  return LNRNN_STATUS_SUCCESS;
}

lnrnnStatus_t lnrnnGetProperties(lnrnnHandle_t handle, lnrnnDeviceProperties_t* properties) {
  LNRNN_REQUIRE(handle);
  LNRNN_REQUIRE_STRUCT(properties);
  lnrnnDeviceProperties_t ours{};
  LNRNN_FORWARD(guarded(__func__, [&] {
    handle->device->get_properties(&ours);
    return LNRNN_STATUS_SUCCESS;
  }));
  write_struct(ours, properties);
  return LNRNN_STATUS_SUCCESS;
}

lnrnnStatus_t lnrnnGetUsage(lnrnnUsage_t* out) {
  LNRNN_REQUIRE_STRUCT(out);
  lnrnnUsage_t now{};
  now.handles = usage.handles;
  now.plans = usage.plans;
  now.streams = usage.streams;
  now.events = usage.events;
  now.deviceBytes = usage.device.bytes;
  now.deviceAllocations = usage.device.count;
  now.hostBytes = usage.host.bytes;
  now.hostAllocations = usage.host.count;
  now.graphs = usage.graphs;
  now.registeredBytes = usage.registered.bytes;
  now.registrations = usage.registered.count;
  write_struct(now, out);
  return LNRNN_STATUS_SUCCESS;
}

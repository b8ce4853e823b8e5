#include "memory.h"

#include "objects.h"
#include "regions.h"

namespace lnrnn {

void Allocation::own(void* start) {
  start_ = start;
  owned_ = true;
  tally().bytes += static_cast<int64_t>(bytes_);
  ++tally().count;
}

Allocation::~Allocation() { release(device_.default_stream()); }

lnrnnStatus_t Allocation::release(Stream& stream) {
  if (!owned_.exchange(false)) return LNRNN_STATUS_SUCCESS;
  tally().bytes -= static_cast<int64_t>(bytes_);
  --tally().count;
  switch (kind_) {
    case MemoryKind::kDevice: return device_.release(stream, start_);
    case MemoryKind::kHost: return device_.release_host(start_);
    case MemoryKind::kRegistered: break;
  }
  const lnrnnStatus_t status = device_.unregister_host(start_);
  if (status != LNRNN_STATUS_SUCCESS) own(start_);
  return status;
}

Tally& Allocation::tally() const {
  return kind_ == MemoryKind::kDevice ? usage.device
         : kind_ == MemoryKind::kHost ? usage.host
                                      : usage.registered;
}

Ledger::Entry Ledger::strike(MemoryKind kind, const void* pointer) {
  const auto entry = entries_.find(address(pointer));
  if (entry == entries_.end() || entry->second->kind() != kind) return {};
  return entries_.extract(entry);
}

Hold Ledger::find(const void* pointer) const {
  auto after = entries_.upper_bound(address(pointer));
  if (after == entries_.begin()) return nullptr;
  const auto& [start, allocation] = *std::prev(after);
  return address(pointer) - start < allocation->bytes() ? allocation : nullptr;
}

bool Ledger::overlaps(const void* start, size_t bytes) const {
  const auto after = entries_.upper_bound(address(start));
  return find(start) != nullptr ||
         (after != entries_.end() && after->first - address(start) < bytes);
}

namespace {

// Whatever fails, nothing that the device gave is lost.
template <class Allocate>
lnrnnStatus_t book(const char* function, lnrnnHandle_t handle, MemoryKind kind, size_t bytes,
                   void** pointer, const Allocate& allocate) {
  return guarded(function, [&] {
    const Hold booked = std::make_shared<Allocation>(*handle->device, kind, bytes);
    void* fresh;
    LNRNN_FORWARD(allocate(bytes == 0 ? 1 : bytes, &fresh));
    booked->own(fresh);
    const std::lock_guard<std::mutex> lock(handle->guard);
    handle->memory.enter(booked);
    *pointer = fresh;
    return LNRNN_STATUS_SUCCESS;
  });
}

// Takes memory out of the ledger. It is released now, where neither a graph nor an open capture
// stands against it.
lnrnnStatus_t give_back(const char* function, lnrnnHandle_t handle, MemoryKind kind, Stream& stream,
                        void* pointer) {
  return guarded(function, [&] {
    Hold struck;
    {
      const std::lock_guard<std::mutex> lock(handle->guard);
      Capture* const capture = handle->capture.get();
      if (capture != nullptr) capture->waiting.reserve(capture->waiting.size() + 1);
      const Ledger::Entry entry = handle->memory.strike(kind, pointer);
      LNRNN_CHECK(!entry.empty(), LNRNN_STATUS_INVALID_ARGUMENT,
                  "%s: pointer %p was not allocated through this handle, or is freed already",
                  function, pointer);
      struck = entry.mapped();
      if (capture != nullptr) capture->waiting.push_back(struck);
    }
    return struck.use_count() == 1 ? struck->release(stream) : LNRNN_STATUS_SUCCESS;
  });
}

}  // namespace

}  // namespace lnrnn

using namespace lnrnn;

lnrnnStatus_t lnrnnMalloc(lnrnnHandle_t handle, lnrnnStream_t stream, size_t bytes,
                          void** pointer) {
  LNRNN_REQUIRE(handle);
  LNRNN_REQUIRE(pointer);
  Stream* resolved;
  LNRNN_FORWARD(resolve(__func__, handle, stream, &resolved));
  Device& device = *handle->device;
  return book(__func__, handle, MemoryKind::kDevice, bytes, pointer,
              [&](size_t n, void** fresh) { return device.allocate(*resolved, n, fresh); });
}

lnrnnStatus_t lnrnnFree(lnrnnHandle_t handle, lnrnnStream_t stream, void* pointer) {
  LNRNN_REQUIRE(handle);
  if (pointer == nullptr) return LNRNN_STATUS_SUCCESS;
  Stream* resolved;
  LNRNN_FORWARD(resolve(__func__, handle, stream, &resolved));
  return give_back(__func__, handle, MemoryKind::kDevice, *resolved, pointer);
}

lnrnnStatus_t lnrnnHostAlloc(lnrnnHandle_t handle, size_t bytes, void** pointer) {
  LNRNN_REQUIRE(handle);
  LNRNN_REQUIRE(pointer);
  Device& device = *handle->device;
  return book(__func__, handle, MemoryKind::kHost, bytes, pointer,
              [&](size_t n, void** fresh) { return device.allocate_host(n, fresh); });
}

lnrnnStatus_t lnrnnHostFree(lnrnnHandle_t handle, void* pointer) {
  LNRNN_REQUIRE(handle);
  if (pointer == nullptr) return LNRNN_STATUS_SUCCESS;
  return give_back(__func__, handle, MemoryKind::kHost, handle->device->default_stream(), pointer);
}

lnrnnStatus_t lnrnnHostRegister(lnrnnHandle_t handle, void* pointer, size_t bytes) {
  LNRNN_REQUIRE(handle);
  LNRNN_REQUIRE(pointer);
  LNRNN_CHECK(bytes > 0 && bytes <= UINTPTR_MAX - reinterpret_cast<uintptr_t>(pointer),
              LNRNN_STATUS_INVALID_ARGUMENT,
              "%s: bytes is %zu from %p on, expected at least 1 within the address space", __func__,
              bytes, pointer);
  return guarded(__func__, [&] {
    const Hold booked =
        std::make_shared<Allocation>(*handle->device, MemoryKind::kRegistered, bytes);
    const std::lock_guard<std::mutex> lock(handle->guard);
    LNRNN_CHECK(!handle->memory.overlaps(pointer, bytes), LNRNN_STATUS_INVALID_ARGUMENT,
                "lnrnnHostRegister: the %zu bytes at %p overlap memory that this handle allocated "
                "or registered",
                bytes, pointer);
    LNRNN_FORWARD(handle->device->register_host(pointer, bytes));
    booked->own(pointer);
    handle->memory.enter(booked);
    return LNRNN_STATUS_SUCCESS;
  });
}

lnrnnStatus_t lnrnnCheckMemory(lnrnnHandle_t handle, const void* pointer, size_t bytes) {
  LNRNN_REQUIRE(handle);
  LNRNN_REQUIRE(pointer);
  LNRNN_CHECK(bytes > 0 && bytes <= UINTPTR_MAX - reinterpret_cast<uintptr_t>(pointer),
              LNRNN_STATUS_INVALID_ARGUMENT,
              "%s: bytes is %zu from %p on, expected at least 1 within the address space", __func__,
              bytes, pointer);
  return guarded(__func__, [&] { return handle->device->check_memory(pointer, bytes); });
}

lnrnnStatus_t lnrnnHostUnregister(lnrnnHandle_t handle, void* pointer) {
  LNRNN_REQUIRE(handle);
  if (pointer == nullptr) return LNRNN_STATUS_SUCCESS;
  Ledger::Entry struck;
  {
    const std::lock_guard<std::mutex> lock(handle->guard);
    struck = handle->memory.strike(MemoryKind::kRegistered, pointer);
  }
  LNRNN_CHECK(!struck.empty(), LNRNN_STATUS_INVALID_ARGUMENT,
              "%s: pointer %p is not registered with this handle", __func__, pointer);
  const lnrnnStatus_t status = struck.mapped()->release(handle->device->default_stream());
  if (status != LNRNN_STATUS_SUCCESS) {
    const std::lock_guard<std::mutex> lock(handle->guard);
    handle->memory.put_back(std::move(struck));
  }
  return status;
}

lnrnnStatus_t lnrnnMemcpy(lnrnnHandle_t handle, lnrnnStream_t stream, void* destination,
                          const void* source, size_t bytes) {
  LNRNN_REQUIRE(handle);
  Stream* resolved;
  LNRNN_FORWARD(resolve(__func__, handle, stream, &resolved));
  if (bytes == 0) return LNRNN_STATUS_SUCCESS;
  LNRNN_REQUIRE(destination);
  LNRNN_REQUIRE(source);
  Regions regions;
  regions.read("source", source, bytes);
  regions.written("destination", destination, bytes);
  LNRNN_FORWARD(regions.check_apart(__func__));
  const std::lock_guard<std::mutex> queueing(resolved->busy);
  LNRNN_FORWARD(hold(__func__, handle, *resolved, {destination, source}));
  return handle->device->copy(*resolved, destination, source, bytes);
}

lnrnnStatus_t lnrnnMemset(lnrnnHandle_t handle, lnrnnStream_t stream, void* destination,
                          int32_t value, size_t bytes) {
  LNRNN_REQUIRE(handle);
  Stream* resolved;
  LNRNN_FORWARD(resolve(__func__, handle, stream, &resolved));
  if (bytes == 0) return LNRNN_STATUS_SUCCESS;
  LNRNN_REQUIRE(destination);
  const std::lock_guard<std::mutex> queueing(resolved->busy);
  LNRNN_FORWARD(hold(__func__, handle, *resolved, {destination}));
  return handle->device->fill(*resolved, destination, value, bytes);
}

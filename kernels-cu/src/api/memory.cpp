#include "objects.h"

using namespace lnrnn;

namespace {

// Device and pinned memory are booked alike: in the handle, to refuse what it did not give, and in
// the process, to count.
struct Ledger {
  std::unordered_map<void*, size_t> lnrnnHandle::*entries;
  std::atomic<int64_t>& bytes;
  std::atomic<int64_t>& allocations;
};
const Ledger kDeviceMemory{&lnrnnHandle::device_memory, usage.device_bytes,
                           usage.device_allocations};
const Ledger kHostMemory{&lnrnnHandle::host_memory, usage.host_bytes, usage.host_allocations};

template <class Allocate, class Release>
lnrnnStatus_t allocate(const char* function, const Ledger& ledger, lnrnnHandle_t handle,
                       size_t bytes, void** pointer, const Allocate& allocate_bytes,
                       const Release& release) {
  return guarded(function, [&] {
    void* fresh;
    LNRNN_FORWARD(allocate_bytes(bytes == 0 ? 1 : bytes, &fresh));
    try {
      const std::lock_guard<std::mutex> lock(handle->guard);
      (handle->*ledger.entries)[fresh] = bytes;
    } catch (...) {
      release(fresh);
      throw;
    }
    ledger.bytes += static_cast<int64_t>(bytes);
    ++ledger.allocations;
    *pointer = fresh;
    return LNRNN_STATUS_SUCCESS;
  });
}

lnrnnStatus_t strike(const char* function, const Ledger& ledger, lnrnnHandle_t handle,
                     void* pointer) {
  const std::lock_guard<std::mutex> lock(handle->guard);
  auto& entries = handle->*ledger.entries;
  const auto entry = entries.find(pointer);
  LNRNN_CHECK(entry != entries.end(), LNRNN_STATUS_INVALID_ARGUMENT,
              "%s: pointer %p was not allocated through this handle, or is freed already",
              function, pointer);
  ledger.bytes -= static_cast<int64_t>(entry->second);
  --ledger.allocations;
  entries.erase(entry);
  return LNRNN_STATUS_SUCCESS;
}

}  // namespace

lnrnnStatus_t lnrnnMalloc(lnrnnHandle_t handle, lnrnnStream_t stream, size_t bytes,
                          void** pointer) {
  LNRNN_REQUIRE(handle);
  LNRNN_REQUIRE(pointer);
  Stream* resolved;
  LNRNN_FORWARD(resolve(__func__, handle, stream, &resolved));
  Device& device = *handle->device;
  return allocate(
      __func__, kDeviceMemory, handle, bytes, pointer,
      [&](size_t n, void** p) { return device.allocate(*resolved, n, p); },
      [&](void* p) { device.release(*resolved, p); });
}

lnrnnStatus_t lnrnnFree(lnrnnHandle_t handle, lnrnnStream_t stream, void* pointer) {
  LNRNN_REQUIRE(handle);
  if (pointer == nullptr) return LNRNN_STATUS_SUCCESS;
  Stream* resolved;
  LNRNN_FORWARD(resolve(__func__, handle, stream, &resolved));
  LNRNN_FORWARD(strike(__func__, kDeviceMemory, handle, pointer));
  return handle->device->release(*resolved, pointer);
}

lnrnnStatus_t lnrnnHostAlloc(lnrnnHandle_t handle, size_t bytes, void** pointer) {
  LNRNN_REQUIRE(handle);
  LNRNN_REQUIRE(pointer);
  Device& device = *handle->device;
  return allocate(
      __func__, kHostMemory, handle, bytes, pointer,
      [&](size_t n, void** p) { return device.allocate_host(n, p); },
      [&](void* p) { device.release_host(p); });
}

lnrnnStatus_t lnrnnHostFree(lnrnnHandle_t handle, void* pointer) {
  LNRNN_REQUIRE(handle);
  if (pointer == nullptr) return LNRNN_STATUS_SUCCESS;
  LNRNN_FORWARD(strike(__func__, kHostMemory, handle, pointer));
  return handle->device->release_host(pointer);
}

lnrnnStatus_t lnrnnMemcpy(lnrnnHandle_t handle, lnrnnStream_t stream, void* destination,
                          const void* source, size_t bytes) {
  LNRNN_REQUIRE(handle);
  Stream* resolved;
  LNRNN_FORWARD(resolve(__func__, handle, stream, &resolved));
  if (bytes == 0) return LNRNN_STATUS_SUCCESS;
  LNRNN_REQUIRE(destination);
  LNRNN_REQUIRE(source);
  return handle->device->copy(*resolved, destination, source, bytes);
}

lnrnnStatus_t lnrnnMemset(lnrnnHandle_t handle, lnrnnStream_t stream, void* destination,
                          int32_t value, size_t bytes) {
  LNRNN_REQUIRE(handle);
  Stream* resolved;
  LNRNN_FORWARD(resolve(__func__, handle, stream, &resolved));
  if (bytes == 0) return LNRNN_STATUS_SUCCESS;
  LNRNN_REQUIRE(destination);
  return handle->device->fill(*resolved, destination, value, bytes);
}

// Copies and fills, and memory that is allocated and freed in the order of a stream.
#include <cstring>
#include <set>

#include "device.h"
#include "machine.h"
#include "memory.h"
#include "streams.h"

struct CUmemPoolHandle_st {
  size_t limit = 0;  // 0: the device's
  uint64_t attributes[9] = {};
};

namespace lnrnn::emulator {

namespace {

// Under handles().
std::set<CUmemPoolHandle_st*>& pools() {
  static auto& the_pools = *new std::set<CUmemPoolHandle_st*>;
  return the_pools;
}

}  // namespace

std::string count_pools() {
  const std::lock_guard<std::mutex> lock(handles());
  return counted(pools().size(), "pools");
}

namespace {

struct Transfer {
  void* to;
  const void* from;  // null: value is written
  size_t bytes;
  int value;
  MemoryKind to_kind, from_kind;
  std::shared_ptr<std::vector<char>> staged;  // what from held at the call
};

void carry_out(const Transfer& transfer) {
  // Both ends must still be what they were at the call: freed in between, or no longer pinned, the
  // hardware would write into someone else's memory.
  const auto still = [&](const void* pointer, MemoryKind kind) {
    if (kind == MemoryKind::kPageable) return true;
    const Range range = find_range(pointer, 1);
    return range.kind == kind;
  };
  const void* from = transfer.staged != nullptr ? transfer.staged->data() : transfer.from;
  const bool same = still(transfer.to, transfer.to_kind) &&
                    (transfer.from == nullptr || transfer.staged != nullptr ||
                     still(transfer.from, transfer.from_kind));
  Transfer now = transfer;
  now.from = from;
  const bool done = same && survives(
                                [](void* argument) {
                                  const auto& t = *static_cast<const Transfer*>(argument);
                                  if (t.from == nullptr) std::memset(t.to, t.value, t.bytes);
                                  else std::memmove(t.to, t.from, t.bytes);
                                },
                                &now);
  if (!done)
    lose_device(cudaErrorIllegalAddress,
                std::string(transfer.from == nullptr ? "fill" : "copy") + " of " +
                    std::to_string(transfer.bytes) +
                    " bytes: memory was freed or unregistered before its turn came, or is not "
                    "allocated yet");
}

Operation operation(Transfer transfer) {
  const bool lost = fault_is_due(FaultPoint::kDeviceLost);
  return {[transfer = std::move(transfer), lost](Machine&, uint64_t) {
    if (lost) lose_device(cudaErrorLaunchFailure, "copy or fill: injected fault");
    else carry_out(transfer);
  }};
}

bool is_host(MemoryKind kind) { return kind != MemoryKind::kDevice; }

bool kind_fits(cudaMemcpyKind kind, MemoryKind to, MemoryKind from) {
  switch (kind) {
    case cudaMemcpyHostToHost: return is_host(to) && is_host(from);
    case cudaMemcpyHostToDevice: return !is_host(to) && is_host(from);
    case cudaMemcpyDeviceToHost: return is_host(to) && !is_host(from);
    case cudaMemcpyDeviceToDevice: return !is_host(to) && !is_host(from);
    case cudaMemcpyDefault: return true;
  }
  return false;
}

}  // namespace

}  // namespace lnrnn::emulator

using namespace lnrnn::emulator;

extern "C" {

cudaError_t cudaMemcpyAsync(void* to, const void* from, size_t bytes, cudaMemcpyKind kind,
                            cudaStream_t handle) {
  const Call call;
  const cudaError_t error = enter();
  if (error != cudaSuccess || bytes == 0) return leave(error);
  if (to == nullptr || from == nullptr) return leave(cudaErrorInvalidValue);
  const Range target = find_range(to, bytes), source = find_range(from, bytes);
  if (!target.valid || !source.valid || !kind_fits(kind, target.kind, source.kind))
    return leave(cudaErrorInvalidValue);
  const Recording recording(handle);
  std::shared_ptr<Completion> moment;
  {
    const std::lock_guard<std::mutex> lock(handles());
    CUstream_st* stream = find_stream(handle);
    if (stream == nullptr) return leave(cudaErrorInvalidResourceHandle);
    Transfer transfer{to, from, bytes, 0, target.kind, source.kind, nullptr};
    if (stream->capture != nullptr) return leave(submit(*stream, operation(std::move(transfer))));
    // What lies in pageable memory is read before the call returns, and written there before, too.
    if (source.kind == MemoryKind::kPageable) {
      const char* begin = static_cast<const char*>(from);
      transfer.staged = std::make_shared<std::vector<char>>(begin, begin + bytes);
    }
    stream->worker->push(operation(std::move(transfer)));
    if (target.kind == MemoryKind::kPageable) moment = mark(*stream);
  }
  if (moment != nullptr) moment->wait();
  return leave(moment != nullptr ? sticky_error() : cudaSuccess);
}

cudaError_t cudaMemsetAsync(void* pointer, int value, size_t bytes, cudaStream_t handle) {
  const Call call;
  const cudaError_t error = enter();
  if (error != cudaSuccess || bytes == 0) return leave(error);
  const Range range = find_range(pointer, bytes);
  if (!range.valid || range.kind == MemoryKind::kPageable) return leave(cudaErrorInvalidValue);
  const Recording recording(handle);
  const std::lock_guard<std::mutex> lock(handles());
  CUstream_st* stream = find_stream(handle);
  if (stream == nullptr) return leave(cudaErrorInvalidResourceHandle);
  return leave(submit(*stream, operation({pointer, nullptr, bytes, value, range.kind,
                                          MemoryKind::kPageable, nullptr})));
}

cudaError_t cudaMallocFromPoolAsync(void** pointer, size_t bytes, cudaMemPool_t pool,
                                    cudaStream_t handle) {
  const Call call;
  const cudaError_t error = enter();
  if (error != cudaSuccess) return leave(error);
  if (pointer == nullptr) return leave(cudaErrorInvalidValue);
  *pointer = nullptr;
  if (bytes == 0) return leave(cudaSuccess);
  const std::lock_guard<std::mutex> lock(handles());
  CUstream_st* stream = find_stream(handle);
  if (stream == nullptr) return leave(cudaErrorInvalidResourceHandle);
  if (pool != nullptr && pools().count(pool) == 0) return leave(cudaErrorInvalidValue);
  // CUDA would make a node of the graph of it; nothing here needs that.
  if (stream->capture != nullptr) {
    stream->capture->valid = false;
    return leave(cudaErrorStreamCaptureUnsupported);
  }
  if (fault_is_due(FaultPoint::kOutOfMemory)) return leave(cudaErrorMemoryAllocation);
  if (pool != nullptr && pool->limit != 0 && pool_bytes_used(pool) + bytes > pool->limit)
    return leave(cudaErrorMemoryAllocation);
  void* memory = reserve_device(bytes, pool);
  if (memory == nullptr) return leave(cudaErrorMemoryAllocation);
  *pointer = memory;
  stream->worker->push({[memory](Machine&, uint64_t) { open_device(memory); }});
  return leave(cudaSuccess);
}

cudaError_t cudaMallocAsync(void** pointer, size_t bytes, cudaStream_t stream) {
  const Call call;
  return cudaMallocFromPoolAsync(pointer, bytes, nullptr, stream);
}

cudaError_t cudaFreeAsync(void* pointer, cudaStream_t handle) {
  const Call call;
  const cudaError_t error = enter();
  if (error != cudaSuccess || pointer == nullptr) return leave(error);
  const std::lock_guard<std::mutex> lock(handles());
  CUstream_st* stream = find_stream(handle);
  if (stream == nullptr) return leave(cudaErrorInvalidResourceHandle);
  if (stream->capture != nullptr) {
    stream->capture->valid = false;
    return leave(cudaErrorStreamCaptureUnsupported);
  }
  if (!begin_free(pointer)) return leave(cudaErrorInvalidValue);
  stream->worker->push({[pointer](Machine&, uint64_t) { close_device(pointer); }});
  return leave(cudaSuccess);
}

cudaError_t cudaMemPoolCreate(cudaMemPool_t* pool, const cudaMemPoolProps* properties) {
  const Call call;
  const cudaError_t error = enter();
  if (error != cudaSuccess) return leave(error);
  if (pool == nullptr || properties == nullptr ||
      properties->allocType != cudaMemAllocationTypePinned ||
      properties->location.type != cudaMemLocationTypeDevice || properties->location.id < 0 ||
      properties->location.id >= device_count())
    return leave(cudaErrorInvalidValue);
  const std::lock_guard<std::mutex> lock(handles());
  *pool = new CUmemPoolHandle_st;
  (*pool)->limit = properties->maxSize;
  pools().insert(*pool);
  return leave(cudaSuccess);
}

cudaError_t cudaMemPoolDestroy(cudaMemPool_t pool) {
  const Call call;
  const std::lock_guard<std::mutex> lock(handles());
  if (pools().erase(pool) == 0) return leave(cudaErrorInvalidValue);
  delete pool;
  return leave(enter());
}

cudaError_t cudaMemPoolSetAttribute(cudaMemPool_t pool, cudaMemPoolAttr attribute, void* value) {
  const Call call;
  const cudaError_t error = enter();
  if (error != cudaSuccess) return leave(error);
  const std::lock_guard<std::mutex> lock(handles());
  if (pools().count(pool) == 0 || value == nullptr || attribute < 1 ||
      attribute > cudaMemPoolAttrReleaseThreshold)
    return leave(cudaErrorInvalidValue);
  // Reuse is a matter of speed, which is not modelled: what is set is only remembered.
  if (attribute == cudaMemPoolAttrReleaseThreshold)
    pool->attributes[attribute] = *static_cast<uint64_t*>(value);
  else pool->attributes[attribute] = static_cast<uint64_t>(*static_cast<int*>(value));
  return leave(cudaSuccess);
}

cudaError_t cudaMemPoolGetAttribute(cudaMemPool_t pool, cudaMemPoolAttr attribute, void* value) {
  const Call call;
  const cudaError_t error = enter();
  if (error != cudaSuccess) return leave(error);
  const std::lock_guard<std::mutex> lock(handles());
  if (pools().count(pool) == 0 || value == nullptr || attribute < 1)
    return leave(cudaErrorInvalidValue);
  if (attribute < cudaMemPoolAttrReleaseThreshold)
    *static_cast<int*>(value) = static_cast<int>(pool->attributes[attribute]);
  else if (attribute == cudaMemPoolAttrReleaseThreshold)
    *static_cast<uint64_t*>(value) = pool->attributes[attribute];
  else if (attribute == cudaMemPoolAttrUsedMemCurrent ||
           attribute == cudaMemPoolAttrReservedMemCurrent)
    *static_cast<uint64_t*>(value) = pool_bytes_used(pool);
  else return leave(cudaErrorInvalidValue);
  return leave(cudaSuccess);
}

cudaError_t cudaMemPoolTrimTo(cudaMemPool_t pool, size_t) {
  const Call call;
  const cudaError_t error = enter();
  if (error != cudaSuccess) return leave(error);
  const std::lock_guard<std::mutex> lock(handles());
  return leave(pools().count(pool) != 0 ? cudaSuccess : cudaErrorInvalidValue);
}

}  // extern "C"

// The table of allocations.
#include "memory.h"

#include <sys/mman.h>

#include <cstring>
#include <deque>
#include <map>
#include <mutex>

#include "contexts.h"
#include "device.h"
#include "ones.h"
#include "streams.h"

namespace lnrnn::emulator {

namespace {

constexpr size_t kGuard = 64 * 1024;  // a multiple of every page size
constexpr size_t kPage = 4096;
constexpr size_t kAlignment = 256;
constexpr unsigned char kCanary = 0xa5;
constexpr size_t kQuarantine = 4096;  // freed allocations whose addresses are not used again yet
constexpr size_t kLarge = size_t{1} << 20;  // what may well not be used in full

struct Allocation {
  MemoryKind kind = MemoryKind::kDevice;
  int device = current_device();
  cudaMemPool_t pool = nullptr;
  unsigned char* map = nullptr;  // null where the caller's memory was pinned
  size_t map_bytes = 0;
  size_t bytes = 0;
  bool opened = false, freeing = false, freed = false;
};

struct Table {
  std::mutex mutex;
  std::map<unsigned char*, Allocation> allocations;  // by begin; those freed, too
  std::deque<unsigned char*> quarantine;
  size_t used = 0;
  std::map<cudaMemPool_t, size_t> pools;
};

Table& table() {
  static Table& the_table = *new Table;  // never destroyed: threads may outlive static objects
  return the_table;
}

size_t round_up(size_t bytes, size_t unit) { return (bytes + unit - 1) / unit * unit; }

// Address space without access. nullptr where there is none.
unsigned char* map_allocation(size_t bytes, size_t alignment, Allocation* allocation) {
  const size_t taken = round_up(bytes, alignment), pages = round_up(taken, kPage);
  allocation->bytes = bytes;
  allocation->map_bytes = kGuard + pages + kGuard;
  void* map = mmap(nullptr, allocation->map_bytes, PROT_NONE,
                   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (map == MAP_FAILED) return nullptr;
  allocation->map = static_cast<unsigned char*>(map);
  return allocation->map + kGuard + pages - taken;
}

bool open(unsigned char* begin, Allocation& allocation) {
  unsigned char* first = allocation.map + kGuard;
  unsigned char* end = allocation.map + allocation.map_bytes - kGuard;
  if (mprotect(first, static_cast<size_t>(end - first), PROT_READ | PROT_WRITE) != 0) return false;
  std::memset(first, kCanary, static_cast<size_t>(begin - first));
  // But for the first and the last page, which may hold bytes that are not the allocation's.
  if (allocation.bytes >= kLarge &&
      map_ones(first + kPage, static_cast<size_t>(end - first) - 2 * kPage)) {
    std::memset(begin, 0xff, static_cast<size_t>(first + kPage - begin));
    std::memset(end - kPage, 0xff, static_cast<size_t>(begin + allocation.bytes - (end - kPage)));
  } else {
    std::memset(begin, 0xff, allocation.bytes);
  }
  std::memset(begin + allocation.bytes, kCanary,
              static_cast<size_t>(end - begin) - allocation.bytes);
  allocation.opened = true;
  return true;
}

// What was written around it, in words; empty if nothing.
std::string damage(unsigned char* begin, const Allocation& allocation) {
  const unsigned char* first = allocation.map + kGuard;
  const unsigned char* end = allocation.map + allocation.map_bytes - kGuard;
  for (const unsigned char* at = first; at < begin; ++at)
    if (*at != kCanary) return std::to_string(begin - at) + " bytes before its begin";
  for (const unsigned char* at = begin + allocation.bytes; at < end; ++at)
    if (*at != kCanary)
      return std::to_string(at - begin - static_cast<int64_t>(allocation.bytes)) +
             " bytes after its end";
  return {};
}

// Under the table's lock.
void close(unsigned char* begin, Allocation& allocation) {
  // One mapping again, however many it was opened as: a process has a limited number.
  mmap(allocation.map, allocation.map_bytes, PROT_NONE,
       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0);
  allocation.freed = true;
  Table& all = table();
  all.quarantine.push_back(begin);
  if (all.quarantine.size() <= kQuarantine) return;
  const auto oldest = all.allocations.find(all.quarantine.front());
  munmap(oldest->second.map, oldest->second.map_bytes);
  all.allocations.erase(oldest);
  all.quarantine.pop_front();
}

void check_and_close(unsigned char* begin, Allocation& allocation, const char* kind) {
  const std::string where = allocation.opened ? damage(begin, allocation) : std::string();
  if (!where.empty())
    lose_device(cudaErrorIllegalAddress, std::string(kind) + " memory of " +
                                             std::to_string(allocation.bytes) +
                                             " bytes was written " + where);
  close(begin, allocation);
}

unsigned char* bytes_of(void* pointer) { return static_cast<unsigned char*>(pointer); }

}  // namespace

Range find_range(const void* pointer, size_t bytes) {
  unsigned char* at = static_cast<unsigned char*>(const_cast<void*>(pointer));
  const std::lock_guard<std::mutex> lock(table().mutex);
  auto next = table().allocations.upper_bound(at);
  if (next == table().allocations.begin()) return {};
  const auto& [begin, allocation] = *--next;
  if (at >= begin + allocation.bytes) return {};
  const bool inside = bytes <= static_cast<size_t>(begin + allocation.bytes - at);
  return {allocation.kind, inside && !allocation.freeing && !allocation.freed, begin,
          allocation.device};
}

void* reserve_device(size_t bytes, cudaMemPool_t pool) {
  const std::lock_guard<std::mutex> lock(table().mutex);
  if (bytes > memory_limit() || table().used > memory_limit() - bytes) return nullptr;
  Allocation allocation;
  allocation.pool = pool;
  unsigned char* begin = map_allocation(bytes, kAlignment, &allocation);
  if (begin == nullptr) return nullptr;
  table().allocations[begin] = allocation;
  table().used += bytes;
  table().pools[pool] += bytes;
  return begin;
}

void open_device(void* pointer) {
  const std::lock_guard<std::mutex> lock(table().mutex);
  unsigned char* begin = bytes_of(pointer);
  if (!open(begin, table().allocations.at(begin)))
    lose_device(cudaErrorUnknown, "no host memory for device memory");
}

bool begin_free(void* pointer) {
  const std::lock_guard<std::mutex> lock(table().mutex);
  const auto found = table().allocations.find(bytes_of(pointer));
  if (found == table().allocations.end()) return false;
  Allocation& allocation = found->second;
  if (allocation.kind != MemoryKind::kDevice || allocation.freeing || allocation.freed)
    return false;
  allocation.freeing = true;
  table().used -= allocation.bytes;
  table().pools[allocation.pool] -= allocation.bytes;
  return true;
}

void close_device(void* pointer) {
  const std::lock_guard<std::mutex> lock(table().mutex);
  const auto found = table().allocations.find(bytes_of(pointer));
  check_and_close(found->first, found->second, "device");
}

size_t device_bytes_used() {
  const std::lock_guard<std::mutex> lock(table().mutex);
  return table().used;
}

size_t pool_bytes_used(cudaMemPool_t pool) {
  const std::lock_guard<std::mutex> lock(table().mutex);
  return table().pools[pool];
}

std::string count_memory() {
  const std::lock_guard<std::mutex> lock(table().mutex);
  size_t device = 0, pinned = 0, registered = 0;
  for (const auto& [begin, allocation] : table().allocations) {
    if (allocation.freed) continue;
    ++(allocation.kind == MemoryKind::kDevice ? device
       : allocation.map != nullptr            ? pinned
                                              : registered);
  }
  return counted(device, "device allocations") + counted(pinned, "pinned allocations") +
         counted(registered, "registrations");
}

void free_all_memory() {
  const std::lock_guard<std::mutex> lock(table().mutex);
  for (const auto& [begin, allocation] : table().allocations)
    if (allocation.map != nullptr) munmap(allocation.map, allocation.map_bytes);
  table().allocations.clear();
  table().quarantine.clear();
  table().used = 0;
  table().pools.clear();
}

}  // namespace lnrnn::emulator

using namespace lnrnn::emulator;

// ---- pinned host memory ----------------------------------------------------------------------------

extern "C" {

cudaError_t cudaHostAlloc(void** pointer, size_t bytes, unsigned) {
  const Call call;
  const cudaError_t error = enter_between_captures();
  if (error != cudaSuccess) return leave(error);
  if (pointer == nullptr) return leave(cudaErrorInvalidValue);
  *pointer = nullptr;
  if (bytes == 0) return leave(cudaSuccess);
  if (fault_is_due(FaultPoint::kOutOfHostMemory)) return leave(cudaErrorMemoryAllocation);
  Allocation allocation;
  allocation.kind = MemoryKind::kPinned;
  unsigned char* begin = map_allocation(bytes, kPage, &allocation);
  if (begin == nullptr) return leave(cudaErrorMemoryAllocation);
  if (!open(begin, allocation)) {
    munmap(allocation.map, allocation.map_bytes);
    return leave(cudaErrorMemoryAllocation);
  }
  const std::lock_guard<std::mutex> lock(table().mutex);
  table().allocations[begin] = allocation;
  *pointer = begin;
  return leave(cudaSuccess);
}

cudaError_t cudaFreeHost(void* pointer) {
  const Call call;
  const cudaError_t error = enter_between_captures();
  if (pointer == nullptr || error == cudaErrorStreamCaptureUnsupported) return leave(error);
  // A device that is lost has stopped; here the kernel that runs ends first.
  if (sticky_error() != cudaSuccess) wait_for_all_streams();
  const std::lock_guard<std::mutex> lock(table().mutex);
  const auto found = table().allocations.find(bytes_of(pointer));
  if (found == table().allocations.end() || found->second.kind != MemoryKind::kPinned ||
      found->second.map == nullptr || found->second.freed)
    return leave(cudaErrorInvalidValue);
  check_and_close(found->first, found->second, "pinned");
  return leave(error != cudaSuccess ? error : sticky_error());
}

cudaError_t cudaHostRegister(void* pointer, size_t bytes, unsigned) {
  const Call call;
  const cudaError_t error = enter_between_captures();
  if (error != cudaSuccess) return leave(error);
  if (pointer == nullptr || bytes == 0) return leave(cudaErrorInvalidValue);
  if (fault_is_due(FaultPoint::kRegister)) return leave(cudaErrorMemoryAllocation);
  unsigned char* begin = bytes_of(pointer);
  const std::lock_guard<std::mutex> lock(table().mutex);
  auto& allocations = table().allocations;
  auto next = allocations.upper_bound(begin);
  if (next != allocations.end() && next->first < begin + bytes)
    return leave(cudaErrorHostMemoryAlreadyRegistered);
  if (next != allocations.begin()) {
    --next;
    if (begin < next->first + next->second.bytes)
      return leave(cudaErrorHostMemoryAlreadyRegistered);
  }
  Allocation allocation;
  allocation.kind = MemoryKind::kPinned;
  allocation.bytes = bytes;
  allocations[begin] = allocation;
  return leave(cudaSuccess);
}

cudaError_t cudaHostUnregister(void* pointer) {
  const Call call;
  const cudaError_t error = enter_between_captures();
  if (error == cudaErrorStreamCaptureUnsupported) return leave(error);
  const std::lock_guard<std::mutex> lock(table().mutex);
  const auto found = table().allocations.find(bytes_of(pointer));
  if (found == table().allocations.end() || found->second.map != nullptr)
    return leave(cudaErrorHostMemoryNotRegistered);
  table().allocations.erase(found);
  return leave(error);
}

cudaError_t cudaPointerGetAttributes(cudaPointerAttributes* attributes, const void* pointer) {
  const Call call;
  const cudaError_t error = enter();
  if (error != cudaSuccess) return leave(error);
  if (attributes == nullptr) return leave(cudaErrorInvalidValue);
  void* address = const_cast<void*>(pointer);
  const Range range = find_range(pointer, 1);
  *attributes = {cudaMemoryTypeUnregistered, -2, nullptr, address};
  if (!range.valid || range.kind == MemoryKind::kPageable) return leave(cudaSuccess);
  const bool device = range.kind == MemoryKind::kDevice;
  *attributes = {device ? cudaMemoryTypeDevice : cudaMemoryTypeHost, range.device, address,
                 device ? nullptr : address};
  return leave(cudaSuccess);
}

}  // extern "C"

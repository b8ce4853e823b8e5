// Device and pinned host memory: each allocation is pages of its own between pages that cannot be
// accessed, its end against the latter. What rounding leaves over is filled and checked at the
// free. Fresh memory is all ones, which is NaN; freed memory cannot be accessed.
#pragma once

#include <cuda_runtime.h>

#include <cstddef>
#include <memory>
#include <string>

namespace lnrnn::emulator {

enum class MemoryKind { kPageable, kPinned, kDevice };

// What a range is; kInvalid where it begins in an allocation and leaves it, or was freed.
struct Range {
  MemoryKind kind = MemoryKind::kPageable;
  bool valid = true;
  void* begin = nullptr;  // of the allocation
  int device = 0;         // that was current when it was made
};
Range find_range(const void* pointer, size_t bytes);

// Device memory. The address is known at once, its use begins at open() and ends at close(), in
// the order of a stream. nullptr beyond the limit.
void* reserve_device(size_t bytes, cudaMemPool_t pool);
void open_device(void* pointer);
// From a call on: it cannot be freed twice. False if it is not the begin of a live allocation.
bool begin_free(void* pointer);
void close_device(void* pointer);

size_t device_bytes_used();
size_t pool_bytes_used(cudaMemPool_t pool);
// What is allocated or registered.
std::string count_memory();
// Everything, with handles of pools.
void free_all_memory();

}  // namespace lnrnn::emulator

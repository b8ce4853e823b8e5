// The objects behind the opaque handles, and what every entry point does with structs and streams.
#pragma once

#include <atomic>
#include <cstring>
#include <exception>
#include <memory>
#include <mutex>
#include <new>
#include <unordered_map>

#include "device.h"
#include "status.h"

struct lnrnnHandle {
  std::unique_ptr<lnrnn::Device> device;
  std::atomic<int64_t> plans{0}, streams{0}, events{0};
  // What lnrnnMalloc and lnrnnHostAlloc gave and has not come back, with its size.
  std::mutex guard;
  std::unordered_map<void*, size_t> device_memory, host_memory;
};

struct lnrnnStream {
  lnrnnHandle* handle;
  std::unique_ptr<lnrnn::Stream> impl;
};

struct lnrnnEvent {
  lnrnnHandle* handle;
  std::unique_ptr<lnrnn::Event> impl;
};

struct lnrnnPlan {
  lnrnnHandle* handle;
  lnrnn::Plan plan;
};

namespace lnrnn {

// Of the whole process; see lnrnnUsage_t.
struct Usage {
  std::atomic<int64_t> handles{0}, plans{0}, streams{0}, events{0};
  std::atomic<int64_t> device_bytes{0}, device_allocations{0}, host_bytes{0}, host_allocations{0};
};
extern Usage usage;

// A caller's struct may be older (shorter) or newer (longer) than ours.
template <class S>
S read_struct(const S* from) {
  S copy{};
  std::memcpy(static_cast<void*>(&copy), from, from->structSize < sizeof(S) ? from->structSize : sizeof(S));
  return copy;
}
template <class S>
void write_struct(S from, S* to) {
  from.structSize = to->structSize;
  std::memcpy(static_cast<void*>(to), &from, to->structSize < sizeof(S) ? to->structSize : sizeof(S));
}

// The stream itself, or the handle's default stream for NULL.
lnrnnStatus_t resolve(const char* function, lnrnnHandle_t handle, lnrnnStream_t stream,
                      Stream** resolved);

// Runs body, which may throw, and gives a status: no exception crosses the C boundary.
template <class F>
lnrnnStatus_t guarded(const char* function, const F& body) {
  try {
    return body();
  } catch (const std::bad_alloc&) {
    return fail(LNRNN_STATUS_OUT_OF_MEMORY, "%s: out of host memory", function);
  } catch (const std::exception& error) {
    return fail(LNRNN_STATUS_OUT_OF_MEMORY, "%s: the system refused: %s", function, error.what());
  } catch (...) {
    return fail(LNRNN_STATUS_INTERNAL_ERROR, "%s: unknown exception", function);
  }
}

}  // namespace lnrnn

#define LNRNN_REQUIRE_STRUCT(pointer)                                                           \
  LNRNN_REQUIRE(pointer);                                                                       \
  LNRNN_CHECK((pointer)->structSize >= sizeof(size_t), LNRNN_STATUS_INVALID_ARGUMENT,           \
              "%s: " #pointer "->structSize is %zu, not the struct's size", __func__,           \
              (pointer)->structSize)

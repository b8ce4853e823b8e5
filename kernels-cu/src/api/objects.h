// The objects behind the opaque handles, and what every entry point does with streams.
#pragma once

#include <atomic>
#include <exception>
#include <initializer_list>
#include <memory>
#include <mutex>
#include <new>

#include "core/device.h"
#include "core/status.h"
#include "memory.h"
#include "stack.h"
#include "structs.h"

namespace lnrnn {

// Steps and batch are counted in 32-bit words by the random generator.
constexpr int64_t kMaxExtent = int64_t{1} << 32;
lnrnnStatus_t check_extent(const char* function, const char* name, int64_t value);
struct Capture;
}  // namespace lnrnn

struct lnrnnHandle {
  std::unique_ptr<lnrnn::Device> device;  // outlives what was made through it
  std::atomic<int64_t> plans{0}, streams{0}, events{0}, graphs{0};
  std::mutex guard;  // of memory and capture
  lnrnn::Ledger memory;
  std::unique_ptr<lnrnn::Capture> capture;  // the one that is open
  std::atomic<bool> capturing{false};       // whether there is one, to ask without the guard
};

struct lnrnnStream {
  lnrnnHandle* handle;
  std::unique_ptr<lnrnn::Stream> impl;
};

struct lnrnnEvent {
  lnrnnHandle* handle;
  std::unique_ptr<lnrnn::Event> impl;
};

struct lnrnnGraph {
  lnrnnHandle* handle;
  lnrnn::Holdings holdings;
  std::unique_ptr<lnrnn::Graph> impl;  // gone before what it uses
};

struct lnrnnPlan {
  lnrnnHandle* handle;
  lnrnn::Plan plan;
  lnrnn::Stack stack;
};

namespace lnrnn {

// A capture that has begun and not ended.
struct Capture {
  lnrnnStream* origin;
  Holdings holdings;                  // what the captured calls use
  std::vector<Hold> waiting;          // freed since it began
  std::unique_ptr<lnrnnGraph> graph;  // what it becomes, so that its end takes no memory
};

// Of the whole process; see lnrnnUsage_t.
struct Usage {
  std::atomic<int64_t> handles{0}, plans{0}, streams{0}, events{0}, graphs{0};
  Tally device, host, registered;
};
extern Usage usage;

// The stream itself, or the handle's default stream for NULL.
lnrnnStatus_t resolve(const char* function, lnrnnHandle_t handle, lnrnnStream_t stream,
                      Stream** resolved);

// Gives a graph that the stream is being captured into a hold on the memory that a call is about to
// use. The caller holds the stream, so that no capture of it begins before the call has queued its
// work. Costs next to nothing where the handle captures nothing.
lnrnnStatus_t hold_for_capture(const char* function, lnrnnHandle_t handle, Stream& stream,
                               const void* const* used, size_t count);
inline lnrnnStatus_t hold(const char* function, lnrnnHandle_t handle, Stream& stream,
                          std::initializer_list<const void*> used) {
  return handle->capturing ? hold_for_capture(function, handle, stream, used.begin(), used.size())
                           : LNRNN_STATUS_SUCCESS;
}

// Refuses, while the stream is being captured, a call that a graph cannot hold.
lnrnnStatus_t refuse_capture(const char* function, lnrnnHandle_t handle, Stream& stream);

// Before the stream is destroyed: ends a capture that it takes part in, without a graph.
void abandon_capture(lnrnnStream_t stream);

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

// A stream to capture, and what its graphs may touch: for tests of graphs on the CUDA device.
#pragma once

#include <vector>

#include "calls.h"
#include "gpu.h"

namespace graph_session {

using check::usage;

constexpr size_t kBytes = 4096;

// A device, a stream to capture, and pinned memory to look at.
struct Session {
  lnrnnHandle_t handle = nullptr;
  lnrnnStream_t stream = nullptr;
  char* seen = nullptr;

  Session() {
    DONE(lnrnnCreate(LNRNN_DEVICE_CUDA, 0, 0, nullptr, &handle));
    DONE(lnrnnStreamCreate(handle, &stream));
    seen = static_cast<char*>(pinned(kBytes));
  }
  ~Session() {
    DONE(lnrnnHostFree(handle, seen));
    if (stream != nullptr) DONE(lnrnnStreamDestroy(stream));
    DONE(lnrnnDestroy(handle));
    if (usage().handles == 0) check::nothing_left();
  }
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  void* device(size_t bytes = kBytes) {
    void* pointer = nullptr;
    DONE(lnrnnMalloc(handle, stream, bytes, &pointer));
    return pointer;
  }
  void* pinned(size_t bytes) {
    void* pointer = nullptr;
    DONE(lnrnnHostAlloc(handle, bytes, &pointer));
    return pointer;
  }
  void begin() { DONE(lnrnnStreamBeginCapture(handle, stream)); }
  lnrnnGraph_t end() {
    lnrnnGraph_t graph = nullptr;
    DONE(lnrnnStreamEndCapture(handle, stream, &graph));
    return graph;
  }
  void fill(void* memory, int value) { DONE(lnrnnMemset(handle, stream, memory, value, kBytes)); }
  void copy(void* to, const void* from) { DONE(lnrnnMemcpy(handle, stream, to, from, kBytes)); }
  // Whether all of the memory holds this value, once the stream is done.
  bool holds(const void* memory, char value) {
    if (memory != seen) copy(seen, memory);
    DONE(lnrnnStreamSynchronize(handle, stream));
    return std::vector<char>(kBytes, value) == std::vector<char>(seen, seen + kBytes);
  }
};

}  // namespace graph_session

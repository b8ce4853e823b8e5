// CUDA's runtime in this library's terms: statuses with sentences, streams, events, graphs, and
// memory whose freeing waits for the work that uses it.
#pragma once

#include <cuda_runtime.h>

#include <array>
#include <atomic>
#include <memory>
#include <mutex>
#include <set>
#include <vector>

#include "../api/device.h"
#include "../api/status.h"
#include "device.h"

namespace lnrnn::cuda {

class Context;
class Cublas;

// By the blocks of a cluster: how many of those that run passes run at once.
using ClusterCounts = std::array<int, kMostClusterBlocks + 1>;

// A status for what CUDA answered, with the sentence "<what>: <CUDA's words>". Errors after which
// CUDA refuses everything are DEVICE_LOST and poison the context.
lnrnnStatus_t check(Context& context, cudaError_t error, const char* what);

#define LNRNN_CUDA_CHECK(context, call) LNRNN_FORWARD(check(context, call, #call))

struct CudaStream final : Stream {
  CudaStream(Context& owner, const Cublas* products) : context(owner), cublas(products) {}
  ~CudaStream() override;

  Context& context;
  const Cublas* const cublas;  // null where cuBLAS is not there
  cudaStream_t raw = nullptr;
  cudaEvent_t fence = nullptr;  // re-recorded by every free, see Context
  void* cublas_workspace = nullptr;
  // During a capture in its place, allocated where it is needed: the graph's, which runs on other
  // streams and when this one is gone.
  mutable void* captured_workspace = nullptr;

  // Busy or the context's captures_ is held.
  bool capturing() const;
  // Called with busy held, for as long as work is queued. Owns captures_ if the stream is being
  // captured.
  std::unique_lock<std::mutex> recording() const;
  // What cuBLAS may use for work that is queued now, while recording() is kept.
  lnrnnStatus_t find_workspace(void** workspace) const;
};

struct CudaEvent final : Event {
  explicit CudaEvent(Context& owner) : context(owner) {}
  ~CudaEvent() override;

  Context& context;
  cudaEvent_t raw = nullptr;
  std::atomic<bool> recorded{false};
};

struct CudaGraph final : Graph {
  explicit CudaGraph(Context& owner) : context(owner) {}
  ~CudaGraph() override;

  Context& context;
  cudaGraphExec_t raw = nullptr;
  std::vector<void*> workspaces;  // cuBLAS's
};

// One device opened for use.
//
// CUDA does not order what threads do to one capture, so captures_ does: it is held wherever a
// capture begins or ends, work is recorded, or a stream may join. A stream becomes captured only with
// both its busy and captures_ held, so that one of the two keeps a stream that is not captured so.
//
// Memory comes from a pool of its own. An allocation is made on a stream on which nothing else
// happens, so that it is there at once and for every stream; a free is queued on another, behind a
// fence after the work of every stream, and holds up none of them.
class Context {
 public:
  explicit Context(int ordinal) : ordinal_(ordinal) {}
  ~Context();

  // After enter(). overlaps: whether kernels may be sent ahead of the end of those before them.
  lnrnnStatus_t open(bool overlaps, const ClusterCounts& clusters);
  bool overlaps() const { return overlaps_; }
  int resident_clusters(int64_t blocks) const {
    return resident_clusters_[static_cast<size_t>(blocks)];
  }

  // Before any other call into CUDA: the thread's device, and whether it is lost.
  lnrnnStatus_t enter();

  lnrnnStatus_t add_stream(const Cublas* cublas, std::unique_ptr<CudaStream>* stream);
  lnrnnStatus_t begin_capture(const CudaStream& stream);
  // What was allocated for the capture, on every stream, is the graph's from here on.
  cudaError_t end_capture(const CudaStream& stream, CudaGraph& graph, cudaGraph_t* captured);
  // For whoever asks about captures, or touches an event, which may stand in one.
  std::unique_lock<std::mutex> hold_captures() { return std::unique_lock<std::mutex>(captures_); }

  lnrnnStatus_t allocate(size_t bytes, void** pointer);
  lnrnnStatus_t release(void* pointer);
  lnrnnStatus_t allocate_host(size_t bytes, void** pointer);
  lnrnnStatus_t release_host(void* pointer);
  // Waits for all work queued so far.
  lnrnnStatus_t drain();

 private:
  friend struct CudaStream;  // which say when they go
  friend struct CudaGraph;
  friend lnrnnStatus_t check(Context&, cudaError_t, const char*);

  // What goes when the work queued so far is done.
  struct Leaving {
    cudaEvent_t when;
    void* host;              // one of the two
    cudaGraphExec_t graph;
  };

  void remove_stream(CudaStream& stream);
  cudaError_t fence_all();                           // guard_ is held, captures_ is not
  cudaError_t leave(void* host, cudaGraphExec_t graph);
  void see_off(bool wait);                           // guard_ is held

  const int ordinal_;
  bool overlaps_ = false;
  ClusterCounts resident_clusters_{};
  std::atomic<cudaError_t> lost_{cudaSuccess};  // what it was lost to
  cudaMemPool_t pool_ = nullptr;
  cudaStream_t allocating_ = nullptr, freeing_ = nullptr;
  std::mutex guard_;
  std::set<CudaStream*> streams_;
  std::vector<Leaving> leaving_;
  std::mutex captures_;  // taken after a stream's busy and guard_
  std::atomic<bool> capture_is_open_{false};
};

// Queues a kernel.
template <class Kernel>
lnrnnStatus_t launch(const CudaStream& stream, LaunchShape shape, const Kernel& kernel) {
  constexpr int64_t kMaxBlocks = 0x7fffffff;
  LNRNN_CHECK(shape.blocks <= kMaxBlocks, LNRNN_STATUS_NOT_SUPPORTED,
              "%s: the call needs %lld blocks, but a CUDA device runs at most %lld in one launch",
              Kernel::kName, static_cast<long long>(shape.blocks),
              static_cast<long long>(kMaxBlocks));
  if (shape.blocks == 0) return LNRNN_STATUS_SUCCESS;
  shape.overlapping = stream.context.overlaps();
  return check(stream.context, enqueue(stream.raw, shape, kernel), Kernel::kName);
}

}  // namespace lnrnn::cuda

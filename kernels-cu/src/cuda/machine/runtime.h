// CUDA's runtime in this library's terms: statuses with sentences, streams, events, graphs, and
// memory whose freeing waits for the work that uses it.
#pragma once

#include <cuda_runtime.h>

#include <array>
#include <atomic>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <vector>

#include "core/device.h"
#include "core/status.h"
#include "device.cuh"
#include "thread_context.h"

namespace lnrnn::cuda {

class Context;
class Cublas;

// By the blocks of a cluster: how many of those that run passes run at once.
using ClusterCounts = std::array<int, kMostClusterBlocks + 1>;

// A status for what CUDA answered, with the sentence "<what>: <CUDA's words>". Errors after which
// CUDA refuses everything are DEVICE_LOST and poison the context.
lnrnnStatus_t check(Context& context, cudaError_t error, const char* what);

// Where nothing can be done about a failure any more: the context's device is the thread's.
void ignore(cudaError_t error);

#define LNRNN_CUDA_CHECK(context, call) LNRNN_FORWARD(check(context, call, #call))

// What is given back when the work queued before is done. Made together with what it stands for, so that
// giving back takes no memory and always succeeds: what CUDA does not do now it is asked again for.
struct Leaving {
  enum Kind { kDeviceMemory, kHostMemory, kGraph } kind;
  cudaEvent_t when = nullptr;  // but for device memory, whose free is queued itself
  bool queued = false;         // the event
};
using LeavingByAddress = std::map<void*, Leaving>;

// What CUDA has of a stream. Outlives its owner until what is freed from then on waits for its work.
struct Queue {
  struct CudaStream* owner;  // null: gone
  cudaStream_t raw = nullptr;
  cudaEvent_t fence = nullptr;  // re-recorded by every free, see Context
};

struct CudaStream final : Stream {
  CudaStream(Context& owner, const Cublas* products)
      : context(owner), cublas(products), made{{this}} {}
  ~CudaStream() override;

  Context& context;
  const Cublas* const cublas;  // null where cuBLAS is not there
  cudaStream_t raw = nullptr;
  std::list<Queue> made;  // one, until the context has it
  void* cublas_workspace = nullptr;
  // During a capture in its place, allocated where it is needed: the graph's, which runs on other
  // streams and when this one is gone.
  mutable void* captured_workspace = nullptr;

  // Busy or the context's captures_ is held.
  lnrnnStatus_t find_capturing(bool* capturing) const;
  // Called with busy held; *held is kept for as long as work is queued. It owns captures_ if the stream is
  // being captured.
  lnrnnStatus_t record(std::unique_lock<std::mutex>* held) const;
  // What cuBLAS may use for work that is queued now, after record().
  lnrnnStatus_t find_workspace(void** workspace) const;

 private:
  mutable std::unique_lock<std::mutex>* held_ = nullptr;  // what the last record() was given
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
  LeavingByAddress::node_type leaving;
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
// fence after the work of every stream, and holds up none of them. No lock is held while the device is
// waited for.
class Context {
 public:
  explicit Context(int ordinal) : ordinal_(ordinal) {}
  ~Context();

  // First of all. Then there can be an Entrance.
  lnrnnStatus_t find_device();
  // In an Entrance. overlaps: whether kernels may be sent ahead of the end of those before them.
  lnrnnStatus_t open(bool overlaps, const ClusterCounts& clusters);
  // Waits for what is being given back. Fails where CUDA does, and can be repeated.
  lnrnnStatus_t close();
  void* primary() const { return primary_; }
  bool lost() const { return lost_ != cudaSuccess; }
  bool overlaps() const { return overlaps_; }
  int resident_clusters(int64_t blocks) const {
    return resident_clusters_[static_cast<size_t>(blocks)];
  }

  lnrnnStatus_t add_stream(const Cublas* cublas, std::unique_ptr<CudaStream>* stream);
  lnrnnStatus_t begin_capture(const CudaStream& stream);
  // What was allocated for the capture, on every stream, is the graph's, which is null where the capture
  // has not ended, or had already.
  cudaError_t end_capture(std::unique_ptr<CudaGraph>* graph, cudaGraph_t* captured, bool* ended);
  // Memory that the captured work uses; captures_ is held.
  lnrnnStatus_t keep_for_graph(void* workspace);
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
  friend class Entrance;
  friend lnrnnStatus_t check(Context&, cudaError_t, const char*);

  lnrnnStatus_t make_leaving(Leaving::Kind kind, LeavingByAddress::node_type* made);
  void destroy(Leaving& leaving);
  void destroy(Queue& queue);
  void remove_stream(CudaStream& stream);
  lnrnnStatus_t find_capturing(cudaStream_t stream, bool* capturing);
  // guard_ is held, and captures_ but for fence_all.
  cudaError_t end_open_capture(cudaGraph_t* captured);
  lnrnnStatus_t fence(const Queue& queue, bool* done);
  lnrnnStatus_t fence_all();
  // Not used any more, but perhaps by work that is queued.
  void leave(void* pointer);
  void leave(LeavingByAddress::node_type node);
  lnrnnStatus_t queue_leaving();  // guard_ is held
  void see_off();

  const int ordinal_;
  void* primary_ = nullptr;  // the device's context
  bool overlaps_ = false;
  ClusterCounts resident_clusters_{};
  std::atomic<cudaError_t> lost_{cudaSuccess};  // what it was lost to
  cudaMemPool_t pool_ = nullptr;
  cudaStream_t allocating_ = nullptr, freeing_ = nullptr;
  std::mutex guard_;
  std::list<Queue> queues_;
  std::mutex captures_;  // taken after a stream's busy and guard_
  std::atomic<bool> capture_is_open_{false};
  cudaStream_t origin_ = nullptr;        // of the open capture; under captures_
  std::unique_ptr<CudaGraph> recorded_;  // and what it becomes, or would have become
  std::mutex nodes_;                     // taken last
  LeavingByAddress in_use_, leaving_;
};

// Makes the context's device the thread's, as long as it lives: before any other call into CUDA.
class Entrance {
 public:
  explicit Entrance(Context& context) : context_(context), current_(context.primary()) {}
  // A failure where the device is lost, too.
  lnrnnStatus_t status() const;

 private:
  Context& context_;
  const ThreadContext current_;
};

#define LNRNN_ENTER(context) \
  const ::lnrnn::cuda::Entrance entrance(context); \
  LNRNN_FORWARD(entrance.status())

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

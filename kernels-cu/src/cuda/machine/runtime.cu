#include "runtime.h"

#include <new>

#include "cublas.h"

namespace lnrnn::cuda {

namespace {

// After these CUDA answers nothing else until the process ends.
bool is_fatal(cudaError_t error) {
  switch (error) {
    case cudaErrorECCUncorrectable:
    case cudaErrorNvlinkUncorrectable:
    case cudaErrorContained:
    case cudaErrorIllegalAddress:
    case cudaErrorLaunchTimeout:
    case cudaErrorHardwareStackError:
    case cudaErrorIllegalInstruction:
    case cudaErrorMisalignedAddress:
    case cudaErrorInvalidAddressSpace:
    case cudaErrorInvalidPc:
    case cudaErrorLaunchFailure:
    case cudaErrorTensorMemoryLeak:
    case cudaErrorExternalDevice:
    case cudaErrorAssert:
    case cudaErrorDevicesUnavailable:
    case cudaErrorContextIsDestroyed:
    case cudaErrorUnknown: return true;
    default: return false;
  }
}

// What was asked for does not go together with a capture, or the capture is spoilt.
bool is_of_capture(cudaError_t error) {
  return error >= cudaErrorStreamCaptureUnsupported && error <= cudaErrorStreamCaptureWrongThread;
}

}  // namespace

void ignore(cudaError_t error) {
  if (error != cudaSuccess) cudaGetLastError();
}

lnrnnStatus_t check(Context& context, cudaError_t error, const char* what) {
  if (error == cudaSuccess) return LNRNN_STATUS_SUCCESS;
  cudaGetLastError();  // else a later, innocent call would report it
  if (is_fatal(error)) {
    context.lost_ = error;
    return fail(LNRNN_STATUS_DEVICE_LOST, "CUDA device %d is lost: %s: %s", context.ordinal_, what,
                cudaGetErrorString(error));
  }
  if (error == cudaErrorMemoryAllocation) {
    return fail(LNRNN_STATUS_OUT_OF_MEMORY, "CUDA device %d: %s: %s", context.ordinal_, what,
                cudaGetErrorString(error));
  }
  return fail(is_of_capture(error) ? LNRNN_STATUS_INVALID_STATE : LNRNN_STATUS_INTERNAL_ERROR,
              "CUDA device %d: %s: %s", context.ordinal_, what, cudaGetErrorString(error));
}

// ---- Streams, events, graphs -----------------------------------------------------------------

CudaStream::~CudaStream() { context.remove_stream(*this); }

lnrnnStatus_t CudaStream::find_capturing(bool* capturing) const {
  return context.find_capturing(raw, capturing);
}

// A capture that opens after the question is none of this stream's, because of busy.
lnrnnStatus_t CudaStream::record(std::unique_lock<std::mutex>* held) const {
  held_ = held;
  if (!context.capture_is_open_) return LNRNN_STATUS_SUCCESS;
  *held = context.hold_captures();
  bool capturing = false;
  LNRNN_FORWARD(find_capturing(&capturing));
  if (!capturing) held->unlock();
  return LNRNN_STATUS_SUCCESS;
}

lnrnnStatus_t CudaStream::find_workspace(void** workspace) const {
  *workspace = cublas_workspace;
  if (!held_->owns_lock()) return LNRNN_STATUS_SUCCESS;
  if (captured_workspace == nullptr) {
    // The device may have to be waited for, and not with captures_ held.
    void* fresh = nullptr;
    held_->unlock();
    const lnrnnStatus_t allocated = context.allocate(Cublas::kWorkspaceBytes, &fresh);
    held_->lock();
    LNRNN_FORWARD(allocated);
    bool capturing = false;
    lnrnnStatus_t status = find_capturing(&capturing);
    if (status == LNRNN_STATUS_SUCCESS && !capturing) {
      status = fail(LNRNN_STATUS_INVALID_STATE,
                    "the capture of the stream ended while a call was recorded");
    }
    if (status == LNRNN_STATUS_SUCCESS) status = context.keep_for_graph(fresh);
    if (status != LNRNN_STATUS_SUCCESS) {
      held_->unlock();  // which comes after what a release takes
      context.release(fresh);
      held_->lock();
      return status;
    }
    captured_workspace = fresh;
  }
  *workspace = captured_workspace;
  return LNRNN_STATUS_SUCCESS;
}

CudaEvent::~CudaEvent() {
  const ThreadContext current(context.primary());
  const std::unique_lock<std::mutex> held = context.hold_captures();  // it may stand in one
  if (raw != nullptr) ignore(cudaEventDestroy(raw));
}

CudaGraph::~CudaGraph() {
  const ThreadContext current(context.primary());
  if (raw == nullptr) {
    if (!leaving.empty()) context.destroy(leaving.mapped());
  } else {
    leaving.key() = raw;
    context.leave(std::move(leaving));  // it may be running
  }
  for (void* const workspace : workspaces) context.release(workspace);
}

// ---- Context ---------------------------------------------------------------------------------

lnrnnStatus_t Entrance::status() const {
  const cudaError_t lost = context_.lost_;
  LNRNN_CHECK(lost == cudaSuccess, LNRNN_STATUS_DEVICE_LOST,
              "CUDA device %d was lost earlier (%s); close it and everything created from it",
              context_.ordinal_, cudaGetErrorString(lost));
  return check(context_, current_.error(), "making the device current");
}

lnrnnStatus_t Context::find_device() {
  return check(*this, find_primary_context(ordinal_, &primary_), "finding the device's context");
}

lnrnnStatus_t Context::open(bool overlaps, const ClusterCounts& clusters) {
  overlaps_ = overlaps;
  resident_clusters_ = clusters;
  cudaMemPoolProps properties{};
  properties.allocType = cudaMemAllocationTypePinned;
  properties.location.type = cudaMemLocationTypeDevice;
  properties.location.id = ordinal_;
  LNRNN_CUDA_CHECK(*this, cudaMemPoolCreate(&pool_, &properties));
  // Freed memory is kept for the next allocation, and reused when its free has been carried out:
  // never by making the allocation wait for it.
  uint64_t keep = UINT64_MAX;
  int no = 0;
  LNRNN_CUDA_CHECK(*this, cudaMemPoolSetAttribute(pool_, cudaMemPoolAttrReleaseThreshold, &keep));
  LNRNN_CUDA_CHECK(*this,
                   cudaMemPoolSetAttribute(pool_, cudaMemPoolReuseFollowEventDependencies, &no));
  LNRNN_CUDA_CHECK(*this,
                   cudaMemPoolSetAttribute(pool_, cudaMemPoolReuseAllowInternalDependencies, &no));
  LNRNN_CUDA_CHECK(*this, cudaStreamCreateWithFlags(&allocating_, cudaStreamNonBlocking));
  LNRNN_CUDA_CHECK(*this, cudaStreamCreateWithFlags(&freeing_, cudaStreamNonBlocking));
  return LNRNN_STATUS_SUCCESS;
}

lnrnnStatus_t Context::close() {
  {
    std::unique_ptr<CudaGraph> unfinished;
    const std::lock_guard<std::mutex> held(captures_);
    unfinished = std::move(recorded_);
  }
  if (drain() == LNRNN_STATUS_DEVICE_LOST) see_off();
  const std::lock_guard<std::mutex> lock(nodes_);
  if (lost_ != cudaSuccess || leaving_.empty()) return LNRNN_STATUS_SUCCESS;
  return fail(LNRNN_STATUS_INTERNAL_ERROR,
              "CUDA device %d: %zu allocations or graphs could not be freed yet", ordinal_,
              leaving_.size());
}

Context::~Context() {
  const ThreadContext current(primary_);
  if (freeing_ != nullptr) close();
  for (Queue& queue : queues_) destroy(queue);
  if (freeing_ != nullptr) ignore(cudaStreamDestroy(freeing_));
  if (allocating_ != nullptr) ignore(cudaStreamDestroy(allocating_));
  if (pool_ != nullptr) ignore(cudaMemPoolDestroy(pool_));
}

lnrnnStatus_t Context::add_stream(const Cublas* cublas, std::unique_ptr<CudaStream>* stream) {
  LNRNN_ENTER(*this);
  auto created = std::make_unique<CudaStream>(*this, cublas);
  Queue& queue = created->made.front();
  LNRNN_CUDA_CHECK(*this, cudaStreamCreateWithFlags(&queue.raw, cudaStreamNonBlocking));
  created->raw = queue.raw;
  LNRNN_CUDA_CHECK(*this, cudaEventCreateWithFlags(&queue.fence, cudaEventDisableTiming));
  {
    const std::lock_guard<std::mutex> lock(guard_);
    queues_.splice(queues_.end(), created->made);
  }
  if (cublas != nullptr) {
    LNRNN_FORWARD(allocate(Cublas::kWorkspaceBytes, &created->cublas_workspace));
  }
  *stream = std::move(created);
  return LNRNN_STATUS_SUCCESS;
}

// Its work goes on; what is freed from now on still waits for it.
void Context::remove_stream(CudaStream& stream) {
  const ThreadContext current(primary_);
  if (stream.cublas_workspace != nullptr) release(stream.cublas_workspace);
  for (Queue& queue : stream.made) destroy(queue);
  const std::lock_guard<std::mutex> lock(guard_);
  const std::lock_guard<std::mutex> held(captures_);
  for (auto queue = queues_.begin(); queue != queues_.end(); ++queue) {
    if (queue->owner != &stream) continue;
    queue->owner = nullptr;
    bool done = false;
    fence(*queue, &done);
    if (done) {
      destroy(*queue);
      queues_.erase(queue);
    }
    break;
  }
}

void Context::destroy(Queue& queue) {
  if (queue.fence != nullptr) ignore(cudaEventDestroy(queue.fence));
  if (queue.raw != nullptr) ignore(cudaStreamDestroy(queue.raw));
}

// Relaxed: what must not happen during a capture is refused before it gets here.
lnrnnStatus_t Context::begin_capture(const CudaStream& stream) {
  // What ends a capture takes no memory.
  auto graph = std::make_unique<CudaGraph>(*this);
  LNRNN_FORWARD(make_leaving(Leaving::kGraph, &graph->leaving));
  const std::lock_guard<std::mutex> held(captures_);
  LNRNN_CUDA_CHECK(*this, cudaStreamBeginCapture(stream.raw, cudaStreamCaptureModeRelaxed));
  recorded_.swap(graph);  // what may be there goes when the lock is not held any more
  origin_ = stream.raw;
  capture_is_open_ = true;
  return LNRNN_STATUS_SUCCESS;
}

lnrnnStatus_t Context::keep_for_graph(void* workspace) {
  try {
    recorded_->workspaces.push_back(workspace);
  } catch (const std::bad_alloc&) {
    return fail(LNRNN_STATUS_OUT_OF_MEMORY, "CUDA device %d: out of host memory", ordinal_);
  }
  return LNRNN_STATUS_SUCCESS;
}

cudaError_t Context::end_open_capture(cudaGraph_t* captured) {
  const cudaError_t ended = cudaStreamEndCapture(origin_, captured);
  if (ended != cudaSuccess && !is_fatal(ended)) {
    cudaStreamCaptureStatus status = cudaStreamCaptureStatusNone;
    const cudaError_t asked = cudaStreamIsCapturing(origin_, &status);
    cudaGetLastError();
    if (asked != cudaSuccess || status != cudaStreamCaptureStatusNone) return ended;
  }
  capture_is_open_ = false;
  for (const Queue& queue : queues_) {
    if (queue.owner != nullptr) queue.owner->captured_workspace = nullptr;
  }
  return ended;
}

cudaError_t Context::end_capture(std::unique_ptr<CudaGraph>* graph, cudaGraph_t* captured,
                                 bool* ended) {
  const std::lock_guard<std::mutex> lock(guard_);
  const std::lock_guard<std::mutex> held(captures_);
  *ended = true;
  if (!capture_is_open_) return cudaErrorStreamCaptureInvalidated;
  const cudaError_t error = end_open_capture(captured);
  *ended = !capture_is_open_;
  if (*ended) *graph = std::move(recorded_);
  return error;
}

lnrnnStatus_t Context::find_capturing(cudaStream_t stream, bool* capturing) {
  cudaStreamCaptureStatus status = cudaStreamCaptureStatusNone;
  if (capture_is_open_) LNRNN_CUDA_CHECK(*this, cudaStreamIsCapturing(stream, &status));
  *capturing = status != cudaStreamCaptureStatusNone;
  return LNRNN_STATUS_SUCCESS;
}

// What is queued on freeing_ next comes after all work that is queued now. A stream that captures
// is left out: what it queues does not run. If it is gone, so is the capture's end, and it ends here.
lnrnnStatus_t Context::fence(const Queue& queue, bool* done) {
  bool capturing = false;
  LNRNN_FORWARD(find_capturing(queue.raw, &capturing));
  if (capturing && queue.owner == nullptr) {
    cudaGraph_t captured = nullptr;
    const cudaError_t ended = end_open_capture(&captured);
    if (captured != nullptr) ignore(cudaGraphDestroy(captured));
    if (capture_is_open_) return check(*this, ended, "cudaStreamEndCapture");
    capturing = false;
  }
  if (!capturing) {
    LNRNN_CUDA_CHECK(*this, cudaEventRecord(queue.fence, queue.raw));
    LNRNN_CUDA_CHECK(*this, cudaStreamWaitEvent(freeing_, queue.fence, 0));
  }
  *done = true;
  return LNRNN_STATUS_SUCCESS;
}

lnrnnStatus_t Context::fence_all() {
  const std::lock_guard<std::mutex> held(captures_);
  for (auto next = queues_.begin(); next != queues_.end();) {
    const auto queue = next++;
    bool done = false;
    LNRNN_FORWARD(fence(*queue, &done));
    if (queue->owner != nullptr) continue;
    destroy(*queue);
    queues_.erase(queue);
  }
  return LNRNN_STATUS_SUCCESS;
}

}  // namespace lnrnn::cuda

#include "runtime.h"

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
    case cudaErrorUnknown:
      return true;
    default:
      return false;
  }
}

// What was asked for does not go together with a capture, or the capture is spoilt.
bool is_of_capture(cudaError_t error) {
  return error >= cudaErrorStreamCaptureUnsupported && error <= cudaErrorStreamCaptureWrongThread;
}

// Called with the context's device current, where nothing can be done about a failure any more.
void ignore(cudaError_t error) {
  if (error != cudaSuccess) cudaGetLastError();
}

}  // namespace

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

bool CudaStream::capturing() const {
  if (!context.capture_is_open_) return false;
  cudaStreamCaptureStatus status = cudaStreamCaptureStatusNone;
  ignore(cudaStreamIsCapturing(raw, &status));
  return status != cudaStreamCaptureStatusNone;
}

// A capture that opens after the question is none of this stream's, because of busy.
std::unique_lock<std::mutex> CudaStream::recording() const {
  if (!context.capture_is_open_) return {};
  std::unique_lock<std::mutex> held = context.hold_captures();
  if (!capturing()) held.unlock();
  return held;
}

lnrnnStatus_t CudaStream::find_workspace(void** workspace) const {
  const bool captured = capturing();
  if (captured && captured_workspace == nullptr) {
    LNRNN_FORWARD(context.allocate(Cublas::kWorkspaceBytes, &captured_workspace));
  }
  *workspace = captured ? captured_workspace : cublas_workspace;
  return LNRNN_STATUS_SUCCESS;
}

CudaEvent::~CudaEvent() {
  const std::unique_lock<std::mutex> held = context.hold_captures();  // it may stand in one
  if (raw != nullptr) ignore(cudaEventDestroy(raw));
}

CudaGraph::~CudaGraph() {
  // It may be running.
  if (raw != nullptr) ignore(context.leave(nullptr, raw));
  for (void* const workspace : workspaces) context.release(workspace);
}

// ---- Context ---------------------------------------------------------------------------------

lnrnnStatus_t Context::enter() {
  const cudaError_t lost = lost_;
  LNRNN_CHECK(lost == cudaSuccess, LNRNN_STATUS_DEVICE_LOST,
              "CUDA device %d was lost earlier (%s); close it and all that was made through it",
              ordinal_, cudaGetErrorString(lost));
  return check(*this, cudaSetDevice(ordinal_), "cudaSetDevice");
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
  LNRNN_CUDA_CHECK(*this,
                   cudaMemPoolSetAttribute(pool_, cudaMemPoolAttrReleaseThreshold, &keep));
  LNRNN_CUDA_CHECK(*this,
                   cudaMemPoolSetAttribute(pool_, cudaMemPoolReuseFollowEventDependencies, &no));
  LNRNN_CUDA_CHECK(*this,
                   cudaMemPoolSetAttribute(pool_, cudaMemPoolReuseAllowInternalDependencies, &no));
  LNRNN_CUDA_CHECK(*this, cudaStreamCreateWithFlags(&allocating_, cudaStreamNonBlocking));
  LNRNN_CUDA_CHECK(*this, cudaStreamCreateWithFlags(&freeing_, cudaStreamNonBlocking));
  return LNRNN_STATUS_SUCCESS;
}

Context::~Context() {
  ignore(cudaSetDevice(ordinal_));
  if (freeing_ != nullptr) {
    ignore(cudaStreamSynchronize(freeing_));
    see_off(true);
    ignore(cudaStreamDestroy(freeing_));
  }
  if (allocating_ != nullptr) ignore(cudaStreamDestroy(allocating_));
  if (pool_ != nullptr) ignore(cudaMemPoolDestroy(pool_));
}

lnrnnStatus_t Context::add_stream(const Cublas* cublas, std::unique_ptr<CudaStream>* stream) {
  LNRNN_FORWARD(enter());
  auto created = std::make_unique<CudaStream>(*this, cublas);
  LNRNN_CUDA_CHECK(*this, cudaStreamCreateWithFlags(&created->raw, cudaStreamNonBlocking));
  LNRNN_CUDA_CHECK(*this, cudaEventCreateWithFlags(&created->fence, cudaEventDisableTiming));
  if (cublas != nullptr) {
    LNRNN_FORWARD(allocate(Cublas::kWorkspaceBytes, &created->cublas_workspace));
  }
  const std::lock_guard<std::mutex> lock(guard_);
  streams_.insert(created.get());
  *stream = std::move(created);
  return LNRNN_STATUS_SUCCESS;
}

// Its work goes on; what is freed from now on still waits for it.
void Context::remove_stream(CudaStream& stream) {
  ignore(cudaSetDevice(ordinal_));
  if (stream.cublas_workspace != nullptr) release(stream.cublas_workspace);
  const std::lock_guard<std::mutex> lock(guard_);
  const std::lock_guard<std::mutex> held(captures_);
  if (streams_.erase(&stream) != 0 && !stream.capturing()) {
    ignore(cudaEventRecord(stream.fence, stream.raw));
    ignore(cudaStreamWaitEvent(freeing_, stream.fence, 0));
  }
  if (stream.fence != nullptr) ignore(cudaEventDestroy(stream.fence));
  if (stream.raw != nullptr) ignore(cudaStreamDestroy(stream.raw));
}

// Relaxed: what must not happen during a capture is refused before it gets here.
lnrnnStatus_t Context::begin_capture(const CudaStream& stream) {
  const std::lock_guard<std::mutex> held(captures_);
  LNRNN_CUDA_CHECK(*this, cudaStreamBeginCapture(stream.raw, cudaStreamCaptureModeRelaxed));
  capture_is_open_ = true;
  return LNRNN_STATUS_SUCCESS;
}

cudaError_t Context::end_capture(const CudaStream& stream, CudaGraph& graph,
                                 cudaGraph_t* captured) {
  const std::lock_guard<std::mutex> lock(guard_);
  const std::lock_guard<std::mutex> held(captures_);
  const cudaError_t ended = cudaStreamEndCapture(stream.raw, captured);
  capture_is_open_ = false;
  for (CudaStream* const each : streams_) {
    if (each->captured_workspace == nullptr) continue;
    graph.workspaces.push_back(each->captured_workspace);
    each->captured_workspace = nullptr;
  }
  return ended;
}

// What is queued on freeing_ next comes after all work that is queued now. A stream that captures
// is left out: what it queues does not run.
cudaError_t Context::fence_all() {
  const std::lock_guard<std::mutex> held(captures_);
  for (CudaStream* const stream : streams_) {
    if (stream->capturing()) continue;
    cudaError_t error = cudaEventRecord(stream->fence, stream->raw);
    if (error == cudaSuccess) error = cudaStreamWaitEvent(freeing_, stream->fence, 0);
    if (error != cudaSuccess) return error;
  }
  return cudaSuccess;
}

lnrnnStatus_t Context::allocate(size_t bytes, void** pointer) {
  LNRNN_FORWARD(enter());
  cudaError_t error = cudaMallocFromPoolAsync(pointer, bytes, pool_, allocating_);
  if (error == cudaErrorMemoryAllocation) {
    // Frees may be on their way. The only place that waits for work of the caller's, and only
    // where the alternative is to fail.
    cudaGetLastError();
    LNRNN_CUDA_CHECK(*this, cudaStreamSynchronize(freeing_));
    LNRNN_CUDA_CHECK(*this, cudaMemPoolTrimTo(pool_, 0));
    error = cudaMallocFromPoolAsync(pointer, bytes, pool_, allocating_);
  }
  if (error == cudaErrorMemoryAllocation) {
    cudaGetLastError();
    size_t free_bytes = 0, total_bytes = 0;
    ignore(cudaMemGetInfo(&free_bytes, &total_bytes));
    return fail(LNRNN_STATUS_OUT_OF_MEMORY,
                "out of device memory: %zu bytes could not be allocated on CUDA device %d, which "
                "has %zu of %zu free",
                bytes, ordinal_, free_bytes, total_bytes);
  }
  LNRNN_FORWARD(check(*this, error, "cudaMallocFromPoolAsync"));
  return check(*this, cudaStreamSynchronize(allocating_), "cudaMallocFromPoolAsync");
}

lnrnnStatus_t Context::release(void* pointer) {
  // Memory of a lost device is gone with it.
  if (enter() != LNRNN_STATUS_SUCCESS) return LNRNN_STATUS_SUCCESS;
  const std::lock_guard<std::mutex> lock(guard_);
  LNRNN_CUDA_CHECK(*this, fence_all());
  LNRNN_CUDA_CHECK(*this, cudaFreeAsync(pointer, freeing_));
  return LNRNN_STATUS_SUCCESS;
}

lnrnnStatus_t Context::allocate_host(size_t bytes, void** pointer) {
  LNRNN_FORWARD(enter());
  {
    const std::lock_guard<std::mutex> lock(guard_);
    see_off(false);
  }
  const cudaError_t error = cudaHostAlloc(pointer, bytes, cudaHostAllocPortable);
  if (error == cudaErrorMemoryAllocation) {
    cudaGetLastError();
    return fail(LNRNN_STATUS_OUT_OF_MEMORY,
                "out of host memory: %zu bytes could not be page-locked for CUDA device %d", bytes,
                ordinal_);
  }
  return check(*this, error, "cudaHostAlloc");
}

lnrnnStatus_t Context::release_host(void* pointer) {
  if (enter() != LNRNN_STATUS_SUCCESS) {
    ignore(cudaFreeHost(pointer));
    return LNRNN_STATUS_SUCCESS;
  }
  return check(*this, leave(pointer, nullptr), "cudaFreeHost");
}

cudaError_t Context::leave(void* host, cudaGraphExec_t graph) {
  ignore(cudaSetDevice(ordinal_));
  const std::lock_guard<std::mutex> lock(guard_);
  see_off(false);
  cudaEvent_t when;
  cudaError_t error = cudaEventCreateWithFlags(&when, cudaEventDisableTiming);
  if (error != cudaSuccess) return error;
  leaving_.push_back({when, host, graph});
  error = fence_all();
  return error == cudaSuccess ? cudaEventRecord(when, freeing_) : error;
}

void Context::see_off(bool wait) {
  size_t kept = 0;
  for (const Leaving& one : leaving_) {
    if (!wait && cudaEventQuery(one.when) == cudaErrorNotReady) {
      leaving_[kept++] = one;
      continue;
    }
    if (one.host != nullptr) ignore(cudaFreeHost(one.host));
    if (one.graph != nullptr) ignore(cudaGraphExecDestroy(one.graph));
    ignore(cudaEventDestroy(one.when));
  }
  leaving_.resize(kept);
}

lnrnnStatus_t Context::drain() {
  LNRNN_FORWARD(enter());
  const std::lock_guard<std::mutex> lock(guard_);
  LNRNN_CUDA_CHECK(*this, fence_all());
  LNRNN_CUDA_CHECK(*this, cudaStreamSynchronize(freeing_));
  see_off(true);
  return LNRNN_STATUS_SUCCESS;
}

}  // namespace lnrnn::cuda

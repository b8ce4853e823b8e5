// Memory of a context, and what is given back when the work queued before is done.
#include <new>

#include "runtime.h"

namespace lnrnn::cuda {

lnrnnStatus_t Context::make_leaving(Leaving::Kind kind, LeavingByAddress::node_type* made) {
  LeavingByAddress one;
  try {
    one.emplace(nullptr, Leaving{kind});
  } catch (const std::bad_alloc&) {
    return fail(LNRNN_STATUS_OUT_OF_MEMORY, "CUDA device %d: out of host memory", ordinal_);
  }
  if (kind != Leaving::kDeviceMemory) {
    LNRNN_CUDA_CHECK(*this,
                     cudaEventCreateWithFlags(&one.begin()->second.when, cudaEventDisableTiming));
  }
  *made = one.extract(one.begin());
  return LNRNN_STATUS_SUCCESS;
}

void Context::destroy(Leaving& leaving) {
  if (leaving.when != nullptr) ignore(cudaEventDestroy(leaving.when));
}

lnrnnStatus_t Context::allocate(size_t bytes, void** pointer) {
  LNRNN_ENTER(*this);
  LeavingByAddress::node_type node;
  LNRNN_FORWARD(make_leaving(Leaving::kDeviceMemory, &node));
  void* fresh = nullptr;
  cudaError_t error = cudaMallocFromPoolAsync(&fresh, bytes, pool_, allocating_);
  if (error == cudaErrorMemoryAllocation) {
    // Frees may be on their way. The only place that waits for work of the caller's, and only
    // where the alternative is to fail.
    cudaGetLastError();
    {
      const std::lock_guard<std::mutex> lock(guard_);
      LNRNN_FORWARD(queue_leaving());
    }
    LNRNN_CUDA_CHECK(*this, cudaStreamSynchronize(freeing_));
    LNRNN_CUDA_CHECK(*this, cudaMemPoolTrimTo(pool_, 0));
    error = cudaMallocFromPoolAsync(&fresh, bytes, pool_, allocating_);
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
  const lnrnnStatus_t status =
      check(*this, cudaStreamSynchronize(allocating_), "cudaMallocFromPoolAsync");
  node.key() = fresh;
  {
    const std::lock_guard<std::mutex> lock(nodes_);
    (status == LNRNN_STATUS_SUCCESS ? in_use_ : leaving_).insert(std::move(node));
  }
  LNRNN_FORWARD(status);
  *pointer = fresh;
  return LNRNN_STATUS_SUCCESS;
}

lnrnnStatus_t Context::release(void* pointer) {
  const ThreadContext current(primary_);
  leave(pointer);
  return LNRNN_STATUS_SUCCESS;
}

lnrnnStatus_t Context::allocate_host(size_t bytes, void** pointer) {
  LNRNN_ENTER(*this);
  see_off();
  LeavingByAddress::node_type node;
  LNRNN_FORWARD(make_leaving(Leaving::kHostMemory, &node));
  const cudaError_t error = cudaHostAlloc(pointer, bytes, cudaHostAllocPortable);
  if (error != cudaSuccess) destroy(node.mapped());
  if (error == cudaErrorMemoryAllocation) {
    cudaGetLastError();
    return fail(LNRNN_STATUS_OUT_OF_MEMORY,
                "out of host memory: %zu bytes could not be page-locked for CUDA device %d", bytes,
                ordinal_);
  }
  LNRNN_FORWARD(check(*this, error, "cudaHostAlloc"));
  node.key() = *pointer;
  const std::lock_guard<std::mutex> lock(nodes_);
  in_use_.insert(std::move(node));
  return LNRNN_STATUS_SUCCESS;
}

lnrnnStatus_t Context::release_host(void* pointer) {
  const ThreadContext current(primary_);
  leave(pointer);
  see_off();
  return LNRNN_STATUS_SUCCESS;
}

void Context::leave(void* pointer) {
  std::unique_lock<std::mutex> lock(nodes_);
  LeavingByAddress::node_type node = in_use_.extract(pointer);
  lock.unlock();
  leave(std::move(node));
}

void Context::leave(LeavingByAddress::node_type node) {
  const std::lock_guard<std::mutex> lock(guard_);
  {
    const std::lock_guard<std::mutex> held(nodes_);
    leaving_.insert(std::move(node));
  }
  queue_leaving();
}

lnrnnStatus_t Context::queue_leaving() {
  const bool lost = lost_ != cudaSuccess;
  lnrnnStatus_t status = lost ? LNRNN_STATUS_SUCCESS : fence_all();
  const std::lock_guard<std::mutex> held(nodes_);
  for (auto next = leaving_.begin(); next != leaving_.end();) {
    const auto at = next++;
    Leaving& one = at->second;
    if (one.queued || status != LNRNN_STATUS_SUCCESS) continue;
    // Memory of a lost device is gone with it.
    if (!lost && one.kind == Leaving::kDeviceMemory) {
      status = check(*this, cudaFreeAsync(at->first, freeing_), "cudaFreeAsync");
    } else if (!lost) {
      status = check(*this, cudaEventRecord(one.when, freeing_), "cudaEventRecord");
    }
    if (status != LNRNN_STATUS_SUCCESS) continue;
    one.queued = true;
    if (one.kind == Leaving::kDeviceMemory) leaving_.erase(at);
  }
  return status;
}

// Frees of pinned memory and of graphs may wait for the device.
void Context::see_off() {
  LeavingByAddress gone;
  {
    const std::lock_guard<std::mutex> held(nodes_);
    for (auto next = leaving_.begin(); next != leaving_.end();) {
      const auto at = next++;
      const bool done = lost_ != cudaSuccess ||
                        (at->second.queued && cudaEventQuery(at->second.when) == cudaSuccess);
      if (done) gone.insert(leaving_.extract(at));
    }
  }
  for (auto& [pointer, one] : gone) {
    if (one.kind == Leaving::kHostMemory) ignore(cudaFreeHost(pointer));
    if (one.kind == Leaving::kGraph)
      ignore(cudaGraphExecDestroy(static_cast<cudaGraphExec_t>(pointer)));
    destroy(one);
  }
}

lnrnnStatus_t Context::drain() {
  LNRNN_ENTER(*this);
  {
    const std::lock_guard<std::mutex> lock(guard_);
    LNRNN_FORWARD(queue_leaving());
  }
  LNRNN_CUDA_CHECK(*this, cudaStreamSynchronize(freeing_));
  see_off();
  return LNRNN_STATUS_SUCCESS;
}

}  // namespace lnrnn::cuda

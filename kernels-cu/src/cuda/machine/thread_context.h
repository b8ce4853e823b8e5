// Which device the calling thread uses is the caller's business: a call makes ours current and leaves
// behind what it found.
//
// Through the driver's contexts, not cudaSetDevice. That would give a thread without a context one on
// another GPU, which takes memory there, and would replace a context of the caller's own by the device's.
#pragma once

#include <cuda_runtime.h>

namespace lnrnn::cuda {

// The device's primary context, which all of CUDA's runtime in the process shares; made where there is none.
// It stays until the process ends, as the runtime has it: whoever else uses the device relies on it.
cudaError_t find_primary_context(int ordinal, void** context);

// A context that is current as long as this lives.
class ThreadContext {
 public:
  explicit ThreadContext(void* context);
  ~ThreadContext();
  ThreadContext(const ThreadContext&) = delete;
  ThreadContext& operator=(const ThreadContext&) = delete;

  // Whether it is current.
  cudaError_t error() const { return error_; }

 private:
  bool pushed_ = false;
  cudaError_t error_;
};

}  // namespace lnrnn::cuda

// What the tests of the emulator share: a stream, memory, and a launch whose outcome is waited for.
#pragma once

#include <cstring>
#include <vector>

#include "check.h"
#include "cuda/machine/device.cuh"
#include "emulator.h"

namespace emulator_test {

using namespace lnrnn::cuda;

// A stream for the time of a test, and a device that is as new after it.
class Session {
 public:
  Session() { CHECK(cudaStreamCreateWithFlags(&stream_, cudaStreamNonBlocking) == cudaSuccess); }
  ~Session() {
    cudaStreamDestroy(stream_);
    lnrnn::emulator::reset_device();
  }
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  cudaStream_t stream() const { return stream_; }
  cudaError_t wait() const { return cudaStreamSynchronize(stream_); }

  template <class T>
  T* allocate(size_t count) const {
    void* memory = nullptr;
    CHECK(cudaMallocAsync(&memory, count * sizeof(T), stream_) == cudaSuccess);
    return static_cast<T*>(memory);
  }
  template <class T>
  T* upload(const std::vector<T>& values) const {
    T* memory = allocate<T>(values.size());
    CHECK(cudaMemcpyAsync(memory, values.data(), values.size() * sizeof(T), cudaMemcpyDefault,
                          stream_) == cudaSuccess);
    return memory;
  }
  // Waits for the stream, as copies to pageable memory do.
  template <class T>
  std::vector<T> download(const T* memory, size_t count) const {
    std::vector<T> values(count);
    CHECK(cudaMemcpyAsync(values.data(), memory, count * sizeof(T), cudaMemcpyDefault, stream_) ==
          cudaSuccess);
    return values;
  }
  template <class Kernel>
  cudaError_t run(const LaunchShape& shape, const Kernel& kernel) const {
    const cudaError_t error = enqueue(stream_, shape, kernel);
    return error != cudaSuccess ? error : wait();
  }

 private:
  cudaStream_t stream_ = nullptr;
};

inline bool reported(const char* words) {
  return lnrnn::emulator::last_report().find(words) != std::string::npos;
}

}  // namespace emulator_test

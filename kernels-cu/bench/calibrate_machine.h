// The GPU that is calibrated: its memory, its stream, and time on it. A failure ends the program,
// with one sentence.
#pragma once

#include <cuda_runtime.h>

#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "cuda/machine/device.cuh"
#include "samples.h"

namespace bench {

[[noreturn]] inline void stop(int status, const std::string& sentence) {
  std::fprintf(stderr, "%s\n", sentence.c_str());
  std::exit(status);
}

inline void must(cudaError_t error, const char* what) {
  if (error == cudaSuccess) return;
  stop(EXIT_FAILURE, std::string(what) + ": " + cudaGetErrorString(error));
}

inline void require(bool right, const std::string& what) {
  if (!right) stop(EXIT_FAILURE, what + " computed a wrong result");
}

// Device memory, zero at first.
template <class T>
class Memory {
 public:
  Memory(cudaStream_t stream, int64_t count) : stream_(stream), count_(count) {
    void* data = nullptr;
    must(cudaMallocAsync(&data, bytes(), stream), "cudaMallocAsync");
    must(cudaMemsetAsync(data, 0, bytes(), stream), "cudaMemsetAsync");
    data_ = static_cast<T*>(data);
  }
  ~Memory() { cudaFreeAsync(data_, stream_); }
  Memory(const Memory&) = delete;
  Memory& operator=(const Memory&) = delete;

  T* data() const { return data_; }
  int64_t count() const { return count_; }
  size_t bytes() const { return static_cast<size_t>(count_) * sizeof(T); }

  void set(const std::vector<T>& values) {
    must(cudaMemcpyAsync(data_, values.data(), bytes(), cudaMemcpyDefault, stream_),
         "cudaMemcpyAsync");
    must(cudaStreamSynchronize(stream_), "cudaStreamSynchronize");
  }
  std::vector<T> get() const {
    std::vector<T> values(static_cast<size_t>(count_));
    must(cudaMemcpyAsync(values.data(), data_, bytes(), cudaMemcpyDefault, stream_),
         "cudaMemcpyAsync");
    must(cudaStreamSynchronize(stream_), "cudaStreamSynchronize");
    return values;
  }

 private:
  cudaStream_t stream_;
  int64_t count_;
  T* data_;
};

class Machine {
 public:
  // Where smoke, everything is done once.
  Machine(int ordinal, bool smoke) : smoke_(smoke) {
    must(cudaSetDevice(ordinal), "cudaSetDevice");
    must(cudaGetDeviceProperties(&properties_, ordinal), "cudaGetDeviceProperties");
    must(cudaStreamCreateWithFlags(&stream_, cudaStreamNonBlocking), "cudaStreamCreateWithFlags");
    must(cudaEventCreateWithFlags(&start_, cudaEventDefault), "cudaEventCreateWithFlags");
    must(cudaEventCreateWithFlags(&end_, cudaEventDefault), "cudaEventCreateWithFlags");
  }
  ~Machine() {
    cudaEventDestroy(start_);
    cudaEventDestroy(end_);
    cudaStreamDestroy(stream_);
  }
  Machine(const Machine&) = delete;
  Machine& operator=(const Machine&) = delete;

  bool smoke() const { return smoke_; }
  const cudaDeviceProp& properties() const { return properties_; }
  int processors() const { return properties_.multiProcessorCount; }
  cudaStream_t stream() const { return stream_; }

  void synchronize() const { must(cudaStreamSynchronize(stream_), "cudaStreamSynchronize"); }

  template <class Kernel>
  void launch(const lnrnn::cuda::LaunchShape& shape, const Kernel& kernel) const {
    must(lnrnn::cuda::enqueue(stream_, shape, kernel), Kernel::kName);
  }

  // Median seconds, on the device, of what a call queues.
  template <class F>
  double seconds(const F& queue) const {
    const auto once = [&] {
      float milliseconds = 0;
      must(cudaEventRecord(start_, stream_), "cudaEventRecord");
      queue();
      must(cudaEventRecord(end_, stream_), "cudaEventRecord");
      must(cudaEventSynchronize(end_), "cudaEventSynchronize");
      must(cudaEventElapsedTime(&milliseconds, start_, end_), "cudaEventElapsedTime");
      return 1e-3 * milliseconds;
    };
    return smoke_ ? once() : median(repeat(0.5, once)).value;
  }

 private:
  const bool smoke_;
  cudaDeviceProp properties_{};
  cudaStream_t stream_ = nullptr;
  cudaEvent_t start_ = nullptr, end_ = nullptr;
};

}  // namespace bench

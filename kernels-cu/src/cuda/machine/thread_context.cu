// The driver is not linked and its header is not needed: its few entry points in use are declared here, as
// CUDA's driver API documents them. CUresult has the numbers of cudaError_t.
#include "thread_context.h"

#include <atomic>

namespace lnrnn::cuda {

namespace {

struct Driver {
  std::atomic<int (*)(int* device, int ordinal)> get_device{nullptr};
  std::atomic<int (*)(void** context, int device)> retain_primary{nullptr};
  std::atomic<int (*)(void** context)> get_current{nullptr};
  std::atomic<int (*)(void* context)> push_current{nullptr};
  std::atomic<int (*)(void** context)> pop_current{nullptr};
};
Driver driver;

template <class F>
cudaError_t find(const char* name, std::atomic<F>* function) {
  constexpr unsigned kVersion = 12000;
  void* found = nullptr;
  cudaDriverEntryPointQueryResult result{};
  const cudaError_t error =
      cudaGetDriverEntryPointByVersion(name, &found, kVersion, cudaEnableDefault, &result);
  if (error != cudaSuccess) return error;
  if (found == nullptr) return cudaErrorNotSupported;
  function->store(reinterpret_cast<F>(found));
  return cudaSuccess;
}

// Asked again where it failed. Two threads that ask at once get the same.
cudaError_t find_driver() {
  if (driver.get_current != nullptr) return cudaSuccess;
  cudaError_t error = find("cuDeviceGet", &driver.get_device);
  if (error == cudaSuccess) error = find("cuDevicePrimaryCtxRetain", &driver.retain_primary);
  if (error == cudaSuccess) error = find("cuCtxPushCurrent", &driver.push_current);
  if (error == cudaSuccess) error = find("cuCtxPopCurrent", &driver.pop_current);
  if (error == cudaSuccess) error = find("cuCtxGetCurrent", &driver.get_current);
  return error;
}

}  // namespace

cudaError_t find_primary_context(int ordinal, void** context) {
  const cudaError_t error = find_driver();
  if (error != cudaSuccess) return error;
  int device = 0;
  const int got = driver.get_device.load()(&device, ordinal);
  return static_cast<cudaError_t>(got != 0 ? got : driver.retain_primary.load()(context, device));
}

ThreadContext::ThreadContext(void* context) {
  if (context == nullptr) {
    error_ = cudaErrorDeviceUninitialized;
    return;
  }
  void* current = nullptr;
  int error = driver.get_current.load(std::memory_order_relaxed)(&current);
  if (error == 0 && current != context) {
    error = driver.push_current.load(std::memory_order_relaxed)(context);
    pushed_ = error == 0;
  }
  error_ = static_cast<cudaError_t>(error);
}

ThreadContext::~ThreadContext() {
  void* ours = nullptr;
  if (pushed_) driver.pop_current.load(std::memory_order_relaxed)(&ours);
}

}  // namespace lnrnn::cuda

// Contexts, and what of the driver handles them.
#include "contexts.h"

#include <array>
#include <atomic>
#include <cstring>
#include <deque>
#include <mutex>
#include <vector>

#include "device.h"
#include "emulator.h"

struct CUctx_st {
  int device;
  bool primary;
};

namespace lnrnn::emulator {

namespace {

constexpr int kMostDevices = 16;

struct Contexts {
  std::array<std::atomic<bool>, kMostDevices> alive{};  // primary contexts, from their first use on
  std::array<CUctx_st, kMostDevices> primary;
  std::mutex mutex;
  std::deque<CUctx_st> own;

  Contexts() {
    for (int device = 0; device < kMostDevices; ++device) primary[device] = {device, true};
  }
};

Contexts& all() {
  static Contexts& contexts = *new Contexts;  // never destroyed: threads may outlive static objects
  return contexts;
}

thread_local std::vector<CUctx_st*> stack;

CUctx_st* primary_context(int device) {
  const size_t i = static_cast<size_t>(device);
  all().alive[i] = true;
  return &all().primary[i];
}

bool exists(int device) { return device >= 0 && device < device_count() && device < kMostDevices; }

// ---- the driver's calls, whose errors have the numbers of the runtime's ---------------------------

int get_device(int* device, int ordinal) {
  const Call call(Call::kWithoutContext);
  const cudaError_t error = enter();
  if (error != cudaSuccess) return error;
  if (!exists(ordinal)) return cudaErrorInvalidDevice;
  *device = ordinal;
  return cudaSuccess;
}

int retain_primary(CUctx_st** context, int device) {
  const Call call(Call::kWithoutContext);
  const cudaError_t error = enter();
  if (error != cudaSuccess) return error;
  if (!exists(device)) return cudaErrorInvalidDevice;
  *context = primary_context(device);
  return cudaSuccess;
}

// These look at the thread, not at a device, and so work for one that is lost.
int get_current(CUctx_st** context) {
  const Call call(Call::kWithoutContext);
  const cudaError_t error = enter();
  if (error != cudaSuccess && error != sticky_error()) return error;
  *context = stack.empty() ? nullptr : stack.back();
  return cudaSuccess;
}

int push_current(CUctx_st* context) {
  const Call call(Call::kWithoutContext);
  const cudaError_t error = enter();
  if (error != cudaSuccess && error != sticky_error()) return error;
  if (context == nullptr) return cudaErrorInvalidValue;
  stack.push_back(context);
  return cudaSuccess;
}

// Like all that gives back, it does so also where it reports an error.
int pop_current(CUctx_st** context) {
  const Call call(Call::kWithoutContext);
  if (stack.empty()) return cudaErrorDeviceUninitialized;
  *context = stack.back();
  stack.pop_back();
  return enter();
}

struct EntryPoint {
  const char* name;
  void* function;
};
const EntryPoint kEntryPoints[] = {
    {"cuDeviceGet", reinterpret_cast<void*>(get_device)},
    {"cuDevicePrimaryCtxRetain", reinterpret_cast<void*>(retain_primary)},
    {"cuCtxGetCurrent", reinterpret_cast<void*>(get_current)},
    {"cuCtxPushCurrent", reinterpret_cast<void*>(push_current)},
    {"cuCtxPopCurrent", reinterpret_cast<void*>(pop_current)},
};

}  // namespace

int current_device() { return stack.empty() ? 0 : stack.back()->device; }

void need_context() {
  if (stack.empty() && enter() == cudaSuccess) stack.push_back(primary_context(0));
}

bool select_device(int device) {
  if (!exists(device)) return false;
  if (stack.empty()) stack.push_back(nullptr);
  stack.back() = primary_context(device);
  return true;
}

// ---- controls --------------------------------------------------------------------------------------

std::string thread_contexts() {
  std::string text;
  for (const CUctx_st* context : stack)
    text +=
        (text.empty() ? "" : " ") + std::to_string(context->device) + (context->primary ? "" : "*");
  return text;
}

void push_own_context(int device) {
  const std::lock_guard<std::mutex> lock(all().mutex);
  all().own.push_back({device, false});
  stack.push_back(&all().own.back());
}

void forget_contexts() { stack.clear(); }

bool has_primary_context(int device) { return all().alive[static_cast<size_t>(device)]; }

}  // namespace lnrnn::emulator

using namespace lnrnn::emulator;

extern "C" {

cudaError_t cudaSetDevice(int device) {
  const Call call(Call::kWithoutContext);
  const cudaError_t error = enter();
  if (error != cudaSuccess) return leave(error);
  return leave(select_device(device) ? cudaSuccess : cudaErrorInvalidDevice);
}

cudaError_t cudaGetDevice(int* device) {
  const Call call(Call::kWithoutContext);
  const cudaError_t error = enter();
  if (error != cudaSuccess) return leave(error);
  if (device == nullptr) return leave(cudaErrorInvalidValue);
  *device = current_device();
  return leave(cudaSuccess);
}

cudaError_t cudaGetDriverEntryPointByVersion(const char* symbol, void** function, unsigned,
                                             unsigned long long flags,
                                             cudaDriverEntryPointQueryResult* result) {
  const Call call(Call::kWithoutContext);
  const cudaError_t error = enter();
  if (error != cudaSuccess) return leave(error);
  if (symbol == nullptr || function == nullptr || flags != cudaEnableDefault)
    return leave(cudaErrorInvalidValue);
  *function = nullptr;
  for (const EntryPoint& entry : kEntryPoints)
    if (std::strcmp(entry.name, symbol) == 0) *function = entry.function;
  if (result != nullptr)
    *result =
        *function != nullptr ? cudaDriverEntryPointSuccess : cudaDriverEntryPointSymbolNotFound;
  return leave(cudaSuccess);
}

}  // extern "C"

// Device and pinned memory: fresh memory is NaN, freed memory and what lies around memory cannot be
// used without notice, limits hold, and pointers are known for what they are.
#include <atomic>
#include <cstdint>
#include <limits>
#include <thread>

#include "session.h"

using namespace emulator_test;

namespace {

struct Write {
  static constexpr const char* kName = "write";
  static constexpr int kMaxThreads = 32;
  unsigned char* at;
  LNRNN_DEVICE void operator()(Block& block) const {
    if (block.thread() == 0) *at = 1;
  }
};

size_t used() {
  size_t free = 0, total = 0;
  CHECK(cudaMemGetInfo(&free, &total) == cudaSuccess);
  return total - free;
}

void test_fresh_memory() {
  const Session session;
  for (const size_t bytes : {size_t{1}, size_t{255}, size_t{256}, size_t{100000}}) {
    unsigned char* memory = session.allocate<unsigned char>(bytes);
    CHECK(reinterpret_cast<uintptr_t>(memory) % 256 == 0);
    CHECK(used() == bytes);
    CHECK(session.download(memory, bytes) == std::vector<unsigned char>(bytes, 0xff));
    CHECK(cudaFreeAsync(memory, session.stream()) == cudaSuccess);
    CHECK(used() == 0);
  }
  // Large memory is ones without having been written: to the last byte, again where it was written
  // to and freed, and whatever is written to other memory of its kind.
  const size_t large = (size_t{3} << 20) + 1234;
  unsigned char* written = session.allocate<unsigned char>(large);
  CHECK(cudaMemsetAsync(written, 0, large, session.stream()) == cudaSuccess);
  unsigned char* memory = session.allocate<unsigned char>(large);
  CHECK(session.download(memory, large) == std::vector<unsigned char>(large, 0xff));
  CHECK(session.download(written, large) == std::vector<unsigned char>(large, 0));
  CHECK(cudaFreeAsync(memory, session.stream()) == cudaSuccess);
  CHECK(cudaFreeAsync(written, session.stream()) == cudaSuccess);
  memory = session.allocate<unsigned char>(large);
  CHECK(session.download(memory, large) == std::vector<unsigned char>(large, 0xff));
  CHECK(cudaFreeAsync(memory, session.stream()) == cudaSuccess);
  CHECK(cudaFreeAsync(nullptr, session.stream()) == cudaSuccess);
  void* nothing = &nothing;
  CHECK(cudaMallocAsync(&nothing, 0, session.stream()) == cudaSuccess && nothing == nullptr);
}

// A byte around an allocation is noticed at the latest when it is freed.
void test_overruns() {
  for (const size_t bytes : {size_t{1}, size_t{1000}, size_t{4096}, size_t{5000}, size_t{2} << 20,
                             (size_t{2} << 20) + 1000}) {
    for (const int64_t offset :
         {int64_t{-1}, int64_t{0}, static_cast<int64_t>(bytes) - 1, static_cast<int64_t>(bytes)}) {
      const Session session;
      unsigned char* memory = session.allocate<unsigned char>(bytes);
      cudaError_t error = session.run({1, 32}, Write{memory + offset});
      cudaFreeAsync(memory, session.stream());
      if (error == cudaSuccess) error = session.wait();
      const bool inside = offset >= 0 && offset < static_cast<int64_t>(bytes);
      CHECK(error == (inside ? cudaSuccess : cudaErrorIllegalAddress));
      CHECK(inside || reported("device memory of") || reported("which is not allocated"));
    }
  }
  const Session session;
  void* memory = nullptr;
  CHECK(cudaHostAlloc(&memory, 100, 0) == cudaSuccess);
  static_cast<unsigned char*>(memory)[100] = 0;
  CHECK(cudaFreeHost(memory) == cudaErrorIllegalAddress);
  CHECK(reported("pinned memory of 100 bytes was written 0 bytes after its end"));
}

void test_use_after_free() {
  {
    const Session session;
    unsigned char* memory = session.allocate<unsigned char>(1000);
    CHECK(cudaFreeAsync(memory, session.stream()) == cudaSuccess);
    CHECK(cudaFreeAsync(memory, session.stream()) == cudaErrorInvalidValue);
    CHECK(cudaMemsetAsync(memory, 0, 10, session.stream()) == cudaErrorInvalidValue);
    CHECK(session.run({1, 32}, Write{memory}) == cudaErrorIllegalAddress);
    CHECK(reported("kernel write: block 0, thread 0: access to "));
    CHECK(reported("which was freed"));
  }
  {
    // A graph still fills what was freed since it was recorded.
    const Session session;
    unsigned char* memory = session.allocate<unsigned char>(1000);
    cudaGraph_t graph = nullptr;
    cudaGraphExec_t exec = nullptr;
    CHECK(cudaStreamBeginCapture(session.stream(), cudaStreamCaptureModeRelaxed) == cudaSuccess);
    CHECK(cudaMemsetAsync(memory, 0, 1000, session.stream()) == cudaSuccess);
    CHECK(cudaStreamEndCapture(session.stream(), &graph) == cudaSuccess);
    CHECK(cudaGraphInstantiate(&exec, graph) == cudaSuccess);
    CHECK(cudaGraphLaunch(exec, session.stream()) == cudaSuccess);
    CHECK(session.wait() == cudaSuccess);
    CHECK(cudaFreeAsync(memory, session.stream()) == cudaSuccess);
    CHECK(cudaGraphLaunch(exec, session.stream()) == cudaSuccess);
    CHECK(session.wait() == cudaErrorIllegalAddress);
    CHECK(reported("fill of 1000 bytes: memory was freed"));
    CHECK(cudaGraphDestroy(graph) == cudaErrorIllegalAddress);
    CHECK(cudaGraphExecDestroy(exec) == cudaErrorIllegalAddress);
  }
  {
    // Memory of a stream, used on another before its turn has come.
    std::atomic<bool> open{false};
    const Session session;
    cudaStream_t other = nullptr;
    CHECK(cudaStreamCreateWithFlags(&other, cudaStreamNonBlocking) == cudaSuccess);
    CHECK(cudaLaunchHostFunc(
              session.stream(),
              [](void* gate) {
                while (!*static_cast<std::atomic<bool>*>(gate)) std::this_thread::yield();
              },
              &open) == cudaSuccess);
    unsigned char* memory = session.allocate<unsigned char>(1000);
    CHECK(enqueue(other, {1, 32}, Write{memory}) == cudaSuccess);
    CHECK(cudaStreamSynchronize(other) == cudaErrorIllegalAddress);
    CHECK(reported("which is not allocated yet"));
    open = true;
    CHECK(cudaStreamDestroy(other) == cudaErrorIllegalAddress);
  }
}

void test_ranges() {
  const Session session;
  std::vector<unsigned char> host(2000);
  unsigned char* memory = session.allocate<unsigned char>(1000);
  const auto copy = [&](void* to, const void* from, size_t bytes, cudaMemcpyKind kind) {
    return cudaMemcpyAsync(to, from, bytes, kind, session.stream());
  };
  CHECK(copy(memory, host.data(), 1000, cudaMemcpyHostToDevice) == cudaSuccess);
  CHECK(copy(memory + 1, host.data(), 999, cudaMemcpyDefault) == cudaSuccess);
  CHECK(copy(memory + 1, host.data(), 1000, cudaMemcpyDefault) == cudaErrorInvalidValue);
  CHECK(copy(host.data(), memory, 1001, cudaMemcpyDefault) == cudaErrorInvalidValue);
  CHECK(copy(memory, host.data(), 10, cudaMemcpyDeviceToDevice) == cudaErrorInvalidValue);
  CHECK(copy(memory, nullptr, 10, cudaMemcpyDefault) == cudaErrorInvalidValue);
  CHECK(cudaMemsetAsync(memory, 0, 1001, session.stream()) == cudaErrorInvalidValue);
  CHECK(cudaMemsetAsync(host.data(), 0, 10, session.stream()) == cudaErrorInvalidValue);
  CHECK(cudaFreeAsync(memory + 256, session.stream()) == cudaErrorInvalidValue);
  CHECK(cudaFreeAsync(host.data(), session.stream()) == cudaErrorInvalidValue);
  CHECK(session.wait() == cudaSuccess);
}

cudaMemoryType type_of(const void* pointer) {
  cudaPointerAttributes attributes;
  CHECK(cudaPointerGetAttributes(&attributes, pointer) == cudaSuccess);
  return attributes.type;
}

void test_pinned_memory() {
  const Session session;
  unsigned char* device = session.allocate<unsigned char>(100);
  std::vector<unsigned char> host(100, 7);
  void* pinned = nullptr;
  CHECK(cudaHostAlloc(&pinned, 100, cudaHostAllocDefault) == cudaSuccess);
  CHECK(type_of(device + 99) == cudaMemoryTypeDevice);
  CHECK(type_of(pinned) == cudaMemoryTypeHost);
  CHECK(type_of(host.data()) == cudaMemoryTypeUnregistered);
  CHECK(cudaHostRegister(host.data(), 100, cudaHostRegisterDefault) == cudaSuccess);
  CHECK(type_of(&host[99]) == cudaMemoryTypeHost);
  CHECK(cudaHostRegister(&host[50], 10, 0) == cudaErrorHostMemoryAlreadyRegistered);
  CHECK(cudaHostRegister(nullptr, 10, 0) == cudaErrorInvalidValue);
  CHECK(cudaMemcpyAsync(device, host.data(), 100, cudaMemcpyDefault, session.stream()) ==
        cudaSuccess);
  CHECK(session.wait() == cudaSuccess);
  CHECK(cudaHostUnregister(&host[1]) == cudaErrorHostMemoryNotRegistered);
  CHECK(cudaHostUnregister(host.data()) == cudaSuccess);
  CHECK(cudaHostUnregister(host.data()) == cudaErrorHostMemoryNotRegistered);
  CHECK(type_of(host.data()) == cudaMemoryTypeUnregistered);
  CHECK(cudaFreeHost(host.data()) == cudaErrorInvalidValue);
  CHECK(session.download(device, 100) == std::vector<unsigned char>(100, 7));
  CHECK(cudaFreeHost(pinned) == cudaSuccess);
  CHECK(cudaFreeHost(pinned) == cudaErrorInvalidValue);
  CHECK(cudaFreeHost(nullptr) == cudaSuccess);
}

void test_limit() {
  const Session session;
  lnrnn::emulator::set_memory_limit(10000);
  unsigned char* first = session.allocate<unsigned char>(6000);
  void* second = nullptr;
  CHECK(cudaMallocAsync(&second, 4001, session.stream()) == cudaErrorMemoryAllocation);
  CHECK(cudaMallocAsync(&second, std::numeric_limits<size_t>::max(), session.stream()) ==
        cudaErrorMemoryAllocation);
  CHECK(cudaMallocAsync(&second, 4000, session.stream()) == cudaSuccess);
  CHECK(cudaFreeAsync(first, session.stream()) == cudaSuccess);
  CHECK(session.allocate<unsigned char>(6000) != nullptr);
  cudaDeviceProp properties;
  CHECK(cudaGetDeviceProperties(&properties, 0) == cudaSuccess);
  CHECK(properties.totalGlobalMem == 10000);
  lnrnn::emulator::set_memory_limit(size_t{4} << 30);
}

void test_pools() {
  const Session session;
  cudaMemPoolProps properties{};
  cudaMemPool_t pool = nullptr;
  CHECK(cudaMemPoolCreate(&pool, &properties) == cudaErrorInvalidValue);
  properties.allocType = cudaMemAllocationTypePinned;
  properties.location = {cudaMemLocationTypeDevice, 0};
  CHECK(cudaMemPoolCreate(&pool, &properties) == cudaSuccess);
  uint64_t threshold = UINT64_MAX, bytes = 0;
  CHECK(cudaMemPoolSetAttribute(pool, cudaMemPoolAttrReleaseThreshold, &threshold) == cudaSuccess);
  CHECK(cudaMemPoolGetAttribute(pool, cudaMemPoolAttrReleaseThreshold, &bytes) == cudaSuccess);
  CHECK(bytes == UINT64_MAX);
  void* memory = nullptr;
  CHECK(cudaMallocFromPoolAsync(&memory, 1000, pool, session.stream()) == cudaSuccess);
  CHECK(cudaMemPoolGetAttribute(pool, cudaMemPoolAttrUsedMemCurrent, &bytes) == cudaSuccess);
  CHECK(bytes == 1000);
  CHECK(cudaFreeAsync(memory, session.stream()) == cudaSuccess);
  CHECK(cudaMemPoolGetAttribute(pool, cudaMemPoolAttrUsedMemCurrent, &bytes) == cudaSuccess);
  CHECK(bytes == 0);
  CHECK(cudaMemPoolTrimTo(pool, 0) == cudaSuccess);
  CHECK(cudaMemPoolDestroy(pool) == cudaSuccess);
  CHECK(cudaMallocFromPoolAsync(&memory, 1000, pool, session.stream()) == cudaErrorInvalidValue);
}

}  // namespace

int main() {
  test_fresh_memory();
  test_overruns();
  test_use_after_free();
  test_ranges();
  test_pinned_memory();
  test_limit();
  test_pools();
  return check::summary();
}

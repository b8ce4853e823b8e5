// Shared memory as pages of its own. Filling it must not look like an access to ThreadSanitizer.
#include "shared_memory.h"

#include <sys/mman.h>

#include <cstdint>
#include <cstring>

namespace lnrnn::emulator {

namespace {

constexpr size_t kGuard = 64 * 1024;  // a multiple of every page size
constexpr size_t kRoom = 256 * 1024;  // holds kSharedLimit
constexpr size_t kAlignment = 128;

void fill_with_nan(unsigned char* begin, size_t bytes) {
#if defined(LNRNN_EMULATOR_TSAN)
  for (size_t i = 0; i < bytes; ++i) const_cast<volatile unsigned char*>(begin)[i] = 0xff;
#else
  std::memset(begin, 0xff, bytes);
#endif
}

}  // namespace

SharedMemory::~SharedMemory() {
  if (map_ != nullptr) munmap(map_, kGuard + kRoom + kGuard);
}

bool SharedMemory::open(size_t bytes) {
  if (map_ == nullptr) {
    void* map = mmap(nullptr, kGuard + kRoom + kGuard, PROT_NONE,
                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (map == MAP_FAILED) return false;
    map_ = static_cast<unsigned char*>(map);
    closed_ = true;
  }
  if (closed_ && mprotect(map_ + kGuard, kRoom, PROT_READ | PROT_WRITE) != 0) return false;
  closed_ = false;
  const size_t taken = (bytes + kAlignment - 1) / kAlignment * kAlignment;
  begin_ = map_ + kGuard + kRoom - taken;
  fill_with_nan(begin_, taken);
  return true;
}

void SharedMemory::close() {
  mprotect(map_ + kGuard, kRoom, PROT_NONE);
  closed_ = true;
}

bool SharedMemory::contains(const void* address) const {
  const unsigned char* at = static_cast<const unsigned char*>(address);
  return map_ != nullptr && at >= map_ && at < map_ + kGuard + kRoom + kGuard;
}

}  // namespace lnrnn::emulator

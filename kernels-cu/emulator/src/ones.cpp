#include "ones.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <vector>

namespace lnrnn::emulator {

namespace {

constexpr size_t kFileBytes = size_t{1} << 20;  // mapped as often as it takes

// A file of ones, in memory, that nobody can write to any more; -1 where there is none.
int make_file() {
  const int file = memfd_create("lnrnn-ones", MFD_CLOEXEC | MFD_ALLOW_SEALING);
  if (file < 0) return -1;
  const std::vector<unsigned char> ones(kFileBytes, 0xff);
  if (write(file, ones.data(), kFileBytes) == static_cast<ssize_t>(kFileBytes) &&
      fcntl(file, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL) == 0)
    return file;
  close(file);
  return -1;
}

}  // namespace

bool map_ones(void* begin, size_t bytes) {
  static const int file = make_file();
  if (file < 0) return false;
  for (size_t at = 0; at < bytes; at += kFileBytes) {
    // Private: what is written goes to a copy of the page.
    if (mmap(static_cast<unsigned char*>(begin) + at, std::min(kFileBytes, bytes - at),
             PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_FIXED | MAP_NORESERVE, file,
             0) == MAP_FAILED)
      return false;
  }
  return true;
}

}  // namespace lnrnn::emulator

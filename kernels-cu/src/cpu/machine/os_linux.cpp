#include <linux/futex.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <climits>
#include <cstdio>
#include <cstring>

#include "os.h"

namespace lnrnn::os {

namespace {

void futex(const std::atomic<uint32_t>& word, int operation, uint32_t value) {
  static_assert(sizeof word == sizeof(uint32_t), "a futex is 32 bits");
  syscall(SYS_futex, &word, operation | FUTEX_PRIVATE_FLAG, value, nullptr, nullptr, 0);
}

}  // namespace

int processors() {
  // The kernel refuses a set that is smaller than its own, which nobody tells.
  constexpr int kMost = 1 << 16;
  for (int size = CPU_SETSIZE; size <= kMost; size *= 2) {
    cpu_set_t* const set = CPU_ALLOC(size);
    if (set == nullptr) break;
    const size_t bytes = CPU_ALLOC_SIZE(size);
    const bool known = sched_getaffinity(0, bytes, set) == 0;
    const int count = known ? CPU_COUNT_S(bytes, set) : 0;
    CPU_FREE(set);
    if (known) return std::max(count, 1);
  }
  return 1;
}

std::chrono::nanoseconds thread_time() {
  timespec time{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec);
}

void sleep_while(const std::atomic<uint32_t>& word, uint32_t value) {
  futex(word, FUTEX_WAIT, value);
}

void wake_all(const std::atomic<uint32_t>& word) { futex(word, FUTEX_WAKE, INT_MAX); }

uint64_t total_memory() {
  const long pages = sysconf(_SC_PHYS_PAGES), page = sysconf(_SC_PAGESIZE);
  return pages < 0 || page < 0 ? 0 : static_cast<uint64_t>(pages) * static_cast<uint64_t>(page);
}

void prefer_huge_pages(void* memory, size_t bytes) { madvise(memory, bytes, MADV_HUGEPAGE); }

void read_cpu_name(char* name, size_t size) {
  std::snprintf(name, size, "CPU");
  std::FILE* const file = std::fopen("/proc/cpuinfo", "r");
  if (file == nullptr) return;
  char line[256];
  while (std::fgets(line, sizeof line, file) != nullptr) {
    const char* const value = std::strstr(line, ": ");
    if (std::strncmp(line, "model name", 10) != 0 || value == nullptr) continue;
    line[std::strcspn(line, "\n")] = '\0';
    std::snprintf(name, size, "%s", value + 2);
    break;
  }
  std::fclose(file);
}

}  // namespace lnrnn::os

// The threads that share one call, and how they wait for each other.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <thread>
#include <vector>

namespace lnrnn::cpu {

// Lets count threads pass together. Spins, because the work between two barriers is microseconds;
// yields after a while, because cores may be shared.
class Barrier {
 public:
  explicit Barrier(int count) : count_(count) {}
  void wait();

 private:
  const int count_;
  std::atomic<int> arrived_{0};
  std::atomic<uint32_t> generation_{0};
};

struct Span {
  int64_t begin, end;
};

// One member of a group of threads that carries out one loop together.
struct Crew {
  int index;
  int count;
  Barrier* barrier;

  void wait() const {
    if (count > 1) barrier->wait();
  }
  // This member's part of [begin, end): contiguous, sizes differ by at most one.
  Span share(int64_t begin, int64_t end) const {
    if (count == 1) return {begin, end};
    const int64_t n = end - begin, base = n / count, rest = n % count;
    const int64_t first = begin + base * index + (index < rest ? index : rest);
    return {first, first + base + (index < rest ? 1 : 0)};
  }
};

// The calling thread and threads - 1 workers, which sleep between jobs.
class Team {
 public:
  // Throws std::system_error where a thread cannot be started.
  explicit Team(int threads);
  ~Team();
  Team(const Team&) = delete;
  Team& operator=(const Team&) = delete;

  int size() const { return static_cast<int>(workers_.size()) + 1; }
  Barrier& barrier() { return barrier_; }

  // Runs body(0) ... body(size() - 1), each on a thread of its own, and returns when all are done.
  template <class F>
  void run(const F& body) {
    run_job([](const void* f, int index) { (*static_cast<const F*>(f))(index); }, &body);
  }

 private:
  using Job = void (*)(const void* body, int index);
  void run_job(Job job, const void* body);
  void work(int index);
  uint32_t await_job(uint32_t last);
  void stop();

  Barrier barrier_;
  Job job_ = nullptr;
  const void* body_ = nullptr;
  std::atomic<uint32_t> posted_{0};  // jobs posted so far; the last one is job_
  std::atomic<int> running_{0};      // workers that have not finished it
  std::mutex mutex_;                 // guards sleeping
  std::condition_variable wake_;
  bool stopping_ = false;            // written before the last post
  std::vector<std::thread> workers_;
};

}  // namespace lnrnn::cpu

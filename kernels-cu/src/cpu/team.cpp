#include "team.h"

namespace lnrnn::cpu {

namespace {

// A barrier is 0.2-0.3 us when all cores run; a core that was taken away comes back in
// milliseconds. So: spin for some microseconds, then let others run.
constexpr int kSpins = 4000;

inline void pause_cpu() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

template <class Condition>
bool spin_until(const Condition& condition) {
  for (int i = 0; i < kSpins; ++i) {
    if (condition()) return true;
    pause_cpu();
  }
  return false;
}

template <class Condition>
void spin_then_yield_until(const Condition& condition) {
  if (spin_until(condition)) return;
  while (!condition()) std::this_thread::yield();
}

}  // namespace

void Barrier::wait() {
  const uint32_t generation = generation_.load(std::memory_order_relaxed);
  if (arrived_.fetch_add(1, std::memory_order_acq_rel) + 1 == count_) {
    arrived_.store(0, std::memory_order_relaxed);
    generation_.store(generation + 1, std::memory_order_release);
    return;
  }
  spin_then_yield_until(
      [&] { return generation_.load(std::memory_order_acquire) != generation; });
}

Team::Team(int threads) : barrier_(threads) {
  workers_.reserve(static_cast<size_t>(threads - 1));
  try {
    for (int index = 1; index < threads; ++index) {
      workers_.emplace_back([this, index] { work(index); });
    }
  } catch (...) {
    stop();
    throw;
  }
}

Team::~Team() { stop(); }

void Team::stop() {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    stopping_ = true;
    posted_.fetch_add(1, std::memory_order_release);
  }
  wake_.notify_all();
  for (std::thread& worker : workers_) worker.join();
}

void Team::run_job(Job job, const void* body) {
  if (workers_.empty()) {
    job(body, 0);
    return;
  }
  job_ = job;
  body_ = body;
  running_.store(static_cast<int>(workers_.size()), std::memory_order_relaxed);
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    posted_.fetch_add(1, std::memory_order_release);
  }
  wake_.notify_all();
  job(body, 0);
  spin_then_yield_until([&] { return running_.load(std::memory_order_acquire) == 0; });
}

uint32_t Team::await_job(uint32_t last) {
  const auto posted = [&] { return posted_.load(std::memory_order_acquire) != last; };
  if (!spin_until(posted)) {
    std::unique_lock<std::mutex> lock(mutex_);
    wake_.wait(lock, posted);
  }
  return last + 1;
}

void Team::work(int index) {
  for (uint32_t job = await_job(0);; job = await_job(job)) {
    if (stopping_) return;
    job_(body_, index);
    running_.fetch_sub(1, std::memory_order_acq_rel);
  }
}

}  // namespace lnrnn::cpu

// The threads that share one call, and how they wait for each other.
//
// A job is a sequence of phases, a phase is one share of work for each thread of the team. What is in
// a share follows from how many there are, so results do not depend on who carries it out. Each
// thread walks through the phases and takes its own share of each. A helper that is not there, because
// it still sleeps or other programs have its core, holds up nobody: the caller takes its shares, and
// when it comes it skips what is done. Only a share that somebody has begun is waited for.
//
// Waits spin for as long as a meeting usually takes, and then give up the core. A helper never sleeps
// inside a job: it leaves, and comes back when there is something to do.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <thread>
#include <vector>

namespace lnrnn::cpu {

struct Span {
  int64_t begin, end;
};

// One of the count shares of a piece of work.
struct Crew {
  int index;
  int count;

  // Its part of [begin, end): contiguous, sizes differ by at most one.
  Span share(int64_t begin, int64_t end) const {
    if (count == 1) return {begin, end};
    const int64_t n = end - begin, base = n / count, rest = n % count;
    const int64_t first = begin + base * index + (index < rest ? index : rest);
    return {first, first + base + (index < rest ? 1 : 0)};
  }
};

// Where threads sleep until what they wait for has come about.
class Bell {
 public:
  // condition reads atomics, sequentially consistent.
  template <class Condition>
  void sleep_until(const Condition& condition) {
    for (;;) {
      const uint32_t seen = rings_.load();
      asleep_.exchange(true);
      if (condition()) return;
      sleep(seen);
      if (condition()) return;
    }
  }
  // After a change of what conditions read, sequentially consistent. Wakes everybody.
  void ring() {
    if (asleep_.load() && asleep_.exchange(false)) wake();
  }

 private:
  void sleep(uint32_t seen) const;
  void wake();

  std::atomic<uint32_t> rings_{0};
  std::atomic<bool> asleep_{false};  // perhaps
};

// How long a thread spins before it gives up the core.
class Patience {
 public:
  using Clock = std::chrono::steady_clock;

  // Whether the condition came about within that time.
  template <class Condition>
  bool spin_until(const Condition& condition);
  // The condition came about, but took longer: so long, from when the spinning began.
  void took(Clock::duration wait);
  Clock::time_point began() const { return began_; }

 private:
  static constexpr std::chrono::microseconds kLeast{5}, kMost{100};

  Clock::duration limit_ = kMost;
  Clock::time_point began_{};
};

class Team;

// One thread's way through the phases of a job. Every thread of the team comes to the same phases in
// the same order, whatever is computed in them: what lies between two phases is done by each thread,
// writes nothing that another one sees, and may come to nothing.
class Phases {
 public:
  // Of a thread that works alone: each phase is one share.
  Phases() = default;

  // The share that this thread takes first.
  int index() const { return index_; }

  // Carries out share(Crew) for every share, together with the others. What was done in earlier phases,
  // by whomever, is there. share may not throw.
  //   parts   what is shared out has so many parts; shares that are empty for that are left out
  template <class F>
  void run(const F& share, int64_t parts = INT64_MAX) {
    if (team_ == nullptr) {
      share(Crew{0, 1});
    } else {
      run_shares([](const void* f, Crew crew) noexcept { (*static_cast<const F*>(f))(crew); },
                 &share, parts);
    }
  }

 private:
  friend class Team;
  using Share = void (*)(const void* share, Crew crew) noexcept;

  Phases(Team* team, int index, uint64_t phase, Patience* patience)
      : team_(team), index_(index), phase_(phase), patience_(patience) {}
  void run_shares(Share share, const void* f, int64_t parts);

  Team* team_ = nullptr;
  int index_ = 0;
  uint64_t phase_ = 0;  // of all phases of the team's life, the last one begun
  // A helper's.
  Patience* patience_ = nullptr;
  bool left_ = false;       // takes no more shares, and only finds its way out
  uint64_t resume_at_ = 0;  // the phase that took too long, where it left for that
};

// The calling thread and threads - 1 helpers, which sleep between jobs.
class Team {
 public:
  // Throws std::system_error where a thread cannot be started.
  explicit Team(int threads);
  ~Team();
  Team(const Team&) = delete;
  Team& operator=(const Team&) = delete;

  // Shares of each phase.
  int size() const { return size_; }

  // Runs body(phases) on the calling thread and on each helper that comes. One job at a time; not from
  // within a job. Whatever body refers to is touched by nobody after the return. body may not throw.
  template <class F>
  void run_phases(const F& body) {
    if (size_ == 1) {
      Phases alone;
      body(alone);
    } else {
      run_job([](const void* f, Phases& phases) noexcept { (*static_cast<const F*>(f))(phases); },
              &body);
    }
  }
  // A job of one phase.
  template <class F>
  void run(const F& share) {
    run_phases([&](Phases& phases) { phases.run(share); });
  }

 private:
  friend class Phases;
  using Clock = Patience::Clock;
  using Job = void (*)(const void* body, Phases& phases) noexcept;

  static constexpr uint64_t kOpen = uint64_t{1} << 31, kInside = kOpen - 1;
  static uint32_t number(uint64_t state) { return static_cast<uint32_t>(state >> 32); }

  void run_job(Job job, const void* body);
  bool is_over(uint64_t phase) const {
    return finished_.load() >= phase * static_cast<uint64_t>(size_);
  }
  // Carries out a share, where nobody has taken it in this phase.
  bool take(int index, uint64_t phase, Phases::Share share, const void* f);
  void finish(uint64_t phase, int shares);
  void lead(uint64_t phase, int parts, Phases::Share share, const void* f);
  void help(Phases& phases, int parts, Phases::Share share, const void* f);
  // The caller's; whether it slept.
  template <class Condition>
  bool wait(Patience& patience, const Condition& condition);
  void settle(Clock::time_point now);
  void work(int index);
  void stop();

  struct alignas(64) Claim {
    std::atomic<uint64_t> phase{0};  // the last one in which somebody has taken this share
  };
  const int size_;
  const std::unique_ptr<Claim[]> claims_;

  // Written between jobs only, when nobody is inside.
  Job job_ = nullptr;
  const void* body_ = nullptr;
  uint64_t first_phase_ = 0;

  // The job's number, whether helpers may come in (kOpen), and how many are (kInside).
  alignas(64) std::atomic<uint64_t> state_{0};
  std::atomic<bool> stopping_{false};
  // Shares finished in the team's life: phase p is over when it is p size().
  alignas(64) std::atomic<uint64_t> finished_{0};
  alignas(64) Bell of_caller_;
  alignas(64) Bell of_helpers_;

  // The calling thread's own.
  alignas(64) Patience for_shares_;
  Patience for_helpers_;
  bool missed_ = false;  // a helper's share was nobody's in the last phase
  bool alone_ = false;   // helpers may not come in
  Clock::time_point alone_until_{};
  // Whether help pays, from what was since the last settlement.
  struct Account {
    Clock::duration wall{};  // in jobs
    Clock::duration lost{};  // of that, in waits that were long
    int64_t shares = 0;      // in all
    int64_t taken = 0;       // of these, the caller's
  };
  Account account_;
  Clock::time_point since_{};       // account_.wall goes up to here
  uint64_t caller_ = 0;             // the calling thread, which may be another one at each job
  std::chrono::nanoseconds cpu_{};  // its time at the last settlement
  Clock::duration credit_{};
  // What the caller got of a core when it was alone, lately.
  Clock::duration alone_wall_{1}, alone_cpu_{1};

  std::vector<std::thread> helpers_;
};

}  // namespace lnrnn::cpu

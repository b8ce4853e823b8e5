// Threads that share a job: each share runs once, phases follow each other, idle teams wake up.
// Runs under ThreadSanitizer too.
#include "cpu/team.h"

#include <sched.h>

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <vector>

#include "check.h"

using lnrnn::cpu::Crew;
using lnrnn::cpu::Phases;
using lnrnn::cpu::Span;
using lnrnn::cpu::Team;

using Clock = std::chrono::steady_clock;

void test_phases() {
  for (const int threads : {1, 2, 3, 5}) {
    Team team(threads);
    CHECK(team.size() == threads);
    for (int job = 0; job < 50; ++job) {
      // Not atomic: what one share writes in a phase, the others read in the next.
      std::vector<int> value(static_cast<size_t>(threads), 0);
      std::vector<int> sums(static_cast<size_t>(threads), 0);
      team.run_phases([&](Phases& phases) {
        for (int step = 1; step <= 20; ++step) {
          phases.run([&](const Crew& crew) { value[static_cast<size_t>(crew.index)] = step; });
          phases.run([&](const Crew& crew) {
            for (const int v : value) sums[static_cast<size_t>(crew.index)] += v;
          });
        }
      });
      for (const int sum : sums) CHECK(sum == 210 * threads);
      // Long enough for the helpers to fall asleep now and then.
      if (job % 10 == 9) std::this_thread::sleep_for(std::chrono::milliseconds(3));
    }
    for (const int64_t n : {0, 1, 2, 7, 100}) {
      int64_t next = 10;
      for (int index = 0; index < threads; ++index) {
        const Span share = Crew{index, threads}.share(10, 10 + n);
        CHECK(share.begin == next && share.end - share.begin <= n / threads + 1);
        next = share.end;
      }
      CHECK(next == 10 + n);
    }
  }
}

// Each share of each phase is carried out once, by whomever; those that are empty are left out.
void test_every_share_once() {
  Team team(4);
  constexpr int kPhases = 300;
  for (int job = 0; job < 200; ++job) {
    std::vector<std::atomic<int>> done(kPhases * 4);
    const int64_t parts = 1 + job % 4;
    team.run_phases([&](Phases& phases) {
      for (int phase = 0; phase < kPhases; ++phase) {
        phases.run([&](const Crew& crew) { ++done[static_cast<size_t>(phase * 4 + crew.index)]; },
                   phase % 2 == 0 ? parts : 4);
      }
    });
    int wrong = 0;
    for (int i = 0; i < kPhases * 4; ++i) {
      const int expected = i / 4 % 2 == 0 && i % 4 >= parts ? 0 : 1;
      wrong += done[static_cast<size_t>(i)] != expected ? 1 : 0;
    }
    CHECK(wrong == 0);
  }
}

// What a job refers to is gone when the next one runs: sanitizers see whoever touches it then.
void test_nothing_is_touched_afterwards() {
  Team team(3);
  for (int job = 0; job < 3000; ++job) {
    auto values = std::make_unique<std::vector<int>>(3, job);
    team.run_phases([&](Phases& phases) {
      const int steps = job % 7;
      for (int i = 0; i < steps; ++i) {
        phases.run([&](const Crew& crew) { (*values)[static_cast<size_t>(crew.index)] += 1; });
      }
    });
    for (const int value : *values) CHECK(value == job + job % 7);
  }
}

// The caller goes on without helpers: with all threads on one processor, where a helper comes only when
// the caller's time there is up or it waits, jobs take hardly longer than the caller alone would.
double milliseconds(const std::function<void()>& work) {
  const Clock::time_point begin = Clock::now();
  work();
  return std::chrono::duration<double, std::milli>(Clock::now() - begin).count();
}

int64_t spend(int rounds) {
  volatile int64_t value = 0;
  for (int i = 0; i < rounds; ++i) value = value + i;
  return value;
}

void test_absent_helpers() {
  cpu_set_t all, one;
  if (sched_getaffinity(0, sizeof all, &all) != 0) return;
  CPU_ZERO(&one);
  for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
    if (CPU_ISSET(cpu, &all) && CPU_COUNT(&one) == 0) CPU_SET(cpu, &one);
  }
  if (sched_setaffinity(0, sizeof one, &one) != 0) return;  // as under qemu-user
  {
    std::atomic<bool> stop{false};
    std::vector<std::thread> others;
    for (int i = 0; i < 4; ++i) {
      others.emplace_back([&] {
        while (!stop) spend(1000);
      });
    }
    Team alone(1), team(3);
    const auto job = [](Team& of) {
      of.run_phases([&](Phases& phases) {
        for (int phase = 0; phase < 200; ++phase) {
          phases.run([&](const Crew& crew) {
            for (int i = crew.index; i < 3; i += crew.count) spend(4000);
          });
        }
      });
    };
    const auto jobs_of = [&](Team& of) {
      return milliseconds([&] {
        for (int i = 0; i < 200; ++i) job(of);
      });
    };
    const double by_one = jobs_of(alone), by_three = jobs_of(team);
    stop = true;
    for (std::thread& other : others) other.join();
    std::printf("beside four others on one processor: %.1f ms alone, %.1f with helpers\n",
                by_one, by_three);
    CHECK(by_three < 2 * by_one);
  }
  sched_setaffinity(0, sizeof all, &all);
}

int main() {
  test_phases();
  test_every_share_once();
  test_nothing_is_touched_afterwards();
  test_absent_helpers();
  return check::summary();
}

// Threads that share a job: each share runs once, phases follow each other, idle teams wake up.
// Runs under ThreadSanitizer too.
#include "cpu/machine/team.h"

#include <sched.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>
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

// As long wherever it is called: in registers, and never part of the caller.
[[gnu::noinline]] void spend(int rounds) {
  static std::atomic<uint64_t> last{0};
  uint64_t value = 1;
  for (int i = 0; i < rounds; ++i) value = value * 6364136223846793005u + 1442695040888963407u;
  last.store(value, std::memory_order_relaxed);
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
        for (int i = 0; i < 30; ++i) job(of);
      });
    };
    // By turns, since others come and go on the machine.
    std::vector<double> ratios;
    for (int round = 0; round < 7; ++round) {
      const double by_one = jobs_of(alone);
      ratios.push_back(jobs_of(team) / by_one);
    }
    stop = true;
    for (std::thread& other : others) other.join();
    std::sort(ratios.begin(), ratios.end());
    const double median = ratios[ratios.size() / 2];
    std::printf("beside four others on one processor: %.2f of the time alone, %.2f...%.2f\n",
                median, ratios.front(), ratios.back());
    CHECK(median < 2);
  }
  sched_setaffinity(0, sizeof all, &all);
}

// Which of some jobs were helped with.
std::vector<bool> helped(Team& team, int jobs) {
  std::vector<bool> result;
  for (int job = 0; job < jobs; ++job) {
    const auto caller = std::this_thread::get_id();
    std::atomic<bool> by_helper{false};
    team.run([&](const Crew& crew) {
      if (crew.index == 1) by_helper = std::this_thread::get_id() != caller;
      const Clock::time_point end = Clock::now() + std::chrono::milliseconds(2);
      while (Clock::now() < end) spend(1000);
    });
    result.push_back(by_helper);
  }
  return result;
}

// Whether help pays is reckoned with the calling thread's clock. By that of another caller, which has worked for
// longer, the first job that is helped with seems to lose all that time, and none of the others is helped with.
void test_callers_in_turn() {
  cpu_set_t processors;
  if (sched_getaffinity(0, sizeof processors, &processors) != 0 || CPU_COUNT(&processors) < 2)
    return;
  constexpr int kJobs = 30, kAttempts = 8;
  int begun = 0;
  std::ptrdiff_t most = 0;
  for (int attempt = 0; attempt < kAttempts && most < 4; ++attempt) {
    Team team(2);
    std::thread([&] {
      const Clock::time_point end = Clock::now() + std::chrono::milliseconds(200);
      while (Clock::now() < end) spend(1000);
      helped(team, 5);
    }).join();
    std::vector<bool> jobs;
    std::thread([&] { jobs = helped(team, kJobs); }).join();
    if (!jobs[0]) continue;  // other programs had the helper's processor
    ++begun;
    most = std::max(most, std::count(jobs.begin() + 1, jobs.end(), true));
  }
  std::printf("another caller: helped with the first job in %d attempts, then with %td at most\n",
              begun, most);
  CHECK(begun == 0 || most >= 4);
}

int main() {
  RUN(test_phases());
  RUN(test_every_share_once());
  RUN(test_nothing_is_touched_afterwards());
  RUN(test_absent_helpers());
  RUN(test_callers_in_turn());
  return check::summary();
}

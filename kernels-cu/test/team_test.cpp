// Threads that share a job: each share runs once, phases follow each other, idle teams wake up.
// Runs under ThreadSanitizer too.
#include "cpu/team.h"

#include <chrono>
#include <vector>

#include "check.h"

using lnrnn::cpu::Crew;
using lnrnn::cpu::Phases;
using lnrnn::cpu::Span;
using lnrnn::cpu::Team;

int main() {
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
  return check::summary();
}

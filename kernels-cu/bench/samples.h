// Repeated measurements of one thing, and what is reported of them.
#pragma once

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstddef>
#include <vector>

namespace bench {

inline double seconds() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

// The median, and the ends of its 95 % confidence interval: order statistics of the binomial
// distribution, which assume nothing of how the times are distributed.
struct Median {
  double value, low, high;
};

inline Median median(std::vector<double> samples) {
  std::sort(samples.begin(), samples.end());
  const double count = static_cast<double>(samples.size());
  const double reach = 0.98 * std::sqrt(count);
  const auto at = [&](double rank) {
    return samples[static_cast<size_t>(std::min(std::max(rank, 0.0), count - 1))];
  };
  return {at(std::floor(count / 2)), at(std::floor(count / 2 - reach)),
          at(std::ceil(count / 2 + reach))};
}

// What the calls return, each having measured itself: until the budget of seconds is spent, at
// least five, after one that is not counted.
template <class F>
auto repeat(double budget, const F& call) {
  constexpr size_t kFewest = 5, kMost = 10000;
  call();
  std::vector<decltype(call())> samples;
  const double start = seconds();
  while (samples.size() < kFewest || (seconds() - start < budget && samples.size() < kMost)) {
    samples.push_back(call());
  }
  return samples;
}

// The seconds that a call takes.
template <class F>
double timed(const F& call) {
  const double before = seconds();
  call();
  return seconds() - before;
}

}  // namespace bench

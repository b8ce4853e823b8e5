// What a step costs by the rows of its batch: medians of one run, rows in turns. No number of rows should cost
// more than a larger one; where one does by more than 3 %, it is named.
//
//   lnrnn_benchmark_rows [rows] [rounds] [isa]
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <vector>

#include "../test/network.h"
#include "samples.h"

using network::Network;
using network::Options;
using network::Shape;

namespace {

template <class S>
void run(const char* type, int64_t hidden, int64_t most, int rounds, const Options& options) {
  constexpr double kNoise = 1.03, kSample = 60e-6;
  std::vector<std::unique_ptr<Network<S>>> nets;
  std::vector<std::vector<double>> times(static_cast<size_t>(most));
  std::vector<int> calls;
  for (int64_t n = 1; n <= most; ++n) {
    nets.push_back(std::make_unique<Network<S>>(Shape{1, n, hidden, hidden}, options));
    nets.back()->pack();
    nets.back()->step();
    const double once = bench::timed([&] { nets.back()->step(); });
    calls.push_back(std::max(1, static_cast<int>(kSample / once)));
  }
  for (int round = 0; round < rounds; ++round) {
    for (size_t i = 0; i < nets.size(); ++i) {
      nets[i]->step();
      times[i].push_back(bench::timed([&] {
                           for (int call = 0; call < calls[i]; ++call) nets[i]->step();
                         }) /
                         calls[i]);
    }
  }
  std::vector<double> medians;
  for (const auto& of_rows : times) medians.push_back(bench::median(of_rows).value);
  std::printf("%-4s H %-5lld us", type, static_cast<long long>(hidden));
  for (const double median : medians) std::printf(" %.1f", median * 1e6);
  for (size_t i = 0; i + 1 < medians.size(); ++i) {
    if (medians[i] >
        kNoise * *std::min_element(medians.begin() + static_cast<long>(i) + 1, medians.end())) {
      std::printf("; %zu rows are dear", i + 1);
    }
  }
  std::printf("\n");
  std::fflush(stdout);
}

}  // namespace

int main(int argc, char** argv) {
  const int64_t most = argc > 1 ? std::atoi(argv[1]) : 16;
  const int rounds = argc > 2 ? std::atoi(argv[2]) : 41;
  Options options;
  options.isa = argc > 3 ? argv[3] : nullptr;
  for (const int64_t hidden : {64, 128, 256, 512, 1024}) {
    run<float>("F32", hidden, most, rounds, options);
    run<double>("F64", hidden, most, rounds, options);
    run<network::F16>("F16", hidden, most, rounds, options);
    run<network::Bf16>("BF16", hidden, most, rounds, options);
  }
  return EXIT_SUCCESS;
}

// What the library reaches on this machine, in one run: the calibrated peak of each instruction set,
// then time and fraction of that peak for the shapes of the performance notes, and the cost of calls
// whose arithmetic is nothing, for comparison with the same calls from Java.
//
//   lnrnn_benchmark [threads] [isa]
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <thread>
#include <vector>

#include "cpu/machine/isa.h"
#include "../test/network.h"
#include "samples.h"
#include "shapes.h"

using lnrnn::cpu::Isa;
using network::Network;
using network::Options;
using network::Shape;

namespace {

// Median seconds of one call, over as many calls as fit the budget.
template <class F>
double median_seconds(double budget, const F& call) {
  return bench::median(bench::repeat(budget, [&] { return bench::timed(call); })).value;
}

// The best of several short bursts of multiply-adds in registers, on every thread at once.
double peak_flops(const Isa& isa, int threads) {
  double best = 0;
  for (int burst = 0; burst < 10; ++burst) {
    std::vector<double> flops(static_cast<size_t>(threads));
    const double before = bench::seconds();
    std::vector<std::thread> others;
    for (int t = 1; t < threads; ++t) {
      others.emplace_back([&, t] { flops[static_cast<size_t>(t)] = isa.f32.spin_flops(2000000); });
    }
    flops[0] = isa.f32.spin_flops(2000000);
    for (std::thread& other : others) other.join();
    const double elapsed = bench::seconds() - before;
    double total = 0;
    for (const double f : flops) total += f;
    best = std::max(best, total / elapsed);
  }
  return best;
}

double forward_flops(const Shape& s) {
  return 8.0 * static_cast<double>(s.steps * s.batch) *
         static_cast<double>(s.hidden * (s.input + s.hidden));
}

void report(const char* what, const char* shape, double time, double flops, double peak) {
  std::printf("%-20s %-2s %12.3f ms", what, shape, time * 1e3);
  if (flops > 0)
    std::printf(" %8.1f GFLOP/s %5.1f %% of peak", flops / time * 1e-9, 100 * flops / time / peak);
  std::printf("\n");
}

void run_shape(const bench::Shape& named, const Options& options, double peak) {
  const Shape shape{named.steps, named.batch, named.input, named.hidden};
  Network<float> net(shape, options);
  for (size_t i = 0; i < net.parameters->size(); ++i) (*net.parameters)[i] *= 0.1f;
  const char name[] = {named.name, '\0'};
  const double flops = forward_flops(shape);
  net.pack();
  report("forward", name, median_seconds(1, [&] { net.infer(); }), flops, peak);
  report("forward + backward", name,
         median_seconds(1,
                        [&] {
                          net.train();
                          net.backward();
                        }),
         3 * flops, peak);
}

// The time of one call among many, in nanoseconds: the timer's own cost does not count.
template <class F>
double nanoseconds_each(const F& call) {
  constexpr int kCalls = 20000;
  return 1e9 / kCalls * median_seconds(0.5, [&] {
           for (int i = 0; i < kCalls; ++i) call();
         });
}

void run_calls(const Options& options) {
  // With no rows, checks and dispatch are all that is left of a call.
  Network<float> net({4, 0, 128, 256}, options);
  net.pack();
  std::printf("%-20s %15.1f ns\n", "version", nanoseconds_each([] { lnrnnGetAbiVersion(); }));
  std::printf("%-20s %15.1f ns\n", "step of 0 rows", nanoseconds_each([&] { net.step(); }));
  std::printf("%-20s %15.1f ns\n", "forward of 0 rows", nanoseconds_each([&] { net.infer(); }));
  std::printf("%-20s %15.1f ns\n", "training of 0 rows", nanoseconds_each([&] { net.train(); }));

  // What a call lays out and starts, too: its arithmetic is a fraction of this.
  Network<float> least({1, 1, 1, 1}, options);
  least.pack();
  std::printf("%-20s %15.1f ns\n", "step of 1 element", nanoseconds_each([&] { least.step(); }));

  Network<float> one({1, 1, 128, 256}, options);
  one.pack();
  std::printf("%-20s A  %12.3f us\n", "step", 1e6 * median_seconds(1, [&] { one.step(); }));
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  if (argc > 1) options.threads = std::max(1, std::atoi(argv[1]));
  if (argc > 2) options.isa = argv[2];
  const Isa* const isa = lnrnn::cpu::find_isa(options.isa);
  if (isa == nullptr) {
    std::fprintf(stderr, "%s is not an instruction set of this CPU\n", options.isa);
    return EXIT_FAILURE;
  }
  const double peak = peak_flops(*isa, options.threads);
  std::printf("%s, %d threads, f32 peak %.1f GFLOP/s\n", isa->name, options.threads, peak * 1e-9);
  for (const bench::Shape& shape : bench::kShapes) {
    // F is the GPUs': a minute for each pass here.
    if (shape.name != 'F') run_shape(shape, options, peak);
  }
  run_calls(options);
  return EXIT_SUCCESS;
}

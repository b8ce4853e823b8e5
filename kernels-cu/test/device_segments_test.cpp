// Norms of several segments, and of sums, and projections, on CUDA: what the emulated device computes is what the CPU
// computes, in all types and both directions, with kernels for each step and in clusters, in tiles that several
// segments share.
#include <algorithm>

#include "device_pair.h"
#include "segments.h"

namespace {

using device_pair::compare;
using device_pair::kBound;
using device_pair::kGradients;
using device_pair::largest;
using lnrnn::Bf16;
using lnrnn::Device;
using lnrnn::F16;
using segments::Case;
using segments::Options;
using segments::Size;

struct Devices {
  std::unique_ptr<Device> cuda, cpu;

  Devices() {
    network::done(lnrnn::open_cuda_device(0, &cuda));
    network::done(lnrnn::open_cpu_device(1, nullptr, &cpu));
  }
  ~Devices() {
    network::done(cuda->close());
    network::done(cpu->close());
  }
};

template <class S>
void test_strand(const Devices& on, const Case& c, const Size& size, const Options& options,
                 const std::vector<int64_t>& lengths = {}, float magnitude = 1) {
  const int before = check::failures;
  segments::Run<S> cuda(*on.cuda, c.shape, size, options), cpu(*on.cpu, c.shape, size, options);
  CHECK(cuda.reserve.size() == cpu.reserve.size());
  cuda.lengths = cpu.lengths = lengths;
  if constexpr (std::is_same_v<S, float>) {
    for (auto* const run : {&cuda, &cpu}) {
      for (S& x : run->x) x *= magnitude;
    }
  }
  double kind = 0;
  const auto same = [&](const char* what, const auto& of_cuda, const auto& of_cpu, double bound) {
    compare(what, of_cuda.data(), of_cpu.data(), of_cpu.size(), kind, bound);
  };
  const auto same_outputs = [&] {
    kind = largest(cpu.hn.data(), cpu.hn.size());
    CHECK(kind > 0);
    same("y", cuda.y, cpu.y, kBound<S>);
    same("hn", cuda.hn, cpu.hn, kBound<S>);
    same("cn", cuda.cn, cpu.cn, kBound<S>);
  };
  for (auto* const run : {&cuda, &cpu}) run->infer();
  same_outputs();
  for (auto* const run : {&cuda, &cpu}) {
    run->train();
    run->backward();
  }
  same_outputs();
  kind = largest(cpu.gradients.data(), cpu.gradients.size());
  CHECK(kind > 0);
  const double bound = kGradients<S> * kBound<S>;
  for (const lnrnn::PlanParameter& p : cpu.plan.parameters) {
    const uint64_t at = cpu.plan.offset(p);
    compare(p.description.name, cuda.gradients.data() + at, cpu.gradients.data() + at,
            static_cast<size_t>(p.description.elements), kind, bound);
  }
  same("dx", cuda.dx, cpu.dx, bound);
  same("dh0", cuda.dh0, cpu.dh0, bound);
  same("dc0", cuda.dc0, cpu.dc0, bound);
  if (check::failures > before) {
    std::printf("  in %s, N %d, H %d, P %d, %d bytes, direction %d\n", c.name.c_str(),
                static_cast<int>(size.batch), static_cast<int>(size.width),
                static_cast<int>(size.output()), static_cast<int>(sizeof(S)), options.direction);
  }
}

// Those for which CUDA has kernels.
std::vector<Case> all_cases() {
  std::vector<Case> all = segments::cases();
  for (const auto& more : {segments::cases_of_sum(), segments::cases_without_bias()}) {
    for (const Case& c : more) {
      const lnrnn::CellShape& shape = c.shape;
      if (std::all_of(shape.sites, shape.sites + shape.site_count,
                      [](const lnrnn::NormSite& site) { return site.centred; })) {
        all.push_back(c);
      }
    }
  }
  return all;
}

const Options kNoisy{0, 0, 0.3, 0.25}, kReverse{0, 1}, kRecomputed{LNRNN_PLAN_RECOMPUTE, 1};
const Options kReset{0, 0, 0.3, 0.25, 0, true}, kResetInReverse{0, 1, 0.3, 0.25, 0, true};

// Few rows and more; H of which tiles have 16, 32 or 64 columns, and begin and end amid gates.
template <class S>
void test_steps(const Devices& on) {
  for (const Case& c : all_cases()) {
    test_strand<S>(on, c, {3, 3, 4, 5}, kNoisy, {3, 1, 2});
    test_strand<S>(on, c, {3, 11, 5, 33}, kReverse);
    test_strand<S>(on, c, {2, 1, 3, 9}, kRecomputed);
  }
  for (const int64_t width : {401, 1001}) {
    test_strand<S>(on, segments::cases()[0], {1, 9, 2, width}, {});
  }
}

// Likewise; P less than H and more, and of a width that would run in clusters.
template <class S>
void test_projected(const Devices& on) {
  for (const Case& c : all_cases()) {
    if (!c.shape.carries_cell) continue;
    test_strand<S>(on, c, {3, 3, 4, 5, 2}, kNoisy, {3, 1, 2});
    test_strand<S>(on, c, {3, 11, 5, 33, 18}, kReverse, {3, 1, 2, 3, 3, 0, 1, 2, 3, 3, 2});
    test_strand<S>(on, c, {2, 2, 3, 9, 17}, kRecomputed);
    test_strand<S>(on, c, {2, 9, 3, 64, 32}, kNoisy);
    for (const Options& options : {kReset, kResetInReverse}) {
      test_strand<S>(on, c, {4, 3, 4, 9, 5}, options, {4, 2, 3});
    }
  }
  // Through the layer norm of one feature's product its gradient all but cancels: too much for other types.
  for (const Case& c : all_cases()) {
    const bool is_normalized = c.shape.site_count > 0;
    if (!c.shape.carries_cell || (is_normalized && sizeof(S) < 8)) continue;
    test_strand<S>(on, c, {3, 9, 4, 7, 1}, kNoisy);
  }
}

// Rows whose squares overflow, and wider ones than those that stay in registers.
void test_large_rows(const Devices& on) {
  for (const Case& c : {segments::cases_of_sum()[2], segments::cases_of_sum()[3]}) {
    test_strand<float>(on, c, {3, 3, 4, 33}, {}, {}, 1e30f);
  }
  test_strand<float>(on, segments::cases_of_sum()[3], {1, 1, 2, 1100}, {});
}

template <class S>
void test_clusters(const Devices& on) {
  for (const Case& c : all_cases()) {
    test_strand<S>(on, c, {3, 9, 4, 64}, kReverse, {3, 1, 2, 3, 3, 0, 1, 2, 3});
    test_strand<S>(on, c, {2, 2, 3, 160}, kNoisy);
    test_strand<S>(on, c, {2, 1, 3, 96}, kRecomputed);
  }
  test_strand<S>(on, segments::cases()[0], {2, 1, 3, 288}, {});
}

}  // namespace

int main() {
  const Devices on;
#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
  // What sanitizers look for is the same for most shapes and types, and they take their time.
  for (const Case& c : {segments::cases()[0], segments::cases()[1], segments::cases_of_sum()[2]}) {
    test_strand<float>(on, c, {3, 3, 4, 5}, kNoisy, {3, 1, 2});
    test_strand<F16>(on, c, {2, 2, 3, 64}, kReverse);
    if (c.shape.carries_cell) test_strand<F16>(on, c, {3, 3, 4, 5, 2}, kNoisy, {3, 1, 2});
  }
  return check::summary();
#endif
  test_steps<float>(on);
  test_steps<double>(on);
  test_steps<F16>(on);
  test_steps<Bf16>(on);
  test_projected<float>(on);
  test_projected<double>(on);
  test_projected<F16>(on);
  test_projected<Bf16>(on);
  test_large_rows(on);
  test_clusters<F16>(on);
  test_clusters<Bf16>(on);
  return check::summary();
}

// Norms of several segments, or of sums, on the CPU: against a reference, finite differences, and themselves
// across threads, types, instruction sets and recomputed products.
#include <algorithm>

#include "check.h"
#include "core/status.h"
#include "cpu/machine/isa.h"
#include "segments_reference.h"

namespace {

using segments::Case;
using segments::Numbers;
using segments::Options;
using segments::Reference;
using segments::Run;
using segments::Size;

std::unique_ptr<lnrnn::Device> open(int threads, const char* isa) {
  std::unique_ptr<lnrnn::Device> device;
  if (lnrnn::open_cpu_device(threads, isa, &device) != LNRNN_STATUS_SUCCESS) std::abort();
  return device;
}

std::vector<Case> all_cases() {
  std::vector<Case> all = segments::cases();
  for (const auto& more :
       {segments::cases_of_one_side(), segments::cases_of_sum(), segments::cases_without_bias()}) {
    all.insert(all.end(), more.begin(), more.end());
  }
  return all;
}

double distance(const Numbers& a, const Numbers& b) {
  double most = 0, largest = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    most = std::fmax(most, std::fabs(a[i] - b[i]));
    largest = std::fmax(largest, std::fabs(b[i]));
  }
  return most / std::fmax(largest, 1e-3);
}

void near(const Numbers& a, const Numbers& b, double bound, const std::string& what) {
  const double error = distance(a, b);
  CHECK(error <= bound);
  if (!(error <= bound)) std::printf("  %s: %g, not at most %g\n", what.c_str(), error, bound);
}

template <class S>
Numbers everything(Run<S>& run) {
  run.train();
  run.backward();
  Numbers all;
  const auto add = [&](const auto& tensor) {
    const Numbers numbers = tensor.numbers();
    all.insert(all.end(), numbers.begin(), numbers.end());
  };
  add(run.y);
  add(run.dx);
  // Tensor by tensor, as their places depend on the type.
  const Numbers gradients = run.gradients.numbers();
  for (const lnrnn::PlanParameter& p : run.plan.parameters) {
    const auto begin = gradients.begin() + static_cast<std::ptrdiff_t>(run.plan.offset(p));
    all.insert(all.end(), begin, begin + p.description.elements);
  }
  for (const auto* state : {&run.hn, &run.cn, &run.dh0, &run.dc0}) add(*state);
  return all;
}

// Packed weights are of the data type, and yet give the same bits.
template <class S>
void test_inference(Run<S>& run) {
  const Numbers trained = run.y.numbers();
  run.infer();
  CHECK(run.y.numbers() == trained);
}

void test_outputs(const Case& c, const Size& size, const Options& options = {}) {
  const auto device = open(1, nullptr);
  Run<double> run(*device, c.shape, size, options);
  const Numbers expected = Reference(run).outputs();
  run.train();
  near(run.y.numbers(), expected, 1e-11, c.name + ", trained");
  test_inference(run);
}

void compare_gradient(Run<double>& run, double* values, const double* gradient, uint64_t count,
                      const std::string& what) {
  constexpr double kStep = 1e-5;
  double largest = 1;
  for (uint64_t i = 0; i < count; ++i) largest = std::fmax(largest, std::fabs(gradient[i]));
  for (uint64_t i = 0; i < count; i += count / 24 + 1) {
    const double value = values[i];
    values[i] = value + kStep;
    const double above = run.loss();
    values[i] = value - kStep;
    const double below = run.loss();
    values[i] = value;
    const bool close = std::fabs((above - below) / (2 * kStep) - gradient[i]) <= 1e-6 * largest;
    CHECK(close);
    if (!close) {
      std::printf("  %s, element %d: %.9g, not %.9g\n", what.c_str(), static_cast<int>(i),
                  gradient[i], (above - below) / (2 * kStep));
    }
  }
}

void test_gradients(const Case& c, const Size& size, const std::vector<int64_t>& lengths,
                    const Options& options) {
  const auto device = open(1, nullptr);
  Run<double> run(*device, c.shape, size, options);
  run.lengths = lengths;
  run.train();
  run.backward();
  for (const lnrnn::PlanParameter& p : run.plan.parameters) {
    const uint64_t at = run.plan.offset(p);
    compare_gradient(run, run.parameters.data() + at, run.gradients.data() + at,
                     static_cast<uint64_t>(p.description.elements),
                     c.name + ", " + p.description.name);
  }
  compare_gradient(run, run.x.data(), run.dx.data(), run.x.size(), c.name + ", x");
  compare_gradient(run, run.h0.data(), run.dh0.data(), run.h0.size(), c.name + ", h0");
  if (!run.carries_cell()) return;
  compare_gradient(run, run.c0.data(), run.dc0.data(), run.c0.size(), c.name + ", c0");
}

void test_variants(const Case& c, const Size& size) {
  const auto one = open(1, nullptr), three = open(3, nullptr);
  Run<double> exact(*one, c.shape, size);
  const Numbers expected = everything(exact), expected_y = exact.y.numbers();

  Run<double> shared(*three, c.shape, size);
  near(everything(shared), expected, 1e-12, c.name + ", three threads");
  CHECK(shared.y.numbers() == expected_y);
  Run<double> recomputed(*one, c.shape, size, {LNRNN_PLAN_RECOMPUTE});
  CHECK(everything(recomputed) == expected);
  Numbers doubled = exact.gradients.numbers();
  for (double& gradient : doubled) gradient *= 2;
  exact.backward(true);
  near(exact.gradients.numbers(), doubled, 1e-12, c.name + ", accumulated");

  for (const lnrnn::cpu::Isa* const* isa = lnrnn::cpu::available_isas(); *isa != nullptr; ++isa) {
    const auto device = open(1, (*isa)->name);
    Run<double> in_double(*device, c.shape, size);
    near(everything(in_double), expected, 1e-12, c.name + " in F64, " + (*isa)->name);
    Run<float> in_float(*device, c.shape, size);
    near(everything(in_float), expected, 2e-5, c.name + " in F32, " + (*isa)->name);
    test_inference(in_float);
  }
  Run<lnrnn::F16> in_f16(*one, c.shape, size);
  near(everything(in_f16), expected, 2e-2, c.name + " in F16");
  test_inference(in_f16);
  Run<lnrnn::Bf16> in_bf16(*one, c.shape, size);
  near(everything(in_bf16), expected, 1e-1, c.name + " in BF16");
  test_inference(in_bf16);
}

// Few rows and much to multiply: threads share out products, and meet twice a step.
void test_shared_products(const Case& c, const Size& size) {
  const auto one = open(1, nullptr), three = open(3, nullptr);
  for (const uint32_t flags : {0u, uint32_t{LNRNN_PLAN_RECOMPUTE}}) {
    const Options options{flags, 1, 0.3, 0.25};
    Run<double> alone(*one, c.shape, size, options), shared(*three, c.shape, size, options);
    alone.lengths = shared.lengths = {3, 2};
    near(everything(shared), everything(alone), 1e-12, c.name + ", shared products");
    CHECK(shared.y.numbers() == alone.y.numbers());
  }
}

void test(const Case& c) {
  CHECK(c.shape.consistent());
  test_outputs(c, {5, 2, 4, 7});
  test_outputs(c, {3, 9, 6, 33});
  for (const uint32_t flags : {0u, uint32_t{LNRNN_PLAN_RECOMPUTE}}) {
    constexpr Size kSize{4, 3, 5, 7};
    test_gradients(c, kSize, {}, {flags});
    test_gradients(c, kSize, {4, 0, 2}, {flags});
    test_gradients(c, kSize, {4, 3, 2}, {flags, 1, 0.3, 0.25});
  }
  // Segments end within a vector and within a product's tile.
  test_variants(c, {6, 21, 9, 37});
  test_shared_products(c, {3, 2, 5, 300});
}

// The same of h that is a product of what the cell puts out.
void test_projected(const Case& c) {
  test_outputs(c, {5, 2, 4, 7, 3});
  test_outputs(c, {3, 9, 6, 33, 33});
  for (const uint32_t flags : {0u, uint32_t{LNRNN_PLAN_RECOMPUTE}}) {
    test_gradients(c, {4, 3, 5, 7, 4}, {}, {flags});
    test_gradients(c, {4, 3, 5, 7, 2}, {4, 0, 2}, {flags});
    test_gradients(c, {4, 3, 2, 7, 1}, {4, 3, 2}, {flags, 1, 0.3, 0.25});
  }
  test_variants(c, {4, 21, 9, 37, 18});
  test_shared_products(c, {3, 2, 5, 300, 150});
}

// The same of u that is clipped, in about every third place.
void test_clipped(const Case& c) {
  constexpr double kClip = 0.6;
  test_outputs(c, {5, 2, 4, 7}, {0, 0, 0, 0, kClip});
  test_outputs(c, {5, 2, 4, 7, 3}, {0, 0, 0, 0, kClip});
  for (const uint32_t flags : {0u, uint32_t{LNRNN_PLAN_RECOMPUTE}}) {
    test_gradients(c, {4, 3, 5, 7}, {}, {flags, 0, 0, 0, kClip});
    test_gradients(c, {4, 3, 5, 7, 2}, {4, 3, 2}, {flags, 1, 0.3, 0.25, kClip});
  }
}

// Of a gate's matrix (H,P) the shorter side's vectors are orthonormal; weight_hr is one matrix.
void test_initial_parameters(const Size& size) {
  const lnrnn::Plan plan =
      segments::make_plan(*lnrnn::cell_shape(LNRNN_CELL_LSTM, LNRNN_NORMALIZATION_NONE), size,
                          LNRNN_DATA_F64, {});
  Numbers parameters(plan.parameter_elements);
  CHECK(lnrnn::initialize_on_host(plan, 7, parameters.data()) == LNRNN_STATUS_SUCCESS);
  const lnrnn::Strand strand{plan, 0, 0};
  const int64_t height = size.width, width = size.output();
  const bool tall = height > width;
  const int64_t vectors = std::min(height, width), elements = std::max(height, width);
  const double* const weight_hh = strand.find(lnrnn::ParameterRole::kWeightHh, parameters.data());
  for (int gate = 0; gate < 4; ++gate) {
    const double* const q = weight_hh + gate * height * width;
    const auto at = [&](int64_t v, int64_t i) {
      return tall ? q[i * width + v] : q[v * width + i];
    };
    for (int64_t a = 0; a < vectors; ++a) {
      for (int64_t b = 0; b <= a; ++b) {
        double dot = 0;
        for (int64_t i = 0; i < elements; ++i) dot += at(a, i) * at(b, i);
        CHECK_NEAR(dot, a == b ? 1 : 0, 1e-12);
      }
    }
  }
  const double* const weight_hr = strand.find(lnrnn::ParameterRole::kWeightHr, parameters.data());
  const double bound = std::sqrt(6.0 / static_cast<double>(height + width));
  double largest = 0;
  for (int64_t i = 0; i < height * width; ++i)
    largest = std::fmax(largest, std::fabs(weight_hr[i]));
  CHECK(largest <= bound && largest > 0.8 * bound);
}

void test_public_shapes() {
  for (int cell = LNRNN_CELL_LSTM; cell <= LNRNN_CELL_INDRNN; ++cell) {
    for (int norm = LNRNN_NORMALIZATION_NONE; norm <= LNRNN_NORMALIZATION_CELL; ++norm) {
      const auto shape = lnrnn::cell_shape(cell, norm);
      if (!shape) continue;
      CHECK(shape->consistent());
      CHECK(lnrnn::check_kernels(*shape, {"it", false, false, false}) == LNRNN_STATUS_SUCCESS);
    }
  }
}

// What does not fit, and what a backend has no kernels for.
void test_refusals() {
  using namespace lnrnn;
  const auto of_sum = [](Segments parts) {
    return NormSite{TermKind::kSum, parts, true, NormBias::kBoth, SeenBy::kGates};
  };
  const CellShape lstm = *cell_shape(LNRNN_CELL_LSTM, LNRNN_NORMALIZATION_NONE);
  const CellShape haste = *cell_shape(LNRNN_CELL_LSTM, LNRNN_NORMALIZATION_HASTE);
  CHECK(!segments::with_sites(lstm, {of_sum({2, {1, 2}})}).consistent());
  CHECK(!segments::with_sites(lstm, {of_sum(Segments::each(4)), haste.sites[0]}).consistent());
  CHECK(!segments::with_sites(haste, {of_sum(Segments::each(4))}).consistent());
  CHECK(!segments::with_sites(lstm, {haste.sites[0]}).consistent());

  const auto says = [](const CellShape& shape, const KernelsOf& has, const char* what) {
    CHECK(check_kernels(shape, has) == LNRNN_STATUS_NOT_SUPPORTED);
    CHECK(std::string(last_error_message()).find(what) != std::string::npos);
  };
  const CellShape sum = segments::with_sites(lstm, {of_sum(Segments::each(4))});
  says(sum, {"CUDA", true, false, true}, "CUDA has no kernels for a layer norm of the sum");
  CHECK(check_kernels(sum, {"CUDA", false, true, false}) == LNRNN_STATUS_SUCCESS);
  CellShape other = sum;
  other.sites[0].centred = false;
  says(other, {"CUDA", false, true, true}, "that is not centred");
  other = sum;
  other.kind = CellKind::kJointGru;
  says(other, {"CUDA", true, true, false}, "a GRU whose reset gate takes the whole of n");
  other = lstm;
  other.projected = true;
  CHECK(other.consistent());
  says(other, {"CUDA", true, true, true}, "a projection of h");
  other = lstm;
  other.clipped = true;
  CHECK(other.consistent());
  says(other, {"CUDA", true, true, true, true}, "a clip of the cell");
  other = *cell_shape(LNRNN_CELL_GRU, LNRNN_NORMALIZATION_NONE);
  other.clipped = true;
  CHECK(!other.consistent());
}

}  // namespace

int main() {
  RUN(test_public_shapes());
  RUN(test_refusals());
  RUN(test_initial_parameters({1, 1, 3, 40, 17}));
  RUN(test_initial_parameters({1, 1, 3, 9, 35}));
  for (const Case& c : all_cases()) check::run(c.name, [&] { test(c); });
  for (const Case& c : all_cases()) {
    if (!c.shape.carries_cell) continue;
    check::run(c.name + ", projected", [&] { test_projected(c); });
    check::run(c.name + ", clipped", [&] { test_clipped(c); });
  }
  return check::summary();
}

// The initial parameters: their distribution, orthogonality, and that a seed says it all.
#include <cmath>

#include "check.h"
#include "network.h"

using network::Bf16;
using network::Cell;
using network::F16;
using network::kCells;
using network::Network;
using network::number;
using network::Options;

namespace {

template <class S>
const S* find(const Network<S>& net, const char* name) {
  for (const lnrnnParameter_t& p : net.descriptions()) {
    if (std::strcmp(p.name, name) == 0) return net.parameter(p);
  }
  return nullptr;
}

void test_seeds() {
  Options two_threads;
  two_threads.threads = 2;
  Network<double> net({1, 1, 30, 50}, {}), shared({1, 1, 30, 50}, two_threads);
  net.initialize(7);
  const auto values = net.parameters->copy();
  net.initialize(7);
  CHECK(values == net.parameters->copy());
  shared.initialize(7);
  CHECK(values == shared.parameters->copy());
  net.initialize(8);
  CHECK(values != net.parameters->copy());
}

void test_input_weights(const double* ih, int64_t gates, int64_t input, int64_t hidden) {
  const double bound = std::sqrt(6.0 / static_cast<double>(input + hidden));
  const int64_t count = gates * hidden * input;
  double sum = 0, largest = 0;
  for (int64_t i = 0; i < count; ++i) {
    sum += ih[i] * ih[i];
    largest = std::fmax(largest, std::fabs(ih[i]));
  }
  CHECK(largest <= bound && largest > 0.99 * bound);
  CHECK_NEAR(sum / static_cast<double>(count), bound * bound / 3, bound * bound / 20);
}

void test_orthogonal(const double* hh, int64_t gates, int64_t hidden) {
  for (int64_t gate = 0; gate < gates; ++gate) {
    const double* const q = hh + gate * hidden * hidden;
    double worst = 0;
    for (int64_t i = 0; i < hidden; ++i) {
      for (int64_t j = 0; j < hidden; ++j) {
        double dot = i == j ? -1 : 0;
        for (int64_t k = 0; k < hidden; ++k) dot += q[i * hidden + k] * q[j * hidden + k];
        worst = std::fmax(worst, std::fabs(dot));
      }
    }
    CHECK(worst <= 1e-13);
  }
  if (gates > 1) CHECK(hh[0] != hh[hidden * hidden]);
}

// In 0...1, never at the ends, with the mean and the variance of that.
void test_uniform(const double* w, int64_t n) {
  double sum = 0, squares = 0;
  for (int64_t j = 0; j < n; ++j) {
    CHECK(w[j] > 0 && w[j] < 1);
    sum += w[j];
    squares += (w[j] - 0.5) * (w[j] - 0.5);
  }
  CHECK_NEAR(sum / static_cast<double>(n), 0.5, 0.15);
  CHECK_NEAR(squares / static_cast<double>(n), 1.0 / 12, 0.04);
}

// Every tensor of every cell, of both directions and of a layer above.
void test_tensors() {
  const int64_t input = 30, hidden = 50;
  for (const Cell& cell : kCells) {
    Options options = Options::of(cell);
    options.layers = 2;
    options.direction = LNRNN_DIRECTION_BIDIRECTIONAL;
    Network<double> net({1, 1, input, hidden}, options);
    net.initialize(7);
    std::vector<bool> covered(net.parameters->size());
    for (const lnrnnParameter_t& p : net.descriptions()) {
      const double* const values = net.parameter(p);
      const std::string name = p.name;
      const int64_t gates = p.shape[0] / hidden;
      std::fill_n(covered.begin() + static_cast<int64_t>(p.offsetBytes / sizeof(double)),
                  p.elements, true);
      if (name.find("weight_ih") == 0) {
        test_input_weights(values, gates, p.shape[1], hidden);
      } else if (name.find("weight_hh") == 0) {
        p.rank == 2 ? test_orthogonal(values, gates, hidden) : test_uniform(values, p.elements);
      } else {
        const bool gain = name.find(".weight") != std::string::npos;
        // What is added last to the forget gate.
        const char* const last = net.has("layernorm_gates") ? "layernorm_gates" : "bias_l";
        const bool open = cell.cell == LNRNN_CELL_LSTM && !gain && name.find(last) == 0;
        for (int64_t j = 0; j < p.elements; ++j) {
          CHECK(values[j] == (gain || (open && j / hidden == 1) ? 1 : 0));
        }
      }
    }
    // What lies between tensors is zero, whatever was there.
    for (size_t i = 0; i < covered.size(); ++i) CHECK(covered[i] || (*net.parameters)[i] == 0);
    CHECK(*find(net, "weight_ih_l0") != *find(net, "weight_ih_l0_reverse"));
    CHECK(*find(net, "weight_ih_l1") != *find(net, "weight_ih_l1_reverse"));
  }
}

// F16 and BF16 start from F32's numbers, rounded; and those are F64's.
template <class S>
void test_type() {
  for (const Cell& cell : kCells) {
    Network<S> net({1, 1, 6, 10}, Options::of(cell));
    Network<float> single({1, 1, 6, 10}, Options::of(cell));
    Network<double> wide({1, 1, 6, 10}, Options::of(cell));
    net.initialize(5);
    single.initialize(5);
    wide.initialize(5);
    const auto ours = net.descriptions(), theirs = single.descriptions(),
               widest = wide.descriptions();
    for (size_t p = 0; p < ours.size(); ++p) {
      for (int64_t i = 0; i < ours[p].elements; ++i) {
        const float exact = single.parameter(theirs[p])[i];
        CHECK(number(net.parameter(ours[p])[i]) == number(network::rounded<S>(exact)));
        CHECK(exact == static_cast<float>(wide.parameter(widest[p])[i]));
      }
    }
  }
}

// Matrices so large that their rows are computed some at a time, and that reflections come in several
// blocks: orthogonal, and the same for every number of threads and every instruction set.
void test_large() {
  lnrnnDeviceProperties_t properties{};
  properties.structSize = sizeof properties;
  network::done(lnrnnGetDeviceProperties(LNRNN_DEVICE_CPU, 0, &properties));
  Options options;
  options.cell = LNRNN_CELL_GRU;
  const int64_t hidden = 530;
  Network<double> whole({1, 1, 3, hidden}, options);
  whole.initialize(11);
  const auto values = whole.parameters->copy();
  test_orthogonal(find(whole, "weight_hh_l0"), 3, hidden);
  std::vector<std::string> sets;
  char names[sizeof properties.isaAvailable];
  std::strcpy(names, properties.isaAvailable);
  for (const char* isa = std::strtok(names, " "); isa; isa = std::strtok(nullptr, " ")) {
    sets.emplace_back(isa);
  }
  for (const std::string& isa : sets) {
    options.isa = isa.c_str();
    options.threads = 3;
    Network<double> same({1, 1, 3, hidden}, options);
    same.initialize(11);
    CHECK(same.parameters->copy() == values);
  }
}

// Elements of a matrix that is uniform over all orthogonal ones: mean 0, variance 1 / n and fourth moment
// 3 / n (n + 2), each of them alike; and as many determinants of 1 as of -1, here by the trace's mean 0.
void test_distribution() {
  const int64_t hidden = 6, count = 3000;
  double mean[36] = {}, square[36] = {}, fourth[36] = {}, trace = 0, trace_square = 0;
  Options options;
  options.cell = LNRNN_CELL_GRU;
  Network<double> net({1, 1, 1, hidden}, options);
  for (uint64_t seed = 0; seed < count; ++seed) {
    net.initialize(seed);
    const double* const q = find(net, "weight_hh_l0");
    double diagonal = 0;
    for (int64_t i = 0; i < hidden * hidden; ++i) {
      mean[i] += q[i] / count;
      square[i] += q[i] * q[i] / count;
      fourth[i] += std::pow(q[i], 4) / count;
      if (i % (hidden + 1) == 0) diagonal += q[i];
    }
    trace += diagonal / count;
    trace_square += diagonal * diagonal / count;
  }
  for (int i = 0; i < 36; ++i) {
    CHECK_NEAR(mean[i], 0, 0.04);
    CHECK_NEAR(square[i], 1.0 / 6, 0.02);
    CHECK_NEAR(fourth[i], 3.0 / 48, 0.015);
  }
  CHECK_NEAR(trace, 0, 0.1);
  CHECK_NEAR(trace_square, 1, 0.15);
}

// H = 1: a rotation of one dimension is 1 or -1.
void test_smallest() {
  Network<double> tiny({1, 1, 1, 1}, {});
  tiny.initialize(3);
  CHECK(std::fabs(*find(tiny, "weight_hh_l0")) == 1);
}

}  // namespace

int main() {
  RUN(test_seeds());
  RUN(test_tensors());
  RUN(test_type<F16>());
  RUN(test_type<Bf16>());
  RUN(test_smallest());
  RUN(test_large());
  RUN(test_distribution());
  return check::summary();
}

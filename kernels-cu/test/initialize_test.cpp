// The initial parameters: their distribution, orthogonality, and that a seed says it all.
#include <cmath>

#include "check.h"
#include "network.h"

using network::Network;
using network::Options;

namespace {

std::vector<double> initialized(Network<double>& net, uint64_t seed) {
  network::done(lnrnnInitializeParameters(net.plan, nullptr, seed, net.parameters->data(),
                                          net.parameters->bytes()));
  return net.parameters->copy();
}

const double* find(const Network<double>& net, const std::vector<double>& all, const char* name) {
  int32_t count;
  network::done(lnrnnPlanGetParameterCount(net.plan, &count));
  for (int32_t i = 0; i < count; ++i) {
    lnrnnParameter_t p{};
    p.structSize = sizeof p;
    network::done(lnrnnPlanGetParameter(net.plan, i, &p));
    if (std::strcmp(p.name, name) == 0) return all.data() + p.offsetBytes / sizeof(double);
  }
  return nullptr;
}

}  // namespace

int main() {
  const int64_t input = 30, hidden = 50;
  Options two_threads;
  two_threads.threads = 2;
  Network<double> net({1, 1, input, hidden}, {}), shared({1, 1, input, hidden}, two_threads);
  const auto values = initialized(net, 7);
  CHECK(values == initialized(net, 7));
  CHECK(values == initialized(shared, 7));
  CHECK(values != initialized(net, 8));

  const double bound = std::sqrt(6.0 / (input + hidden));
  const double* const ih = find(net, values, "weight_ih_l0");
  double sum = 0, largest = 0;
  for (int64_t i = 0; i < 4 * hidden * input; ++i) {
    sum += ih[i] * ih[i];
    largest = std::fmax(largest, std::fabs(ih[i]));
  }
  CHECK(largest <= bound && largest > 0.99 * bound);
  CHECK_NEAR(sum / static_cast<double>(4 * hidden * input), bound * bound / 3, bound * bound / 30);

  const double* const hh = find(net, values, "weight_hh_l0");
  for (int64_t gate = 0; gate < 4; ++gate) {
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
  CHECK(hh[0] != hh[hidden * hidden]);

  const double* const bias = find(net, values, "bias_l0");
  const double* const gain = find(net, values, "layernorm_c_l0.weight");
  for (int64_t j = 0; j < hidden; ++j) {
    CHECK(bias[j] == 0 && bias[hidden + j] == 1 && bias[2 * hidden + j] == 0);
    CHECK(gain[j] == 1);
  }

  // H = 1: a rotation of one dimension is 1 or -1.
  Network<double> tiny({1, 1, 1, 1}, {});
  const auto one = initialized(tiny, 3);
  CHECK(std::fabs(find(tiny, one, "weight_hh_l0")[0]) == 1);
  return check::summary();
}

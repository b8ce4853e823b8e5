// Where each gate has a norm of its own, no gate sees another's numbers: whatever belongs to one is changed, and
// only that gate's results change. On the CPU, and on the CUDA device where there is one.
#include <cstring>

#include "check.h"
#include "network.h"

using network::Bf16;
using network::Cell;
using network::kCells;
using network::Network;
using network::Options;

namespace {

enum Gate { kInput, kForget, kCandidate, kOutput };

template <class E>
bool same(const std::unique_ptr<network::Buffer<E>>& a,
          const std::unique_ptr<network::Buffer<E>>& b) {
  return std::memcmp(a->data(), b->data(), a->bytes()) == 0;
}

// Weights, biases and gains of a gate.
template <class S>
void change(const Network<S>& net, Gate gate) {
  for (const lnrnnParameter_t& p : net.descriptions()) {
    if (p.shape[0] != 4 * net.shape.hidden) continue;
    const int64_t share = p.elements / 4;
    for (int64_t i = gate * share; i < (gate + 1) * share; ++i) {
      net.parameter(p)[i] = network::rounded<S>(3 * network::number(net.parameter(p)[i]) + i % 5);
    }
  }
}

// One step from c = 0, so that the forget gate plays no part, and from h0 as it is.
template <class S>
struct Pair {
  Pair(const Options& options, int64_t hidden, Gate gate)
      : before({1, 3, 4, hidden}, options), after({1, 3, 4, hidden}, options) {
    change(after, gate);
    for (Network<S>* net : {&before, &after}) {
      std::memset(net->c0->data(), 0, net->c0->bytes());
      net->pack();
      net->infer();
      net->wait();
    }
  }
  Network<S> before, after;
};

template <class S>
void test_gates(lnrnnDeviceKind_t device) {
  int tested = 0;
  for (const Cell& cell : kCells) {
    for (const int64_t hidden : {7, 64}) {
      Options options = Options::of(cell);
      options.device = device;
      const bool per_gate =
          cell.cell == LNRNN_CELL_LSTM && Network<S>({1, 1, 1, 2}, options).has("layernorm_gates");
      if (!per_gate) continue;
      const Pair<S> forget(options, hidden, kForget), output(options, hidden, kOutput),
          input(options, hidden, kInput);
      CHECK(same(forget.before.hn, forget.after.hn) && same(forget.before.cn, forget.after.cn));
      CHECK(same(output.before.cn, output.after.cn) && !same(output.before.hn, output.after.hn));
      CHECK(!same(input.before.cn, input.after.cn));
      ++tested;
    }
  }
  CHECK(tested == 6);
}

void test(lnrnnDeviceKind_t device) {
  test_gates<double>(device);
  test_gates<float>(device);
  test_gates<Bf16>(device);
}

}  // namespace

int main() {
  RUN(test(LNRNN_DEVICE_CPU));
  int32_t devices = 0;
  if (lnrnnGetDeviceCount(LNRNN_DEVICE_CUDA, &devices) == LNRNN_STATUS_SUCCESS && devices > 0) {
    RUN(test(LNRNN_DEVICE_CUDA));
  }
  return check::summary();
}

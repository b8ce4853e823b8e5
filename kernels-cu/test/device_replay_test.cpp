// A training step captured once and launched again, with other seeds, offsets and data each time, gives
// what the calls themselves give: masks are drawn from what stands in device memory when the graph runs.
// Skipped where there is no CUDA device.
#include <algorithm>

#include "device_pair.h"

using namespace device_pair;

namespace {

struct Drawn {
  uint64_t seed;
  int64_t step_offset, row_offset;
};
constexpr Drawn kDrawn[] = {{1, 0, 0}, {2, 0, 0}, {0xffffffffffffffffu, 4000000000, 7}, {1, 0, 0}};

template <class S>
void train(Network<S>& net) {
  net.train();
  net.backward();
}

template <class S>
lnrnnGraph_t capture(Network<S>& net) {
  lnrnnGraph_t graph = nullptr;
  network::done(lnrnnStreamBeginCapture(net.handle, net.stream));
  train(net);
  network::done(lnrnnStreamEndCapture(net.handle, net.stream, &graph));
  return graph;
}

template <class S>
void test_replay(const network::Cell& cell) {
  Options options = Options::of(cell);
  options.device = LNRNN_DEVICE_CUDA;
  options.layers = 2;
  options.direction = LNRNN_DIRECTION_BIDIRECTIONAL;
  options.regularize(0.4);
  const Shape shape{3, 3, 4, 10};
  Network<S> replayed(shape, options), eager(shape, options);
  replayed.lengths = eager.lengths = {3, 1, 2};
  replayed.random = std::make_unique<Buffer<uint64_t>>(replayed.handle, 3);
  replayed.sequence.seed = 99;  // which nothing is drawn from
  network::done(lnrnnStreamCreate(replayed.handle, &replayed.stream));
  const lnrnnGraph_t graph = capture(replayed);
  replayed.lengths.assign(3, 0);  // the graph has its own

  std::vector<std::vector<S>> outputs;
  for (const Drawn& drawn : kDrawn) {
    (*replayed.random)[0] = drawn.seed;
    (*replayed.random)[1] = static_cast<uint64_t>(drawn.step_offset);
    (*replayed.random)[2] = static_cast<uint64_t>(drawn.row_offset);
    network::done(lnrnnGraphLaunch(graph, replayed.stream));
    replayed.wait();
    eager.sequence.seed = drawn.seed;
    eager.sequence.stepOffset = drawn.step_offset;
    eager.sequence.rowOffset = drawn.row_offset;
    train(eager);
    eager.wait();
    CHECK(same_results(replayed, eager));
    outputs.push_back(eager.y->copy());
    // New data for the next launch.
    for (Network<S>* net : {&replayed, &eager}) {
      std::rotate(net->x->data(), net->x->data() + 1, net->x->data() + net->x->size());
    }
  }
  const auto same_bits = [&](const std::vector<S>& a, const std::vector<S>& b) {
    return std::memcmp(a.data(), b.data(), a.size() * sizeof(S)) == 0;
  };
  for (size_t i = 0; i < outputs.size(); ++i) {
    for (size_t j = 0; j < i; ++j) CHECK(!same_bits(outputs[i], outputs[j]));
  }
  network::done(lnrnnGraphDestroy(graph));
  network::done(lnrnnStreamDestroy(replayed.stream));
  replayed.stream = nullptr;
}

}  // namespace

int main(int argc, char** argv) {
  if (gpu::count() == 0) return gpu::skipped();
  const bool small = argc > 1 && std::string(argv[1]) == "small";
  for (const network::Cell& cell : network::kCells) {
    if (!small || cell.normalization == LNRNN_NORMALIZATION_HASTE) RUN(test_replay<float>(cell));
  }
  if (!small) RUN(test_replay<Bf16>(network::kCells[1]));
  return check::summary();
}

// Resets on a CUDA device: what resets_test asks of the CPU, and that the device computes what the CPU does, also where
// the steps come in several chunks of time, and in a graph that is launched again with other resets. Skipped where there
// is no such device.
#include "device_pair.h"
#include "resets.h"

using namespace device_pair;

namespace {

// With kernels for each step and, in 16 bits, in clusters.
template <class S>
void test_cells() {
  const resets::Plan plan;
  for (const network::Cell& cell : network::kCells) {
    Options options = Options::of(cell);
    options.direction = LNRNN_DIRECTION_BIDIRECTIONAL;
    options.regularize(0.3);
    // What is not normalised grows with H, and what rounding loses with it.
    const int64_t clustered = cell.normalization == LNRNN_NORMALIZATION_NONE ? 32 : 64;
    for (const int64_t hidden : {int64_t{9}, clustered}) {
      if (sizeof(S) > 2 && hidden == clustered) continue;
      Pair<S> pair({resets::Plan::kSteps, resets::Plan::kBatch, 4, hidden}, options);
      pair.both([&](Network<S>& net) {
        plan.give_to(net);
        net.pack();
        net.infer();
      });
      pair.compare_outputs();
      pair.both([](Network<S>& net) {
        net.train();
        net.backward();
      });
      pair.compare_outputs();
      pair.compare_gradients();
    }
  }
}

// Several chunks of time, where the products are not kept. Where one begins rows begin anew as well, forward and
// reverse.
template <class S>
void test_chunks(const Shape& shape, Options options) {
  options.direction = LNRNN_DIRECTION_BIDIRECTIONAL;
  options.flags = LNRNN_PLAN_RECOMPUTE;
  Pair<S> pair(shape, options);
  const auto forward = [&](const auto& pass) {
    pair.both([&](Network<S>& net) {
      net.resets = std::make_unique<Buffer<uint8_t>>(net.handle, static_cast<size_t>(shape.steps *
                                                                                     shape.batch));
      for (int64_t t = 0; t < shape.steps; ++t) {
        for (int64_t n = 0; n < shape.batch; ++n) {
          net.resets->data()[t * shape.batch + n] = (t + n) % 8 == 0;
        }
      }
      pass(net);
    });
    pair.compare_outputs();
  };
  forward([](Network<S>& net) {
    net.pack();
    net.infer();
  });
  forward([](Network<S>& net) { net.train(); });
}
void test_chunks() {
  test_chunks<double>({3, 4100, 2, 3}, Options::of(network::kCells[1]));
  test_chunks<double>({8200, 1, 2, 3}, Options::of(network::kCells[8]));
  test_chunks<F16>({10, 1024, 2, 32}, Options::of(network::kCells[1]));
}

// Resets are read when a graph runs.
template <class S>
void test_replay(const network::Cell& cell, int64_t hidden) {
  Options options = Options::of(cell);
  options.device = LNRNN_DEVICE_CUDA;
  options.layers = 2;
  options.direction = LNRNN_DIRECTION_BIDIRECTIONAL;
  options.regularize(0.3);
  const Shape shape{resets::Plan::kSteps, resets::Plan::kBatch, 4, hidden};
  Network<S> replayed(shape, options), eager(shape, options);
  const resets::Plan plan;
  for (Network<S>* net : {&replayed, &eager}) plan.give_to(*net);
  const auto train = [](Network<S>& net) {
    net.train();
    net.backward();
  };
  lnrnnGraph_t graph = nullptr;
  network::done(lnrnnStreamCreate(replayed.handle, &replayed.stream));
  network::done(lnrnnStreamBeginCapture(replayed.handle, replayed.stream));
  train(replayed);
  network::done(lnrnnStreamEndCapture(replayed.handle, replayed.stream, &graph));
  std::vector<S> before;
  for (int round = 0; round < 3; ++round) {
    network::done(lnrnnGraphLaunch(graph, replayed.stream));
    replayed.wait();
    train(eager);
    eager.wait();
    CHECK(same_results(replayed, eager));
    const std::vector<S> y = eager.y->copy();
    CHECK(before.empty() || std::memcmp(before.data(), y.data(), eager.y->bytes()) != 0);
    before = y;
    for (Network<S>* net : {&replayed, &eager}) {
      uint8_t* const flags = net->resets->data();
      std::rotate(flags, flags + 3, flags + net->resets->size());
    }
  }
  network::done(lnrnnGraphDestroy(graph));
  network::done(lnrnnStreamDestroy(replayed.stream));
  replayed.stream = nullptr;
}

void test_small() {
  for (const int cell : {1, 6, 8}) {
    Options options = Options::of(network::kCells[cell]);
    options.device = LNRNN_DEVICE_CUDA;
    options.direction = LNRNN_DIRECTION_BIDIRECTIONAL;
    resets::test_nan_stays_in_its_piece<double>(5, options);
  }
  Options options;
  options.device = LNRNN_DEVICE_CUDA;
  resets::test_nan_stays_in_its_piece<Bf16>(32, options);
}

}  // namespace

int main(int argc, char** argv) {
  if (gpu::count() == 0) return gpu::skipped();
  if (argc > 1 && std::string(argv[1]) == "small") {
    RUN(test_small());
    return check::summary();
  }
  RUN(resets::test_all(LNRNN_DEVICE_CUDA));
  RUN(test_cells<float>());
  RUN(test_cells<double>());
  RUN(test_cells<F16>());
  RUN(test_cells<Bf16>());
  RUN(test_chunks());
  for (const int cell : {1, 6, 8}) RUN(test_replay<float>(network::kCells[cell], 10));
  RUN(test_replay<Bf16>(network::kCells[1], 32));
  return check::summary();
}

// Steps that no row takes cost nothing, however many they are: a batch without rows, or one whose rows
// all end before. On the CPU, and on the CUDA device where there is net.
#include <cstring>

#include "check.h"
#include "network.h"

using network::Buffer;
using network::Cell;
using network::kCells;
using network::Network;
using network::Options;
using network::Shape;

namespace {

constexpr int64_t kMany = int64_t{1} << 30;

template <class E>
bool all_zero(const E* values, size_t count) {
  return std::all_of(values, values + count, [](E value) { return value == 0; });
}
template <class E>
bool same(const std::unique_ptr<Buffer<E>>& a, const std::unique_ptr<Buffer<E>>& b) {
  return a == nullptr || std::memcmp(a->data(), b->data(), a->bytes()) == 0;
}

// Two layers in both directions with all that is drawn.
Options options_of(const Cell& cell, lnrnnDeviceKind_t device) {
  Options options = Options::of(cell);
  options.device = device;
  options.direction = LNRNN_DIRECTION_BIDIRECTIONAL;
  options.layers = 2;
  options.regularize(0.3);
  return options;
}

void test_no_rows(const Options& options) {
  Network<float> net({kMany, 0, 3, 4}, options);
  net.pack();
  net.infer();
  net.train();
  net.backward();
  net.wait();
  CHECK(all_zero(net.gradients->data(), net.gradients->size()));
}

// No row takes a step: y is not wanted, and x is one row for all.
void test_no_lengths(const Options& options) {
  const int64_t rows = 2, input = 3, hidden = 4;
  Options single = options;
  single.layers = 1;  // others hand on T N D H elements
  single.dropout = 0;
  Network<float> net({1, rows, input, hidden}, single);
  lnrnnPlanSizes_t sizes{};
  sizes.structSize = sizeof sizes;
  net.pack();
  network::done(lnrnnPlanGetSizes(net.plan, kMany, rows, &sizes));
  Buffer<char> workspace(net.handle, sizes.inferenceWorkspaceBytes);
  const int64_t lengths[rows] = {0, 0};
  auto inference = net.inference();
  inference.sequence.steps = kMany;
  inference.sequence.lengths = lengths;
  inference.x.stepStride = inference.x.rowStride = 0;
  inference.y = {};
  inference.workspace = {workspace.data(), workspace.bytes()};
  network::done(net.run(inference));
  net.wait();
  CHECK(same(net.hn, net.h0) && same(net.cn, net.c0));
}

// Steps beyond all lengths are as if they were not there, but for their zeros in y and dx.
void test_beyond_lengths(const Options& options) {
  const int64_t steps = 7, active = 3, rows = 3;
  Network<float> whole({steps, rows, 5, 6}, options), part({active, rows, 5, 6}, options);
  whole.lengths = part.lengths = {2, 0, active};
  std::copy_n(whole.x->data(), part.x->size(), part.x->data());
  std::copy_n(whole.dy->data(), part.dy->size(), part.dy->data());
  for (auto pair : {std::pair(&whole.h0, &part.h0), std::pair(&whole.c0, &part.c0),
                    std::pair(&whole.dhn, &part.dhn), std::pair(&whole.dcn, &part.dcn)}) {
    if (*pair.first != nullptr) {
      std::copy_n((*pair.first)->data(), (*pair.first)->size(), (*pair.second)->data());
    }
  }
  const auto compare = [&](const Buffer<float>& of_whole, const Buffer<float>& of_part) {
    CHECK(std::memcmp(of_whole.data(), of_part.data(), of_part.bytes()) == 0);
    CHECK(all_zero(of_whole.data() + of_part.size(), of_whole.size() - of_part.size()));
  };
  for (Network<float>* net : {&whole, &part}) {
    net->pack();
    net->infer();
    net->wait();
  }
  compare(*whole.y, *part.y);
  CHECK(same(whole.hn, part.hn) && same(whole.cn, part.cn));
  for (Network<float>* net : {&whole, &part}) {
    std::fill_n(net->y->data(), net->y->size(), 1.0f);
    net->train();
    net->backward();
    net->wait();
  }
  compare(*whole.y, *part.y);
  compare(*whole.dx, *part.dx);
  CHECK(same(whole.hn, part.hn) && same(whole.cn, part.cn));
  CHECK(same(whole.gradients, part.gradients));
  CHECK(same(whole.dh0, part.dh0) && same(whole.dc0, part.dc0));
}

// Rows without steps only hand their states on.
void test_no_steps(const Options& options) {
  Network<float> net({0, 1000, 3, 4}, options);
  net.pack();
  net.infer();
  net.wait();
  CHECK(same(net.hn, net.h0) && same(net.cn, net.c0));
  net.train();
  net.backward();
  net.wait();
  CHECK(same(net.hn, net.h0) && same(net.cn, net.c0));
  CHECK(same(net.dh0, net.dhn) && same(net.dc0, net.dcn));
  CHECK(all_zero(net.gradients->data(), net.gradients->size()));
}

void test(lnrnnDeviceKind_t device) {
  for (const Cell& cell : kCells) {
    for (const uint32_t flags : {0u, LNRNN_PLAN_RECOMPUTE}) {
      Options options = options_of(cell, device);
      options.flags = flags;
      options.threads = flags == 0 ? 1 : 2;
      test_no_rows(options);
      test_no_lengths(options);
      test_beyond_lengths(options);
      test_no_steps(options);
    }
  }
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

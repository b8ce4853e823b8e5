// What the CUDA device computes is what the CPU computes: every cell and pass, over shapes that reach
// each kernel's every way, in all types. Without a CUDA device the test is skipped and says why.
//
//   device_test           everything
//   device_test small     what an emulated device under a sanitizer does in a minute
//   device_test steps     everything but what runs in clusters, whose blocks wait for each other in a way
//                         that looks like a race to those who do not know it
//   device_test digest    one number that stands for all bits of many gradients: the same in every run
#include <algorithm>

#include "device_cases.h"
#include "device_pair.h"
#include "given.h"

using namespace device_pair;
using device_cases::Case;

namespace {

bool leaves_out_clusters = false;

template <class S>
bool is_left_out(const Shape& shape, const Options& options) {
  return leaves_out_clusters && sizeof(S) == 2 && options.cell != LNRNN_CELL_INDRNN &&
         options.projection == 0 && shape.hidden % 32 == 0 && shape.hidden <= 512;
}

// What a training pass gets besides its data.
struct Given {
  bool masks, random, resets;
};

template <class S>
void test_passes(Shape shape, const Options& options, const std::vector<int64_t>& lengths,
                 const Given& given = {}) {
  if (is_left_out<S>(shape, options)) return;
  Pair<S> pair(shape, options);
  CHECK(pair.device.sizes.reserveBytes == pair.cpu.sizes.reserveBytes);
  pair.both([&](Network<S>& net) {
    net.lengths = lengths;
    if (given.resets) given::resets(net);
    net.pack();
    net.infer();
  });
  pair.compare_outputs();
  pair.both([&](Network<S>& net) {
    if (given.masks) given::masks(net);
    if (given.random) given::random(net);
    net.train();
    net.backward();
  });
  pair.compare_outputs();
  pair.compare_gradients();

  // Again, in another order of lanes: the same bits. And once more on top: twice as much.
  const auto first = pair.device.gradients->copy();
  pair.device.backward();
  pair.device.wait();
  CHECK(pair.device.gradients->copy() == first);
  pair.both([](Network<S>& net) {
    net.flags = LNRNN_BACKWARD_ACCUMULATE;
    net.backward();
  });
  pair.compare_gradients();
}

template <class S>
void test_case(const Case& c) {
  using namespace device_cases;
  const Shape shape = shape_of(c, 3);
  std::vector<int64_t> lengths;
  for (int64_t n = 0; c[kLengths] != 0 && n < shape.batch; ++n) lengths.push_back((n + 2) % 4);
  test_passes<S>(shape, options_of(c), lengths,
                 {c[kGivenMasks] != 0, c[kDeviceRandom] != 0, c[kResets] != 0});
}

void test_cases() {
  for (const Case& c : device_cases::covering()) {
    check::run(device_cases::name_of(c), [&] {
      switch (c[device_cases::kType]) {
        case LNRNN_DATA_F64: test_case<double>(c); break;
        case LNRNN_DATA_F16: test_case<F16>(c); break;
        case LNRNN_DATA_BF16: test_case<Bf16>(c); break;
        default: test_case<float>(c);
      }
    });
  }
}

void test_small() {
  Options options;
  options.regularize(0.3);
  test_passes<float>({2, 3, 3, 9}, options, {2, 0, 1});
  options.normalization = LNRNN_NORMALIZATION_CARRY;
  test_passes<Bf16>({2, 10, 2, 16}, options, {});
  options.projection = 7;
  test_passes<float>({2, 3, 3, 9}, options, {2, 0, 1});
  options = Options::of(network::kCells[6]);
  options.layers = 2;
  options.direction = LNRNN_DIRECTION_BIDIRECTIONAL;
  options.regularize(0.3);
  options.flags = LNRNN_PLAN_RECOMPUTE;
  test_passes<double>({2, 2, 2, 5}, options, {1, 2}, {false, true, false});
  test_passes<float>({3, 2, 3, 5}, Options::of(network::kCells[8]), {});
  test_passes<F16>({3, 2, 3, 64}, {}, {});
}

// Sizes at which there is nothing, one, or more than one block, tile or strip of steps.
template <class S>
void test_edges() {
  for (const network::Cell& cell : network::kCells) {
    const Options options = Options::of(cell);
    test_passes<S>({0, 3, 4, 8}, options, {});
    test_passes<S>({2, 0, 4, 8}, options, {});
    // Through the layer norm of one feature's product its gradient all but cancels: too much for F32.
    test_passes<S>({3, 1, sizeof(S) == 8 ? 1 : 2, 1}, options, {});
    if (cell.cell == LNRNN_CELL_INDRNN) test_passes<S>({19, 2, 3, 130}, options, {19, 11});
  }
  test_passes<S>({2, 34, 3, 9}, {}, {});
}

// Backward reads what forward drew.
void test_dropconnect_is_decided_once() {
  Options options;
  options.device = LNRNN_DEVICE_CUDA;
  options.dropconnect = 0.4;
  Network<float> twice({2, 3, 4, 21}, options), once({2, 3, 4, 21}, options);
  for (Network<float>* net : {&twice, &once}) net->train();
  once.sequence.seed = 43;
  for (Network<float>* net : {&twice, &once}) {
    net->backward();
    net->wait();
  }
  CHECK(twice.gradients->copy() == once.gradients->copy());
}

template <class S>
void test_inference(Shape shape) {
  if (is_left_out<S>(shape, {})) return;
  Pair<S> pair(shape, {});
  pair.both([](Network<S>& net) {
    net.pack();
    net.infer();
  });
  pair.compare_outputs();
}

// Depths of which a warp takes more than one chunk, in rows that begin at multiples of 16 bytes and in
// others; and each tile that the product of a step may have.
template <class S>
void test_step_products() {
  test_passes<S>({2, 10, 3, 140}, {}, {});
  test_passes<S>({2, 10, 3, 135}, {}, {});
  if (sizeof(S) == 8) return;
  for (const int64_t hidden : {16, 24, 48}) test_inference<S>({1, 1024, 3, hidden});
  for (const int64_t hidden : {768, 1536}) test_inference<S>({1, 16, 3, hidden});
}

// Clusters of one block and of more, not all of whose warps have a share of the depth or a tile of the
// outputs; batches that end amid a cluster's rows.
template <class S>
void test_clusters() {
  for (const network::Cell& cell : network::kCells) {
    if (cell.cell == LNRNN_CELL_INDRNN) continue;
    Options options = Options::of(cell);
    test_passes<S>({3, 9, 4, 32}, options, {});
    options.regularize(0.3);
    options.direction = LNRNN_DIRECTION_BIDIRECTIONAL;
    test_passes<S>({4, 3, 3, 96}, options, {2, 4, 3});
  }
  for (const int64_t hidden : {128, 160, 288}) test_passes<S>({3, 2, 3, hidden}, {}, {});
  test_passes<S>({2, 1, 3, 288}, Options::of(network::kCells[6]), {});
  test_passes<S>({2, 1, 3, 512}, {}, {});
  test_inference<S>({2, 40, 3, 512});  // more clusters than an emulated device holds
}

// Blocks that begin late, or run far ahead, now and then: the same bits.
void test_cluster_schedules() {
  for (const int cell : {0, 1, 6}) {
    Options options = Options::of(network::kCells[cell]);
    options.device = LNRNN_DEVICE_CUDA;
    const Shape shape{3, 2, 2, 64};
    Network<F16> first(shape, options), again(shape, options);
    const auto run = [](Network<F16>& net) {
      net.train();
      net.backward();
      net.wait();
    };
    run(first);
    for (int i = 0; i < 20; ++i) {
      run(again);
      CHECK(same_results(again, first));
    }
  }
}

// More samples than are multiplied at once, where products are not kept: several chunks of time.
template <class S>
void test_chunks(Shape shape, Options options) {
  if (is_left_out<S>(shape, options)) return;
  options.flags = LNRNN_PLAN_RECOMPUTE;
  Pair<S> pair(shape, options);
  const auto forward = [&](const auto& pass) {
    pair.both([&](Network<S>& net) {
      net.lengths.assign(static_cast<size_t>(shape.batch), shape.steps - 1);
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
  Options options = Options::of(network::kCells[3]);
  test_chunks<float>({3, 4100, 2, 3}, options);
  options.projection = 2;
  test_chunks<float>({3, 4100, 2, 3}, options);
  options = Options::of(network::kCells[8]);
  options.direction = LNRNN_DIRECTION_BIDIRECTIONAL;
  options.zoneout = 0.3;
  test_chunks<double>({8200, 1, 2, 3}, options);
  options = Options::of(network::kCells[1]);
  options.direction = LNRNN_DIRECTION_BIDIRECTIONAL;
  test_chunks<F16>({10, 1024, 2, 32}, options);
}

// Padding is not read as a number, whatever stands there.
template <class S>
void test_padding(const network::Cell& cell, int64_t hidden, int64_t projection = 0) {
  Options options = Options::of(cell);
  options.projection = projection;
  options.direction = LNRNN_DIRECTION_BIDIRECTIONAL;
  const Shape shape{3, 9, 4, hidden};
  if (is_left_out<S>(shape, options)) return;
  Pair<S> pair(shape, options);
  const int64_t output = options.output(shape);
  pair.both([output](Network<S>& net) {
    net.lengths = {3, 1, 0, 2, 3, 3, 1, 2, 3};
    const S nan = network::rounded<S>(NAN);
    for (int64_t t = 0; t < 3; ++t) {
      for (int64_t n = 0; n < 9; ++n) {
        if (t < net.lengths[static_cast<size_t>(n)]) continue;
        std::fill_n(net.x->data() + (t * 9 + n) * 4, 4, nan);
        std::fill_n(net.dy->data() + (t * 9 + n) * output, output, nan);
      }
    }
    net.train();
    net.backward();
  });
  pair.compare_outputs();
  pair.compare_gradients();
  for (size_t i = 0; i < pair.device.gradients->size(); ++i) {
    CHECK(std::isfinite((*pair.device.gradients)[i]));
  }
}

// A step is an inference of one step, in place, to the bit; and of the whole to rounding, because
// cuBLAS may add in another order where there are more rows. H beyond one block's threads.
template <class S>
void test_steps(const network::Cell& cell, int64_t hidden, int64_t projection = 0) {
  Options options = Options::of(cell);
  options.projection = projection;
  options.device = LNRNN_DEVICE_CUDA;
  options.zoneout = 0.3;
  if (cell.cell == LNRNN_CELL_LSTM) options.zoneout_cell = 0.2;
  const Shape one{1, 2, 5, hidden};
  Network<S> whole({3, 2, 5, hidden}, options), single(one, options), stream(one, options);
  whole.pack();
  whole.infer();
  whole.wait();
  single.pack();
  stream.pack();
  const auto copy = [](const auto& from, const auto& to) {
    if (from != nullptr) std::copy_n(from->data(), from->size(), to->data());
  };
  for (size_t t = 0; t < 3; ++t) {
    std::copy_n(whole.x->data() + t * 10, 10, stream.x->data());
    copy(stream.x, single.x);
    copy(stream.h0, single.h0);
    copy(stream.c0, single.c0);
    single.infer();
    single.wait();
    stream.step();
    stream.wait();
    CHECK(same(stream.h0, single.hn));
    CHECK(same(stream.c0, single.cn));
    compare("steps", single.y->data(), whole.y->data() + t * single.y->size(), single.y->size(),
            largest(whole.y), kBound<S>);
  }
  compare("the last step", stream.h0, whole.hn, largest(whole.hn), kBound<S>);
}

// What a device is said to be before it is opened is what it is then, cuBLAS included.
void test_properties() {
  lnrnnDeviceProperties_t before{}, after{};
  before.structSize = after.structSize = sizeof before;
  lnrnnHandle_t handle = nullptr;
  network::done(lnrnnGetDeviceProperties(LNRNN_DEVICE_CUDA, 0, &before));
  network::done(lnrnnCreate(LNRNN_DEVICE_CUDA, 0, 0, nullptr, &handle));
  network::done(lnrnnGetProperties(handle, &after));
  network::done(lnrnnDestroy(handle));
  CHECK(std::strcmp(before.isa, after.isa) == 0);
  CHECK(before.cublasVersion == after.cublasVersion);
  CHECK((std::strstr(after.isa, "cuBLAS") != nullptr) == (after.cublasVersion >= 120000));
}

void test_long_rows() {
  test_passes<float>({2, 2, 3, 1025}, {}, {});
  test_passes<double>({2, 1, 3, 1025}, {}, {});
}

// All bits of gradients over many cases, in one number.
uint64_t digest() {
  uint64_t hash = 0xcbf29ce484222325u;
  for (const network::Cell& cell : network::kCells) {
    Options options = Options::of(cell);
    options.device = LNRNN_DEVICE_CUDA;
    options.layers = 2;
    options.direction = LNRNN_DIRECTION_BIDIRECTIONAL;
    options.flags = LNRNN_PLAN_DETERMINISTIC;
    options.regularize(0.3);
    const auto add = [&](auto type, int64_t batch, int64_t hidden) {
      Network<decltype(type)> net({3, batch, 4, hidden}, options);
      net.train();
      net.backward();
      net.wait();
      for (size_t i = 0; i < net.gradients->bytes(); ++i) {
        hash = (hash ^ reinterpret_cast<const uint8_t*>(net.gradients->data())[i]) * 0x100000001b3u;
      }
    };
    add(float{}, 10, 18);
    add(Bf16{}, 5, 18);
    add(F16{}, 5, 64);
  }
  return hash;
}

}  // namespace

int main(int argc, char** argv) {
  if (gpu::count() == 0) return gpu::skipped();
  const std::string selection = argc > 1 ? argv[1] : "";
  if (selection == "digest") {
    std::printf("%016llx\n", static_cast<unsigned long long>(digest()));
    return EXIT_SUCCESS;
  }
  if (selection == "small") {
    RUN(test_small());
    return check::summary();
  }
  leaves_out_clusters = selection == "steps";
  RUN(test_properties());
  RUN(test_step_products<float>());
  RUN(test_step_products<double>());
  RUN(test_step_products<Bf16>());
  RUN(test_clusters<F16>());
  RUN(test_clusters<Bf16>());
  if (!leaves_out_clusters) RUN(test_cluster_schedules());
  test_cases();
  RUN(test_edges<float>());
  RUN(test_edges<double>());
  RUN(test_dropconnect_is_decided_once());
  for (const int cell : {1, 6, 8}) {
    RUN(test_padding<float>(network::kCells[cell], 12));
    for (const int64_t hidden : {12, 32}) RUN(test_padding<Bf16>(network::kCells[cell], hidden));
  }
  for (const int64_t projection : {3, 7}) {
    RUN(test_padding<float>(network::kCells[1], 12, projection));
    RUN(test_padding<Bf16>(network::kCells[1], 32, projection));
  }
  RUN(test_steps<float>(network::kCells[1], 1030));
  RUN(test_steps<float>(network::kCells[1], 1030, 1029));
  for (const int cell : {0, 3, 5, 7}) RUN(test_steps<F16>(network::kCells[cell], 20));
  RUN(test_long_rows());
  RUN(test_chunks());
  return check::summary();
}

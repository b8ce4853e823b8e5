// Every cell with every normalisation, through the C API: gradients against finite differences of its
// own forward, and the same results however the work is shared out, kept or stored. (The reference
// cases are run from Java.)
#include <cmath>

#include "check.h"
#include "differences.h"

using lnrnn::accumulation_t;
using network::Bf16;
using network::Buffer;
using network::Cell;
using network::F16;
using network::kCells;
using network::Network;
using network::number;
using network::Options;
using network::Shape;

namespace {

void check_gradients(Shape shape, const Options& options, const std::vector<int64_t>& lengths,
                     const char* cell) {
  Network<double> net(shape, options);
  net.lengths = lengths;
  differences::compare(net, cell);
}

void test_gradients() {
  for (const Cell& cell : kCells) {
    for (Options options : Options::all_of(cell, 4)) {
      check_gradients({4, 5, 3, 9}, options, {}, cell.name);
      options.regularize(0.3);
      check_gradients({4, 5, 3, 9}, options, {4, 0, 2, 1, 3}, cell.name);
      options.layers = 3;
      options.direction = LNRNN_DIRECTION_BIDIRECTIONAL;
      options.regularize(0.3);
      check_gradients({3, 3, 2, 5}, options, {2, 3, 0}, cell.name);
      options.flags = LNRNN_PLAN_VARIATIONAL_DROPOUT | LNRNN_PLAN_RECOMPUTE;
      check_gradients({3, 2, 2, 5}, options, {}, cell.name);
    }
  }
}

// Elements that differ by more than the bound, relative to the largest.
template <class T>
bool close(const std::vector<T>& a, const std::vector<T>& b, double bound, double factor = 1) {
  double worst = 0, largest = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    worst = std::fmax(worst, std::fabs(double(a[i]) - factor * double(b[i])));
    largest = std::fmax(largest, std::fabs(double(b[i])));
  }
  return worst <= bound * largest;
}

// Batch split, panel split and one thread alone: the same forward bits, gradients close; and the
// same gradients' bits when repeated.
template <class T>
void test_threads(Shape shape, Options options, double bound) {
  std::vector<T> y, gradients;
  for (const int32_t threads : {1, 2, 3}) {
    options.direction = LNRNN_DIRECTION_BIDIRECTIONAL;
    options.regularize(0.2);
    options.threads = threads;
    Network<T> net(shape, options);
    net.train();
    net.backward();
    const std::vector<T> first = net.gradients->copy();
    if (y.empty()) {
      y = net.y->copy();
      gradients = first;
    }
    CHECK(net.y->copy() == y);
    CHECK(close(first, gradients, bound));
    net.backward();
    CHECK(net.gradients->copy() == first);
    net.flags = LNRNN_BACKWARD_ACCUMULATE;
    net.backward();
    CHECK(close(net.gradients->copy(), first, bound, 2));
  }
}
template <class T>
void test_threads(Shape shape, double bound) {
  for (const Options& options : network::all_options(shape.hidden / 2)) {
    test_threads<T>(shape, options, bound);
  }
}

template <class S>
bool same(const std::unique_ptr<Buffer<S>>& a, const std::unique_ptr<Buffer<S>>& b) {
  return a == nullptr || std::memcmp(a->data(), b->data(), a->bytes()) == 0;
}

template <class S>
bool same_results(const Network<S>& a, const Network<S>& b) {
  return same(a.y, b.y) && same(a.hn, b.hn) && same(a.cn, b.cn) && same(a.gradients, b.gradients) &&
         same(a.dx, b.dx) && same(a.dh0, b.dh0) && same(a.dc0, b.dc0);
}

// What the header says that training keeps, tensors rounded up to 64 bytes each.
template <class S>
uint64_t documented_reserve(const Network<S>& net, const Options& o, uint64_t statistics) {
  const auto rounded = [](uint64_t bytes) { return (bytes + 63) / 64 * 64; };
  const uint64_t sum = sizeof(accumulation_t<S>), directions = o.direction == 0 ? 1 : 2;
  const uint64_t gates = o.cell == LNRNN_CELL_LSTM ? 4 : o.cell == LNRNN_CELL_GRU ? 3 : 1;
  const bool r_apart =
      net.has("layernorm_h") || (o.cell == LNRNN_CELL_GRU && !net.has("layernorm_gates"));
  const auto rows = static_cast<uint64_t>(net.shape.steps * net.shape.batch);
  const auto hidden = static_cast<uint64_t>(net.shape.hidden);
  const auto width = static_cast<uint64_t>(o.width(net.shape));
  const uint64_t places = rows + static_cast<uint64_t>(net.shape.batch);
  uint64_t strand = rounded(places * width * sum) +
                    (net.c0 == nullptr ? 0 : rounded(places * hidden * sum)) +
                    rounded(rows * 2 * statistics * sum);
  if ((o.flags & LNRNN_PLAN_RECOMPUTE) == 0) {
    strand += rounded(rows * gates * hidden * sum) * (r_apart ? 2 : 1);
  }
  if (o.dropconnect > 0) strand += rounded(gates * hidden * ((width + 15) / 16 * 2));
  const auto layers = static_cast<uint64_t>(o.layers);
  return strand * layers * directions +
         rounded(rows * directions * width * sizeof(S)) * (layers - 1);
}

// Products computed again are the products that would have been kept, in every type.
template <class S>
void test_recompute() {
  for (const Cell& cell : kCells) {
    for (Options keeps : Options::all_of(cell, 6)) {
      keeps.layers = 2;
      keeps.direction = LNRNN_DIRECTION_BIDIRECTIONAL;
      keeps.threads = 2;
      keeps.regularize(0.3);
      Options recomputes = keeps;
      recomputes.flags = LNRNN_PLAN_RECOMPUTE;
      const Shape shape{5, 3, 4, 11};
      Network<S> a(shape, keeps), b(shape, recomputes);
      a.lengths = b.lengths = {5, 0, 3};
      for (Network<S>* net : {&a, &b}) {
        net->train();
        net->backward();
      }
      CHECK(same_results(a, b));
      for (const auto* pair : {&a, &b}) {
        const Options& o = pair == &a ? keeps : recomputes;
        CHECK(pair->sizes.reserveBytes ==
              documented_reserve(*pair, o, static_cast<uint64_t>(cell.statistics)));
      }
      CHECK(b.sizes.reserveBytes < a.sizes.reserveBytes);
    }
  }
}

// Half precision is storage: on the same numbers, F32 computes the same, to the last bit but for the
// rounding of y and dx.
template <class S>
void test_half_is_rounded_float() {
  for (Options options : network::all_options(7)) {
    for (const uint32_t flags : {0u, LNRNN_PLAN_RECOMPUTE}) {
      options.regularize(0.3);
      options.flags = flags;
      options.threads = 2;
      const Shape shape{6, 5, 7, 19};
      Network<S> half(shape, options);
      Network<float> whole(shape, options);
      half.lengths = whole.lengths = {6, 0, 3, 5, 1};
      const auto widen = [](const Buffer<S>& from, Buffer<float>& to) {
        for (size_t i = 0; i < from.size(); ++i) to[i] = static_cast<float>(number(from[i]));
      };
      widen(*half.x, *whole.x);
      widen(*half.dy, *whole.dy);
      const auto of_half = half.descriptions(), of_whole = whole.descriptions();
      for (size_t p = 0; p < of_half.size(); ++p) {
        for (int64_t i = 0; i < of_half[p].elements; ++i) {
          whole.parameter(of_whole[p])[i] =
              static_cast<float>(number(half.parameter(of_half[p])[i]));
        }
      }
      const auto agree = [](const Buffer<S>& rounded, const Buffer<float>& exact) {
        for (size_t i = 0; i < exact.size(); ++i) {
          if (rounded[i].bits != network::rounded<S>(exact[i]).bits) return false;
        }
        return true;
      };
      half.pack();
      whole.pack();
      half.infer();
      whole.infer();
      CHECK(agree(*half.y, *whole.y) && same(half.hn, whole.hn) && same(half.cn, whole.cn));
      half.train();
      whole.train();
      CHECK(agree(*half.y, *whole.y) && same(half.hn, whole.hn) && same(half.cn, whole.cn));
      half.backward();
      whole.backward();
      CHECK(agree(*half.dx, *whole.dx) && same(half.dh0, whole.dh0) && same(half.dc0, whole.dc0));
      for (size_t p = 0; p < of_half.size(); ++p) {
        CHECK(std::equal(half.gradient(of_half[p]), half.gradient(of_half[p]) + of_half[p].elements,
                         whole.gradient(of_whole[p])));
      }
    }
  }
}

// Without noise a training forward is an inference, to the bit.
template <class S>
void test_training_is_inference() {
  for (Options options : network::all_options(9)) {
    options.direction = LNRNN_DIRECTION_BIDIRECTIONAL;
    options.layers = 3;
    Network<S> a({5, 2, 6, 17}, options), b({5, 2, 6, 17}, options);
    a.lengths = b.lengths = {3, 5};
    a.train();
    b.pack();
    b.infer();
    CHECK(same(a.y, b.y) && same(a.hn, b.hn) && same(a.cn, b.cn));
  }
}

// Masks that the caller gives, and numbers in memory: as if they had been drawn from the sequence.
void test_where_masks_come_from() {
  Options options;
  options.regularize(0.4);
  const Shape shape{4, 3, 5, 6};
  Network<float> drawn(shape, options), from_memory(shape, options), given(shape, options);
  drawn.sequence.seed = 7;
  drawn.sequence.stepOffset = 20;
  drawn.sequence.rowOffset = 30;
  from_memory.random = std::make_unique<Buffer<uint64_t>>(from_memory.handle, 3);
  const uint64_t numbers[] = {7, 20, 30};
  std::copy_n(numbers, 3, from_memory.random->data());
  for (Network<float>* net : {&drawn, &from_memory}) {
    net->train();
    net->backward();
  }
  CHECK(same_results(drawn, from_memory));

  // All ones: nothing is zoned out, and every weight is kept and scaled.
  options.zoneout_cell = options.dropout_candidate = 0;
  Network<float> kept(shape, options);
  kept.zoneout_mask = std::make_unique<Buffer<uint8_t>>(kept.handle, 4 * 3 * 6);
  kept.dropconnect_mask = std::make_unique<Buffer<uint8_t>>(kept.handle, 4 * 6 * 6);
  for (auto* mask : {&kept.zoneout_mask, &kept.dropconnect_mask}) {
    std::memset((*mask)->data(), 1, (*mask)->bytes());
  }
  Network<float> plain(shape, {});
  const auto scale = static_cast<float>(1 / (1 - 0.4));
  for (const lnrnnParameter_t& p : plain.descriptions()) {
    if (std::strstr(p.name, "weight_hh") == nullptr) continue;
    for (int64_t i = 0; i < p.elements; ++i) plain.parameter(p)[i] *= scale;
  }
  kept.train();
  plain.train();
  CHECK(same(kept.y, plain.y));
}

// Which weights are dropped is decided once, by forward: backward reads it and draws nothing.
void test_dropconnect_is_decided_once() {
  for (const uint32_t flags : {0u, LNRNN_PLAN_RECOMPUTE}) {
    Options options;
    options.dropconnect = 0.4;
    options.flags = flags;
    options.threads = 2;
    Network<float> twice({3, 2, 5, 70}, options), once({3, 2, 5, 70}, options);
    for (Network<float>* net : {&twice, &once}) net->train();
    once.sequence.seed = 43;
    for (Network<float>* net : {&twice, &once}) net->backward();
    CHECK(same_results(twice, once));
  }
}

// A chunk of a sequence, and a row of a batch, draw what the whole draws.
void test_offsets() {
  Options options;
  options.zoneout = options.zoneout_cell = 0.4;
  Network<float> whole({6, 3, 2, 8}, options), chunk({2, 1, 2, 8}, options);
  whole.train();
  std::copy_n(whole.h0->data() + 8, 8, chunk.h0->data());
  std::copy_n(whole.c0->data() + 8, 8, chunk.c0->data());
  chunk.sequence.rowOffset = 1;
  for (int64_t begin = 0; begin < 6; begin += 2) {
    for (int64_t t = 0; t < 2; ++t) {
      std::copy_n(whole.x->data() + ((begin + t) * 3 + 1) * 2, 2, chunk.x->data() + t * 2);
    }
    chunk.sequence.stepOffset = begin;
    chunk.train();
    for (int64_t t = 0; t < 2; ++t) {
      CHECK(std::equal(chunk.y->data() + t * 8, chunk.y->data() + (t + 1) * 8,
                       whole.y->data() + ((begin + t) * 3 + 1) * 8));
    }
    std::copy_n(chunk.hn->data(), 8, chunk.h0->data());
    std::copy_n(chunk.cn->data(), 8, chunk.c0->data());
  }
}

void test_every_isa() {
  lnrnnDeviceProperties_t properties{};
  properties.structSize = sizeof properties;
  network::done(lnrnnGetDeviceProperties(LNRNN_DEVICE_CPU, 0, &properties));
  for (const Cell& cell : kCells) {
    std::vector<float> y, gradients;
    char names[sizeof properties.isaAvailable];
    std::strcpy(names, properties.isaAvailable);
    for (const char* isa = std::strtok(names, " "); isa; isa = std::strtok(nullptr, " ")) {
      Options options = Options::of(cell);
      options.isa = isa;
      Network<float> net({7, 3, 6, 65}, options);
      net.pack();
      net.infer();
      if (y.empty()) y = net.y->copy();
      CHECK(close(net.y->copy(), y, 2e-5));
      net.train();
      net.backward();
      if (gradients.empty()) gradients = net.gradients->copy();
      CHECK(close(net.gradients->copy(), gradients, 1e-4));
    }
  }
  std::printf("ran on %s\n", properties.isaAvailable);
}

}  // namespace

int main() {
  RUN(test_gradients());
  RUN(test_threads<float>({9, 2, 6, 300}, 2e-5));  // few rows: panels are shared out
  RUN(test_threads<float>({5, 64, 6, 40}, 2e-5));  // many rows: the batch is
  RUN(test_threads<double>({5, 31, 6, 33}, 1e-13));
  RUN(test_recompute<float>());
  RUN(test_recompute<double>());
  RUN(test_recompute<F16>());
  RUN(test_recompute<Bf16>());
  RUN(test_half_is_rounded_float<F16>());
  RUN(test_half_is_rounded_float<Bf16>());
  RUN(test_training_is_inference<float>());
  RUN(test_training_is_inference<double>());
  RUN(test_training_is_inference<F16>());
  RUN(test_training_is_inference<Bf16>());
  RUN(test_where_masks_come_from());
  RUN(test_dropconnect_is_decided_once());
  RUN(test_offsets());
  RUN(test_every_isa());
  return check::summary();
}

// Masks that training draws, read and given back: the same bits, on every device.
#pragma once

#include <string>
#include <vector>

#include "calls.h"
#include "device_pair.h"

namespace masks {

using network::Buffer;
using network::kMaskKinds;
using network::MaskKind;
using network::Network;
using network::Options;
using network::Shape;

template <class S>
lnrnnMaskDraw_t draw_of(const Network<S>& net, lnrnnMaskKind_t kind) {
  lnrnnMaskDraw_t draw{};
  draw.structSize = sizeof draw;
  draw.kind = kind;
  draw.steps = net.shape.steps;
  draw.batch = net.shape.batch;
  draw.seed = net.sequence.seed;
  draw.stepOffset = net.sequence.stepOffset;
  draw.rowOffset = net.sequence.rowOffset;
  return draw;
}

template <class S>
lnrnnStatus_t read(Network<S>& net, const lnrnnMaskDraw_t& draw, const Buffer<uint8_t>& to) {
  const args::Memory random = Network<S>::memory(net.random);
  return lnrnnDrawMask(net.plan, net.stream, &draw, random.pointer, random.bytes, to.data(),
                       to.bytes());
}

// What the network's passes draw.
template <class S>
std::unique_ptr<Buffer<uint8_t>> read(Network<S>& net, lnrnnMaskKind_t kind) {
  auto mask = std::make_unique<Buffer<uint8_t>>(net.handle, net.mask_bytes(kind));
  std::memset(mask->data(), 77, mask->bytes());
  DONE(read(net, draw_of(net, kind), *mask));
  net.wait();
  return mask;
}

template <class S>
void run(Network<S>& net) {
  net.train();
  net.backward();
  net.wait();
}

// Near enough to the share that has to be kept, and nothing but 0 and 1.
inline void expect_share(const Buffer<uint8_t>& mask, double p) {
  double kept = 0;
  bool decided = true;
  for (size_t i = 0; i < mask.size(); ++i) {
    decided = decided && mask[i] <= 1;
    kept += mask[i];
  }
  CHECK(decided);
  const auto n = static_cast<double>(mask.size());
  CHECK_NEAR(kept / n, 1 - p, 5 * std::sqrt(p * (1 - p) / n));
}

template <class S>
void test_given_back(Shape shape, Options options, bool in_memory) {
  Network<S> drawn(shape, options), given(shape, options);
  for (Network<S>* net : {&drawn, &given}) {
    net->sequence.seed = 0xfedcba9876543210u;
    net->sequence.stepOffset = 11;
    net->sequence.rowOffset = 3;
    for (int64_t n = 0; n < shape.batch; ++n) net->lengths.push_back((n + 2) % (shape.steps + 1));
    if (!in_memory) continue;
    net->random = std::make_unique<Buffer<uint64_t>>(net->handle, 3);
    for (size_t i = 0; i < 3; ++i) (*net->random)[i] = 0xfffffffeu + i;
  }
  run(drawn);
  for (const MaskKind& m : kMaskKinds) {
    const double p = drawn.description.*m.probability;
    if (p == 0) continue;
    given.mask(m.kind) = read(drawn, m.kind);
    expect_share(*given.mask(m.kind), p);
    run(given);
    CHECK(device_pair::same_results(given, drawn));
    // It is the mask that decides.
    for (size_t i = 0; i < given.mask(m.kind)->size(); ++i) (*given.mask(m.kind))[i] ^= 1;
    run(given);
    CHECK(!device_pair::same_results(given, drawn));
    given.mask(m.kind).reset();
  }
  // All of them, where nothing is left to draw: any seed will do.
  for (const MaskKind& m : kMaskKinds) {
    if (drawn.description.*m.probability > 0) given.mask(m.kind) = read(drawn, m.kind);
  }
  ++given.sequence.seed;
  if (in_memory) ++(*given.random)[0];
  run(given);
  CHECK(device_pair::same_results(given, drawn));
}

// What a chunk of a sequence, or a row of a batch, reads is a part of what the whole does.
template <class S>
void test_parts(Options options) {
  options.layers = 2;
  options.regularize(0.5);
  Network<S> whole({6, 5, 2, 33}, options), part({2, 3, 2, 33}, options);
  part.sequence.stepOffset = 3;
  part.sequence.rowOffset = 1;
  for (const MaskKind& m : kMaskKinds) {
    if (whole.description.*m.probability == 0) continue;
    const auto all = read(whole, m.kind), some = read(part, m.kind);
    if (m.kind == LNRNN_MASK_DROPCONNECT) {
      CHECK(all->copy() == some->copy());
      continue;
    }
    const size_t tensors = some->size() / (2 * 3 * 33);
    for (size_t i = 0; i < some->size(); ++i) {
      const size_t j = i % 33, n = i / 33 % 3, t = i / 33 / 3 % 2, layer = i / 33 / 3 / 2;
      CHECK(layer < tensors && (*some)[i] == (*all)[((layer * 6 + t + 3) * 5 + n + 1) * 33 + j]);
    }
  }
}

// Probabilities at the ends; extents that are 0.
template <class S>
void test_edges(Options options) {
  options.layers = 2;
  options.regularize(1);
  Network<S> net({2, 3, 2, 5}, options), empty({0, 3, 2, 5}, options);
  for (const MaskKind& m : kMaskKinds) {
    if (net.description.*m.probability == 0) continue;
    const auto mask = read(net, m.kind);
    CHECK(std::all_of(mask->data(), mask->data() + mask->size(), [](uint8_t b) { return b == 0; }));
    net.mask(m.kind) = read(net, m.kind);
    read(empty, m.kind);
  }
  run(net);
}

template <class S>
void test_refusals(Options options) {
  options.zoneout_cell = 0.5;
  Network<S> net({2, 3, 4, 5}, options);
  const Buffer<uint8_t> mask(net.handle, net.mask_bytes(LNRNN_MASK_ZONEOUT_CELL));
  const lnrnnMaskDraw_t good = draw_of(net, LNRNN_MASK_ZONEOUT_CELL);
  DONE(read(net, good, mask));
  const auto refused = [&](const auto& spoil, const char* words) {
    lnrnnMaskDraw_t draw = good;
    spoil(draw);
    REFUSED(read(net, draw, mask), INVALID_ARGUMENT, words);
  };
  using D = lnrnnMaskDraw_t;
  refused([](D& d) { d.kind = 5; }, "draw->kind is 5, not 0...4");
  refused([](D& d) { d.kind = -1; }, "draw->kind is -1");
  refused([](D& d) { d.kind = LNRNN_MASK_DROPOUT; }, "but the plan's dropout is 0");
  refused([](D& d) { d.kind = LNRNN_MASK_DROPOUT_CANDIDATE; }, "the plan's dropoutCandidate is 0");
  refused([](D& d) { d.reserved = 1; }, "draw->reserved is 0x1, not 0");
  refused([](D& d) { d.steps = -1; }, "draw->steps is -1");
  refused([](D& d) { d.batch = (int64_t{1} << 32) + 1; }, "draw->batch is 4294967297");
  refused([](D& d) { d.stepOffset = (int64_t{1} << 32) - 1; }, "draw->stepOffset is");
  refused([](D& d) { d.rowOffset = -1; }, "draw->rowOffset is -1");
  refused([](D& d) { d.structSize = 8; }, "draw->structSize is 8");
  const auto call = [&](lnrnnPlan_t plan, const D* draw, const void* random, size_t random_bytes,
                        void* to, size_t bytes) {
    return lnrnnDrawMask(plan, net.stream, draw, random, random_bytes, to, bytes);
  };
  REFUSED(call(nullptr, &good, nullptr, 0, mask.data(), 30), NULL_POINTER, "plan is NULL");
  REFUSED(call(net.plan, nullptr, nullptr, 0, mask.data(), 30), NULL_POINTER, "draw is NULL");
  REFUSED(call(net.plan, &good, nullptr, 0, nullptr, 30), NULL_POINTER, "mask is NULL");
  REFUSED(call(net.plan, &good, nullptr, 0, mask.data(), 29), BUFFER_TOO_SMALL,
          "mask has 29 bytes, but 30 are needed");
  const Buffer<uint64_t> random(net.handle, 4);
  REFUSED(call(net.plan, &good, random.data(), 23, mask.data(), 30), BUFFER_TOO_SMALL,
          "random has 23 bytes, but 24 are needed");
  REFUSED(call(net.plan, &good, reinterpret_cast<char*>(random.data()) + 4, 24, mask.data(), 30),
          MISALIGNED, "random is at");
  DONE(call(net.plan, &good, random.data(), 24, mask.data(), 30));
  net.wait();
}

// One cell in one type: stacks, both directions, plain and variational, an LSTM also with h projected.
template <class S>
void test_cell(Options options, const network::Cell& cell, int64_t hidden) {
  options.cell = cell.cell;
  options.normalization = cell.normalization;
  options.layers = 3;
  options.direction = LNRNN_DIRECTION_BIDIRECTIONAL;
  options.regularize(0.4);
  test_given_back<S>({4, 3, 3, hidden}, options, false);
  options.flags = LNRNN_PLAN_VARIATIONAL_DROPOUT | LNRNN_PLAN_RECOMPUTE;
  if (cell.cell == LNRNN_CELL_LSTM) options.projection = 7;
  test_given_back<S>({3, 2, 3, hidden}, options, true);
}

}  // namespace masks

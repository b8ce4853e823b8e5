// NaN in what is left out: rows and units that keep their state, weights and layers that are dropped.
#pragma once

#include <cmath>
#include <cstring>
#include <functional>
#include <memory>
#include <string>

#include "extreme_checks.h"

namespace extremes {

template <class E>
bool all(const E* values, size_t count, const std::function<bool(double)>& holds) {
  for (size_t i = 0; i < count; ++i) {
    if (!holds(number(values[i]))) return false;
  }
  return true;
}
inline bool is_zero(double value) { return value == 0; }

template <class E>
bool same_bits(const std::unique_ptr<Buffer<E>>& a, const std::unique_ptr<Buffer<E>>& b) {
  return a == nullptr || std::memcmp(a->data(), b->data(), a->bytes()) == 0;
}

// Row 0 of the batch keeps all of its state at every step, by zoneout, while its x is NaN; row 1 takes all. The
// results are those of any other x in row 0.
//   given    by a mask; else by probability 1, and row 1 has no part
template <class S>
void test_kept_rows(const Cell& cell, Options options, int64_t hidden, bool given) {
  options.cell = cell.cell;
  options.normalization = cell.normalization;
  options.zoneout = given ? 0.5 : 1;
  const bool lstm = cell.cell == LNRNN_CELL_LSTM;
  if (lstm) options.zoneout_cell = 1;
  const Shape shape{3, 2, 3, hidden};
  Network<S> net(shape, options), other(shape, options);
  const auto n = static_cast<size_t>(hidden);
  for (Network<S>* each : {&net, &other}) {
    for (size_t t = 0; t < 3; ++t) {
      for (size_t i = 0; i < 3; ++i) {
        (*each->x)[t * 6 + i] = rounded<S>(each == &net && i == t ? NAN : 0.25);
      }
    }
    if (!given) continue;
    each->zoneout_mask = std::make_unique<Buffer<uint8_t>>(each->handle, 3 * 2 * n);
    for (size_t i = 0; i < 3 * 2 * n; ++i) (*each->zoneout_mask)[i] = i / n % 2 == 0 ? 0 : 1;
  }
  for (Network<S>* each : {&net, &other}) {
    each->train();
    each->backward();
    each->wait();
  }
  const std::string what = std::string(cell.name) + " " + name_of<S>() + ", kept rows: ";
  expect(same_bits(net.y, other.y), what + "y");
  expect(same_bits(net.hn, other.hn), what + "hn");
  expect(same_bits(net.cn, other.cn), what + "cn");
  expect(same_bits(net.gradients, other.gradients), what + "gradients");
  expect(same_bits(net.dx, other.dx), what + "dx");
  expect(same_bits(net.dh0, other.dh0), what + "dh0");
  expect(same_bits(net.dc0, other.dc0), what + "dc0");
  for (size_t t = 0; t < 3; ++t) {
    expect(all(net.dx->data() + t * 6, 3, is_zero), what + "no gradient by x");
  }
  for (size_t j = 0; j < n; ++j) {
    double right = number((*net.dhn)[j]);
    for (size_t t = 0; t < 3; ++t) right += number((*net.dy)[t * 2 * n + j]);
    CHECK_NEAR(number((*net.dh0)[j]), right, 1e-5);
    CHECK(number((*net.y)[j]) == number(rounded<S>(number((*net.h0)[j]))));
    if (lstm) CHECK((*net.dc0)[j] == (*net.dcn)[j] && (*net.cn)[j] == (*net.c0)[j]);
  }
  if (given) return;
  expect(all(net.gradients->data(), net.gradients->size(), is_zero), what + "no gradients");

  // The expectation of what is sure.
  net.pack();
  net.infer();
  net.wait();
  expect(all(net.y->data(), net.y->size(), [](double y) { return std::isfinite(y); }),
         what + "inference");
  for (size_t i = 0; i < net.hn->size(); ++i) CHECK((*net.hn)[i] == (*net.h0)[i]);
  for (size_t i = 0; lstm && i < net.cn->size(); ++i) CHECK((*net.cn)[i] == (*net.c0)[i]);
}

// The LSTM's c is NaN, but nothing reads it: every h is kept, and no gradient comes by cn.
template <class S>
void test_unread_cells(const Cell& cell, Options options, int64_t hidden) {
  options.cell = cell.cell;
  options.normalization = cell.normalization;
  options.zoneout = 1;
  Network<S> net({2, 1, 2, hidden}, options);
  (*net.x)[0] = rounded<S>(NAN);
  for (size_t i = 0; i < net.dcn->size(); ++i) (*net.dcn)[i] = 0;
  net.train();
  net.backward();
  net.wait();
  const std::string what = std::string(cell.name) + " " + name_of<S>() + ", unread c: ";
  const auto n = static_cast<size_t>(hidden);
  for (size_t j = 0; j < n; ++j) {
    CHECK_NEAR(number((*net.dh0)[j]),
               number((*net.dhn)[j]) + number((*net.dy)[j]) + number((*net.dy)[n + j]), 1e-5);
  }
  expect(all(net.dc0->data(), n, is_zero), what + "dc0");
  expect(all(net.dx->data(), net.dx->size(), is_zero), what + "dx");
  expect(all(net.gradients->data(), net.gradients->size(), is_zero), what + "gradients");
}

// A unit that is kept is not spoilt by others, as far as the cell's units are apart.
template <class S>
void test_kept_units(const Cell& cell, Options options) {
  options.cell = cell.cell;
  options.normalization = cell.normalization;
  options.zoneout = 0.5;
  Network<S> net({2, 1, 2, 5}, options);
  net.zoneout_mask = std::make_unique<Buffer<uint8_t>>(net.handle, 10);
  for (size_t i = 0; i < 10; ++i) (*net.zoneout_mask)[i] = i % 5 == 1 ? 0 : 1;
  (*net.x)[1] = rounded<S>(NAN);
  net.train();
  net.backward();
  net.wait();
  const std::string what = std::string(cell.name) + " " + name_of<S>() + ", a kept unit: ";
  CHECK_NEAR(number((*net.dh0)[1]),
             number((*net.dhn)[1]) + number((*net.dy)[1]) + number((*net.dy)[6]), 1e-5);
  CHECK(std::isnan(number((*net.dh0)[0])));
  for (const lnrnnParameter_t& p : net.descriptions()) {
    if (p.rank == 1) expect(number(net.gradient(p)[1]) == 0, what + p.name);
  }
}

// Weights that are dropped are not read as numbers, nor is what their gradients would be.
template <class S>
void test_dropped_weights(const Cell& cell, Options options, int64_t hidden) {
  options.cell = cell.cell;
  options.normalization = cell.normalization;
  options.dropconnect = 0.5;
  const Shape shape{2, 2, 3, hidden};
  Network<S> net(shape, options), other(shape, options);
  const auto dropped = [](int64_t i) { return i % 3 == 1; };
  lnrnnParameter_t hh{};
  for (Network<S>* each : {&net, &other}) {
    for (const lnrnnParameter_t& p : each->descriptions()) {
      if (std::strstr(p.name, "weight_hh") != nullptr) hh = p;
    }
    each->dropconnect_mask =
        std::make_unique<Buffer<uint8_t>>(each->handle, static_cast<size_t>(hh.elements));
    for (int64_t i = 0; i < hh.elements; ++i) {
      (*each->dropconnect_mask)[static_cast<size_t>(i)] = dropped(i) ? 0 : 1;
      if (dropped(i)) each->parameter(hh)[i] = rounded<S>(each == &net ? NAN : 1);
    }
    each->train();
    each->backward();
    each->wait();
  }
  const std::string what = std::string(cell.name) + " " + name_of<S>() + ", dropped weights: ";
  expect(same_bits(net.y, other.y), what + "y");
  expect(same_bits(net.gradients, other.gradients), what + "gradients");
  expect(same_bits(net.dh0, other.dh0), what + "dh0");
  (*net.x)[0] = rounded<S>(NAN);
  net.train();
  net.backward();
  net.wait();
  for (int64_t i = 0; i < hh.elements; ++i) {
    const double gradient = number(net.gradient(hh)[i]);
    CHECK(dropped(i) ? gradient == 0 : std::isnan(gradient));
  }
}

// A candidate that is dropped is absent, forward and backward.
template <class S>
void test_dropped_candidates(const Cell& cell, Options options, int64_t hidden) {
  options.cell = cell.cell;
  options.normalization = cell.normalization;
  options.dropout_candidate = 0.5;
  const Shape shape{3, 2, 3, hidden};
  constexpr size_t kUnit = 1;
  Network<S> net(shape, options), other(shape, options);
  // What is added to g last, so that no layer norm spreads it.
  const std::string bias =
      net.has("layernorm_gates_l0.bias") ? "layernorm_gates_l0.bias" : "bias_l0";
  const size_t element = 2 * static_cast<size_t>(hidden) + kUnit;
  const auto by_bias = [&](const Network<S>& of) {
    for (const lnrnnParameter_t& p : of.descriptions()) {
      if (p.name == bias) return number(of.gradient(p)[element]);
    }
    return double(NAN);
  };
  for (Network<S>* each : {&net, &other}) {
    each->dropout_candidate_mask =
        std::make_unique<Buffer<uint8_t>>(each->handle,
                                          each->mask_bytes(LNRNN_MASK_DROPOUT_CANDIDATE));
    for (size_t i = 0; i < each->dropout_candidate_mask->size(); ++i) {
      (*each->dropout_candidate_mask)[i] = i % static_cast<size_t>(hidden) == kUnit ? 0 : 1;
    }
    for (const lnrnnParameter_t& p : each->descriptions()) {
      if (p.name == bias) each->parameter(p)[element] = rounded<S>(each == &net ? NAN : 1);
    }
    each->train();
    each->backward();
    each->wait();
  }
  const std::string what = std::string(cell.name) + " " + name_of<S>() + ", dropped candidates: ";
  expect(same_bits(net.y, other.y) && same_bits(net.cn, other.cn), what + "y and cn");
  expect(same_bits(net.gradients, other.gradients), what + "gradients");
  expect(same_bits(net.dx, other.dx), what + "dx");
  expect(same_bits(net.dh0, other.dh0) && same_bits(net.dc0, other.dc0), what + "dh0 and dc0");
  expect(by_bias(net) == 0, what + bias);
}

// All that a layer gives the next is dropped: what it was does not matter.
template <class S>
void test_dropped_layer(const Cell& cell, Options options, int64_t hidden) {
  options.cell = cell.cell;
  options.normalization = cell.normalization;
  options.layers = 2;
  options.dropout = 1;
  Network<S> net({2, 2, 3, hidden}, options);
  (*net.x)[1] = rounded<S>(NAN);
  // What the lower layer leaves behind is not looked at.
  for (const auto* d : {&net.dhn, &net.dcn}) {
    for (size_t j = 0; *d != nullptr && j < 2 * static_cast<size_t>(hidden); ++j) (**d)[j] = 0;
  }
  net.train();
  net.backward();
  net.wait();
  const std::string what = std::string(cell.name) + " " + name_of<S>() + ", a dropped layer: ";
  const auto finite = [](double value) { return std::isfinite(value); };
  expect(all(net.y->data(), net.y->size(), finite), what + "y");
  expect(all(net.dx->data(), net.dx->size(), is_zero), what + "dx");
  expect(all(net.dh0->data(), net.dh0->size(), finite), what + "dh0");
  for (const lnrnnParameter_t& p : net.descriptions()) {
    expect(all(net.gradient(p), static_cast<size_t>(p.elements),
               p.layer == 0 ? std::function<bool(double)>(is_zero) : finite),
           what + p.name);
  }
}

}  // namespace extremes

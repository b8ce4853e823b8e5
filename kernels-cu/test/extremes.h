// Inputs at the ends of what numbers can be: rows whose squares overflow, NaN in what is left out. One set of
// checks for every device and instruction set.
#pragma once

#include <cmath>
#include <cstring>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "check.h"
#include "network.h"

namespace extremes {

using lnrnn::accumulation_t;
using network::Bf16;
using network::Buffer;
using network::Cell;
using network::F16;
using network::kCells;
using network::Network;
using network::number;
using network::Options;
using network::rounded;
using network::Shape;

// What a failed check was about.
inline void expect(bool ok, const std::string& what, int line) {
  check::report(ok, __FILE__, line, what.c_str());
}

template <class S>
const char* name_of() {
  return network::data_type<S>() == LNRNN_DATA_F64   ? "F64"
         : network::data_type<S>() == LNRNN_DATA_F32 ? "F32"
         : network::data_type<S>() == LNRNN_DATA_F16 ? "F16"
                                                     : "BF16";
}

// ---- Large rows --------------------------------------------------------------------------------

// The same numbers in double, on the CPU: there nothing overflows.
template <class S>
std::unique_ptr<Network<double>> in_double(const Network<S>& net, Options options) {
  options.device = LNRNN_DEVICE_CPU;
  options.isa = nullptr;
  auto exact = std::make_unique<Network<double>>(net.shape, options);
  const auto copy = [](const auto& from, const auto& to) {
    if (from == nullptr) return;
    for (size_t i = 0; i < from->size(); ++i) (*to)[i] = number((*from)[i]);
  };
  copy(net.x, exact->x);
  copy(net.dy, exact->dy);
  copy(net.h0, exact->h0);
  copy(net.c0, exact->c0);
  copy(net.dhn, exact->dhn);
  copy(net.dcn, exact->dcn);
  const auto from = net.descriptions(), to = exact->descriptions();
  for (size_t p = 0; p < from.size(); ++p) {
    for (int64_t i = 0; i < from[p].elements; ++i) {
      exact->parameter(to[p])[i] = number(net.parameter(from[p])[i]);
    }
  }
  return exact;
}

// Right, or NaN: never another number.
template <class E, class D>
bool close(const E* got, const D* right, size_t count, double bound, bool may_be_nan) {
  double largest = 0;
  for (size_t i = 0; i < count; ++i) largest = std::fmax(largest, std::fabs(number(right[i])));
  for (size_t i = 0; i < count; ++i) {
    const double value = number(got[i]);
    if (may_be_nan && std::isnan(value)) continue;
    if (!(std::fabs(value - number(right[i])) <= bound * largest)) return false;
  }
  return true;
}
template <class E, class D>
bool close(const std::unique_ptr<Buffer<E>>& got, const std::unique_ptr<Buffer<D>>& right,
           double bound, bool may_be_nan) {
  return got == nullptr || close(got->data(), right->data(), got->size(), bound, may_be_nan);
}

// x, h0 and c0, as far as the cell normalises what comes of them, times scale.
template <class S>
void test_large_rows(const Cell& cell, Options options, const Shape& shape, double scale,
                     double bound, bool scales_h = true) {
  options.cell = cell.cell;
  options.normalization = cell.normalization;
  const bool lstm = cell.cell == LNRNN_CELL_LSTM;
  const bool products = cell.normalization != LNRNN_NORMALIZATION_NONE &&
                        cell.normalization != LNRNN_NORMALIZATION_CELL;
  const bool of_cell = lstm && cell.normalization != LNRNN_NORMALIZATION_NONE;
  Network<S> net(shape, options);
  const auto enlarge = [&](const auto& tensor) {
    using E = std::decay_t<decltype((*tensor)[0])>;
    for (size_t i = 0; i < tensor->size(); ++i) {
      (*tensor)[i] = rounded<E>(number((*tensor)[i]) * scale);
    }
  };
  if (products) enlarge(net.x);
  // An IndRNN's h is not normalised; a GRU's is carried on, and x would be nothing beside it.
  if (products && lstm && scales_h) enlarge(net.h0);
  if (of_cell) enlarge(net.c0);
  const auto exact = in_double(net, options);
  const bool may_be_nan = scale > 1e36;
  const auto same = [&](const char* pass) {
    const std::string what = std::string(cell.name) + " " + name_of<S>() + ", rows of " +
                             std::to_string(std::log10(scale)) + " digits, " + pass;
    expect(close(net.y, exact->y, bound, may_be_nan), what + ": y", __LINE__);
    expect(close(net.hn, exact->hn, bound, may_be_nan), what + ": hn", __LINE__);
    expect(close(net.cn, exact->cn, bound, may_be_nan), what + ": cn", __LINE__);
  };
  net.pack();
  net.infer();
  net.wait();
  exact->pack();
  exact->infer();
  same("inference");
  net.train();
  net.backward();
  net.wait();
  exact->train();
  exact->backward();
  same("training");
  if (may_be_nan || scale > 1e33) return;  // gradients are subnormal numbers
  const auto from = net.descriptions(), to = exact->descriptions();
  for (size_t p = 0; p < from.size(); ++p) {
    expect(close(net.gradient(from[p]), exact->gradient(to[p]),
                 static_cast<size_t>(from[p].elements), 20 * bound, false),
           std::string(cell.name) + " " + name_of<S>() + ", large rows: gradient of " +
               from[p].name,
           __LINE__);
  }
  const auto near = [&](const auto& got, const auto& right, const char* name) {
    expect(close(got, right, 20 * bound, false),
           std::string(cell.name) + " " + name_of<S>() + ", large rows: " + name, __LINE__);
  };
  // Of F16 they are 0, as they should be.
  if (sizeof(S) != 2) near(net.dx, exact->dx, "dx");
  near(net.dh0, exact->dh0, "dh0");
  near(net.dc0, exact->dc0, "dc0");
}

// What is normalised does not depend on its magnitude, where epsilon is nothing beside it.
inline void test_large_rows_of_double(const Cell& cell, Options options, int64_t hidden) {
  if (cell.normalization == LNRNN_NORMALIZATION_NONE || cell.cell == LNRNN_CELL_GRU) return;
  options.cell = cell.cell;
  options.normalization = cell.normalization;
  const bool of_cell = cell.normalization == LNRNN_NORMALIZATION_CELL;
  const auto run = [&](double scale) {
    auto net = std::make_unique<Network<double>>(Shape{2, 2, 3, hidden}, options);
    const auto enlarge = [&](const auto& tensor) {
      for (size_t i = 0; tensor != nullptr && i < tensor->size(); ++i) (*tensor)[i] *= scale;
    };
    if (!of_cell) enlarge(net->x);
    if (!of_cell && cell.cell == LNRNN_CELL_LSTM) enlarge(net->h0);
    enlarge(net->c0);
    net->train();
    net->wait();
    return net;
  };
  const auto medium = run(1e100), large = run(1e200);
  expect(close(large->y, medium->y, 1e-10, false),
         std::string(cell.name) + " F64, rows of 200 digits: y", __LINE__);
}

// A finite row whose distances may overflow is NaN, whatever measures it.
template <class S>
void test_too_large_rows(Options options) {
  options.cell = LNRNN_CELL_INDRNN;
  options.normalization = LNRNN_NORMALIZATION_HASTE;
  for (const int64_t hidden : {2, 16, 64}) {
    Network<S> net({1, 1, 1, hidden}, options);
    for (const lnrnnParameter_t& p : net.descriptions()) {
      if (std::strstr(p.name, "weight_ih") == nullptr) continue;
      for (int64_t i = 0; i < p.elements; ++i) {
        net.parameter(p)[i] = rounded<S>(i % 2 == 0 ? 1 : -1);
      }
    }
    (*net.x)[0] = rounded<S>(sizeof(S) == 8 ? 1.5e308 : 3e38);
    net.pack();
    net.infer();
    net.wait();
    for (size_t i = 0; i < net.y->size(); ++i) CHECK(std::isnan(number((*net.y)[i])));
  }
}

// The line of the list of faults: +-1, whatever x.
template <class S>
void test_opposites(Options options) {
  options.cell = LNRNN_CELL_INDRNN;
  options.normalization = LNRNN_NORMALIZATION_HASTE;
  const double largest = sizeof(S) == 8 ? 1e300 : 8e37;
  for (const int64_t hidden : {2, 16, 2048}) {
    Network<S> net({1, 1, 1, hidden}, options);
    for (const lnrnnParameter_t& p : net.descriptions()) {
      const bool ih = std::strstr(p.name, "weight_ih") != nullptr;
      const bool gain = std::strstr(p.name, "layernorm") != nullptr;
      for (int64_t i = 0; i < p.elements; ++i) {
        net.parameter(p)[i] = rounded<S>(ih ? (i % 2 == 0 ? 1 : -1) : gain ? 1 : 0);
      }
    }
    net.pack();
    for (const double x : {1e3, 1.8e19, 1e30, largest, -largest}) {
      (*net.x)[0] = rounded<S>(x);
      net.infer();
      net.wait();
      for (size_t i = 0; i < net.y->size(); ++i) {
        const double sign = (i % 2 == 0) == (x > 0) ? 1 : -1;
        CHECK_NEAR(number((*net.y)[i]), sign * std::tanh(1.0), sizeof(S) == 2 ? 4e-3 : 1e-6);
      }
    }
  }
}

// A constant row has no deviation, at any magnitude.
template <class S>
void test_constant_rows(Options options) {
  options.cell = LNRNN_CELL_INDRNN;
  options.normalization = LNRNN_NORMALIZATION_HASTE;
  Network<S> net({1, 1, 1, 37}, options);
  for (const lnrnnParameter_t& p : net.descriptions()) {
    for (int64_t i = 0; i < p.elements; ++i) {
      net.parameter(p)[i] = rounded<S>(std::strstr(p.name, "bias") != nullptr ? 0 : 1);
    }
  }
  std::memset(static_cast<void*>(net.h0->data()), 0, net.h0->bytes());
  net.pack();
  for (const double x : {1e-30, 1.0, 1e15, 1e30, 7e37}) {
    (*net.x)[0] = rounded<S>(x);
    net.infer();
    net.wait();
    for (size_t i = 0; i < net.y->size(); ++i) CHECK(number((*net.y)[i]) == 0);
  }
}

// ---- What is left out --------------------------------------------------------------------------

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
  expect(same_bits(net.y, other.y), what + "y", __LINE__);
  expect(same_bits(net.hn, other.hn), what + "hn", __LINE__);
  expect(same_bits(net.cn, other.cn), what + "cn", __LINE__);
  expect(same_bits(net.gradients, other.gradients), what + "gradients", __LINE__);
  expect(same_bits(net.dx, other.dx), what + "dx", __LINE__);
  expect(same_bits(net.dh0, other.dh0), what + "dh0", __LINE__);
  expect(same_bits(net.dc0, other.dc0), what + "dc0", __LINE__);
  for (size_t t = 0; t < 3; ++t) {
    expect(all(net.dx->data() + t * 6, 3, is_zero), what + "no gradient by x", __LINE__);
  }
  for (size_t j = 0; j < n; ++j) {
    double right = number((*net.dhn)[j]);
    for (size_t t = 0; t < 3; ++t) right += number((*net.dy)[t * 2 * n + j]);
    CHECK_NEAR(number((*net.dh0)[j]), right, 1e-5);
    CHECK(number((*net.y)[j]) == number(rounded<S>(number((*net.h0)[j]))));
    if (lstm) CHECK((*net.dc0)[j] == (*net.dcn)[j] && (*net.cn)[j] == (*net.c0)[j]);
  }
  if (given) return;
  expect(all(net.gradients->data(), net.gradients->size(), is_zero), what + "no gradients",
         __LINE__);

  // The expectation of what is sure.
  net.pack();
  net.infer();
  net.wait();
  expect(all(net.y->data(), net.y->size(), [](double y) { return std::isfinite(y); }),
         what + "inference", __LINE__);
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
  expect(all(net.dc0->data(), n, is_zero), what + "dc0", __LINE__);
  expect(all(net.dx->data(), net.dx->size(), is_zero), what + "dx", __LINE__);
  expect(all(net.gradients->data(), net.gradients->size(), is_zero), what + "gradients", __LINE__);
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
    if (p.rank == 1) expect(number(net.gradient(p)[1]) == 0, what + p.name, __LINE__);
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
  expect(same_bits(net.y, other.y), what + "y", __LINE__);
  expect(same_bits(net.gradients, other.gradients), what + "gradients", __LINE__);
  expect(same_bits(net.dh0, other.dh0), what + "dh0", __LINE__);
  (*net.x)[0] = rounded<S>(NAN);
  net.train();
  net.backward();
  net.wait();
  for (int64_t i = 0; i < hh.elements; ++i) {
    const double gradient = number(net.gradient(hh)[i]);
    CHECK(dropped(i) ? gradient == 0 : std::isnan(gradient));
  }
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
  expect(all(net.y->data(), net.y->size(), finite), what + "y", __LINE__);
  expect(all(net.dx->data(), net.dx->size(), is_zero), what + "dx", __LINE__);
  expect(all(net.dh0->data(), net.dh0->size(), finite), what + "dh0", __LINE__);
  for (const lnrnnParameter_t& p : net.descriptions()) {
    expect(all(net.gradient(p), static_cast<size_t>(p.elements),
               p.layer == 0 ? std::function<bool(double)>(is_zero) : finite),
           what + p.name, __LINE__);
  }
}

// ---- All of them -------------------------------------------------------------------------------

template <class S>
void test_type(const Options& options, const std::vector<int64_t>& hiddens) {
  constexpr double kBound = sizeof(S) == 8 ? 1e-11 : sizeof(S) == 4 ? 2e-5 : 5e-2;
  const bool cuda = options.device == LNRNN_DEVICE_CUDA;
  if (network::data_type<S>() != LNRNN_DATA_F16) {
    test_opposites<S>(options);
    test_too_large_rows<S>(options);
    test_constant_rows<S>(options);
  }
  for (const Cell& cell : kCells) {
    if (sizeof(S) == 8) test_large_rows_of_double(cell, options, 9);
    for (const int64_t hidden : hiddens) {
      for (const double scale : {1e18, 1e25, 1e30, 1e37}) {
        if (network::data_type<S>() == LNRNN_DATA_F16 || sizeof(S) == 8) continue;
        // There h is rounded to 16 bits before its product, and large c beyond 1e33 are NaN.
        test_large_rows<S>(cell, options, {2, 2, 3, hidden}, scale, kBound,
                           sizeof(S) != 2 || !cuda);
      }
      test_kept_rows<S>(cell, options, hidden, true);
      test_kept_rows<S>(cell, options, hidden, false);
      if (cell.cell == LNRNN_CELL_LSTM) test_unread_cells<S>(cell, options, hidden);
      if (cell.cell != LNRNN_CELL_INDRNN) test_dropped_weights<S>(cell, options, hidden);
      test_dropped_layer<S>(cell, options, hidden);
    }
    if (cell.cell == LNRNN_CELL_INDRNN) test_kept_units<S>(cell, options);
  }
}

}  // namespace extremes

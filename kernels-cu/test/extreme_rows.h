// Rows whose squares overflow though their elements do not, and rows without a deviation.
#pragma once

#include <cmath>
#include <cstring>
#include <memory>
#include <string>

#include "extreme_checks.h"

namespace extremes {

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

template <class S>
bool normalizes_products(const Network<S>& net) {
  return net.has("layernorm_i") || net.has("layernorm_gates");
}
// An IndRNN's h is not normalised; a GRU's is carried on, and x would be nothing beside it.
inline bool may_be_large_h(const Cell& cell) { return cell.cell == LNRNN_CELL_LSTM; }

// x, h0 and c0, as far as the cell normalises what comes of them, times scale.
template <class S>
void test_large_rows(const Cell& cell, Options options, const Shape& shape, double scale,
                     double bound, bool scales_h = true) {
  options.cell = cell.cell;
  options.normalization = cell.normalization;
  Network<S> net(shape, options);
  const auto enlarge = [&](const auto& tensor) {
    using E = std::decay_t<decltype((*tensor)[0])>;
    for (size_t i = 0; i < tensor->size(); ++i) {
      (*tensor)[i] = rounded<E>(number((*tensor)[i]) * scale);
    }
  };
  if (normalizes_products(net)) enlarge(net.x);
  if (normalizes_products(net) && scales_h && may_be_large_h(cell)) enlarge(net.h0);
  if (net.has("layernorm_c")) enlarge(net.c0);
  const auto exact = in_double(net, options);
  const bool may_be_nan = scale > 1e36;
  const auto same = [&](const char* pass) {
    const std::string what = std::string(cell.name) + " " + name_of<S>() + ", rows of " +
                             std::to_string(std::log10(scale)) + " digits, " + pass;
    expect(close(net.y, exact->y, bound, may_be_nan), what + ": y");
    expect(close(net.hn, exact->hn, bound, may_be_nan), what + ": hn");
    expect(close(net.cn, exact->cn, bound, may_be_nan), what + ": cn");
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
               from[p].name);
  }
  const auto near = [&](const auto& got, const auto& right, const char* name) {
    expect(close(got, right, 20 * bound, false),
           std::string(cell.name) + " " + name_of<S>() + ", large rows: " + name);
  };
  // Of F16 they are 0, as they should be.
  if (sizeof(S) != 2) near(net.dx, exact->dx, "dx");
  near(net.dh0, exact->dh0, "dh0");
  near(net.dc0, exact->dc0, "dc0");
}

// What is normalised does not depend on its magnitude, where epsilon is nothing beside it.
inline void test_large_rows_of_double(const Cell& cell, Options options, int64_t hidden) {
  if (cell.statistics == 0 || cell.cell == LNRNN_CELL_GRU) return;
  options.cell = cell.cell;
  options.normalization = cell.normalization;
  const auto run = [&](double scale) {
    auto net = std::make_unique<Network<double>>(Shape{2, 2, 3, hidden}, options);
    const auto enlarge = [&](const auto& tensor) {
      for (size_t i = 0; tensor != nullptr && i < tensor->size(); ++i) (*tensor)[i] *= scale;
    };
    if (normalizes_products(*net)) enlarge(net->x);
    if (normalizes_products(*net) && may_be_large_h(cell)) enlarge(net->h0);
    if (net->has("layernorm_c")) enlarge(net->c0);
    net->train();
    net->wait();
    return net;
  };
  const auto medium = run(1e100), large = run(1e200);
  expect(close(large->y, medium->y, 1e-10, false),
         std::string(cell.name) + " F64, rows of 200 digits: y");
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

}  // namespace extremes

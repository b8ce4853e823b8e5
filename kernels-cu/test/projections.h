// Projections of h and clips of u, through the C API, on any device: what they are the same as.
#pragma once

#include <cstring>
#include <limits>

#include "check.h"
#include "network.h"

namespace projections {

using network::Buffer;
using network::Cell;
using network::kCells;
using network::Network;
using network::Options;
using network::rounded;
using network::Shape;

inline std::vector<Options> lstms(lnrnnDeviceKind_t device) {
  std::vector<Options> all;
  for (const Cell& cell : kCells) {
    if (cell.cell != LNRNN_CELL_LSTM) continue;
    all.push_back(Options::of(cell));
    all.back().device = device;
    all.back().layers = 2;
    all.back().direction = LNRNN_DIRECTION_BIDIRECTIONAL;
  }
  return all;
}

// -0 is 0: a sum begins at 0.
template <class E>
bool equal(const std::unique_ptr<Buffer<E>>& a, const std::unique_ptr<Buffer<E>>& b) {
  return std::equal(a->data(), a->data() + a->size(), b->data(), b->data() + b->size(),
                    [](E of_a, E of_b) { return network::number(of_a) == network::number(of_b); });
}

template <class S>
lnrnnParameter_t named(const Network<S>& net, const std::string& name) {
  for (const lnrnnParameter_t& p : net.descriptions()) {
    if (name == p.name) return p;
  }
  CHECK(!"a parameter of that name");
  return {};
}

// Both networks infer, train and go back, and have the same results.
template <class S>
void check_same(Network<S>& a, Network<S>& b) {
  const auto same_outputs = [&] {
    return equal(a.y, b.y) && equal(a.hn, b.hn) && equal(a.cn, b.cn);
  };
  for (Network<S>* net : {&a, &b}) {
    net->pack();
    net->infer();
    net->wait();
  }
  CHECK(same_outputs());
  for (Network<S>* net : {&a, &b}) {
    net->train();
    net->backward();
    net->wait();
  }
  CHECK(same_outputs());
  CHECK(equal(a.dx, b.dx) && equal(a.dh0, b.dh0) && equal(a.dc0, b.dc0));
  for (const lnrnnParameter_t& p : a.descriptions()) {
    if (std::strstr(p.name, "weight_hr") != nullptr) continue;
    const auto *const of_a = a.gradient(p), *const of_b = b.gradient(named(b, p.name));
    CHECK(std::equal(of_a, of_a + p.elements, of_b));
  }
}

// weight_hr is the identity. On CUDA h of 16 bits is rounded once more on its way through it.
template <class T>
void test_identity_is_no_projection(lnrnnDeviceKind_t device) {
  for (Options options : lstms(device)) {
    options.regularize(0.3);
    constexpr int64_t kWidth = 19;
    const Shape shape{4, 3, 5, kWidth};
    Network<T> plain(shape, options);
    options.projection = kWidth;
    Network<T> projected(shape, options);
    for (const lnrnnParameter_t& p : projected.descriptions()) {
      T* const values = projected.parameter(p);
      if (std::strstr(p.name, "weight_hr") != nullptr) {
        for (int64_t i = 0; i < p.elements; ++i) values[i] = i / kWidth == i % kWidth ? T(1) : T(0);
      } else {
        std::copy_n(plain.parameter(named(plain, p.name)), p.elements, values);
      }
    }
    plain.lengths = projected.lengths = {4, 0, 3};
    check_same(projected, plain);
  }
}

template <class S>
void test_wide_clip_is_no_clip(lnrnnDeviceKind_t device, int64_t hidden, int64_t projection) {
  for (Options options : lstms(device)) {
    options.projection = projection;
    const Shape shape{4, 3, 5, hidden};
    Network<S> plain(shape, options);
    options.cell_clip = 1e6;
    Network<S> clipped(shape, options);
    check_same(clipped, plain);
  }
}

// A step whose u is c0 to the bit: the forget gate is open, and the input gate lets nothing in.
template <class S>
struct Carried : Network<S> {
  Carried(const Options& options, int64_t hidden) : Network<S>({1, 1, 1, hidden}, options) {
    for (const lnrnnParameter_t& p : this->descriptions()) {
      S* const values = this->parameter(p);
      const bool is_bias = std::strncmp(p.name, "bias", 4) == 0;
      for (int64_t i = 0; i < p.elements; ++i) {
        values[i] = rounded<S>(is_bias && i / hidden == 1 ? 60 : 0);
      }
    }
  }
  void run() {
    this->train();
    this->backward();
    this->wait();
  }
};

// At the limit u and its gradient pass; beyond it u is the limit and its gradient is 0; NaN stays.
template <class S>
void test_limits(Options options, int64_t hidden) {
  using T = network::accumulation_t<S>;
  options.normalization = LNRNN_NORMALIZATION_NONE;
  Carried<S> plain(options, hidden);
  const T clip = T(0.7), infinity = std::numeric_limits<T>::infinity();
  options.cell_clip = double(clip);
  Carried<S> clipped(options, hidden);
  const T within[] = {clip,
                      -clip,
                      T(0),
                      std::nextafter(clip, T(0)),
                      -std::nextafter(clip, T(0)),
                      std::numeric_limits<T>::quiet_NaN()};
  const T beyond[] = {std::nextafter(clip, infinity),
                      -std::nextafter(clip, infinity),
                      T(1e30),
                      T(-1e30),
                      infinity,
                      -infinity};
  const auto is_beyond = [](size_t i) { return i % 2 == 1; };
  for (size_t i = 0; i < plain.c0->size(); ++i) {
    const T c0 = is_beyond(i) ? beyond[i / 2 % 6] : within[i / 2 % 6];
    (*plain.c0)[i] = (*clipped.c0)[i] = c0;
  }
  plain.run();
  clipped.run();
  // A NaN is any NaN.
  const auto same = [](T a, T b) {
    return std::isnan(a) ? std::isnan(b) : std::memcmp(&a, &b, sizeof(T)) == 0;
  };
  for (size_t i = 0; i < plain.c0->size(); ++i) {
    const T c0 = (*plain.c0)[i];
    CHECK(same((*plain.cn)[i], c0));
    if (is_beyond(i)) {
      CHECK((*clipped.cn)[i] == std::copysign(clip, c0) && (*clipped.dc0)[i] == 0);
      CHECK((*clipped.hn)[i] != 0);
    } else {
      CHECK(same((*clipped.cn)[i], (*plain.cn)[i]) && same((*clipped.hn)[i], (*plain.hn)[i]));
      CHECK(same((*clipped.dc0)[i], (*plain.dc0)[i]));
      CHECK(std::isnan(c0) == std::isnan((*clipped.dc0)[i]));
    }
  }
  clipped.pack();
  const auto trained = clipped.cn->copy();
  clipped.infer();
  clipped.wait();
  CHECK(std::memcmp(trained.data(), clipped.cn->data(), clipped.cn->bytes()) == 0);
}

}  // namespace projections

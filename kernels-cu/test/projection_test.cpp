// Projections of h and clips of u, through the C API: what they are the same as, and their gradients together with
// all else that a layer can have. (segments_test compares them with a reference.)
#include <cstring>
#include <limits>

#include "covering.h"
#include "differences.h"

using network::Buffer;
using network::Cell;
using network::kCells;
using network::Network;
using network::Options;
using network::Shape;

namespace {

// -0 is 0: a sum begins at 0.
template <class E>
bool equal(const std::unique_ptr<Buffer<E>>& a, const std::unique_ptr<Buffer<E>>& b) {
  return std::equal(a->data(), a->data() + a->size(), b->data(), b->data() + b->size());
}

template <class T>
lnrnnParameter_t named(const Network<T>& net, const std::string& name) {
  for (const lnrnnParameter_t& p : net.descriptions()) {
    if (name == p.name) return p;
  }
  CHECK(!"a parameter of that name");
  return {};
}

// Both networks infer, train and go back, and have the same results.
template <class T>
void check_same(Network<T>& a, Network<T>& b) {
  const auto same_outputs = [&] {
    return equal(a.y, b.y) && equal(a.hn, b.hn) && equal(a.cn, b.cn);
  };
  for (Network<T>* net : {&a, &b}) {
    net->pack();
    net->infer();
  }
  CHECK(same_outputs());
  for (Network<T>* net : {&a, &b}) {
    net->train();
    net->backward();
  }
  CHECK(same_outputs());
  CHECK(equal(a.dx, b.dx) && equal(a.dh0, b.dh0) && equal(a.dc0, b.dc0));
  for (const lnrnnParameter_t& p : a.descriptions()) {
    if (std::strstr(p.name, "weight_hr") != nullptr) continue;
    const T *const of_a = a.gradient(p), *const of_b = b.gradient(named(b, p.name));
    CHECK(std::equal(of_a, of_a + p.elements, of_b));
  }
}

std::vector<Options> lstms() {
  std::vector<Options> all;
  for (const Cell& cell : kCells) {
    if (cell.cell != LNRNN_CELL_LSTM) continue;
    all.push_back(Options::of(cell));
    all.back().layers = 2;
    all.back().direction = LNRNN_DIRECTION_BIDIRECTIONAL;
  }
  return all;
}

// weight_hr is the identity.
template <class T>
void test_identity_is_no_projection() {
  for (Options options : lstms()) {
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

template <class T>
void test_wide_clip_is_no_clip() {
  for (Options options : lstms()) {
    options.projection = 7;
    const Shape shape{4, 3, 5, 19};
    Network<T> plain(shape, options);
    options.cell_clip = 1e6;
    Network<T> clipped(shape, options);
    check_same(clipped, plain);
  }
}

// A step whose u is c0 to the bit: the forget gate is open, and the input gate lets nothing in.
template <class T>
struct Carried : Network<T> {
  explicit Carried(const Options& options) : Network<T>({1, 1, 1, 21}, options) {
    for (const lnrnnParameter_t& p : this->descriptions()) {
      T* const values = this->parameter(p);
      const bool is_bias = std::strncmp(p.name, "bias", 4) == 0;
      for (int64_t i = 0; i < p.elements; ++i) {
        values[i] = is_bias && i / 21 == 1 ? T(60) : T(0);
      }
    }
  }
  void run() {
    this->train();
    this->backward();
  }
};

// At the limit u and its gradient pass; beyond it u is the limit and its gradient is 0; NaN stays.
template <class T>
void test_limits(const char* isa) {
  Options options;
  options.normalization = LNRNN_NORMALIZATION_NONE;
  options.isa = isa;
  Carried<T> plain(options);
  const T clip = T(0.7), infinity = std::numeric_limits<T>::infinity();
  options.cell_clip = double(clip);
  Carried<T> clipped(options);
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
  for (size_t i = 0; i < 21; ++i) {
    const T c0 = is_beyond(i) ? beyond[i / 2 % 6] : within[i / 2 % 6];
    (*plain.c0)[i] = (*clipped.c0)[i] = c0;
  }
  plain.run();
  clipped.run();
  for (size_t i = 0; i < 21; ++i) {
    const T c0 = (*plain.c0)[i];
    const auto same = [&](const auto& a, const auto& b) {
      return std::memcmp(&(*a)[i], &(*b)[i], sizeof(T)) == 0;
    };
    CHECK(std::memcmp(&(*plain.cn)[i], &c0, sizeof(T)) == 0);
    if (is_beyond(i)) {
      CHECK((*clipped.cn)[i] == std::copysign(clip, c0) && (*clipped.dc0)[i] == 0);
      CHECK((*clipped.hn)[i] != 0);
    } else {
      CHECK(same(clipped.cn, plain.cn) && same(clipped.hn, plain.hn));
      CHECK(same(clipped.dc0, plain.dc0));
      CHECK(std::isnan(c0) == std::isnan((*clipped.dc0)[i]));
    }
  }
  clipped.pack();
  const auto trained = clipped.cn->copy();
  clipped.infer();
  CHECK(std::memcmp(trained.data(), clipped.cn->data(), clipped.cn->bytes()) == 0);
}

void test_limits() {
  lnrnnDeviceProperties_t properties{};
  properties.structSize = sizeof properties;
  network::done(lnrnnGetDeviceProperties(LNRNN_DEVICE_CPU, 0, &properties));
  for (char* isa = std::strtok(properties.isaAvailable, " "); isa != nullptr;
       isa = std::strtok(nullptr, " ")) {
    test_limits<float>(isa);
    test_limits<double>(isa);
  }
}

// Any two of these choices occur together.
enum Choice {
  kCell,
  kProjection,  // none, narrower, as wide, wider
  kClip,        // none, of some, of none
  kDirection,
  kLayers,
  kLengths,
  kResets,
  kZoneout,
  kZoneoutCell,
  kDropconnect,
  kDropout,
  kRecompute,
  kChoices
};
using Case = covering::Case<kChoices>;

void test_gradients() {
  const std::vector<Options> cells = lstms();
  const Case counts{static_cast<int>(cells.size()), 4, 3, 2, 2, 2, 2, 2, 2, 2, 2, 2};
  const auto legal = [](Case c) {
    if (c[kLayers] == 0) c[kDropout] = 0;
    return c;
  };
  constexpr int64_t kHidden = 5, kProjections[] = {0, 1, kHidden, 7};
  constexpr double kClips[] = {0, 0.5, 1e3};
  for (const Case& c : covering::cases(counts, legal)) {
    Options options = cells[static_cast<size_t>(c[kCell])];
    options.projection = kProjections[c[kProjection]];
    options.cell_clip = kClips[c[kClip]];
    options.direction = c[kDirection];
    options.layers = 1 + c[kLayers];
    options.zoneout = 0.3 * c[kZoneout];
    options.zoneout_cell = 0.3 * c[kZoneoutCell];
    options.dropconnect = 0.3 * c[kDropconnect];
    options.dropout = 0.3 * c[kDropout];
    if (c[kRecompute] != 0) options.flags = LNRNN_PLAN_RECOMPUTE;
    Network<double> net({4, 3, 3, kHidden}, options);
    if (c[kLengths] != 0) net.lengths = {4, 0, 3};
    if (c[kResets] != 0) {
      net.resets = std::make_unique<Buffer<uint8_t>>(net.handle, 4 * 3);
      for (const size_t at : {0, 5, 6, 8}) (*net.resets)[at] = 1;
    }
    std::string name = "LSTM " + std::to_string(options.normalization);
    for (const int choice : c) name += " " + std::to_string(choice);
    differences::compare(net, name.c_str());
  }
}

}  // namespace

int main() {
  RUN(test_identity_is_no_projection<double>());
  RUN(test_identity_is_no_projection<float>());
  RUN(test_wide_clip_is_no_clip<double>());
  RUN(test_wide_clip_is_no_clip<float>());
  RUN(test_limits());
  RUN(test_gradients());
  return check::summary();
}

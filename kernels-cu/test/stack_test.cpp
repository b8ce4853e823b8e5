// Layers and directions over each other: a stack is its layers one by one, two directions are two
// runs, and a stream of steps is the whole sequence.
#include <cmath>

#include "check.h"
#include "network.h"

using network::Buffer;
using network::Network;
using network::Options;
using network::Shape;

namespace {

template <class S>
bool same(const S* a, const S* b, int64_t n) {
  return std::memcmp(a, b, static_cast<size_t>(n) * sizeof(S)) == 0;
}

// "weight_ih_l1_reverse" is weight_ih_l0 of the strand alone.
std::string name_alone(const lnrnnParameter_t& p) {
  std::string name = p.name;
  const std::string layer = "_l" + std::to_string(p.layer);
  name.replace(name.find(layer), layer.size(), "_l0");
  const size_t reverse = name.find("_reverse");
  if (reverse != std::string::npos) name.erase(reverse, std::strlen("_reverse"));
  return name;
}

// body(parameter of the whole, parameter of a strand alone) for all of the strand's.
template <class T, class F>
void each_parameter(const Network<T>& whole, const Network<T>& alone, int layer, int direction,
                    const F& body) {
  for (const lnrnnParameter_t& p : whole.descriptions()) {
    if (p.layer != layer || p.direction != direction) continue;
    for (const lnrnnParameter_t& q : alone.descriptions()) {
      if (name_alone(p) == q.name) body(p, q);
    }
  }
}

// Makes alone the strand of the whole; its states stand at index.
template <class T>
void become(const Network<T>& whole, Network<T>& alone, int layer, int direction) {
  each_parameter(whole, alone, layer, direction, [&](const auto& p, const auto& q) {
    CHECK(p.elements == q.elements);
    std::copy_n(whole.parameter(p), p.elements, alone.parameter(q));
  });
}
template <class T>
void copy_states(const Network<T>& whole, Network<T>& alone, int64_t index) {
  const auto copy = [&](const auto& from, const auto& to) {
    if (from != nullptr) std::copy_n(from->data() + index * to->size(), to->size(), to->data());
  };
  copy(whole.h0, alone.h0);
  copy(whole.c0, alone.c0);
  copy(whole.dhn, alone.dhn);
  copy(whole.dcn, alone.dcn);
}
template <class T>
bool same_states(const std::unique_ptr<Buffer<T>>& whole, const std::unique_ptr<Buffer<T>>& alone,
                 int64_t index) {
  return whole == nullptr ||
         same(whole->data() + index * alone->size(), alone->data(), alone->size());
}

void test_stack_is_its_layers() {
  for (Options options : network::all_options(5)) {
    options.layers = 2;
    const Shape shape{5, 3, 4, 9};
    Network<double> stack(shape, options);
    options.layers = 1;
    Network<double> lower(shape, options), upper({5, 3, options.output(shape), 9}, options);
    become(stack, lower, 0, 0);
    become(stack, upper, 1, 0);
    copy_states(stack, lower, 0);
    copy_states(stack, upper, 1);
    stack.lengths = lower.lengths = upper.lengths = {5, 0, 2};
    std::copy_n(stack.x->data(), stack.x->size(), lower.x->data());
    std::copy_n(stack.dy->data(), stack.dy->size(), upper.dy->data());
    for (const bool training : {false, true}) {
      if (!training) {
        for (auto* net : {&stack, &lower, &upper}) net->pack();
      }
      const auto forward = [&](Network<double>& net) { training ? net.train() : net.infer(); };
      forward(stack);
      forward(lower);
      std::copy_n(lower.y->data(), lower.y->size(), upper.x->data());
      forward(upper);
      CHECK(stack.y->copy() == upper.y->copy());
      CHECK(same_states(stack.hn, lower.hn, 0) && same_states(stack.hn, upper.hn, 1));
      CHECK(same_states(stack.cn, lower.cn, 0) && same_states(stack.cn, upper.cn, 1));
    }
    stack.backward();
    upper.backward();
    std::copy_n(upper.dx->data(), upper.dx->size(), lower.dy->data());
    lower.backward();
    CHECK(stack.dx->copy() == lower.dx->copy());
    CHECK(same_states(stack.dh0, lower.dh0, 0) && same_states(stack.dh0, upper.dh0, 1));
    CHECK(same_states(stack.dc0, lower.dc0, 0) && same_states(stack.dc0, upper.dc0, 1));
    for (const int layer : {0, 1}) {
      const Network<double>& alone = layer == 0 ? lower : upper;
      each_parameter(stack, alone, layer, 0, [&](const auto& p, const auto& q) {
        CHECK(same(stack.gradient(p), alone.gradient(q), p.elements));
      });
    }
  }
}

// Row n of a tensor (T,N,features) read backwards from its length; what lies beyond stays.
void flip(const std::vector<int64_t>& lengths, const double* from, int64_t features, double* to) {
  const int64_t batch = static_cast<int64_t>(lengths.size());
  for (int64_t n = 0; n < batch; ++n) {
    for (int64_t t = 0; t < lengths[n]; ++t) {
      std::copy_n(from + ((lengths[n] - 1 - t) * batch + n) * features, features,
                  to + (t * batch + n) * features);
    }
  }
}

void test_two_directions_are_two_runs() {
  for (Options options : network::all_options(3)) {
    options.direction = LNRNN_DIRECTION_BIDIRECTIONAL;
    const Shape shape{6, 4, 3, 7};
    const int64_t width = options.width(shape);
    const std::vector<int64_t> lengths{6, 1, 0, 4};
    Network<double> both(shape, options);
    options.direction = LNRNN_DIRECTION_FORWARD;
    Network<double> alone[] = {{shape, options}, {shape, options}};
    both.lengths = lengths;
    both.pack();
    both.infer();
    const auto inferred = both.y->copy();
    both.train();
    CHECK(inferred == both.y->copy());
    both.backward();

    const size_t rows = 6 * 4;
    std::vector<double> half_dy(rows * width), flipped(rows * width), dx(rows * 3),
        dx_sum(rows * 3);
    for (const int direction : {0, 1}) {
      Network<double>& net = alone[direction];
      become(both, net, 0, direction);
      copy_states(both, net, direction);
      net.lengths = lengths;
      for (size_t i = 0; i < rows; ++i) {
        std::copy_n(both.dy->data() + (2 * i + direction) * width, width,
                    half_dy.data() + i * width);
      }
      if (direction == 0) {
        std::copy_n(both.x->data(), both.x->size(), net.x->data());
        std::copy(half_dy.begin(), half_dy.end(), net.dy->data());
      } else {
        flip(lengths, both.x->data(), 3, net.x->data());
        flip(lengths, half_dy.data(), width, net.dy->data());
      }
      net.train();
      net.backward();
      std::copy_n(net.y->data(), net.y->size(), flipped.data());
      std::copy_n(net.dx->data(), net.dx->size(), dx.data());
      if (direction == 1) {
        flip(lengths, net.y->data(), width, flipped.data());
        flip(lengths, net.dx->data(), 3, dx.data());
      }
      for (size_t i = 0; i < rows; ++i) {
        CHECK(
            same(both.y->data() + (2 * i + direction) * width, flipped.data() + i * width, width));
      }
      for (size_t i = 0; i < dx.size(); ++i) dx_sum[i] += dx[i];
      CHECK(same_states(both.hn, net.hn, direction) && same_states(both.cn, net.cn, direction));
      CHECK(same_states(both.dh0, net.dh0, direction) && same_states(both.dc0, net.dc0, direction));
      each_parameter(both, net, 0, direction, [&](const auto& p, const auto& q) {
        for (int64_t i = 0; i < p.elements; ++i) {
          CHECK_NEAR(both.gradient(p)[i], net.gradient(q)[i], 1e-11);
        }
      });
    }
    for (size_t i = 0; i < dx_sum.size(); ++i) CHECK_NEAR((*both.dx)[i], dx_sum[i], 1e-12);
  }
}

// A step is an inference of one step, in place; zoneout is its expectation.
template <class S>
void test_steps_are_inference() {
  for (const int32_t layers : {1, 3}) {
    for (Options options : network::all_options(10)) {
      options.layers = layers;
      options.regularize(0.3);
      Network<S> net({6, 3, 5, 21}, options), stream({1, 3, 5, 21}, options);
      const int64_t row = 3 * options.width(net.shape);
      net.pack();
      net.infer();
      stream.pack();
      for (int64_t t = 0; t < 6; ++t) {
        std::copy_n(net.x->data() + t * 15, 15, stream.x->data());
        stream.step();
        const auto* const h = stream.h0->data() + (layers - 1) * row;
        for (int64_t i = 0; i < row; ++i) {
          CHECK(network::number((*net.y)[static_cast<size_t>(t * row + i)]) ==
                network::number(network::rounded<S>(h[i])));
        }
      }
      CHECK(same_states(net.hn, stream.h0, 0) && same_states(net.cn, stream.c0, 0));
    }
  }
}

// NaN in padding goes nowhere; and no steps, or no rows, are no work.
void test_edges() {
  for (Options options : network::all_options(4)) {
    options.layers = 2;
    options.direction = LNRNN_DIRECTION_BIDIRECTIONAL;
    options.regularize(0.3);
    Network<float> net({4, 3, 5, 6}, options);
    const int64_t output = options.output(net.shape);
    net.lengths = {2, 0, 4};
    for (int64_t t = 0; t < 4; ++t) {
      for (int64_t n = 0; n < 3; ++n) {
        if (t < net.lengths[static_cast<size_t>(n)]) continue;
        std::fill_n(net.x->data() + (t * 3 + n) * 5, 5, NAN);
        std::fill_n(net.dy->data() + (t * 3 + n) * output, output, NAN);
      }
    }
    net.train();
    net.backward();
    for (const auto* tensor : {&net.y, &net.dx}) {
      const int64_t features = tensor == &net.y ? output : 5;
      for (int64_t i = 0; i < 12 * features; ++i) {
        const int64_t t = i / features / 3, n = i / features % 3;
        const float value = (**tensor)[static_cast<size_t>(i)];
        CHECK(std::isfinite(value) && (t < net.lengths[static_cast<size_t>(n)] || value == 0));
      }
    }
    for (size_t i = 0; i < net.gradients->size(); ++i) CHECK(std::isfinite((*net.gradients)[i]));

    Network<float> no_steps({0, 3, 5, 6}, options), no_rows({4, 0, 5, 6}, options);
    for (Network<float>* empty : {&no_steps, &no_rows}) {
      empty->pack();
      empty->infer();
      CHECK(empty->hn->copy() == empty->h0->copy());
      empty->train();
      CHECK(empty->hn->copy() == empty->h0->copy());
      empty->backward();
      CHECK(empty->dh0->copy() == empty->dhn->copy());
      for (size_t i = 0; i < empty->gradients->size(); ++i) CHECK((*empty->gradients)[i] == 0);
    }
  }
}

// The final state may take the initial one's place, and the gradients likewise.
void test_aliased_states() {
  for (Options options : network::all_options(3)) {
    options.layers = 2;
    options.direction = LNRNN_DIRECTION_BIDIRECTIONAL;
    Network<float> apart({3, 2, 4, 5}, options), net({3, 2, 4, 5}, options);
    apart.train();
    apart.backward();
    auto training = net.training();
    training.hn = net.memory(net.h0);
    training.cn = net.memory(net.c0);
    network::done(net.run(training));
    auto gradients = net.gradient_pass();
    gradients.dh0 = net.memory(net.dhn);
    gradients.dc0 = net.memory(net.dcn);
    network::done(net.run(gradients));
    CHECK(net.h0->copy() == apart.hn->copy() && net.dhn->copy() == apart.dh0->copy());
    if (net.c0 == nullptr) continue;
    CHECK(net.c0->copy() == apart.cn->copy() && net.dcn->copy() == apart.dc0->copy());
  }
}

}  // namespace

int main() {
  RUN(test_stack_is_its_layers());
  RUN(test_two_directions_are_two_runs());
  RUN(test_steps_are_inference<float>());
  RUN(test_steps_are_inference<network::F16>());
  RUN(test_steps_are_inference<network::Bf16>());
  RUN(test_edges());
  RUN(test_aliased_states());
  return check::summary();
}

// A row with resets is its pieces run one by one; and NaN in one piece stays there.
#pragma once

#include <cmath>

#include "check.h"
#include "network.h"

namespace resets {

using network::Buffer;
using network::Network;
using network::number;
using network::Options;
using network::Shape;

// Steps [begin, end) of row n, with what its states come from and go to.
struct Piece {
  int64_t n, begin, end;
  bool is_first, is_last;  // of its row
  bool is_cut;             // a reset stands at its first step
};

// Rows of a batch that begin anew here and there, also at step 0, at the last step, at neighbouring steps and
// beyond their length, where it counts for nothing.
struct Plan {
  static constexpr int64_t kSteps = 7, kBatch = 5;
  const std::vector<int64_t> lengths{7, 5, 0, 7, 6};
  const char* const rows[kBatch] = {"0010010", "1000011", "1100000", "0000000", "0111010"};

  bool at(int64_t t, int64_t n) const { return rows[n][t] == '1'; }
  std::vector<Piece> pieces() const {
    std::vector<Piece> all;
    for (int64_t n = 0; n < kBatch; ++n) {
      const int64_t length = lengths[static_cast<size_t>(n)];
      for (int64_t begin = 0, end; begin < length; begin = end) {
        end = begin + 1;
        while (end < length && !at(end, n)) ++end;
        all.push_back({n, begin, end, begin == 0, end == length, at(begin, n)});
      }
    }
    return all;
  }
  // As bytes that are not only 0 and 1, the steps of a row together.
  template <class S>
  void give_to(Network<S>& net) const {
    net.lengths = lengths;
    net.resets = std::make_unique<Buffer<uint8_t>>(net.handle, kSteps * kBatch);
    net.resets_strides = {1, kSteps};
    for (int64_t n = 0; n < kBatch; ++n) {
      for (int64_t t = 0; t < kSteps; ++t) {
        net.resets->data()[n * kSteps + t] = static_cast<uint8_t>(at(t, n) ? 1 + 83 * t % 255 : 0);
      }
    }
  }
};

// Row n of a tensor (strand,N,width).
template <class T>
T* state(const std::unique_ptr<Buffer<T>>& of, int64_t strand, int64_t batch, int64_t n,
         int64_t width) {
  return of->data() + (strand * batch + n) * width;
}

template <class A, class B>
void check_near(const A* actual, const B* expected, int64_t count, double tolerance) {
  for (int64_t i = 0; i < count; ++i) {
    CHECK_NEAR(number(actual[i]), number(expected[i]), tolerance);
  }
}

// The whole batch, trained.
template <class S>
struct Whole {
  static constexpr int64_t kInput = 4;
  const Plan plan;
  const int64_t hidden;
  Network<S> net;
  const int64_t directions, strands, outputs;  // outputs: features of y

  Whole(int64_t h, const Options& options)
      : hidden(h), net({Plan::kSteps, Plan::kBatch, kInput, h}, options),
        directions(options.direction == LNRNN_DIRECTION_BIDIRECTIONAL ? 2 : 1),
        strands(directions * options.layers), outputs(options.output(net.shape)) {
    plan.give_to(net);
  }
  int64_t sample(int64_t t, int64_t n) const { return t * Plan::kBatch + n; }
};

// A piece alone: its own network, which draws what the whole draws.
template <class S>
struct Alone {
  using T = network::accumulation_t<S>;
  const Whole<S>& whole;
  const Piece& piece;
  Network<S> net;

  Alone(const Whole<S>& of, const Piece& p, const Options& options)
      : whole(of), piece(p), net({p.end - p.begin, 1, Whole<S>::kInput, of.hidden}, options) {
    net.sequence.stepOffset = p.begin;
    net.sequence.rowOffset = p.n;
    copy_steps(whole.net.x, Whole<S>::kInput, net.x);
    copy_steps(whole.net.dy, whole.outputs, net.dy);
    for (int64_t strand = 0; strand < whole.strands; ++strand) {
      take(whole.net.h0, strand, begins(strand), net.h0);
      take(whole.net.c0, strand, begins(strand), net.c0);
      take(whole.net.dhn, strand, ends(strand), net.dhn);
      take(whole.net.dcn, strand, ends(strand), net.dcn);
    }
  }

  // Whether a strand comes to this piece first, and from the row's initial state; and whether last.
  bool is_reverse(int64_t strand) const { return strand % whole.directions == 1; }
  bool begins(int64_t strand) const {
    return is_reverse(strand) ? piece.is_last : piece.is_first && !piece.is_cut;
  }
  bool ends(int64_t strand) const { return is_reverse(strand) ? piece.is_first : piece.is_last; }

  void check_outputs(double tolerance) const {
    check_steps(whole.net.y, net.y, whole.outputs, tolerance);
    for (int64_t strand = 0; strand < whole.strands; ++strand) {
      if (!ends(strand)) continue;
      check_state(whole.net.hn, net.hn, strand, tolerance);
      check_state(whole.net.cn, net.cn, strand, tolerance);
    }
  }
  void check_gradients(double tolerance) const {
    check_steps(whole.net.dx, net.dx, Whole<S>::kInput, tolerance);
    for (int64_t strand = 0; strand < whole.strands; ++strand) {
      if (begins(strand)) {
        check_state(whole.net.dh0, net.dh0, strand, tolerance);
        check_state(whole.net.dc0, net.dc0, strand, tolerance);
      } else if (!is_reverse(strand) && piece.is_first) {
        check_zero(whole.net.dh0, strand);
        check_zero(whole.net.dc0, strand);
      }
    }
  }

 private:
  void copy_steps(const std::unique_ptr<Buffer<S>>& from, int64_t features,
                  const std::unique_ptr<Buffer<S>>& to) const {
    for (int64_t t = piece.begin; t < piece.end; ++t) {
      std::copy_n(from->data() + whole.sample(t, piece.n) * features, features,
                  to->data() + (t - piece.begin) * features);
    }
  }
  void check_steps(const std::unique_ptr<Buffer<S>>& of_whole,
                   const std::unique_ptr<Buffer<S>>& own, int64_t features,
                   double tolerance) const {
    for (int64_t t = piece.begin; t < piece.end; ++t) {
      check_near(of_whole->data() + whole.sample(t, piece.n) * features,
                 own->data() + (t - piece.begin) * features, features, tolerance);
    }
  }
  void take(const std::unique_ptr<Buffer<T>>& from, int64_t strand, bool wanted,
            const std::unique_ptr<Buffer<T>>& to) const {
    if (from == nullptr) return;
    const int64_t width = width_of(from);
    T* const own = state(to, strand, 1, 0, width);
    std::fill_n(own, width, T(0));
    if (!wanted) return;
    std::copy_n(state(from, strand, Plan::kBatch, piece.n, width), width, own);
  }
  void check_state(const std::unique_ptr<Buffer<T>>& of_whole,
                   const std::unique_ptr<Buffer<T>>& own, int64_t strand, double tolerance) const {
    if (of_whole == nullptr) return;
    const int64_t width = width_of(of_whole);
    check_near(state(of_whole, strand, Plan::kBatch, piece.n, width),
               state(own, strand, 1, 0, width), width, tolerance);
  }
  void check_zero(const std::unique_ptr<Buffer<T>>& of_whole, int64_t strand) const {
    if (of_whole == nullptr) return;
    const int64_t width = width_of(of_whole);
    const T* const own = state(of_whole, strand, Plan::kBatch, piece.n, width);
    CHECK(std::all_of(own, own + width, [](T value) { return value == T(0); }));
  }
  // That of h or of c.
  int64_t width_of(const std::unique_ptr<Buffer<T>>& of_whole) const {
    return static_cast<int64_t>(of_whole->size()) / (whole.strands * Plan::kBatch);
  }
};

template <class S>
void test_pieces(int64_t hidden, const Options& options, double tolerance) {
  using T = network::accumulation_t<S>;
  Whole<S> whole(hidden, options);
  whole.net.train();
  whole.net.backward();
  whole.net.wait();
  std::vector<T> sums(whole.net.gradients->size());
  for (const Piece& piece : whole.plan.pieces()) {
    Alone<S> alone(whole, piece, options);
    alone.net.train();
    alone.net.backward();
    alone.net.wait();
    alone.check_outputs(tolerance);
    alone.check_gradients(10 * tolerance);
    for (size_t i = 0; i < sums.size(); ++i) sums[i] += (*alone.net.gradients)[i];
  }
  for (size_t i = 0; i < sums.size(); ++i) {
    const double expected = number(sums[i]);
    CHECK_NEAR(number((*whole.net.gradients)[i]), expected,
               10 * tolerance * (1 + std::fabs(expected)));
  }

  whole.net.pack();
  whole.net.infer();
  whole.net.wait();
  for (const Piece& piece : whole.plan.pieces()) {
    Alone<S> alone(whole, piece, options);
    alone.net.pack();
    alone.net.infer();
    alone.net.wait();
    alone.check_outputs(tolerance);
  }
}

// Numbers of all other pieces do not change to the bit.
template <class S>
void test_nan_stays_in_its_piece(int64_t hidden, const Options& options) {
  Whole<S> whole(hidden, options);
  const auto run = [&] {
    whole.net.train();
    whole.net.backward();
    whole.net.wait();
  };
  run();
  const auto y = whole.net.y->copy(), dx = whole.net.dx->copy();
  const Piece spoilt = whole.plan.pieces()[1];
  CHECK(spoilt.n == 0 && !spoilt.is_first && !spoilt.is_last);
  const int64_t inputs = Whole<S>::kInput, outputs = whole.outputs;
  std::fill_n(whole.net.x->data() + whole.sample(spoilt.begin, spoilt.n) * inputs, inputs,
              network::rounded<S>(NAN));
  run();
  bool is_seen = false;
  for (int64_t n = 0; n < Plan::kBatch; ++n) {
    for (int64_t t = 0; t < Plan::kSteps; ++t) {
      const bool is_spoilt = n == spoilt.n && t >= spoilt.begin && t < spoilt.end;
      const auto same = [&](const std::vector<S>& before, const Buffer<S>& now, int64_t features) {
        const size_t at = static_cast<size_t>(whole.sample(t, n) * features);
        return std::memcmp(&before[at], &now[at], static_cast<size_t>(features) * sizeof(S)) == 0;
      };
      if (is_spoilt) {
        is_seen = is_seen || !same(y, *whole.net.y, outputs);
      } else {
        CHECK(same(y, *whole.net.y, outputs) && same(dx, *whole.net.dx, inputs));
      }
    }
  }
  CHECK(is_seen);
}

// A stream of steps, some of which begin anew, is the whole.
template <class S>
void test_steps(int64_t hidden, const Options& options, double tolerance) {
  const Plan plan;
  Network<S> net({Plan::kSteps, Plan::kBatch, 4, hidden}, options),
      stream({1, Plan::kBatch, 4, hidden}, options);
  plan.give_to(net);
  net.lengths.clear();
  plan.give_to(stream);
  stream.lengths.clear();
  net.pack();
  net.infer();
  net.wait();
  stream.pack();
  for (int64_t t = 0; t < Plan::kSteps; ++t) {
    std::copy_n(net.x->data() + t * Plan::kBatch * 4, Plan::kBatch * 4, stream.x->data());
    for (int64_t n = 0; n < Plan::kBatch; ++n) {
      (*stream.resets)[static_cast<size_t>(n * Plan::kSteps)] = plan.at(t, n) ? 7 : 0;
    }
    stream.step();
    stream.wait();
    const int64_t row = Plan::kBatch * options.output(net.shape);
    check_near(stream.h0->data() + (options.layers - 1) * row, net.y->data() + t * row, row,
               tolerance);
  }
}

inline void test_all(lnrnnDeviceKind_t device,
                     const std::vector<Options>& kinds = network::all_options(0)) {
  unsigned turn = 0;
  for (const Options& kind : kinds) {
    for (const int32_t direction : {LNRNN_DIRECTION_FORWARD, LNRNN_DIRECTION_BIDIRECTIONAL}) {
      Options options = kind;
      options.device = device;
      options.direction = direction;
      options.layers = 1 + static_cast<int32_t>(turn % 2);
      options.flags = turn % 3 == 0 ? LNRNN_PLAN_RECOMPUTE : 0;
      test_pieces<double>(9, options, 1e-12);
      options.regularize(0.3);
      test_pieces<double>(6, options, 1e-12);
      test_pieces<float>(32, options, 2e-5);
      test_nan_stays_in_its_piece<double>(5, options);
      test_nan_stays_in_its_piece<network::Bf16>(32, options);
      if (direction == LNRNN_DIRECTION_FORWARD) test_steps<float>(17, options, 1e-5);
      ++turn;
    }
  }
}

}  // namespace resets

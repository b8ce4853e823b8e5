// A step forward between two products, for every cell. A block owns a row; its threads stride over the units,
// and a thread comes back to the same units in every loop, so that what it stored needs no barrier.
#pragma once

#include "term.cuh"
#include "time_walk.cuh"

namespace lnrnn::cuda {

// Rows n of one step.
template <class S>
struct ForwardStep {
  using T = accumulation_t<S>;

  int64_t step, batch, hidden, gates;  // gates: GH
  Lengths lengths;
  StrandVectors<const T> weights;
  bool carries_norm;
  T epsilon;
  ZoneoutShares<T> zoneout, zoneout_cell;  // inference's, of h and of c
  Mask mask, mask_cell;                    // training
  const T *a, *r;                          // (N,GH)
  const T* norm_a;                         // (N,kStatistics)
  const T* square_sums;                    // (N,tiles) of r, whose mean is 0
  int64_t tiles;
  T *norm_r, *norm_u;            // (N,kStatistics), null where they are not kept
  const T *h_before, *c_before;  // (N,H)
  T *h, *c;                      // (N,H)
  S* h_operand;  // (N,H) h as the next product reads it, null where that is h itself
  S* y;          // (N,H) strided, or null
  int64_t y_row_stride;

  LNRNN_DEVICE GateInputs<T> inputs(Block& block, int64_t n) const {
    return {hidden, weights.bias, weights.bias_hh,
            GateTerm<T>::of_row(a, gates, weights.gain_i, norm_a, n), of_r(block, n)};
  }

  // Zoneout of h, and where h goes.
  LNRNN_DEVICE void store(const Mask& drawn, int64_t n, int64_t j, T value) const {
    const int64_t at = n * hidden + j;
    value = after_zoneout(drawn.keeps(step, batch, n, j), zoneout, h_before[at], value);
    h[at] = value;
    if (h_operand != nullptr) h_operand[at] = to_storage<S>(value);
    if (y != nullptr) y[n * y_row_stride + j] = to_storage<S>(value);
  }

  // Beyond a row's length the state stays, and the output is 0.
  LNRNN_DEVICE void stay(Block& block, int64_t n) const {
    for (int64_t j = block.thread(); j < hidden; j += block.threads()) {
      h[n * hidden + j] = h_before[n * hidden + j];
      if (c != nullptr) c[n * hidden + j] = c_before[n * hidden + j];
      if (y != nullptr) y[n * y_row_stride + j] = to_storage<S>(T(0));
    }
  }

 private:
  LNRNN_DEVICE GateTerm<T> of_r(Block& block, int64_t n) const {
    auto term = GateTerm<T>::of_row(r, gates, weights.gain_h, nullptr, n);
    if (term.gain == nullptr) return term;
    T squares(0);
    for (int64_t i = block.lane(); i < tiles; i += kWarp) squares += square_sums[n * tiles + i];
    const T variance = warp_sum(block, squares) / static_cast<T>(gates) + epsilon;
    term.norm = overflows(variance) ? norm_of_large_r(block, term.x)
                                    : Norm<T>{T(0), reciprocal_root(variance)};
    if (norm_r != nullptr && block.thread() == 0) term.norm.store(norm_r + n * kStatistics);
    return term;
  }

  // Every warp takes all of the row: it is rare.
  LNRNN_DEVICE Norm<T> norm_of_large_r(const Block& block, const T* row) const {
    T squares(0);
    for (int64_t j = block.lane(); j < gates; j += kWarp) {
      const T value = large_row_element<T>(row[j]);
      squares = fma(value, value, squares);
    }
    return Norm<T>::of_large(T(0), warp_sum(block, squares) / static_cast<T>(gates), epsilon);
  }
};

// Blocks: rows.
template <class Cell, class S>
struct ForwardRow {
  static constexpr const char* kName = "forward_row";
  static constexpr int kMaxThreads = 1024;
  using T = accumulation_t<S>;
  struct Shared {
    NormScratch<T> of_u;
  };

  ForwardStep<S> step;

  LNRNN_DEVICE void operator()(Block& block) const {
    const int64_t n = block.index();
    if (!step.lengths.active(step.step, n)) {
      step.stay(block, n);
    } else if constexpr (Cell::kCarriesCell) {
      advance_cell(block, n);
    } else {
      advance(block, n);
    }
  }

 private:
  LNRNN_DEVICE void advance(Block& block, int64_t n) const {
    const int64_t hidden = step.hidden;
    const auto in = step.inputs(block, n);
    const Mask mask = step.mask.drawn();
    for (int64_t j = block.thread(); j < hidden; j += block.threads()) {
      step.store(mask, n, j, Cell::output(in, j, step.h_before[n * hidden + j]));
    }
  }

  LNRNN_DEVICE void advance_cell(Block& block, int64_t n) const {
    auto& shared = block.template shared<Shared>();
    const int64_t hidden = step.hidden;
    const bool normalized = step.weights.gain_c != nullptr;
    const auto in = step.inputs(block, n);
    const T* const before = step.c_before + n * hidden;
    T* const cell = step.c + n * hidden;

    // A thread keeps what comes of its first unit, which is its only one up to a thousand; u of others
    // waits where the carried cell will be.
    const int64_t own = block.thread();
    typename Cell::template Candidate<T> of_own{};
    for (int64_t j = own; j < hidden; j += block.threads()) {
      const auto candidate = Cell::candidate(in, j, before[j]);
      if (j == own) {
        of_own = candidate;
      } else {
        cell[j] = candidate.u;
      }
    }
    const auto u_of = [&](int64_t j) { return j == own ? of_own.u : cell[j]; };
    Norm<T> of_u{};
    if (normalized) {
      of_u = block_norm(block, shared.of_u, hidden, step.epsilon, u_of);
      if (step.norm_u != nullptr && block.thread() == 0) of_u.store(step.norm_u + n * kStatistics);
    }

    const Mask mask = step.mask.drawn(), mask_cell = step.mask_cell.drawn();
    for (int64_t j = own; j < hidden; j += block.threads()) {
      const T u = u_of(j), o = j == own ? of_own.o : Cell::output_gate(in, j);
      const T k = normalized ? fma(step.weights.gain_c[j], of_u.z(u), step.weights.bias_c[j]) : u;
      step.store(mask, n, j, Cell::output(o, k));
      cell[j] = after_zoneout(mask_cell.keeps(step.step, step.batch, n, j), step.zoneout_cell,
                              before[j], step.carries_norm ? k : u);
    }
  }
};

}  // namespace lnrnn::cuda

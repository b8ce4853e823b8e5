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

  int64_t step, batch, hidden, output, gates;  // H, P and GH
  Cuts cuts;
  StepVectors<T> vectors;
  bool carries_norm;
  T epsilon, clip;                         // clip: of the cell
  ZoneoutShares<T> zoneout, zoneout_cell;  // inference's, of h and of c
  Mask mask, mask_cell, mask_candidate;    // training
  T candidate_scale;                       // of what the last keeps; 1 without it
  const T *a, *r;                          // (N,GH): see term_of_step
  Segments segments_a, segments_r;         // of what is normalised
  const T* norm_a;                         // (N,segments,kStatistics)
  const T* square_sums;                    // (N,slots) of r, whose mean is 0
  SquareSumSlots slots;
  T* norm_r;                     // (N,segments,kStatistics), null where it is not kept
  T* norm_u;                     // (N,kStatistics), likewise
  const T *h_before, *c_before;  // (N,P) and (N,H)
  T *h, *c;                      // (N,P) and (N,H)
  S* h_operand;  // (N,P) h as the next product reads it, null where that is h itself
  S* y;          // (N,P) strided, or null
  int64_t y_row_stride;
  S* d;  // (N,H), where h is projected: what the cell puts out, as that product reads it; else null

  template <class Cell>
  LNRNN_DEVICE GateInputs<T, Cell::kMoments> inputs(Block& block, int64_t n) const {
    using OfGates = Term<T, Cell::kMoments>;
    return {hidden, vectors.bias, vectors.bias_hh,
            OfGates::of_row(a, gates, vectors.gain_a, norm_a, segments_a, n),
            of_r<Cell::kMoments>(block, n)};
  }

  // What the cell puts out in a unit. cut: see crossing.
  LNRNN_DEVICE void put_out(const Mask& drawn, bool cut, int64_t n, int64_t j, T value) const {
    if (d != nullptr) {
      d[n * hidden + j] = to_storage<S>(value);
    } else {
      store(drawn, cut, n, j, value);
    }
  }
  // Zoneout of h, and where h goes.
  LNRNN_DEVICE void store(const Mask& drawn, bool cut, int64_t n, int64_t j, T value) const {
    const int64_t at = n * output + j;
    value = after_zoneout(drawn.keeps(step, batch, n, j), zoneout, h_before[at], value);
    if (y != nullptr) y[n * y_row_stride + j] = to_storage<S>(value);
    value = crossing(cut, value);
    h[at] = value;
    if (h_operand != nullptr) h_operand[at] = to_storage<S>(value);
  }

  // Beyond a row's length the state stays, and the output is 0.
  LNRNN_DEVICE void stay(const Block& block, int64_t n) const {
    for (int64_t j = block.thread(); c != nullptr && j < hidden; j += block.threads()) {
      c[n * hidden + j] = c_before[n * hidden + j];
    }
    if (d == nullptr) stay_of_h(block, n);
  }
  LNRNN_DEVICE void stay_of_h(const Block& block, int64_t n) const {
    for (int64_t j = block.thread(); j < output; j += block.threads()) {
      h[n * output + j] = h_before[n * output + j];
      if (y != nullptr) y[n * y_row_stride + j] = to_storage<S>(T(0));
    }
  }

 private:
  template <int kMoments>
  LNRNN_DEVICE Term<T, kMoments> of_r(Block& block, int64_t n) const {
    auto term = Term<T, kMoments>::of_row(r, gates, vectors.gain_r, nullptr, segments_r, n);
    if (term.gain == nullptr) return term;
    if constexpr (kMoments == 1) {
      term.of_gate[0] = moments_of_r(block, n, term.x, 0, slots.count, gates);
      if (norm_r != nullptr && block.thread() == 0) term.of_gate[0].store(norm_r + n * kStatistics);
    } else {
      LNRNN_UNROLL
      for (int gate = 0; gate < kMoments; ++gate) {
        const int segment = segments_r.of_gate(gate);
        if (gate > 0 && segment == segments_r.of_gate(gate - 1)) {
          term.of_gate[gate] = term.of_gate[gate - 1];
          continue;
        }
        term.of_gate[gate] = moments_of_r(block, n, term.x + gate * hidden, slots.begin[segment],
                                          slots.end[segment], segments_r.gates[segment] * hidden);
        if (norm_r == nullptr || block.thread() != 0) continue;
        term.of_gate[gate].store(norm_r + (n * segments_r.count + segment) * kStatistics);
      }
    }
    return term;
  }

  // Of width numbers of a row, whose squares stand in those slots.
  LNRNN_DEVICE Moments<T> moments_of_r(const Block& block, int64_t n, const T* row,
                                       int64_t slots_begin, int64_t slots_end,
                                       int64_t width) const {
    T squares(0);
    for (int64_t i = slots_begin + block.lane(); i < slots_end; i += kWarp) {
      squares += square_sums[n * slots.count + i];
    }
    const T variance = warp_sum(block, squares) / static_cast<T>(width) + epsilon;
    return overflows(variance) ? moments_of_large_r(block, row, width)
                               : Moments<T>{T(0), reciprocal_root(variance)};
  }

  // Every warp takes all of the row: it is rare.
  LNRNN_DEVICE Moments<T> moments_of_large_r(const Block& block, const T* row,
                                             int64_t width) const {
    T squares(0);
    for (int64_t j = block.lane(); j < width; j += kWarp) {
      const T value = large_row_element<T>(row[j]);
      squares = fma(value, value, squares);
    }
    return Moments<T>::of_large(T(0), warp_sum(block, squares) / static_cast<T>(width), epsilon);
  }
};

// Blocks: rows.
template <class Cell, class S>
struct ForwardRow {
  static constexpr const char* kName = "forward_row";
  static constexpr int kMaxThreads = Cell::kMoments == 1 ? 1024 : 512;  // norms take registers
  using T = accumulation_t<S>;
  struct Shared {
    MomentsScratch<T> of_u;
  };

  ForwardStep<S> step;

  LNRNN_DEVICE void operator()(Block& block) const {
    const int64_t n = block.index();
    if (!step.cuts.lengths.active(step.step, n)) {
      step.stay(block, n);
    } else if constexpr (Cell::kCarriesCell) {
      advance_cell(block, n, step.cuts.after(step.step, n));
    } else {
      advance(block, n, step.cuts.after(step.step, n));
    }
  }

 private:
  LNRNN_DEVICE void advance(Block& block, int64_t n, bool cut) const {
    const int64_t hidden = step.hidden;
    const auto in = step.template inputs<Cell>(block, n);
    const Mask mask = step.mask.drawn();
    for (int64_t j = block.thread(); j < hidden; j += block.threads()) {
      step.store(mask, cut, n, j, Cell::output(in, j, step.h_before[n * hidden + j]));
    }
  }

  LNRNN_DEVICE void advance_cell(Block& block, int64_t n, bool cut) const {
    auto& shared = block.template shared<Shared>();
    const int64_t hidden = step.hidden;
    const bool normalized = step.vectors.gain_u != nullptr;
    const auto in = step.template inputs<Cell>(block, n);
    const T* const before = step.c_before + n * hidden;
    T* const cell = step.c + n * hidden;

    // A thread keeps what comes of its first unit, which is its only one up to a thousand; u of others
    // waits where the carried cell will be.
    const int64_t own = block.thread();
    const Mask mask_candidate = step.mask_candidate.drawn();
    typename Cell::template Candidate<T> of_own{};
    for (int64_t j = own; j < hidden; j += block.threads()) {
      const bool keeps = mask_candidate.keeps(step.step, step.batch, n, j);
      auto candidate = Cell::candidate(in, j, before[j], {keeps, step.candidate_scale});
      candidate.u = Cell::clip(candidate.u, step.clip);
      if (j == own) {
        of_own = candidate;
      } else {
        cell[j] = candidate.u;
      }
    }
    const auto u_of = [&](int64_t j) { return j == own ? of_own.u : cell[j]; };
    Moments<T> of_u{};
    if (normalized) {
      of_u = block_moments(block, shared.of_u, hidden, step.epsilon, u_of);
      if (step.norm_u != nullptr && block.thread() == 0) of_u.store(step.norm_u + n * kStatistics);
    }

    const Mask mask = step.mask.drawn(), mask_cell = step.mask_cell.drawn();
    for (int64_t j = own; j < hidden; j += block.threads()) {
      const T u = u_of(j), o = j == own ? of_own.o : Cell::output_gate(in, j);
      const T k = normalized ? fma(step.vectors.gain_u[j], of_u.z(u), step.vectors.bias_u[j]) : u;
      step.put_out(mask, cut, n, j, Cell::output(o, k));
      const T c = after_zoneout(mask_cell.keeps(step.step, step.batch, n, j), step.zoneout_cell,
                                before[j], step.carries_norm ? k : u);
      cell[j] = crossing(cut, c);
    }
  }
};

// The rest of a step where h is projected. Blocks: rows.
template <class S>
struct ProjectRow {
  static constexpr const char* kName = "project_row";
  static constexpr int kMaxThreads = 1024;
  using T = accumulation_t<S>;

  ForwardStep<S> step;
  const T* projected;  // (N,P) D W_hr'

  LNRNN_DEVICE void operator()(Block& block) const {
    const int64_t n = block.index();
    if (!step.cuts.lengths.active(step.step, n)) return step.stay_of_h(block, n);
    const Mask mask = step.mask.drawn();
    const bool cut = step.cuts.after(step.step, n);
    for (int64_t j = block.thread(); j < step.output; j += block.threads()) {
      step.store(mask, cut, n, j, projected[n * step.output + j]);
    }
  }
};

}  // namespace lnrnn::cuda

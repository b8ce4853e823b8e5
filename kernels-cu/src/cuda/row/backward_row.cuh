// A step back between two products, for every cell. A block owns a row; see forward_row.cuh.
#pragma once

#include "candidate.cuh"
#include "time_walk.cuh"

namespace lnrnn::cuda {

// Rows n of one step. Reads and writes dh, dc; writes dv, dr, last_dr, dk, z and d of this step.
template <class S>
struct BackwardStep {
  using T = accumulation_t<S>;

  int64_t step, batch, hidden, output, gates;  // H, P and GH
  Cuts cuts;
  StepVectors<T> vectors;
  bool carries_norm;
  T clip;  // of the cell
  Mask mask, mask_cell, mask_candidate;
  T candidate_scale;                  // as forward's
  Segments segments_a, segments_r;    // of what is normalised
  const T *a, *r;                     // (N,GH): see term_of_step
  const T *norm_a, *norm_r, *norm_u;  // (N,segments,kStatistics)
  const T *h_before, *c_before;       // (N,P) and (N,H)
  const S* dy;                        // (N,P) strided, or null
  int64_t dy_row_stride;
  T *dh, *dc;   // (N,P) and (N,H)
  T* dv;        // (N,GH) by the pre-activations, as x's product sees them
  S* dr;        // (N,GH) by h's product; null where that is dv
  T* exact_dr;  // (N,GH) the same as h R' was computed, with R' rounded to S; or null
  T* last_dv;   // (N,H) the last gate of dv, as h's product sees it: of a cell with kLastApart
  T *dk, *z;    // (N,H) by the cell's layer norm, and the cell, normalised; null where it is not
  // (N,H), where h is projected: the gradient by what the cell put out, and that, as the gradient of weight_hr reads
  // it; else null.
  const T* dd;
  S* d;

  template <class Cell>
  LNRNN_DEVICE GateInputs<T, Cell::kMoments> inputs(int64_t n) const {
    using OfGates = Term<T, Cell::kMoments>;
    return {hidden, vectors.bias, vectors.bias_hh,
            OfGates::of_row(a, gates, vectors.gain_a, norm_a, segments_a, n),
            OfGates::of_row(r, gates, vectors.gain_r, norm_r, segments_r, n)};
  }

  // The gradient by what the cell computed, and to dh that by the h before which zoneout let pass. cut: see
  // crossing.
  LNRNN_DEVICE T through_zoneout(const Mask& drawn, bool cut, int64_t n, int64_t j) const {
    const int64_t at = n * output + j;
    T by_h = crossing(cut, dh[at]);
    if (dy != nullptr) by_h += to_accumulation(dy[n * dy_row_stride + j]);
    const bool keeps = drawn.keeps(step, batch, n, j);
    dh[at] = keeps ? T(0) : by_h;
    return keeps ? by_h : T(0);
  }

  // Likewise, where h may be a product of that.
  LNRNN_DEVICE T by_output(const Mask& drawn, bool cut, int64_t n, int64_t j) const {
    return dd != nullptr ? dd[n * hidden + j] : through_zoneout(drawn, cut, n, j);
  }

  LNRNN_DEVICE void store_d(int64_t n, int64_t j, T value) const {
    if (d != nullptr) d[n * hidden + j] = to_storage<S>(value);
  }

  // The gradient by h's product, element at of row n; exact: as it is where that product is.
  LNRNN_DEVICE void store_dr(int64_t n, int64_t at, T value, T exact) const {
    if (dr != nullptr) dr[n * gates + at] = to_storage<S>(value);
    if (exact_dr != nullptr) exact_dr[n * gates + at] = exact;
  }

  // Likewise, through the layer norm of that product; by_q: the gradient by what comes of it.
  template <int kMoments>
  LNRNN_DEVICE void store_dr(int64_t n, int gate, int64_t at, const Term<T, kMoments>& of_r,
                             const NormGradient<T>& sums, T by_q) const {
    const T q = of_r.gain[at] * by_q, z_at = of_r.z(gate, at), rstd = of_r.moments_of(gate).rstd;
    store_dr(n, at, sums.dx(q, z_at, rstd), sums.dx_uncentred(q, z_at, rstd));
  }

  LNRNN_DEVICE void skip(Block& block, int64_t n) const {
    for (int64_t j = block.thread(); j < gates; j += block.threads()) {
      dv[n * gates + j] = T(0);
      store_dr(n, j, T(0), T(0));
      if (j >= hidden) continue;
      if (last_dv != nullptr) last_dv[n * hidden + j] = T(0);
      if (dk != nullptr) dk[n * hidden + j] = T(0);
      if (z != nullptr) z[n * hidden + j] = T(0);
      store_d(n, j, T(0));
    }
  }
};

// Blocks: rows.
template <class Cell, class S>
struct BackwardRow {
  static constexpr const char* kName = "backward_row";
  static constexpr int kMaxThreads = 512;
  static constexpr int kGates = Cell::kGates, kMoments = Cell::kMoments;
  using T = accumulation_t<S>;
  struct Shared {
    SumScratch<T, 3> of_u;
    SumScratch<T, 3 * kMoments> of_r;
  };

  BackwardStep<S> step;

  LNRNN_DEVICE void operator()(Block& block) const {
    const int64_t n = block.index();
    if (step.cuts.lengths.active(step.step, n)) {
      go_back(block, n, step.cuts.after(step.step, n));
    } else {
      step.skip(block, n);
    }
  }

 private:
  using Inputs = GateInputs<T, kMoments>;
  using Sums = T[kMoments][3];  // what the layer norm of r needs: see NormGradient

  LNRNN_DEVICE void go_back(Block& block, int64_t n, bool cut) const {
    auto& shared = block.template shared<Shared>();
    const auto in = step.template inputs<Cell>(n);
    Sums sums = {};
    if constexpr (Cell::kCarriesCell) {
      through_cell(block, n, cut, in, sums);
    } else {
      through_units(block, n, cut, in, sums);
    }
    if (in.r.gain == nullptr) return;

    block_sum(block, shared.of_r, sums);
    NormGradient<T> by_r[kMoments];
    norm_gradients<kGates>(sums, step.segments_r, step.hidden, by_r);
    for (int64_t j = block.thread(); j < step.hidden; j += block.threads()) {
      for (int k = 0; k < kGates; ++k) {
        step.store_dr(n, k, k * step.hidden + j, in.r, by_r[kMoments == 1 ? 0 : k], given(n, k, j));
      }
    }
  }

  LNRNN_DEVICE void through_units(Block& block, int64_t n, bool cut, const Inputs& in,
                                  Sums& sums) const {
    const Mask mask = step.mask.drawn();
    for (int64_t j = block.thread(); j < step.hidden; j += block.threads()) {
      const int64_t at = n * step.hidden + j;
      const T by_h = step.through_zoneout(mask, cut, n, j);
      const auto by = Cell::backward(in, j, by_h, step.h_before[at]);
      step.dh[at] += by.h_before;
      give(in, n, j, by.by_a, by.by_r, sums);
    }
  }

  LNRNN_DEVICE void through_cell(Block& block, int64_t n, bool cut, const Inputs& in,
                                 Sums& sums) const {
    auto& shared = block.template shared<Shared>();
    const int64_t hidden = step.hidden;
    const bool normalized = step.vectors.gain_u != nullptr;
    const Mask mask = step.mask.drawn(), mask_cell = step.mask_cell.drawn();
    const Mask mask_candidate = step.mask_candidate.drawn();
    const auto share_of = [&](int64_t j) -> CandidateShare<T> {
      return {mask_candidate.keeps(step.step, step.batch, n, j), step.candidate_scale};
    };
    const auto of_u = normalized ? Moments<T>::load(step.norm_u + n * kStatistics) : Moments<T>{};
    T* const dv = step.dv + n * step.gates;
    T* const dk = normalized ? step.dk + n * hidden : nullptr;
    T* const z = normalized ? step.z + n * hidden : nullptr;

    // Through the output to k. What the cell's gates then want waits where their gradients will be.
    T sums_u[3] = {};
    for (int64_t j = block.thread(); j < hidden; j += block.threads()) {
      const T by_output = step.by_output(mask, cut, n, j);
      const auto share = share_of(j);
      const auto now = Cell::recompute(in, j, step.c_before[n * hidden + j], share);
      const T u = Cell::clip(now.u, step.clip);
      if (!normalized) {
        const auto by = Cell::output_backward(by_output, now.gate, u);
        step.store_d(n, j, by.output);
        through_gates(in, mask_cell, cut, n, j, by.k, by.waiting, share, sums);
        continue;
      }
      const T gain = step.vectors.gain_u[j];
      z[j] = of_u.z(u);
      const auto by =
          Cell::output_backward(by_output, now.gate, fma(gain, z[j], step.vectors.bias_u[j]));
      step.store_d(n, j, by.output);
      T by_norm = by.k;
      if (step.carries_norm && mask_cell.keeps(step.step, step.batch, n, j)) {
        by_norm += crossing(cut, step.dc[n * hidden + j]);
      }
      dk[j] = by_norm;
      NormGradient<T>::add(sums_u, gain * by_norm, z[j]);
      for (int k = 0; k < kGates; ++k) dv[k * hidden + j] = by.waiting[k];
    }
    if (!normalized) return;

    block_sum(block, shared.of_u, sums_u);
    const auto by_u = NormGradient<T>::of(sums_u, hidden);
    for (int64_t j = block.thread(); j < hidden; j += block.threads()) {
      const T du = by_u.dx(step.vectors.gain_u[j] * dk[j], z[j], of_u.rstd);
      T waiting[kGates];
      for (int k = 0; k < kGates; ++k) waiting[k] = dv[k * hidden + j];
      through_gates(in, mask_cell, cut, n, j, du, waiting, share_of(j), sums);
    }
  }

  // du: by the cell through the output alone.
  LNRNN_DEVICE void through_gates(const Inputs& in, const Mask& mask_cell, bool cut, int64_t n,
                                  int64_t j, T du, const T (&waiting)[kGates],
                                  const CandidateShare<T>& share, Sums& sums) const {
    const int64_t at = n * step.hidden + j;
    const bool keeps = mask_cell.keeps(step.step, step.batch, n, j);
    const T carried = crossing(cut, step.dc[at]);
    if (keeps && !step.carries_norm) du += carried;
    du = Cell::clip_backward(du, waiting, step.c_before[at], step.clip, share);
    const auto by = Cell::cell_backward(du, waiting, step.c_before[at], share);
    step.dc[at] = keeps ? by.c_before : by.c_before + carried;
    give(in, n, j, by.gates, by.gates, sums);
  }

  // Gradients by what comes of either product, in one unit.
  LNRNN_DEVICE void give(const Inputs& in, int64_t n, int64_t j, const T (&by_a)[kGates],
                         const T (&by_r)[kGates], Sums& sums) const {
    for (int k = 0; k < kGates; ++k) step.dv[n * step.gates + k * step.hidden + j] = by_a[k];
    if constexpr (Cell::kLastApart) step.last_dv[n * step.hidden + j] = by_r[kGates - 1];
    for (int k = 0; k < kGates; ++k) {
      const int64_t at = k * step.hidden + j;
      if (in.r.gain != nullptr) {
        NormGradient<T>::add(sums[kMoments == 1 ? 0 : k], in.r.gain[at] * by_r[k], in.r.z(k, at));
      } else {
        step.store_dr(n, at, by_r[k], by_r[k]);
      }
    }
  }
  LNRNN_DEVICE T given(int64_t n, int k, int64_t j) const {
    if (Cell::kLastApart && k == kGates - 1) return step.last_dv[n * step.hidden + j];
    return step.dv[n * step.gates + k * step.hidden + j];
  }
};

// What comes before that where h is projected. Blocks: rows.
//   dprojected, exact_dprojected:(N,P) the gradient by D W_hr', and the same before it is rounded, or null
template <class S>
struct UnprojectRow {
  static constexpr const char* kName = "unproject_row";
  static constexpr int kMaxThreads = 1024;
  using T = accumulation_t<S>;

  BackwardStep<S> step;
  S* dprojected;
  T* exact_dprojected;

  LNRNN_DEVICE void operator()(Block& block) const {
    const int64_t n = block.index();
    const bool active = step.cuts.lengths.active(step.step, n);
    const bool cut = active && step.cuts.after(step.step, n);
    const Mask mask = step.mask.drawn();
    for (int64_t j = block.thread(); j < step.output; j += block.threads()) {
      const T value = active ? step.through_zoneout(mask, cut, n, j) : T(0);
      dprojected[n * step.output + j] = to_storage<S>(value);
      if (exact_dprojected != nullptr) exact_dprojected[n * step.output + j] = value;
    }
  }
};

}  // namespace lnrnn::cuda

// One (t, n) row of the LSTM, forward and backward: everything between two matrix products. A block
// owns a row; its threads stride over the units, and a thread comes back to the same units in every
// loop, so that what it stored needs no barrier. Formulas are src/cell's.
#pragma once

// scalar.h, which comes with reduce.h, before the formulas that look for what it declares.
#include "reduce.h"

#include "../cell/lstm.h"
#include "lstm.h"

namespace lnrnn::cuda {

// What forward and backward both derive from a row's products: the gates' pre-activations.
template <class T>
struct GateInputs {
  int64_t hidden;
  const T *a, *r;
  LstmVectors<const T> weights;
  Norm<T> of_a, of_r;

  LNRNN_DEVICE T preactivation(int gate, int64_t unit) const {
    const int64_t at = gate * hidden + unit;
    if (r == nullptr) return a[at] + weights.bias[at];
    return fma(weights.gain_i[at], of_a.z(a[at]),
               fma(weights.gain_h[at], of_r.z(r[at]), weights.bias[at]));
  }
  LNRNN_DEVICE LstmGates<T> gates(int64_t unit) const {
    return lstm_gates(preactivation(0, unit), preactivation(1, unit), preactivation(2, unit),
                      preactivation(3, unit));
  }
  // The cell as the output sees it: u, or its layer norm.
  LNRNN_DEVICE T output_cell(const Norm<T>& of_u, T u, int64_t unit) const {
    if (r == nullptr) return u;
    return fma(weights.gain_c[unit], of_u.z(u), weights.bias_c[unit]);
  }
};

// Blocks: rows n of one step.
//   a, r:(N,4H)  statistics:(N,6)  h_before, c_before, h, c:(N,H)  y:(N,H) strided
//   square_sums:(N,tiles) of r, whose mean is 0
template <class T>
struct LstmForwardRow {
  static constexpr const char* kName = "lstm_forward_row";
  static constexpr int kMaxThreads = 1024;
  struct Shared {
    MomentsScratch<T> of_u;
  };

  int64_t step, batch, hidden;
  Lengths lengths;
  LstmVectors<const T> weights;
  T epsilon;
  T zoneout;  // inference: the share of h that stays
  Mask mask;  // training
  int64_t step_offset, row_offset;
  const T *a, *r, *square_sums;
  int64_t tiles;
  T* statistics;
  const T *h_before, *c_before;
  T *h, *c, *y;
  int64_t y_row_stride;

  LNRNN_DEVICE void operator()(Block& block) const {
    const int64_t n = block.index();
    T* const out = y == nullptr ? nullptr : y + n * y_row_stride;
    if (lengths.active(step, n)) {
      advance(block, n, out);
    } else {
      for (int64_t j = block.thread(); j < hidden; j += block.threads()) {
        h[n * hidden + j] = h_before[n * hidden + j];
        c[n * hidden + j] = c_before[n * hidden + j];
        if (out != nullptr) out[j] = T(0);
      }
    }
  }

 private:
  LNRNN_DEVICE Norm<T> norm_of_r(Block& block, int64_t n) const {
    T squares(0);
    for (int64_t i = block.lane(); i < tiles; i += kWarp) squares += square_sums[n * tiles + i];
    squares = warp_sum(block, squares);
    return Norm<T>::of({static_cast<T>(4 * hidden), T(0), squares}, epsilon);
  }

  LNRNN_DEVICE void advance(Block& block, int64_t n, T* out) const {
    auto& shared = block.template shared<Shared>();
    const bool normalized = r != nullptr;
    GateInputs<T> in{hidden, a + n * 4 * hidden, normalized ? r + n * 4 * hidden : nullptr,
                     weights, {}, {}};
    if (normalized) {
      in.of_a = Norm<T>::load(statistics + n * kStatistics + kNormA);
      in.of_r = norm_of_r(block, n);
    }
    const T* const before = c_before + n * hidden;
    T* const cell = c + n * hidden;
    LayernormMoments<T> moments{};
    for (int64_t j = block.thread(); j < hidden; j += block.threads()) {
      const LstmGates<T> gate = in.gates(j);
      const T u = lstm_cell(gate.i, gate.f, gate.g, before[j]);
      cell[j] = u;
      if (normalized) moments = layernorm_merge(moments, {T(1), u, T(0)});
    }
    Norm<T> of_u{};
    if (normalized) {
      of_u = Norm<T>::of(block_merge(block, shared.of_u, moments), epsilon);
      if (block.thread() == 0) {
        in.of_r.store(statistics + n * kStatistics + kNormR);
        of_u.store(statistics + n * kStatistics + kNormU);
      }
    }
    for (int64_t j = block.thread(); j < hidden; j += block.threads()) {
      const T o = sigmoid(in.preactivation(3, j));
      T value = lstm_output(o, in.output_cell(of_u, cell[j], j));
      const T old = h_before[n * hidden + j];
      if (mask.on) {
        if (!mask.keeps(step * batch + n, step + step_offset, n + row_offset, j)) value = old;
      } else if (zoneout != T(0)) {
        value = fma(zoneout, old, (T(1) - zoneout) * value);
      }
      h[n * hidden + j] = value;
      if (out != nullptr) out[j] = value;
    }
  }
};

// What a layer norm's gradient needs of a row: mean q, mean q z and mean z, q = gain dy.
//   dx = rstd (q - mean(q) - (z - mean(z)) mean(q z))
// The mean of z is 0 but for rounding, which a large mean of x amplifies; subtracting it is
// subtracting the mean of dx, without a second round.
template <class T>
struct NormGradient {
  T q, qz, z;

  LNRNN_DEVICE static NormGradient of(const T (&sums)[3], int64_t count) {
    const T n = static_cast<T>(count);
    return {sums[0] / n, sums[1] / n, sums[2] / n};
  }
  LNRNN_DEVICE T dx(T q_at, T z_at, T rstd) const {
    return layernorm_backward(q_at, z_at - z, q, qz, rstd);
  }
};

// Blocks: rows n of one step. Reads and writes dh, dc; writes dv, dr and dk of this step.
//   a, r, dv, dr:(N,4H)  statistics:(N,6)  c_before, c, dh, dc, dk:(N,H)  dy:(N,H) strided
template <class T>
struct LstmBackwardRow {
  static constexpr const char* kName = "lstm_backward_row";
  static constexpr int kMaxThreads = 512;
  struct Shared {
    SumScratch<T, 3> of_u, of_r;
  };

  int64_t step, batch, hidden;
  Lengths lengths;
  LstmVectors<const T> weights;
  Mask mask;
  int64_t step_offset, row_offset;
  const T *a, *r, *statistics, *c_before, *c, *dy;
  int64_t dy_row_stride;
  T *dh, *dc, *dv, *dr, *dk;

  LNRNN_DEVICE void operator()(Block& block) const {
    const int64_t n = block.index();
    if (lengths.active(step, n)) {
      go_back(block, n);
    } else {
      for (int64_t j = block.thread(); j < 4 * hidden; j += block.threads()) {
        dv[n * 4 * hidden + j] = T(0);
        if (r != nullptr) dr[n * 4 * hidden + j] = T(0);
        if (r != nullptr && j < hidden) dk[n * hidden + j] = T(0);
      }
    }
  }

 private:
  LNRNN_DEVICE void go_back(Block& block, int64_t n) const {
    auto& shared = block.template shared<Shared>();
    const bool normalized = r != nullptr;
    const T* const row = normalized ? statistics + n * kStatistics : nullptr;
    GateInputs<T> in{hidden, a + n * 4 * hidden, normalized ? r + n * 4 * hidden : nullptr,
                     weights, {}, {}};
    Norm<T> of_u{};
    if (normalized) {
      in.of_a = Norm<T>::load(row + kNormA);
      in.of_r = Norm<T>::load(row + kNormR);
      of_u = Norm<T>::load(row + kNormU);
    }
    const T* const u = c + n * hidden;
    T* const gates = dv + n * 4 * hidden;
    T* const dcell = dc + n * hidden;

    // Through the output to k, and to the output gate; dk waits where du will be.
    T sums_u[3] = {};
    for (int64_t j = block.thread(); j < hidden; j += block.threads()) {
      T by_h = dh[n * hidden + j];
      if (dy != nullptr) by_h += dy[n * dy_row_stride + j];
      T past_zoneout(0);
      if (mask.on && !mask.keeps(step * batch + n, step + step_offset, n + row_offset, j)) {
        past_zoneout = by_h;
        by_h = T(0);
      }
      dh[n * hidden + j] = past_zoneout;
      const T o = sigmoid(in.preactivation(3, j));
      const auto output = lstm_output_backward(by_h, o, tanh(in.output_cell(of_u, u[j], j)));
      gates[3 * hidden + j] = output.vo;
      if (normalized) {
        dk[n * hidden + j] = output.k;
        const T q = weights.gain_c[j] * output.k, z = of_u.z(u[j]);
        sums_u[0] += q;
        sums_u[1] = fma(q, z, sums_u[1]);
        sums_u[2] += z;
      } else {
        dcell[j] += output.k;
      }
    }
    NormGradient<T> by_u{};
    if (normalized) {
      block_sum(block, shared.of_u, sums_u);
      by_u = NormGradient<T>::of(sums_u, hidden);
    }

    // Through the cell to the other gates.
    T sums_r[3] = {};
    for (int64_t j = block.thread(); j < hidden; j += block.threads()) {
      T du = dcell[j];
      if (normalized) {
        du += by_u.dx(weights.gain_c[j] * dk[n * hidden + j], of_u.z(u[j]), of_u.rstd);
      }
      const LstmGates<T> gate = in.gates(j);
      const auto cell = lstm_cell_backward(du, gate.i, gate.f, gate.g, c_before[n * hidden + j]);
      gates[j] = cell.vi;
      gates[hidden + j] = cell.vf;
      gates[2 * hidden + j] = cell.vg;
      dcell[j] = cell.c_before;
      for (int gate_index = 0; normalized && gate_index < 4; ++gate_index) {
        const int64_t at = gate_index * hidden + j;
        const T q = weights.gain_h[at] * gates[at], z = in.of_r.z(in.r[at]);
        sums_r[0] += q;
        sums_r[1] = fma(q, z, sums_r[1]);
        sums_r[2] += z;
      }
    }
    if (!normalized) return;

    block_sum(block, shared.of_r, sums_r);
    const auto by_r = NormGradient<T>::of(sums_r, 4 * hidden);
    for (int64_t j = block.thread(); j < hidden; j += block.threads()) {
      for (int gate_index = 0; gate_index < 4; ++gate_index) {
        const int64_t at = gate_index * hidden + j;
        dr[n * 4 * hidden + at] =
            by_r.dx(weights.gain_h[at] * gates[at], in.of_r.z(in.r[at]), in.of_r.rstd);
      }
    }
  }
};

// Statistics of x W_ih' for many steps at once. Blocks: samples.
//   a:(S,4H)  statistics:(S,6)
template <class T>
struct LstmInputNorm {
  static constexpr const char* kName = "lstm_input_norm";
  static constexpr int kMaxThreads = 1024;
  struct Shared {
    MomentsScratch<T> moments;
  };

  int64_t width;  // 4H
  T epsilon;
  const T* a;
  T* statistics;

  LNRNN_DEVICE void operator()(Block& block) const {
    const T* const row = a + block.index() * width;
    LayernormMoments<T> moments{};
    for (int64_t j = block.thread(); j < width; j += block.threads()) {
      moments = layernorm_merge(moments, {T(1), row[j], T(0)});
    }
    moments = block_merge(block, block.template shared<Shared>().moments, moments);
    if (block.thread() == 0) {
      Norm<T>::of(moments, epsilon).store(statistics + block.index() * kStatistics + kNormA);
    }
  }
};

// The gradient by x W_ih' from that by the gates, in place, for all steps at once. Blocks: samples.
//   a, dv:(S,4H)  statistics:(S,6)
template <class T>
struct LstmInputNormBackward {
  static constexpr const char* kName = "lstm_input_norm_backward";
  static constexpr int kMaxThreads = 1024;
  struct Shared {
    SumScratch<T, 3> sums;
  };

  int64_t width;  // 4H
  Rows<const T> a;  // with lengths: a sample beyond its own is left alone, its gradient being 0
  const T *statistics, *gain;
  T* dv;

  LNRNN_DEVICE void operator()(Block& block) const {
    const int64_t i = block.index();
    if (!a.active(i)) return;
    const T* const row = a.sample(i);
    T* const gradient = dv + i * width;
    const auto norm = Norm<T>::load(statistics + i * kStatistics + kNormA);
    T sums[3] = {};
    for (int64_t j = block.thread(); j < width; j += block.threads()) {
      const T q = gain[j] * gradient[j], z = norm.z(row[j]);
      sums[0] += q;
      sums[1] = fma(q, z, sums[1]);
      sums[2] += z;
    }
    block_sum(block, block.template shared<Shared>().sums, sums);
    const auto by_a = NormGradient<T>::of(sums, width);
    for (int64_t j = block.thread(); j < width; j += block.threads()) {
      gradient[j] = by_a.dx(gain[j] * gradient[j], norm.z(row[j]), norm.rstd);
    }
  }
};

}  // namespace lnrnn::cuda

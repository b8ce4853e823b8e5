// All steps of cells whose units see their own past only: one thread walks through those of one unit (n, j),
// and there is no product and no launch per step. What a step reads is asked for a strip of steps ahead, so
// that the walk does not wait for memory at each of them.
#pragma once

#include "term.cuh"
#include "time_walk.cuh"

namespace lnrnn::cuda {

constexpr int kStrip = 8;  // steps

// The steps of a walk, and the unit that a thread has in it. Blocks: (n, threads units), units first.
struct UnitWalk : TimeWalk {
  static constexpr int kThreads = 128;

  int64_t batch, hidden;
  Cuts cuts;

  LaunchShape shape() const { return {batch * ((hidden + kThreads - 1) / kThreads), kThreads}; }
  LNRNN_DEVICE int64_t row(const Block& block) const { return block.index() / tiles(); }
  LNRNN_DEVICE int64_t unit(const Block& block) const {
    return block.index() % tiles() * kThreads + block.thread();
  }
  LNRNN_DEVICE bool active(int64_t k, int64_t n) const {
    return k < count && cuts.lengths.active(step(k), n);
  }
  // Which steps of a strip are cut from those after them, a bit for each.
  LNRNN_DEVICE uint32_t cuts_after(int64_t from, int64_t n) const {
    uint32_t bits = 0;
    if (!cuts.any()) return bits;
    LNRNN_UNROLL
    for (int i = 0; i < kStrip; ++i) {
      const bool cut = active(from + i, n) && cuts.after(step(from + i), n);
      bits |= static_cast<uint32_t>(cut) << i;
    }
    return bits;
  }

 private:
  LNRNN_DEVICE int64_t tiles() const { return (hidden + kThreads - 1) / kThreads; }
};

// What forward and backward both derive from x's product: v = a + b of one unit.
template <class T>
struct UnitInputs {
  const T *a, *norm_a;  // (steps,N,H) and (steps,N,kStatistics) from step first on
  int64_t first;
  const T *gain, *bias, *weight_hh;  // (H); gain may be null

  static UnitInputs of(const T* a, const T* norm_a, int64_t first,
                       const Vectors<const T*>& vectors) {
    return {a,
            norm_a,
            first,
            vectors[Slot::kGainInput],
            vectors[Slot::kBias],
            vectors[Slot::kWeightHh]};
  }

  LNRNN_DEVICE T v(const UnitWalk& walk, int64_t step, int64_t n, int64_t j) const {
    const int64_t sample = (step - first) * walk.batch + n;
    return Term<T, 1>::of_row(a, walk.hidden, gain, norm_a, {}, sample).plus(bias[j], 0, j);
  }
};

//   h_from, h_to:(N,H) the states before and after the walk  h:(T+1,N,H) or null  y:(T,N,H) strided
template <class Cell, class S>
struct ForwardUnits {
  static constexpr const char* kName = "forward_units";
  static constexpr int kMaxThreads = UnitWalk::kThreads;
  using T = accumulation_t<S>;

  UnitWalk walk;
  UnitInputs<T> in;
  ZoneoutShares<T> zoneout;  // inference's
  Mask mask;                 // training's
  const T* h_from;
  T *h_to, *h;
  Rows<S> y;  // base may be null

  LNRNN_DEVICE void operator()(Block& block) const {
    const int64_t n = walk.row(block), j = walk.unit(block), hidden = walk.hidden;
    if (j >= hidden) return;
    const Mask drawn = mask.drawn();
    const T weight = in.weight_hh[j];
    T state = h_from[n * hidden + j];
    for (int64_t from = 0; from < walk.count; from += kStrip) {
      T v[kStrip];
      const uint32_t cut = walk.cuts_after(from, n);
      LNRNN_UNROLL
      for (int i = 0; i < kStrip; ++i) {
        v[i] = walk.active(from + i, n) ? in.v(walk, walk.step(from + i), n, j) : T(0);
      }
      LNRNN_UNROLL
      for (int i = 0; i < kStrip && from + i < walk.count; ++i) {
        const int64_t t = walk.step(from + i);
        const bool active = walk.active(from + i, n);
        if (active && drawn.keeps(t, walk.batch, n, j)) {
          state = zoneout_expectation(state, Cell::output(v[i], weight, state), zoneout);
        }
        if (y.base != nullptr) y.at(t, n)[j] = to_storage<S>(active ? state : T(0));
        state = crossing((cut >> i & 1) != 0, state);
        if (h != nullptr) h[((walk.upwards ? t + 1 : t) * walk.batch + n) * hidden + j] = state;
      }
    }
    h_to[n * hidden + j] = state;
  }
};

//   h_before:(T,N,H)  dy:(T,N,H) strided  dh:(N,H) read and written  dv:(T,N,H)
template <class Cell, class S>
struct BackwardUnits {
  static constexpr const char* kName = "backward_units";
  static constexpr int kMaxThreads = UnitWalk::kThreads;
  using T = accumulation_t<S>;

  UnitWalk walk;  // the other way round than forward
  UnitInputs<T> in;
  Mask mask;
  const T* h_before;
  Rows<const S> dy;  // base may be null
  T *dh, *dv;

  LNRNN_DEVICE void operator()(Block& block) const {
    const int64_t n = walk.row(block), j = walk.unit(block), hidden = walk.hidden;
    if (j >= hidden) return;
    const Mask drawn = mask.drawn();
    const T weight = in.weight_hh[j];
    T by_h = dh[n * hidden + j];
    for (int64_t from = 0; from < walk.count; from += kStrip) {
      T now[kStrip], by_y[kStrip];
      const uint32_t cut = walk.cuts_after(from, n);
      LNRNN_UNROLL
      for (int i = 0; i < kStrip; ++i) {
        now[i] = by_y[i] = T(0);
        if (!walk.active(from + i, n)) continue;
        const int64_t t = walk.step(from + i);
        now[i] =
            Cell::output(in.v(walk, t, n, j), weight, h_before[(t * walk.batch + n) * hidden + j]);
        if (dy.base != nullptr) by_y[i] = to_accumulation(dy.at(t, n)[j]);
      }
      LNRNN_UNROLL
      for (int i = 0; i < kStrip && from + i < walk.count; ++i) {
        const int64_t t = walk.step(from + i);
        T by_v(0);
        if (walk.active(from + i, n)) {
          by_h = crossing((cut >> i & 1) != 0, by_h) + by_y[i];
          if (drawn.keeps(t, walk.batch, n, j)) {
            by_v = Cell::backward(by_h, now[i]);
            by_h = weight * by_v;
          }
        }
        dv[(t * walk.batch + n) * hidden + j] = by_v;
      }
    }
    dh[n * hidden + j] = by_h;
  }
};

}  // namespace lnrnn::cuda

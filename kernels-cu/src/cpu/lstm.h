// The LSTM's passes on the CPU: what they share. Rows of a batch are shared out over threads where
// there are enough of them, and then never wait for each other; else all threads work on one step,
// the products' panels shared out, with two barriers a step.
#pragma once

#include "../api/device.h"
#include "../api/size.h"
#include "isa.h"
#include "row_product.h"
#include "team.h"

namespace lnrnn::cpu {

// (step, row) -> a row of width elements. A ring where only the last period steps are kept.
template <class T>
struct StepRows {
  T* base = nullptr;
  int64_t period = 1, batch = 0, width = 0;

  static StepRows take(Carver& carver, int64_t period, int64_t batch, int64_t width) {
    return {carver.take<T>({period, batch, width}), period, batch, width};
  }
  T* at(int64_t step, int64_t row) const {
    return base + ((period == 1 ? 0 : step % period) * batch + row) * width;
  }
};

// What training keeps from forward for backward.
template <class T>
struct LstmReserve {
  StepRows<T> a;           // (T,N,4H) x W_ih', plus h W_hh' without normalisation
  StepRows<T> r;           // (T,N,4H) h W_hh', only with normalisation
  StepRows<T> h, c;        // (T+1,N,H), step 0 is the initial state
  StepRows<T> statistics;  // (T,N,6), only with normalisation

  static LstmReserve take(Carver& carver, const Strand& strand, int64_t steps, int64_t batch) {
    const int64_t hidden = strand.hidden();
    LstmReserve reserve;
    reserve.a = StepRows<T>::take(carver, steps, batch, 4 * hidden);
    reserve.h = StepRows<T>::take(carver, steps + 1, batch, hidden);
    reserve.c = StepRows<T>::take(carver, steps + 1, batch, hidden);
    if (strand.shape().recurrent_norm) {
      reserve.r = StepRows<T>::take(carver, steps, batch, 4 * hidden);
      reserve.statistics = StepRows<T>::take(carver, steps, batch, kStatistics);
    }
    return reserve;
  }
};

// The row of a tensor at (step, row); null where the tensor is.
template <class T>
inline const T* row_of(const Steps<const void>& tensor, int64_t step, int64_t row) {
  if (tensor.base == nullptr) return nullptr;
  return static_cast<const T*>(tensor.base) + step * tensor.step_stride + row * tensor.row_stride;
}
template <class T>
inline T* row_of(const Steps<void>& tensor, int64_t step, int64_t row) {
  if (tensor.base == nullptr) return nullptr;
  return static_cast<T*>(tensor.base) + step * tensor.step_stride + row * tensor.row_stride;
}

// Sequences of different length: a row is active before its length.
struct Lengths {
  const int64_t* lengths;
  bool active(int64_t step, int64_t row) const {
    return lengths == nullptr || step < lengths[row];
  }
};

// Runs body(crew, rows) on every thread of the team that the work is worth.
//   tile_rows   rows that keep a thread's register tiles busy
//   step_flops  of one time step over the whole batch
template <class F>
void share_batch(Team& team, int64_t batch, int tile_rows, double step_flops, const F& body) {
  constexpr double kWorthABarrier = 4e5;
  const int64_t threads = team.size();
  if (threads > 1 && batch >= threads * tile_rows / 2) {
    team.run([&](int index) {
      const Span rows = Crew{index, static_cast<int>(threads), nullptr}.share(0, batch);
      body(index, Crew{0, 1, nullptr}, rows);
    });
  } else if (threads > 1 && step_flops >= kWorthABarrier * static_cast<double>(threads)) {
    team.run([&](int index) {
      body(index, Crew{index, static_cast<int>(threads), &team.barrier()}, Span{0, batch});
    });
  } else {
    body(0, Crew{0, 1, nullptr}, Span{0, batch});
  }
}

template <class T>
inline void copy_or_zero(const T* from, int64_t n, T* to) {
  if (from == to) return;
  if (from == nullptr) {
    std::fill_n(to, n, T(0));
  } else {
    std::copy_n(from, n, to);
  }
}

// Bytes of workspace; kTooLarge where that does not fit.
template <class T>
uint64_t lstm_forward_workspace(const Kernels<T>& kernels, const Strand& strand, int threads,
                                int64_t steps, int64_t batch, bool training);
template <class T>
uint64_t lstm_backward_workspace(const Kernels<T>& kernels, const Strand& strand, int threads,
                                 int64_t steps, int64_t batch);

template <class T>
void lstm_forward(const Kernels<T>& kernels, Team& team, bool training,
                  const ForwardArguments& arguments);
template <class T>
void lstm_backward(const Kernels<T>& kernels, Team& team,
                   const BackwardArguments& arguments);

}  // namespace lnrnn::cpu

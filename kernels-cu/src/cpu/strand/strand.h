// A strand's passes on the CPU: what they share. Rows of a batch are shared out over threads where
// there are enough of them, and then never wait for each other; else all threads work on one step,
// the products' panels shared out, with two phases a step.
#pragma once

#include "core/device.h"
#include "core/lengths.h"
#include "core/size.h"
#include "cpu/machine/isa.h"
#include "cpu/machine/storage.h"
#include "cpu/machine/team.h"
#include "cpu/product/row_product.h"

namespace lnrnn::cpu {

// The row of a tensor at (step, row); null where the tensor is.
template <class S>
inline const S* row_of(const Tensor<const void>& tensor, int64_t step, int64_t row) {
  if (tensor.pointer == nullptr) return nullptr;
  return static_cast<const S*>(tensor.pointer) + step * tensor.step_stride +
         row * tensor.row_stride;
}
template <class S>
inline S* row_of(const Tensor<void>& tensor, int64_t step, int64_t row) {
  if (tensor.pointer == nullptr) return nullptr;
  return static_cast<S*>(tensor.pointer) + step * tensor.step_stride + row * tensor.row_stride;
}

// The row of a state (N,width); null where the state is.
template <class T>
inline const T* state_row(const void* state, int64_t row, int64_t width) {
  return state == nullptr ? nullptr : static_cast<const T*>(state) + row * width;
}
template <class T>
inline T* state_row(void* state, int64_t row, int64_t width) {
  return state == nullptr ? nullptr : static_cast<T*>(state) + row * width;
}

// The step that a strand comes to after i others.
inline int64_t nth_step(const Strand& strand, int64_t steps, int64_t i) {
  return strand.reverse() ? steps - 1 - i : i;
}

// A row of a step.
struct Place {
  int64_t t, n;
};
// Where a thread goes on after row n of its own at step t: the next of them, or the first at next_t.
inline Place place_after(Span own, int64_t t, int64_t n, int64_t next_t) {
  return n + 1 < own.end ? Place{t, n + 1} : Place{next_t, own.begin};
}

// Runs body(phases, rows, first) on every thread of the team that the work is worth: for these rows of
// the batch, share s of a phase with the scratch of thread first + s.
//   tile_rows   rows that keep a thread's register tiles busy
//   step_flops  of one time step over the whole batch
template <class F>
void share_batch(Team& team, int64_t batch, int tile_rows, double step_flops, const F& body) {
  constexpr double kWorthABarrier = 4e5;
  constexpr double kBeyondCaches = 6e6;  // numbers of a matrix
  const int64_t threads = team.size();
  const int64_t rows_each = block_count(batch, threads);
  const bool worth_barriers = step_flops >= kWorthABarrier * static_cast<double>(threads);
  // Few rows are better kept together where apart they fill their tiles less, or are multiplied sooner
  // than each thread has read the whole matrix.
  const bool together =
      worth_barriers && rows_each < 2 * tile_rows &&
      (threads * block_count(rows_each, tile_rows) > block_count(batch, tile_rows) ||
       step_flops > 2 * static_cast<double>(batch) * kBeyondCaches);
  if (threads > 1 && batch >= threads * tile_rows / 2 && !together) {
    team.run([&](const Crew& crew) {
      Phases alone;
      body(alone, crew.share(0, batch), crew.index);
    });
  } else if (threads > 1 && worth_barriers) {
    team.run_phases([&](Phases& phases) { body(phases, Span{0, batch}, 0); });
  } else {
    Phases alone;
    body(alone, Span{0, batch}, 0);
  }
}

// Multiply-adds of a step's products, twice: with the gates' weights, so deep, and with the projection's.
inline double step_flops(const Strand& strand, int64_t batch, int64_t depth) {
  const int64_t projected = strand.shape().projected ? strand.output_width() : 0;
  return 2.0 * static_cast<double>(batch) *
         (static_cast<double>(strand.gates()) * static_cast<double>(depth) +
          static_cast<double>(projected) * static_cast<double>(strand.cell_width()));
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

// Bytes of workspace; kTooLarge where that does not fit. S is the data type.
template <class S>
uint64_t forward_workspace(const Kernels<accumulation_t<S>>& kernels, const Strand& strand,
                           int threads, int64_t steps, int64_t batch, bool training);
template <class S>
uint64_t backward_workspace(const Kernels<accumulation_t<S>>& kernels, const Strand& strand,
                            int threads, int64_t steps, int64_t batch);

template <class S>
void run_forward(const Kernels<accumulation_t<S>>& kernels, Team& team, bool training,
                 const ForwardArguments& arguments);
template <class S>
void run_backward(const Kernels<accumulation_t<S>>& kernels, Team& team,
                  const BackwardArguments& arguments);

}  // namespace lnrnn::cpu

// A backward pass over all steps at once: the gradients of parameters and of x, from those of the gates that the walk
// has left.
#pragma once

#include "strand.h"
#include "strand_layout.h"

namespace lnrnn::cpu {

// The rows of all steps that have active ones: the i-th is row i % N of step i / N.
template <class S>
struct Samples {
  using T = accumulation_t<S>;

  const BackwardArguments& call;
  const StepRows<T>& x;  // widened
  const Lengths lengths;
  const Cuts cuts;

  Samples(const BackwardArguments& of, const BackwardLayout<S>& layout)
      : call(of), x(layout.x), lengths{of.lengths}, cuts{of.resets, lengths, of.active_steps,
                                                         of.strand.reverse()} {}

  Span all() const { return {0, call.active_steps * call.batch}; }
  Span of(const Crew& crew) const { return crew.share(0, all().end); }
  template <class F>
  void for_rows(Span rows, const F& body) const {
    for (int64_t i = rows.begin; i < rows.end; ++i) body(i / call.batch, i % call.batch);
  }
  template <class F>
  void for_active(Span rows, const F& body) const {
    for_rows(rows, [&](int64_t t, int64_t n) {
      if (lengths.active(t, n)) body(t, n);
    });
  }
  // x as the products see it.
  const T* input(int64_t t, int64_t n) const {
    if constexpr (kIsHalf<S>) {
      return x.at(t, n);
    } else {
      return row_of<S>(call.x, t, n);
    }
  }
};

template <class S>
class Gradients {
 public:
  using T = accumulation_t<S>;
  using Scratch = BackwardScratch<S>;

  //   forward  what it left of h
  Gradients(const Kernels<T>& kernels, const BackwardLayout<S>& layout,
            const BackwardArguments& call, const StrandRows<T>& forward,
            const WeightRows<S>& weight_hh)
      : kernels_(kernels), strand_(call.strand), layout_(layout), call_(call),
        samples_(call, layout), output_(strand_.output_width()), gates_(strand_.gates()),
        forward_(forward), weight_hh_(weight_hh) {}

  void weight_gradients(const Crew& crew, const Scratch& scratch) const {
    if (call_.gradients == nullptr) return;
    const Span rows = crew.share(0, gates_);
    OuterProducts<T> dih(kernels_, scratch.packed, scratch.panels, layout_.partial,
                         strand_.find(ParameterRole::kWeightIh, gradients()), strand_.input(), rows,
                         call_.accumulate);
    samples_.for_active(samples_.all(), [&](int64_t t, int64_t n) {
      const T* const da = layout_.da.at(t, n);
      if (gives(da, gates_)) dih.add(da, samples_.input(t, n));
    });
    dih.finish();

    if (!strand_.shape().recurrent_matrix) return;
    T* const whole = strand_.find(ParameterRole::kWeightHh, gradients());
    const bool apart = weight_hh_.masked() && call_.accumulate;
    T* const masked = apart ? layout_.masked_dhh : whole;
    OuterProducts<T> dhh(kernels_, scratch.packed, scratch.panels, layout_.partial, masked, output_,
                         rows, call_.accumulate && !apart);
    samples_.for_active(samples_.all(), [&](int64_t t, int64_t n) {
      const T* const dr = layout_.dr.at(t, n);
      if (samples_.cuts.before(t, n) || !gives(dr, gates_)) return;
      dhh.add(dr, forward_.h.at(strand_.before(t), n));
    });
    dhh.finish();
    if (!weight_hh_.masked()) return;
    for (int64_t m = rows.begin; m < rows.end; ++m) {
      T* const of_masked = masked + m * output_;
      weight_hh_.apply(m, of_masked, of_masked);
      if (apart) add_numbers(of_masked, output_, whole + m * output_, true);
    }
  }

  // Apart from weight_gradients: its shares of rows are others.
  void projection_gradient(const Crew& crew, const Scratch& scratch) const {
    if (call_.gradients == nullptr || !strand_.shape().projected) return;
    OuterProducts<T> dhr(kernels_, scratch.packed, scratch.panels, layout_.partial,
                         strand_.find(ParameterRole::kWeightHr, gradients()), strand_.cell_width(),
                         crew.share(0, output_), call_.accumulate);
    samples_.for_active(samples_.all(), [&](int64_t t, int64_t n) {
      const T* const dprojected = layout_.dprojected.at(t, n);
      if (gives(dprojected, output_)) dhr.add(dprojected, layout_.d.at(t, n));
    });
    dhr.finish();
  }

  // After weight_gradients, which needs the widened x.
  void input_gradient(const Crew& crew, const Scratch& scratch) const {
    if (call_.dx.pointer == nullptr) return;
    RowProduct<T> product(kernels_, layout_.ih, scratch.packed,
                          {0, panel_count(strand_.input(), kernels_.panel_width)},
                          call_.add_dx && !kIsHalf<S>);
    const Span rows = samples_.of(crew);
    samples_.for_active(rows, [&](int64_t t, int64_t n) {
      if constexpr (kIsHalf<S>) {
        product.add(layout_.da.at(t, n), layout_.x.at(t, n));
      } else {
        product.add(layout_.da.at(t, n), row_of<S>(call_.dx, t, n));
      }
    });
    product.flush();
    samples_.for_rows(rows, [&](int64_t t, int64_t n) {
      S* const dx = row_of<S>(call_.dx, t, n);
      if (!samples_.lengths.active(t, n)) {
        if (!call_.add_dx) std::fill_n(dx, strand_.input(), S{});
      } else if (kIsHalf<S>) {
        const auto write = call_.add_dx ? narrow_row_onto<S> : narrow_row<S>;
        write(layout_.x.at(t, n), strand_.input(), dx);
      }
    });
    if (call_.add_dx) return;
    samples_.for_rows(crew.share(samples_.all().end, call_.steps * call_.batch),
                      [&](int64_t t, int64_t n) {
                        std::fill_n(row_of<S>(call_.dx, t, n), strand_.input(), S{});
                      });
  }

  // Adds up the threads' sums, always in the same order. scratch_of(index): a thread's.
  template <class F>
  void vector_gradients(int threads, const F& scratch_of) const {
    if (call_.gradients == nullptr) return;
    if (!call_.accumulate) strand_.clear_padding(gradients());
    const VectorSums<T> total = scratch_of(0).sums;
    for (int index = 1; index < threads; ++index) total.add(kernels_, scratch_of(index).sums);
    total.finish();
    each_vector(strand_, [&](const PlanVector& vector) {
      for (int i = 0; i < vector.addends; ++i) {
        add_numbers(total.vectors[vector.slot], vector.elements,
                    strand_.addend(vector, i, gradients()), call_.accumulate);
      }
    });
  }

 private:
  T* gradients() const { return static_cast<T*>(call_.gradients); }

  // Whether a row takes part in a matrix's gradient, by the gradient of its product.
  bool gives(const T* gradient, int64_t width) const {
    return !strand_.plan.discards() ||
           std::any_of(gradient, gradient + width, [](T g) { return g != T(0); });
  }

  const Kernels<T>& kernels_;
  const Strand& strand_;
  const BackwardLayout<S>& layout_;
  const BackwardArguments& call_;
  const Samples<S> samples_;
  const int64_t output_, gates_;  // P and G H
  const StrandRows<T>& forward_;
  const WeightRows<S>& weight_hh_;
};

}  // namespace lnrnn::cpu

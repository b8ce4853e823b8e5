// The backward pass: from the last step to the first, what lies between two products (row/backward_row.h) and
// dr W_hh; then, for all steps at once, the gradients of the parameters and of x.
#include "strand.h"
#include "strand_layout.h"

namespace lnrnn::cpu {

namespace {

template <class S>
class Backward {
 public:
  using T = accumulation_t<S>;
  using Scratch = BackwardScratch<S>;

  Backward(const Kernels<T>& kernels, const BackwardLayout<S>& layout,
           const BackwardArguments& call)
      : kernels_(kernels), strand_(call.strand), layout_(layout), call_(call),
        random_(call.random.drawn()), lengths_{call.lengths}, cuts_{call.resets, lengths_,
                                                                    call.active_steps,
                                                                    strand_.reverse()},
        cell_(strand_.cell_width()), output_(strand_.output_width()), gates_(strand_.gates()),
        parameters_(static_cast<const S*>(call.parameters)),
        pass_(strand_.shape(), cell_, layout.vectors, strand_.plan.description.epsilon),
        forward_(reserve_of(call)),
        weight_hh_(WeightRows<S>::recurrent(kernels, strand_, parameters_, forward_.kept)) {
    if (strand_.plan.has(LNRNN_PLAN_RECOMPUTE)) {
      forward_.a = layout.products.a;
      forward_.r = layout.products.r;
    }
    if (cuts_.any()) std::fill_n(layout.zeros, strand_.widest_state(), T(0));
    const lnrnnPlanDescription_t& d = strand_.plan.description;
    zoneout_ = Mask<T>(kernels, strand_, RandomKind::kZoneout, output_, d.zoneout,
                       call.zoneout_mask, random_.seed);
    zoneout_cell_ = Mask<T>(kernels, strand_, RandomKind::kZoneoutCell, cell_, d.zoneoutCell,
                            nullptr, random_.seed);
  }

  void clear_sums(const Scratch& scratch) const { scratch.sums.clear(); }

  // Brings weights and inputs into the form that the products want.
  void prepare(const Crew& crew, const Scratch& scratch) const {
    if (crew.index == 0) gather_vectors(strand_, parameters_, layout_.vectors);
    const WeightRows<S> weight_ih(strand_.find(ParameterRole::kWeightIh, parameters_),
                                  strand_.input());
    const Span rows = crew.share(0, gates_);
    for (int64_t m = rows.begin; m < rows.end; ++m) {
      if (call_.dx.pointer != nullptr) {
        pack_row(kernels_, weight_ih.row(m, 0, scratch.pack), m, layout_.ih);
      }
      if (strand_.shape().recurrent_matrix) {
        pack_row(kernels_, weight_hh_.row(m, 0, scratch.pack), m, layout_.hh);
      }
    }
    if constexpr (kIsHalf<S>) {
      for_active(rows_of(crew), [&](int64_t t, int64_t n) {
        widen_row(row_of<S>(call_.x, t, n), strand_.input(), layout_.x.at(t, n));
      });
    }
    if (strand_.plan.has(LNRNN_PLAN_RECOMPUTE)) {
      pack_panels(kernels_, strand_, parameters_, weight_hh_, scratch.pack, crew, layout_.weights);
    }
  }

  // Both products, or their sum, as forward had them.
  void recompute(const Crew& crew, const Scratch& scratch) const {
    const CellShape& shape = strand_.shape();
    const Span rows = rows_of(crew), panels{0, panel_count(gates_, kernels_.panel_width)};
    RowProduct<T> of_x(kernels_, layout_.weights.ih, scratch.packed, panels, false);
    for_active(rows, [&](int64_t t, int64_t n) { of_x.add(input(t, n), forward_.a.at(t, n)); });
    of_x.flush();
    if (!shape.recurrent_matrix) return;
    const StepRows<T>& r = shape.separate_products ? forward_.r : forward_.a;
    RowProduct<T> of_h(kernels_, layout_.weights.hh, scratch.packed, panels,
                       !shape.separate_products);
    for_active(rows, [&](int64_t t, int64_t n) { of_h.add(h_before(t, n), r.at(t, n)); });
    of_h.flush();
    if (pass_.inside == nullptr) return;
    for_active(rows, [&](int64_t t, int64_t n) {
      kernels_.add(pass_.inside, gates_, forward_.a.at(t, n));
    });
  }

  // Carries the gradient of rows [rows.begin, rows.end) back through all steps.
  template <class ScratchOf>
  void run(Phases& phases, Span rows, ScratchOf& scratch) const {
    const int64_t steps = call_.active_steps;
    // Without a matrix rows have nothing to do with each other: all steps are one phase.
    const bool recurrent = strand_.shape().recurrent_matrix;
    const int64_t each = recurrent ? 1 : std::max<int64_t>(steps, 1);
    for (int64_t i = steps; i > 0; i -= each) {
      phases.run(
          [&](const Crew& crew) {
            const Span own = crew.share(rows.begin, rows.end);
            if (i == steps) begin(own);
            for (int64_t j = i - 1; j >= i - each; --j) {
              step_rows(own, j, std::max<int64_t>(j - 1, 0), scratch(crew));
            }
          },
          rows.end - rows.begin);
      if (!recurrent) continue;
      phases.run(
          [&](const Crew& crew) { multiply_gradients(crew, rows, i - 1, scratch(crew).packed); });
    }
    phases.run(
        [&](const Crew& crew) {
          const Span own = crew.share(rows.begin, rows.end);
          if (steps == 0) begin(own);
          end(own);
        },
        rows.end - rows.begin);
  }

  void weight_gradients(const Crew& crew, const Scratch& scratch) const {
    if (call_.gradients == nullptr) return;
    const Span rows = crew.share(0, gates_);
    OuterProducts<T> dih(kernels_, scratch.packed, scratch.panels, layout_.partial,
                         strand_.find(ParameterRole::kWeightIh, gradients()), strand_.input(), rows,
                         call_.accumulate);
    for_active(all_rows(), [&](int64_t t, int64_t n) {
      const T* const da = layout_.da.at(t, n);
      if (gives(da)) dih.add(da, input(t, n));
    });
    dih.finish();

    if (!strand_.shape().recurrent_matrix) return;
    T* const whole = strand_.find(ParameterRole::kWeightHh, gradients());
    const bool apart = weight_hh_.masked() && call_.accumulate;
    T* const masked = apart ? layout_.masked_dhh : whole;
    OuterProducts<T> dhh(kernels_, scratch.packed, scratch.panels, layout_.partial, masked, output_,
                         rows, call_.accumulate && !apart);
    for_active(all_rows(), [&](int64_t t, int64_t n) {
      const T* const dr = layout_.dr.at(t, n);
      if (!cuts_.before(t, n) && gives(dr)) dhh.add(dr, forward_.h.at(strand_.before(t), n));
    });
    dhh.finish();
    if (!weight_hh_.masked()) return;
    for (int64_t m = rows.begin; m < rows.end; ++m) {
      T* const of_masked = masked + m * output_;
      weight_hh_.apply(m, of_masked, of_masked);
      if (apart) add_numbers(of_masked, output_, whole + m * output_, true);
    }
  }

  // After weight_gradients, which needs the widened x.
  void input_gradient(const Crew& crew, const Scratch& scratch) const {
    if (call_.dx.pointer == nullptr) return;
    RowProduct<T> product(kernels_, layout_.ih, scratch.packed,
                          {0, panel_count(strand_.input(), kernels_.panel_width)},
                          call_.add_dx && !kIsHalf<S>);
    const Span rows = rows_of(crew);
    for_active(rows, [&](int64_t t, int64_t n) {
      if constexpr (kIsHalf<S>) {
        product.add(layout_.da.at(t, n), layout_.x.at(t, n));
      } else {
        product.add(layout_.da.at(t, n), row_of<S>(call_.dx, t, n));
      }
    });
    product.flush();
    for_rows(rows, [&](int64_t t, int64_t n) {
      S* const dx = row_of<S>(call_.dx, t, n);
      if (!lengths_.active(t, n)) {
        if (!call_.add_dx) std::fill_n(dx, strand_.input(), S{});
      } else if (kIsHalf<S>) {
        const auto write = call_.add_dx ? narrow_row_onto<S> : narrow_row<S>;
        write(layout_.x.at(t, n), strand_.input(), dx);
      }
    });
    if (call_.add_dx) return;
    for_rows(crew.share(all_rows().end, call_.steps * call_.batch), [&](int64_t t, int64_t n) {
      std::fill_n(row_of<S>(call_.dx, t, n), strand_.input(), S{});
    });
  }

  // Adds up the threads' sums, always in the same order.
  void vector_gradients(int threads) const {
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

  Scratch scratch_of(int index) const {
    return layout_.scratch.of(index, kernels_, strand_, samples_of(call_.steps, call_.batch));
  }

 private:
  static StrandRows<T> reserve_of(const BackwardArguments& call) {
    Carver reserve(call.reserve);
    return StrandRows<T>::take(reserve, call.strand, call.steps, call.batch);
  }

  T* gradients() const { return static_cast<T*>(call_.gradients); }

  // Rows of all steps that have active ones: the i-th is row i % N of step i / N.
  Span all_rows() const { return {0, call_.active_steps * call_.batch}; }
  Span rows_of(const Crew& crew) const {
    const Span all = all_rows();
    return crew.share(all.begin, all.end);
  }
  template <class F>
  void for_rows(Span rows, const F& body) const {
    for (int64_t i = rows.begin; i < rows.end; ++i) body(i / call_.batch, i % call_.batch);
  }
  template <class F>
  void for_active(Span rows, const F& body) const {
    for_rows(rows, [&](int64_t t, int64_t n) {
      if (lengths_.active(t, n)) body(t, n);
    });
  }

  // Whether a row takes part in a matrix's gradient, by the gradient of its product.
  bool gives(const T* gradient) const {
    return !strand_.plan.discards() ||
           std::any_of(gradient, gradient + gates_, [](T g) { return g != T(0); });
  }

  // x as the products see it.
  const T* input(int64_t t, int64_t n) const {
    if constexpr (kIsHalf<S>) {
      return layout_.x.at(t, n);
    } else {
      return row_of<S>(call_.x, t, n);
    }
  }
  // What forward's step started from.
  const T* h_before(int64_t t, int64_t n) const {
    return cuts_.before(t, n) ? layout_.zeros : forward_.h.at(strand_.before(t), n);
  }
  const T* c_before(int64_t t, int64_t n) const {
    return cuts_.before(t, n) ? layout_.zeros : forward_.c.at(strand_.before(t), n);
  }
  const T* output_gradient(int64_t t, int64_t n, const Scratch& scratch) const {
    const S* const dy = row_of<S>(call_.dy, t, n);
    if constexpr (kIsHalf<S>) {
      if (dy == nullptr) return nullptr;
      widen_row(dy, output_, scratch.dy);
      return scratch.dy;
    } else {
      return dy;
    }
  }

  // The gradients of these rows' states, after the last step and before the first.
  void begin(Span own) const {
    for (int64_t n = own.begin; n < own.end; ++n) {
      copy_or_zero(state_row<T>(call_.dhn, n, output_), output_, layout_.dh.at(0, n));
      if (strand_.shape().carries_cell) {
        copy_or_zero(state_row<T>(call_.dcn, n, cell_), cell_, layout_.dc.at(0, n));
      }
    }
  }
  void end(Span own) const {
    for (int64_t n = own.begin; n < own.end; ++n) {
      if (call_.dh0 != nullptr) {
        copy_or_zero<T>(layout_.dh.at(0, n), output_, state_row<T>(call_.dh0, n, output_));
      }
      if (call_.dc0 != nullptr) {
        copy_or_zero<T>(layout_.dc.at(0, n), cell_, state_row<T>(call_.dc0, n, cell_));
      }
    }
  }

  void step_rows(Span own, int64_t i, int64_t next, const Scratch& scratch) const {
    const int64_t t = nth_step(strand_, call_.active_steps, i);
    const int64_t next_t = nth_step(strand_, call_.active_steps, next);
    // Of all rows of these steps and of those after them, active or not: whoever carries out a share
    // knows where its blocks end.
    int64_t summed = (call_.active_steps - 1 - i) * (own.end - own.begin);
    for (int64_t n = own.begin; n < own.end; ++n) {
      if (lengths_.active(t, n)) step_row(t, n, place_after(own, t, n, next_t), scratch);
      if (++summed % VectorSums<T>::kRows == 0 || (i == 0 && n + 1 == own.end)) {
        scratch.sums.end_block(kernels_);
      }
    }
  }

  // To the step before, by way of R.
  void multiply_gradients(const Crew& crew, Span rows, int64_t i, T* packed) const {
    const int64_t t = nth_step(strand_, call_.active_steps, i);
    RowProduct<T> product(kernels_, layout_.hh, packed,
                          crew.share(0, panel_count(output_, kernels_.panel_width)), true);
    for (int64_t n = rows.begin; n < rows.end; ++n) {
      if (!lengths_.active(t, n) || cuts_.before(t, n)) continue;
      product.add(layout_.dr.at(t, n), layout_.dh.at(0, n));
    }
    product.flush();
  }

  void step_row(int64_t t, int64_t n, Place next, const Scratch& scratch) const {
    const int64_t mask_row = t * call_.batch + n;
    const int64_t mask_step = t + random_.step_offset, mask_of = n + random_.row_offset;
    BackwardRow<T> row{};
    row.pass = &pass_;
    row.a = forward_.a.at(t, n);
    row.r = forward_.r.at(t, n);
    row.h_before = h_before(t, n);
    row.c_before = c_before(t, n);
    row.update = zoneout_.row(mask_row, mask_step, mask_of, scratch.masks.of_h);
    row.update_cell = zoneout_cell_.row(mask_row, mask_step, mask_of, scratch.masks.of_c);
    row.statistics = forward_.statistics.at(t, n);
    row.scratch = scratch.row;
    row.dy = output_gradient(t, n, scratch);
    row.dh = layout_.dh.at(0, n);
    row.dc = layout_.dc.at(0, n);
    row.da = layout_.da.at(t, n);
    row.dr = layout_.dr.at(t, n);
    row.next_a = forward_.a.at(next.t, next.n);
    row.next_r = forward_.r.at(next.t, next.n);
    row.next_da = layout_.da.at(next.t, next.n);
    row.next_dr = layout_.dr.at(next.t, next.n);
    row.sums = &scratch.sums.vectors;
    kernels_.backward_row(row);
    if (!cuts_.before(t, n)) return;
    std::fill_n(row.dh, output_, T(0));
    if (row.dc != nullptr) std::fill_n(row.dc, cell_, T(0));
  }

  const Kernels<T>& kernels_;
  const Strand& strand_;
  const BackwardLayout<S>& layout_;
  const BackwardArguments& call_;
  const Random random_;
  const Lengths lengths_;
  const Cuts cuts_;
  const int64_t cell_, output_, gates_;  // H, P and G H
  const S* const parameters_;
  const RowPass<T> pass_;
  StrandRows<T> forward_;
  const WeightRows<S> weight_hh_;
  Mask<T> zoneout_, zoneout_cell_;
};

}  // namespace

template <class S>
uint64_t backward_workspace(const Kernels<accumulation_t<S>>& kernels, const Strand& strand,
                            int threads, int64_t steps, int64_t batch) {
  Carver carver;
  BackwardLayout<S>::take(carver, kernels, strand, threads, steps, batch);
  return carver.bytes();
}

template <class S>
void run_backward(const Kernels<accumulation_t<S>>& kernels, Team& team,
                  const BackwardArguments& call) {
  const Strand& strand = call.strand;
  Carver carver(call.workspace);
  const auto layout =
      BackwardLayout<S>::take(carver, kernels, strand, team.size(), call.steps, call.batch);
  const Backward<S> backward(kernels, layout, call);
  const auto together = [&](const auto& work) {
    team.run([&](const Crew& crew) { work(crew, backward.scratch_of(crew.index)); });
  };
  using Scratch = BackwardScratch<S>;

  together([&](const Crew& crew, const Scratch& scratch) {
    backward.clear_sums(scratch);
    if (call.active_steps > 0) backward.prepare(crew, scratch);
  });
  if (strand.plan.has(LNRNN_PLAN_RECOMPUTE)) {
    together([&](const Crew& crew, const Scratch& scratch) { backward.recompute(crew, scratch); });
  }
  const int64_t depth = strand.shape().recurrent_matrix ? strand.output_width() : 0;
  share_batch(team, call.batch, kernels.tile_rows, step_flops(strand, call.batch, depth),
              [&](Phases& phases, Span rows, int first) {
                const auto scratch_of = [&](int index) { return backward.scratch_of(index); };
                ScratchOfShare scratch(phases, first, scratch_of);
                backward.run(phases, rows, scratch);
              });
  together(
      [&](const Crew& crew, const Scratch& scratch) { backward.weight_gradients(crew, scratch); });
  together(
      [&](const Crew& crew, const Scratch& scratch) { backward.input_gradient(crew, scratch); });
  backward.vector_gradients(team.size());
}

#define LNRNN_INSTANTIATE(S) \
  template uint64_t backward_workspace<S>(const Kernels<accumulation_t<S>>&, const Strand&, int, \
                                          int64_t, int64_t); \
  template void run_backward<S>(const Kernels<accumulation_t<S>>&, Team&, const BackwardArguments&);
LNRNN_INSTANTIATE(float)
LNRNN_INSTANTIATE(double)
LNRNN_INSTANTIATE(F16)
LNRNN_INSTANTIATE(Bf16)
#undef LNRNN_INSTANTIATE

}  // namespace lnrnn::cpu

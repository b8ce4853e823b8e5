// The backward pass: from the last step to the first, what lies between two products (row/backward_row.h) and
// dr W_hh; then, for all steps at once, the gradients of the parameters and of x (strand_gradients.h).
#include "strand_gradients.h"

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
        random_(call.random.drawn()), samples_(call, layout), cell_(strand_.cell_width()),
        output_(strand_.output_width()), gates_(strand_.gates()),
        parameters_(static_cast<const S*>(call.parameters)), pass_(strand_, layout.vectors),
        forward_(reserve_of(call)),
        weight_hh_(WeightRows<S>::recurrent(kernels, strand_, parameters_, forward_.kept)) {
    if (strand_.plan.has(LNRNN_PLAN_RECOMPUTE)) {
      forward_.a = layout.products.a;
      forward_.r = layout.products.r;
    }
    if (samples_.cuts.any()) std::fill_n(layout.zeros, strand_.widest_state(), T(0));
    const auto mask = [&](RandomKind kind, const uint8_t* given) {
      return Mask<T>(kernels, strand_, kind, given, random_.seed);
    };
    zoneout_mask_ = mask(RandomKind::kZoneout, call.zoneout_mask);
    zoneout_cell_mask_ = mask(RandomKind::kZoneoutCell, call.zoneout_cell_mask);
    candidate_mask_ = mask(RandomKind::kDropoutCandidate, call.dropout_candidate_mask);
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
    if (strand_.shape().projected) {
      const WeightRows<S> weight_hr(strand_.find(ParameterRole::kWeightHr, parameters_), cell_);
      const Span outputs = crew.share(0, output_);
      for (int64_t p = outputs.begin; p < outputs.end; ++p) {
        pack_row(kernels_, weight_hr.row(p, 0, scratch.pack), p, layout_.hr);
      }
    }
    if constexpr (kIsHalf<S>) {
      samples_.for_active(samples_.of(crew), [&](int64_t t, int64_t n) {
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
    const Span rows = samples_.of(crew), panels{0, panel_count(gates_, kernels_.panel_width)};
    RowProduct<T> of_x(kernels_, layout_.weights.ih, scratch.packed, panels, false);
    samples_.for_active(rows, [&](int64_t t, int64_t n) {
      of_x.add(samples_.input(t, n), forward_.a.at(t, n));
    });
    of_x.flush();
    if (!shape.recurrent_matrix) return;
    const StepRows<T>& r = shape.separate_products ? forward_.r : forward_.a;
    RowProduct<T> of_h(kernels_, layout_.weights.hh, scratch.packed, panels,
                       !shape.separate_products);
    samples_.for_active(rows, [&](int64_t t, int64_t n) { of_h.add(h_before(t, n), r.at(t, n)); });
    of_h.flush();
    if (pass_.inside == nullptr) return;
    samples_.for_active(rows, [&](int64_t t, int64_t n) {
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
      if (strand_.shape().projected) {
        phases.run(
            [&](const Crew& crew) {
              const Span own = crew.share(rows.begin, rows.end);
              if (i == steps) begin(own);
              unproject_rows(own, i - 1, scratch(crew));
            },
            rows.end - rows.begin);
        phases.run([&](const Crew& crew) {
          multiply_rows(crew, rows, i - 1, layout_.dprojected, layout_.hr, layout_.dd, false,
                        scratch(crew).packed);
        });
      }
      phases.run(
          [&](const Crew& crew) {
            const Span own = crew.share(rows.begin, rows.end);
            if (i == steps && !strand_.shape().projected) begin(own);
            for (int64_t j = i - 1; j >= i - each; --j) {
              step_rows(own, j, std::max<int64_t>(j - 1, 0), scratch(crew));
            }
          },
          rows.end - rows.begin);
      if (!recurrent) continue;
      // To the step before, by way of R.
      phases.run([&](const Crew& crew) {
        multiply_rows(crew, rows, i - 1, layout_.dr, layout_.hh, layout_.dh, true,
                      scratch(crew).packed);
      });
    }
    phases.run(
        [&](const Crew& crew) {
          const Span own = crew.share(rows.begin, rows.end);
          if (steps == 0) begin(own);
          end(own);
        },
        rows.end - rows.begin);
  }

  Gradients<S> gradients() const {
    return Gradients<S>(kernels_, layout_, call_, forward_, weight_hh_);
  }
  Scratch scratch_of(int index) const {
    return layout_.scratch.of(index, kernels_, strand_, samples_of(call_.steps, call_.batch));
  }

 private:
  static StrandRows<T> reserve_of(const BackwardArguments& call) {
    Carver reserve(call.reserve);
    return StrandRows<T>::take(reserve, call.strand, call.steps, call.batch);
  }

  // What forward's step started from.
  const T* h_before(int64_t t, int64_t n) const {
    return samples_.cuts.before(t, n) ? layout_.zeros : forward_.h.at(strand_.before(t), n);
  }
  const T* c_before(int64_t t, int64_t n) const {
    return samples_.cuts.before(t, n) ? layout_.zeros : forward_.c.at(strand_.before(t), n);
  }
  const uint8_t* mask_row(const Mask<T>& mask, int64_t t, int64_t n, uint8_t* buffer) const {
    return mask.row(t * call_.batch + n, t + random_.step_offset, n + random_.row_offset, buffer);
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
      if (samples_.lengths.active(t, n)) step_row(t, n, place_after(own, t, n, next_t), scratch);
      if (++summed % VectorSums<T>::kRows == 0 || (i == 0 && n + 1 == own.end)) {
        scratch.sums.end_block(kernels_);
      }
    }
  }

  // to = from times the matrix, of a step; or, to the step before, added to what is there.
  void multiply_rows(const Crew& crew, Span rows, int64_t i, const StepRows<T>& from,
                     const PackedMatrix<T>& matrix, const StepRows<T>& to, bool across,
                     T* packed) const {
    const int64_t t = nth_step(strand_, call_.active_steps, i);
    RowProduct<T> product(kernels_, matrix, packed,
                          crew.share(0, panel_count(matrix.columns, kernels_.panel_width)), across);
    for (int64_t n = rows.begin; n < rows.end; ++n) {
      if (!samples_.lengths.active(t, n) || (across && samples_.cuts.before(t, n))) continue;
      product.add(from.at(t, n), to.at(0, n));
    }
    product.flush();
  }

  void unproject_rows(Span own, int64_t i, const Scratch& scratch) const {
    const int64_t t = nth_step(strand_, call_.active_steps, i);
    for (int64_t n = own.begin; n < own.end; ++n) {
      if (!samples_.lengths.active(t, n)) continue;
      BackwardRow<T> row{};
      row.pass = &pass_;
      take_state(t, n, row, scratch);
      row.dprojected = layout_.dprojected.at(t, n);
      kernels_.unproject_row(row);
    }
  }

  // h's part of a row.
  void take_state(int64_t t, int64_t n, BackwardRow<T>& row, const Scratch& scratch) const {
    row.update = mask_row(zoneout_mask_, t, n, scratch.masks.of_h);
    row.dy = output_gradient(t, n, scratch);
    row.dh = layout_.dh.at(0, n);
  }

  void step_row(int64_t t, int64_t n, Place next, const Scratch& scratch) const {
    BackwardRow<T> row{};
    row.pass = &pass_;
    if (!strand_.shape().projected) take_state(t, n, row, scratch);
    row.d = layout_.d.at(t, n);
    row.dd = layout_.dd.at(0, n);
    row.dh = layout_.dh.at(0, n);
    row.a = forward_.a.at(t, n);
    row.r = forward_.r.at(t, n);
    row.h_before = h_before(t, n);
    row.c_before = c_before(t, n);
    row.update_cell = mask_row(zoneout_cell_mask_, t, n, scratch.masks.of_c);
    row.keep_candidate = mask_row(candidate_mask_, t, n, scratch.masks.of_candidate);
    row.statistics = forward_.statistics.at(t, n);
    row.scratch = scratch.row;
    row.dc = layout_.dc.at(0, n);
    row.da = layout_.da.at(t, n);
    row.dr = layout_.dr.at(t, n);
    row.next_a = forward_.a.at(next.t, next.n);
    row.next_r = forward_.r.at(next.t, next.n);
    row.next_da = layout_.da.at(next.t, next.n);
    row.next_dr = layout_.dr.at(next.t, next.n);
    row.sums = &scratch.sums.vectors;
    kernels_.backward_row(row);
    if (!samples_.cuts.before(t, n)) return;
    std::fill_n(row.dh, output_, T(0));
    if (row.dc != nullptr) std::fill_n(row.dc, cell_, T(0));
  }

  const Kernels<T>& kernels_;
  const Strand& strand_;
  const BackwardLayout<S>& layout_;
  const BackwardArguments& call_;
  const Random random_;
  const Samples<S> samples_;
  const int64_t cell_, output_, gates_;  // H, P and G H
  const S* const parameters_;
  const RowPass<T> pass_;
  StrandRows<T> forward_;
  const WeightRows<S> weight_hh_;
  Mask<T> zoneout_mask_, zoneout_cell_mask_, candidate_mask_;
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
  const Gradients<S> gradients = backward.gradients();
  together(
      [&](const Crew& crew, const Scratch& scratch) { gradients.weight_gradients(crew, scratch); });
  if (strand.shape().projected) {
    together([&](const Crew& crew, const Scratch& scratch) {
      gradients.projection_gradient(crew, scratch);
    });
  }
  together(
      [&](const Crew& crew, const Scratch& scratch) { gradients.input_gradient(crew, scratch); });
  gradients.vector_gradients(team.size(), [&](int index) { return backward.scratch_of(index); });
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

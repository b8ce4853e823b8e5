// The forward pass: for each chunk of time, x W_ih' for all its steps at once; then step by step
// h W_hh' and what lies between two products (row/forward_row.h).
#include "strand.h"
#include "strand_layout.h"

namespace lnrnn::cpu {

namespace {

// Steps whose inputs are multiplied at once: enough rows for full tiles, few enough for the cache.
// The same for any number of threads, because the workspace is.
int64_t chunk_steps(int64_t steps, int64_t batch) {
  constexpr int64_t kChunkRows = 384;
  return std::clamp<int64_t>(kChunkRows / std::max<int64_t>(batch, 1), 1,
                             std::max<int64_t>(steps, 1));
}

// With matrices in panels of P.
template <class S, class P>
class Forward {
 public:
  using T = accumulation_t<S>;

  Forward(const Kernels<T>& kernels, const StrandWeights<T, P>& weights,
          const ForwardLayout<S>& layout, bool training, const ForwardArguments& call)
      : kernels_(kernels), strand_(call.strand), weights_(weights), pass_(strand_, weights.vectors),
        layout_(layout), rows_(layout.rows), call_(call),
        random_(training ? call.random.drawn() : Random{}), lengths_{call.lengths},
        cuts_{call.resets, lengths_, call.active_steps, strand_.reverse()},
        chunk_(chunk_steps(call.steps, call.batch)), cell_(strand_.cell_width()),
        output_(strand_.output_width()) {
    if (cuts_.any()) std::fill_n(layout.zeros, strand_.widest_state(), T(0));
    const lnrnnPlanDescription_t& d = strand_.plan.description;
    if (training) {
      const auto mask = [&](RandomKind kind, const uint8_t* given) {
        return Mask<T>(kernels, strand_, kind, given, random_.seed);
      };
      zoneout_mask_ = mask(RandomKind::kZoneout, call.zoneout_mask);
      zoneout_cell_mask_ = mask(RandomKind::kZoneoutCell, call.zoneout_cell_mask);
      candidate_mask_ = mask(RandomKind::kDropoutCandidate, call.dropout_candidate_mask);
    } else {
      pass_.zoneout = ZoneoutShares<T>::of(d.zoneout);
      pass_.zoneout_cell = ZoneoutShares<T>::of(d.zoneoutCell);
    }
  }

  // Carries rows [rows.begin, rows.end) of the batch through all steps.
  template <class Scratch>
  void run(Phases& phases, Span rows, Scratch& scratch) const {
    const int64_t steps = call_.active_steps;
    const auto own = [&](const Crew& crew) { return crew.share(rows.begin, rows.end); };
    if (steps == 0) {
      phases.run([&](const Crew& crew) {
        begin(own(crew));
        end(own(crew));
      });
    }
    for (int64_t i = 0; i < steps; i += chunk_) {
      const Span chunk{i, std::min(i + chunk_, steps)};
      if (kIsHalf<S>) phases.run([&](const Crew& crew) { widen_inputs(own(crew), chunk); });
      phases.run([&](const Crew& crew) {
        if (i == 0) begin(own(crew));
        multiply_inputs(crew, rows, chunk, scratch(crew).packed);
      });
      // Without a matrix rows have nothing to do with each other: all steps are one phase.
      const int64_t each = strand_.shape().recurrent_matrix ? 1 : chunk_;
      for (int64_t j = chunk.begin; j < chunk.end; j += each) {
        if (strand_.shape().recurrent_matrix) {
          phases.run(
              [&](const Crew& crew) { multiply_states(crew, rows, j, scratch(crew).packed); });
        }
        phases.run(
            [&](const Crew& crew) {
              for (int64_t k = j; k < std::min(j + each, chunk.end); ++k) {
                step_rows(own(crew), k, std::min(k + 1, chunk.end - 1), scratch(crew));
              }
              if (j + each >= steps && !projects()) end(own(crew));
            },
            rows.end - rows.begin);
        if (!projects()) continue;
        phases.run(
            [&](const Crew& crew) { multiply_outputs(crew, rows, j, scratch(crew).packed); });
        phases.run(
            [&](const Crew& crew) {
              project_rows(own(crew), j, scratch(crew));
              if (j + 1 == steps) end(own(crew));
            },
            rows.end - rows.begin);
      }
    }
  }

 private:
  // The states of these rows, before the first step and after the last.
  void begin(Span own) const {
    const int64_t first = strand_.reverse() ? call_.active_steps : 0;
    begin(own, rows_.h, call_.h0, first, output_);
    if (strand_.shape().carries_cell) begin(own, rows_.c, call_.c0, first, cell_);
  }
  void end(Span own) const {
    const int64_t last = strand_.reverse() ? 0 : call_.active_steps;
    end(own, rows_.h, call_.hn, last, output_);
    if (strand_.shape().carries_cell) end(own, rows_.c, call_.cn, last, cell_);
    if (call_.y.pointer != nullptr) clear_outputs(own);
  }
  void begin(Span own, const StepRows<T>& states, const void* initial, int64_t place,
             int64_t width) const {
    for (int64_t n = own.begin; n < own.end; ++n) {
      copy_or_zero(state_row<T>(initial, n, width), width, states.at(place, n));
    }
  }
  void end(Span own, const StepRows<T>& states, void* final, int64_t place, int64_t width) const {
    for (int64_t n = own.begin; n < own.end && final != nullptr; ++n) {
      copy_or_zero<T>(states.at(place, n), width, state_row<T>(final, n, width));
    }
  }

  // What a step starts from.
  const T* h_before(int64_t t, int64_t n) const {
    return cuts_.before(t, n) ? layout_.zeros : rows_.h.at(strand_.before(t), n);
  }
  const T* c_before(int64_t t, int64_t n) const {
    return cuts_.before(t, n) ? layout_.zeros : rows_.c.at(strand_.before(t), n);
  }

  const uint8_t* mask_row(const Mask<T>& mask, int64_t t, int64_t n, uint8_t* buffer) const {
    return mask.row(t * call_.batch + n, t + random_.step_offset, n + random_.row_offset, buffer);
  }

  // Where no row is active any more.
  void clear_outputs(Span own) const {
    for (int64_t t = call_.active_steps; t < call_.steps; ++t) {
      for (int64_t n = own.begin; n < own.end; ++n) {
        std::fill_n(row_of<S>(call_.y, t, n), output_, S{});
      }
    }
  }

  bool projects() const { return strand_.shape().projected; }

  Span panels(const Crew& crew) const {
    return crew.share(0, panel_count(strand_.gates(), kernels_.panel_width));
  }

  template <class F>
  void for_active(Span rows, Span chunk, const F& body) const {
    for (int64_t i = chunk.begin; i < chunk.end; ++i) {
      const int64_t t = nth_step(strand_, call_.active_steps, i);
      for (int64_t n = rows.begin; n < rows.end; ++n) {
        if (lengths_.active(t, n)) body(t, n);
      }
    }
  }

  void widen_inputs(Span own, Span chunk) const {
    for_active(own, chunk, [&](int64_t t, int64_t n) {
      widen_row(row_of<S>(call_.x, t, n), strand_.input(), layout_.x.at(t, n));
    });
  }

  void multiply_inputs(const Crew& crew, Span rows, Span chunk, T* packed) const {
    RowProduct<T, P> product(kernels_, weights_.ih, packed, panels(crew), false);
    for_active(rows, chunk, [&](int64_t t, int64_t n) {
      if constexpr (kIsHalf<S>) {
        product.add(layout_.x.at(t, n), rows_.a.at(t, n));
      } else {
        product.add(row_of<S>(call_.x, t, n), rows_.a.at(t, n));
      }
    });
    product.flush();
  }

  // Where the products are not needed apart their sum is all that is kept.
  void multiply_states(const Crew& crew, Span rows, int64_t i, T* packed) const {
    const int64_t t = nth_step(strand_, call_.active_steps, i);
    const bool apart = strand_.shape().separate_products;
    RowProduct<T, P> product(kernels_, weights_.hh, packed, panels(crew), !apart);
    for (int64_t n = rows.begin; n < rows.end; ++n) {
      if (!lengths_.active(t, n)) continue;
      product.add(h_before(t, n), apart ? rows_.r.at(t, n) : rows_.a.at(t, n));
    }
    product.flush();
  }

  // What the cell puts out, where h is a product of it.
  void multiply_outputs(const Crew& crew, Span rows, int64_t i, T* packed) const {
    const int64_t t = nth_step(strand_, call_.active_steps, i);
    RowProduct<T, P> product(kernels_, weights_.hr, packed,
                             crew.share(0, panel_count(output_, kernels_.panel_width)), false);
    for (int64_t n = rows.begin; n < rows.end; ++n) {
      if (lengths_.active(t, n)) product.add(layout_.d.at(0, n), layout_.projected.at(0, n));
    }
    product.flush();
  }

  void step_rows(Span own, int64_t i, int64_t next, const ForwardScratch<S>& scratch) const {
    const int64_t t = nth_step(strand_, call_.active_steps, i);
    const int64_t next_t = nth_step(strand_, call_.active_steps, next);
    for (int64_t n = own.begin; n < own.end; ++n) {
      step_row(t, n, place_after(own, t, n, next_t), scratch);
    }
  }

  void step_row(int64_t t, int64_t n, Place next, const ForwardScratch<S>& scratch) const {
    const int64_t before = strand_.before(t), after = strand_.after(t);
    if (!lengths_.active(t, n)) {
      copy_or_zero<T>(rows_.h.at(before, n), output_, rows_.h.at(after, n));
      if (strand_.shape().carries_cell) {
        copy_or_zero<T>(rows_.c.at(before, n), cell_, rows_.c.at(after, n));
      }
      if (S* const y = row_of<S>(call_.y, t, n)) std::fill_n(y, output_, S{});
      return;
    }
    ForwardRow<T> row{};
    row.pass = &pass_;
    row.a = rows_.a.at(t, n);
    row.r = rows_.r.at(t, n);
    row.next_a = rows_.a.at(next.t, next.n);
    row.next_r = rows_.r.at(next.t, next.n);
    row.h_before = h_before(t, n);
    row.c_before = c_before(t, n);
    row.update_cell = mask_row(zoneout_cell_mask_, t, n, scratch.masks.of_c);
    row.keep_candidate = mask_row(candidate_mask_, t, n, scratch.masks.of_candidate);
    row.c = rows_.c.at(after, n);
    row.statistics = rows_.statistics.at(t, n);
    row.scratch = scratch.row;
    row.d = layout_.d.at(0, n);
    if (pass_.inside != nullptr) kernels_.add(pass_.inside, strand_.gates(), rows_.a.at(t, n));
    if (projects()) {
      kernels_.forward_row(row);
    } else {
      write_state(t, n, row, kernels_.forward_row, scratch);
    }
  }

  void project_rows(Span own, int64_t i, const ForwardScratch<S>& scratch) const {
    const int64_t t = nth_step(strand_, call_.active_steps, i);
    for (int64_t n = own.begin; n < own.end; ++n) {
      if (!lengths_.active(t, n)) continue;
      ForwardRow<T> row{};
      row.pass = &pass_;
      row.h_before = h_before(t, n);
      row.projected = layout_.projected.at(0, n);
      write_state(t, n, row, kernels_.project_row, scratch);
    }
  }

  // h and y, by a kernel.
  void write_state(int64_t t, int64_t n, ForwardRow<T>& row, void (*kernel)(const ForwardRow<T>&),
                   const ForwardScratch<S>& scratch) const {
    S* const y = row_of<S>(call_.y, t, n);
    row.update = mask_row(zoneout_mask_, t, n, scratch.masks.of_h);
    row.h = rows_.h.at(strand_.after(t), n);
    if constexpr (!kIsHalf<S>) row.y = y;
    kernel(row);
    if (kIsHalf<S> && y != nullptr) narrow_row(row.h, output_, y);
  }

  const Kernels<T>& kernels_;
  const Strand& strand_;
  const StrandWeights<T, P>& weights_;
  RowPass<T> pass_;
  const ForwardLayout<S>& layout_;
  const StrandRows<T>& rows_;
  const ForwardArguments& call_;
  const Random random_;
  const Lengths lengths_;
  const Cuts cuts_;
  const int64_t chunk_;
  const int64_t cell_, output_;  // H and P
  Mask<T> zoneout_mask_, zoneout_cell_mask_, candidate_mask_;
};

}  // namespace

template <class S>
uint64_t forward_workspace(const Kernels<accumulation_t<S>>& kernels, const Strand& strand,
                           int threads, int64_t steps, int64_t batch, bool training) {
  Carver carver;
  ForwardLayout<S>::take(carver, kernels, strand, threads, chunk_steps(steps, batch), batch,
                         training);
  return carver.bytes();
}

template <class S>
void run_forward(const Kernels<accumulation_t<S>>& kernels, Team& team, bool training,
                 const ForwardArguments& call) {
  using T = accumulation_t<S>;
  if (call.batch == 0) return;  // there is no state to carry
  const Strand& strand = call.strand;
  Carver carver(call.workspace);
  ForwardLayout<S> layout =
      ForwardLayout<S>::take(carver, kernels, strand, team.size(),
                             chunk_steps(call.steps, call.batch), call.batch, training);
  const auto scratch_of = [&](int index) { return layout.scratch.of(index, kernels, strand); };
  const auto run = [&](const auto& forward) {
    const int64_t depth =
        strand.input() + (strand.shape().recurrent_matrix ? strand.output_width() : 0);
    share_batch(team, call.batch, kernels.tile_rows, step_flops(strand, call.batch, depth),
                [&](Phases& phases, Span rows, int first) {
                  ScratchOfShare scratch(phases, first, scratch_of);
                  forward.run(phases, rows, scratch);
                });
  };
  if (!training) {
    Carver packed(call.packed);
    const auto weights = StrandWeights<T, S>::take(packed, kernels, strand);
    run(Forward<S, S>(kernels, weights, layout, training, call));
    return;
  }
  Carver reserve(call.reserve);
  const auto rows = StrandRows<T>::take(reserve, strand, call.steps, call.batch);
  layout.use(rows);
  if (call.active_steps > 0) {
    const S* const parameters = static_cast<const S*>(call.parameters);
    const auto weight_hh = WeightRows<S>::recurrent(kernels, strand, parameters, rows.kept);
    const uint64_t seed = call.random.drawn().seed;
    gather_vectors(strand, parameters, layout.weights.vectors);
    team.run([&](const Crew& crew) {
      // The rows of weight_hh that pack_panels has the thread pack.
      const int64_t gates = strand.gates(), width = kernels.panel_width;
      const Span panels = crew.share(0, panel_count(gates, width));
      rows.kept.decide(kernels, strand, call.dropconnect_mask, seed, panels.begin * width,
                       std::min(panels.end * width, gates));
      pack_panels(kernels, strand, parameters, weight_hh, scratch_of(crew.index).pack, crew,
                  layout.weights);
    });
  }
  run(Forward<S, T>(kernels, layout.weights, layout, training, call));
}

#define LNRNN_INSTANTIATE(S) \
  template uint64_t forward_workspace<S>(const Kernels<accumulation_t<S>>&, const Strand&, int, \
                                         int64_t, int64_t, bool); \
  template void run_forward<S>(const Kernels<accumulation_t<S>>&, Team&, bool, \
                               const ForwardArguments&);
LNRNN_INSTANTIATE(float)
LNRNN_INSTANTIATE(double)
LNRNN_INSTANTIATE(F16)
LNRNN_INSTANTIATE(Bf16)
#undef LNRNN_INSTANTIATE

}  // namespace lnrnn::cpu

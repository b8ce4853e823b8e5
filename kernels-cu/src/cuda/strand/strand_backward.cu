// The backward pass: from the last step of the forward pass to its first two kernels each, everything
// between two products, and dr R' (where h is projected two more come first); then, for all steps at
// once, the gradients of x and of the parameters (strand_gradients.cuh). Without kept products these are
// computed again first, as two products. Where a cluster of blocks can hold the recurrent weights, one
// kernel takes all steps.
#include "cuda/cluster/launch.cuh"
#include "cuda/row/backward_row.cuh"
#include "cuda/row/cells.cuh"
#include "cuda/row/norm_row.cuh"
#include "cuda/row/unit_walk.cuh"
#include "lengths.h"
#include "strand_gradients.cuh"

namespace lnrnn::cuda {

namespace {

template <class S>
class Backward {
 public:
  using T = accumulation_t<S>;

  Backward(const CudaStream& stream, const BackwardArguments& call)
      : stream_(stream), strand_(call.strand), call_(call), cell_(strand_.cell_width()),
        output_(strand_.output_width()), of_step_(term_of_step(strand_.shape())),
        gates_(strand_.gates()), steps_(call.steps), batch_(call.batch),
        samples_(call.steps * call.batch), parameters_(static_cast<const S*>(call.parameters)) {
    Carver workspace(call.workspace), reserve(call.reserve);
    layout_ = BackwardLayout<S>::take(workspace, strand_, steps_, batch_);
    const auto kept = StrandRows<T>::take(reserve, strand_, steps_, batch_);
    const auto& products = recomputes() ? layout_.products : kept;
    forward_ = {products.a, products.r, kept.h, kept.c, {}, kept.kept};
    for (int of = 0; of < kTermKinds; ++of) forward_.norms[of] = kept.norms[of];
    vectors_ = read_only(layout_.vectors);
  }

  lnrnnStatus_t run() {
    LNRNN_FORWARD(upload_lengths(stream_, call_.lengths, batch_, layout_.lengths, &lengths_));
    LNRNN_FORWARD(gather_vectors(stream_, strand_, parameters_, layout_.vectors));
    if (layout_.h_operand != nullptr) {
      LNRNN_FORWARD(
          round_to_storage<S>(stream_, forward_.h, layout_.h_operand, (steps_ + 1) * h_elements()));
    }
    if (recomputes()) LNRNN_FORWARD(multiply_again());
    LNRNN_FORWARD(copy_state<T>(stream_, call_.dhn, layout_.dh, h_elements()));
    if (layout_.dc != nullptr)
      LNRNN_FORWARD(copy_state<T>(stream_, call_.dcn, layout_.dc, c_elements()));
    LNRNN_FORWARD(go_back_through());
    if (call_.dh0 != nullptr) {
      LNRNN_FORWARD(copy_first_state<T>(stream_, cuts(), layout_.dh, call_.dh0, batch_, output_));
    }
    if (call_.dc0 != nullptr)
      LNRNN_FORWARD(copy_first_state<T>(stream_, cuts(), layout_.dc, call_.dc0, batch_, cell_));
    return Gradients<S>(stream_, call_, layout_, forward_, vectors_, lengths_).run();
  }

 private:
  bool recomputes() const { return strand_.plan.has(LNRNN_PLAN_RECOMPUTE); }
  bool normalizes_sum() const { return of_step_ == TermKind::kSum; }
  const T* a_of_steps() const { return normalizes_sum() ? nullptr : forward_.a; }
  const T* r_of_steps() const { return normalizes_sum() ? forward_.a : forward_.r; }
  int64_t h_elements() const { return batch_ * output_; }
  int64_t c_elements() const { return batch_ * cell_; }
  Cuts cuts() const { return {call_.resets, lengths_, call_.active_steps, strand_.reverse()}; }
  // From the T + 1 places of a state, those before each step: (T,N,P) or (T,N,H).
  template <class P>
  P* h_at_places(P* states) const {
    return at_step(states, strand_.before(0), h_elements());
  }
  const T* c_at_places() const { return at_step(forward_.c, strand_.before(0), c_elements()); }
  const T* norm_at(TermKind of, int64_t t) const {
    return at_step(forward_.norm(of), t,
                   batch_ * segments_of(strand_.shape(), of).count * kStatistics);
  }

  lnrnnStatus_t multiply_again() const {
    const StrandRows<T>& to = layout_.products;
    const int64_t input = strand_.input();
    const S* const weight_ih = strand_.find(ParameterRole::kWeightIh, parameters_);
    LNRNN_FORWARD((multiply_sequence<Depth::kFeatures, Depth::kFeatures>(
        stream_, Product<S>{samples_, gates_, input, rows_of<const S>(call_.x, 0, steps_, batch_),
                            Rows<const S>::matrix(weight_ih, gates_, input),
                            Rows<T>::matrix(to.a, samples_, gates_)})));
    LNRNN_FORWARD(centre_inputs(stream_, strand_, vectors_, samples_, to.a));
    if (layout_.hh_rows == nullptr) return LNRNN_STATUS_SUCCESS;
    LNRNN_FORWARD(prepare_recurrent_weights(stream_, strand_, parameters_, forward_.kept, false,
                                            layout_.hh_rows));
    return multiply_sequence<Depth::kFeatures, Depth::kFeatures>(
        stream_, Product<S>{samples_, gates_, output_,
                            Rows<const S>::matrix(h_at_places(layout_.h_operands(forward_.h)),
                                                  samples_, output_),
                            Rows<const S>::matrix(layout_.hh_rows, gates_, output_),
                            Rows<T>::matrix(to.r == nullptr ? to.a : to.r, samples_, gates_),
                            to.r == nullptr});
  }

  lnrnnStatus_t go_back_through() const {
    if (layout_.hh != nullptr) {
      LNRNN_FORWARD(prepare_recurrent_weights(stream_, strand_, parameters_, forward_.kept, true,
                                              layout_.hh));
    }
    if (layout_.hr != nullptr) {
      LNRNN_FORWARD(transpose_projection(stream_, strand_, parameters_, layout_.hr));
    }
    return with_cell(strand_.shape(), [&](auto cell) {
      using Cell = decltype(cell);
      if constexpr (!Cell::kRecurrentMatrix) {
        return walk_units<Cell>();
      } else {
        if constexpr (!kExactOperands<S>) {
          if (runs_in_clusters<S>(stream_.context, strand_, batch_))
            return walk_in_clusters<Cell>();
        }
        return step_through<Cell>();
      }
    });
  }

  // What does not depend on the step, for the kernel of one and that of all.
  template <class Arguments>
  void describe(Arguments& to) const {
    to.batch = batch_;
    to.cuts = cuts();
    to.vectors = StepVectors<T>::of(strand_.shape(), vectors_);
    to.carries_norm = strand_.shape().carries_normalized();
    to.clip = clip_of<T>(strand_);
    to.segments_a = segments_of(strand_.shape(), TermKind::kInput);
    to.segments_r = segments_of(strand_.shape(), of_step_);
    to.mask = mask(RandomKind::kZoneout, call_.zoneout_mask);
    to.mask_cell = mask(RandomKind::kZoneoutCell, call_.zoneout_cell_mask);
    to.mask_candidate = mask(RandomKind::kDropoutCandidate, call_.dropout_candidate_mask);
    to.candidate_scale = kept_scale<T>(strand_.plan.description.dropoutCandidate);
  }

  // The other way round than forward.
  TimeWalk walk_of_all() const { return {0, call_.active_steps, strand_.reverse()}; }

  template <class Cell>
  lnrnnStatus_t walk_in_clusters() const {
    BackwardWalk<S> walk{};
    describe(walk);
    walk.steps = walk_of_all();
    walk.hidden = static_cast<int>(cell_);
    walk.hh = layout_.hh;
    walk.a = a_of_steps();
    walk.r = r_of_steps();
    walk.norm_a = forward_.norm(TermKind::kInput);
    walk.norm_r = forward_.norm(of_step_);
    walk.norm_u = forward_.norm(TermKind::kCell);
    walk.before = strand_.shape().carries_cell ? c_at_places() : h_at_places(forward_.h);
    walk.dy = rows_of<const S>(call_.dy, 0, steps_, batch_);
    walk.dh = layout_.dh;
    walk.dc = layout_.dc;
    walk.dv = layout_.dv;
    walk.dr = layout_.dr;
    walk.last_dv = layout_.last_dv;
    walk.dk = layout_.dk;
    walk.z = layout_.z;
    return launch_in_clusters<BackwardCluster, Cell, S>(stream_, walk);
  }

  template <class Cell>
  lnrnnStatus_t step_through() const {
    for (int64_t k = 0; k < call_.active_steps; ++k) {
      const int64_t t = strand_.reverse() ? k : call_.active_steps - 1 - k;
      LNRNN_FORWARD(go_back<Cell>(t));
      LNRNN_FORWARD(multiply_by_states(t));
    }
    return LNRNN_STATUS_SUCCESS;
  }

  template <class Cell>
  lnrnnStatus_t go_back(int64_t t) const {
    const int64_t row_of_gates = batch_ * gates_;
    BackwardStep<S> step{};
    describe(step);
    step.step = t;
    step.hidden = cell_;
    step.output = output_;
    step.gates = gates_;
    step.a = at_step(a_of_steps(), t, row_of_gates);
    step.r = at_step(r_of_steps(), t, row_of_gates);
    step.norm_a = norm_at(TermKind::kInput, t);
    step.norm_r = norm_at(of_step_, t);
    step.norm_u = norm_at(TermKind::kCell, t);
    step.h_before = at_step(forward_.h, strand_.before(t), h_elements());
    step.c_before = at_step(forward_.c, strand_.before(t), c_elements());
    step.dy = at_step(static_cast<const S*>(call_.dy.pointer), t, call_.dy.step_stride);
    step.dy_row_stride = call_.dy.row_stride;
    step.dh = layout_.dh;
    step.dc = layout_.dc;
    step.dv = at_step(layout_.dv, t, row_of_gates);
    step.dr = at_step(layout_.dr, t, row_of_gates);
    step.exact_dr = layout_.exact_dr;
    step.last_dv = at_step(layout_.last_dv, t, c_elements());
    step.dk = at_step(layout_.dk, t, c_elements());
    step.z = at_step(layout_.z, t, c_elements());
    step.dd = layout_.dd;
    step.d = at_step(layout_.d, t, c_elements());
    if (strand_.shape().projected) LNRNN_FORWARD(unproject(step));
    using Kernel = BackwardRow<Cell, S>;
    return launch(stream_, row_shape<Kernel>(batch_, cell_), Kernel{step});
  }

  // From the gradient by h to that by what the cell put out.
  lnrnnStatus_t unproject(const BackwardStep<S>& step) const {
    using Kernel = UnprojectRow<S>;
    S* const dprojected = at_step(layout_.dprojected, step.step, h_elements());
    LNRNN_FORWARD(launch(stream_, {batch_, row_threads<Kernel>(output_)},
                         Kernel{step, dprojected, layout_.exact_dprojected}));
    Product<S> product{batch_,
                       cell_,
                       output_,
                       Rows<const S>::matrix(dprojected, batch_, output_),
                       Rows<const S>::matrix(layout_.hr, cell_, output_),
                       Rows<T>::matrix(layout_.dd, batch_, cell_)};
    product.exact_a = layout_.exact_dprojected;
    return multiply_step(stream_, product);
  }

  Mask mask(RandomKind kind, const uint8_t* given) const {
    return Mask::of(strand_, kind, given, call_.random);
  }

  // What the row kernel left in dh is what does not go through this product.
  lnrnnStatus_t multiply_by_states(int64_t t) const {
    Product<S> product{batch_,
                       output_,
                       gates_,
                       Rows<const S>::matrix(layout_.dr_at(t, batch_ * gates_), batch_, gates_),
                       Rows<const S>::matrix(layout_.hh, output_, gates_),
                       Rows<T>::matrix(layout_.dh, batch_, output_).masked(lengths_, t)};
    product.add = true;
    product.exact_a = layout_.exact_dr;
    return multiply_step(stream_, product);
  }

  template <class Cell>
  lnrnnStatus_t walk_units() const {
    BackwardUnits<Cell, S> kernel{};
    kernel.walk = {walk_of_all(), batch_, cell_, cuts()};
    kernel.in = UnitInputs<T>::of(forward_.a, forward_.norm(TermKind::kInput), 0, vectors_);
    kernel.mask = mask(RandomKind::kZoneout, call_.zoneout_mask);
    kernel.h_before = h_at_places(forward_.h);
    kernel.dy = rows_of<const S>(call_.dy, 0, steps_, batch_);
    kernel.dh = layout_.dh;
    kernel.dv = layout_.dv;
    return launch(stream_, kernel.walk.shape(), kernel);
  }

  const CudaStream& stream_;
  const Strand& strand_;
  const BackwardArguments& call_;
  const int64_t cell_, output_;
  const TermKind of_step_;
  const int64_t gates_, steps_, batch_, samples_;
  const S* const parameters_;
  BackwardLayout<S> layout_;
  StrandRows<const T> forward_;
  Vectors<const T*> vectors_{};
  Lengths lengths_;
};

}  // namespace

template <class S>
uint64_t backward_workspace(const Strand& strand, int64_t steps, int64_t batch) {
  Carver carver;
  BackwardLayout<S>::take(carver, strand, steps, batch);
  return carver.bytes();
}

template <class S>
lnrnnStatus_t run_backward(const CudaStream& stream, const BackwardArguments& call) {
  return Backward<S>(stream, call).run();
}

#define LNRNN_INSTANTIATE(S) \
  template uint64_t backward_workspace<S>(const Strand&, int64_t, int64_t); \
  template lnrnnStatus_t run_backward<S>(const CudaStream&, const BackwardArguments&);
LNRNN_INSTANTIATE(float)
LNRNN_INSTANTIATE(double)
LNRNN_INSTANTIATE(F16)
LNRNN_INSTANTIATE(Bf16)
#undef LNRNN_INSTANTIATE

}  // namespace lnrnn::cuda

// The backward pass: from the last step of the forward pass to its first two kernels each, everything
// between two products, and dr R'; then, for all steps at once, the gradients of x and of the
// parameters. Without kept products these are computed again first, as two products. Where a cluster of
// blocks can hold the recurrent weights, one kernel takes all steps.
#include "cuda/cluster/launch.cuh"
#include "cuda/row/backward_row.cuh"
#include "cuda/row/cells.cuh"
#include "cuda/row/norm_row.cuh"
#include "cuda/row/unit_walk.cuh"
#include "backward_layout.h"
#include "lengths.h"
#include "passes.h"

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
        samples_(call.steps * call.batch), parameters_(static_cast<const S*>(call.parameters)),
        gradients_(static_cast<T*>(call.gradients)) {
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
    if (call_.dh0 != nullptr)
      LNRNN_FORWARD(copy_state<T>(stream_, layout_.dh, call_.dh0, h_elements()));
    if (call_.dc0 != nullptr)
      LNRNN_FORWARD(copy_state<T>(stream_, layout_.dc, call_.dc0, c_elements()));

    // Everything is added, to zeros where the caller wants replacement: that clears what lies between
    // tensors, too.
    if (gradients_ != nullptr) {
      if (!call_.accumulate) LNRNN_FORWARD(clear_gradients());
      LNRNN_FORWARD(vector_gradients_of({forward_, h_at_places(forward_.h), nullptr, layout_.dv,
                                         layout_.last_dv, layout_.dk, layout_.z}));
      if (strand_.shape().recurrent_matrix) LNRNN_FORWARD(recurrent_gradient());
    }
    LNRNN_FORWARD(through_input_norm());
    if (gradients_ != nullptr && has_bias_inside()) {
      LNRNN_FORWARD(vector_gradients_of({forward_, h_at_places(forward_.h), exact_ds()}));
    }
    if (call_.dx.pointer != nullptr) LNRNN_FORWARD(input_gradient());
    if (gradients_ != nullptr) LNRNN_FORWARD(weight_gradient());
    return LNRNN_STATUS_SUCCESS;
  }

 private:
  bool recomputes() const { return strand_.plan.has(LNRNN_PLAN_RECOMPUTE); }
  bool normalizes_sum() const { return of_step_ == TermKind::kSum; }
  const T* a_of_steps() const { return normalizes_sum() ? nullptr : forward_.a; }
  const T* r_of_steps() const { return normalizes_sum() ? forward_.a : forward_.r; }
  // Of a norm of the sum.
  bool has_bias_inside() const { return normalizes_sum() && vectors_[Slot::kBias] != nullptr; }
  int64_t h_elements() const { return batch_ * output_; }
  int64_t c_elements() const { return batch_ * cell_; }
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
  // From a feature on.
  template <class P>
  Rows<P> samples(P* base, int64_t features, int64_t first = 0) const {
    return Rows<P>::sequence(base + first, batch_, features).masked(lengths_, 0).simplified();
  }
  // The caller's tensors, without what lies beyond the lengths.
  template <class P, class V>
  Rows<P> samples_of(const Tensor<V>& tensor) const {
    return rows_of<P>(tensor, 0, steps_, batch_).masked(lengths_, 0);
  }
  const S* h_operands() const {
    if constexpr (kExactOperands<S>) {
      return h_at_places(forward_.h);
    } else {
      return h_at_places(layout_.h_operand);
    }
  }
  const S* dr_at(int64_t t) const {
    if constexpr (kExactOperands<S>) {
      if (layout_.dr == nullptr) return at_step(layout_.dv, t, batch_ * gates_);
    }
    return at_step(layout_.dr, t, batch_ * gates_);
  }

  lnrnnStatus_t vector_gradients_of(const StrandTrace<T>& trace) const {
    return vector_gradients(stream_, strand_, steps_, batch_, lengths_, trace, layout_.partials,
                            gradients_);
  }
  lnrnnStatus_t clear_gradients() const {
    const uint64_t elements = strand_.end() - strand_.begin();
    return check(stream_.context,
                 cudaMemsetAsync(gradients_ + strand_.begin(), 0, elements * sizeof(T),
                                 stream_.raw),
                 "clearing the gradients");
  }

  lnrnnStatus_t multiply_again() const {
    const StrandRows<T>& to = layout_.products;
    const int64_t input = strand_.input();
    LNRNN_FORWARD((multiply_sequence<Depth::kFeatures, Depth::kFeatures>(
        stream_, Product<S>{samples_, gates_, input, rows_of<const S>(call_.x, 0, steps_, batch_),
                            Rows<const S>::matrix(weight_ih(), gates_, input),
                            Rows<T>::matrix(to.a, samples_, gates_)})));
    LNRNN_FORWARD(centre_inputs(stream_, strand_, vectors_, samples_, to.a));
    if (layout_.hh_rows == nullptr) return LNRNN_STATUS_SUCCESS;
    LNRNN_FORWARD(prepare_recurrent_weights(stream_, strand_, parameters_, forward_.kept, false,
                                            layout_.hh_rows));
    return multiply_sequence<Depth::kFeatures, Depth::kFeatures>(
        stream_, Product<S>{samples_, gates_, output_,
                            Rows<const S>::matrix(h_operands(), samples_, output_),
                            Rows<const S>::matrix(layout_.hh_rows, gates_, output_),
                            Rows<T>::matrix(to.r == nullptr ? to.a : to.r, samples_, gates_),
                            to.r == nullptr});
  }

  lnrnnStatus_t go_back_through() const {
    if (layout_.hh != nullptr) {
      LNRNN_FORWARD(prepare_recurrent_weights(stream_, strand_, parameters_, forward_.kept, true,
                                              layout_.hh));
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
    to.lengths = lengths_;
    to.vectors = StepVectors<T>::of(strand_.shape(), vectors_);
    to.carries_norm = strand_.shape().carries_normalized();
    to.segments_a = segments_of(strand_.shape(), TermKind::kInput);
    to.segments_r = segments_of(strand_.shape(), of_step_);
    to.mask = zoneout();
    to.mask_cell = Mask::of(strand_, strand_.plan.description.zoneoutCell, RandomKind::kZoneoutCell,
                            nullptr, call_.random);
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
    using Kernel = BackwardRow<Cell, S>;
    return launch(stream_, row_shape<Kernel>(batch_, cell_), Kernel{step});
  }
  Mask zoneout() const {
    return Mask::of(strand_, strand_.plan.description.zoneout, RandomKind::kZoneout,
                    call_.zoneout_mask, call_.random);
  }

  // What the row kernel left in dh is what does not go through this product.
  lnrnnStatus_t multiply_by_states(int64_t t) const {
    Product<S> product{batch_,
                       output_,
                       gates_,
                       Rows<const S>::matrix(dr_at(t), batch_, gates_),
                       Rows<const S>::matrix(layout_.hh, output_, gates_),
                       Rows<T>::matrix(layout_.dh, batch_, output_).masked(lengths_, t)};
    product.add = true;
    product.exact_a = layout_.exact_dr;
    return multiply_step(stream_, product);
  }

  template <class Cell>
  lnrnnStatus_t walk_units() const {
    BackwardUnits<Cell, S> kernel{};
    kernel.walk = {walk_of_all(), batch_, cell_, lengths_};
    kernel.in = UnitInputs<T>::of(forward_.a, forward_.norm(TermKind::kInput), 0, vectors_);
    kernel.mask = zoneout();
    kernel.h_before = h_at_places(forward_.h);
    kernel.dy = rows_of<const S>(call_.dy, 0, steps_, batch_);
    kernel.dh = layout_.dh;
    kernel.dv = layout_.dv;
    return launch(stream_, kernel.walk.shape(), kernel);
  }

  // In the place of dv, where the product for dx takes it, or the gradient of the bias inside.
  T* exact_da() const {
    const bool wanted = has_few_columns(strand_.input()) || has_bias_inside();
    return !kExactOperands<S> && wanted ? layout_.dv : nullptr;
  }
  // Where both products' sum is normalised, their gradients are the same.
  const T* exact_ds() const {
    if constexpr (kExactOperands<S>) {
      return layout_.da;
    } else {
      return layout_.dv;
    }
  }

  // From dv, for all steps; the place of dr is free by now. Through the norm of the sum dr went, too, but rounded.
  lnrnnStatus_t through_input_norm() const {
    if (normalizes_sum() && exact_da() == nullptr) return LNRNN_STATUS_SUCCESS;
    if (const NormSite* const site =
            strand_.shape().site(normalizes_sum() ? TermKind::kSum : TermKind::kInput)) {
      using Kernel = InputNormBackward<S>;
      const Segments& segments = site->segments;
      const T* const gain = vectors_[gain_of(site->of)];
      for (int i = 0; i < segments.count; ++i) {
        const int64_t first = segments.begin(i) * cell_, width = segments.gates[i] * cell_;
        LNRNN_FORWARD(launch(
            stream_, input_norm_shape<Kernel>(samples_, width),
            Kernel{width, gates_, segments.count * kStatistics, samples(forward_.a, gates_, first),
                   forward_.norm(site->of) + i * kStatistics, gain + first, layout_.dv + first,
                   layout_.da + first, at_step(exact_da(), 1, first)}));
      }
      return LNRNN_STATUS_SUCCESS;
    }
    // Where both products are added the gradients by them are the same.
    if (kExactOperands<S> ||
        (strand_.shape().recurrent_matrix && !strand_.shape().separate_products)) {
      return LNRNN_STATUS_SUCCESS;
    }
    return round_to_storage<S>(stream_, layout_.dv, layout_.da, samples_ * gates_);
  }

  // from as the gradient of a matrix takes it, by the gradient of its product.
  lnrnnStatus_t keep_giving(const S* gradient, Rows<const S>* from, int64_t features) const {
    if (layout_.giving == nullptr) return LNRNN_STATUS_SUCCESS;
    LNRNN_FORWARD(keep_giving_samples<S>(stream_, gradient, gates_, *from, samples_, features,
                                         layout_.giving));
    *from = samples<const S>(layout_.giving, features);
    return LNRNN_STATUS_SUCCESS;
  }

  const S* weight_ih() const { return strand_.find(ParameterRole::kWeightIh, parameters_); }

  lnrnnStatus_t input_gradient() const {
    const int64_t input = strand_.input();
    return multiply_sequence<Depth::kFeatures, Depth::kSamples>(
        stream_, Product<S, S>{samples_, input, gates_, samples<const S>(layout_.da, gates_),
                               Rows<const S>::matrix(weight_ih(), gates_, input),
                               samples_of<S>(call_.dx), call_.add_dx, exact_da()});
  }

  lnrnnStatus_t weight_gradient() const {
    const int64_t input = strand_.input();
    T* const to = strand_.find(ParameterRole::kWeightIh, gradients_);
    auto x = samples_of<const S>(call_.x);
    LNRNN_FORWARD(keep_giving(layout_.da, &x, input));
    return multiply_sequence<Depth::kSamples, Depth::kSamples>(
        stream_, Product<S>{gates_, input, samples_, samples<const S>(layout_.da, gates_), x,
                            Rows<T>::matrix(to, gates_, input), true, nullptr, layout_.partial});
  }

  lnrnnStatus_t recurrent_gradient() const {
    T* const whole = strand_.find(ParameterRole::kWeightHh, gradients_);
    const bool masked = forward_.kept.bits != nullptr;
    T* const to = masked ? layout_.masked_dhh : whole;
    auto h = samples(h_operands(), output_);
    LNRNN_FORWARD(keep_giving(dr_at(0), &h, output_));
    LNRNN_FORWARD((multiply_sequence<Depth::kSamples, Depth::kSamples>(
        stream_,
        Product<S>{gates_, output_, samples_, samples(dr_at(0), gates_), h,
                   Rows<T>::matrix(to, gates_, output_), !masked, nullptr, layout_.partial})));
    if (!masked) return LNRNN_STATUS_SUCCESS;
    return apply_dropconnect<T>(stream_, strand_, to, forward_.kept, whole);
  }

  const CudaStream& stream_;
  const Strand& strand_;
  const BackwardArguments& call_;
  const int64_t cell_, output_;
  const TermKind of_step_;
  const int64_t gates_, steps_, batch_, samples_;
  const S* const parameters_;
  T* const gradients_;
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

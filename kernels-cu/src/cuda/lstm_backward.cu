// The backward pass: from the last step to the first two kernels each, everything between two
// products, and dr R'; then, for all steps at once, the gradients of x and of the parameters.
#include "lengths.h"
#include "lstm_row.h"

namespace lnrnn::cuda {

namespace {

template <class T>
struct BackwardLayout {
  T* hh;         // (H,4H) the recurrent weights, transposed
  T* dv;         // (T,N,4H) gradients by the gates' pre-activations, then by x W_ih'
  T* dr;         // (T,N,4H) by h R'; dv itself without normalisation
  T* dk;         // (T,N,H) by the output's view of the cell; only with normalisation
  T* dh;         // (N,H)
  T* dc;         // (N,H)
  T* partials;   // vector_partials
  T* masked_dhh; // (4H,H) gradient of the masked weight_hh, with DropConnect
  int64_t* lengths;  // (N)

  static BackwardLayout take(Carver& carver, const Plan& plan, int64_t steps, int64_t batch) {
    const int64_t hidden = plan.hidden(), gates = 4 * hidden;
    BackwardLayout layout{};
    layout.hh = carver.take<T>({hidden, gates});
    layout.dv = carver.take<T>({steps, batch, gates});
    layout.dr = layout.dv;
    if (plan.normalized()) {
      layout.dr = carver.take<T>({steps, batch, gates});
      layout.dk = carver.take<T>({steps, batch, hidden});
    }
    layout.dh = carver.take<T>({batch, hidden});
    layout.dc = carver.take<T>({batch, hidden});
    layout.partials = carver.take<T>({vector_partials(plan, steps, batch)});
    if (plan.description.dropconnect > 0) layout.masked_dhh = carver.take<T>({gates, hidden});
    layout.lengths = carver.take<int64_t>({batch});
    return layout;
  }
};

template <class T>
class Backward {
 public:
  Backward(const CudaStream& stream, const Plan& plan, const BackwardArguments& call)
      : stream_(stream), plan_(plan), call_(call), sequence_(*call.sequence),
        hidden_(plan.hidden()), gates_(4 * plan.hidden()), batch_(sequence_.batch),
        samples_(sequence_.steps * sequence_.batch),
        parameters_(static_cast<const T*>(call.parameters)),
        vectors_(LstmVectors<const T>::of(plan, parameters_)),
        dropconnect_(dropconnect_of(plan, sequence_, call.dropconnect_mask)) {
    Carver workspace(call.workspace), reserve(call.reserve);
    layout_ = BackwardLayout<T>::take(workspace, plan, sequence_.steps, batch_);
    const auto kept = LstmReserve<T>::take(reserve, plan, sequence_.steps, batch_);
    forward_ = {kept.a, kept.r, kept.h, kept.c, kept.statistics};
    zoneout_ = Mask::of(plan.description.zoneout, call.zoneout_mask, sequence_.seed,
                        RandomKind::kZoneout, hidden_);
  }

  lnrnnStatus_t run() {
    LNRNN_FORWARD(upload_lengths(stream_, call_.lengths, batch_, layout_.lengths, &lengths_));
    LNRNN_FORWARD(prepare_recurrent_weights(stream_, plan_,
                                            plan_.find(ParameterRole::kWeightHh, parameters_),
                                            dropconnect_, true, layout_.hh));
    LNRNN_FORWARD(copy_state(call_.dhn, layout_.dh));
    LNRNN_FORWARD(copy_state(call_.dcn, layout_.dc));
    for (int64_t t = sequence_.steps - 1; t >= 0; --t) {
      LNRNN_FORWARD(go_back(t));
      LNRNN_FORWARD(multiply_by_states(t));
    }
    if (call_.dh0 != nullptr) LNRNN_FORWARD(copy_state(layout_.dh, call_.dh0));
    if (call_.dc0 != nullptr) LNRNN_FORWARD(copy_state(layout_.dc, call_.dc0));

    // Everything is added, to zeros where the caller wants replacement: that clears what lies between
    // tensors, too.
    if (call_.gradients != nullptr && !accumulate()) LNRNN_FORWARD(clear_gradients());
    if (call_.gradients != nullptr) {
      LNRNN_FORWARD(lstm_vector_gradients(stream_, plan_, sequence_, lengths_,
                                          LstmTrace<T>{forward_, layout_.dv, layout_.dk},
                                          layout_.partials, static_cast<T*>(call_.gradients)));
    }
    if (plan_.normalized()) LNRNN_FORWARD(through_input_norm());
    if (call_.dx != nullptr) LNRNN_FORWARD(input_gradient());
    if (call_.gradients != nullptr) LNRNN_FORWARD(weight_gradients());
    return LNRNN_STATUS_SUCCESS;
  }

 private:
  bool accumulate() const { return (sequence_.flags & LNRNN_SEQUENCE_ACCUMULATE) != 0; }
  T* step(T* tensor, int64_t t, int64_t features) const {
    return tensor == nullptr ? nullptr : tensor + t * batch_ * features;
  }
  const T* step(const T* tensor, int64_t t, int64_t features) const {
    return tensor == nullptr ? nullptr : tensor + t * batch_ * features;
  }
  template <class P>
  Rows<P> samples(P* base, int64_t features) const {
    return Rows<P>::sequence(base, batch_, features).masked(lengths_, 0);
  }

  lnrnnStatus_t copy_state(const void* from, void* to) const {
    const size_t bytes = static_cast<size_t>(batch_ * hidden_) * sizeof(T);
    if (bytes == 0) return LNRNN_STATUS_SUCCESS;
    return check(stream_.context,
                 from == nullptr ? cudaMemsetAsync(to, 0, bytes, stream_.raw)
                                 : cudaMemcpyAsync(to, from, bytes, cudaMemcpyDefault, stream_.raw),
                 "copying the state's gradient");
  }

  lnrnnStatus_t clear_gradients() const {
    return check(stream_.context,
                 cudaMemsetAsync(call_.gradients, 0, plan_.parameter_bytes, stream_.raw),
                 "clearing the gradients");
  }

  lnrnnStatus_t go_back(int64_t t) const {
    using Kernel = LstmBackwardRow<T>;
    Kernel row{};
    row.step = t;
    row.batch = batch_;
    row.hidden = hidden_;
    row.lengths = lengths_;
    row.weights = vectors_;
    row.mask = zoneout_;
    row.step_offset = sequence_.stepOffset;
    row.row_offset = sequence_.rowOffset;
    row.a = step(forward_.a, t, gates_);
    row.r = step(forward_.r, t, gates_);
    row.statistics = step(forward_.statistics, t, kStatistics);
    row.c_before = step(forward_.c, t, hidden_);
    row.c = step(forward_.c, t + 1, hidden_);
    row.dy = call_.dy == nullptr ? nullptr
                                 : static_cast<const T*>(call_.dy) + t * sequence_.dyStepStride;
    row.dy_row_stride = sequence_.dyRowStride;
    row.dh = layout_.dh;
    row.dc = layout_.dc;
    row.dv = step(layout_.dv, t, gates_);
    row.dr = step(layout_.dr, t, gates_);
    row.dk = step(layout_.dk, t, hidden_);
    return launch(stream_, row_shape<Kernel>(batch_, hidden_), row);
  }

  // What the row kernel left in dh is what zoneout let pass.
  lnrnnStatus_t multiply_by_states(int64_t t) const {
    Product<T> product{batch_, hidden_, gates_,
                       Rows<const T>::matrix(step(layout_.dr, t, gates_), batch_, gates_),
                       Rows<const T>::matrix(layout_.hh, hidden_, gates_),
                       Rows<T>::matrix(layout_.dh, batch_, hidden_).masked(lengths_, t)};
    product.add = true;
    return multiply_step(stream_, product);
  }

  lnrnnStatus_t through_input_norm() const {
    using Kernel = LstmInputNormBackward<T>;
    return launch(stream_, row_shape<Kernel>(samples_, gates_),
                  Kernel{gates_, samples(forward_.a, gates_), forward_.statistics, vectors_.gain_i,
                         layout_.dv});
  }

  lnrnnStatus_t input_gradient() const {
    const int64_t input = plan_.input();
    const Rows<T> dx{static_cast<T*>(call_.dx),
                     batch_,
                     sequence_.steps == 1 ? batch_ * sequence_.dxRowStride : sequence_.dxStepStride,
                     sequence_.dxRowStride,
                     0,
                     lengths_};
    const T* const ih = plan_.find(ParameterRole::kWeightIh, parameters_);
    return multiply_sequence<Depth::kFeatures, Depth::kSamples>(
        stream_, Product<T>{samples_, input, gates_, samples<const T>(layout_.dv, gates_),
                            Rows<const T>::matrix(ih, gates_, input), dx});
  }

  lnrnnStatus_t weight_gradients() const {
    T* const gradients = static_cast<T*>(call_.gradients);
    const int64_t input = plan_.input();
    const Rows<const T> x{static_cast<const T*>(call_.x),
                          batch_,
                          sequence_.steps == 1 ? batch_ * sequence_.xRowStride
                                               : sequence_.xStepStride,
                          sequence_.xRowStride,
                          0,
                          lengths_};
    T* const dih = plan_.find(ParameterRole::kWeightIh, gradients);
    LNRNN_FORWARD((multiply_sequence<Depth::kSamples, Depth::kSamples>(
        stream_, Product<T>{gates_, input, samples_, samples<const T>(layout_.dv, gates_), x,
                            Rows<T>::matrix(dih, gates_, input), true})));
    T* const whole = plan_.find(ParameterRole::kWeightHh, gradients);
    T* const dhh = dropconnect_.on ? layout_.masked_dhh : whole;
    LNRNN_FORWARD((multiply_sequence<Depth::kSamples, Depth::kSamples>(
        stream_, Product<T>{gates_, hidden_, samples_, samples<const T>(layout_.dr, gates_),
                            samples(forward_.h, hidden_),
                            Rows<T>::matrix(dhh, gates_, hidden_),
                            !dropconnect_.on})));
    if (!dropconnect_.on) return LNRNN_STATUS_SUCCESS;
    return apply_dropconnect<T>(stream_, plan_, dhh, dropconnect_, whole);
  }

  const CudaStream& stream_;
  const Plan& plan_;
  const BackwardArguments& call_;
  const lnrnnSequence_t& sequence_;
  const int64_t hidden_, gates_, batch_, samples_;
  const T* const parameters_;
  const LstmVectors<const T> vectors_;
  const Mask dropconnect_;
  BackwardLayout<T> layout_;
  LstmReserve<const T> forward_;
  Mask zoneout_;
  Lengths lengths_;
};

}  // namespace

template <class T>
uint64_t lstm_backward_workspace(const Plan& plan, int64_t steps, int64_t batch) {
  Carver carver;
  BackwardLayout<T>::take(carver, plan, steps, batch);
  return carver.bytes();
}

template <class T>
lnrnnStatus_t lstm_backward(const CudaStream& stream, const Plan& plan,
                            const BackwardArguments& call) {
  return Backward<T>(stream, plan, call).run();
}

#define LNRNN_INSTANTIATE(T)                                                          \
  template uint64_t lstm_backward_workspace<T>(const Plan&, int64_t, int64_t);        \
  template lnrnnStatus_t lstm_backward<T>(const CudaStream&, const Plan&, const BackwardArguments&);
LNRNN_INSTANTIATE(float)
LNRNN_INSTANTIATE(double)
#undef LNRNN_INSTANTIATE

}  // namespace lnrnn::cuda

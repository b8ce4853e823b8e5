// A backward pass over all steps at once: the gradients of parameters and of x, from those of the gates that the walk
// has left.
#pragma once

#include "cuda/row/norm_row.cuh"
#include "backward_layout.h"

namespace lnrnn::cuda {

template <class S>
class Gradients {
 public:
  using T = accumulation_t<S>;

  //   forward  what it left, and its products
  Gradients(const CudaStream& stream, const BackwardArguments& call,
            const BackwardLayout<S>& layout, const StrandRows<const T>& forward,
            const Vectors<const T*>& vectors, Lengths lengths)
      : stream_(stream), strand_(call.strand), call_(call), cell_(strand_.cell_width()),
        output_(strand_.output_width()), gates_(strand_.gates()), steps_(call.steps),
        batch_(call.batch), samples_(call.steps * call.batch),
        parameters_(static_cast<const S*>(call.parameters)),
        gradients_(static_cast<T*>(call.gradients)), layout_(layout), forward_(forward),
        vectors_(vectors), lengths_(lengths) {}

  lnrnnStatus_t run() const {
    // Everything is added, to zeros where the caller wants replacement: that clears what lies between
    // tensors, too.
    if (gradients_ != nullptr) {
      if (!call_.accumulate) LNRNN_FORWARD(clear_gradients());
      LNRNN_FORWARD(vector_gradients_of({forward_, h_before(forward_.h), nullptr, layout_.dv,
                                         layout_.last_dv, layout_.dk, layout_.z}));
      if (strand_.shape().recurrent_matrix) LNRNN_FORWARD(recurrent_gradient());
      if (strand_.shape().projected) LNRNN_FORWARD(projection_gradient());
    }
    LNRNN_FORWARD(through_input_norm());
    if (gradients_ != nullptr && has_bias_inside()) {
      LNRNN_FORWARD(vector_gradients_of({forward_, h_before(forward_.h), exact_ds()}));
    }
    if (call_.dx.pointer != nullptr) LNRNN_FORWARD(input_gradient());
    if (gradients_ != nullptr) LNRNN_FORWARD(weight_gradient());
    return LNRNN_STATUS_SUCCESS;
  }

 private:
  bool normalizes_sum() const { return term_of_step(strand_.shape()) == TermKind::kSum; }
  // Of a norm of the sum.
  bool has_bias_inside() const { return normalizes_sum() && vectors_[Slot::kBias] != nullptr; }
  // From the T + 1 places of h, those before each step: (T,N,P).
  template <class P>
  P* h_before(P* places) const {
    return at_step(places, strand_.before(0), batch_ * output_);
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

  // from as the gradient of a matrix takes it, by the gradient (T,N,width) of its product.
  lnrnnStatus_t keep_giving(const S* gradient, int64_t width, Rows<const S>* from,
                            int64_t features) const {
    if (layout_.giving == nullptr) return LNRNN_STATUS_SUCCESS;
    LNRNN_FORWARD(keep_giving_samples<S>(stream_, gradient, width, *from, samples_, features,
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
    LNRNN_FORWARD(keep_giving(layout_.da, gates_, &x, input));
    return multiply_sequence<Depth::kSamples, Depth::kSamples>(
        stream_, Product<S>{gates_, input, samples_, samples<const S>(layout_.da, gates_), x,
                            Rows<T>::matrix(to, gates_, input), true, nullptr, layout_.partial});
  }

  lnrnnStatus_t recurrent_gradient() const {
    T* const whole = strand_.find(ParameterRole::kWeightHh, gradients_);
    const bool masked = forward_.kept.bits != nullptr;
    T* const to = masked ? layout_.masked_dhh : whole;
    auto h = samples(h_before(layout_.h_operands(forward_.h)), output_);
    const S* const dr = layout_.dr_at(0, batch_ * gates_);
    LNRNN_FORWARD(keep_giving(dr, gates_, &h, output_));
    LNRNN_FORWARD((multiply_sequence<Depth::kSamples, Depth::kSamples>(
        stream_,
        Product<S>{gates_, output_, samples_, samples(dr, gates_), h,
                   Rows<T>::matrix(to, gates_, output_), !masked, nullptr, layout_.partial})));
    if (!masked) return LNRNN_STATUS_SUCCESS;
    return apply_dropconnect<T>(stream_, strand_, to, forward_.kept, whole);
  }

  lnrnnStatus_t projection_gradient() const {
    T* const to = strand_.find(ParameterRole::kWeightHr, gradients_);
    auto d = samples<const S>(layout_.d, cell_);
    LNRNN_FORWARD(keep_giving(layout_.dprojected, output_, &d, cell_));
    return multiply_sequence<Depth::kSamples, Depth::kSamples>(
        stream_,
        Product<S>{output_, cell_, samples_, samples<const S>(layout_.dprojected, output_), d,
                   Rows<T>::matrix(to, output_, cell_), true, nullptr, layout_.partial});
  }

  const CudaStream& stream_;
  const Strand& strand_;
  const BackwardArguments& call_;
  const int64_t cell_, output_, gates_;  // H, P and G H
  const int64_t steps_, batch_, samples_;
  const S* const parameters_;
  T* const gradients_;
  const BackwardLayout<S>& layout_;
  const StrandRows<const T>& forward_;
  const Vectors<const T*>& vectors_;
  const Lengths lengths_;
};

}  // namespace lnrnn::cuda

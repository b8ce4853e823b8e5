// The forward pass: for each chunk of time, x W_ih' and its statistics for all steps at once; then
// two kernels per step: h R' with the statistics of its rows, and everything between two products.
#include "lengths.h"
#include "lstm_row.h"

namespace lnrnn::cuda {

namespace {

// What inference reads, in one buffer.
template <class T>
struct PackedWeights {
  T* ih;  // (4H,C)
  T* hh;  // (4H,H), centred where the plan is normalised
  LstmVectors<T> vectors;

  static PackedWeights take(Carver& carver, const Plan& plan) {
    const int64_t hidden = plan.hidden();
    PackedWeights packed{};
    packed.ih = carver.take<T>({4 * hidden, plan.input()});
    packed.hh = carver.take<T>({4 * hidden, hidden});
    packed.vectors.bias = carver.take<T>({4 * hidden});
    if (plan.normalized()) {
      packed.vectors.gain_i = carver.take<T>({4 * hidden});
      packed.vectors.gain_h = carver.take<T>({4 * hidden});
      packed.vectors.gain_c = carver.take<T>({hidden});
      packed.vectors.bias_c = carver.take<T>({hidden});
    }
    return packed;
  }
};

// Where a pass keeps its rows: in the workspace, but for what training reserves.
template <class T>
struct ForwardLayout {
  LstmReserve<T> rows;  // inference: of one chunk, h and c of one step
  T* hh;                // (4H,H) training's, where it is not weight_hh itself
  T* square_sums;       // (N,tiles), only with normalisation
  int64_t* lengths;     // (N)

  static ForwardLayout take(Carver& carver, const Plan& plan, int64_t chunk, int64_t batch,
                            bool training) {
    const int64_t hidden = plan.hidden();
    ForwardLayout layout{};
    if (training) {
      layout.hh = carver.take<T>({4 * hidden, hidden});
    } else {
      layout.rows.a = carver.take<T>({chunk, batch, 4 * hidden});
      layout.rows.h = carver.take<T>({batch, hidden});
      layout.rows.c = carver.take<T>({batch, hidden});
      if (plan.normalized()) {
        layout.rows.r = carver.take<T>({batch, 4 * hidden});
        layout.rows.statistics = carver.take<T>({chunk, batch, kStatistics});
      }
    }
    if (plan.normalized()) {
      layout.square_sums = carver.take<T>({batch, square_sum_tiles(batch, 4 * hidden)});
    }
    layout.lengths = carver.take<int64_t>({batch});
    return layout;
  }
};

// Steps whose inputs are multiplied at once. Training keeps the products anyway; inference takes
// enough rows to keep the device busy.
int64_t chunk_steps(int64_t steps, int64_t batch, bool training) {
  constexpr int64_t kChunkRows = 8192;
  const int64_t wanted = batch < 1 ? steps : (kChunkRows + batch - 1) / batch;
  return training || steps < wanted ? steps : wanted;
}

template <class T>
class Forward {
 public:
  Forward(const CudaStream& stream, const Plan& plan, bool training, const ForwardArguments& call)
      : stream_(stream), plan_(plan), training_(training), call_(call), sequence_(*call.sequence),
        hidden_(plan.hidden()), batch_(sequence_.batch),
        chunk_(chunk_steps(sequence_.steps, batch_, training)) {
    Carver carver(call.workspace);
    layout_ = ForwardLayout<T>::take(carver, plan, chunk_, batch_, training);
    rows_ = layout_.rows;
    if (training) {
      Carver reserve(call.reserve);
      rows_ = LstmReserve<T>::take(reserve, plan, sequence_.steps, batch_);
      mask_ = Mask::of(plan.description.zoneout, call.zoneout_mask, sequence_.seed,
                       RandomKind::kZoneout, hidden_);
    }
  }

  lnrnnStatus_t run() {
    LNRNN_FORWARD(upload_lengths(stream_, call_.lengths, batch_, layout_.lengths, &lengths_));
    LNRNN_FORWARD(find_weights());
    LNRNN_FORWARD(copy_state(call_.h0, h_at(0)));
    LNRNN_FORWARD(copy_state(call_.c0, c_at(0)));
    for (int64_t begin = 0; begin < sequence_.steps; begin += chunk_) {
      const int64_t left = sequence_.steps - begin;
      LNRNN_FORWARD(multiply_inputs(begin, left < chunk_ ? left : chunk_));
      for (int64_t t = begin; t < begin + chunk_ && t < sequence_.steps; ++t) {
        LNRNN_FORWARD(multiply_states(begin, t));
        LNRNN_FORWARD(advance(begin, t));
      }
    }
    if (call_.hn != nullptr) LNRNN_FORWARD(copy_state(h_at(sequence_.steps), call_.hn));
    if (call_.cn != nullptr) LNRNN_FORWARD(copy_state(c_at(sequence_.steps), call_.cn));
    return LNRNN_STATUS_SUCCESS;
  }

 private:
  // Of step t: training has all steps, inference one chunk, or one step.
  T* a_at(int64_t begin, int64_t t) const { return rows_.a + (t - begin) * batch_ * 4 * hidden_; }
  T* r_at(int64_t t) const {
    return training_ && rows_.r != nullptr ? rows_.r + t * batch_ * 4 * hidden_ : rows_.r;
  }
  T* h_at(int64_t t) const { return training_ ? rows_.h + t * batch_ * hidden_ : rows_.h; }
  T* c_at(int64_t t) const { return training_ ? rows_.c + t * batch_ * hidden_ : rows_.c; }
  T* statistics_at(int64_t begin, int64_t t) const {
    return rows_.statistics == nullptr ? nullptr
                                       : rows_.statistics + (t - begin) * batch_ * kStatistics;
  }
  T epsilon() const { return static_cast<T>(plan_.description.epsilon); }

  lnrnnStatus_t find_weights() {
    if (!training_) {
      Carver carver(call_.weights);
      const auto packed = PackedWeights<T>::take(carver, plan_);
      ih_ = packed.ih;
      hh_ = packed.hh;
      const auto& v = packed.vectors;
      vectors_ = {v.bias, v.gain_i, v.gain_h, v.gain_c, v.bias_c};
      return LNRNN_STATUS_SUCCESS;
    }
    const T* const parameters = static_cast<const T*>(call_.weights);
    ih_ = plan_.find(ParameterRole::kWeightIh, parameters);
    vectors_ = LstmVectors<const T>::of(plan_, parameters);
    hh_ = layout_.hh;
    return prepare_recurrent_weights(stream_, plan_,
                                     plan_.find(ParameterRole::kWeightHh, parameters),
                                     dropconnect_of(plan_, sequence_, call_.dropconnect_mask),
                                     false, layout_.hh);
  }

  // Null means zeros.
  lnrnnStatus_t copy_state(const void* from, void* to) const {
    const size_t bytes = static_cast<size_t>(batch_ * hidden_) * sizeof(T);
    if (from == to || bytes == 0) return LNRNN_STATUS_SUCCESS;
    return check(stream_.context,
                 from == nullptr ? cudaMemsetAsync(to, 0, bytes, stream_.raw)
                                 : cudaMemcpyAsync(to, from, bytes, cudaMemcpyDefault, stream_.raw),
                 "copying the state");
  }

  lnrnnStatus_t multiply_inputs(int64_t begin, int64_t steps) const {
    Rows<const T> x{static_cast<const T*>(call_.x) + begin * sequence_.xStepStride,
                    batch_,
                    steps == 1 ? batch_ * sequence_.xRowStride : sequence_.xStepStride,
                    sequence_.xRowStride,
                    begin,
                    {}};
    const int64_t samples = steps * batch_;
    T* const a = a_at(training_ ? 0 : begin, begin);
    Product<T> product{samples, 4 * hidden_, plan_.input(), x,
                       Rows<const T>::matrix(ih_, 4 * hidden_, plan_.input()),
                       Rows<T>::matrix(a, samples, 4 * hidden_)};
    LNRNN_FORWARD((multiply_sequence<Depth::kFeatures, Depth::kFeatures>(stream_, product)));
    if (!plan_.normalized()) return LNRNN_STATUS_SUCCESS;
    using Kernel = LstmInputNorm<T>;
    return launch(stream_, row_shape<Kernel>(samples, 4 * hidden_),
                  Kernel{4 * hidden_, epsilon(), a, statistics_at(training_ ? 0 : begin, begin)});
  }

  // Without normalisation the sum of both products is all that is needed.
  lnrnnStatus_t multiply_states(int64_t begin, int64_t t) const {
    const bool normalized = plan_.normalized();
    Product<T> product{batch_, 4 * hidden_, hidden_,
                       Rows<const T>::matrix(h_at(t), batch_, hidden_),
                       Rows<const T>::matrix(hh_, 4 * hidden_, hidden_),
                       Rows<T>::matrix(normalized ? r_at(t) : a_at(training_ ? 0 : begin, t),
                                       batch_, 4 * hidden_)};
    product.add = !normalized;
    product.square_sums = layout_.square_sums;
    return multiply_step(stream_, product);
  }

  lnrnnStatus_t advance(int64_t begin, int64_t t) const {
    using Kernel = LstmForwardRow<T>;
    Kernel row{};
    row.step = t;
    row.batch = batch_;
    row.hidden = hidden_;
    row.lengths = lengths_;
    row.weights = vectors_;
    row.epsilon = epsilon();
    row.zoneout = training_ ? T(0) : static_cast<T>(plan_.description.zoneout);
    row.mask = mask_;
    row.step_offset = sequence_.stepOffset;
    row.row_offset = sequence_.rowOffset;
    row.a = a_at(training_ ? 0 : begin, t);
    row.r = r_at(t);
    row.square_sums = layout_.square_sums;
    row.tiles = square_sum_tiles(batch_, 4 * hidden_);
    row.statistics = statistics_at(training_ ? 0 : begin, t);
    row.h_before = h_at(t);
    row.c_before = c_at(t);
    row.h = h_at(t + 1);
    row.c = c_at(t + 1);
    row.y = call_.y == nullptr ? nullptr
                               : static_cast<T*>(call_.y) + t * sequence_.yStepStride;
    row.y_row_stride = sequence_.yRowStride;
    return launch(stream_, row_shape<Kernel>(batch_, hidden_), row);
  }

  const CudaStream& stream_;
  const Plan& plan_;
  const bool training_;
  const ForwardArguments& call_;
  const lnrnnSequence_t& sequence_;
  const int64_t hidden_, batch_, chunk_;
  ForwardLayout<T> layout_{};
  LstmReserve<T> rows_{};
  Lengths lengths_;
  Mask mask_;
  const T *ih_ = nullptr, *hh_ = nullptr;
  LstmVectors<const T> vectors_{};
};

}  // namespace

template <class T>
uint64_t lstm_packed_bytes(const Plan& plan) {
  Carver carver;
  PackedWeights<T>::take(carver, plan);
  return carver.bytes();
}

template <class T>
lnrnnStatus_t lstm_pack(const CudaStream& stream, const Plan& plan, const T* parameters,
                        void* packed) {
  Carver carver(packed);
  const auto to = PackedWeights<T>::take(carver, plan);
  const auto copy = [&](const T* from, int64_t elements, T* target) {
    if (from == nullptr) return LNRNN_STATUS_SUCCESS;
    return check(stream.context,
                 cudaMemcpyAsync(target, from, static_cast<size_t>(elements) * sizeof(T),
                                 cudaMemcpyDefault, stream.raw),
                 "copying weights");
  };
  const int64_t hidden = plan.hidden();
  const auto from = LstmVectors<const T>::of(plan, parameters);
  LNRNN_FORWARD(copy(plan.find(ParameterRole::kWeightIh, parameters), 4 * hidden * plan.input(),
                     to.ih));
  LNRNN_FORWARD(prepare_recurrent_weights(
      stream, plan, plan.find(ParameterRole::kWeightHh, parameters), Mask{}, false, to.hh));
  LNRNN_FORWARD(copy(from.bias, 4 * hidden, to.vectors.bias));
  LNRNN_FORWARD(copy(from.gain_i, 4 * hidden, to.vectors.gain_i));
  LNRNN_FORWARD(copy(from.gain_h, 4 * hidden, to.vectors.gain_h));
  LNRNN_FORWARD(copy(from.gain_c, hidden, to.vectors.gain_c));
  return copy(from.bias_c, hidden, to.vectors.bias_c);
}

template <class T>
uint64_t lstm_forward_workspace(const Plan& plan, int64_t steps, int64_t batch, bool training) {
  Carver carver;
  ForwardLayout<T>::take(carver, plan, chunk_steps(steps, batch, training), batch, training);
  return carver.bytes();
}

template <class T>
lnrnnStatus_t lstm_forward(const CudaStream& stream, const Plan& plan, bool training,
                           const ForwardArguments& call) {
  return Forward<T>(stream, plan, training, call).run();
}

#define LNRNN_INSTANTIATE(T)                                                                    \
  template uint64_t lstm_packed_bytes<T>(const Plan&);                                          \
  template lnrnnStatus_t lstm_pack(const CudaStream&, const Plan&, const T*, void*);            \
  template uint64_t lstm_forward_workspace<T>(const Plan&, int64_t, int64_t, bool);             \
  template lnrnnStatus_t lstm_forward<T>(const CudaStream&, const Plan&, bool,                  \
                                         const ForwardArguments&);
LNRNN_INSTANTIATE(float)
LNRNN_INSTANTIATE(double)
#undef LNRNN_INSTANTIATE

}  // namespace lnrnn::cuda

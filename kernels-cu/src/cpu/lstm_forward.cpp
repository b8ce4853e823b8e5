// The forward pass: for each chunk of time, x W_ih' for all its steps at once; then step by step
// h W_hh' and what lies between two products (lstm_row.h).
#include "lstm.h"
#include "lstm_weights.h"

namespace lnrnn::cpu {

namespace {

template <class T>
struct ThreadScratch {
  T* packed;        // RowGroup
  PackScratch<T> pack;
  T* o;             // (H)
  uint8_t* update;  // (H)

  static ThreadScratch take(Carver& carver, const Kernels<T>& kernels, const Plan& plan) {
    ThreadScratch scratch;
    scratch.packed = RowGroup<T>::take(carver, kernels, std::max(plan.input(), plan.hidden()));
    scratch.pack = PackScratch<T>::take(carver, kernels, plan);
    scratch.o = carver.take<T>({plan.hidden()});
    scratch.update = carver.take<uint8_t>({plan.hidden()});
    return scratch;
  }
};

// Where a pass keeps its rows and weights: in the workspace, but for what training reserves.
template <class T>
struct ForwardLayout {
  LstmWeights<T> weights;  // training's; inference brings its own
  LstmReserve<T> rows;
  char* scratch;
  int64_t scratch_bytes;  // of one thread

  static ForwardLayout take(Carver& carver, const Kernels<T>& kernels, const Plan& plan,
                            int threads, int64_t chunk, int64_t batch, bool training) {
    ForwardLayout layout{};
    if (training) {
      layout.weights = take_lstm_panels(carver, kernels, plan);
    } else {
      const int64_t hidden = plan.hidden();
      layout.rows.a = StepRows<T>::take(carver, chunk, batch, 4 * hidden);
      layout.rows.h = StepRows<T>::take(carver, 1, batch, hidden);
      layout.rows.c = StepRows<T>::take(carver, 1, batch, hidden);
      if (plan.normalized()) layout.rows.r = StepRows<T>::take(carver, 1, batch, 4 * hidden);
    }
    Carver one;
    ThreadScratch<T>::take(one, kernels, plan);
    layout.scratch_bytes = static_cast<int64_t>(one.bytes());
    layout.scratch = carver.take<char>({threads, layout.scratch_bytes});
    return layout;
  }

  ThreadScratch<T> scratch_of(int index, const Kernels<T>& kernels, const Plan& plan) const {
    Carver carver(scratch + index * scratch_bytes);
    return ThreadScratch<T>::take(carver, kernels, plan);
  }
};

// Steps whose inputs are multiplied at once: enough rows for full tiles, few enough for the cache.
// The same for any number of threads, because the workspace is.
int64_t chunk_steps(int64_t steps, int64_t batch) {
  constexpr int64_t kChunkRows = 384;
  return std::clamp<int64_t>(kChunkRows / std::max<int64_t>(batch, 1), 1,
                             std::max<int64_t>(steps, 1));
}

template <class T>
class Forward {
 public:
  Forward(const Kernels<T>& kernels, const Plan& plan, const LstmWeights<T>& weights,
          const LstmReserve<T>& rows, bool training, const ForwardArguments& arguments)
      : kernels_(kernels), plan_(plan), weights_(weights), rows_(rows), call_(arguments),
        sequence_(*arguments.sequence), lengths_{arguments.lengths},
        chunk_(chunk_steps(sequence_.steps, sequence_.batch)), hidden_(plan.hidden()) {
    const double p = plan.description.zoneout;
    if (!training) {
      zoneout_ = static_cast<T>(p);
    } else if (p > 0) {
      mask_ = Mask(p, arguments.zoneout_mask, sequence_.seed,
                   random_stream(RandomKind::kZoneout, 0, 0), hidden_);
    }
  }

  // Carries rows [rows.begin, rows.end) of the batch through all steps, together with the crew.
  void run(const Crew& crew, Span rows, const ThreadScratch<T>& scratch) const {
    const Span own = crew.share(rows.begin, rows.end);
    for (int64_t n = own.begin; n < own.end; ++n) {
      copy_or_zero(state(call_.h0, n), hidden_, rows_.h.at(0, n));
      copy_or_zero(state(call_.c0, n), hidden_, rows_.c.at(0, n));
    }
    for (int64_t begin = 0; begin < sequence_.steps; begin += chunk_) {
      const int64_t end = std::min(begin + chunk_, sequence_.steps);
      multiply_inputs(crew, rows, begin, end, scratch.packed);
      crew.wait();
      for (int64_t t = begin; t < end; ++t) {
        multiply_states(crew, rows, t, scratch.packed);
        crew.wait();
        for (int64_t n = own.begin; n < own.end; ++n) step_row(t, n, scratch);
        crew.wait();
      }
    }
    for (int64_t n = own.begin; n < own.end; ++n) {
      if (call_.hn != nullptr) copy_or_zero(rows_.h.at(sequence_.steps, n), hidden_, state(call_.hn, n));
      if (call_.cn != nullptr) copy_or_zero(rows_.c.at(sequence_.steps, n), hidden_, state(call_.cn, n));
    }
  }

 private:
  const T* state(const void* tensor, int64_t n) const {
    return tensor == nullptr ? nullptr : static_cast<const T*>(tensor) + n * hidden_;
  }
  T* state(void* tensor, int64_t n) const { return static_cast<T*>(tensor) + n * hidden_; }

  Span panels(const Crew& crew) const {
    return crew.share(0, panel_count(4 * hidden_, kernels_.panel_width));
  }

  void multiply_inputs(const Crew& crew, Span rows, int64_t begin, int64_t end,
                       T* packed) const {
    RowProduct<T> product(kernels_, weights_.ih, packed, panels(crew), false);
    const T* const x = static_cast<const T*>(call_.x);
    for (int64_t t = begin; t < end; ++t) {
      for (int64_t n = rows.begin; n < rows.end; ++n) {
        if (!lengths_.active(t, n)) continue;
        product.add(x + t * sequence_.xStepStride + n * sequence_.xRowStride, rows_.a.at(t, n));
      }
    }
    product.flush();
  }

  // Without normalisation the sum of both products is all that is needed.
  void multiply_states(const Crew& crew, Span rows, int64_t t, T* packed) const {
    const bool add = !plan_.normalized();
    RowProduct<T> product(kernels_, weights_.hh, packed, panels(crew), add);
    for (int64_t n = rows.begin; n < rows.end; ++n) {
      if (!lengths_.active(t, n)) continue;
      product.add(rows_.h.at(t, n), add ? rows_.a.at(t, n) : rows_.r.at(t, n));
    }
    product.flush();
  }

  void step_row(int64_t t, int64_t n, const ThreadScratch<T>& scratch) const {
    T* const y = call_.y == nullptr ? nullptr
                                    : static_cast<T*>(call_.y) + t * sequence_.yStepStride +
                                          n * sequence_.yRowStride;
    if (!lengths_.active(t, n)) {
      copy_or_zero<T>(rows_.h.at(t, n), hidden_, rows_.h.at(t + 1, n));
      copy_or_zero<T>(rows_.c.at(t, n), hidden_, rows_.c.at(t + 1, n));
      if (y != nullptr) std::fill_n(y, hidden_, T(0));
      return;
    }
    LstmForwardRow<T> row{};
    row.hidden = hidden_;
    row.epsilon = static_cast<T>(plan_.description.epsilon);
    row.zoneout = zoneout_;
    row.a = rows_.a.at(t, n);
    row.r = plan_.normalized() ? rows_.r.at(t, n) : nullptr;
    row.bias = weights_.bias;
    row.gain_i = weights_.gain_i;
    row.gain_h = weights_.gain_h;
    row.gain_c = weights_.gain_c;
    row.bias_c = weights_.bias_c;
    row.h_before = rows_.h.at(t, n);
    row.c_before = rows_.c.at(t, n);
    row.update = mask_.row(t * sequence_.batch + n, t + sequence_.stepOffset,
                           n + sequence_.rowOffset, scratch.update);
    row.h = rows_.h.at(t + 1, n);
    row.c = rows_.c.at(t + 1, n);
    row.y = y;
    row.statistics = rows_.statistics.base == nullptr ? nullptr : rows_.statistics.at(t, n);
    row.scratch = scratch.o;
    kernels_.lstm_forward_row(row);
  }

  const Kernels<T>& kernels_;
  const Plan& plan_;
  const LstmWeights<T>& weights_;
  const LstmReserve<T>& rows_;
  const ForwardArguments& call_;
  const lnrnnSequence_t& sequence_;
  const Lengths lengths_;
  const int64_t chunk_;
  const int64_t hidden_;
  T zoneout_ = T(0);
  Mask mask_;
};

}  // namespace

template <class T>
uint64_t lstm_forward_workspace(const Kernels<T>& kernels, const Plan& plan, int threads,
                                int64_t steps, int64_t batch, bool training) {
  Carver carver;
  ForwardLayout<T>::take(carver, kernels, plan, threads, chunk_steps(steps, batch), batch,
                         training);
  return carver.bytes();
}

template <class T>
void lstm_forward(const Kernels<T>& kernels, Team& team, const Plan& plan, bool training,
                  const ForwardArguments& call) {
  const int64_t steps = call.sequence->steps, batch = call.sequence->batch;
  Carver carver(call.workspace);
  ForwardLayout<T> layout = ForwardLayout<T>::take(
      carver, kernels, plan, team.size(), chunk_steps(steps, batch), batch, training);

  if (training) {
    Carver reserve(call.reserve);
    layout.rows = LstmReserve<T>::take(reserve, plan, steps, batch);
    const T* const parameters = static_cast<const T*>(call.weights);
    point_at_vectors(plan, parameters, &layout.weights);
    const RecurrentRows<T> weight_hh(plan, plan.find(ParameterRole::kWeightHh, parameters),
                                     call.sequence, call.dropconnect_mask, true);
    if (steps > 0 && batch > 0) {
      team.run([&](int index) {
        pack_lstm_panels(kernels, plan, plan.find(ParameterRole::kWeightIh, parameters), weight_hh,
                         layout.scratch_of(index, kernels, plan).pack,
                         Crew{index, team.size(), nullptr}, &layout.weights);
      });
    }
  } else {
    Carver packed(call.weights);
    layout.weights = take_packed_weights(packed, kernels, plan);
  }

  const Forward<T> forward(kernels, plan, layout.weights, layout.rows, training, call);
  const double step_flops = 8.0 * static_cast<double>(batch) * static_cast<double>(plan.hidden()) *
                            static_cast<double>(plan.hidden() + plan.input());
  share_batch(team, batch, kernels.tile_rows, step_flops,
              [&](int index, const Crew& crew, Span rows) {
                forward.run(crew, rows, layout.scratch_of(index, kernels, plan));
              });
}

#define LNRNN_INSTANTIATE(T)                                                                   \
  template uint64_t lstm_forward_workspace(const Kernels<T>&, const Plan&, int, int64_t,       \
                                           int64_t, bool);                                     \
  template void lstm_forward(const Kernels<T>&, Team&, const Plan&, bool, const ForwardArguments&);
LNRNN_INSTANTIATE(float)
LNRNN_INSTANTIATE(double)
#undef LNRNN_INSTANTIATE

}  // namespace lnrnn::cpu

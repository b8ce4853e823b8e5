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

  static ThreadScratch take(Carver& carver, const Kernels<T>& kernels, const Strand& strand) {
    ThreadScratch scratch;
    scratch.packed = RowGroup<T>::take(carver, kernels, std::max(strand.input(), strand.hidden()));
    scratch.pack = PackScratch<T>::take(carver, kernels, strand);
    scratch.o = carver.take<T>({strand.hidden()});
    scratch.update = carver.take<uint8_t>({strand.hidden()});
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

  static ForwardLayout take(Carver& carver, const Kernels<T>& kernels, const Strand& strand,
                            int threads, int64_t chunk, int64_t batch, bool training) {
    ForwardLayout layout{};
    if (training) {
      layout.weights = take_lstm_panels(carver, kernels, strand);
    } else {
      const int64_t hidden = strand.hidden();
      layout.rows.a = StepRows<T>::take(carver, chunk, batch, 4 * hidden);
      layout.rows.h = StepRows<T>::take(carver, 1, batch, hidden);
      layout.rows.c = StepRows<T>::take(carver, 1, batch, hidden);
      if (strand.shape().recurrent_norm) layout.rows.r = StepRows<T>::take(carver, 1, batch, 4 * hidden);
    }
    Carver one;
    ThreadScratch<T>::take(one, kernels, strand);
    layout.scratch_bytes = static_cast<int64_t>(one.bytes());
    layout.scratch = carver.take<char>({threads, layout.scratch_bytes});
    return layout;
  }

  ThreadScratch<T> scratch_of(int index, const Kernels<T>& kernels, const Strand& strand) const {
    Carver carver(scratch + index * scratch_bytes);
    return ThreadScratch<T>::take(carver, kernels, strand);
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
  Forward(const Kernels<T>& kernels, const Strand& strand, const LstmWeights<T>& weights,
          const LstmReserve<T>& rows, bool training, const ForwardArguments& arguments)
      : kernels_(kernels), strand_(strand), weights_(weights), rows_(rows), call_(arguments),
        random_(training ? drawn_from(arguments.random) : Random{}), lengths_{arguments.lengths},
        chunk_(chunk_steps(arguments.steps, arguments.batch)), hidden_(strand.hidden()) {
    const double p = strand.plan.description.zoneout;
    if (!training) {
      zoneout_ = static_cast<T>(p);
    } else if (p > 0) {
      mask_ = Mask(p, arguments.zoneout_mask, random_.seed,
                   stream_of(RandomKind::kZoneout, strand), hidden_);
    }
  }

  // Carries rows [rows.begin, rows.end) of the batch through all steps, together with the crew.
  void run(const Crew& crew, Span rows, const ThreadScratch<T>& scratch) const {
    const Span own = crew.share(rows.begin, rows.end);
    for (int64_t n = own.begin; n < own.end; ++n) {
      copy_or_zero(state(call_.h0, n), hidden_, rows_.h.at(0, n));
      copy_or_zero(state(call_.c0, n), hidden_, rows_.c.at(0, n));
    }
    for (int64_t begin = 0; begin < call_.steps; begin += chunk_) {
      const int64_t end = std::min(begin + chunk_, call_.steps);
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
      if (call_.hn != nullptr) copy_or_zero(rows_.h.at(call_.steps, n), hidden_, state(call_.hn, n));
      if (call_.cn != nullptr) copy_or_zero(rows_.c.at(call_.steps, n), hidden_, state(call_.cn, n));
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
    for (int64_t t = begin; t < end; ++t) {
      for (int64_t n = rows.begin; n < rows.end; ++n) {
        if (!lengths_.active(t, n)) continue;
        product.add(row_of<T>(call_.x, t, n), rows_.a.at(t, n));
      }
    }
    product.flush();
  }

  // Without normalisation the sum of both products is all that is needed.
  void multiply_states(const Crew& crew, Span rows, int64_t t, T* packed) const {
    const bool add = !strand_.shape().recurrent_norm;
    RowProduct<T> product(kernels_, weights_.hh, packed, panels(crew), add);
    for (int64_t n = rows.begin; n < rows.end; ++n) {
      if (!lengths_.active(t, n)) continue;
      product.add(rows_.h.at(t, n), add ? rows_.a.at(t, n) : rows_.r.at(t, n));
    }
    product.flush();
  }

  void step_row(int64_t t, int64_t n, const ThreadScratch<T>& scratch) const {
    T* const y = row_of<T>(call_.y, t, n);
    if (!lengths_.active(t, n)) {
      copy_or_zero<T>(rows_.h.at(t, n), hidden_, rows_.h.at(t + 1, n));
      copy_or_zero<T>(rows_.c.at(t, n), hidden_, rows_.c.at(t + 1, n));
      if (y != nullptr) std::fill_n(y, hidden_, T(0));
      return;
    }
    LstmForwardRow<T> row{};
    row.hidden = hidden_;
    row.epsilon = static_cast<T>(strand_.plan.description.epsilon);
    row.zoneout = zoneout_;
    row.a = rows_.a.at(t, n);
    row.r = strand_.shape().recurrent_norm ? rows_.r.at(t, n) : nullptr;
    row.bias = weights_.bias;
    row.gain_i = weights_.gain_i;
    row.gain_h = weights_.gain_h;
    row.gain_c = weights_.gain_c;
    row.bias_c = weights_.bias_c;
    row.h_before = rows_.h.at(t, n);
    row.c_before = rows_.c.at(t, n);
    row.update = mask_.row(t * call_.batch + n, t + random_.step_offset,
                           n + random_.row_offset, scratch.update);
    row.h = rows_.h.at(t + 1, n);
    row.c = rows_.c.at(t + 1, n);
    row.y = y;
    row.statistics = rows_.statistics.base == nullptr ? nullptr : rows_.statistics.at(t, n);
    row.scratch = scratch.o;
    kernels_.lstm_forward_row(row);
  }

  const Kernels<T>& kernels_;
  const Strand& strand_;
  const LstmWeights<T>& weights_;
  const LstmReserve<T>& rows_;
  const ForwardArguments& call_;
  const Random random_;
  const Lengths lengths_;
  const int64_t chunk_;
  const int64_t hidden_;
  T zoneout_ = T(0);
  Mask mask_;
};

}  // namespace

template <class T>
uint64_t lstm_forward_workspace(const Kernels<T>& kernels, const Strand& strand, int threads,
                                int64_t steps, int64_t batch, bool training) {
  Carver carver;
  ForwardLayout<T>::take(carver, kernels, strand, threads, chunk_steps(steps, batch), batch,
                         training);
  return carver.bytes();
}

template <class T>
void lstm_forward(const Kernels<T>& kernels, Team& team, bool training,
                  const ForwardArguments& call) {
  const Strand& strand = call.strand;
  const int64_t steps = call.steps, batch = call.batch;
  Carver carver(call.workspace);
  ForwardLayout<T> layout = ForwardLayout<T>::take(
      carver, kernels, strand, team.size(), chunk_steps(steps, batch), batch, training);

  if (training) {
    Carver reserve(call.reserve);
    layout.rows = LstmReserve<T>::take(reserve, strand, steps, batch);
    const T* const parameters = static_cast<const T*>(call.weights);
    point_at_vectors(strand, parameters, &layout.weights);
    const RecurrentRows<T> weight_hh(strand, strand.find(ParameterRole::kWeightHh, parameters),
                                     call.random, call.dropconnect_mask, true);
    if (steps > 0 && batch > 0) {
      team.run([&](int index) {
        pack_lstm_panels(kernels, strand, strand.find(ParameterRole::kWeightIh, parameters), weight_hh,
                         layout.scratch_of(index, kernels, strand).pack,
                         Crew{index, team.size(), nullptr}, &layout.weights);
      });
    }
  } else {
    Carver packed(call.weights);
    layout.weights = take_packed_weights(packed, kernels, strand);
  }

  const Forward<T> forward(kernels, strand, layout.weights, layout.rows, training, call);
  const double step_flops = 8.0 * static_cast<double>(batch) * static_cast<double>(strand.hidden()) *
                            static_cast<double>(strand.hidden() + strand.input());
  share_batch(team, batch, kernels.tile_rows, step_flops,
              [&](int index, const Crew& crew, Span rows) {
                forward.run(crew, rows, layout.scratch_of(index, kernels, strand));
              });
}

#define LNRNN_INSTANTIATE(T)                                                                   \
  template uint64_t lstm_forward_workspace(const Kernels<T>&, const Strand&, int, int64_t,       \
                                           int64_t, bool);                                     \
  template void lstm_forward(const Kernels<T>&, Team&, bool, const ForwardArguments&);
LNRNN_INSTANTIATE(float)
LNRNN_INSTANTIATE(double)
#undef LNRNN_INSTANTIATE

}  // namespace lnrnn::cpu

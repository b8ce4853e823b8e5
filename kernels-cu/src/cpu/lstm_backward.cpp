// The backward pass: from the last step to the first, what lies between two products (lstm_row.h)
// and dr W_hh; then, for all steps at once, the gradients of x and of the parameters.
#include "lstm.h"
#include "lstm_weights.h"

namespace lnrnn::cpu {

namespace {

// Sums over rows of the parameters that are vectors; each thread has its own.
template <class T>
struct VectorGradients {
  T *bias, *gain_i, *gain_h;  // (4H)
  T *gain_c, *bias_c;         // (H)

  static VectorGradients take(Carver& carver, const Strand& strand) {
    const int64_t hidden = strand.hidden();
    VectorGradients sums{};
    sums.bias = carver.take<T>({4 * hidden});
    if (!strand.shape().recurrent_norm) return sums;
    sums.gain_i = carver.take<T>({4 * hidden});
    sums.gain_h = carver.take<T>({4 * hidden});
    sums.gain_c = carver.take<T>({hidden});
    sums.bias_c = carver.take<T>({hidden});
    return sums;
  }
};

template <class T>
struct ThreadScratch {
  VectorGradients<T> sums;
  T* packed;        // RowGroup
  T* panels;        // OuterProducts
  PackScratch<T> pack;
  T* row;           // (4H)
  uint8_t* update;  // (H)

  static ThreadScratch take(Carver& carver, const Kernels<T>& kernels, const Strand& strand) {
    const int64_t hidden = strand.hidden();
    ThreadScratch scratch;
    scratch.sums = VectorGradients<T>::take(carver, strand);
    scratch.packed = RowGroup<T>::take(carver, kernels, 4 * hidden);
    scratch.panels =
        OuterProducts<T>::take_panels(carver, kernels, std::max(strand.input(), hidden));
    scratch.pack = PackScratch<T>::take(carver, kernels, strand);
    scratch.row = carver.take<T>({4 * hidden});
    scratch.update = carver.take<uint8_t>({hidden});
    return scratch;
  }
};

template <class T>
struct BackwardLayout {
  PackedMatrix<T> ih;       // (4H, C) for dx
  PackedMatrix<T> hh;       // (4H, H) for dh, DropConnect applied
  StepRows<T> da;           // (T,N,4H)
  StepRows<T> dr;           // (T,N,4H); da itself without normalisation
  StepRows<T> dh, dc;       // (N,H)
  T* masked_dhh;            // (4H, H) gradient of the masked weight_hh, with DropConnect
  char* scratch;
  int64_t scratch_bytes;

  static BackwardLayout take(Carver& carver, const Kernels<T>& kernels, const Strand& strand,
                             int threads, int64_t steps, int64_t batch) {
    const int64_t hidden = strand.hidden(), gates = 4 * hidden;
    BackwardLayout layout{};
    layout.ih = PackedMatrix<T>::take(carver, kernels, gates, strand.input());
    layout.hh = PackedMatrix<T>::take(carver, kernels, gates, hidden);
    layout.da = StepRows<T>::take(carver, steps, batch, gates);
    layout.dr = strand.shape().recurrent_norm ? StepRows<T>::take(carver, steps, batch, gates) : layout.da;
    layout.dh = StepRows<T>::take(carver, 1, batch, hidden);
    layout.dc = StepRows<T>::take(carver, 1, batch, hidden);
    if (strand.plan.description.dropconnect > 0) layout.masked_dhh = carver.take<T>({gates, hidden});
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

template <class T>
class Backward {
 public:
  Backward(const Kernels<T>& kernels, const Strand& strand, const BackwardLayout<T>& layout,
           const BackwardArguments& call)
      : kernels_(kernels), strand_(strand), layout_(layout), call_(call), random_(drawn_from(call.random)),
        lengths_{call.lengths}, hidden_(strand.hidden()), gates_(strand.gates()),
        weight_hh_(strand, strand.find(ParameterRole::kWeightHh, parameters()), call.random,
                   call.dropconnect_mask, true) {
    Carver reserve(call.reserve);
    forward_ = LstmReserve<T>::take(reserve, strand, call_.steps, call_.batch);
    point_at_vectors(strand, parameters(), &weights_);
    if (strand.plan.description.zoneout > 0) {
      zoneout_ = Mask(strand.plan.description.zoneout, call.zoneout_mask, random_.seed,
                      stream_of(RandomKind::kZoneout, strand), hidden_);
    }
  }

  void pack(const Crew& crew, const ThreadScratch<T>& scratch) const {
    const T* const weight_ih = strand_.find(ParameterRole::kWeightIh, parameters());
    const Span rows = crew.share(0, gates_);
    for (int64_t m = rows.begin; m < rows.end; ++m) {
      if (call_.dx.base != nullptr) pack_row(kernels_, weight_ih + m * strand_.input(), m, layout_.ih);
      pack_row(kernels_, weight_hh_.row(m, scratch.pack.values, scratch.pack.bytes), m,
               layout_.hh);
    }
  }

  void clear_sums(const ThreadScratch<T>& scratch) const {
    const VectorGradients<T>& sums = scratch.sums;
    std::fill_n(sums.bias, gates_, T(0));
    if (!strand_.shape().recurrent_norm) return;
    std::fill_n(sums.gain_i, gates_, T(0));
    std::fill_n(sums.gain_h, gates_, T(0));
    std::fill_n(sums.gain_c, hidden_, T(0));
    std::fill_n(sums.bias_c, hidden_, T(0));
  }

  // Carries the gradient of rows [rows.begin, rows.end) back through all steps.
  void run(const Crew& crew, Span rows, const ThreadScratch<T>& scratch) const {
    const Span own = crew.share(rows.begin, rows.end);
    for (int64_t n = own.begin; n < own.end; ++n) {
      copy_or_zero(state(call_.dhn, n), hidden_, layout_.dh.at(0, n));
      copy_or_zero(state(call_.dcn, n), hidden_, layout_.dc.at(0, n));
    }
    const Span panels = crew.share(0, panel_count(hidden_, kernels_.panel_width));
    for (int64_t t = call_.steps - 1; t >= 0; --t) {
      for (int64_t n = own.begin; n < own.end; ++n) {
        if (lengths_.active(t, n)) step_row(t, n, scratch);
      }
      crew.wait();
      RowProduct<T> product(kernels_, layout_.hh, scratch.packed, panels, true);
      for (int64_t n = rows.begin; n < rows.end; ++n) {
        if (lengths_.active(t, n)) product.add(layout_.dr.at(t, n), layout_.dh.at(0, n));
      }
      product.flush();
      crew.wait();
    }
    for (int64_t n = own.begin; n < own.end; ++n) {
      if (call_.dh0 != nullptr) copy_or_zero<T>(layout_.dh.at(0, n), hidden_, state(call_.dh0, n));
      if (call_.dc0 != nullptr) copy_or_zero<T>(layout_.dc.at(0, n), hidden_, state(call_.dc0, n));
    }
  }

  void input_gradient(const Crew& crew, const ThreadScratch<T>& scratch) const {
    if (call_.dx.base == nullptr) return;
    RowProduct<T> product(kernels_, layout_.ih, scratch.packed,
                          {0, panel_count(strand_.input(), kernels_.panel_width)}, call_.add_dx);
    const Span rows = crew.share(0, call_.steps * call_.batch);
    for (int64_t i = rows.begin; i < rows.end; ++i) {
      const int64_t t = i / call_.batch, n = i % call_.batch;
      T* const dx = row_of<T>(call_.dx, t, n);
      if (lengths_.active(t, n)) {
        product.add(layout_.da.at(t, n), dx);
      } else if (!call_.add_dx) {
        std::fill_n(dx, strand_.input(), T(0));
      }
    }
    product.flush();
  }

  void weight_gradients(const Crew& crew, const ThreadScratch<T>& scratch) const {
    if (call_.gradients == nullptr) return;
    T* const gradients = static_cast<T*>(call_.gradients);
    const bool accumulate = call_.accumulate;
    const Span rows = crew.share(0, gates_);

    OuterProducts<T> dih(kernels_, scratch.packed, scratch.panels,
                         strand_.find(ParameterRole::kWeightIh, gradients), strand_.input(), rows,
                         accumulate);
    for_active([&](int64_t t, int64_t n) {
      dih.add(layout_.da.at(t, n), row_of<T>(call_.x, t, n));
    });
    dih.flush();

    T* const whole = strand_.find(ParameterRole::kWeightHh, gradients);
    T* const masked = weight_hh_.masked() ? layout_.masked_dhh : whole;
    OuterProducts<T> dhh(kernels_, scratch.packed, scratch.panels, masked, hidden_, rows,
                         accumulate && masked == whole);
    for_active([&](int64_t t, int64_t n) { dhh.add(layout_.dr.at(t, n), forward_.h.at(t, n)); });
    dhh.flush();
    if (masked == whole) return;
    for (int64_t m = rows.begin; m < rows.end; ++m) {
      T* const row = masked + m * hidden_;
      weight_hh_.apply(m, row, row, scratch.pack.bytes);
      store(row, hidden_, whole + m * hidden_, accumulate);
    }
  }

  // Adds up the threads' sums, always in the same order.
  void vector_gradients(int threads) const {
    if (call_.gradients == nullptr) return;
    T* const gradients = static_cast<T*>(call_.gradients);
    if (!call_.accumulate) strand_.clear_padding(gradients);
    const VectorGradients<T> total = layout_.scratch_of(0, kernels_, strand_).sums;
    const auto reduce = [&](ParameterRole role, T* VectorGradients<T>::*vector, int64_t n) {
      T* const out = strand_.find(role, gradients);
      if (out == nullptr) return;
      for (int index = 1; index < threads; ++index) {
        store(layout_.scratch_of(index, kernels_, strand_).sums.*vector, n, total.*vector, true);
      }
      store(total.*vector, n, out, call_.accumulate);
    };
    reduce(ParameterRole::kBias, &VectorGradients<T>::bias, gates_);
    reduce(ParameterRole::kGainI, &VectorGradients<T>::gain_i, gates_);
    reduce(ParameterRole::kGainH, &VectorGradients<T>::gain_h, gates_);
    reduce(ParameterRole::kGainC, &VectorGradients<T>::gain_c, hidden_);
    reduce(ParameterRole::kNormBiasC, &VectorGradients<T>::bias_c, hidden_);
  }

 private:
  const T* parameters() const { return static_cast<const T*>(call_.parameters); }

  const T* state(const void* tensor, int64_t n) const {
    return tensor == nullptr ? nullptr : static_cast<const T*>(tensor) + n * hidden_;
  }
  T* state(void* tensor, int64_t n) const { return static_cast<T*>(tensor) + n * hidden_; }

  static void store(const T* from, int64_t n, T* to, bool accumulate) {
    for (int64_t j = 0; j < n; ++j) to[j] = accumulate ? to[j] + from[j] : from[j];
  }

  template <class F>
  void for_active(const F& body) const {
    for (int64_t t = 0; t < call_.steps; ++t) {
      for (int64_t n = 0; n < call_.batch; ++n) {
        if (lengths_.active(t, n)) body(t, n);
      }
    }
  }

  void step_row(int64_t t, int64_t n, const ThreadScratch<T>& scratch) const {
    LstmBackwardRow<T> row{};
    row.hidden = hidden_;
    row.a = forward_.a.at(t, n);
    row.bias = weights_.bias;
    row.gain_i = weights_.gain_i;
    row.gain_h = weights_.gain_h;
    row.gain_c = weights_.gain_c;
    row.bias_c = weights_.bias_c;
    row.c_before = forward_.c.at(t, n);
    row.c = forward_.c.at(t + 1, n);
    row.update = zoneout_.row(t * call_.batch + n, t + random_.step_offset,
                              n + random_.row_offset, scratch.update);
    row.dy = row_of<T>(call_.dy, t, n);
    row.dh = layout_.dh.at(0, n);
    row.dc = layout_.dc.at(0, n);
    row.da = layout_.da.at(t, n);
    row.dbias = scratch.sums.bias;
    row.scratch = scratch.row;
    if (strand_.shape().recurrent_norm) {
      row.r = forward_.r.at(t, n);
      row.statistics = forward_.statistics.at(t, n);
      row.dr = layout_.dr.at(t, n);
      row.dgain_i = scratch.sums.gain_i;
      row.dgain_h = scratch.sums.gain_h;
      row.dgain_c = scratch.sums.gain_c;
      row.dbias_c = scratch.sums.bias_c;
    }
    kernels_.lstm_backward_row(row);
  }

  const Kernels<T>& kernels_;
  const Strand& strand_;
  const BackwardLayout<T>& layout_;
  const BackwardArguments& call_;
  const Random random_;
  const Lengths lengths_;
  const int64_t hidden_, gates_;
  const RecurrentRows<T> weight_hh_;
  LstmWeights<T> weights_{};
  LstmReserve<T> forward_;
  Mask zoneout_;
};

}  // namespace

template <class T>
uint64_t lstm_backward_workspace(const Kernels<T>& kernels, const Strand& strand, int threads,
                                 int64_t steps, int64_t batch) {
  Carver carver;
  BackwardLayout<T>::take(carver, kernels, strand, threads, steps, batch);
  return carver.bytes();
}

template <class T>
void lstm_backward(const Kernels<T>& kernels, Team& team,
                   const BackwardArguments& call) {
  const Strand& strand = call.strand;
  const int64_t steps = call.steps, batch = call.batch;
  Carver carver(call.workspace);
  const auto layout =
      BackwardLayout<T>::take(carver, kernels, strand, team.size(), steps, batch);
  const Backward<T> backward(kernels, strand, layout, call);

  team.run([&](int index) {
    const ThreadScratch<T> scratch = layout.scratch_of(index, kernels, strand);
    backward.clear_sums(scratch);
    if (steps > 0 && batch > 0) backward.pack(Crew{index, team.size(), nullptr}, scratch);
  });
  const double step_flops = 8.0 * static_cast<double>(batch) * static_cast<double>(strand.hidden()) *
                            static_cast<double>(strand.hidden());
  share_batch(team, batch, kernels.tile_rows, step_flops,
              [&](int index, const Crew& crew, Span rows) {
                backward.run(crew, rows, layout.scratch_of(index, kernels, strand));
              });
  team.run([&](int index) {
    const Crew crew{index, team.size(), nullptr};
    const ThreadScratch<T> scratch = layout.scratch_of(index, kernels, strand);
    backward.input_gradient(crew, scratch);
    backward.weight_gradients(crew, scratch);
  });
  backward.vector_gradients(team.size());
}

#define LNRNN_INSTANTIATE(T)                                                                     \
  template uint64_t lstm_backward_workspace(const Kernels<T>&, const Strand&, int, int64_t,        \
                                            int64_t);                                            \
  template void lstm_backward(const Kernels<T>&, Team&, const BackwardArguments&);
LNRNN_INSTANTIATE(float)
LNRNN_INSTANTIATE(double)
#undef LNRNN_INSTANTIATE

}  // namespace lnrnn::cpu

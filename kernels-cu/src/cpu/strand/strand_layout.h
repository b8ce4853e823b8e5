// Where a strand's passes keep their rows, weights and sums: what is in the reserve, and what is in the
// workspace. Sizes and uses come from the same functions.
#pragma once

#include <type_traits>

#include "cell/total.h"
#include "strand_weights.h"

namespace lnrnn::cpu {

// (step, row) -> a row of width elements; null where there is no such tensor. A ring where only the
// last period steps are kept.
template <class T>
struct StepRows {
  T* base = nullptr;
  int64_t period = 1, batch = 0, width = 0;

  static StepRows take(Carver& carver, int64_t period, int64_t batch, int64_t width) {
    return {carver.take<T>({period, batch, width}), period, batch, width};
  }
  T* at(int64_t step, int64_t row) const {
    if (base == nullptr) return nullptr;
    return base + ((period == 1 ? 0 : step % period) * batch + row) * width;
  }
};

// What training keeps from forward for backward. What a strand does not have is not there.
template <class T>
struct StrandRows {
  StepRows<T> a;           // (T,N,G H) x W_ih', plus h W_hh' where that is not needed apart
  StepRows<T> r;           // (T,N,G H) h W_hh'
  StepRows<T> h, c;        // (T+1,N,P) and (T+1,N,H), at the places of Strand::before and after
  StepRows<T> statistics;  // (T,N,2 segments) of all sites
  KeptWeights kept;        // with DropConnect

  static StrandRows take(Carver& carver, const Strand& strand, int64_t steps, int64_t batch) {
    const CellShape& shape = strand.shape();
    StrandRows reserve;
    if (!strand.plan.has(LNRNN_PLAN_RECOMPUTE)) reserve.take_products(carver, strand, steps, batch);
    reserve.take_states(carver, strand, steps + 1, batch);
    if (shape.statistics() > 0) {
      reserve.statistics = StepRows<T>::take(carver, steps, batch, 2 * shape.statistics());
    }
    reserve.kept = KeptWeights::take(carver, strand);
    return reserve;
  }

  void take_states(Carver& carver, const Strand& strand, int64_t places, int64_t batch) {
    h = StepRows<T>::take(carver, places, batch, strand.output_width());
    if (strand.shape().carries_cell)
      c = StepRows<T>::take(carver, places, batch, strand.cell_width());
  }
  // Of so many steps at a time.
  void take_products(Carver& carver, const Strand& strand, int64_t steps, int64_t batch,
                     int64_t recurrent_steps) {
    a = StepRows<T>::take(carver, steps, batch, strand.gates());
    if (strand.shape().keeps_recurrent_product()) {
      r = StepRows<T>::take(carver, recurrent_steps, batch, strand.gates());
    }
  }
  void take_products(Carver& carver, const Strand& strand, int64_t steps, int64_t batch) {
    take_products(carver, strand, steps, batch, steps);
  }
};

// Memory that each thread has of its own.
template <class Scratch>
class ScratchOfThreads {
 public:
  template <class... Arguments>
  static ScratchOfThreads take(Carver& carver, int threads, const Arguments&... arguments) {
    ScratchOfThreads all;
    Carver one(carver.rest());  // most passes have one thread, and need no more than this
    all.first_ = Scratch::take(one, arguments...);
    all.bytes_ = one.bytes();
    all.base_ = carver.take<char>({threads, static_cast<int64_t>(all.bytes_)});
    return all;
  }
  // The arguments are those of take.
  template <class... Arguments>
  Scratch of(int index, const Arguments&... arguments) const {
    if (index == 0) return first_;
    Carver carver(base_ + static_cast<uint64_t>(index) * bytes_);
    return Scratch::take(carver, arguments...);
  }

 private:
  Scratch first_;
  char* base_ = nullptr;
  uint64_t bytes_ = 0;
};

// The scratch of the share that a thread carries out, which is mostly its own: make(index) is called
// where it is another one than before.
template <class Make>
class ScratchOfShare {
 public:
  // first: the thread whose scratch share 0 has.
  ScratchOfShare(const Phases& phases, int first, const Make& make)
      : first_(first), make_(make), index_(phases.index()), scratch_(make(first + index_)) {}

  const auto& operator()(const Crew& crew) {
    if (crew.index != index_) scratch_ = make_(first_ + crew.index);
    index_ = crew.index;
    return scratch_;
  }

 private:
  const int first_;
  const Make& make_;
  int index_;
  std::invoke_result_t<Make, int> scratch_;
};

// Where the masks of a row are drawn that the plan has.
struct RowMasks {
  uint8_t *of_h = nullptr, *of_c = nullptr, *of_candidate = nullptr;  // (P), (H) and (H)

  static RowMasks take(Carver& carver, const Strand& strand) {
    RowMasks masks;
    const lnrnnPlanDescription_t& d = strand.plan.description;
    if (d.zoneout > 0) masks.of_h = carver.take<uint8_t>({strand.output_width()});
    if (d.zoneoutCell > 0) masks.of_c = carver.take<uint8_t>({strand.cell_width()});
    if (d.dropoutCandidate > 0) masks.of_candidate = carver.take<uint8_t>({strand.cell_width()});
    return masks;
  }
};

// ---- Forward ------------------------------------------------------------------------------------

template <class S>
struct ForwardScratch {
  using T = accumulation_t<S>;

  T* packed;  // RowGroup
  PackScratch<T> pack;
  T* row;  // (kRowScratch, H)
  RowMasks masks;

  static ForwardScratch take(Carver& carver, const Kernels<T>& kernels, const Strand& strand) {
    ForwardScratch scratch;
    scratch.packed = RowGroup<T>::take(carver, kernels, longest_input(strand));
    scratch.pack = PackScratch<T>::template take<S>(carver, kernels, strand);
    scratch.row = carver.take<T>({kRowScratch, strand.cell_width()});
    scratch.masks = RowMasks::take(carver, strand);
    return scratch;
  }
};

// Where a pass keeps its rows and weights: in the workspace, but for what training reserves.
template <class S>
struct ForwardLayout {
  using T = accumulation_t<S>;

  StrandWeights<T> weights;  // training's; inference brings its own
  StrandRows<T> rows;
  StepRows<T> x;             // (chunk,N,I) widened
  StepRows<T> d, projected;  // (N,H) and (N,P): D and D W_hr', where h is projected
  T* zeros;  // the state before a step that begins a sequence; filled in where there are resets
  ScratchOfThreads<ForwardScratch<S>> scratch;

  static ForwardLayout take(Carver& carver, const Kernels<T>& kernels, const Strand& strand,
                            int threads, int64_t chunk, int64_t batch, bool training) {
    ForwardLayout layout{};
    if (training) layout.weights = StrandWeights<T>::take(carver, kernels, strand);
    if (!training || strand.plan.has(LNRNN_PLAN_RECOMPUTE)) {
      layout.rows.take_products(carver, strand, chunk, batch, 1);
    }
    if (!training) layout.rows.take_states(carver, strand, 1, batch);
    if (kIsHalf<S>) layout.x = StepRows<T>::take(carver, chunk, batch, strand.input());
    layout.zeros = carver.take<T>({strand.widest_state()});
    if (strand.shape().projected) {
      layout.d = StepRows<T>::take(carver, 1, batch, strand.cell_width());
      layout.projected = StepRows<T>::take(carver, 1, batch, strand.output_width());
    }
    layout.scratch = ScratchOfThreads<ForwardScratch<S>>::take(carver, threads, kernels, strand);
    return layout;
  }

  // Training's rows are its reserve's, but for products that it does not keep.
  void use(const StrandRows<T>& reserve) {
    rows.h = reserve.h;
    rows.c = reserve.c;
    rows.statistics = reserve.statistics;
    if (reserve.a.base == nullptr) return;
    rows.a = reserve.a;
    rows.r = reserve.r;
  }
};

// ---- Backward -----------------------------------------------------------------------------------

// Sums over rows of the gradients of vectors; each thread has its own. Blocks of kRows rows are added up
// one after another, and blocks to a total that loses nothing, where there may be more than one.
template <class T>
struct VectorSums {
  static constexpr int64_t kRows = 64;

  T* flat;  // all of them, and what lies between
  int64_t elements;
  Vectors<T*> vectors{};
  T *high = nullptr, *low = nullptr;  // the total of flat's blocks, behind it

  static VectorSums take(Carver& carver, const Strand& strand, int64_t samples) {
    Carver measure;
    take_vectors<T>(measure, strand);
    VectorSums sums;
    sums.elements = static_cast<int64_t>(measure.bytes() / sizeof(T));
    const bool totals = samples > kRows;
    sums.flat = carver.take<T>({totals ? 3 : 1, sums.elements});
    Carver parts(sums.flat);
    sums.vectors = take_vectors<T>(parts, strand);
    if (totals && sums.flat != nullptr) {
      sums.high = sums.flat + sums.elements;
      sums.low = sums.high + sums.elements;
    }
    return sums;
  }

  void clear() const { std::fill_n(flat, high == nullptr ? elements : 3 * elements, T(0)); }
  // To be called after kRows rows at most, and after the last one.
  void end_block(const Kernels<T>& kernels) const {
    if (high != nullptr) kernels.move_to_total(flat, elements, high, low);
  }
  // Blocks of other have ended, as have these.
  void add(const Kernels<T>& kernels, const VectorSums& other) const {
    if (high == nullptr) {
      add_numbers(other.flat, elements, flat, true);
    } else {
      // What infinity leaves in low does not count.
      for (int64_t j = 0; j < elements; ++j) {
        if (other.low[j] != other.low[j]) other.low[j] = T(0);
      }
      kernels.move_to_total(other.high, elements, high, low);
      kernels.move_to_total(other.low, elements, high, low);
    }
  }
  // Brings the total to flat.
  void finish() const {
    if (high == nullptr) return;
    for (int64_t j = 0; j < elements; ++j) flat[j] = value_of_total(high[j], low[j]);
  }
};

// As many as can be counted, where sizes are asked for that cannot be had.
inline int64_t samples_of(int64_t steps, int64_t batch) {
  return static_cast<int64_t>(std::min<uint64_t>(size_product({steps, batch}), INT64_MAX));
}

template <class S>
struct BackwardScratch {
  using T = accumulation_t<S>;

  VectorSums<T> sums;
  T* packed;  // RowGroup
  T* panels;  // OuterProducts
  PackScratch<T> pack;
  T* row;  // (kRowScratch, H)
  T* dy;   // (P) widened
  RowMasks masks;

  static BackwardScratch take(Carver& carver, const Kernels<T>& kernels, const Strand& strand,
                              int64_t samples) {
    BackwardScratch scratch;
    scratch.sums = VectorSums<T>::take(carver, strand, samples);
    const int64_t longest = longest_input(strand);
    scratch.packed = RowGroup<T>::take(carver, kernels, std::max(strand.gates(), longest));
    scratch.panels = OuterProducts<T>::take_panels(carver, kernels, longest);
    scratch.pack = PackScratch<T>::template take<S>(carver, kernels, strand);
    scratch.row = carver.take<T>({kRowScratch, strand.cell_width()});
    scratch.dy = kIsHalf<S> ? carver.take<T>({strand.output_width()}) : nullptr;
    scratch.masks = RowMasks::take(carver, strand);
    return scratch;
  }
};

template <class S>
struct BackwardLayout {
  using T = accumulation_t<S>;

  Vectors<T*> vectors{};
  PackedMatrix<T> ih;  // (G H, I) for dx
  PackedMatrix<T> hh;  // (G H, P) for dh, DropConnect applied
  PackedMatrix<T> hr;  // (P, H) for dd, where h is projected
  StepRows<T> da;      // (T,N,G H)
  StepRows<T> dr;      // (T,N,G H); da itself where forward kept no r
  StepRows<T> dh, dc;  // (N,P) and (N,H)
  // Where h is projected: D (T,N,H), the gradient by it (N,H), and by D W_hr' (T,N,P).
  StepRows<T> d, dd, dprojected;
  T* masked_dhh;  // (G H, P) gradient of the masked weight_hh, with DropConnect; used where
                  // it is added to what is there
  StepRows<T> x;  // (T,N,I) widened; later dx
  T* zeros;       // as forward's
  StrandWeights<T> weights;  // forward's, to compute its products again
  StrandRows<T> products;
  PartialSums<T> partial;  // of the gradients of matrices
  ScratchOfThreads<BackwardScratch<S>> scratch;

  static BackwardLayout take(Carver& carver, const Kernels<T>& kernels, const Strand& strand,
                             int threads, int64_t steps, int64_t batch) {
    const int64_t output = strand.output_width(), gates = strand.gates();
    const CellShape& shape = strand.shape();
    BackwardLayout layout{};
    layout.vectors = take_vectors<T>(carver, strand);
    layout.ih = PackedMatrix<T>::take(carver, kernels, gates, strand.input());
    if (shape.recurrent_matrix) {
      layout.hh = PackedMatrix<T>::take(carver, kernels, gates, output);
    }
    layout.da = StepRows<T>::take(carver, steps, batch, gates);
    layout.dr = shape.keeps_recurrent_product() ? StepRows<T>::take(carver, steps, batch, gates)
                                                : layout.da;
    layout.dh = StepRows<T>::take(carver, 1, batch, output);
    if (shape.carries_cell) layout.dc = StepRows<T>::take(carver, 1, batch, strand.cell_width());
    if (shape.projected) {
      layout.hr = PackedMatrix<T>::take(carver, kernels, output, strand.cell_width());
      layout.d = StepRows<T>::take(carver, steps, batch, strand.cell_width());
      layout.dprojected = StepRows<T>::take(carver, steps, batch, output);
      layout.dd = StepRows<T>::take(carver, 1, batch, strand.cell_width());
    }
    if (strand.plan.description.dropconnect > 0) {
      layout.masked_dhh = carver.take<T>({gates, output});
    }
    if (kIsHalf<S>) layout.x = StepRows<T>::take(carver, steps, batch, strand.input());
    layout.zeros = carver.take<T>({strand.widest_state()});
    if (strand.plan.has(LNRNN_PLAN_RECOMPUTE)) {
      layout.weights = StrandWeights<T>::take(carver, kernels, strand);
      layout.products.take_products(carver, strand, steps, batch);
    }
    const int64_t samples = samples_of(steps, batch);
    layout.partial =
        PartialSums<T>::take(carver, samples, std::max(gates, shape.projected ? output : 0),
                             shape.recurrent_matrix ? longest_input(strand) : strand.input());
    layout.scratch =
        ScratchOfThreads<BackwardScratch<S>>::take(carver, threads, kernels, strand, samples);
    return layout;
  }
};

}  // namespace lnrnn::cpu

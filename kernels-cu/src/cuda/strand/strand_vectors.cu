// Gradients of biases, gains and the IndRNN's weights: sums over all samples. First blocks add up
// chunks of samples, then the chunks are added up, always in the same order: the same bits every time.
// No chain of additions is longer than kChain, however many samples there are.
//
// A vector's gradient is the sum of that by its term, dy: as it is, times the normalised term, or times h before
// the step. See VectorUse.
#include <algorithm>

#include "cuda/machine/reduce.cuh"
#include "cuda/row/cells.cuh"
#include "passes.h"

namespace lnrnn::cuda {

namespace {

constexpr int kMostTerms = 3;
constexpr int64_t kMostChunks = 64, kChunkSamples = 64;
constexpr int64_t kChain = 32;

int64_t chunks_of(int64_t samples) {
  return std::clamp<int64_t>(tiles_of(samples, kChunkSamples), 1, kMostChunks);
}

// As many neighbouring numbers as are loaded at once, or one.
template <class T, int kCount>
LNRNN_DEVICE void load_numbers(const T* from, T (&to)[kCount]) {
  if constexpr (kCount == 1) {
    to[0] = *from;
  } else {
    static_assert(sizeof to == sizeof(Words));
    const Words words = load_words(from);
    memcpy(to, &words, sizeof words);
  }
}

// What a gradient is multiplied by: x, or z of its layer norm.
template <class T>
struct Factor {
  const T* x;  // (S,width) with stride
  int64_t stride;
  const T* statistics;  // (S,kStatistics) with norm_stride, or null
  int64_t norm_stride;

  template <int kCount>
  LNRNN_DEVICE void load(int64_t sample, int64_t column, T (&to)[kCount]) const {
    load_numbers(x + sample * stride + column, to);
    if (statistics == nullptr) return;
    const auto norm = Moments<T>::load(statistics + sample * norm_stride);
    LNRNN_UNROLL
    for (int i = 0; i < kCount; ++i) to[i] = norm.z(to[i]);
  }
};

//   dy:(S,width)  last:(S,last_width) stands for dy's last columns, where it is not null
//   partials:(chunks,1+factors,width): sum dy, sum dy x of each factor
template <class T>
struct SampleSums {
  int64_t samples, width, chunks;
  Rows<const T> dy;  // with lengths
  const T* last;
  int64_t last_width;
  int factors;
  Factor<T> factor[kMostTerms - 1];
  T* partials;

  LNRNN_DEVICE const T* gradients_at(int64_t sample, int64_t column) const {
    const int64_t in_last = column - (width - last_width);
    if (last != nullptr && in_last >= 0) return last + sample * last_width + in_last;
    return dy.sample(sample) + column;
  }
};

// Blocks: (chunk, kTile columns), columns first; a lane has kCount neighbours.
template <class T, int kCount>
struct SumSamples {
  static constexpr const char* kName = "sum_samples";
  static constexpr int kMaxThreads = 256;
  static constexpr int kWarps = kMaxThreads / kWarp, kTile = kWarp * kCount;
  struct Shared {
    Array<T, kMostTerms * kWarps * kTile> sums;  // (term, warp, column)
  };

  SampleSums<T> call;

  LNRNN_DEVICE void operator()(Block& block) const {
    auto& shared = block.template shared<Shared>();
    const int64_t tiles = tiles_of(call.width, kTile);
    const int64_t chunk = block.index() / tiles;
    const int in_tile = block.lane() * kCount;
    const int64_t column = block.index() % tiles * kTile + in_tile;
    T sums[kMostTerms][kCount] = {};
    Totals<T, kCount> totals[kMostTerms];
    const int64_t stride = call.chunks * kWarps;
    for (int64_t i = chunk * kWarps + block.warp(); i < call.samples;) {
      const int64_t left = call.samples - i;
      const int64_t end = i + (left < kChain * stride ? left : kChain * stride);
      LNRNN_UNROLL
      for (; i < end; i += stride) {
        if (column < call.width && call.dy.active(i)) add(i, column, sums);
      }
      LNRNN_UNROLL
      for (int k = 0; k < kMostTerms; ++k) totals[k].take(sums[k]);
    }
    LNRNN_UNROLL
    for (int k = 0; k < kMostTerms; ++k) {
      LNRNN_UNROLL
      for (int c = 0; c < kCount; ++c) {
        shared.sums[(k * kWarps + block.warp()) * kTile + in_tile + c] = totals[k].value(c);
      }
    }
    block.sync();
    if (block.warp() > call.factors || column >= call.width) return;
    const int term = block.warp();
    for (int c = 0; c < kCount; ++c) {
      T total(0);
      for (int w = 0; w < kWarps; ++w)
        total += shared.sums[(term * kWarps + w) * kTile + in_tile + c];
      call.partials[(chunk * (call.factors + 1) + term) * call.width + column + c] = total;
    }
  }

 private:
  LNRNN_DEVICE void add(int64_t sample, int64_t column, T (&sums)[kMostTerms][kCount]) const {
    T gradients[kCount];
    load_numbers(call.gradients_at(sample, column), gradients);
    LNRNN_UNROLL
    for (int c = 0; c < kCount; ++c) sums[0][c] += gradients[c];
    LNRNN_UNROLL
    for (int k = 0; k < kMostTerms - 1; ++k) {
      if (k >= call.factors) continue;
      T x[kCount];
      call.factor[k].load(sample, column, x);
      LNRNN_UNROLL
      for (int c = 0; c < kCount; ++c) {
        sums[k + 1][c] = fma(gradients[c], unless_zero(gradients[c], x[c]), sums[k + 1][c]);
      }
    }
  }
};

// Where a sum goes: as many places as are not null.
constexpr int kMostPlaces = 3;
template <class T>
using Places = T* [kMostPlaces];

// Threads: (term, column), grid-strided.
template <class T>
struct SumChunks {
  static constexpr const char* kName = "sum_chunks";
  static constexpr int kMaxThreads = 128;
  static constexpr int kAtOnce = 16;  // loads on their way

  int64_t chunks, width;
  int terms;
  const T* partials;
  Places<T> of_dy;               // the sum of dy
  T* of_factor[kMostTerms - 1];  // those with a factor

  LNRNN_DEVICE void operator()(Block& block) const {
    const int64_t all = terms * width;
    each_element(block, all, [&](int64_t i) {
      T total(0);
      for (int64_t first = 0; first < chunks; first += kAtOnce) {
        T some[kAtOnce] = {};
        LNRNN_UNROLL
        for (int k = 0; k < kAtOnce; ++k) {
          if (first + k < chunks) some[k] = partials[(first + k) * all + i];
        }
        T sum(0);
        LNRNN_UNROLL
        for (int k = 0; k < kAtOnce; ++k) sum += some[k];
        total += sum;
      }
      const int64_t column = i % width;
      if (i < width) {
        for (T* const place : of_dy) {
          if (place != nullptr) place[column] += total;
        }
      } else {
        (i < 2 * width ? of_factor[0] : of_factor[1])[column] += total;
      }
    });
  }
};

// A tensor of gradients with up to two factors.
template <class T>
class Sums {
 public:
  // With segments that belong to gates of the tensor, or null.
  struct Normalized {
    const T* x;
    const T* statistics;
    const Segments* segments;
  };

  //   dy:(S,width), or null for no sums  last:(S,gate_width) as in SampleSums, or null
  //   partials: vector_partials
  Sums(Rows<const T> dy, int64_t samples, int64_t width, int64_t gate_width, const T* last,
       T* partials)
      : dy_(dy), samples_(samples), width_(width), gate_width_(gate_width), last_(last),
        partials_(partials) {}

  void to(T* place) { of_dy_[places_++] = place; }
  void times(const Normalized& factor, T* place) {
    factors_[factor_count_] = factor;
    of_factor_[factor_count_++] = place;
  }
  // Gates between whose segments no norm changes are added up together.
  lnrnnStatus_t run(const CudaStream& stream) const {
    if (dy_.base == nullptr || places_ + factor_count_ == 0) return LNRNN_STATUS_SUCCESS;
    const int gates = static_cast<int>(width_ / gate_width_);
    for (int begin = 0, end = 1; begin < gates; begin = end++) {
      while (end < gates && !begins_segment(end)) ++end;
      LNRNN_FORWARD(run(stream, begin, end, end == gates));
    }
    return LNRNN_STATUS_SUCCESS;
  }

 private:
  bool begins_segment(int gate) const {
    for (int k = 0; k < factor_count_; ++k) {
      const Segments* const segments = factors_[k].segments;
      if (segments != nullptr && segments->of_gate(gate) != segments->of_gate(gate - 1))
        return true;
    }
    return false;
  }

  lnrnnStatus_t run(const CudaStream& stream, int begin_gate, int end_gate, bool has_last) const {
    using Second = SumChunks<T>;
    const int64_t first = begin_gate * gate_width_;
    SampleSums<T> samples{};
    samples.samples = samples_;
    samples.width = (end_gate - begin_gate) * gate_width_;
    samples.chunks = chunks_of(samples_);
    samples.dy = dy_;
    samples.dy.base += first;
    if (has_last && last_ != nullptr) {
      samples.last = last_;
      samples.last_width = gate_width_;
    }
    samples.partials = partials_;
    samples.factors = factor_count_;
    Second chunks{samples.chunks, samples.width, factor_count_ + 1, partials_, {}, {}};
    for (int i = 0; i < places_; ++i) chunks.of_dy[i] = of_dy_[i] + first;
    for (int k = 0; k < factor_count_; ++k) {
      const Normalized& factor = factors_[k];
      samples.factor[k] = {factor.x + first, width_, nullptr, 0};
      if (factor.segments != nullptr) {
        samples.factor[k].statistics =
            factor.statistics + factor.segments->of_gate(begin_gate) * kStatistics;
        samples.factor[k].norm_stride = factor.segments->count * kStatistics;
      }
      chunks.of_factor[k] = of_factor_[k] + first;
    }
    // Rows of these tensors begin at multiples of Words where all these are.
    const bool packed = width_ % kPack<T> == 0 && samples.width % kPack<T> == 0 &&
                        first % kPack<T> == 0 && samples.last_width % kPack<T> == 0;
    LNRNN_FORWARD(packed ? sum_samples<kPack<T>>(stream, samples)
                         : sum_samples<1>(stream, samples));
    return launch(stream, elements_shape<Second>(chunks.terms * chunks.width), chunks);
  }
  template <int kCount>
  static lnrnnStatus_t sum_samples(const CudaStream& stream, const SampleSums<T>& samples) {
    using First = SumSamples<T, kCount>;
    return launch(stream,
                  {samples.chunks * tiles_of(samples.width, First::kTile), First::kMaxThreads,
                   sizeof(typename First::Shared)},
                  First{samples});
  }

  Rows<const T> dy_;
  int64_t samples_, width_, gate_width_;
  const T* last_;
  T* partials_;
  int places_ = 0, factor_count_ = 0;
  Places<T> of_dy_{};
  Normalized factors_[kMostTerms - 1]{};
  T* of_factor_[kMostTerms - 1]{};
};

}  // namespace

int64_t vector_partials(int64_t steps, int64_t batch) {
  // Sizes are asked for that cannot be had.
  const uint64_t samples = size_product({steps, batch});
  return chunks_of(static_cast<int64_t>(std::min<uint64_t>(samples, INT64_MAX / 2))) * kMostTerms;
}

template <class T>
lnrnnStatus_t vector_gradients(const CudaStream& stream, const Strand& strand, int64_t steps,
                               int64_t batch, Lengths lengths, const StrandTrace<T>& trace,
                               T* partials, T* gradients) {
  const CellShape& shape = strand.shape();
  const int64_t cell = strand.cell_width();
  const auto sums = [&](const T* dy, int64_t width, const T* last) {
    return Sums<T>(Rows<const T>::sequence(dy, batch, width).masked(lengths, 0).simplified(),
                   steps * batch, width, cell, last, partials);
  };
  auto of_gates = sums(trace.dv, strand.gates(), nullptr);
  auto of_last_apart = sums(trace.dv, strand.gates(), trace.last_dv);
  auto of_sum = sums(trace.ds, strand.gates(), nullptr);
  auto of_cell = sums(trace.dk, cell, nullptr);
  // By a term as the vectors that belong to it see it.
  const auto by = [&](TermKind term) {
    switch (term) {
      case TermKind::kInput: return shape.site(TermKind::kSum) == nullptr ? &of_gates : &of_sum;
      case TermKind::kRecurrent: return has_last_apart(shape.kind) ? &of_last_apart : &of_gates;
      case TermKind::kSum: return &of_gates;
      case TermKind::kCell: return &of_cell;
    }
    __builtin_unreachable();
  };
  const auto normalized = [&](TermKind term) -> typename Sums<T>::Normalized {
    if (term == TermKind::kCell) return {trace.z, nullptr, nullptr};
    const StrandRows<const T>& rows = trace.forward;
    return {term == TermKind::kRecurrent ? rows.r : rows.a, rows.norm(term),
            &shape.site(term)->segments};
  };
  each_vector(strand, [&](const PlanVector& vector) {
    const auto [term, use] = place_of(vector.slot);
    for (int i = 0; i < vector.addends; ++i) {
      T* const place = strand.addend(vector, i, gradients);
      switch (use) {
        case VectorUse::kAdded: by(term)->to(place); break;
        case VectorUse::kGain: by(term)->times(normalized(term), place); break;
        case VectorUse::kTimesState:
          by(term)->times({trace.h_before, nullptr, nullptr}, place);
          break;
      }
    }
  });
  for (const Sums<T>* const some : {&of_gates, &of_last_apart, &of_sum, &of_cell}) {
    LNRNN_FORWARD(some->run(stream));
  }
  return LNRNN_STATUS_SUCCESS;
}

template lnrnnStatus_t vector_gradients(const CudaStream&, const Strand&, int64_t, int64_t, Lengths,
                                        const StrandTrace<float>&, float*, float*);
template lnrnnStatus_t vector_gradients(const CudaStream&, const Strand&, int64_t, int64_t, Lengths,
                                        const StrandTrace<double>&, double*, double*);

}  // namespace lnrnn::cuda

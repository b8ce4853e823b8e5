// Gradients of biases, gains and the IndRNN's weights: sums over all samples. First blocks add up
// chunks of samples, then the chunks are added up, always in the same order: the same bits every time.
// No chain of additions is longer than kChain, however many samples there are.
//
//   LSTM     dbias = sum dv;  dgain_i = sum dv z_a;  dgain_h = sum dv z_r
//            dbias_c = sum dk;  dgain_c = sum dk z_u
//   GRU      dbias_ih = sum dp;  dgain_i = sum dp z_a;  dbias_hh = sum dq;  dgain_h = sum dq z_r
//   IndRNN   dbias = sum dv;  dgain_i = sum dv z_a;  dw = sum dv h_before
#include "cuda/machine/reduce.cuh"
#include "cuda/row/strand.h"

namespace lnrnn::cuda {

namespace {

constexpr int kMostTerms = 3;
constexpr int64_t kMostChunks = 64, kChunkSamples = 64;
constexpr int64_t kChain = 32;

int64_t chunks_of(int64_t samples) {
  const int64_t chunks = (samples + kChunkSamples - 1) / kChunkSamples;
  return chunks < 1 ? 1 : chunks < kMostChunks ? chunks : kMostChunks;
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
  const T* x;           // (S,width)
  const T* statistics;  // (S,kStatistics), or null

  template <int kCount>
  LNRNN_DEVICE void load(int64_t sample, int64_t column, int64_t width, T (&to)[kCount]) const {
    load_numbers(x + sample * width + column, to);
    if (statistics == nullptr) return;
    const auto norm = Norm<T>::load(statistics + sample * kStatistics);
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
      call.factor[k].load(sample, column, call.width, x);
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

// One tensor of gradients with up to two factors.
template <class T>
class Sums {
 public:
  Sums(int64_t samples, int64_t width, Rows<const T> dy, T* partials) {
    first_.samples = samples;
    first_.width = second_.width = width;
    first_.chunks = second_.chunks = chunks_of(samples);
    first_.dy = dy;
    first_.partials = partials;
    second_.partials = partials;
  }
  Sums& last(const T* gradient, int64_t width) {
    first_.last = gradient;
    first_.last_width = width;
    return *this;
  }
  // Null stands for no place.
  Sums& to(T* one, T* two = nullptr, T* three = nullptr) {
    second_.of_dy[0] = one;
    second_.of_dy[1] = two;
    second_.of_dy[2] = three;
    return *this;
  }
  // Left out where place is null.
  Sums& times(const T* x, const T* statistics, T* place) {
    if (place == nullptr) return *this;
    second_.of_factor[first_.factors] = place;
    first_.factor[first_.factors++] = {x, statistics};
    return *this;
  }
  lnrnnStatus_t run(const CudaStream& stream) {
    using Second = SumChunks<T>;
    // Rows of these tensors begin at multiples of Words where their width is one.
    const bool packed = first_.width % kPack<T> == 0 && first_.last_width % kPack<T> == 0;
    LNRNN_FORWARD(packed ? sum_samples<kPack<T>>(stream) : sum_samples<1>(stream));
    second_.terms = first_.factors + 1;
    const int64_t sums = second_.terms * first_.width;
    return launch(stream, elements_shape<Second>(sums), second_);
  }

 private:
  template <int kCount>
  lnrnnStatus_t sum_samples(const CudaStream& stream) const {
    using First = SumSamples<T, kCount>;
    return launch(stream,
                  {first_.chunks * tiles_of(first_.width, First::kTile), First::kMaxThreads,
                   sizeof(typename First::Shared)},
                  First{first_});
  }

  SampleSums<T> first_{};
  SumChunks<T> second_{};
};

}  // namespace

int64_t vector_partials(const Strand& strand, int64_t steps, int64_t batch) {
  return chunks_of(steps * batch) * kMostTerms * strand.gates();
}

template <class T>
lnrnnStatus_t vector_gradients(const CudaStream& stream, const Strand& strand, int64_t steps,
                               int64_t batch, Lengths lengths, const StrandTrace<T>& trace,
                               T* partials, T* gradients) {
  const int64_t samples = steps * batch, hidden = strand.hidden(), gates = strand.gates();
  const auto of = [&](ParameterRole role) { return strand.find(role, gradients); };
  const auto sums = [&](const T* dy, int64_t width) {
    return Sums<T>(samples, width,
                   Rows<const T>::sequence(dy, batch, width).masked(lengths, 0).simplified(),
                   partials);
  };
  const StrandRows<const T>& rows = trace.forward;
  switch (strand.shape().kind) {
    case CellKind::kLstm:
      LNRNN_FORWARD(sums(trace.dv, gates)
                        .to(of(ParameterRole::kBias), of(ParameterRole::kNormBiasI),
                            of(ParameterRole::kNormBiasH))
                        .times(rows.a, rows.norm_a, of(ParameterRole::kGainI))
                        .times(rows.r, rows.norm_r, of(ParameterRole::kGainH))
                        .run(stream));
      if (!strand.shape().cell_norm) return LNRNN_STATUS_SUCCESS;
      return sums(trace.dk, hidden)
          .to(of(ParameterRole::kNormBiasC))
          .times(trace.z, nullptr, of(ParameterRole::kGainC))
          .run(stream);
    case CellKind::kGru:
      LNRNN_FORWARD(sums(trace.dv, gates)
                        .to(of(ParameterRole::kBiasIh))
                        .times(rows.a, rows.norm_a, of(ParameterRole::kGainI))
                        .run(stream));
      return sums(trace.dv, gates)
          .last(trace.dk, hidden)
          .to(of(ParameterRole::kBiasHh))
          .times(rows.r, rows.norm_r, of(ParameterRole::kGainH))
          .run(stream);
    case CellKind::kIndrnn: break;
  }
  return sums(trace.dv, gates)
      .to(of(ParameterRole::kBias))
      .times(rows.a, rows.norm_a, of(ParameterRole::kGainI))
      .times(trace.h_before, nullptr, of(ParameterRole::kWeightHh))
      .run(stream);
}

template lnrnnStatus_t vector_gradients(const CudaStream&, const Strand&, int64_t, int64_t, Lengths,
                                        const StrandTrace<float>&, float*, float*);
template lnrnnStatus_t vector_gradients(const CudaStream&, const Strand&, int64_t, int64_t, Lengths,
                                        const StrandTrace<double>&, double*, double*);

}  // namespace lnrnn::cuda

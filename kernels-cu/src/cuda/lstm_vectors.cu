// Gradients of biases and gains: sums over all samples. First blocks add up chunks of samples, then
// the chunks are added up, always in the same order: the same bits every time.
//
//   dbias = sum dv;  dgain_i = sum dv z_a;  dgain_h = sum dv z_r
//   dbias_c = sum dk;  dgain_c = sum dk z_u
#include "lstm.h"
#include "reduce.h"

namespace lnrnn::cuda {

namespace {

constexpr int kMostTerms = 3;
constexpr int64_t kMostChunks = 64, kChunkSamples = 64;

int64_t chunks_of(int64_t samples) {
  const int64_t chunks = (samples + kChunkSamples - 1) / kChunkSamples;
  return chunks < 1 ? 1 : chunks < kMostChunks ? chunks : kMostChunks;
}

// Normalised inputs of a layer norm: where its rows and statistics are.
template <class T>
struct NormInput {
  const T* x;  // (S,width)
  int norm;    // kNormA, ...
};

// Blocks: (chunk, kWarp columns), columns first.
//   dy:(S,width)  partials:(chunks,1+inputs,width): sum dy, sum dy z of each input
template <class T>
struct SumSamples {
  static constexpr const char* kName = "sum_samples";
  static constexpr int kMaxThreads = 256;
  static constexpr int kWarps = kMaxThreads / kWarp;
  struct Shared {
    Array<T, kMostTerms * kMaxThreads> sums;
  };

  int64_t samples, width, chunks;
  Rows<const T> dy;  // with lengths
  int inputs;
  NormInput<T> input[kMostTerms - 1];
  const T* statistics;
  T* partials;

  LNRNN_DEVICE void operator()(Block& block) const {
    auto& shared = block.template shared<Shared>();
    const int64_t tiles = (width + kWarp - 1) / kWarp;
    const int64_t chunk = block.index() / tiles;
    const int64_t column = block.index() % tiles * kWarp + block.lane();
    T sums[kMostTerms] = {};
    for (int64_t i = chunk * kWarps + block.warp(); i < samples; i += chunks * kWarps) {
      if (column >= width || !dy.active(i)) continue;
      const T gradient = dy.sample(i)[column];
      sums[0] += gradient;
      for (int k = 0; k < kMostTerms - 1; ++k) {
        if (k >= inputs) continue;
        const auto norm = Norm<T>::load(statistics + i * kStatistics + input[k].norm);
        sums[k + 1] = fma(gradient, norm.z(input[k].x[i * width + column]), sums[k + 1]);
      }
    }
    for (int k = 0; k < kMostTerms; ++k) shared.sums[k * kMaxThreads + block.thread()] = sums[k];
    block.sync();
    if (block.warp() <= inputs && column < width) {
      const int term = block.warp();
      T total(0);
      for (int w = 0; w < kWarps; ++w) {
        total += shared.sums[term * kMaxThreads + w * kWarp + block.lane()];
      }
      partials[(chunk * (inputs + 1) + term) * width + column] = total;
    }
  }
};

// Threads: (term, column), grid-strided.
template <class T>
struct SumChunks {
  static constexpr const char* kName = "sum_chunks";
  static constexpr int kMaxThreads = 256;

  int64_t chunks, width;
  int terms;
  const T* partials;
  T* gradient[kMostTerms];

  LNRNN_DEVICE void operator()(Block& block) const {
    const int64_t stride = block.blocks() * block.threads(), all = terms * width;
    for (int64_t i = block.index() * block.threads() + block.thread(); i < all; i += stride) {
      T total(0);
      for (int64_t chunk = 0; chunk < chunks; ++chunk) total += partials[chunk * all + i];
      const int64_t column = i % width;
      T* const to = i < width ? gradient[0] : i < 2 * width ? gradient[1] : gradient[2];
      to[column] += total;
    }
  }
};

template <class T>
lnrnnStatus_t sum(const CudaStream& stream, const SumSamples<T>& samples,
                  T* const (&gradient)[kMostTerms]) {
  using First = SumSamples<T>;
  using Second = SumChunks<T>;
  const int64_t tiles = (samples.width + kWarp - 1) / kWarp;
  LNRNN_FORWARD(launch(
      stream, {samples.chunks * tiles, First::kMaxThreads, sizeof(typename First::Shared)},
      samples));
  const int terms = samples.inputs + 1;
  const int64_t blocks = (terms * samples.width + Second::kMaxThreads - 1) / Second::kMaxThreads;
  return launch(stream, {blocks, Second::kMaxThreads},
                Second{samples.chunks, samples.width, terms, samples.partials,
                       {gradient[0], gradient[1], gradient[2]}});
}

}  // namespace

int64_t vector_partials(const Plan& plan, int64_t steps, int64_t batch) {
  return chunks_of(steps * batch) * kMostTerms * 4 * plan.hidden();
}

template <class T>
lnrnnStatus_t lstm_vector_gradients(const CudaStream& stream, const Plan& plan,
                                    const lnrnnSequence_t& sequence, Lengths lengths,
                                    const LstmTrace<T>& trace, T* partials, T* gradients) {
  const int64_t samples = sequence.steps * sequence.batch, hidden = plan.hidden();
  const int64_t chunks = chunks_of(samples);
  const auto to = LstmVectors<T>::of(plan, gradients);
  const auto rows = [&](const T* dy, int64_t width) {
    return Rows<const T>::sequence(dy, sequence.batch, width).masked(lengths, 0);
  };
  const T* const statistics = trace.forward.statistics;
  const int inputs = plan.normalized() ? 2 : 0;
  LNRNN_FORWARD(sum<T>(stream,
                    SumSamples<T>{samples, 4 * hidden, chunks, rows(trace.dv, 4 * hidden), inputs,
                                  {{trace.forward.a, kNormA}, {trace.forward.r, kNormR}},
                                  statistics, partials},
                    {to.bias, to.gain_i, to.gain_h}));
  if (!plan.normalized()) return LNRNN_STATUS_SUCCESS;
  // u of step t is c after it.
  const T* const u = trace.forward.c + sequence.batch * hidden;
  return sum<T>(stream,
             SumSamples<T>{samples, hidden, chunks, rows(trace.dk, hidden), 1,
                           {{u, kNormU}, {nullptr, 0}}, statistics, partials},
             {to.bias_c, to.gain_c, nullptr});
}

template lnrnnStatus_t lstm_vector_gradients(const CudaStream&, const Plan&,
                                             const lnrnnSequence_t&, Lengths,
                                             const LstmTrace<float>&, float*, float*);
template lnrnnStatus_t lstm_vector_gradients(const CudaStream&, const Plan&,
                                             const lnrnnSequence_t&, Lengths,
                                             const LstmTrace<double>&, double*, double*);

}  // namespace lnrnn::cuda

// What is done to each number of a tensor on its own.
#include "cuda/machine/reduce.cuh"
#include "passes.h"

namespace lnrnn::cuda {

namespace {

constexpr int kThreads = 256;

// Threads: elements, grid-strided.
//   from, to:(N,width) the state before step 0, the strand's first
template <class T>
struct CopyFirstState {
  static constexpr const char* kName = "copy_first_state";
  static constexpr int kMaxThreads = kThreads;

  int64_t elements, width;
  Cuts cuts;
  const T* from;
  T* to;

  LNRNN_DEVICE void operator()(Block& block) const {
    each_element(block, elements, [this](int64_t i) {
      const int64_t n = i / width;
      to[i] = cuts.lengths.active(0, n) && cuts.before(0, n) ? T(0) : from[i];
    });
  }
};

// Threads: elements, grid-strided.
template <class S>
struct RoundToStorage {
  static constexpr const char* kName = "round_to_storage";
  static constexpr int kMaxThreads = kThreads;

  int64_t elements;
  const accumulation_t<S>* from;
  S* to;

  LNRNN_DEVICE void operator()(Block& block) const {
    each_element(block, elements, [this](int64_t i) { to[i] = to_storage<S>(from[i]); });
  }
};

// Threads: elements, grid-strided.
template <class S>
struct ClearRows {
  static constexpr const char* kName = "clear_rows";
  static constexpr int kMaxThreads = kThreads;

  int64_t elements, features;
  Rows<S> rows;

  LNRNN_DEVICE void operator()(Block& block) const {
    each_element(block, elements,
                 [this](int64_t i) { rows.sample(i / features)[i % features] = S{}; });
  }
};

// Blocks: samples.
//   to:(S,features) = from, or 0 where gradient:(S,width) is 0
template <class S>
struct KeepGivingSamples {
  static constexpr const char* kName = "keep_giving_samples";
  static constexpr int kMaxThreads = kThreads;
  struct Shared {
    SumScratch<float, 1> nonzeros;
  };

  int64_t width, features;
  const S* gradient;
  Rows<const S> from;
  S* to;

  LNRNN_DEVICE void operator()(Block& block) const {
    const int64_t i = block.index();
    const S* const row = gradient + i * width;
    float nonzeros[1] = {0};
    for (int64_t j = block.thread(); j < width; j += block.threads()) {
      if (to_accumulation(row[j]) != 0) nonzeros[0] = 1;
    }
    block_sum(block, block.template shared<Shared>().nonzeros, nonzeros);
    const bool gives = nonzeros[0] > 0 && from.active(i);
    for (int64_t j = block.thread(); j < features; j += block.threads()) {
      to[i * features + j] = gives ? from.sample(i)[j] : S{};
    }
  }
};

// Threads: quads of features, which one draw serves, grid-strided.
//   values:(T,N,features)
template <class S>
struct DropOut {
  static constexpr const char* kName = "drop_out";
  static constexpr int kMaxThreads = kThreads;
  using T = accumulation_t<S>;

  int64_t quads, batch, features;
  bool same_for_all_steps;
  Random random;
  uint64_t threshold;
  uint32_t stream;
  T scale;
  S* values;
  const uint8_t*
      mask;  // (T,N,features), or (N,features) where it is the same for all steps; or null

  LNRNN_DEVICE void operator()(Block& block) const {
    const Random drawn = mask == nullptr ? random.drawn() : random;
    const int64_t quads_of_row = (features + 3) / 4;
    each_element(block, quads, [&](int64_t i) {
      const int64_t sample = i / quads_of_row, quad = i % quads_of_row;
      const int64_t step = same_for_all_steps ? 0 : sample / batch + drawn.step_offset;
      const int64_t given = (same_for_all_steps ? sample % batch : sample) * features;
      Philox4 words{};
      if (mask == nullptr) {
        words = random_words(drawn.seed, static_cast<uint32_t>(quad), static_cast<uint32_t>(step),
                             static_cast<uint32_t>(sample % batch + drawn.row_offset), stream);
      }
      for (int64_t j = 4 * quad; j < 4 * quad + 4 && j < features; ++j) {
        S& value = values[sample * features + j];
        const bool keeps = mask == nullptr ? word_of(words, j) < threshold : mask[given + j] != 0;
        value = to_storage<S>(keeps ? to_accumulation(value) * scale : T(0));
      }
    });
  }
};

// Threads: quads of decisions, which one draw serves, grid-strided.
//   mask:(steps,batch,width) = 1 where the decision is to keep, else 0
struct DrawMask {
  static constexpr const char* kName = "draw_mask";
  static constexpr int kMaxThreads = kThreads;

  int64_t quads, batch, width;
  bool counts_steps, counts_rows;
  Random random;
  uint64_t threshold;
  uint32_t stream;
  uint8_t* mask;

  LNRNN_DEVICE void operator()(Block& block) const {
    const Random drawn = random.drawn();
    const int64_t first_step = counts_steps ? drawn.step_offset : 0;
    const int64_t first_row = counts_rows ? drawn.row_offset : 0;
    const int64_t quads_of_row = (width + 3) / 4;
    each_element(block, quads, [&](int64_t i) {
      const int64_t sample = i / quads_of_row, quad = i % quads_of_row;
      const Philox4 words = random_words(drawn.seed, static_cast<uint32_t>(quad),
                                         static_cast<uint32_t>(sample / batch + first_step),
                                         static_cast<uint32_t>(sample % batch + first_row), stream);
      for (int64_t j = 4 * quad; j < 4 * quad + 4 && j < width; ++j) {
        mask[sample * width + j] = word_of(words, j) < threshold ? 1 : 0;
      }
    });
  }
};

}  // namespace

template <class T>
lnrnnStatus_t copy_state(const CudaStream& stream, const void* from, void* to, int64_t elements) {
  const size_t bytes = static_cast<size_t>(elements) * sizeof(T);
  if (from == to || bytes == 0) return LNRNN_STATUS_SUCCESS;
  return check(stream.context,
               from == nullptr ? cudaMemsetAsync(to, 0, bytes, stream.raw)
                               : cudaMemcpyAsync(to, from, bytes, cudaMemcpyDefault, stream.raw),
               "copying a state");
}

template <class T>
lnrnnStatus_t copy_first_state(const CudaStream& stream, const Cuts& cuts, const void* from,
                               void* to, int64_t batch, int64_t width) {
  using Kernel = CopyFirstState<T>;
  const int64_t elements = batch * width;
  // The reverse direction's first step has none after it that could begin anew.
  if (from == nullptr || !cuts.any() || cuts.reverse || cuts.steps == 0) {
    return copy_state<T>(stream, from, to, elements);
  }
  return launch(stream, elements_shape<Kernel>(elements),
                Kernel{elements, width, cuts, static_cast<const T*>(from), static_cast<T*>(to)});
}

template <class S>
lnrnnStatus_t round_to_storage(const CudaStream& stream, const accumulation_t<S>* from, S* to,
                               int64_t elements) {
  using Kernel = RoundToStorage<S>;
  return launch(stream, elements_shape<Kernel>(elements), Kernel{elements, from, to});
}

template <class S>
lnrnnStatus_t clear_rows(const CudaStream& stream, const Rows<S>& rows, int64_t samples,
                         int64_t features) {
  using Kernel = ClearRows<S>;
  const int64_t elements = samples * features;
  return launch(stream, elements_shape<Kernel>(elements), Kernel{elements, features, rows});
}

template <class S>
lnrnnStatus_t keep_giving_samples(const CudaStream& stream, const S* gradient, int64_t width,
                                  const Rows<const S>& from, int64_t samples, int64_t features,
                                  S* to) {
  using Kernel = KeepGivingSamples<S>;
  return launch(stream, row_shape<Kernel>(samples, features),
                Kernel{width, features, gradient, from, to});
}

template <class S>
lnrnnStatus_t drop_out(const CudaStream& stream, const DropoutArguments& call) {
  using Kernel = DropOut<S>;
  using T = accumulation_t<S>;
  const double p = call.plan.description.dropout;
  const int64_t features = call.plan.output();
  const int64_t quads = call.steps * call.batch * ((features + 3) / 4);
  return launch(stream, elements_shape<Kernel>(quads),
                Kernel{quads, call.batch, features, call.plan.has(LNRNN_PLAN_VARIATIONAL_DROPOUT),
                       call.random, keep_threshold(p),
                       random_stream(RandomKind::kDropout, static_cast<uint32_t>(call.layer), 0),
                       kept_scale<T>(p), static_cast<S*>(call.values), call.mask});
}

lnrnnStatus_t draw_mask(const CudaStream& stream, const MaskArguments& call) {
  const MaskShape& shape = call.shape;
  const int64_t quads = shape.steps * shape.batch * ((shape.width + 3) / 4);
  return launch(stream, elements_shape<DrawMask>(quads),
                DrawMask{quads, shape.batch, shape.width, shape.counts_steps, shape.counts_rows,
                         call.random, keep_threshold(shape.probability), call.stream, call.mask});
}

template lnrnnStatus_t copy_state<float>(const CudaStream&, const void*, void*, int64_t);
template lnrnnStatus_t copy_state<double>(const CudaStream&, const void*, void*, int64_t);
template lnrnnStatus_t copy_first_state<float>(const CudaStream&, const Cuts&, const void*, void*,
                                               int64_t, int64_t);
template lnrnnStatus_t copy_first_state<double>(const CudaStream&, const Cuts&, const void*, void*,
                                                int64_t, int64_t);
#define LNRNN_INSTANTIATE(S) \
  template lnrnnStatus_t round_to_storage(const CudaStream&, const accumulation_t<S>*, S*, \
                                          int64_t); \
  template lnrnnStatus_t clear_rows(const CudaStream&, const Rows<S>&, int64_t, int64_t); \
  template lnrnnStatus_t keep_giving_samples(const CudaStream&, const S*, int64_t, \
                                             const Rows<const S>&, int64_t, int64_t, S*); \
  template lnrnnStatus_t drop_out<S>(const CudaStream&, const DropoutArguments&);
LNRNN_INSTANTIATE(float)
LNRNN_INSTANTIATE(double)
LNRNN_INSTANTIATE(F16)
LNRNN_INSTANTIATE(Bf16)
#undef LNRNN_INSTANTIATE

}  // namespace lnrnn::cuda

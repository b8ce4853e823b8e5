// Preparing the recurrent weights, once per pass or once per packing.
#include "lstm.h"
#include "reduce.h"

namespace lnrnn::cuda {

namespace {

// Column means want accuracy where they are large beside the deviations: the mean of what the first
// mean leaves over is subtracted as well. Blocks: kWarp columns each; a warp takes every kWarps-th row.
//   from:(4H,H)  to:(4H,H) or (H,4H)
template <class T>
struct PrepareRecurrentWeights {
  static constexpr const char* kName = "prepare_recurrent_weights";
  static constexpr int kMaxThreads = 256;
  static constexpr int kWarps = kMaxThreads / kWarp;
  struct Shared {
    Array<T, kMaxThreads> sums[2];
  };

  int64_t rows, columns;
  const T* from;
  Mask mask;
  T scale;
  bool centred, transposed;
  T* to;

  LNRNN_DEVICE void operator()(Block& block) const {
    auto& shared = block.template shared<Shared>();
    const int64_t column = block.index() * kWarp + block.lane();
    T mean(0), rest(0);
    if (centred) {
      mean = column_mean(block, shared.sums[0], column, T(0));
      rest = column_mean(block, shared.sums[1], column, mean);
    }
    for (int64_t row = block.warp(); row < rows && column < columns; row += kWarps) {
      const int64_t at = transposed ? column * rows + row : row * columns + column;
      to[at] = (weight(row, column) - mean) - rest;
    }
  }

 private:
  LNRNN_DEVICE T weight(int64_t row, int64_t column) const {
    const T value = from[row * columns + column];
    if (!mask.on) return value;
    return mask.keeps(row, row, 0, column) ? value * scale : T(0);
  }

  LNRNN_DEVICE T column_mean(Block& block, Array<T, kMaxThreads>& sums, int64_t column,
                             T shift) const {
    T sum(0);
    for (int64_t row = block.warp(); row < rows && column < columns; row += kWarps) {
      sum += weight(row, column) - shift;
    }
    sums[block.thread()] = sum;
    block.sync();
    T total(0);
    for (int w = 0; w < kWarps; ++w) total += sums[w * kWarp + block.lane()];
    return total / static_cast<T>(rows);
  }
};

// Threads: elements, grid-strided.
template <class T>
struct ApplyDropConnect {
  static constexpr const char* kName = "apply_dropconnect";
  static constexpr int kMaxThreads = 256;

  int64_t elements, columns;
  const T* from;
  Mask mask;
  T scale;
  T* to;

  LNRNN_DEVICE void operator()(Block& block) const {
    const int64_t stride = block.blocks() * block.threads();
    for (int64_t i = block.index() * block.threads() + block.thread(); i < elements; i += stride) {
      const int64_t row = i / columns, column = i % columns;
      if (mask.keeps(row, row, 0, column)) to[i] = fma(from[i], scale, to[i]);
    }
  }
};

template <class T>
T dropconnect_scale(const Plan& plan) {
  const double p = plan.description.dropconnect;
  return p < 1 ? static_cast<T>(1 / (1 - p)) : T(0);
}

}  // namespace

Mask dropconnect_of(const Plan& plan, const lnrnnSequence_t& sequence, const uint8_t* given) {
  return Mask::of(plan.description.dropconnect, given, sequence.seed, RandomKind::kDropConnect,
                  plan.hidden());
}

template <class T>
lnrnnStatus_t prepare_recurrent_weights(const CudaStream& stream, const Plan& plan,
                                        const T* weight_hh, const Mask& mask, bool transposed,
                                        T* to) {
  using Kernel = PrepareRecurrentWeights<T>;
  const int64_t hidden = plan.hidden();
  return launch(stream,
                {(hidden + kWarp - 1) / kWarp, Kernel::kMaxThreads,
                 sizeof(typename Kernel::Shared)},
                Kernel{4 * hidden, hidden, weight_hh, mask, dropconnect_scale<T>(plan),
                       plan.normalized(), transposed, to});
}

template <class T>
lnrnnStatus_t apply_dropconnect(const CudaStream& stream, const Plan& plan, const T* from,
                                const Mask& mask, T* to) {
  using Kernel = ApplyDropConnect<T>;
  constexpr int64_t kMostBlocks = 1024;
  const int64_t elements = 4 * plan.hidden() * plan.hidden();
  const int64_t blocks = (elements + Kernel::kMaxThreads - 1) / Kernel::kMaxThreads;
  return launch(stream, {blocks < kMostBlocks ? blocks : kMostBlocks, Kernel::kMaxThreads},
                Kernel{elements, plan.hidden(), from, mask, dropconnect_scale<T>(plan), to});
}

#define LNRNN_INSTANTIATE(T)                                                                      \
  template lnrnnStatus_t prepare_recurrent_weights(const CudaStream&, const Plan&, const T*,      \
                                                   const Mask&, bool, T*);                        \
  template lnrnnStatus_t apply_dropconnect(const CudaStream&, const Plan&, const T*, const Mask&, \
                                           T*);
LNRNN_INSTANTIATE(float)
LNRNN_INSTANTIATE(double)
#undef LNRNN_INSTANTIATE

}  // namespace lnrnn::cuda

// What layer normalisation asks of x W_ih' for many steps at once: of one segment of it. Blocks: samples.
#pragma once

#include "term.cuh"

namespace lnrnn::cuda {

// Samples are many: several to a multiprocessor are worth more than many threads for each.
constexpr int kFeaturesOfThread = 8;
template <class Kernel>
LaunchShape input_norm_shape(int64_t samples, int64_t width) {
  return row_shape<Kernel>(samples, tiles_of(width, kFeaturesOfThread));
}

// Statistics.
//   a:(S,width) with stride  statistics:(S,kStatistics) with norm_stride
template <class T>
struct InputNorm {
  static constexpr const char* kName = "input_norm";
  static constexpr int kMaxThreads = 1024;
  struct Shared {
    MomentsScratch<T> norm;
  };

  int64_t width, stride, norm_stride;
  T epsilon;
  const T* a;
  T* statistics;

  LNRNN_DEVICE void operator()(Block& block) const {
    const T* const row = a + block.index() * stride;
    const auto norm = block_moments(block, block.template shared<Shared>().norm, width, epsilon,
                                    [&](int64_t j) { return row[j]; });
    if (block.thread() == 0) norm.store(statistics + block.index() * norm_stride);
  }
};

// Where the sum of both products is normalised: the bias inside is added, and the mean taken away. As that of
// h R' is 0, too, each step finds its norm from squares alone. Of a mean that is large beside the deviations
// something is left over, which is taken away as well.
//   bias:(width) or null  a:(S,width) with stride
template <class T>
struct CentreInputs {
  static constexpr const char* kName = "centre_inputs";
  static constexpr int kMaxThreads = 512;
  struct Shared {
    SumScratch<T, 1> first, large, rest;
  };

  int64_t width, stride;
  const T* bias;
  T* a;

  LNRNN_DEVICE void operator()(Block& block) const {
    auto& shared = block.template shared<Shared>();
    T* const row = a + block.index() * stride;
    T kept[kFeaturesOfThread] = {};
    // Of rows so wide that a thread has more, those stay where they are.
    const auto each = [&](const auto& use) {
      LNRNN_UNROLL
      for (int k = 0; k < kFeaturesOfThread; ++k) {
        const int64_t j = block.thread() + k * block.threads();
        if (j < width) use(j, kept[k]);
      }
      for (int64_t j = block.thread() + kFeaturesOfThread * block.threads(); j < width;
           j += block.threads()) {
        use(j, row[j]);
      }
    };
    const auto mean = [&](SumScratch<T, 1>& scratch, const auto& measured) {
      T sum[1] = {};
      each([&](int64_t, T value) { sum[0] += measured(value); });
      block_sum(block, scratch, sum);
      return sum[0] / static_cast<T>(width);
    };
    each([&](int64_t j, T& value) { value = row[j] + (bias == nullptr ? T(0) : bias[j]); });
    T of_all = mean(shared.first, [](T value) { return value; });
    if (overflows(of_all * of_all)) {
      of_all = LargeRow<T>::kUnscale *
               mean(shared.large, [](T value) { return large_row_element<T>(value); });
    }
    each([&](int64_t, T& value) { value -= of_all; });
    const T left = mean(shared.rest, [](T value) { return value; });
    each([&](int64_t j, T& value) { row[j] = value - left; });
  }
};
// Of such samples, in place, where the shape asks for it.
template <class T>
lnrnnStatus_t centre_inputs(const CudaStream& stream, const Strand& strand,
                            const Vectors<const T*>& vectors, int64_t samples, T* a) {
  using Kernel = CentreInputs<T>;
  const NormSite* const site = strand.shape().site(TermKind::kSum);
  if (site == nullptr) return LNRNN_STATUS_SUCCESS;
  for (int i = 0; i < site->segments.count; ++i) {
    const int64_t first = site->segments.begin(i) * strand.cell_width();
    const int64_t width = site->segments.gates[i] * strand.cell_width();
    LNRNN_FORWARD(
        launch(stream, input_norm_shape<Kernel>(samples, width),
               Kernel{width, strand.gates(), at_step(vectors[Slot::kBias], 1, first), a + first}));
  }
  return LNRNN_STATUS_SUCCESS;
}

// The gradient by x W_ih' from that by its layer norm, or by that of the sum; da and exact_da, the same before
// it is rounded, may be dv.
//   a, dv, da, exact_da:(S,width) with stride  statistics:(S,kStatistics) with norm_stride
template <class S>
struct InputNormBackward {
  static constexpr const char* kName = "input_norm_backward";
  static constexpr int kMaxThreads = 512;
  using T = accumulation_t<S>;
  struct Shared {
    SumScratch<T, 3> sums;
  };

  int64_t width, stride, norm_stride;
  Rows<const T> a;  // with lengths: samples beyond are no part of any product
  const T *statistics, *gain, *dv;
  S* da;
  T* exact_da;  // or null

  LNRNN_DEVICE void operator()(Block& block) const {
    const int64_t i = block.index();
    if (!a.active(i)) return;
    const T* const row = a.sample(i);
    const T* const from = dv + i * stride;
    const auto norm = Moments<T>::load(statistics + i * norm_stride);
    T sums[3] = {}, q[kFeaturesOfThread] = {}, z[kFeaturesOfThread] = {};
    LNRNN_UNROLL
    for (int k = 0; k < kFeaturesOfThread; ++k) {
      const int64_t j = block.thread() + k * block.threads();
      if (j >= width) continue;
      q[k] = gain[j] * from[j];
      z[k] = norm.z(row[j]);
      NormGradient<T>::add(sums, q[k], z[k]);
    }
    // Rows so wide that a thread has more.
    const int64_t rest = block.thread() + kFeaturesOfThread * block.threads();
    for (int64_t j = rest; j < width; j += block.threads()) {
      NormGradient<T>::add(sums, gain[j] * from[j], norm.z(row[j]));
    }
    block_sum(block, block.template shared<Shared>().sums, sums);
    const auto by_a = NormGradient<T>::of(sums, width);
    const auto store = [&](int64_t j, T value) {
      da[i * stride + j] = to_storage<S>(value);
      if (exact_da != nullptr) exact_da[i * stride + j] = value;
    };
    LNRNN_UNROLL
    for (int k = 0; k < kFeaturesOfThread; ++k) {
      const int64_t j = block.thread() + k * block.threads();
      if (j < width) store(j, by_a.dx(q[k], z[k], norm.rstd));
    }
    for (int64_t j = rest; j < width; j += block.threads()) {
      store(j, by_a.dx(gain[j] * from[j], norm.z(row[j]), norm.rstd));
    }
  }
};

}  // namespace lnrnn::cuda

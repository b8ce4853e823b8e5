// Layer normalisation of x W_ih' for many steps at once: of one segment of it. Blocks: samples.
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
    NormScratch<T> norm;
  };

  int64_t width, stride, norm_stride;
  T epsilon;
  const T* a;
  T* statistics;

  LNRNN_DEVICE void operator()(Block& block) const {
    const T* const row = a + block.index() * stride;
    const auto norm = block_norm(block, block.template shared<Shared>().norm, width, epsilon,
                                 [&](int64_t j) { return row[j]; });
    if (block.thread() == 0) norm.store(statistics + block.index() * norm_stride);
  }
};

// The gradient by x W_ih' from that by its layer norm; da and exact_da, the same before it is rounded,
// may be dv.
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
    const auto norm = Norm<T>::load(statistics + i * norm_stride);
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

// The LSTM's passes on CUDA: what forward and backward share.
#pragma once

#include "../api/size.h"
#include "masks.h"
#include "product.h"

namespace lnrnn::cuda {

// Where a row's statistics (6) stand: mean and 1/sqrt(variance + epsilon) of A, r and u.
constexpr int kStatistics = 6;
constexpr int kNormA = 0, kNormR = 2, kNormU = 4;

// What training keeps from forward for backward; inference keeps as much of it as it needs.
template <class T>
struct LstmReserve {
  T* a;           // (T,N,4H) x W_ih', plus h W_hh' without normalisation
  T* r;           // (T,N,4H) h R', R' being the centred W_hh; only with normalisation
  T* h;           // (T+1,N,H), step 0 is the initial state
  T* c;           // (T+1,N,H)
  T* statistics;  // (T,N,6), only with normalisation

  static LstmReserve take(Carver& carver, const Plan& plan, int64_t steps, int64_t batch) {
    const int64_t hidden = plan.hidden();
    LstmReserve reserve{};
    reserve.a = carver.take<T>({steps, batch, 4 * hidden});
    reserve.h = carver.take<T>({steps + 1, batch, hidden});
    reserve.c = carver.take<T>({steps + 1, batch, hidden});
    if (plan.normalized()) {
      reserve.r = carver.take<T>({steps, batch, 4 * hidden});
      reserve.statistics = carver.take<T>({steps, batch, kStatistics});
    }
    return reserve;
  }
};

// Vectors of parameters, or of their gradients. All but bias null without normalisation.
template <class T>
struct LstmVectors {
  T *bias, *gain_i, *gain_h;  // (4H)
  T *gain_c, *bias_c;         // (H)

  static LstmVectors of(const Plan& plan, T* flat) {
    return {plan.find(ParameterRole::kBias, flat), plan.find(ParameterRole::kGainI, flat),
            plan.find(ParameterRole::kGainH, flat), plan.find(ParameterRole::kGainC, flat),
            plan.find(ParameterRole::kBiasC, flat)};
  }
};

// How kernels of one block per row are launched: a thread for each feature as far as there are.
template <class Kernel>
LaunchShape row_shape(int64_t rows, int64_t features) {
  const int64_t threads = (features + kWarp - 1) / kWarp * kWarp;
  return {rows, static_cast<int>(threads < Kernel::kMaxThreads ? threads : Kernel::kMaxThreads),
          sizeof(typename Kernel::Shared)};
}

// ---- Weights (lstm_weights.cu) ---------------------------------------------------------------

// Which recurrent weights stay in training (Wan et al. 2013).
Mask dropconnect_of(const Plan& plan, const lnrnnSequence_t& sequence, const uint8_t* given);

// The recurrent weights as the products see them, written to `to`: DropConnect applied where mask is
// on, and centred over the 4H outputs where the plan is normalised. The layer norm of h R' does not
// change by that; its mean is 0; and dr, whose sum over the outputs is 0, gives the same dr R'.
//   weight_hh   (4H,H)
//   to          (4H,H), or (H,4H) where transposed
template <class T>
lnrnnStatus_t prepare_recurrent_weights(const CudaStream& stream, const Plan& plan,
                                        const T* weight_hh, const Mask& mask, bool transposed,
                                        T* to);

// to (4H,H) += mask from / (1 - p): the gradient of weight_hh from that of the masked weights.
template <class T>
lnrnnStatus_t apply_dropconnect(const CudaStream& stream, const Plan& plan, const T* from,
                                const Mask& mask, T* to);

// ---- Gradients that are sums over all samples (lstm_vectors.cu) ------------------------------

// What the backward loop leaves for them.
template <class T>
struct LstmTrace {
  LstmReserve<const T> forward;
  const T *dv, *dk;  // (T,N,4H), (T,N,H); dk only with normalisation
};

// Of all vectors of parameters, added to gradients.
//   partials   (vector_partials(plan, steps, batch))
template <class T>
lnrnnStatus_t lstm_vector_gradients(const CudaStream& stream, const Plan& plan,
                                    const lnrnnSequence_t& sequence, Lengths lengths,
                                    const LstmTrace<T>& trace, T* partials, T* gradients);
int64_t vector_partials(const Plan& plan, int64_t steps, int64_t batch);

// ---- Passes ----------------------------------------------------------------------------------

// Bytes of workspace; kTooLarge where that does not fit.
template <class T>
uint64_t lstm_forward_workspace(const Plan& plan, int64_t steps, int64_t batch, bool training);
template <class T>
uint64_t lstm_backward_workspace(const Plan& plan, int64_t steps, int64_t batch);
template <class T>
uint64_t lstm_packed_bytes(const Plan& plan);

template <class T>
lnrnnStatus_t lstm_pack(const CudaStream& stream, const Plan& plan, const T* parameters,
                        void* packed);
template <class T>
lnrnnStatus_t lstm_forward(const CudaStream& stream, const Plan& plan, bool training,
                           const ForwardArguments& call);
template <class T>
lnrnnStatus_t lstm_backward(const CudaStream& stream, const Plan& plan,
                            const BackwardArguments& call);

}  // namespace lnrnn::cuda

// A strand's passes on CUDA, and what they launch beside the walks: each section is a file of this folder.
#pragma once

#include "cuda/row/strand.h"

namespace lnrnn::cuda {

// ---- Parameters (strand_weights.cu) ----------------------------------------------------------

template <class S>
lnrnnStatus_t gather_vectors(const CudaStream& stream, const Strand& strand, const S* parameters,
                             const Vectors<accumulation_t<S>*>& to);

// Decides which recurrent weights stay in training (Wan et al. 2013). given: (GH,P) bytes, or null to
// draw.
lnrnnStatus_t decide_dropconnect(const CudaStream& stream, const Strand& strand,
                                 const uint8_t* given, const Random& random,
                                 const KeptWeights& kept);

// The recurrent weights as the products see them, written to `to`: with DropConnect where there are
// kept ones, and centred over the outputs of each segment in which the term of a step is. Its layer norm does
// not change by that; its mean is 0; and dr, whose sum over a segment is 0, gives the same dr R'.
//   to   (GH,P), or (P,GH) where transposed
template <class S>
lnrnnStatus_t prepare_recurrent_weights(const CudaStream& stream, const Strand& strand,
                                        const S* parameters, const KeptWeights& kept,
                                        bool transposed, S* to);

// to (H,P) = weight_hr, transposed.
template <class S>
lnrnnStatus_t transpose_projection(const CudaStream& stream, const Strand& strand,
                                   const S* parameters, S* to);

// to (GH,P) += kept from / (1 - p): the gradient of weight_hh from that of the masked weights.
template <class T>
lnrnnStatus_t apply_dropconnect(const CudaStream& stream, const Strand& strand, const T* from,
                                const KeptWeights& kept, T* to);

// What inference reads, in one buffer.
template <class S>
uint64_t packed_bytes(const Strand& strand);
template <class S>
lnrnnStatus_t pack_strand(const CudaStream& stream, const Strand& strand, const S* parameters,
                          void* packed);

// ---- Elementwise (elementwise.cu) ------------------------------------------------------------

// Null means zeros.
template <class T>
lnrnnStatus_t copy_state(const CudaStream& stream, const void* from, void* to, int64_t elements);
// Likewise (batch,width) of what crosses into a strand's first step, or of the gradient by it: zeros in rows that
// are cut off there.
template <class T>
lnrnnStatus_t copy_first_state(const CudaStream& stream, const Cuts& cuts, const void* from,
                               void* to, int64_t batch, int64_t width);
template <class S>
lnrnnStatus_t round_to_storage(const CudaStream& stream, const accumulation_t<S>* from, S* to,
                               int64_t elements);
// Zeros.
template <class S>
lnrnnStatus_t clear_rows(const CudaStream& stream, const Rows<S>& rows, int64_t samples,
                         int64_t features);
// to (samples,features) = from, but 0 in samples whose gradient (samples,width) is 0.
template <class S>
lnrnnStatus_t keep_giving_samples(const CudaStream& stream, const S* gradient, int64_t width,
                                  const Rows<const S>& from, int64_t samples, int64_t features,
                                  S* to);
// Between layers: kept values are scaled, the others 0, in place.
template <class S>
lnrnnStatus_t drop_out(const CudaStream& stream, const DropoutArguments& call);
lnrnnStatus_t draw_mask(const CudaStream& stream, const MaskArguments& call);

// ---- Gradients that are sums over all samples (strand_vectors.cu) ----------------------------

// What the backward loop leaves for them; null what another call is for.
template <class T>
struct StrandTrace {
  StrandRows<const T> forward;
  const T* h_before;      // (T,N,P) h before each step
  const T* ds = nullptr;  // (T,N,GH) by the sum of both products, where that is normalised
  const T *dv = nullptr, *last_dv = nullptr, *dk = nullptr, *z = nullptr;  // see BackwardStep
};

// Of all vectors of parameters whose gradients come of what the trace has, added to gradients.
//   partials   (vector_partials(steps, batch),GH)
template <class T>
lnrnnStatus_t vector_gradients(const CudaStream& stream, const Strand& strand, int64_t steps,
                               int64_t batch, Lengths lengths, const StrandTrace<T>& trace,
                               T* partials, T* gradients);
int64_t vector_partials(int64_t steps, int64_t batch);

// ---- Passes ----------------------------------------------------------------------------------

// Of the thread's device: what the kernels that it runs were compiled for, as 90, and how many clusters of
// them it runs at once.
cudaError_t find_architecture_of_kernels(int* architecture);
ClusterCounts count_resident_clusters();

// Bytes of workspace; kTooLarge where that does not fit.
template <class S>
uint64_t forward_workspace(const Strand& strand, int64_t steps, int64_t batch, bool training);
template <class S>
uint64_t backward_workspace(const Strand& strand, int64_t steps, int64_t batch);
template <class S>
lnrnnStatus_t run_forward(const CudaStream& stream, bool training, const ForwardArguments& call);
template <class S>
lnrnnStatus_t run_backward(const CudaStream& stream, const BackwardArguments& call);

}  // namespace lnrnn::cuda

// Lengths of sequences come in host memory and are the caller's again when the call returns. They
// travel as kernel arguments: copied by the launch, also into a graph that is being captured.
#pragma once

#include "cuda/machine/rows.cuh"
#include "cuda/machine/runtime.h"

namespace lnrnn::cuda {

// Copies lengths (batch) to storage on the device; null lengths stay null.
lnrnnStatus_t upload_lengths(const CudaStream& stream, const int64_t* lengths, int64_t batch,
                             int64_t* storage, Lengths* uploaded);

}  // namespace lnrnn::cuda

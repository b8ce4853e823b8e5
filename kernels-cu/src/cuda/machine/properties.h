// What a CUDA device is, before and when it is opened.
#pragma once

#include "core/device.h"
#include "device.cuh"

namespace lnrnn::cuda {

// isa stays empty where the library has no kernels for the device.
lnrnnStatus_t read_properties(int ordinal, lnrnnDeviceProperties_t* out);

// The kernels in use, and the version of cuBLAS, 0 for none.
void name_kernels(int architecture, int cublas, lnrnnDeviceProperties_t* out);

// What CUDA answers where a kernel has nothing that the device could run.
bool is_no_kernel(cudaError_t error);

}  // namespace lnrnn::cuda

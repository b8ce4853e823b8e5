// One definition of every formula, compiled for the host, for its SIMD kernels and for devices.
//
// Host functions are forced inline: the same templates are instantiated in files that are compiled
// for different instruction sets, and an out-of-line copy that the linker shared between them would
// carry AVX-512 code to machines without it.
#pragma once

#if defined(__CUDACC__)
#define LNRNN_CELL_METHOD __host__ __device__ __forceinline__
#else
#define LNRNN_CELL_METHOD inline __attribute__((always_inline))
#endif
#define LNRNN_CELL static LNRNN_CELL_METHOD

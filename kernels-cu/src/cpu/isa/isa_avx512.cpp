#if !defined(__AVX512F__) || !defined(__AVX512DQ__) || !defined(__AVX512BW__) || \
    !defined(__AVX512VL__)
#error "isa_avx512.cpp needs -mavx512f -mavx512dq -mavx512bw -mavx512vl"
#endif

#define LNRNN_ISA avx512
#include "isa_table.h"

namespace lnrnn::cpu {

extern const Isa kIsa_avx512;
const Isa kIsa_avx512 = {"avx512", avx512::kernels<float>(), avx512::kernels<double>(),
                         avx512::initializers()};

}  // namespace lnrnn::cpu

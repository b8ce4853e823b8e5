#if !defined(__AVX2__) || !defined(__FMA__) || !defined(__F16C__)
#error "isa_avx2.cpp needs -mavx2 -mfma -mf16c"
#endif

#define LNRNN_ISA avx2
#include "isa_table.h"

namespace lnrnn::cpu {

extern const Isa kIsa_avx2;
const Isa kIsa_avx2 = {"avx2", avx2::kernels<float>(), avx2::kernels<double>(),
                       avx2::initializers()};

}  // namespace lnrnn::cpu

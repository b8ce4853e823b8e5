#if !defined(__ARM_NEON)
#error "isa_neon.cpp is for processors with NEON"
#endif

#define LNRNN_ISA neon
#include "isa_table.h"

namespace lnrnn::cpu {

extern const Isa kIsa_neon;
const Isa kIsa_neon = {"neon", neon::kernels<float>(), neon::kernels<double>(),
                       neon::initializers()};

}  // namespace lnrnn::cpu

#define LNRNN_ISA baseline
#include "isa_table.h"

namespace lnrnn::cpu {

extern const Isa kIsa_baseline;
const Isa kIsa_baseline = {"baseline", baseline::kernels<float>(), baseline::kernels<double>(),
                           baseline::initializers()};

}  // namespace lnrnn::cpu

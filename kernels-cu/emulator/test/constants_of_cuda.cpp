// The constants of CUDA's own header, for constants_test. Compiled where the toolkit is installed.
#include <cuda_runtime_api.h>

#include "constants_table.h"

const std::vector<NamedConstant>& constants_of_cuda() {
  static const std::vector<NamedConstant> table = {LNRNN_CUDA_CONSTANTS(LNRNN_NAMED)};
  return table;
}

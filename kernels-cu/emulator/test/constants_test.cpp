// The emulator's constants are CUDA's, and its errors have CUDA's names.
#include <cuda_runtime.h>

#include "check.h"
#include "constants_table.h"

int main() {
  const std::vector<NamedConstant> here = {LNRNN_CUDA_CONSTANTS(LNRNN_NAMED)};
  CHECK(here == constants_of_cuda());
  for (const auto& [name, value] : here) {
    const std::string known = cudaGetErrorName(static_cast<cudaError_t>(value));
    if (name.rfind("cudaError", 0) == 0 && known != "unrecognized error code") CHECK(known == name);
  }
  return check::summary();
}

// For programs that need a CUDA device, and are skipped where there is none.
#pragma once

#include <cstdint>
#include <cstdio>
#include <cstdlib>

#include "lnrnn.h"

namespace gpu {

// How CTest is told.
inline int skipped() {
  std::printf("skipped: %s\n", lnrnnGetLastErrorMessage());
  return 77;
}

// How many there are. Where it is 0 the last error message has the reason.
inline int32_t count() {
  int32_t count = 0;
  if (lnrnnGetDeviceCount(LNRNN_DEVICE_CUDA, &count) == LNRNN_STATUS_SUCCESS) return count;
  std::printf("%s\n", lnrnnGetLastErrorMessage());
  std::exit(EXIT_FAILURE);
}

}  // namespace gpu

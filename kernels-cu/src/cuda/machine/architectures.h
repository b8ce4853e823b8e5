// Which of the architectures that kernels were compiled for a device runs, known before it is opened.
#pragma once

#include <algorithm>
#include <cstdlib>
#include <cstring>

namespace lnrnn::cuda {

// "all-major" and the like: nothing can be said.
constexpr int kUnknownArchitecture = -1;

// The latest that a device of this compute capability, as 86, runs; 0 where there is none. Targets are as
// nvcc names them, separated by spaces. Machine code, sm_80, runs on devices of the same major number that
// are not older; PTX, compute_80, on all that are not; what ends in 'a' on no other device, in 'f' on those
// of the same major number.
inline int find_architecture(const char* targets, int capability) {
  int best = 0;
  for (const char* word = targets; *word != '\0';) {
    const size_t length = std::strcspn(word, " ");
    const bool code = std::strncmp(word, "sm_", 3) == 0;
    if (!code && std::strncmp(word, "compute_", 8) != 0) return kUnknownArchitecture;
    char* end = nullptr;
    const int architecture = static_cast<int>(std::strtol(word + (code ? 3 : 8), &end, 10));
    const bool same = capability == architecture;
    const bool same_major = capability / 10 == architecture / 10 && capability >= architecture;
    const bool runs = *end == 'a'           ? same
                      : code || *end == 'f' ? same_major
                                            : capability >= architecture;
    if (runs) best = std::max(best, architecture);
    word += length + (word[length] == ' ' ? 1 : 0);
  }
  return best;
}

}  // namespace lnrnn::cuda

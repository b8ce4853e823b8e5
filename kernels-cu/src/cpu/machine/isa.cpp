#include "isa.h"

#include <array>
#include <cstring>

namespace lnrnn::cpu {

#if defined(__aarch64__)
extern const Isa kIsa_neon;
#else
extern const Isa kIsa_baseline;
#endif
#if defined(__x86_64__)
extern const Isa kIsa_avx2;
extern const Isa kIsa_avx512;
#endif

// Asked here and not in isa_*.cpp: those files may only run once the answer is yes.
const Isa* const* available_isas() {
  static const auto list = [] {
    std::array<const Isa*, 4> found{};
    size_t n = 0;
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
        __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl")) {
      found[n++] = &kIsa_avx512;
    }
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
        __builtin_cpu_supports("f16c")) {
      found[n++] = &kIsa_avx2;
    }
#endif
#if defined(__aarch64__)
    found[n++] = &kIsa_neon;  // part of every such processor
#else
    found[n++] = &kIsa_baseline;
#endif
    return found;
  }();
  return list.data();
}

const Isa* find_isa(const char* name) {
  for (const Isa* const* isa = available_isas(); *isa != nullptr; ++isa) {
    if (name == nullptr || std::strcmp((*isa)->name, name) == 0) return *isa;
  }
  return nullptr;
}

}  // namespace lnrnn::cpu

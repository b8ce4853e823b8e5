// The fastest matrix products at hand, for the peaks that limits are computed from.
#pragma once

#include <cuda_runtime.h>

#include <memory>

namespace bench {

enum class GemmType { kF64, kF32, kTf32, kF16, kBf16 };

// cuBLAS where it can be opened. It is not linked, so that this program starts without it.
class Cublas {
 public:
  // Null where there is none.
  static std::unique_ptr<Cublas> open(cudaStream_t stream);
  ~Cublas();
  Cublas(const Cublas&) = delete;
  Cublas& operator=(const Cublas&) = delete;

  int version() const;
  // out (n,n) = a (n,n) b (n,n); sums in f64 for f64, else in f32. Whether cuBLAS took it.
  bool multiply(GemmType type, int n, const void* a, const void* b, void* out) const;

 private:
  struct Entries;

  Cublas(void* library, std::unique_ptr<Entries> entries, void* handle);

  void* library_;
  std::unique_ptr<Entries> entries_;
  void* handle_;
};

}  // namespace bench

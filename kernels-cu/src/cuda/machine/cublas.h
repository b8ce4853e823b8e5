// cuBLAS, opened at run time: its few entry points, and matrix products in this library's terms.
#pragma once

#include <climits>
#include <cstddef>
#include <cstdint>
#include <memory>

#include "cell/half.h"
#include "lnrnn.h"

namespace lnrnn::cuda {

struct CudaStream;

// out (rows, columns) = a b + (add ? out : 0), all row-major. a is (rows, depth), or (depth, rows)
// where transpose_a; b is (depth, columns), or (columns, depth) where transpose_b. Strides, in
// elements, are from row to row as stored. Operands are of type S, out of type O.
template <class S, class O = S>
struct Gemm {
  bool transpose_a, transpose_b;
  int64_t rows, columns, depth;
  const S* a;
  int64_t a_stride;
  const S* b;
  int64_t b_stride;
  O* out;
  int64_t out_stride;
  bool add;

  // cuBLAS counts in int, and wants rows that do not overlap.
  bool fits() const {
    for (const int64_t n : {rows, columns, depth, a_stride, b_stride, out_stride}) {
      if (n <= 0 || n > INT_MAX) return false;
    }
    return a_stride >= (transpose_a ? rows : depth) &&
           b_stride >= (transpose_b ? depth : columns) && out_stride >= columns;
  }
};

// One device's cuBLAS. Products on different streams may run at the same time, each in its stream's
// workspace; products of a graph in workspaces of the graph's.
class Cublas {
 public:
  // Of each stream; what NVIDIA recommends for GPUs of compute capability 9.0.
  static constexpr size_t kWorkspaceBytes = size_t{32} << 20;

  virtual ~Cublas() = default;
  virtual lnrnnStatus_t multiply(const CudaStream& stream, const Gemm<float>& gemm) const = 0;
  virtual lnrnnStatus_t multiply(const CudaStream& stream, const Gemm<double>& gemm) const = 0;
  // 16-bit operands, sums in float.
  virtual lnrnnStatus_t multiply(const CudaStream& stream, const Gemm<F16, float>& gemm) const = 0;
  virtual lnrnnStatus_t multiply(const CudaStream& stream, const Gemm<F16>& gemm) const = 0;
  virtual lnrnnStatus_t multiply(const CudaStream& stream, const Gemm<Bf16, float>& gemm) const = 0;
  virtual lnrnnStatus_t multiply(const CudaStream& stream, const Gemm<Bf16>& gemm) const = 0;
};

// 130000 is 13.0.0; 0 where the library cannot be opened. Needs no device.
int cublas_version();

// For the calling thread's current device; null where the library cannot be opened or refuses. Then
// kernels of this library do the same work.
std::unique_ptr<Cublas> open_cublas();

}  // namespace lnrnn::cuda

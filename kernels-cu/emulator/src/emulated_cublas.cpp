// The few entry points of cuBLAS that src/cuda opens at run time. A product is a kernel on the
// emulated device, so that it is ordered, captured and watched as any other. Stricter than cuBLAS:
// without a workspace of the caller's there is no product, and the workspace is overwritten, so that
// sharing one between streams shows.
#include <cstdlib>
#include <cstring>

#include "cuda/machine/device.cuh"
#include "contexts.h"
#include "device.h"
#include "dlfcn.h"

namespace {

using lnrnn::accumulation_t;
using lnrnn::Bf16;
using lnrnn::F16;
using lnrnn::cuda::Block;
using lnrnn::cuda::LaunchShape;
using lnrnn::cuda::to_accumulation;
using lnrnn::cuda::to_storage;
using lnrnn::emulator::Call;
using lnrnn::emulator::current_device;
using lnrnn::emulator::enter;

// cublasStatus_t
constexpr int kSuccess = 0, kNotInitialized = 1, kInvalidValue = 7, kExecutionFailed = 13,
              kNotSupported = 15;

struct Handle {
  int device = 0;
  cudaStream_t stream = nullptr;
  unsigned char* workspace = nullptr;
};

// c (m,n) = alpha op(a) op(b) + beta c, column-major. Threads: elements, grid-strided.
template <class S, class O>
struct Gemm {
  static constexpr const char* kName = "cublas_gemm";
  static constexpr int kMaxThreads = 256;
  using T = accumulation_t<S>;

  bool transpose_a, transpose_b;
  int m, n, k;
  T alpha, beta;
  const S* a;
  int lda;
  const S* b;
  int ldb;
  O* c;
  int ldc;
  unsigned char* workspace;

  LNRNN_DEVICE void operator()(Block& block) const {
    const int64_t stride = block.blocks() * block.threads();
    const int64_t first = block.index() * block.threads() + block.thread();
    if (first == 0) std::memset(workspace, 0xff, 256);
    for (int64_t at = first; at < int64_t{m} * n; at += stride) {
      const int64_t row = at % m, column = at / m;
      T sum(0);
      for (int64_t i = 0; i < k; ++i) {
        sum += to_accumulation(a[transpose_a ? row * lda + i : i * lda + row]) *
               to_accumulation(b[transpose_b ? i * ldb + column : column * ldb + i]);
      }
      O& out = c[column * ldc + row];
      out = to_storage<O>(alpha * sum + (beta == T(0) ? T(0) : beta * to_accumulation(out)));
    }
  }
};

template <class S, class O>
int gemm(void* opaque, int transpose_a, int transpose_b, int m, int n, int k,
         const accumulation_t<S>* alpha, const S* a, int lda, const S* b, int ldb,
         const accumulation_t<S>* beta, O* c, int ldc) {
  const Handle* const handle = static_cast<Handle*>(opaque);
  const Call call;
  if (handle == nullptr || handle->device != current_device()) return kNotInitialized;
  const bool operations =
      (transpose_a == 0 || transpose_a == 1) && (transpose_b == 0 || transpose_b == 1);
  if (!operations || m < 0 || n < 0 || k < 0 || lda < (transpose_a == 1 ? k : m) ||
      ldb < (transpose_b == 1 ? n : k) || ldc < m || handle->workspace == nullptr) {
    return kInvalidValue;
  }
  if (m == 0 || n == 0) return kSuccess;
  const Gemm<S, O> kernel{
      transpose_a == 1, transpose_b == 1, m, n, k, *alpha, *beta, a, lda, b, ldb, c, ldc,
      handle->workspace};
  const cudaError_t error = enqueue(handle->stream, LaunchShape{2, 64}, kernel);
  return error == cudaSuccess ? kSuccess : kExecutionFailed;
}

// Of what cublasGemmEx can do: 16-bit operands, sums in float, results in either.
template <class S>
int gemm_16_bit(void* handle, int transpose_a, int transpose_b, int m, int n, int k,
                const void* alpha, const void* a, int lda, const void* b, int ldb, const void* beta,
                void* c, bool c_is_float, int ldc) {
  const auto run = [&](auto* out) {
    return gemm(handle, transpose_a, transpose_b, m, n, k, static_cast<const float*>(alpha),
                static_cast<const S*>(a), lda, static_cast<const S*>(b), ldb,
                static_cast<const float*>(beta), out, ldc);
  };
  return c_is_float ? run(static_cast<float*>(c)) : run(static_cast<S*>(c));
}

int gemm_ex(void* handle, int transpose_a, int transpose_b, int m, int n, int k, const void* alpha,
            const void* a, int a_type, int lda, const void* b, int b_type, int ldb,
            const void* beta, void* c, int c_type, int ldc, int compute_type, int algorithm) {
  constexpr int kFloat = 0, kF16 = 2, kBf16 = 14;  // cudaDataType
  constexpr int kComputeFloat = 68, kDefaultAlgorithm = -1;
  if (a_type != b_type || (c_type != a_type && c_type != kFloat) || compute_type != kComputeFloat ||
      algorithm != kDefaultAlgorithm || (a_type != kF16 && a_type != kBf16)) {
    return kNotSupported;
  }
  return (a_type == kF16 ? gemm_16_bit<F16> : gemm_16_bit<Bf16>)(handle, transpose_a, transpose_b,
                                                                 m, n, k, alpha, a, lda, b, ldb,
                                                                 beta, c, c_type == kFloat, ldc);
}

int create(void** handle) {
  const Call call;
  if (enter() != cudaSuccess) return kNotInitialized;
  auto* const created = new Handle;
  created->device = current_device();
  *handle = created;
  return kSuccess;
}
// As cuBLAS's, it waits for the whole device, which ends captures on it.
int destroy(void* handle) {
  delete static_cast<Handle*>(handle);
  return cudaDeviceSynchronize() == cudaSuccess ? kSuccess : kExecutionFailed;
}
int get_version(void*, int* version) {
  *version = 130000;
  return kSuccess;
}
int set_stream(void* handle, cudaStream_t stream) {
  auto* const set = static_cast<Handle*>(handle);
  set->stream = stream;
  set->workspace = nullptr;
  return kSuccess;
}
int set_workspace(void* handle, void* workspace, size_t bytes) {
  if (reinterpret_cast<uintptr_t>(workspace) % 256 != 0 || bytes < 256) return kInvalidValue;
  static_cast<Handle*>(handle)->workspace = static_cast<unsigned char*>(workspace);
  return kSuccess;
}

struct Symbol {
  const char* name;
  void* function;
};
template <class F>
void* address(F function) {
  return reinterpret_cast<void*>(function);
}
const Symbol kSymbols[] = {
    {"cublasCreate_v2", address(create)},
    {"cublasDestroy_v2", address(destroy)},
    {"cublasGetVersion_v2", address(get_version)},
    {"cublasSetStream_v2", address(set_stream)},
    {"cublasSetWorkspace_v2", address(set_workspace)},
    {"cublasSgemm_v2", address(gemm<float, float>)},
    {"cublasDgemm_v2", address(gemm<double, double>)},
    {"cublasGemmEx", address(gemm_ex)},
};

}  // namespace

void* dlopen(const char* file, int) {
  const char* const setting = std::getenv("LNRNN_EMULATOR_CUBLAS");
  const bool missing = setting != nullptr && std::strcmp(setting, "missing") == 0;
  return missing || std::strcmp(file, "libcublas.so.13") != 0 ? nullptr
                                                              : const_cast<Symbol*>(kSymbols);
}

void* dlsym(void*, const char* name) {
  for (const Symbol& symbol : kSymbols) {
    if (std::strcmp(symbol.name, name) == 0) return symbol.function;
  }
  return nullptr;
}

int dlclose(void*) { return 0; }

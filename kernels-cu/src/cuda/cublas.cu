// cuBLAS is not linked and its headers are not needed: the entry points in use are declared here, as
// NVIDIA's cuBLAS documentation gives them.
#include "cublas.h"

#include <cuda_runtime.h>
#include <dlfcn.h>

#include "runtime.h"

namespace lnrnn::cuda {

namespace {

using CublasHandle = void*;
using CublasStatus = int;     // 0 is success
using CublasOperation = int;  // 0 as stored (column-major), 1 transposed
using CudaDataType = int;
using CublasComputeType = int;
using CublasAlgorithm = int;

// cudaDataType
template <class S>
constexpr CudaDataType kDataType = 0;  // CUDA_R_32F
template <>
constexpr CudaDataType kDataType<F16> = 2;  // CUDA_R_16F
template <>
constexpr CudaDataType kDataType<Bf16> = 14;  // CUDA_R_16BF
constexpr CublasComputeType kComputeFloat = 68;  // CUBLAS_COMPUTE_32F
constexpr CublasAlgorithm kDefaultAlgorithm = -1;

struct EntryPoints {
  CublasStatus (*create)(CublasHandle*);
  CublasStatus (*destroy)(CublasHandle);
  CublasStatus (*get_version)(CublasHandle, int*);
  CublasStatus (*set_stream)(CublasHandle, cudaStream_t);
  CublasStatus (*set_workspace)(CublasHandle, void*, size_t);
  CublasStatus (*sgemm)(CublasHandle, CublasOperation, CublasOperation, int, int, int,
                        const float*, const float*, int, const float*, int, const float*, float*,
                        int);
  CublasStatus (*dgemm)(CublasHandle, CublasOperation, CublasOperation, int, int, int,
                        const double*, const double*, int, const double*, int, const double*,
                        double*, int);
  CublasStatus (*gemm_ex)(CublasHandle, CublasOperation, CublasOperation, int, int, int,
                          const void*, const void*, CudaDataType, int, const void*, CudaDataType,
                          int, const void*, void*, CudaDataType, int, CublasComputeType,
                          CublasAlgorithm);
};

template <class F>
bool find(void* library, const char* name, F* function) {
  *function = reinterpret_cast<F>(dlsym(library, name));
  return *function != nullptr;
}

class LoadedCublas final : public Cublas {
 public:
  LoadedCublas(void* library, const EntryPoints& entry, CublasHandle handle)
      : library_(library), entry_(entry), handle_(handle) {}
  ~LoadedCublas() override {
    entry_.destroy(handle_);
    dlclose(library_);
  }

  int version() const override {
    int version = 0;
    entry_.get_version(handle_, &version);
    return version;
  }
  lnrnnStatus_t multiply(const CudaStream& stream, const Gemm<float>& gemm) const override {
    return run(stream, gemm, entry_.sgemm, "cublasSgemm");
  }
  lnrnnStatus_t multiply(const CudaStream& stream, const Gemm<double>& gemm) const override {
    return run(stream, gemm, entry_.dgemm, "cublasDgemm");
  }
  lnrnnStatus_t multiply(const CudaStream& stream, const Gemm<F16, float>& gemm) const override {
    return run_mixed(stream, gemm);
  }
  lnrnnStatus_t multiply(const CudaStream& stream, const Gemm<F16>& gemm) const override {
    return run_mixed(stream, gemm);
  }
  lnrnnStatus_t multiply(const CudaStream& stream, const Gemm<Bf16, float>& gemm) const override {
    return run_mixed(stream, gemm);
  }
  lnrnnStatus_t multiply(const CudaStream& stream, const Gemm<Bf16>& gemm) const override {
    return run_mixed(stream, gemm);
  }

 private:
  template <class S, class O>
  lnrnnStatus_t run_mixed(const CudaStream& stream, const Gemm<S, O>& g) const {
    const auto gemm = [this](CublasHandle handle, CublasOperation a_operation,
                             CublasOperation b_operation, int m, int n, int k, const float* alpha,
                             const S* a, int lda, const S* b, int ldb, const float* beta, O* c,
                             int ldc) {
      return entry_.gemm_ex(handle, a_operation, b_operation, m, n, k, alpha, a, kDataType<S>, lda,
                            b, kDataType<S>, ldb, beta, c, kDataType<O>, ldc, kComputeFloat,
                            kDefaultAlgorithm);
    };
    return run(stream, g, gemm, "cublasGemmEx");
  }

  // A row-major matrix is its transpose to cuBLAS, so the product is written the other way round:
  // out' = b' a'. TF32 is not allowed unless asked for.
  template <class S, class O, class F>
  lnrnnStatus_t run(const CudaStream& stream, const Gemm<S, O>& g, F gemm, const char* name) const {
    const accumulation_t<S> one(1), beta(g.add ? 1 : 0);
    const std::lock_guard<std::mutex> lock(guard_);
    CublasStatus status = entry_.set_stream(handle_, stream.raw);
    // Setting the stream forgets the workspace. One of the caller's is what capturing needs.
    if (status == 0) {
      status = entry_.set_workspace(handle_, stream.cublas_workspace, kWorkspaceBytes);
    }
    if (status == 0) {
      status = gemm(handle_, g.transpose_b, g.transpose_a, static_cast<int>(g.columns),
                    static_cast<int>(g.rows), static_cast<int>(g.depth), &one, g.b,
                    static_cast<int>(g.b_stride), g.a, static_cast<int>(g.a_stride), &beta, g.out,
                    static_cast<int>(g.out_stride));
    }
    LNRNN_CHECK(status == 0, LNRNN_STATUS_INTERNAL_ERROR, "%s failed with cuBLAS status %d", name,
                status);
    return LNRNN_STATUS_SUCCESS;
  }

  void* const library_;
  const EntryPoints entry_;
  const CublasHandle handle_;
  mutable std::mutex guard_;
};

}  // namespace

std::unique_ptr<Cublas> open_cublas() {
  void* library = nullptr;
  for (const char* name : {"libcublas.so.13", "libcublas.so.12"}) {
    library = dlopen(name, RTLD_NOW | RTLD_LOCAL);
    if (library != nullptr) break;
  }
  if (library == nullptr) return nullptr;
  EntryPoints entry{};
  CublasHandle handle = nullptr;
  const bool usable = find(library, "cublasCreate_v2", &entry.create) &&
                      find(library, "cublasDestroy_v2", &entry.destroy) &&
                      find(library, "cublasGetVersion_v2", &entry.get_version) &&
                      find(library, "cublasSetStream_v2", &entry.set_stream) &&
                      find(library, "cublasSetWorkspace_v2", &entry.set_workspace) &&
                      find(library, "cublasSgemm_v2", &entry.sgemm) &&
                      find(library, "cublasDgemm_v2", &entry.dgemm) &&
                      find(library, "cublasGemmEx", &entry.gemm_ex) && entry.create(&handle) == 0;
  if (!usable) {
    dlclose(library);
    return nullptr;
  }
  return std::make_unique<LoadedCublas>(library, entry, handle);
}

}  // namespace lnrnn::cuda

// cuBLAS is not linked and its headers are not needed: the entry points in use are declared here, as
// NVIDIA's cuBLAS documentation gives them.
#include "cublas.h"

#include <cuda_runtime.h>
#include <dlfcn.h>

#include <map>
#include <mutex>

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
constexpr CudaDataType kDataType<Bf16> = 14;     // CUDA_R_16BF
constexpr CublasComputeType kComputeFloat = 68;  // CUBLAS_COMPUTE_32F
constexpr CublasAlgorithm kDefaultAlgorithm = -1;

struct EntryPoints {
  CublasStatus (*create)(CublasHandle*);
  CublasStatus (*get_version)(CublasHandle, int*);
  CublasStatus (*set_stream)(CublasHandle, cudaStream_t);
  CublasStatus (*set_workspace)(CublasHandle, void*, size_t);
  CublasStatus (*sgemm)(CublasHandle, CublasOperation, CublasOperation, int, int, int, const float*,
                        const float*, int, const float*, int, const float*, float*, int);
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

// The library, opened when it is first asked for and never closed: it leaves with CUDA what CUDA
// calls when the process ends. Null where it cannot be opened, or lacks an entry point.
const EntryPoints* open_library() {
  static EntryPoints entry;
  static const bool usable = [] {
    void* library = nullptr;
    for (const char* name : {"libcublas.so.13", "libcublas.so.12"}) {
      library = dlopen(name, RTLD_NOW | RTLD_LOCAL);
      if (library != nullptr) break;
    }
    return library != nullptr && find(library, "cublasCreate_v2", &entry.create) &&
           find(library, "cublasGetVersion_v2", &entry.get_version) &&
           find(library, "cublasSetStream_v2", &entry.set_stream) &&
           find(library, "cublasSetWorkspace_v2", &entry.set_workspace) &&
           find(library, "cublasSgemm_v2", &entry.sgemm) &&
           find(library, "cublasDgemm_v2", &entry.dgemm) &&
           find(library, "cublasGemmEx", &entry.gemm_ex);
  }();
  return usable ? &entry : nullptr;
}

// Handles that are in nobody's hands, by device. They are used again instead of destroyed: cuBLAS
// would wait for the whole device, and so end whatever is being captured there by anyone.
using HandlesByDevice = std::multimap<int, CublasHandle>;
struct SpareHandles {
  std::mutex guard;
  HandlesByDevice by_device;
};
SpareHandles& spare_handles() {
  static SpareHandles& spare = *new SpareHandles;  // never destroyed: a device may close later
  return spare;
}

class LoadedCublas final : public Cublas {
 public:
  explicit LoadedCublas(const EntryPoints& entry) : entry_(entry) {}
  // Takes a handle, after which nothing can fail that would lose it; false where there is none to be had.
  bool open(int device) {
    {
      const std::lock_guard<std::mutex> lock(spare_handles().guard);
      node_ = spare_handles().by_device.extract(device);
    }
    if (!node_.empty()) return true;
    HandlesByDevice made;
    CublasHandle& handle = made.emplace(device, nullptr)->second;
    if (entry_.create(&handle) != 0) return false;
    node_ = made.extract(made.begin());
    return true;
  }
  ~LoadedCublas() override {
    if (node_.empty()) return;
    const std::lock_guard<std::mutex> lock(spare_handles().guard);
    spare_handles().by_device.insert(std::move(node_));
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
    void* workspace = nullptr;
    LNRNN_FORWARD(stream.find_workspace(&workspace));
    const CublasHandle handle = node_.mapped();
    const std::lock_guard<std::mutex> lock(guard_);
    CublasStatus status = entry_.set_stream(handle, stream.raw);
    // Setting the stream forgets the workspace. One of the caller's is what capturing needs.
    if (status == 0) status = entry_.set_workspace(handle, workspace, kWorkspaceBytes);
    if (status == 0) {
      status = gemm(handle, g.transpose_b, g.transpose_a, static_cast<int>(g.columns),
                    static_cast<int>(g.rows), static_cast<int>(g.depth), &one, g.b,
                    static_cast<int>(g.b_stride), g.a, static_cast<int>(g.a_stride), &beta, g.out,
                    static_cast<int>(g.out_stride));
    }
    LNRNN_CHECK(status == 0, LNRNN_STATUS_INTERNAL_ERROR, "%s failed with cuBLAS status %d", name,
                status);
    return LNRNN_STATUS_SUCCESS;
  }

  const EntryPoints& entry_;
  HandlesByDevice::node_type node_;  // of the handle, to give it back in: that takes no memory
  mutable std::mutex guard_;
};

}  // namespace

int cublas_version() {
  const EntryPoints* const entry = open_library();
  int version = 0;
  // Without a handle: NVIDIA allows that, so that the version can be asked for before there is one.
  if (entry != nullptr) entry->get_version(nullptr, &version);
  return version;
}

std::unique_ptr<Cublas> open_cublas() {
  const EntryPoints* const entry = open_library();
  int device = 0;
  if (entry == nullptr || cudaGetDevice(&device) != cudaSuccess) return nullptr;
  auto cublas = std::make_unique<LoadedCublas>(*entry);
  if (!cublas->open(device)) return nullptr;
  return cublas;
}

}  // namespace lnrnn::cuda

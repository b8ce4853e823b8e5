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
           find(library, "cublasDestroy_v2", &entry.destroy) &&
           find(library, "cublasGetVersion_v2", &entry.get_version) &&
           find(library, "cublasSetStream_v2", &entry.set_stream) &&
           find(library, "cublasSetWorkspace_v2", &entry.set_workspace) &&
           find(library, "cublasSgemm_v2", &entry.sgemm) &&
           find(library, "cublasDgemm_v2", &entry.dgemm);
  }();
  return usable ? &entry : nullptr;
}

class LoadedCublas final : public Cublas {
 public:
  LoadedCublas(const EntryPoints& entry, CublasHandle handle) : entry_(entry), handle_(handle) {}
  ~LoadedCublas() override { entry_.destroy(handle_); }

  lnrnnStatus_t multiply(const CudaStream& stream, const Gemm<float>& gemm) const override {
    return run(stream, gemm, entry_.sgemm, "cublasSgemm");
  }
  lnrnnStatus_t multiply(const CudaStream& stream, const Gemm<double>& gemm) const override {
    return run(stream, gemm, entry_.dgemm, "cublasDgemm");
  }

 private:
  // A row-major matrix is its transpose to cuBLAS, so the product is written the other way round:
  // out' = b' a'. Sums are in the operands' own type; TF32 is not allowed unless asked for.
  template <class T, class F>
  lnrnnStatus_t run(const CudaStream& stream, const Gemm<T>& g, F gemm, const char* name) const {
    const T one(1), beta(g.add ? 1 : 0);
    void* workspace = nullptr;
    LNRNN_FORWARD(stream.find_workspace(&workspace));
    const std::lock_guard<std::mutex> lock(guard_);
    CublasStatus status = entry_.set_stream(handle_, stream.raw);
    // Setting the stream forgets the workspace. One of the caller's is what capturing needs.
    if (status == 0) status = entry_.set_workspace(handle_, workspace, kWorkspaceBytes);
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

  const EntryPoints& entry_;
  const CublasHandle handle_;
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
  CublasHandle handle = nullptr;
  if (entry == nullptr || entry->create(&handle) != 0) return nullptr;
  return std::make_unique<LoadedCublas>(*entry, handle);
}

}  // namespace lnrnn::cuda

#include "calibrate_cublas.h"

#include <dlfcn.h>

#include <utility>

namespace bench {

namespace {

// Numbers of cuBLAS's enumerations, as its documentation gives them.
constexpr int kAsStored = 0;                                             // CUBLAS_OP_N
constexpr int kDataF32 = 0, kDataF64 = 1, kDataF16 = 2, kDataBf16 = 14;  // CUDA_R_...
constexpr int kComputeF32 = 68, kComputeF64 = 70, kComputeTf32 = 77;     // CUBLAS_COMPUTE_...
constexpr int kDefaultAlgorithm = -1;                                    // CUBLAS_GEMM_DEFAULT

template <class F>
bool find(void* library, const char* name, F* function) {
  *function = reinterpret_cast<F>(dlsym(library, name));
  return *function != nullptr;
}

}  // namespace

// Status 0 is success.
struct Cublas::Entries {
  int (*create)(void**);
  int (*destroy)(void*);
  int (*get_version)(void*, int*);
  int (*set_stream)(void*, cudaStream_t);
  int (*gemm)(void*, int, int, int, int, int, const void*, const void*, int, int, const void*, int,
              int, const void*, void*, int, int, int, int);
};

std::unique_ptr<Cublas> Cublas::open(cudaStream_t stream) {
  void* library = nullptr;
  for (const char* name : {"libcublas.so.13", "libcublas.so.12"}) {
    if (library == nullptr) library = dlopen(name, RTLD_NOW | RTLD_LOCAL);
  }
  if (library == nullptr) return nullptr;
  auto entries = std::make_unique<Entries>();
  void* handle = nullptr;
  if (!find(library, "cublasCreate_v2", &entries->create) ||
      !find(library, "cublasDestroy_v2", &entries->destroy) ||
      !find(library, "cublasGetVersion_v2", &entries->get_version) ||
      !find(library, "cublasSetStream_v2", &entries->set_stream) ||
      !find(library, "cublasGemmEx", &entries->gemm) || entries->create(&handle) != 0) {
    dlclose(library);
    return nullptr;
  }
  entries->set_stream(handle, stream);
  return std::unique_ptr<Cublas>(new Cublas(library, std::move(entries), handle));
}

Cublas::Cublas(void* library, std::unique_ptr<Entries> entries, void* handle)
    : library_(library), entries_(std::move(entries)), handle_(handle) {}

Cublas::~Cublas() {
  entries_->destroy(handle_);
  dlclose(library_);
}

int Cublas::version() const {
  int version = 0;
  entries_->get_version(handle_, &version);
  return version;
}

bool Cublas::multiply(GemmType type, int n, const void* a, const void* b, void* out) const {
  const double one64 = 1, zero64 = 0;
  const float one32 = 1, zero32 = 0;
  const bool is64 = type == GemmType::kF64;
  const void* const one = is64 ? static_cast<const void*>(&one64) : &one32;
  const void* const zero = is64 ? static_cast<const void*>(&zero64) : &zero32;
  const int data = is64                      ? kDataF64
                   : type == GemmType::kF16  ? kDataF16
                   : type == GemmType::kBf16 ? kDataBf16
                                             : kDataF32;
  const int compute = is64 ? kComputeF64 : type == GemmType::kTf32 ? kComputeTf32 : kComputeF32;
  return entries_->gemm(handle_, kAsStored, kAsStored, n, n, n, one, a, data, n, b, data, n, zero,
                        out, data, n, compute, kDefaultAlgorithm) == 0;
}

}  // namespace bench

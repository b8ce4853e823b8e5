// Which CUDA device a thread uses stays what it was, on a real GPU: the driver is asked before and after every
// call. The emulated device's test is thread_context_test.
#include <dlfcn.h>

#include "all_calls.h"
#include "calls.h"
#include "gpu.h"

namespace {

using Context = void*;

// The driver's few entry points, as CUDA's driver API documents them; 0 is success.
struct Driver {
  int (*init)(unsigned flags);
  int (*get_count)(int* count);
  int (*get_current)(Context* context);
  int (*create)(Context* context, unsigned flags, int device);  // and makes it current
  int (*destroy)(Context context);
  int (*get_primary_state)(int device, unsigned* flags, int* active);
};

template <class F>
bool find(void* library, const char* name, F* function) {
  *function = reinterpret_cast<F>(dlsym(library, name));
  return *function != nullptr;
}

bool open(Driver* driver) {
  void* const library = dlopen("libcuda.so.1", RTLD_NOW | RTLD_LOCAL);
  return library != nullptr && find(library, "cuInit", &driver->init) &&
         find(library, "cuDeviceGetCount", &driver->get_count) &&
         find(library, "cuCtxGetCurrent", &driver->get_current) &&
         find(library, "cuCtxCreate_v2", &driver->create) &&
         find(library, "cuCtxDestroy_v2", &driver->destroy) &&
         find(library, "cuDevicePrimaryCtxGetState", &driver->get_primary_state) &&
         driver->init(0) == 0;
}

class Watcher : public all_calls::Caller {
 public:
  explicit Watcher(const Driver& driver) : driver_(driver) {}
  void call(const std::string& names, const all_calls::Body& body,
            const all_calls::Body&) override {
    run(names, body);
  }
  void destroy(const std::string& name, const all_calls::Body& body) override { run(name, body); }

 private:
  void run(const std::string& names, const all_calls::Body& body) {
    Context before = nullptr, after = nullptr;
    CHECK(driver_.get_current(&before) == 0);
    DONE(body());
    CHECK(driver_.get_current(&after) == 0 && after == before);
    if (after != before) std::printf("  %s\n", names.c_str());
  }

  const Driver& driver_;
};

void run_all(const Driver& driver, int ordinal) {
  Watcher watcher(driver);
  for (const all_calls::Program& program : all_calls::kPrograms) {
    all_calls::Results results;
    program.run(watcher, {LNRNN_DEVICE_CUDA, ordinal, 0}, &results);
    CHECK(!results.empty());
  }
}

}  // namespace

int main() {
  const int32_t count = gpu::count();
  Driver driver{};
  if (count == 0 || !open(&driver)) return gpu::skipped();
  // A thread without a context stays so, and no other GPU gets one.
  run_all(driver, count - 1);
  Context current = nullptr;
  CHECK(driver.get_current(&current) == 0 && current == nullptr);
  if (count > 1) {
    unsigned flags = 0;
    int active = 1;
    CHECK(driver.get_primary_state(0, &flags, &active) == 0 && active == 0);
  }
  // A context of the caller's own stays current.
  Context own = nullptr;
  CHECK(driver.create(&own, 0, 0) == 0);
  for (int ordinal = 0; ordinal < count; ++ordinal) run_all(driver, ordinal);
  CHECK(driver.get_current(&current) == 0 && current == own);
  CHECK(driver.destroy(own) == 0);
  check::nothing_left();
  return check::summary();
}

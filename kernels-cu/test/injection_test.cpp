// What the system refuses: the n-th allocation, thread, file operation or call of CUDA's runtime, or the
// n-th and all after it. Whatever it is, each call of the C API gives a status with a sentence, nothing is
// left over, and when the system gives again the same call computes what it would have.
//
// Every program of all_calls.h runs with n = 1, 2, ... until it ends without reaching the n-th. Only what the
// library asks for counts: not what the emulator does, which stands for CUDA, nor this program.
//
// LNRNN_FUZZ_SECONDS is how long it may take, 12 by default; where that is too short for every n, those that
// are left out are drawn from LNRNN_FUZZ_SEED.
#include <sys/types.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <iterator>
#include <new>
#include <random>
#include <system_error>
#include <thread>

#include "all_calls.h"
#include "check.h"
#include "emulator.h"

namespace {

enum class Resource { kAllocation, kThread, kFile, kCuda, kCudaLost };
constexpr const char* kResourceNames[] = {"allocation", "thread", "file operation", "CUDA call",
                                          "CUDA call that loses the device"};

// What is counted, and which is refused.
struct Injection {
  Resource resource = Resource::kAllocation;
  long refused = 0;  // from 1; 0 for none
  bool for_good = false;
  long reached = 0;
  bool suspended = false;

  bool due() {
    if (suspended) return false;
    ++reached;
    return refused != 0 && (reached == refused || (for_good && reached > refused));
  }
};
Injection injection;
thread_local bool armed = false;  // a call of the C API is running

bool is_due(Resource resource) {
  if (!armed || injection.resource != resource || lnrnn::emulator::inside()) return false;
  return injection.due();
}

}  // namespace

// ---- what the library asks for -------------------------------------------------------------------

// Not inlined: the compiler would see one of a pair, and take free for a mistake.
__attribute__((noinline)) void* operator new(size_t bytes) {
  if (is_due(Resource::kAllocation)) throw std::bad_alloc();
  void* const memory = std::malloc(bytes == 0 ? 1 : bytes);
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}
__attribute__((noinline)) void operator delete(void* memory) noexcept { std::free(memory); }
__attribute__((noinline)) void operator delete(void* memory, size_t) noexcept { std::free(memory); }

// The linker sends calls of a wrapped function here.
extern "C" {

int __real_posix_memalign(void** memory, size_t alignment, size_t bytes);
int __wrap_posix_memalign(void** memory, size_t alignment, size_t bytes) {
  return is_due(Resource::kAllocation) ? ENOMEM : __real_posix_memalign(memory, alignment, bytes);
}

std::FILE* __real_fopen(const char* name, const char* mode);
std::FILE* __wrap_fopen(const char* name, const char* mode) {
  if (!is_due(Resource::kFile)) return __real_fopen(name, mode);
  errno = EMFILE;
  return nullptr;
}
int __real_open(const char* name, int flags, ...);
int __wrap_open(const char* name, int flags, ...) {
  if (!is_due(Resource::kFile)) return __real_open(name, flags);  // nothing is created
  errno = EMFILE;
  return -1;
}
ssize_t __real_read(int file, void* to, size_t bytes);
ssize_t __wrap_read(int file, void* to, size_t bytes) {
  if (!is_due(Resource::kFile)) return __real_read(file, to, bytes);
  errno = EIO;
  return -1;
}
char* __real_fgets(char* line, int size, std::FILE* file);
char* __wrap_fgets(char* line, int size, std::FILE* file) {
  return is_due(Resource::kFile) ? nullptr : __real_fgets(line, size, file);
}

// std::thread::_M_start_thread
void __real__ZNSt6thread15_M_start_threadESt10unique_ptrINS_6_StateESt14default_deleteIS1_EEPFvvE(
    std::thread* self, std::thread::_State_ptr* state, void (*depend)());
void __wrap__ZNSt6thread15_M_start_threadESt10unique_ptrINS_6_StateESt14default_deleteIS1_EEPFvvE(
    std::thread* self, std::thread::_State_ptr* state, void (*depend)()) {
  if (is_due(Resource::kThread)) {
    armed = false;  // the sentence of the exception is not the library's
    std::system_error refusal(EAGAIN, std::generic_category());
    armed = true;
    throw refusal;
  }
  __real__ZNSt6thread15_M_start_threadESt10unique_ptrINS_6_StateESt14default_deleteIS1_EEPFvvE(
      self, state, depend);
}

}  // extern "C"

namespace {

using all_calls::Body;
using all_calls::Program;
using all_calls::Results;
using all_calls::Target;

bool is_cuda(Resource resource) {
  return resource == Resource::kCuda || resource == Resource::kCudaLost;
}

struct Stopped {};

// Makes the calls of a program while something is refused.
class Refusing : public all_calls::Caller {
 public:
  Refusing(Resource resource, long refused, bool for_good) : for_good_(for_good) {
    injection = {resource, refused, for_good, 0, false};
    if (is_cuda(resource)) {
      const bool loses = resource == Resource::kCudaLost;
      lnrnn::emulator::set_call_error(loses ? cudaErrorLaunchFailure : cudaErrorMemoryAllocation,
                                      loses);
      lnrnn::emulator::inject_fault(
          refused == 0 ? "" : "call@" + std::to_string(refused) + (for_good ? "+" : ""));
    }
  }
  ~Refusing() override { refuse(false); }

  void call(const std::string& names, const Body& body, const Body& prepare) override {
    const lnrnnStatus_t status = make(body);
    if (status == LNRNN_STATUS_SUCCESS) return;
    check_refusal(names, status);
    // Nothing works on a lost device, and nothing while all is refused.
    if (for_good_ || injection.resource == Resource::kCudaLost) throw Stopped{};
    if (prepare != nullptr) check_success(names, prepare());
    check_success(names, make(body));
  }

  // Everything can be destroyed, at the latest when nothing is refused any more.
  void destroy(const std::string& name, const Body& body) override {
    const lnrnnStatus_t status = make(body);
    if (status == LNRNN_STATUS_SUCCESS) return;
    check_refusal(name, status);
    refuse(false);
    check_success(name, body());
    refuse(for_good_);
  }

 private:
  static void refuse(bool all) {
    injection.suspended = !all;
    if (is_cuda(injection.resource)) lnrnn::emulator::inject_fault(all ? "call@1+" : "");
  }
  static lnrnnStatus_t make(const Body& body) {
    armed = true;
    const lnrnnStatus_t status = body();
    armed = false;
    return status;
  }
  static void check_refusal(const std::string& names, lnrnnStatus_t status) {
    const bool as_it_should = injection.refused != 0 && status != LNRNN_STATUS_NULL_POINTER &&
                              status != LNRNN_STATUS_MISALIGNED &&
                              status != LNRNN_STATUS_BUFFER_TOO_SMALL &&
                              lnrnnGetLastErrorMessage()[0] != '\0';
    CHECK(as_it_should);
    if (!as_it_should) report(names, status);
  }
  static void check_success(const std::string& names, lnrnnStatus_t status) {
    CHECK(status == LNRNN_STATUS_SUCCESS);
    if (status != LNRNN_STATUS_SUCCESS) report(names, status);
  }
  static void report(const std::string& names, lnrnnStatus_t status) {
    std::printf("  %s: %s: %s\n", names.c_str(), lnrnnGetStatusName(status),
                lnrnnGetLastErrorMessage());
  }

  const bool for_good_;
};

// A program, and what of it is refused.
struct Point {
  const Program* program;
  Target target;
  Resource resource;
  long number;
  bool for_good;
  const Results* expected;
};

int64_t in_use() {
  lnrnnUsage_t usage{};
  usage.structSize = sizeof usage;
  lnrnnGetUsage(&usage);
  return usage.handles + usage.plans + usage.streams + usage.events + usage.graphs +
         usage.deviceAllocations + usage.hostAllocations + usage.registrations + usage.deviceBytes +
         usage.hostBytes + usage.registeredBytes;
}

// How often it asked for the resource.
long run(const Point& point) {
  const int failures = check::failures;
  const int64_t used = in_use();
  const std::string left_before = lnrnn::emulator::left_over();
  Results results;
  bool ended = true;
  long reached;
  {
    Refusing caller(point.resource, point.number, point.for_good);
    try {
      point.program->run(caller, point.target, &results);
    } catch (const Stopped&) {
      ended = false;
    }
    reached = is_cuda(point.resource) ? static_cast<long>(lnrnn::emulator::calls_made())
                                      : injection.reached;
  }
  if (ended) CHECK(point.expected == nullptr || results.agree(*point.expected));
  CHECK(in_use() == used);
  // The memory of a lost device is gone with it, and what stands in a device that cannot be opened nor used
  // at all stays there.
  const std::string left = lnrnn::emulator::left_over();
  if (point.resource != Resource::kCudaLost && !point.for_good) CHECK(left == left_before);
  if (check::failures != failures) {
    std::printf("  program %s on %s, %s %ld%s%s%s\n", point.program->name,
                point.target.kind == LNRNN_DEVICE_CPU ? "cpu" : "cuda",
                kResourceNames[static_cast<int>(point.resource)], point.number,
                point.for_good ? " and all later" : "",
                left.empty() ? "" : ", left: ", left.c_str());
    std::fflush(stdout);
  }
  if (is_cuda(point.resource)) lnrnn::emulator::reset_device();
  return reached;
}

long from_environment(const char* name, long otherwise) {
  const char* const value = std::getenv(name);
  return value == nullptr ? otherwise : std::strtol(value, nullptr, 10);
}

}  // namespace

int main() {
  const long seconds = from_environment("LNRNN_FUZZ_SECONDS", 12);
  const auto seed = static_cast<unsigned>(
      from_environment("LNRNN_FUZZ_SEED", static_cast<long>(std::random_device{}())));
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(seconds);

  std::vector<Results> expected;
  expected.reserve(2 * std::size(all_calls::kPrograms));
  std::vector<Point> points;
  long programs = 0;
  for (const lnrnnDeviceKind_t kind : {LNRNN_DEVICE_CPU, LNRNN_DEVICE_CUDA}) {
    const bool cuda = kind == LNRNN_DEVICE_CUDA;
    for (const Program& program : all_calls::kPrograms) {
      if (!cuda && program.captures) continue;
      const Target target{kind, 0, cuda ? 0 : 2};
      {
        expected.emplace_back();
        Refusing nothing(Resource::kAllocation, 0, false);
        program.run(nothing, target, &expected.back());
        CHECK(!expected.back().empty());
      }
      ++programs;
      for (const Resource resource : {Resource::kAllocation, Resource::kThread, Resource::kFile,
                                      Resource::kCuda, Resource::kCudaLost}) {
        if (is_cuda(resource) && !cuda) continue;
        const long reached = run({&program, target, resource, 0, false, &expected.back()});
        for (long number = 1; number <= reached; ++number) {
          points.push_back({&program, target, resource, number, false, &expected.back()});
          if (resource != Resource::kCudaLost) {
            points.push_back({&program, target, resource, number, true, &expected.back()});
          }
        }
      }
    }
  }
  std::mt19937 random(seed);
  std::shuffle(points.begin(), points.end(), random);
  size_t done = 0;
  for (; done < points.size() && std::chrono::steady_clock::now() < end; ++done) run(points[done]);
  std::printf("%ld programs, %zu of %zu points, seed %u, %d losses\n", programs, done,
              points.size(), seed, check::failures);
  CHECK(done > 0 && points.size() > 1000);
  return check::summary();
}

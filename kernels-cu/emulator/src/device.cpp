// State of the device as a whole, and the controls of tests.
#include "device.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <mutex>
#include <sstream>

#include "contexts.h"
#include "emulator.h"
#include "sites.h"

namespace lnrnn::emulator {

namespace {

constexpr uint64_t kDefaultSeed = 1;
constexpr size_t kDefaultMemory = size_t{4} << 30;
constexpr size_t kPoints = static_cast<size_t>(FaultPoint::kCount);
constexpr const char* kPointNames[kPoints] = {
    "out_of_memory", "out_of_host_memory", "register", "stream", "event", "graph",
    "launch",        "device_lost",        "call"};

struct FaultPlan {
  std::array<uint64_t, kPoints> due{};  // the number of the call, from 1; 0 for none
  std::array<bool, kPoints> stays{};    // all later ones fail, too
  std::array<uint64_t, kPoints> calls{};

  bool parse(const std::string& text) {
    FaultPlan plan;
    std::istringstream list(text);
    for (std::string item; std::getline(list, item, ',');) {
      const size_t at = item.find('@');
      if (at == std::string::npos) return false;
      char* end = nullptr;
      const uint64_t number = std::strtoull(item.c_str() + at + 1, &end, 10);
      const bool stays = *end == '+';
      if (number == 0 || end[stays] != '\0') return false;
      size_t point = 0;
      while (point < kPoints && item.compare(0, at, kPointNames[point]) != 0) ++point;
      if (point == kPoints) return false;
      plan.due[point] = number;
      plan.stays[point] = stays;
    }
    *this = plan;
    return true;
  }
};

// "8.6,9.0" as 86, 90; empty for what is not understood.
std::vector<int> parse_capabilities(const std::string& text) {
  std::vector<int> parsed;
  std::istringstream list(text);
  for (std::string item; std::getline(list, item, ',');) {
    int major = 0, minor = 0, end = 0;
    if (std::sscanf(item.c_str(), "%d.%1d%n", &major, &minor, &end) != 2 || major < 1 ||
        static_cast<size_t>(end) != item.size())
      return {};
    parsed.push_back(10 * major + minor);
  }
  return parsed;
}

// What a kernel is compiled for. Machine code runs where the major number is the same and the minor not
// smaller, PTX on all that came later; with an 'a' both on nothing else.
struct Target {
  bool code, exact;
  int architecture;

  bool runs_on(int capability) const {
    if (exact || capability < architecture) return capability == architecture;
    return !code || capability / 10 == architecture / 10;
  }
};

std::vector<Target> parse_targets(const std::string& text) {
  std::vector<Target> parsed;
  std::istringstream list(text);
  for (std::string item; list >> item;) {
    const bool code = item.rfind("sm_", 0) == 0;
    if (!code && item.rfind("compute_", 0) != 0) return {};
    char* end = nullptr;
    const long number = std::strtol(item.c_str() + (code ? 3 : 8), &end, 10);
    const bool exact = *end == 'a';
    if (number < 10 || end[exact] != '\0') return {};
    parsed.push_back({code, exact, static_cast<int>(number)});
  }
  return parsed;
}

struct State {
  std::mutex mutex;
  std::atomic<cudaError_t> sticky{cudaSuccess};
  std::atomic<uint64_t> seed{kDefaultSeed};
  std::atomic<size_t> memory{kDefaultMemory};
  std::atomic<int> driver{kRuntimeVersion};
  std::atomic<bool> no_device{false};
  std::atomic<cudaError_t> call_error{cudaErrorMemoryAllocation};
  std::atomic<bool> call_loses{false};
  // Set before the devices are used, and between uses.
  std::vector<int> capabilities{90};
  std::string kernels = "sm_90a compute_90";
  std::vector<Target> targets = parse_targets(kernels);
  FaultPlan faults;
  std::string report;

  State() {
    if (const char* value = std::getenv("LNRNN_EMULATOR_SEED")) seed = number(value, "SEED");
    if (const char* value = std::getenv("LNRNN_EMULATOR_MEMORY")) memory = number(value, "MEMORY");
    if (const char* value = std::getenv("LNRNN_EMULATOR_DRIVER")) set_driver(value);
    const char* value = std::getenv("LNRNN_EMULATOR_DEVICES");
    if (value != nullptr && !set_devices(value)) refuse("DEVICES", value);
    value = std::getenv("LNRNN_EMULATOR_KERNELS");
    if (value != nullptr && !set_kernels(value)) refuse("KERNELS", value);
    value = std::getenv("LNRNN_EMULATOR_FAULT");
    if (value != nullptr && !faults.parse(value)) refuse("FAULT", value);
  }

  void set_driver(const std::string& value) {
    no_device = value == "no_device";
    if (value == "none") driver = 0;
    else if (value.empty() || no_device) driver = kRuntimeVersion;
    else driver = static_cast<int>(number(value.c_str(), "DRIVER"));
  }
  bool set_devices(const std::string& text) {
    std::vector<int> parsed = parse_capabilities(text);
    if (parsed.empty()) return false;
    capabilities = std::move(parsed);
    return true;
  }
  bool set_kernels(const std::string& text) {
    std::vector<Target> parsed = parse_targets(text);
    if (parsed.empty()) return false;
    targets = std::move(parsed);
    kernels = text;
    return true;
  }

 private:
  // A test that asks for what it does not get would show nothing.
  [[noreturn]] static void refuse(const char* name, const char* value) {
    std::fprintf(stderr, "lnrnn emulator: LNRNN_EMULATOR_%s is '%s', which is not understood\n",
                 name, value);
    std::abort();
  }
  static uint64_t number(const char* value, const char* name) {
    char* end = nullptr;
    const uint64_t result = std::strtoull(value, &end, 10);
    if (end == value || *end != '\0') refuse(name, value);
    return result;
  }
};

State& state() {
  static State& the_state = *new State;  // never destroyed: threads may outlive static objects
  return the_state;
}

thread_local cudaError_t last = cudaSuccess;
thread_local bool in_host_function = false;
thread_local int calls_within = 0;                // of each other
thread_local cudaError_t injected = cudaSuccess;  // what the outermost one is to answer

}  // namespace

}  // namespace lnrnn::emulator

namespace lnrnn::cuda::emulated {

using namespace lnrnn::emulator;

Call::Call(Needs needs) {
  if (calls_within++ != 0) return;
  if (fault_is_due(FaultPoint::kCall)) {
    injected = state().call_error;
    if (state().call_loses) state().sticky = injected;
  }
  if (needs == kContext && injected == cudaSuccess) need_context();
}

Call::~Call() {
  if (--calls_within == 0) injected = cudaSuccess;
}

const char* targets() { return state().kernels.c_str(); }

cudaError_t find_architecture(int* architecture) {
  const Call call;
  const cudaError_t error = enter();
  if (error != cudaSuccess) return leave(error);
  *architecture = lnrnn::emulator::architecture_of_kernels(current_device());
  return leave(*architecture != 0 ? cudaSuccess : cudaErrorNoKernelImageForDevice);
}

}  // namespace lnrnn::cuda::emulated

namespace lnrnn::emulator {

cudaError_t enter() {
  if (in_host_function) return cudaErrorNotPermitted;
  if (state().driver < kRuntimeVersion) return cudaErrorInsufficientDriver;
  if (state().no_device) return cudaErrorNoDevice;
  if (injected != cudaSuccess) return injected;
  return state().sticky;
}

cudaError_t leave(cudaError_t error) {
  if (error != cudaSuccess && error != cudaErrorNotReady) last = error;
  return error;
}

cudaError_t last_error(bool forget) {
  const cudaError_t error = last;
  if (forget) last = state().sticky;
  return error;
}

cudaError_t sticky_error() { return state().sticky; }

void lose_device(cudaError_t error, const std::string& text) {
  const std::string line =
      text + " (" + cudaGetErrorName(error) + ", seed " + std::to_string(state().seed.load()) + ")";
  const std::lock_guard<std::mutex> lock(state().mutex);
  if (state().sticky != cudaSuccess) return;
  std::fprintf(stderr, "lnrnn emulator: %s\n", line.c_str());
  state().report = line;
  state().sticky = error;
}

void forget_errors() {
  const std::lock_guard<std::mutex> lock(state().mutex);
  state().sticky = cudaSuccess;
  state().report.clear();
  state().faults = {};
  last = cudaSuccess;
}

bool fault_is_due(FaultPoint point) {
  const std::lock_guard<std::mutex> lock(state().mutex);
  const size_t i = static_cast<size_t>(point);
  FaultPlan& faults = state().faults;
  const uint64_t call = ++faults.calls[i], due = faults.due[i];
  return due != 0 && (call == due || (faults.stays[i] && call > due));
}

uint64_t seed() { return state().seed; }
size_t memory_limit() { return state().memory; }

int device_count() { return static_cast<int>(state().capabilities.size()); }
int capability(int device) { return state().capabilities[static_cast<size_t>(device)]; }

int architecture_of_kernels(int device) {
  int best = 0;
  for (const Target& target : state().targets)
    if (target.runs_on(capability(device))) best = std::max(best, target.architecture);
  return best;
}

int driver_version(bool* no_device) {
  *no_device = state().no_device;
  return state().driver;
}

HostFunctionScope::HostFunctionScope() { in_host_function = true; }
HostFunctionScope::~HostFunctionScope() { in_host_function = false; }

// ---- controls --------------------------------------------------------------------------------------

void set_seed(uint64_t seed) { state().seed = seed; }
void skip_site(const std::string& site) { set_skipped_site(site); }
std::vector<std::string> sites_reached() { return reached_sites(); }
void set_driver(const std::string& driver) { state().set_driver(driver); }
void set_memory_limit(size_t bytes) { state().memory = bytes; }
void set_call_error(cudaError_t error, bool loses) {
  state().call_error = error;
  state().call_loses = loses;
}
uint64_t calls_made() {
  const std::lock_guard<std::mutex> lock(state().mutex);
  return state().faults.calls[static_cast<size_t>(FaultPoint::kCall)];
}
bool inside() { return calls_within > 0; }
bool set_devices(const std::string& capabilities) { return state().set_devices(capabilities); }
bool set_kernels(const std::string& targets) { return state().set_kernels(targets); }

bool inject_fault(const std::string& faults) {
  const std::lock_guard<std::mutex> lock(state().mutex);
  return state().faults.parse(faults);
}

std::string last_report() {
  const std::lock_guard<std::mutex> lock(state().mutex);
  return state().report;
}

}  // namespace lnrnn::emulator

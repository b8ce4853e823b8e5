// State of the device as a whole, and the controls of tests.
#include "device.h"

#include <array>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <mutex>
#include <sstream>

#include "emulator.h"
#include "sites.h"

namespace lnrnn::emulator {

namespace {

constexpr uint64_t kDefaultSeed = 1;
constexpr size_t kDefaultMemory = size_t{4} << 30;
constexpr size_t kPoints = static_cast<size_t>(FaultPoint::kCount);
constexpr const char* kPointNames[kPoints] = {"out_of_memory", "out_of_host_memory", "register",
                                              "stream",        "event",              "graph",
                                              "launch",        "device_lost"};

struct FaultPlan {
  std::array<uint64_t, kPoints> due{};  // the number of the call, from 1; 0 for none
  std::array<uint64_t, kPoints> calls{};

  bool parse(const std::string& text) {
    FaultPlan plan;
    std::istringstream list(text);
    for (std::string item; std::getline(list, item, ',');) {
      const size_t at = item.find('@');
      if (at == std::string::npos) return false;
      char* end = nullptr;
      const uint64_t number = std::strtoull(item.c_str() + at + 1, &end, 10);
      if (number == 0 || *end != '\0') return false;
      size_t point = 0;
      while (point < kPoints && item.compare(0, at, kPointNames[point]) != 0) ++point;
      if (point == kPoints) return false;
      plan.due[point] = number;
    }
    *this = plan;
    return true;
  }
};

struct State {
  std::mutex mutex;
  std::atomic<cudaError_t> sticky{cudaSuccess};
  std::atomic<uint64_t> seed{kDefaultSeed};
  std::atomic<size_t> memory{kDefaultMemory};
  std::atomic<int> driver{kRuntimeVersion};
  std::atomic<bool> no_device{false};
  FaultPlan faults;
  std::string report;

  State() {
    if (const char* value = std::getenv("LNRNN_EMULATOR_SEED")) seed = number(value, "SEED");
    if (const char* value = std::getenv("LNRNN_EMULATOR_MEMORY")) memory = number(value, "MEMORY");
    if (const char* value = std::getenv("LNRNN_EMULATOR_DRIVER")) set_driver(value);
    const char* value = std::getenv("LNRNN_EMULATOR_FAULT");
    if (value != nullptr && !faults.parse(value)) refuse("FAULT", value);
  }

  void set_driver(const std::string& value) {
    no_device = value == "no_device";
    if (value == "none") driver = 0;
    else if (value.empty() || no_device) driver = kRuntimeVersion;
    else driver = static_cast<int>(number(value.c_str(), "DRIVER"));
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

}  // namespace

cudaError_t enter() {
  if (in_host_function) return cudaErrorNotPermitted;
  if (state().driver < kRuntimeVersion) return cudaErrorInsufficientDriver;
  if (state().no_device) return cudaErrorNoDevice;
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
  const std::string line = text + " (" + cudaGetErrorName(error) + ", seed " +
                           std::to_string(state().seed.load()) + ")";
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
  return ++state().faults.calls[i] == state().faults.due[i];
}

uint64_t seed() { return state().seed; }
size_t memory_limit() { return state().memory; }

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

bool inject_fault(const std::string& faults) {
  const std::lock_guard<std::mutex> lock(state().mutex);
  return state().faults.parse(faults);
}

std::string last_report() {
  const std::lock_guard<std::mutex> lock(state().mutex);
  return state().report;
}

}  // namespace lnrnn::emulator

// Which CUDA device a thread uses stays what it was, whatever is called and whether or not it fails: two
// emulated devices, threads that use one, the other or none, and every call of the C API.
#include <cctype>
#include <fstream>
#include <set>
#include <thread>

#include "all_calls.h"
#include "calls.h"
#include "cuda/machine/architectures.h"
#include "emulator.h"

using namespace lnrnn::emulator;
using all_calls::Body;
using all_calls::Target;

namespace {

std::set<std::string> called;

class Watcher : public all_calls::Caller {
 public:
  void call(const std::string& names, const Body& body, const Body&) override { run(names, body); }
  void destroy(const std::string& name, const Body& body) override { run(name, body); }

 private:
  void run(const std::string& names, const Body& body) {
    called.insert(names);
    const std::string before = thread_contexts();
    DONE(body());
    const std::string after = thread_contexts();
    CHECK(after == before);
    if (after != before) {
      std::printf("  %s: contexts \"%s\" became \"%s\"\n", names.c_str(), before.c_str(),
                  after.c_str());
    }
  }
};

void run_all(int32_t ordinal) {
  Watcher watcher;
  for (const all_calls::Program& program : all_calls::kPrograms) {
    all_calls::Results results;
    program.run(watcher, Target{LNRNN_DEVICE_CUDA, ordinal, 0}, &results);
    CHECK(!results.empty());
  }
}

// Calls that fail, each at its every call into CUDA.
void fail_all(int32_t ordinal) {
  const std::string before = thread_contexts();
  for (int n = 1;; ++n) {
    inject_fault("call@" + std::to_string(n));
    lnrnnHandle_t handle = nullptr;
    lnrnnStream_t stream = nullptr;
    void *memory = nullptr, *host = nullptr;
    bool last = false;
    lnrnnCreate(LNRNN_DEVICE_CUDA, ordinal, 0, nullptr, &handle);
    CHECK(thread_contexts() == before);
    if (handle != nullptr) {
      lnrnnStreamCreate(handle, &stream);
      CHECK(thread_contexts() == before);
      lnrnnMalloc(handle, nullptr, 64, &memory);
      lnrnnHostAlloc(handle, 64, &host);
      CHECK(thread_contexts() == before);
      if (host != nullptr) lnrnnMemset(handle, stream, host, 1, 64);
      lnrnnStreamSynchronize(handle, stream);
      CHECK(thread_contexts() == before);
      lnrnnFree(handle, nullptr, memory);
      lnrnnHostFree(handle, host);
      if (stream != nullptr) lnrnnStreamDestroy(stream);
      CHECK(thread_contexts() == before);
      last = calls_made() < static_cast<uint64_t>(n);
      inject_fault("");
      DONE(lnrnnDestroy(handle));
      CHECK(thread_contexts() == before);
    }
    inject_fault("");
    if (last) break;
  }
}

// Every function that the header declares was called, but for those that have no device to make current.
void check_all_were_called() {
  const std::set<std::string> none = {"lnrnnGetAbiVersion", "lnrnnGetVersionString",
                                      "lnrnnGetStatusName", "lnrnnGetLastErrorMessage"};
  std::ifstream header(LNRNN_HEADER);
  std::string all;
  for (const std::string& names : called) all += names + " ";
  int functions = 0;
  for (std::string line; std::getline(header, line);) {
    if (line.rfind("LNRNN_API ", 0) != 0) continue;
    const size_t bracket = line.find('('), space = line.rfind(' ', bracket);
    std::string name = line.substr(space + 1, bracket - space - 1);
    if (name[0] == '*') name.erase(0, 1);
    // With further pointers it is the same call: see structs_test.
    name = name.substr(0, name.find("Holding"));
    ++functions;
    const bool found = none.count(name) != 0 || all.find(name + " ") != std::string::npos;
    CHECK(found);
    if (!found) std::printf("  %s\n", name.c_str());
  }
  CHECK(functions > 50);
}

// What of a list of targets a device runs, without asking it.
void check_architectures() {
  using lnrnn::cuda::find_architecture;
  const struct {
    const char* targets;
    int capability, runs;
  } cases[] = {
      {"sm_90a compute_90", 90, 90},
      {"sm_90a compute_90", 86, 0},
      {"sm_90a compute_90", 120, 90},
      {"sm_90a", 100, 0},
      {"sm_80", 86, 80},
      {"sm_80", 90, 0},
      {"compute_75", 80, 75},
      {"compute_75", 70, 0},
      {"sm_75 sm_80 compute_80", 89, 80},
      {"sm_100f compute_75", 103, 100},
      {"sm_100f", 120, 0},
      {"all-major", 86, lnrnn::cuda::kUnknownArchitecture},
  };
  for (const auto& one : cases) {
    const int runs = find_architecture(one.targets, one.capability);
    CHECK(runs == one.runs);
    if (runs != one.runs) std::printf("  %s on %d: %d\n", one.targets, one.capability, runs);
  }
}

}  // namespace

int main() {
  CHECK(set_devices("9.0,9.0"));
  // First, while no other device has been touched: a thread without a context leaves them alone.
  std::thread([] {
    run_all(1);
    CHECK(thread_contexts().empty());
  }).join();
  CHECK(has_primary_context(1) && !has_primary_context(0));
  for (const int32_t ordinal : {0, 1}) {
    for (const int32_t current : {0, 1}) {
      forget_contexts();
      CHECK(cudaSetDevice(current) == cudaSuccess);
      run_all(ordinal);
      fail_all(ordinal);
      push_own_context(current);
      run_all(ordinal);
    }
  }
  check_all_were_called();
  check_architectures();
  forget_contexts();
  check::nothing_left();
  CHECK(left_over().empty());
  return check::summary();
}

// The CPU as a device. Calls do their work before they return, so streams need only keep calls
// apart, and events only remember when they were recorded.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <new>
#include <system_error>

#include "core/device.h"
#include "core/status.h"
#include "cpu/machine/cgroup.h"
#include "cpu/machine/isa.h"
#include "cpu/machine/os.h"
#include "cpu/machine/team.h"
#include "dropout.h"
#include "initialize.h"
#include "strand.h"
#include "strand_layout.h"

namespace lnrnn {

namespace {

using cpu::Isa;
using cpu::Team;
using Clock = std::chrono::steady_clock;

struct CpuStream : Stream {
  explicit CpuStream(int threads) : team(threads) {}
  Team team;
};

struct CpuEvent : Event {
  std::mutex guard;
  bool recorded = false;
  Clock::time_point at;
};

constexpr int kMaxThreads = 1024;

// Threads where the caller names no number, and what decided it.
struct DefaultThreads {
  int count;
  const char* from;
};
DefaultThreads default_threads() {
  const int processors = std::min(os::processors(), kMaxThreads);
  const int allowed = cpu::threads_of_quota(cpu::cpu_quota(""));
  if (allowed < processors) return {allowed, "cgroup quota"};
  return {processors, "affinity"};
}

void fill_properties(int threads, const char* threads_from, const Isa& isa,
                     lnrnnDeviceProperties_t* out) {
  out->kind = LNRNN_DEVICE_CPU;
  out->ordinal = 0;
  out->threads = threads;
  out->maxThreads = os::processors();
  std::snprintf(out->threadsFrom, sizeof out->threadsFrom, "%s", threads_from);
  out->totalMemory = os::total_memory();
  os::read_cpu_name(out->name, sizeof out->name);
  std::snprintf(out->isa, sizeof out->isa, "%s", isa.name);
  size_t used = 0;
  for (const Isa* const* i = cpu::available_isas(); *i != nullptr; ++i) {
    used +=
        static_cast<size_t>(std::snprintf(out->isaAvailable + used, sizeof out->isaAvailable - used,
                                          "%s%s", used == 0 ? "" : " ", (*i)->name));
  }
}

class CpuDevice final : public Device {
  // The one place where the plan's type becomes a C++ type: body(a zero of it, its kernels).
  template <class F>
  auto with_type(const Plan& plan, const F& body) const {
    switch (plan.description.dataType) {
      case LNRNN_DATA_F64: return body(double{}, isa_.f64);
      case LNRNN_DATA_F16: return body(F16{}, isa_.f32);
      case LNRNN_DATA_BF16: return body(Bf16{}, isa_.f32);
      default: return body(float{}, isa_.f32);
    }
  }

 public:
  CpuDevice(int threads, const char* threads_from, const Isa& isa)
      : isa_(isa), threads_from_(threads_from), default_stream_(threads) {}

  void get_properties(lnrnnDeviceProperties_t* properties) const override {
    fill_properties(threads(), threads_from_, isa_, properties);
  }
  Stream& default_stream() override { return default_stream_; }

  lnrnnStatus_t create_stream(std::unique_ptr<Stream>* stream) override {
    *stream = std::make_unique<CpuStream>(threads());
    return LNRNN_STATUS_SUCCESS;
  }
  // A stream is idle when nobody holds it.
  lnrnnStatus_t synchronize(Stream& stream) override {
    const std::lock_guard<std::mutex> lock(stream.busy);
    return LNRNN_STATUS_SUCCESS;
  }
  lnrnnStatus_t create_event(std::unique_ptr<Event>* event) override {
    *event = std::make_unique<CpuEvent>();
    return LNRNN_STATUS_SUCCESS;
  }
  lnrnnStatus_t record(Event& event, Stream&) override {
    CpuEvent& e = of(event);
    const std::lock_guard<std::mutex> lock(e.guard);
    e.recorded = true;
    e.at = Clock::now();
    return LNRNN_STATUS_SUCCESS;
  }
  lnrnnStatus_t wait(Stream&, Event&) override { return LNRNN_STATUS_SUCCESS; }
  lnrnnStatus_t query(Event&, bool* done) override {
    *done = true;
    return LNRNN_STATUS_SUCCESS;
  }
  lnrnnStatus_t synchronize(Event&) override { return LNRNN_STATUS_SUCCESS; }
  lnrnnStatus_t elapsed(Event& start, Event& end, double* milliseconds) override {
    Clock::time_point times[2];
    CpuEvent* const events[2] = {&of(start), &of(end)};
    for (int i = 0; i < 2; ++i) {
      const std::lock_guard<std::mutex> lock(events[i]->guard);
      LNRNN_CHECK(events[i]->recorded, LNRNN_STATUS_INVALID_ARGUMENT,
                  "lnrnnEventElapsedMilliseconds: %s has not been recorded",
                  i == 0 ? "start" : "end");
      times[i] = events[i]->at;
    }
    *milliseconds = std::chrono::duration<double, std::milli>(times[1] - times[0]).count();
    return LNRNN_STATUS_SUCCESS;
  }

  lnrnnStatus_t begin_capture(Stream&) override { return no_capture(); }
  lnrnnStatus_t end_capture(Stream&, std::unique_ptr<Graph>*, bool* ended) override {
    *ended = true;
    return no_capture();
  }
  lnrnnStatus_t capturing(Stream&, bool* is_capturing) override {
    *is_capturing = false;
    return LNRNN_STATUS_SUCCESS;
  }
  lnrnnStatus_t launch(Graph&, Stream&) override { return no_capture(); }

  lnrnnStatus_t allocate(Stream&, size_t bytes, void** pointer) override {
    // Weights are streamed step after step: in pages of the usual size most of them miss the TLB.
    constexpr uint64_t kHugePage = uint64_t{1} << 21;
    const bool huge = bytes >= kHugePage;
    const uint64_t rounded = size_aligned(bytes);
    if (rounded > static_cast<uint64_t>(INT64_MAX) ||
        posix_memalign(pointer, huge ? kHugePage : kAlignment, rounded) != 0) {
      *pointer = nullptr;
    }
    LNRNN_CHECK(*pointer != nullptr, LNRNN_STATUS_OUT_OF_MEMORY,
                "out of host memory: %zu bytes could not be allocated", bytes);
    if (huge) os::prefer_huge_pages(*pointer, rounded);
    return LNRNN_STATUS_SUCCESS;
  }
  lnrnnStatus_t release(Stream& stream, void* pointer) override {
    const std::lock_guard<std::mutex> idle(stream.busy);
    std::free(pointer);
    return LNRNN_STATUS_SUCCESS;
  }
  lnrnnStatus_t allocate_host(size_t bytes, void** pointer) override {
    return allocate(default_stream_, bytes, pointer);
  }
  lnrnnStatus_t release_host(void* pointer) override {
    std::free(pointer);
    return LNRNN_STATUS_SUCCESS;
  }
  // Host memory is as near as it can be.
  lnrnnStatus_t register_host(void*, size_t) override { return LNRNN_STATUS_SUCCESS; }
  lnrnnStatus_t unregister_host(void*) override { return LNRNN_STATUS_SUCCESS; }
  lnrnnStatus_t copy(Stream&, void* to, const void* from, size_t bytes) override {
    std::memcpy(to, from, bytes);
    return LNRNN_STATUS_SUCCESS;
  }
  lnrnnStatus_t fill(Stream&, void* to, int value, size_t bytes) override {
    std::memset(to, value, bytes);
    return LNRNN_STATUS_SUCCESS;
  }

  uint64_t packed_bytes(const Strand& strand) const override {
    return with_type(strand.plan, [&](auto zero, auto& kernels) {
      return cpu::packed_bytes<decltype(zero)>(kernels, strand);
    });
  }
  uint64_t reserve_bytes(const Strand& strand, int64_t steps, int64_t batch) const override {
    return with_type(strand.plan, [&](auto zero, auto&) {
      Carver carver;
      cpu::StrandRows<accumulation_t<decltype(zero)>>::take(carver, strand, steps, batch);
      return carver.bytes();
    });
  }
  uint64_t workspace_bytes(const Strand& strand, Pass pass, int64_t steps,
                           int64_t batch) const override {
    return with_type(strand.plan, [&](auto zero, auto& kernels) {
      using S = decltype(zero);
      return pass == Pass::kBackward
                 ? cpu::backward_workspace<S>(kernels, strand, threads(), steps, batch)
                 : cpu::forward_workspace<S>(kernels, strand, threads(), steps, batch,
                                             pass == Pass::kTraining);
    });
  }

  lnrnnStatus_t initialize(const Plan& plan, Stream& stream, uint64_t seed,
                           void* parameters) override {
    cpu::initialize_parameters(isa_, plan, of(stream).team, seed, parameters);
    return LNRNN_STATUS_SUCCESS;
  }
  lnrnnStatus_t pack(const Strand& strand, Stream&, const void* parameters, void* packed) override {
    with_type(strand.plan, [&](auto zero, auto& kernels) {
      cpu::pack(kernels, strand, static_cast<const decltype(zero)*>(parameters), packed);
    });
    return LNRNN_STATUS_SUCCESS;
  }
  lnrnnStatus_t infer(Stream& stream, const ForwardArguments& call) override {
    with_type(call.strand.plan, [&](auto zero, auto& kernels) {
      cpu::run_forward<decltype(zero)>(kernels, of(stream).team, false, call);
    });
    return LNRNN_STATUS_SUCCESS;
  }
  lnrnnStatus_t train(Stream& stream, const ForwardArguments& call) override {
    with_type(call.strand.plan, [&](auto zero, auto& kernels) {
      cpu::run_forward<decltype(zero)>(kernels, of(stream).team, true, call);
    });
    return LNRNN_STATUS_SUCCESS;
  }
  lnrnnStatus_t backward(Stream& stream, const BackwardArguments& call) override {
    with_type(call.strand.plan, [&](auto zero, auto& kernels) {
      cpu::run_backward<decltype(zero)>(kernels, of(stream).team, call);
    });
    return LNRNN_STATUS_SUCCESS;
  }
  lnrnnStatus_t dropout(Stream& stream, const DropoutArguments& call) override {
    with_type(call.plan, [&](auto zero, auto& kernels) {
      cpu::drop_values<decltype(zero)>(kernels, of(stream).team, call);
    });
    return LNRNN_STATUS_SUCCESS;
  }
  lnrnnStatus_t draw_mask(Stream& stream, const MaskArguments& call) override {
    cpu::draw_mask(isa_.f32, of(stream).team, call);
    return LNRNN_STATUS_SUCCESS;
  }

 private:
  static lnrnnStatus_t no_capture() {
    return fail(LNRNN_STATUS_NOT_SUPPORTED,
                "the CPU captures no graphs: its calls have done their work when they return");
  }
  static CpuStream& of(Stream& stream) { return static_cast<CpuStream&>(stream); }
  static CpuEvent& of(Event& event) { return static_cast<CpuEvent&>(event); }
  int threads() const { return default_stream_.team.size(); }

  const Isa& isa_;
  const char* const threads_from_;
  CpuStream default_stream_;
};

}  // namespace

lnrnnStatus_t cpu_device_properties(lnrnnDeviceProperties_t* properties) {
  const DefaultThreads threads = default_threads();
  fill_properties(threads.count, threads.from, *cpu::find_isa(nullptr), properties);
  return LNRNN_STATUS_SUCCESS;
}

lnrnnStatus_t open_cpu_device(int threads, const char* isa_name, std::unique_ptr<Device>* device) {
  LNRNN_CHECK(threads >= 0 && threads <= kMaxThreads, LNRNN_STATUS_INVALID_ARGUMENT,
              "lnrnnCreate: threads is %d, not 0...%d", threads, kMaxThreads);
  const Isa* const isa = cpu::find_isa(isa_name);
  if (isa == nullptr) {
    lnrnnDeviceProperties_t known{};
    cpu_device_properties(&known);
    return fail(LNRNN_STATUS_INVALID_ARGUMENT, "lnrnnCreate: isa is \"%.32s\", this CPU has: %s",
                isa_name, known.isaAvailable);
  }
  const DefaultThreads chosen =
      threads == 0 ? default_threads() : DefaultThreads{threads, "asked for"};
  try {
    *device = std::make_unique<CpuDevice>(chosen.count, chosen.from, *isa);
  } catch (const std::system_error& error) {
    return fail(LNRNN_STATUS_OUT_OF_MEMORY, "lnrnnCreate: %d threads could not be started: %s",
                chosen.count, error.what());
  }
  return LNRNN_STATUS_SUCCESS;
}

lnrnnStatus_t initialize_on_host(const Plan& plan, uint64_t seed, void* parameters) {
  Team team(default_threads().count);
  cpu::initialize_parameters(*cpu::find_isa(nullptr), plan, team, seed, parameters);
  return LNRNN_STATUS_SUCCESS;
}

}  // namespace lnrnn

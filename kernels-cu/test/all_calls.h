// Every call of the C API that makes, uses or destroys something, in a few short programs. Who runs a
// program decides what happens around each call: see Caller.
#pragma once

#include <cmath>
#include <cstring>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "lnrnn.h"

namespace all_calls {

using Body = std::function<lnrnnStatus_t()>;

class Caller {
 public:
  virtual ~Caller() = default;
  // Makes calls, or throws, which ends the program. Where it makes them again, prepare first puts back
  // what a call that failed may have changed.
  virtual void call(const std::string& names, const Body& body, const Body& prepare = nullptr) = 0;
  // A call that destroys: not made again where it succeeded.
  virtual void destroy(const std::string& name, const Body& body) = 0;
};

// What a program computed, to be compared with that of another run.
struct Results {
  std::vector<unsigned char> bytes;
  std::vector<float> numbers;

  bool empty() const { return bytes.empty() && numbers.empty(); }
  // To rounding: a device that cannot have cuBLAS computes with kernels of ours.
  bool agree(const Results& other) const {
    if (bytes != other.bytes || numbers.size() != other.numbers.size()) return false;
    for (size_t i = 0; i < numbers.size(); ++i) {
      const double a = numbers[i], b = other.numbers[i];
      if (!(std::fabs(a - b) <= 1e-5 * (1 + std::fabs(b)))) return false;
    }
    return true;
  }
};

struct Target {
  lnrnnDeviceKind_t kind;
  int32_t ordinal;
  int32_t threads;
};

// Objects of a program, destroyed latest first.
class Objects {
 public:
  explicit Objects(Caller& caller) : caller_(caller) {}
  ~Objects() {
    for (; !destructors_.empty(); destructors_.pop_back()) {
      caller_.destroy(destructors_.back().first, destructors_.back().second);
    }
  }
  Objects(const Objects&) = delete;
  Objects& operator=(const Objects&) = delete;

  void call(const std::string& names, const Body& body, const Body& prepare = nullptr) {
    caller_.call(names, body, prepare);
  }
  template <class T>
  T* make(const std::string& name, const std::function<lnrnnStatus_t(T**)>& create,
          const std::string& destructor, const std::function<lnrnnStatus_t(T*)>& destroy) {
    // Reserved before there is something that would be lost.
    destructors_.reserve(destructors_.size() + 1);
    T* made = nullptr;
    caller_.call(name, [&] { return create(&made); });
    destructors_.emplace_back(destructor, [destroy, made] { return destroy(made); });
    return made;
  }

 private:
  Caller& caller_;
  std::vector<std::pair<std::string, Body>> destructors_;
};

// A program's device and what is made through it.
class Session {
 public:
  Session(Caller& caller, Target target) : target(target), objects(caller) {
    handle = objects.make<lnrnnHandle>(
        "lnrnnCreate",
        [&](lnrnnHandle_t* h) {
          return lnrnnCreate(target.kind, target.ordinal, target.threads, nullptr, h);
        },
        "lnrnnDestroy", [](lnrnnHandle_t h) { return lnrnnDestroy(h); });
  }

  lnrnnStream_t stream() {
    return objects.make<lnrnnStream>(
        "lnrnnStreamCreate", [this](lnrnnStream_t* s) { return lnrnnStreamCreate(handle, s); },
        "lnrnnStreamDestroy", [](lnrnnStream_t s) { return lnrnnStreamDestroy(s); });
  }
  lnrnnEvent_t event() {
    return objects.make<lnrnnEvent>(
        "lnrnnEventCreate", [this](lnrnnEvent_t* e) { return lnrnnEventCreate(handle, e); },
        "lnrnnEventDestroy", [](lnrnnEvent_t e) { return lnrnnEventDestroy(e); });
  }
  void* device_memory(size_t bytes) {
    return objects.make<void>(
        "lnrnnMalloc", [=](void** p) { return lnrnnMalloc(handle, nullptr, bytes, p); },
        "lnrnnFree", [this](void* p) { return lnrnnFree(handle, nullptr, p); });
  }
  void* host_memory(size_t bytes) {
    void* const memory = objects.make<void>(
        "lnrnnHostAlloc", [=](void** p) { return lnrnnHostAlloc(handle, bytes, p); },
        "lnrnnHostFree", [this](void* p) { return lnrnnHostFree(handle, p); });
    std::memset(memory, 0, bytes);
    return memory;
  }
  // To be given back by the program; else at the end.
  using Brief = std::shared_ptr<void*>;
  using Give = lnrnnStatus_t (*)(lnrnnHandle_t, size_t, void**);
  using TakeBack = lnrnnStatus_t (*)(lnrnnHandle_t, void*);
  Brief brief(const char* name, size_t bytes, Give give, const char* destructor,
              TakeBack take_back) {
    const auto brief = std::make_shared<void*>(nullptr);
    objects.make<void>(
        name,
        [=](void** p) {
          const lnrnnStatus_t status = give(handle, bytes, brief.get());
          *p = *brief;
          return status;
        },
        destructor, [=](void*) { return release(brief, take_back); });
    return brief;
  }
  lnrnnStatus_t release(const Brief& brief, TakeBack take_back) {
    const lnrnnStatus_t status = take_back(handle, *brief);
    if (status == LNRNN_STATUS_SUCCESS) *brief = nullptr;
    return status;
  }
  static lnrnnStatus_t give_device(lnrnnHandle_t handle, size_t bytes, void** p) {
    return lnrnnMalloc(handle, nullptr, bytes, p);
  }
  static lnrnnStatus_t take_back_device(lnrnnHandle_t handle, void* p) {
    return lnrnnFree(handle, nullptr, p);
  }

  void call(const std::string& names, const Body& body, const Body& prepare = nullptr) {
    objects.call(names, body, prepare);
  }
  void wait(lnrnnStream_t stream = nullptr) {
    call("lnrnnStreamSynchronize", [=] { return lnrnnStreamSynchronize(handle, stream); });
  }

  const Target target;
  Objects objects;
  lnrnnHandle_t handle = nullptr;
};

inline void keep(Results* results, const void* data, size_t bytes) {
  const auto* const from = static_cast<const unsigned char*>(data);
  results->bytes.insert(results->bytes.end(), from, from + bytes);
}
inline void keep_numbers(Results* results, const void* data, size_t bytes) {
  const auto* const from = static_cast<const float*>(data);
  results->numbers.insert(results->numbers.end(), from, from + bytes / sizeof(float));
}

// What there is, and what of it is in use.
inline void look(Caller& caller, Target target, Results* results) {
  int32_t count = 0;
  caller.call("lnrnnGetDeviceCount", [&] { return lnrnnGetDeviceCount(target.kind, &count); });
  lnrnnDeviceProperties_t properties{};
  properties.structSize = sizeof properties;
  caller.call("lnrnnGetDeviceProperties",
              [&] { return lnrnnGetDeviceProperties(target.kind, target.ordinal, &properties); });
  Session session(caller, target);
  session.call("lnrnnGetProperties",
               [&] { return lnrnnGetProperties(session.handle, &properties); });
  lnrnnUsage_t usage{};
  usage.structSize = sizeof usage;
  session.call("lnrnnGetUsage", [&] { return lnrnnGetUsage(&usage); });
  keep(results, &usage, sizeof usage);
}

inline void order(Caller& caller, Target target, Results* results) {
  Session session(caller, target);
  lnrnnStream_t first = session.stream(), second = session.stream();
  lnrnnEvent_t start = session.event(), end = session.event();
  auto* const host = static_cast<unsigned char*>(session.host_memory(64));
  session.call("lnrnnEventRecord", [&] { return lnrnnEventRecord(session.handle, start, first); });
  session.call("lnrnnMemset", [&] { return lnrnnMemset(session.handle, first, host, 3, 64); });
  session.call("lnrnnEventRecord", [&] { return lnrnnEventRecord(session.handle, end, first); });
  session.call("lnrnnStreamWaitEvent",
               [&] { return lnrnnStreamWaitEvent(session.handle, second, end); });
  session.call("lnrnnMemset", [&] { return lnrnnMemset(session.handle, second, host, 5, 32); });
  int32_t done = 0;
  session.call("lnrnnEventQuery", [&] { return lnrnnEventQuery(end, &done); });
  session.wait(second);
  session.call("lnrnnEventSynchronize", [&] { return lnrnnEventSynchronize(end); });
  double milliseconds = 0;
  session.call("lnrnnEventElapsedMilliseconds",
               [&] { return lnrnnEventElapsedMilliseconds(start, end, &milliseconds); });
  keep(results, host, 64);
}

inline void move(Caller& caller, Target target, Results* results) {
  constexpr size_t kBytes = 4096;
  static unsigned char theirs[kBytes];
  Session session(caller, target);
  lnrnnStream_t stream = session.stream();
  void* const device = session.device_memory(kBytes);
  auto* const host = static_cast<unsigned char*>(session.host_memory(kBytes));
  session.objects.make<unsigned char>(
      "lnrnnHostRegister",
      [&](unsigned char** p) {
        *p = theirs;
        return lnrnnHostRegister(session.handle, theirs, kBytes);
      },
      "lnrnnHostUnregister",
      [&](unsigned char* p) { return lnrnnHostUnregister(session.handle, p); });
  for (size_t i = 0; i < kBytes; ++i) theirs[i] = static_cast<unsigned char>(i);
  session.call("lnrnnMemcpy",
               [&] { return lnrnnMemcpy(session.handle, stream, device, theirs, kBytes); });
  session.call("lnrnnMemset", [&] { return lnrnnMemset(session.handle, stream, device, 7, 100); });
  session.call("lnrnnMemcpy",
               [&] { return lnrnnMemcpy(session.handle, stream, host, device, kBytes); });
  session.wait(stream);
  keep(results, host, kBytes);
  // Freed while they are used: it is the device that waits.
  const Session::Brief memory = session.brief("lnrnnMalloc", 2 * kBytes, Session::give_device,
                                              "lnrnnFree", Session::take_back_device);
  session.call("lnrnnMemset",
               [&] { return lnrnnMemset(session.handle, stream, *memory, 1, kBytes); });
  session.call("lnrnnFree", [&] { return session.release(memory, Session::take_back_device); });
  const Session::Brief pinned =
      session.brief("lnrnnHostAlloc", kBytes, lnrnnHostAlloc, "lnrnnHostFree", lnrnnHostFree);
  session.call("lnrnnMemcpy",
               [&] { return lnrnnMemcpy(session.handle, stream, *pinned, device, kBytes); });
  session.call("lnrnnHostFree", [&] { return session.release(pinned, lnrnnHostFree); });
}

// A layer with its tensors, all in memory of the device that the host can read.
struct Network {
  static constexpr int64_t kSteps = 2, kBatch = 2, kInput = 3, kHidden = 4;

  Network(Session& session, lnrnnStream_t stream) : session(session), stream(stream) {
    lnrnnPlanDescription_t description{};
    description.structSize = sizeof description;
    description.cell = LNRNN_CELL_LSTM;
    description.normalization = LNRNN_NORMALIZATION_HASTE;
    description.dataType = LNRNN_DATA_F32;
    description.layers = 2;
    description.inputSize = kInput;
    description.hiddenSize = kHidden;
    description.epsilon = 1e-5;
    description.zoneout = description.dropconnect = description.dropout = 0.1;
    plan = session.objects.make<lnrnnPlan>(
        "lnrnnPlanCreate",
        [&](lnrnnPlan_t* p) { return lnrnnPlanCreate(session.handle, &description, p); },
        "lnrnnPlanDestroy", [](lnrnnPlan_t p) { return lnrnnPlanDestroy(p); });
    sizes.structSize = sizeof sizes;
    session.call("lnrnnPlanGetSizes",
                 [&] { return lnrnnPlanGetSizes(plan, kSteps, kBatch, &sizes); });
    int32_t count = 0;
    session.call("lnrnnPlanGetParameterCount",
                 [&] { return lnrnnPlanGetParameterCount(plan, &count); });
    lnrnnParameter_t parameter{};
    parameter.structSize = sizeof parameter;
    session.call("lnrnnPlanGetParameter",
                 [&] { return lnrnnPlanGetParameter(plan, count - 1, &parameter); });
    x_bytes = sizeof(float) * kSteps * kBatch * kInput;
    y_bytes = sizeof(float) * kSteps * kBatch * kHidden;
    workspace_bytes = sizes.inferenceWorkspaceBytes;
    for (const size_t bytes : {sizes.trainingWorkspaceBytes, sizes.backwardWorkspaceBytes}) {
      if (bytes > workspace_bytes) workspace_bytes = bytes;
    }
    parameters = session.host_memory(sizes.parameterBytes);
    gradients = session.host_memory(sizes.gradientBytes);
    packed = session.host_memory(sizes.packedBytes);
    reserve = session.host_memory(sizes.reserveBytes);
    workspace = session.host_memory(workspace_bytes);
    x = static_cast<float*>(session.host_memory(x_bytes));
    y = static_cast<float*>(session.host_memory(y_bytes));
    dx = session.host_memory(x_bytes);
    h = session.host_memory(sizes.stateBytes);
    c = session.host_memory(sizes.stateBytes);
    for (int64_t i = 0; i < kSteps * kBatch * kInput; ++i) x[i] = static_cast<float>(i % 7) - 3;
    sequence.structSize = sizeof sequence;
    sequence.steps = kSteps;
    sequence.batch = kBatch;
    sequence.xStepStride = sequence.dxStepStride = kBatch * kInput;
    sequence.xRowStride = sequence.dxRowStride = kInput;
    sequence.yStepStride = sequence.dyStepStride = kBatch * kHidden;
    sequence.yRowStride = sequence.dyRowStride = kHidden;
    sequence.seed = 42;
    session.call("lnrnnInitializeParameters", [&] {
      return lnrnnInitializeParameters(plan, stream, 1, parameters, sizes.parameterBytes);
    });
  }

  lnrnnStatus_t pack_weights() {
    return lnrnnPackWeights(plan, stream, parameters, sizes.parameterBytes, packed,
                            sizes.packedBytes);
  }
  lnrnnStatus_t infer() {
    return lnrnnForwardInference(plan, stream, &sequence, lengths, packed, sizes.packedBytes, x,
                                 x_bytes, nullptr, nullptr, y, y_bytes, nullptr, nullptr,
                                 sizes.stateBytes, workspace, workspace_bytes);
  }
  lnrnnStatus_t step() {
    return lnrnnStep(plan, stream, kBatch, packed, sizes.packedBytes, x, x_bytes, h, c,
                     sizes.stateBytes, workspace, workspace_bytes);
  }
  lnrnnStatus_t train() {
    return lnrnnForwardTraining(plan, stream, &sequence, lengths, parameters, sizes.parameterBytes,
                                x, x_bytes, nullptr, nullptr, nullptr, 0, nullptr, 0, nullptr, y,
                                y_bytes, nullptr, nullptr, sizes.stateBytes, reserve,
                                sizes.reserveBytes, workspace, workspace_bytes);
  }
  lnrnnStatus_t backward() {
    return lnrnnBackward(plan, stream, &sequence, lengths, parameters, sizes.parameterBytes, x,
                         x_bytes, nullptr, 0, nullptr, 0, nullptr, y, y_bytes, nullptr, nullptr,
                         reserve, sizes.reserveBytes, gradients, sizes.gradientBytes, dx, x_bytes,
                         nullptr, nullptr, sizes.stateBytes, workspace, workspace_bytes);
  }
  lnrnnStatus_t clear_state() {
    for (void* const state : {h, c}) {
      const lnrnnStatus_t status = lnrnnMemset(session.handle, stream, state, 0, sizes.stateBytes);
      if (status != LNRNN_STATUS_SUCCESS) return status;
    }
    return LNRNN_STATUS_SUCCESS;
  }

  Session& session;
  const lnrnnStream_t stream;
  lnrnnPlan_t plan = nullptr;
  lnrnnPlanSizes_t sizes{};
  lnrnnSequence_t sequence{};
  int64_t lengths[kBatch] = {2, 1};
  size_t x_bytes, y_bytes, workspace_bytes;
  void *parameters, *gradients, *packed, *reserve, *workspace, *dx, *h, *c;
  float *x, *y;
};

inline void infer(Caller& caller, Target target, Results* results) {
  Session session(caller, target);
  Network net(session, nullptr);
  session.call("lnrnnPackWeights", [&] { return net.pack_weights(); });
  session.call("lnrnnForwardInference", [&] { return net.infer(); });
  session.call(
      "lnrnnStep", [&] { return net.step(); }, [&] { return net.clear_state(); });
  session.wait();
  keep_numbers(results, net.y, net.y_bytes);
  keep_numbers(results, net.h, net.sizes.stateBytes);
}

inline void train(Caller& caller, Target target, Results* results) {
  Session session(caller, target);
  Network net(session, session.stream());
  session.call("lnrnnForwardTraining", [&] { return net.train(); });
  session.call("lnrnnBackward", [&] { return net.backward(); });
  session.wait(net.stream);
  keep_numbers(results, net.y, net.y_bytes);
  keep_numbers(results, net.dx, net.x_bytes);
  keep_numbers(results, net.gradients, net.sizes.gradientBytes);
}

// Two streams in one capture, memory freed within it, a graph that outlives both.
inline void capture(Caller& caller, Target target, Results* results) {
  Session session(caller, target);
  Network net(session, session.stream());
  lnrnnStream_t other = session.stream();
  lnrnnEvent_t forth = session.event(), back = session.event();
  auto* const host = static_cast<unsigned char*>(session.host_memory(64));
  const Session::Brief brief = session.brief("lnrnnMalloc", 64, Session::give_device, "lnrnnFree",
                                             Session::take_back_device);
  session.call("lnrnnPackWeights", [&] { return net.pack_weights(); });
  lnrnnGraph_t graph = nullptr;
  session.call("lnrnnStreamBeginCapture ... lnrnnStreamEndCapture", [&] {
    lnrnnStatus_t status = lnrnnStreamBeginCapture(session.handle, net.stream);
    if (status != LNRNN_STATUS_SUCCESS) return status;
    const auto record = [&](lnrnnStatus_t next) {
      if (status == LNRNN_STATUS_SUCCESS) status = next;
      return status == LNRNN_STATUS_SUCCESS;
    };
    if (*brief == nullptr) record(lnrnnMalloc(session.handle, net.stream, 64, brief.get()));
    record(net.infer()) && record(net.train()) && record(net.backward()) &&
        record(lnrnnEventRecord(session.handle, forth, net.stream)) &&
        record(lnrnnStreamWaitEvent(session.handle, other, forth)) &&
        record(lnrnnMemset(session.handle, other, host, 9, 64)) &&
        record(lnrnnEventRecord(session.handle, back, other)) &&
        record(lnrnnStreamWaitEvent(session.handle, net.stream, back)) &&
        record(lnrnnMemset(session.handle, net.stream, *brief, 4, 64)) &&
        record(lnrnnMemcpy(session.handle, net.stream, host, *brief, 32)) &&
        record(session.release(brief, Session::take_back_device));
    lnrnnStatus_t ended = lnrnnStreamEndCapture(session.handle, net.stream, &graph);
    // Where it could not be ended it goes on, and can be ended now.
    if (ended != LNRNN_STATUS_SUCCESS &&
        lnrnnStreamEndCapture(session.handle, net.stream, &graph) == LNRNN_STATUS_SUCCESS) {
      ended = LNRNN_STATUS_SUCCESS;
    }
    if (status != LNRNN_STATUS_SUCCESS && ended == LNRNN_STATUS_SUCCESS) lnrnnGraphDestroy(graph);
    return record(ended), status;
  });
  session.objects.make<lnrnnGraph>(
      "", [&](lnrnnGraph_t* g) { return *g = graph, LNRNN_STATUS_SUCCESS; }, "lnrnnGraphDestroy",
      [](lnrnnGraph_t g) { return lnrnnGraphDestroy(g); });
  session.call("lnrnnGraphLaunch", [&] { return lnrnnGraphLaunch(graph, net.stream); });
  session.wait(net.stream);
  keep_numbers(results, net.y, net.y_bytes);
  keep_numbers(results, net.gradients, net.sizes.gradientBytes);
  keep(results, host, 64);
  // Destroyed while it runs.
  session.call("lnrnnGraphLaunch", [&] { return lnrnnGraphLaunch(graph, other); });
}

// A capture ends with its stream.
inline void abandon(Caller& caller, Target target, Results* results) {
  Session session(caller, target);
  auto* const host = static_cast<unsigned char*>(session.host_memory(64));
  {
    Objects brief(caller);
    lnrnnStream_t stream = brief.make<lnrnnStream>(
        "lnrnnStreamCreate", [&](lnrnnStream_t* s) { return lnrnnStreamCreate(session.handle, s); },
        "lnrnnStreamDestroy", [](lnrnnStream_t s) { return lnrnnStreamDestroy(s); });
    brief.call("lnrnnStreamBeginCapture",
               [&] { return lnrnnStreamBeginCapture(session.handle, stream); });
    brief.call("lnrnnMemset", [&] { return lnrnnMemset(session.handle, stream, host, 9, 64); });
  }
  session.call("lnrnnMemset", [&] { return lnrnnMemset(session.handle, nullptr, host, 5, 32); });
  session.wait();
  keep(results, host, 64);
}

struct Program {
  const char* name;
  void (*run)(Caller&, Target, Results*);
  bool captures;  // which the CPU does not
};
constexpr Program kPrograms[] = {
    {"look", look, false},      {"order", order, false}, {"move", move, false},
    {"infer", infer, false},    {"train", train, false}, {"capture", capture, true},
    {"abandon", abandon, true},
};

}  // namespace all_calls

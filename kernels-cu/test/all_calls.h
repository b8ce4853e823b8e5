// Every call of the C API that makes, uses or destroys something, in a few short programs. Who runs a
// program decides what happens around each call: see Caller.
#pragma once

#include "all_calls_network.h"

namespace all_calls {

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
  session.call("lnrnnCheckMemory",
               [&] { return lnrnnCheckMemory(session.handle, device, kBytes); });
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
  session.call("lnrnnDrawMask", [&] { return net.draw_mask(); });
  session.wait(net.stream);
  keep_numbers(results, net.y, net.y_bytes);
  keep(results, net.mask, Network::kMaskBytes);
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
        record(net.draw_mask()) && record(lnrnnEventRecord(session.handle, forth, net.stream)) &&
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

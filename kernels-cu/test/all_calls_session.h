// What the programs of all_calls.h are made of: who makes their calls, and what they make and destroy.
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

}  // namespace all_calls

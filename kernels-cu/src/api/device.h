// What a backend offers. The API checks arguments before it calls; a device may rely on them.
#pragma once

#include <memory>

#include "lnrnn.h"
#include "plan.h"

namespace lnrnn {

class Stream {
 public:
  virtual ~Stream() = default;
};

class Event {
 public:
  virtual ~Event() = default;
};

enum class Pass { kInference, kTraining, kBackward };

// Pointers and scalars of one call, as lnrnn.h describes them.
struct ForwardArguments {
  const lnrnnSequence_t* sequence;
  const int64_t* lengths;
  const void* weights;  // packed for inference, the parameters for training
  const void* x;
  const void* h0;
  const void* c0;
  const uint8_t* zoneout_mask;
  const uint8_t* dropconnect_mask;
  void* y;
  void* hn;
  void* cn;
  void* reserve;
  void* workspace;
};

struct BackwardArguments {
  const lnrnnSequence_t* sequence;
  const int64_t* lengths;
  const void* parameters;
  const void* x;
  const uint8_t* zoneout_mask;
  const uint8_t* dropconnect_mask;
  const void* dy;
  const void* dhn;
  const void* dcn;
  const void* reserve;
  void* gradients;
  void* dx;
  void* dh0;
  void* dc0;
  void* workspace;
};

class Device {
 public:
  virtual ~Device() = default;

  virtual void get_properties(lnrnnDeviceProperties_t* properties) const = 0;
  virtual Stream& default_stream() = 0;

  virtual lnrnnStatus_t create_stream(std::unique_ptr<Stream>* stream) = 0;
  virtual lnrnnStatus_t synchronize(Stream& stream) = 0;
  virtual lnrnnStatus_t create_event(std::unique_ptr<Event>* event) = 0;
  virtual lnrnnStatus_t record(Event& event, Stream& stream) = 0;
  virtual lnrnnStatus_t wait(Stream& stream, Event& event) = 0;
  virtual lnrnnStatus_t query(Event& event, bool* done) = 0;
  virtual lnrnnStatus_t synchronize(Event& event) = 0;
  virtual lnrnnStatus_t elapsed(Event& start, Event& end, double* milliseconds) = 0;

  // bytes > 0. A failed allocation is OUT_OF_MEMORY.
  virtual lnrnnStatus_t allocate(Stream& stream, size_t bytes, void** pointer) = 0;
  virtual lnrnnStatus_t release(Stream& stream, void* pointer) = 0;
  virtual lnrnnStatus_t allocate_host(size_t bytes, void** pointer) = 0;
  virtual lnrnnStatus_t release_host(void* pointer) = 0;
  virtual lnrnnStatus_t copy(Stream& stream, void* to, const void* from, size_t bytes) = 0;
  virtual lnrnnStatus_t fill(Stream& stream, void* to, int value, size_t bytes) = 0;

  // NOT_SUPPORTED, with what is missing, for a plan that this device cannot run yet.
  virtual lnrnnStatus_t check_support(const Plan& plan) const = 0;
  // Bytes that the caller must provide; kTooLarge for what does not fit 64 bits.
  virtual uint64_t packed_bytes(const Plan& plan) const = 0;
  virtual uint64_t reserve_bytes(const Plan& plan, int64_t steps, int64_t batch) const = 0;
  virtual uint64_t workspace_bytes(const Plan& plan, Pass pass, int64_t steps,
                                   int64_t batch) const = 0;

  virtual lnrnnStatus_t initialize(const Plan& plan, Stream& stream, uint64_t seed,
                                   void* parameters) = 0;
  virtual lnrnnStatus_t pack(const Plan& plan, Stream& stream, const void* parameters,
                             void* packed) = 0;
  virtual lnrnnStatus_t infer(const Plan& plan, Stream& stream,
                              const ForwardArguments& arguments) = 0;
  virtual lnrnnStatus_t train(const Plan& plan, Stream& stream,
                              const ForwardArguments& arguments) = 0;
  virtual lnrnnStatus_t backward(const Plan& plan, Stream& stream,
                                 const BackwardArguments& arguments) = 0;
};

// Each backend's entrance.
lnrnnStatus_t cpu_device_properties(lnrnnDeviceProperties_t* properties);
lnrnnStatus_t open_cpu_device(int threads, const char* isa, std::unique_ptr<Device>* device);

}  // namespace lnrnn

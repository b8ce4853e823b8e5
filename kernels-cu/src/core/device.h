// What a backend offers. The API checks arguments before it calls; a device may rely on them.
#pragma once

#include <memory>
#include <mutex>

#include "lnrnn.h"
#include "plan.h"
#include "random.h"
#include "resets.h"

namespace lnrnn {

class Stream {
 public:
  virtual ~Stream() = default;

  // Held by a call while it queues its work: no other call's comes between, nor does the stream begin
  // to be captured. Taken before all other locks.
  std::mutex busy;
};

class Event {
 public:
  virtual ~Event() = default;
};

// Captured work. Destroying it while a launch runs is safe: the launch ends, then the graph does.
class Graph {
 public:
  virtual ~Graph() = default;
};

enum class Pass { kInference, kTraining, kBackward };

// A tensor (T,N,features) of the plan's data type; strides in elements.
template <class P>
struct Tensor {
  P* pointer;
  int64_t step_stride;
  int64_t row_stride;
};

// What passes over one strand have in common. Members are named as lnrnn.h names them; each pointer is
// at the strand's part of what it describes there.
struct StrandArguments {
  Strand strand;
  int64_t steps, batch;
  const int64_t* lengths;
  // From here on no row is active: there are no rows, or all lengths end before.
  int64_t active_steps;
  Resets resets{};
  const void* parameters = nullptr;  // all of them; not of inference
  Tensor<const void> x{};
  const uint8_t* zoneout_mask = nullptr;
  const uint8_t* zoneout_cell_mask = nullptr;
  const uint8_t* dropconnect_mask = nullptr;
  const uint8_t* dropout_candidate_mask = nullptr;
  Random random{};
  void* workspace = nullptr;
};

struct ForwardArguments : StrandArguments {
  const void* packed = nullptr;  // the strand's, of inference
  const void* h0 = nullptr;
  const void* c0 = nullptr;
  Tensor<void> y{};  // pointer may be null
  void* hn = nullptr;
  void* cn = nullptr;
  void* reserve = nullptr;  // of training
};

struct BackwardArguments : StrandArguments {
  const void* reserve = nullptr;
  Tensor<const void> dy{};  // pointer may be null
  const void* dhn = nullptr;
  const void* dcn = nullptr;
  void* gradients = nullptr;  // all of them; only the strand's are touched
  bool accumulate = false;    // of gradients
  Tensor<void> dx{};          // pointer may be null
  bool add_dx = false;        // to what dx holds; then rows beyond their length are left alone
  void* dh0 = nullptr;
  void* dc0 = nullptr;
};

// values (T,N,D H), contiguous, what a layer wrote or its gradient: each is dropped or scaled.
struct DropoutArguments {
  const Plan& plan;
  int layer;
  int64_t steps, batch;
  Random random;
  void* values;
  const uint8_t* mask = nullptr;  // the layer's; null to draw
};

// One tensor of a mask, drawn to memory: 1 or 0 in each byte.
struct MaskArguments {
  MaskShape shape;
  uint32_t stream;  // see random_stream
  Random random;
  uint8_t* mask;  // (steps,batch,width)
};

// The caller holds the stream in record, wait, begin_capture, launch, copy, fill, initialize and all
// that follow it.
class Device {
 public:
  virtual ~Device() = default;

  virtual void get_properties(lnrnnDeviceProperties_t* properties) const = 0;
  virtual Stream& default_stream() = 0;
  // Waits for what is being given back; the destructor follows where it succeeds.
  virtual lnrnnStatus_t close() { return LNRNN_STATUS_SUCCESS; }

  virtual lnrnnStatus_t create_stream(std::unique_ptr<Stream>* stream) = 0;
  virtual lnrnnStatus_t synchronize(Stream& stream) = 0;
  virtual lnrnnStatus_t create_event(std::unique_ptr<Event>* event) = 0;
  virtual lnrnnStatus_t record(Event& event, Stream& stream) = 0;
  virtual lnrnnStatus_t wait(Stream& stream, Event& event) = 0;
  virtual lnrnnStatus_t query(Event& event, bool* done) = 0;
  virtual lnrnnStatus_t synchronize(Event& event) = 0;
  virtual lnrnnStatus_t elapsed(Event& start, Event& end, double* milliseconds) = 0;

  // The API allows one capture at a time, not begun on the default stream, and keeps what the
  // captured calls use until the graph is gone. Until the capture ends it puts releases off, and
  // refuses initialize, launch and synchronize on a captured stream; all else may come at any time
  // and from any thread, allocations and unregistrations too. end_capture ends the capture also
  // where it fails; a stream that joined the capture and did not come back is such a failure. Only
  // where the system refuses to end it *ended is false: then it can be asked again.
  virtual lnrnnStatus_t begin_capture(Stream& stream) = 0;
  virtual lnrnnStatus_t end_capture(Stream& stream, std::unique_ptr<Graph>* graph, bool* ended) = 0;
  // True also for a stream that joined the capture by waiting for an event of it.
  virtual lnrnnStatus_t capturing(Stream& stream, bool* is_capturing) = 0;
  virtual lnrnnStatus_t launch(Graph& graph, Stream& stream) = 0;

  // bytes > 0. A failed allocation is OUT_OF_MEMORY. Fresh memory can be used on every stream at
  // once. A release waits, without blocking, for all work queued so far on every stream.
  virtual lnrnnStatus_t allocate(Stream& stream, size_t bytes, void** pointer) = 0;
  virtual lnrnnStatus_t release(Stream& stream, void* pointer) = 0;
  virtual lnrnnStatus_t allocate_host(size_t bytes, void** pointer) = 0;
  virtual lnrnnStatus_t release_host(void* pointer) = 0;
  // Releases do not fail: what the system does not do now it is asked again for.
  // Pins the caller's memory. unregister_host waits for the work queued so far, on every stream
  // that is not captured.
  virtual lnrnnStatus_t register_host(void* pointer, size_t bytes) = 0;
  virtual lnrnnStatus_t unregister_host(void* pointer) = 0;
  // INVALID_ARGUMENT for memory that calls cannot work on, as far as the device can tell.
  virtual lnrnnStatus_t check_memory(const void*, size_t) { return LNRNN_STATUS_SUCCESS; }
  // A captured copy of pageable memory is INVALID_ARGUMENT.
  virtual lnrnnStatus_t copy(Stream& stream, void* to, const void* from, size_t bytes) = 0;
  virtual lnrnnStatus_t fill(Stream& stream, void* to, int value, size_t bytes) = 0;

  // NOT_SUPPORTED, with what is missing, for a plan that this device cannot run.
  virtual lnrnnStatus_t check_support(const Plan&) const { return LNRNN_STATUS_SUCCESS; }
  // Bytes that the caller must provide for one strand; kTooLarge for what does not fit 64 bits.
  virtual uint64_t packed_bytes(const Strand& strand) const = 0;
  virtual uint64_t reserve_bytes(const Strand& strand, int64_t steps, int64_t batch) const = 0;
  virtual uint64_t workspace_bytes(const Strand& strand, Pass pass, int64_t steps,
                                   int64_t batch) const = 0;

  virtual lnrnnStatus_t initialize(const Plan& plan, Stream& stream, uint64_t seed,
                                   void* parameters) = 0;
  virtual lnrnnStatus_t pack(const Strand& strand, Stream& stream, const void* parameters,
                             void* packed) = 0;
  virtual lnrnnStatus_t infer(Stream& stream, const ForwardArguments& arguments) = 0;
  virtual lnrnnStatus_t train(Stream& stream, const ForwardArguments& arguments) = 0;
  virtual lnrnnStatus_t backward(Stream& stream, const BackwardArguments& arguments) = 0;
  virtual lnrnnStatus_t dropout(Stream& stream, const DropoutArguments& arguments) = 0;
  virtual lnrnnStatus_t draw_mask(Stream& stream, const MaskArguments& arguments) = 0;
};

// Of what shapes may ask for, what not every backend has kernels for.
struct KernelsOf {
  const char* backend;  // as a sentence names it
  bool uncentred_norms, norms_of_sums, joint_gru;
  bool projections = false, cell_clips = false;
};
// NOT_SUPPORTED for a shape that asks for what is not there.
lnrnnStatus_t check_kernels(const CellShape& shape, const KernelsOf& has);

// Each backend's entrance. Where there is no CUDA device, the status and its sentence say why, and
// the count is 0.
lnrnnStatus_t cpu_device_properties(lnrnnDeviceProperties_t* properties);
lnrnnStatus_t open_cpu_device(int threads, const char* isa, std::unique_ptr<Device>* device);
lnrnnStatus_t cuda_device_count(int* count);
lnrnnStatus_t cuda_device_properties(int ordinal, lnrnnDeviceProperties_t* properties);
lnrnnStatus_t open_cuda_device(int ordinal, std::unique_ptr<Device>* device);

// Writes the parameters that a network starts from to host memory: the CPU's arithmetic, so that
// every device starts from the same numbers. Throws where memory or threads run out.
lnrnnStatus_t initialize_on_host(const Plan& plan, uint64_t seed, void* parameters);

}  // namespace lnrnn

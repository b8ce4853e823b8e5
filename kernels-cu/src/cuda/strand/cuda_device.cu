// A CUDA device behind the interface that all backends share.
#include <vector>

#include "cuda/machine/cublas.h"
#include "cuda/machine/properties.h"
#include "passes.h"

namespace lnrnn {

namespace {

using cuda::check;
using cuda::Context;
using cuda::Cublas;
using cuda::CudaEvent;
using cuda::CudaGraph;
using cuda::CudaStream;

class CudaDevice final : public Device {
  // The one place where the plan's type becomes a C++ type.
  template <class F>
  static auto with_type(const Plan& plan, const F& body) {
    switch (plan.description.dataType) {
      case LNRNN_DATA_F64: return body(double{});
      case LNRNN_DATA_F16: return body(F16{});
      case LNRNN_DATA_BF16: return body(Bf16{});
      default: return body(float{});
    }
  }

 public:
  explicit CudaDevice(int ordinal) : context_(ordinal) {}

  lnrnnStatus_t open(int ordinal) {
    LNRNN_FORWARD(cuda::read_properties(ordinal, &properties_));
    // Before anything is made on the device: a context takes memory.
    if (properties_.isa[0] == '\0') return no_kernels();
    LNRNN_FORWARD(context_.find_device());
    LNRNN_ENTER(context_);
    const cudaError_t error = cuda::find_architecture_of_kernels(&architecture_);
    if (cuda::is_no_kernel(error)) {
      cudaGetLastError();
      return no_kernels();
    }
    LNRNN_FORWARD(check(context_, error, "cudaFuncGetAttributes"));
    cuda::name_kernels(architecture_, cuda::cublas_version(), &properties_);
    const bool overlaps = properties_.computeCapabilityMajor >= cuda::kLeastForOverlap &&
                          architecture_ >= 10 * cuda::kLeastForOverlap;
    LNRNN_FORWARD(context_.open(overlaps, overlaps ? cuda::count_resident_clusters()
                                                   : cuda::ClusterCounts{}));
    cublas_ = cuda::open_cublas();
    if (cublas_ == nullptr) cuda::name_kernels(architecture_, 0, &properties_);
    return context_.add_stream(cublas_.get(), &default_stream_);
  }

  void get_properties(lnrnnDeviceProperties_t* properties) const override {
    *properties = properties_;
  }
  Stream& default_stream() override { return *default_stream_; }
  lnrnnStatus_t close() override { return context_.close(); }

  lnrnnStatus_t create_stream(std::unique_ptr<Stream>* stream) override {
    std::unique_ptr<CudaStream> created;
    LNRNN_FORWARD(context_.add_stream(cublas_.get(), &created));
    *stream = std::move(created);
    return LNRNN_STATUS_SUCCESS;
  }
  lnrnnStatus_t synchronize(Stream& stream) override {
    LNRNN_ENTER(context_);
    LNRNN_CUDA_CHECK(context_, cudaStreamSynchronize(of(stream).raw));
    return LNRNN_STATUS_SUCCESS;
  }

  lnrnnStatus_t create_event(std::unique_ptr<Event>* event) override {
    LNRNN_ENTER(context_);
    auto created = std::make_unique<CudaEvent>(context_);
    LNRNN_CUDA_CHECK(context_, cudaEventCreateWithFlags(&created->raw, cudaEventDefault));
    *event = std::move(created);
    return LNRNN_STATUS_SUCCESS;
  }
  lnrnnStatus_t record(Event& event, Stream& stream) override {
    LNRNN_ENTER(context_);
    const std::unique_lock<std::mutex> held = context_.hold_captures();
    LNRNN_CUDA_CHECK(context_, cudaEventRecord(of(event).raw, of(stream).raw));
    of(event).recorded = true;
    return LNRNN_STATUS_SUCCESS;
  }
  lnrnnStatus_t wait(Stream& stream, Event& event) override {
    LNRNN_ENTER(context_);
    // Also where no capture is open yet: one may be when CUDA looks at the event.
    const std::unique_lock<std::mutex> held = context_.hold_captures();
    const cudaError_t error = cudaStreamWaitEvent(of(stream).raw, of(event).raw, 0);
    // CUDA's answer where the event stands in a capture that is over, or has failed meanwhile.
    if (error != cudaErrorInvalidValue) return check(context_, error, "cudaStreamWaitEvent");
    cudaGetLastError();
    return fail(
        LNRNN_STATUS_INVALID_STATE,
        "lnrnnStreamWaitEvent: event was last recorded in a capture that has ended or failed");
  }
  lnrnnStatus_t query(Event& event, bool* done) override {
    LNRNN_ENTER(context_);
    const cudaError_t state = cudaEventQuery(of(event).raw);
    *done = state == cudaSuccess;
    return state == cudaErrorNotReady ? LNRNN_STATUS_SUCCESS
                                      : check(context_, state, "cudaEventQuery");
  }
  lnrnnStatus_t synchronize(Event& event) override {
    LNRNN_ENTER(context_);
    LNRNN_CUDA_CHECK(context_, cudaEventSynchronize(of(event).raw));
    return LNRNN_STATUS_SUCCESS;
  }
  lnrnnStatus_t elapsed(Event& start, Event& end, double* milliseconds) override {
    for (const CudaEvent* const event : {&of(start), &of(end)}) {
      LNRNN_CHECK(event->recorded, LNRNN_STATUS_INVALID_ARGUMENT,
                  "lnrnnEventElapsedMilliseconds: %s has not been recorded",
                  event == &of(start) ? "start" : "end");
    }
    LNRNN_ENTER(context_);
    float elapsed = 0;
    const cudaError_t error = cudaEventElapsedTime(&elapsed, of(start).raw, of(end).raw);
    if (error == cudaErrorNotReady) {
      cudaGetLastError();
      return fail(LNRNN_STATUS_INVALID_ARGUMENT,
                  "lnrnnEventElapsedMilliseconds: start or end is not done yet");
    }
    *milliseconds = elapsed;
    return check(context_, error, "cudaEventElapsedTime");
  }

  lnrnnStatus_t begin_capture(Stream& stream) override {
    LNRNN_ENTER(context_);
    return context_.begin_capture(of(stream));
  }
  lnrnnStatus_t end_capture(Stream&, std::unique_ptr<Graph>* graph, bool* ended) override {
    *ended = context_.lost();
    LNRNN_ENTER(context_);
    std::unique_ptr<CudaGraph> created;
    cudaGraph_t captured = nullptr;
    const cudaError_t error = context_.end_capture(&created, &captured, ended);
    if (error == cudaErrorStreamCaptureUnjoined || error == cudaErrorStreamCaptureInvalidated) {
      cudaGetLastError();
      return fail(LNRNN_STATUS_INVALID_ARGUMENT, "the capture failed: %s",
                  cudaGetErrorString(error));
    }
    LNRNN_FORWARD(check(context_, error, "cudaStreamEndCapture"));
    const cudaError_t instantiated = cudaGraphInstantiate(&created->raw, captured, 0);
    const lnrnnStatus_t status = check(context_, instantiated, "cudaGraphInstantiate");
    cudaGraphDestroy(captured);
    LNRNN_FORWARD(status);
    *graph = std::move(created);
    return LNRNN_STATUS_SUCCESS;
  }
  lnrnnStatus_t capturing(Stream& stream, bool* is_capturing) override {
    LNRNN_ENTER(context_);
    const std::unique_lock<std::mutex> held = context_.hold_captures();
    return of(stream).find_capturing(is_capturing);
  }
  lnrnnStatus_t launch(Graph& graph, Stream& stream) override {
    LNRNN_ENTER(context_);
    LNRNN_CUDA_CHECK(context_, cudaGraphLaunch(static_cast<CudaGraph&>(graph).raw, of(stream).raw));
    return LNRNN_STATUS_SUCCESS;
  }

  lnrnnStatus_t allocate(Stream&, size_t bytes, void** pointer) override {
    return context_.allocate(bytes, pointer);
  }
  lnrnnStatus_t release(Stream&, void* pointer) override { return context_.release(pointer); }
  lnrnnStatus_t allocate_host(size_t bytes, void** pointer) override {
    return context_.allocate_host(bytes, pointer);
  }
  lnrnnStatus_t release_host(void* pointer) override { return context_.release_host(pointer); }
  lnrnnStatus_t register_host(void* pointer, size_t bytes) override {
    LNRNN_ENTER(context_);
    const cudaError_t error = cudaHostRegister(pointer, bytes, cudaHostRegisterPortable);
    if (error == cudaErrorHostMemoryAlreadyRegistered || error == cudaErrorInvalidValue ||
        error == cudaErrorNotSupported) {
      cudaGetLastError();
      return fail(LNRNN_STATUS_INVALID_ARGUMENT,
                  "lnrnnHostRegister: %zu bytes at %p cannot be page-locked: %s", bytes, pointer,
                  cudaGetErrorString(error));
    }
    return check(context_, error, "cudaHostRegister");
  }
  lnrnnStatus_t check_memory(const void* pointer, size_t bytes) override {
    LNRNN_ENTER(context_);
    const auto* const first = static_cast<const unsigned char*>(pointer);
    LNRNN_FORWARD(check_of_device(first));
    return check_of_device(first + bytes - 1);
  }
  lnrnnStatus_t unregister_host(void* pointer) override {
    // A lost device uses nothing any more.
    const lnrnnStatus_t drained = context_.drain();
    if (drained == LNRNN_STATUS_DEVICE_LOST) {
      const cuda::ThreadContext current(context_.primary());
      if (cudaHostUnregister(pointer) != cudaSuccess) cudaGetLastError();
      return LNRNN_STATUS_SUCCESS;
    }
    LNRNN_FORWARD(drained);
    LNRNN_ENTER(context_);
    // CUDA may have done it and reported what failed before; asked again, it finds nothing to do.
    const cudaError_t error = cudaHostUnregister(pointer);
    if (error != cudaErrorHostMemoryNotRegistered) {
      return check(context_, error, "cudaHostUnregister");
    }
    cudaGetLastError();
    return LNRNN_STATUS_SUCCESS;
  }
  lnrnnStatus_t copy(Stream& stream, void* to, const void* from, size_t bytes) override {
    LNRNN_ENTER(context_);
    const CudaStream& on = of(stream);
    std::unique_lock<std::mutex> recording;
    LNRNN_FORWARD(on.record(&recording));
    if (recording.owns_lock()) {
      LNRNN_FORWARD(check_capturable("destination", to));
      LNRNN_FORWARD(check_capturable("source", from));
    }
    LNRNN_CUDA_CHECK(context_, cudaMemcpyAsync(to, from, bytes, cudaMemcpyDefault, on.raw));
    return LNRNN_STATUS_SUCCESS;
  }
  lnrnnStatus_t fill(Stream& stream, void* to, int value, size_t bytes) override {
    LNRNN_ENTER(context_);
    std::unique_lock<std::mutex> recording;
    LNRNN_FORWARD(of(stream).record(&recording));
    LNRNN_CUDA_CHECK(context_, cudaMemsetAsync(to, value, bytes, of(stream).raw));
    return LNRNN_STATUS_SUCCESS;
  }

  lnrnnStatus_t check_support(const Plan& plan) const override {
    LNRNN_FORWARD(check_kernels(plan.shape, {"CUDA", false, true, true, true, true}));
    if (plan.element_bytes() > 2) return LNRNN_STATUS_SUCCESS;
    LNRNN_CHECK(properties_.computeCapabilityMajor >= cuda::kLeastForMma,
                LNRNN_STATUS_NOT_SUPPORTED,
                "lnrnnPlanCreate: dataType is F16 or BF16, which need a GPU of compute capability "
                "%d.0 or later; %s has %d.%d",
                cuda::kLeastForMma, properties_.name, properties_.computeCapabilityMajor,
                properties_.computeCapabilityMinor);
    LNRNN_CHECK(
        architecture_ >= 10 * cuda::kLeastForMma, LNRNN_STATUS_NOT_SUPPORTED,
        "lnrnnPlanCreate: dataType is F16 or BF16, which need kernels for compute capability "
        "%d.0 or later; this library was built for %s, of which %s (%d.%d) runs sm_%d",
        cuda::kLeastForMma, properties_.isaAvailable, properties_.name,
        properties_.computeCapabilityMajor, properties_.computeCapabilityMinor, architecture_);
    return LNRNN_STATUS_SUCCESS;
  }

  uint64_t packed_bytes(const Strand& strand) const override {
    return with_type(strand.plan,
                     [&](auto type) { return cuda::packed_bytes<decltype(type)>(strand); });
  }
  uint64_t reserve_bytes(const Strand& strand, int64_t steps, int64_t batch) const override {
    return with_type(strand.plan, [&](auto type) {
      using T = accumulation_t<decltype(type)>;
      Carver carver;
      cuda::StrandRows<T>::take(carver, strand, steps, batch);
      return carver.bytes();
    });
  }
  uint64_t workspace_bytes(const Strand& strand, Pass pass, int64_t steps,
                           int64_t batch) const override {
    return with_type(strand.plan, [&](auto type) {
      using S = decltype(type);
      return pass == Pass::kBackward
                 ? cuda::backward_workspace<S>(strand, steps, batch)
                 : cuda::forward_workspace<S>(strand, steps, batch, pass == Pass::kTraining);
    });
  }

  lnrnnStatus_t initialize(const Plan& plan, Stream& stream, uint64_t seed,
                           void* parameters) override {
    std::vector<char> host(plan.parameter_bytes());
    LNRNN_FORWARD(initialize_on_host(plan, seed, host.data()));
    LNRNN_ENTER(context_);
    LNRNN_CUDA_CHECK(context_, cudaMemcpyAsync(parameters, host.data(), host.size(),
                                               cudaMemcpyDefault, of(stream).raw));
    // Large pageable copies may still read host.
    LNRNN_CUDA_CHECK(context_, cudaStreamSynchronize(of(stream).raw));
    return LNRNN_STATUS_SUCCESS;
  }
  lnrnnStatus_t pack(const Strand& strand, Stream& stream, const void* parameters,
                     void* packed) override {
    LNRNN_ENTER(context_);
    std::unique_lock<std::mutex> recording;
    LNRNN_FORWARD(of(stream).record(&recording));
    return with_type(strand.plan, [&](auto type) {
      using S = decltype(type);
      return cuda::pack_strand(of(stream), strand, static_cast<const S*>(parameters), packed);
    });
  }
  lnrnnStatus_t infer(Stream& stream, const ForwardArguments& call) override {
    return forward(stream, false, call);
  }
  lnrnnStatus_t train(Stream& stream, const ForwardArguments& call) override {
    return forward(stream, true, call);
  }
  lnrnnStatus_t backward(Stream& stream, const BackwardArguments& call) override {
    LNRNN_ENTER(context_);
    std::unique_lock<std::mutex> recording;
    LNRNN_FORWARD(of(stream).record(&recording));
    return with_type(call.strand.plan, [&](auto type) {
      return cuda::run_backward<decltype(type)>(of(stream), call);
    });
  }
  lnrnnStatus_t dropout(Stream& stream, const DropoutArguments& call) override {
    LNRNN_ENTER(context_);
    std::unique_lock<std::mutex> recording;
    LNRNN_FORWARD(of(stream).record(&recording));
    return with_type(call.plan,
                     [&](auto type) { return cuda::drop_out<decltype(type)>(of(stream), call); });
  }
  lnrnnStatus_t draw_mask(Stream& stream, const MaskArguments& call) override {
    LNRNN_ENTER(context_);
    std::unique_lock<std::mutex> recording;
    LNRNN_FORWARD(of(stream).record(&recording));
    return cuda::draw_mask(of(stream), call);
  }

 private:
  static CudaStream& of(Stream& stream) { return static_cast<CudaStream&>(stream); }
  static CudaEvent& of(Event& event) { return static_cast<CudaEvent&>(event); }

  lnrnnStatus_t check_of_device(const void* pointer) {
    cudaPointerAttributes attributes{};
    LNRNN_FORWARD(check(context_, cudaPointerGetAttributes(&attributes, pointer),
                        "cudaPointerGetAttributes"));
    const bool device = attributes.type == cudaMemoryTypeDevice;
    LNRNN_CHECK(device || attributes.type == cudaMemoryTypeManaged, LNRNN_STATUS_INVALID_ARGUMENT,
                "lnrnnCheckMemory: the byte at %p is %s, expected memory of cuda:%d", pointer,
                attributes.type == cudaMemoryTypeHost ? "pinned host memory"
                                                      : "host memory or no memory at all",
                properties_.ordinal);
    LNRNN_CHECK(!device || attributes.device == properties_.ordinal, LNRNN_STATUS_INVALID_ARGUMENT,
                "lnrnnCheckMemory: the byte at %p is memory of cuda:%d, expected cuda:%d", pointer,
                attributes.device, properties_.ordinal);
    return LNRNN_STATUS_SUCCESS;
  }

  // A graph would read pageable memory when it is replayed, not when it is captured.
  lnrnnStatus_t check_capturable(const char* name, const void* pointer) {
    cudaPointerAttributes attributes{};
    LNRNN_FORWARD(check(context_, cudaPointerGetAttributes(&attributes, pointer),
                        "cudaPointerGetAttributes"));
    LNRNN_CHECK(attributes.type != cudaMemoryTypeUnregistered, LNRNN_STATUS_INVALID_ARGUMENT,
                "lnrnnMemcpy: %s is pageable host memory, which a captured copy cannot use; "
                "lnrnnHostAlloc or lnrnnHostRegister page-lock it",
                name);
    return LNRNN_STATUS_SUCCESS;
  }

  lnrnnStatus_t forward(Stream& stream, bool training, const ForwardArguments& call) {
    LNRNN_ENTER(context_);
    std::unique_lock<std::mutex> recording;
    LNRNN_FORWARD(of(stream).record(&recording));
    return with_type(call.strand.plan, [&](auto type) {
      return cuda::run_forward<decltype(type)>(of(stream), training, call);
    });
  }

  lnrnnStatus_t no_kernels() const {
    return fail(LNRNN_STATUS_DEVICE_UNAVAILABLE,
                "CUDA device %d, %s, cannot be used: this library has no kernels for its compute "
                "capability %d.%d; it was built for %s",
                properties_.ordinal, properties_.name, properties_.computeCapabilityMajor,
                properties_.computeCapabilityMinor, properties_.isaAvailable);
  }

  lnrnnDeviceProperties_t properties_{};
  int architecture_ = 0;  // of the kernels that the device runs, as 90
  Context context_;
  std::unique_ptr<Cublas> cublas_;
  std::unique_ptr<CudaStream> default_stream_;
};

}  // namespace

lnrnnStatus_t open_cuda_device(int ordinal, std::unique_ptr<Device>* device) {
  auto opened = std::make_unique<CudaDevice>(ordinal);
  LNRNN_FORWARD(opened->open(ordinal));
  *device = std::move(opened);
  return LNRNN_STATUS_SUCCESS;
}

}  // namespace lnrnn

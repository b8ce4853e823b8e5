#include "lengths.h"

namespace lnrnn::cuda {

namespace {

// One block; as many lengths as fit a launch's 4 KB of arguments.
struct StoreLengths {
  static constexpr const char* kName = "store_lengths";
  static constexpr int kMaxThreads = 256;
  static constexpr int kMost = 480;

  int count;
  int64_t* to;
  int64_t lengths[kMost];

  LNRNN_DEVICE void operator()(Block& block) const {
    for (int i = block.thread(); i < count; i += block.threads()) to[i] = lengths[i];
  }
};

}  // namespace

lnrnnStatus_t upload_lengths(const CudaStream& stream, const int64_t* lengths, int64_t batch,
                             int64_t* storage, Lengths* uploaded) {
  *uploaded = {};
  if (lengths == nullptr) return LNRNN_STATUS_SUCCESS;
  for (int64_t first = 0; first < batch; first += StoreLengths::kMost) {
    StoreLengths kernel{};
    const int64_t left = batch - first;
    kernel.count = static_cast<int>(left < StoreLengths::kMost ? left : StoreLengths::kMost);
    kernel.to = storage + first;
    for (int i = 0; i < kernel.count; ++i) kernel.lengths[i] = lengths[first + i];
    LNRNN_FORWARD(launch(stream, {1, StoreLengths::kMaxThreads}, kernel));
  }
  uploaded->lengths = storage;
  return LNRNN_STATUS_SUCCESS;
}

}  // namespace lnrnn::cuda

// Mistakes of kernels: each ends its grid, becomes the error of every later call, and says in one
// line which kernel, block, thread and barrier. Launches beyond the device's limits are refused.
#include <climits>

#include "session.h"

using namespace emulator_test;

namespace {

enum class Mistake {
  kIndexBeyond,
  kIndexBelow,
  kSharedTooLarge,
  kSharedOverrun,
  kWildPointer,
  kMisaligned,
  kStackOverflow,
  kDivision,
  kMissedByOne,
  kMissedByWarp,
  kDifferentSites,
  kLeftWarp,
  kDifferentOperations,
  kFlagNeverSet,
  kGridNotResident,
  kRemoteOfLocal,
  kRemoteRank,
};

// Thread 37 of block 2 makes it.
struct Wrong {
  static constexpr const char* kName = "wrong";
  static constexpr int kMaxThreads = 64;
  Mistake mistake;
  int* memory;  // (1)
  int zero;

  LNRNN_DEVICE void operator()(Block& block) const {
    auto& shared = block.shared<Array<int, 64>>();
    const bool culprit = block.index() == 2 && block.thread() == 37;
    shared[block.thread()] = 1;
    block.sync();
    switch (mistake) {
      case Mistake::kIndexBeyond: shared[culprit ? 64 : block.thread()] = 1; break;
      case Mistake::kIndexBelow: shared[culprit ? -1 : block.thread()] = 1; break;
      case Mistake::kSharedTooLarge:
        if (culprit) block.shared<Array<int, 65>>()[0] = 1;
        break;
      case Mistake::kSharedOverrun:
        if (culprit) *(&shared.values[zero] + 64) = 1;
        break;
      case Mistake::kWildPointer:
        if (culprit) memory[4096] = 1;
        break;
      case Mistake::kMisaligned:
        if (culprit) memory[0] = static_cast<int>(load_words(memory + 1).word[0]);
        break;
      case Mistake::kStackOverflow:
        if (culprit) memory[0] = descend(1000000);
        break;
      case Mistake::kDivision:
        if (culprit) memory[0] = block.threads() / zero;
        break;
      case Mistake::kMissedByOne:
        if (!culprit) block.sync();
        break;
      case Mistake::kMissedByWarp:
        if (block.index() != 2 || block.warp() != 1) block.sync();
        break;
      case Mistake::kDifferentSites:
        if (culprit) block.sync();
        else block.sync();
        break;
      case Mistake::kLeftWarp:
        if (!culprit) shared[block.thread()] = block.shuffle(1, 0);
        break;
      case Mistake::kDifferentOperations:
        if (culprit) shared[block.thread()] = block.shuffle(1, 0);
        else shared[block.thread()] = static_cast<int>(block.ballot(true));
        break;
      case Mistake::kFlagNeverSet:
        if (culprit)
          while (block.load_acquire(reinterpret_cast<uint32_t*>(memory)) == 0xffffffffu) {
          }
        break;
      case Mistake::kGridNotResident: block.sync_grid(); break;
      case Mistake::kRemoteOfLocal: {
        int local = 0;
        if (culprit) block.remote(local, 0) = 1;
        break;
      }
      case Mistake::kRemoteRank:
        if (culprit) block.remote(shared, 1)[0] = 1;
        break;
    }
    block.sync();
  }

  // Uses stack that the compiler cannot do without.
  static __attribute__((noinline)) int descend(int depth) {
    volatile int room[64];
    room[depth % 64] = depth;
    return depth == 0 ? 0 : descend(depth - 1) + room[depth % 64];
  }
};

void test_mistake(Mistake mistake, cudaError_t error, const char* words, bool culprit_is_known) {
  const Session session;
  int* memory = session.allocate<int>(1);
  CHECK(session.run({4, 64, sizeof(Array<int, 64>)}, Wrong{mistake, memory, 0}) == error);
  CHECK(reported(words));
  CHECK(reported("kernel wrong: block "));
  if (culprit_is_known) CHECK(reported("block 2, thread 37"));
  CHECK(reported(cudaGetErrorName(error)));
  // Every call says so.
  void* more = nullptr;
  size_t free = 0, total = 0;
  cudaStream_t stream = nullptr;
  CHECK(cudaMallocAsync(&more, 4, session.stream()) == error);
  CHECK(cudaStreamSynchronize(session.stream()) == error);
  CHECK(cudaStreamQuery(session.stream()) == error);
  CHECK(cudaDeviceSynchronize() == error);
  CHECK(cudaMemGetInfo(&free, &total) == error);
  CHECK(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking) == error);
  CHECK(cudaHostAlloc(&more, 4, 0) == error);
  CHECK(enqueue(session.stream(), {1, 32, 256}, Wrong{mistake, memory, 0}) == error);
  CHECK(cudaGetLastError() == error && cudaGetLastError() == error);
}

void test_mistakes() {
  const auto illegal = cudaErrorIllegalAddress;
  const auto stuck = cudaErrorLaunchTimeout;
  test_mistake(Mistake::kIndexBeyond, illegal, "index 64 of an array of 64", true);
  test_mistake(Mistake::kIndexBelow, illegal, "index -1 of an array of 64", true);
  test_mistake(Mistake::kSharedTooLarge, illegal, "shared() of 260 bytes, but the launch has 256",
               true);
  test_mistake(Mistake::kSharedOverrun, illegal, "outside of its block's shared memory", true);
  test_mistake(Mistake::kWildPointer, illegal, "which is not allocated", true);
  test_mistake(Mistake::kMisaligned, cudaErrorMisalignedAddress, "no multiple of 16", true);
  test_mistake(Mistake::kStackOverflow, illegal, "stack overflow", true);
#if defined(__x86_64__) && !defined(__SANITIZE_ADDRESS__)  // whose build reports it itself
  test_mistake(Mistake::kDivision, cudaErrorLaunchFailure, "division by zero", true);
#endif
  test_mistake(Mistake::kMissedByOne, stuck, "divergent barrier", true);
  test_mistake(Mistake::kMissedByWarp, stuck, "divergent barrier", false);
  test_mistake(Mistake::kDifferentSites, stuck, "divergent barrier", false);
  test_mistake(Mistake::kLeftWarp, stuck, "deadlock", false);
  test_mistake(Mistake::kDifferentOperations, stuck, "divergent barrier", false);
  test_mistake(Mistake::kFlagNeverSet, stuck, "waits for a flag that no one sets", true);
  test_mistake(Mistake::kGridNotResident, cudaErrorLaunchFailure, "not cooperative", false);
  test_mistake(Mistake::kRemoteOfLocal, illegal, "not in shared memory", true);
  test_mistake(Mistake::kRemoteRank, illegal, "rank 1 in a cluster of 1 blocks", true);
}

struct Fits {
  static constexpr const char* kName = "fits";
  static constexpr int kMaxThreads = 512;
  int* count;
  LNRNN_DEVICE void operator()(Block& block) const {
    if (block.thread() == 0) block.atomic_add(count, 1);
  }
};

void test_limits() {
  const Session session;
  int* count = session.upload(std::vector<int>{0});
  int blocks = 0;
  const auto outcome = [&](const LaunchShape& shape) {
    const cudaError_t error = session.run(shape, Fits{count});
    if (error == cudaSuccess) blocks += static_cast<int>(shape.blocks);
    return error;
  };
  CHECK(outcome({0, 32}) == cudaErrorInvalidConfiguration);
  CHECK(outcome({-1, 32}) == cudaErrorInvalidConfiguration);
  CHECK(outcome({int64_t{INT_MAX} + 1, 32}) == cudaErrorInvalidConfiguration);
  CHECK(outcome({1, 0}) == cudaErrorInvalidConfiguration);
  CHECK(outcome({1, 33}) == cudaErrorInvalidConfiguration);
  CHECK(outcome({1, 1056}) == cudaErrorInvalidConfiguration);
  CHECK(outcome({1, 544}) == cudaErrorInvalidValue);
  CHECK(outcome({1, 512}) == cudaSuccess);
  CHECK(outcome({1, 32, 227 * 1024}) == cudaSuccess);
  CHECK(outcome({1, 32, 227 * 1024 + 1}) == cudaErrorInvalidValue);
  CHECK(outcome({16, 32, 0, 16}) == cudaSuccess);
  CHECK(outcome({17, 32, 0, 17}) == cudaErrorInvalidClusterSize);
  CHECK(outcome({6, 32, 0, 4}) == cudaErrorInvalidClusterSize);
  CHECK(outcome({6, 32, 0, 0}) == cudaErrorInvalidClusterSize);
  // 16 multiprocessors of 1024 threads and 228 KB.
  CHECK(outcome({32, 512, 0, 1, true}) == cudaSuccess);
  CHECK(outcome({33, 512, 0, 1, true}) == cudaErrorCooperativeLaunchTooLarge);
  CHECK(outcome({16, 32, 200 * 1024, 1, true}) == cudaSuccess);
  CHECK(outcome({17, 32, 200 * 1024, 1, true}) == cudaErrorCooperativeLaunchTooLarge);
  // None of these is the end of the device.
  CHECK(session.download(count, 1)[0] == blocks);
  CHECK(cudaGetLastError() == cudaErrorCooperativeLaunchTooLarge);
  CHECK(cudaGetLastError() == cudaSuccess);
}

}  // namespace

int main() {
  test_mistakes();
  test_limits();
  return check::summary();
}

// Under ThreadSanitizer lanes are threads, so that a missing barrier is a race that it reports.
// This program has one barrier disabled where its argument says so, and must then fail.
#include <string>

#include "session.h"

using namespace emulator_test;

namespace {

// Neighbours hand over a value through shared memory.
template <int kWidth>
struct HandOver {
  static constexpr const char* kName = "hand_over";
  static constexpr int kMaxThreads = 64;
  int* y;
  LNRNN_DEVICE void operator()(Block& block) const {
    auto& kept = block.shared<Array<int, 64>>();
    kept[block.thread()] = block.thread();
    if constexpr (kWidth == kWarp) block.sync_warp();
    else block.sync();
    const int base = block.thread() / kWidth * kWidth;
    y[block.thread()] = kept[base + (block.thread() + 1 - base) % kWidth];
  }
};
constexpr int kWarpLine = __LINE__ - 6, kBlockLine = __LINE__ - 5;

// A block hands over a value to another through a flag; without the release and acquire, by hope.
struct Flag {
  static constexpr const char* kName = "flag";
  static constexpr int kMaxThreads = 32;
  int* value;
  uint32_t* flag;
  bool ordered;
  LNRNN_DEVICE void operator()(Block& block) const {
    if (block.thread() != 0) return;
    if (block.index() == 0) {
      *value = 5;
      if (ordered) block.store_release(flag, 1);
      else __atomic_store_n(flag, 1, __ATOMIC_RELAXED);
    } else {
      while (block.load_acquire(flag) == 0) {
      }
      *value += 1;
    }
  }
};

template <int kWidth>
void hand_over(const Session& session) {
  int* y = session.allocate<int>(64);
  CHECK(session.run({1, 64, sizeof(Array<int, 64>)}, HandOver<kWidth>{y}) == cudaSuccess);
  const std::vector<int> values = session.download(y, 64);
  for (int i = 0; i < 64; ++i)
    CHECK(values[static_cast<size_t>(i)] == i / kWidth * kWidth + (i + 1) % kWidth);
}

}  // namespace

int main(int count, char** arguments) {
  const std::string missing = count > 1 ? arguments[1] : "nothing";
  const Session session;
  if (missing == "sync") lnrnn::emulator::skip_site("race_test.cu:" + std::to_string(kBlockLine));
  if (missing == "sync_warp")
    lnrnn::emulator::skip_site("race_test.cu:" + std::to_string(kWarpLine));
  hand_over<64>(session);
  hand_over<kWarp>(session);
  int* value = session.upload(std::vector<int>{0});
  uint32_t* flag = session.upload(std::vector<uint32_t>{0});
  CHECK(session.run({2, 32, 0, 1, true}, Flag{value, flag, missing != "release"}) == cudaSuccess);
  CHECK(session.download(value, 1)[0] == 6);
  return check::summary();
}

// A barrier that is missing must show, whatever its kind: each kernel is right with all of its
// barriers, and wrong under every seed when one of them is disabled. So too the second barrier of a
// step, which only keeps the next step from overwriting what others still read.
#include <algorithm>
#include <string>

#include "session.h"

using namespace emulator_test;

namespace {

constexpr int kThreads = 128;
constexpr int kSteps = 20;

// The lines of the two barriers, from a kernel's kLine.
constexpr int first_barrier(int line) { return line + 7; }
constexpr int second_barrier(int line) { return line + 9; }

// The values of a group go round, one place per step. Within a block:
struct OfBlock {
  static constexpr int kLine = __LINE__;
  int* y;
  LNRNN_DEVICE void operator()(Block& block) const {
    auto& ring = block.shared<Array<int, kThreads>>();
    int value = block.thread();
    for (int step = 0; step < kSteps; ++step) {
      ring[block.thread()] = value;
      block.sync();
      value = ring[(block.thread() + 1) % kThreads];
      block.sync();
    }
    y[block.index() * kThreads + block.thread()] = value;
  }
  static constexpr const char* kName = "of_block";
  static constexpr int kMaxThreads = kThreads, kGroup = kThreads;
  static constexpr LaunchShape kShape{4, kThreads, sizeof(Array<int, kThreads>)};
};

// Within a warp:
struct OfWarp {
  static constexpr int kLine = __LINE__;
  int* y;
  LNRNN_DEVICE void operator()(Block& block) const {
    int* const ring = &block.shared<Array<int, kThreads>>()[block.warp() * kWarp];
    int value = block.thread();
    for (int step = 0; step < kSteps; ++step) {
      ring[block.lane()] = value;
      block.sync_warp();
      value = ring[(block.lane() + 1) % kWarp];
      block.sync_warp();
    }
    y[block.index() * kThreads + block.thread()] = value;
  }
  static constexpr const char* kName = "of_warp";
  static constexpr int kMaxThreads = kThreads, kGroup = kWarp;
  static constexpr LaunchShape kShape{4, kThreads, sizeof(Array<int, kThreads>)};
};

// Within a cluster, from block to block:
struct OfCluster {
  static constexpr int kLine = __LINE__ + 1;  // there is one more line before the first
  int* y;
  LNRNN_DEVICE void operator()(Block& block) const {
    const int next = (block.cluster_rank() + 1) % block.cluster_blocks();
    auto& ring = block.shared<Array<int, kThreads>>();
    int value = block.thread();
    for (int step = 0; step < kSteps; ++step) {
      ring[block.thread()] = value;
      block.sync_cluster();
      value = block.remote(ring, next)[(block.thread() + 1) % kThreads];
      block.sync_cluster();
    }
    y[block.index() * kThreads + block.thread()] = value;
  }
  static constexpr const char* kName = "of_cluster";
  static constexpr int kMaxThreads = kThreads, kGroup = kThreads;
  static constexpr LaunchShape kShape{8, kThreads, sizeof(Array<int, kThreads>), 4};
};

// Within a grid, through device memory, from block to block: y:(blocks,threads).
struct OfGrid {
  static constexpr int kLine = __LINE__ + 1;  // there is one more line before the first
  int* y;
  LNRNN_DEVICE void operator()(Block& block) const {
    const int64_t next = (block.index() + 1) % block.blocks() * kThreads, self = block.thread();
    int* const ring = y + block.index() * kThreads;
    int value = block.thread();
    for (int step = 0; step < kSteps; ++step) {
      ring[self] = value;
      block.sync_grid();
      value = y[next + (block.thread() + 1) % kThreads];
      block.sync_grid();
    }
    ring[self] = value;
  }
  static constexpr const char* kName = "of_grid";
  static constexpr int kMaxThreads = kThreads, kGroup = kThreads;
  static constexpr LaunchShape kShape{4, kThreads, 0, 1, true};
};

// Whether the kernel ends, with the values where they should be, when a barrier is disabled.
template <class Kernel>
bool right_without(const std::string& site) {
  const Session session;
  const size_t count = static_cast<size_t>(Kernel::kShape.blocks) * kThreads;
  int* y = session.allocate<int>(count);
  lnrnn::emulator::skip_site(site);
  // Without its second barrier a cluster's block may look into one that has ended.
  if (session.run(Kernel::kShape, Kernel{y}) != cudaSuccess) return false;
  const std::vector<int> values = session.download(y, count);
  bool equal = true;
  for (size_t i = 0; i < count; ++i) {
    const int thread = static_cast<int>(i % kThreads), group = thread / Kernel::kGroup;
    equal &= values[i] == group * Kernel::kGroup + (thread + kSteps) % Kernel::kGroup;
  }
  return equal;
}

std::string site_at(int line) { return "missing_barrier_test.cu:" + std::to_string(line); }

template <class Kernel>
void test() {
  for (uint64_t seed = 1; seed <= 25; ++seed) {
    lnrnn::emulator::set_seed(seed);
    CHECK(right_without<Kernel>(""));
#if !defined(__SANITIZE_THREAD__)  // it would end the program at the race: race_test shows that
    CHECK(!right_without<Kernel>(site_at(first_barrier(Kernel::kLine))));
    CHECK(!right_without<Kernel>(site_at(second_barrier(Kernel::kLine))));
#endif
  }
}

void test_sites() {
  const std::vector<std::string> sites = lnrnn::emulator::sites_reached();
  CHECK(sites.size() == 8);
  for (const int line : {OfBlock::kLine, OfWarp::kLine, OfCluster::kLine, OfGrid::kLine})
    for (const int site : {first_barrier(line), second_barrier(line)})
      CHECK(std::count(sites.begin(), sites.end(), site_at(site)) == 1);
}

}  // namespace

int main() {
  test<OfBlock>();
  test<OfWarp>();
  test<OfCluster>();
  test<OfGrid>();
  test_sites();
  return check::summary();
}

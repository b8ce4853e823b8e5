// Kernels of the kinds that recurrent networks want, in small: a cluster that exchanges its state
// through distributed shared memory, a persistent grid whose flags travel with the data, and a
// block that owns everything. All compute h = tanh(R h + x_t) for T steps; sums run in the same
// order as on the host, so that results are compared bit by bit.
#include <cmath>
#include <random>

#include "session.h"

using namespace emulator_test;

namespace {

constexpr int kUnits = 64;  // H
constexpr int kSteps = 12;  // T
constexpr int kBlocks = 4;  // that share the units
constexpr int kOwn = kUnits / kBlocks;

struct Arguments {
  const float* r;  // (H,H)
  const float* x;  // (T,H)
  float* h;        // (H), the last state
};

LNRNN_DEVICE float next_state(const float* row, const Array<float, kUnits>& h, float x) {
  float sum = x;
  for (int k = 0; k < kUnits; ++k) sum += row[k] * h[k];
  return std::tanh(sum);
}

struct OneBlock {
  static constexpr const char* kName = "one_block";
  static constexpr int kMaxThreads = kUnits;
  Arguments of;
  LNRNN_DEVICE void operator()(Block& block) const {
    auto& h = block.shared<Array<float, kUnits>>();
    const int unit = block.thread();
    h[unit] = 0;
    for (int t = 0; t < kSteps; ++t) {
      block.sync();
      const float next = next_state(of.r + unit * kUnits, h, of.x[t * kUnits + unit]);
      block.sync();
      h[unit] = next;
    }
    of.h[unit] = h[unit];
  }
};

// A block owns kOwn units and writes their new values into every block's copy of the state. Two
// copies, so that one barrier per step is enough.
struct ClusterOfBlocks {
  static constexpr const char* kName = "cluster_of_blocks";
  static constexpr int kMaxThreads = kWarp;
  Arguments of;
  struct Shared {
    Array<Array<float, kUnits>, 2> h;
  };
  LNRNN_DEVICE void operator()(Block& block) const {
    auto& shared = block.shared<Shared>();
    for (int i = block.thread(); i < kUnits; i += block.threads()) shared.h[0][i] = 0;
    block.sync_cluster();
    const int unit = block.cluster_rank() * kOwn + block.thread() % kOwn;
    for (int t = 0; t < kSteps; ++t) {
      const float next = next_state(of.r + unit * kUnits, shared.h[t % 2], of.x[t * kUnits + unit]);
      for (int rank = block.thread() / kOwn; rank < kBlocks; rank += block.threads() / kOwn)
        block.remote(shared, rank).h[(t + 1) % 2][unit] = next;
      block.sync_cluster();
    }
    if (block.thread() < kOwn) of.h[unit] = shared.h[kSteps % 2][unit];
  }
};

// Blocks publish their units with a flag that counts steps, and read those of the others when their
// flags say so. state:(2,H), flags:(blocks), zero at the start.
struct PersistentGrid {
  static constexpr const char* kName = "persistent_grid";
  static constexpr int kMaxThreads = kWarp;
  Arguments of;
  float* state;
  uint32_t* flags;
  LNRNN_DEVICE void operator()(Block& block) const {
    auto& h = block.shared<Array<float, kUnits>>();
    for (int i = block.thread(); i < kUnits; i += block.threads()) h[i] = 0;
    const int first = static_cast<int>(block.index()) * kOwn;
    for (int t = 0; t < kSteps; ++t) {
      block.sync();
      float next = 0;
      if (block.thread() < kOwn) {
        const int unit = first + block.thread();
        next = next_state(of.r + unit * kUnits, h, of.x[t * kUnits + unit]);
        state[t % 2 * kUnits + unit] = next;
      }
      block.sync();
      const uint32_t published = static_cast<uint32_t>(t + 1);
      if (block.thread() == 0) block.store_release(flags + block.index(), published);
      for (int other = block.thread(); other < kBlocks; other += block.threads()) {
        while (block.load_acquire(flags + other) < published) {
        }
        for (int i = 0; i < kOwn; ++i)
          h[other * kOwn + i] = state[t % 2 * kUnits + other * kOwn + i];
      }
    }
    block.sync();
    if (block.thread() < kOwn) of.h[first + block.thread()] = h[first + block.thread()];
  }
};

std::vector<float> random_numbers(size_t count, float scale, std::mt19937& random) {
  std::vector<float> numbers(count);
  for (float& number : numbers)
    number = scale * (static_cast<float>(random() % 2001) / 1000.0f - 1.0f);
  return numbers;
}

std::vector<float> on_host(const std::vector<float>& r, const std::vector<float>& x) {
  Array<float, kUnits> h{};
  for (int t = 0; t < kSteps; ++t) {
    Array<float, kUnits> next;
    for (int unit = 0; unit < kUnits; ++unit)
      next[unit] = next_state(&r[static_cast<size_t>(unit) * kUnits], h,
                              x[static_cast<size_t>(t * kUnits + unit)]);
    h = next;
  }
  return {h.values, h.values + kUnits};
}

void test() {
  std::mt19937 random(3);
  const std::vector<float> r = random_numbers(kUnits * kUnits, 0.2f, random);
  const std::vector<float> x = random_numbers(kSteps * kUnits, 1.0f, random);
  const std::vector<float> expected = on_host(r, x);
  for (uint64_t seed = 1; seed <= 10; ++seed) {
    lnrnn::emulator::set_seed(seed);
    const Session session;
    const auto arguments = [&] {
      return Arguments{session.upload(r), session.upload(x), session.allocate<float>(kUnits)};
    };
    const auto check = [&](const Arguments& of) {
      CHECK(session.download(of.h, kUnits) == expected);
    };

    const OneBlock one{arguments()};
    CHECK(session.run({1, kUnits, sizeof(Array<float, kUnits>)}, one) == cudaSuccess);
    check(one.of);

    const ClusterOfBlocks cluster{arguments()};
    CHECK(session.run({kBlocks, kWarp, sizeof(ClusterOfBlocks::Shared), kBlocks}, cluster) ==
          cudaSuccess);
    check(cluster.of);

    const PersistentGrid grid{arguments(), session.allocate<float>(2 * kUnits),
                              session.upload(std::vector<uint32_t>(kBlocks))};
    CHECK(session.run({kBlocks, kWarp, sizeof(Array<float, kUnits>), 1, true}, grid) ==
          cudaSuccess);
    check(grid.of);
  }
}

}  // namespace

int main() {
  test();
  return check::summary();
}

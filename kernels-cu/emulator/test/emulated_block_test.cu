// What a block offers: threads, shared memory, barriers, shuffles, votes, atomics; and its speed.
#include <chrono>

#include "session.h"

using namespace emulator_test;

namespace {

// Each block reverses its part: x:(blocks,threads).
struct Reverse {
  static constexpr const char* kName = "reverse";
  static constexpr int kMaxThreads = 1024;
  const int* x;
  int* y;
  LNRNN_DEVICE void operator()(Block& block) const {
    auto& kept = block.shared<Array<int, 1024>>();
    const int64_t base = block.index() * block.threads();
    kept[block.thread()] = x[base + block.thread()];
    block.sync();
    y[base + block.thread()] = kept[block.threads() - 1 - block.thread()];
  }
};

// What shuffles, votes and coordinates give, one row of 8 numbers per thread.
struct Coordinates {
  static constexpr const char* kName = "coordinates";
  static constexpr int kMaxThreads = 256;
  int* y;
  LNRNN_DEVICE void operator()(Block& block) const {
    const int self = block.warp() * 100 + block.lane();
    int* row = y + (block.index() * block.threads() + block.thread()) * 8;
    row[0] = block.shuffle(self, 5);
    row[1] = block.shuffle_xor(self, 3);
    row[2] = block.shuffle_down(self, 30);
    row[3] = static_cast<int>(block.ballot(block.lane() % 3 == 0));
    row[4] = block.warps();
    row[5] = static_cast<int>(block.blocks());
    row[6] = static_cast<int>(block.shuffle(0.25 * self, (block.lane() + 1) % kWarp) * 4);
    row[7] = block.cluster_rank() + 10 * block.cluster_blocks();
  }
};

// Adds up in as many ways as there are.
struct Sum {
  static constexpr const char* kName = "sum";
  static constexpr int kMaxThreads = 256;
  struct Shared {
    Array<double, 8> of_warp;
    Array<float, 1> total;
  };
  int* count;
  unsigned long long* large;
  float* all;
  double* fine;
  LNRNN_DEVICE void operator()(Block& block) const {
    auto& shared = block.shared<Shared>();
    if (block.thread() == 0) shared.total[0] = 0;
    block.sync();
    double value = block.thread();
    for (int delta = 16; delta > 0; delta /= 2) value += block.shuffle_down(value, delta);
    if (block.lane() == 0) shared.of_warp[block.warp()] = value;
    block.atomic_add(&shared.total[0], 1.0f);
    block.sync();
    block.atomic_add(count, 1);
    block.atomic_add(large, 1ull << 40);
    if (block.thread() == 0) {
      double sum = 0;
      for (int warp = 0; warp < block.warps(); ++warp) sum += shared.of_warp[warp];
      block.atomic_add(fine, sum);
      block.atomic_add(all, shared.total[0]);
    }
  }
};

// Shared memory that no one wrote is NaN, for every block anew.
struct Untouched {
  static constexpr const char* kName = "untouched";
  static constexpr int kMaxThreads = 64;
  int* bad;
  LNRNN_DEVICE void operator()(Block& block) const {
    auto& shared = block.shared<Array<float, 64>>();
    if (shared[block.thread()] == shared[block.thread()]) block.atomic_add(bad, 1);
    block.sync();
    shared[block.thread()] = 1;
  }
};

// Blocks of a cluster tell each other numbers, round after round, with no barrier but one in between that
// keeps a fast block from the slots of a slow one.
struct Tell {
  static constexpr const char* kName = "tell";
  static constexpr int kMaxThreads = 32;
  static constexpr int kBlocks = 4, kRounds = 5;
  using Slots = Array<Tagged, kBlocks>;
  float* sums;  // (kBlocks, kRounds)
  LNRNN_DEVICE void operator()(Block& block) const {
    auto& slots = block.shared<Slots>();
    const bool one = block.lane() < kBlocks;
    if (one) slots[block.lane()] = Tagged{0, 0};
    block.sync_cluster();
    for (int i = 0; i < kRounds; ++i) {
      const auto round = static_cast<uint32_t>(i) + 1;
      float value = 0;
      if (one) {
        block.store_tagged(&slots[block.cluster_rank()], block.lane(),
                           {static_cast<uint32_t>(10 * i + block.cluster_rank()), round});
        Tagged said;
        do {
          said = block.load_tagged(&slots[block.lane()]);
        } while (said.round != round);
        value = static_cast<float>(said.word);
      }
      for (int mask = 1; mask < kBlocks; mask *= 2) value += block.shuffle_xor(value, mask);
      if (block.lane() == 0) sums[block.cluster_rank() * kRounds + i] = value;
      block.sync_cluster();
    }
  }
};

// Likewise, with words that are counted as they arrive, in two rounds' places by turns.
struct Deliver {
  static constexpr const char* kName = "deliver";
  static constexpr int kMaxThreads = 32;
  static constexpr int kBlocks = 4, kRounds = 6;
  struct Shared {
    Array<Words, 2 * kBlocks> inbox;
    Arrivals arrivals[2];
  };
  uint32_t* sums;  // (kBlocks, kRounds)
  LNRNN_DEVICE void operator()(Block& block) const {
    auto& shared = block.shared<Shared>();
    constexpr uint32_t kBytes = kBlocks * sizeof(Words);
    if (block.thread() == 0) {
      for (Arrivals& arrivals : shared.arrivals) {
        block.open_arrivals(arrivals);
        block.expect_arrivals(arrivals, kBytes);
      }
    }
    block.sync_cluster();
    for (int i = 0; i < kRounds; ++i) {
      Arrivals& arrivals = shared.arrivals[i % 2];
      const int rank = block.cluster_rank(), turn = i % 2 * kBlocks;
      if (block.lane() < kBlocks) {
        const auto word = static_cast<uint32_t>(10 * i + rank);
        block.store_arriving(shared.inbox[turn + rank], block.lane(), {{word, 0, 0, 2 * word}},
                             arrivals);
      }
      while (block.ballot(!block.arrived(arrivals, static_cast<uint32_t>(i / 2))) != 0) {
      }
      if (block.thread() == 0) block.expect_arrivals(arrivals, kBytes);
      uint32_t sum = 0;
      for (int from = 0; from < kBlocks; ++from) {
        sum += shared.inbox[turn + from].word[0] + shared.inbox[turn + from].word[3];
      }
      if (block.lane() == 0) sums[rank * kRounds + i] = sum;
      block.sync_warp();
    }
  }
};

struct Nothing {
  static constexpr const char* kName = "nothing";
  static constexpr int kMaxThreads = 256;
  float* x;
  LNRNN_DEVICE void operator()(Block& block) const {
    x[block.index() * block.threads() + block.thread()] += 1;
  }
};

void test_reverse() {
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    lnrnn::emulator::set_seed(seed);
    const Session session;
    for (const int threads : {32, 96, 256, 1024}) {
      const int blocks = 7;
      std::vector<int> x(static_cast<size_t>(blocks * threads));
      for (size_t i = 0; i < x.size(); ++i) x[i] = static_cast<int>(i);
      int* y = session.allocate<int>(x.size());
      CHECK(session.run({blocks, threads, sizeof(Array<int, 1024>)},
                        Reverse{session.upload(x), y}) == cudaSuccess);
      const std::vector<int> result = session.download(y, x.size());
      bool equal = true;
      for (int i = 0; i < blocks * threads; ++i)
        equal &=
            result[static_cast<size_t>(i)] == i / threads * threads + threads - 1 - i % threads;
      CHECK(equal);
    }
  }
}

void test_coordinates() {
  const Session session;
  const int blocks = 3, threads = 64;
  int* y = session.allocate<int>(blocks * threads * 8);
  CHECK(session.run({blocks, threads}, Coordinates{y}) == cudaSuccess);
  const std::vector<int> rows = session.download(y, blocks * threads * 8);
  for (int i = 0; i < blocks * threads; ++i) {
    const int* row = &rows[static_cast<size_t>(i) * 8];
    const int lane = i % 32, warp = i % threads / 32;
    CHECK(row[0] == warp * 100 + 5);
    CHECK(row[1] == warp * 100 + (lane ^ 3));
    CHECK(row[2] == warp * 100 + (lane + 30 < 32 ? lane + 30 : lane));
    CHECK(static_cast<unsigned>(row[3]) == 0x49249249u);
    CHECK(row[4] == 2 && row[5] == blocks);
    CHECK(row[6] == warp * 100 + (lane + 1) % 32);
    CHECK(row[7] == 10);
  }
}

void test_sum() {
  const Session session;
  int* count = session.upload(std::vector<int>{0});
  auto* large = session.upload(std::vector<unsigned long long>{0});
  float* all = session.upload(std::vector<float>{0});
  double* fine = session.upload(std::vector<double>{0});
  CHECK(session.run({10, 256, sizeof(Sum::Shared)}, Sum{count, large, all, fine}) == cudaSuccess);
  CHECK(session.download(count, 1)[0] == 2560);
  CHECK(session.download(large, 1)[0] == 2560ull << 40);
  CHECK(session.download(all, 1)[0] == 2560);
  CHECK(session.download(fine, 1)[0] == 10 * 255 * 128);
}

void test_untouched() {
  const Session session;
  int* bad = session.upload(std::vector<int>{0});
  for (int i = 0; i < 3; ++i)
    CHECK(session.run({20, 64, sizeof(Array<float, 64>)}, Untouched{bad}) == cudaSuccess);
  CHECK(session.download(bad, 1)[0] == 0);
}

void test_tagged() {
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    lnrnn::emulator::set_seed(seed);
    const Session session;
    float* sums = session.allocate<float>(Tell::kBlocks * Tell::kRounds);
    LaunchShape shape{Tell::kBlocks, 32, sizeof(Tell::Slots), Tell::kBlocks};
    int clusters = 0;
    CHECK(count_clusters<Tell>(shape, &clusters) == cudaSuccess);
    CHECK(clusters == 128);  // 16 multiprocessors, of 32 blocks each
    CHECK(session.run(shape, Tell{sums}) == cudaSuccess);
    const auto result = session.download(sums, Tell::kBlocks * Tell::kRounds);
    for (int i = 0; i < Tell::kBlocks * Tell::kRounds; ++i) {
      CHECK(result[static_cast<size_t>(i)] == 40.0f * (i % Tell::kRounds) + 6);
    }
  }
}

void test_arrivals() {
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    lnrnn::emulator::set_seed(seed);
    const Session session;
    uint32_t* sums = session.allocate<uint32_t>(Deliver::kBlocks * Deliver::kRounds);
    CHECK(session.run({Deliver::kBlocks, 32, sizeof(Deliver::Shared), Deliver::kBlocks},
                      Deliver{sums}) == cudaSuccess);
    const auto result = session.download(sums, Deliver::kBlocks * Deliver::kRounds);
    for (uint32_t i = 0; i < result.size(); ++i) {
      CHECK(result[i] == 3 * (40 * (i % Deliver::kRounds) + 6));
    }
  }
}

void test_speed() {
  const Session session;
  float* x = session.upload(std::vector<float>(16 * 256));
  const int launches = 500;
  const auto start = std::chrono::steady_clock::now();
  for (int i = 0; i < launches; ++i)
    CHECK(enqueue(session.stream(), {16, 256}, Nothing{x}) == cudaSuccess);
  CHECK(session.wait() == cudaSuccess);
  const std::chrono::duration<double, std::micro> elapsed =
      std::chrono::steady_clock::now() - start;
  std::printf("%.1f us for a launch of 16 blocks of 256 threads\n", elapsed.count() / launches);
  CHECK(session.download(x, 1)[0] == launches);
}

}  // namespace

int main() {
  test_reverse();
  test_coordinates();
  test_sum();
  test_untouched();
  test_tagged();
  test_arrivals();
  test_speed();
  return check::summary();
}

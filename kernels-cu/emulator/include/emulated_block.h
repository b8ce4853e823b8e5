// The block that kernels see when they run on the host: what src/cuda/machine/device.cuh offers, carried out
// by the emulator. Included by device.cuh only, after the types that both have.
#pragma once

#include <cstring>
#include <memory>
#include <type_traits>

#include "emulated_lane.h"

#define LNRNN_DEVICE inline __attribute__((always_inline))
#define LNRNN_UNROLL
#define LNRNN_UNROLL_BY_2
#define LNRNN_CHECK_INDEX(index, count) (::lnrnn::cuda::emulated::check_index((index), (count)))

namespace lnrnn::cuda {

LNRNN_DEVICE Words load_words(const void* from) {
  emulated::check_aligned(from, alignof(Words));
  Words words;
  std::memcpy(&words, from, sizeof words);
  return words;
}

template <class S>
LNRNN_DEVICE accumulation_t<S> to_accumulation(S value) {
  return widen(value);
}
template <class S>
LNRNN_DEVICE S to_storage(accumulation_t<S> value) {
  return narrow<S>(value);
}

class Block {
 public:
  explicit Block(emulated::Lane& lane) : lane_(lane) {}

  LNRNN_DEVICE int thread() const { return lane_.thread; }
  LNRNN_DEVICE int threads() const { return lane_.threads; }
  LNRNN_DEVICE int lane() const { return thread() % kWarp; }
  LNRNN_DEVICE int warp() const { return thread() / kWarp; }
  LNRNN_DEVICE int warps() const { return threads() / kWarp; }
  LNRNN_DEVICE int64_t index() const { return lane_.block; }
  LNRNN_DEVICE int64_t blocks() const { return lane_.blocks; }

  // Each call in a kernel's source is a site, named "file:line", that a test can disable.
  LNRNN_DEVICE void sync(const char* file = __builtin_FILE(), int line = __builtin_LINE()) const {
    emulated::synchronize(lane_, emulated::Scope::kBlock, {file, line});
  }
  LNRNN_DEVICE void sync_warp(const char* file = __builtin_FILE(),
                              int line = __builtin_LINE()) const {
    emulated::synchronize(lane_, emulated::Scope::kWarp, {file, line});
  }
  LNRNN_DEVICE void sync_cluster(const char* file = __builtin_FILE(),
                                 int line = __builtin_LINE()) const {
    emulated::synchronize(lane_, emulated::Scope::kCluster, {file, line});
  }
  LNRNN_DEVICE void sync_grid(const char* file = __builtin_FILE(),
                              int line = __builtin_LINE()) const {
    emulated::synchronize(lane_, emulated::Scope::kGrid, {file, line});
  }

  template <class T>
  LNRNN_DEVICE T shuffle(T value, int lane, const char* file = __builtin_FILE(),
                         int line = __builtin_LINE()) const {
    return from_lane(value, lane & (kWarp - 1), {file, line});
  }
  template <class T>
  LNRNN_DEVICE T shuffle_xor(T value, int mask, const char* file = __builtin_FILE(),
                             int line = __builtin_LINE()) const {
    return from_lane(value, in_warp(lane() ^ mask), {file, line});
  }
  template <class T>
  LNRNN_DEVICE T shuffle_down(T value, int delta, const char* file = __builtin_FILE(),
                              int line = __builtin_LINE()) const {
    return from_lane(value, in_warp(lane() + delta), {file, line});
  }
  LNRNN_DEVICE unsigned ballot(bool vote, const char* file = __builtin_FILE(),
                               int line = __builtin_LINE()) const {
    return emulated::vote(lane_, vote, {file, line});
  }

  template <class S>
  LNRNN_DEVICE S& shared() const {
    static_assert(alignof(S) <= 128, "dynamic shared memory is aligned to 128 bytes");
    if (sizeof(S) > lane_.shared_bytes) emulated::refuse_shared(lane_, sizeof(S));
    return *reinterpret_cast<S*>(lane_.shared);
  }

  LNRNN_DEVICE int cluster_rank() const { return lane_.cluster_rank; }
  LNRNN_DEVICE int cluster_blocks() const { return lane_.cluster_blocks; }
  template <class S>
  LNRNN_DEVICE S& remote(S& shared_object, int rank) const {
    return *static_cast<S*>(emulated::map_to_rank(lane_, &shared_object, sizeof(S), rank));
  }

  LNRNN_DEVICE void store_tagged(Tagged* slot, int rank, Tagged what) const {
    emulated::progress(lane_);
    __atomic_store(&remote(*slot, rank), &what, __ATOMIC_RELAXED);
  }
  LNRNN_DEVICE Tagged load_tagged(const Tagged* from) const {
    emulated::poll(lane_);
    Tagged found;
    __atomic_load(from, &found, __ATOMIC_RELAXED);
    return found;
  }

  LNRNN_DEVICE void open_arrivals(Arrivals& arrivals) const { counts_of(arrivals) = {0, 0}; }
  LNRNN_DEVICE void expect_arrivals(Arrivals& arrivals, uint32_t bytes) const {
    emulated::progress(lane_);
    Counts& counts = counts_of(arrivals);
    __atomic_fetch_add(&counts.missing, bytes, __ATOMIC_ACQ_REL);
    __atomic_fetch_add(&counts.rounds, 1u, __ATOMIC_RELEASE);
  }
  LNRNN_DEVICE void store_arriving(Words& slot, int rank, const Words& what,
                                   Arrivals& arrivals) const {
    emulated::check_aligned(&slot, sizeof slot);
    emulated::progress(lane_);
    remote(slot, rank) = what;
    __atomic_fetch_sub(&counts_of(remote(arrivals, rank)).missing,
                       static_cast<uint32_t>(sizeof what), __ATOMIC_RELEASE);
  }
  LNRNN_DEVICE bool arrived(Arrivals& arrivals, uint32_t round) const {
    emulated::poll(lane_);
    Counts& counts = counts_of(arrivals);
    const uint32_t rounds = __atomic_load_n(&counts.rounds, __ATOMIC_ACQUIRE);
    if (rounds != round + 1) return rounds > round;
    return __atomic_load_n(&counts.missing, __ATOMIC_ACQUIRE) == 0;
  }

  template <class T>
  LNRNN_DEVICE T atomic_add(T* address, T value) const {
    static_assert(std::is_same_v<T, int> || std::is_same_v<T, unsigned> ||
                      std::is_same_v<T, unsigned long long> || std::is_same_v<T, float> ||
                      std::is_same_v<T, double>,
                  "CUDA has no atomicAdd for this type");
    emulated::progress(lane_);
    T before;
    if constexpr (std::is_integral_v<T>) {
      before = __atomic_fetch_add(address, value, __ATOMIC_RELAXED);
    } else {
      __atomic_load(address, &before, __ATOMIC_RELAXED);
      T after;
      do {
        after = before + value;
      } while (!__atomic_compare_exchange(address, &before, &after, true, __ATOMIC_RELAXED,
                                          __ATOMIC_RELAXED));
    }
    return before;
  }
  LNRNN_DEVICE void store_release(uint32_t* flag, uint32_t value) const {
    emulated::progress(lane_);
    __atomic_store_n(flag, value, __ATOMIC_RELEASE);
  }
  LNRNN_DEVICE uint32_t load_acquire(const uint32_t* flag) const {
    emulated::poll(lane_);
    return __atomic_load_n(flag, __ATOMIC_ACQUIRE);
  }

  template <MmaType kType>
  LNRNN_DEVICE void mma(float (&d)[4], const uint32_t (&a)[4], const uint32_t (&b)[2],
                        const char* file = __builtin_FILE(), int line = __builtin_LINE()) const {
    emulated::multiply(lane_, kType == MmaType::kBf16, d, a, b, {file, line});
  }

 private:
  // Bytes that are missing in the round that is expected, and how many were expected so far.
  struct Counts {
    uint32_t missing, rounds;
  };
  static_assert(sizeof(Counts) == sizeof(Arrivals));
  LNRNN_DEVICE static Counts& counts_of(Arrivals& arrivals) {
    return reinterpret_cast<Counts&>(arrivals);
  }

  // A lane outside the warp is oneself.
  LNRNN_DEVICE int in_warp(int source) const {
    return source >= 0 && source < kWarp ? source : lane();
  }
  template <class T>
  LNRNN_DEVICE T from_lane(T value, int source, emulated::Site site) const {
    static_assert(std::is_arithmetic_v<T> && sizeof(T) <= 8, "CUDA shuffles numbers");
    uint64_t bits = 0;
    std::memcpy(&bits, &value, sizeof(T));
    bits = emulated::exchange(lane_, bits, source, site);
    std::memcpy(&value, &bits, sizeof(T));
    return value;
  }

  emulated::Lane& lane_;
};

template <class Kernel>
emulated::Launch launch_of(const LaunchShape& shape) {
  emulated::Launch launch{};
  launch.name = Kernel::kName;
  launch.max_threads = Kernel::kMaxThreads;
  launch.blocks = shape.blocks;
  launch.threads = shape.threads;
  launch.shared_bytes = shape.shared_bytes;
  launch.cluster = shape.cluster;
  launch.cooperative = shape.cooperative;
  return launch;
}

template <class Kernel>
cudaError_t find_architecture(int* architecture) {
  return emulated::find_architecture(architecture);
}
inline const char* targets() { return emulated::targets(); }

template <class Kernel>
cudaError_t count_clusters(const LaunchShape& shape, int* count) {
  return emulated::count_clusters(launch_of<Kernel>(shape), count);
}

template <class Kernel>
cudaError_t enqueue(cudaStream_t stream, const LaunchShape& shape, const Kernel& kernel) {
  static_assert(std::is_trivially_copyable_v<Kernel>, "a kernel is its arguments, as bytes");
  static_assert(sizeof(Kernel) <= 32764, "CUDA's limit for arguments");
  const emulated::Call call;
  emulated::Launch launch = launch_of<Kernel>(shape);
  launch.kernel = std::make_shared<const Kernel>(kernel);
  launch.run = [](const void* bytes, emulated::Lane& lane) {
    Block block(lane);
    (*static_cast<const Kernel*>(bytes))(block);
  };
  return emulated::enqueue(stream, launch);
}

}  // namespace lnrnn::cuda

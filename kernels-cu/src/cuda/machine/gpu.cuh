// The machine on GPUs: what nvcc makes of a block, and a launch. See device.cuh.
#pragma once

#include <cooperative_groups.h>

#include "types.cuh"

#define LNRNN_DEVICE __device__ __forceinline__
// Before a loop over a small array that has to be in registers: an index known at run time only would
// send it to memory.
#define LNRNN_UNROLL _Pragma("unroll")
// Before a loop that, unrolled whole, would take more registers than there are.
#define LNRNN_UNROLL_BY_2 _Pragma("unroll 2")
// Bounds are the emulator's to check.
#define LNRNN_CHECK_INDEX(index, count) ((void)0)

namespace lnrnn::cuda {

LNRNN_DEVICE Words load_words(const void* from) {
  const uint4 all = *static_cast<const uint4*>(from);
  return {{all.x, all.y, all.z, all.w}};
}

// Conversions of cell/half.h, in one instruction.
template <class S>
LNRNN_DEVICE accumulation_t<S> to_accumulation(S value) {
  if constexpr (std::is_same_v<S, F16>) {
    float wide;
    asm("cvt.f32.f16 %0, %1;" : "=f"(wide) : "h"(value.bits));
    return wide;
  } else {
    return widen(value);
  }
}
template <class S>
LNRNN_DEVICE S to_storage(accumulation_t<S> value) {
  if constexpr (std::is_same_v<S, F16>) {
    F16 narrow;
    asm("cvt.rn.f16.f32 %0, %1;" : "=h"(narrow.bits) : "f"(value));
    return narrow;
  } else if constexpr (std::is_same_v<S, Bf16>) {
#if __CUDA_ARCH__ >= 800
    Bf16 narrow;
    asm("cvt.rn.bf16.f32 %0, %1;" : "=h"(narrow.bits) : "f"(value));
    return narrow;
#else
    return narrow<Bf16>(value);
#endif
  } else {
    return value;
  }
}

class Block {
 public:
  LNRNN_DEVICE int thread() const { return static_cast<int>(threadIdx.x); }
  LNRNN_DEVICE int threads() const { return static_cast<int>(blockDim.x); }
  LNRNN_DEVICE int lane() const { return thread() % kWarp; }
  LNRNN_DEVICE int warp() const { return thread() / kWarp; }
  LNRNN_DEVICE int warps() const { return threads() / kWarp; }
  LNRNN_DEVICE int64_t index() const { return blockIdx.x; }
  LNRNN_DEVICE int64_t blocks() const { return gridDim.x; }

  // Barriers, with the memory of their scope made visible.
  LNRNN_DEVICE void sync() const { __syncthreads(); }
  LNRNN_DEVICE void sync_warp() const { __syncwarp(); }
  LNRNN_DEVICE void sync_grid() const { cooperative_groups::this_grid().sync(); }

  // Values of other lanes of the warp.
  template <class T>
  LNRNN_DEVICE T shuffle(T value, int lane) const {
    return __shfl_sync(kAllLanes, value, lane);
  }
  template <class T>
  LNRNN_DEVICE T shuffle_xor(T value, int mask) const {
    return __shfl_xor_sync(kAllLanes, value, mask);
  }
  template <class T>
  LNRNN_DEVICE T shuffle_down(T value, int delta) const {
    return __shfl_down_sync(kAllLanes, value, static_cast<unsigned>(delta));
  }
  LNRNN_DEVICE unsigned ballot(bool vote) const { return __ballot_sync(kAllLanes, vote); }

  // The block's dynamic shared memory: its start seen as an S, without construction, contents
  // undefined. sizeof(S) is at most the launch's shared_bytes.
  template <class S>
  LNRNN_DEVICE S& shared() const {
    extern __shared__ __align__(128) unsigned char dynamic[];
    return *reinterpret_cast<S*>(dynamic);
  }

  // The cluster, and the same object of another of its blocks, to read and write. GPUs from compute
  // capability 9.0 on have clusters; to others no kernel that forms one is launched.
#if __CUDA_ARCH__ >= 900
  LNRNN_DEVICE void sync_cluster() const { cooperative_groups::this_cluster().sync(); }
  LNRNN_DEVICE int cluster_rank() const {
    return static_cast<int>(cooperative_groups::this_cluster().block_rank());
  }
  LNRNN_DEVICE int cluster_blocks() const {
    return static_cast<int>(cooperative_groups::this_cluster().num_blocks());
  }
  template <class S>
  LNRNN_DEVICE S& remote(S& shared_object, int rank) const {
    return *cooperative_groups::this_cluster().map_shared_rank(&shared_object,
                                                               static_cast<unsigned>(rank));
  }
  // To a slot in shared memory as another block of the cluster has it; and what a block finds in a slot of its
  // own. Nothing else becomes visible with it.
  LNRNN_DEVICE void store_tagged(Tagged* slot, int rank, Tagged what) const {
    const uint64_t both = static_cast<uint64_t>(what.round) << 32 | what.word;
    asm volatile("st.relaxed.cluster.shared::cluster.b64 [%0], %1;" ::"r"(shared_of(slot, rank)),
                 "l"(both)
                 : "memory");
  }
  LNRNN_DEVICE Tagged load_tagged(const Tagged* from) const {
    uint64_t both;
    asm volatile("ld.relaxed.cluster.shared::cta.b64 %0, [%1];"
                 : "=l"(both)
                 : "r"(shared_of(from))
                 : "memory");
    return {static_cast<uint32_t>(both), static_cast<uint32_t>(both >> 32)};
  }

  // Words for another block, which sees them when as many bytes as it expects in a round have arrived. By
  // one thread: opened, before a barrier of the cluster; and told what to expect, once for each round, and
  // not before the round before has arrived. Both addresses are this block's, and stand for the other's.
  LNRNN_DEVICE void open_arrivals(Arrivals& arrivals) const {
    asm volatile("mbarrier.init.shared::cta.b64 [%0], 1;" ::"r"(shared_of(&arrivals)) : "memory");
    asm volatile("fence.mbarrier_init.release.cluster;" ::: "memory");
  }
  LNRNN_DEVICE void expect_arrivals(Arrivals& arrivals, uint32_t bytes) const {
    asm volatile("mbarrier.arrive.expect_tx.shared::cta.b64 _, [%0], %1;" ::"r"(
                     shared_of(&arrivals)),
                 "r"(bytes)
                 : "memory");
  }
  LNRNN_DEVICE void store_arriving(Words& slot, int rank, const Words& what,
                                   Arrivals& arrivals) const {
    asm volatile(
        "st.async.weak.shared::cluster.mbarrier::complete_tx::bytes.v4.b32 "
        "[%0], {%1, %2, %3, %4}, [%5];" ::"r"(shared_of(&slot, rank)),
        "r"(what.word[0]), "r"(what.word[1]), "r"(what.word[2]), "r"(what.word[3]),
        "r"(shared_of(&arrivals, rank))
        : "memory");
  }
  // Whether round, from 0 on, has arrived. Asked for one round after the other.
  LNRNN_DEVICE bool arrived(Arrivals& arrivals, uint32_t round) const {
    uint32_t done;
    asm volatile(
        "{ .reg .pred p; mbarrier.try_wait.parity.acquire.cluster.shared::cta.b64 p, [%1], %2; "
        "selp.u32 %0, 1, 0, p; }"
        : "=r"(done)
        : "r"(shared_of(&arrivals)), "r"(round & 1)
        : "memory");
    return done != 0;
  }
#else
  LNRNN_DEVICE void sync_cluster() const { __trap(); }
  LNRNN_DEVICE int cluster_rank() const { return 0; }
  LNRNN_DEVICE int cluster_blocks() const { return 1; }
  template <class S>
  LNRNN_DEVICE S& remote(S& shared_object, int) const {
    __trap();
    return shared_object;
  }
  LNRNN_DEVICE void store_tagged(Tagged*, int, Tagged) const { __trap(); }
  LNRNN_DEVICE Tagged load_tagged(const Tagged*) const {
    __trap();
    return {};
  }
  LNRNN_DEVICE void open_arrivals(Arrivals&) const { __trap(); }
  LNRNN_DEVICE void expect_arrivals(Arrivals&, uint32_t) const { __trap(); }
  LNRNN_DEVICE void store_arriving(Words&, int, const Words&, Arrivals&) const { __trap(); }
  LNRNN_DEVICE bool arrived(Arrivals&, uint32_t) const {
    __trap();
    return true;
  }
#endif

  // Device scope, relaxed; the result is the value before.
  template <class T>
  LNRNN_DEVICE T atomic_add(T* address, T value) const {
    return atomicAdd(address, value);
  }
  // A flag and the data before it: released by one thread, acquired by another, of any block.
  LNRNN_DEVICE void store_release(uint32_t* flag, uint32_t value) const {
    asm volatile("st.release.gpu.global.u32 [%0], %1;" ::"l"(flag), "r"(value) : "memory");
  }
  LNRNN_DEVICE uint32_t load_acquire(const uint32_t* flag) const {
    uint32_t value;
    asm volatile("ld.acquire.gpu.global.u32 %0, [%1];" : "=r"(value) : "l"(flag) : "memory");
    return value;
  }

  // d (16,8) += a (16,16) b (16,8), spread over the warp as PTX's mma.m16n8k16 has it. GPUs from
  // compute capability kLeastForMma on have it.
  template <MmaType kType>
  LNRNN_DEVICE void mma(float (&d)[4], const uint32_t (&a)[4], const uint32_t (&b)[2]) const {
#if __CUDA_ARCH__ < 800
    __trap();
#else
    if constexpr (kType == MmaType::kF16) {
      asm volatile(
          "mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 "
          "{%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};"
          : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
          : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
    } else {
      asm volatile(
          "mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 "
          "{%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};"
          : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
          : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
    }
#endif
  }

 private:
#if __CUDA_ARCH__ >= 900
  // Addresses of shared memory: the block's own, and where another of the cluster has the same.
  LNRNN_DEVICE static uint32_t shared_of(const void* mine) {
    return static_cast<uint32_t>(__cvta_generic_to_shared(mine));
  }
  LNRNN_DEVICE static uint32_t shared_of(const void* mine, int rank) {
    uint32_t theirs;
    asm("mapa.shared::cluster.u32 %0, %1, %2;" : "=r"(theirs) : "r"(shared_of(mine)), "r"(rank));
    return theirs;
  }
#endif
};

// For how many blocks of a multiprocessor there have to be registers: Kernel::kResidentBlocks, else one.
template <class Kernel, class = void>
constexpr int kResidentBlocks = 1;
template <class Kernel>
constexpr int kResidentBlocks<Kernel, std::void_t<decltype(Kernel::kResidentBlocks)>> =
    Kernel::kResidentBlocks;

template <class Kernel>
__global__ void __launch_bounds__(Kernel::kMaxThreads, kResidentBlocks<Kernel>)
    run_kernel(const __grid_constant__ Kernel kernel) {
#if __CUDA_ARCH__ >= 900
  // Here ends what overlaps with the kernel before: it is done, and its stores are seen. Then the next
  // may come. Both are nothing where a launch does not overlap.
  asm volatile("griddepcontrol.wait;" ::: "memory");
  asm volatile("griddepcontrol.launch_dependents;");
#endif
  Block block;
  kernel(block);
}

// A launch in CUDA's terms. Large shared memory and large clusters are asked for here.
template <class Kernel>
class Configuration {
 public:
  // Of a launch in clusters: also of a block each.
  cudaError_t set(cudaStream_t stream, const LaunchShape& shape, bool in_clusters) {
    constexpr size_t kWithoutAsking = 48 * 1024;
    constexpr int kPortableCluster = 8;
    if (shape.shared_bytes > kWithoutAsking) {
      const cudaError_t error =
          cudaFuncSetAttribute(entry(), cudaFuncAttributeMaxDynamicSharedMemorySize,
                               static_cast<int>(shape.shared_bytes));
      if (error != cudaSuccess) return error;
    }
    if (shape.cluster > kPortableCluster) {
      const cudaError_t error =
          cudaFuncSetAttribute(entry(), cudaFuncAttributeNonPortableClusterSizeAllowed, 1);
      if (error != cudaSuccess) return error;
    }
    unsigned count = 0;
    if (in_clusters) {
      attributes_[count].id = cudaLaunchAttributeClusterDimension;
      attributes_[count].val.clusterDim.x = static_cast<unsigned>(shape.cluster);
      attributes_[count].val.clusterDim.y = 1;
      attributes_[count].val.clusterDim.z = 1;
      ++count;
    }
    if (shape.cooperative) {
      attributes_[count].id = cudaLaunchAttributeCooperative;
      attributes_[count].val.cooperative = 1;
      ++count;
    }
    if (shape.overlapping) {
      attributes_[count].id = cudaLaunchAttributeProgrammaticStreamSerialization;
      attributes_[count].val.programmaticStreamSerializationAllowed = 1;
      ++count;
    }
    config_.gridDim = dim3(static_cast<unsigned>(shape.blocks));
    config_.blockDim = dim3(static_cast<unsigned>(shape.threads));
    config_.dynamicSmemBytes = shape.shared_bytes;
    config_.stream = stream;
    config_.attrs = attributes_;
    config_.numAttrs = count;
    return cudaSuccess;
  }
  static auto entry() { return run_kernel<Kernel>; }
  const cudaLaunchConfig_t& config() const { return config_; }

 private:
  cudaLaunchConfig_t config_{};
  cudaLaunchAttribute attributes_[3];
};

// Queues one execution of the kernel on the stream.
template <class Kernel>
cudaError_t enqueue(cudaStream_t stream, const LaunchShape& shape, const Kernel& kernel) {
  Configuration<Kernel> configuration;
  const cudaError_t error = configuration.set(stream, shape, shape.cluster > 1);
  if (error != cudaSuccess) return error;
  return cudaLaunchKernelEx(&configuration.config(), Configuration<Kernel>::entry(), kernel);
}

// The architecture, as 90, that the kernel was compiled for which the thread's device runs: of lesser ones
// the kernel lacks what Block offers from kLeastForOverlap on.
template <class Kernel>
cudaError_t find_architecture(int* architecture) {
  cudaFuncAttributes attributes{};
  const cudaError_t error = cudaFuncGetAttributes(&attributes, Configuration<Kernel>::entry());
  *architecture = attributes.ptxVersion;
  return error;
}

// What kernels are compiled for, as nvcc names it, separated by spaces.
inline const char* targets() { return LNRNN_CUDA_TARGETS; }

// How many such clusters run at once on the thread's device.
template <class Kernel>
cudaError_t count_clusters(const LaunchShape& shape, int* count) {
  Configuration<Kernel> configuration;
  const cudaError_t error = configuration.set(nullptr, shape, true);
  if (error != cudaSuccess) return error;
  return cudaOccupancyMaxActiveClusters(count, Configuration<Kernel>::entry(),
                                        &configuration.config());
}

}  // namespace lnrnn::cuda

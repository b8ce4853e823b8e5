// What lanes ask for: barriers, collectives of a warp, flags, the memory of other blocks.
#include <climits>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "device.h"
#include "machine.h"
#include "sanitizers.h"

namespace lnrnn::emulator {

Barrier& Machine::barrier(RunningLane& lane, Scope scope) {
  switch (scope) {
    case Scope::kWarp: return lane.warp->barrier;
    case Scope::kBlock: return lane.warp->block->barrier;
    case Scope::kCluster: return lane.warp->block->cluster->barrier;
    case Scope::kGrid: break;
  }
  return grid_barrier_;
}

void Machine::meet(RunningLane& lane, Scope scope, const char* operation, Site site,
                   bool synchronizes, Completion complete) {
  Barrier& barrier = this->barrier(lane, scope);
  const unsigned parity = barrier.generation & 1;
  if (barrier.arrived == 0) {
    barrier.operation = operation;
    barrier.site = site;
  } else if (barrier.operation != operation || barrier.site.line != site.line ||
             (barrier.site.file != site.file && std::strcmp(barrier.site.file, site.file) != 0)) {
    fail(lane, cudaErrorLaunchTimeout,
         "is at %s %s:%d while others wait at %s %s:%d: divergent barrier", operation,
         base_name(site.file), site.line, barrier.operation, base_name(barrier.site.file),
         barrier.site.line);
  }
  if (synchronizes) LNRNN_TSAN(__tsan_release(&barrier.tags[parity]));
  if (++barrier.arrived == barrier.expected) {
    barrier.arrived = 0;
    ++barrier.generation;
    if (scope != Scope::kWarp) progress();
    if (complete != nullptr) complete(*lane.warp, parity);
    release(lane, scope);
  } else {
    lane.warp->waiting[static_cast<int>(scope)] |= lane.bit;
    clear_ready(*lane.warp, lane.bit);
  }
  suspend(lane);
  if (synchronizes) LNRNN_TSAN(__tsan_acquire(&barrier.tags[parity]));
}

void Machine::release(RunningLane& lane, Scope scope) {
  const auto release_warp = [&](Warp& warp) {
    set_ready(warp, std::exchange(warp.waiting[static_cast<int>(scope)], 0));
  };
  const auto release_block = [&](ResidentBlock& block) {
    for (Warp& warp : block.warps) release_warp(warp);
  };
  switch (scope) {
    case Scope::kWarp: release_warp(*lane.warp); break;
    case Scope::kBlock: release_block(*lane.warp->block); break;
    case Scope::kCluster:
      for (ResidentBlock* block : lane.warp->block->cluster->blocks) release_block(*block);
      break;
    case Scope::kGrid:
      for (const auto& block : blocks_)
        if (block->live_lanes > 0) release_block(*block);
      break;
  }
}

void Machine::interleave(RunningLane& lane) { suspend(lane); }

void Machine::maybe_interleave(RunningLane& lane) {
  if ((random_.next() & 1) != 0) suspend(lane);
}

// A grid in which lanes only look at flags, long after the last of them changed, is stuck. So is
// one that never ends: the second limit is for those that meet at barriers between two looks.
void Machine::poll(RunningLane& lane) {
  using std::chrono::steady_clock;
  constexpr auto kIdle = std::chrono::milliseconds(500);
  constexpr auto kLife = std::chrono::minutes(5);
  if (idle_polls_ == 0) idle_since_ = steady_clock::now();
  if (++idle_polls_ % 4096 == 0) {
    const auto now = steady_clock::now();
    if ((idle_polls_ > idle_limit_ && now - idle_since_ > kIdle) || now - started_ > kLife)
      fail(lane, cudaErrorLaunchTimeout, "waits for a flag that no one sets: deadlock");
  }
  polled_ = true;
  suspend(lane);
}

namespace {

RunningLane& running(Lane& lane) { return static_cast<RunningLane&>(lane); }

int number_in_warp(const RunningLane& lane) { return lane.thread % kWarpLanes; }

float from_bf16(uint32_t bits) {
  const uint32_t wide = bits << 16;
  float value;
  std::memcpy(&value, &wide, sizeof value);
  return value;
}

float from_f16(uint32_t bits) {
  const uint32_t sign = (bits & 0x8000u) << 16, exponent = bits >> 10 & 31,
                 fraction = bits & 0x3ffu;
  uint32_t wide;
  float value;
  if (exponent == 0) {  // zero or subnormal: fraction 2^-24
    value = static_cast<float>(fraction) * 0x1p-24f;
    std::memcpy(&wide, &value, sizeof wide);
    wide |= sign;
  } else if (exponent == 31) {
    wide = sign | 0x7f800000u | fraction << 13;
  } else {
    wide = sign | (exponent + 112) << 23 | fraction << 13;
  }
  std::memcpy(&value, &wide, sizeof value);
  return value;
}

// The whole product, once all lanes have given their parts. Lane 4g + t holds, of a, rows g and
// g + 8 and columns 2t, 2t + 1, 2t + 8, 2t + 9; of b the same rows in column g; of d columns 2t,
// 2t + 1.
template <bool kBf16>
void multiply_fragments(Warp& warp, unsigned parity) {
  float a[16][16], b[16][8];
  Slot* slots = warp.slots[parity];
  const auto value = [](uint32_t pair, int half) {
    const uint32_t bits = half == 0 ? pair & 0xffffu : pair >> 16;
    return kBf16 ? from_bf16(bits) : from_f16(bits);
  };
  for (int lane = 0; lane < kWarpLanes; ++lane) {
    const int g = lane / 4, t = lane % 4;
    for (int half = 0; half < 2; ++half) {
      for (int r = 0; r < 4; ++r)
        a[g + r % 2 * 8][2 * t + half + r / 2 * 8] = value(slots[lane].a[r], half);
      for (int r = 0; r < 2; ++r) b[2 * t + half + r * 8][g] = value(slots[lane].b[r], half);
    }
  }
  for (int lane = 0; lane < kWarpLanes; ++lane) {
    const int g = lane / 4, t = lane % 4;
    for (int r = 0; r < 4; ++r)
      for (int k = 0; k < 16; ++k) slots[lane].d[r] += a[g + r / 2 * 8][k] * b[k][2 * t + r % 2];
  }
}

void gather_votes(Warp& warp, unsigned parity) {
  unsigned votes = 0;
  for (int lane = 0; lane < kWarpLanes; ++lane)
    votes |= (warp.slots[parity][lane].value != 0 ? 1u : 0u) << lane;
  warp.votes[parity] = votes;
}

}  // namespace

}  // namespace lnrnn::emulator

namespace lnrnn::cuda::emulated {

using namespace lnrnn::emulator;

void synchronize(Lane& lane, Scope scope, Site site) {
  static constexpr const char* kNames[] = {"sync_warp", "sync", "sync_cluster", "sync_grid"};
  RunningLane& self = running(lane);
  Machine& machine = *self.machine;
  const char* name = kNames[static_cast<int>(scope)];
  if (scope == Scope::kGrid && !machine.cooperative())
    machine.fail(self, cudaErrorLaunchFailure, "sync_grid in a launch that is not cooperative");
  if (machine.skips(site)) {
    machine.maybe_interleave(self);
  } else {
    machine.meet(self, scope, name, site, true);
  }
}

uint64_t exchange(Lane& lane, uint64_t mine, int source, Site site) {
  RunningLane& self = running(lane);
  Warp& warp = *self.warp;
  const unsigned parity = warp.barrier.generation & 1;
  warp.slots[parity][number_in_warp(self)].value = mine;
  self.machine->meet(self, Scope::kWarp, "shuffle", site, false);
  return warp.slots[parity][source].value;
}

unsigned vote(Lane& lane, bool vote, Site site) {
  RunningLane& self = running(lane);
  Warp& warp = *self.warp;
  const unsigned parity = warp.barrier.generation & 1;
  warp.slots[parity][number_in_warp(self)].value = vote;
  self.machine->meet(self, Scope::kWarp, "ballot", site, false, gather_votes);
  return warp.votes[parity];
}

void multiply(Lane& lane, bool bf16, float (&d)[4], const uint32_t (&a)[4], const uint32_t (&b)[2],
              Site site) {
  RunningLane& self = running(lane);
  Warp& warp = *self.warp;
  const unsigned parity = warp.barrier.generation & 1;
  Slot& slot = warp.slots[parity][number_in_warp(self)];
  std::memcpy(slot.a, a, sizeof slot.a);
  std::memcpy(slot.b, b, sizeof slot.b);
  std::memcpy(slot.d, d, sizeof slot.d);
  if (self.machine->architecture() < kLeastForMma)
    self.machine->fail(self, cudaErrorIllegalInstruction,
                       "mma %s:%d in a kernel compiled for %d.%d", base_name(site.file), site.line,
                       self.machine->architecture() / 10, self.machine->architecture() % 10);
  self.machine->meet(self, Scope::kWarp, bf16 ? "mma (bf16)" : "mma (f16)", site, false,
                     bf16 ? multiply_fragments<true> : multiply_fragments<false>);
  std::memcpy(d, slot.d, sizeof slot.d);
}

void* map_to_rank(Lane& lane, void* address, size_t size, int rank) {
  RunningLane& self = running(lane);
  unsigned char* at = static_cast<unsigned char*>(address);
  if (at < self.shared || at + size > self.shared + self.shared_bytes)
    self.machine->fail(self, cudaErrorIllegalAddress, "remote() of what is not in shared memory");
  const auto& blocks = self.warp->block->cluster->blocks;
  if (rank < 0 || static_cast<size_t>(rank) >= blocks.size())
    self.machine->fail(self, cudaErrorIllegalAddress,
                       "remote() of rank %d in a cluster of %zu blocks", rank, blocks.size());
  return blocks[static_cast<size_t>(rank)]->shared.begin() + (at - self.shared);
}

void progress(Lane& lane) {
  RunningLane& self = running(lane);
  self.machine->progress();
  self.machine->maybe_interleave(self);
}

void poll(Lane& lane) { running(lane).machine->poll(running(lane)); }

void interleave() {
  RunningLane* lane = Machine::running();
  if (lane != nullptr) lane->machine->interleave(*lane);
  else accesses_until_interleaving = INT_MAX;
}

void refuse_address(const void* address, size_t alignment) {
  RunningLane* lane = Machine::running();
  if (lane != nullptr)
    lane->machine->fail(*lane, cudaErrorMisalignedAddress, "access to %p, no multiple of %zu",
                        address, alignment);
  std::fprintf(stderr, "lnrnn emulator: outside of a kernel: %p is no multiple of %zu\n", address,
               alignment);
  std::abort();
}

void refuse_index(int64_t index, int64_t count) {
  const auto i = static_cast<long long>(index), n = static_cast<long long>(count);
  RunningLane* lane = Machine::running();
  if (lane != nullptr)
    lane->machine->fail(*lane, cudaErrorIllegalAddress, "index %lld of an array of %lld", i, n);
  std::fprintf(stderr, "lnrnn emulator: outside of a kernel: index %lld of an array of %lld\n", i,
               n);
  std::abort();
}

void refuse_shared(Lane& lane, size_t size) {
  running(lane).machine->fail(running(lane), cudaErrorIllegalAddress,
                              "shared() of %zu bytes, but the launch has %zu", size,
                              lane.shared_bytes);
}

}  // namespace lnrnn::cuda::emulated

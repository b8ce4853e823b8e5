// The scheduler: which lane runs, what is resident, how grids begin and end.
#include "machine.h"

#include <algorithm>
#include <climits>
#include <cstdarg>
#include <cstdio>
#include <utility>

#include "memory.h"
#include "sanitizers.h"

namespace lnrnn::cuda::emulated {
__thread int accesses_until_interleaving __attribute__((tls_model("initial-exec"))) = INT_MAX;
}

namespace lnrnn::emulator {

using cuda::emulated::accesses_until_interleaving;

namespace {

__thread RunningLane* running_lane __attribute__((tls_model("initial-exec"))) = nullptr;

constexpr int64_t kLanesTogether = 1024;  // of blocks that need not be resident together
constexpr size_t kFibersKept = 1024;

}  // namespace

Machine::Machine() { catch_signals(); }

Machine::~Machine() {
  for (Fiber* fiber : idle_fibers_) give_fiber(fiber);
}

RunningLane* Machine::running() { return running_lane; }

Fault Machine::run(const Launch& launch, uint64_t seed) {
  launch_ = &launch;
  random_ = Random(seed);
  fault_ = {};
  sites_.clear();
  blocks_per_group_ = static_cast<int>(launch.cooperative ? launch.blocks : launch.cluster);
  groups_ = launch.blocks / blocks_per_group_;
  next_group_ = 0;
  Order order(groups_, random_);
  group_order_ = &order;

  static constexpr uint32_t kStayChances[] = {0, 128, 224, 252};
  static constexpr uint32_t kAccesses[] = {INT_MAX, 1000, 100};
  stay_chance_ = kStayChances[random_.below(4)];
  accesses_per_turn_ = kAccesses[random_.below(3)];
  const int64_t lanes_of_group = static_cast<int64_t>(blocks_per_group_) * launch.threads;
  const int64_t most = std::max<int64_t>(1, std::min(groups_, kLanesTogether / lanes_of_group));
  make_resident(1 + static_cast<int>(random_.below(static_cast<uint32_t>(most))),
                blocks_per_group_);
  grid_barrier_.reset(static_cast<int>(launch.cooperative ? lanes_of_group : 0));

  live_lanes_ = 0;
  last_ = nullptr;
  idle_polls_ = 0;
  started_ = std::chrono::steady_clock::now();
  for (size_t group = 0; group < group_states_.size(); ++group)
    start_group(static_cast<int>(group));
  idle_limit_ = 10000 + 1000 * static_cast<uint64_t>(live_lanes_);

  while (live_lanes_ > 0 && fault_.error == cudaSuccess) {
    if (ready_.empty()) {
      report_deadlock();
    } else {
      run_warp(pick());
    }
  }
  accesses_until_interleaving = INT_MAX;
  drop_lanes();
  LNRNN_TSAN(__tsan_acquire(&end_tag_));
  while (idle_fibers_.size() > kFibersKept) {
    give_fiber(idle_fibers_.back());
    idle_fibers_.pop_back();
  }
  return std::exchange(fault_, {});
}

// ---- what is resident ------------------------------------------------------------------------------

void Machine::make_resident(int groups, int blocks_per_group) {
  const size_t blocks = static_cast<size_t>(groups) * static_cast<size_t>(blocks_per_group);
  const size_t cluster_size = static_cast<size_t>(launch_->cluster);
  while (blocks_.size() < blocks) blocks_.push_back(std::make_unique<ResidentBlock>());
  while (clusters_.size() < blocks / cluster_size) clusters_.push_back(std::make_unique<Cluster>());
  group_states_.assign(static_cast<size_t>(groups), {});
  ready_.clear();
  const size_t threads = static_cast<size_t>(launch_->threads);
  for (size_t b = 0; b < blocks; ++b) {
    ResidentBlock& block = *blocks_[b];
    block.live_lanes = 0;
    if (block.lanes.size() == threads) continue;
    block.lanes.assign(threads, {});
    block.warps = std::vector<Warp>(threads / kWarpLanes);
  }
}

void Machine::start_group(int group) {
  const int64_t first = (*group_order_)[next_group_++] * blocks_per_group_;
  group_states_[static_cast<size_t>(group)].live_blocks = blocks_per_group_;
  LNRNN_TSAN(__tsan_release(&start_tag_));
  const int clusters = blocks_per_group_ / launch_->cluster;
  for (int c = 0; c < clusters; ++c) {
    Cluster& cluster = *clusters_[static_cast<size_t>(group * clusters + c)];
    cluster.blocks.clear();
    cluster.barrier.reset(launch_->cluster * launch_->threads);
    for (int rank = 0; rank < launch_->cluster; ++rank) {
      const int k = c * launch_->cluster + rank;
      ResidentBlock& block = *blocks_[static_cast<size_t>(group * blocks_per_group_ + k)];
      block.group = group;
      start_block(block, first + k, cluster, rank);
    }
  }
}

void Machine::start_block(ResidentBlock& block, int64_t index, Cluster& cluster, int rank) {
  if (!block.shared.open(launch_->shared_bytes)) {
    fault_ = {cudaErrorLaunchOutOfResources, "no host memory for shared memory"};
    return;
  }
  block.index = index;
  block.cluster = &cluster;
  cluster.blocks.push_back(&block);
  block.barrier.reset(launch_->threads);
  block.live_lanes = launch_->threads;
  live_lanes_ += launch_->threads;
  for (size_t w = 0; w < block.warps.size(); ++w) {
    Warp& warp = block.warps[w];
    warp.block = &block;
    warp.lanes = &block.lanes[w * kWarpLanes];
    warp.ready = warp.ended = 0;
    for (uint32_t& waiting : warp.waiting) waiting = 0;
    warp.place = -1;
    warp.barrier.reset(kWarpLanes);
    for (int l = 0; l < kWarpLanes; ++l) {
      RunningLane& lane = warp.lanes[l];
      lane.thread = static_cast<int>(w) * kWarpLanes + l;
      lane.threads = launch_->threads;
      lane.block = index;
      lane.blocks = launch_->blocks;
      lane.cluster_rank = rank;
      lane.cluster_blocks = launch_->cluster;
      lane.shared = block.shared.begin();
      lane.shared_bytes = launch_->shared_bytes;
      lane.machine = this;
      lane.warp = &warp;
      lane.fiber = nullptr;
      lane.bit = 1u << l;
    }
    set_ready(warp, 0xffffffffu);
  }
}

// ---- whose turn it is ------------------------------------------------------------------------------

void Machine::set_ready(Warp& warp, uint32_t lanes) {
  if (lanes == 0) return;
  if (warp.ready == 0) {
    warp.place = static_cast<int>(ready_.size());
    ready_.push_back(&warp);
  }
  warp.ready |= lanes;
}

void Machine::clear_ready(Warp& warp, uint32_t lanes) {
  warp.ready &= ~lanes;
  if (warp.ready != 0) return;
  Warp* moved = ready_.back();
  ready_[static_cast<size_t>(warp.place)] = moved;
  moved->place = warp.place;
  ready_.pop_back();
  warp.place = -1;
}

Warp& Machine::pick() {
  const uint64_t random = random_.next();
  const bool stay =
      last_ != nullptr && last_->ready != 0 && !polled_ && (random & 255) < stay_chance_;
  if (!stay)
    last_ =
        ready_[static_cast<size_t>((random >> 32) * static_cast<uint64_t>(ready_.size()) >> 32)];
  polled_ = false;
  return *last_;
}

// Gives each lane that is ready one turn, or to some of them.
void Machine::run_warp(Warp& warp) {
  const uint64_t random = random_.next();
  turn_ = {&warp, warp.ready, static_cast<uint32_t>(random) % kWarpLanes,
           static_cast<uint32_t>(random >> 8) % kWarpLanes | 1u, 0};
  const uint32_t some = static_cast<uint32_t>(random >> 32);
  if ((random >> 16 & 7) == 0 && (turn_.lanes & some) != 0) turn_.lanes &= some;
  while (RunningLane* lane = next_of_turn()) {
    running_lane = lane;
    host_.switch_to(*lane->fiber);
    RunningLane& back = *std::exchange(running_lane, nullptr);
    if (back.warp->ended & back.bit) end_lane(back);
  }
}

// Null once all that have a turn had it.
RunningLane* Machine::next_of_turn() {
  while (turn_.tried < kWarpLanes && fault_.error == cudaSuccess) {
    RunningLane& lane = turn_.warp->lanes[(turn_.first + turn_.tried++ * turn_.step) % kWarpLanes];
    if ((turn_.lanes & turn_.warp->ready & lane.bit) == 0) continue;
    if (lane.fiber == nullptr) {
      lane.fiber = take();
      if (lane.fiber == nullptr) {
        fault_ = {cudaErrorLaunchOutOfResources, "no host memory for another lane's stack"};
        return nullptr;
      }
      lane.fiber->start(lane_body, &lane);
    }
    accesses_until_interleaving = accesses_per_turn_ == INT_MAX
                                      ? INT_MAX
                                      : 1 + static_cast<int>(random_.below(2 * accesses_per_turn_));
    return &lane;
  }
  return nullptr;
}

// Straight to the next lane, where there is one: half the switches of going by the scheduler. A lane that
// has ended leaves its fiber to the scheduler; and what the scheduler does is to ThreadSanitizer the work of
// one thread.
void Machine::suspend(RunningLane& lane) {
  RunningLane* next = nullptr;
#if !defined(LNRNN_EMULATOR_TSAN)
  if ((lane.warp->ended & lane.bit) == 0) next = next_of_turn();
#endif
  if (next == nullptr) {
    lane.fiber->switch_to(host_);
  } else {
    running_lane = next;
    lane.fiber->switch_to(*next->fiber);
  }
}

void Machine::lane_body(void* argument) {
  RunningLane& lane = *static_cast<RunningLane*>(argument);
  Machine& machine = *lane.machine;
  LNRNN_TSAN(__tsan_acquire(&machine.start_tag_));
  LNRNN_TSAN(__tsan_acquire(&lane.warp->block->lifetime_tag));
  machine.launch_->run(machine.launch_->kernel.get(), lane);
  LNRNN_TSAN(__tsan_release(&lane.warp->block->lifetime_tag));
  LNRNN_TSAN(__tsan_release(&machine.end_tag_));
  lane.warp->ended |= lane.bit;
  machine.suspend(lane);
}

void Machine::end_lane(RunningLane& lane) {
  progress();
  idle_fibers_.push_back(std::exchange(lane.fiber, nullptr));
  clear_ready(*lane.warp, lane.bit);
  --live_lanes_;
  ResidentBlock& block = *lane.warp->block;
  if (--block.live_lanes > 0) return;
  Group& group = group_states_[static_cast<size_t>(block.group)];
  if (--group.live_blocks > 0) {
    if (launch_->cluster > 1) block.shared.close();
  } else if (next_group_ < groups_) {
    start_group(block.group);
  }
}

Fiber* Machine::take() {
  if (idle_fibers_.empty()) return take_fiber();
#if defined(LNRNN_EMULATOR_TSAN)
  // The one that has been idle for longest: what runs on one fiber is never seen to race.
  Fiber* fiber = idle_fibers_.front();
  idle_fibers_.erase(idle_fibers_.begin());
  return fiber;
#else
  Fiber* fiber = idle_fibers_.back();
  idle_fibers_.pop_back();
  return fiber;
#endif
}

// ---- errors ----------------------------------------------------------------------------------------

// After an error, lanes stop wherever they are.
void Machine::drop_lanes() {
  if (live_lanes_ == 0) return;
  for (const auto& block : blocks_) {
    if (block->live_lanes == 0) continue;
    for (RunningLane& lane : block->lanes) {
      if (lane.fiber == nullptr) continue;
      lane.fiber->abandon();
      idle_fibers_.push_back(std::exchange(lane.fiber, nullptr));
    }
    block->live_lanes = 0;
  }
}

void Machine::fail(RunningLane& lane, cudaError_t error, const char* format, ...) {
  char text[512];
  const int begin =
      std::snprintf(text, sizeof text, "kernel %s: block %lld, thread %d: ", launch_->name,
                    static_cast<long long>(lane.block), lane.thread);
  va_list arguments;
  va_start(arguments, format);
  std::vsnprintf(text + begin, sizeof text - static_cast<size_t>(begin), format, arguments);
  va_end(arguments);
  fault_.error = error;
  fault_.text = text;
  LNRNN_TSAN(__tsan_release(&end_tag_));
  for (;;) suspend(lane);
}

const char* Machine::describe(RunningLane& lane, const void* address) const {
  if (lane.fiber->overflowed_at(address)) return "stack overflow at %p";
  for (const auto& block : blocks_)
    if (block->live_lanes > 0 && block->shared.contains(address))
      return block->index == lane.block ? "access to %p, outside of its block's shared memory"
                                        : "access to %p, outside of another block's shared memory";
  for (ResidentBlock* block : lane.warp->block->cluster->blocks)
    if (block->shared.contains(address))
      return "access to %p, in the shared memory of a block that has ended";
  const Range range = find_range(address, 1);
  return range.kind == MemoryKind::kPageable ? "access to %p, which is not allocated"
         : range.valid                       ? "access to %p, which is not allocated yet"
                                             : "access to %p, which was freed";
}

// Names the first barriers that lanes wait at, each with how many are there.
void Machine::report_deadlock() {
  static constexpr const char* kScopeNames[] = {"warp", "block", "cluster", "grid"};
  constexpr size_t kEnough = 400;
  std::string text = "kernel " + std::string(launch_->name) + ":";
  int64_t ended = 0;
  for (const auto& block : blocks_) {
    if (block->live_lanes == 0) continue;
    Site last{nullptr, 0};
    for (Warp& warp : block->warps) {
      ended += __builtin_popcount(warp.ended);
      for (int scope = 0; scope < kScopes; ++scope) {
        if (warp.waiting[scope] == 0 || text.size() > kEnough) continue;
        RunningLane& lane = warp.lanes[__builtin_ctz(warp.waiting[scope])];
        const Barrier& barrier = this->barrier(lane, static_cast<Scope>(scope));
        if (barrier.site.file == last.file && barrier.site.line == last.line) continue;
        last = barrier.site;
        text += " block " + std::to_string(lane.block) + ", thread " + std::to_string(lane.thread) +
                " waits at " + barrier.operation + " " + base_name(last.file) + ":" +
                std::to_string(last.line) + ", where " + std::to_string(barrier.arrived) +
                " of the " + kScopeNames[scope] + "'s " + std::to_string(barrier.expected) +
                " threads are;";
      }
    }
  }
  fault_ = {cudaErrorLaunchTimeout,
            text + " " + std::to_string(ended) + " threads of these blocks have ended: deadlock"};
}

}  // namespace lnrnn::emulator

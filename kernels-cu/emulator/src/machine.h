// Runs grids: one launch at a time, every lane a fiber on the calling thread, in an order that
// follows from a seed. Each stream has a machine of its own.
//
// What makes a missing barrier show: a lane runs on until it must wait, in random order among its
// warp; warps are picked at random, and the one that ran last is preferred by an amount drawn per
// launch, so that in some launches all advance together and in others one runs far ahead.
#pragma once

#include <array>
#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "emulated_lane.h"
#include "fiber.h"
#include "random.h"
#include "shared_memory.h"
#include "sites.h"

namespace lnrnn::emulator {

using cuda::emulated::Lane;
using cuda::emulated::Launch;
using cuda::emulated::Scope;

constexpr int kWarpLanes = 32;
constexpr int kScopes = 4;

// Where the lanes of a warp, block, cluster or grid meet.
struct Barrier {
  int expected = 0;
  int arrived = 0;
  unsigned generation = 0;
  const char* operation = "";  // of those that have arrived
  Site site{nullptr, 0};
  char tags[2] = {};  // what ThreadSanitizer sees synchronise: one for even, one for odd meetings
  void reset(int lanes) {
    expected = lanes;
    arrived = 0;
  }
};

// What a lane gives to a collective of its warp.
struct Slot {
  uint64_t value;
  uint32_t a[4], b[2];
  float d[4];
};

struct Warp;
struct ResidentBlock;
class Machine;

struct RunningLane : Lane {
  Machine* machine;
  Warp* warp;
  Fiber* fiber;  // from its first to its last instruction
  uint32_t bit;  // in the masks of its warp
};

struct Warp {
  ResidentBlock* block = nullptr;
  RunningLane* lanes = nullptr;
  uint32_t ready = 0, ended = 0;
  uint32_t waiting[kScopes] = {};
  int place = -1;  // among the machine's ready warps
  Barrier barrier;
  // Two of each: a lane may give to the next collective before another has taken from this one.
  Slot slots[2][kWarpLanes];
  unsigned votes[2] = {};
};

struct Cluster {
  std::vector<ResidentBlock*> blocks;
  Barrier barrier;
};

struct ResidentBlock {
  int64_t index = 0;
  int group = 0;
  int live_lanes = 0;
  Cluster* cluster = nullptr;
  SharedMemory shared;
  Barrier barrier;
  std::vector<Warp> warps;
  std::vector<RunningLane> lanes;
  char lifetime_tag = 0;  // orders the blocks that follow each other here, for ThreadSanitizer
};

struct Fault {
  cudaError_t error = cudaSuccess;
  std::string text;
};

class Machine {
 public:
  Machine();
  ~Machine();
  Machine(const Machine&) = delete;
  Machine& operator=(const Machine&) = delete;

  Fault run(const Launch& launch, uint64_t seed);

  // ---- for lanes ---------------------------------------------------------------------------------
  bool skips(Site site) { return sites_.skipped(site); }
  Barrier& barrier(RunningLane& lane, Scope scope);
  // Arrives, waits for the others. complete, if any, is run by the last to arrive.
  using Completion = void (*)(Warp& warp, unsigned parity);
  void meet(RunningLane& lane, Scope scope, const char* operation, Site site, bool synchronizes,
            Completion complete = nullptr);
  void progress() { idle_polls_ = 0; }
  void poll(RunningLane& lane);
  void interleave(RunningLane& lane);
  // With the chance of one in two.
  void maybe_interleave(RunningLane& lane);
  // Ends the grid. The lane never goes on, so nothing on its stack may own memory.
  [[noreturn]] void fail(RunningLane& lane, cudaError_t error, const char* format, ...)
      __attribute__((format(printf, 4, 5)));
  bool cooperative() const { return launch_->cooperative; }
  int architecture() const { return launch_->architecture; }

  // The lane that this thread is running, nullptr if none.
  static RunningLane* running();
  // What an access to an address that is none means, for the report: a format for the address, of
  // static storage.
  const char* describe(RunningLane& lane, const void* address) const;

 private:
  struct Group {
    int live_blocks = 0;
  };
  // Of a warp: which of its lanes have one, and in what order.
  struct Turn {
    Warp* warp = nullptr;
    uint32_t lanes = 0, first = 0, step = 0, tried = 0;
  };

  void make_resident(int groups, int blocks_per_group);
  void start_group(int group);
  void start_block(ResidentBlock& block, int64_t index, Cluster& cluster, int rank);
  void run_warp(Warp& warp);
  RunningLane* next_of_turn();
  void end_lane(RunningLane& lane);
  Warp& pick();
  void set_ready(Warp& warp, uint32_t lanes);
  void clear_ready(Warp& warp, uint32_t lanes);
  void release(RunningLane& lane, Scope scope);
  void suspend(RunningLane& lane);
  void report_deadlock();
  void drop_lanes();
  Fiber* take();
  static void lane_body(void* lane);

  // The launch.
  const Launch* launch_ = nullptr;
  Random random_;
  Order* group_order_ = nullptr;
  int64_t groups_ = 0, next_group_ = 0;
  int blocks_per_group_ = 0;
  int64_t live_lanes_ = 0;
  uint32_t stay_chance_ = 0;        // of 256: that the warp that ran last runs again
  uint32_t accesses_per_turn_ = 0;  // mean between two interleavings at array accesses
  Turn turn_;
  Warp* last_ = nullptr;
  bool polled_ = false;
  uint64_t idle_polls_ = 0, idle_limit_ = 0;
  std::chrono::steady_clock::time_point idle_since_, started_;
  Fault fault_;
  SiteCache sites_;

  // What stays from launch to launch.
  Fiber host_;
  std::vector<std::unique_ptr<ResidentBlock>> blocks_;
  std::vector<std::unique_ptr<Cluster>> clusters_;
  std::vector<Group> group_states_;
  std::vector<Warp*> ready_;
  std::vector<Fiber*> idle_fibers_;
  Barrier grid_barrier_;
  char start_tag_ = 0, end_tag_ = 0;
};

// Makes a SIGSEGV in a lane an error of its grid. For the calling thread.
void catch_signals();
// Runs copy; false if it touched memory that cannot be accessed.
bool survives(void (*copy)(void* argument), void* argument);

}  // namespace lnrnn::emulator

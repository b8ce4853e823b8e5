// The memory that a handle gave out or pinned, and who still needs it.
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <vector>

#include "core/device.h"

namespace lnrnn {

// How much there is of one kind of memory, in the whole process.
struct Tally {
  std::atomic<int64_t> bytes{0}, count{0};
};

enum class MemoryKind { kDevice, kHost, kRegistered };

// Memory of the device's, released when nobody holds it any more: the ledger, until the caller
// frees it, and every graph that uses it.
class Allocation {
 public:
  Allocation(Device& device, MemoryKind kind, size_t bytes)
      : device_(device), kind_(kind), bytes_(bytes) {}
  ~Allocation();
  Allocation(const Allocation&) = delete;
  Allocation& operator=(const Allocation&) = delete;

  // Owns, from here on, what the device gave or pinned.
  void own(void* start);
  // In the stream's order. The destructor does it where it has not been done. Only a registration's can
  // fail, and is then as it was.
  lnrnnStatus_t release(Stream& stream);

  MemoryKind kind() const { return kind_; }
  void* start() const { return start_; }
  size_t bytes() const { return bytes_; }

 private:
  Tally& tally() const;

  Device& device_;
  const MemoryKind kind_;
  const size_t bytes_;
  void* start_ = nullptr;
  std::atomic<bool> owned_{false};
};

using Hold = std::shared_ptr<Allocation>;
using Holdings = std::set<Hold>;

// By address. Regions of different kinds do not overlap either.
class Ledger {
 public:
  size_t size() const { return entries_.size(); }
  void enter(Hold allocation) { entries_[address(allocation->start())] = std::move(allocation); }
  // Takes out what starts at the pointer; empty where nothing of this kind does. Can be put back, which
  // takes no memory.
  using Entry = std::map<uintptr_t, Hold>::node_type;
  Entry strike(MemoryKind kind, const void* pointer);
  void put_back(Entry entry) { entries_.insert(std::move(entry)); }
  // What the pointer points into; null where that is not ours.
  Hold find(const void* pointer) const;
  bool overlaps(const void* start, size_t bytes) const;

 private:
  static uintptr_t address(const void* pointer) { return reinterpret_cast<uintptr_t>(pointer); }

  std::map<uintptr_t, Hold> entries_;
};

}  // namespace lnrnn

// The memory of one call, and whether any of it is written that the call uses otherwise, too.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "lnrnn.h"

namespace lnrnn {

// Where the rows of a tensor lie, in bytes: row (t, n) is the `bytes` from start + t step + n row
// on. Memory without gaps is a single row.
struct Rows {
  int64_t start;
  int64_t bytes;
  int64_t steps;
  int64_t step;
  int64_t batch;
  int64_t row;
};

// Whether a byte is in rows of both. Costs next to nothing where the strides are the same, as those
// of columns of one matrix, else some nanoseconds for each row of a.
bool rows_meet(const Rows& a, const Rows& b);

// What a call reads, and after that what it writes.
class Regions {
 public:
  // More than any call has: as many as its struct could hold if there were nothing else in it. The
  // lengths, which are but a pointer in it, are among them in place of structSize and the counts.
  static constexpr size_t kMostArguments =
      std::max({sizeof(lnrnnForwardInferenceArguments_t), sizeof(lnrnnStepArguments_t),
                sizeof(lnrnnForwardTrainingArguments_t), sizeof(lnrnnBackwardArguments_t)});
  static constexpr int kMost = kMostArguments / sizeof(lnrnnBuffer_t);
  static constexpr int kMostStrided = kMostArguments / sizeof(lnrnnTensor_t);

  // Before all others: what is not needed any more when the call returns.
  void read_at_once(const char* name, const void* start, uint64_t bytes) {
    read(name, start, bytes);
    at_once_ = count_;
  }
  void read(const char* name, const void* start, uint64_t bytes) {
    add(name, start, bytes);
    reads_ = count_;
  }
  void written(const char* name, const void* start, uint64_t bytes) { add(name, start, bytes); }
  // The region that came last has gaps; `rows` need not say where it starts.
  void with_gaps(Rows rows);

  // Where the regions begin that are needed until the work is done: kMost of them at most.
  size_t held(const void** starts) const;

  // INVALID_ARGUMENT where what is written is anything else, too, but a state in place.
  lnrnnStatus_t check_apart(const char* function) const {
    // Every call comes by here: one branch for all pairs of a call.
    bool met = false;
    for (int i = reads_; i < count_; ++i) {
      for (int j = 0; j < i; ++j) met |= (starts_[i] < ends_[j]) & (starts_[j] < ends_[i]);
    }
    return met ? refuse_overlap(function) : LNRNN_STATUS_SUCCESS;
  }

 private:
  void add(const char* name, const void* start, uint64_t bytes) {
    names_[count_] = name;
    starts_[count_] = reinterpret_cast<uintptr_t>(start);
    // Nothing overlaps memory of no bytes.
    ends_[count_] = bytes == 0 ? 0 : starts_[count_] + bytes;
    ++count_;
  }
  // Beyond it offsets might not fit, and no machine has so many bytes: they overlap everything.
  bool is_memory(int region) const { return ends_[region] <= uintptr_t{1} << 61; }
  Rows rows(int region) const;
  lnrnnStatus_t refuse_overlap(const char* function) const;

  int count_ = 0;
  int reads_ = 0;
  int at_once_ = 0;
  int strided_count_ = 0;
  uintptr_t starts_[kMost];
  uintptr_t ends_[kMost];
  const char* names_[kMost];
  int strided_[kMostStrided];
  Rows gaps_[kMostStrided];
};

}  // namespace lnrnn

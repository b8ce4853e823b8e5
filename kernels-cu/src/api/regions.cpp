#include "regions.h"

#include <algorithm>
#include <cstring>
#include <iterator>

#include "core/status.h"

namespace lnrnn {

namespace {

// What may be updated in place: each element is read before it is written, by whom alone reads it.
constexpr struct {
  const char* written;
  const char* read;
} kInPlace[] = {{"hn", "h0"}, {"cn", "c0"}, {"dh0", "dhn"}, {"dc0", "dcn"}};

int64_t floor_divide(int64_t a, int64_t b) { return a / b - (a % b < 0); }

// The indices i of 0...count - 1 whose stretch of `length` bytes from i stride on meets those from
// `from` to `to`.
struct Indices {
  Indices(int64_t from, int64_t to, int64_t count, int64_t stride, int64_t length) {
    if (count == 1 || stride == 0) {
      end = from < length && to > 0;
      return;
    }
    begin = std::max<int64_t>(0, floor_divide(from - length, stride) + 1);
    end = std::min(count, floor_divide(to - 1, stride) + 1);
  }
  int64_t begin = 0;
  int64_t end;
};

// Whether rows lie in the bytes from `from` to `to`.
bool rows_in(const Rows& rows, int64_t from, int64_t to) {
  const bool steps_outside = rows.step >= rows.row;
  const int64_t outer_count = steps_outside ? rows.steps : rows.batch;
  const int64_t outer_stride = steps_outside ? rows.step : rows.row;
  const int64_t inner_count = steps_outside ? rows.batch : rows.steps;
  const int64_t inner_stride = steps_outside ? rows.row : rows.step;
  const int64_t extent = (inner_count - 1) * inner_stride + rows.bytes;
  from -= rows.start;
  to -= rows.start;
  const Indices outer(from, to, outer_count, outer_stride, extent);
  for (int64_t i = outer.begin; i < outer.end; ++i) {
    const int64_t shift = i * outer_stride;
    const Indices inner(from - shift, to - shift, inner_count, inner_stride, rows.bytes);
    if (inner.begin < inner.end) return true;
  }
  return false;
}

}  // namespace

bool rows_meet(const Rows& a, const Rows& b) {
  const bool same_strides = a.steps == b.steps && a.batch == b.batch &&
                            (a.steps == 1 || a.step == b.step) && (a.batch == 1 || a.row == b.row);
  if (same_strides) {
    // Only differences of indices count: one row of a against b as far as it reaches either way.
    const int64_t steps_before = (b.steps - 1) * b.step, rows_before = (b.batch - 1) * b.row;
    const Rows differences = {b.start - steps_before - rows_before,
                              b.bytes,
                              2 * b.steps - 1,
                              b.step,
                              2 * b.batch - 1,
                              b.row};
    return rows_in(differences, a.start, a.start + a.bytes);
  }
  for (int64_t t = 0; t < a.steps; ++t) {
    for (int64_t n = 0; n < a.batch; ++n) {
      const int64_t start = a.start + t * a.step + n * a.row;
      if (rows_in(b, start, start + a.bytes)) return true;
    }
  }
  return false;
}

void Regions::with_gaps(Rows rows) {
  const int region = count_ - 1;
  rows.start = static_cast<int64_t>(starts_[region]);
  strided_[strided_count_] = region;
  gaps_[strided_count_++] = rows;
}

size_t Regions::held(const void** starts) const {
  size_t count = 0;
  for (int i = at_once_; i < count_; ++i)
    starts[count++] = reinterpret_cast<const void*>(starts_[i]);
  return count;
}

Rows Regions::rows(int region) const {
  for (int i = 0; i < strided_count_; ++i) {
    if (strided_[i] == region) return gaps_[i];
  }
  return {static_cast<int64_t>(starts_[region]),
          static_cast<int64_t>(ends_[region] - starts_[region]),
          1,
          0,
          1,
          0};
}

lnrnnStatus_t Regions::refuse_overlap(const char* function) const {
  for (int i = reads_; i < count_; ++i) {
    for (int j = 0; j < i; ++j) {
      if (starts_[i] >= ends_[j] || starts_[j] >= ends_[i]) continue;
      const bool in_place =
          starts_[i] == starts_[j] && ends_[i] == ends_[j] &&
          std::any_of(std::begin(kInPlace), std::end(kInPlace), [&](const auto& pair) {
            return std::strcmp(names_[i], pair.written) == 0 &&
                   std::strcmp(names_[j], pair.read) == 0;
          });
      LNRNN_CHECK(in_place || (is_memory(i) && is_memory(j) && !rows_meet(rows(j), rows(i))),
                  LNRNN_STATUS_INVALID_ARGUMENT,
                  "%s: %s, at %p, and %s, at %p, overlap, but %s is written", function, names_[j],
                  reinterpret_cast<void*>(starts_[j]), names_[i],
                  reinterpret_cast<void*>(starts_[i]), names_[i]);
    }
  }
  return LNRNN_STATUS_SUCCESS;
}

}  // namespace lnrnn

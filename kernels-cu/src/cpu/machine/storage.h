// Rows of the data type S, and what they are computed with: F16 and BF16 are storage, their numbers
// become float where they are read and are rounded where they are written.
#pragma once

#include <algorithm>
#include <type_traits>

#include "cell/half.h"

namespace lnrnn::cpu {

template <class S>
constexpr bool kIsHalf = !std::is_same_v<S, accumulation_t<S>>;

template <class S>
void widen_row(const S* from, int64_t n, accumulation_t<S>* to) {
  for (int64_t j = 0; j < n; ++j) to[j] = widen(from[j]);
}
template <class S>
void narrow_row(const accumulation_t<S>* from, int64_t n, S* to) {
  for (int64_t j = 0; j < n; ++j) to[j] = narrow<S>(from[j]);
}
template <class S>
void narrow_row_onto(const accumulation_t<S>* from, int64_t n, S* to) {
  for (int64_t j = 0; j < n; ++j) to[j] = narrow<S>(widen(to[j]) + from[j]);
}

}  // namespace lnrnn::cpu

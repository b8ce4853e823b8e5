// A few cases out of very many: any two values of two choices that go together do so in one.
#pragma once

#include <algorithm>
#include <array>
#include <random>
#include <vector>

namespace covering {

// For each choice the index of the value taken.
template <size_t K>
using Case = std::array<int, K>;

// Which pairs of values are still to be seen.
template <size_t K>
class Pairs {
 public:
  explicit Pairs(const Case<K>& counts)
      : values_(static_cast<size_t>(*std::max_element(counts.begin(), counts.end()))),
        open_(K * K * values_ * values_) {}

  void open(const Case<K>& c) {
    each(c, [&](size_t pair) { set(pair, 1); });
  }
  void close(const Case<K>& c) {
    each(c, [&](size_t pair) { set(pair, 0); });
  }
  size_t missing_from(const Case<K>& c) const {
    size_t count = 0;
    each(c, [&](size_t pair) { count += open_[pair]; });
    return count;
  }
  bool empty() const { return left_ == 0; }

 private:
  template <class F>
  void each(const Case<K>& c, const F& visit) const {
    for (size_t i = 0; i < K; ++i) {
      for (size_t j = i + 1; j < K; ++j) {
        visit(((i * K + j) * values_ + static_cast<size_t>(c[i])) * values_ +
              static_cast<size_t>(c[j]));
      }
    }
  }
  void set(size_t pair, unsigned char value) {
    left_ = left_ + value - open_[pair];
    open_[pair] = value;
  }

  size_t values_, left_ = 0;
  std::vector<unsigned char> open_;
};

// Of choices with so many values each. `legal` takes from a drawn case what does not go with the
// rest of it. Takes, again and again, the case with the most pairs that none before it has.
template <size_t K, class Legal>
std::vector<Case<K>> cases(const Case<K>& counts, const Legal& legal) {
  constexpr int kPool = 1500;
  std::mt19937 random(1);
  std::vector<Case<K>> pool, chosen;
  Pairs<K> open(counts);
  for (int i = 0; i < kPool; ++i) {
    Case<K> c{};
    for (size_t k = 0; k < K; ++k) c[k] = static_cast<int>(random() % unsigned(counts[k]));
    pool.push_back(legal(c));
    open.open(pool.back());
  }
  while (!open.empty()) {
    const Case<K>* best = &pool[0];
    size_t most = 0;
    for (const Case<K>& c : pool) {
      const size_t count = open.missing_from(c);
      if (count > most) {
        most = count;
        best = &c;
      }
    }
    open.close(*best);
    chosen.push_back(*best);
  }
  return chosen;
}

}  // namespace covering

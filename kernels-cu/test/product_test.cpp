// Packed products of every instruction set against plain sums, at ragged sizes; and that their bits
// do not depend on how rows and panels are shared out.
#include "cpu/product/row_product.h"

#include <random>
#include <tuple>
#include <vector>

#include "check.h"

using lnrnn::Carver;
using namespace lnrnn::cpu;

namespace {

template <class T>
std::vector<T> random_values(size_t n, unsigned seed) {
  std::mt19937 generator(seed);
  std::uniform_real_distribution<double> uniform(-1, 1);
  std::vector<T> values(n);
  for (T& v : values) v = static_cast<T>(uniform(generator));
  return values;
}

template <class T>
struct Problem {
  int64_t rows, depth, columns;
  std::vector<T> left, right;  // (rows, depth), (depth, columns)

  Problem(int64_t r, int64_t k, int64_t c)
      : rows(r), depth(k), columns(c), left(random_values<T>(static_cast<size_t>(r * k), 1)),
        right(random_values<T>(static_cast<size_t>(k * c), 2)) {}

  std::vector<T> run(const Kernels<T>& kernels, const std::vector<Span>& panel_spans,
                     T start) const {
    Carver measure;
    PackedMatrix<T>::take(measure, kernels, depth, columns);
    RowGroup<T>::take(measure, kernels, depth);
    std::vector<char> memory(measure.bytes() + 64);
    Carver carver(memory.data());
    const auto matrix = PackedMatrix<T>::take(carver, kernels, depth, columns);
    T* const packed = RowGroup<T>::take(carver, kernels, depth);
    for (int64_t k = 0; k < depth; ++k) pack_row(kernels, right.data() + k * columns, k, matrix);

    std::vector<T> out(static_cast<size_t>(rows * columns), start);
    for (const Span span : panel_spans) {
      RowProduct<T> product(kernels, matrix, packed, span, start != 0);
      for (int64_t r = 0; r < rows; ++r)
        product.add(left.data() + r * depth, out.data() + r * columns);
      product.flush();
    }
    return out;
  }

  double worst(const std::vector<T>& out, T start) const {
    double worst = 0;
    for (int64_t r = 0; r < rows; ++r) {
      for (int64_t c = 0; c < columns; ++c) {
        double sum = start;
        for (int64_t k = 0; k < depth; ++k) {
          sum += double(left[size_t(r * depth + k)]) * double(right[size_t(k * columns + c)]);
        }
        worst = std::fmax(worst, std::fabs(sum - double(out[size_t(r * columns + c)])));
      }
    }
    return worst;
  }
};

template <class T>
void test_products(const Kernels<T>& kernels, double bound) {
  for (const int64_t rows : {1, 2, 3, 4, 5, 6, 7, 11, 12, 13, 25, 200}) {
    for (const int64_t columns : {1, 2, 3, 31, 33, 65, 129}) {
      for (const int64_t depth : {0, 1, 7, 64, 256, 259, 600}) {
        const Problem<T> problem(rows, depth, columns);
        const int64_t panels = panel_count(columns, kernels.panel_width);
        const auto whole = problem.run(kernels, {{0, panels}}, T(0));
        CHECK(problem.worst(whole, T(0)) <= bound);
        CHECK(problem.worst(problem.run(kernels, {{0, panels}}, T(1)), T(1)) <= bound);
        CHECK(problem.run(kernels, {{0, panels / 2}, {panels / 2, panels}}, T(0)) == whole);
      }
    }
  }
  // A row's bits do not depend on its neighbours.
  const Problem<T> problem(37, 53, 70);
  const int64_t panels = panel_count(70, kernels.panel_width);
  const auto whole = problem.run(kernels, {{0, panels}}, T(0));
  Problem<T> last(1, 53, 70);
  last.left.assign(problem.left.end() - 53, problem.left.end());
  last.right = problem.right;
  const auto alone = last.run(kernels, {{0, panels}}, T(0));
  CHECK(std::equal(alone.begin(), alone.end(), whole.end() - 70));
}

// Panels in 16 bits give the bits of the numbers that they store.
template <class P>
void test_stored(const Kernels<float>& kernels) {
  for (const int64_t rows : {1, 2, 3, 4, 7, 25}) {
    for (const int64_t columns : {3, 70, 129}) {
      for (const int64_t depth : {1, 64, 300}) {
        Problem<float> problem(rows, depth, columns);
        const int64_t width = kernels.panel_width, panels = panel_count(columns, width);
        std::vector<P> stored(static_cast<size_t>(panels * depth * width), lnrnn::narrow<P>(0.f));
        for (int64_t k = 0; k < depth; ++k) {
          for (int64_t c = 0; c < columns; ++c) {
            float& value = problem.right[static_cast<size_t>(k * columns + c)];
            const P narrow = lnrnn::narrow<P>(value);
            value = lnrnn::widen(narrow);
            stored[static_cast<size_t>((c / width * depth + k) * width +
                                       lnrnn::cpu::stored_column<P>(c % width, width))] = narrow;
          }
        }
        std::vector<float> packed(RowGroup<float>::kPackedElements);
        std::vector<float> out(static_cast<size_t>(rows * columns));
        const PackedMatrix<float, P> matrix{depth, columns, stored.data()};
        RowProduct<float, P> product(kernels, matrix, packed.data(), {0, panels}, false);
        for (int64_t r = 0; r < rows; ++r) {
          product.add(problem.left.data() + r * depth, out.data() + r * columns);
        }
        product.flush();
        CHECK(out == problem.run(kernels, {{0, panels}}, 0.f));
      }
    }
  }
}

// Subnormal numbers, infinities and not-a-number as well.
template <class P>
void test_every_number(const Kernels<float>& kernels) {
  std::vector<P> stored(65536);
  std::vector<float> one{1}, out(65536);
  for (size_t i = 0; i < stored.size(); ++i) {
    const size_t width = static_cast<size_t>(kernels.panel_width);
    stored[i / width * width + static_cast<size_t>(lnrnn::cpu::stored_column<P>(
                                   int64_t(i % width), int64_t(width)))] = {
        static_cast<uint16_t>(i)};
  }
  float* const row = out.data();
  lnrnn::cpu::multiply_of<P>(kernels)(one.data(), 1, 1, stored.data(), 65536, 0,
                                      panel_count(65536, kernels.panel_width), &row, false);
  for (size_t i = 0; i < stored.size(); ++i) {
    const float exact = lnrnn::widen(P{static_cast<uint16_t>(i)});
    CHECK(out[i] == exact || (std::isnan(exact) && std::isnan(out[i])));
  }
}

template <class T>
void test_outer_products(const Kernels<T>& kernels, double bound) {
  for (const int64_t entries : {0, 1, 255, 256, 300}) {
    const int64_t rows = 45, columns = 37;
    const auto left = random_values<T>(static_cast<size_t>(entries * rows), 3);
    const auto right = random_values<T>(static_cast<size_t>(entries * columns), 4);
    for (const bool accumulate : {false, true}) {
      std::vector<T> gradient(static_cast<size_t>(rows * columns), T(0.5));
      Carver measure;
      OuterProducts<T>::take_panels(measure, kernels, columns);
      RowGroup<T>::take(measure, kernels, rows);
      std::vector<char> memory(measure.bytes() + 64);
      Carver carver(memory.data());
      T* const panels = OuterProducts<T>::take_panels(carver, kernels, columns);
      T* const packed = RowGroup<T>::take(carver, kernels, rows);
      const PartialSums<T> none{};
      for (const Span share : {Span{0, 20}, Span{20, rows}}) {
        OuterProducts<T> sums(kernels, packed, panels, none, gradient.data(), columns, share,
                              accumulate);
        for (int64_t k = 0; k < entries; ++k) {
          sums.add(left.data() + k * rows, right.data() + k * columns);
        }
        sums.finish();
      }
      double worst = 0;
      for (int64_t r = 0; r < rows; ++r) {
        for (int64_t c = 0; c < columns; ++c) {
          double sum = accumulate ? 0.5 : 0;
          for (int64_t k = 0; k < entries; ++k) {
            sum += double(left[size_t(k * rows + r)]) * double(right[size_t(k * columns + c)]);
          }
          worst = std::fmax(worst, std::fabs(sum - double(gradient[size_t(r * columns + c)])));
        }
      }
      CHECK(worst <= bound);
    }
  }
}

// As many entries of one sign as fill none, one and two matrices of partial sums, or nearly: each element
// is within the bound of what so many of them are.
template <class T>
void test_long_sums(const Kernels<T>& kernels, double bound) {
  constexpr int64_t kOne = PartialSums<T>::kEntries * PartialSums<T>::kBlocks;
  constexpr int64_t kTwo = kOne * PartialSums<T>::kBlocks;
  for (const int64_t entries : {kOne, kOne + 1, 3 * kOne, kTwo + 300}) {
    const int64_t rows = 3, columns = 2;
    const T left[] = {T(0.1), T(0.7), T(1.3)}, right[] = {T(1), T(0.3)};
    Carver measure;
    const auto lay_out = [&](Carver& carver) {
      return std::tuple(PartialSums<T>::take(carver, entries, rows, columns + 1),
                        OuterProducts<T>::take_panels(carver, kernels, columns),
                        RowGroup<T>::take(carver, kernels, rows));
    };
    lay_out(measure);
    std::vector<char> memory(measure.bytes(), '\xff');
    Carver carver(memory.data());
    const auto [partial, panels, packed] = lay_out(carver);
    CHECK(partial.count == (entries > kTwo ? 2 : entries > kOne ? 1 : 0));
    for (const bool accumulate : {false, true}) {
      std::vector<T> gradient(static_cast<size_t>(rows * columns), T(1000));
      for (const Span share : {Span{0, 1}, Span{1, rows}}) {
        OuterProducts<T> sums(kernels, packed, panels, partial, gradient.data(), columns, share,
                              accumulate);
        for (int64_t k = 0; k < entries; ++k) sums.add(left, right);
        sums.finish();
      }
      for (int64_t r = 0; r < rows; ++r) {
        for (int64_t c = 0; c < columns; ++c) {
          const double exact =
              double(entries) * double(left[r]) * double(right[c]) + (accumulate ? 1000 : 0);
          CHECK_NEAR(double(gradient[size_t(r * columns + c)]), exact, bound * exact);
        }
      }
    }
  }
}

}  // namespace

int main() {
  for (const Isa* const* isa = available_isas(); *isa != nullptr; ++isa) {
    std::printf("%s\n", (*isa)->name);
    RUN(test_products<float>((*isa)->f32, 2e-5));
    RUN(test_products<double>((*isa)->f64, 1e-13));
    RUN(test_stored<lnrnn::Bf16>((*isa)->f32));
    RUN(test_stored<lnrnn::F16>((*isa)->f32));
    RUN(test_every_number<lnrnn::Bf16>((*isa)->f32));
    RUN(test_every_number<lnrnn::F16>((*isa)->f32));
    RUN(test_outer_products<float>((*isa)->f32, 1e-4));
    RUN(test_outer_products<double>((*isa)->f64, 1e-12));
    RUN(test_long_sums<float>((*isa)->f32, 1e-5));
    RUN(test_long_sums<double>((*isa)->f64, 2e-14));
  }
  return check::summary();
}

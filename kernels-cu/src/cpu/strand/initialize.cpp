#include "initialize.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <vector>

#include "cell/half.h"

namespace lnrnn::cpu {

namespace {

constexpr int kForgetGate = 1;

// The words of a tensor: see cell/philox.h.
class Words {
 public:
  Words(const Isa& isa, uint64_t seed, uint32_t tensor)
      : draw_(isa.f32.random_words), keys_(seed), tensor_(tensor),
        stream_(random_stream(RandomKind::kInitialize, 0, 0)) {}

  // Words [first, first + n) of a row; first is a multiple of 4.
  void row(int64_t row, int64_t first, int64_t n, uint32_t* out) const {
    draw_(keys_, {{static_cast<uint32_t>(first / 4), static_cast<uint32_t>(row), tensor_, stream_}},
          n, out);
  }
  // body(column, uniform in (0, 1)) for the columns of a row.
  template <class F>
  void each_uniform(int64_t row, int64_t columns, const F& body) const {
    constexpr int64_t kPiece = 512;
    uint32_t words[kPiece];
    for (int64_t first = 0; first < columns; first += kPiece) {
      const int64_t count = std::min(kPiece, columns - first);
      this->row(row, first, count, words);
      for (int64_t j = 0; j < count; ++j) body(first + j, (words[j] + 0.5) / 4294967296.0);
    }
  }

 private:
  void (*draw_)(const PhiloxKeys&, const Philox4&, int64_t, uint32_t*);
  PhiloxKeys keys_;
  uint32_t tensor_;
  uint32_t stream_;
};

// To the accumulation type first: F16 and BF16 start from F32's numbers, rounded.
template <class S>
S rounded(double value) {
  return narrow<S>(static_cast<accumulation_t<S>>(value));
}

// Rows of random matrices, of orthogonal n x n matrices the first rows or columns, uniform over all of them: the product of Householder
// reflections of normal vectors of length n, n-1, ... 1, signed so that the QR decomposition behind it
// has a positive diagonal (Stewart 1980), transposed. Every row is a unit vector that all reflections are
// applied to, kBlock of them at a time (Schreiber & Van Loan 1989): so rows are computed some at a time,
// each time from the reflections anew, and never is there a second matrix.
class OrthogonalRows {
 public:
  OrthogonalRows(const Isa& isa, int64_t rows, int64_t columns)
      : isa_(isa), n_(std::max(rows, columns)), columns_(columns), padded_((n_ + 15) / 16 * 16),
        at_once_(std::clamp(kMostElements / padded_, kBlock, std::max(n_, kBlock))) {}

  // Rows of words that a matrix is drawn from.
  int64_t reflections() const { return n_; }
  // Rows that are computed together, and the numbers to work in.
  int64_t at_once() const { return at_once_; }
  int64_t work() const {
    return padded_ * (at_once_ + 2 * kBlock + 1) + 2 * kBlock * (at_once_ + kBlock) + padded_;
  }

  // Rows [begin, end) of the matrix whose reflections are rows first_row, ... of words.
  template <class S>
  void fill(const Words& words, int64_t first_row, int64_t begin, int64_t end, double* work,
            S* out) const {
    const int64_t rows = end - begin;
    Space space(work, padded_, at_once_);
    std::fill_n(space.rows, rows * padded_, 0.0);
    for (int64_t j = 0; j < rows; ++j) space.rows[j * padded_ + begin + j] = 1;
    // Reflections beyond a unit vector's place do nothing to it.
    for (int64_t block = (end - 1) / kBlock; block >= 0; --block) {
      draw_block(words, first_row, block * kBlock, space);
      apply_block(block * kBlock, rows, space);
    }
    for (int64_t k = 0; k < n_; ++k) space.sign[k] = sign_of(words, first_row + k);
    for (int64_t j = 0; j < rows; ++j) {
      for (int64_t i = 0; i < columns_; ++i) {
        out[j * columns_ + i] = rounded<S>(space.sign[i] * space.rows[j * padded_ + i]);
      }
    }
  }

 private:
  static constexpr int64_t kBlock = 32, kDrawn = 16, kMostElements = 1 << 18;

  struct Space {
    double* rows;      // (at once, padded)
    double* vectors;   // (kBlock, padded) of the reflections, 0 before their first element
    double* turned;    // (padded, kBlock) the same
    double* sign;      // (padded)
    double* products;  // (at once, kBlock) of rows and vectors
    double* shares;    // (at once, kBlock) what of each vector is added to a row
    double* gram;      // (kBlock, kBlock) of the vectors
    double* factor;    // (kBlock, kBlock)

    Space(double* work, int64_t padded, int64_t at_once)
        : rows(work), vectors(rows + at_once * padded), turned(vectors + kBlock * padded),
          sign(turned + kBlock * padded), products(sign + padded),
          shares(products + at_once * kBlock), gram(shares + at_once * kBlock),
          factor(gram + kBlock * kBlock) {}
  };

  // That of the diagonal's element which a reflection leaves.
  double sign_of(const Words& words, int64_t row) const {
    uint32_t drawn[kDrawn];
    double normals[kDrawn];
    words.row(row, 0, kDrawn, drawn);
    isa_.initializers.normals(drawn, kDrawn, normals);
    return normals[0] < 0 ? 1 : -1;
  }

  // The vectors of reflections k0, ..., and the factor F with which their product is I + V' F' V, V being
  // the vectors as rows.
  void draw_block(const Words& words, int64_t first_row, int64_t k0, const Space& space) const {
    constexpr int64_t kPiece = 512;
    const int64_t count = std::min(kBlock, n_ - k0);
    double scale[kBlock] = {};
    std::fill_n(space.vectors, kBlock * padded_, 0.0);
    for (int64_t r = 0; r < count; ++r) {
      double* const v = space.vectors + r * padded_ + k0 + r;
      const int64_t length = n_ - k0 - r;
      for (int64_t done = 0; done < length; done += kPiece) {
        uint32_t drawn[kPiece];
        double normals[kPiece];
        const int64_t left = std::min(kPiece, length - done);
        const int64_t some = (left + kDrawn - 1) / kDrawn * kDrawn;
        words.row(first_row + k0 + r, done, some, drawn);
        isa_.initializers.normals(drawn, some, normals);
        std::copy_n(normals, left, v + done);
      }
      if (length == 1) {  // the reflection is -1, whatever was drawn
        v[0] = 1;
        scale[r] = 2;
        continue;
      }
      const double norm2 = sum_of_squares(v, length), first = v[0];
      v[0] += (first < 0 ? -1 : 1) * std::sqrt(norm2);
      scale[r] = 2 / (norm2 + v[0] * v[0] - first * first);
    }
    for (int64_t i = k0; i < n_; ++i) {
      for (int64_t r = 0; r < kBlock; ++r) {
        space.turned[i * kBlock + r] = space.vectors[r * padded_ + i];
      }
    }
    std::fill_n(space.gram, kBlock * kBlock, 0.0);
    isa_.initializers.add_plain({kBlock, kBlock, n_ - k0, space.vectors + k0, padded_,
                                 space.turned + k0 * kBlock, kBlock, space.gram, kBlock});
    // F is -T' of their I - V' T V, row by row.
    double* const f = space.factor;
    std::fill_n(f, kBlock * kBlock, 0.0);
    for (int64_t s = 0; s < count; ++s) {
      for (int64_t r = 0; r < s; ++r) {
        double sum = 0;
        for (int64_t q = r; q < s; ++q) sum += f[q * kBlock + r] * space.gram[q * kBlock + s];
        f[s * kBlock + r] = -scale[s] * sum;
      }
      f[s * kBlock + s] = -scale[s];
    }
  }

  // In eight chains, which need not wait for each other.
  static double sum_of_squares(const double* v, int64_t n) {
    double chain[8] = {};
    for (int64_t i = 0; i < n; ++i) chain[i % 8] += v[i] * v[i];
    return ((chain[0] + chain[4]) + (chain[2] + chain[6])) +
           ((chain[1] + chain[5]) + (chain[3] + chain[7]));
  }

  void apply_block(int64_t k0, int64_t rows, const Space& space) const {
    const auto& add_plain = isa_.initializers.add_plain;
    std::fill_n(space.products, rows * kBlock, 0.0);
    std::fill_n(space.shares, rows * kBlock, 0.0);
    add_plain({rows, kBlock, n_ - k0, space.rows + k0, padded_, space.turned + k0 * kBlock, kBlock,
               space.products, kBlock});
    add_plain(
        {rows, kBlock, kBlock, space.products, kBlock, space.factor, kBlock, space.shares, kBlock});
    // k0 is a multiple of 16, as the product wants its columns.
    add_plain({rows, padded_ - k0, kBlock, space.shares, kBlock, space.vectors + k0, padded_,
               space.rows + k0, padded_});
  }

  const Isa& isa_;
  const int64_t n_, columns_, padded_, at_once_;
};

template <class S>
void fill(const Isa& isa, const Plan& plan, Team& team, uint64_t seed, S* parameters) {
  std::memset(static_cast<void*>(parameters), 0, plan.parameter_bytes());
  for (size_t tensor = 0; tensor < plan.parameters.size(); ++tensor) {
    const PlanParameter& parameter = plan.parameters[tensor];
    const int64_t rows = parameter.description.shape[0], columns = parameter.description.shape[1];
    const int64_t height = parameter.matrix_rows, gates = rows / height;
    const Words words(isa, seed, static_cast<uint32_t>(tensor));
    S* const out = parameters + plan.offset(parameter);
    switch (parameter.start) {
      case Start::kGlorot: {
        // Uniform in +-sqrt(6 / (fan_in + fan_out)) (Glorot & Bengio 2010), a gate being a matrix.
        const double bound = std::sqrt(6.0 / static_cast<double>(height + columns));
        team.run([&](const Crew& crew) {
          const Span share = crew.share(0, rows);
          for (int64_t i = share.begin; i < share.end; ++i) {
            words.each_uniform(i, columns, [&](int64_t j, double uniform) {
              out[i * columns + j] = rounded<S>(bound * (2 * uniform - 1));
            });
          }
        });
        break;
      }
      case Start::kUniform:
        words.each_uniform(0, rows,
                           [&](int64_t j, double uniform) { out[j] = rounded<S>(uniform); });
        break;
      case Start::kOrthogonal: {
        // A gate is a matrix of its own, whose rows are computed some at a time.
        const OrthogonalRows orthogonal(isa, height, columns);
        const int64_t groups = (height + orthogonal.at_once() - 1) / orthogonal.at_once();
        const int64_t parts = gates * groups;
        const int64_t members = std::min<int64_t>(team.size(), parts);
        // Allocated here, where running out of memory can be reported.
        std::vector<double> work(static_cast<size_t>(members * orthogonal.work()));
        team.run([&](const Crew& crew) {
          for (int64_t part = crew.index; crew.index < members && part < parts; part += members) {
            // The last rows, which take longest, first.
            const int64_t group = groups - 1 - part / gates, gate = part % gates;
            const int64_t begin = group * orthogonal.at_once();
            const int64_t end = std::min(begin + orthogonal.at_once(), height);
            orthogonal.fill(words, gate * orthogonal.reflections(), begin, end,
                            work.data() + crew.index * orthogonal.work(),
                            out + (gate * height + begin) * columns);
          }
        });
        break;
      }
      case Start::kForgetOne: std::fill_n(out + kForgetGate * height, height, rounded<S>(1)); break;
      case Start::kOne: std::fill_n(out, rows, rounded<S>(1)); break;
      case Start::kZero: break;
    }
  }
}

}  // namespace

void initialize_parameters(const Isa& isa, const Plan& plan, Team& team, uint64_t seed,
                           void* parameters) {
  switch (plan.description.dataType) {
    case LNRNN_DATA_F64: return fill(isa, plan, team, seed, static_cast<double*>(parameters));
    case LNRNN_DATA_F16: return fill(isa, plan, team, seed, static_cast<F16*>(parameters));
    case LNRNN_DATA_BF16: return fill(isa, plan, team, seed, static_cast<Bf16*>(parameters));
    default: return fill(isa, plan, team, seed, static_cast<float*>(parameters));
  }
}

}  // namespace lnrnn::cpu

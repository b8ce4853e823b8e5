#include "initialize.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <vector>

#include "../cell/half.h"
#include "../cell/philox.h"

namespace lnrnn::cpu {

namespace {

constexpr int kForgetGate = 1;

// Uniform in (0, 1): element (row, column) of the tensor with this index.
class Uniform {
 public:
  Uniform(uint64_t seed, uint32_t tensor)
      : seed_(seed), tensor_(tensor), stream_(random_stream(RandomKind::kInitialize, 0, 0)) {}

  double operator()(int64_t row, int64_t column) const {
    const Philox4 random =
        philox4x32(seed_, {{static_cast<uint32_t>(column / 4), static_cast<uint32_t>(row),
                            tensor_, stream_}});
    return (random.word[column % 4] + 0.5) / 4294967296.0;
  }

 private:
  uint64_t seed_;
  uint32_t tensor_;
  uint32_t stream_;
};

// To the accumulation type first: F16 and BF16 start from F32's numbers, rounded.
template <class S>
S rounded(double value) {
  return narrow<S>(static_cast<accumulation_t<S>>(value));
}

// Uniform in +-sqrt(6 / (fan_in + fan_out)) (Glorot & Bengio 2010).
template <class S>
void fill_xavier(const Uniform& uniform, int64_t rows, int64_t columns, int64_t first_row, S* out) {
  const double bound = std::sqrt(6.0 / static_cast<double>(rows + columns));
  for (int64_t i = 0; i < rows; ++i) {
    for (int64_t j = 0; j < columns; ++j) {
      out[i * columns + j] = rounded<S>(bound * (2 * uniform(first_row + i, j) - 1));
    }
  }
}

// A random orthogonal n x n matrix, uniform over all of them: the product of Householder
// reflections of normal vectors of length n, n-1, ... 1, its rows signed so that the QR
// decomposition behind it has a positive diagonal (Stewart 1980).
//   work   n (n + 3) numbers
template <class S>
void fill_orthogonal(const Uniform& uniform, int64_t n, int64_t first_row, double* work, S* out) {
  double *const q = work, *const v = q + n * n, *const w = v + n, *const sign = w + n;
  std::fill_n(q, n * n, 0.0);
  for (int64_t i = 0; i < n; ++i) q[i * n + i] = 1;
  for (int64_t k = n - 1; k >= 0; --k) {
    // Box & Muller 1958; the two uniforms of a normal stand side by side.
    double norm2 = 0;
    for (int64_t i = k; i < n; ++i) {
      const double radius = std::sqrt(-2 * std::log(uniform(first_row + k, 2 * i)));
      v[i] = radius * std::cos(2 * 3.14159265358979323846 * uniform(first_row + k, 2 * i + 1));
      norm2 += v[i] * v[i];
    }
    sign[k] = v[k] < 0 ? 1 : -1;
    const double first = v[k];
    v[k] -= sign[k] * std::sqrt(norm2);
    norm2 += v[k] * v[k] - first * first;
    // Rows and columns from k on: q -= 2 v (v' q) / (v' v).
    for (int64_t j = k; j < n; ++j) w[j] = 0;
    for (int64_t i = k; i < n; ++i) {
      for (int64_t j = k; j < n; ++j) w[j] += v[i] * q[i * n + j];
    }
    for (int64_t i = k; i < n; ++i) {
      const double scale = 2 * v[i] / norm2;
      for (int64_t j = k; j < n; ++j) q[i * n + j] -= scale * w[j];
    }
  }
  for (int64_t i = 0; i < n; ++i) {
    for (int64_t j = 0; j < n; ++j) out[i * n + j] = rounded<S>(sign[i] * q[i * n + j]);
  }
}

template <class S>
void fill(const Plan& plan, Team& team, uint64_t seed, S* parameters) {
  std::memset(static_cast<void*>(parameters), 0, plan.parameter_bytes());
  for (size_t tensor = 0; tensor < plan.parameters.size(); ++tensor) {
    const PlanParameter& parameter = plan.parameters[tensor];
    const int64_t rows = parameter.description.shape[0], columns = parameter.description.shape[1];
    const int64_t hidden = plan.hidden(), gates = rows / hidden;
    const Uniform uniform(seed, static_cast<uint32_t>(tensor));
    S* const out = parameters + plan.offset(parameter);
    // A gate is a matrix of its own; gates are shared out over the threads.
    const int64_t members = std::min<int64_t>(team.size(), gates);
    const auto each_gate = [&](const auto& fill_gate) {
      team.run([&](const Crew& crew) {
        for (int64_t gate = crew.index; crew.index < members && gate < gates; gate += members) {
          fill_gate(crew.index, gate * hidden, out + gate * hidden * columns);
        }
      });
    };
    switch (parameter.role) {
      case ParameterRole::kWeightIh:
        each_gate([&](int, int64_t row, S* gate) {
          fill_xavier(uniform, hidden, columns, row, gate);
        });
        break;
      case ParameterRole::kWeightHh: {
        if (!plan.shape.recurrent_matrix) {
          for (int64_t j = 0; j < rows; ++j) out[j] = rounded<S>(uniform(0, j));
          break;
        }
        // Allocated here, where running out of memory can be reported.
        const int64_t each = hidden * (hidden + 3);
        std::vector<double> work(static_cast<size_t>(members * each));
        each_gate([&](int index, int64_t row, S* gate) {
          fill_orthogonal(uniform, hidden, row, work.data() + index * each, gate);
        });
        break;
      }
      case ParameterRole::kBias:
        if (plan.shape.kind == CellKind::kLstm) {
          std::fill_n(out + kForgetGate * hidden, hidden, rounded<S>(1));
        }
        break;
      case ParameterRole::kGainI:
      case ParameterRole::kGainH:
      case ParameterRole::kGainC:
        std::fill_n(out, rows, rounded<S>(1));
        break;
      case ParameterRole::kBiasIh:
      case ParameterRole::kBiasHh:
      case ParameterRole::kNormBiasI:
      case ParameterRole::kNormBiasH:
      case ParameterRole::kNormBiasC:
        break;  // 0
    }
  }
}

}  // namespace

void initialize_parameters(const Plan& plan, Team& team, uint64_t seed, void* parameters) {
  switch (plan.description.dataType) {
    case LNRNN_DATA_F64:
      return fill(plan, team, seed, static_cast<double*>(parameters));
    case LNRNN_DATA_F16:
      return fill(plan, team, seed, static_cast<F16*>(parameters));
    case LNRNN_DATA_BF16:
      return fill(plan, team, seed, static_cast<Bf16*>(parameters));
    default:
      return fill(plan, team, seed, static_cast<float*>(parameters));
  }
}

}  // namespace lnrnn::cpu

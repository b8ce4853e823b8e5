// The forward pass of a shape, number by number, in double.
#pragma once

#include "segments.h"

namespace segments {

using Numbers = std::vector<double>;

class Reference {
 public:
  explicit Reference(const Run<double>& run)
      : run_(run), shape_(run.plan.shape), width_(run.size.width), output_(run.size.output()) {}

  // y (T,N,P), of rows that all have all steps.
  Numbers outputs() const {
    const Size& s = run_.size;
    Numbers y(run_.y.size());
    for (int64_t n = 0; n < s.batch; ++n) {
      Numbers h(run_.h0.data() + n * output_, run_.h0.data() + (n + 1) * output_);
      Numbers c(run_.c0.data() + n * width_, run_.c0.data() + (n + 1) * width_);
      for (int64_t t = 0; t < s.steps; ++t) {
        const double* const x = run_.x.data() + (t * s.batch + n) * s.input;
        const Numbers a = term(TermKind::kInput,
                               times(ParameterRole::kWeightIh, gates(), x, s.input), "layernorm_i");
        const Numbers r =
            term(TermKind::kRecurrent, times(ParameterRole::kWeightHh, gates(), h.data(), output_),
                 "layernorm_h");
        h = shape_.kind == CellKind::kLstm  ? lstm(sum(a, r), c)
            : shape_.kind == CellKind::kGru ? gru(a, r, h)
                                            : joint_gru(sum(a, r), h);
        if (shape_.projected) h = times(ParameterRole::kWeightHr, output_, h.data(), width_);
        std::copy(h.begin(), h.end(), y.begin() + (t * s.batch + n) * output_);
      }
    }
    return y;
  }

 private:
  static double sigmoid(double v) { return 1 / (1 + std::exp(-v)); }

  // By name, as lnrnn.h has them: null where there is no such.
  const double* find(const std::string& name) const {
    for (const PlanParameter& p : run_.plan.parameters) {
      if (name == p.description.name) return run_.parameters.data() + run_.plan.offset(p);
    }
    return nullptr;
  }
  int64_t gates() const { return shape_.gates * width_; }
  Numbers times(ParameterRole role, int64_t rows, const double* v, int64_t n) const {
    const double* const weights = run_.strand.find(role, run_.parameters.data());
    Numbers out(static_cast<size_t>(rows));
    for (size_t i = 0; i < out.size(); ++i) {
      for (int64_t j = 0; j < n; ++j) out[i] += weights[static_cast<int64_t>(i) * n + j] * v[j];
    }
    return out;
  }
  Numbers term(TermKind kind, Numbers row, const std::string& name) const {
    const NormSite* const site = shape_.site(kind);
    if (site == nullptr) return row;
    const double *const gain = find(name + "_l0.weight"), *const bias = find(name + "_l0.bias");
    const double epsilon = run_.plan.description.epsilon;
    for (int segment = 0; segment < site->segments.count; ++segment) {
      const int64_t begin = site->segments.begin(segment) * width_;
      const int64_t n = site->segments.gates[segment] * width_;
      double mean = 0, variance = 0;
      for (int64_t j = begin; j < begin + n; ++j) mean += site->centred ? row[j] / n : 0;
      for (int64_t j = begin; j < begin + n; ++j) variance += (row[j] - mean) * (row[j] - mean) / n;
      for (int64_t j = begin; j < begin + n; ++j) {
        row[j] = gain[j] * (row[j] - mean) / std::sqrt(variance + epsilon) +
                 (bias == nullptr ? 0 : bias[j]);
      }
    }
    return row;
  }

  // Both products with the cell's bias, which a norm of the sum has inside or before it.
  Numbers sum(const Numbers& a, const Numbers& r) const {
    const double* const bias = find("bias_l0");
    const NormSite* const site = shape_.site(TermKind::kSum);
    const bool inside = site != nullptr && site->has_bias_inside();
    Numbers row(a.size());
    for (size_t j = 0; j < row.size(); ++j) row[j] = a[j] + r[j] + (inside ? at(bias, j) : 0);
    row = term(TermKind::kSum, row, "layernorm_gates");
    for (size_t j = 0; j < row.size(); ++j) row[j] += inside ? 0 : at(bias, j);
    return row;
  }
  static double at(const double* vector, size_t j) { return vector == nullptr ? 0 : vector[j]; }

  Numbers lstm(const Numbers& v, Numbers& c) const {
    Numbers u(c.size()), h(c.size());
    const auto gate = [&](int64_t g, int64_t j) { return v[static_cast<size_t>(g * width_ + j)]; };
    for (int64_t j = 0; j < width_; ++j) {
      u[j] = sigmoid(gate(1, j)) * c[j] + sigmoid(gate(0, j)) * std::tanh(gate(2, j));
    }
    const double clip = run_.plan.description.cellClip;
    for (double& u_at : u) u_at = clip > 0 ? std::fmin(std::fmax(u_at, -clip), clip) : u_at;
    const Numbers k = term(TermKind::kCell, u, "layernorm_c");
    for (int64_t j = 0; j < width_; ++j) h[j] = sigmoid(gate(3, j)) * std::tanh(k[j]);
    const NormSite* const site = shape_.site(TermKind::kCell);
    c = site != nullptr && site->seen_by == SeenBy::kCarry ? k : u;
    return h;
  }
  Numbers gru(const Numbers& a, const Numbers& r, const Numbers& before) const {
    const double *const b_ih = find("bias_ih_l0"), *const b_hh = find("bias_hh_l0");
    Numbers h(before.size());
    for (int64_t j = 0; j < width_; ++j) {
      const auto p = [&](int64_t gate) {
        return a[gate * width_ + j] + at(b_ih, gate * width_ + j);
      };
      const auto q = [&](int64_t gate) {
        return r[gate * width_ + j] + at(b_hh, gate * width_ + j);
      };
      const double reset = sigmoid(p(0) + q(0)), z = sigmoid(p(1) + q(1));
      h[j] = z * before[j] + (1 - z) * std::tanh(p(2) + reset * q(2));
    }
    return h;
  }
  Numbers joint_gru(const Numbers& s, const Numbers& before) const {
    Numbers h(before.size());
    for (int64_t j = 0; j < width_; ++j) {
      const double reset = sigmoid(s[j]), z = sigmoid(s[width_ + j]);
      h[j] = z * before[j] + (1 - z) * std::tanh(reset * s[2 * width_ + j]);
    }
    return h;
  }

  const Run<double>& run_;
  const CellShape& shape_;
  const int64_t width_, output_;  // H and P
};

}  // namespace segments

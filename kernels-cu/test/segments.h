// Cells whose norms have several segments, which no public normalisation has: their shapes, a reference that
// computes them number by number, and a run of one strand below the C API, on any device.
#pragma once

#include <cmath>
#include <cstring>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "cell/half.h"
#include "core/device.h"

namespace segments {

using namespace lnrnn;

struct Case {
  std::string name;
  CellShape shape;
};

inline CellShape with_sites(CellShape shape, std::vector<NormSite> sites) {
  shape.site_count = 0;
  for (const NormSite& site : sites) shape.sites[shape.site_count++] = site;
  return shape;
}

inline std::vector<Case> cases() {
  const auto of_gates = [](TermKind of, Segments parts, bool centred = true,
                           NormBias bias = NormBias::kNone) {
    return NormSite{of, parts, centred, bias, SeenBy::kGates};
  };
  const auto of_cell = [](bool centred, SeenBy seen_by) {
    return NormSite{TermKind::kCell, Segments::whole(1), centred, NormBias::kAfter, seen_by};
  };
  constexpr TermKind kInput = TermKind::kInput, kRecurrent = TermKind::kRecurrent;
  const CellShape lstm = *cell_shape(LNRNN_CELL_LSTM, LNRNN_NORMALIZATION_HASTE);
  const CellShape gru = *cell_shape(LNRNN_CELL_GRU, LNRNN_NORMALIZATION_HASTE);
  return {
      {"LSTM, input 1+1+1+1, recurrent 3+1, cell carried",
       with_sites(lstm, {of_gates(kInput, Segments::each(4)), of_gates(kRecurrent, {2, {3, 1}}),
                         of_cell(true, SeenBy::kCarry)})},
      {"LSTM, input 1+3 and recurrent 4, with biases",
       with_sites(lstm, {of_gates(kInput, {2, {1, 3}}, true, NormBias::kAfter),
                         of_gates(kRecurrent, Segments::whole(4), true, NormBias::kAfter)})},
      {"GRU, 2+1",
       with_sites(gru, {of_gates(kInput, {2, {2, 1}}), of_gates(kRecurrent, {2, {2, 1}})})},
      {"GRU, input 3 and recurrent 1+1+1, with biases",
       with_sites(gru, {of_gates(kInput, Segments::whole(3), true, NormBias::kAfter),
                        of_gates(kRecurrent, Segments::each(3), true, NormBias::kAfter)})},
  };
}

// Where a product alone is normalised, or a norm takes no mean away.
inline std::vector<Case> cases_of_one_side() {
  const CellShape lstm = *cell_shape(LNRNN_CELL_LSTM, LNRNN_NORMALIZATION_HASTE);
  const CellShape gru = *cell_shape(LNRNN_CELL_GRU, LNRNN_NORMALIZATION_HASTE);
  const NormSite of_x{TermKind::kInput, {2, {2, 2}}, true, NormBias::kAfter, SeenBy::kGates};
  const NormSite of_h{TermKind::kRecurrent, Segments::each(3), true, NormBias::kNone,
                      SeenBy::kGates};
  const NormSite uncentred{TermKind::kInput, {2, {1, 2}}, false, NormBias::kNone, SeenBy::kGates};
  const NormSite cell{TermKind::kCell, Segments::whole(1), false, NormBias::kAfter,
                      SeenBy::kOutput};
  return {{"LSTM, input alone 2+2, cell not centred", with_sites(lstm, {of_x, cell})},
          {"GRU, recurrent alone 1+1+1", with_sites(gru, {of_h})},
          {"GRU, input 1+2 not centred, recurrent 1+1+1", with_sites(gru, {uncentred, of_h})}};
}

// Where the sum of both products is normalised: gate by gate, in other segments and as one; the cell's own bias
// inside the norm, behind it or absent. The last is the GRU whose gates see the sum alone.
inline std::vector<Case> cases_of_sum() {
  CellShape lstm = *cell_shape(LNRNN_CELL_LSTM, LNRNN_NORMALIZATION_NONE), without = lstm;
  without.bias = CellBias::kNone;
  const CellShape joint{CellKind::kJointGru, 3, true, false, false, CellBias::kOne, 0, {}};
  CellShape plain_joint = joint;
  plain_joint.bias = CellBias::kNone;
  const auto of_sum = [](Segments parts, NormBias bias, bool centred = true) {
    return NormSite{TermKind::kSum, parts, centred, bias, SeenBy::kGates};
  };
  const auto of_cell = [](NormBias bias, SeenBy seen_by) {
    return NormSite{TermKind::kCell, Segments::whole(1), true, bias, seen_by};
  };
  const NormSite each = of_sum(Segments::each(4), NormBias::kBoth);
  const NormSite seen = of_cell(NormBias::kAfter, SeenBy::kOutput);
  const NormSite carried = of_cell(NormBias::kAfter, SeenBy::kCarry);
  return {
      {"LSTM, sum 1+1+1+1", with_sites(lstm, {each})},
      {"LSTM, sum 1+1+1+1, cell", with_sites(lstm, {each, seen})},
      {"LSTM, sum 1+1+1+1, cell carried", with_sites(lstm, {each, carried})},
      {"LSTM, sum 4, bias inside",
       with_sites(lstm, {of_sum(Segments::whole(4), NormBias::kInside)})},
      {"LSTM, sum 1+3, both biases behind",
       with_sites(lstm, {of_sum({2, {1, 3}}, NormBias::kAfter), seen})},
      {"LSTM, sum 2+2, its bias behind", with_sites(lstm, {of_sum({2, {2, 2}}, NormBias::kNone)})},
      {"LSTM, sum 3+1 not centred",
       with_sites(lstm, {of_sum({2, {3, 1}}, NormBias::kBoth, false), carried})},
      {"LSTM, sum 1+1+1+1 and cell without biases",
       with_sites(without, {of_sum(Segments::each(4), NormBias::kNone),
                            of_cell(NormBias::kNone, SeenBy::kOutput)})},
      {"joint GRU, sum 3", with_sites(joint, {of_sum(Segments::whole(3), NormBias::kBoth)})},
      {"joint GRU, sum 2+1 not centred, bias inside",
       with_sites(joint, {of_sum({2, {2, 1}}, NormBias::kInside, false)})},
      {"joint GRU, sum 1+1+1, bias of the norm alone",
       with_sites(plain_joint, {of_sum(Segments::each(3), NormBias::kAfter)})},
  };
}

// Where the cell has no bias beside those of its norms, or none at all.
inline std::vector<Case> cases_without_bias() {
  CellShape bare = *cell_shape(LNRNN_CELL_LSTM, LNRNN_NORMALIZATION_NONE);
  CellShape lstm = *cell_shape(LNRNN_CELL_LSTM, LNRNN_NORMALIZATION_HASTE);
  CellShape gru = *cell_shape(LNRNN_CELL_GRU, LNRNN_NORMALIZATION_HASTE);
  bare.bias = lstm.bias = gru.bias = CellBias::kNone;
  const auto of = [](TermKind term, Segments parts, NormBias bias) {
    return NormSite{term, parts, true, bias,
                    term == TermKind::kCell ? SeenBy::kCarry : SeenBy::kGates};
  };
  constexpr TermKind kInput = TermKind::kInput, kRecurrent = TermKind::kRecurrent;
  const Segments whole = Segments::whole(4), two = {2, {2, 1}};
  return {
      {"LSTM, no bias", bare},
      {"LSTM, input 4 and recurrent 4, with biases, cell without",
       with_sites(lstm,
                  {of(kInput, whole, NormBias::kAfter), of(kRecurrent, whole, NormBias::kAfter),
                   of(TermKind::kCell, Segments::whole(1), NormBias::kNone)})},
      {"GRU, 2+1, with the norms' biases alone",
       with_sites(gru, {of(kInput, two, NormBias::kAfter), of(kRecurrent, two, NormBias::kAfter)})},
      {"GRU, recurrent 2+1, without biases",
       with_sites(gru, {of(kRecurrent, two, NormBias::kNone)})},
  };
}

struct Size {
  int64_t steps, batch, input, width;
  int64_t projection = 0;  // P, of a cell that has one

  int64_t output() const { return projection > 0 ? projection : width; }
};

template <class S>
constexpr int32_t kDataType = std::is_same_v<S, double>  ? LNRNN_DATA_F64
                              : std::is_same_v<S, float> ? LNRNN_DATA_F32
                              : std::is_same_v<S, F16>   ? LNRNN_DATA_F16
                                                         : LNRNN_DATA_BF16;

// Host memory that the device works on in place.
template <class T>
class Pinned {
 public:
  Pinned(Device& device, uint64_t count) : device_(device), count_(count) {
    void* pointer = nullptr;
    if (device.allocate_host(std::max<uint64_t>(count, 1) * sizeof(T), &pointer) !=
        LNRNN_STATUS_SUCCESS) {
      std::abort();
    }
    data_ = static_cast<T*>(pointer);
    std::memset(pointer, 0, count * sizeof(T));
  }
  ~Pinned() { device_.release_host(data_); }
  Pinned(const Pinned&) = delete;
  Pinned& operator=(const Pinned&) = delete;

  // The same numbers for every type, as far as it holds them.
  void fill(unsigned seed, double scale) {
    std::mt19937 generator(seed);
    std::normal_distribution<double> normal;
    for (T& value : *this)
      value = narrow<T>(static_cast<accumulation_t<T>>(scale * normal(generator)));
  }
  T* data() const { return data_; }
  uint64_t size() const { return count_; }
  T* begin() const { return data_; }
  T* end() const { return data_ + count_; }
  T& operator[](uint64_t i) const { return data_[i]; }
  std::vector<double> numbers() const {
    std::vector<double> all;
    for (const T& value : *this) all.push_back(static_cast<double>(widen(value)));
    return all;
  }

 private:
  Device& device_;
  const uint64_t count_;
  T* data_ = nullptr;
};

struct Options {
  uint32_t flags = 0;
  int direction = 0;
  double zoneout = 0, dropconnect = 0;
  double cell_clip = 0;
  bool resets = false;  // sequences that begin inside rows
};

inline Plan make_plan(const CellShape& shape, const Size& size, int32_t data_type,
                      const Options& options) {
  Plan plan{};
  lnrnnPlanDescription_t& d = plan.description;
  d.structSize = sizeof d;
  d.cell = shape.kind == CellKind::kLstm ? LNRNN_CELL_LSTM : LNRNN_CELL_GRU;
  d.dataType = data_type;
  d.layers = 1;
  d.flags = options.flags;
  d.direction = options.direction == 0 ? LNRNN_DIRECTION_FORWARD : LNRNN_DIRECTION_BIDIRECTIONAL;
  d.zoneout = options.zoneout;
  d.dropconnect = options.dropconnect;
  d.inputSize = size.input;
  d.hiddenSize = size.width;
  d.epsilon = 1e-5;
  d.projectionSize = size.projection;
  d.cellClip = options.cell_clip;
  plan.shape = shape;
  plan.shape.projected = size.projection > 0;
  plan.shape.clipped = options.cell_clip > 0;
  if (lay_out_parameters(&plan) != LNRNN_STATUS_SUCCESS) std::abort();
  return plan;
}

// One strand with data.
template <class S>
struct Run {
  using T = accumulation_t<S>;

  Device& device;
  const Size size;
  const Plan plan;
  const Strand strand;
  Pinned<S> parameters, x, y, dy, dx;
  Pinned<T> h0, c0, hn, cn, dhn, dcn, dh0, dc0, gradients;
  Pinned<char> packed, reserve, workspace;
  Pinned<uint8_t> resets;
  std::vector<int64_t> lengths;

  Run(Device& on, const CellShape& shape, const Size& of, const Options& options = {})
      : device(on), size(of),
        plan(make_plan(shape, of, kDataType<S>, options)), strand{plan, 0, options.direction},
        parameters(on, plan.parameter_elements), x(on, rows() * input()), y(on, rows() * output()),
        dy(on, rows() * output()), dx(on, rows() * input()), h0(on, state()), c0(on, cell_state()),
        hn(on, state()), cn(on, cell_state()), dhn(on, state()), dcn(on, cell_state()),
        dh0(on, state()), dc0(on, cell_state()), gradients(on, plan.parameter_elements),
        packed(on, on.packed_bytes(strand)),
        reserve(on, on.reserve_bytes(strand, of.steps, of.batch)), workspace(on, most_workspace()),
        resets(on, options.resets ? rows() : 0) {
    unsigned seed = 100;
    for (const PlanParameter& p : plan.parameters) {
      Pinned<S> values(on, static_cast<uint64_t>(p.description.elements));
      values.fill(seed++, 0.5);
      std::copy(values.begin(), values.end(), parameters.data() + plan.offset(p));
    }
    x.fill(1, 1);
    dy.fill(2, 1);
    seed = 3;
    for (auto* state : {&h0, &c0, &dhn, &dcn}) state->fill(seed++, 1);
    for (uint64_t i = 0; i < resets.size(); ++i) resets[i] = i * 7 % 5 < 2;
  }

  void infer() {
    check(device.pack(strand, stream(), parameters.data(), packed.data()));
    check(device.infer(stream(), forward()));
  }
  void train() { check(device.train(stream(), forward())); }
  void backward(bool accumulate = false) {
    BackwardArguments call{common()};
    call.reserve = reserve.data();
    call.dy = {dy.data(), size.batch * size.output(), size.output()};
    call.dhn = dhn.data();
    call.dcn = carries_cell() ? dcn.data() : nullptr;
    call.gradients = gradients.data();
    call.accumulate = accumulate;
    call.dx = {dx.data(), size.batch * size.input, size.input};
    call.dh0 = dh0.data();
    call.dc0 = carries_cell() ? dc0.data() : nullptr;
    check(device.backward(stream(), call));
  }
  // What backward differentiates.
  double loss() {
    train();
    double sum = 0;
    const auto dot = [&](const auto& a, const auto& b) {
      for (uint64_t i = 0; i < a.size(); ++i) sum += static_cast<double>(widen(a[i]) * widen(b[i]));
    };
    dot(y, dy);
    dot(hn, dhn);
    if (carries_cell()) dot(cn, dcn);
    return sum;
  }
  bool carries_cell() const { return plan.shape.carries_cell; }

 private:
  uint64_t rows() const { return static_cast<uint64_t>(size.steps * size.batch); }
  uint64_t input() const { return static_cast<uint64_t>(size.input); }
  uint64_t output() const { return static_cast<uint64_t>(size.output()); }
  uint64_t state() const { return static_cast<uint64_t>(size.batch * size.output()); }
  uint64_t cell_state() const { return static_cast<uint64_t>(size.batch * size.width); }
  uint64_t most_workspace() const {
    uint64_t most = 0;
    for (const Pass pass : {Pass::kInference, Pass::kTraining, Pass::kBackward}) {
      most = std::max(most, device.workspace_bytes(strand, pass, size.steps, size.batch));
    }
    return most;
  }
  Stream& stream() const { return device.default_stream(); }
  void check(lnrnnStatus_t status) const {
    if (status != LNRNN_STATUS_SUCCESS || device.synchronize(stream()) != LNRNN_STATUS_SUCCESS)
      std::abort();
  }
  StrandArguments common() const {
    StrandArguments call{strand, size.steps, size.batch, lengths.empty() ? nullptr : lengths.data(),
                         lengths.empty() ? size.steps
                                         : *std::max_element(lengths.begin(), lengths.end())};
    if (resets.size() > 0) call.resets = {resets.data(), size.batch, 1};
    call.parameters = parameters.data();
    call.x = {x.data(), size.batch * size.input, size.input};
    call.random.seed = 42;
    call.workspace = workspace.data();
    return call;
  }
  ForwardArguments forward() const {
    ForwardArguments call{common()};
    call.packed = packed.data();
    call.h0 = h0.data();
    call.c0 = carries_cell() ? c0.data() : nullptr;
    call.y = {y.data(), size.batch * size.output(), size.output()};
    call.hn = hn.data();
    call.cn = carries_cell() ? cn.data() : nullptr;
    call.reserve = reserve.data();
    return call;
  }
};

}  // namespace segments

// The forward pass: for each chunk of time, x W_ih' and its statistics for all steps at once; then
// two kernels per step: h R' with the squares of its rows, and everything between two products; where h is
// projected two more, D W_hr' and what makes h of it.
// Where a cluster of blocks can hold the recurrent weights, it walks through the chunk in one kernel;
// so does the IndRNN, which has no such product.
#include <algorithm>

#include "cuda/cluster/launch.cuh"
#include "cuda/row/cells.cuh"
#include "cuda/row/forward_row.cuh"
#include "cuda/row/norm_row.cuh"
#include "cuda/row/unit_walk.cuh"
#include "forward_layout.h"
#include "lengths.h"
#include "passes.h"

namespace lnrnn::cuda {

namespace {

template <class S>
class Forward {
 public:
  using T = accumulation_t<S>;

  Forward(const CudaStream& stream, bool training, const ForwardArguments& call)
      : stream_(stream), strand_(call.strand), training_(training),
        keeps_products_(ForwardLayout<S>::keeps_products(strand_, training)), call_(call),
        cell_(strand_.cell_width()), output_(strand_.output_width()),
        of_step_(term_of_step(strand_.shape())),
        segments_r_(segments_of(strand_.shape(), of_step_)), gates_(strand_.gates()),
        batch_(call.batch), chunk_(chunk_steps(call.steps, batch_, keeps_products_)),
        clustered_(runs_in_clusters<S>(stream.context, strand_, batch_)) {
    Carver carver(call.workspace);
    layout_ = ForwardLayout<S>::take(carver, strand_, chunk_, batch_, training);
    rows_ = layout_.rows;
    if (!training) return;
    Carver reserve(call.reserve);
    rows_ = StrandRows<T>::take(reserve, strand_, call.steps, batch_);
    if (!keeps_products_) {
      rows_.a = layout_.rows.a;
      rows_.r = layout_.rows.r;
    }
  }

  lnrnnStatus_t run() {
    LNRNN_FORWARD(upload_lengths(stream_, call_.lengths, batch_, layout_.lengths, &lengths_));
    LNRNN_FORWARD(find_weights());
    const int64_t active = call_.active_steps;
    const int64_t first = strand_.reverse() ? active : 0, last = active - first;
    LNRNN_FORWARD(copy_first_state<T>(stream_, cuts(), call_.h0, h_at(first), batch_, output_));
    if (rows_.c != nullptr)
      LNRNN_FORWARD(copy_first_state<T>(stream_, cuts(), call_.c0, c_at(first), batch_, cell_));
    if (layout_.h_operand != nullptr && !clustered_) {
      LNRNN_FORWARD(round_to_storage<S>(stream_, h_at(first), layout_.h_operand, h_elements()));
    }
    for (int64_t done = 0; done < active; done += chunk_) {
      const int64_t left = active - done, count = left < chunk_ ? left : chunk_;
      const int64_t begin = strand_.reverse() ? left - count : done;
      LNRNN_FORWARD(multiply_inputs(begin, count));
      LNRNN_FORWARD(advance_through(begin, count));
    }
    if (call_.hn != nullptr)
      LNRNN_FORWARD(copy_state<T>(stream_, h_at(last), call_.hn, h_elements()));
    if (call_.cn != nullptr)
      LNRNN_FORWARD(copy_state<T>(stream_, c_at(last), call_.cn, c_elements()));
    const int64_t beyond = call_.steps - active;
    if (call_.y.pointer == nullptr || beyond == 0) return LNRNN_STATUS_SUCCESS;
    return clear_rows(stream_, rows_of<S>(call_.y, active, beyond, batch_), beyond * batch_,
                      output_);
  }

 private:
  int64_t h_elements() const { return batch_ * output_; }
  int64_t c_elements() const { return batch_ * cell_; }
  Cuts cuts() const { return {call_.resets, lengths_, call_.active_steps, strand_.reverse()}; }
  // States at one of the T + 1 places, as the step that begins there finds them. Training has them all,
  // inference two.
  T* h_at(int64_t place) const {
    return at_step(rows_.h, training_ ? place : place % 2, h_elements());
  }
  T* c_at(int64_t place) const {
    return at_step(rows_.c, training_ ? place : place % 2, c_elements());
  }
  // Products of step t, which may be those of one chunk, or of one step.
  T* a_at(int64_t begin, int64_t t) const {
    return at_step(rows_.a, keeps_products_ ? t : t - begin, batch_ * gates_);
  }
  T* r_at(int64_t t) const { return at_step(rows_.r, keeps_products_ ? t : 0, batch_ * gates_); }
  // Training keeps the statistics whatever becomes of the products.
  T* norm_at(TermKind of, int64_t begin, int64_t t) const {
    return at_step(rows_.norm(of), training_ ? t : t - begin,
                   batch_ * segments_of(strand_.shape(), of).count * kStatistics);
  }
  T epsilon() const { return static_cast<T>(strand_.plan.description.epsilon); }
  ZoneoutShares<T> share(double zoneout) const {
    return training_ ? ZoneoutShares<T>{} : ZoneoutShares<T>::of(zoneout);
  }
  Mask mask(RandomKind kind, const uint8_t* given) const {
    return training_ ? Mask::of(strand_, kind, given, call_.random) : Mask{};
  }

  lnrnnStatus_t find_weights() {
    if (!training_) {
      Carver carver(call_.packed);
      const auto packed = StrandWeights<S>::take(carver, strand_);
      ih_ = packed.ih;
      hh_ = packed.hh;
      hr_ = packed.hr;
      vectors_ = read_only(packed.vectors);
      return LNRNN_STATUS_SUCCESS;
    }
    const S* const parameters = static_cast<const S*>(call_.parameters);
    ih_ = strand_.find(ParameterRole::kWeightIh, parameters);
    hh_ = layout_.hh;
    hr_ = strand_.find(ParameterRole::kWeightHr, parameters);
    vectors_ = read_only(layout_.vectors);
    LNRNN_FORWARD(gather_vectors(stream_, strand_, parameters, layout_.vectors));
    if (layout_.hh == nullptr) return LNRNN_STATUS_SUCCESS;
    LNRNN_FORWARD(
        decide_dropconnect(stream_, strand_, call_.dropconnect_mask, call_.random, rows_.kept));
    return prepare_recurrent_weights(stream_, strand_, parameters, rows_.kept, false, layout_.hh);
  }

  lnrnnStatus_t multiply_inputs(int64_t begin, int64_t steps) const {
    const int64_t samples = steps * batch_;
    auto x = rows_of<const S>(call_.x, begin, steps, batch_);
    T* const a = a_at(begin, begin);
    LNRNN_FORWARD((multiply_sequence<Depth::kFeatures, Depth::kFeatures>(
        stream_, Product<S>{samples, gates_, strand_.input(), x,
                            Rows<const S>::matrix(ih_, gates_, strand_.input()),
                            Rows<T>::matrix(a, samples, gates_)})));
    const NormSite* const site = strand_.shape().site(TermKind::kInput);
    if (site == nullptr) return centre_inputs(stream_, strand_, vectors_, samples, a);
    using Kernel = InputNorm<T>;
    const Segments& segments = site->segments;
    for (int i = 0; i < segments.count; ++i) {
      const int64_t first = segments.begin(i) * cell_, width = segments.gates[i] * cell_;
      LNRNN_FORWARD(launch(stream_, input_norm_shape<Kernel>(samples, width),
                           Kernel{width, gates_, segments.count * kStatistics, epsilon(), a + first,
                                  norm_at(TermKind::kInput, begin, begin) + i * kStatistics}));
    }
    return LNRNN_STATUS_SUCCESS;
  }

  lnrnnStatus_t advance_through(int64_t begin, int64_t count) const {
    return with_cell(strand_.shape(), [&](auto cell) {
      using Cell = decltype(cell);
      if constexpr (!Cell::kRecurrentMatrix) {
        return walk_units<Cell>(begin, count);
      } else {
        if constexpr (!kExactOperands<S>) {
          if (clustered_) return walk_in_clusters<Cell>(begin, count);
        }
        return step_through<Cell>(begin, count);
      }
    });
  }

  template <class Cell>
  lnrnnStatus_t step_through(int64_t begin, int64_t count) const {
    for (int64_t k = 0; k < count; ++k) {
      const int64_t t = strand_.reverse() ? begin + count - 1 - k : begin + k;
      LNRNN_FORWARD(multiply_states(begin, t));
      LNRNN_FORWARD(advance<Cell>(begin, t));
    }
    return LNRNN_STATUS_SUCCESS;
  }

  // Where the products are not wanted apart, their sum is all that is needed.
  lnrnnStatus_t multiply_states(int64_t begin, int64_t t) const {
    T* const r = r_at(t);
    Product<S> product{batch_,
                       gates_,
                       output_,
                       Rows<const S>::matrix(operand(t), batch_, output_),
                       Rows<const S>::matrix(hh_, gates_, output_),
                       Rows<T>::matrix(r == nullptr ? a_at(begin, t) : r, batch_, gates_)};
    product.add = r == nullptr;
    product.square_sums = layout_.square_sums;
    product.segments = SegmentColumns::of(segments_r_, cell_);
    return multiply_step(stream_, product);
  }
  const S* operand(int64_t t) const {
    if constexpr (kExactOperands<S>) {
      return h_at(strand_.before(t));
    } else {
      return layout_.h_operand;
    }
  }

  // What does not depend on the step, for the kernel of one and that of all.
  template <class Arguments>
  void describe(Arguments& to) const {
    const lnrnnPlanDescription_t& d = strand_.plan.description;
    to.batch = batch_;
    to.cuts = cuts();
    to.vectors = StepVectors<T>::of(strand_.shape(), vectors_);
    to.carries_norm = strand_.shape().carries_normalized();
    to.clip = clip_of<T>(strand_);
    to.segments_a = segments_of(strand_.shape(), TermKind::kInput);
    to.segments_r = segments_r_;
    to.zoneout = share(d.zoneout);
    to.zoneout_cell = share(d.zoneoutCell);
    to.mask = mask(RandomKind::kZoneout, call_.zoneout_mask);
    to.mask_cell = mask(RandomKind::kZoneoutCell, call_.zoneout_cell_mask);
    to.mask_candidate = mask(RandomKind::kDropoutCandidate, call_.dropout_candidate_mask);
    to.candidate_scale = training_ ? kept_scale<T>(d.dropoutCandidate) : T(1);
  }

  template <class Cell>
  lnrnnStatus_t advance(int64_t begin, int64_t t) const {
    ForwardStep<S> step{};
    describe(step);
    step.epsilon = epsilon();
    step.step = t;
    step.hidden = cell_;
    step.output = output_;
    step.gates = gates_;
    const bool sum = of_step_ == TermKind::kSum;
    step.a = sum ? nullptr : a_at(begin, t);
    step.r = sum ? a_at(begin, t) : r_at(t);
    step.norm_a = norm_at(TermKind::kInput, begin, t);
    step.square_sums = layout_.square_sums;
    step.slots = SquareSumSlots::of(batch_, segments_r_, cell_);
    step.norm_r = norm_at(of_step_, begin, t);
    step.norm_u = norm_at(TermKind::kCell, begin, t);
    step.h_before = h_at(strand_.before(t));
    step.c_before = c_at(strand_.before(t));
    step.h = h_at(strand_.after(t));
    step.c = c_at(strand_.after(t));
    step.h_operand = layout_.h_operand;
    step.y = at_step(static_cast<S*>(call_.y.pointer), t, call_.y.step_stride);
    step.y_row_stride = call_.y.row_stride;
    step.d = layout_.d;
    using Kernel = ForwardRow<Cell, S>;
    LNRNN_FORWARD(launch(stream_, row_shape<Kernel>(batch_, cell_), Kernel{step}));
    return strand_.shape().projected ? project(step) : LNRNN_STATUS_SUCCESS;
  }

  // From what the cell has put out to h.
  lnrnnStatus_t project(const ForwardStep<S>& step) const {
    LNRNN_FORWARD(multiply_step(
        stream_, Product<S>{batch_, output_, cell_, Rows<const S>::matrix(layout_.d, batch_, cell_),
                            Rows<const S>::matrix(hr_, output_, cell_),
                            Rows<T>::matrix(layout_.projected, batch_, output_)}));
    using Kernel = ProjectRow<S>;
    return launch(stream_, {batch_, row_threads<Kernel>(output_)}, Kernel{step, layout_.projected});
  }

  TimeWalk walk_of(int64_t begin, int64_t count) const {
    return {begin, count, !strand_.reverse()};
  }
  // The states before and after a walk.
  int64_t place_before(int64_t begin, int64_t count) const {
    return strand_.before(strand_.reverse() ? begin + count - 1 : begin);
  }
  int64_t place_after(int64_t begin, int64_t count) const {
    return strand_.after(strand_.reverse() ? begin : begin + count - 1);
  }

  template <class Cell>
  lnrnnStatus_t walk_in_clusters(int64_t begin, int64_t count) const {
    const int64_t from = place_before(begin, count), to = place_after(begin, count);
    ForwardWalk<S> walk{};
    describe(walk);
    walk.steps = walk_of(begin, count);
    walk.hidden = static_cast<int>(cell_);
    walk.hh = hh_;
    walk.a = a_at(begin, begin);
    walk.norm_a = norm_at(TermKind::kInput, begin, begin);
    if (keeps_products_) {
      walk.r = r_at(begin);
      walk.adds = walk.r == nullptr;
    }
    walk.normalizes_sum = of_step_ == TermKind::kSum;
    walk.norm_r = norm_at(of_step_, begin, begin);
    walk.norm_u = norm_at(TermKind::kCell, begin, begin);
    walk.scale = NormScale::of(epsilon());
    walk.h_from = h_at(from);
    walk.c_from = c_at(from);
    walk.keeps_states = training_;
    walk.h_to = h_at(training_ ? strand_.after(begin) : to);
    walk.c_to = c_at(training_ ? strand_.after(begin) : to);
    walk.y = rows_of<S>(call_.y, begin, count, batch_);
    return launch_in_clusters<ForwardCluster, Cell, S>(stream_, walk);
  }

  template <class Cell>
  lnrnnStatus_t walk_units(int64_t begin, int64_t count) const {
    const lnrnnPlanDescription_t& d = strand_.plan.description;
    ForwardUnits<Cell, S> kernel{};
    kernel.walk = {walk_of(begin, count), batch_, cell_, cuts()};
    kernel.in = UnitInputs<T>::of(a_at(begin, begin), norm_at(TermKind::kInput, begin, begin),
                                  begin, vectors_);
    kernel.zoneout = share(d.zoneout);
    kernel.mask = mask(RandomKind::kZoneout, call_.zoneout_mask);
    kernel.h_from = h_at(place_before(begin, count));
    kernel.h_to = h_at(place_after(begin, count));
    kernel.h = training_ ? rows_.h : nullptr;
    kernel.y = rows_of<S>(call_.y, 0, call_.steps, batch_);
    return launch(stream_, kernel.walk.shape(), kernel);
  }

  const CudaStream& stream_;
  const Strand& strand_;
  const bool training_, keeps_products_;
  const ForwardArguments& call_;
  const int64_t cell_, output_;
  const TermKind of_step_;
  const Segments segments_r_;  // of that
  const int64_t gates_, batch_, chunk_;
  const bool clustered_;
  ForwardLayout<S> layout_{};
  StrandRows<T> rows_{};
  Lengths lengths_;
  const S *ih_ = nullptr, *hh_ = nullptr, *hr_ = nullptr;
  Vectors<const T*> vectors_{};
};

}  // namespace

using LargestClusterKernel = ForwardCluster<Lstm<RowMoments::kOfEachGate>, F16, 4>;
template <class... Cells>
constexpr size_t kMostRoom = std::max({sizeof(typename ForwardCluster<Cells, F16, 4>::Shared)...,
                                       sizeof(typename BackwardCluster<Cells, F16, 4>::Shared)...});
static_assert(sizeof(LargestClusterKernel::Shared) ==
              kMostRoom<Lstm<RowMoments::kOne>, Lstm<RowMoments::kOfEachGate>,
                        Gru<RowMoments::kOfEachGate>, JointGru<RowMoments::kOfEachGate>>);

cudaError_t find_architecture_of_kernels(int* architecture) {
  return find_architecture<LargestClusterKernel>(architecture);
}

ClusterCounts count_resident_clusters() {
  ClusterCounts counts{};
  for (size_t blocks = 1; blocks < counts.size(); ++blocks) {
    const LaunchShape shape =
        cluster_shape<LargestClusterKernel>(kClusterRows,
                                            static_cast<int64_t>(blocks) * kClusterUnits);
    if (count_clusters<LargestClusterKernel>(shape, &counts[blocks]) == cudaSuccess) continue;
    cudaGetLastError();  // the device has no clusters of so many
    counts[blocks] = 0;
  }
  return counts;
}

template <class S>
uint64_t forward_workspace(const Strand& strand, int64_t steps, int64_t batch, bool training) {
  using Layout = ForwardLayout<S>;
  Carver carver;
  Layout::take(carver, strand, chunk_steps(steps, batch, Layout::keeps_products(strand, training)),
               batch, training);
  return carver.bytes();
}

template <class S>
lnrnnStatus_t run_forward(const CudaStream& stream, bool training, const ForwardArguments& call) {
  return Forward<S>(stream, training, call).run();
}

#define LNRNN_INSTANTIATE(S) \
  template uint64_t forward_workspace<S>(const Strand&, int64_t, int64_t, bool); \
  template lnrnnStatus_t run_forward<S>(const CudaStream&, bool, const ForwardArguments&);
LNRNN_INSTANTIATE(float)
LNRNN_INSTANTIATE(double)
LNRNN_INSTANTIATE(F16)
LNRNN_INSTANTIATE(Bf16)
#undef LNRNN_INSTANTIATE

}  // namespace lnrnn::cuda

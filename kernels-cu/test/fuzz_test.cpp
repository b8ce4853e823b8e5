// Random plans, sequences and buffers through the C API alone. Every buffer is a piece of heap memory
// with exactly the bytes that the call needs, so that AddressSanitizer sees the first byte too many;
// what a call may not write is compared with what it was. Checked is what is exact:
//   - legal calls succeed, and write finite numbers, as their inputs are small;
//   - repeated, with other garbage in workspace and outputs, they give the same bits; the forward pass
//     does so on another number of threads, too;
//   - gradients added to zeros are those that replace, added again they are twice as large;
//   - a call with one argument spoilt fails, with a sentence, and writes nothing.
// LNRNN_FUZZ_SECONDS says how long, LNRNN_FUZZ_SEED (printed) where to begin: input i has the seed
// that is i higher. LNRNN_FUZZ_DEVICE names another device than the CPU: "cuda".
#include <unistd.h>

#include <chrono>
#include <cinttypes>
#include <cmath>
#include <csignal>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "check.h"
#include "lnrnn.h"

namespace {

uint64_t seed_now;  // of the input that is being run
int inputs, refused_plans, calls, spoilt_calls;

#define EXPECT(condition) \
  do { \
    const bool expect_holds = (condition); \
    CHECK(expect_holds); \
    if (!expect_holds) \
      std::printf("  %s, LNRNN_FUZZ_SEED=%" PRIu64 " (%s)\n", #condition, seed_now, \
                  lnrnnGetLastErrorMessage()); \
  } while (false)

class Random {
 public:
  explicit Random(uint64_t seed) : engine_(seed) {}
  int64_t between(int64_t low, int64_t high) {
    return low + int64_t(engine_() % uint64_t(high - low + 1));
  }
  bool one_in(int64_t n) { return between(1, n) == 1; }
  double real() { return double(engine_() >> 11) * 0x1p-53; }
  template <class T>
  T pick(std::initializer_list<T> values) {
    return values.begin()[between(0, int64_t(values.size()) - 1)];
  }

 private:
  std::mt19937_64 engine_;
};

size_t bytes_of(int32_t type) {
  return type == LNRNN_DATA_F64 ? 8 : type == LNRNN_DATA_F32 ? 4 : 2;
}

void encode(int32_t type, double value, unsigned char* to) {
  if (type == LNRNN_DATA_F64) {
    std::memcpy(to, &value, 8);
    return;
  }
  const float single = float(value);
  uint32_t bits;
  std::memcpy(&bits, &single, 4);
  if (type == LNRNN_DATA_F32) {
    std::memcpy(to, &bits, 4);
    return;
  }
  // Of 16 bits only numbers that are exact there are asked for: multiples of 1/64 below 2.
  uint16_t half = uint16_t(bits >> 16);
  if (type == LNRNN_DATA_F16) {
    const uint32_t exponent = bits >> 23 & 0xff;
    half = exponent == 0
               ? 0
               : uint16_t((bits >> 16 & 0x8000) | (exponent - 112) << 10 | (bits >> 13 & 0x3ff));
  }
  std::memcpy(to, &half, 2);
}

bool is_finite(int32_t type, const unsigned char* at) {
  if (type == LNRNN_DATA_F64) {
    double value;
    std::memcpy(&value, at, 8);
    return std::isfinite(value);
  }
  if (type == LNRNN_DATA_F32) {
    float value;
    std::memcpy(&value, at, 4);
    return std::isfinite(value);
  }
  uint16_t half;
  std::memcpy(&half, at, 2);
  const uint16_t exponent = type == LNRNN_DATA_F16 ? 0x7c00 : 0x7f80;
  return (half & exponent) != exponent;
}

double number(int32_t type, const unsigned char* at) {
  if (type == LNRNN_DATA_F64) {
    double value;
    std::memcpy(&value, at, 8);
    return value;
  }
  float value;
  std::memcpy(&value, at, 4);
  return value;
}

lnrnnHandle_t the_handle, other_handle;
bool on_cpu = true;

void must(lnrnnStatus_t status) { EXPECT(status == LNRNN_STATUS_SUCCESS); }

using Bytes = std::vector<unsigned char>;

// Exactly so many bytes: on the CPU a piece of the heap of its own, elsewhere the device's memory.
class Memory {
 public:
  Memory(size_t bytes, bool cache_line) : bytes_(bytes) {
    if (!on_cpu) {
      must(lnrnnMalloc(the_handle, nullptr, bytes, &data_));
      fill(Bytes(bytes, 0));
    } else {
      data_ = cache_line ? std::aligned_alloc(64, (bytes + 63) / 64 * 64) : std::malloc(bytes);
    }
  }
  ~Memory() {
    if (!on_cpu) {
      must(lnrnnFree(the_handle, nullptr, data_));
    } else {
      std::free(data_);
    }
  }
  Memory(const Memory&) = delete;
  Memory& operator=(const Memory&) = delete;

  void* data() const { return data_; }
  size_t bytes() const { return bytes_; }
  void fill(const Bytes& values) {
    if (bytes_ == 0) return;
    if (on_cpu) {
      std::memcpy(data_, values.data(), bytes_);
    } else {
      must(lnrnnMemcpy(the_handle, nullptr, data_, values.data(), bytes_));
    }
  }
  Bytes read() const {
    Bytes values(bytes_);
    if (bytes_ == 0) return values;
    if (on_cpu) {
      std::memcpy(values.data(), data_, bytes_);
    } else {
      must(lnrnnMemcpy(the_handle, nullptr, values.data(), data_, bytes_));
      must(lnrnnStreamSynchronize(the_handle, nullptr));
    }
    return values;
  }

 private:
  void* data_ = nullptr;
  size_t bytes_;
};

// (T,N,F) in memory: where its elements stand, and how many bytes that takes.
struct View {
  int64_t steps, rows, features, step_stride, row_stride;

  size_t elements() const {
    if (steps == 0 || rows == 0) return 0;
    return size_t((steps - 1) * step_stride + (rows - 1) * row_stride + features);
  }
  size_t first(int64_t t, int64_t n) const { return size_t(t * step_stride + n * row_stride); }
};

View view(Random& random, int64_t steps, int64_t rows, int64_t features, bool may_coincide) {
  const int64_t width = features + (random.one_in(3) ? random.between(0, 5) : 0);
  if (may_coincide && random.one_in(8)) return {steps, rows, features, width, 0};
  if (random.one_in(2)) return {steps, rows, features, rows * width, width};
  return {steps, rows, features, width, steps * width};
}

// A pointer argument: NULL, or memory of which what was there is known.
struct Tensor {
  std::unique_ptr<Memory> memory;
  int32_t type = LNRNN_DATA_F32;
  Bytes before;

  void* data() const { return memory ? memory->data() : nullptr; }
  size_t bytes() const { return memory ? memory->bytes() : 0; }
  bool is_as_before() const { return !memory || memory->read() == before; }
  // Filled with other garbage each time, which no result may depend on.
  void spoil(Random& random) {
    if (!memory) return;
    const unsigned char garbage = random.pick<unsigned char>({0x00, 0x3c, 0x7f, 0xff});
    before.assign(memory->bytes(), garbage);
    memory->fill(before);
  }
  void is_written() {
    if (memory) before = memory->read();
  }
};

Tensor empty() { return {}; }

Tensor tensor(size_t bytes, bool cache_line = false) {
  Tensor made;
  made.memory = std::make_unique<Memory>(bytes, cache_line);
  made.before.assign(bytes, 0);
  made.memory->fill(made.before);
  return made;
}

Tensor numbers(Random& random, int32_t type, size_t elements) {
  Tensor made = tensor(elements * bytes_of(type));
  made.type = type;
  for (size_t i = 0; i < elements; ++i)
    encode(type, double(random.between(-100, 100)) / 64, &made.before[i * bytes_of(type)]);
  made.memory->fill(made.before);
  return made;
}

Tensor mask(Random& random, size_t bytes) {
  Tensor made = tensor(bytes);
  for (unsigned char& keep : made.before)
    keep = random.one_in(3) ? 0 : random.pick<unsigned char>({1, 255});
  made.memory->fill(made.before);
  return made;
}

// One plan, and what all calls of it share.
struct Case {
  Random random;
  lnrnnPlanDescription_t spec = {};
  lnrnnPlan_t plan = nullptr;
  lnrnnPlanSizes_t sizes = {};
  lnrnnSequence_t sequence = {};
  int64_t T = 0, N = 0, C = 0, H = 0, D = 1, S = 1, G = 4;
  int32_t type = LNRNN_DATA_F32, sum_type = LNRNN_DATA_F32;
  View x_view, y_view, dx_view, dy_view;
  bool has_lengths = false;
  std::vector<int64_t> lengths;
  Tensor x, h0, c0, parameters, packed, zoneout_mask, dropconnect_mask, random_numbers, dy, dhn,
      dcn;
  Tensor y, hn, cn, reserve, workspace, gradients, dx, dh0, dc0;

  explicit Case(uint64_t seed) : random(seed) {}
  ~Case() {
    if (plan != nullptr) must(lnrnnPlanDestroy(plan));
  }

  const int64_t* row_lengths() const { return has_lengths ? lengths.data() : nullptr; }
  size_t state_bytes() const { return size_t(sizes.stateBytes); }
  int64_t length(int64_t n) const { return has_lengths ? lengths[size_t(n)] : T; }

  std::vector<Tensor*> inputs() {
    return {&x,  &h0,  &c0, &parameters, &packed, &zoneout_mask, &dropconnect_mask, &random_numbers,
            &dy, &dhn, &dcn};
  }
  std::vector<Tensor*> outputs() {
    return {&y, &hn, &cn, &reserve, &workspace, &gradients, &dx, &dh0, &dc0};
  }
  void keep() {
    for (Tensor* output : outputs()) output->is_written();
  }
  bool inputs_are_as_before() {
    for (Tensor* input : inputs())
      if (!input->is_as_before()) return false;
    return true;
  }
  bool outputs_are_as_before() {
    for (Tensor* output : outputs())
      if (!output->is_as_before()) return false;
    return true;
  }

  void describe();
  bool make_plan();
  void make_sequence();
  void make_tensors();
};

void Case::describe() {
  spec.structSize = sizeof spec;
  spec.cell = int32_t(random.between(0, 2));
  spec.normalization = int32_t(random.between(0, spec.cell == LNRNN_CELL_LSTM ? 4 : 1));
  spec.dataType = int32_t(random.between(0, 3));
  spec.direction = int32_t(random.between(0, 1));
  spec.layers = int32_t(random.between(1, 3));
  spec.flags = uint32_t(random.between(0, 7));
  C = spec.inputSize = random.one_in(3) ? random.between(1, 70) : random.between(1, 9);
  H = spec.hiddenSize = random.one_in(3) ? random.between(1, 70) : random.between(1, 17);
  spec.epsilon = random.pick({1e-5, 1e-3, 0.5});
  spec.zoneout = random.pick({0.0, 0.0, 0.3, 1.0});
  spec.zoneoutCell = spec.cell == LNRNN_CELL_LSTM ? random.pick({0.0, 0.0, 0.4, 1.0}) : 0;
  spec.dropconnect = spec.cell == LNRNN_CELL_INDRNN ? 0 : random.pick({0.0, 0.0, 0.3, 1.0});
  spec.dropout = spec.layers == 1 ? 0 : random.pick({0.0, 0.3, 1.0});
  if (!on_cpu) spec.layers = int32_t(random.between(1, 2));
  if (spec.layers == 1) spec.dropout = 0;
}

bool Case::make_plan() {
  lnrnnPlan_t none = reinterpret_cast<lnrnnPlan_t>(&random);
  plan = none;
  const lnrnnStatus_t status = lnrnnPlanCreate(the_handle, &spec, &plan);
  if (status != LNRNN_STATUS_SUCCESS) {
    EXPECT(status == LNRNN_STATUS_INVALID_ARGUMENT || status == LNRNN_STATUS_NOT_SUPPORTED);
    EXPECT(lnrnnGetLastErrorMessage()[0] != 0);
    EXPECT(plan == none);
    plan = nullptr;
    ++refused_plans;
    return false;
  }
  return true;
}

void Case::make_sequence() {
  T = random.between(0, on_cpu ? 7 : 3);
  N = random.between(0, on_cpu ? 6 : 3);
  D = spec.direction == LNRNN_DIRECTION_BIDIRECTIONAL ? 2 : 1;
  S = D * spec.layers;
  G = spec.cell == LNRNN_CELL_LSTM ? 4 : spec.cell == LNRNN_CELL_GRU ? 3 : 1;
  type = spec.dataType;
  sum_type = type == LNRNN_DATA_F64 ? LNRNN_DATA_F64 : LNRNN_DATA_F32;
  x_view = view(random, T, N, C, true);
  y_view = view(random, T, N, D * H, false);
  dx_view = view(random, T, N, C, false);
  dy_view = view(random, T, N, D * H, true);
  sequence.structSize = sizeof sequence;
  sequence.steps = T;
  sequence.batch = N;
  sequence.xStepStride = x_view.step_stride;
  sequence.xRowStride = x_view.row_stride;
  sequence.yStepStride = y_view.step_stride;
  sequence.yRowStride = y_view.row_stride;
  sequence.dxStepStride = dx_view.step_stride;
  sequence.dxRowStride = dx_view.row_stride;
  sequence.dyStepStride = dy_view.step_stride;
  sequence.dyRowStride = dy_view.row_stride;
  sequence.seed = uint64_t(random.between(0, INT64_MAX - 1));
  sequence.stepOffset = random.one_in(4) ? (int64_t(1) << 32) - T : random.between(0, 100);
  sequence.rowOffset = random.one_in(4) ? (int64_t(1) << 32) - N : random.between(0, 100);
  has_lengths = random.one_in(2);
  lengths.clear();
  for (int64_t n = 0; n < N; ++n) lengths.push_back(random.between(0, T));
  sizes.structSize = sizeof sizes;
  must(lnrnnPlanGetSizes(plan, T, N, &sizes));
}

void Case::make_tensors() {
  const size_t state = size_t(S * N * H);
  EXPECT(sizes.stateBytes == state * bytes_of(sum_type));
  const bool lstm = spec.cell == LNRNN_CELL_LSTM;
  const auto maybe = [&](bool wanted, int32_t of, size_t elements) {
    return wanted && !random.one_in(3) ? numbers(random, of, elements) : empty();
  };
  x = numbers(random, type, x_view.elements());
  h0 = maybe(true, sum_type, state);
  c0 = maybe(lstm, sum_type, state);
  dy = maybe(true, type, dy_view.elements());
  dhn = maybe(true, sum_type, state);
  dcn = maybe(lstm, sum_type, state);
  zoneout_mask =
      spec.zoneout > 0 && random.one_in(2) ? mask(random, size_t(S * T * N * H)) : empty();
  dropconnect_mask =
      spec.dropconnect > 0 && random.one_in(2) ? mask(random, size_t(S * G * H * H)) : empty();
  random_numbers = random.one_in(3) ? tensor(24) : empty();
  if (random_numbers.memory) {
    const uint64_t values[3] = {uint64_t(random.between(0, 1000)),
                                uint64_t(random.between(0, 1000)), 7};
    std::memcpy(random_numbers.before.data(), values, sizeof values);
    random_numbers.memory->fill(random_numbers.before);
  }
  parameters = tensor(size_t(sizes.parameterBytes), true);
  must(lnrnnInitializeParameters(plan, nullptr, sequence.seed, parameters.data(),
                                 parameters.bytes()));
  parameters.before = parameters.memory->read();
  packed = tensor(size_t(sizes.packedBytes), true);
  must(lnrnnPackWeights(plan, nullptr, parameters.data(), parameters.bytes(), packed.data(),
                        packed.bytes()));
  packed.before = packed.memory->read();
  y = maybe(true, type, y_view.elements());
  hn = maybe(true, sum_type, state);
  cn = maybe(lstm, sum_type, state);
  gradients = random.one_in(6) ? empty() : tensor(size_t(sizes.gradientBytes));
  dx = maybe(true, type, dx_view.elements());
  dh0 = maybe(true, sum_type, state);
  dc0 = maybe(lstm, sum_type, state);
  reserve = tensor(size_t(sizes.reserveBytes), true);
}

// What a call is, so that it can be repeated, with its arguments spoilt one at a time.
struct Arguments {
  lnrnnPlan_t plan;
  lnrnnSequence_t sequence;
  std::vector<int64_t> lengths;
  bool has_lengths;
  const void *x, *h0, *c0, *weights, *dy, *dhn, *dcn, *read_reserve;
  const uint8_t *zoneout_mask, *dropconnect_mask;
  const uint64_t* random;
  void *y, *hn, *cn, *reserve, *workspace, *gradients, *dx, *dh0, *dc0, *h, *c;
  size_t x_bytes, y_bytes, weight_bytes, state_bytes, reserve_bytes, workspace_bytes,
      gradient_bytes, dx_bytes, dy_bytes, zoneout_bytes, dropconnect_bytes;
};

Arguments arguments(Case& c, const Tensor& weights) {
  Arguments a = {};
  a.plan = c.plan;
  a.sequence = c.sequence;
  a.lengths = c.lengths;
  a.has_lengths = c.has_lengths;
  a.x = c.x.data(), a.x_bytes = c.x.bytes();
  a.h0 = c.h0.data(), a.c0 = c.c0.data();
  a.weights = weights.data(), a.weight_bytes = weights.bytes();
  a.dy = c.dy.data(), a.dy_bytes = c.dy.bytes();
  a.dhn = c.dhn.data(), a.dcn = c.dcn.data();
  a.zoneout_mask = static_cast<const uint8_t*>(c.zoneout_mask.data()),
  a.zoneout_bytes = c.zoneout_mask.bytes();
  a.dropconnect_mask = static_cast<const uint8_t*>(c.dropconnect_mask.data());
  a.dropconnect_bytes = c.dropconnect_mask.bytes();
  a.random = static_cast<const uint64_t*>(c.random_numbers.data());
  a.y = c.y.data(), a.y_bytes = c.y.bytes();
  a.hn = c.hn.data(), a.cn = c.cn.data(), a.state_bytes = c.state_bytes();
  a.reserve = c.reserve.data(), a.read_reserve = c.reserve.data(),
  a.reserve_bytes = c.reserve.bytes();
  a.workspace = c.workspace.data(), a.workspace_bytes = c.workspace.bytes();
  a.gradients = c.gradients.data(), a.gradient_bytes = c.gradients.bytes();
  a.dx = c.dx.data(), a.dx_bytes = c.dx.bytes();
  a.dh0 = c.dh0.data(), a.dc0 = c.dc0.data();
  return a;
}

const int64_t* lengths_of(const Arguments& a) { return a.has_lengths ? a.lengths.data() : nullptr; }

lnrnnStatus_t infer(const Arguments& a) {
  ++calls;
  return lnrnnForwardInference(a.plan, nullptr, &a.sequence, lengths_of(a), a.weights,
                               a.weight_bytes, a.x, a.x_bytes, a.h0, a.c0, a.y, a.y_bytes, a.hn,
                               a.cn, a.state_bytes, a.workspace, a.workspace_bytes);
}

lnrnnStatus_t train(const Arguments& a) {
  ++calls;
  return lnrnnForwardTraining(a.plan, nullptr, &a.sequence, lengths_of(a), a.weights,
                              a.weight_bytes, a.x, a.x_bytes, a.h0, a.c0, a.zoneout_mask,
                              a.zoneout_bytes, a.dropconnect_mask, a.dropconnect_bytes, a.random,
                              a.y, a.y_bytes, a.hn, a.cn, a.state_bytes, a.reserve, a.reserve_bytes,
                              a.workspace, a.workspace_bytes);
}

lnrnnStatus_t backward(const Arguments& a) {
  ++calls;
  return lnrnnBackward(a.plan, nullptr, &a.sequence, lengths_of(a), a.weights, a.weight_bytes, a.x,
                       a.x_bytes, a.zoneout_mask, a.zoneout_bytes, a.dropconnect_mask,
                       a.dropconnect_bytes, a.random, a.dy, a.dy_bytes, a.dhn, a.dcn,
                       a.read_reserve, a.reserve_bytes, a.gradients, a.gradient_bytes, a.dx,
                       a.dx_bytes, a.dh0, a.dc0, a.state_bytes, a.workspace, a.workspace_bytes);
}

lnrnnStatus_t step(const Arguments& a) {
  ++calls;
  return lnrnnStep(a.plan, nullptr, a.sequence.batch, a.weights, a.weight_bytes, a.x, a.x_bytes,
                   a.h, a.c, a.state_bytes, a.workspace, a.workspace_bytes);
}

using Call = std::function<lnrnnStatus_t(const Arguments&)>;

// Whether all elements of a state, or of the flat gradients, are numbers.
bool finite(const Tensor& state) {
  const Bytes values = state.memory ? state.memory->read() : Bytes();
  for (size_t i = 0; i < values.size(); i += bytes_of(state.type))
    if (!is_finite(state.type, &values[i])) return false;
  return true;
}

// Elements are numbers, 0 beyond a row's length; what lies between the rows is as it was.
void expect_sequence(Case& c, const Tensor& written, const View& v) {
  if (!written.memory) return;
  const Bytes now = written.memory->read();
  const size_t bytes = bytes_of(c.type);
  std::vector<bool> owned(now.size() / bytes);
  bool numbers_only = true, zero_beyond = true, untouched = true;
  for (int64_t t = 0; t < c.T; ++t) {
    for (int64_t n = 0; n < c.N; ++n) {
      for (int64_t j = 0; j < v.features; ++j) {
        const size_t i = v.first(t, n) + size_t(j);
        owned[i] = true;
        numbers_only = numbers_only && is_finite(c.type, &now[i * bytes]);
        if (t >= c.length(n))
          for (size_t b = 0; b < bytes; ++b) zero_beyond = zero_beyond && now[i * bytes + b] == 0;
      }
    }
  }
  for (size_t i = 0; i < owned.size(); ++i)
    if (!owned[i])
      untouched = untouched && std::memcmp(&now[i * bytes], &written.before[i * bytes], bytes) == 0;
  EXPECT(numbers_only);
  EXPECT(zero_beyond);
  EXPECT(untouched);
}

// The elements alone: what lies between them differs from garbage to garbage.
Bytes elements(Case& c, const Tensor& tensor, const View& v) {
  Bytes packed;
  if (!tensor.memory) return packed;
  const Bytes now = tensor.memory->read();
  const size_t bytes = bytes_of(c.type);
  for (int64_t t = 0; t < c.T; ++t) {
    for (int64_t n = 0; n < c.N; ++n) {
      const auto first = now.begin() + std::ptrdiff_t(v.first(t, n) * bytes);
      packed.insert(packed.end(), first, first + std::ptrdiff_t(size_t(v.features) * bytes));
    }
  }
  return packed;
}

Bytes read(const Tensor& tensor) { return tensor.memory ? tensor.memory->read() : Bytes(); }

struct Results {
  Bytes y, hn, cn;
  bool operator==(const Results& o) const { return y == o.y && hn == o.hn && cn == o.cn; }
};

Results forward_results(Case& c) { return {elements(c, c.y, c.y_view), read(c.hn), read(c.cn)}; }

// Spoils one argument. Answers whether it did: not all of them mean something to every call.

#define SPOIL_BYTES(needed, pointer, bytes) \
  if (!(needed) || a.bytes == 0 || a.pointer == nullptr) return false; \
  --a.bytes; \
  return true
#define SPOIL_NULL(needed, pointer, bytes) \
  if (!(needed) || a.bytes == 0 || a.pointer == nullptr) return false; \
  a.pointer = nullptr; \
  return true

template <class P>
P shifted(P pointer, size_t bytes) {
  return reinterpret_cast<P>(reinterpret_cast<uintptr_t>(pointer) + bytes);
}

bool spoil(Case& c, Arguments& a, bool is_step, bool is_train, bool is_backward) {
  Random& random = c.random;
  const bool data = is_step ? c.N > 0 : c.T > 0 && c.N > 0;
  const bool is_infer = !is_step && !is_train && !is_backward;
  const bool masks = is_train || is_backward;
  switch (random.between(0, 25)) {
    case 0: SPOIL_BYTES(true, weights, weight_bytes);
    case 1: SPOIL_NULL(true, weights, weight_bytes);
    case 2: SPOIL_BYTES(data, x, x_bytes);
    case 3: SPOIL_NULL(data && !is_backward, x, x_bytes);
    case 4: SPOIL_BYTES(true, workspace, workspace_bytes);
    case 5: SPOIL_NULL(true, workspace, workspace_bytes);
    case 6: SPOIL_BYTES(masks, reserve, reserve_bytes);
    case 7: SPOIL_NULL(is_train, reserve, reserve_bytes);
    case 8: SPOIL_NULL(is_backward, read_reserve, reserve_bytes);
    case 9: SPOIL_BYTES(data && (is_infer || is_train), y, y_bytes);
    case 10: SPOIL_BYTES(is_backward, gradients, gradient_bytes);
    case 11: SPOIL_BYTES(is_backward && data, dx, dx_bytes);
    case 12: SPOIL_BYTES(is_backward && data, dy, dy_bytes);
    case 13: SPOIL_BYTES(masks, zoneout_mask, zoneout_bytes);
    case 14: SPOIL_BYTES(masks, dropconnect_mask, dropconnect_bytes);
    case 15:
      if (is_step ? a.h == nullptr : is_backward ? !a.dhn && !a.dh0 : !a.h0 && !a.hn) return false;
      if (a.state_bytes == 0) return false;
      --a.state_bytes;
      return true;
    case 16:
      if (is_step) return false;
      a.sequence.flags |= 0x80000000u;
      return true;
    case 17:
      if (is_step) return false;
      a.sequence.reserved = 1;
      return true;
    case 18:
      if (is_step) return false;
      a.sequence.structSize = random.pick<size_t>({0, 7, 12, sizeof a.sequence - 1, 1 << 20});
      return true;
    case 19:
      if (is_step || random.one_in(2)) {
        a.sequence.batch = -random.between(1, 5);
      } else {
        a.sequence.steps = -1;
      }
      return true;
    case 20:
      if (is_step || !data) return false;
      (random.one_in(2) ? a.sequence.xStepStride : a.sequence.xRowStride) = -1;
      return true;
    case 21:
      if (is_step || c.N == 0 || !a.has_lengths) return false;
      a.lengths[size_t(random.between(0, c.N - 1))] =
          random.pick<int64_t>({-1, c.T + 1, INT64_MAX, INT64_MIN});
      return true;
    case 22:
      if (is_step) return false;
      a.sequence.stepOffset = (int64_t(1) << 32) - c.T + 1;
      return true;
    case 23: {
      if (!data) return false;
      const void*& x = a.x;
      x = shifted(x, 1);
      a.x_bytes -= 1;
      return true;
    }
    case 24:
      if (a.workspace_bytes == 0) return false;
      a.workspace = shifted(a.workspace, 8);
      return true;
    default:
      if (c.spec.cell == LNRNN_CELL_LSTM || a.state_bytes == 0) return false;
      if (is_step) {
        a.c = a.h;
      } else if (is_backward) {
        a.dcn = c.x.data();
      } else {
        a.c0 = c.x.data();
      }
      return true;
  }
}

void expect_refusals(Case& c, const Arguments& good, const Call& call, bool is_step, bool is_train,
                     bool is_backward) {
  for (int i = 0; i < 6; ++i) {
    Arguments a = good;
    if (!spoil(c, a, is_step, is_train, is_backward)) continue;
    c.keep();
    ++spoilt_calls;
    const lnrnnStatus_t status = call(a);
    EXPECT(status != LNRNN_STATUS_SUCCESS);
    EXPECT(status != LNRNN_STATUS_INTERNAL_ERROR);
    EXPECT(lnrnnGetLastErrorMessage()[0] != 0);
    EXPECT(c.inputs_are_as_before());
    EXPECT(c.outputs_are_as_before());
  }
}

void spoil_outputs(Case& c) {
  for (Tensor* output : {&c.y, &c.hn, &c.cn, &c.workspace, &c.dx, &c.dh0, &c.dc0, &c.gradients})
    output->spoil(c.random);
}

void check_inference(Case& c) {
  c.workspace = tensor(size_t(c.sizes.inferenceWorkspaceBytes), true);
  spoil_outputs(c);
  const Arguments a = arguments(c, c.packed);
  must(infer(a));
  expect_sequence(c, c.y, c.y_view);
  EXPECT(finite(c.hn) && finite(c.cn));
  EXPECT(c.inputs_are_as_before());
  const Results once = forward_results(c);
  spoil_outputs(c);
  must(infer(a));
  EXPECT(forward_results(c) == once);
  expect_refusals(c, a, infer, false, false, false);
}

void check_step(Case& c) {
  if (c.D == 2) {
    lnrnnPlanSizes_t sizes = c.sizes;
    must(lnrnnPlanGetSizes(c.plan, 1, c.N, &sizes));
    return;
  }
  const size_t state = size_t(c.S * c.N * c.H);
  Tensor row = numbers(c.random, c.type, size_t(c.N * c.C));
  Tensor h = numbers(c.random, c.sum_type, state);
  Tensor cell = c.spec.cell == LNRNN_CELL_LSTM ? numbers(c.random, c.sum_type, state) : empty();
  c.workspace = tensor(size_t(c.sizes.stepWorkspaceBytes), true);
  c.workspace.spoil(c.random);
  Arguments a = arguments(c, c.packed);
  a.x = row.data(), a.x_bytes = row.bytes();
  a.h = h.data(), a.c = cell.data();
  const Bytes h_before = h.before, c_before = cell.before;
  expect_refusals(c, a, step, true, false, false);
  EXPECT(h.is_as_before() && cell.is_as_before());
  must(step(a));
  EXPECT(finite(h) && finite(cell) && row.is_as_before() && c.inputs_are_as_before());
  const Bytes h_once = read(h), c_once = read(cell);
  h.memory->fill(h_before);
  if (cell.memory) cell.memory->fill(c_before);
  c.workspace.spoil(c.random);
  must(step(a));
  EXPECT(read(h) == h_once && read(cell) == c_once);
}

void expect_twice(const Case& c, const Bytes& once, const Bytes& twice) {
  const size_t bytes = bytes_of(c.sum_type);
  const double unit = c.sum_type == LNRNN_DATA_F64 ? 0x1p-52 : 0x1p-23;
  bool good = true;
  for (size_t i = 0; i < once.size(); i += bytes) {
    const double one = number(c.sum_type, &once[i]), two = number(c.sum_type, &twice[i]);
    // The second sum begins where the first ended, and rounds on the way.
    good = good && std::fabs(two - 2 * one) <= 1e3 * unit * (1 + std::fabs(one));
  }
  EXPECT(good);
}

void check_training(Case& c) {
  c.workspace = tensor(size_t(c.sizes.trainingWorkspaceBytes), true);
  spoil_outputs(c);
  c.reserve.spoil(c.random);
  Arguments a = arguments(c, c.parameters);
  expect_refusals(c, a, train, false, true, false);
  must(train(a));
  expect_sequence(c, c.y, c.y_view);
  EXPECT(finite(c.hn) && finite(c.cn));
  EXPECT(c.inputs_are_as_before());
  const Results once = forward_results(c);
  spoil_outputs(c);
  c.reserve.spoil(c.random);
  must(train(a));
  EXPECT(forward_results(c) == once);

  c.keep();
  const Bytes kept = read(c.reserve);
  c.workspace = tensor(size_t(c.sizes.backwardWorkspaceBytes), true);
  spoil_outputs(c);
  c.gradients.type = c.sum_type;
  a = arguments(c, c.parameters);
  must(backward(a));
  expect_sequence(c, c.dx, c.dx_view);
  EXPECT(finite(c.dh0) && finite(c.dc0) && finite(c.gradients));
  EXPECT(c.inputs_are_as_before() && read(c.reserve) == kept);
  const Bytes dx = elements(c, c.dx, c.dx_view), dh0 = read(c.dh0), dc0 = read(c.dc0),
              dw = read(c.gradients);
  spoil_outputs(c);
  must(backward(a));
  EXPECT(elements(c, c.dx, c.dx_view) == dx && read(c.dh0) == dh0 && read(c.dc0) == dc0 &&
         read(c.gradients) == dw);
  if (c.gradients.memory) {
    a.sequence.flags = LNRNN_SEQUENCE_ACCUMULATE;
    c.gradients.memory->fill(Bytes(dw.size(), 0));
    must(backward(a));
    const Bytes added = read(c.gradients);
    must(backward(a));
    expect_twice(c, dw, read(c.gradients));
    for (size_t i = 0; i < dw.size(); i += bytes_of(c.sum_type))
      if (number(c.sum_type, &added[i]) != number(c.sum_type, &dw[i])) {
        EXPECT(!"gradients added to zeros are those that replace");
        break;
      }
    a.sequence.flags = 0;
  }
  expect_refusals(c, a, backward, false, false, true);
}

// The forward pass has the same bits on any number of threads.
void check_threads(Case& c) {
  if (other_handle == nullptr || !c.y.memory || c.T == 0 || c.N == 0) return;
  c.workspace = tensor(size_t(c.sizes.inferenceWorkspaceBytes), true);
  must(infer(arguments(c, c.packed)));
  const Bytes expected = elements(c, c.y, c.y_view);
  lnrnnPlan_t plan = nullptr;
  must(lnrnnPlanCreate(other_handle, &c.spec, &plan));
  lnrnnPlanSizes_t sizes = {};
  sizes.structSize = sizeof sizes;
  must(lnrnnPlanGetSizes(plan, c.T, c.N, &sizes));
  Tensor packed = tensor(size_t(sizes.packedBytes), true);
  must(lnrnnPackWeights(plan, nullptr, c.parameters.data(), c.parameters.bytes(), packed.data(),
                        packed.bytes()));
  c.workspace = tensor(size_t(sizes.inferenceWorkspaceBytes), true);
  Arguments a = arguments(c, packed);
  a.plan = plan;
  c.y.spoil(c.random);
  must(infer(a));
  EXPECT(elements(c, c.y, c.y_view) == expected);
  must(lnrnnPlanDestroy(plan));
}

void run(uint64_t seed) {
  seed_now = seed;
  ++inputs;
  Case c(seed);
  c.describe();
  if (!c.make_plan()) return;
  for (int sequences = 0; sequences < 2; ++sequences) {
    c.make_sequence();
    c.make_tensors();
    check_inference(c);
    check_step(c);
    check_training(c);
    check_threads(c);
  }
}

uint64_t number_from(const char* name, uint64_t otherwise) {
  const char* text = std::getenv(name);
  return text != nullptr && *text != 0 ? std::strtoull(text, nullptr, 10) : otherwise;
}

constexpr unsigned kLongestInputSeconds = 240;

void hangs(int) {
  std::printf("still running after %u s: LNRNN_FUZZ_SEED=%" PRIu64 "\n", kLongestInputSeconds,
              seed_now);
  std::_Exit(EXIT_FAILURE);
}

}  // namespace

int main() {
  const char* device = std::getenv("LNRNN_FUZZ_DEVICE");
  on_cpu = device == nullptr || std::strcmp(device, "cuda") != 0;
  const uint64_t seconds = number_from("LNRNN_FUZZ_SECONDS", on_cpu ? 5 : 2);
  uint64_t seed = number_from("LNRNN_FUZZ_SEED", std::random_device()() * uint64_t(1000003));
  // What is known shall be seen, however it ends.
  std::setvbuf(stdout, nullptr, _IOLBF, BUFSIZ);
  std::signal(SIGALRM, hangs);
  std::printf("LNRNN_FUZZ_SEED=%" PRIu64 "\n", seed);
  must(lnrnnCreate(on_cpu ? LNRNN_DEVICE_CPU : LNRNN_DEVICE_CUDA, 0, on_cpu ? 2 : 0, nullptr,
                   &the_handle));
  if (on_cpu) must(lnrnnCreate(LNRNN_DEVICE_CPU, 0, 3, nullptr, &other_handle));
  if (check::failures > 0) return check::summary();
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(seconds);
  do {
    alarm(kLongestInputSeconds);
    run(seed++);
  } while (check::failures == 0 && std::chrono::steady_clock::now() < end);
  if (other_handle != nullptr) must(lnrnnDestroy(other_handle));
  must(lnrnnDestroy(the_handle));
  std::printf("%d plans (%d refused), %d calls, %d of them spoilt\n", inputs, refused_plans, calls,
              spoilt_calls);
  return check::summary();
}

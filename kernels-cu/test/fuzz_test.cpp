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
#include <csignal>
#include <cstdio>

#include "fuzz_spoil.h"

using namespace fuzz;

namespace {

template <class Arguments>
lnrnnStatus_t call(lnrnnPlan_t plan, const Arguments& a) {
  ++calls;
  return args::run(plan, nullptr, &a);
}

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

template <class Arguments>
void expect_refusals(Case& c, const Arguments& good) {
  for (int i = 0; i < 6; ++i) {
    Arguments a = good;
    std::vector<int64_t> lengths = c.lengths;
    if (!spoil(c, a, lengths)) continue;
    c.keep();
    ++spoilt_calls;
    const lnrnnStatus_t status = call(c.plan, a);
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
  const auto a = c.inference(c.packed);
  must(call(c.plan, a));
  expect_sequence(c, c.y, c.y_view);
  EXPECT(finite(c.hn) && finite(c.cn));
  EXPECT(c.inputs_are_as_before());
  const Results once = forward_results(c);
  spoil_outputs(c);
  must(call(c.plan, a));
  EXPECT(forward_results(c) == once);
  expect_refusals(c, a);
}

void check_step(Case& c) {
  if (c.D == 2) {
    lnrnnPlanSizes_t sizes = c.sizes;
    must(lnrnnPlanGetSizes(c.plan, 1, c.N, &sizes));
    return;
  }
  Tensor row = numbers(c.random, c.type, size_t(c.N * c.C));
  Tensor h = numbers(c.random, c.sum_type, size_t(c.S * c.N * c.P));
  Tensor cell = c.spec.cell == LNRNN_CELL_LSTM
                    ? numbers(c.random, c.sum_type, size_t(c.S * c.N * c.H))
                    : empty();
  c.workspace = tensor(size_t(c.sizes.stepWorkspaceBytes), true);
  c.workspace.spoil(c.random);
  const auto a = c.step(row, h, cell);
  const Bytes h_before = h.before, c_before = cell.before;
  expect_refusals(c, a);
  EXPECT(h.is_as_before() && cell.is_as_before());
  must(call(c.plan, a));
  EXPECT(finite(h) && finite(cell) && row.is_as_before() && c.inputs_are_as_before());
  const Bytes h_once = read(h), c_once = read(cell);
  h.memory->fill(h_before);
  if (cell.memory) cell.memory->fill(c_before);
  c.workspace.spoil(c.random);
  must(call(c.plan, a));
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
  const auto training = c.training();
  expect_refusals(c, training);
  must(call(c.plan, training));
  expect_sequence(c, c.y, c.y_view);
  EXPECT(finite(c.hn) && finite(c.cn));
  EXPECT(c.inputs_are_as_before());
  const Results once = forward_results(c);
  spoil_outputs(c);
  c.reserve.spoil(c.random);
  must(call(c.plan, training));
  EXPECT(forward_results(c) == once);

  c.keep();
  const Bytes kept = read(c.reserve);
  c.workspace = tensor(size_t(c.sizes.backwardWorkspaceBytes), true);
  spoil_outputs(c);
  c.gradients.type = c.sum_type;
  auto a = c.gradient_pass();
  must(call(c.plan, a));
  expect_sequence(c, c.dx, c.dx_view);
  EXPECT(finite(c.dh0) && finite(c.dc0) && finite(c.gradients));
  EXPECT(c.inputs_are_as_before() && read(c.reserve) == kept);
  const Bytes dx = elements(c, c.dx, c.dx_view), dh0 = read(c.dh0), dc0 = read(c.dc0),
              dw = read(c.gradients);
  spoil_outputs(c);
  must(call(c.plan, a));
  EXPECT(elements(c, c.dx, c.dx_view) == dx && read(c.dh0) == dh0 && read(c.dc0) == dc0 &&
         read(c.gradients) == dw);
  if (c.gradients.memory) {
    a.flags = LNRNN_BACKWARD_ACCUMULATE;
    c.gradients.memory->fill(Bytes(dw.size(), 0));
    must(call(c.plan, a));
    const Bytes added = read(c.gradients);
    must(call(c.plan, a));
    expect_twice(c, dw, read(c.gradients));
    for (size_t i = 0; i < dw.size(); i += bytes_of(c.sum_type))
      if (number(c.sum_type, &added[i]) != number(c.sum_type, &dw[i])) {
        EXPECT(!"gradients added to zeros are those that replace");
        break;
      }
    a.flags = 0;
  }
  expect_refusals(c, a);
}

// Masks that are read: into as many bytes as they have, and given back they change no bit.
void check_masks(Case& c) {
  c.workspace = tensor(size_t(c.sizes.trainingWorkspaceBytes), true);
  const auto with = [&](const auto& a) {
    spoil_outputs(c);
    must(call(c.plan, a));
    return forward_results(c);
  };
  const auto drawn = c.training();
  const Results once = with(drawn);
  auto a = drawn;
  std::vector<Tensor> masks;
  for (int32_t kind = 0; kind < kMasks; ++kind) {
    lnrnnConstBuffer_t& member = *mask_members(a)[size_t(kind)];
    const int64_t bytes = c.mask_bytes(kind);
    Tensor mask = tensor(size_t(bytes));
    lnrnnMaskDraw_t draw = {
        sizeof draw,         kind, 0, c.T, c.N, c.sequence.seed, c.sequence.stepOffset,
        c.sequence.rowOffset};
    const auto read_mask = [&](const lnrnnMaskDraw_t& d, size_t size) {
      ++calls;
      return lnrnnDrawMask(c.plan, nullptr, &d, c.random_numbers.data(), c.random_numbers.bytes(),
                           mask.data(), size);
    };
    const auto refused = [&](const lnrnnMaskDraw_t& d, size_t size) {
      ++spoilt_calls;
      EXPECT(read_mask(d, size) != LNRNN_STATUS_SUCCESS);
      EXPECT(lnrnnGetLastErrorMessage()[0] != 0 && mask.is_as_before());
    };
    if (c.mask_probability(kind) == 0) {
      refused(draw, mask.bytes());
      continue;
    }
    if (bytes > 0) refused(draw, size_t(bytes - 1));
    lnrnnMaskDraw_t wrong = draw;
    if (c.random.one_in(2)) {
      wrong.batch = -1;
    } else {
      wrong.kind = c.random.pick({-1, kMasks});
    }
    refused(wrong, mask.bytes());
    must(read_mask(draw, mask.bytes()));
    if (member.pointer != nullptr) continue;
    member = {mask.data(), mask.bytes()};
    masks.push_back(std::move(mask));
  }
  EXPECT(with(a) == once);
}

// The forward pass has the same bits on any number of threads.
void check_threads(Case& c) {
  if (other_handle == nullptr || !c.y.memory || c.T == 0 || c.N == 0) return;
  c.workspace = tensor(size_t(c.sizes.inferenceWorkspaceBytes), true);
  must(call(c.plan, c.inference(c.packed)));
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
  c.y.spoil(c.random);
  must(call(plan, c.inference(packed)));
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
    check_masks(c);
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

// What the library reaches on a device, through the C API alone: one line of JSON for each shape,
// mode, data type and normalisation. Before something is timed, its results are compared with those
// of the CPU in f64, on the same numbers at the same widths (few steps and rows).
//
//   lnrnn_device_benchmark [--device cpu|cuda:N] [--out FILE] [--shapes ABCDEF] [--seconds EACH]
//                          [--probe]
//
// --probe only says whether the device is there. Exit status: 0, all results agree; 1, not all do;
// 2, the arguments or the machine do not allow it, and one sentence says why.
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include "device_network.h"
#include "json.h"
#include "samples.h"
#include "shapes.h"

using bench::Case;
using bench::DeviceNetwork;
using bench::done;
using bench::largest_error;
using bench::Shape;

namespace {

constexpr int kUnavailable = 2;

struct Options {
  std::string device = "cuda:0", out, shapes = "ABCDEF";
  double seconds = 0.5;
  bool probe = false;
};

struct Type {
  int32_t value;
  const char* name;
  // Largest error of outputs and of gradients; see largest_error.
  double out_bound, gradient_bound;
};
constexpr Type kTypes[] = {{LNRNN_DATA_F32, "f32", 1e-5, 5e-5},
                           {LNRNN_DATA_F64, "f64", 1e-12, 1e-11},
                           {LNRNN_DATA_BF16, "bf16", 3e-2, 1e-1},
                           {LNRNN_DATA_F16, "f16", 4e-3, 2e-2}};

struct Normalization {
  int32_t value;
  const char* name;
};
constexpr Normalization kNormalizations[] = {{LNRNN_NORMALIZATION_HASTE, "haste"},
                                             {LNRNN_NORMALIZATION_NONE, "none"}};

[[noreturn]] void refuse(const std::string& sentence) {
  std::fprintf(stderr, "%s\n", sentence.c_str());
  std::exit(kUnavailable);
}

Options parse(int argc, char** argv) {
  Options options;
  for (int i = 1; i < argc; ++i) {
    const std::string name = argv[i];
    if (name == "--probe") {
      options.probe = true;
      continue;
    }
    if (i + 1 == argc) refuse(name + " is not an option, or lacks its value");
    const char* const value = argv[++i];
    if (name == "--device") options.device = value;
    else if (name == "--out") options.out = value;
    else if (name == "--shapes") options.shapes = value;
    else if (name == "--seconds") options.seconds = std::atof(value);
    else refuse(name + " is not an option: --device, --out, --shapes, --seconds, --probe are");
  }
  return options;
}

lnrnnHandle_t open(const std::string& device) {
  const lnrnnHandle_t handle = bench::open(device);
  if (handle == nullptr) refuse(lnrnnGetLastErrorMessage());
  return handle;
}

Case case_of(const Shape& shape, const Normalization& normalization) {
  return {shape.steps, shape.batch, shape.input, shape.hidden, normalization.value};
}

struct Errors {
  double out, gradient;
};

Errors compare(lnrnnHandle_t device, lnrnnHandle_t cpu, const Case& whole, const Type& type) {
  Case few = whole;
  few.steps = std::min<int64_t>(whole.steps, 8);
  few.batch = std::min<int64_t>(whole.batch, 4);
  const auto ours = DeviceNetwork::create(device, few, type.value);
  const auto reference = DeviceNetwork::create(cpu, few, LNRNN_DATA_F64);
  Errors errors{};
  for (const auto* network : {&ours, &reference}) {
    (*network)->pack();
    (*network)->infer();
  }
  errors.out = largest_error(ours->outputs(), reference->outputs());
  for (const auto* network : {&ours, &reference}) (*network)->train();
  errors.gradient = largest_error(ours->gradients(), reference->gradients());
  return errors;
}

// Milliseconds: of the work, between two events of its stream, and until the calls return.
struct Timing {
  bench::Median complete, enqueue;
};

template <class F>
Timing time(lnrnnHandle_t device, double budget, const F& call) {
  lnrnnEvent_t start = nullptr, end = nullptr;
  done(lnrnnEventCreate(device, &start));
  done(lnrnnEventCreate(device, &end));
  struct Sample {
    double complete, enqueue;
  };
  const std::vector<Sample> samples = bench::repeat(budget, [&] {
    Sample sample{};
    done(lnrnnEventRecord(device, start, nullptr));
    sample.enqueue = 1e3 * bench::timed(call);
    done(lnrnnEventRecord(device, end, nullptr));
    done(lnrnnEventSynchronize(end));
    done(lnrnnEventElapsedMilliseconds(start, end, &sample.complete));
    return sample;
  });
  done(lnrnnEventDestroy(start));
  done(lnrnnEventDestroy(end));
  std::vector<double> complete, enqueue;
  for (const Sample& sample : samples) {
    complete.push_back(sample.complete);
    enqueue.push_back(sample.enqueue);
  }
  return {bench::median(std::move(complete)), bench::median(std::move(enqueue))};
}

void write_row(std::FILE* out, const Shape& shape, const char* mode, const Type& type,
               const Normalization& normalization, const Timing& timing, double error, bool good) {
  bench::JsonObject row;
  row.add("shape", std::string(1, shape.name)).add("steps", shape.steps).add("batch", shape.batch);
  row.add("input", shape.input).add("hidden", shape.hidden);
  row.add("mode", mode).add("system", "lnrnn");
  row.add("dtype", type.name).add("normalized", normalization.value != LNRNN_NORMALIZATION_NONE);
  row.add("median_ms", timing.complete.value).add("low_ms", timing.complete.low);
  row.add("high_ms", timing.complete.high).add("enqueue_ms", timing.enqueue.value);
  row.add("error", error).add("checked", good);
  std::fprintf(out, "%s\n", row.text().c_str());
  // Whoever stops this program keeps the rows that are done.
  std::fflush(out);
}

// Whether the results agree.
bool run(std::FILE* out, lnrnnHandle_t device, lnrnnHandle_t cpu, const Shape& shape,
         const Type& type, const Normalization& normalization, double budget) {
  const Case whole = case_of(shape, normalization);
  const Errors errors = compare(device, cpu, whole, type);
  const bool out_good = errors.out <= type.out_bound;
  const bool gradient_good = errors.gradient <= type.gradient_bound;
  const auto network = DeviceNetwork::create(device, whole, type.value);
  network->pack();
  write_row(out, shape, "inference", type, normalization,
            time(device, budget, [&] { network->infer(); }), errors.out, out_good);
  write_row(out, shape, "training", type, normalization,
            time(device, budget, [&] { network->train(); }), errors.gradient, gradient_good);
  return out_good && gradient_good;
}

// Whether the device has the type: asked with a network of no size.
bool supported(lnrnnHandle_t device, const Type& type) {
  if (DeviceNetwork::create(device, {1, 1, 1, 1}, type.value) != nullptr) return true;
  std::fprintf(stderr, "%s is left out: %s\n", type.name, lnrnnGetLastErrorMessage());
  return false;
}

}  // namespace

int main(int argc, char** argv) {
  const Options options = parse(argc, argv);
  const lnrnnHandle_t device = open(options.device);
  if (options.probe) {
    done(lnrnnDestroy(device));
    return EXIT_SUCCESS;
  }
  std::FILE* const out = options.out.empty() ? stdout : std::fopen(options.out.c_str(), "w");
  if (out == nullptr) refuse("cannot write " + options.out + ": " + std::strerror(errno));
  const lnrnnHandle_t cpu = open("cpu");
  bool good = true;
  for (const Type& type : kTypes) {
    if (!supported(device, type)) continue;
    for (const Shape& shape : bench::kShapes) {
      if (options.shapes.find(shape.name) == std::string::npos) continue;
      for (const Normalization& normalization : kNormalizations) {
        good &= run(out, device, cpu, shape, type, normalization, options.seconds);
      }
    }
  }
  std::fclose(out);
  done(lnrnnDestroy(cpu));
  done(lnrnnDestroy(device));
  return good ? EXIT_SUCCESS : EXIT_FAILURE;
}

// What the library reaches on a device, through the C API alone: one line of JSON for each shape,
// mode, data type and normalisation, by calls and by a graph of them. Before anything is timed its
// results are compared with those of the CPU in f64, on the same numbers at the same widths (few
// steps and rows).
//
//   lnrnn_device_benchmark [--device cpu|cuda:N] [--out FILE] [--shapes ABCDEF]
//                          [--types f32,f64,bf16,f16] [--seconds EACH] [--probe]
//
// --probe only says whether the device is there. Exit status: 0, all results agree; 1, not all do;
// 2, the arguments or the machine do not allow it, and one sentence says why.
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
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
  std::string device = "cuda:0", out, shapes = "ABCDEF", types;  // all, where types is empty
  double seconds = 0.5;
  bool probe = false;
};

struct Type {
  int32_t value;
  const char* name;
  // Largest error of outputs and of gradients; see largest_error. BF16 has 3 bits less than F16, and may
  // err 8 times as much in outputs.
  double out_bound, gradient_bound;
};
constexpr Type kTypes[] = {{LNRNN_DATA_F32, "f32", 1e-5, 5e-5},
                           {LNRNN_DATA_F64, "f64", 1e-12, 1e-11},
                           {LNRNN_DATA_BF16, "bf16", 3.2e-2, 1e-1},
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
    else if (name == "--types") options.types = value;
    else if (name == "--seconds") options.seconds = std::atof(value);
    else
      refuse(name +
             " is not an option: --device, --out, --shapes, --types, --seconds, --probe are");
  }
  return options;
}

lnrnnHandle_t open(const std::string& device) {
  const lnrnnHandle_t handle = bench::open(device);
  if (handle == nullptr) refuse(lnrnnGetLastErrorMessage());
  return handle;
}

// What is measured of a network, and the results by which it is checked.
struct Work {
  const char* mode;
  void (DeviceNetwork::*queue)();
  DeviceNetwork::Tensors (DeviceNetwork::*results)() const;
  double Type::*bound;
};
constexpr Work kWorks[] = {
    {"inference", &DeviceNetwork::infer, &DeviceNetwork::outputs, &Type::out_bound},
    {"training", &DeviceNetwork::train, &DeviceNetwork::gradients, &Type::gradient_bound}};

// A network's work recorded as a graph.
class Recording {
 public:
  // Null where the device records nothing.
  static std::unique_ptr<Recording> of(DeviceNetwork& network, const Work& work) {
    const lnrnnStatus_t status = lnrnnStreamBeginCapture(network.handle(), network.stream());
    if (status == LNRNN_STATUS_NOT_SUPPORTED) return nullptr;
    done(status);
    (network.*work.queue)();
    lnrnnGraph_t graph = nullptr;
    done(lnrnnStreamEndCapture(network.handle(), network.stream(), &graph));
    return std::unique_ptr<Recording>(new Recording(network, graph));
  }
  ~Recording() { done(lnrnnGraphDestroy(graph_)); }
  Recording(const Recording&) = delete;
  Recording& operator=(const Recording&) = delete;

  void queue() { done(lnrnnGraphLaunch(graph_, network_.stream())); }

 private:
  Recording(DeviceNetwork& network, lnrnnGraph_t graph) : network_(network), graph_(graph) {}

  DeviceNetwork& network_;
  lnrnnGraph_t graph_;
};

// Milliseconds: of the work, between two events of its stream, and until the calls return.
struct Timing {
  bench::Median complete, enqueue;
};

template <class F>
Timing time(const DeviceNetwork& network, double budget, const F& queue) {
  lnrnnEvent_t start = nullptr, end = nullptr;
  done(lnrnnEventCreate(network.handle(), &start));
  done(lnrnnEventCreate(network.handle(), &end));
  struct Sample {
    double complete, enqueue;
  };
  const std::vector<Sample> samples = bench::repeat(budget, [&] {
    Sample sample{};
    done(lnrnnEventRecord(network.handle(), start, network.stream()));
    sample.enqueue = 1e3 * bench::timed(queue);
    done(lnrnnEventRecord(network.handle(), end, network.stream()));
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

// One shape in one type: a network of that size to time, one of the same widths to check.
struct Measurement {
  const Shape& shape;
  const Type& type;
  const Normalization& normalization;
  std::unique_ptr<DeviceNetwork> whole, few;
  std::unique_ptr<DeviceNetwork> reference;  // few on the CPU, in f64

  Measurement(lnrnnHandle_t device, lnrnnHandle_t cpu, const Shape& s, const Type& t,
              const Normalization& n)
      : shape(s), type(t), normalization(n) {
    Case c{s.steps, s.batch, s.input, s.hidden, n.value};
    whole = DeviceNetwork::create(device, c, t.value);
    c.steps = std::min<int64_t>(c.steps, 8);
    c.batch = std::min<int64_t>(c.batch, 4);
    few = DeviceNetwork::create(device, c, t.value);
    reference = DeviceNetwork::create(cpu, c, LNRNN_DATA_F64);
    for (DeviceNetwork* network : {whole.get(), few.get(), reference.get()}) network->pack();
  }

  // Writes a row for the calls, and one for their recording. Whether the results agree.
  bool run(std::FILE* out, const Work& work, double budget) {
    ((*reference).*work.queue)();
    const DeviceNetwork::Tensors expected = ((*reference).*work.results)();
    bool good = row(
        out, work, "lnrnn", expected, budget, [&] { ((*few).*work.queue)(); },
        [&] { ((*whole).*work.queue)(); });
    const auto recorded_few = Recording::of(*few, work);
    if (recorded_few == nullptr) return good;
    const auto recorded_whole = Recording::of(*whole, work);
    good &= row(
        out, work, "lnrnn, graph", expected, budget, [&] { recorded_few->queue(); },
        [&] { recorded_whole->queue(); });
    return good;
  }

 private:
  template <class Few, class Whole>
  bool row(std::FILE* out, const Work& work, const char* system,
           const DeviceNetwork::Tensors& expected, double budget, const Few& queue_few,
           const Whole& queue_whole) {
    few->forget();
    queue_few();
    few->wait();
    const double error = largest_error(((*few).*work.results)(), expected);
    const bool good = error <= type.*work.bound;
    const Timing timing = time(*whole, budget, queue_whole);
    bench::JsonObject row;
    row.add("shape", std::string(1, shape.name)).add("steps", shape.steps);
    row.add("batch", shape.batch).add("input", shape.input).add("hidden", shape.hidden);
    row.add("mode", work.mode).add("system", system).add("dtype", type.name);
    row.add("normalized", normalization.value != LNRNN_NORMALIZATION_NONE);
    row.add("median_ms", timing.complete.value).add("low_ms", timing.complete.low);
    row.add("high_ms", timing.complete.high).add("enqueue_ms", timing.enqueue.value);
    row.add("error", error).add("checked", good);
    std::fprintf(out, "%s\n", row.text().c_str());
    // Whoever stops this program keeps the rows that are done.
    std::fflush(out);
    return good;
  }
};

bool asked(const Options& options, const Type& type) {
  return options.types.empty() ||
         ("," + options.types + ",").find(std::string(",") + type.name + ",") != std::string::npos;
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
    if (!asked(options, type) || !supported(device, type)) continue;
    for (const Shape& shape : bench::kShapes) {
      if (options.shapes.find(shape.name) == std::string::npos) continue;
      for (const Normalization& normalization : kNormalizations) {
        Measurement measurement(device, cpu, shape, type, normalization);
        for (const Work& work : kWorks) good &= measurement.run(out, work, options.seconds);
      }
    }
  }
  std::fclose(out);
  done(lnrnnDestroy(cpu));
  done(lnrnnDestroy(device));
  return good ? EXIT_SUCCESS : EXIT_FAILURE;
}

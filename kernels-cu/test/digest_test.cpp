// Every bit of what the library computes is what it was: digests of outputs, gradients and initial
// parameters are compared with those in a file. A change that is not meant to change results leaves
// them as they are.
//
//   digest_test KERNELS FILE          compares
//   digest_test KERNELS FILE write    writes the file
//
// KERNELS are an instruction set of the CPU, cuda, or cuda_products: CUDA with one norm of each cell, which is enough
// where only the products of matrices are others. Other compilers and mathematical libraries
// may round otherwise: where the file was written with others than these the test is skipped and
// says so, as it is where the kernels cannot run. A file that cannot be written here is left alone.
#include <gnu/libc-version.h>

#include <cmath>
#include <fstream>
#include <iterator>
#include <map>
#include <sstream>

#include "check.h"
#include "digest_cases.h"
#include "given.h"

using digest_cases::Settings;
using network::Buffer;
using network::Network;

namespace {

constexpr int kSkipped = 77;

// FNV-1a of 64 bits.
class Hash {
 public:
  template <class E>
  void add(const E* values, size_t count) {
    for (size_t i = 0; i < count; ++i) {
      finite_ = finite_ && std::isfinite(network::number(values[i]));
      unsigned char bytes[sizeof(E)];
      std::memcpy(bytes, &values[i], sizeof(E));
      for (const unsigned char byte : bytes) value_ = (value_ ^ byte) * 0x100000001b3u;
    }
  }
  template <class E>
  void add(const std::unique_ptr<Buffer<E>>& tensor) {
    if (tensor != nullptr) add(tensor->data(), tensor->size());
  }
  // 16 hexadecimal digits. A number that is not finite would hide what it was made of.
  std::string text() const {
    CHECK(finite_);
    char digits[17];
    std::snprintf(digits, sizeof digits, "%016llx", static_cast<unsigned long long>(value_));
    return digits;
  }

 private:
  uint64_t value_ = 0xcbf29ce484222325u;
  bool finite_ = true;
};

// Moves a tensor (T,N,F) to rows of F + 3, all steps of a row of the batch one after another.
// Between rows are copies of `gap`.
template <class S>
args::Strides spread(const Network<S>& net, std::unique_ptr<Buffer<S>>& tensor, double gap) {
  const auto [steps, batch, input, hidden] = net.shape;
  const int64_t features = static_cast<int64_t>(tensor->size()) / (steps * batch);
  const int64_t step_stride = features + 3, row_stride = steps * step_stride;
  auto wide = std::make_unique<Buffer<S>>(net.handle, static_cast<size_t>(batch * row_stride));
  std::fill_n(wide->data(), wide->size(), network::rounded<S>(gap));
  for (int64_t t = 0; t < steps; ++t) {
    for (int64_t n = 0; n < batch; ++n) {
      std::copy_n(tensor->data() + (t * batch + n) * features, features,
                  wide->data() + t * step_stride + n * row_stride);
    }
  }
  tensor = std::move(wide);
  return {step_stride, row_stride};
}

template <class S>
void arrange(Network<S>& net, const Settings& s) {
  for (int64_t n = 0; s.lengths && n < s.shape.batch; ++n) {
    net.lengths.push_back((n * 3 + 2) % (s.shape.steps + 1));
  }
  if (s.strides) {
    // What is read must not be that of a gap; what is written must leave the gap alone.
    net.x_strides = spread(net, net.x, NAN);
    net.dy_strides = spread(net, net.dy, NAN);
    net.y_strides = spread(net, net.y, 1.5);
    net.dx_strides = spread(net, net.dx, 2.5);
  }
  if (s.offsets) {
    net.sequence.seed = 0xfedcba9876543210u;
    net.sequence.stepOffset = 17;
    net.sequence.rowOffset = 3;
  }
  if (s.given_zoneout) given::mask(net, LNRNN_MASK_ZONEOUT);
  if (s.given_dropconnect) given::mask(net, LNRNN_MASK_DROPCONNECT);
  if (s.random) given::random(net);
  if (s.accumulate) net.flags = LNRNN_BACKWARD_ACCUMULATE;
}

template <class S>
void add_outputs(Hash& hash, const Network<S>& net) {
  hash.add(net.y);
  hash.add(net.hn);
  hash.add(net.cn);
}

// A sequence, and two steps one after another where a plan can do them.
template <class S>
std::string inference(Network<S>& net, const Settings& s) {
  Hash hash;
  net.pack();
  net.infer();
  net.wait();
  add_outputs(hash, net);
  if (s.options.direction == LNRNN_DIRECTION_FORWARD && !s.strides) {
    const auto restore = [](const auto& tensor, const auto& values) {
      if (tensor != nullptr) std::copy(values.begin(), values.end(), tensor->data());
    };
    const auto h0 = net.h0->copy();
    const auto c0 = net.c0 == nullptr ? decltype(h0){} : net.c0->copy();
    for (int i = 0; i < 2; ++i) net.step();
    net.wait();
    hash.add(net.h0);
    hash.add(net.c0);
    restore(net.h0, h0);
    restore(net.c0, c0);
  }
  return hash.text();
}

template <class S>
std::string training(Network<S>& net) {
  Hash hash;
  net.train();
  net.wait();
  add_outputs(hash, net);
  return hash.text();
}

template <class S>
std::string gradients(Network<S>& net) {
  Hash hash;
  net.backward();
  net.wait();
  for (const lnrnnParameter_t& p : net.descriptions()) {
    hash.add(net.gradient(p), static_cast<size_t>(p.elements));
  }
  hash.add(net.dx);
  hash.add(net.dh0);
  hash.add(net.dc0);
  return hash.text();
}

// Of one pass each, in the order of the file.
constexpr const char* kPasses[] = {"inference", "training", "gradients"};
using Digests = std::vector<std::string>;

template <class S>
Digests of_passes(const Settings& s) {
  Network<S> net(s.shape, s.options);
  arrange(net, s);
  Digests digests;
  digests.push_back(inference(net, s));
  digests.push_back(training(net));
  digests.push_back(gradients(net));
  return digests;
}

template <class S>
Digests of_initial_parameters(const Settings& s) {
  Network<S> net(s.shape, s.options);
  net.initialize(5);
  net.wait();
  Hash hash;
  for (const lnrnnParameter_t& p : net.descriptions()) {
    hash.add(net.parameter(p), static_cast<size_t>(p.elements));
  }
  return {hash.text()};
}

template <class F>
Digests of_type(int32_t type, const F& digests) {
  switch (type) {
    case LNRNN_DATA_F64: return digests(double{});
    case LNRNN_DATA_F16: return digests(network::F16{});
    case LNRNN_DATA_BF16: return digests(network::Bf16{});
    default: return digests(float{});
  }
}

// A line of the file: digests, two spaces, and of what they are.
struct Line {
  Digests digests;
  std::string name;

  std::string text() const {
    std::string text;
    for (const std::string& digest : digests) text += digest + " ";
    return text + " " + name;
  }
  static Line of(const std::string& text) {
    const size_t end = text.find("  ");
    if (end == std::string::npos) return {{}, text};
    std::istringstream digests(text.substr(0, end));
    return {{std::istream_iterator<std::string>(digests), {}}, text.substr(end + 2)};
  }
};

struct Kernels {
  std::string name;
  bool products = name == "cuda_products";
  bool cuda = products || name == "cuda";

  void choose(network::Options& options) const {
    options.device = cuda ? LNRNN_DEVICE_CUDA : LNRNN_DEVICE_CPU;
    options.isa = cuda ? nullptr : name.c_str();
  }
  // Null where they cannot run; the last error says why.
  lnrnnHandle_t open() const {
    lnrnnHandle_t handle = nullptr;
    network::Options options;
    choose(options);
    lnrnnCreate(options.device, 0, 0, options.isa, &handle);
    return handle;
  }
};

// What decides how things are rounded, besides the library's sources.
std::string environment(const Kernels& kernels, lnrnnHandle_t handle) {
  std::string text = std::string("compiler ") + __VERSION__ + ", glibc " + gnu_get_libc_version();
#if defined(__x86_64__)
  // glibc's functions are others without it.
  text += __builtin_cpu_supports("fma") ? " with fma" : " without fma";
#endif
  if (!kernels.cuda) return text;
  lnrnnDeviceProperties_t properties{};
  properties.structSize = sizeof properties;
  network::done(lnrnnGetProperties(handle, &properties));
  return text + ", " + properties.name + ", " + properties.isa;
}

// Calls visit with the name of each line of the file, and with what computes its digests.
template <class Visit>
void each_line(const Kernels& kernels, const Visit& visit) {
  const digest_cases::Sizes& sizes = kernels.cuda ? digest_cases::kCuda : digest_cases::kCpu;
  for (const network::Cell& cell : network::kCells) {
    if (kernels.products && cell.normalization != LNRNN_NORMALIZATION_HASTE) continue;
    for (Settings& s : digest_cases::settings_of(cell, sizes)) {
      kernels.choose(s.options);
      const auto digests = [&](auto type) { return of_passes<decltype(type)>(s); };
      visit(s.name, [&] { return of_type(s.type, digests); });
    }
    Settings s{};
    s.options = network::Options::of(cell);
    kernels.choose(s.options);
    s.shape = {1, 1, 5, 33};
    s.options.layers = 2;
    s.options.direction = LNRNN_DIRECTION_BIDIRECTIONAL;
    for (int32_t type = 0; type < 4; ++type) {
      const auto digests = [&](auto type) { return of_initial_parameters<decltype(type)>(s); };
      const std::string of = std::string(cell.name) + " " + digest_cases::kTypes[type];
      visit(of + " initial parameters", [&] { return of_type(type, digests); });
    }
  }
}

void write_lines(const Kernels& kernels, std::ofstream& file) {
  each_line(kernels, [&](const std::string& name, const auto& digests) {
    file << Line{digests(), name}.text() << "\n";
  });
}

void compare_lines(const Kernels& kernels, std::ifstream& file) {
  std::map<std::string, Digests> recorded;
  for (std::string text; std::getline(file, text);) {
    Line line = Line::of(text);
    recorded[line.name] = std::move(line.digests);
  }
  each_line(kernels, [&](const std::string& name, const auto& digests) {
    check::run(name, [&] {
      const auto of_file = recorded.find(name);
      CHECK(of_file != recorded.end());
      if (of_file == recorded.end()) return;
      const Digests now = digests();
      CHECK(now.size() == of_file->second.size());
      for (size_t k = 0; k < std::min(now.size(), of_file->second.size()); ++k) {
        const bool same_bits = now[k] == of_file->second[k];
        CHECK(same_bits);
        if (!same_bits && now.size() > 1) std::printf("  %s\n", kPasses[k]);
      }
    });
    recorded.erase(name);
  });
  for (const auto& line : recorded) std::printf("a case that is no more: %s\n", line.first.c_str());
  CHECK(recorded.empty());
}

int skipped(const std::string& why) {
  std::printf("skipped: %s\n", why.c_str());
  return kSkipped;
}

int run(const Kernels& kernels, const std::string& path, bool write) {
  const lnrnnHandle_t handle = kernels.open();
  if (handle == nullptr) {
    const int status = skipped(lnrnnGetLastErrorMessage());
    return write ? EXIT_SUCCESS : status;
  }
  const std::string here = environment(kernels, handle);
  network::done(lnrnnDestroy(handle));
  if (write) {
    std::ofstream file(path);
    file << "# Digests of digest_test.cpp, which says how to write them again: " << kernels.name
         << "\n# Written with " << here << "\n# " << kPasses[0] << " " << kPasses[1] << " "
         << kPasses[2] << "  case\n";
    write_lines(kernels, file);
    std::printf("wrote %s\n", path.c_str());
    return check::failures == 0 && file.flush() ? EXIT_SUCCESS : EXIT_FAILURE;
  }
  std::ifstream file(path);
  if (!file) return skipped("no digests of " + kernels.name + " are recorded in " + path);
  std::string first, written, columns;
  std::getline(file, first);
  std::getline(file, written);
  std::getline(file, columns);
  if (written != "# Written with " + here) {
    return skipped("the digests were w" + written.substr(3) + "; this is " + here);
  }
  compare_lines(kernels, file);
  return check::summary();
}

}  // namespace

int main(int argc, char** argv) {
  const bool write = argc == 4 && std::strcmp(argv[3], "write") == 0;
  if (argc != 3 && !write) {
    std::printf("digest_test KERNELS FILE [write]\n");
    return EXIT_FAILURE;
  }
  return run({argv[1]}, argv[2], write);
}

// What one GPU can do at best, measured: bytes and operations per second, and the latency of each
// way to exchange a value. Limits that benchmarks report against are computed from these figures.
//
//   lnrnn_calibrate [--device cuda:N] [--out FILE] [--smoke]
//
// --smoke does every measurement once and small: its results are checked as always, its figures say
// nothing. Exit status: 0; 1, a result was wrong or CUDA failed; 2, there is no such device.
#include <cuda_runtime.h>

#include <cstdio>
#include <cstdlib>
#include <random>
#include <string>
#include <type_traits>
#include <vector>

#include "calibrate_cublas.h"
#include "calibrate_kernels.h"
#include "calibrate_machine.h"
#include "json.h"

using bench::Machine;
using bench::Memory;
using bench::must;
using bench::require;
using bench::stop;
using lnrnn::cuda::LaunchShape;

namespace {

// What n blocks hold after so many rounds of an exchange; see calibrate_kernels.h.
std::vector<uint32_t> exchange_values(uint32_t n, int rounds) {
  std::vector<uint32_t> values(n);
  for (uint32_t i = 0; i < n; ++i) values[i] = i;
  for (int round = 0; round < rounds; ++round) {
    uint32_t sum = 0;
    for (const uint32_t value : values) sum += value;
    for (uint32_t i = 0; i < n; ++i) values[i] = sum + i;
  }
  return values;
}

class Calibration {
 public:
  explicit Calibration(const Machine& machine) : machine_(machine) {}

  bench::JsonObject run() {
    int driver = 0, runtime = 0;
    must(cudaDriverGetVersion(&driver), "cudaDriverGetVersion");
    must(cudaRuntimeGetVersion(&runtime), "cudaRuntimeGetVersion");
    bench::JsonObject all;
    const cudaDeviceProp& device = machine_.properties();
    all.add("device", device.name)
        .add("compute_capability",
             std::to_string(device.major) + "." + std::to_string(device.minor));
    all.add("driver_cuda_version", driver).add("runtime_cuda_version", runtime);
    all.add("multiprocessors", processors()).add("l2_bytes", device.l2CacheSize);
    all.add("shared_bytes_per_multiprocessor", static_cast<int>(device.sharedMemPerMultiprocessor));
    all.add("smoke", machine_.smoke());
    all.add("bytes_per_second", bytes_per_second());
    all.add("flops", flops());
    all.add("cublas", cublas());
    all.add("microseconds", latencies());
    return all;
  }

 private:
  int processors() const { return machine_.processors(); }
  int size(int large, int small) const { return machine_.smoke() ? small : large; }

  bench::JsonObject bytes_per_second() {
    bench::JsonObject result;
    result.add("copy", copy_bandwidth());
    result.add("l2", l2_bandwidth()).add("shared", shared_bandwidth());
    return result;
  }

  // Read and written together; far more than caches hold.
  double copy_bandwidth() {
    const int64_t count = (int64_t{size(1 << 30, 1 << 12)}) / int64_t{sizeof(bench::Quad)};
    Memory<bench::Quad> from(machine_.stream(), count), to(machine_.stream(), count);
    must(cudaMemsetAsync(from.data(), 0x5a, from.bytes(), machine_.stream()), "cudaMemsetAsync");
    const LaunchShape shape{size(16, 1) * processors(), size(512, 64)};
    const double time = machine_.seconds([&] {
      machine_.launch(shape, bench::Copy{to.data(), from.data(), count});
    });
    std::vector<bench::Quad> copied = to.get();
    for (const bench::Quad& quad : copied) require(quad.words[0] == 0x5a5a5a5au, "copy");
    return 2.0 * static_cast<double>(from.bytes()) / time;
  }

  double l2_bandwidth() {
    // As much as a large layer's weights; a third of an H100's L2.
    const int64_t share = size(16 << 20, 1 << 12) / processors() / int64_t{sizeof(bench::Quad)};
    const int threads = size(512, 64), rounds = size(65, 3);
    Memory<bench::Quad> from(machine_.stream(), share * processors());
    std::vector<bench::Quad> values(static_cast<size_t>(from.count()));
    uint32_t expected = 0, next = 1;
    for (bench::Quad& quad : values) {
      for (uint32_t& word : quad.words) expected ^= word = next *= 2654435761u;
    }
    from.set(values);
    Memory<uint32_t> out(machine_.stream(), processors() * threads);
    const double time = machine_.seconds([&] {
      machine_.launch({processors(), threads},
                      bench::ReadRepeatedly{from.data(), out.data(), share, rounds});
    });
    uint32_t folded = 0;
    for (const uint32_t part : out.get()) folded ^= part;
    // An odd number of rounds, each over everything.
    require(folded == expected, "read_repeatedly");
    return static_cast<double>(from.bytes()) * rounds / time;
  }

  double shared_bandwidth() {
    using bench::ReadShared;
    const int threads = size(512, 64), rounds = size(513, 3), blocks = size(2, 1) * processors();
    Memory<uint32_t> out(machine_.stream(), blocks * threads);
    const double time = machine_.seconds([&] {
      machine_.launch({blocks, threads, sizeof(ReadShared::Memory)},
                      ReadShared{out.data(), rounds});
    });
    const std::vector<uint32_t> parts = out.get();
    for (int block = 0; block < blocks; ++block) {
      uint32_t folded = 0, expected = 0;
      for (int i = 0; i < threads; ++i) folded ^= parts[static_cast<size_t>(block * threads + i)];
      for (uint32_t i = 0; i < 4 * ReadShared::kCount; ++i) expected ^= ReadShared::word(i);
      require(folded == expected, "read_shared");
    }
    return static_cast<double>(sizeof(ReadShared::Memory)) * blocks * rounds / time;
  }

  bench::JsonObject flops() {
    bench::JsonObject result;
    result.add("fma_f32", multiply_add_rate<float>());
    result.add("fma_f64", multiply_add_rate<double>());
    result.add("mma_f16", tensor_rate<lnrnn::cuda::MmaType::kF16>());
    result.add("mma_bf16", tensor_rate<lnrnn::cuda::MmaType::kBf16>());
    return result;
  }

  template <class T>
  double multiply_add_rate() {
    using Kernel = bench::MultiplyAdd<T>;
    const int threads = size(256, 32), blocks = size(8, 1) * processors();
    const int rounds = size(1 << 14, 8);
    const T x(0.75), y(1.5);
    Memory<T> out(machine_.stream(), int64_t{blocks} * threads);
    const double time = machine_.seconds([&] {
      machine_.launch({blocks, threads}, Kernel{out.data(), x, y, rounds});
    });
    T expected(0);
    for (int i = 0; i < Kernel::kSums; ++i) {
      T sum = static_cast<T>(i);
      for (int round = 0; round < rounds; ++round) sum = std::fma(sum, x, y);
      expected += sum;
    }
    for (const T total : out.get()) require(total == expected, Kernel::kName);
    return 2.0 * Kernel::kSums * rounds * threads * blocks / time;
  }

  template <lnrnn::cuda::MmaType kType>
  double tensor_rate() {
    using Kernel = bench::TensorMultiplyAdd<kType>;
    const int threads = size(256, 32), blocks = size(4, 1) * processors();
    const int rounds = size(1 << 12, 4);
    Memory<float> out(machine_.stream(), int64_t{blocks} * threads);
    const double time = machine_.seconds([&] {
      machine_.launch({blocks, threads}, Kernel{out.data(), rounds});
    });
    const float expected = 16.0f * 4 * Kernel::kTiles * static_cast<float>(rounds);
    for (const float total : out.get()) require(total == expected, Kernel::kName);
    return static_cast<double>(Kernel::kFlops) * Kernel::kTiles * rounds *
           (threads / lnrnn::cuda::kWarp) * blocks / time;
  }

  // Empty where there is no cuBLAS.
  bench::JsonObject cublas() {
    bench::JsonObject result;
    const auto cublas = bench::Cublas::open(machine_.stream());
    if (cublas == nullptr) return result;
    result.add("version", cublas->version());
    // Words of random numbers between a half and one, of either sign: bits that are free, bits of
    // the exponent. A word of f64 is its upper or its lower half.
    const auto rate = [&](bench::GemmType type, Bits upper, Bits lower, int words_of_two) {
      return gemm_rate(*cublas, type, upper, lower, words_of_two);
    };
    const Bits single{0x807fffffu, 0x3f000000u}, half{0x83ff83ffu, 0x38003800u};
    const Bits brain{0x807f807fu, 0x3f003f00u};
    result.add("f64", rate(bench::GemmType::kF64, {0x800fffffu, 0x3fe00000u}, {~0u, 0}, 4));
    result.add("f32", rate(bench::GemmType::kF32, single, single, 2));
    result.add("tf32", rate(bench::GemmType::kTf32, single, single, 2));
    result.add("f16", rate(bench::GemmType::kF16, half, half, 1));
    result.add("bf16", rate(bench::GemmType::kBf16, brain, brain, 1));
    return result;
  }

  struct Bits {
    uint32_t free, fixed;
  };

  double gemm_rate(const bench::Cublas& cublas, bench::GemmType type, Bits upper, Bits lower,
                   int words_of_two) {
    const int n = size(8192, 64);
    Memory<uint32_t> a(machine_.stream(), int64_t{n} * n * words_of_two / 2);
    Memory<uint32_t> out(machine_.stream(), a.count());
    std::vector<uint32_t> words(static_cast<size_t>(a.count()));
    std::mt19937 random(1);
    for (size_t i = 0; i < words.size(); ++i) {
      const Bits& bits = i % 2 == 0 ? lower : upper;
      words[i] = (static_cast<uint32_t>(random()) & bits.free) | bits.fixed;
    }
    a.set(words);
    bool taken = true;
    const double time = machine_.seconds(
        [&] { taken &= cublas.multiply(type, n, a.data(), a.data(), out.data()); });
    return taken ? 2.0 * n * n * n / time : 0.0;
  }

  bench::JsonObject latencies() {
    bench::JsonObject result;
    add_launches(&result);
    result.add("grid_barrier_exchange", grid_exchange<bench::ExchangeByGridBarrier>());
    result.add("grid_flag_exchange", grid_exchange<bench::ExchangeByFlags>());
    bench::JsonObject clusters;
    for (const int blocks : {2, 4, 8, 16}) {
      // A GPU may not have room for 16.
      const double latency = cluster_exchange(blocks);
      if (latency > 0) clusters.add(std::to_string(blocks).c_str(), latency);
    }
    return result.add("cluster_exchange", clusters);
  }

  // Launches that wait for each other, one by one and as a graph, and what each costs the host.
  void add_launches(bench::JsonObject* result) {
    const int count = size(1000, 4);
    const auto queue = [&] {
      for (int i = 0; i < count; ++i) machine_.launch({1, 32}, bench::Empty{});
    };
    result->add("launch", 1e6 / count * machine_.seconds(queue));
    const double host = bench::timed(queue);
    machine_.synchronize();
    result->add("launch_on_host", 1e6 / count * host);

    cudaGraph_t graph = nullptr;
    cudaGraphExec_t executable = nullptr;
    must(cudaStreamBeginCapture(machine_.stream(), cudaStreamCaptureModeThreadLocal),
         "cudaStreamBeginCapture");
    queue();
    must(cudaStreamEndCapture(machine_.stream(), &graph), "cudaStreamEndCapture");
    must(cudaGraphInstantiateWithFlags(&executable, graph, 0), "cudaGraphInstantiateWithFlags");
    const auto replay = [&] {
      must(cudaGraphLaunch(executable, machine_.stream()), "cudaGraphLaunch");
    };
    result->add("graph_node", 1e6 / count * machine_.seconds(replay));
    const double graph_host = bench::timed(replay);
    machine_.synchronize();
    result->add("graph_launch_on_host", 1e6 * graph_host);
    must(cudaGraphExecDestroy(executable), "cudaGraphExecDestroy");
    must(cudaGraphDestroy(graph), "cudaGraphDestroy");
  }

  // Of one round, one block on every multiprocessor.
  template <class Kernel>
  double grid_exchange() {
    const int rounds = size(1000, 5), blocks = processors();
    Memory<uint32_t> slots(machine_.stream(), 2 * blocks), flags(machine_.stream(), 2 * blocks);
    Memory<uint32_t> out(machine_.stream(), blocks);
    LaunchShape shape{blocks, lnrnn::cuda::kWarp};
    shape.cooperative = true;
    const double time = machine_.seconds([&] {
      if constexpr (std::is_same_v<Kernel, bench::ExchangeByFlags>) {
        must(cudaMemsetAsync(flags.data(), 0, flags.bytes(), machine_.stream()), "cudaMemsetAsync");
        machine_.launch(shape, Kernel{slots.data(), flags.data(), out.data(), rounds});
      } else {
        machine_.launch(shape, Kernel{slots.data(), out.data(), rounds});
      }
    });
    require(out.get() == exchange_values(static_cast<uint32_t>(blocks), rounds), Kernel::kName);
    return 1e6 / rounds * time;
  }

  // 0 where the GPU has no room for such a cluster.
  double cluster_exchange(int blocks) {
    using bench::ExchangeInCluster;
    const int rounds = size(1000, 5);
    Memory<uint32_t> out(machine_.stream(), blocks);
    LaunchShape shape{blocks, lnrnn::cuda::kWarp, sizeof(ExchangeInCluster::Memory)};
    shape.cluster = blocks;
    if (lnrnn::cuda::enqueue(machine_.stream(), shape, ExchangeInCluster{out.data(), 1}) !=
        cudaSuccess) {
      cudaGetLastError();
      return 0;
    }
    const double time = machine_.seconds([&] {
      machine_.launch(shape, ExchangeInCluster{out.data(), rounds});
    });
    require(out.get() == exchange_values(static_cast<uint32_t>(blocks), rounds),
            ExchangeInCluster::kName);
    return 1e6 / rounds * time;
  }

  const Machine& machine_;
};

}  // namespace

int main(int argc, char** argv) {
  constexpr int kUnavailable = 2;
  std::string device = "cuda:0", out;
  bool smoke = false;
  for (int i = 1; i < argc; ++i) {
    const std::string name = argv[i];
    if (name == "--smoke") smoke = true;
    else if (name == "--device" && i + 1 < argc) device = argv[++i];
    else if (name == "--out" && i + 1 < argc) out = argv[++i];
    else stop(kUnavailable, name + " is not an option: --device, --out, --smoke are");
  }
  if (device.rfind("cuda:", 0) != 0) stop(kUnavailable, device + " is not a CUDA device");
  const int ordinal = std::atoi(device.c_str() + 5);
  int count = 0;
  const cudaError_t error = cudaGetDeviceCount(&count);
  if (error != cudaSuccess) {
    stop(kUnavailable, std::string("there is no CUDA device: ") + cudaGetErrorString(error));
  }
  if (ordinal >= count) stop(kUnavailable, device + " is not there");

  const std::string text = Calibration(Machine(ordinal, smoke)).run().text();
  std::FILE* const file = out.empty() ? stdout : std::fopen(out.c_str(), "w");
  if (file == nullptr) stop(kUnavailable, "cannot write " + out);
  std::fprintf(file, "%s\n", text.c_str());
  if (std::fclose(file) != 0) stop(EXIT_FAILURE, "cannot write " + out);
  return EXIT_SUCCESS;
}

// Products of 16-bit matrices by mma, warp by warp, against a plain loop over the same numbers.
#include <cmath>
#include <random>

#include "session.h"

using namespace emulator_test;

namespace {

// out:(M,N) = a:(M,K) b:(N,K)ᵀ, 16-bit a and b as bits. A block owns 16 rows, a warp 8 columns of
// them. M, N, K: multiples of 16, 8 * warps, 16.
template <MmaType kType>
struct TileProduct {
  static constexpr const char* kName = kType == MmaType::kF16 ? "product_f16" : "product_bf16";
  static constexpr int kMaxThreads = 128;
  const uint16_t* a;
  const uint16_t* b;
  float* out;
  int columns, depth;

  struct Shared {
    Array<uint16_t, 16 * 16> a;
  };

  LNRNN_DEVICE void operator()(Block& block) const {
    auto& shared = block.shared<Shared>();
    const int64_t row = block.index() * 16;
    const int group = block.lane() / 4, pair = block.lane() % 4 * 2;
    for (int tile = block.warp() * 8; tile < columns; tile += block.warps() * 8) {
      float d[4] = {};
      for (int k = 0; k < depth; k += 16) {
        block.sync();
        for (int i = block.thread(); i < 256; i += block.threads())
          shared.a[i] = a[(row + i / 16) * depth + k + i % 16];
        block.sync();
        const uint32_t fragment_a[4] = {packed(shared, group, pair),
                                        packed(shared, group + 8, pair),
                                        packed(shared, group, pair + 8),
                                        packed(shared, group + 8, pair + 8)};
        const uint16_t* column = b + static_cast<int64_t>(tile + group) * depth + k;
        const uint32_t fragment_b[2] = {pack(column[pair], column[pair + 1]),
                                        pack(column[pair + 8], column[pair + 9])};
        block.template mma<kType>(d, fragment_a, fragment_b);
      }
      float* const corner = out + (row + group) * columns + tile + pair;
      corner[0] = d[0];
      corner[1] = d[1];
      corner[8 * columns] = d[2];
      corner[8 * columns + 1] = d[3];
    }
  }

 private:
  LNRNN_DEVICE static uint32_t pack(uint16_t low, uint16_t high) {
    return low | static_cast<uint32_t>(high) << 16;
  }
  LNRNN_DEVICE static uint32_t packed(const Shared& shared, int row, int column) {
    return pack(shared.a[row * 16 + column], shared.a[row * 16 + column + 1]);
  }
};

// The number that 16 bits stand for, by the definition of the formats.
double value_of(MmaType type, uint16_t bits) {
  const int exponent_bits = type == MmaType::kF16 ? 5 : 8, fraction_bits = 15 - exponent_bits;
  const int bias = (1 << (exponent_bits - 1)) - 1;
  const int exponent = bits >> fraction_bits & ((1 << exponent_bits) - 1);
  const int fraction = bits & ((1 << fraction_bits) - 1);
  const double magnitude =
      exponent == 0 ? std::ldexp(fraction, 1 - bias - fraction_bits)
                    : std::ldexp(fraction + (1 << fraction_bits), exponent - bias - fraction_bits);
  return bits >> 15 != 0 ? -magnitude : magnitude;
}

// Of every magnitude below 2, subnormal ones too: 0x4000 is 2 in both formats.
std::vector<uint16_t> random_numbers(size_t count, std::mt19937& random) {
  std::vector<uint16_t> numbers(count);
  for (uint16_t& number : numbers) {
    number = static_cast<uint16_t>(random() % 0x4000);
    if (random() % 2 != 0) number |= 0x8000;
  }
  return numbers;
}

template <MmaType kType>
void test_product() {
  const int rows = 48, columns = 64, depth = 80;
  std::mt19937 random(7);
  const std::vector<uint16_t> a = random_numbers(rows * depth, random);
  const std::vector<uint16_t> b = random_numbers(columns * depth, random);
  const Session session;
  float* out = session.allocate<float>(rows * columns);
  const TileProduct<kType> kernel{session.upload(a), session.upload(b), out, columns, depth};
  CHECK(session.run({rows / 16, 128, sizeof(typename TileProduct<kType>::Shared)}, kernel) ==
        cudaSuccess);
  const std::vector<float> result = session.download(out, rows * columns);
  for (int m = 0; m < rows; ++m) {
    for (int n = 0; n < columns; ++n) {
      double sum = 0, magnitude = 0;
      for (int k = 0; k < depth; ++k) {
        const double product = value_of(kType, a[static_cast<size_t>(m * depth + k)]) *
                               value_of(kType, b[static_cast<size_t>(n * depth + k)]);
        sum += product;
        magnitude += std::fabs(product);
      }
      // One rounding of float per addition, and no other.
      CHECK_NEAR(result[static_cast<size_t>(m * columns + n)], sum,
                 depth * 0x1p-24 * magnitude + 1e-37);
    }
  }
}

// Infinities and NaN pass through; each element in its place.
template <MmaType kType>
struct Identity {
  static constexpr const char* kName = "identity";
  static constexpr int kMaxThreads = 32;
  uint16_t one, special;
  float* out;  // (16,8)
  LNRNN_DEVICE void operator()(Block& block) const {
    const int group = block.lane() / 4, pair = block.lane() % 4 * 2;
    // a is the identity, but for `special` at (0,0); b's column n holds n ones below row 8.
    const auto a_at = [&](int row, int column) -> uint32_t {
      return row != column ? 0u : row == 0 ? special : one;
    };
    const auto b_at = [&](int row, int column) -> uint32_t { return row - 8 < column ? one : 0u; };
    uint32_t a[4], b[2];
    for (int r = 0; r < 4; ++r) {
      const int row = group + r % 2 * 8, column = pair + r / 2 * 8;
      a[r] = a_at(row, column) | a_at(row, column + 1) << 16;
    }
    for (int r = 0; r < 2; ++r)
      b[r] = b_at(pair + r * 8, group) | b_at(pair + r * 8 + 1, group) << 16;
    float d[4] = {0.5f, 0.5f, 0.5f, 0.5f};
    block.template mma<kType>(d, a, b);
    for (int r = 0; r < 4; ++r) out[(group + r / 2 * 8) * 8 + pair + r % 2] = d[r];
  }
};

template <MmaType kType>
void test_identity(uint16_t one, uint16_t infinity, uint16_t not_a_number) {
  for (const uint16_t special : {one, infinity, not_a_number}) {
    const Session session;
    float* out = session.allocate<float>(128);
    CHECK(session.run({1, 32}, Identity<kType>{one, special, out}) == cudaSuccess);
    const std::vector<float> result = session.download(out, 128);
    for (int i = 0; i < 128; ++i) {
      const int row = i / 8, column = i % 8;
      const float value = result[static_cast<size_t>(i)];
      if (row == 0 && special == infinity) CHECK(std::isinf(value));
      else if (row == 0 && special == not_a_number) CHECK(std::isnan(value));
      else CHECK(value == (row - 8 < column ? 1.5f : 0.5f));
    }
  }
}

}  // namespace

int main() {
  test_product<MmaType::kF16>();
  test_product<MmaType::kBf16>();
  test_identity<MmaType::kF16>(0x3c00, 0x7c00, 0x7e00);
  test_identity<MmaType::kBf16>(0x3f80, 0x7f80, 0x7fc0);
  return check::summary();
}

// The 16-bit storage types: numbers are computed with as float. Rounding is to nearest, ties to even;
// NaN stays NaN.
#pragma once

#include <cstdint>
#include <cstring>

#include "host_device.h"

namespace lnrnn {

LNRNN_CELL uint32_t float_bits(float value) {
  uint32_t bits;
  memcpy(&bits, &value, sizeof bits);
  return bits;
}
LNRNN_CELL float float_of_bits(uint32_t bits) {
  float value;
  memcpy(&value, &bits, sizeof value);
  return value;
}

// The upper half of a float.
struct Bf16 {
  uint16_t bits;
};

// IEEE 754 binary16.
struct F16 {
  uint16_t bits;
};

LNRNN_CELL float widen(Bf16 value) { return float_of_bits(uint32_t{value.bits} << 16); }

LNRNN_CELL float widen(F16 value) {
  const uint32_t sign = (value.bits & 0x8000u) << 16, rest = value.bits & 0x7fffu;
  if (rest >= 0x7c00u) return float_of_bits(sign | 0x7f800000u | (rest & 0x3ffu) << 13);
  // Below the smallest normal number a unit is 2^-24.
  if (rest < 0x400u) {
    return float_of_bits(sign | float_bits(static_cast<float>(rest) * (1.0f / 16777216.0f)));
  }
  return float_of_bits(sign | ((rest << 13) + (112u << 23)));
}
LNRNN_CELL float widen(float value) { return value; }
LNRNN_CELL double widen(double value) { return value; }

template <class S>
struct Narrow;

template <>
struct Narrow<Bf16> {
  LNRNN_CELL Bf16 of(float value) {
    const uint32_t bits = float_bits(value);
    if ((bits & 0x7fffffffu) > 0x7f800000u) return {static_cast<uint16_t>(bits >> 16 | 0x40u)};
    return {static_cast<uint16_t>((bits + 0x7fffu + (bits >> 16 & 1u)) >> 16)};
  }
};

template <>
struct Narrow<F16> {
  LNRNN_CELL F16 of(float value) {
    const uint32_t bits = float_bits(value), sign = bits >> 16 & 0x8000u, rest = bits & 0x7fffffffu;
    uint32_t half;
    if (rest > 0x7f800000u) {
      half = 0x7e00u;
    } else if (rest >= 0x477ff000u) {  // what rounds to 2^16 or more
      half = 0x7c00u;
    } else if (rest < 0x38800000u) {
      // A float between 0.5 and 1 has units of 2^-24, as the subnormal numbers have.
      half = float_bits(float_of_bits(rest) + 0.5f) - float_bits(0.5f);
    } else {
      half = (rest + 0xfffu + (rest >> 13 & 1u) - (112u << 23)) >> 13;
    }
    return {static_cast<uint16_t>(sign | half)};
  }
};

template <>
struct Narrow<float> {
  LNRNN_CELL float of(float value) { return value; }
};
template <>
struct Narrow<double> {
  LNRNN_CELL double of(double value) { return value; }
};

// To the storage type S.
template <class S, class T>
LNRNN_CELL S narrow(T value) {
  return Narrow<S>::of(value);
}

// What numbers of a storage type are computed with.
template <class S>
struct Accumulation {
  using type = S;
};
template <>
struct Accumulation<Bf16> {
  using type = float;
};
template <>
struct Accumulation<F16> {
  using type = float;
};
template <class S>
using accumulation_t = typename Accumulation<S>::type;

}  // namespace lnrnn

// What a caller may give a training pass in place of what it would draw.
#pragma once

#include <cstring>
#include <memory>

#include "network.h"

namespace given {

using Mask = network::Buffer<uint8_t>;

inline std::unique_ptr<Mask> mask(lnrnnHandle_t handle, size_t count) {
  auto mask = std::make_unique<Mask>(handle, count);
  for (size_t i = 0; i < count; ++i) (*mask)[i] = i * 7 % 5 < 2 ? 0 : static_cast<uint8_t>(i | 1);
  return mask;
}

template <class S>
void mask(network::Network<S>& net, lnrnnMaskKind_t kind) {
  net.mask(kind) = mask(net.handle, net.mask_bytes(kind));
}

// Of every kind that the plan has.
template <class S>
void masks(network::Network<S>& net) {
  for (const network::MaskKind& m : network::kMaskKinds) {
    if (net.description.*m.probability > 0) mask(net, m.kind);
  }
}

// Sequences begin inside rows, and at their first step, some after one step only.
template <class S>
void resets(network::Network<S>& net) {
  net.resets = mask(net.handle, static_cast<size_t>(net.shape.steps * net.shape.batch));
}

// Offsets that wrap, to be read where the work is carried out.
template <class S>
void random(network::Network<S>& net) {
  net.random = std::make_unique<network::Buffer<uint64_t>>(net.handle, 3);
  (*net.random)[0] = 0x123456789abcdefu;
  (*net.random)[1] = 0xfffffffeu;
  (*net.random)[2] = 5;
}

}  // namespace given

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
void zoneout_mask(network::Network<S>& net) {
  net.zoneout_mask = mask(net.handle, static_cast<size_t>(net.shape.steps) * net.hn->size());
}

template <class S>
void dropconnect_mask(network::Network<S>& net) {
  size_t weights = 0;
  for (const lnrnnParameter_t& p : net.descriptions()) {
    if (std::strstr(p.name, "weight_hh") != nullptr) weights += static_cast<size_t>(p.elements);
  }
  net.dropconnect_mask = mask(net.handle, weights);
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

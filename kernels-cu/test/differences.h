// Gradients against finite differences of the forward pass.
#pragma once

#include <cmath>

#include "check.h"
#include "network.h"

namespace differences {

using network::Buffer;
using network::Network;

// Central differences of the loss by a few elements of a tensor against its gradient.
inline void compare(Network<double>& net, const std::unique_ptr<Buffer<double>>& tensor,
                    const std::unique_ptr<Buffer<double>>& gradient, const char* of,
                    const char* name) {
  if (tensor == nullptr) return;
  constexpr double kStep = 1e-5;
  constexpr size_t kElements = 40;
  const size_t stride = tensor->size() / kElements + 1;
  double worst = 0, largest = 0;
  for (size_t i = 0; i < tensor->size(); ++i) {
    largest = std::fmax(largest, std::fabs((*gradient)[i]));
  }
  for (size_t i = 0; i < tensor->size(); i += stride) {
    double& element = (*tensor)[i];
    const double value = element;
    element = value + kStep;
    const double above = net.loss();
    element = value - kStep;
    const double below = net.loss();
    element = value;
    worst = std::fmax(worst, std::fabs((above - below) / (2 * kStep) - (*gradient)[i]));
  }
  const bool close = worst <= 1e-6 * std::fmax(largest, 1);
  CHECK(close);
  if (!close) std::printf("  %s, %s: %g of %g\n", of, name, worst, largest);
}

// Of everything that a network has gradients of.
inline void compare(Network<double>& net, const char* of) {
  net.train();
  net.backward();
  compare(net, net.parameters, net.gradients, of, "parameters");
  compare(net, net.x, net.dx, of, "x");
  compare(net, net.h0, net.dh0, of, "h0");
  compare(net, net.c0, net.dc0, of, "c0");
}

}  // namespace differences

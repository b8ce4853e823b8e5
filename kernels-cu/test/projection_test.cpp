// Projections of h and clips of u, through the C API: what they are the same as, and their gradients together with
// all else that a layer can have. (segments_test compares them with a reference.)
#include "covering.h"
#include "differences.h"
#include "projections.h"

using projections::lstms;
using projections::Network;
using projections::Options;
using projections::test_identity_is_no_projection;
using projections::test_wide_clip_is_no_clip;

namespace {

constexpr lnrnnDeviceKind_t kCpu = LNRNN_DEVICE_CPU;

void test_limits() {
  lnrnnDeviceProperties_t properties{};
  properties.structSize = sizeof properties;
  network::done(lnrnnGetDeviceProperties(LNRNN_DEVICE_CPU, 0, &properties));
  for (char* isa = std::strtok(properties.isaAvailable, " "); isa != nullptr;
       isa = std::strtok(nullptr, " ")) {
    Options options;
    options.isa = isa;
    projections::test_limits<float>(options, 21);
    projections::test_limits<double>(options, 21);
  }
}

// Any two of these choices occur together.
enum Choice {
  kCell,
  kProjection,  // none, narrower, as wide, wider
  kClip,        // none, of some, of none
  kDirection,
  kLayers,
  kLengths,
  kResets,
  kZoneout,
  kZoneoutCell,
  kDropconnect,
  kDropout,
  kRecompute,
  kChoices
};
using Case = covering::Case<kChoices>;

void test_gradients() {
  const std::vector<Options> cells = lstms(kCpu);
  const Case counts{static_cast<int>(cells.size()), 4, 3, 2, 2, 2, 2, 2, 2, 2, 2, 2};
  const auto legal = [](Case c) {
    if (c[kLayers] == 0) c[kDropout] = 0;
    return c;
  };
  constexpr int64_t kHidden = 5, kProjections[] = {0, 1, kHidden, 7};
  constexpr double kClips[] = {0, 0.5, 1e3};
  for (const Case& c : covering::cases(counts, legal)) {
    Options options = cells[static_cast<size_t>(c[kCell])];
    options.projection = kProjections[c[kProjection]];
    options.cell_clip = kClips[c[kClip]];
    options.direction = c[kDirection];
    options.layers = 1 + c[kLayers];
    options.zoneout = 0.3 * c[kZoneout];
    options.zoneout_cell = 0.3 * c[kZoneoutCell];
    options.dropconnect = 0.3 * c[kDropconnect];
    options.dropout = 0.3 * c[kDropout];
    if (c[kRecompute] != 0) options.flags = LNRNN_PLAN_RECOMPUTE;
    Network<double> net({4, 3, 3, kHidden}, options);
    if (c[kLengths] != 0) net.lengths = {4, 0, 3};
    if (c[kResets] != 0) {
      net.resets = std::make_unique<network::Buffer<uint8_t>>(net.handle, 4 * 3);
      for (const size_t at : {0, 5, 6, 8}) (*net.resets)[at] = 1;
    }
    std::string name = "LSTM " + std::to_string(options.normalization);
    for (const int choice : c) name += " " + std::to_string(choice);
    differences::compare(net, name.c_str());
  }
}

}  // namespace

int main() {
  RUN(test_identity_is_no_projection<double>(kCpu));
  RUN(test_identity_is_no_projection<float>(kCpu));
  RUN(test_wide_clip_is_no_clip<double>(kCpu, 19, 7));
  RUN(test_wide_clip_is_no_clip<float>(kCpu, 19, 7));
  RUN(test_limits());
  RUN(test_gradients());
  return check::summary();
}

// Refusals of the calls that compute, where they depend on the cell, the type, the layers or the
// directions of the plan. (What every plan refuses is api_test's.)
#include <string>

#include "calls.h"
#include "network.h"

using network::F16;
using network::Network;
using network::Options;

namespace {

// What a test spoils one member of.
template <class S>
struct Calls {
  explicit Calls(Network<S>& n) : net(n) { renew(); }

  void renew() {
    inference = net.inference();
    training = net.training();
    gradients = net.gradient_pass();
  }

  lnrnnStatus_t infer() { return net.run(inference); }
  lnrnnStatus_t train() { return net.run(training); }
  lnrnnStatus_t backward() { return net.run(gradients); }

  Network<S>& net;
  lnrnnForwardInferenceArguments_t inference;
  lnrnnForwardTrainingArguments_t training;
  lnrnnBackwardArguments_t gradients;
};

void test_only_the_lstm_has_a_cell() {
  for (const int32_t cell : {LNRNN_CELL_GRU, LNRNN_CELL_INDRNN}) {
    Options options;
    options.cell = cell;
    Network<float> net({2, 3, 4, 5}, options);
    net.pack();
    Calls<float> calls(net);
    DONE(calls.train());
    DONE(calls.backward());
    calls.training.c0 = calls.training.h0;
    calls.inference.c0 = calls.inference.h0;
    REFUSED(calls.train(), INVALID_ARGUMENT, "c0 is given, but only the LSTM has c");
    REFUSED(calls.infer(), INVALID_ARGUMENT, "c0 is given");
    calls.renew();
    calls.training.cn = calls.training.hn;
    calls.inference.cn = calls.inference.hn;
    REFUSED(calls.train(), INVALID_ARGUMENT, "cn is given");
    REFUSED(calls.infer(), INVALID_ARGUMENT, "cn is given");
    calls.gradients.dcn = calls.gradients.dhn;
    REFUSED(calls.backward(), INVALID_ARGUMENT, "dcn is given");
    calls.gradients.dcn = {};
    calls.gradients.dc0 = calls.gradients.dh0;
    REFUSED(calls.backward(), INVALID_ARGUMENT, "dc0 is given");

    Network<float> stream({1, 3, 4, 5}, options);
    stream.pack();
    lnrnnStepArguments_t step = stream.one_step();
    DONE(stream.run(step));
    step.c = stream.memory(stream.hn);
    REFUSED(stream.run(step), INVALID_ARGUMENT, "c is given");
  }
}

void test_no_step_of_two_directions() {
  Options options;
  options.direction = LNRNN_DIRECTION_BIDIRECTIONAL;
  Network<float> net({1, 3, 4, 5}, options);
  net.pack();
  REFUSED(net.run(net.one_step()), INVALID_ARGUMENT, "the plan is bidirectional");
}

// States are those of every layer and direction, and y has the features of both.
void test_extents_of_a_stack() {
  Options options;
  options.layers = 3;
  options.direction = LNRNN_DIRECTION_BIDIRECTIONAL;
  options.zoneout = options.dropconnect = 0.5;
  Network<float> net({2, 3, 4, 5}, options);
  CHECK(net.sizes.stateBytes == 3 * 2 * 3 * 5 * sizeof(float));
  Calls<float> calls(net);
  DONE(calls.train());
  DONE(calls.backward());
  --calls.training.h0.bytes;
  --calls.gradients.dhn.bytes;
  REFUSED(calls.train(), BUFFER_TOO_SMALL, "h0 has 359 bytes, but 360 are needed");
  REFUSED(calls.backward(), BUFFER_TOO_SMALL, "dhn has 359");
  calls.renew();
  --calls.training.y.bytes;
  REFUSED(calls.train(), BUFFER_TOO_SMALL, "y has 239 bytes, but 240 are needed");
  ++calls.training.y.bytes;
  calls.training.y.rowStride = 9;
  REFUSED(calls.train(), INVALID_ARGUMENT, "rows of y overlap");
  calls.training.y.rowStride = 10;

  const std::vector<uint8_t> mask(3 * 2 * 20 * 5, 1);
  calls.training.zoneoutMask = calls.gradients.zoneoutMask = {mask.data(), 3 * 2 * 2 * 3 * 5 - 1};
  REFUSED(calls.train(), BUFFER_TOO_SMALL, "zoneoutMask has 179 bytes, but 180 are needed");
  REFUSED(calls.backward(), BUFFER_TOO_SMALL, "zoneoutMask has 179");
  calls.training.zoneoutMask = calls.gradients.zoneoutMask = {mask.data(), 180};
  calls.training.dropconnectMask = {mask.data(), mask.size() - 1};
  REFUSED(calls.train(), BUFFER_TOO_SMALL, "dropconnectMask has 599 bytes, but 600 are needed");
  calls.training.dropconnectMask = calls.gradients.dropconnectMask = {mask.data(), 600};
  DONE(calls.train());
  DONE(calls.backward());
}

// h and what is shaped like it are P wide, c is H wide.
void test_extents_of_a_projection() {
  Options options;
  options.layers = 2;
  options.direction = LNRNN_DIRECTION_BIDIRECTIONAL;
  options.zoneout = options.dropconnect = 0.5;
  options.projection = 2;
  Network<float> net({2, 3, 4, 5}, options);
  CHECK(net.sizes.stateBytes == 2 * 2 * 3 * 2 * sizeof(float));
  CHECK(net.sizes.cellStateBytes == 2 * 2 * 3 * 5 * sizeof(float));
  Calls<float> calls(net);
  const auto too_small = [&](auto& member, const auto& call, const char* words) {
    --member.bytes;
    REFUSED(call(), BUFFER_TOO_SMALL, words);
    ++member.bytes;
    DONE(call());
  };
  const auto train = [&] { return calls.train(); };
  const auto backward = [&] { return calls.backward(); };
  too_small(calls.training.h0, train, "h0 has 95 bytes, but 96 are needed");
  too_small(calls.training.c0, train, "c0 has 239 bytes, but 240 are needed");
  too_small(calls.training.hn, train, "hn has 95");
  too_small(calls.training.cn, train, "cn has 239");
  too_small(calls.training.y, train, "y has 95 bytes, but 96 are needed");
  too_small(calls.gradients.dy, backward, "dy has 95");
  too_small(calls.gradients.dhn, backward, "dhn has 95");
  too_small(calls.gradients.dcn, backward, "dcn has 239");
  too_small(calls.gradients.dh0, backward, "dh0 has 95");
  too_small(calls.gradients.dc0, backward, "dc0 has 239");
  const std::vector<uint8_t> mask(2 * 2 * 20 * 2, 1);
  calls.training.zoneoutMask = {mask.data(), 2 * 2 * 2 * 3 * 2};
  calls.training.dropconnectMask = {mask.data(), mask.size()};
  too_small(calls.training.zoneoutMask, train, "zoneoutMask has 47 bytes, but 48 are needed");
  too_small(calls.training.dropconnectMask, train,
            "dropconnectMask has 159 bytes, but 160 are needed");
}

void test_masks_need_a_probability() {
  Options options;
  Network<float> net({2, 3, 4, 5}, options);
  std::vector<uint8_t> mask(400, 1);
  Calls<float> calls(net);
  const auto refused = [&](auto& a) {
    args::each_memory(a, [&](const std::string& name, auto& member) {
      if (name.find("Mask") == std::string::npos) return;
      const std::string words = name + " is given, but the plan's probability is 0";
      member.pointer = mask.data();
      member.bytes = mask.size();
      REFUSED(net.run(a), INVALID_ARGUMENT, words.c_str());
      member = {};
    });
  };
  refused(calls.training);
  refused(calls.gradients);
}

// A mask has so many bytes in both passes, of every kind, and no fewer.
void test_extents_of_masks(uint32_t flags) {
  Options options;
  options.layers = 3;
  options.direction = LNRNN_DIRECTION_BIDIRECTIONAL;
  options.flags = flags;
  options.regularize(0.5);
  Network<float> net({2, 3, 4, 5}, options);
  net.train();
  for (const network::MaskKind& m : network::kMaskKinds) {
    const size_t bytes = net.mask_bytes(m.kind);
    net.mask(m.kind) = std::make_unique<network::Buffer<uint8_t>>(net.handle, bytes);
    const std::string words = std::string(m.member) + " has " + std::to_string(bytes - 1) +
                              " bytes, but " + std::to_string(bytes) + " are needed";
    const auto refused = [&](auto a) {
      args::each_memory(a, [&](const std::string& name, auto& member) {
        if (name == m.member) --member.bytes;
      });
      REFUSED(net.run(a), BUFFER_TOO_SMALL, words.c_str());
    };
    refused(net.training());
    refused(net.gradient_pass());
    net.train();
    net.backward();
  }
}

void test_numbers_in_memory() {
  Network<float> net({2, 3, 4, 5}, {});
  const uint64_t numbers[4] = {};
  Calls<float> calls(net);
  // The offsets wrap: the largest are none too many.
  const uint64_t largest[] = {~uint64_t{0}, ~uint64_t{0}, ~uint64_t{0}};
  calls.training.random = calls.gradients.random = {largest, sizeof largest};
  DONE(calls.train());
  DONE(calls.backward());
  --calls.training.random.bytes;
  REFUSED(calls.train(), BUFFER_TOO_SMALL, "random has 23 bytes, but 24 are needed");
  calls.training.random = calls.gradients.random = {reinterpret_cast<const char*>(numbers) + 4, 24};
  REFUSED(calls.train(), MISALIGNED, "random is at");
  REFUSED(calls.backward(), MISALIGNED, "aligned to 8");
}

// F16 is the data's type; sums are of F32.
void test_types_of_half_precision() {
  Network<F16> net({2, 3, 4, 5}, {});
  CHECK(net.sizes.stateBytes == 3 * 5 * sizeof(float));
  CHECK(net.sizes.gradientBytes == 2 * net.sizes.parameterBytes);
  for (const lnrnnParameter_t& p : net.descriptions()) {
    CHECK(p.offsetBytes % 64 == 0 && p.gradientOffsetBytes == 2 * p.offsetBytes);
  }
  Calls<F16> calls(net);
  DONE(calls.train());
  DONE(calls.backward());
  calls.gradients.gradients.bytes = net.sizes.parameterBytes;
  REFUSED(calls.backward(), BUFFER_TOO_SMALL, "gradients has");
  calls.training.hn.pointer = static_cast<char*>(calls.training.hn.pointer) + 2;
  REFUSED(calls.train(), MISALIGNED, "aligned to 4");
  calls.training.hn = {};
  CHECK(net.y->bytes() == 2 * 3 * 5 * 2);
  --calls.training.y.bytes;
  REFUSED(calls.train(), BUFFER_TOO_SMALL, "y has 59 bytes, but 60 are needed");
}

// Names, in the order of the buffers.
void test_parameters_of_a_stack() {
  const auto names = [](const Options& options) {
    Network<float> net({1, 1, 4, 5}, options);
    std::string all;
    for (const lnrnnParameter_t& p : net.descriptions()) all += std::string(p.name) + " ";
    return all;
  };
  Options options;
  options.cell = LNRNN_CELL_GRU;
  options.layers = 2;
  CHECK(names(options) ==
        "weight_ih_l0 weight_hh_l0 bias_ih_l0 bias_hh_l0 layernorm_i_l0.weight "
        "layernorm_h_l0.weight weight_ih_l1 weight_hh_l1 bias_ih_l1 bias_hh_l1 "
        "layernorm_i_l1.weight layernorm_h_l1.weight ");
  options.layers = 1;
  options.normalization = LNRNN_NORMALIZATION_PAPER;
  CHECK(names(options) ==
        "weight_ih_l0 weight_hh_l0 layernorm_i_l0.weight layernorm_i_l0.bias layernorm_h_l0.weight "
        "layernorm_h_l0.bias ");
  options.cell = LNRNN_CELL_INDRNN;
  options.normalization = LNRNN_NORMALIZATION_HASTE;
  options.direction = LNRNN_DIRECTION_BIDIRECTIONAL;
  CHECK(names(options) ==
        "weight_ih_l0 weight_hh_l0 bias_l0 layernorm_i_l0.weight weight_ih_l0_reverse "
        "weight_hh_l0_reverse bias_l0_reverse layernorm_i_l0_reverse.weight ");
  options.cell = LNRNN_CELL_LSTM;
  options.direction = LNRNN_DIRECTION_FORWARD;
  options.normalization = LNRNN_NORMALIZATION_CARRY;
  CHECK(names(options) ==
        "weight_ih_l0 weight_hh_l0 bias_l0 layernorm_i_l0.weight layernorm_i_l0.bias "
        "layernorm_h_l0.weight layernorm_h_l0.bias layernorm_c_l0.weight layernorm_c_l0.bias ");
  options.normalization = LNRNN_NORMALIZATION_CELL;
  CHECK(names(options) ==
        "weight_ih_l0 weight_hh_l0 bias_l0 layernorm_c_l0.weight layernorm_c_l0.bias ");
  options.projection = 2;
  CHECK(
      names(options) ==
      "weight_ih_l0 weight_hh_l0 weight_hr_l0 bias_l0 layernorm_c_l0.weight layernorm_c_l0.bias ");
  options.projection = 0;
  options.normalization = LNRNN_NORMALIZATION_PER_GATE_CARRY;
  CHECK(names(options) ==
        "weight_ih_l0 weight_hh_l0 bias_l0 layernorm_gates_l0.weight layernorm_gates_l0.bias "
        "layernorm_c_l0.weight layernorm_c_l0.bias ");
  options.cell = LNRNN_CELL_GRU;
  options.normalization = LNRNN_NORMALIZATION_JOINT;
  CHECK(names(options) ==
        "weight_ih_l0 weight_hh_l0 bias_l0 layernorm_gates_l0.weight layernorm_gates_l0.bias ");
}

}  // namespace

int main() {
  RUN(test_only_the_lstm_has_a_cell());
  RUN(test_no_step_of_two_directions());
  RUN(test_extents_of_a_stack());
  RUN(test_extents_of_a_projection());
  RUN(test_masks_need_a_probability());
  RUN(test_extents_of_masks(0));
  RUN(test_extents_of_masks(LNRNN_PLAN_VARIATIONAL_DROPOUT));
  RUN(test_numbers_in_memory());
  RUN(test_types_of_half_precision());
  RUN(test_parameters_of_a_stack());
  check::nothing_left();
  return check::summary();
}

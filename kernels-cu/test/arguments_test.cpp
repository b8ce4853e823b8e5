// Refusals of the calls that compute, where they depend on the cell, the type, the layers or the
// directions of the plan. (What every plan refuses is api_test's.)
#include "calls.h"
#include "network.h"

using network::F16;
using network::Network;
using network::Options;

namespace {

// Arguments of a training forward and of its backward that are right; a test spoils one of them.
template <class S>
struct Call {
  using T = lnrnn::accumulation_t<S>;

  Network<S>& net;
  const void *h0, *c0, *dhn, *dcn;
  void *hn, *cn, *dh0, *dc0;
  const uint8_t *zoneout = nullptr, *dropconnect = nullptr;
  size_t zoneout_bytes = 0, dropconnect_bytes = 0, state_bytes, gradient_bytes, y_bytes;
  const uint64_t* random = nullptr;

  explicit Call(Network<S>& n)
      : net(n), h0(of(n.h0)), c0(of(n.c0)), dhn(of(n.dhn)), dcn(of(n.dcn)), hn(of(n.hn)),
        cn(of(n.cn)), dh0(of(n.dh0)), dc0(of(n.dc0)), state_bytes(n.sizes.stateBytes),
        gradient_bytes(n.sizes.gradientBytes), y_bytes(n.y->bytes()) {}

  static void* of(const std::unique_ptr<network::Buffer<T>>& buffer) {
    return buffer == nullptr ? nullptr : buffer->data();
  }

  lnrnnStatus_t train() const {
    return lnrnnForwardTraining(net.plan, nullptr, &net.sequence, net.lengths_or_null(),
                                net.parameters->data(), net.parameters->bytes(), net.x->data(),
                                net.x->bytes(), h0, c0, zoneout, zoneout_bytes, dropconnect,
                                dropconnect_bytes, random, net.y->data(), y_bytes, hn, cn,
                                state_bytes, net.reserve->data(), net.reserve->bytes(),
                                net.workspace->data(), net.workspace->bytes());
  }
  lnrnnStatus_t infer() const {
    return lnrnnForwardInference(net.plan, nullptr, &net.sequence, net.lengths_or_null(),
                                 net.packed->data(), net.packed->bytes(), net.x->data(),
                                 net.x->bytes(), h0, c0, net.y->data(), y_bytes, hn, cn,
                                 state_bytes, net.workspace->data(), net.workspace->bytes());
  }
  lnrnnStatus_t backward() const {
    return lnrnnBackward(net.plan, nullptr, &net.sequence, net.lengths_or_null(),
                         net.parameters->data(), net.parameters->bytes(), net.x->data(),
                         net.x->bytes(), zoneout, zoneout_bytes, dropconnect, dropconnect_bytes,
                         random, net.dy->data(), net.dy->bytes(), dhn, dcn, net.reserve->data(),
                         net.reserve->bytes(), net.gradients->data(), gradient_bytes,
                         net.dx->data(), net.dx->bytes(), dh0, dc0, state_bytes,
                         net.workspace->data(), net.workspace->bytes());
  }
};

void test_only_the_lstm_has_a_cell() {
  for (const int32_t cell : {LNRNN_CELL_GRU, LNRNN_CELL_INDRNN}) {
    Options options;
    options.cell = cell;
    Network<float> net({2, 3, 4, 5}, options);
    net.pack();
    DONE(Call<float>(net).train());
    DONE(Call<float>(net).backward());
    Call<float> call(net);
    call.c0 = call.h0;
    REFUSED(call.train(), INVALID_ARGUMENT, "c0 is given, but only the LSTM carries a cell");
    REFUSED(call.infer(), INVALID_ARGUMENT, "c0 is given");
    call.c0 = nullptr;
    call.cn = call.hn;
    REFUSED(call.train(), INVALID_ARGUMENT, "cn is given");
    REFUSED(call.infer(), INVALID_ARGUMENT, "cn is given");
    call.cn = nullptr;
    call.dcn = call.dhn;
    REFUSED(call.backward(), INVALID_ARGUMENT, "dcn is given");
    call.dcn = nullptr;
    call.dc0 = call.dh0;
    REFUSED(call.backward(), INVALID_ARGUMENT, "dc0 is given");

    Network<float> stream({1, 3, 4, 5}, options);
    stream.pack();
    const auto step = [&](void* c) {
      return lnrnnStep(stream.plan, nullptr, 3, stream.packed->data(), stream.packed->bytes(),
                       stream.x->data(), stream.x->bytes(), stream.h0->data(), c,
                       stream.h0->bytes(), stream.workspace->data(), stream.workspace->bytes());
    };
    DONE(step(nullptr));
    REFUSED(step(stream.hn->data()), INVALID_ARGUMENT, "c is given");
  }
}

void test_no_step_of_two_directions() {
  Options options;
  options.direction = LNRNN_DIRECTION_BIDIRECTIONAL;
  Network<float> net({1, 3, 4, 5}, options);
  net.pack();
  REFUSED(lnrnnStep(net.plan, nullptr, 3, net.packed->data(), net.packed->bytes(), net.x->data(),
                    net.x->bytes(), net.h0->data(), net.c0->data(), net.h0->bytes(),
                    net.workspace->data(), net.workspace->bytes()),
          INVALID_ARGUMENT, "the plan is bidirectional");
}

// States are those of every layer and direction, and y has the features of both.
void test_extents_of_a_stack() {
  Options options;
  options.layers = 3;
  options.direction = LNRNN_DIRECTION_BIDIRECTIONAL;
  options.zoneout = options.dropconnect = 0.5;
  Network<float> net({2, 3, 4, 5}, options);
  CHECK(net.sizes.stateBytes == 3 * 2 * 3 * 5 * sizeof(float));
  Call<float> call(net);
  DONE(call.train());
  DONE(call.backward());
  --call.state_bytes;
  REFUSED(call.train(), BUFFER_TOO_SMALL, "h0 has 359 bytes, but 360 are needed");
  REFUSED(call.backward(), BUFFER_TOO_SMALL, "dhn has 359");
  ++call.state_bytes;
  --call.y_bytes;
  REFUSED(call.train(), BUFFER_TOO_SMALL, "y has 239 bytes, but 240 are needed");
  ++call.y_bytes;
  net.sequence.yRowStride = 9;
  REFUSED(call.train(), INVALID_ARGUMENT, "rows of y overlap");
  net.sequence.yRowStride = 10;

  const std::vector<uint8_t> mask(3 * 2 * 20 * 5, 1);
  call.zoneout = mask.data();
  call.zoneout_bytes = 3 * 2 * 2 * 3 * 5 - 1;
  REFUSED(call.train(), BUFFER_TOO_SMALL, "zoneoutMask has 179 bytes, but 180 are needed");
  REFUSED(call.backward(), BUFFER_TOO_SMALL, "zoneoutMask has 179");
  call.zoneout_bytes = 180;
  call.dropconnect = mask.data();
  call.dropconnect_bytes = mask.size() - 1;
  REFUSED(call.train(), BUFFER_TOO_SMALL, "dropconnectMask has 599 bytes, but 600 are needed");
  call.dropconnect_bytes = 600;
  DONE(call.train());
  DONE(call.backward());
}

void test_masks_need_a_probability() {
  Options options;
  options.zoneout_cell = 0.5;
  Network<float> net({2, 3, 4, 5}, options);
  const std::vector<uint8_t> mask(400, 1);
  Call<float> call(net);
  call.zoneout = mask.data();
  call.zoneout_bytes = mask.size();
  REFUSED(call.train(), INVALID_ARGUMENT, "zoneoutMask is given, but the plan's probability is 0");
  call.zoneout = nullptr;
  call.dropconnect = mask.data();
  call.dropconnect_bytes = mask.size();
  REFUSED(call.backward(), INVALID_ARGUMENT, "dropconnectMask is given");
}

void test_numbers_in_memory() {
  Network<float> net({2, 3, 4, 5}, {});
  const uint64_t numbers[4] = {};
  Call<float> call(net);
  // The offsets wrap: the largest are none too many.
  const uint64_t largest[] = {~uint64_t{0}, ~uint64_t{0}, ~uint64_t{0}};
  call.random = largest;
  DONE(call.train());
  DONE(call.backward());
  call.random = reinterpret_cast<const uint64_t*>(reinterpret_cast<const char*>(numbers) + 4);
  REFUSED(call.train(), MISALIGNED, "random is at");
  REFUSED(call.backward(), MISALIGNED, "aligned to 8");
}

// F16 is the data's type; sums are of F32.
void test_types_of_half_precision() {
  Network<F16> net({2, 3, 4, 5}, {});
  CHECK(net.sizes.stateBytes == 3 * 5 * sizeof(float));
  CHECK(net.sizes.gradientBytes == 2 * net.sizes.parameterBytes);
  for (const lnrnnParameter_t& p : net.descriptions()) {
    CHECK(p.offsetBytes % 64 == 0 && p.gradientOffsetBytes == 2 * p.offsetBytes);
  }
  Call<F16> call(net);
  DONE(call.train());
  DONE(call.backward());
  call.gradient_bytes = net.sizes.parameterBytes;
  REFUSED(call.backward(), BUFFER_TOO_SMALL, "gradients has");
  call.gradient_bytes = net.sizes.gradientBytes;
  call.hn = static_cast<char*>(call.hn) + 2;
  REFUSED(call.train(), MISALIGNED, "aligned to 4");
  call.hn = nullptr;
  CHECK(net.y->bytes() == 2 * 3 * 5 * 2);
  --call.y_bytes;
  REFUSED(call.train(), BUFFER_TOO_SMALL, "y has 59 bytes, but 60 are needed");
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
  options.cell = LNRNN_CELL_INDRNN;
  options.layers = 1;
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
}

}  // namespace

int main() {
  RUN(test_only_the_lstm_has_a_cell());
  RUN(test_no_step_of_two_directions());
  RUN(test_extents_of_a_stack());
  RUN(test_masks_need_a_probability());
  RUN(test_numbers_in_memory());
  RUN(test_types_of_half_precision());
  RUN(test_parameters_of_a_stack());
  check::nothing_left();
  return check::summary();
}

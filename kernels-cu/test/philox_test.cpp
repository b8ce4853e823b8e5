// Known answers published with Random123 (Salmon et al. 2011).
#include "cell/philox.h"

#include "check.h"

using lnrnn::Philox4;
using lnrnn::philox4x32;

static void answers(uint64_t key, Philox4 counter, Philox4 expected) {
  const Philox4 got = philox4x32(key, counter);
  for (int i = 0; i < 4; ++i) CHECK(got.word[i] == expected.word[i]);
}

int main() {
  answers(0, {{0, 0, 0, 0}}, {{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}});
  answers(~uint64_t{0}, {{~0u, ~0u, ~0u, ~0u}},
          {{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}});
  answers(0x299f31d0a4093822, {{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}},
          {{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}});
  CHECK(lnrnn::keep_threshold(0) == uint64_t{1} << 32);
  CHECK(lnrnn::keep_threshold(1) == 0);
  CHECK(lnrnn::keep_threshold(0.25) == 3 * (uint64_t{1} << 30));
  return check::summary();
}

#include "masks.h"

namespace lnrnn::cpu {

void Mask::draw(uint32_t step, uint32_t row, uint8_t* out) const {
  for (int64_t first = 0; first < n_; first += 4) {
    const Philox4 random =
        random_words(seed_, static_cast<uint32_t>(first / 4), step, row, stream_);
    const int64_t count = n_ - first < 4 ? n_ - first : 4;
    for (int64_t j = 0; j < count; ++j) out[first + j] = random.word[j] < threshold_;
  }
}

}  // namespace lnrnn::cpu

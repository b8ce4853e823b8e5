// The shapes that performance is reported at.
#pragma once

#include <cstdint>

namespace bench {

struct Shape {
  char name;
  int64_t steps, batch, input, hidden;
};

constexpr Shape kShapes[] = {
    {'A', 1, 1, 128, 256},      {'B', 100, 1, 256, 512},  {'C', 100, 32, 512, 512},
    {'D', 256, 64, 1024, 1024}, {'E', 25, 128, 256, 256}, {'F', 512, 16, 2048, 2048},
};

}  // namespace bench

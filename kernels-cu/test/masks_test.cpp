// Masks that training draws, read and given back on the CPU.
#include "masks.h"

using namespace masks;

int main() {
  Options options;
  options.threads = 2;
  for (const network::Cell& cell : network::kCells) {
    check::run(cell.name, [&] { test_cell<float>(options, cell, 17); });
  }
  RUN(test_cell<double>(options, network::kCells[1], 9));
  RUN(test_cell<network::F16>(options, network::kCells[3], 9));
  RUN(test_cell<network::Bf16>(options, network::kCells[12], 9));
  RUN(test_parts<float>(options));
  RUN(test_edges<float>(options));
  RUN(test_refusals<float>(options));
  check::nothing_left();
  return check::summary();
}

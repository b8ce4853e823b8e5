// Resets on the CPU; device_resets_test asks the same of a GPU.
#include "resets.h"

int main() {
  resets::test_all(LNRNN_DEVICE_CPU, network::all_options(4));
  return check::summary();
}

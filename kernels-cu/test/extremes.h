// Inputs at the ends of what numbers can be: rows whose squares overflow, NaN in what is left out. One set of
// checks for every device and instruction set.
#pragma once

#include <vector>

#include "extreme_masks.h"
#include "extreme_rows.h"

namespace extremes {

template <class S>
void test_type(const Options& options, const std::vector<int64_t>& hiddens) {
  constexpr double kBound = sizeof(S) == 8 ? 1e-11 : sizeof(S) == 4 ? 2e-5 : 5e-2;
  const bool cuda = options.device == LNRNN_DEVICE_CUDA;
  if (network::data_type<S>() != LNRNN_DATA_F16) {
    test_opposites<S>(options);
    test_too_large_rows<S>(options);
    test_constant_rows<S>(options);
  }
  for (const Cell& cell : kCells) {
    if (sizeof(S) == 8) test_large_rows_of_double(cell, options, 9);
    for (const int64_t hidden : hiddens) {
      for (const double scale : {1e18, 1e25, 1e30, 1e37}) {
        if (network::data_type<S>() == LNRNN_DATA_F16 || sizeof(S) == 8) continue;
        // There h is rounded to 16 bits before its product, and large c beyond 1e33 are NaN.
        test_large_rows<S>(cell, options, {2, 2, 3, hidden}, scale, kBound,
                           sizeof(S) != 2 || !cuda);
      }
      test_kept_rows<S>(cell, options, hidden, true);
      test_kept_rows<S>(cell, options, hidden, false);
      if (cell.cell == LNRNN_CELL_LSTM) {
        test_unread_cells<S>(cell, options, hidden);
        test_dropped_candidates<S>(cell, options, hidden);
      }
      if (cell.cell != LNRNN_CELL_INDRNN) test_dropped_weights<S>(cell, options, hidden);
      test_dropped_layer<S>(cell, options, hidden);
    }
    if (cell.cell == LNRNN_CELL_INDRNN) test_kept_units<S>(cell, options);
  }
}

}  // namespace extremes

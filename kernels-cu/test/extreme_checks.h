// What the checks of extreme inputs have in common.
#pragma once

#include <string>

#include "check.h"
#include "network.h"

namespace extremes {

using lnrnn::accumulation_t;
using network::Bf16;
using network::Buffer;
using network::Cell;
using network::F16;
using network::kCells;
using network::Network;
using network::number;
using network::Options;
using network::rounded;
using network::Shape;

// What a failed check was about.
inline void expect(bool ok, const std::string& what, const char* file = __builtin_FILE(),
                   int line = __builtin_LINE()) {
  check::report(ok, file, line, what.c_str());
}

template <class S>
const char* name_of() {
  return network::data_type<S>() == LNRNN_DATA_F64   ? "F64"
         : network::data_type<S>() == LNRNN_DATA_F32 ? "F32"
         : network::data_type<S>() == LNRNN_DATA_F16 ? "F16"
                                                     : "BF16";
}

}  // namespace extremes

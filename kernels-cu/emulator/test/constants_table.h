// A table of constants by name, as one of the two headers has them.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "cuda_constants.h"

using NamedConstant = std::pair<std::string, long long>;
#define LNRNN_NAMED(name) {#name, static_cast<long long>(name)},

const std::vector<NamedConstant>& constants_of_cuda();

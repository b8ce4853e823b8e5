// Dropout between layers.
#pragma once

#include "../api/device.h"
#include "team.h"

namespace lnrnn::cpu {

// S is the data type.
template <class S>
void drop_values(Team& team, const DropoutArguments& arguments);

}  // namespace lnrnn::cpu

// Dropout between layers, and masks that somebody wants to see.
#pragma once

#include "core/device.h"
#include "cpu/machine/isa.h"
#include "cpu/machine/team.h"

namespace lnrnn::cpu {

// S is the data type.
template <class S>
void drop_values(const Kernels<accumulation_t<S>>& kernels, Team& team,
                 const DropoutArguments& arguments);

void draw_mask(const Kernels<float>& kernels, Team& team, const MaskArguments& arguments);

}  // namespace lnrnn::cpu

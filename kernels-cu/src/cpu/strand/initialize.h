// The parameters a network starts from.
#pragma once

#include "core/plan.h"
#include "cpu/machine/isa.h"
#include "cpu/machine/team.h"

namespace lnrnn::cpu {

// All of the plan's, of its data type: the same for every instruction set and any number of threads.
void initialize_parameters(const Isa& isa, const Plan& plan, Team& team, uint64_t seed,
                           void* parameters);

}  // namespace lnrnn::cpu

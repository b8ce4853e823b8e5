// The parameters a network starts from.
#pragma once

#include "../api/plan.h"
#include "isa.h"
#include "team.h"

namespace lnrnn::cpu {

// All of the plan's, of its data type: the same for every instruction set and any number of threads.
void initialize_parameters(const Isa& isa, const Plan& plan, Team& team, uint64_t seed,
                           void* parameters);

}  // namespace lnrnn::cpu

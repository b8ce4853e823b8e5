// The parameters a network starts from.
#pragma once

#include "../api/plan.h"
#include "team.h"

namespace lnrnn::cpu {

// All of the plan's, of its data type.
void initialize_parameters(const Plan& plan, Team& team, uint64_t seed, void* parameters);

}  // namespace lnrnn::cpu

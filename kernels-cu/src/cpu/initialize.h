// The parameters a network starts from.
#pragma once

#include "../api/plan.h"
#include "team.h"

namespace lnrnn::cpu {

template <class T>
void initialize_parameters(const Plan& plan, Team& team, uint64_t seed, T* parameters);

}  // namespace lnrnn::cpu

// How much time on processors the process's control groups allow (Linux cgroups, version 1 and 2).
#pragma once

#include <string>

namespace lnrnn::cpu {

// Processors' worth of time, the least that the process's own group and those above it allow; infinity
// where none says so. Never fails: what cannot be read or understood is no limit.
//   root   where /proc is found, "" for this machine's; mount points are taken below it, too
double cpu_quota(const std::string& root);

// Threads that such a quota keeps busy: rounded down, because the time of a thread that is stopped for
// the rest of a period is lost to all who wait for its share; at least 1. INT_MAX without a limit.
int threads_of_quota(double quota);

}  // namespace lnrnn::cpu

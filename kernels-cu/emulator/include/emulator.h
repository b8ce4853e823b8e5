// Controls of the emulator, for tests that link it. The same are environment variables, read at
// first use: LNRNN_EMULATOR_SEED, SKIP_SITE, SITES, FAULT, DRIVER, MEMORY. See ../README.md.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace lnrnn::emulator {

// The schedules of grids that are launched from now on follow from it.
void set_seed(uint64_t seed);

// The barrier "file:line" is none from now on; "" puts all back.
void skip_site(const std::string& site);
// Barrier sites that lanes have reached so far, in order of their names.
std::vector<std::string> sites_reached();

// Faults to come, as LNRNN_EMULATOR_FAULT has them: "out_of_memory@3,device_lost@5". Counting
// starts anew. False, and nothing changed, for a text that is not understood.
bool inject_fault(const std::string& faults);
// "12020", "none", "no_device", or "" for the version that the emulator follows.
void set_driver(const std::string& driver);
void set_memory_limit(size_t bytes);

// The last line that a fault wrote to stderr; "" after reset_device().
std::string last_report();

// Waits for all streams, frees all memory, forgets errors, faults and skipped sites, and schedules
// what follows as in a new process. Streams and events stay.
void reset_device();

}  // namespace lnrnn::emulator

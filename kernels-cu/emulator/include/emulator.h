// Controls of the emulator, for tests that link it. The same are environment variables, read at
// first use: LNRNN_EMULATOR_SEED, SKIP_SITE, SITES, FAULT, DRIVER, DEVICES, KERNELS, MEMORY. See
// ../README.md.
#pragma once

#include <cuda_runtime.h>

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
// Which error the fault "call" is; cudaErrorMemoryAllocation is the default. Whether the device is lost to it.
void set_call_error(cudaError_t error, bool loses);
// Calls of the runtime since faults were last injected.
uint64_t calls_made();
// Whether the calling thread is in a call of the runtime, where what is allocated is CUDA's own.
bool inside();
// "12020", "none", "no_device", or "" for the version that the emulator follows.
void set_driver(const std::string& driver);
void set_memory_limit(size_t bytes);
// As LNRNN_EMULATOR_DEVICES and KERNELS have them, "8.6,9.0" and "sm_90a compute_90". False, and nothing
// changed, for a text that is not understood.
bool set_devices(const std::string& capabilities);
bool set_kernels(const std::string& targets);

// The contexts of the calling thread, the current one last: "" for none, or, say, "0 1*" where one of the
// caller's own on device 1 lies on the primary context of device 0.
std::string thread_contexts();
// Makes a context current that is not its device's primary one, on top of the thread's others.
void push_own_context(int device);
// The thread is as new: no context is current.
void forget_contexts();
// Whether the device has a primary context, which takes memory of a GPU.
bool has_primary_context(int device);

// What was created and is still there, as "2 streams, 1 events"; "" for nothing. Freed memory counts until
// its stream has come to it.
std::string left_over();

// The last line that a fault wrote to stderr; "" after reset_device().
std::string last_report();

// Waits for all streams, frees all memory, forgets errors, faults and skipped sites, and schedules
// what follows as in a new process. Streams and events stay.
void reset_device();

}  // namespace lnrnn::emulator

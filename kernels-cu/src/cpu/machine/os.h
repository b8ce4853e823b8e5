// What the CPU backend asks of the operating system: one file for each implements it.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>

namespace lnrnn::os {

// Processors that this process may run on, at least 1.
int processors();

// The calling thread's time on a processor so far.
std::chrono::nanoseconds thread_time();

// Sleeps while word is value, and until wake_all; may return without a reason. Between threads of this
// process only.
void sleep_while(const std::atomic<uint32_t>& word, uint32_t value);
// Wakes every thread that sleeps on word.
void wake_all(const std::atomic<uint32_t>& word);

// Bytes of memory that the machine has; 0 where nobody says.
uint64_t total_memory();

// Asks for large pages under memory that is about to be used. A refusal only costs speed.
void prefer_huge_pages(void* memory, size_t bytes);

// What the maker calls the processor; "CPU" where nobody says. Ends with '\0' within size.
void read_cpu_name(char* name, size_t size);

}  // namespace lnrnn::os

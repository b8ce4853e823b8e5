// A fiber: a stack of its own and the place where it stopped. A lane of a kernel runs on one. Switching
// costs nanoseconds, so that a grid of thousands of lanes fits into one thread of the host.
//
// Sanitizers are told of every switch. To ThreadSanitizer each fiber is a thread that switching
// does not synchronise: it sees the race that a missing barrier leaves, whatever the schedule.
// So this folder's scheduler is compiled without its instrumentation, and says what synchronises.
#pragma once

#include <cstddef>

namespace lnrnn::emulator {

class Fiber {
 public:
  using Body = void (*)(void* argument);

  // The caller's own thread, to switch back to.
  Fiber();
  // A stack. Its guard page makes an overflow a SIGSEGV. False if there is no memory for one.
  bool make_stack();
  ~Fiber();
  Fiber(const Fiber&) = delete;
  Fiber& operator=(const Fiber&) = delete;

  // The next switch to it calls body(argument), which ends by a switch to another fiber and can
  // then be started anew.
  void start(Body body, void* argument);
  // The same for a fiber that stopped somewhere else: what it was doing is dropped.
  void abandon();

  // Stops this fiber, which must be the one that runs, and goes on with another.
  void switch_to(Fiber& other);

  // Whether an address is in the guard page, and where execution can go on regardless.
  bool overflowed_at(const void* address) const;
  void* stack_top() const;

 private:
  static void enter(Fiber* fiber);
  static void enter_split(unsigned low, unsigned high);
  void prepare();
  void arrived();
  void find_own_stack();

  void* context_ = nullptr;  // the stack pointer, or a ucontext_t
  char* map_ = nullptr;
  char* stack_ = nullptr;  // of a thread: known to AddressSanitizer's build only
  size_t stack_bytes_ = 0;
  size_t top_ = 0;  // bytes above it that are not used
  Body body_ = nullptr;
  void* argument_ = nullptr;
  bool prepared_ = false;
  void* thread_sanitizer_ = nullptr;
  void* fake_stack_ = nullptr;  // AddressSanitizer's
};

// A fiber that no one uses, nullptr if there can be none; and back. Any thread may call.
Fiber* take_fiber();
void give_fiber(Fiber* fiber);

}  // namespace lnrnn::emulator

// Signals that a kernel's mistakes raise. What is not ours goes to the handlers that were there:
// in a Java program the virtual machine's.
#include <signal.h>
#include <setjmp.h>
#include <sys/mman.h>
#include <ucontext.h>

#include <mutex>

#include "machine.h"

namespace lnrnn::emulator {

namespace {

constexpr int kSignals[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL};
struct sigaction previous[4];

__thread sigjmp_buf* copy_guard __attribute__((tls_model("initial-exec"))) = nullptr;
// What the handler found, for the code that it makes the lane go on with.
__thread int raised __attribute__((tls_model("initial-exec"))) = 0;
__thread const void* raised_at __attribute__((tls_model("initial-exec"))) = nullptr;

[[noreturn]] void fail_lane() {
  RunningLane& lane = *Machine::running();
  Machine& machine = *lane.machine;
  switch (raised) {
    case SIGFPE: machine.fail(lane, cudaErrorLaunchFailure, "integer division by zero");
    case SIGILL: machine.fail(lane, cudaErrorIllegalInstruction, "illegal instruction");
    default:
      machine.fail(lane, cudaErrorIllegalAddress, machine.describe(lane, raised_at), raised_at);
  }
}

void forward(int signal, siginfo_t* info, void* context) {
  for (int i = 0; i < 4; ++i) {
    if (kSignals[i] != signal) continue;
    const struct sigaction& handler = previous[i];
    if ((handler.sa_flags & SA_SIGINFO) != 0) {
      handler.sa_sigaction(signal, info, context);
    } else if (handler.sa_handler != SIG_DFL && handler.sa_handler != SIG_IGN) {
      handler.sa_handler(signal);
    } else {
      // The instruction is repeated, and does what it does without us.
      sigaction(signal, &handler, nullptr);
    }
  }
}

void handle(int signal, siginfo_t* info, void* context) {
  const bool own = info->si_code > 0;  // by an instruction, not sent by someone
  if (own && Machine::running() != nullptr) {
    raised = signal;
    raised_at = info->si_addr;
#if defined(__x86_64__)
    // The lane goes on there, on its own stack from the top: what it was doing is over.
    auto* registers = static_cast<ucontext_t*>(context)->uc_mcontext.gregs;
    registers[REG_RIP] = reinterpret_cast<greg_t>(&fail_lane);
    registers[REG_RSP] =
        reinterpret_cast<greg_t>(Machine::running()->fiber->stack_top()) - 1024 - 8;
    return;
#else
    sigset_t mask;
    sigemptyset(&mask);
    sigaddset(&mask, signal);
    pthread_sigmask(SIG_UNBLOCK, &mask, nullptr);
    fail_lane();
#endif
  }
  if (own && copy_guard != nullptr) siglongjmp(*copy_guard, 1);
  forward(signal, info, context);
}

// A stack for the handler: the lane's own may be what overflowed.
struct SignalStack {
  static constexpr size_t kBytes = 128 * 1024;
  void* memory;
  SignalStack()
      : memory(mmap(nullptr, kBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)) {
    if (memory == MAP_FAILED) return;
    stack_t stack{};
    stack.ss_sp = memory;
    stack.ss_size = kBytes;
    sigaltstack(&stack, nullptr);
  }
  ~SignalStack() {
    if (memory == MAP_FAILED) return;
    stack_t stack{};
    stack.ss_flags = SS_DISABLE;
    sigaltstack(&stack, nullptr);
    munmap(memory, kBytes);
  }
};

}  // namespace

void catch_signals() {
  static std::once_flag installed;
  std::call_once(installed, [] {
    struct sigaction action {};
    action.sa_sigaction = handle;
    action.sa_flags = SA_SIGINFO | SA_ONSTACK;
    sigemptyset(&action.sa_mask);
    for (int i = 0; i < 4; ++i) sigaction(kSignals[i], &action, &previous[i]);
  });
  static thread_local SignalStack stack;
  // Named, so that it is made for this thread.
  (void)stack.memory;
}

bool survives(void (*copy)(void* argument), void* argument) {
  sigjmp_buf here;
  if (sigsetjmp(here, 1) != 0) {
    copy_guard = nullptr;
    return false;
  }
  copy_guard = &here;
  copy(argument);
  copy_guard = nullptr;
  return true;
}

}  // namespace lnrnn::emulator

// Fibers by a few instructions of assembly for x86-64, by ucontext elsewhere (its switches are
// system calls), and the pool of them.
#include "fiber.h"

#include <pthread.h>
#include <sys/mman.h>
#include <unistd.h>

#include <atomic>
#include <cstdint>
#include <mutex>
#include <vector>

#include "sanitizers.h"

#if !defined(__x86_64__) && !defined(LNRNN_EMULATOR_UCONTEXT)
#define LNRNN_EMULATOR_UCONTEXT
#endif
#if defined(LNRNN_EMULATOR_UCONTEXT)
#include <ucontext.h>
#endif

namespace lnrnn::emulator {

namespace {

// Instrumented code takes several times the stack.
#if defined(__SANITIZE_ADDRESS__) || defined(LNRNN_EMULATOR_TSAN) || !defined(__OPTIMIZE__)
constexpr size_t kStackBytes = 256 * 1024;
#else
constexpr size_t kStackBytes = 64 * 1024;
#endif

size_t page_bytes() {
  static const size_t bytes = static_cast<size_t>(sysconf(_SC_PAGESIZE));
  return bytes;
}

}  // namespace

#if !defined(LNRNN_EMULATOR_UCONTEXT)

// Saves what a called function must preserve on the stack that is left, and takes it from the other.
// The jump instead of a return spares a misprediction.
extern "C" void lnrnn_emulator_switch(void** from, void* to);
asm(R"(
  .text
  .p2align 4
  .globl lnrnn_emulator_switch
  .hidden lnrnn_emulator_switch
  .type lnrnn_emulator_switch, @function
lnrnn_emulator_switch:
  pushq %rbp
  pushq %rbx
  pushq %r12
  pushq %r13
  pushq %r14
  pushq %r15
  movq %rsp, (%rdi)
  movq %rsi, %rsp
  popq %r15
  popq %r14
  popq %r13
  popq %r12
  popq %rbx
  popq %rbp
  popq %rcx
  jmpq *%rcx
  .size lnrnn_emulator_switch, .-lnrnn_emulator_switch

  .p2align 4
  .globl lnrnn_emulator_first
  .hidden lnrnn_emulator_first
  .type lnrnn_emulator_first, @function
lnrnn_emulator_first:
  movq %r12, %rdi
  callq *%r13
  ud2
  .size lnrnn_emulator_first, .-lnrnn_emulator_first
)");
extern "C" void lnrnn_emulator_first();

#endif

Fiber::Fiber() {
#if defined(LNRNN_EMULATOR_UCONTEXT)
  context_ = new ucontext_t;
#endif
}

bool Fiber::make_stack() {
  stack_bytes_ = kStackBytes;
  void* map = mmap(nullptr, stack_bytes_ + page_bytes(), PROT_READ | PROT_WRITE,
                   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (map == MAP_FAILED) return false;
  map_ = static_cast<char*>(map);
  stack_ = map_ + page_bytes();
  // Stacks that all begin at one place of their pages would share few sets of the first-level cache.
  static std::atomic<size_t> made{0};
  top_ = made++ % 64 * 320 % 4096;
  if (mprotect(map_, page_bytes(), PROT_NONE) != 0) return false;
  LNRNN_TSAN(thread_sanitizer_ = __tsan_create_fiber(0));
  return true;
}

Fiber::~Fiber() {
#if defined(LNRNN_EMULATOR_UCONTEXT)
  delete static_cast<ucontext_t*>(context_);
#endif
  if (map_ == nullptr) return;
  LNRNN_TSAN(if (thread_sanitizer_ != nullptr) __tsan_destroy_fiber(thread_sanitizer_));
  munmap(map_, stack_bytes_ + page_bytes());
}

void* Fiber::stack_top() const { return stack_ + stack_bytes_ - top_; }

bool Fiber::overflowed_at(const void* address) const {
  const char* at = static_cast<const char*>(address);
  return map_ != nullptr && at >= map_ && at < stack_;
}

void Fiber::enter(Fiber* fiber) {
  fiber->arrived();
  // A body returns when its last switch was answered: that is, after the next start().
  for (;;) fiber->body_(fiber->argument_);
}

void Fiber::enter_split([[maybe_unused]] unsigned low, [[maybe_unused]] unsigned high) {
  enter(reinterpret_cast<Fiber*>(static_cast<uintptr_t>(low) | static_cast<uintptr_t>(high) << 32));
}

void Fiber::prepare() {
#if defined(LNRNN_EMULATOR_UCONTEXT)
  ucontext_t* context = static_cast<ucontext_t*>(context_);
  getcontext(context);
  context->uc_stack.ss_sp = stack_;
  context->uc_stack.ss_size = stack_bytes_;
  context->uc_link = nullptr;
  const uintptr_t self = reinterpret_cast<uintptr_t>(this);
  makecontext(context, reinterpret_cast<void (*)()>(enter_split), 2, static_cast<unsigned>(self),
              static_cast<unsigned>(self >> 32));
#else
  void** top = static_cast<void**>(stack_top());
  *--top = nullptr;  // keeps the first call aligned
  *--top = nullptr;
  *--top = reinterpret_cast<void*>(&lnrnn_emulator_first);
  *--top = nullptr;                          // rbp
  *--top = nullptr;                          // rbx
  *--top = this;                             // r12
  *--top = reinterpret_cast<void*>(&enter);  // r13
  *--top = nullptr;                          // r14
  *--top = nullptr;                          // r15
  context_ = top;
#endif
  prepared_ = true;
}

void Fiber::start(Body body, void* argument) {
  body_ = body;
  argument_ = argument;
  if (!prepared_) prepare();
}

void Fiber::abandon() {
  prepared_ = false;
  fake_stack_ = nullptr;
  LNRNN_ASAN(__asan_unpoison_memory_region(stack_, stack_bytes_));
#if defined(LNRNN_EMULATOR_TSAN)
  // What it did comes before what the caller does next.
  void* const caller = __tsan_get_current_fiber();
  __tsan_switch_to_fiber(thread_sanitizer_, __tsan_switch_to_fiber_no_sync);
  __tsan_switch_to_fiber(caller, 0);
  __tsan_destroy_fiber(thread_sanitizer_);
  thread_sanitizer_ = __tsan_create_fiber(0);
#endif
}

void Fiber::switch_to(Fiber& other) {
  LNRNN_TSAN(if (map_ == nullptr) thread_sanitizer_ = __tsan_get_current_fiber());
  LNRNN_ASAN(if (stack_ == nullptr) find_own_stack());
  LNRNN_ASAN(__sanitizer_start_switch_fiber(&fake_stack_, other.stack_, other.stack_bytes_));
  LNRNN_TSAN(__tsan_switch_to_fiber(other.thread_sanitizer_, __tsan_switch_to_fiber_no_sync));
#if defined(LNRNN_EMULATOR_UCONTEXT)
  swapcontext(static_cast<ucontext_t*>(context_), static_cast<ucontext_t*>(other.context_));
#else
  lnrnn_emulator_switch(&context_, other.context_);
#endif
  arrived();
}

void Fiber::arrived() {
  LNRNN_ASAN(__sanitizer_finish_switch_fiber(fake_stack_, nullptr, nullptr));
}

void Fiber::find_own_stack() {
  pthread_attr_t attributes;
  void* bottom = nullptr;
  if (pthread_getattr_np(pthread_self(), &attributes) != 0) return;
  pthread_attr_getstack(&attributes, &bottom, &stack_bytes_);
  pthread_attr_destroy(&attributes);
  stack_ = static_cast<char*>(bottom);
}

// ---- the pool: a stack costs system calls, so fibers are kept for the life of the process --------

namespace {

// ThreadSanitizer ends a program that has more than 8128 threads or fibers.
#if defined(LNRNN_EMULATOR_TSAN)
constexpr size_t kMostFibers = 7500;
#else
constexpr size_t kMostFibers = SIZE_MAX;
#endif

struct Pool {
  std::mutex mutex;
  std::vector<Fiber*> idle;
  size_t made = 0;
};

Pool& pool() {
  static Pool& the_pool = *new Pool;  // never destroyed: threads may outlive static objects
  return the_pool;
}

}  // namespace

Fiber* take_fiber() {
  {
    const std::lock_guard<std::mutex> lock(pool().mutex);
    if (!pool().idle.empty()) {
      Fiber* fiber = pool().idle.back();
      pool().idle.pop_back();
      return fiber;
    }
    if (pool().made == kMostFibers) return nullptr;
    ++pool().made;
  }
  Fiber* fiber = new Fiber;
  if (fiber->make_stack()) return fiber;
  delete fiber;
  const std::lock_guard<std::mutex> lock(pool().mutex);
  --pool().made;
  return nullptr;
}

void give_fiber(Fiber* fiber) {
  const std::lock_guard<std::mutex> lock(pool().mutex);
  pool().idle.push_back(fiber);
}

}  // namespace lnrnn::emulator

// Fibers by themselves: built twice, with the switch in assembly and with ucontext's.
#include "fiber.h"

#include <vector>

#include "check.h"

using lnrnn::emulator::Fiber;

namespace {

struct Walker {
  Fiber* host;
  Fiber* fiber;
  std::vector<int>* trace;
  int number;
  int steps;
};

void walk(void* argument) {
  Walker& walker = *static_cast<Walker*>(argument);
  // What lives across switches: integers in saved registers, and floating point on the stack.
  double sum = 0;
  for (int step = 0; step < walker.steps; ++step) {
    sum += 0.5 * step;
    walker.trace->push_back(walker.number * 100 + step);
    walker.fiber->switch_to(*walker.host);
  }
  walker.trace->push_back(static_cast<int>(2 * sum));
  walker.fiber->switch_to(*walker.host);
}

}  // namespace

int main() {
  Fiber host;
  std::vector<int> trace;
  trace.reserve(100);  // fibers are threads to ThreadSanitizer: they must not share the heap
  Fiber* const first = lnrnn::emulator::take_fiber();
  Fiber* const second = lnrnn::emulator::take_fiber();
  CHECK(first != nullptr && second != nullptr && first != second);
  Walker one{&host, first, &trace, 1, 3}, two{&host, second, &trace, 2, 3};
  first->start(walk, &one);
  second->start(walk, &two);
  for (int turn = 0; turn < 4; ++turn)
    for (Fiber* fiber : {first, second}) host.switch_to(*fiber);
  CHECK(trace == std::vector<int>({100, 200, 101, 201, 102, 202, 3, 3}));

  // Started anew, after its end and in the middle.
  trace.clear();
  first->start(walk, &two);
  two.fiber = first;
  host.switch_to(*first);
  host.switch_to(*first);
  first->abandon();
  one.steps = 0;
  first->start(walk, &one);
  host.switch_to(*first);
  CHECK(trace == std::vector<int>({200, 201, 0}));

  CHECK(first->overflowed_at(static_cast<char*>(first->stack_top()) - 1) == false);
  lnrnn::emulator::give_fiber(first);
  CHECK(lnrnn::emulator::take_fiber() == first);
  lnrnn::emulator::give_fiber(first);
  lnrnn::emulator::give_fiber(second);
  return check::summary();
}

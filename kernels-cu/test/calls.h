// Calls of the C API in tests: which status they must give, and which words their sentence.
#pragma once

#include <cstring>

#include "check.h"
#include "lnrnn.h"

namespace check {

inline void expect(lnrnnStatus_t got, lnrnnStatus_t wanted, const char* words, const char* file,
                   int line) {
  const bool ok = got == wanted && std::strstr(lnrnnGetLastErrorMessage(), words) != nullptr;
  report(ok, file, line, words);
  if (!ok) std::printf("  %s: %s\n", lnrnnGetStatusName(got), lnrnnGetLastErrorMessage());
}

}  // namespace check

#define REFUSED(call, status, words) \
  check::expect(call, LNRNN_STATUS_##status, words, __FILE__, __LINE__)
#define DONE(call) check::expect(call, LNRNN_STATUS_SUCCESS, "", __FILE__, __LINE__)

namespace check {

inline lnrnnUsage_t usage() {
  lnrnnUsage_t u{};
  u.structSize = sizeof u;
  DONE(lnrnnGetUsage(&u));
  return u;
}

inline void nothing_left() {
  const lnrnnUsage_t left = usage();
  CHECK(left.handles + left.plans + left.streams + left.events + left.graphs +
            left.deviceAllocations + left.hostAllocations + left.registrations + left.deviceBytes +
            left.hostBytes + left.registeredBytes ==
        0);
}

// Of a program that opened a device, which it does not need any more.
inline int summary(lnrnnHandle_t handle) {
  DONE(lnrnnDestroy(handle));
  nothing_left();
  return summary();
}

}  // namespace check

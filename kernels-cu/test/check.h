// The least that a test needs: checks that say where and what, and a count.
#pragma once

#include <cmath>
#include <cstdio>
#include <cstdlib>

namespace check {

inline int failures = 0;
inline int checks = 0;

inline void report(bool ok, const char* file, int line, const char* what) {
  ++checks;
  if (ok) return;
  ++failures;
  std::printf("%s:%d: failed: %s\n", file, line, what);
  // For checks of the tests themselves, which need not know how much fails.
  if (std::getenv("LNRNN_TEST_STOP_AT_FAILURE") != nullptr) std::exit(EXIT_FAILURE);
}

inline int summary() {
  std::printf("%d checks, %d failed\n", checks, failures);
  // A test program that checks nothing has not passed.
  return failures == 0 && checks > 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

}  // namespace check

#define CHECK(condition) check::report((condition), __FILE__, __LINE__, #condition)
#define CHECK_NEAR(a, b, bound) \
  do { \
    const double check_a = (a), check_b = (b), check_error = std::fabs(check_a - check_b); \
    check::report(check_error <= (bound), __FILE__, __LINE__, #a " near " #b); \
    if (!(check_error <= (bound))) \
      std::printf("  %.17g and %.17g differ by %g, not at most %g\n", check_a, check_b, \
                  check_error, double(bound)); \
  } while (false)

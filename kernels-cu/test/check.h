// The least that a test needs: checks that say where and what, and a count; parts of a program that
// can be run alone.
#pragma once

#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <string>

namespace check {

inline int failures = 0;
inline int checks = 0;

// The part that is being run, and how many were and were not.
inline std::string part_name;
inline int parts_run = 0, parts_left_out = 0;

inline void report(bool ok, const char* file, int line, const char* what) {
  ++checks;
  if (ok) return;
  ++failures;
  std::printf("%s:%d: failed: %s\n", file, line, what);
  if (!part_name.empty()) std::printf("  in %s\n", part_name.c_str());
  // For checks of the tests themselves, which need not know how much fails.
  if (std::getenv("LNRNN_TEST_STOP_AT_FAILURE") != nullptr) std::exit(EXIT_FAILURE);
}

// What LNRNN_TEST_ONLY asks for: parts whose name contains it. Null for all.
inline const char* only() {
  const char* const text = std::getenv("LNRNN_TEST_ONLY");
  return text == nullptr || *text == '\0' ? nullptr : text;
}

// Runs a part of a program, unless only others are asked for.
template <class F>
void run(const std::string& name, const F& part) {
  if (only() != nullptr && name.find(only()) == std::string::npos) {
    ++parts_left_out;
    return;
  }
  ++parts_run;
  part_name = name;
  part();
  part_name.clear();
}

inline int summary() {
  if (only() != nullptr && parts_run + parts_left_out == 0) {
    std::printf("LNRNN_TEST_ONLY is \"%s\", but this program has no parts: it ran as a whole\n",
                only());
  } else if (only() != nullptr && parts_run == 0) {
    std::printf("LNRNN_TEST_ONLY is \"%s\": none of %d parts has that in its name\n", only(),
                parts_left_out);
    return EXIT_FAILURE;
  } else if (parts_left_out > 0) {
    std::printf("%d of %d parts were run, because LNRNN_TEST_ONLY is \"%s\"\n", parts_run,
                parts_run + parts_left_out, only());
  }
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
// Runs a call, as test_threads<float>({9, 2, 6, 300}, 2e-5), as a part that is named by it.
#define RUN(...) check::run(#__VA_ARGS__, [&] { __VA_ARGS__; })

// How errors travel: as an lnrnnStatus_t, with the sentence recorded for the calling thread.
#pragma once

#include "lnrnn.h"

namespace lnrnn {

// Records the sentence and returns the status.
lnrnnStatus_t fail(lnrnnStatus_t status, const char* format, ...)
    __attribute__((format(printf, 2, 3)));

const char* last_error_message();

}  // namespace lnrnn

// The one check and the one forward.
#define LNRNN_CHECK(condition, status, ...) \
  do { \
    if (!(condition)) return ::lnrnn::fail(status, __VA_ARGS__); \
  } while (false)

#define LNRNN_FORWARD(expression) \
  do { \
    const lnrnnStatus_t forwarded = (expression); \
    if (forwarded != LNRNN_STATUS_SUCCESS) return forwarded; \
  } while (false)

#define LNRNN_REQUIRE(pointer) \
  LNRNN_CHECK((pointer) != nullptr, LNRNN_STATUS_NULL_POINTER, "%s: " #pointer " is NULL", __func__)

#include "status.h"

#include <cstdarg>
#include <cstdio>

namespace lnrnn {

namespace {
thread_local char message[512] = "";
}

lnrnnStatus_t fail(lnrnnStatus_t status, const char* format, ...) {
  va_list arguments;
  va_start(arguments, format);
  std::vsnprintf(message, sizeof message, format, arguments);
  va_end(arguments);
  return status;
}

const char* last_error_message() { return message; }

}  // namespace lnrnn

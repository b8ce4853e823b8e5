#include "core/status.h"

int32_t lnrnnGetAbiVersion(void) { return LNRNN_ABI_VERSION; }

#define LNRNN_TEXT(number) LNRNN_TEXT_OF(number)
#define LNRNN_TEXT_OF(number) #number

const char* lnrnnGetVersionString(void) {
  return LNRNN_TEXT(LNRNN_VERSION_MAJOR) "." LNRNN_TEXT(LNRNN_VERSION_MINOR) "." LNRNN_TEXT(
      LNRNN_VERSION_PATCH);
}

const char* lnrnnGetLastErrorMessage(void) { return lnrnn::last_error_message(); }

const char* lnrnnGetStatusName(lnrnnStatus_t status) {
  switch (status) {
#define LNRNN_NAME(name) \
  case name: return #name
    LNRNN_NAME(LNRNN_STATUS_SUCCESS);
    LNRNN_NAME(LNRNN_STATUS_INVALID_ARGUMENT);
    LNRNN_NAME(LNRNN_STATUS_NULL_POINTER);
    LNRNN_NAME(LNRNN_STATUS_MISALIGNED);
    LNRNN_NAME(LNRNN_STATUS_BUFFER_TOO_SMALL);
    LNRNN_NAME(LNRNN_STATUS_IN_USE);
    LNRNN_NAME(LNRNN_STATUS_INVALID_STATE);
    LNRNN_NAME(LNRNN_STATUS_NOT_SUPPORTED);
    LNRNN_NAME(LNRNN_STATUS_OUT_OF_MEMORY);
    LNRNN_NAME(LNRNN_STATUS_DEVICE_UNAVAILABLE);
    LNRNN_NAME(LNRNN_STATUS_DEVICE_LOST);
    LNRNN_NAME(LNRNN_STATUS_INTERNAL_ERROR);
#undef LNRNN_NAME
  }
  return "unknown status";
}

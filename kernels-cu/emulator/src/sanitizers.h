// What sanitizers want to be told, and nothing where there are none.
#pragma once

#if defined(__SANITIZE_THREAD__) || defined(LNRNN_EMULATOR_TSAN)
#include <sanitizer/tsan_interface.h>
#define LNRNN_TSAN(statement) statement
#else
#define LNRNN_TSAN(statement) ((void)0)
#endif

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#define LNRNN_ASAN(statement) statement
#else
#define LNRNN_ASAN(statement) ((void)0)
#endif

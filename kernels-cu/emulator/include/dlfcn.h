// Stands before the system's header for code that is compiled for the emulated device: what that
// code opens at run time is what comes with CUDA, and the emulator has its own.
#pragma once

#define RTLD_NOW 2
#define RTLD_LOCAL 0

// As POSIX has them. Only libcublas.so.13 can be opened, and not where LNRNN_EMULATOR_CUBLAS is
// "missing".
void* dlopen(const char* file, int mode);
void* dlsym(void* library, const char* name);
int dlclose(void* library);

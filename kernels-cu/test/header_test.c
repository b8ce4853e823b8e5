/* lnrnn.h compiles as C, and its overview's names exist. */
#include "lnrnn.h"

#include <stdio.h>
#include <string.h>

int main(void) {
  if (lnrnnGetAbiVersion() != LNRNN_ABI_VERSION) return 1;
  char version[32];
  snprintf(version, sizeof version, "%d.%d.%d", LNRNN_VERSION_MAJOR, LNRNN_VERSION_MINOR,
           LNRNN_VERSION_PATCH);
  if (strcmp(version, lnrnnGetVersionString()) != 0) return 2;
  if (strcmp(lnrnnGetStatusName(LNRNN_STATUS_IN_USE), "LNRNN_STATUS_IN_USE") != 0) return 3;
  if (strcmp(lnrnnGetStatusName((lnrnnStatus_t)12345), "unknown status") != 0) return 4;
  return 0;
}

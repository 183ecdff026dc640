/* How boxctl ends when the engine did not give an answer. */
#ifndef ADMIN_BOXCTL_EXIT_H
#define ADMIN_BOXCTL_EXIT_H

#include "boxctl_call.h"

/* Exit code 1: the answer is no (unknown id, counts that differ). All others
 * are those of sysexits.h. */
enum { BOXCTL_EXIT_NO = 1 };

/* Prints the error and returns the exit code. */
int boxctl_exit(const struct boxctl_call *call, enum boxctl_call_result result, const char *error);

#endif

#include "boxctl_exit.h"

#include <stdio.h>
#include <string.h>
#include <sysexits.h>

static int refused_code(const char *code)
{
    if (code != NULL && strcmp(code, "NOT_FOUND") == 0) {
        return BOXCTL_EXIT_NO;
    }
    if (code != NULL && strcmp(code, "FORBIDDEN") == 0) {
        return EX_NOPERM;
    }
    if (code != NULL && strcmp(code, "BAD_REQUEST") == 0) {
        return EX_PROTOCOL;
    }
    return EX_TEMPFAIL;
}

int boxctl_exit(const struct boxctl_call *call, enum boxctl_call_result result, const char *error)
{
    fprintf(stderr, "boxctl: %s\n", error);
    switch (result) {
    case BOXCTL_CALL_OK:
        return 0;
    case BOXCTL_CALL_NO_ENGINE:
        return EX_UNAVAILABLE;
    case BOXCTL_CALL_FORBIDDEN:
        return EX_NOPERM;
    case BOXCTL_CALL_REFUSED:
        return refused_code(boxctl_call_code(call));
    case BOXCTL_CALL_TIMEOUT:
        return EX_TEMPFAIL;
    case BOXCTL_CALL_BROKEN:
        return EX_PROTOCOL;
    }
    return EX_SOFTWARE;
}

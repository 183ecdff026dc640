#include "crash_point.h"

#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Process-wide by nature, like the signal it raises; set before threads start,
 * and only the countdown changes after that. */
bool crash_point_armed;
static const char *crash_name;
static size_t crash_name_length;
static atomic_long crash_countdown;

void crash_point_init(void)
{
    const char *spec = getenv("BOXOFFICE_CRASH_AT");
    const char *colon = spec ? strrchr(spec, ':') : NULL;
    crash_point_armed = colon != NULL;
    if (!colon)
        return;
    crash_name = spec;
    crash_name_length = (size_t)(colon - spec);
    atomic_store(&crash_countdown, strtol(colon + 1, NULL, 10));
}

void crash_point_pass(const char *name)
{
    if (strlen(name) != crash_name_length || memcmp(name, crash_name, crash_name_length) != 0)
        return;
    if (atomic_fetch_sub(&crash_countdown, 1) == 1)
        kill(getpid(), SIGKILL);
}

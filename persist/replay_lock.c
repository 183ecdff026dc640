#include "replay_lock.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "log_error.h"

/* A line of /proc/locks is `1: FLOCK ADVISORY WRITE <pid> <major>:<minor>:<inode> …`.
 * The device is not compared: on some file systems stat names another. */
static bool line_is_lock_of(const char *line, ino_t inode)
{
    char kind[16];
    unsigned long long number = 0;
    /* NOLINTNEXTLINE(cert-err34-c): the kernel writes numbers that fit. */
    return sscanf(line, "%*s %15s %*s WRITE %*d %*x:%*x:%llu", kind, &number) == 2 &&
           strcmp(kind, "FLOCK") == 0 && number == (unsigned long long)inode;
}

bool replay_engine_runs(const char *data_dir)
{
    char path[LOG_PATH_BYTES];
    struct stat file;
    (void)snprintf(path, sizeof path, "%s/LOCK", data_dir);
    if (stat(path, &file) != 0)
        return false;
    FILE *locks = fopen("/proc/locks", "re");
    if (locks == NULL)
        return true; /* not to be known: judge only what is durable */
    char line[256];
    bool runs = false;
    while (!runs && fgets(line, sizeof line, locks) != NULL)
        runs = line_is_lock_of(line, file.st_ino);
    (void)fclose(locks);
    return runs;
}

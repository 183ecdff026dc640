/* What the device takes to make one 4 KiB block durable: O_DIRECT writes into
 * extents that were written before, each followed by fdatasync, one at a time.
 * The engine's commit latency is held against this.
 *
 *   bench_flush FILE [FLUSHES]     FILE is made, and removed at the end;
 *                                  one JSON object on stdout, microseconds */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "stopwatch.h"

enum { BLOCK_BYTES = 4096, BLOCKS = 4096 };

static void stop_on(int failed, const char *what)
{
    if (!failed)
        return;
    fprintf(stderr, "bench_flush: %s: %s\n", what, strerror(errno));
    exit(74);
}

static double now_us(void)
{
    return (double)stopwatch_ns(CLOCK_MONOTONIC) / 1e3;
}

static int double_order(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

int main(int argc, char **argv)
{
    size_t flushes = argc > 2 ? strtoul(argv[2], NULL, 10) : 3000;
    void *block = NULL;
    if (argc < 2 || argc > 3 || flushes < 100) {
        fprintf(stderr, "usage: bench_flush FILE [FLUSHES]\n");
        return 64;
    }
    double *taken = malloc(flushes * sizeof *taken);
    stop_on(!taken || posix_memalign(&block, BLOCK_BYTES, BLOCK_BYTES) != 0, "memory");
    memset(block, 1, BLOCK_BYTES);
    int fd = open(argv[1], O_RDWR | O_CREAT | O_EXCL | O_DIRECT | O_CLOEXEC, 0600);
    stop_on(fd < 0, argv[1]);
    for (int i = 0; i < BLOCKS; i++)
        stop_on(pwrite(fd, block, BLOCK_BYTES, (off_t)i * BLOCK_BYTES) != BLOCK_BYTES, argv[1]);
    stop_on(fsync(fd) != 0, argv[1]);
    for (size_t i = 0; i < flushes; i++) {
        double began = now_us();
        stop_on(pwrite(fd, block, BLOCK_BYTES, (off_t)(i % BLOCKS) * BLOCK_BYTES) != BLOCK_BYTES,
                argv[1]);
        stop_on(fdatasync(fd) != 0, argv[1]);
        taken[i] = now_us() - began;
    }
    unlink(argv[1]);
    qsort(taken, flushes, sizeof *taken, double_order);
    printf("{\"flushes\": %zu, \"p10\": %.1f, \"p50\": %.1f, \"p90\": %.1f, \"p99\": %.1f, "
           "\"p999\": %.1f, \"max\": %.1f}\n",
           flushes, taken[flushes / 10], taken[flushes / 2], taken[flushes * 9 / 10],
           taken[flushes * 99 / 100], taken[flushes * 999 / 1000], taken[flushes - 1]);
    return 0;
}

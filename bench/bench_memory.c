/* Bytes per live booking, all in: resident memory before and after, divided.
 * Each booking has its own idempotency key; users, limits, indexes and the
 * slack of growing tables are all in the difference.
 *
 *   bench_memory [BOOKINGS [PER_USER]]     one JSON object on stdout */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "rig.h"

static uint64_t resident_bytes(void)
{
    unsigned long pages = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    if (!file || fscanf(file, "%*u %lu", &pages) != 1)
        exit(71);
    fclose(file);
    return pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

int main(int argc, char **argv)
{
    uint64_t bookings = argc > 1 ? strtoull(argv[1], NULL, 10) : 5000000;
    uint64_t per_user = argc > 2 ? strtoull(argv[2], NULL, 10) : 2;
    _Atomic bool stop = false;
    if (argc > 3 || bookings < 1000 || per_user < 1) {
        fprintf(stderr, "usage: bench_memory [BOOKINGS [PER_USER]]\n");
        return 64;
    }
    struct rig_options options = {
        1, (uint32_t)(bookings / per_user), 64, 10000000, 512, 42, false, 0, 0};
    struct rig *rig = rig_new(&options);
    if (!rig)
        return 71;
    rig_run(rig, 0, 1000, &stop); /* what a start touches is not a booking's */
    uint64_t before = resident_bytes(), already = rig_accepted(rig, 0);
    rig_run(rig, 0, bookings - already, &stop);
    uint64_t made = rig_accepted(rig, 0) - already;
    double each = (double)(resident_bytes() - before) / (double)made;
    printf("{\"bookings\": %lu, \"users\": %u, \"bytes_per_booking\": %.1f}\n", (unsigned long)made,
           options.users, each);
    rig_free(rig);
    return 0;
}

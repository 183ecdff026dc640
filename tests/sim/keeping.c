/* Snapshots beside the running engine, and the giving up of log they make
 * superfluous (I13, I20). */
#include <errno.h>
#include <pthread.h>

#include "../../persist/retention.h"
#include "../../persist/snapshot_take.h"
#include "durable.h"

/* The simulator links with --wrap=pthread_create: what asks for threads and gets none
 * does its work itself, in an order that is always the same. */
/* NOLINTBEGIN(cert-dcl51-cpp): the linker's name */
int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*run)(void *),
                          void *context);
int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*run)(void *),
                          void *context)
{
    (void)thread, (void)attributes, (void)run, (void)context;
    return EAGAIN;
}
/* NOLINTEND(cert-dcl51-cpp) */

static const char *name_of(uint64_t number, char path[64])
{
    snprintf(path, 64, "/var/log/snapshots/snapshot-%010llu.snap", (unsigned long long)number);
    return path;
}

enum { SNAPSHOTS_SEEN = 8 }; /* older ones are long gone */

static uint32_t sound_snapshots(const struct sim_durable *durable, uint64_t newest[2])
{
    uint32_t count = 0;
    char path[64];

    for (uint64_t i = 0; i < SNAPSHOTS_SEEN && i < durable->last_snapshot; i++) {
        uint64_t number = durable->last_snapshot - i;
        if (sim_disk_sound(durable->disk, name_of(number, path)) && count < 2)
            newest[count++] = number;
    }
    return count;
}

/* One that is good must be left, or all of the log. */
void sim_durable_spoil(struct sim_durable *durable)
{
    struct sim_run *run = durable->run;
    uint64_t newest[2];
    char path[64];

    if (!sim_percent(&run->chaos, run->plan.value[SIM_SPOIL]))
        return;
    uint32_t count = sound_snapshots(durable, newest);
    if (count + (durable->given_up == 0) < 2)
        return;
    uint64_t number = newest[sim_random_below(&run->chaos, 3) == 0 ? count - 1 : 0];
    durable->spoiled += sim_disk_rot_some(durable->disk, name_of(number, path));
}

static bool excused(const struct sim_durable *durable)
{
    return durable->faulty || sim_disk_dark(durable->disk) || sim_durable_decays(durable);
}

static void complain(struct sim_durable *durable, const char *what)
{
    char text[900];

    if (excused(durable))
        return;
    snprintf(text, sizeof text, "%s (%.600s)", what, durable->error.text);
    sim_run_fail(durable->run, text);
}

/* What is in a snapshot is shown: it must be durable, and come back. */
static void note_cut(struct sim_durable *durable, const struct snapshot_cut *cut)
{
    for (uint16_t i = 0; i < cut->shard_count; i++) {
        struct sim_history_log *log = sim_history_log(&durable->history, cut->epoch, i);
        uint64_t sequence = cut->positions[i].sequence;
        if (cut->epoch != durable->recovered.epoch || !log)
            continue;
        if (sequence > durable->logs[i].journal.durable(&durable->logs[i]))
            sim_run_fail(durable->run, "I13 a snapshot has what is not durable");
        if (sequence > log->acked)
            log->acked = sequence;
    }
}

void sim_durable_snapshot(struct sim_durable *durable, const char *required)
{
    const struct sim_plan *plan = &durable->run->plan;
    struct snapshot_take_options options = {.dir = durable->dir,
                                            .shard = sim_shard_options(plan, 0, NULL),
                                            .now_ms = durable->run->now_ms};
    struct snapshot_taken taken = {0};
    struct retention_options retention = {.dir = durable->dir,
                                          .epoch = durable->recovered.epoch,
                                          .segment_bytes = plan->value[SIM_SEGMENT_BYTES],
                                          .required = required};
    struct retention_report report;
    uint64_t sound[2];

    if (snapshot_take(&options, &taken, &durable->error) != 0) {
        complain(durable, "I13 no snapshot can be taken");
        return;
    }
    if (taken.number != 0) {
        durable->snapshots++;
        if (taken.number > durable->last_snapshot)
            durable->last_snapshot = taken.number;
        note_cut(durable, &taken.cut);
    }
    if (retention_step(&retention, &report, &durable->error) == 0)
        durable->given_up += report.recycled;
    else if (durable->spoiled == 0 || sound_snapshots(durable, sound) == 2)
        complain(durable, "I20 log cannot be given up"); /* else none may go */
    sim_run_note(durable->run, taken.state_hash ^ report.recycled);
}

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

    if (snapshot_take(&options, &taken, &durable->error) != 0) {
        complain(durable, "I13 no snapshot can be taken");
        return;
    }
    if (taken.number != 0) {
        durable->snapshots++;
        note_cut(durable, &taken.cut);
    }
    if (retention_step(&retention, &report, &durable->error) != 0)
        complain(durable, "I20 log cannot be given up");
    else
        durable->given_up += report.recycled;
    sim_run_note(durable->run, taken.state_hash ^ report.recycled);
}

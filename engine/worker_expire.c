/* What time ends, in slices: a turn takes no more of it than it takes commands'
 * worth of work, so that a million holds that lapse at once at most double a turn. */
#include <assert.h>

#include "worker_state.h"

/* --- their tickets, by home shard --- */

struct releases {
    uint16_t homes[RECORD_EXPIRED_MAX];
    bool sent[RECORD_EXPIRED_MAX];
};

/* The tickets of items from `first` on that have its home, as many as fit. */
static void gather_home(const struct record_expired *expired, struct releases *releases,
                        uint32_t first, struct message_released *released)
{
    released->count = 0;
    for (uint32_t i = first; i < expired->count && released->count < MESSAGE_RELEASED_MAX; i++) {
        if (releases->sent[i] || releases->homes[i] != releases->homes[first])
            continue;
        released->items[released->count].user_id = expired->items[i].user_id;
        released->items[released->count].quantity = expired->items[i].quantity;
        released->count++;
        releases->sent[i] = true;
    }
}

static void release_expired(struct worker *worker, const struct record *record)
{
    const struct record_expired *expired = &record->expired;
    const struct catalog_zone *zone = catalog_zone(shard_catalog(worker->shard), &expired->zone_id);
    struct releases releases;
    struct message message;

    assert(zone); /* its inventory was opened from it */
    for (uint32_t i = 0; i < expired->count; i++) {
        releases.homes[i] = worker_home_of(worker, &expired->items[i].user_id);
        releases.sent[i] = false;
    }
    for (uint32_t i = 0; i < expired->count; i++) {
        if (releases.sent[i])
            continue;
        message.kind = MESSAGE_RELEASED;
        message.round = 0;
        message.released.event_id = zone->event_id;
        gather_home(expired, &releases, i, &message.released);
        worker_deliver(worker, record->sequence, releases.homes[i], &message);
    }
}

/* --- slices --- */

/* A stop waits for requests only; what else is due expires at the next start. */
static bool may_expire(const struct worker *worker)
{
    return !worker->draining || worker->in_flight > 0 || worker->deferred_count > 0;
}

static bool next_record(struct worker *worker, const struct command *waiting, struct record *record)
{
    return waiting ? shard_expire_for(worker->shard, waiting, worker->now_ms, record)
                   : shard_expire(worker->shard, worker->now_ms, record);
}

bool worker_expire_one(struct worker *worker, const struct command *waiting)
{
    struct record record;

    if (worker->expire_records == 0 || !may_expire(worker) ||
        gate_room(&worker->gate) < worker->gate_kept + RECORD_EXPIRED_MAX ||
        worker->journal.state(worker->journal.context) >= JOURNAL_FULL ||
        !next_record(worker, waiting, &record) || !worker_log_and_apply(worker, &record))
        return false;
    worker->expire_records--;
    if (record.kind == RECORD_EXPIRED) {
        metric_add(&worker->metrics->expired, record.expired.count);
        release_expired(worker, &record);
    }
    return true;
}

void worker_expire(struct worker *worker)
{
    worker->expire_records =
        EXPIRE_RECORDS_PER_TURN + worker->batch_count / COMMANDS_PER_EXPIRE_RECORD;
    while (worker_expire_one(worker, NULL))
        ;
    worker->expiry_goes_on = worker->expire_records == 0;
    /* So that what commands wait for is not left behind other zones' holds. */
    worker->expire_records += EXPIRE_RECORDS_FOR_COMMANDS;
}

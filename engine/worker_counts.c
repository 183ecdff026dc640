/* Published counts of zones: what a zone's counters say is durable, and soon the
 * newest that is. Plain counts follow every flush. The table of free places for
 * each pair of stops is costly: one zone at a time, each at most every 20 ms; a
 * zone that changes meanwhile stands in the queue again, so the last is not lost. */
#include <assert.h>
#include <string.h>

#include "memory.h"
#include "worker_state.h"

enum { PAIRS_EVERY_MS = 20, PAIRS_LOOKS_PER_TURN = 8 };

struct zone_pairs {
    uint64_t taken_ms; /* when the table was last made */
    bool queued;
};

/* One zone's table, made when the log stood at `sequence`. */
struct pair_publisher {
    struct zone_pairs *zones; /* [CATALOG_ZONES_MAX], by number in the shard */
    struct {
        uint32_t number;
        struct zone_counters *counters;
    } * queue; /* [CATALOG_ZONES_MAX], a ring; each zone once */
    uint32_t head, count;
    struct zone_counters *counters; /* whose table waits; NULL: none */
    uint64_t sequence;
    uint32_t pair_count;
    uint32_t pairs[SHARD_PAIRS_MAX];
};

struct pair_publisher *pair_publisher_new(void)
{
    struct pair_publisher *publisher = memory_new(sizeof *publisher);

    if (!publisher)
        return NULL;
    publisher->zones = memory_reserve(CATALOG_ZONES_MAX * sizeof *publisher->zones);
    publisher->queue = memory_reserve(CATALOG_ZONES_MAX * sizeof *publisher->queue);
    if (publisher->zones && publisher->queue)
        return publisher;
    pair_publisher_free(publisher);
    return NULL;
}

void pair_publisher_free(struct pair_publisher *publisher)
{
    if (!publisher)
        return;
    memory_release(publisher->zones, CATALOG_ZONES_MAX * sizeof *publisher->zones);
    memory_release(publisher->queue, CATALOG_ZONES_MAX * sizeof *publisher->queue);
    memory_free(publisher);
}

bool pair_publisher_is_busy(const struct pair_publisher *publisher)
{
    return publisher->count > 0 || publisher->counters != NULL;
}

static void enqueue(struct pair_publisher *publisher, uint32_t number,
                    struct zone_counters *counters)
{
    if (publisher->zones[number].queued)
        return;
    assert(publisher->count < CATALOG_ZONES_MAX);
    uint32_t place = (publisher->head + publisher->count++) % CATALOG_ZONES_MAX;
    publisher->queue[place].number = number;
    publisher->queue[place].counters = counters;
    publisher->zones[number].queued = true;
}

/* Makes the table of the first zone in the queue whose time has come. */
static void take_pairs(struct worker *worker, struct pair_publisher *publisher)
{
    for (int looks = 0; looks < PAIRS_LOOKS_PER_TURN && publisher->count > 0; looks++) {
        uint32_t number = publisher->queue[publisher->head].number;
        struct zone_counters *counters = publisher->queue[publisher->head].counters;
        struct zone_pairs *zone = &publisher->zones[number];

        publisher->head = (publisher->head + 1) % CATALOG_ZONES_MAX;
        publisher->count--;
        zone->queued = false;
        if (worker->now_ms < zone->taken_ms + PAIRS_EVERY_MS) {
            enqueue(publisher, number, counters);
            continue;
        }
        zone->taken_ms = worker->now_ms;
        publisher->pair_count = shard_zone_pairs(worker->shard, number, publisher->pairs);
        publisher->sequence = worker->journal.appended(worker->journal.context);
        publisher->counters = counters;
        return;
    }
}

static void publish_pairs(struct worker *worker, uint64_t durable)
{
    struct pair_publisher *publisher = worker->pair_publisher;

    if (publisher->counters && publisher->sequence <= durable) {
        const struct zone_counters *counters = publisher->counters;
        uint32_t count = publisher->pair_count < counters->pair_count ? publisher->pair_count
                                                                      : counters->pair_count;
        for (uint32_t i = 0; i < count; i++)
            atomic_store_explicit(&counters->pairs[i], publisher->pairs[i], memory_order_relaxed);
        publisher->counters = NULL;
    }
    if (!publisher->counters && publisher->count > 0)
        take_pairs(worker, publisher);
}

static void set(_Atomic uint32_t *counter, uint32_t value)
{
    atomic_store_explicit(counter, value, memory_order_relaxed);
}

static void publish(struct worker *worker, const struct shard_zone_counts *counts)
{
    struct zone_counters *counters = counts->counters;

    set(&counters->total, counts->total);
    set(&counters->available, counts->available);
    set(&counters->reserved, counts->reserved);
    set(&counters->sold, counts->sold);
    set(&counters->blocked, counts->blocked);
    set(&counters->closed, counts->closed);
    set(&counters->changes, counts->changes);
    if (counters->pairs)
        enqueue(worker->pair_publisher, counts->number, counters);
}

void worker_publish_counts(struct worker *worker)
{
    const struct journal *journal = &worker->journal;
    uint64_t durable = journal->durable(journal->context);

    if (worker->count_count > 0 && worker->counts_sequence <= durable) {
        for (uint32_t i = 0; i < worker->count_count; i++)
            publish(worker, &worker->counts[i]);
        worker->count_count = 0;
    }
    if (worker->count_count == 0) {
        worker->count_count =
            shard_take_changed_zones(worker->shard, worker->counts, ZONE_COUNTS_MAX);
        worker->counts_sequence = journal->appended(journal->context);
    }
    if (pair_publisher_is_busy(worker->pair_publisher))
        publish_pairs(worker, durable);
}

/* A data directory with a snapshot of the catalog and a story in its log, and the same
 * directory seen through a disk of which a chosen call fails. */
#ifndef TESTS_UNIT_WORLD_RIG_H
#define TESTS_UNIT_WORLD_RIG_H

#include "story_rig.h"

#include "../../persist/cursor.h"
#include "../../persist/log_fold.h"
#include "../../persist/rehome.h"
#include "../../persist/retention.h"
#include "../../persist/snapshot_take.h"
#include "../../persist/snapshot_write.h"
#include "faulty_storage.h"

enum { RECORDS_PER_BLOCK = 6 };

struct world {
    struct fixture fixture;
    struct faulty_storage faulty;
    struct data_dir *reader; /* the same directory, seen through the faulty disk */
    struct story story;
    struct rig replayed;
    struct rig first; /* before the story */
    struct snapshot_take_options take;
    struct snapshot_taken taken;
    struct log_error error;
};

/* Appends the story's records [from, to); a segment that fills up waits for the keeper. */
static inline void write_story(struct world *world, size_t from, size_t to)
{
    struct fixture *fixture = &world->fixture;
    const struct journal *journal = fixture->journal;
    for (size_t n = from; n < to; n++) {
        const struct record *record = &world->story.rig.log[n].record;
        uint64_t sequence = journal->append(journal->context, record);
        for (int tries = 0; sequence == 0 && tries < 5000; tries++) {
            fixture_flush(fixture);
            usleep(500);
            sequence = journal->append(journal->context, record);
        }
        assert_true(sequence > 0);
        if (n % RECORDS_PER_BLOCK == 0)
            fixture_flush(fixture);
    }
    fixture_flush(fixture);
    fixture_await_spare(fixture);
}

/* A directory with a snapshot of the catalog, and the story in its log. */
static inline struct world *world_open_some(bool blocks)
{
    struct world *world = test_calloc(1, sizeof *world);
    fixture_init(&world->fixture);
    assert_int_equal(fixture_recover(&world->fixture, true), 0);
    tell_some(&world->story, &world->replayed, blocks);
    open_rig(&world->first);
    const struct snapshot_write_options write = {.dir = world->fixture.dir,
                                                 .cut = {.number = 1, .epoch = 1, .shard_count = 1},
                                                 .shards = world->first.shards,
                                                 .shard_count = 1};
    assert_int_equal(snapshot_write(&write, &world->error), 0);
    assert_int_equal(snapshot_publish(world->fixture.dir, 1, &world->error), 0);
    fixture_write(&world->fixture);
    write_story(world, 0, world->story.rig.log_count / 2);
    faulty_init(&world->faulty);
    assert_int_equal(data_dir_open_reader_on(&world->reader, &world->faulty.storage,
                                             world->fixture.path, &world->error),
                     0);
    world->take = (struct snapshot_take_options){.dir = world->reader,
                                                 .shard = {.reservation_ttl_ms = RIG_TTL_MS,
                                                           .max_per_order = RIG_MAX_PER_ORDER,
                                                           .idempotency_ms = RIG_KEY_MS},
                                                 .now_ms = world->story.rig.now_ms};
    return world;
}

static inline struct world *world_open(void)
{
    return world_open_some(true);
}

static inline void world_close(struct world *world)
{
    data_dir_close(world->reader);
    rig_close(&world->story.rig);
    rig_close(&world->replayed);
    rig_close(&world->first);
    fixture_release(&world->fixture);
    test_free(world);
}

static inline void write_rest(struct world *world)
{
    write_story(world, world->story.rig.log_count / 2, world->story.rig.log_count);
}

static inline int take(struct world *world)
{
    return snapshot_take(&world->take, &world->taken, &world->error);
}

static inline int world_retain(struct world *world)
{
    struct retention_report report;
    const struct retention_options options = {
        .dir = world->reader, .epoch = 1, .segment_bytes = FIXTURE_SEGMENT_BYTES};
    return retention_step(&options, &report, &world->error);
}

#endif

/* How long a start takes from a snapshot and a tail: makes BOOKINGS bookings with
 * their keys, writes the snapshot of them, then a log behind it with the engine's own
 * writer, and times what a start does: loading the snapshot into fresh shards and
 * replaying the tail. Files are read with O_DIRECT: not from the page cache.
 *
 *   bench_snapshot DIRECTORY BOOKINGS TAIL_MB [SHARDS]   DIRECTORY is made, and removed
 *                                                        at the end; one JSON object */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "seeded.h"
#include "stopwatch.h"
#include "../engine/logger.h"
#include "../engine/restore.h"
#include "../persist/log_writer.h"
#include "../persist/snapshot_load.h"
#include "../persist/snapshot_write.h"

enum { ZONES = 64, SEGMENT_BYTES = 64 << 20, BATCH_BYTES = 1 << 20, ROUNDS = 3 };

struct bench {
    uint64_t random;
    const char *path;
    uint16_t shard_count;
    struct uuid event, show, zones[ZONES];
    struct uuid *users;
    uint64_t user_count;
    uint64_t stamp_ms, made;
    struct partition_map partitions;
    struct shard_options shard_options;
    struct recovery_options recovery_options;
};

static _Noreturn void fail(const char *what, const struct log_error *error)
{
    fprintf(stderr, "bench_snapshot: %s: %s\n", what, error ? error->text : "");
    exit(70);
}

/* --- records --- */

typedef void record_sink(void *context, uint16_t shard, const struct record *record);

static void make_catalog(struct bench *bench, record_sink *sink, void *context)
{
    struct record record = {.kind = RECORD_EVENT, .stamp_ms = SEEDED_START_MS};
    record.event = (struct catalog_event){.id = bench->event,
                                          .status = EVENT_PUBLISHED,
                                          .max_per_user = 10000,
                                          .title = {"Bench", 5},
                                          .slug = {"bench", 5}};
    sink(context, 0, &record);
    record.kind = RECORD_SHOW;
    record.show = (struct catalog_show){
        .id = bench->show, .event_id = bench->event, .segment_count = 1, .name = {"Bench", 5}};
    sink(context, 0, &record);
    record.kind = RECORD_ZONE;
    for (int i = 0; i < ZONES; i++) {
        record.zone = (struct catalog_zone){.id = bench->zones[i],
                                            .show_id = bench->show,
                                            .event_id = bench->event,
                                            .price_minor = 150000,
                                            .currency = "THB",
                                            .total_seats = CATALOG_ZONE_SEATS_MAX,
                                            .name = {"Stalls", 6}};
        sink(context, 0, &record);
    }
}

/* A booking with a key, half of them bought. */
static void make_booking(struct bench *bench, record_sink *sink, void *context)
{
    uint64_t dice = seeded_next(&bench->random);
    const struct uuid *user = &bench->users[(dice >> 32) % bench->user_count];
    const struct uuid *zone = &bench->zones[dice % ZONES];
    struct record record = {.kind = RECORD_RESERVED, .stamp_ms = bench->stamp_ms};
    record.actor = (struct actor){*user, ROLE_USER};
    record.key = (struct request_key){seeded_next(&bench->random), (uint32_t)dice};
    record.reserved = (struct record_reserved){
        .booking_id = uuid_v7(record.stamp_ms, partition_of(zone), seeded_next(&bench->random)),
        .user_id = *user,
        .zone_id = *zone,
        .quantity = 1,
        .to_segment = 1,
        .unit_price_minor = 150000,
        .ttl_ms = 600000,
        .remaining = 1};
    const struct uuid booking = record.reserved.booking_id;
    uint16_t shard = partition_shard_of(&bench->partitions, zone);
    sink(context, shard, &record);
    if (dice >> 20 & 1) {
        record.kind = RECORD_CONFIRMED;
        record.key.hash = 0;
        record.settled = (struct record_settled){
            .booking_id = booking, .user_id = *user, .zone_id = *zone, .quantity = 1};
        sink(context, shard, &record);
    }
    if (++bench->made % 100 == 0)
        bench->stamp_ms++;
}

/* --- making the directory --- */

static void restore_sink(void *context, uint16_t shard, const struct record *record)
{
    (void)shard;
    if (restore_record(context, record) != SHARD_REPLAY_OK)
        fail("restore", NULL);
}

static void write_snapshot(struct bench *bench, struct data_dir *dir, uint64_t bookings)
{
    struct shard *shards[SHARD_COUNT_MAX];
    struct log_error error;
    struct restore restore = {.shards = shards, .partitions = &bench->partitions};
    static struct snapshot_write_options write;
    if (!snapshot_make_shards(&bench->shard_options, shards))
        fail("shards", NULL);
    make_catalog(bench, restore_sink, &restore);
    for (uint64_t i = 0; i < bookings; i++)
        make_booking(bench, restore_sink, &restore);
    if (restore_finish(&restore) != SHARD_REPLAY_OK)
        fail("restore", NULL);
    write = (struct snapshot_write_options){.dir = dir,
                                            .cut = {.number = 1,
                                                    .epoch = 1,
                                                    .shard_count = bench->shard_count,
                                                    .stamp_ms = bench->stamp_ms},
                                            .shards = shards,
                                            .shard_count = bench->shard_count};
    double began = stopwatch_seconds(CLOCK_MONOTONIC);
    if (snapshot_write(&write, &error) || snapshot_publish(dir, 1, &error))
        fail("snapshot", &error);
    fprintf(stderr, "snapshot written in %.2f s\n", stopwatch_seconds(CLOCK_MONOTONIC) - began);
    snapshot_free_shards(shards, bench->shard_count);
}

struct tail {
    const struct journal *journals[SHARD_COUNT_MAX];
    uint64_t bytes;
};

static void append(const struct journal *journal, const struct record *record)
{
    while (journal->append(journal->context, record) == 0) {
        journal->flush(journal->context);
        if (journal->state(journal->context) != JOURNAL_OK)
            usleep(1000); /* the next segment is being made */
    }
}

static void tail_sink(void *context, uint16_t shard, const struct record *record)
{
    struct tail *tail = context;
    append(tail->journals[shard], record);
    tail->bytes += record->kind == RECORD_RESERVED ? 125 : 85;
}

static void write_tail(struct bench *bench, struct data_dir *dir,
                       const struct recovery_result *recovery, uint64_t bytes)
{
    struct log_error error;
    struct segment_keeper *keeper;
    struct log_writer *writers[SHARD_COUNT_MAX];
    struct log_storage *storages[SHARD_COUNT_MAX];
    struct tail tail = {.bytes = 0};
    const struct segment_keeper_options keeper_options = {
        .dir = dir, .epoch = 1, .shard_count = bench->shard_count, .segment_bytes = SEGMENT_BYTES};
    if (segment_keeper_new(&keeper, &keeper_options, &error))
        fail("keeper", &error);
    for (uint16_t i = 0; i < bench->shard_count; i++) {
        storages[i] = log_storage_blocking_new();
        const struct log_writer_options options = {.dir = dir,
                                                   .epoch = 1,
                                                   .shard = i,
                                                   .tail = recovery->tails[i],
                                                   .batch_bytes_max = BATCH_BYTES,
                                                   .keeper = keeper,
                                                   .storage = storages[i]};
        if (log_writer_new(&writers[i], &options, &error))
            fail("writer", &error);
        tail.journals[i] = log_writer_journal(writers[i]);
    }
    while (tail.bytes < bytes)
        make_booking(bench, tail_sink, &tail);
    for (uint16_t i = 0; i < bench->shard_count; i++) {
        const struct journal *journal = tail.journals[i];
        while (journal->durable(journal->context) != journal->appended(journal->context))
            journal->flush(journal->context);
        log_writer_free(writers[i]);
        log_storage_free(storages[i]);
    }
    segment_keeper_free(keeper);
}

static void make_directory(struct bench *bench, uint64_t bookings, uint64_t tail_bytes)
{
    struct data_dir *dir;
    struct log_error error;
    struct recovery_result recovery;
    const struct data_dir_options options = {.path = bench->path, .init = true};
    if (data_dir_open(&dir, &options, &error) ||
        recovery_run(dir, &bench->recovery_options, NULL, NULL, &recovery, &error))
        fail("directory", &error);
    write_snapshot(bench, dir, bookings);
    write_tail(bench, dir, &recovery, tail_bytes);
    data_dir_close(dir);
}

/* --- a start --- */

static int visit(void *context, uint32_t epoch, uint16_t shard, const struct record *record)
{
    (void)epoch;
    (void)shard;
    return -(int)restore_record(context, record);
}

struct timing {
    double load, total, cpu;
    uint64_t records, bytes, bookings;
};

static struct timing start(const struct bench *bench)
{
    struct data_dir *dir;
    struct log_error error;
    struct recovery_result recovery;
    static struct snapshot_cut cut;
    struct shard *shards[SHARD_COUNT_MAX];
    struct timing timing = {.bookings = 0};
    struct recovery_options options = bench->recovery_options;
    const struct data_dir_options dir_options = {.path = bench->path};
    double began = stopwatch_seconds(CLOCK_MONOTONIC),
           cpu = stopwatch_seconds(CLOCK_PROCESS_CPUTIME_ID);
    if (data_dir_open(&dir, &dir_options, &error) ||
        snapshot_restore(dir, &bench->shard_options, shards, &cut, &error))
        fail("load", &error);
    timing.load = stopwatch_seconds(CLOCK_MONOTONIC) - began;
    struct restore restore = {.shards = shards, .partitions = &bench->partitions};
    options.cut = &cut;
    if (recovery_run(dir, &options, visit, &restore, &recovery, &error))
        fail("recovery", &error);
    if (restore_finish(&restore) != SHARD_REPLAY_OK)
        fail("recovery", NULL);
    timing.total = stopwatch_seconds(CLOCK_MONOTONIC) - began;
    timing.cpu = stopwatch_seconds(CLOCK_PROCESS_CPUTIME_ID) - cpu;
    timing.records = recovery.records;
    timing.bytes = recovery.bytes;
    for (uint16_t i = 0; i < bench->shard_count; i++) {
        struct shard_totals totals;
        shard_totals(shards[i], &totals);
        timing.bookings += totals.bookings;
    }
    snapshot_free_shards(shards, bench->shard_count);
    data_dir_close(dir);
    return timing;
}

static int total_order(const void *a, const void *b)
{
    const struct timing *x = a, *y = b;
    return (x->total > y->total) - (x->total < y->total);
}

static void prepare(struct bench *bench, uint64_t bookings)
{
    bench->random = 42;
    bench->stamp_ms = SEEDED_START_MS;
    bench->user_count = bookings / 2 + 1;
    bench->users = malloc(bench->user_count * sizeof *bench->users);
    if (!bench->users)
        fail("memory", NULL);
    for (uint64_t i = 0; i < bench->user_count; i++)
        bench->users[i] = seeded_id(&bench->random);
    bench->event = seeded_id(&bench->random);
    bench->show = seeded_id(&bench->random);
    for (int i = 0; i < ZONES; i++)
        bench->zones[i] = seeded_id(&bench->random);
    partition_map_init(&bench->partitions, bench->shard_count);
    bench->shard_options = (struct shard_options){.partitions = &bench->partitions,
                                                  .reservation_ttl_ms = 600000,
                                                  .max_per_order = 10,
                                                  .idempotency_ms = 86400000};
    bench->recovery_options = (struct recovery_options){.shard_count = bench->shard_count,
                                                        .segment_bytes = SEGMENT_BYTES,
                                                        .now_ms = SEEDED_START_MS};
}

int main(int argc, char **argv)
{
    static struct bench bench;
    struct timing timings[ROUNDS];
    char command[LOG_PATH_BYTES + 16];
    if (argc < 4 || argc > 5 || access(argv[1], F_OK) == 0 || strchr(argv[1], '\'')) {
        fprintf(stderr, "usage: bench_snapshot DIRECTORY BOOKINGS TAIL_MB [SHARDS]\n");
        return 64;
    }
    logger_init(LOGGER_ERROR);
    bench.path = argv[1];
    bench.shard_count = argc > 4 ? (uint16_t)strtoul(argv[4], NULL, 10) : 2;
    uint64_t bookings = strtoull(argv[2], NULL, 10);
    prepare(&bench, bookings);
    make_directory(&bench, bookings, strtoull(argv[3], NULL, 10) * 1000000U);
    free(bench.users);
    for (int i = 0; i < ROUNDS; i++)
        timings[i] = start(&bench);
    qsort(timings, ROUNDS, sizeof timings[0], total_order);
    const struct timing *median = &timings[ROUNDS / 2];
    printf(
        "{\"shards\": %u, \"snapshot_bookings\": %lu, \"tail_records\": %lu, \"tail_bytes\": %lu, "
        "\"bookings\": %lu, \"load_seconds\": %.3f, \"total_seconds\": %.3f, "
        "\"cpu_seconds\": %.3f, \"bookings_loaded_per_second\": %.0f}\n",
        bench.shard_count, (unsigned long)bookings, (unsigned long)median->records,
        (unsigned long)median->bytes, (unsigned long)median->bookings, median->load, median->total,
        median->cpu, (double)bookings / median->load);
    snprintf(command, sizeof command, "rm -rf '%s'", argv[1]);
    return system(command) == 0 ? 0 : 1;
}

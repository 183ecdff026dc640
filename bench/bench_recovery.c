/* Records a second and core of recovery: writes a log with the engine's own
 * writer, then times recovery_run into fresh shards, as a start does it. The
 * file is in the page cache only as far as O_DIRECT leaves it there: not at all.
 *
 *   bench_recovery DIRECTORY [RECORDS]     DIRECTORY is made, and removed at the end;
 *                                          one JSON object on stdout */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "seeded.h"
#include "stopwatch.h"
#include "../engine/restore.h"
#include "../persist/log_writer.h"

enum { ZONES = 64, USERS = 500000, SEGMENT_BYTES = 64 << 20, BATCH_BYTES = 1 << 20, ROUNDS = 3 };

/* What has been written, so that what follows it is possible. */
struct script {
    uint64_t random;
    struct uuid event, show, zones[ZONES];
    struct uuid *users;
    uint32_t reserved[ZONES]; /* seats taken so far */
    struct uuid open;         /* a booking that is still reserved; nil: none */
    struct uuid open_user;
    struct uuid open_zone;
};

static _Noreturn void fail(const struct log_error *error)
{
    fprintf(stderr, "bench_recovery: %s\n", error->text);
    exit(error->exit_code ? error->exit_code : 70);
}

/* --- writing --- */

static void append(const struct journal *journal, const struct record *record)
{
    while (journal->append(journal->context, record) == 0) {
        journal->flush(journal->context);
        if (journal->state(journal->context) != JOURNAL_OK)
            usleep(1000); /* the next segment is being made */
    }
}

static void catalog_write(struct script *script, const struct journal *journal)
{
    struct record record = {.kind = RECORD_EVENT, .stamp_ms = SEEDED_START_MS};
    script->event = seeded_id(&script->random);
    script->show = seeded_id(&script->random);
    record.event = (struct catalog_event){.id = script->event,
                                          .status = EVENT_PUBLISHED,
                                          .max_per_user = 10000,
                                          .title = {"Bench", 5},
                                          .slug = {"bench", 5}};
    append(journal, &record);
    record.kind = RECORD_SHOW;
    record.show = (struct catalog_show){
        .id = script->show, .event_id = script->event, .segment_count = 1, .name = {"Bench", 5}};
    append(journal, &record);
    record.kind = RECORD_ZONE;
    for (int i = 0; i < ZONES; i++) {
        script->zones[i] = seeded_id(&script->random);
        record.zone = (struct catalog_zone){.id = script->zones[i],
                                            .show_id = script->show,
                                            .event_id = script->event,
                                            .price_minor = 150000,
                                            .currency = "THB",
                                            .total_seats = CATALOG_ZONE_SEATS_MAX,
                                            .name = {"Stalls", 6}};
        append(journal, &record);
    }
}

static void reserve_make(struct script *script, struct record *record)
{
    uint64_t dice = seeded_next(&script->random);
    uint32_t zone = (uint32_t)dice % ZONES;
    const struct uuid *user = &script->users[(dice >> 32) % USERS];
    record->kind = RECORD_RESERVED;
    record->actor = (struct actor){*user, ROLE_USER};
    record->key = (struct request_key){seeded_next(&script->random), (uint32_t)dice};
    record->reserved = (struct record_reserved){
        .booking_id = uuid_v7(record->stamp_ms, partition_of(&script->zones[zone]),
                              seeded_next(&script->random)),
        .user_id = *user,
        .zone_id = script->zones[zone],
        .quantity = 1,
        .to_segment = 1,
        .unit_price_minor = 150000,
        .ttl_ms = 600000,
        .remaining = CATALOG_ZONE_SEATS_MAX - ++script->reserved[zone]};
    script->open = record->reserved.booking_id;
    script->open_user = *user;
    script->open_zone = script->zones[zone];
}

/* Five reserves, two of which are bought and one of which is cancelled. */
static void records_write(struct script *script, const struct journal *journal, uint64_t count)
{
    static const enum record_kind cycle[] = {RECORD_RESERVED,  RECORD_CONFIRMED, RECORD_RESERVED,
                                             RECORD_RESERVED,  RECORD_CONFIRMED, RECORD_RESERVED,
                                             RECORD_CANCELLED, RECORD_RESERVED};
    struct record record = {0};
    for (uint64_t i = 0; i < count; i++) {
        record.stamp_ms = SEEDED_START_MS + i / 100;
        if (cycle[i % 8] == RECORD_RESERVED) {
            reserve_make(script, &record);
        } else {
            record.kind = cycle[i % 8];
            record.key.hash = seeded_next(&script->random);
            record.settled = (struct record_settled){.booking_id = script->open,
                                                     .user_id = script->open_user,
                                                     .zone_id = script->open_zone,
                                                     .quantity = 1};
        }
        append(journal, &record);
    }
    while (journal->durable(journal->context) != journal->appended(journal->context))
        journal->flush(journal->context);
}

static void log_write(const char *path, uint64_t count, const struct recovery_options *options)
{
    struct data_dir *dir;
    struct log_error error;
    struct recovery_result recovery;
    struct segment_keeper *keeper;
    struct log_writer *writer;
    struct script script = {.random = 42};
    const struct data_dir_options dir_options = {.path = path, .init = true};
    if (data_dir_open(&dir, &dir_options, &error) ||
        recovery_run(dir, options, NULL, NULL, &recovery, &error))
        fail(&error);
    const struct segment_keeper_options keeper_options = {
        .dir = dir, .epoch = recovery.epoch, .shard_count = 1, .segment_bytes = SEGMENT_BYTES};
    if (segment_keeper_new(&keeper, &keeper_options, &error))
        fail(&error);
    struct log_storage *storage = log_storage_blocking_new();
    const struct log_writer_options writer_options = {.dir = dir,
                                                      .epoch = recovery.epoch,
                                                      .tail = recovery.tails[0],
                                                      .batch_bytes_max = BATCH_BYTES,
                                                      .keeper = keeper,
                                                      .storage = storage};
    script.users = malloc(USERS * sizeof *script.users);
    if (!storage || !script.users || log_writer_new(&writer, &writer_options, &error))
        fail(&error);
    for (int i = 0; i < USERS; i++)
        script.users[i] = seeded_id(&script.random);
    catalog_write(&script, log_writer_journal(writer));
    records_write(&script, log_writer_journal(writer), count);
    log_writer_free(writer);
    log_storage_free(storage);
    segment_keeper_free(keeper);
    data_dir_close(dir);
    free(script.users);
}

/* --- recovering --- */

static int visit(void *context, uint32_t epoch, uint16_t shard, const struct record *record)
{
    (void)epoch;
    (void)shard;
    return -(int)restore_record(context, record);
}

struct timing {
    double cpu, wall;
    uint64_t records, bytes, state_hash;
};

static struct timing recover(const char *path, const struct recovery_options *options)
{
    struct data_dir *dir;
    struct log_error error;
    struct recovery_result recovery;
    struct partition_map partitions;
    const struct data_dir_options dir_options = {.path = path};
    partition_map_init(&partitions, 1);
    const struct shard_options shard_options = {.partitions = &partitions,
                                                .reservation_ttl_ms = 600000,
                                                .max_per_order = 10,
                                                .idempotency_ms = 86400000};
    struct shard *shard = shard_new(&shard_options);
    struct restore restore = {.shards = &shard, .partitions = &partitions};
    if (!shard || data_dir_open(&dir, &dir_options, &error))
        fail(&error);
    double cpu = stopwatch_seconds(CLOCK_THREAD_CPUTIME_ID),
           wall = stopwatch_seconds(CLOCK_MONOTONIC);
    if (recovery_run(dir, options, visit, &restore, &recovery, &error))
        fail(&error);
    if (restore_finish(&restore) != SHARD_REPLAY_OK)
        fail(&error);
    struct timing timing = {.cpu = stopwatch_seconds(CLOCK_THREAD_CPUTIME_ID) - cpu,
                            .wall = stopwatch_seconds(CLOCK_MONOTONIC) - wall,
                            .records = recovery.records,
                            .bytes = recovery.bytes,
                            .state_hash = shard_state_hash(shard)};
    data_dir_close(dir);
    shard_free(shard);
    return timing;
}

static int wall_order(const void *a, const void *b)
{
    const struct timing *x = a, *y = b;
    return (x->wall > y->wall) - (x->wall < y->wall);
}

int main(int argc, char **argv)
{
    uint64_t count = argc > 2 ? strtoull(argv[2], NULL, 10) : 4000000;
    struct timing timings[ROUNDS];
    char command[LOG_PATH_BYTES + 16];
    if (argc < 2 || argc > 3 || count < 1000 || access(argv[1], F_OK) == 0 ||
        strchr(argv[1], '\'')) {
        fprintf(stderr, "usage: bench_recovery DIRECTORY [RECORDS]   (DIRECTORY must not exist)\n");
        return 64;
    }
    const struct recovery_options options = {
        .shard_count = 1, .segment_bytes = SEGMENT_BYTES, .now_ms = SEEDED_START_MS};
    log_write(argv[1], count, &options);
    for (int i = 0; i < ROUNDS; i++) {
        timings[i] = recover(argv[1], &options);
        if (timings[i].state_hash != timings[0].state_hash) {
            fprintf(stderr, "bench_recovery: two recoveries of one log differ\n");
            return 1;
        }
    }
    qsort(timings, ROUNDS, sizeof timings[0], wall_order);
    const struct timing *median = &timings[ROUNDS / 2];
    printf("{\"records\": %lu, \"log_bytes\": %lu, \"wall_seconds\": %.3f, \"cpu_seconds\": %.3f, "
           "\"records_per_second\": %.0f, \"records_per_cpu_second\": %.0f}\n",
           (unsigned long)median->records, (unsigned long)median->bytes, median->wall, median->cpu,
           (double)median->records / median->wall, (double)median->records / median->cpu);
    snprintf(command, sizeof command, "rm -rf '%s'", argv[1]);
    return system(command) == 0 ? 0 : 1;
}

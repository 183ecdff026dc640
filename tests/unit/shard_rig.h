/* Shards without threads, sockets or disk: commands go home, to the zone's shard and
 * back as plain calls, time stands until it is moved, and the log is an array. */
#ifndef TESTS_UNIT_SHARD_RIG_H
#define TESTS_UNIT_SHARD_RIG_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "../../engine/restore.h"

enum { RIG_SHARDS_MAX = 4, RIG_TTL_MS = 600000, RIG_MAX_PER_ORDER = 10 };

static const uint64_t RIG_START_MS = 1700000000000;
static const uint64_t RIG_KEY_MS = 86400000;

struct rig_record {
    uint16_t shard;
    struct record record;
};

struct rig {
    struct partition_map partitions;
    struct shard *shards[RIG_SHARDS_MAX];
    uint64_t now_ms;
    uint64_t seed;
    struct rig_record *log;
    size_t log_count, log_room;
};

static inline uint64_t rig_random(struct rig *rig)
{
    uint64_t z = rig->seed += 0x9E3779B97F4A7C15;
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9;
    z = (z ^ z >> 27) * 0x94D049BB133111EB;
    return z ^ z >> 31;
}

static inline void rig_open(struct rig *rig, uint16_t shard_count)
{
    memset(rig, 0, sizeof *rig);
    rig->now_ms = RIG_START_MS;
    rig->seed = 7;
    partition_map_init(&rig->partitions, shard_count);
    for (uint16_t i = 0; i < shard_count; i++) {
        struct shard_options options = {.index = i,
                                        .partitions = &rig->partitions,
                                        .reservation_ttl_ms = RIG_TTL_MS,
                                        .max_per_order = RIG_MAX_PER_ORDER,
                                        .idempotency_ms = RIG_KEY_MS};
        rig->shards[i] = shard_new(&options);
        assert_non_null(rig->shards[i]);
    }
}

static inline void rig_close(struct rig *rig)
{
    for (uint16_t i = 0; i < rig->partitions.shard_count; i++)
        shard_free(rig->shards[i]);
    free(rig->log);
}

static inline void rig_log(struct rig *rig, uint16_t shard, const struct record *record)
{
    if (rig->log_count == rig->log_room) {
        rig->log_room = rig->log_room ? 2 * rig->log_room : 1024;
        rig->log = realloc(rig->log, rig->log_room * sizeof *rig->log);
        assert_non_null(rig->log);
    }
    rig->log[rig->log_count++] = (struct rig_record){shard, *record};
}

static inline struct uuid rig_id(uint64_t kind, uint64_t number)
{
    return uuid_v7(RIG_START_MS, (uint16_t)kind, number);
}

static inline struct uuid rig_event_id(uint64_t number)
{
    return rig_id(1, number);
}

static inline struct uuid rig_zone_id(uint64_t number)
{
    return rig_id(3, number);
}

static inline struct uuid rig_user_id(uint64_t number)
{
    return rig_id(4, number);
}

/* --- the catalog, as shard 0 would have broadcast it --- */

static inline void rig_put_event(struct rig *rig, const struct catalog_event *draft)
{
    struct catalog_event *event = catalog_event_new(draft);
    for (uint16_t i = 0; i < rig->partitions.shard_count; i++)
        assert_true(shard_put_event(rig->shards[i], catalog_event_share(event)));
    catalog_event_release(event);
}

static inline void rig_event(struct rig *rig, uint64_t number, uint32_t max_per_user)
{
    char slug[16] = "event-";
    slug[6] = (char)('a' + number);
    struct catalog_event draft = {.id = rig_event_id(number),
                                  .status = EVENT_PUBLISHED,
                                  .max_per_user = max_per_user,
                                  .slug = {slug, 7},
                                  .title = {"Evening", 7}};
    rig_put_event(rig, &draft);

    struct catalog_show show_draft = {
        .id = rig_id(2, number), .event_id = draft.id, .segment_count = 1, .name = {"Friday", 6}};
    struct catalog_show *show = catalog_show_new(&show_draft);
    for (uint16_t i = 0; i < rig->partitions.shard_count; i++)
        assert_true(shard_put_show(rig->shards[i], catalog_show_share(show)));
    catalog_show_release(show);
}

static inline void rig_zone(struct rig *rig, uint64_t number, uint64_t event, uint32_t seats,
                            int64_t price_minor)
{
    struct catalog_zone draft = {.id = rig_zone_id(number),
                                 .show_id = rig_id(2, event),
                                 .event_id = rig_event_id(event),
                                 .price_minor = price_minor,
                                 .currency = "THB",
                                 .total_seats = seats,
                                 .name = {"Stalls", 6}};
    struct catalog_zone *zone = catalog_zone_new(&draft);
    for (uint16_t i = 0; i < rig->partitions.shard_count; i++)
        assert_true(shard_put_zone(rig->shards[i], catalog_zone_share(zone)));
    catalog_zone_release(zone);
}

/* --- commands --- */

/* A record as a log has it: its kind's own fields are zeros. */
static inline struct record rig_record(enum record_kind kind, uint64_t sequence)
{
    struct record record;
    memset(&record, 0, sizeof record);
    record.kind = kind;
    record.sequence = sequence;
    record.stamp_ms = RIG_START_MS;
    return record;
}

/* key 0: none. Two requests with one key are the same when their fingerprints are. */
static inline struct command rig_command(enum command_kind kind, uint64_t user, uint64_t key,
                                         uint32_t fingerprint)
{
    struct command command = {.kind = kind, .actor = {.id = rig_user_id(user), .role = ROLE_USER}};
    if (key != 0) {
        struct uuid caller = rig_user_id(user);
        command.key.hash = request_key_hash(&caller, (const char *)&key, sizeof key);
        command.key.fingerprint = fingerprint;
    }
    return command;
}

static inline struct command rig_reserve(uint64_t user, uint64_t zone, uint32_t quantity,
                                         uint64_t key)
{
    struct command command =
        rig_command(COMMAND_RESERVE, user, key, (uint32_t)(zone << 16 | quantity));
    command.reserve.zone_id = rig_zone_id(zone);
    command.reserve.quantity = quantity;
    return command;
}

static inline struct command rig_end(enum command_kind kind, uint64_t user,
                                     const struct uuid *booking_id, uint64_t key)
{
    uint32_t fingerprint = (uint32_t)kind << 24 | (uint32_t)booking_id->bytes[14] << 8 |
                           (uint32_t)booking_id->bytes[15];
    struct command command = rig_command(kind, user, key, fingerprint);
    command.booking.booking_id = *booking_id;
    return command;
}

static inline struct shard *rig_home(const struct rig *rig, const struct command *command)
{
    return rig->shards[partition_shard_of(&rig->partitions, &command->actor.id)];
}

static inline uint16_t rig_zone_shard(const struct rig *rig, const struct command *command)
{
    return command->kind == COMMAND_RESERVE
               ? partition_shard_of(&rig->partitions, &command->reserve.zone_id)
               : partition_shard_of_booking(&rig->partitions, &command->booking.booking_id);
}

/* First part: the home shard. SHARD_REPEAT is finished here too. */
static inline enum shard_admission rig_admit(struct rig *rig, struct command *command,
                                             struct answer *answer)
{
    memset(answer, 0, sizeof *answer);
    answer->kind = command->kind;
    enum shard_admission admission =
        shard_admit(rig_home(rig, command), command, rig->now_ms, answer);
    if (admission == SHARD_REPEAT) {
        uint16_t index = partition_shard_of_booking(&rig->partitions, &command->repeat.booking_id);
        shard_repeat(rig->shards[index], command, answer);
    }
    return admission;
}

/* The event and the tickets that home must know of when a booking ends. */
static inline void rig_fill_settlement(struct rig *rig, const struct command *command,
                                       struct answer *answer)
{
    answer->settlement.key = command->key;
    answer->settlement.user_id = command->actor.id;
    answer->settlement.stamp_ms = rig->now_ms;
    if (command->kind == COMMAND_RESERVE) {
        answer->settlement.event_id = command->reserve.event_id;
        answer->settlement.event_number = command->reserve.event_number;
        answer->settlement.tickets = command->reserve.quantity;
    } else if (answer->result == RESULT_OK) {
        const struct catalog_zone *zone =
            catalog_zone(shard_catalog(rig->shards[0]), &answer->booking.zone_id);
        answer->settlement.event_id = zone->event_id;
    }
}

/* Second part: the zone's shard decides, logs and applies. */
static inline void rig_decide(struct rig *rig, struct command *command, struct answer *answer)
{
    uint16_t index = rig_zone_shard(rig, command);
    struct shard *shard = rig->shards[index];
    struct record record = {0};
    struct refusal_facts refusal = {0};

    if (command->kind == COMMAND_RESERVE)
        command->reserve.booking_id = uuid_v7(
            rig->now_ms, shard_zone_partition(shard, &command->reserve.zone_id), rig_random(rig));
    answer->result = shard_decide(shard, command, rig->now_ms, &record, &refusal);
    if (answer->result != RESULT_OK) {
        answer->refusal = refusal.detail;
        answer->seat_count = refusal.seat_count;
        memcpy(answer->seats, refusal.seats, sizeof refusal.seats);
        rig_fill_settlement(rig, command, answer);
        return;
    }
    if (record.kind != 0) {
        rig_log(rig, index, &record);
        shard_apply(shard, &record);
    }
    const struct uuid *booking_id = command->kind == COMMAND_RESERVE ? &command->reserve.booking_id
                                                                     : &command->booking.booking_id;
    assert_true(shard_booking(shard, booking_id, rig->now_ms, &answer->booking, answer->seats,
                              &answer->seat_count));
    if (record.kind == RECORD_RESERVED)
        answer->booking.remaining = record.reserved.remaining;
    rig_fill_settlement(rig, command, answer);
    if (record.kind == RECORD_CANCELLED)
        shard_released(rig_home(rig, command), &command->actor.id, &answer->settlement.event_id,
                       record.settled.quantity);
}

/* Third part: home learns how it ended. */
static inline void rig_settle(struct rig *rig, const struct command *command,
                              const struct answer *answer)
{
    shard_settle(rig_home(rig, command), answer, rig->now_ms);
}

/* All three at once. */
static inline struct answer rig_ask(struct rig *rig, struct command command)
{
    struct answer answer;
    enum shard_admission admission = rig_admit(rig, &command, &answer);

    assert_int_not_equal(admission, SHARD_WAIT); /* nothing else is under way */
    if (admission == SHARD_ADMIT) {
        rig_decide(rig, &command, &answer);
        rig_settle(rig, &command, &answer);
    }
    return answer;
}

/* Everything due at now_ms expires; returns how many bookings. */
static inline uint32_t rig_expire(struct rig *rig)
{
    uint32_t expired = 0;
    static struct record record;

    for (uint16_t i = 0; i < rig->partitions.shard_count; i++) {
        while (shard_expire(rig->shards[i], rig->now_ms, &record)) {
            rig_log(rig, i, &record);
            shard_apply(rig->shards[i], &record);
            const struct catalog_zone *zone =
                catalog_zone(shard_catalog(rig->shards[0]), &record.expired.zone_id);
            for (uint32_t n = 0; n < record.expired.count; n++) {
                const struct record_expired_item *item = &record.expired.items[n];
                uint16_t home = partition_shard_of(&rig->partitions, &item->user_id);
                shard_released(rig->shards[home], &item->user_id, &zone->event_id, item->quantity);
                expired++;
            }
        }
    }
    return expired;
}

/* A record into shards whose catalog is already there. */
static inline enum shard_replay_result rig_restore(struct rig *into, const struct record *record)
{
    struct restore restore = {.shards = into->shards, .partitions = &into->partitions};
    enum shard_replay_result result = restore_record(&restore, record);
    return result == SHARD_REPLAY_OK ? restore_finish(&restore) : result;
}

/* The rig's log replayed into an empty rig. */
static inline void rig_replay(const struct rig *from, struct rig *into)
{
    for (size_t n = 0; n < from->log_count; n++)
        assert_int_equal(rig_restore(into, &from->log[n].record), SHARD_REPLAY_OK);
    into->now_ms = from->now_ms;
}

struct rig_counts {
    uint32_t available, reserved, sold;
};

static inline struct rig_counts rig_counts(const struct rig *rig, uint64_t zone)
{
    static struct inquiry inquiry;
    inquiry = (struct inquiry){.kind = INQUIRY_ZONE, .id = rig_zone_id(zone)};
    shard_inquire(rig->shards[partition_shard_of(&rig->partitions, &inquiry.id)], &inquiry);
    assert_true(inquiry.found);
    assert_int_equal(inquiry.zone.available + inquiry.zone.reserved + inquiry.zone.sold,
                     inquiry.zone.total);
    return (struct rig_counts){inquiry.zone.available, inquiry.zone.reserved, inquiry.zone.sold};
}

/* No shard finds fault with its own counts. */
static inline void rig_audit(const struct rig *rig)
{
    static struct inquiry inquiry;
    for (uint16_t i = 0; i < rig->partitions.shard_count; i++) {
        inquiry = (struct inquiry){.kind = INQUIRY_AUDIT, .shard = i};
        shard_inquire(rig->shards[i], &inquiry);
        if (inquiry.audit.violations != 0)
            fail_msg("shard %d: %s", i, inquiry.audit.first_violation);
    }
}

#endif

/* One shard with a zone of every kind, asked directly as the zone's shard: what a
 * home shard checks before is left out. */
#ifndef TESTS_UNIT_INVENTORY_RIG_H
#define TESTS_UNIT_INVENTORY_RIG_H

#include "../../engine/seat_map.h"
#include "shard_rig.h"

enum { GENERAL, GENERAL_TRIP, SEATED, SEATED_TRIP, INVENTORY_ZONES };
enum { TRIP_SEGMENTS = 4, PLACES = 40, ROWS = 4, ROW_SEATS = 10, PRICE = 1000 };

static const int64_t TRIP_PRICES[TRIP_SEGMENTS] = {100, 20, 3, 4000};

static inline void inventory_show(struct rig *rig, uint64_t number, uint32_t segments)
{
    struct catalog_stop stops[TRIP_SEGMENTS + 1] = {0};
    struct catalog_show draft = {.id = rig_id(2, number),
                                 .event_id = rig_event_id(0),
                                 .segment_count = segments,
                                 .stop_count = segments > 1 ? segments + 1 : 0,
                                 .stops = segments > 1 ? stops : NULL,
                                 .name = {"Night", 5}};
    for (uint32_t i = 0; i <= TRIP_SEGMENTS; i++)
        stops[i] = (struct catalog_stop){rig_id(9, i), 1000 * i, 1000 * i};
    assert_true(shard_put_show(rig->shards[0], catalog_show_new(&draft)));
}

/* Four rows of ten, better towards the first seat of the first row; the last two
 * seats of the last row are wheelchair places. */
static inline uint8_t *inventory_plan(size_t *length)
{
    struct seat_plan_builder *builder = seat_plan_builder_new();
    enum seat_plan_error error;

    for (uint32_t row = 0; row < ROWS; row++) {
        char label[2] = {(char)('A' + (int)row), 0};
        uint32_t plain = row == ROWS - 1 ? ROW_SEATS - 2 : ROW_SEATS;
        seat_plan_add_row(builder, label, 1);
        seat_plan_add_run(builder, 1, 1, plain, row * ROW_SEATS, 1, 0, false);
        if (plain < ROW_SEATS)
            seat_plan_add_run(builder, plain + 1, 1, 2, row * ROW_SEATS + plain, 1, SEAT_ACCESSIBLE,
                              false);
    }
    uint8_t *bytes = seat_plan_encode(builder, length, &error);
    assert_non_null(bytes);
    seat_plan_builder_free(builder);
    return bytes;
}

static inline void inventory_zone(struct rig *rig, uint64_t number)
{
    bool seated = number == SEATED || number == SEATED_TRIP;
    bool trip = number == GENERAL_TRIP || number == SEATED_TRIP;
    size_t length = 0;
    uint8_t *bytes = seated ? inventory_plan(&length) : NULL;
    struct catalog_zone draft = {.id = rig_zone_id(number),
                                 .kind = seated ? ZONE_SEATED : ZONE_GENERAL,
                                 .show_id = rig_id(2, trip),
                                 .event_id = rig_event_id(0),
                                 .price_minor = PRICE,
                                 .currency = "THB",
                                 .total_seats = PLACES,
                                 .segment_price_count = trip ? TRIP_SEGMENTS : 0,
                                 .segment_prices = trip ? TRIP_PRICES : NULL,
                                 .plan_bytes = bytes,
                                 .plan_length = (uint32_t)length,
                                 .name = {"Zone", 4}};
    struct catalog_zone *zone = catalog_zone_new(&draft);
    assert_non_null(zone);
    assert_true(shard_put_zone(rig->shards[0], zone));
    free(bytes);
}

static inline void inventory_catalog(struct rig *rig, bool allow_orphans)
{
    struct catalog_event draft = {.id = rig_event_id(0),
                                  .organizer_id = rig_user_id(1000),
                                  .status = EVENT_PUBLISHED,
                                  .max_per_user = 10000,
                                  .allow_orphans = allow_orphans,
                                  .slug = {"night", 5},
                                  .title = {"Night", 5}};
    assert_true(shard_put_event(rig->shards[0], catalog_event_new(&draft)));
    inventory_show(rig, 0, 1);
    inventory_show(rig, 1, TRIP_SEGMENTS);
    for (uint64_t number = 0; number < INVENTORY_ZONES; number++)
        inventory_zone(rig, number);
}

static inline void inventory_open(struct rig *rig, bool allow_orphans)
{
    rig_open(rig, 1);
    inventory_catalog(rig, allow_orphans);
}

/* --- commands --- */

struct decision {
    enum result result;
    struct refusal_facts refusal;
    struct record record;
};

/* Decides, and if there is something to log, logs and applies it. */
static inline const struct decision *inventory_do(struct rig *rig, struct command *command)
{
    static struct decision decision;
    struct shard *shard = rig->shards[0];

    memset(&decision, 0, sizeof decision);
    if (command->kind == COMMAND_RESERVE)
        command->reserve.booking_id = uuid_v7(
            rig->now_ms, shard_zone_partition(shard, &command->reserve.zone_id), rig_random(rig));
    decision.result =
        shard_decide(shard, command, rig->now_ms, &decision.record, &decision.refusal);
    if (decision.result != RESULT_OK || decision.record.kind == 0)
        return &decision;
    rig_log(rig, 0, &decision.record);
    shard_apply(shard, &decision.record);
    return &decision;
}

static inline struct command inventory_reserve(uint64_t user, uint64_t zone, uint32_t quantity)
{
    return rig_reserve(user, zone, quantity, 0);
}

static inline struct command with_seats(struct command command, uint32_t first, uint32_t count)
{
    command.seat_count = count;
    for (uint32_t i = 0; i < count; i++)
        command.seats[i] = first + i;
    return command;
}

/* A reservation that is had; its id. */
static inline struct uuid inventory_hold(struct rig *rig, uint64_t user, uint64_t zone,
                                         uint32_t quantity)
{
    struct command command = inventory_reserve(user, zone, quantity);
    assert_int_equal(inventory_do(rig, &command)->result, RESULT_OK);
    return command.reserve.booking_id;
}

static inline struct uuid inventory_hold_seats(struct rig *rig, uint64_t user, uint64_t zone,
                                               uint32_t first, uint32_t count)
{
    struct command command = with_seats(inventory_reserve(user, zone, count), first, count);
    assert_int_equal(inventory_do(rig, &command)->result, RESULT_OK);
    return command.reserve.booking_id;
}

static inline struct command on_booking(enum command_kind kind, uint64_t user,
                                        const struct uuid *booking_id)
{
    return rig_end(kind, user, booking_id, 0);
}

static inline enum result inventory_ask(struct rig *rig, struct command command)
{
    return inventory_do(rig, &command)->result;
}

static inline struct command on_zone(enum command_kind kind, uint64_t zone)
{
    struct command command = rig_command(kind, 1000, 0, 0);
    command.actor.role = ROLE_ORGANIZER;
    command.zone_change.zone_id = rig_zone_id(zone);
    return command;
}

/* A block of a zone; key 0: a house hold. */
static inline enum result inventory_block(struct rig *rig, uint64_t zone, uint64_t number,
                                          uint8_t key, uint32_t quantity, const uint32_t *seats,
                                          uint64_t expires_ms)
{
    struct command command = on_zone(COMMAND_BLOCK_CREATE, zone);
    struct block_facts draft = {.block_id = rig_id(5, number),
                                .kind = key ? BLOCK_ALLOTMENT : BLOCK_HOUSE_HOLD,
                                .quantity = quantity,
                                .expires_ms = expires_ms,
                                .key_digest = {key},
                                .reason = {"press", 5},
                                .seat_count = seats ? quantity : 0,
                                .seats = seats};
    command.zone_change.block = &draft;
    return inventory_do(rig, &command)->result;
}

static inline struct command with_key(struct command command, uint8_t key)
{
    command.reserve.allotment_digest[0] = key;
    return command;
}

static inline struct command on_way(struct command command, uint16_t from, uint16_t to)
{
    command.reserve.from_segment = from;
    command.reserve.to_segment = to;
    return command;
}

static inline struct booking_facts inventory_facts(const struct rig *rig, const struct uuid *id)
{
    struct booking_facts facts;
    uint32_t seats[RECORD_SEATS_MAX], seat_count;
    assert_true(shard_booking(rig->shards[0], id, rig->now_ms, &facts, seats, &seat_count));
    return facts;
}

static inline struct zone_facts inventory_counts(const struct rig *rig, uint64_t zone)
{
    struct uuid id = rig_zone_id(zone);
    struct zone_facts facts;
    assert_true(shard_zone_facts(rig->shards[0], &id, &facts));
    return facts;
}

/* All that is due ends; returns how many records. */
static inline uint32_t inventory_expire(struct rig *rig)
{
    static struct record record;
    uint32_t records = 0;

    while (shard_expire(rig->shards[0], rig->now_ms, &record)) {
        rig_log(rig, 0, &record);
        shard_apply(rig->shards[0], &record);
        records++;
    }
    return records;
}

static inline void inventory_audit(struct rig *rig)
{
    static struct inquiry inquiry;
    inquiry = (struct inquiry){.kind = INQUIRY_AUDIT};
    shard_inquire(rig->shards[0], &inquiry);
    if (inquiry.audit.violations != 0)
        fail_msg("%s", inquiry.audit.first_violation);
    assert_true(shard_zone_hash(rig->shards[0]) == shard_state_hash(rig->shards[0]));
}

/* The log, replayed into a fresh shard, gives the same state. */
static inline void inventory_replay(const struct rig *rig, bool allow_orphans)
{
    struct rig again;

    inventory_open(&again, allow_orphans);
    for (size_t n = 0; n < rig->log_count; n++) {
        const struct record *record = &rig->log[n].record;
        enum shard_replay_result result = shard_replay(again.shards[0], record);
        if (result != SHARD_REPLAY_OK)
            fail_msg("%s, cause %d: %s", record_kind_name(record->kind), record->changed.cause,
                     shard_replay_result_name(result));
    }
    inventory_audit(&again);
    assert_true(shard_zone_hash(again.shards[0]) == shard_zone_hash(rig->shards[0]));
    rig_close(&again);
}

#endif

/* A state with something of everything, told as a story: bookings, blocks, orders and
 * keys in zones of every kind, and the log that has them. */
#ifndef TESTS_UNIT_STORY_RIG_H
#define TESTS_UNIT_STORY_RIG_H

#include "inventory_rig.h"

#include "log_fixture.h"

#include "../../engine/restore.h"

enum { STEPS = 3000, BOOKINGS = 64, USERS = 6 };

struct story {
    struct rig rig;
    struct uuid bookings[BOOKINGS];
    uint64_t owners[BOOKINGS];
    uint64_t made, blocks, orders;
    struct block_facts draft;
};

static inline uint32_t pick(struct story *story, uint32_t below)
{
    return (uint32_t)(rig_random(&story->rig) % below);
}

static inline void reserve_something(struct story *story)
{
    uint64_t user = pick(story, USERS);
    struct command command = rig_reserve(user, pick(story, INVENTORY_ZONES), 1 + pick(story, 4), 0);
    command.reserve.allow_split = true;
    if (pick(story, 4) == 0)
        command.reserve.allotment_digest[0] = (uint8_t)(1 + pick(story, 2));
    if (pick(story, 4) == 0)
        command.reserve.order =
            (struct order_part){.id = rig_id(6, story->orders++), .item = 0, .count = 1};
    command.key = (struct request_key){rig_random(&story->rig) | 1, pick(story, 1000)};
    const struct decision *decision = inventory_do(&story->rig, &command);
    if (decision->result != RESULT_OK)
        return;
    story->rig.log[story->rig.log_count - 1].record.key = command.key;
    story->rig.log[story->rig.log_count - 1].record.actor = command.actor;
    story->bookings[story->made % BOOKINGS] = command.reserve.booking_id;
    story->owners[story->made++ % BOOKINGS] = user;
}

static inline void change_something(struct story *story)
{
    static const enum command_kind kinds[] = {COMMAND_CONFIRM,  COMMAND_CONFIRM, COMMAND_CANCEL,
                                              COMMAND_EXTEND,   COMMAND_RELEASE, COMMAND_TRANSFER,
                                              COMMAND_EXCHANGE, COMMAND_REFUND,  COMMAND_PIN};
    uint32_t which = pick(story, BOOKINGS);
    struct command command =
        on_booking(kinds[pick(story, 9)], story->owners[which], &story->bookings[which]);
    command.booking.user_id = rig_user_id(pick(story, USERS));
    command.booking.seconds = pick(story, 2000);
    if (command.kind == COMMAND_RELEASE)
        command.booking.quantity = 1;
    if (command.kind == COMMAND_REFUND)
        command.actor = (struct actor){.id = rig_user_id(1000), .role = ROLE_ORGANIZER};
    if (command.kind == COMMAND_PIN)
        command.booking.order =
            (struct order_part){.id = rig_id(6, story->orders++), .item = 0, .count = 0};
    inventory_do(&story->rig, &command);
}

static inline void block_something(struct story *story)
{
    static const uint32_t seats[] = {3, 4, 5, 21};
    uint64_t zone = pick(story, INVENTORY_ZONES);
    struct command command =
        on_zone(pick(story, 3) ? COMMAND_BLOCK_CREATE : COMMAND_BLOCK_END, zone);
    command.zone_change.block_id = rig_id(5, pick(story, (uint32_t)story->blocks + 1));
    bool seated = zone >= SEATED;
    story->draft = (struct block_facts){.block_id = rig_id(5, story->blocks++),
                                        .kind = BLOCK_ALLOTMENT,
                                        .quantity = 4,
                                        .key_digest = {(uint8_t)(1 + pick(story, 2))},
                                        .seat_count = seated ? 4 : 0,
                                        .seats = seated ? seats : NULL};
    command.zone_change.block = &story->draft;
    inventory_do(&story->rig, &command);
}

static inline void put_show(struct rig *rig, uint64_t number, uint32_t segments)
{
    struct catalog_stop stops[TRIP_SEGMENTS + 1];
    for (uint32_t i = 0; i <= TRIP_SEGMENTS; i++)
        stops[i] = (struct catalog_stop){rig_id(9, i), 1000 + 1000 * i, 1000 + 1000 * i};
    const struct catalog_show draft = {.id = rig_id(2, number),
                                       .event_id = rig_event_id(0),
                                       .segment_count = segments,
                                       .stop_count = segments > 1 ? segments + 1 : 0,
                                       .stops = segments > 1 ? stops : NULL,
                                       .name = {"Night", 5}};
    assert_true(shard_put_show(rig->shards[0], catalog_show_new(&draft)));
}

static inline void put_zone(struct rig *rig, uint64_t number)
{
    bool seated = number == SEATED || number == SEATED_TRIP;
    bool trip = number == GENERAL_TRIP || number == SEATED_TRIP;
    size_t length = 0;
    uint8_t *bytes = seated ? inventory_plan(&length) : NULL;
    const struct catalog_zone draft = {.id = rig_zone_id(number),
                                       .kind = seated ? ZONE_SEATED : ZONE_GENERAL,
                                       .show_id = rig_id(2, trip),
                                       .event_id = rig_event_id(0),
                                       .price_minor = trip ? 4123 : PRICE,
                                       .currency = "THB",
                                       .total_seats = PLACES,
                                       .segment_count = trip ? TRIP_SEGMENTS : 1,
                                       .segment_price_count = trip ? TRIP_SEGMENTS : 0,
                                       .segment_prices = trip ? TRIP_PRICES : NULL,
                                       .plan_bytes = bytes,
                                       .plan_length = (uint32_t)length,
                                       .name = {"Zone", 4}};
    assert_true(shard_put_zone(rig->shards[0], catalog_zone_new(&draft)));
    free(bytes);
}

/* One shard with an event whose catalog a log could have. */
static inline void open_rig(struct rig *rig)
{
    const struct catalog_event event = {.id = rig_event_id(0),
                                        .organizer_id = rig_user_id(1000),
                                        .status = EVENT_PUBLISHED,
                                        .max_per_user = 10000,
                                        .allow_orphans = true,
                                        .slug = {"night", 5},
                                        .title = {"Night", 5}};
    rig_open(rig, 1);
    assert_true(shard_put_event(rig->shards[0], catalog_event_new(&event)));
    for (uint32_t i = 0; i <= TRIP_SEGMENTS; i++) {
        char code[2] = {(char)('A' + (int)i), 0};
        const struct catalog_station draft = {
            .id = rig_id(9, i), .code = {code, 1}, .name = {"Stop", 4}};
        assert_true(shard_put_station(rig->shards[0], catalog_station_new(&draft)));
    }
    put_show(rig, 0, 1);
    put_show(rig, 1, TRIP_SEGMENTS);
    for (uint64_t number = 0; number < INVENTORY_ZONES; number++)
        put_zone(rig, number);
}

/* Tells a story, with blocks or without, and replays its log into a shard with both its
 * roles. */
static inline void tell_some(struct story *story, struct rig *replayed, bool blocks)
{
    memset(story, 0, sizeof *story);
    open_rig(&story->rig);
    story->rig.seed = 11;
    for (uint32_t i = 0; i < STEPS; i++) {
        uint32_t dice = pick(story, 20);
        if (dice == 0 && blocks)
            block_something(story);
        else if (dice < 10 || story->made < BOOKINGS)
            reserve_something(story);
        else
            change_something(story);
        if (pick(story, 4) == 0)
            story->rig.now_ms += pick(story, 30000);
        inventory_expire(&story->rig);
    }
    open_rig(replayed);
    struct restore restore = {.shards = replayed->shards, .partitions = &replayed->partitions};
    for (size_t n = 0; n < story->rig.log_count; n++)
        assert_int_equal(restore_record(&restore, &story->rig.log[n].record), SHARD_REPLAY_OK);
    assert_int_equal(restore_finish(&restore), SHARD_REPLAY_OK);
    assert_true(shard_zone_hash(replayed->shards[0]) == shard_zone_hash(story->rig.shards[0]));
}

static inline void tell(struct story *story, struct rig *replayed)
{
    tell_some(story, replayed, true);
}

#endif

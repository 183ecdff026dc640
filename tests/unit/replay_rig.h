/* Real records with one thing wrong, for tests of what a disk may say and a shard never
 * wrote: each is refused by its name and changes nothing. */
#ifndef TESTS_UNIT_REPLAY_RIG_H
#define TESTS_UNIT_REPLAY_RIG_H

#include "inventory_rig.h"

static struct rig rig;
static uint64_t state_before;

static inline int setup(void **state)
{
    (void)state;
    inventory_open(&rig, true);
    return 0;
}

static inline int teardown(void **state)
{
    (void)state;
    inventory_audit(&rig);
    rig_close(&rig);
    return 0;
}

/* --- helpers --- */

static inline struct shard *shard(void)
{
    return rig.shards[0];
}

/* The record of a command that the shard would take now. */
static inline struct record decide(struct command command)
{
    static struct record record;
    struct refusal_facts refusal;
    memset(&record, 0, sizeof record);
    if (command.kind == COMMAND_RESERVE)
        command.reserve.booking_id = uuid_v7(
            rig.now_ms, shard_zone_partition(shard(), &command.reserve.zone_id), rig_random(&rig));
    assert_int_equal(shard_decide(shard(), &command, rig.now_ms, &record, &refusal), RESULT_OK);
    assert_int_not_equal(record.kind, 0);
    state_before = shard_state_hash(shard());
    return record;
}

static inline void take(const struct record *record)
{
    assert_int_equal(shard_replay(shard(), record), SHARD_REPLAY_OK);
}

static inline void refuse(const struct record *record, enum shard_replay_result result)
{
    enum shard_replay_result said = shard_replay(shard(), record);
    if (said != result)
        fail_msg("%s instead of %s", shard_replay_result_name(said),
                 shard_replay_result_name(result));
    assert_true(shard_state_hash(shard()) == state_before);
}

/* Refuses the record with one member set to another value. */
#define REFUSE_WITH(original, member, value, result)                                               \
    do {                                                                                           \
        struct record altered = (original);                                                        \
        altered.member = (value);                                                                  \
        refuse(&altered, result);                                                                  \
    } while (0)

static inline struct uuid hold(uint64_t user, uint64_t zone, uint32_t quantity)
{
    struct record record = decide(inventory_reserve(user, zone, quantity));
    take(&record);
    return record.reserved.booking_id;
}

static inline void confirm(uint64_t user, const struct uuid *booking)
{
    struct record record = decide(on_booking(COMMAND_CONFIRM, user, booking));
    take(&record);
}

static inline struct command pin(uint64_t user, const struct uuid *booking, uint8_t item,
                                 uint8_t count)
{
    struct command command = on_booking(COMMAND_PIN, user, booking);
    command.booking.order = (struct order_part){rig_id(6, 1), item, count};
    return command;
}

static inline struct command block_of(uint64_t zone, uint64_t number, uint8_t key,
                                      uint32_t quantity, const uint32_t *seats)
{
    static struct block_facts draft;
    struct command command = on_zone(COMMAND_BLOCK_CREATE, zone);
    draft = (struct block_facts){.block_id = rig_id(5, number),
                                 .kind = key ? BLOCK_ALLOTMENT : BLOCK_HOUSE_HOLD,
                                 .quantity = quantity,
                                 .key_digest = {key},
                                 .seat_count = seats ? quantity : 0,
                                 .seats = seats};
    command.zone_change.block = &draft;
    return command;
}

static inline void make_block(uint64_t zone, uint64_t number, uint8_t key, uint32_t quantity,
                              const uint32_t *seats)
{
    struct record record = decide(block_of(zone, number, key, quantity, seats));
    take(&record);
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

#endif

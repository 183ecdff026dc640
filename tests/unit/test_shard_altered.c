/* Records that a log could not have: one field of a real one changed. The shard refuses
 * it, which ends a start, or the books are in balance with it. */
#include "story_rig.h"

enum { ALTERATIONS = 12 };

static uint32_t small(struct rig *rig, uint32_t below)
{
    return (uint32_t)(rig_random(rig) % below);
}

static void alter_uuid(struct rig *rig, struct uuid *id)
{
    if (small(rig, 2))
        memset(id, 0, sizeof *id);
    else
        *id = rig_id(small(rig, 8), small(rig, 20));
}

static uint32_t altered(struct rig *rig, uint32_t number)
{
    const uint32_t others[] = {0, number + 1, number - 1, small(rig, 50), UINT32_MAX};
    return others[small(rig, 5)];
}

static void alter_seats(struct rig *rig, uint32_t *seats, uint32_t *count)
{
    if (small(rig, 2))
        *count = altered(rig, *count) % (RECORD_SEATS_MAX + 1);
    else
        seats[small(rig, 4)] = altered(rig, seats[small(rig, 4)]);
}

/* The booking of the last record but one that made any: it is there already. */
static struct uuid made_before;

static void alter_reserved(struct rig *rig, struct record_reserved *reserved)
{
    switch (small(rig, 8)) {
    case 0:
        reserved->booking_id = made_before;
        break;
    case 1:
        alter_uuid(rig, &reserved->zone_id);
        break;
    case 2:
        reserved->quantity = altered(rig, reserved->quantity);
        break;
    case 3:
        reserved->from_segment = (uint16_t)altered(rig, reserved->from_segment);
        break;
    case 4:
        reserved->to_segment = (uint16_t)altered(rig, reserved->to_segment);
        break;
    case 5:
        alter_uuid(rig, &reserved->block_id);
        break;
    case 6:
        alter_uuid(rig, &reserved->user_id);
        break;
    default:
        alter_seats(rig, reserved->seats, &reserved->seat_count);
    }
}

static void alter_settled(struct rig *rig, struct record_settled *settled)
{
    struct uuid *const ids[] = {&settled->booking_id, &settled->user_id, &settled->zone_id};
    switch (small(rig, 3)) {
    case 0:
        alter_uuid(rig, ids[small(rig, 3)]);
        break;
    case 1:
        settled->quantity = altered(rig, settled->quantity);
        break;
    default:
        settled->cause = (enum change_cause)small(rig, CAUSE_COUNT);
    }
}

static void alter_changed(struct rig *rig, struct record_changed *changed)
{
    struct uuid *const ids[] = {&changed->booking_id, &changed->user_id, &changed->zone_id,
                                &changed->previous_user_id, &changed->order.id};
    uint32_t *const numbers[] = {&changed->quantity, &changed->previous_quantity, &changed->ttl_ms};
    switch (small(rig, 7)) {
    case 0:
        alter_uuid(rig, ids[small(rig, 5)]);
        break;
    case 1: {
        uint32_t *number = numbers[small(rig, 3)];
        *number = altered(rig, *number);
        break;
    }
    case 2:
        changed->cause = (enum change_cause)small(rig, CAUSE_COUNT);
        break;
    case 3:
        changed->status = (enum booking_status)small(rig, BOOKING_REFUNDED + 1);
        break;
    case 4:
        changed->pinned = !changed->pinned;
        break;
    case 5:
        changed->unit_price_minor++;
        break;
    default:
        alter_seats(rig, changed->seats, &changed->seat_count);
    }
}

static void alter_block(struct rig *rig, struct record_block *block)
{
    static uint32_t seats[4];
    switch (small(rig, 6)) {
    case 0:
        alter_uuid(rig, small(rig, 2) ? &block->block_id : &block->zone_id);
        break;
    case 1:
        block->cause = (enum change_cause)small(rig, CAUSE_COUNT);
        break;
    case 2:
        block->quantity = altered(rig, block->quantity);
        break;
    case 3:
        block->kind = (enum block_kind)small(rig, 4);
        break;
    case 4:
        block->cause = CAUSE_CREATED;
        block->block_id = rig_id(5, 1000000 + small(rig, 1000));
        break;
    default:
        for (uint32_t i = 0; i < 4; i++)
            seats[i] = small(rig, PLACES + 3);
        block->seats = seats;
        block->seat_count = small(rig, 5);
        block->quantity = block->seat_count;
        block->cause = CAUSE_CREATED;
        block->block_id = rig_id(5, 2000000 + small(rig, 1000));
    }
}

static void alter_expired(struct rig *rig, struct record_expired *expired)
{
    switch (small(rig, 4)) {
    case 0:
        alter_uuid(rig, &expired->zone_id);
        break;
    case 1:
        alter_uuid(rig, &expired->items[0].booking_id);
        break;
    case 2:
        expired->items[0].quantity = altered(rig, expired->items[0].quantity);
        break;
    default:
        alter_uuid(rig, &expired->items[0].user_id);
    }
}

/* A change of a zone is no kin of the record: any zone, any numbers. */
static void make_zone_change(struct rig *rig, struct record *record)
{
    static const enum change_cause causes[] = {CAUSE_CAPACITY, CAUSE_DRAIN, CAUSE_CLOSED,
                                               CAUSE_REOPENED, CAUSE_EXPIRED};
    record->kind = RECORD_ZONE_CHANGED;
    record->zone_changed =
        (struct record_zone_changed){.zone_id = rig_zone_id(small(rig, INVENTORY_ZONES + 1)),
                                     .cause = causes[small(rig, 5)],
                                     .total = small(rig, 2) ? PLACES : small(rig, 80),
                                     .target = small(rig, 2) ? PLACES : small(rig, 80),
                                     .closed = small(rig, 2)};
}

static void alter(struct rig *rig, struct record *record)
{
    if (small(rig, 6) == 0) {
        if (small(rig, 2))
            make_zone_change(rig, record);
        else
            record->stamp_ms += small(rig, 2) ? 100 * (uint64_t)RIG_TTL_MS : (uint64_t)-60000;
        return;
    }
    switch (record->kind) {
    case RECORD_RESERVED:
        alter_reserved(rig, &record->reserved);
        break;
    case RECORD_CONFIRMED:
    case RECORD_CANCELLED:
        alter_settled(rig, &record->settled);
        break;
    case RECORD_CHANGED:
        alter_changed(rig, &record->changed);
        break;
    case RECORD_BLOCK:
        alter_block(rig, &record->block);
        break;
    case RECORD_EXPIRED:
        alter_expired(rig, &record->expired);
        break;
    default:
        make_zone_change(rig, record);
    }
}

static void replay_to(struct rig *rig, const struct story *story, size_t count)
{
    for (size_t n = 0; n < count; n++)
        assert_int_equal(shard_replay(rig->shards[0], &story->rig.log[n].record), SHARD_REPLAY_OK);
}

static void assert_balanced(struct rig *rig)
{
    static struct inquiry inquiry;
    inquiry = (struct inquiry){.kind = INQUIRY_AUDIT};
    shard_inquire(rig->shards[0], &inquiry);
    assert_int_equal(inquiry.audit.violations, 0);
}

/* RS: each kind of record, altered at each kind of field. */
static void test_altered_records(void **state)
{
    (void)state;
    struct story *story = test_calloc(1, sizeof *story);
    struct rig *rig = test_calloc(1, sizeof *rig);
    uint32_t refused[SHARD_REPLAY_OUT_OF_MEMORY + 1] = {0};
    tell(story, rig);
    rig_close(rig);
    open_rig(rig);
    for (size_t n = 0; n < story->rig.log_count; n++) {
        const struct record *real = &story->rig.log[n].record;
        for (uint32_t i = 0; i < ALTERATIONS; i++) {
            struct record record = *real;
            alter(&story->rig, &record);
            uint64_t before = shard_zone_hash(rig->shards[0]);
            enum shard_replay_result result = shard_replay(rig->shards[0], &record);
            refused[result]++;
            if (result == SHARD_REPLAY_OK)
                assert_balanced(rig);
            if (result == SHARD_REPLAY_OK || shard_zone_hash(rig->shards[0]) != before) {
                rig_close(rig);
                open_rig(rig);
                replay_to(rig, story, n);
            }
        }
        assert_int_equal(shard_replay(rig->shards[0], real), SHARD_REPLAY_OK);
        if (real->kind == RECORD_RESERVED)
            made_before = real->reserved.booking_id;
    }
    for (uint32_t result = 0; result <= SHARD_REPLAY_BAD_SEATS; result++)
        if (refused[result] == 0)
            fail_msg("no record was refused as %s",
                     shard_replay_result_name((enum shard_replay_result)result));
    rig_close(rig);
    rig_close(&story->rig);
    test_free(rig);
    test_free(story);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_altered_records)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

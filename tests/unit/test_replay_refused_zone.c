/* What a disk may say of blocks and zones and a shard never wrote. */
#include "replay_rig.h"

/* --- blocks --- */

/* A block is of a kind, has places, is new, and of seats names free ones, each once. */
static void test_blocks(void **state)
{
    static const uint32_t seats[] = {4, 5}, taken[] = {0, 5}, twice[] = {5, 5},
                          beyond[] = {5, PLACES};
    hold(1, SEATED, 1);
    struct record record = decide(block_of(GENERAL, 0, 0, 4, NULL));
    (void)state;
    REFUSE_WITH(record, block.zone_id, rig_zone_id(9), SHARD_REPLAY_UNKNOWN_ZONE);
    REFUSE_WITH(record, block.kind, (enum block_kind)2, SHARD_REPLAY_BAD_STATE);
    REFUSE_WITH(record, block.quantity, 0, SHARD_REPLAY_BAD_STATE);
    REFUSE_WITH(record, block.quantity, PLACES + 1, SHARD_REPLAY_OVERSOLD);
    REFUSE_WITH(record, block.seat_count, 4, SHARD_REPLAY_BAD_SEATS);
    take(&record);
    state_before = shard_state_hash(shard());
    refuse(&record, SHARD_REPLAY_BAD_STATE);
    record = decide(block_of(SEATED, 1, 0, 2, seats));
    REFUSE_WITH(record, block.seats, taken, SHARD_REPLAY_BAD_SEATS);
    REFUSE_WITH(record, block.seats, twice, SHARD_REPLAY_BAD_SEATS);
    REFUSE_WITH(record, block.seats, beyond, SHARD_REPLAY_BAD_SEATS);
    REFUSE_WITH(record, block.seat_count, 0, SHARD_REPLAY_BAD_SEATS);
    REFUSE_WITH(record, block.seat_count, RECORD_BLOCK_SEATS_MAX + 1, SHARD_REPLAY_BAD_SEATS);
    REFUSE_WITH(record, block.quantity, 1, SHARD_REPLAY_BAD_SEATS);
    take(&record);
}

/* A block ends once, in its zone, by hand or when it is due. */
static void test_blocks_end(void **state)
{
    struct command command = block_of(GENERAL, 0, 0, 4, NULL);
    (void)state;
    command.zone_change.block->expires_ms = RIG_START_MS + 1000;
    struct record made = decide(command);
    take(&made);
    make_block(GENERAL, 1, 0, 1, NULL); /* one that time does not end */
    struct command end = on_zone(COMMAND_BLOCK_END, GENERAL);
    end.zone_change.block_id = rig_id(5, 0);
    struct record record = decide(end);
    REFUSE_WITH(record, block.block_id, rig_id(5, 9), SHARD_REPLAY_UNKNOWN_BLOCK);
    REFUSE_WITH(record, block.zone_id, rig_zone_id(GENERAL_TRIP), SHARD_REPLAY_BAD_STATE);
    REFUSE_WITH(record, block.cause, CAUSE_EXPIRED, SHARD_REPLAY_BAD_STATE);
    REFUSE_WITH(record, block.cause, CAUSE_DRAIN, SHARD_REPLAY_BAD_STATE);
    struct record never = record;
    never.block.block_id = rig_id(5, 1);
    never.block.cause = CAUSE_EXPIRED;
    refuse(&never, SHARD_REPLAY_BAD_STATE);
    struct record due = record;
    due.block.cause = CAUSE_EXPIRED;
    due.stamp_ms = RIG_START_MS + 1000;
    take(&due);
    state_before = shard_state_hash(shard());
    refuse(&record, SHARD_REPLAY_BAD_STATE);
}

/* --- zones --- */

static struct command capacity(uint64_t zone, uint32_t total, bool drain)
{
    struct command command = on_zone(COMMAND_CAPACITY, zone);
    command.zone_change.total = total;
    command.zone_change.drain = drain;
    return command;
}

/* A capacity holds what is used, a drain is below it, and neither touches the sale. */
static void test_capacity(void **state)
{
    hold(1, GENERAL, 10);
    struct record record = decide(capacity(GENERAL, 20, false));
    (void)state;
    REFUSE_WITH(record, zone_changed.zone_id, rig_zone_id(SEATED), SHARD_REPLAY_BAD_STATE);
    REFUSE_WITH(record, zone_changed.total, 9, SHARD_REPLAY_BAD_STATE);
    REFUSE_WITH(record, zone_changed.target, 19, SHARD_REPLAY_BAD_STATE);
    REFUSE_WITH(record, zone_changed.closed, true, SHARD_REPLAY_BAD_STATE);
    REFUSE_WITH(record, zone_changed.cause, CAUSE_REQUEST, SHARD_REPLAY_BAD_STATE);
    struct record most = record;
    most.zone_changed.total = most.zone_changed.target = CATALOG_ZONE_SEATS_MAX + 1;
    refuse(&most, SHARD_REPLAY_BAD_STATE);
    record = decide(capacity(GENERAL, 5, true));
    REFUSE_WITH(record, zone_changed.zone_id, rig_zone_id(SEATED), SHARD_REPLAY_BAD_STATE);
    REFUSE_WITH(record, zone_changed.total, 11, SHARD_REPLAY_BAD_STATE);
    REFUSE_WITH(record, zone_changed.target, 10, SHARD_REPLAY_BAD_STATE);
    REFUSE_WITH(record, zone_changed.closed, true, SHARD_REPLAY_BAD_STATE);
    take(&record);
}

/* A sale closes when it is open and opens when it is closed, and changes no capacity. */
static void test_sale(void **state)
{
    struct command command = on_zone(COMMAND_ZONE_SALE, GENERAL);
    (void)state;
    command.zone_change.closed = true;
    struct record record = decide(command);
    REFUSE_WITH(record, zone_changed.total, PLACES - 1, SHARD_REPLAY_BAD_STATE);
    REFUSE_WITH(record, zone_changed.target, PLACES - 1, SHARD_REPLAY_BAD_STATE);
    REFUSE_WITH(record, zone_changed.cause, CAUSE_REOPENED, SHARD_REPLAY_BAD_STATE);
    REFUSE_WITH(record, zone_changed.closed, false, SHARD_REPLAY_BAD_STATE);
    take(&record);
    state_before = shard_state_hash(shard());
    refuse(&record, SHARD_REPLAY_BAD_STATE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_blocks),
        CASE(test_blocks_end),
        CASE(test_capacity),
        CASE(test_sale),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

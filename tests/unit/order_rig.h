/* A sale over several shards and the commands of orders, for tests that cut them off. */
#ifndef TESTS_UNIT_ORDER_RIG_H
#define TESTS_UNIT_ORDER_RIG_H

#include "worker_rig.h"

enum { ZONES = 8, SEATS = 20, LIMIT = 30, SHARDS = 3 };

static inline void open_sale(struct sim *sim, uint16_t shards, uint64_t wall_ms, uint64_t ns)
{
    sim_open_at(sim, shards, 0, wall_ms, ns);
    rig_event(&sim->rig, 0, LIMIT);
    rig_event(&sim->rig, 1, LIMIT);
    for (uint64_t zone = 0; zone < ZONES; zone++)
        rig_zone(&sim->rig, zone, zone == ZONES - 1, SEATS, zone == 5 ? 200 : 100);
}

static inline void close_sale(struct sim *sim)
{
    sim_close(sim);
}

/* `count` items of `quantity` in the zones from `first` on. */
static inline struct command order_create(uint64_t user, uint64_t first, uint32_t count,
                                          uint32_t quantity, uint64_t key)
{
    struct command command = rig_command(COMMAND_ORDER_CREATE, user, key, 77);
    command.order_draft = calloc(1, sizeof *command.order_draft);
    command.order_draft->count = count;
    for (uint32_t i = 0; i < count; i++) {
        command.order_draft->items[i].reserve.zone_id = rig_zone_id(first + i);
        command.order_draft->items[i].reserve.quantity = quantity;
    }
    return command;
}

static inline struct command on_order(enum command_kind kind, uint64_t user,
                                      const struct uuid *order_id, uint64_t key)
{
    struct command command = rig_command(kind, user, key, 78);
    command.order.order_id = *order_id;
    return command;
}

static inline struct command exchange_zone(uint64_t user, const struct uuid *booking_id,
                                           uint64_t zone, uint64_t key)
{
    struct command command = rig_command(COMMAND_EXCHANGE_ZONE, user, key, 79);
    command.booking.booking_id = *booking_id;
    command.booking.zone_id = rig_zone_id(zone);
    return command;
}

/* The tickets of the user by what his home counts: what is left of the limit. */
static inline uint32_t tickets_of(struct sim *sim, uint64_t user)
{
    struct command command = rig_command(COMMAND_BOOKING_SUMMARY, user, 0, 0);
    command.list.event_id = rig_event_id(0);
    struct answer answer = sim_ask(sim, 0, command);
    return answer.summary.reserved + answer.summary.confirmed;
}

static inline struct answer create(struct sim *sim, uint64_t user, uint64_t first, uint32_t count,
                                   uint64_t key)
{
    return sim_ask(sim, 0, order_create(user, first, count, 2, key));
}

/* How many zones of an order's four have two tickets reserved and how many sold. */
static inline void count_zones(struct sim *sim, uint32_t *reserved, uint32_t *sold)
{
    *reserved = *sold = 0;
    for (uint64_t zone = 0; zone < 4; zone++) {
        struct rig_counts counts = rig_counts(&sim->rig, zone);
        *reserved += counts.reserved == 2;
        *sold += counts.sold == 2;
        assert_true(counts.reserved + counts.sold == 0 || counts.reserved + counts.sold == 2);
    }
}

/* --- the power fails --- */

/* New workers on what is left of the logs: of each any beginning that has what is durable. */
static inline struct sim *crash(struct sim *before)
{
    struct sim *after = malloc(sizeof *after);

    open_sale(after, before->group.shard_count, before->wall_ms, before->ns);
    after->seed = before->seed;
    struct restore restore = {.shards = after->rig.shards, .partitions = &after->rig.partitions};
    for (uint16_t i = 0; i < before->group.shard_count; i++) {
        const struct sim_log *log = &before->logs[i];
        struct sim_log *rest = &after->logs[i];
        uint64_t left = log->durable + sim_random(after) % (log->appended - log->durable + 1);
        sim_log_inherit(rest, log, left);
        for (uint64_t n = 0; n < left; n++)
            assert_int_equal(restore_record(&restore, &rest->records[n]), SHARD_REPLAY_OK);
        if (left > 0)
            worker_start_clock(after->group.workers[i], rest->records[left - 1].stamp_ms);
    }
    assert_int_equal(restore_finish(&restore), SHARD_REPLAY_OK);
    restore_orders(&restore);
    close_sale(before);
    free(before);
    return after;
}

/* Logs become durable at random; after `turns` the power fails. */
static inline struct sim *fail_after(struct sim *sim, struct command command, int turns,
                                     bool *answered)
{
    uint32_t number = sim_send(sim, 0, command);

    for (int turn = 0; turn < turns; turn++) {
        for (uint16_t i = 0; i < sim->group.shard_count; i++)
            sim->logs[i].stuck = sim_random(sim) % 2;
        sim_turn(sim);
    }
    *answered = sim_answer_to(sim, number) != NULL;
    return crash(sim);
}

#endif

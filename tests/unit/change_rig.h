/* A sale over several shards, the commands that change a booking or a zone, and the same
 * sale made anew from the logs. */
#ifndef TESTS_UNIT_CHANGE_RIG_H
#define TESTS_UNIT_CHANGE_RIG_H

#include "worker_case.h"

#include "../../engine/shard_state.h"

enum { USERS = 9, ZONES = 6, LIMIT = 12, SEATS = 400, SHARDS = 3 };

static inline void open_sale(struct sim *made, uint16_t shards, uint64_t wall_ms, uint64_t ns)
{
    sim_open_at(made, shards, 0, wall_ms, ns);
    rig_event(&made->rig, 0, LIMIT);
    rig_event(&made->rig, 1, LIMIT);
    for (uint64_t zone = 0; zone < ZONES; zone++)
        rig_zone(&made->rig, zone, zone % 2, SEATS, 100);
}

static inline int setup(void **state)
{
    (void)state;
    sim = malloc(sizeof *sim);
    open_sale(sim, SHARDS, RIG_START_MS, 1000000000);
    return 0;
}

static inline uint16_t shard_of(const struct sim *in, struct uuid id)
{
    return partition_shard_of(&in->group.partitions, &id);
}

/* The n-th user whose home is the shard. */
static inline uint64_t user_at(uint16_t shard, uint64_t n)
{
    for (uint64_t user = 0;; user++)
        if (shard_of(sim, rig_user_id(user)) == shard && n-- == 0)
            return user;
}

static inline uint32_t tickets_of(const struct sim *in, uint64_t user, uint64_t event)
{
    struct uuid user_id = rig_user_id(user), event_id = rig_event_id(event);
    const struct shard *shard = in->rig.shards[shard_of(in, user_id)];
    const struct quota_entry *entry =
        quota_find(&shard->quotas, &user_id, catalog_event_number(shard->catalog, &event_id));
    if (entry)
        assert_int_equal(entry->under_way, 0);
    return entry ? entry->tickets : 0;
}

static inline struct command command_on(enum command_kind kind, uint64_t user,
                                        const struct answer *booking, uint64_t key)
{
    return rig_end(kind, user, &booking->booking.booking_id, key);
}

static inline struct command transfer(uint64_t user, const struct answer *booking, uint64_t to,
                                      uint64_t key)
{
    struct command command = command_on(COMMAND_TRANSFER, user, booking, key);
    command.booking.user_id = rig_user_id(to);
    return command;
}

static inline struct command refund(const struct answer *booking, uint64_t key)
{
    struct command command = command_on(COMMAND_REFUND, 1000, booking, key);
    command.actor.role = ROLE_ADMIN;
    return command;
}

static inline struct command on_zone(enum command_kind kind, uint64_t zone, uint64_t key)
{
    struct command command = rig_command(kind, 1000, key, (uint32_t)zone + 1);
    command.actor.role = ROLE_ADMIN;
    command.zone_change.zone_id = rig_zone_id(zone);
    return command;
}

static inline struct command block_of(uint64_t zone, uint32_t quantity, uint64_t key)
{
    struct command command = on_zone(COMMAND_BLOCK_CREATE, zone, key);
    command.zone_change.block = calloc(1, sizeof *command.zone_change.block);
    command.zone_change.block->zone_id = command.zone_change.zone_id;
    command.zone_change.block->quantity = quantity;
    return command;
}

static inline void settle_down(void)
{
    sim_turns(sim, 5);
}

/* The logs of one engine folded into another, perhaps of another number of shards. */
static inline struct sim *restart(struct sim *before, uint16_t shards)
{
    struct sim *after = malloc(sizeof *after);
    open_sale(after, shards, before->wall_ms, before->ns);
    after->seed = before->seed;
    for (uint16_t i = 0; i < before->group.shard_count; i++)
        for (uint64_t n = 0; n < before->logs[i].durable; n++)
            assert_int_equal(rig_restore(&after->rig, &before->logs[i].records[n]),
                             SHARD_REPLAY_OK);
    for (uint16_t i = 0; i < shards; i++)
        worker_start_clock(after->group.workers[i], before->wall_ms);
    return after;
}

#endif

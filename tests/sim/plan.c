#include "plan.h"

#include <stdlib.h>

#include "disk.h"

_Static_assert(SIM_FAULT_LAST - SIM_FAULT_FIRST + 1 == SIM_DISK_FAULT_COUNT, "one each");

static const char *const names[SIM_PARAMETER_COUNT] = {
    [SIM_LEVEL] = "level",
    [SIM_OPERATIONS] = "operations",
    [SIM_SHARDS] = "shards",
    [SIM_EVENTS] = "events",
    [SIM_ZONES] = "zones",
    [SIM_USERS] = "users",
    [SIM_CAPACITY] = "capacity",
    [SIM_SEATED] = "seated",
    [SIM_TRIPS] = "trips",
    [SIM_LIMIT] = "limit",
    [SIM_TTL_MS] = "ttl_ms",
    [SIM_HOLD_MS] = "hold_ms",
    [SIM_ORDER_MOST] = "order_most",
    [SIM_KEY_MS] = "key_ms",
    [SIM_RATE_MINUTE] = "rate_minute",
    [SIM_KEYED] = "keyed",
    [SIM_RETRY] = "retry",
    [SIM_REUSE] = "reuse",
    [SIM_STRANGER] = "stranger",
    [SIM_MALFORMED] = "malformed",
    [SIM_STEP_MS] = "step_ms",
    [SIM_RACE] = "race",
    [SIM_W_RESERVE] = "w_reserve",
    [SIM_W_CONFIRM] = "w_confirm",
    [SIM_W_CANCEL] = "w_cancel",
    [SIM_W_EXTEND] = "w_extend",
    [SIM_W_RELEASE] = "w_release",
    [SIM_W_EXCHANGE] = "w_exchange",
    [SIM_W_TRANSFER] = "w_transfer",
    [SIM_W_REFUND] = "w_refund",
    [SIM_W_READ] = "w_read",
    [SIM_W_BLOCK] = "w_block",
    [SIM_W_CAPACITY] = "w_capacity",
    [SIM_W_SALE] = "w_sale",
    [SIM_W_CATALOG] = "w_catalog",
    [SIM_W_ORDER] = "w_order",
    [SIM_W_TIME] = "w_time",
    [SIM_BATCH_BYTES] = "batch_bytes",
    [SIM_SEGMENT_BYTES] = "segment_bytes",
    [SIM_CRASHES] = "crashes",
    [SIM_STOPS] = "stops",
    [SIM_RESHARD] = "reshard",
    [SIM_CUT] = "cut",
    [SIM_LATENCY] = "latency",
    [SIM_FAULT_FIRST + SIM_DISK_SHORT_WRITE] = "fault_short_write",
    [SIM_FAULT_FIRST + SIM_DISK_INTERRUPTED] = "fault_interrupted",
    [SIM_FAULT_FIRST + SIM_DISK_CANCELED] = "fault_canceled",
    [SIM_FAULT_FIRST + SIM_DISK_FLUSH_EIO] = "fault_flush_eio",
    [SIM_FAULT_FIRST + SIM_DISK_FLUSH_ENOSPC] = "fault_flush_enospc",
    [SIM_FAULT_FIRST + SIM_DISK_FLUSH_LOST] = "fault_flush_lost",
    [SIM_FAULT_FIRST + SIM_DISK_CLOG] = "fault_clog",
    [SIM_FAULT_FIRST + SIM_DISK_READ_EIO] = "fault_read_eio",
    [SIM_FAULT_FIRST + SIM_DISK_WRITE_EIO] = "fault_write_eio",
    [SIM_FAULT_FIRST + SIM_DISK_SYNC_EIO] = "fault_sync_eio",
    [SIM_FAULT_FIRST + SIM_DISK_FULL] = "fault_full",
    [SIM_FAULT_FIRST + SIM_DISK_ROT] = "fault_rot",
    [SIM_FAULT_FIRST + SIM_DISK_MISDIRECTED] = "fault_misdirected",
    [SIM_MODEL] = "model",
    [SIM_SNAPSHOTS] = "snapshots",
    [SIM_MAILBOX_SLOTS] = "mailbox_slots",
    [SIM_HEDGE] = "hedge",
    [SIM_VANISH] = "vanish",
    [SIM_SLOW] = "slow",
    [SIM_JUMPS] = "jumps",
    [SIM_MIRROR] = "mirror",
    [SIM_EXCHANGES] = "exchanges",
    [SIM_BURST] = "burst",
    [SIM_SPOIL] = "spoil",
    [SIM_AGAIN] = "again",
};

const char *sim_parameter_name(enum sim_parameter parameter)
{
    return names[parameter];
}

static uint32_t scale(struct sim_random *random, uint32_t first, uint32_t last)
{
    return (uint32_t)sim_random_scale(random, first, last);
}

static uint32_t one_in(struct sim_random *random, uint32_t of, uint32_t then, uint32_t otherwise)
{
    return sim_random_below(random, of) == 0 ? then : otherwise;
}

static void draw_world(struct sim_random *random, uint32_t *value)
{
    value[SIM_EVENTS] = 1 + (uint32_t)sim_random_below(random, 6);
    value[SIM_ZONES] = 1 + (uint32_t)sim_random_below(random, 12);
    value[SIM_USERS] = scale(random, 2, 500);
    value[SIM_CAPACITY] = one_in(random, 20, 100000, scale(random, 1, 200));
    value[SIM_SEATED] = (uint32_t)sim_random_below(random, 5) * 25;
    value[SIM_TRIPS] = (uint32_t)sim_random_below(random, 4) * 25;
    value[SIM_LIMIT] = scale(random, 1, 64);
    value[SIM_TTL_MS] = scale(random, 1000, 1800000);
    value[SIM_HOLD_MS] = value[SIM_TTL_MS] * (1 + (uint32_t)sim_random_below(random, 4));
    value[SIM_ORDER_MOST] = scale(random, 1, 40);
    value[SIM_KEY_MS] = one_in(random, 4, scale(random, 1000, 1000000), 86400000);
    value[SIM_RATE_MINUTE] = one_in(random, 8, scale(random, 1, 600), 0);
}

static void draw_clients(struct sim_random *random, uint32_t *value)
{
    value[SIM_KEYED] = (uint32_t)sim_random_below(random, 101);
    value[SIM_RETRY] = (uint32_t)sim_random_below(random, 20);
    value[SIM_REUSE] = (uint32_t)sim_random_below(random, 3);
    value[SIM_STRANGER] = (uint32_t)sim_random_below(random, 10);
    value[SIM_MALFORMED] = (uint32_t)sim_random_below(random, 10);
    value[SIM_STEP_MS] = scale(random, 1, value[SIM_TTL_MS] / 8);
    value[SIM_RACE] = (uint32_t)sim_random_below(random, 20);
    for (enum sim_parameter i = SIM_W_RESERVE; i <= SIM_W_TIME; i++)
        value[i] = one_in(random, 6, 0, scale(random, 1, 100));
    value[SIM_W_RESERVE] = 100 + scale(random, 1, 200);
    value[SIM_W_CATALOG] /= 20;
    value[SIM_W_SALE] /= 4;
    value[SIM_W_CAPACITY] /= 2;
    value[SIM_W_TIME] += 5;
}

static void draw_disk(struct sim_random *random, enum sim_level level, uint32_t *value)
{
    value[SIM_BATCH_BYTES] = 4096u * (3 + scale(random, 1, 32));
    value[SIM_SEGMENT_BYTES] = 32768u << sim_random_below(random, 6);
    value[SIM_CRASHES] = level == SIM_S0 ? 0 : scale(random, 50, 3000);
    value[SIM_STOPS] = (uint32_t)sim_random_below(random, 60);
    value[SIM_RESHARD] = level == SIM_S2 ? one_in(random, 2, 0, 40) : 0;
    value[SIM_CUT] = (uint32_t)sim_random_below(random, 70);
    value[SIM_LATENCY] = scale(random, 1, 40) - 1;
    bool calm = sim_random_below(random, 3) == 0, decays = sim_random_below(random, 8) == 0;
    for (int i = 0; i < SIM_DISK_FAULT_COUNT; i++) {
        bool on = !calm && sim_random_below(random, 2) == 0;
        uint32_t rate = scale(random, 20, 5000);
        if (sim_disk_class_of((enum sim_disk_fault)i) == SIM_DISK_DETECT)
            on = on && decays;
        value[SIM_FAULT_FIRST + i] = on ? rate : 0;
    }
    value[SIM_SNAPSHOTS] = level == SIM_S0 ? 0 : one_in(random, 2, scale(random, 20, 2000), 0);
}

/* The first minutes of a sale: hardly anything is refused, so that the log has much to
 * write at a time. */
static void draw_burst(struct sim_random *random, uint32_t *value)
{
    value[SIM_BURST] = one_in(random, 3, scale(random, 16, 1500), 0);
    if (value[SIM_BURST] == 0)
        return;
    value[SIM_CAPACITY] = scale(random, 1000, 10000);
    value[SIM_LIMIT] = 64;
    value[SIM_ORDER_MOST] = 40;
    value[SIM_USERS] = 500;
    value[SIM_RATE_MINUTE] = 0;
    value[SIM_W_SALE] = 0;
    /* There are fewer flushes, so more of them meet a fault. */
    for (int i = SIM_DISK_SHORT_WRITE; i <= SIM_DISK_FLUSH_LOST; i++)
        value[SIM_FAULT_FIRST + i] *= 8;
}

/* Few users, who are at their limits, and logs of which now and then one is late: what it
 * does not have yet others may have used. */
static void draw_again(struct sim_random *random, uint32_t *value)
{
    value[SIM_AGAIN] = one_in(random, 4, scale(random, 10, 100), 0);
    if (value[SIM_AGAIN] == 0)
        return;
    value[SIM_USERS] = 2 + value[SIM_USERS] % 8;
    value[SIM_LIMIT] = 2 + value[SIM_LIMIT] % 8;
    value[SIM_FAULT_FIRST + SIM_DISK_CLOG] = 200000;
    if (value[SIM_LEVEL] != SIM_S0)
        value[SIM_CRASHES] += 1000;
}

void sim_plan_draw(struct sim_plan *plan, enum sim_level level, uint64_t seed, uint32_t operations)
{
    static const uint32_t usual[] = {[SIM_S0] = 20000, [SIM_S1] = 10000, [SIM_S2] = 8000};
    struct sim_random random;
    uint32_t *value = plan->value;

    memset(plan, 0, sizeof *plan);
    plan->seed = seed;
    sim_random_init(&random, seed, "plan");
    value[SIM_LEVEL] = level;
    value[SIM_OPERATIONS] = operations ? operations : usual[level];
    draw_world(&random, value);
    draw_clients(&random, value);
    draw_disk(&random, level, value);
    value[SIM_SHARDS] = level == SIM_S2 ? 1 + (uint32_t)sim_random_below(&random, 8) : 1;
    value[SIM_MODEL] = level == SIM_S0 && seed % 2 == 0;
    /* Workers coordinate orders: there are none below S2. */
    value[SIM_W_ORDER] = level == SIM_S2 ? value[SIM_W_ORDER] : 0;
    value[SIM_EXCHANGES] = 22;
    value[SIM_MAILBOX_SLOTS] = 2u << sim_random_below(&random, 8);
    value[SIM_HEDGE] = (uint32_t)sim_random_below(&random, 10);
    value[SIM_VANISH] = (uint32_t)sim_random_below(&random, 10);
    value[SIM_SLOW] = sim_random_below(&random, 8) == 0;
    value[SIM_JUMPS] = one_in(&random, 3, scale(&random, 10, 2000), 0);
    if (value[SIM_JUMPS] != 0) /* shards' clocks differ by less than a day */
        value[SIM_KEY_MS] = 86400000;
    value[SIM_MIRROR] = one_in(&random, 2, scale(&random, 500, 50000), 0);
    draw_burst(&random, value);
    value[SIM_SPOIL] = one_in(&random, 2, scale(&random, 10, 100), 0);
    draw_again(&random, value);
}

void sim_plan_write(const struct sim_plan *plan, FILE *out)
{
    fprintf(out, "seed %llu\n", (unsigned long long)plan->seed);
    for (int i = 0; i < SIM_PARAMETER_COUNT; i++)
        fprintf(out, "%s %u\n", names[i], plan->value[i]);
}

bool sim_plan_read(struct sim_plan *plan, const char *line)
{
    char name[64];
    unsigned long long value;

    /* A trace is ours: its lines are counted, not judged. NOLINTNEXTLINE(cert-err34-c) */
    if (sscanf(line, "%63s %llu", name, &value) != 2)
        return false;
    if (strcmp(name, "seed") == 0) {
        plan->seed = value;
        return true;
    }
    for (int i = 0; i < SIM_PARAMETER_COUNT; i++)
        if (strcmp(name, names[i]) == 0) {
            plan->value[i] = (uint32_t)value;
            return true;
        }
    return false;
}

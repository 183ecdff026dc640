#include "level.h"

#include "../../persist/record_codec.h"
#include "../../engine/hash.h"

enum { RECOUNT_EVERY = 1024 };

void sim_run_fail(struct sim_run *run, const char *fault)
{
    if (run->failed)
        return;
    run->failed = true;
    run->failed_at = run->done_count;
    snprintf(run->fault, sizeof run->fault, "%s", fault);
}

uint64_t sim_record_digest(const struct record *record)
{
    static uint8_t bytes[RECORD_BYTES_MAX + 4096];
    uint32_t most = record_encoded_bytes_max(record);
    uint8_t *out = most <= sizeof bytes ? bytes : malloc(most);
    uint64_t digest = XXH3_64bits(out, record_encode(record, out));

    if (out != bytes)
        free(out);
    return digest;
}

void sim_run_record(struct sim_run *run, uint16_t shard, const struct record *record)
{
    const char *fault = sim_ledger_record(run->ledger, shard, record);

    run->events++;
    if (fault)
        sim_run_fail(run, fault);
}

void sim_run_answer(struct sim_run *run, const struct sim_operation *operation,
                    const struct answer *answer)
{
    const char *fault = sim_clients_answer(&run->clients, operation, answer, run->ledger);

    run->events++;
    sim_run_note(run, operation->number);
    sim_run_note(run, sim_answer_digest(answer));
    if (fault)
        sim_run_fail(run, fault);
}

struct shard_options sim_shard_options(const struct sim_plan *plan, uint16_t index,
                                       const struct partition_map *partitions)
{
    return (struct shard_options){.index = index,
                                  .partitions = partitions,
                                  .reservation_ttl_ms = plan->value[SIM_TTL_MS],
                                  .hold_ms_max = plan->value[SIM_HOLD_MS],
                                  .max_per_order = plan->value[SIM_ORDER_MOST],
                                  .idempotency_ms = plan->value[SIM_KEY_MS],
                                  .reserve_per_minute = plan->value[SIM_RATE_MINUTE],
                                  .reserve_burst = 3};
}

struct sim_ledger_options sim_ledger_options_of(const struct sim_plan *plan, bool live)
{
    return (struct sim_ledger_options){.ttl_ms = plan->value[SIM_TTL_MS],
                                       .hold_ms_max = plan->value[SIM_HOLD_MS],
                                       .max_per_order = plan->value[SIM_ORDER_MOST],
                                       .key_ms = plan->value[SIM_KEY_MS],
                                       .live = live};
}

/* --- the run --- */

bool sim_run_missing(struct sim_run *run, struct sim_operation *operation)
{
    if (!sim_world_missing(&run->world, operation))
        return false;
    operation->number = ++run->load.number;
    operation->key = operation->number;
    return true;
}

static void draw_chaos(struct sim_run *run, struct sim_operation *operation)
{
    const uint32_t *value = run->plan.value;
    static const struct {
        enum sim_parameter rate;
        enum sim_operation_kind kind;
    } kinds[] = {{SIM_CRASHES, SIM_CRASH},
                 {SIM_SNAPSHOTS, SIM_SNAPSHOT},
                 {SIM_JUMPS, SIM_JUMP},
                 {SIM_MIRROR, SIM_MIRROR_STEP}};

    operation->kind = SIM_OPERATION_KINDS;
    for (size_t i = 0; value[SIM_LEVEL] != SIM_S0 && i < sizeof kinds / sizeof kinds[0]; i++)
        if (sim_random_chance(&run->storm, value[kinds[i].rate])) {
            *operation = (struct sim_operation){.number = ++run->load.number,
                                                .kind = (uint8_t)kinds[i].kind};
            operation->value = (uint32_t)sim_random_below(&run->storm, 1000000);
            operation->quantity = (uint32_t)sim_random_below(&run->storm, 1000000);
            operation->seat = (uint32_t)sim_random_below(&run->storm, 1000000);
            return;
        }
}

/* A crash says how, and with how many shards it goes on. */
static void shape_crash(struct sim_run *run, struct sim_operation *operation)
{
    const uint32_t *value = run->plan.value;
    bool soft = operation->value % 100 < value[SIM_STOPS];
    bool cut = !soft && operation->seat % 100 < value[SIM_CUT];
    bool reshard = operation->quantity % 100 < value[SIM_RESHARD];

    operation->quantity = reshard ? 1 + operation->quantity / 100 % 8 : 0;
    operation->seat = operation->seat / 100;
    if (cut)
        *operation = (struct sim_operation){.number = operation->number,
                                            .kind = SIM_CUT_DISK,
                                            .quantity = operation->quantity,
                                            .value = 1 + operation->seat % 200};
    else
        operation->value = !soft                       ? SIM_END_POWER
                           : operation->value % 3 == 0 ? SIM_END_KILL
                                                       : SIM_END_STOP;
}

static void next(struct sim_run *run, struct sim_operation *operation)
{
    if (run->given) {
        *operation = run->given[run->done_count];
        if (operation->number > run->load.number)
            run->load.number = operation->number;
        return;
    }
    if (sim_run_missing(run, operation))
        return;
    uint32_t total = run->plan.value[SIM_OPERATIONS];
    draw_chaos(run, operation);
    if (operation->kind == SIM_CRASH)
        shape_crash(run, operation);
    /* A calm beginning and a storm; the end is calm by itself. */
    if (run->done_count == total / 20)
        *operation =
            (struct sim_operation){.number = ++run->load.number, .kind = SIM_FAULTS, .value = 1};
    else if (operation->kind == SIM_OPERATION_KINDS)
        sim_load_next(&run->load, run->now_ms, operation);
}

static void keep(struct sim_run *run, const struct sim_operation *operation)
{
    run->done = sim_grow(run->done, run->done_count, &run->done_room, sizeof *run->done);
    if (run->seen && run->done_count < run->seen_room) {
        run->seen[run->done_count] = *operation;
        *run->seen_count = run->done_count + 1;
    }
    run->done[run->done_count++] = *operation;
}

bool sim_run(struct sim_run *run)
{
    uint32_t count = run->given ? run->given_count : run->plan.value[SIM_OPERATIONS];
    struct sim_ledger_options options = sim_ledger_options_of(&run->plan, true);
    struct sim_operation operation;

    run->calls = run->plan.value[SIM_LEVEL] == SIM_S2 ? &sim_level_workers : &sim_level_core;
    run->now_ms = SIM_START_MS;
    run->ledger = sim_ledger_new(&options);
    sim_random_init(&run->storm, run->plan.seed, "storm");
    sim_random_init(&run->chaos, run->plan.seed, "chaos");
    sim_random_init(&run->names, run->plan.seed, "names");
    sim_world_init(&run->world, &run->plan);
    run->clients.plan = &run->plan;
    run->clients.world = &run->world;
    sim_load_init(&run->load, &run->plan, &run->clients);
    run->calls->start(run);
    while (!run->failed && !run->over && run->done_count < count) {
        next(run, &operation);
        keep(run, &operation);
        run->calls->operate(run, &operation);
    }
    if (!run->failed && !run->over)
        run->calls->finish(run);
    run->calls->stop(run);
    return !run->failed;
}

void sim_run_release(struct sim_run *run)
{
    sim_ledger_free(run->ledger);
    sim_world_release(&run->world);
    free(run->done);
}

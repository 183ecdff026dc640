#include "rig.h"

#include <sched.h>
#include <stdlib.h>
#include <string.h>

#include "seeded.h"
#include "../persist/log_format.h"
#include "../persist/record_codec.h"

enum { COMMANDS_PER_TURN = 256, BATCH_BYTES = 1 << 20, MAILBOX_SLOTS = 4096 };

/* One worker's ends: where its commands come from and where its log goes. */
struct rig_end {
    _Alignas(64) struct rig *rig;
    struct worker *worker;
    uint64_t random;
    uint32_t under_way;
    uint8_t *batch; /* LOG_BLOCK_HEADER_BYTES, then records */
    uint32_t batch_used, batch_count;
    uint64_t appended, flushed, durable, previous_hash;
    uint64_t flush_began_ns;
    uint64_t pace, pace_began_ns, paced; /* commands a second; how many have come */
    struct histogram latency;
    _Atomic uint64_t accepted, refused, other, log_bytes;
};

struct rig {
    struct rig_options options;
    struct worker_group group;
    struct config config;
    struct uuid *zones;
    struct rig_end *ends;
};

/* Made anew each time: a connection has its user's id at hand, and a table of all
 * ids would cost a miss that no real transport has. */
static struct uuid user_id(uint32_t number)
{
    uint64_t state = number;
    return seeded_id(&state);
}

/* --- the journal --- */

static void batch_seal(struct rig_end *end)
{
    struct log_block_header *header = (struct log_block_header *)(void *)end->batch;
    if (end->batch_count == 0)
        return;
    *header = (struct log_block_header){.magic = LOG_BLOCK_MAGIC,
                                        .count = end->batch_count,
                                        .bytes = end->batch_used,
                                        .first_sequence = end->appended - end->batch_count + 1,
                                        .previous_hash = end->previous_hash};
    log_block_seal(header);
    end->previous_hash = header->header_hash;
    metric_add(&end->log_bytes, log_block_size(header));
    end->batch_used = end->batch_count = 0;
}

static uint64_t journal_append(void *context, const struct record *record)
{
    struct rig_end *end = context;
    uint32_t room = BATCH_BYTES - LOG_BLOCK_HEADER_BYTES - LOG_ALIGNMENT - end->batch_used;
    if (record_encoded_bytes_max(record) > room)
        return 0;
    end->batch_used += record_encode(record, end->batch + LOG_BLOCK_HEADER_BYTES + end->batch_used);
    end->batch_count++;
    return ++end->appended;
}

static uint64_t now_ns(const struct rig_end *end)
{
    return end->rig->group.clock.monotonic_ns(end->rig->group.clock.context);
}

static void journal_flush(void *context)
{
    struct rig_end *end = context;
    uint64_t flush_ns = end->rig->options.flush_ns;
    if (flush_ns > 0) {
        uint64_t now = now_ns(end);
        if (end->durable < end->flushed && now < end->flush_began_ns + flush_ns)
            return;
        end->flush_began_ns = now;
    }
    end->durable = end->flushed; /* the flush before has ended */
    batch_seal(end);
    end->flushed = end->appended;
}

static uint64_t journal_durable(void *context)
{
    return ((const struct rig_end *)context)->durable;
}

static uint64_t journal_appended(void *context)
{
    return ((const struct rig_end *)context)->appended;
}

static enum journal_state journal_state(void *context)
{
    (void)context;
    return JOURNAL_OK;
}

/* --- the transport --- */

/* A user whose commands enter here. */
static struct uuid user_draw(struct rig_end *end, uint64_t *dice)
{
    const struct rig *rig = end->rig;
    struct uuid user;
    do {
        *dice = seeded_next(&end->random);
        user = user_id((uint32_t)*dice % rig->options.users);
    } while (!rig->options.spread &&
             partition_shard_of(&rig->group.partitions, &user) != worker_index(end->worker));
    return user;
}

static void command_make(struct rig_end *end, struct command *command)
{
    const struct rig *rig = end->rig;
    uint64_t dice;
    command->kind = COMMAND_RESERVE;
    command->actor.id = user_draw(end, &dice);
    command->actor.role = ROLE_USER;
    command->key.hash = seeded_next(&end->random); /* 0, no key, is as good as never */
    command->key.fingerprint = (uint32_t)dice;
    command->received_ns = worker_now_ns(end->worker);
    command->reserve.zone_id = rig->zones[(dice >> 32) % rig->options.zones];
    command->reserve.quantity = 1;
}

/* Those that are due by now. */
static uint32_t reap_paced(struct rig_end *end)
{
    uint64_t due = (now_ns(end) - end->pace_began_ns) * end->pace / 1000000000;
    uint32_t made = 0;
    for (; end->paced < due; end->paced++, made++) {
        struct command *command = worker_command(end->worker);
        if (!command)
            break;
        command_make(end, command);
        command->received_ns = end->pace_began_ns + end->paced * 1000000000 / end->pace;
        worker_submit(end->worker);
        end->under_way++;
    }
    return made;
}

static uint32_t transport_reap(void *context)
{
    struct rig_end *end = context;
    uint32_t made = 0;
    if (end->pace > 0)
        return reap_paced(end);
    while (made < COMMANDS_PER_TURN && end->under_way < end->rig->options.window) {
        struct command *command = worker_command(end->worker);
        if (!command)
            break;
        command_make(end, command);
        worker_submit(end->worker);
        end->under_way++;
        made++;
    }
    return made;
}

static void transport_answer(void *context, struct answer *answer)
{
    struct rig_end *end = context;
    end->under_way--;
    if (end->pace > 0)
        histogram_record(&end->latency, now_ns(end) - answer->received_ns);
    if (answer->result == RESULT_OK)
        metric_add(&end->accepted, 1);
    else if (answer->result == RESULT_INSUFFICIENT_STOCK)
        metric_add(&end->refused, 1);
    else
        metric_add(&end->other, 1);
    answer_release(answer);
}

static void transport_submit_and_wait(void *context, uint64_t wait_ns)
{
    (void)context;
    (void)wait_ns; /* always busy */
}

static void transport_ring_bell(void *context, uint16_t worker)
{
    (void)context;
    (void)worker; /* nobody sleeps */
}

static void transport_drain(void *context)
{
    (void)context;
}

static uint32_t transport_unfinished(void *context)
{
    return ((const struct rig_end *)context)->under_way;
}

/* --- the engine --- */

static bool catalog_fill(struct rig *rig, struct shard **shards, uint64_t *random)
{
    struct catalog_event event_draft = {.id = seeded_id(random),
                                        .status = EVENT_PUBLISHED,
                                        .max_per_user = 1000000,
                                        .title = {"Bench", 5},
                                        .slug = {"bench", 5}};
    struct catalog_show show_draft = {.id = seeded_id(random),
                                      .event_id = event_draft.id,
                                      .segment_count = 1,
                                      .name = {"Bench", 5}};
    struct catalog_event *event = catalog_event_new(&event_draft);
    struct catalog_show *show = catalog_show_new(&show_draft);
    if (!event || !show)
        return false;
    for (uint16_t i = 0; i < rig->options.shards; i++)
        if (!shard_put_event(shards[i], catalog_event_share(event)) ||
            !shard_put_show(shards[i], catalog_show_share(show)))
            return false;
    for (uint32_t z = 0; z < rig->options.zones; z++) {
        struct catalog_zone draft = {.id = rig->zones[z],
                                     .show_id = show->id,
                                     .event_id = event->id,
                                     .price_minor = 150000,
                                     .currency = "THB",
                                     .total_seats = rig->options.zone_seats,
                                     .name = {"Stalls", 6}};
        struct catalog_zone *zone = catalog_zone_new(&draft);
        if (!zone)
            return false;
        for (uint16_t i = 0; i < rig->options.shards; i++)
            if (!shard_put_zone(shards[i], catalog_zone_share(zone)))
                return false;
        catalog_zone_release(zone);
    }
    catalog_event_release(event);
    catalog_show_release(show);
    return true;
}

static bool end_init(struct rig *rig, uint16_t index, struct shard *shard, uint64_t seed)
{
    struct rig_end *end = &rig->ends[index];
    const struct journal journal = {.context = end,
                                    .append = journal_append,
                                    .flush = journal_flush,
                                    .durable = journal_durable,
                                    .appended = journal_appended,
                                    .state = journal_state};
    const struct transport transport = {.context = end,
                                        .reap = transport_reap,
                                        .submit_and_wait = transport_submit_and_wait,
                                        .answer = transport_answer,
                                        .ring_bell = transport_ring_bell,
                                        .drain = transport_drain,
                                        .unfinished = transport_unfinished};
    end->rig = rig;
    end->random = seed;
    end->batch = aligned_alloc(LOG_ALIGNMENT, BATCH_BYTES);
    end->worker = worker_new(&rig->group, index, shard);
    if (!end->batch || !end->worker)
        return false;
    worker_attach(end->worker, &journal, &transport);
    return true;
}

static bool engine_init(struct rig *rig, uint64_t *random)
{
    const struct rig_options *options = &rig->options;
    struct shard *shards[SHARD_COUNT_MAX];
    struct shard_options shard_options = {.partitions = &rig->group.partitions,
                                          .reservation_ttl_ms =
                                              options->ttl_ms ? options->ttl_ms : 600000,
                                          .max_per_order = 10,
                                          .idempotency_ms = 86400000};
    rig->group.shard_count = options->shards;
    rig->group.config = &rig->config;
    rig->group.clock = clock_system();
    partition_map_init(&rig->group.partitions, options->shards);
    rig->group.mailboxes = mailbox_grid_new((uint16_t)(options->shards + 1), MAILBOX_SLOTS);
    rig->group.metrics = aligned_alloc(64, options->shards * sizeof *rig->group.metrics);
    if (!rig->group.mailboxes || !rig->group.metrics)
        return false;
    memset(rig->group.metrics, 0, options->shards * sizeof *rig->group.metrics);
    for (uint16_t i = 0; i < options->shards; i++) {
        shard_options.index = i;
        if (!(shards[i] = shard_new(&shard_options)))
            return false;
    }
    if (!catalog_fill(rig, shards, random))
        return false;
    for (uint16_t i = 0; i < options->shards; i++)
        if (!end_init(rig, i, shards[i], seeded_next(random)))
            return false;
    return true;
}

struct rig *rig_new(const struct rig_options *options)
{
    struct rig *rig = calloc(1, sizeof *rig);
    uint64_t random = options->seed;
    if (!rig)
        return NULL;
    rig->options = *options;
    rig->zones = malloc(options->zones * sizeof *rig->zones);
    rig->ends = aligned_alloc(64, options->shards * sizeof *rig->ends);
    if (!rig->zones || !rig->ends)
        goto fail;
    memset(rig->ends, 0, options->shards * sizeof *rig->ends);
    for (uint32_t i = 0; i < options->zones; i++)
        rig->zones[i] = seeded_id(&random);
    if (engine_init(rig, &random))
        return rig;
fail:
    /* What the engine has made so far goes with the process, which ends now. */
    free(rig->ends);
    free(rig->zones);
    free(rig);
    return NULL;
}

void rig_free(struct rig *rig)
{
    for (uint16_t i = 0; i < rig->options.shards; i++) {
        worker_free(rig->ends[i].worker);
        free(rig->ends[i].batch);
    }
    mailbox_grid_free(rig->group.mailboxes);
    free(rig->group.metrics);
    free(rig->ends);
    free(rig->zones);
    free(rig);
}

void rig_run(struct rig *rig, uint16_t index, uint64_t answers, const _Atomic bool *stop)
{
    struct rig_end *end = &rig->ends[index];
    uint64_t until = metric_get(&end->accepted) + metric_get(&end->refused) + answers;
    while (!atomic_load_explicit(stop, memory_order_relaxed) &&
           metric_get(&end->accepted) + metric_get(&end->refused) < until)
        worker_turn(end->worker, 1000000);
}

void rig_pace(struct rig *rig, uint16_t index, uint64_t per_second)
{
    struct rig_end *end = &rig->ends[index];
    memset(&end->latency, 0, sizeof end->latency);
    end->pace = per_second;
    end->pace_began_ns = now_ns(end);
    end->paced = 0;
}

const struct histogram *rig_latency(const struct rig *rig, uint16_t index)
{
    return &rig->ends[index].latency;
}

uint64_t rig_accepted(const struct rig *rig, uint16_t index)
{
    return metric_get(&rig->ends[index].accepted);
}

uint64_t rig_refused(const struct rig *rig, uint16_t index)
{
    return metric_get(&rig->ends[index].refused);
}

uint64_t rig_other(const struct rig *rig, uint16_t index)
{
    return metric_get(&rig->ends[index].other);
}

uint64_t rig_log_bytes(const struct rig *rig, uint16_t index)
{
    return metric_get(&rig->ends[index].log_bytes);
}

struct worker *rig_worker(struct rig *rig, uint16_t index)
{
    return rig->ends[index].worker;
}

bool rig_pin(uint32_t cpu)
{
    cpu_set_t cpus;
    CPU_ZERO(&cpus);
    CPU_SET(cpu, &cpus);
    return sched_setaffinity(0, sizeof cpus, &cpus) == 0;
}

/* Lists of a user's bookings: every shard lists its part, newest first, and the
 * connection's worker merges the parts. */
#include <assert.h>
#include <stdlib.h>

#include "worker_state.h"

static struct gather *open_gather(struct worker *worker, uint32_t *number)
{
    for (*number = 0; *number < GATHERS_MAX; ++*number)
        if (!worker->gathers[*number].used)
            return &worker->gathers[*number];
    return NULL;
}

void worker_gather_start(struct worker *worker, struct command *command)
{
    struct gather *gather = open_gather(worker, &command->list.gather);

    if (!gather) {
        worker_refuse(worker, command, RESULT_OVERLOADED);
        return;
    }
    gather->used = true;
    gather->missing = worker->group->shard_count;
    gather->query = command->list;
    worker_begin_answer(worker, command, &gather->answer);
    if (worker->group->shard_count > 1)
        gather->answer.position_sequence = 0; /* it rests on several logs */
    for (uint16_t to = 0; to < worker->group->shard_count; to++) {
        struct message message = {.kind = MESSAGE_COMMAND_READ, .command = *command};
        if (to == worker->index) {
            worker_gather_part(worker, command);
        } else if (!worker_dispatch(worker, to, &message)) {
            struct answer missing = gather->answer;
            missing.result = RESULT_OVERLOADED;
            missing.settlement.tickets = command->list.gather;
            worker_gathered(worker, &missing);
        }
    }
}

void worker_gather_part(struct worker *worker, const struct command *command)
{
    struct message message = {.kind = MESSAGE_GATHERED};
    struct answer *part = &message.answer;

    worker_begin_answer(worker, command, part);
    part->settlement.tickets = command->list.gather; /* which gathering */
    if (command->kind == COMMAND_BOOKING_SUMMARY) {
        shard_summary(worker->shard, &command->actor.id, &command->list.event_id, worker->now_ms,
                      &part->summary);
    } else {
        part->list = shard_list(worker->shard, &command->actor.id, &command->list, worker->now_ms);
        if (!part->list)
            part->result = RESULT_OVERLOADED;
    }
    worker_deliver(worker, part->position_sequence, part->to.worker, &message);
}

/* Of those made in the same millisecond the ones of the lower shard come first, or
 * pages would depend on which part came sooner. */
static bool is_before(const struct partition_map *map, const struct booking_facts *a,
                      const struct booking_facts *b)
{
    if (a->created_ms != b->created_ms)
        return a->created_ms > b->created_ms;
    return partition_shard_of_booking(map, &a->booking_id) <
           partition_shard_of_booking(map, &b->booking_id);
}

/* Two lists, newest first, into one of at most `most` entries; frees both. */
static struct booking_list *merge(const struct partition_map *map, struct booking_list *a,
                                  struct booking_list *b, uint64_t most)
{
    uint64_t count = (uint64_t)a->count + b->count;
    uint32_t kept = (uint32_t)(count < most ? count : most), i = 0, j = 0;
    struct booking_list *merged = malloc(sizeof *merged + kept * sizeof merged->items[0]);

    if (merged) {
        merged->total = a->total + b->total;
        merged->count = kept;
        for (uint32_t k = 0; k < kept; k++) {
            bool from_a = j == b->count ||
                          (i < a->count && is_before(map, &a->items[i].facts, &b->items[j].facts));
            merged->items[k] = from_a ? a->items[i++] : b->items[j++];
        }
    }
    free(a);
    free(b);
    return merged;
}

static void add_list(const struct partition_map *map, struct gather *gather,
                     struct booking_list *part)
{
    uint64_t most = (uint64_t)gather->query.page * gather->query.per_page;

    gather->answer.list = gather->answer.list ? merge(map, gather->answer.list, part, most) : part;
    if (!gather->answer.list)
        gather->answer.result = RESULT_OVERLOADED;
}

static void add_summary(struct booking_summary *sum, const struct booking_summary *part)
{
    sum->limit = part->limit;
    sum->reserved += part->reserved;
    sum->confirmed += part->confirmed;
    sum->bookings += part->bookings;
}

/* Leaves the asked page at the front. */
static void cut_page(struct booking_list *list, const struct command_list *query)
{
    uint64_t before = (uint64_t)(query->page - 1) * query->per_page;
    uint32_t first = before < list->count ? (uint32_t)before : list->count;
    uint32_t left = list->count - first;

    list->count = left < query->per_page ? left : query->per_page;
    for (uint32_t i = 0; i < list->count; i++)
        list->items[i] = list->items[first + i];
}

void worker_gathered(struct worker *worker, struct answer *part)
{
    assert(part->settlement.tickets < GATHERS_MAX);
    struct gather *gather = &worker->gathers[part->settlement.tickets];
    assert(gather->used && gather->missing > 0);

    if (part->result != RESULT_OK) {
        answer_release(&gather->answer);
        gather->answer.result = part->result;
    } else if (gather->answer.result != RESULT_OK) {
        answer_release(part);
    } else if (part->kind == COMMAND_BOOKING_SUMMARY) {
        add_summary(&gather->answer.summary, &part->summary);
    } else {
        add_list(&worker->group->partitions, gather, part->list);
    }
    if (worker->group->shard_count == 1)
        gather->answer.position_sequence = part->position_sequence;
    if (--gather->missing > 0)
        return;
    gather->used = false;
    if (gather->answer.result == RESULT_OK && gather->answer.kind == COMMAND_BOOKING_LIST)
        cut_page(gather->answer.list, &gather->query);
    worker_answer(worker, &gather->answer);
}

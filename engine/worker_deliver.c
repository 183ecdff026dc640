/* Where answers and messages leave a worker, each when what it rests on is durable. */
#include <assert.h>
#include <string.h>

#include "worker_state.h"

enum { NS_PER_MS = 1000000, DEFERRED_AGE_MS_MAX = 1000 };

uint16_t worker_home_of(const struct worker *worker, const struct uuid *user_id)
{
    return partition_shard_of(&worker->group->partitions, user_id);
}

void worker_answer(struct worker *worker, struct answer *answer)
{
    assert(answer->to.worker == worker->index && worker->in_flight > 0);
    worker->in_flight--;
    metric_add(&worker->metrics->results[answer->kind][answer->result], 1);
    if (answer->replayed)
        metric_add(&worker->metrics->idempotent_replays, 1);
    worker->transport.answer(worker->transport.context, answer);
}

bool worker_dispatch(struct worker *worker, uint16_t to, struct message *message)
{
    if (to == worker->index) {
        worker_receive(worker, to, message);
        return true;
    }
    if (mailbox_push(worker->group->mailboxes, worker->index, to, message))
        return true;
    metric_add(&worker->metrics->mailbox_full, 1);
    return false;
}

void worker_deliver(struct worker *worker, uint64_t sequence, uint16_t to, struct message *message)
{
    uint64_t durable = worker->journal.durable(worker->journal.context);

    /* Nothing in the gate can rest on more than this does, and answers of one
     * connection find their order in its pipeline: it may overtake. */
    if (sequence <= durable && worker_dispatch(worker, to, message))
        return;
    gate_push(&worker->gate,
              sequence > worker->gate.last_sequence ? sequence : worker->gate.last_sequence, to,
              message);
}

void worker_begin_answer(const struct worker *worker, const struct command *command,
                         struct answer *answer)
{
    /* Member by member: clearing all of it costs more than a decision's arithmetic,
     * and facts are filled as a whole by those who state them. */
    answer->kind = command->kind;
    answer->result = RESULT_OK;
    answer->replayed = false;
    answer->to = command->to;
    answer->received_ns = command->received_ns;
    answer->position_shard = worker->index;
    answer->position_sequence = worker->journal.appended(worker->journal.context);
    answer->settlement.key = command->key;
    answer->settlement.user_id = command->actor.id;
    answer->settlement.event_id = (struct uuid){0};
    answer->settlement.event_number = 0;
    answer->settlement.tickets = 0;
    answer->settlement.receiver_id = (struct uuid){0};
    answer->settlement.stamp_ms = worker->now_ms;
    answer->refusal = (struct refusal_detail){0}; /* and so what is owned: nothing yet */
    answer->seat_count = 0;
}

void worker_answer_directly(struct worker *worker, struct message *message)
{
    message->kind = message->answer.to.order_part ? MESSAGE_ORDER_PART : MESSAGE_ANSWER;
    message->round = 0;
    worker_deliver(worker, worker->journal.appended(worker->journal.context),
                   message->answer.to.worker, message);
}

/* True: the receiver of a transfer must settle first, on another shard; here it
 * is done. */
static bool passes_receiver(struct worker *worker, struct answer *answer, uint16_t *receiver)
{
    if (answer->kind != COMMAND_TRANSFER || answer->settlement.tickets == 0)
        return false;
    *receiver = worker_home_of(worker, &answer->settlement.receiver_id);
    if (*receiver != worker->index)
        return true;
    shard_settle_transfer(worker->shard, answer);
    answer->settlement.tickets = 0;
    return false;
}

void worker_answer_home(struct worker *worker, struct message *message, uint64_t sequence)
{
    struct answer *answer = &message->answer;
    uint16_t to = worker_home_of(worker, &answer->settlement.user_id), receiver;

    message->round = 0;
    if (answer->to.order_part) {
        message->kind = MESSAGE_ORDER_PART;
        worker_deliver(worker, sequence, answer->to.worker, message);
        return;
    }
    if (passes_receiver(worker, answer, &receiver)) {
        message->kind = MESSAGE_ANSWER_RECEIVER;
        to = receiver;
    } else if (to != worker->index) {
        message->kind = MESSAGE_ANSWER_HOME;
    } else {
        shard_settle(worker->shard, answer, worker->now_ms);
        message->kind = MESSAGE_ANSWER;
        to = answer->to.worker;
    }
    worker_deliver(worker, sequence, to, message);
}

void worker_refuse(struct worker *worker, struct command *command, enum result result)
{
    struct message message;
    struct answer *answer = &message.answer;

    worker_begin_answer(worker, command, answer);
    answer->result = result;
    command_release(command);
    worker_answer_directly(worker, &message);
}

bool worker_defer(struct worker *worker, enum stage stage, const struct command *command)
{
    /* The connection's worker may be in a later turn than ours: received after now. */
    bool too_old =
        worker->now_ns > command->received_ns + (uint64_t)DEFERRED_AGE_MS_MAX * NS_PER_MS;

    if (worker->deferred_count == DEFERRED_MAX || too_old)
        return false;
    struct deferred *deferred = &worker->deferred[worker->deferred_count++];
    deferred->stage = stage;
    memcpy(&deferred->command, command, command_bytes(command));
    return true;
}

void worker_retry_deferred(struct worker *worker)
{
    uint32_t count = worker->deferred_count;

    /* Each waits its turn again at most once; what defers anew goes behind. */
    worker->deferred_count = 0;
    for (uint32_t i = 0; i < count; i++) {
        struct deferred *waiting = &worker->deferred[i];
        struct command command;
        enum stage stage = waiting->stage;
        memcpy(&command, &waiting->command, command_bytes(&waiting->command));
        worker_resume(worker, stage, &command);
        assert(worker->deferred_count <= i + 1);
    }
    metric_set(&worker->metrics->deferred, worker->deferred_count);
}

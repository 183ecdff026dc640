#include "clients.h"

#include <stdarg.h>

struct sim_past *sim_past(struct sim_clients *clients, uint32_t number)
{
    struct sim_past *past = &clients->pasts[number % SIM_PASTS];
    return number != 0 && past->operation.number == number ? past : NULL;
}

void sim_clients_sent(struct sim_clients *clients, const struct sim_operation *operation,
                      const struct command *command)
{
    struct sim_past *past = &clients->pasts[operation->number % SIM_PASTS];

    *past = (struct sim_past){
        .operation = *operation, .key_hash = command->key.hash, .stranger = UINT16_MAX};
}

static const char *complain(struct sim_clients *clients, const struct sim_operation *operation,
                            const char *format, ...) __attribute__((format(printf, 3, 4)));

static const char *complain(struct sim_clients *clients, const struct sim_operation *operation,
                            const char *format, ...)
{
    va_list args;
    int length =
        snprintf(clients->text, sizeof clients->text, "operation %u %s: ", operation->number,
                 sim_operation_name(operation->kind));

    va_start(args, format);
    vsnprintf(clients->text + length, sizeof clients->text - (size_t)length, format, args);
    va_end(args);
    return clients->text;
}

/* --- keys (I8) --- */

/* May be given to any request at any time, key or not. */
static bool is_transient(enum result result)
{
    return result == RESULT_OVERLOADED || result == RESULT_STORAGE_LOW ||
           result == RESULT_INDETERMINATE || result == RESULT_SHUTTING_DOWN ||
           result == RESULT_IDEMPOTENCY_IN_PROGRESS || result == RESULT_RATE_LIMITED;
}

static bool is_kept_refusal(enum result result)
{
    return result != RESULT_OK && result != RESULT_NOT_FOUND && result != RESULT_FORBIDDEN &&
           result != RESULT_IDEMPOTENCY_KEY_REUSED && !is_transient(result);
}

/* Near the end of the window either answer is right. */
static void forget_old(const struct sim_clients *clients, struct sim_kept *kept, uint64_t now_ms)
{
    uint64_t window_ms = clients->plan->value[SIM_KEY_MS];

    if (kept->accepted && (now_ms + 3000 >= kept->accepted_ms + window_ms ||
                           kept->accepted_ms + 3000 >= now_ms + window_ms))
        *kept = (struct sim_kept){0};
    if (kept->refused && now_ms + 3000 >= kept->refused_ms + window_ms)
        kept->refused = false;
}

static const char *check_accepted(struct sim_clients *clients,
                                  const struct sim_operation *operation,
                                  const struct sim_kept *kept, const struct answer *answer)
{
    if (sim_operation_fingerprint(operation) != kept->accepted_fingerprint)
        return answer->result == RESULT_IDEMPOTENCY_KEY_REUSED
                   ? NULL
                   : complain(clients, operation, "I8 another body with key %u got %s",
                              operation->key, result_name(answer->result));
    /* It may have been refused before it was accepted, and be told of that later. */
    if (answer->result != RESULT_OK && answer->settlement.stamp_ms < kept->accepted_ms)
        return NULL;
    if (answer->result != RESULT_OK)
        return complain(clients, operation, "I8 a repeat of accepted key %u got %s", operation->key,
                        result_name(answer->result));
    if (sim_answer_digest(answer) != kept->accepted_digest)
        return complain(clients, operation, "I8 a repeat of key %u got another answer%s",
                        operation->key, answer->replayed ? "" : ", and it was done again");
    return NULL;
}

static void keep_accepted(const struct sim_clients *clients, struct sim_kept *kept,
                          uint32_t fingerprint, const struct answer *answer, bool logged,
                          uint64_t now_ms)
{
    /* Of a repeat nobody has the first answer's time: what is short-lived is not kept. */
    if (answer->replayed && clients->plan->value[SIM_KEY_MS] < 80000000)
        return;
    kept->accepted = true;
    kept->logged = logged;
    kept->life = clients->life;
    kept->accepted_fingerprint = fingerprint;
    kept->accepted_digest = sim_answer_digest(answer);
    kept->accepted_ms = now_ms;
}

static const char *keep(struct sim_clients *clients, const struct sim_operation *operation,
                        struct sim_kept *kept, const struct answer *answer, bool logged,
                        uint64_t now_ms)
{
    uint32_t fingerprint = sim_operation_fingerprint(operation);
    uint64_t digest = sim_answer_digest(answer);

    if (answer->result == RESULT_OK) {
        keep_accepted(clients, kept, fingerprint, answer, logged, now_ms);
        return NULL;
    }
    if (!is_kept_refusal(answer->result))
        return NULL;
    /* It was on its way for long: the one before was forgotten, and the key decided anew. */
    if (answer->replayed && kept->refused && answer->settlement.stamp_ms < kept->refused_ms)
        return NULL;
    if (answer->replayed && kept->refused && kept->refused_fingerprint == fingerprint &&
        kept->refused_digest != digest)
        return complain(clients, operation, "I8 a repeat of refused key %u got another answer",
                        operation->key);
    kept->refused = true;
    kept->refused_life = clients->life;
    kept->refused_fingerprint = fingerprint;
    kept->refused_digest = digest;
    if (!answer->replayed)
        kept->refused_ms = now_ms;
    return NULL;
}

/* Of what makes something there is always a record. */
static bool makes_something(enum command_kind kind)
{
    return kind == COMMAND_RESERVE || kind == COMMAND_BLOCK_CREATE ||
           kind == COMMAND_ORDER_CREATE || kind == COMMAND_EXCHANGE_ZONE ||
           kind == COMMAND_EVENT_CREATE || kind == COMMAND_SHOW_CREATE ||
           kind == COMMAND_ZONE_CREATE || kind == COMMAND_STATION_CREATE ||
           kind == COMMAND_ROUTE_CREATE;
}

static bool is_same_caller(const struct sim_clients *clients, const struct sim_operation *one,
                           const struct sim_operation *other)
{
    struct actor a = sim_actor(clients->world, one), b = sim_actor(clients->world, other);

    return uuid_equal(&a.id, &b.id);
}

/* A key is its caller's: the same one of another's is new. */
static const char *check_stranger(struct sim_clients *clients,
                                  const struct sim_operation *operation, struct sim_past *owner,
                                  const struct answer *answer)
{
    /* Where requests are sent twice it may be a repeat of this one's own. */
    bool first = owner->stranger == UINT16_MAX && clients->plan->value[SIM_LEVEL] == SIM_S0;

    owner->stranger = operation->user;
    if (first && (answer->replayed || answer->result == RESULT_IDEMPOTENCY_KEY_REUSED))
        return complain(clients, operation, "I8 key %u of another user was taken for this one's",
                        operation->key);
    return NULL;
}

/* An order is decided before it is answered, another command when it is. */
static bool is_logged(const struct sim_ledger *ledger, const struct sim_past *owner,
                      const struct answer *answer, uint64_t now_ms)
{
    if (answer->kind == COMMAND_ORDER_CONFIRM || answer->kind == COMMAND_ORDER_CANCEL)
        return sim_ledger_key_counts(ledger, owner->key_hash, now_ms);
    return sim_ledger_has_key(ledger, owner->key_hash, now_ms);
}

static const char *check_key(struct sim_clients *clients, const struct sim_operation *operation,
                             const struct answer *answer, const struct sim_ledger *ledger,
                             uint64_t now_ms)
{
    struct sim_past *owner = sim_past(clients, operation->key);

    if (!owner || is_transient(answer->result))
        return NULL;
    if (!is_same_caller(clients, operation, &owner->operation))
        return check_stranger(clients, operation, owner, answer);
    struct sim_kept *kept = &owner->kept;
    forget_old(clients, kept, now_ms);
    /* What changed nothing is not in the log; a restart forgets it. */
    if (kept->accepted && kept->life != clients->life && !kept->logged)
        *kept = (struct sim_kept){0};
    if (kept->refused_life != clients->life)
        kept->refused = false;
    if (kept->accepted)
        return check_accepted(clients, operation, kept, answer);
    return keep(clients, operation, kept, answer,
                makes_something(answer->kind) || is_logged(ledger, owner, answer, now_ms), now_ms);
}

/* --- what came --- */

static bool is_about_booking(enum command_kind kind)
{
    return kind == COMMAND_RESERVE || kind == COMMAND_CONFIRM || kind == COMMAND_CANCEL ||
           kind == COMMAND_BOOKING_GET || kind == COMMAND_EXTEND || kind == COMMAND_RELEASE ||
           kind == COMMAND_EXCHANGE || kind == COMMAND_EXCHANGE_ZONE;
}

static bool is_about_order(enum command_kind kind)
{
    return kind == COMMAND_ORDER_CREATE || kind == COMMAND_ORDER_CONFIRM ||
           kind == COMMAND_ORDER_CANCEL || kind == COMMAND_ORDER_GET;
}

static const char *check_order(struct sim_clients *clients, const struct sim_operation *operation,
                               const struct answer *answer)
{
    const struct order_facts *order = answer->order;
    struct actor actor = sim_actor(clients->world, operation);

    if (answer->kind == COMMAND_ORDER_CREATE && order->count != operation->value)
        return complain(clients, operation, "I29 %u of %u items", order->count, operation->value);
    for (uint32_t i = 0; i < order->count; i++)
        if (!uuid_equal(&order->items[i].booking.user_id, &actor.id))
            return complain(clients, operation, "I16 shown an item of another user");
    return NULL;
}

static const char *check_facts(struct sim_clients *clients, const struct sim_operation *operation,
                               const struct answer *answer)
{
    const struct booking_facts *booking = &answer->booking;
    struct actor actor = sim_actor(clients->world, operation);

    if (answer->result == RESULT_OK && is_about_order(answer->kind))
        return check_order(clients, operation, answer);
    if (answer->result != RESULT_OK || !is_about_booking(answer->kind))
        return NULL;
    if (!uuid_equal(&booking->user_id, &actor.id))
        return complain(clients, operation, "I16 shown a booking of another user");
    if (answer->kind == COMMAND_BOOKING_GET && booking->status == BOOKING_RESERVED &&
        !booking->pinned && answer->settlement.stamp_ms >= booking->expires_ms)
        return complain(clients, operation, "I6 reads as reserved at %llu, its deadline was %llu",
                        (unsigned long long)answer->settlement.stamp_ms,
                        (unsigned long long)booking->expires_ms);
    return NULL;
}

static bool made_by(const struct answer *answer, struct uuid *id)
{
    switch (answer->kind) {
    case COMMAND_RESERVE:
    case COMMAND_EXCHANGE_ZONE:
        *id = answer->booking.booking_id;
        return true;
    case COMMAND_ORDER_CREATE:
        *id = answer->order->order_id;
        return true;
    case COMMAND_BLOCK_CREATE:
        *id = answer->block->block_id;
        return true;
    case COMMAND_EVENT_CREATE:
        *id = answer->event->id;
        return true;
    case COMMAND_SHOW_CREATE:
        *id = answer->show->id;
        return true;
    case COMMAND_ZONE_CREATE:
        *id = answer->zone->id;
        return true;
    case COMMAND_STATION_CREATE:
        *id = answer->station->id;
        return true;
    case COMMAND_ROUTE_CREATE:
        *id = answer->route->id;
        return true;
    default:
        return false;
    }
}

static void note_order(struct sim_clients *clients, struct sim_past *past,
                       const struct order_facts *order)
{
    for (uint32_t i = 0; i < order->count; i++)
        past->items[i] = order->items[i].booking.booking_id;
    past->expires_ms = order->items[0].booking.expires_ms;
    if (past->accepted)
        return;
    clients->recent[clients->recent_count++ % SIM_RECENT] = past->operation.number;
    clients->orders[clients->order_count++ % SIM_RECENT_ORDERS] = past->operation.number;
}

static void note(struct sim_clients *clients, struct sim_past *past, const struct answer *answer)
{
    past->answered = true;
    if (answer->result != RESULT_OK || !made_by(answer, &past->made))
        return;
    if (answer->kind == COMMAND_ORDER_CREATE) {
        note_order(clients, past, answer->order);
    } else if (answer->kind == COMMAND_RESERVE || answer->kind == COMMAND_EXCHANGE_ZONE) {
        past->expires_ms = answer->booking.expires_ms;
        if (!past->accepted)
            clients->recent[clients->recent_count++ % SIM_RECENT] = past->operation.number;
    } else if (answer->kind == COMMAND_BLOCK_CREATE) {
        if (!past->accepted)
            clients->blocks[clients->block_count++ % SIM_RECENT_BLOCKS] = past->operation.number;
    } else {
        sim_world_made(clients->world, &past->operation, &past->made);
    }
    past->accepted = true;
}

const char *sim_clients_answer(struct sim_clients *clients, const struct sim_operation *operation,
                               const struct answer *answer, const struct sim_ledger *ledger)
{
    struct sim_past *past = sim_past(clients, operation->number);
    const char *fault = check_facts(clients, operation, answer);

    clients->answers++;
    clients->refusals += answer->result != RESULT_OK;
    clients->replays += answer->replayed;
    if (past)
        note(clients, past, answer);
    if (!fault && operation->key != 0)
        fault = check_key(clients, operation, answer, ledger, answer->settlement.stamp_ms);
    return fault;
}

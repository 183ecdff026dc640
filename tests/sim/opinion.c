#include "opinion.h"

#include <stdarg.h>

void sim_opinion_init(struct sim_opinion *opinion, const struct sim_plan *plan)
{
    struct model_options options = {.reservation_ttl_ms = plan->value[SIM_TTL_MS],
                                    .hold_ms_max = plan->value[SIM_HOLD_MS],
                                    .max_per_order = plan->value[SIM_ORDER_MOST],
                                    .idempotency_ms = plan->value[SIM_KEY_MS]};

    memset(opinion, 0, sizeof *opinion);
    opinion->model = model_new(&options);
}

void sim_opinion_release(struct sim_opinion *opinion)
{
    if (opinion->model)
        model_free(opinion->model);
}

static bool has_a_say(enum command_kind kind)
{
    switch (kind) {
    case COMMAND_RESERVE:
    case COMMAND_CONFIRM:
    case COMMAND_CANCEL:
    case COMMAND_EXTEND:
    case COMMAND_RELEASE:
    case COMMAND_EXCHANGE:
    case COMMAND_TRANSFER:
    case COMMAND_REFUND:
    case COMMAND_BLOCK_CREATE:
    case COMMAND_BLOCK_END:
    case COMMAND_CAPACITY:
    case COMMAND_ZONE_SALE:
        return true;
    default:
        return false;
    }
}

void sim_opinion_hear(struct sim_opinion *opinion, const struct command *command)
{
    opinion->asked = opinion->model && has_a_say(command->kind);
    if (opinion->asked)
        memcpy(&opinion->command, command, command_bytes(command));
}

void sim_opinion_catalog(struct sim_opinion *opinion, const struct record *record)
{
    if (opinion->model && record->kind <= RECORD_ZONE)
        model_catalog(opinion->model, record);
}

/* --- comparing --- */

static const char *differ(struct sim_opinion *opinion, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static const char *differ(struct sim_opinion *opinion, const char *format, ...)
{
    va_list args;
    int length = snprintf(opinion->text, sizeof opinion->text,
                          "model, %s: ", command_kind_name(opinion->command.kind));

    va_start(args, format);
    vsnprintf(opinion->text + length, sizeof opinion->text - (size_t)length, format, args);
    va_end(args);
    return opinion->text;
}

/* The numbers that result.h names for the refusal. */
static bool same_detail(enum result result, const struct refusal_detail *a,
                        const struct refusal_detail *b)
{
    switch (result) {
    case RESULT_SALE_NOT_OPEN:
    case RESULT_SALE_CLOSED:
    case RESULT_RESERVATION_EXPIRED:
    case RESULT_HOLD_LIMIT_REACHED:
        return a->at_ms == b->at_ms;
    case RESULT_QUANTITY_INVALID:
        return a->limit == b->limit;
    case RESULT_MAX_PER_USER_EXCEEDED:
        return a->limit == b->limit && a->held == b->held;
    case RESULT_PRICE_CHANGED:
        return a->price_minor == b->price_minor;
    case RESULT_INSUFFICIENT_STOCK:
        return a->requested == b->requested && a->available == b->available;
    case RESULT_INVALID_STATE:
        return a->status == b->status;
    case RESULT_SEATS_NOT_TOGETHER:
        return a->requested == b->requested && a->available == b->available &&
               a->together == b->together;
    case RESULT_CAPACITY_BELOW_SOLD:
        return a->requested == b->requested && a->held == b->held;
    default:
        return true;
    }
}

static bool same_booking(const struct booking_facts *a, const struct booking_facts *b)
{
    return uuid_equal(&a->booking_id, &b->booking_id) && uuid_equal(&a->user_id, &b->user_id) &&
           uuid_equal(&a->zone_id, &b->zone_id) && a->status == b->status &&
           a->quantity == b->quantity && a->unit_price_minor == b->unit_price_minor &&
           a->created_ms == b->created_ms && a->expires_ms == b->expires_ms &&
           a->changed_ms == b->changed_ms && a->from_segment == b->from_segment &&
           a->to_segment == b->to_segment;
}

static bool same_zone(const struct zone_facts *a, const struct zone_facts *b)
{
    return a->total == b->total && a->target == b->target && a->available == b->available &&
           a->reserved == b->reserved && a->sold == b->sold && a->blocked == b->blocked &&
           a->closed == b->closed;
}

static bool same_block(const struct block_facts *a, const struct block_facts *b)
{
    return uuid_equal(&a->block_id, &b->block_id) && a->kind == b->kind && a->active == b->active &&
           a->quantity == b->quantity && a->expires_ms == b->expires_ms && a->drawn == b->drawn &&
           a->created_ms == b->created_ms;
}

static const char *compare_facts(struct sim_opinion *opinion, const struct answer *answer,
                                 const struct model_answer *said)
{
    bool same;

    switch (answer->kind) {
    case COMMAND_CAPACITY:
    case COMMAND_ZONE_SALE:
        same = same_zone(&answer->zone_facts, &said->zone);
        break;
    case COMMAND_BLOCK_CREATE:
    case COMMAND_BLOCK_END:
        same = same_block(answer->block, &said->block);
        break;
    default:
        same = same_booking(&answer->booking, &said->booking);
        if (same && answer->kind == COMMAND_RESERVE &&
            answer->booking.remaining != said->booking.remaining)
            return differ(opinion, "engine says %u remain, model %u", answer->booking.remaining,
                          said->booking.remaining);
        break;
    }
    return same ? NULL : differ(opinion, "both accept, with other facts");
}

static const char *compare(struct sim_opinion *opinion, const struct answer *answer,
                           const struct model_answer *said)
{
    if (answer->result != said->result)
        return differ(opinion, "engine says %s, model %s", result_name(answer->result),
                      result_name(said->result));
    if (answer->replayed != said->replayed)
        return differ(opinion, "engine %s, model %s", answer->replayed ? "repeats" : "decides",
                      said->replayed ? "repeats" : "decides");
    if (answer->result != RESULT_OK &&
        !same_detail(answer->result, &answer->refusal, &said->detail))
        return differ(opinion, "%s with other numbers: engine %u of %u, model %u of %u",
                      result_name(answer->result), answer->refusal.requested,
                      answer->refusal.available, said->detail.requested, said->detail.available);
    bool has_seats = answer->result != RESULT_OK || said->booking.quantity > 0;
    if (has_seats &&
        (answer->seat_count != said->seat_count ||
         memcmp(answer->seats, said->seats, said->seat_count * sizeof said->seats[0]) != 0))
        return differ(opinion, "%s with other seats: engine %u from %u, model %u from %u",
                      result_name(answer->result), answer->seat_count, answer->seats[0],
                      said->seat_count, said->seats[0]);
    return answer->result == RESULT_OK ? compare_facts(opinion, answer, said) : NULL;
}

const char *sim_opinion_judge(struct sim_opinion *opinion, const struct command *decided,
                              const struct answer *answer, uint64_t now_ms)
{
    static struct model_answer said;
    struct uuid named = {0};

    if (!opinion->asked || answer->result == RESULT_RATE_LIMITED)
        return NULL;
    opinion->asked = false;
    if (opinion->command.kind == COMMAND_RESERVE && !answer->replayed)
        named = decided->reserve.booking_id;
    else if (opinion->command.kind == COMMAND_BLOCK_CREATE)
        named = decided->zone_change.block->block_id;
    model_decide(opinion->model, &opinion->command, &named, now_ms, &said);
    return compare(opinion, answer, &said);
}

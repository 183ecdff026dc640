/* A user's home shard: rate, idempotency keys (shard_keys.c) and the limit per
 * user, before the zone's shard decides and after. */
#include <assert.h>

#include "shard.h"
#include "shard_state.h"

static enum shard_admission refuse(struct answer *answer, enum result result)
{
    answer->result = result;
    return SHARD_ANSWERED;
}

/* --- reserve --- */

static enum result check_sale(const struct catalog_event *event, uint64_t now_ms,
                              struct refusal_detail *detail)
{
    if (event->status == EVENT_CANCELLED || event->sale_closed) {
        detail->at_ms = event->updated_ms;
        return RESULT_SALE_CLOSED;
    }
    if (event->sale_start_ms != 0 && now_ms < event->sale_start_ms) {
        detail->at_ms = event->sale_start_ms;
        return RESULT_SALE_NOT_OPEN;
    }
    if (event->sale_end_ms != 0 && now_ms >= event->sale_end_ms) {
        detail->at_ms = event->sale_end_ms;
        return RESULT_SALE_CLOSED;
    }
    return RESULT_OK;
}

static bool names_other(const struct uuid *sent, const struct uuid *is)
{
    return !uuid_is_nil(sent) && !uuid_equal(sent, is);
}

/* The zone whose places the command asks for, and its event. NULL: unknown to
 * the public. */
static const struct catalog_zone *zone_of(const struct shard *shard,
                                          const struct command_reserve *reserve,
                                          const struct catalog_event **event, uint32_t *number)
{
    const struct catalog_zone *zone =
        catalog_zone_and_event(shard->catalog, &reserve->zone_id, event, number);
    if (!zone || names_other(&reserve->show_id, &zone->show_id) ||
        names_other(&reserve->event_id, &zone->event_id))
        return NULL;
    return *event && (*event)->status != EVENT_DRAFT ? zone : NULL;
}

static uint32_t quantity_max(const struct shard *shard, const struct catalog_zone *zone)
{
    uint32_t most = shard->options.max_per_order;
    return zone->kind == ZONE_SEATED && most > RECORD_SEATS_MAX ? RECORD_SEATS_MAX : most;
}

/* RESULT_OK with *wait set: the limit is full only of what is under way. */
static enum result check_limit(const struct shard *shard, const struct uuid *user_id,
                               uint32_t event_number, uint32_t quantity, uint32_t limit,
                               struct refusal_detail *detail, bool *wait)
{
    const struct quota_entry *entry = quota_find(&shard->quotas, user_id, event_number);

    detail->limit = limit;
    detail->held = entry ? entry->tickets : 0;
    if ((uint64_t)detail->held + quantity <= limit)
        return RESULT_OK;
    *wait = entry && entry->under_way > 0;
    return *wait ? RESULT_OK : RESULT_MAX_PER_USER_EXCEEDED;
}

/* A zone of this very shard may refuse at once, before anything is counted: on a
 * sold-out show that is nearly every request. Not while a hold is overdue, for
 * its tickets are as good as free. */
static enum result foresee_refusal(struct shard *shard, const struct command_reserve *reserve,
                                   uint64_t now_ms, struct refusal_detail *detail)
{
    uint32_t number = shard_zone_number(shard, &reserve->zone_id);
    struct refusal_detail offer;

    if (number == HASH_INDEX_MISSING)
        return RESULT_OK;
    enum result result = shard_check_offer(shard_zone_at(shard, number), reserve, &offer);
    if (result == RESULT_OK || shard_zone_is_overdue(shard, number, now_ms))
        return RESULT_OK;
    *detail = offer;
    return result;
}

/* Counts the tickets as taken, and as under way. */
enum result shard_take_quota(struct shard *shard, const struct uuid *user_id, uint32_t event_number,
                             uint32_t quantity)
{
    struct quota_entry *entry = quota_open(&shard->quotas, user_id, event_number);

    if (!entry)
        return RESULT_OVERLOADED;
    if (entry->under_way == QUOTA_UNDER_WAY_MAX || entry->tickets + quantity > QUOTA_TICKETS_MAX)
        return RESULT_OVERLOADED;
    entry->tickets = (entry->tickets + quantity) & QUOTA_TICKETS_MAX;
    entry->under_way = (entry->under_way + 1) & QUOTA_UNDER_WAY_MAX;
    return RESULT_OK;
}

enum result shard_admit_reserve(struct shard *shard, struct command *command, uint64_t now_ms,
                                struct refusal_detail *detail, bool *wait)
{
    struct command_reserve *reserve = &command->reserve;
    const struct uuid *user_id = &command->actor.id;
    const struct catalog_event *event;
    uint32_t number;
    const struct catalog_zone *zone = zone_of(shard, reserve, &event, &number);

    if (!zone)
        return RESULT_NOT_FOUND;
    detail->requested = reserve->quantity;
    enum result result = check_sale(event, now_ms, detail);
    if (result != RESULT_OK)
        return result;
    if (reserve->quantity < 1 || reserve->quantity > quantity_max(shard, zone)) {
        detail->limit = quantity_max(shard, zone);
        return RESULT_QUANTITY_INVALID;
    }
    reserve->event_id = event->id;
    reserve->event_number = number;
    result =
        check_limit(shard, user_id, number, reserve->quantity, event->max_per_user, detail, wait);
    if (result != RESULT_OK || *wait)
        return result;
    /* Of an order the lowest refused item counts, wherever the zones are. */
    if (zone->kind == ZONE_GENERAL && reserve->order.count == 0)
        result = foresee_refusal(shard, reserve, now_ms, detail);
    return result == RESULT_OK ? shard_take_quota(shard, user_id, number, reserve->quantity)
                               : result;
}

static enum result admit_reserve(struct shard *shard, struct command *command, uint64_t now_ms,
                                 struct answer *answer, bool *wait)
{
    answer->refusal = (struct refusal_detail){0};
    enum result result = shard_admit_reserve(shard, command, now_ms, &answer->refusal, wait);
    answer->result = result;
    if (result != RESULT_OK)
        shard_remember_refusal(shard, &command->key, answer, now_ms);
    return result;
}

/* What was under way is decided: `tickets` of it are not the user's. */
void shard_give_back_quota(struct shard *shard, const struct uuid *user_id, uint32_t event_number,
                           uint32_t tickets)
{
    struct quota_entry *entry = quota_find(&shard->quotas, user_id, event_number);

    assert(entry && entry->under_way > 0);
    entry->under_way = (entry->under_way - 1U) & QUOTA_UNDER_WAY_MAX;
    quota_return(&shard->quotas, entry, tickets);
}

/* A command that had to wait comes by again; it is counted once. */
static bool over_rate(struct shard *shard, struct command *command, uint64_t now_ms,
                      struct answer *answer)
{
    bool is_counted = command->kind == COMMAND_RESERVE || command->kind == COMMAND_ORDER_CREATE;
    if (!is_counted || command->rate_counted)
        return false;
    command->rate_counted = true;
    uint64_t again_ms = rate_limit_take(&shard->rates, &command->actor.id, now_ms);
    if (again_ms == 0)
        return false;
    answer->refusal =
        (struct refusal_detail){.at_ms = again_ms, .limit = shard->options.reserve_per_minute};
    return true;
}

static bool is_on_zone(enum command_kind kind)
{
    return kind == COMMAND_BLOCK_CREATE || kind == COMMAND_BLOCK_END || kind == COMMAND_CAPACITY ||
           kind == COMMAND_ZONE_SALE;
}

/* Only its event's organizer knows that a zone can be managed. */
static enum result admit_zone_command(const struct shard *shard, const struct command *command,
                                      struct answer *answer)
{
    const struct catalog_event *event;
    uint32_t number;
    const struct actor *actor = &command->actor;

    if (catalog_zone_and_event(shard->catalog, &command->zone_change.zone_id, &event, &number) &&
        (actor->role == ROLE_ADMIN ||
         (actor->role == ROLE_ORGANIZER && uuid_equal(&actor->id, &event->organizer_id))))
        return RESULT_OK;
    answer->refusal = (struct refusal_detail){0};
    return RESULT_NOT_FOUND;
}

static bool is_on_order(enum command_kind kind)
{
    return kind == COMMAND_ORDER_CREATE || kind == COMMAND_ORDER_CONFIRM ||
           kind == COMMAND_ORDER_CANCEL || kind == COMMAND_EXCHANGE_ZONE;
}

static enum result admit_order(struct shard *shard, struct command *command, uint64_t now_ms,
                               struct answer *answer, bool *wait)
{
    answer->refusal = (struct refusal_detail){0};
    answer->result = shard_admit_order(shard, command, now_ms, &answer->refusal, wait);
    if (answer->result != RESULT_OK)
        shard_remember_refusal(shard, &command->key, answer, now_ms);
    return answer->result;
}

enum shard_admission shard_admit(struct shard *shard, struct command *command, uint64_t now_ms,
                                 struct answer *answer)
{
    enum result result = RESULT_OK;
    bool wait = false;

    if (over_rate(shard, command, now_ms, answer))
        return refuse(answer, RESULT_RATE_LIMITED);
    enum shard_admission admission = shard_check_key(shard, command, now_ms, answer);
    if (admission != SHARD_ADMIT)
        return admission;
    if (command->kind == COMMAND_RESERVE)
        result = admit_reserve(shard, command, now_ms, answer, &wait);
    else if (is_on_zone(command->kind))
        result = admit_zone_command(shard, command, answer);
    else if (is_on_order(command->kind))
        result = admit_order(shard, command, now_ms, answer, &wait);
    if (wait)
        return SHARD_WAIT;
    if (result != RESULT_OK)
        return refuse(answer, result);
    if (command->key.hash == 0 || idempotency_begin(&shard->keys, &command->key))
        return SHARD_ADMIT;
    if (command->kind == COMMAND_RESERVE)
        shard_give_back_quota(shard, &command->actor.id, command->reserve.event_number,
                              command->reserve.quantity);
    else if (command->kind == COMMAND_ORDER_CREATE)
        shard_retract_order(shard, command);
    return refuse(answer, RESULT_OVERLOADED);
}

/* --- the receiver of a transfer --- */

enum shard_admission shard_count_transfer(struct shard *shard, const struct command *command,
                                          struct answer *answer)
{
    const struct command_booking *booking = &command->booking;
    const struct catalog_event *event;
    uint32_t number;
    bool wait = false;

    answer->refusal = (struct refusal_detail){0};
    if (!catalog_zone_and_event(shard->catalog, &booking->zone_id, &event, &number))
        return SHARD_WAIT; /* its catalog version is still on the way here */
    enum result result = check_limit(shard, &booking->user_id, number, booking->quantity,
                                     event->max_per_user, &answer->refusal, &wait);
    answer->refusal.held = 0; /* not the caller's to know */
    if (wait)
        return SHARD_WAIT;
    if (result == RESULT_OK)
        result = shard_take_quota(shard, &booking->user_id, number, booking->quantity);
    return result == RESULT_OK ? SHARD_ADMIT : refuse(answer, result);
}

void shard_settle_transfer(struct shard *shard, const struct answer *answer)
{
    const struct settlement *settlement = &answer->settlement;
    uint32_t kept = answer->result == RESULT_OK ? answer->booking.quantity : 0;

    assert(kept <= settlement->tickets); /* a booking only gets smaller */
    shard_give_back_quota(shard, &settlement->receiver_id,
                          catalog_event_number(shard->catalog, &settlement->event_id),
                          settlement->tickets - kept);
}

/* --- settling --- */

void shard_settle(struct shard *shard, const struct answer *answer, uint64_t now_ms)
{
    const struct settlement *settlement = &answer->settlement;

    shard_settle_key(shard, answer, now_ms);
    if (answer->kind == COMMAND_RESERVE)
        shard_give_back_quota(shard, &settlement->user_id, settlement->event_number,
                              answer->result == RESULT_OK ? 0 : settlement->tickets);
}

bool shard_quota_return(struct shard *shard, const struct uuid *user_id,
                        const struct uuid *event_id, uint32_t tickets)
{
    uint32_t number = catalog_event_number(shard->catalog, event_id);
    struct quota_entry *entry = quota_find(&shard->quotas, user_id, number);

    if (!entry || entry->tickets < tickets)
        return false;
    quota_return(&shard->quotas, entry, tickets);
    return true;
}

void shard_released(struct shard *shard, const struct uuid *user_id, const struct uuid *event_id,
                    uint32_t quantity)
{
    bool was_counted = shard_quota_return(shard, user_id, event_id, quantity);
    assert(was_counted); /* a reservation was counted before it could end */
}

void shard_forget(struct shard *shard, uint64_t now_ms)
{
    idempotency_forget(&shard->keys, now_ms);
}

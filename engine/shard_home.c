/* A user's home shard: rate, idempotency keys and the limit per user, before
 * the zone's shard decides and after. */
#include <assert.h>

#include "shard.h"
#include "hash.h"
#include "shard_state.h"

uint64_t request_key_hash(const struct uuid *caller, const char *key, size_t length)
{
    uint64_t caller_hash = hash_uuid(caller);
    uint64_t hash = XXH3_64bits_withSeed(key, length, caller_hash);
    return hash ? hash : 1;
}

static enum shard_admission refuse(struct answer *answer, enum result result)
{
    answer->result = result;
    return SHARD_ANSWERED;
}

/* --- idempotency --- */

static void answer_object(const struct idempotency_entry *entry, struct answer *answer)
{
    switch ((enum idempotency_state)entry->state) {
    case IDEMPOTENCY_EVENT:
        answer->event = catalog_event_share(entry->event);
        break;
    case IDEMPOTENCY_SHOW:
        answer->show = catalog_show_share(entry->show);
        break;
    case IDEMPOTENCY_ZONE:
        answer->zone = catalog_zone_share(entry->zone);
        break;
    case IDEMPOTENCY_STATION:
        answer->station = catalog_station_share(entry->station);
        break;
    case IDEMPOTENCY_ROUTE:
        answer->route = catalog_route_share(entry->route);
        break;
    case IDEMPOTENCY_PENDING:
    case IDEMPOTENCY_BOOKING:
    case IDEMPOTENCY_ANSWER:
        assert(false && "an entry with an object");
    }
}

/* A fingerprint has 32 bits: with some craft two operations have the same. */
static bool is_made_by(const struct idempotency_entry *entry, enum command_kind kind)
{
    switch (kind) {
    case COMMAND_EVENT_CREATE:
    case COMMAND_EVENT_STATUS:
    case COMMAND_EVENT_SALE:
        return entry->state == IDEMPOTENCY_EVENT;
    case COMMAND_SHOW_CREATE:
        return entry->state == IDEMPOTENCY_SHOW;
    case COMMAND_ZONE_CREATE:
        return entry->state == IDEMPOTENCY_ZONE;
    case COMMAND_STATION_CREATE:
        return entry->state == IDEMPOTENCY_STATION;
    case COMMAND_ROUTE_CREATE:
        return entry->state == IDEMPOTENCY_ROUTE;
    default:
        return entry->state == IDEMPOTENCY_BOOKING;
    }
}

static enum shard_admission repeat_accepted(const struct idempotency_entry *entry,
                                            struct command *command, struct answer *answer)
{
    if (entry->fingerprint != command->key.fingerprint)
        return refuse(answer, RESULT_IDEMPOTENCY_KEY_REUSED);
    if (entry->state == IDEMPOTENCY_PENDING)
        return refuse(answer, RESULT_IDEMPOTENCY_IN_PROGRESS);
    if (!is_made_by(entry, command->kind))
        return refuse(answer, RESULT_IDEMPOTENCY_KEY_REUSED);
    if (entry->state == IDEMPOTENCY_BOOKING) {
        if (command->kind == COMMAND_RESERVE) {
            command->reserve.booking_id = entry->booking_id;
            command->reserve.first_remaining = entry->remaining;
        } else {
            command->booking.booking_id = entry->booking_id;
        }
        return SHARD_REPEAT;
    }
    answer->replayed = true;
    answer->result = RESULT_OK;
    answer_object(entry, answer);
    return SHARD_ANSWERED;
}

static enum shard_admission repeat_refused(const struct refusal *refusal,
                                           const struct command *command, struct answer *answer)
{
    if (refusal->fingerprint != command->key.fingerprint)
        return refuse(answer, RESULT_IDEMPOTENCY_KEY_REUSED);
    answer->replayed = true;
    answer->refusal = refusal->detail;
    return refuse(answer, refusal->result);
}

/* SHARD_ADMIT: the key is new (or there is none). */
static enum shard_admission check_key(struct shard *shard, struct command *command, uint64_t now_ms,
                                      struct answer *answer)
{
    if (command->key.hash == 0)
        return SHARD_ADMIT;
    const struct idempotency_entry *entry =
        idempotency_find(&shard->keys, command->key.hash, now_ms);
    if (entry)
        return repeat_accepted(entry, command, answer);
    const struct refusal *refusal = refusal_find(&shard->refusals, command->key.hash, now_ms);
    if (refusal)
        return repeat_refused(refusal, command, answer);
    return SHARD_ADMIT;
}

/* Refusals that a business rule gave, as against faults and missing rights. */
static bool is_worth_remembering(enum result result)
{
    switch (result) {
    case RESULT_SALE_NOT_OPEN:
    case RESULT_SALE_CLOSED:
    case RESULT_QUANTITY_INVALID:
    case RESULT_MAX_PER_USER_EXCEEDED:
    case RESULT_PRICE_CHANGED:
    case RESULT_INSUFFICIENT_STOCK:
    case RESULT_RESERVATION_EXPIRED:
    case RESULT_INVALID_STATE:
        return true;
    default:
        return false;
    }
}

static void remember_refusal(struct shard *shard, const struct request_key *key, enum result result,
                             const struct refusal_detail *detail, uint64_t now_ms)
{
    if (key->hash == 0 || !is_worth_remembering(result))
        return;
    struct refusal refusal = {.hash = key->hash,
                              .fingerprint = key->fingerprint,
                              .result = result,
                              .refused_ms = now_ms,
                              .detail = *detail};
    refusal_remember(&shard->refusals, &refusal);
}

/* --- reserve --- */

static enum result check_sale(const struct catalog_event *event, uint64_t now_ms,
                              struct refusal_detail *detail)
{
    if (event->status == EVENT_CANCELLED) {
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

/* The event whose ticket the command asks for, and its number. NULL: unknown to
 * the public. */
static const struct catalog_event *event_of(const struct shard *shard,
                                            const struct command_reserve *reserve, uint32_t *number)
{
    const struct catalog_event *event;
    const struct catalog_zone *zone =
        catalog_zone_and_event(shard->catalog, &reserve->zone_id, &event, number);
    if (!zone || names_other(&reserve->show_id, &zone->show_id) ||
        names_other(&reserve->event_id, &zone->event_id))
        return NULL;
    return event && event->status != EVENT_DRAFT ? event : NULL;
}

/* RESULT_OK with *wait set: the limit is full only of what is under way. */
static enum result check_limit(const struct shard *shard, const struct command *command,
                               const struct catalog_event *event, struct refusal_detail *detail,
                               bool *wait)
{
    const struct quota_entry *entry =
        quota_find(&shard->quotas, &command->actor.id, command->reserve.event_number);

    detail->limit = event->max_per_user;
    detail->held = entry ? entry->tickets : 0;
    if ((uint64_t)detail->held + command->reserve.quantity <= event->max_per_user)
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

    if (number == HASH_INDEX_MISSING || shard_next_deadline_ms(shard) <= now_ms)
        return RESULT_OK;
    enum result result = shard_check_offer(shard_zone_at(shard, number), reserve, &offer);
    if (result != RESULT_OK)
        *detail = offer;
    return result;
}

/* Counts the tickets as taken, and as under way. */
static enum result take_quota(struct shard *shard, const struct command *command)
{
    uint32_t quantity = command->reserve.quantity;
    struct quota_entry *entry =
        quota_open(&shard->quotas, &command->actor.id, command->reserve.event_number);

    if (!entry || entry->under_way == QUOTA_UNDER_WAY_MAX ||
        entry->tickets + quantity > QUOTA_TICKETS_MAX)
        return RESULT_OVERLOADED;
    entry->tickets = (entry->tickets + quantity) & QUOTA_TICKETS_MAX;
    entry->under_way = (entry->under_way + 1) & QUOTA_UNDER_WAY_MAX;
    return RESULT_OK;
}

static enum result check_reserve(struct shard *shard, struct command *command, uint64_t now_ms,
                                 struct refusal_detail *detail, bool *wait)
{
    struct command_reserve *reserve = &command->reserve;
    uint32_t number;
    const struct catalog_event *event = event_of(shard, reserve, &number);

    if (!event)
        return RESULT_NOT_FOUND;
    detail->requested = reserve->quantity;
    enum result result = check_sale(event, now_ms, detail);
    if (result != RESULT_OK)
        return result;
    if (reserve->quantity < 1 || reserve->quantity > shard->options.max_per_order) {
        detail->limit = shard->options.max_per_order;
        return RESULT_QUANTITY_INVALID;
    }
    reserve->event_id = event->id;
    reserve->event_number = number;
    result = check_limit(shard, command, event, detail, wait);
    if (result != RESULT_OK || *wait)
        return result;
    result = foresee_refusal(shard, reserve, now_ms, detail);
    return result == RESULT_OK ? take_quota(shard, command) : result;
}

static enum result admit_reserve(struct shard *shard, struct command *command, uint64_t now_ms,
                                 struct answer *answer, bool *wait)
{
    answer->refusal = (struct refusal_detail){0};
    enum result result = check_reserve(shard, command, now_ms, &answer->refusal, wait);
    if (result != RESULT_OK)
        remember_refusal(shard, &command->key, result, &answer->refusal, now_ms);
    return result;
}

static void give_back_quota(struct shard *shard, const struct settlement *settlement,
                            uint32_t tickets)
{
    struct quota_entry *entry =
        quota_find(&shard->quotas, &settlement->user_id, settlement->event_number);

    assert(entry && entry->under_way > 0);
    entry->under_way = (entry->under_way - 1U) & QUOTA_UNDER_WAY_MAX;
    quota_return(&shard->quotas, entry, tickets);
}

/* A command that had to wait comes by again; it is counted once. */
static bool over_rate(struct shard *shard, struct command *command, uint64_t now_ms,
                      struct answer *answer)
{
    if (command->kind != COMMAND_RESERVE || command->rate_counted)
        return false;
    command->rate_counted = true;
    uint64_t again_ms = rate_limit_take(&shard->rates, &command->actor.id, now_ms);
    if (again_ms == 0)
        return false;
    answer->refusal =
        (struct refusal_detail){.at_ms = again_ms, .limit = shard->options.reserve_per_minute};
    return true;
}

enum shard_admission shard_admit(struct shard *shard, struct command *command, uint64_t now_ms,
                                 struct answer *answer)
{
    bool wait = false;

    if (over_rate(shard, command, now_ms, answer))
        return refuse(answer, RESULT_RATE_LIMITED);
    enum shard_admission admission = check_key(shard, command, now_ms, answer);
    if (admission != SHARD_ADMIT)
        return admission;
    if (command->kind == COMMAND_RESERVE) {
        enum result result = admit_reserve(shard, command, now_ms, answer, &wait);
        if (wait)
            return SHARD_WAIT;
        if (result != RESULT_OK)
            return refuse(answer, result);
    }
    if (command->key.hash == 0 || idempotency_begin(&shard->keys, &command->key))
        return SHARD_ADMIT;
    if (command->kind == COMMAND_RESERVE) {
        struct settlement unused = {.user_id = command->actor.id,
                                    .event_number = command->reserve.event_number};
        give_back_quota(shard, &unused, command->reserve.quantity);
    }
    return refuse(answer, RESULT_OVERLOADED);
}

/* --- settling --- */

static void accept_key(struct shard *shard, struct idempotency_entry *entry,
                       const struct answer *answer, uint64_t now_ms)
{
    enum idempotency_state state = IDEMPOTENCY_BOOKING;

    switch (answer->kind) {
    case COMMAND_EVENT_CREATE:
    case COMMAND_EVENT_STATUS:
    case COMMAND_EVENT_SALE:
        state = IDEMPOTENCY_EVENT;
        entry->event = catalog_event_share(answer->event);
        break;
    case COMMAND_SHOW_CREATE:
        state = IDEMPOTENCY_SHOW;
        entry->show = catalog_show_share(answer->show);
        break;
    case COMMAND_ZONE_CREATE:
        state = IDEMPOTENCY_ZONE;
        entry->zone = catalog_zone_share(answer->zone);
        break;
    case COMMAND_STATION_CREATE:
        state = IDEMPOTENCY_STATION;
        entry->station = catalog_station_share(answer->station);
        break;
    case COMMAND_ROUTE_CREATE:
        state = IDEMPOTENCY_ROUTE;
        entry->route = catalog_route_share(answer->route);
        break;
    default:
        entry->booking_id = answer->booking.booking_id;
        entry->remaining = answer->booking.remaining;
        break;
    }
    idempotency_accept(&shard->keys, entry, state, answer->kind, now_ms);
}

static void settle_key(struct shard *shard, const struct answer *answer, uint64_t now_ms)
{
    const struct request_key *key = &answer->settlement.key;
    if (key->hash == 0)
        return;
    struct idempotency_entry *entry = idempotency_find(&shard->keys, key->hash, now_ms);
    assert(entry && entry->state == IDEMPOTENCY_PENDING);
    if (answer->result == RESULT_OK) {
        refusal_forget(&shard->refusals, key->hash);
        accept_key(shard, entry, answer, now_ms);
        return;
    }
    idempotency_abandon(&shard->keys, entry);
    remember_refusal(shard, key, answer->result, &answer->refusal, now_ms);
}

void shard_settle(struct shard *shard, const struct answer *answer, uint64_t now_ms)
{
    const struct settlement *settlement = &answer->settlement;

    settle_key(shard, answer, now_ms);
    if (answer->kind == COMMAND_RESERVE) {
        give_back_quota(shard, settlement, answer->result == RESULT_OK ? 0 : settlement->tickets);
    } else if (answer->kind == COMMAND_CANCEL && answer->result == RESULT_OK &&
               settlement->tickets > 0) {
        shard_released(shard, &settlement->user_id, &settlement->event_id, settlement->tickets);
    }
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

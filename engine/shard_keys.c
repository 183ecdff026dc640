/* Idempotency keys on their caller's home shard: what a repeat is answered. */
#include <assert.h>
#include <string.h>

#include "hash.h"
#include "shard.h"
#include "shard_state.h"

enum { COMPACT_QUANTITY_MAX = (1 << 14) - 1 };

uint64_t request_key_hash(const struct uuid *caller, const char *key, size_t length)
{
    uint64_t caller_hash = hash_uuid(caller);
    uint64_t hash = XXH3_64bits_withSeed(key, length, caller_hash);
    return hash ? hash : 1;
}

/* Commands that a record cannot tell apart: releasing all is a cancel, and any
 * change of an event is its new version. */
static enum command_kind made_by(enum command_kind kind)
{
    if (kind == COMMAND_RELEASE)
        return COMMAND_CANCEL;
    return kind == COMMAND_EVENT_SALE ? COMMAND_EVENT_STATUS : kind;
}

/* --- a repeat --- */

static void repeat_object(const struct idempotency_entry *entry, struct answer *answer)
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

static enum shard_admission refuse(struct answer *answer, enum result result)
{
    answer->result = result;
    return SHARD_ANSWERED;
}

static enum shard_admission repeat_accepted(const struct shard *shard,
                                            const struct idempotency_entry *entry,
                                            struct command *command, struct answer *answer)
{
    if (entry->fingerprint != command->key.fingerprint)
        return refuse(answer, RESULT_IDEMPOTENCY_KEY_REUSED);
    if (entry->state == IDEMPOTENCY_PENDING)
        return refuse(answer, RESULT_IDEMPOTENCY_IN_PROGRESS);
    /* A fingerprint has 32 bits: with some craft two operations have the same. */
    if (entry->made_by != made_by(command->kind))
        return refuse(answer, RESULT_IDEMPOTENCY_KEY_REUSED);
    if (entry->state == IDEMPOTENCY_BOOKING) {
        command->seat_count = 0;
        command->repeat = (struct command_repeat){.booking_id = entry->booking_id,
                                                  .accepted_ms = entry->accepted_ms,
                                                  .quantity = entry->quantity,
                                                  .ttl_ms = entry->ttl_ms,
                                                  .remaining = entry->remaining};
        return SHARD_REPEAT;
    }
    answer->result = RESULT_OK;
    answer->replayed = true;
    if (entry->state != IDEMPOTENCY_ANSWER)
        repeat_object(entry, answer);
    else if (!answer_memory_recall(&shard->keys.answers, entry->answer, answer))
        answer->result = RESULT_OVERLOADED;
    return SHARD_ANSWERED;
}

static enum shard_admission repeat_refused(const struct refusal *refusal,
                                           const struct command *command, struct answer *answer)
{
    if (refusal->fingerprint != command->key.fingerprint)
        return refuse(answer, RESULT_IDEMPOTENCY_KEY_REUSED);
    answer->replayed = true;
    answer->refusal = refusal->detail;
    answer->seat_count = refusal->seat_count;
    memcpy(answer->seats, refusal->seats, refusal->seat_count * sizeof refusal->seats[0]);
    return refuse(answer, refusal->result);
}

enum shard_admission shard_check_key(struct shard *shard, struct command *command, uint64_t now_ms,
                                     struct answer *answer)
{
    if (command->key.hash == 0)
        return SHARD_ADMIT;
    const struct idempotency_entry *entry =
        idempotency_find(&shard->keys, command->key.hash, now_ms);
    if (entry)
        return repeat_accepted(shard, entry, command, answer);
    const struct refusal *refusal = refusal_find(&shard->refusals, command->key.hash, now_ms);
    if (refusal)
        return repeat_refused(refusal, command, answer);
    return SHARD_ADMIT;
}

void shard_repeat(const struct shard *shard, const struct command *command, struct answer *answer)
{
    const struct command_repeat *first = &command->repeat;
    struct booking_facts *booking = &answer->booking;
    bool known = shard_booking(shard, &first->booking_id, 0, booking, NULL, &answer->seat_count);

    assert(known);                   /* the key's record and the booking's are the same record */
    assert(answer->seat_count == 0); /* else the whole answer was kept */
    answer->result = RESULT_OK;
    answer->replayed = true;
    booking->user_id = command->actor.id;
    booking->quantity = first->quantity;
    booking->pinned = false;
    booking->order = (struct order_part){0};
    if (command->kind == COMMAND_RESERVE) {
        booking->status = BOOKING_RESERVED;
        booking->expires_ms = booking->created_ms + first->ttl_ms;
        booking->changed_ms = 0;
        booking->remaining = first->remaining;
    } else {
        booking->status = command->kind == COMMAND_CONFIRM ? BOOKING_CONFIRMED : BOOKING_CANCELLED;
        booking->changed_ms = first->accepted_ms;
    }
}

/* --- refusals --- */

/* Those a rule gave, as against faults, what the caller may not know or do, and
 * what time alone cures. */
static bool is_worth_remembering(enum result result)
{
    switch (result) {
    case RESULT_OK:
    case RESULT_IDEMPOTENCY_IN_PROGRESS:
    case RESULT_IDEMPOTENCY_KEY_REUSED:
    case RESULT_NOT_FOUND:
    case RESULT_FORBIDDEN:
    case RESULT_RATE_LIMITED:
    case RESULT_OVERLOADED:
    case RESULT_STORAGE_LOW:
    case RESULT_SHUTTING_DOWN:
    case RESULT_INDETERMINATE:
        return false;
    default:
        return true;
    }
}

void shard_remember_refusal(struct shard *shard, const struct request_key *key,
                            const struct answer *answer, uint64_t now_ms)
{
    if (key->hash == 0 || !is_worth_remembering(answer->result))
        return;
    struct refusal refusal;
    refusal.hash = key->hash;
    refusal.fingerprint = key->fingerprint;
    refusal.result = answer->result;
    refusal.refused_ms = now_ms;
    refusal.detail = answer->refusal;
    refusal.seat_count = answer->seat_count;
    memcpy(refusal.seats, answer->seats, answer->seat_count * sizeof answer->seats[0]);
    refusal_remember(&shard->refusals, &refusal);
}

/* --- what was accepted --- */

/* Of a general zone's booking a few numbers say what the booking itself, whatever
 * becomes of it, does not keep. It is most of all that is ever accepted. */
static bool is_compact(const struct answer *answer)
{
    const struct booking_facts *booking = &answer->booking;
    enum booking_status status;

    if (answer->kind == COMMAND_RESERVE)
        status = BOOKING_RESERVED;
    else if (answer->kind == COMMAND_CONFIRM)
        status = BOOKING_CONFIRMED;
    else if (answer->kind == COMMAND_CANCEL || answer->kind == COMMAND_RELEASE)
        status = BOOKING_CANCELLED;
    else
        return false;
    return booking->status == status && answer->seat_count == 0 && !booking->pinned &&
           booking->quantity <= COMPACT_QUANTITY_MAX && uuid_is_nil(&booking->order.id) &&
           uuid_equal(&booking->user_id, &answer->settlement.user_id) &&
           (status == BOOKING_RESERVED || booking->changed_ms == answer->settlement.stamp_ms);
}

static enum idempotency_state keep_facts(struct shard *shard, struct idempotency_entry *entry,
                                         const struct answer *answer)
{
    const struct booking_facts *booking = &answer->booking;

    if (is_compact(answer)) {
        entry->booking_id = booking->booking_id;
        entry->quantity = booking->quantity & COMPACT_QUANTITY_MAX;
        entry->ttl_ms = (uint32_t)(booking->expires_ms - booking->created_ms);
        entry->remaining = booking->remaining;
        return IDEMPOTENCY_BOOKING;
    }
    entry->answer = answer_memory_keep(&shard->keys.answers, answer);
    assert(entry->answer != SLAB_NONE); /* idempotency_begin saw room for all under way */
    return IDEMPOTENCY_ANSWER;
}

static void accept_key(struct shard *shard, struct idempotency_entry *entry,
                       const struct answer *answer)
{
    enum idempotency_state state;

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
        state = keep_facts(shard, entry, answer);
        break;
    }
    idempotency_accept(&shard->keys, entry, state, made_by(answer->kind),
                       answer->settlement.stamp_ms);
}

void shard_settle_key(struct shard *shard, const struct answer *answer, uint64_t now_ms)
{
    const struct request_key *key = &answer->settlement.key;
    if (key->hash == 0)
        return;
    struct idempotency_entry *entry = idempotency_find(&shard->keys, key->hash, now_ms);
    assert(entry && entry->state == IDEMPOTENCY_PENDING);
    if (answer->result == RESULT_OK) {
        refusal_forget(&shard->refusals, key->hash);
        accept_key(shard, entry, answer);
        return;
    }
    idempotency_abandon(&shard->keys, entry);
    shard_remember_refusal(shard, key, answer, now_ms);
}

/* --- after a start: from the records --- */

static struct idempotency_entry *open_key_at(struct shard *shard, const struct request_key *key,
                                             uint64_t stamp_ms)
{
    if (key->hash == 0 || idempotency_find(&shard->keys, key->hash, stamp_ms))
        return NULL; /* only a damaged log says it twice; the first stands */
    return idempotency_begin(&shard->keys, key);
}

static struct idempotency_entry *open_key(struct shard *shard, const struct record *record)
{
    return open_key_at(shard, &record->key, record->stamp_ms);
}

void shard_keep_answer(struct shard *shard, const struct request_key *key,
                       const struct answer *answer)
{
    struct idempotency_entry *entry = open_key_at(shard, key, answer->settlement.stamp_ms);
    if (entry)
        accept_key(shard, entry, answer);
}

void shard_reopen_key(struct shard *shard, const struct request_key *key, uint64_t now_ms)
{
    open_key_at(shard, key, now_ms);
}

static enum command_kind kind_of_change(enum change_cause cause)
{
    switch (cause) {
    case CAUSE_EXTENDED:
        return COMMAND_EXTEND;
    case CAUSE_RELEASED:
        return COMMAND_RELEASE;
    case CAUSE_CONFIRMED_PART:
        return COMMAND_CONFIRM;
    case CAUSE_EXCHANGED:
        return COMMAND_EXCHANGE;
    case CAUSE_TRANSFERRED:
        return COMMAND_TRANSFER;
    case CAUSE_REFUNDED:
        return COMMAND_REFUND;
    default:
        return COMMAND_KIND_COUNT;
    }
}

/* The command whose answer the record's key has. COMMAND_KIND_COUNT: none. */
static enum command_kind kind_of(const struct record *record)
{
    switch (record->kind) {
    case RECORD_RESERVED:
        return COMMAND_RESERVE;
    case RECORD_CONFIRMED:
        return COMMAND_CONFIRM;
    case RECORD_CANCELLED:
        return COMMAND_CANCEL;
    case RECORD_CHANGED:
        return kind_of_change(record->changed.cause);
    case RECORD_BLOCK:
        return record->block.cause == CAUSE_CREATED ? COMMAND_BLOCK_CREATE : COMMAND_BLOCK_END;
    case RECORD_ZONE_CHANGED:
        return record->zone_changed.cause == CAUSE_CAPACITY ||
                       record->zone_changed.cause == CAUSE_DRAIN
                   ? COMMAND_CAPACITY
                   : COMMAND_ZONE_SALE;
    default:
        return COMMAND_KIND_COUNT;
    }
}

static bool state_booking(const struct shard *zone_shard, const struct record *record,
                          const struct uuid *booking_id, struct answer *answer)
{
    return shard_booking(zone_shard, booking_id, record->stamp_ms, &answer->booking, answer->seats,
                         &answer->seat_count);
}

/* What the answer said, from the zone's shard as it is right after the record. */
static bool state_facts(struct shard *zone_shard, const struct record *record,
                        struct answer *answer)
{
    switch (record->kind) {
    case RECORD_RESERVED:
        if (!state_booking(zone_shard, record, &record->reserved.booking_id, answer))
            return false;
        answer->booking.remaining = record->reserved.remaining;
        return true;
    case RECORD_CONFIRMED:
    case RECORD_CANCELLED:
        return state_booking(zone_shard, record, &record->settled.booking_id, answer);
    case RECORD_CHANGED:
        return state_booking(zone_shard, record, &record->changed.booking_id, answer);
    case RECORD_BLOCK:
        answer->block = shard_block(zone_shard, &record->block.block_id);
        return answer->block != NULL;
    case RECORD_ZONE_CHANGED:
        return shard_zone_facts(zone_shard, &record->zone_changed.zone_id, &answer->zone_facts);
    default:
        return false;
    }
}

static bool is_of_order(const struct record *record)
{
    return record->kind == RECORD_RESERVED && !uuid_is_nil(&record->reserved.order.id);
}

void shard_remember_answer(struct shard *shard, struct shard *zone_shard,
                           const struct record *record)
{
    struct answer answer;

    memset(&answer, 0, offsetof(struct answer, seats));
    answer.kind = kind_of(record);
    answer.settlement.user_id = record->actor.id;
    answer.settlement.stamp_ms = record->stamp_ms;
    if (is_of_order(record))
        return; /* shard_remember_order puts those together */
    if (record->key.hash == 0 || answer.kind == COMMAND_KIND_COUNT ||
        !shard_is_home_of(shard, &record->actor.id) || !state_facts(zone_shard, record, &answer))
        return;
    struct idempotency_entry *entry = open_key(shard, record);
    if (entry)
        accept_key(shard, entry, &answer);
    answer_release(&answer);
}

void shard_remember_event(struct shard *shard, const struct record *record,
                          const struct catalog_event *event, bool is_new)
{
    struct idempotency_entry *entry = open_key(shard, record);
    if (!entry)
        return;
    entry->event = catalog_event_share(event);
    idempotency_accept(&shard->keys, entry, IDEMPOTENCY_EVENT,
                       is_new ? COMMAND_EVENT_CREATE : COMMAND_EVENT_STATUS, record->stamp_ms);
}

void shard_remember_show(struct shard *shard, const struct record *record,
                         const struct catalog_show *show)
{
    struct idempotency_entry *entry = open_key(shard, record);
    if (!entry)
        return;
    entry->show = catalog_show_share(show);
    idempotency_accept(&shard->keys, entry, IDEMPOTENCY_SHOW, COMMAND_SHOW_CREATE,
                       record->stamp_ms);
}

void shard_remember_zone(struct shard *shard, const struct record *record,
                         const struct catalog_zone *zone)
{
    struct idempotency_entry *entry = open_key(shard, record);
    if (!entry)
        return;
    entry->zone = catalog_zone_share(zone);
    idempotency_accept(&shard->keys, entry, IDEMPOTENCY_ZONE, COMMAND_ZONE_CREATE,
                       record->stamp_ms);
}

void shard_remember_station(struct shard *shard, const struct record *record,
                            const struct catalog_station *station)
{
    struct idempotency_entry *entry = open_key(shard, record);
    if (!entry)
        return;
    entry->station = catalog_station_share(station);
    idempotency_accept(&shard->keys, entry, IDEMPOTENCY_STATION, COMMAND_STATION_CREATE,
                       record->stamp_ms);
}

void shard_remember_route(struct shard *shard, const struct record *record,
                          const struct catalog_route *route)
{
    struct idempotency_entry *entry = open_key(shard, record);
    if (!entry)
        return;
    entry->route = catalog_route_share(route);
    idempotency_accept(&shard->keys, entry, IDEMPOTENCY_ROUTE, COMMAND_ROUTE_CREATE,
                       record->stamp_ms);
}

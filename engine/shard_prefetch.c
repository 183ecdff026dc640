/* Loading ahead what admitting, deciding or replaying will touch. */
#include "shard.h"
#include "shard_state.h"

/* What a reservation touches: at home its user's count, in the zone's shard its
 * user's chain and its own id. */
static void prefetch_reservation(const struct shard *shard, const struct uuid *zone_id,
                                 const struct uuid *user_id, const struct uuid *booking_id,
                                 enum shard_prefetch_step step)
{
    bool is_first = step == SHARD_PREFETCH_BUCKETS;
    const struct catalog_event *event;
    uint32_t number;

    if (shard_is_home_of(shard, user_id) &&
        catalog_zone_and_event(shard->catalog, zone_id, &event, &number)) {
        if (is_first)
            quota_prefetch(&shard->quotas, user_id, number);
        else
            quota_prefetch_entry(&shard->quotas, user_id, number);
    }
    if (!shard_owns_zone(shard, zone_id))
        return;
    if (is_first) {
        booking_prefetch_user(&shard->bookings, user_id);
        booking_prefetch(&shard->bookings, booking_id);
    } else {
        booking_prefetch_user_entry(&shard->bookings, user_id);
    }
}

static void prefetch_booking(const struct shard *shard, const struct uuid *booking_id,
                             enum shard_prefetch_step step)
{
    if (step == SHARD_PREFETCH_BUCKETS)
        booking_prefetch(&shard->bookings, booking_id);
    else
        booking_prefetch_entry(&shard->bookings, booking_id);
}

static void prefetch_key(const struct shard *shard, const struct request_key *key,
                         enum shard_prefetch_step step)
{
    if (key->hash != 0 && step == SHARD_PREFETCH_BUCKETS)
        idempotency_prefetch(&shard->keys, key->hash);
}

void shard_prefetch(const struct shard *shard, const struct command *command,
                    enum shard_prefetch_step step)
{
    const struct uuid *user_id = &command->actor.id;

    prefetch_key(shard, &command->key, step);
    switch (command->kind) {
    case COMMAND_RESERVE:
        prefetch_reservation(shard, &command->reserve.zone_id, user_id,
                             &command->reserve.booking_id, step);
        break;
    case COMMAND_CONFIRM:
    case COMMAND_CANCEL:
    case COMMAND_EXTEND:
    case COMMAND_RELEASE:
    case COMMAND_EXCHANGE:
    case COMMAND_TRANSFER:
    case COMMAND_PIN:
    case COMMAND_POST:
    case COMMAND_VOID:
    case COMMAND_BOOKING_GET:
        prefetch_booking(shard, &command->booking.booking_id, step);
        break;
    default:
        break;
    }
}

void shard_prefetch_record(const struct shard *shard, const struct record *record,
                           enum shard_prefetch_step step)
{
    prefetch_key(shard, &record->key, step);
    if (record->kind == RECORD_RESERVED)
        prefetch_reservation(shard, &record->reserved.zone_id, &record->reserved.user_id,
                             &record->reserved.booking_id, step);
    else if (record->kind == RECORD_CHANGED)
        prefetch_booking(shard, &record->changed.booking_id, step);
    else
        prefetch_booking(shard, &record->settled.booking_id, step);
}

/* Records as a damaged or forged log might hold them, well formed but in any order and
 * with any numbers, replayed into two shards until one refuses, as recovery does. Whatever
 * comes: no assertion fails, and the books balance after each record. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "../../engine/shard.h"

enum { SHARDS = 2, ZONES = 3, STEP_BYTES = 8, TTL_MS = 1000 };

static const uint64_t start_ms = 1700000000000;

struct fixture {
    struct partition_map partitions;
    struct shard *shards[SHARDS];
    struct uuid zones[ZONES + 1]; /* the last is nobody's */
    struct uuid event_id;
};

static void put_catalog(struct fixture *fixture)
{
    struct catalog_event event_draft = {.id = fixture->event_id,
                                        .status = EVENT_PUBLISHED,
                                        .max_per_user = 4,
                                        .slug = {"evening", 7}};
    struct catalog_show show_draft = {
        .id = uuid_v7(start_ms, 2, 1), .event_id = fixture->event_id, .segment_count = 2};
    struct catalog_event *event = catalog_event_new(&event_draft);
    struct catalog_show *show = catalog_show_new(&show_draft);

    for (int i = 0; i < SHARDS; i++) {
        bool put = shard_put_event(fixture->shards[i], catalog_event_share(event)) &&
                   shard_put_show(fixture->shards[i], catalog_show_share(show));
        assert(put);
    }
    for (uint64_t n = 0; n < ZONES; n++) {
        struct catalog_zone draft = {
            .id = fixture->zones[n], .show_id = show->id, .event_id = event->id, .total_seats = 5};
        for (int i = 0; i < SHARDS; i++) {
            bool put = shard_put_zone(fixture->shards[i], catalog_zone_new(&draft));
            assert(put);
        }
    }
    catalog_event_release(event);
    catalog_show_release(show);
}

static void fixture_init(struct fixture *fixture)
{
    partition_map_init(&fixture->partitions, SHARDS);
    fixture->event_id = uuid_v7(start_ms, 1, 1);
    for (uint64_t n = 0; n <= ZONES; n++)
        fixture->zones[n] = uuid_v7(start_ms, 3, n);
    for (uint16_t i = 0; i < SHARDS; i++) {
        struct shard_options options = {.index = i,
                                        .partitions = &fixture->partitions,
                                        .reservation_ttl_ms = TTL_MS,
                                        .max_per_order = 10,
                                        .idempotency_ms = 60000};
        fixture->shards[i] = shard_new(&options);
        assert(fixture->shards[i]);
    }
    put_catalog(fixture);
}

static void fixture_release(struct fixture *fixture)
{
    for (int i = 0; i < SHARDS; i++)
        shard_free(fixture->shards[i]);
}

/* Bookings are numbered; each was reserved at a time of its own, if at all. */
static struct uuid booking_id(const struct fixture *fixture, uint8_t number)
{
    const struct uuid *zone_id = &fixture->zones[number % (ZONES + 1)];
    return uuid_v7(start_ms + number, partition_of(zone_id), number);
}

static void fill_expired(const struct fixture *fixture, const uint8_t *step,
                         struct record_expired *expired)
{
    expired->zone_id = fixture->zones[step[2] % (ZONES + 1)];
    expired->count = step[3] % (RECORD_EXPIRED_MAX + 2U);
    for (uint32_t i = 0; i < RECORD_EXPIRED_MAX; i++) {
        uint8_t number = (uint8_t)(step[1] + i * (step[4] % 8U));
        expired->items[i] = (struct record_expired_item){
            booking_id(fixture, number), uuid_v7(start_ms, 4, step[5] % 4U), step[6] % 4U};
    }
}

/* One record from eight bytes. */
static void make_record(const struct fixture *fixture, const uint8_t *step, struct record *record)
{
    static const enum record_kind kinds[] = {RECORD_RESERVED,  RECORD_RESERVED,  RECORD_RESERVED,
                                             RECORD_CONFIRMED, RECORD_CANCELLED, RECORD_EXPIRED,
                                             RECORD_CLEAN_STOP};
    struct uuid user_id = uuid_v7(start_ms, 4, step[5] % 4U);
    uint8_t number = step[1];

    memset(record, 0, sizeof *record);
    record->kind = kinds[step[0] % (sizeof kinds / sizeof kinds[0])];
    record->stamp_ms = start_ms + number + (step[7] >= 128 ? TTL_MS - 64U + step[7] % 128U : 0);
    record->actor = (struct actor){user_id, ROLE_USER};
    record->key = (struct request_key){step[6] / 16U, step[6] % 16U};
    switch (record->kind) {
    case RECORD_RESERVED:
        record->reserved = (struct record_reserved){.booking_id = booking_id(fixture, number),
                                                    .user_id = user_id,
                                                    .zone_id = fixture->zones[number % (ZONES + 1)],
                                                    .quantity = step[2] % 8U,
                                                    .from_segment = step[3] % 4U,
                                                    .to_segment = step[4] % 4U,
                                                    .ttl_ms = TTL_MS,
                                                    .remaining = step[7]};
        break;
    case RECORD_CONFIRMED:
    case RECORD_CANCELLED:
        record->settled = (struct record_settled){.booking_id = booking_id(fixture, number),
                                                  .user_id = user_id,
                                                  .zone_id = fixture->zones[step[2] % (ZONES + 1)],
                                                  .quantity = step[3] % 8U};
        break;
    case RECORD_EXPIRED:
        fill_expired(fixture, step, &record->expired);
        break;
    default:
        break;
    }
}

static void audit(struct shard *shard)
{
    static struct inquiry inquiry;
    inquiry.kind = INQUIRY_AUDIT;
    shard_inquire(shard, &inquiry);
    assert(inquiry.audit.violations == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fixture fixture;
    struct record record;

    fixture_init(&fixture);
    for (size_t steps = size / STEP_BYTES; steps > 0 && size > 0; data += STEP_BYTES, steps--) {
        make_record(&fixture, data, &record);
        for (int i = 0; i < SHARDS; i++) {
            if (shard_replay(fixture.shards[i], &record) != SHARD_REPLAY_OK)
                size = 0;
            audit(fixture.shards[i]);
        }
    }
    fixture_release(&fixture);
    return 0;
}

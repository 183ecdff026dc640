/* A shard's life, its zones, and what it tells of their changes. */
#include "shard.h"

#include <assert.h>

#include "memory.h"
#include "hash.h"
#include "shard_state.h"

static bool zone_matches(const void *slab, uint32_t slot, const void *id)
{
    struct zone *const *zone = slab_at(slab, slot);
    return uuid_equal(&(*zone)->id, id);
}

static uint64_t zone_hash(const void *slab, uint32_t slot)
{
    struct zone *const *zone = slab_at(slab, slot);
    return hash_uuid(&(*zone)->id);
}

static bool init_tables(struct shard *shard)
{
    const struct shard_options *options = &shard->options;

    shard->catalog = catalog_new();
    shard->changed_zones = memory_reserve(CATALOG_ZONES_MAX * sizeof *shard->changed_zones);
    shard->outdated_zones = memory_reserve(CATALOG_ZONES_MAX * sizeof *shard->outdated_zones);
    shard->open_seats = memory_reserve(block_bitmap_bytes(SEAT_PLAN_SEATS_MAX));
    return shard->catalog && shard->changed_zones && shard->outdated_zones && shard->open_seats &&
           slab_init(&shard->zones, sizeof(struct zone *), CATALOG_ZONES_MAX) &&
           hash_index_init(&shard->zone_by_id, CATALOG_ZONES_MAX, &shard->zones, zone_matches,
                           zone_hash) &&
           booking_table_init(&shard->bookings) && block_table_init(&shard->blocks) &&
           quota_table_init(&shard->quotas) &&
           idempotency_table_init(&shard->keys, options->idempotency_ms) &&
           refusal_memory_init(&shard->refusals, options->idempotency_ms) &&
           rate_limit_table_init(&shard->rates, options->reserve_per_minute,
                                 options->reserve_burst) &&
           order_table_init(&shard->orders);
}

struct shard *shard_new(const struct shard_options *options)
{
    struct shard *shard = memory_new(sizeof *shard);

    if (!shard)
        return NULL;
    shard->options = *options;
    if (shard->options.hold_ms_max == 0)
        shard->options.hold_ms_max = 3 * shard->options.reservation_ttl_ms;
    /* An empty list, so that a half-made shard can be freed. */
    shard->keys.oldest = SLAB_NONE;
    if (init_tables(shard))
        return shard;
    shard_free(shard);
    return NULL;
}

void shard_free(struct shard *shard)
{
    if (!shard)
        return;
    for (uint32_t i = 0; i < shard->zones.used; i++)
        zone_free(shard_zone_at(shard, i));
    order_table_release(&shard->orders);
    rate_limit_table_release(&shard->rates);
    refusal_memory_release(&shard->refusals);
    idempotency_table_release(&shard->keys);
    quota_table_release(&shard->quotas);
    block_table_release(&shard->blocks);
    booking_table_release(&shard->bookings);
    hash_index_release(&shard->zone_by_id);
    slab_release(&shard->zones);
    memory_release(shard->changed_zones, CATALOG_ZONES_MAX * sizeof *shard->changed_zones);
    memory_release(shard->outdated_zones, CATALOG_ZONES_MAX * sizeof *shard->outdated_zones);
    memory_release(shard->open_seats, block_bitmap_bytes(SEAT_PLAN_SEATS_MAX));
    catalog_free(shard->catalog);
    memory_free(shard);
}

struct catalog *shard_catalog(struct shard *shard)
{
    return shard->catalog;
}

/* A decision asks for its zone several times over: the last one is kept. */
uint32_t shard_zone_number(struct shard *shard, const struct uuid *zone_id)
{
    uint32_t last = shard->zone_last;

    if (last < shard->zones.used && uuid_equal(&shard_zone_at(shard, last)->id, zone_id))
        return last;
    uint32_t number = hash_index_find(&shard->zone_by_id, hash_uuid(zone_id), zone_id);
    if (number != HASH_INDEX_MISSING)
        shard->zone_last = number;
    return number;
}

bool shard_knows_zone(struct shard *shard, const struct uuid *zone_id)
{
    return shard_zone_number(shard, zone_id) != HASH_INDEX_MISSING;
}

uint16_t shard_zone_partition(struct shard *shard, const struct uuid *zone_id)
{
    uint32_t number = shard_zone_number(shard, zone_id);
    return number == HASH_INDEX_MISSING ? 0 : shard_zone_at(shard, number)->partition;
}

/* --- catalog --- */

bool shard_put_event(struct shard *shard, const struct catalog_event *event)
{
    return catalog_put_event(shard->catalog, event);
}

bool shard_put_show(struct shard *shard, const struct catalog_show *show)
{
    return catalog_put_show(shard->catalog, show);
}

static bool open_inventory(struct shard *shard, const struct catalog_zone *catalog_zone)
{
    const struct catalog_show *show = catalog_show(shard->catalog, &catalog_zone->show_id);
    uint32_t number = slab_take(&shard->zones);

    if (!show || number == SLAB_NONE)
        return false;
    struct zone *zone = zone_new(catalog_zone, (uint16_t)show->segment_count);
    if (!zone)
        return false;
    *(struct zone **)slab_at(&shard->zones, number) = zone;
    shard->zones_bytes += zone_bytes(zone);
    bool inserted = hash_index_insert(&shard->zone_by_id, hash_uuid(&zone->id), number);
    assert(inserted); /* the index has room for every slot of the slab */
    return true;
}

bool shard_put_zone(struct shard *shard, const struct catalog_zone *zone)
{
    bool is_owner =
        partition_shard_of(shard->options.partitions, &zone->id) == shard->options.index;

    if (is_owner && !shard_knows_zone(shard, &zone->id) && !open_inventory(shard, zone))
        return false;
    return catalog_put_zone(shard->catalog, zone);
}

/* --- what changed --- */

void shard_mark_changed(struct shard *shard, uint32_t number)
{
    struct zone *zone = shard_zone_at(shard, number);

    if (!zone->changed) {
        zone->changed = true;
        shard->changed_zones[shard->changed_zone_count++] = number;
    }
    if (!zone->hash_outdated) {
        zone->hash_outdated = true;
        shard->outdated_zones[shard->outdated_zone_count++] = number;
    }
}

uint32_t shard_take_changed_zones(struct shard *shard, struct shard_zone_counts *out, uint32_t max)
{
    uint32_t taken = 0;

    while (taken < max && shard->changed_zone_count > 0) {
        uint32_t number = shard->changed_zones[--shard->changed_zone_count];
        struct zone *zone = shard_zone_at(shard, number);
        zone->changed = false;
        out[taken++] = (struct shard_zone_counts){.counters = zone->counters,
                                                  .number = number,
                                                  .total = zone->total,
                                                  .available = zone_available_throughout(zone),
                                                  .reserved = zone->reserved,
                                                  .sold = zone->sold,
                                                  .blocked = zone_blocked(zone),
                                                  .changes = zone->changes,
                                                  .closed = zone->closed};
    }
    return taken;
}

uint32_t shard_zone_pairs(const struct shard *shard, uint32_t number, uint32_t *out)
{
    const struct zone *zone = shard_zone_at(shard, number);

    if (zone->segment_count == 1)
        return 0;
    zone_available_pairs(zone, out);
    return seat_map_pair_count(zone->segment_count);
}

uint64_t shard_zone_hash(struct shard *shard)
{
    while (shard->outdated_zone_count > 0) {
        struct zone *zone =
            shard_zone_at(shard, shard->outdated_zones[--shard->outdated_zone_count]);
        zone->hash_outdated = false;
        shard->zones_hash -= zone->state_hash;
        zone->state_hash = zone_state_hash(zone);
        shard->zones_hash += zone->state_hash;
    }
    return shard->bookings.state_hash + shard->blocks.state_hash + shard->zones_hash;
}

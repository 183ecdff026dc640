/* One worker's replica: entries by number in the order they came, an index by
 * id for each kind, and the lists event -> shows -> zones. */
#include "catalog.h"
#include "catalog_places.h"

#include <assert.h>
#include <string.h>

#include "hash_index.h"
#include "memory.h"
#include "hash.h"
#include "slab.h"
#include "trip_search.h"

/* Numbers of the shows of an event, or of the zones of a show. */
struct number_list {
    uint32_t *numbers;
    uint32_t count, capacity;
};

struct event_entry {
    const struct catalog_event *event;
    struct number_list shows;
};

struct show_entry {
    const struct catalog_show *show;
    struct number_list zones;
};

struct zone_entry {
    const struct catalog_zone *zone;
    uint32_t event;
};

struct catalog {
    struct slab events, shows, zones;
    struct hash_index event_by_id, event_by_slug, show_by_id, zone_by_id;
    struct places *places;
    struct trip_index *trips;
};

static bool event_matches(const void *slab, uint32_t slot, const void *id)
{
    const struct event_entry *entry = slab_at(slab, slot);
    return uuid_equal(&entry->event->id, id);
}

static uint64_t event_hash(const void *slab, uint32_t slot)
{
    const struct event_entry *entry = slab_at(slab, slot);
    return hash_uuid(&entry->event->id);
}

static bool slug_matches(const void *slab, uint32_t slot, const void *key)
{
    const struct event_entry *entry = slab_at(slab, slot);
    const struct text *slug = key;
    return entry->event->slug.length == slug->length &&
           memcmp(entry->event->slug.bytes, slug->bytes, slug->length) == 0;
}

static uint64_t slug_hash(const void *slab, uint32_t slot)
{
    const struct event_entry *entry = slab_at(slab, slot);
    return hash_bytes(entry->event->slug.bytes, entry->event->slug.length);
}

static bool show_matches(const void *slab, uint32_t slot, const void *id)
{
    const struct show_entry *entry = slab_at(slab, slot);
    return uuid_equal(&entry->show->id, id);
}

static uint64_t show_hash(const void *slab, uint32_t slot)
{
    const struct show_entry *entry = slab_at(slab, slot);
    return hash_uuid(&entry->show->id);
}

static bool zone_matches(const void *slab, uint32_t slot, const void *id)
{
    const struct zone_entry *entry = slab_at(slab, slot);
    return uuid_equal(&entry->zone->id, id);
}

static uint64_t zone_hash(const void *slab, uint32_t slot)
{
    const struct zone_entry *entry = slab_at(slab, slot);
    return hash_uuid(&entry->zone->id);
}

struct catalog *catalog_new(void)
{
    struct catalog *catalog = memory_new(sizeof *catalog);

    if (!catalog)
        return NULL;
    if (slab_init(&catalog->events, sizeof(struct event_entry), CATALOG_EVENTS_MAX) &&
        slab_init(&catalog->shows, sizeof(struct show_entry), CATALOG_SHOWS_MAX) &&
        slab_init(&catalog->zones, sizeof(struct zone_entry), CATALOG_ZONES_MAX) &&
        hash_index_init(&catalog->event_by_id, CATALOG_EVENTS_MAX, &catalog->events, event_matches,
                        event_hash) &&
        hash_index_init(&catalog->event_by_slug, CATALOG_EVENTS_MAX, &catalog->events, slug_matches,
                        slug_hash) &&
        hash_index_init(&catalog->show_by_id, CATALOG_SHOWS_MAX, &catalog->shows, show_matches,
                        show_hash) &&
        hash_index_init(&catalog->zone_by_id, CATALOG_ZONES_MAX, &catalog->zones, zone_matches,
                        zone_hash) &&
        (catalog->places = places_new()) != NULL && (catalog->trips = trip_index_new()) != NULL)
        return catalog;
    catalog_free(catalog);
    return NULL;
}

static void free_entries(struct catalog *catalog)
{
    for (uint32_t i = 0; i < catalog->events.used; i++) {
        struct event_entry *entry = slab_at(&catalog->events, i);
        catalog_event_release(entry->event);
        memory_free(entry->shows.numbers);
    }
    for (uint32_t i = 0; i < catalog->shows.used; i++) {
        struct show_entry *entry = slab_at(&catalog->shows, i);
        catalog_show_release(entry->show);
        memory_free(entry->zones.numbers);
    }
    for (uint32_t i = 0; i < catalog->zones.used; i++) {
        struct zone_entry *entry = slab_at(&catalog->zones, i);
        catalog_zone_release(entry->zone);
    }
}

void catalog_free(struct catalog *catalog)
{
    if (!catalog)
        return;
    free_entries(catalog);
    hash_index_release(&catalog->event_by_id);
    hash_index_release(&catalog->event_by_slug);
    hash_index_release(&catalog->show_by_id);
    hash_index_release(&catalog->zone_by_id);
    slab_release(&catalog->events);
    slab_release(&catalog->shows);
    slab_release(&catalog->zones);
    places_free(catalog->places);
    trip_index_free(catalog->trips);
    memory_free(catalog);
}

static bool list_add(struct number_list *list, uint32_t number)
{
    if (list->count == list->capacity) {
        uint32_t capacity = list->capacity ? 2 * list->capacity : 4;
        uint32_t *numbers = memory_new(capacity * sizeof *numbers);
        if (!numbers)
            return false;
        if (list->count > 0)
            memcpy(numbers, list->numbers, list->count * sizeof *numbers);
        memory_free(list->numbers);
        list->numbers = numbers;
        list->capacity = capacity;
    }
    list->numbers[list->count++] = number;
    return true;
}

static uint32_t find(const struct hash_index *index, const struct uuid *id)
{
    return hash_index_find(index, hash_uuid(id), id);
}

static uint64_t hash_of_slug(const struct catalog_event *event)
{
    return hash_bytes(event->slug.bytes, event->slug.length);
}

static void replace_event(struct catalog *catalog, uint32_t number,
                          const struct catalog_event *event)
{
    struct event_entry *entry = slab_at(&catalog->events, number);
    const struct catalog_event *before = entry->event;

    hash_index_remove(&catalog->event_by_slug, hash_of_slug(before), number);
    entry->event = event;
    bool inserted = hash_index_insert(&catalog->event_by_slug, hash_of_slug(event), number);
    assert(inserted); /* one was just removed */
    catalog_event_release(before);
}

bool catalog_put_event(struct catalog *catalog, const struct catalog_event *event)
{
    uint32_t number = find(&catalog->event_by_id, &event->id);
    if (number != HASH_INDEX_MISSING) {
        replace_event(catalog, number, event);
        return true;
    }
    number = slab_take(&catalog->events);
    if (number == SLAB_NONE)
        return false;
    struct event_entry *entry = slab_at(&catalog->events, number);
    entry->event = event;
    bool inserted = hash_index_insert(&catalog->event_by_id, hash_uuid(&event->id), number) &&
                    hash_index_insert(&catalog->event_by_slug, hash_of_slug(event), number);
    assert(inserted); /* the indices have room for every slot of the slab */
    return true;
}

bool catalog_put_show(struct catalog *catalog, const struct catalog_show *show)
{
    uint32_t number = find(&catalog->show_by_id, &show->id);
    if (number != HASH_INDEX_MISSING) {
        struct show_entry *entry = slab_at(&catalog->shows, number);
        assert(entry->show->stop_count == show->stop_count);
        catalog_show_release(entry->show);
        entry->show = show;
        return true;
    }
    uint32_t event = find(&catalog->event_by_id, &show->event_id);
    if (event == HASH_INDEX_MISSING || catalog->shows.used == catalog->shows.capacity ||
        !trip_index_has_room(catalog->trips))
        return false;
    struct event_entry *owner = slab_at(&catalog->events, event);
    if (!list_add(&owner->shows, catalog->shows.used) ||
        !trip_index_add(catalog->trips, catalog->shows.used, show))
        return false;
    number = slab_take(&catalog->shows);
    struct show_entry *entry = slab_at(&catalog->shows, number);
    entry->show = show;
    bool inserted = hash_index_insert(&catalog->show_by_id, hash_uuid(&show->id), number);
    assert(inserted);
    return true;
}

bool catalog_put_zone(struct catalog *catalog, const struct catalog_zone *zone)
{
    uint32_t number = find(&catalog->zone_by_id, &zone->id);
    if (number != HASH_INDEX_MISSING) {
        struct zone_entry *entry = slab_at(&catalog->zones, number);
        catalog_zone_release(entry->zone);
        entry->zone = zone;
        return true;
    }
    uint32_t show = find(&catalog->show_by_id, &zone->show_id);
    if (show == HASH_INDEX_MISSING || catalog->zones.used == catalog->zones.capacity)
        return false;
    struct show_entry *owner = slab_at(&catalog->shows, show);
    if (!list_add(&owner->zones, catalog->zones.used))
        return false;
    number = slab_take(&catalog->zones);
    struct zone_entry *entry = slab_at(&catalog->zones, number);
    entry->zone = zone;
    entry->event = find(&catalog->event_by_id, &owner->show->event_id);
    bool inserted = hash_index_insert(&catalog->zone_by_id, hash_uuid(&zone->id), number);
    assert(inserted);
    return true;
}

bool catalog_put_station(struct catalog *catalog, const struct catalog_station *station)
{
    return places_put_station(catalog->places, station);
}

bool catalog_put_route(struct catalog *catalog, const struct catalog_route *route)
{
    return places_put_route(catalog->places, route);
}

const struct places *catalog_places(const struct catalog *catalog)
{
    return catalog->places;
}

const struct trip_index *catalog_trips(const struct catalog *catalog)
{
    return catalog->trips;
}

const struct catalog_event *catalog_event(const struct catalog *catalog, const struct uuid *id)
{
    return catalog_event_by_number(catalog, catalog_event_number(catalog, id));
}

const struct catalog_event *catalog_event_by_slug(const struct catalog *catalog, const char *slug,
                                                  size_t length)
{
    struct text key = {slug, (uint32_t)length};
    if (length > CATALOG_SLUG_BYTES_MAX)
        return NULL;
    return catalog_event_by_number(
        catalog, hash_index_find(&catalog->event_by_slug, hash_bytes(slug, length), &key));
}

const struct catalog_show *catalog_show(const struct catalog *catalog, const struct uuid *id)
{
    uint32_t number = find(&catalog->show_by_id, id);
    if (number == HASH_INDEX_MISSING)
        return NULL;
    const struct show_entry *entry = slab_at(&catalog->shows, number);
    return entry->show;
}

const struct catalog_zone *catalog_zone(const struct catalog *catalog, const struct uuid *id)
{
    uint32_t number = find(&catalog->zone_by_id, id);
    return number == HASH_INDEX_MISSING ? NULL : catalog_zone_at(catalog, number);
}

const struct catalog_zone *catalog_zone_and_event(const struct catalog *catalog,
                                                  const struct uuid *zone_id,
                                                  const struct catalog_event **event,
                                                  uint32_t *event_number)
{
    uint32_t number = find(&catalog->zone_by_id, zone_id);
    if (number == HASH_INDEX_MISSING)
        return NULL;
    const struct zone_entry *entry = slab_at(&catalog->zones, number);
    *event_number = entry->event;
    *event = catalog_event_by_number(catalog, entry->event);
    return entry->zone;
}

uint32_t catalog_event_number(const struct catalog *catalog, const struct uuid *id)
{
    return find(&catalog->event_by_id, id);
}

const struct catalog_event *catalog_event_by_number(const struct catalog *catalog, uint32_t number)
{
    if (number >= catalog->events.used)
        return NULL;
    const struct event_entry *entry = slab_at(&catalog->events, number);
    return entry->event;
}

uint32_t catalog_event_count(const struct catalog *catalog)
{
    return catalog->events.used;
}

uint32_t catalog_show_count(const struct catalog *catalog)
{
    return catalog->shows.used;
}

const struct catalog_show *catalog_show_at(const struct catalog *catalog, uint32_t number)
{
    if (number >= catalog->shows.used)
        return NULL;
    const struct show_entry *entry = slab_at(&catalog->shows, number);
    return entry->show;
}

uint32_t catalog_zone_count(const struct catalog *catalog)
{
    return catalog->zones.used;
}

const struct catalog_zone *catalog_zone_at(const struct catalog *catalog, uint32_t index)
{
    if (index >= catalog->zones.used)
        return NULL;
    const struct zone_entry *entry = slab_at(&catalog->zones, index);
    return entry->zone;
}

const struct catalog_show *catalog_event_show(const struct catalog *catalog,
                                              const struct uuid *event_id, uint32_t index)
{
    uint32_t number = find(&catalog->event_by_id, event_id);
    if (number == HASH_INDEX_MISSING)
        return NULL;
    const struct event_entry *owner = slab_at(&catalog->events, number);
    if (index >= owner->shows.count)
        return NULL;
    const struct show_entry *entry = slab_at(&catalog->shows, owner->shows.numbers[index]);
    return entry->show;
}

const struct catalog_zone *catalog_show_zone(const struct catalog *catalog,
                                             const struct uuid *show_id, uint32_t index)
{
    uint32_t number = find(&catalog->show_by_id, show_id);
    if (number == HASH_INDEX_MISSING)
        return NULL;
    const struct show_entry *owner = slab_at(&catalog->shows, number);
    return index < owner->zones.count ? catalog_zone_at(catalog, owner->zones.numbers[index])
                                      : NULL;
}

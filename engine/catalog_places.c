/* Stations and routes do not change once made; a version that comes again (a log
 * replayed over another) takes the place of the one before. */
#include "catalog_places.h"

#include <assert.h>
#include <string.h>

#include "hash.h"
#include "hash_index.h"
#include "memory.h"
#include "slab.h"

struct places {
    struct slab stations, routes; /* of pointers */
    struct hash_index station_by_id, station_by_code, route_by_id;
};

static const struct catalog_station *station_at(const void *slab, uint32_t slot)
{
    return *(const struct catalog_station *const *)slab_at(slab, slot);
}

static const struct catalog_route *route_at(const void *slab, uint32_t slot)
{
    return *(const struct catalog_route *const *)slab_at(slab, slot);
}

static bool station_matches(const void *slab, uint32_t slot, const void *id)
{
    return uuid_equal(&station_at(slab, slot)->id, id);
}

static uint64_t station_hash(const void *slab, uint32_t slot)
{
    return hash_uuid(&station_at(slab, slot)->id);
}

static uint64_t hash_of_code(struct text code)
{
    return hash_bytes(code.bytes, code.length);
}

static bool code_matches(const void *slab, uint32_t slot, const void *key)
{
    const struct text *code = &station_at(slab, slot)->code;
    const struct text *wanted = key;
    return code->length == wanted->length && memcmp(code->bytes, wanted->bytes, code->length) == 0;
}

static uint64_t code_hash(const void *slab, uint32_t slot)
{
    return hash_of_code(station_at(slab, slot)->code);
}

static bool route_matches(const void *slab, uint32_t slot, const void *id)
{
    return uuid_equal(&route_at(slab, slot)->id, id);
}

static uint64_t route_hash(const void *slab, uint32_t slot)
{
    return hash_uuid(&route_at(slab, slot)->id);
}

struct places *places_new(void)
{
    struct places *places = memory_new(sizeof *places);

    if (places && slab_init(&places->stations, sizeof(void *), CATALOG_STATIONS_MAX) &&
        slab_init(&places->routes, sizeof(void *), CATALOG_ROUTES_MAX) &&
        hash_index_init(&places->station_by_id, CATALOG_STATIONS_MAX, &places->stations,
                        station_matches, station_hash) &&
        hash_index_init(&places->station_by_code, CATALOG_STATIONS_MAX, &places->stations,
                        code_matches, code_hash) &&
        hash_index_init(&places->route_by_id, CATALOG_ROUTES_MAX, &places->routes, route_matches,
                        route_hash))
        return places;
    places_free(places);
    return NULL;
}

void places_free(struct places *places)
{
    if (!places)
        return;
    for (uint32_t i = 0; i < places->stations.used; i++)
        catalog_station_release(station_at(&places->stations, i));
    for (uint32_t i = 0; i < places->routes.used; i++)
        catalog_route_release(route_at(&places->routes, i));
    hash_index_release(&places->station_by_id);
    hash_index_release(&places->station_by_code);
    hash_index_release(&places->route_by_id);
    slab_release(&places->stations);
    slab_release(&places->routes);
    memory_free(places);
}

static void replace_station(struct places *places, uint32_t number,
                            const struct catalog_station *station)
{
    const struct catalog_station *before = station_at(&places->stations, number);

    hash_index_remove(&places->station_by_code, hash_of_code(before->code), number);
    *(const struct catalog_station **)slab_at(&places->stations, number) = station;
    bool inserted =
        hash_index_insert(&places->station_by_code, hash_of_code(station->code), number);
    assert(inserted); /* one was just removed */
    catalog_station_release(before);
}

bool places_put_station(struct places *places, const struct catalog_station *station)
{
    uint64_t hash = hash_uuid(&station->id);
    uint32_t number = hash_index_find(&places->station_by_id, hash, &station->id);

    if (number != HASH_INDEX_MISSING) {
        replace_station(places, number, station);
        return true;
    }
    number = slab_take(&places->stations);
    if (number == SLAB_NONE)
        return false;
    *(const struct catalog_station **)slab_at(&places->stations, number) = station;
    bool inserted =
        hash_index_insert(&places->station_by_id, hash, number) &&
        hash_index_insert(&places->station_by_code, hash_of_code(station->code), number);
    assert(inserted); /* the indices have room for every slot of the slab */
    return true;
}

bool places_put_route(struct places *places, const struct catalog_route *route)
{
    uint64_t hash = hash_uuid(&route->id);
    uint32_t number = hash_index_find(&places->route_by_id, hash, &route->id);

    if (number != HASH_INDEX_MISSING) {
        catalog_route_release(route_at(&places->routes, number));
        *(const struct catalog_route **)slab_at(&places->routes, number) = route;
        return true;
    }
    number = slab_take(&places->routes);
    if (number == SLAB_NONE)
        return false;
    *(const struct catalog_route **)slab_at(&places->routes, number) = route;
    bool inserted = hash_index_insert(&places->route_by_id, hash, number);
    assert(inserted);
    return true;
}

/* --- what catalog.h promises --- */

uint32_t catalog_station_count(const struct catalog *catalog)
{
    return catalog_places(catalog)->stations.used;
}

const struct catalog_station *catalog_station_at(const struct catalog *catalog, uint32_t index)
{
    const struct places *places = catalog_places(catalog);
    return index < places->stations.used ? station_at(&places->stations, index) : NULL;
}

const struct catalog_station *catalog_station(const struct catalog *catalog, const struct uuid *id)
{
    const struct places *places = catalog_places(catalog);
    return catalog_station_at(catalog, hash_index_find(&places->station_by_id, hash_uuid(id), id));
}

const struct catalog_station *catalog_station_by_code(const struct catalog *catalog,
                                                      const char *code, size_t length)
{
    const struct places *places = catalog_places(catalog);
    struct text key = {code, (uint32_t)length};

    if (length > CATALOG_STATION_CODE_BYTES_MAX)
        return NULL;
    return catalog_station_at(catalog,
                              hash_index_find(&places->station_by_code, hash_of_code(key), &key));
}

uint32_t catalog_route_count(const struct catalog *catalog)
{
    return catalog_places(catalog)->routes.used;
}

const struct catalog_route *catalog_route_at(const struct catalog *catalog, uint32_t index)
{
    const struct places *places = catalog_places(catalog);
    return index < places->routes.used ? route_at(&places->routes, index) : NULL;
}

const struct catalog_route *catalog_route(const struct catalog *catalog, const struct uuid *id)
{
    const struct places *places = catalog_places(catalog);
    return catalog_route_at(catalog, hash_index_find(&places->route_by_id, hash_uuid(id), id));
}

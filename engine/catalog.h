/* What is on sale: events, their shows, and the shows' zones.
 *
 * Shard 0 decides every change. Each accepted change makes a new immutable
 * object; the object itself (not a copy) is handed to every worker, which keeps
 * it in its own replica, so reads are local and need no lock. References are
 * counted; the last worker to let go frees the object. Only a zone's counters
 * change in place: one writer (the worker that owns the zone), relaxed atomics,
 * and only with values whose log records are durable. */
#ifndef ENGINE_CATALOG_H
#define ENGINE_CATALOG_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "seat_plan.h"
#include "uuid.h"

enum {
    CATALOG_TITLE_BYTES_MAX = 200,
    CATALOG_SLUG_BYTES_MAX = 100,
    CATALOG_TEXT_BYTES_MAX = 200, /* venue, city, names */
    CATALOG_URL_BYTES_MAX = 500,
    CATALOG_DESCRIPTION_BYTES_MAX = 5000,
    CATALOG_ZONE_SEATS_MAX = 10000000,
    CATALOG_SEGMENTS_MAX = 64,
    CATALOG_STOPS_MAX = CATALOG_SEGMENTS_MAX + 1,
    CATALOG_STATION_CODE_BYTES_MAX = 16,
    CATALOG_ZONES_PER_SHOW_MAX = 1000,
    CATALOG_SHOWS_PER_EVENT_MAX = 1000,
    /* Of all organizers, for ever: every worker keeps every one. */
    CATALOG_EVENTS_MAX = 1 << 16,
    CATALOG_SHOWS_MAX = 1 << 18,
    CATALOG_ZONES_MAX = 1 << 20,
    CATALOG_STATIONS_MAX = 1 << 16,
    CATALOG_ROUTES_MAX = 1 << 16
};

/* Bytes that are not terminated; they live with the object that names them. */
struct text {
    const char *bytes;
    uint32_t length;
};

enum event_status { EVENT_DRAFT, EVENT_PUBLISHED, EVENT_CANCELLED };
enum zone_kind { ZONE_GENERAL, ZONE_SEATED };

struct catalog_event {
    _Atomic uint32_t references;
    enum event_status status;
    struct uuid id;
    struct uuid tenant_id;
    struct uuid organizer_id;
    uint64_t sale_start_ms; /* Unix milliseconds; 0: no bound */
    uint64_t sale_end_ms;
    uint64_t created_ms;
    uint64_t updated_ms;
    uint32_t max_per_user; /* tickets one user may hold or own, over all orders, for ever */
    bool sale_closed;      /* by hand, until reopened */
    bool allow_orphans;    /* named seats may leave a single one */
    struct text title, slug, description, venue, city, image_url;
};

struct catalog_station {
    _Atomic uint32_t references;
    struct uuid id;
    uint64_t created_ms;
    struct text code; /* short and unique, e.g. "DHA" */
    struct text name, city;
};

/* A row of stations that trips follow. */
struct catalog_route {
    _Atomic uint32_t references;
    uint32_t stop_count; /* 2..CATALOG_STOPS_MAX */
    struct uuid id;
    uint64_t created_ms;
    struct text name;
    const struct uuid *stations; /* [stop_count], each once */
};

struct catalog_stop {
    struct uuid station_id;
    uint64_t arrives_ms; /* Unix milliseconds; at the first stop as departs_ms */
    uint64_t departs_ms; /* at the last as arrives_ms; never less than arrives_ms */
};

struct catalog_show {
    _Atomic uint32_t references;
    uint32_t segment_count; /* 1 for all but trips */
    uint32_t stop_count;    /* 0 for all but trips, there segment_count + 1 */
    const struct catalog_stop *stops;
    struct uuid route_id; /* nil: none named */
    struct uuid id;
    struct uuid event_id;
    uint64_t show_date_ms;
    uint64_t created_ms;
    uint64_t updated_ms;
    struct text name;
};

/* Durable, published counts of one zone, on a cache line of their own. */
struct zone_counters {
    _Alignas(64) _Atomic uint32_t available;
    _Atomic uint32_t reserved;
    _Atomic uint32_t sold;
    _Atomic uint32_t versions; /* of the zone that share them; the last frees them */
    _Atomic uint32_t total;    /* capacity now: the catalog's total_seats is where it began */
    _Atomic uint32_t blocked;
    _Atomic uint32_t closed;  /* 1: the zone's sale is closed */
    _Atomic uint32_t changes; /* grows with every change of any place's state */
    /* Free places for each pair of stops, in the order of seat_map_pair; NULL if
     * there is one segment only. */
    _Atomic uint32_t *pairs;
    uint32_t pair_count;
    const struct seat_plan *plan; /* of a seated zone; freed with the counters */
};

struct catalog_zone {
    _Atomic uint32_t references;
    enum zone_kind kind;
    struct uuid id;
    struct uuid show_id;
    struct uuid event_id;
    int64_t price_minor;
    char currency[4]; /* ISO 4217, terminated */
    uint32_t total_seats;
    uint32_t segment_count; /* its show's, not in the log; 0: as 1, and no pairs are counted */
    uint64_t created_ms;
    uint64_t updated_ms;
    struct text name;
    /* A trip's zone may have a price for each segment: then a place costs their
     * sum over its way, and price_minor is that of the whole. 0: it has not. */
    uint32_t segment_price_count;
    const int64_t *segment_prices;
    /* Of a seated zone. The draft has the bytes; the first version decodes them, and
     * all versions share the plan as they share the counters. */
    const uint8_t *plan_bytes;
    uint32_t plan_length;
    const struct seat_plan *plan;
    /* Shared by all versions of the zone, of which the catalog always holds one. */
    struct zone_counters *counters;
};

/* Copies of a draft (whose texts and lists may point anywhere) into one allocation
 * with one reference. NULL: out of memory; of a zone also: its plan's bytes are
 * damaged or have not total_seats seats. The zone's copy shares `counters`, or makes
 * fresh ones (everything available) when the draft has none. */
struct catalog_event *catalog_event_new(const struct catalog_event *draft);
struct catalog_station *catalog_station_new(const struct catalog_station *draft);
struct catalog_route *catalog_route_new(const struct catalog_route *draft);
struct catalog_show *catalog_show_new(const struct catalog_show *draft);
struct catalog_zone *catalog_zone_new(const struct catalog_zone *draft);

struct catalog_event *catalog_event_share(const struct catalog_event *event);
struct catalog_station *catalog_station_share(const struct catalog_station *station);
struct catalog_route *catalog_route_share(const struct catalog_route *route);
struct catalog_show *catalog_show_share(const struct catalog_show *show);
struct catalog_zone *catalog_zone_share(const struct catalog_zone *zone);
void catalog_event_release(const struct catalog_event *event);
void catalog_station_release(const struct catalog_station *station);
void catalog_route_release(const struct catalog_route *route);
void catalog_show_release(const struct catalog_show *show);
void catalog_zone_release(const struct catalog_zone *zone);

/* The stop of a show at a station. UINT32_MAX: it does not stop there. */
uint32_t catalog_show_stop(const struct catalog_show *show, const struct uuid *station_id);

/* What is wrong with stops in themselves, whatever the stations are. */
enum catalog_stops_fault {
    CATALOG_STOPS_OK,
    CATALOG_STOPS_COUNT,  /* not 2..CATALOG_STOPS_MAX */
    CATALOG_STOPS_REPEAT, /* a station stands there twice */
    CATALOG_STOPS_TIMES   /* a stop departs before it arrives, or arrives before the last departs */
};
/* *at is the stop at fault. */
enum catalog_stops_fault catalog_check_stops(const struct catalog_stop *stops, uint32_t count,
                                             uint32_t *at);

/* The sum of a trip's segment prices, in minor units. False: one is negative, or as
 * many places as a zone may have could not be sold at that. */
bool catalog_sum_prices(const int64_t *prices, uint32_t count, int64_t *sum);

/* What a place costs from stop `from` to stop `to`. */
int64_t catalog_zone_price(const struct catalog_zone *zone, uint32_t from, uint32_t to);
/* Free places from stop `from` to stop `to`, as published. Any thread. */
uint32_t catalog_zone_left(const struct catalog_zone *zone, uint32_t from, uint32_t to);

/* --- one worker's replica: its thread only --- */

struct catalog;

struct catalog *catalog_new(void); /* NULL: out of memory */
void catalog_free(struct catalog *catalog);

/* Puts a version in place of the object with its id, or adds it; takes over the
 * caller's reference. False: out of memory, the reference stays the caller's. */
bool catalog_put_event(struct catalog *catalog, const struct catalog_event *event);
bool catalog_put_station(struct catalog *catalog, const struct catalog_station *station);
bool catalog_put_route(struct catalog *catalog, const struct catalog_route *route);
/* A show's stops are what they were when it was made. */
bool catalog_put_show(struct catalog *catalog, const struct catalog_show *show);
bool catalog_put_zone(struct catalog *catalog, const struct catalog_zone *zone);

/* NULL: unknown. Pointers hold until the next put. */
const struct catalog_event *catalog_event(const struct catalog *catalog, const struct uuid *id);
const struct catalog_event *catalog_event_by_slug(const struct catalog *catalog, const char *slug,
                                                  size_t length);
const struct catalog_station *catalog_station(const struct catalog *catalog, const struct uuid *id);
const struct catalog_station *catalog_station_by_code(const struct catalog *catalog,
                                                      const char *code, size_t length);
const struct catalog_route *catalog_route(const struct catalog *catalog, const struct uuid *id);
const struct catalog_show *catalog_show(const struct catalog *catalog, const struct uuid *id);
const struct catalog_zone *catalog_zone(const struct catalog *catalog, const struct uuid *id);

/* A zone, with its event and that event's number. NULL: unknown. */
const struct catalog_zone *catalog_zone_and_event(const struct catalog *catalog,
                                                  const struct uuid *zone_id,
                                                  const struct catalog_event **event,
                                                  uint32_t *event_number);

/* A dense number for an event, constant while this replica lives, so that the
 * quota table can key by 4 bytes. UINT32_MAX: unknown. */
uint32_t catalog_event_number(const struct catalog *catalog, const struct uuid *id);
const struct catalog_event *catalog_event_by_number(const struct catalog *catalog, uint32_t number);
/* All events and shows ever put in. */
uint32_t catalog_event_count(const struct catalog *catalog);
uint32_t catalog_show_count(const struct catalog *catalog);
/* By number, in the order they came. NULL past the end. */
const struct catalog_show *catalog_show_at(const struct catalog *catalog, uint32_t number);

/* All stations and routes, in the order they came. */
uint32_t catalog_station_count(const struct catalog *catalog);
const struct catalog_station *catalog_station_at(const struct catalog *catalog, uint32_t index);
uint32_t catalog_route_count(const struct catalog *catalog);
const struct catalog_route *catalog_route_at(const struct catalog *catalog, uint32_t index);

/* Which trips depart where and when (trip_search.h). */
struct trip_index;
const struct trip_index *catalog_trips(const struct catalog *catalog);

/* All zones, in the order they came. */
uint32_t catalog_zone_count(const struct catalog *catalog);
const struct catalog_zone *catalog_zone_at(const struct catalog *catalog, uint32_t index);

/* The shows of an event and the zones of a show, in the order they came.
 * NULL past the end. */
const struct catalog_show *catalog_event_show(const struct catalog *catalog,
                                              const struct uuid *event_id, uint32_t index);
const struct catalog_zone *catalog_show_zone(const struct catalog *catalog,
                                             const struct uuid *show_id, uint32_t index);

#endif

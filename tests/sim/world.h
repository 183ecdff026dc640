/* What is on sale in a run and who buys: events, shows, trips and zones in numbered
 * places, all drawn from the seed, so that an operation names them by number. Their
 * ids are the engine's, known once it has made them. */
#ifndef TESTS_SIM_WORLD_H
#define TESTS_SIM_WORLD_H

#include "../../engine/command.h"
#include "operation.h"

enum {
    SIM_EVENTS_MAX = 8,
    SIM_SHOWS_MAX = 16,
    SIM_ZONES_MAX = 32, /* two to a show */
    SIM_STATIONS_MAX = CATALOG_STOPS_MAX
};

static const uint64_t SIM_START_MS = 1700000000000;

struct sim_zone {
    bool seated, by_segment;
    uint32_t total, seat_count;
    uint16_t segments;
    int64_t price;
    int64_t prices[CATALOG_SEGMENTS_MAX];
    uint8_t *plan_bytes; /* owned */
    size_t plan_length;
};

struct sim_world {
    const struct sim_plan *plan;
    uint32_t event_count, show_count, zone_count, station_count;
    struct uuid events[SIM_EVENTS_MAX], shows[SIM_SHOWS_MAX], zones[SIM_ZONES_MAX];
    struct uuid stations[SIM_STATIONS_MAX], route;
    char slugs[SIM_EVENTS_MAX][16], codes[SIM_STATIONS_MAX][16];
    uint16_t stops[SIM_SHOWS_MAX]; /* 0: no trip */
    struct sim_zone zone[SIM_ZONES_MAX];
};

void sim_world_init(struct sim_world *world, const struct sim_plan *plan);
void sim_world_release(struct sim_world *world);

/* The engine made what the operation asked for. */
void sim_world_made(struct sim_world *world, const struct sim_operation *operation,
                    const struct uuid *id);
/* The operation, in order from 0, that the world still lacks to begin. False: none. */
bool sim_world_missing(const struct sim_world *world, struct sim_operation *operation);

struct uuid sim_user_id(uint32_t user);
/* Who sends the operation. */
struct actor sim_actor(const struct sim_world *world, const struct sim_operation *operation);
/* Where an order's item is. */
static inline uint16_t sim_item_zone(const struct sim_world *world,
                                     const struct sim_operation *order, uint32_t item)
{
    return (uint16_t)((order->zone + item * order->other) % world->zone_count);
}
static inline uint32_t sim_event_of_zone(const struct sim_world *world, uint32_t zone)
{
    return zone / 2 % world->event_count;
}

/* --- drafts for the catalog's commands: malloc'd, the command's --- */

struct catalog_event *sim_draft_event(const struct sim_world *world, uint32_t event);
struct catalog_show *sim_draft_show(const struct sim_world *world, uint32_t show);
struct catalog_zone *sim_draft_zone(const struct sim_world *world, uint32_t zone);
struct catalog_station *sim_draft_station(const struct sim_world *world, uint32_t station);
struct catalog_route *sim_draft_route(const struct sim_world *world);

#endif

#include "world.h"

#include <stdlib.h>

#include "table.h"

static void *must(void *memory)
{
    if (!memory)
        abort();
    return memory;
}

/* --- shapes --- */

static void add_row(struct seat_plan_builder *builder, struct sim_random *random, uint32_t row,
                    uint32_t seats)
{
    char label[16];

    seat_plan_add_row(builder, label, (size_t)snprintf(label, sizeof label, "%u", row + 1));
    for (uint32_t i = 0; i < seats; i++) {
        uint32_t draw = (uint32_t)sim_random_below(random, 100);
        uint8_t flags = draw < 4 ? SEAT_ACCESSIBLE : draw < 6 ? SEAT_COMPANION : 0;
        size_t length = (size_t)snprintf(label, sizeof label, "%u", i + 1);
        seat_plan_add_seat(builder, label, length, (uint32_t)sim_random_below(random, 20), flags,
                           i > 0 && draw > 90);
    }
}

static void draw_seats(struct sim_zone *zone, struct sim_random *random)
{
    struct seat_plan_builder *builder = must(seat_plan_builder_new());
    enum seat_plan_error error;
    uint32_t rows = 1 + (uint32_t)sim_random_below(random, 8);

    for (uint32_t row = 0; row < rows; row++) {
        uint32_t seats = 1 + (uint32_t)sim_random_below(random, 16);
        add_row(builder, random, row, seats);
        zone->seat_count += seats;
    }
    zone->plan_bytes = must(seat_plan_encode(builder, &zone->plan_length, &error));
    seat_plan_builder_free(builder);
    zone->total = zone->seat_count;
}

static void draw_zone(struct sim_world *world, struct sim_random *random, uint32_t number)
{
    struct sim_zone *zone = &world->zone[number];
    uint16_t stops = world->stops[number / 2];

    *zone = (struct sim_zone){.segments = stops ? (uint16_t)(stops - 1) : 1};
    zone->seated = sim_percent(random, world->plan->value[SIM_SEATED]);
    zone->price = (int64_t)sim_random_scale(random, 1, UINT64_C(1) << 36);
    zone->by_segment = zone->segments > 1 && sim_random_below(random, 2) == 0;
    if (zone->by_segment)
        zone->price = 0;
    for (uint16_t i = 0; zone->by_segment && i < zone->segments; i++) {
        zone->prices[i] = (int64_t)sim_random_scale(random, 1, 100000);
        zone->price += zone->prices[i];
    }
    /* A confirmed booking goes to another zone only at the same price. */
    if (world->plan->value[SIM_W_ORDER] && number % 4 == 1 && !zone->by_segment &&
        !world->zone[number - 1].by_segment)
        zone->price = world->zone[number - 1].price;
    if (zone->seated)
        draw_seats(zone, random);
    else
        zone->total = (uint32_t)sim_random_scale(random, 1, world->plan->value[SIM_CAPACITY]);
}

void sim_world_init(struct sim_world *world, const struct sim_plan *plan)
{
    struct sim_random random;

    memset(world, 0, sizeof *world);
    sim_random_init(&random, plan->seed, "world");
    world->plan = plan;
    world->event_count = plan->value[SIM_EVENTS];
    world->zone_count = plan->value[SIM_ZONES];
    world->show_count = (world->zone_count + 1) / 2;
    for (uint32_t i = 0; i < SIM_SHOWS_MAX; i++) {
        bool trip = sim_percent(&random, plan->value[SIM_TRIPS]);
        bool is_long = sim_random_below(&random, 30) == 0;
        uint16_t stops = (uint16_t)(3 + sim_random_below(&random, 6));
        world->stops[i] = !trip ? 0 : is_long ? CATALOG_STOPS_MAX : stops;
        if (i < world->show_count && world->stops[i] > world->station_count)
            world->station_count = world->stops[i];
    }
    for (uint32_t i = 0; i < SIM_ZONES_MAX; i++) {
        struct sim_random own;
        char name[16];
        snprintf(name, sizeof name, "zone %u", i);
        sim_random_init(&own, plan->seed, name);
        draw_zone(world, &own, i);
    }
    for (uint32_t i = 0; i < SIM_EVENTS_MAX; i++)
        snprintf(world->slugs[i], sizeof world->slugs[i], "event-%u", i & 255);
    for (uint32_t i = 0; i < SIM_STATIONS_MAX; i++)
        snprintf(world->codes[i], sizeof world->codes[i], "S%u", i & 255);
}

void sim_world_release(struct sim_world *world)
{
    for (uint32_t i = 0; i < SIM_ZONES_MAX; i++)
        free(world->zone[i].plan_bytes);
}

/* --- what is there --- */

void sim_world_made(struct sim_world *world, const struct sim_operation *operation,
                    const struct uuid *id)
{
    switch (operation->kind) {
    case SIM_MAKE_EVENT:
        world->events[operation->zone] = *id;
        break;
    case SIM_MAKE_SHOW:
        world->shows[operation->zone] = *id;
        break;
    case SIM_MAKE_ZONE:
        world->zones[operation->zone] = *id;
        break;
    case SIM_MAKE_STATION:
        world->stations[operation->zone] = *id;
        break;
    case SIM_MAKE_ROUTE:
        world->route = *id;
        break;
    default:
        break;
    }
}

static bool lacks(const struct uuid *ids, uint32_t count, struct sim_operation *operation,
                  enum sim_operation_kind kind, enum sim_role role)
{
    for (uint32_t i = 0; i < count; i++)
        if (uuid_is_nil(&ids[i])) {
            *operation = (struct sim_operation){
                .kind = (uint8_t)kind, .role = (uint8_t)role, .zone = (uint16_t)i};
            return true;
        }
    return false;
}

bool sim_world_missing(const struct sim_world *world, struct sim_operation *operation)
{
    return lacks(world->stations, world->station_count, operation, SIM_MAKE_STATION, SIM_ADMIN) ||
           lacks(world->events, world->event_count, operation, SIM_MAKE_EVENT, SIM_ORGANIZER) ||
           lacks(world->shows, world->show_count, operation, SIM_MAKE_SHOW, SIM_ORGANIZER) ||
           lacks(world->zones, world->zone_count, operation, SIM_MAKE_ZONE, SIM_ORGANIZER);
}

/* --- people --- */

struct uuid sim_user_id(uint32_t user)
{
    return uuid_v7(SIM_START_MS, (uint16_t)(sim_mix(user) & 0xfff), sim_mix(user + 1000003));
}

/* An operation on an event or a show numbers that; all others a zone. */
static uint32_t event_of(const struct sim_world *world, const struct sim_operation *operation)
{
    switch (operation->kind) {
    case SIM_MAKE_EVENT:
    case SIM_EVENT_STATUS:
    case SIM_EVENT_SALE:
    case SIM_SUMMARY:
    case SIM_MAKE_SHOW:
        return operation->zone % world->event_count;
    default:
        return sim_event_of_zone(world, operation->zone);
    }
}

struct actor sim_actor(const struct sim_world *world, const struct sim_operation *operation)
{
    uint32_t event = event_of(world, operation);

    switch ((enum sim_role)operation->role) {
    case SIM_USER:
        break;
    case SIM_ORGANIZER:
        return (struct actor){sim_user_id(1000000 + event), ROLE_ORGANIZER};
    case SIM_OTHER_ORGANIZER:
        return (struct actor){sim_user_id(1000000 + SIM_EVENTS_MAX), ROLE_ORGANIZER};
    case SIM_ADMIN:
        return (struct actor){sim_user_id(2000000), ROLE_ADMIN};
    }
    return (struct actor){sim_user_id(operation->user), ROLE_USER};
}

/* --- drafts --- */

static struct text text_of(const char *bytes)
{
    return (struct text){bytes, (uint32_t)strlen(bytes)};
}

struct catalog_event *sim_draft_event(const struct sim_world *world, uint32_t event)
{
    struct catalog_event *draft = must(calloc(1, sizeof *draft));
    struct sim_random random;

    sim_random_init(&random, world->plan->seed, world->slugs[event]);
    draft->status = EVENT_PUBLISHED;
    draft->max_per_user = (uint32_t)sim_random_scale(&random, 1, world->plan->value[SIM_LIMIT]);
    draft->allow_orphans = sim_random_below(&random, 2) == 0;
    if (sim_random_below(&random, 8) == 0)
        draft->sale_end_ms = SIM_START_MS + sim_random_scale(&random, 60000, 86400000);
    if (sim_random_below(&random, 8) == 0)
        draft->sale_start_ms = SIM_START_MS + sim_random_scale(&random, 1, 60000);
    draft->title = text_of("Evening");
    draft->slug = text_of(world->slugs[event]);
    return draft;
}

struct catalog_show *sim_draft_show(const struct sim_world *world, uint32_t show)
{
    uint16_t stops = world->stops[show];
    struct catalog_show *draft = must(calloc(1, sizeof *draft + stops * sizeof draft->stops[0]));
    struct catalog_stop *stop = (struct catalog_stop *)(draft + 1);

    draft->event_id = world->events[show % world->event_count];
    draft->show_date_ms = SIM_START_MS + 86400000;
    draft->name = text_of("Friday");
    draft->stop_count = stops;
    draft->stops = stop;
    for (uint16_t i = 0; i < stops; i++) {
        stop[i].station_id = world->stations[i];
        stop[i].arrives_ms = draft->show_date_ms + i * 600000ULL;
        stop[i].departs_ms = stop[i].arrives_ms + (i > 0 && i + 1 < stops ? 60000 : 0);
    }
    return draft;
}

struct catalog_zone *sim_draft_zone(const struct sim_world *world, uint32_t number)
{
    const struct sim_zone *zone = &world->zone[number];
    struct catalog_zone *draft = must(calloc(1, sizeof *draft));

    draft->kind = zone->seated ? ZONE_SEATED : ZONE_GENERAL;
    draft->show_id = world->shows[number / 2];
    draft->event_id = world->events[sim_event_of_zone(world, number)];
    draft->price_minor = zone->price;
    memcpy(draft->currency, "THB", 4);
    draft->total_seats = zone->total;
    draft->name = text_of("Stalls");
    draft->segment_price_count = zone->by_segment ? zone->segments : 0;
    draft->segment_prices = zone->prices;
    draft->plan_bytes = zone->plan_bytes;
    draft->plan_length = (uint32_t)zone->plan_length;
    return draft;
}

struct catalog_station *sim_draft_station(const struct sim_world *world, uint32_t station)
{
    struct catalog_station *draft = must(calloc(1, sizeof *draft));

    draft->code = text_of(world->codes[station]);
    draft->name = text_of("Station");
    draft->city = text_of("Dhaka");
    return draft;
}

struct catalog_route *sim_draft_route(const struct sim_world *world)
{
    struct catalog_route *draft = must(calloc(1, sizeof *draft));

    draft->stop_count = world->station_count;
    draft->name = text_of("Line");
    draft->stations = world->stations;
    return draft;
}

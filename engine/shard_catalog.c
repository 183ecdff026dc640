/* Shard 0 decides on the catalog. Nothing here changes state: a decision is a record. */
#include <assert.h>

#include "shard.h"
#include "shard_state.h"
#include "trip_search.h"

static bool may_change(const struct actor *actor, const struct catalog_event *event)
{
    return actor->role == ROLE_ADMIN ||
           (actor->role == ROLE_ORGANIZER && uuid_equal(&actor->id, &event->organizer_id));
}

static bool may_organize(const struct actor *actor)
{
    return actor->role == ROLE_ADMIN || actor->role == ROLE_ORGANIZER;
}

static enum result decide_event(const struct shard *shard, const struct command *command,
                                uint64_t now_ms, struct record *record)
{
    const struct catalog_event *draft = command->event;

    if (catalog_event_by_slug(shard->catalog, draft->slug.bytes, draft->slug.length))
        return RESULT_CONFLICT;
    if (catalog_event_count(shard->catalog) == CATALOG_EVENTS_MAX)
        return RESULT_INVALID_STATE;
    record->kind = RECORD_EVENT;
    record->event = *draft;
    record->event.organizer_id = command->actor.id;
    record->event.created_ms = record->event.updated_ms = now_ms;
    return RESULT_OK;
}

static enum result decide_event_status(const struct shard *shard, const struct command *command,
                                       uint64_t now_ms, struct record *record)
{
    const struct catalog_event *event =
        catalog_event(shard->catalog, &command->event_status.event_id);

    if (!event || !may_change(&command->actor, event))
        return RESULT_NOT_FOUND;
    if (event->status == command->event_status.status)
        return RESULT_OK;
    if (event->status == EVENT_CANCELLED)
        return RESULT_INVALID_STATE;
    record->kind = RECORD_EVENT;
    record->event = *event;
    record->event.status = command->event_status.status;
    record->event.updated_ms = now_ms;
    return RESULT_OK;
}

static enum result decide_event_sale(const struct shard *shard, const struct command *command,
                                     uint64_t now_ms, struct record *record)
{
    const struct catalog_event *event =
        catalog_event(shard->catalog, &command->event_status.event_id);

    if (!event || !may_change(&command->actor, event))
        return RESULT_NOT_FOUND;
    if (event->sale_closed == command->event_status.closed)
        return RESULT_OK;
    if (event->status == EVENT_CANCELLED)
        return RESULT_INVALID_STATE;
    record->kind = RECORD_EVENT;
    record->event = *event;
    record->event.sale_closed = command->event_status.closed;
    record->event.updated_ms = now_ms;
    return RESULT_OK;
}

/* --- stations, routes --- */

static enum result decide_station(const struct shard *shard, const struct command *command,
                                  uint64_t now_ms, struct record *record)
{
    const struct text *code = &command->station->code;

    if (code->length == 0 || code->length > CATALOG_STATION_CODE_BYTES_MAX)
        return RESULT_INVALID_STATE;
    if (catalog_station_by_code(shard->catalog, code->bytes, code->length))
        return RESULT_CONFLICT;
    if (catalog_station_count(shard->catalog) == CATALOG_STATIONS_MAX)
        return RESULT_INVALID_STATE;
    record->kind = RECORD_STATION;
    record->station = *command->station;
    record->station.created_ms = now_ms;
    return RESULT_OK;
}

static bool stands_before(const struct uuid *stations, uint32_t index)
{
    for (uint32_t i = 0; i < index; i++)
        if (uuid_equal(&stations[i], &stations[index]))
            return true;
    return false;
}

static enum result decide_route(const struct shard *shard, const struct command *command,
                                uint64_t now_ms, struct record *record)
{
    const struct catalog_route *draft = command->route;

    if (draft->stop_count < 2 || draft->stop_count > CATALOG_STOPS_MAX)
        return RESULT_INVALID_STATE;
    for (uint32_t i = 0; i < draft->stop_count; i++) {
        if (!catalog_station(shard->catalog, &draft->stations[i]))
            return RESULT_NOT_FOUND;
        if (stands_before(draft->stations, i))
            return RESULT_INVALID_STATE;
    }
    if (catalog_route_count(shard->catalog) == CATALOG_ROUTES_MAX)
        return RESULT_INVALID_STATE;
    record->kind = RECORD_ROUTE;
    record->route = *draft;
    record->route.created_ms = now_ms;
    return RESULT_OK;
}

/* --- shows --- */

/* A trip that names a route follows it, stop by stop. */
static bool follows(const struct catalog_route *route, const struct catalog_show *show)
{
    if (!route || route->stop_count != show->stop_count)
        return false;
    for (uint32_t i = 0; i < show->stop_count; i++)
        if (!uuid_equal(&route->stations[i], &show->stops[i].station_id))
            return false;
    return true;
}

static enum result check_stops(const struct shard *shard, const struct catalog_show *show)
{
    uint32_t at;

    if (show->stop_count == 0)
        return uuid_is_nil(&show->route_id) ? RESULT_OK : RESULT_INVALID_STATE;
    if (catalog_check_stops(show->stops, show->stop_count, &at) != CATALOG_STOPS_OK)
        return RESULT_INVALID_STATE;
    for (uint32_t i = 0; i < show->stop_count; i++)
        if (!catalog_station(shard->catalog, &show->stops[i].station_id))
            return RESULT_NOT_FOUND;
    if (!uuid_is_nil(&show->route_id) &&
        !follows(catalog_route(shard->catalog, &show->route_id), show))
        return RESULT_INVALID_STATE;
    return trip_index_has_room(catalog_trips(shard->catalog)) ? RESULT_OK : RESULT_INVALID_STATE;
}

static enum result decide_show(const struct shard *shard, const struct command *command,
                               uint64_t now_ms, struct record *record)
{
    const struct catalog_event *event = catalog_event(shard->catalog, &command->show->event_id);

    if (!event || !may_change(&command->actor, event))
        return RESULT_NOT_FOUND;
    if (event->status == EVENT_CANCELLED ||
        catalog_show_count(shard->catalog) == CATALOG_SHOWS_MAX ||
        catalog_event_show(shard->catalog, &event->id, CATALOG_SHOWS_PER_EVENT_MAX - 1))
        return RESULT_INVALID_STATE;
    enum result stops = check_stops(shard, command->show);
    if (stops != RESULT_OK)
        return stops;
    record->kind = RECORD_SHOW;
    record->show = *command->show;
    record->show.segment_count = command->show->stop_count == 0 ? 1 : command->show->stop_count - 1;
    record->show.created_ms = record->show.updated_ms = now_ms;
    return RESULT_OK;
}

/* --- zones --- */

/* What the connection's worker made of the request is checked again, but for the
 * plan's bytes: making the version decodes them, and nothing else has made them. */
static bool is_possible(const struct catalog_zone *zone, const struct catalog_show *show)
{
    int64_t sum;

    if ((zone->kind == ZONE_SEATED) != (zone->plan_length > 0))
        return false;
    if (zone->total_seats == 0 || zone->total_seats > CATALOG_ZONE_SEATS_MAX)
        return false;
    if (zone->segment_price_count == 0)
        return true;
    return zone->segment_price_count == show->segment_count &&
           catalog_sum_prices(zone->segment_prices, zone->segment_price_count, &sum) &&
           sum == zone->price_minor;
}

static enum result decide_zone(const struct shard *shard, const struct command *command,
                               uint64_t now_ms, struct record *record)
{
    const struct catalog_show *show = catalog_show(shard->catalog, &command->zone->show_id);
    const struct catalog_event *event =
        show ? catalog_event(shard->catalog, &show->event_id) : NULL;

    if (!event || !may_change(&command->actor, event))
        return RESULT_NOT_FOUND;
    if (event->status == EVENT_CANCELLED || !is_possible(command->zone, show) ||
        catalog_zone_count(shard->catalog) == CATALOG_ZONES_MAX ||
        catalog_show_zone(shard->catalog, &show->id, CATALOG_ZONES_PER_SHOW_MAX - 1))
        return RESULT_INVALID_STATE;
    record->kind = RECORD_ZONE;
    record->zone = *command->zone;
    record->zone.event_id = event->id;
    record->zone.segment_count = show->segment_count;
    record->zone.created_ms = record->zone.updated_ms = now_ms;
    return RESULT_OK;
}

bool shard_put_station(struct shard *shard, const struct catalog_station *station)
{
    return catalog_put_station(shard->catalog, station);
}

bool shard_put_route(struct shard *shard, const struct catalog_route *route)
{
    return catalog_put_route(shard->catalog, route);
}

enum result shard_decide_catalog(struct shard *shard, const struct command *command,
                                 uint64_t now_ms, struct record *record)
{
    assert(shard->options.index == 0);
    record->kind = 0;
    record->stamp_ms = now_ms;
    record->actor = command->actor;
    record->key = command->key;
    if (!may_organize(&command->actor))
        return RESULT_FORBIDDEN;
    switch (command->kind) {
    case COMMAND_EVENT_CREATE:
        return decide_event(shard, command, now_ms, record);
    case COMMAND_EVENT_STATUS:
        return decide_event_status(shard, command, now_ms, record);
    case COMMAND_SHOW_CREATE:
        return decide_show(shard, command, now_ms, record);
    case COMMAND_ZONE_CREATE:
        return decide_zone(shard, command, now_ms, record);
    case COMMAND_EVENT_SALE:
        return decide_event_sale(shard, command, now_ms, record);
    case COMMAND_STATION_CREATE:
        return decide_station(shard, command, now_ms, record);
    case COMMAND_ROUTE_CREATE:
        return decide_route(shard, command, now_ms, record);
    default:
        assert(false && "a command on the catalog");
        return RESULT_NOT_FOUND;
    }
}

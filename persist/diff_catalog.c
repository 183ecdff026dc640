/* Rows of the catalog, and of zones what the fold counts. */
#include "diff_state.h"

#include "../engine/command.h"
#include "replay_record.h"

static const struct catalog *catalog_of(const struct diff_state *state)
{
    return shard_catalog(state->fold.shard);
}

static bool event_row(const struct diff_state *state, const struct diff_key *key,
                      struct diff_row *row)
{
    const struct catalog_event *event = catalog_event(catalog_of(state), &key->id);
    if (event == NULL)
        return false;
    diff_field_uuid(row, &event->tenant_id);
    diff_field_uuid(row, &event->organizer_id);
    diff_field_text(row, &event->title);
    diff_field_text(row, &event->slug);
    diff_field_text_or_null(row, &event->description);
    diff_field_text_or_null(row, &event->venue);
    diff_field_text_or_null(row, &event->city);
    diff_field_text_or_null(row, &event->image_url);
    diff_field_string(row, replay_event_status_name(event->status));
    diff_field_time(row, event->sale_start_ms);
    diff_field_time(row, event->sale_end_ms);
    diff_field_number(row, event->max_per_user);
    diff_field_bool(row, event->sale_closed);
    diff_field_bool(row, !event->allow_orphans);
    diff_field_time(row, event->created_ms);
    diff_field_time(row, event->updated_ms);
    return true;
}

static bool show_row(const struct diff_state *state, const struct diff_key *key,
                     struct diff_row *row)
{
    const struct catalog_show *show = catalog_show(catalog_of(state), &key->id);
    if (show == NULL)
        return false;
    diff_field_uuid(row, &show->event_id);
    diff_field_text_or_null(row, &show->name);
    diff_field_time(row, show->show_date_ms);
    diff_field_number(row, show->segment_count);
    diff_field_uuid(row, &show->route_id);
    diff_field_time(row, show->created_ms);
    diff_field_time(row, show->updated_ms);
    return true;
}

static bool zone_row(const struct diff_state *state, const struct diff_key *key,
                     struct diff_row *row)
{
    const struct catalog_zone *zone = catalog_zone(catalog_of(state), &key->id);
    if (zone == NULL)
        return false;
    struct zone_facts facts;
    if (!shard_zone_facts(state->fold.shard, &key->id, &facts))
        return false;
    const struct catalog_show *show = catalog_show(catalog_of(state), &zone->show_id);
    const bool trip = show != NULL && show->segment_count > 1;
    diff_field_uuid(row, &zone->show_id);
    diff_field_uuid(row, &zone->event_id);
    diff_field_text(row, &zone->name);
    diff_field_string(row, replay_zone_kind_name(zone->kind));
    diff_field_amount(row, zone->price_minor, zone->currency);
    diff_field_string(row, zone->currency);
    diff_field_number(row, facts.total);
    if (trip)
        diff_field_null(row);
    else
        diff_field_number(row, (int64_t)facts.total - facts.reserved - facts.sold - facts.blocked);
    diff_field_number(row, facts.reserved);
    diff_field_number(row, facts.sold);
    if (trip)
        diff_field_null(row);
    else
        diff_field_number(row, facts.blocked);
    diff_field_number(row, facts.target);
    diff_field_bool(row, facts.closed);
    diff_field_amounts(row, zone->segment_prices, zone->segment_price_count, zone->currency);
    diff_field_time(row, zone->created_ms);
    diff_field_time(row, zone->updated_ms);
    return true;
}

static bool station_row(const struct diff_state *state, const struct diff_key *key,
                        struct diff_row *row)
{
    const struct catalog_station *station = catalog_station(catalog_of(state), &key->id);
    if (station == NULL)
        return false;
    diff_field_text(row, &station->code);
    diff_field_text(row, &station->name);
    diff_field_text_or_null(row, &station->city);
    diff_field_time(row, station->created_ms);
    return true;
}

static bool route_row(const struct diff_state *state, const struct diff_key *key,
                      struct diff_row *row)
{
    const struct catalog_route *route = catalog_route(catalog_of(state), &key->id);
    if (route == NULL)
        return false;
    diff_field_text(row, &route->name);
    diff_field_time(row, route->created_ms);
    return true;
}

static bool route_stop_row(const struct diff_state *state, const struct diff_key *key,
                           struct diff_row *row)
{
    const struct catalog_route *route = catalog_route(catalog_of(state), &key->id);
    if (route == NULL || key->part >= route->stop_count)
        return false;
    diff_field_uuid(row, &route->stations[key->part]);
    return true;
}

static bool show_stop_row(const struct diff_state *state, const struct diff_key *key,
                          struct diff_row *row)
{
    const struct catalog_show *show = catalog_show(catalog_of(state), &key->id);
    if (show == NULL || key->part >= show->stop_count)
        return false;
    const struct catalog_stop *stop = &show->stops[key->part];
    diff_field_uuid(row, &stop->station_id);
    diff_field_time(row, stop->arrives_ms);
    diff_field_time(row, stop->departs_ms);
    return true;
}

static bool seat_row(const struct diff_state *state, const struct diff_key *key,
                     struct diff_row *row)
{
    const struct catalog_zone *zone = catalog_zone(catalog_of(state), &key->id);
    if (zone == NULL || zone->plan == NULL || key->part >= zone->plan->seat_count)
        return false;
    char label[SEAT_FULL_LABEL_BYTES];
    const struct seat *seat = &zone->plan->seats[key->part];
    (void)seat_plan_label(zone->plan, (uint32_t)key->part, label);
    diff_field_number(row, seat->row);
    diff_field_string(row, label);
    diff_field_number(row, seat->flags);
    diff_field_number(row, seat->rank);
    diff_field_bool(row, seat->opens_block);
    return true;
}

static bool segment_row(const struct diff_state *state, const struct diff_key *key,
                        struct diff_row *row)
{
    const struct diff_segments *segments = diff_segments_of(state, &key->id);
    if (segments == NULL || key->part >= segments->count)
        return false;
    diff_field_number(row, segments->reserved[key->part]);
    diff_field_number(row, segments->sold[key->part]);
    diff_field_number(row, segments->blocked[key->part]);
    return true;
}

bool diff_catalog_row(const struct diff_state *state, enum diff_table table,
                      const struct diff_key *key, struct diff_row *row)
{
    switch ((int)table) {
    case DIFF_EVENTS:
        return event_row(state, key, row);
    case DIFF_STATIONS:
        return station_row(state, key, row);
    case DIFF_ROUTES:
        return route_row(state, key, row);
    case DIFF_ROUTE_STOPS:
        return route_stop_row(state, key, row);
    case DIFF_SHOWS:
        return show_row(state, key, row);
    case DIFF_SHOW_STOPS:
        return show_stop_row(state, key, row);
    case DIFF_ZONES:
        return zone_row(state, key, row);
    case DIFF_SEGMENTS:
        return segment_row(state, key, row);
    default:
        return seat_row(state, key, row);
    }
}

/* --- all keys --- */

/* The object with this number of what the table's rows belong to, and how many rows
 * it has. False: past the end. */
static bool owner_at(const struct diff_state *state, enum diff_table table, uint32_t number,
                     struct uuid *id, uint64_t *rows)
{
    const struct catalog *catalog = catalog_of(state);
    *rows = 1;
    if (table == DIFF_EVENTS) {
        if (number >= catalog_event_count(catalog))
            return false;
        *id = catalog_event_by_number(catalog, number)->id;
    } else if (table == DIFF_STATIONS) {
        if (number >= catalog_station_count(catalog))
            return false;
        *id = catalog_station_at(catalog, number)->id;
    } else if (table == DIFF_ROUTES || table == DIFF_ROUTE_STOPS) {
        if (number >= catalog_route_count(catalog))
            return false;
        *id = catalog_route_at(catalog, number)->id;
        *rows = table == DIFF_ROUTES ? 1 : catalog_route_at(catalog, number)->stop_count;
    } else if (table == DIFF_SHOWS || table == DIFF_SHOW_STOPS) {
        if (number >= catalog_show_count(catalog))
            return false;
        *id = catalog_show_at(catalog, number)->id;
        *rows = table == DIFF_SHOWS ? 1 : catalog_show_at(catalog, number)->stop_count;
    } else if (table == DIFF_SEGMENTS) {
        if (number >= state->segments_count)
            return false;
        *id = state->segments[number].zone_id;
        *rows = state->segments[number].count;
    } else {
        if (number >= catalog_zone_count(catalog))
            return false;
        const struct catalog_zone *zone = catalog_zone_at(catalog, number);
        *id = zone->id;
        if (table == DIFF_SEATS)
            *rows = zone->plan != NULL ? zone->plan->seat_count : 0;
    }
    return true;
}

void diff_catalog_each(const struct diff_state *state, enum diff_table table, diff_visit *visit,
                       void *context)
{
    struct diff_key key = {0};
    uint64_t rows;
    for (uint32_t number = 0; owner_at(state, table, number, &key.id, &rows); number++) {
        for (key.part = 0; key.part < rows; key.part++) {
            if (!visit(context, &key))
                return;
        }
    }
}

/* Stations, routes and shows; a show with stops is a trip. */
#include <stdio.h>

#include "json_text.h"
#include "rest_organizer.h"
#include "rest_routes.h"
#include "rest_text.h"

enum { PATH_BYTES = 32 };

#define STATION_EXPECTED "the id or code of a station that there is, each once"

/* --- stations --- */

struct station_form {
    struct text code, name, city, idempotency_key;
};

#define CODE_EXPECTED "1 to 16 of A-Z, 0-9 and '-'"

static bool is_code(struct text code)
{
    for (uint32_t i = 0; i < code.length; i++) {
        char c = code.bytes[i];
        if ((c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '-')
            return false;
    }
    return code.length > 0;
}

enum rest_outcome rest_station_create(struct rest_call *call)
{
    static const struct form_field fields[] = {
        FORM_FIELD(struct station_form, code, FORM_WORD, true, 0, CATALOG_STATION_CODE_BYTES_MAX,
                   CODE_EXPECTED),
        FORM_FIELD(struct station_form, name, FORM_LINE, true, 0, CATALOG_TEXT_BYTES_MAX,
                   LINE_EXPECTED),
        FORM_FIELD(struct station_form, city, FORM_LINE, false, 0, CATALOG_TEXT_BYTES_MAX,
                   LINE_EXPECTED),
        FORM_KEY(struct station_form),
    };
    struct station_form form;
    struct form_faults faults;
    if (!form_read(call, fields, 4, &form, sizeof form, &faults))
        return REST_ANSWERED;
    if (form.code.bytes != NULL && !is_code(form.code))
        form_fault(&faults, "code", CODE_EXPECTED);
    uint64_t hash = rest_fold_text(0, form.code);
    hash = rest_fold_text(rest_fold_text(hash, form.name), form.city);
    struct request_key key = form_key(call, form.idempotency_key, hash, &faults);
    if (faults.count > 0)
        return form_refuse(call, &faults);
    struct catalog_station *draft = catalog_station_new(
        &(struct catalog_station){.code = form.code, .name = form.name, .city = form.city});
    struct command *command = rest_create_command(call, COMMAND_STATION_CREATE, key, draft);
    if (command == NULL)
        return REST_ANSWERED;
    command->station = draft;
    return rest_submit(call);
}

/* By id or code. NULL: none is named so. */
static const struct catalog_station *find_station(const struct rest_call *call,
                                                  const struct json_node *node)
{
    struct uuid id;
    const struct catalog *catalog = worker_catalog(call->rest->worker);
    if (node->type != JSON_STRING)
        return NULL;
    if (uuid_parse(&id, node->text, node->text_length))
        return catalog_station(catalog, &id);
    return catalog_station_by_code(catalog, node->text, node->text_length);
}

/* --- routes --- */

struct route_form {
    struct text name, idempotency_key;
    struct form_list stations;
};

static bool stands_before(const struct uuid *stations, uint32_t index)
{
    for (uint32_t i = 0; i < index; i++)
        if (uuid_equal(&stations[i], &stations[index]))
            return true;
    return false;
}

/* False: path names the first that is not known, or stands there already. */
static bool read_stations(const struct rest_call *call, const struct form_list *list,
                          struct uuid stations[CATALOG_STOPS_MAX], char path[PATH_BYTES])
{
    uint32_t count = 0;
    for (uint32_t i = list->first; i < list->end; i = list->nodes[i].next, count++) {
        const struct catalog_station *station = find_station(call, &list->nodes[i]);
        if (station != NULL)
            stations[count] = station->id;
        if (station != NULL && !stands_before(stations, count))
            continue;
        snprintf(path, PATH_BYTES, "stations[%u]", count);
        return false;
    }
    return true;
}

enum rest_outcome rest_route_create(struct rest_call *call)
{
    static const struct form_field fields[] = {
        FORM_FIELD(struct route_form, name, FORM_LINE, true, 0, CATALOG_TEXT_BYTES_MAX,
                   LINE_EXPECTED),
        FORM_FIELD(struct route_form, stations, FORM_LIST, true, 2, CATALOG_STOPS_MAX,
                   "a list of 2 to 65 ids or codes of stations, each once"),
        FORM_KEY(struct route_form),
    };
    struct route_form form;
    struct form_faults faults;
    struct uuid stations[CATALOG_STOPS_MAX];
    char path[PATH_BYTES];
    if (!form_read(call, fields, 3, &form, sizeof form, &faults))
        return REST_ANSWERED;
    if (faults.count == 0 && !read_stations(call, &form.stations, stations, path))
        form_fault(&faults, path, STATION_EXPECTED);
    uint64_t hash = rest_fold_text(0, form.name);
    if (faults.count == 0)
        hash = rest_fold(hash, stations, form.stations.count * sizeof stations[0]);
    struct request_key key = form_key(call, form.idempotency_key, hash, &faults);
    if (faults.count > 0)
        return form_refuse(call, &faults);
    struct catalog_route *draft = catalog_route_new(&(struct catalog_route){
        .name = form.name, .stop_count = form.stations.count, .stations = stations});
    struct command *command = rest_create_command(call, COMMAND_ROUTE_CREATE, key, draft);
    if (command == NULL)
        return REST_ANSWERED;
    command->route = draft;
    return rest_submit(call);
}

/* --- shows --- */

struct show_form {
    uint64_t show_date;
    struct text name, idempotency_key;
    struct uuid route_id;
    struct form_list stops;
};

#define STOPS_EXPECTED "a list of 2 to 65 stops"

static const struct form_field show_fields[] = {
    FORM_FIELD(struct show_form, show_date, FORM_TIME, false, 0, 0, TIME_EXPECTED),
    FORM_FIELD(struct show_form, name, FORM_LINE, false, 0, CATALOG_TEXT_BYTES_MAX, LINE_EXPECTED),
    FORM_FIELD(struct show_form, route_id, FORM_ID, false, 0, 0, "the id of a route"),
    FORM_FIELD(struct show_form, stops, FORM_LIST, false, 2, CATALOG_STOPS_MAX, STOPS_EXPECTED),
    FORM_KEY(struct show_form),
};

enum { SHOW_FIELD_COUNT = sizeof show_fields / sizeof show_fields[0] };

struct stop_form {
    const struct json_node *station;
    uint64_t arrives_at, departs_at;
};

static const struct form_field stop_fields[] = {
    FORM_FIELD(struct stop_form, station, FORM_STOP, false, INT32_MAX, 64, STATION_EXPECTED),
    FORM_FIELD(struct stop_form, arrives_at, FORM_TIME, false, 0, 0, TIME_EXPECTED),
    FORM_FIELD(struct stop_form, departs_at, FORM_TIME, false, 0, 0, TIME_EXPECTED),
};

/* The stops being read, with the place of the first fault. */
struct stop_list {
    struct catalog_stop stops[CATALOG_STOPS_MAX];
    uint32_t count;
    const struct catalog_route *route; /* NULL: none is followed */
    char path[PATH_BYTES];
};

static void stop_fault(struct stop_list *list, uint32_t stop, const char *member,
                       const char *expected, struct form_faults *faults)
{
    snprintf(list->path, sizeof list->path, "stops[%u]%s%s", stop, *member == '\0' ? "" : ".",
             member);
    form_fault(faults, list->path, expected);
}

/* Sent, or the route's; if both, the same. */
static bool read_stop_station(const struct rest_call *call, const struct stop_form *form,
                              struct stop_list *list, struct uuid *id)
{
    const struct uuid *of_route = list->route != NULL ? &list->route->stations[list->count] : NULL;
    if (form->station == NULL && of_route != NULL) {
        *id = *of_route;
        return true;
    }
    const struct catalog_station *station =
        form->station != NULL ? find_station(call, form->station) : NULL;
    if (station != NULL)
        *id = station->id;
    return station != NULL && (of_route == NULL || uuid_equal(of_route, id));
}

/* One of the times stands for both where it alone is sent. False: a fault was noted. */
static bool read_stop(const struct rest_call *call, const struct form_list *nodes, uint32_t node,
                      struct stop_list *list, struct form_faults *faults)
{
    struct stop_form form;
    struct form_faults own = {.count = 0};
    struct catalog_stop *stop = &list->stops[list->count];
    form_read_element(stop_fields, 3, nodes, node, &form, sizeof form, &own);
    if (own.count > 0) {
        char member[16];
        snprintf(member, sizeof member, "%.*s", (int)own.faults[0].field.length,
                 own.faults[0].field.bytes);
        stop_fault(list, list->count, member, own.faults[0].expected, faults);
        return false;
    }
    if (!read_stop_station(call, &form, list, &stop->station_id)) {
        stop_fault(list, list->count, "station",
                   list->route != NULL ? "the route's station, or to be left out"
                                       : STATION_EXPECTED,
                   faults);
        return false;
    }
    stop->arrives_ms = form.arrives_at != 0 ? form.arrives_at : form.departs_at;
    stop->departs_ms = form.departs_at != 0 ? form.departs_at : form.arrives_at;
    if (stop->arrives_ms == 0)
        stop_fault(list, list->count, "departs_at", TIME_EXPECTED, faults);
    list->count++;
    return stop->arrives_ms != 0;
}

static void check_stops(struct stop_list *list, struct form_faults *faults)
{
    uint32_t at;
    switch (catalog_check_stops(list->stops, list->count, &at)) {
    case CATALOG_STOPS_COUNT:
        form_fault(faults, "stops", STOPS_EXPECTED);
        break;
    case CATALOG_STOPS_REPEAT:
        stop_fault(list, at, "station", "each station once", faults);
        break;
    case CATALOG_STOPS_TIMES:
        stop_fault(list, at, "", "times in order: each arrival not before the last departure",
                   faults);
        break;
    case CATALOG_STOPS_OK:
        break;
    }
}

static void read_stops(const struct rest_call *call, const struct show_form *form,
                       struct stop_list *list, struct form_faults *faults)
{
    const struct form_list *nodes = &form->stops;
    if (!uuid_is_nil(&form->route_id)) {
        list->route = catalog_route(worker_catalog(call->rest->worker), &form->route_id);
        if (list->route == NULL)
            form_fault(faults, "route_id", "the id of a route");
        else if (nodes->nodes == NULL || nodes->count != list->route->stop_count)
            form_fault(faults, "stops", "as many stops as the route has stations");
    }
    if (nodes->nodes == NULL || faults->count > 0)
        return;
    for (uint32_t i = nodes->first; i < nodes->end; i = nodes->nodes[i].next)
        if (!read_stop(call, nodes, i, list, faults))
            return;
    check_stops(list, faults);
}

static uint64_t show_hash(const struct show_form *form, const struct uuid *event_id,
                          const struct stop_list *list)
{
    uint64_t hash = rest_fold(0, event_id, sizeof *event_id);
    hash = rest_fold(hash, &form->show_date, sizeof form->show_date);
    hash = rest_fold(rest_fold_text(hash, form->name), &form->route_id, sizeof form->route_id);
    return rest_fold(hash, list->stops, list->count * sizeof list->stops[0]);
}

enum rest_outcome rest_show_create(struct rest_call *call)
{
    struct show_form form;
    struct form_faults faults;
    struct stop_list list = {.count = 0};
    const struct catalog_event *event = rest_managed_event(call, rest_find_event(call));
    if (event == NULL ||
        !form_read_large(call, show_fields, SHOW_FIELD_COUNT, &form, sizeof form, &faults))
        return REST_ANSWERED;
    read_stops(call, &form, &list, &faults);
    if (form.show_date == 0 && list.count > 0)
        form.show_date = list.stops[0].departs_ms;
    else if (form.show_date == 0 && faults.count == 0)
        form_fault(&faults, "show_date", TIME_EXPECTED);
    struct request_key key =
        form_key(call, form.idempotency_key, show_hash(&form, &event->id, &list), &faults);
    if (faults.count > 0)
        return form_refuse(call, &faults);
    struct catalog_show *draft = catalog_show_new(&(struct catalog_show){
        .event_id = event->id,
        .segment_count = list.count > 0 ? list.count - 1 : 1,
        .stop_count = list.count,
        .stops = list.stops,
        .route_id = form.route_id,
        .show_date_ms = form.show_date,
        .name = form.name,
    });
    struct command *command = rest_create_command(call, COMMAND_SHOW_CREATE, key, draft);
    if (command == NULL)
        return REST_ANSWERED;
    command->show = draft;
    return rest_submit(call);
}

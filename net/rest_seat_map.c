/* The seats of a zone. Their states come from the zone's shard; what the answer needs
 * besides (which rows, which form) waits in the memo. A JSON answer holds whole rows up
 * to a bound of seats and says where to go on, so that no answer is longer than a few
 * hundred kilobytes; the compact form has two bits a seat and holds all of them. */
#include <xxhash.h>

#include "json_text.h"
#include "rest_call.h"
#include "rest_routes.h"

enum {
    SEATS_PER_ANSWER = 4000, /* in JSON; a row is never cut */
    ROWS_PER_ANSWER_MAX = 1000,
    ROW_FROM_MAX = 9999,
    MAP_BYTES = 384,
    ROW_BYTES = 48,
    SEAT_BYTES = 144,
    COMPACT_HEADER_BYTES = 24,
    COMPACT_VERSION = 1,
    ETAG_BYTES_MAX = 48,
    MEMO_COMPACT = 1 << 30, /* of rest_page: this, rows, row_from */
    MEMO_ROWS_SHIFT = 14
};

/* What was asked for besides the way. */
struct map_view {
    bool compact;
    uint32_t row_from, rows;
};

static uint32_t view_pack(struct map_view view)
{
    return (view.compact ? MEMO_COMPACT : 0) | view.rows << MEMO_ROWS_SHIFT | view.row_from;
}

static struct map_view view_unpack(uint32_t packed)
{
    return (struct map_view){.compact = (packed & MEMO_COMPACT) != 0,
                             .row_from = packed & ((1 << MEMO_ROWS_SHIFT) - 1),
                             .rows = (packed & ~(uint32_t)MEMO_COMPACT) >> MEMO_ROWS_SHIFT};
}

/* --- tags --- */

/* "<changes>-<hash of all else>". Changes are counted anew by every process, so its
 * number is part of the hash. */
struct tag_subject {
    uint64_t process;
    struct uuid zone_id;
    uint32_t from, to, view, unused;
};

static char *put_hex(char *at, uint64_t value, unsigned digits)
{
    while (digits-- > 0)
        *at++ = "0123456789abcdef"[value >> (4 * digits) & 15];
    return at;
}

static size_t put_tag_end(char *at, const struct worker_group *group, const struct uuid *zone_id,
                          uint32_t from, uint32_t to, struct map_view view)
{
    struct tag_subject subject = {group->process, *zone_id, from, to, view_pack(view), 0};
    char *end = put_hex(JSON_PUT(at, "-"), XXH3_64bits(&subject, sizeof subject), 16);
    return (size_t)(JSON_PUT(end, "\"") - at);
}

static int hex_of(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The version a client has, from the eight digits before the end of our tag. */
static bool known_changes(struct text list, const char *end, size_t length, uint32_t *changes)
{
    const char *found = list.bytes != NULL ? memmem(list.bytes, list.length, end, length) : NULL;
    if (found == NULL || found - list.bytes < 9 || found[-9] != '"')
        return false;
    *changes = 0;
    for (const char *digit = found - 8; digit < found; digit++) {
        if (hex_of(*digit) < 0)
            return false;
        *changes = *changes << 4 | (uint32_t)hex_of(*digit);
    }
    return true;
}

static void put_version(struct http_response *response, const char *etag, size_t length)
{
    static const char revalidate[] = "no-cache";
    http_response_header(response, "ETag", etag, length);
    http_response_header(response, "Cache-Control", revalidate, sizeof revalidate - 1);
}

/* --- bodies --- */

/* NULL: without states. Two bits a seat. */
static const char *state_name(const uint8_t *states, uint32_t seat)
{
    static const char *const names[] = {"free", "reserved", "sold", "blocked"};
    return names[states[seat / 4] >> 2 * (seat % 4) & 3];
}

static struct text label_at(const struct seat_plan *plan, uint32_t offset)
{
    return (struct text){plan->texts + offset, (uint32_t)strlen(plan->texts + offset)};
}

static char *put_seat(char *at, const struct seat_plan *plan, const uint8_t *states, uint32_t index)
{
    const struct seat *seat = &plan->seats[index];
    const struct seat_row *row = &plan->rows[seat->row];
    at = JSON_PUT(at, "{\"label\":");
    at = json_put_text(at, label_at(plan, seat->label));
    if (states != NULL) {
        at = JSON_PUT(at, ",\"state\":\"");
        at = stpcpy(at, state_name(states, index));
        *at++ = '"';
    }
    at = JSON_PUT(at, ",\"rank\":");
    at = json_put_count(at, seat->rank);
    if (seat->flags & SEAT_ACCESSIBLE)
        at = JSON_PUT(at, ",\"accessible\":true");
    if (seat->flags & SEAT_COMPANION)
        at = JSON_PUT(at, ",\"companion\":true");
    if (seat->flags & SEAT_RESTRICTED_VIEW)
        at = JSON_PUT(at, ",\"restricted_view\":true");
    if (seat->opens_block && index != row->first)
        at = JSON_PUT(at, ",\"gap_before\":true");
    return JSON_PUT(at, "}");
}

static char *put_row(char *at, const struct seat_plan *plan, const uint8_t *states,
                     const struct seat_row *row)
{
    at = JSON_PUT(at, "{\"label\":");
    at = json_put_text(at, label_at(plan, row->label));
    at = JSON_PUT(at, ",\"seats\":[");
    for (uint32_t i = 0; i < row->count; i++) {
        if (i > 0)
            *at++ = ',';
        at = put_seat(at, plan, states, row->first + i);
    }
    return JSON_PUT(at, "]}");
}

/* One past the last row that fits an answer; *bytes grows by what they take at most. */
static uint32_t end_row(const struct seat_plan *plan, struct map_view view, size_t *bytes)
{
    uint32_t seats = 0, row = view.row_from;
    for (; plan != NULL && row < plan->row_count && row - view.row_from < view.rows; row++) {
        uint32_t count = plan->rows[row].count;
        if (seats > 0 && seats + count > SEATS_PER_ANSWER)
            break;
        seats += count;
        /* A label of 16 bytes is at most 6 times as long when escaped. */
        *bytes += ROW_BYTES + 6 * SEAT_LABEL_BYTES_MAX +
                  (size_t)count * (SEAT_BYTES + 6 * SEAT_LABEL_BYTES_MAX);
    }
    return row;
}

static char *put_counted(char *at, const char *name, uint64_t value)
{
    at = JSON_PUT(at, ",\"");
    at = stpcpy(at, name);
    at = JSON_PUT(at, "\":");
    return json_put_count(at, value);
}

static char *put_map(char *at, const struct catalog_zone *zone, struct map_view view, uint32_t end,
                     const uint8_t *states)
{
    const struct seat_plan *plan = zone->plan;
    at = JSON_PUT(at, "{\"success\":true,\"data\":{\"zone_id\":");
    at = json_put_uuid(at, &zone->id);
    at = put_counted(at, "seat_count", plan != NULL ? plan->seat_count : 0);
    at = put_counted(at, "row_count", plan != NULL ? plan->row_count : 0);
    at = put_counted(at, "row_from", view.row_from);
    at = JSON_PUT(at, ",\"next_row\":");
    at = plan != NULL && end < plan->row_count ? json_put_count(at, end) : JSON_PUT(at, "null");
    at = JSON_PUT(at, ",\"rows\":[");
    for (uint32_t row = view.row_from; plan != NULL && row < end; row++) {
        if (row > view.row_from)
            *at++ = ',';
        at = put_row(at, plan, states, &plan->rows[row]);
    }
    return JSON_PUT(at, "]}}");
}

static char *put_little(char *at, uint32_t value, unsigned bytes)
{
    for (unsigned i = 0; i < bytes; i++, value >>= 8)
        *at++ = (char)(value & 255);
    return at;
}

/* "SEAT", version 1, bits a seat (2), from, to (16 bits each), seats, version of the
 * states, bytes that follow (32 bits each), all little-endian; then the states. */
static char *put_compact(char *at, const struct seat_states *states)
{
    at = JSON_PUT(at, "SEAT");
    at = put_little(at, COMPACT_VERSION, 2);
    at = put_little(at, 2, 2);
    at = put_little(at, states->from_segment, 2);
    at = put_little(at, states->to_segment, 2);
    at = put_little(at, states->seat_count, 4);
    at = put_little(at, states->changes, 4);
    at = put_little(at, states->length, 4);
    return json_put_bytes(at, (const char *)states->states, states->length);
}

/* --- the request --- */

/* A number in 0..max; `*number` stays where it is absent. False: answered. */
static bool query_number(struct rest_call *call, const char *name, uint32_t max,
                         const char *expected, uint32_t *number)
{
    char buffer[8];
    struct text value;
    uint32_t parsed = 0;
    enum rest_query found =
        rest_query_text(call->request->query, name, buffer, sizeof buffer, &value);
    if (found == REST_QUERY_ABSENT)
        return true;
    bool good = found == REST_QUERY_FOUND && value.length > 0 && value.length <= 5;
    for (uint32_t i = 0; good && i < value.length; i++) {
        good = value.bytes[i] >= '0' && value.bytes[i] <= '9';
        parsed = parsed * 10 + (uint32_t)(value.bytes[i] - '0');
    }
    if (good && parsed <= max) {
        *number = parsed;
        return true;
    }
    rest_field_problem(call, name, expected);
    return false;
}

/* Is the parameter there and one of two words? False: answered. */
static bool query_word(struct rest_call *call, const char *name, const char *usual,
                       const char *other, const char *expected, bool *is_other)
{
    char buffer[16];
    struct text value;
    enum rest_query found =
        rest_query_text(call->request->query, name, buffer, sizeof buffer, &value);
    *is_other = found == REST_QUERY_FOUND && value.length == strlen(other) &&
                memcmp(value.bytes, other, value.length) == 0;
    if (found == REST_QUERY_ABSENT || *is_other ||
        (found == REST_QUERY_FOUND && value.length == strlen(usual) &&
         memcmp(value.bytes, usual, value.length) == 0))
        return true;
    rest_field_problem(call, name, expected);
    return false;
}

/* A stop by its place on the way, its station's id or code. False: answered. */
static bool query_stop(struct rest_call *call, const struct catalog_show *show, const char *name,
                       uint32_t *stop)
{
    char buffer[64];
    struct text value;
    struct uuid id;
    const struct catalog *catalog = worker_catalog(call->rest->worker);
    const struct catalog_station *station = NULL;
    enum rest_query found =
        rest_query_text(call->request->query, name, buffer, sizeof buffer, &value);
    if (found == REST_QUERY_ABSENT)
        return true;
    if (show->stop_count > 0 && found == REST_QUERY_FOUND && value.length > 0) {
        station = uuid_parse(&id, value.bytes, value.length)
                      ? catalog_station(catalog, &id)
                      : catalog_station_by_code(catalog, value.bytes, value.length);
        if (station != NULL && (*stop = catalog_show_stop(show, &station->id)) != UINT32_MAX)
            return true;
        if (station == NULL && value.bytes[0] >= '0' && value.bytes[0] <= '9')
            return query_number(call, name, show->stop_count - 1, "a stop of the trip", stop);
    }
    rest_field_problem(call, name, "a stop of the trip: its place from 0, or its station");
    return false;
}

/* False: answered. The whole way is 0 and 0. */
static bool query_way(struct rest_call *call, const struct catalog_show *show, uint32_t *from,
                      uint32_t *to)
{
    *from = 0;
    *to = show->segment_count;
    if (!query_stop(call, show, "from_stop", from) || !query_stop(call, show, "to_stop", to))
        return false;
    if (*from >= *to) {
        rest_field_problem(call, "to_stop", "a stop after from_stop");
        return false;
    }
    return true;
}

static bool query_view(struct rest_call *call, struct map_view *view, bool *plan_only)
{
    *view = (struct map_view){.rows = ROWS_PER_ANSWER_MAX};
    if (!query_word(call, "format", "json", "compact", "json or compact", &view->compact) ||
        !query_word(call, "states", "true", "false", "true or false", plan_only) ||
        !query_number(call, "row_from", ROW_FROM_MAX, "an integer from 0 to 9999",
                      &view->row_from) ||
        !query_number(call, "rows", ROWS_PER_ANSWER_MAX, "an integer from 1 to 1000", &view->rows))
        return false;
    if (view->rows == 0)
        rest_field_problem(call, "rows", "an integer from 1 to 1000");
    else if (view->compact && *plan_only)
        rest_field_problem(call, "states", "to be left out of the compact form");
    return view->rows > 0 && !(view->compact && *plan_only);
}

static enum rest_outcome answer_unchanged(struct http_response *response, const char *etag,
                                          size_t length, const struct answer *answer)
{
    http_response_begin(response, 304, 0);
    put_version(response, etag, length);
    if (answer != NULL)
        rest_put_position(response, answer);
    http_response_body(response, NULL);
    http_response_end(response, 0);
    return REST_ANSWERED;
}

/* The plan alone never changes; it is answered here. */
static enum rest_outcome answer_plan(struct rest_call *call, const struct catalog_zone *zone,
                                     struct map_view view)
{
    char etag[ETAG_BYTES_MAX];
    char *end = JSON_PUT(etag, "\"plan");
    end += put_tag_end(end, worker_group(call->rest->worker), &zone->id, 0, 0, view);
    size_t length = (size_t)(end - etag), bytes_max = MAP_BYTES;
    if (rest_etag_matches(call->request->if_none_match, etag, length))
        return answer_unchanged(call->response, etag, length, NULL);
    uint32_t row_end = end_row(zone->plan, view, &bytes_max);
    http_response_begin(call->response, 200, bytes_max);
    put_version(call->response, etag, length);
    char *body = http_response_body(call->response, NULL);
    char *at = put_map(body, zone, view, row_end, NULL);
    http_response_end(call->response, (size_t)(at - body));
    return REST_ANSWERED;
}

static enum rest_outcome ask_states(struct rest_call *call, const struct catalog_zone *zone,
                                    struct map_view view, uint32_t from, uint32_t to)
{
    char end[ETAG_BYTES_MAX];
    struct command *command = rest_command(call, COMMAND_SEAT_MAP);
    if (command == NULL)
        return REST_ANSWERED;
    struct command_zone *query = &command->zone_change;
    query->zone_id = zone->id;
    query->from_segment = (uint16_t)from;
    query->to_segment = (uint16_t)to;
    size_t length = put_tag_end(end, worker_group(call->rest->worker), &zone->id, from, to, view);
    query->has_known =
        known_changes(call->request->if_none_match, end, length, &query->known_changes);
    call->memo->rest_page = view_pack(view);
    call->memo->rest_zone = zone->id;
    return rest_submit(call);
}

enum rest_outcome rest_seat_map(struct rest_call *call)
{
    struct uuid id;
    struct map_view view;
    bool plan_only;
    uint32_t from, to;
    const struct catalog *catalog = worker_catalog(call->rest->worker);
    const struct catalog_zone *zone = NULL;
    if (uuid_parse(&id, call->parameter.bytes, call->parameter.length))
        zone = catalog_zone(catalog, &id);
    if (zone == NULL || !rest_visible_event(call, catalog_event(catalog, &zone->event_id)))
        return rest_not_found(call);
    const struct catalog_show *show = catalog_show(catalog, &zone->show_id);
    if (!query_view(call, &view, &plan_only) || !query_way(call, show, &from, &to))
        return REST_ANSWERED;
    if (plan_only || zone->plan == NULL)
        return answer_plan(call, zone, view);
    return ask_states(call, zone, view, from, to);
}

/* --- the answer --- */

static void answer_compact(const struct seat_states *states, const struct answer *answer,
                           const char *etag, size_t length, struct http_response *response)
{
    http_response_begin(response, 200, COMPACT_HEADER_BYTES + states->length);
    put_version(response, etag, length);
    rest_put_position(response, answer);
    char *body = http_response_body(response, "application/octet-stream");
    http_response_end(response, (size_t)(put_compact(body, states) - body));
}

void rest_answer_seat_map(struct rest *rest, const struct answer *answer,
                          struct http_response *response)
{
    const struct http_memo *memo = http_response_memo(response);
    const struct seat_states *states = answer->seat_states;
    const struct catalog_zone *zone = catalog_zone(worker_catalog(rest->worker), &memo->rest_zone);
    struct map_view view = view_unpack(memo->rest_page);
    char etag[ETAG_BYTES_MAX];
    if (zone == NULL || zone->plan == NULL) {
        rest_behind(rest, response);
        return;
    }
    char *end = put_hex(JSON_PUT(etag, "\""), states->changes, 8);
    end += put_tag_end(end, worker_group(rest->worker), &zone->id, states->from_segment,
                       states->to_segment, view);
    size_t length = (size_t)(end - etag), bytes_max = MAP_BYTES;
    if (states->length == 0) {
        answer_unchanged(response, etag, length, answer);
        return;
    }
    if (view.compact) {
        answer_compact(states, answer, etag, length, response);
        return;
    }
    uint32_t row_end = end_row(zone->plan, view, &bytes_max);
    http_response_begin(response, 200, bytes_max);
    put_version(response, etag, length);
    rest_put_position(response, answer);
    char *body = http_response_body(response, NULL);
    http_response_end(response,
                      (size_t)(put_map(body, zone, view, row_end, states->states) - body));
}

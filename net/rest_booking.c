/* Bookings: reads of them, and the bodies of all successes on one booking. What a
 * booking is for comes from the worker's replica by its zone. */
#include "rest_form.h"

#include "json_text.h"
#include "rest_routes.h"

enum { ENVELOPE_BYTES = 96 };

#define UUID_EXPECTED "a UUID"

/* --- reads --- */

enum rest_outcome rest_booking_get(struct rest_call *call)
{
    struct uuid booking_id;
    if (!uuid_parse(&booking_id, call->parameter.bytes, call->parameter.length))
        return rest_not_found(call);
    struct command *command = rest_command(call, COMMAND_BOOKING_GET);
    if (command == NULL)
        return REST_ANSWERED;
    command->booking = (struct command_booking){.booking_id = booking_id};
    return rest_submit(call);
}

static enum rest_outcome list(struct rest_call *call, enum booking_filter filter)
{
    struct rest_page page;
    if (!rest_page(call, &page))
        return REST_ANSWERED;
    struct command *command = rest_command(call, COMMAND_BOOKING_LIST);
    if (command == NULL)
        return REST_ANSWERED;
    command->list =
        (struct command_list){.filter = filter, .page = page.number, .per_page = page.size};
    /* The answer must say which page it is; page numbers fit what the memo has. */
    call->memo->rest_page = page.number;
    call->memo->rest_flags = (uint8_t)page.size;
    return rest_submit(call);
}

enum rest_outcome rest_booking_list(struct rest_call *call)
{
    return list(call, BOOKING_FILTER_ALL);
}

enum rest_outcome rest_booking_pending(struct rest_call *call)
{
    return list(call, BOOKING_FILTER_PENDING);
}

enum rest_outcome rest_booking_summary(struct rest_call *call)
{
    char buffer[UUID_TEXT_LENGTH];
    struct text value;
    struct uuid event_id;
    enum rest_query found =
        rest_query_text(call->request->query, "event_id", buffer, sizeof buffer, &value);
    if (found != REST_QUERY_FOUND || !uuid_parse(&event_id, value.bytes, value.length))
        return rest_field_problem(call, "event_id", UUID_EXPECTED);
    const struct catalog_event *event =
        catalog_event(worker_catalog(call->rest->worker), &event_id);
    if (event == NULL || (event->status == EVENT_DRAFT && !rest_may_manage(call, event)))
        return rest_not_found(call);
    struct command *command = rest_command(call, COMMAND_BOOKING_SUMMARY);
    if (command == NULL)
        return REST_ANSWERED;
    command->list = (struct command_list){.event_id = event_id};
    return rest_submit(call);
}

/* --- answers --- */

/* A repeat tells what the first answer told, whatever became of the booking since. */
static enum booking_status spoken_of(const struct answer *answer)
{
    switch (answer->kind) {
    case COMMAND_RESERVE:
    case COMMAND_EXTEND:
        return BOOKING_RESERVED;
    case COMMAND_CONFIRM:
        return BOOKING_CONFIRMED;
    case COMMAND_CANCEL:
        return BOOKING_CANCELLED;
    case COMMAND_REFUND:
        return BOOKING_REFUNDED;
    default:
        return answer->booking.status;
    }
}

/* The zone has reached every replica before a booking of it can be made, so one
 * that is missing is our fault and no answer of ours would be true. */
static void answer_one(struct rest *rest, const struct answer *answer,
                       struct http_response *response)
{
    const struct catalog *catalog = worker_catalog(rest->worker);
    const struct catalog_zone *zone = catalog_zone(catalog, &answer->booking.zone_id);
    bool reserve = answer->kind == COMMAND_RESERVE;
    struct rest_booking booking = {.facts = &answer->booking,
                                   .seats = answer->seats,
                                   .seat_count = answer->seat_count,
                                   .as = spoken_of(answer),
                                   .named = answer->kind == COMMAND_BOOKING_GET};
    if (zone == NULL) {
        rest_behind(rest, response);
        return;
    }
    char *body;
    char *at =
        rest_open_answer(response, answer, reserve ? 201 : 200,
                         ENVELOPE_BYTES + rest_booking_bytes(catalog, zone, &booking), &body);
    at = rest_put_booking(at, catalog, zone, &booking);
    if (reserve) {
        at = JSON_PUT(at, ",\"remaining_seats\":");
        at = json_put_count(at, answer->booking.remaining);
    }
    at = JSON_PUT(at, "}}");
    http_response_end(response, (size_t)(at - body));
}

static struct rest_booking item_of(const struct booking_list *list, uint32_t i)
{
    const struct booking_item *item = &list->items[i];
    return (struct rest_booking){.facts = &item->facts,
                                 .seats = item->seats,
                                 .seat_count = item->seat_count,
                                 .as = item->facts.status,
                                 .named = true};
}

static char *put_items(char *at, const struct catalog *catalog, const struct booking_list *list)
{
    *at++ = '[';
    for (uint32_t i = 0; i < list->count; i++) {
        struct rest_booking booking = item_of(list, i);
        if (i > 0)
            *at++ = ',';
        at =
            rest_put_booking(at, catalog, catalog_zone(catalog, &booking.facts->zone_id), &booking);
        *at++ = '}';
    }
    *at++ = ']';
    return at;
}

static void answer_list(struct rest *rest, const struct answer *answer,
                        struct http_response *response)
{
    const struct catalog *catalog = worker_catalog(rest->worker);
    const struct http_memo *memo = http_response_memo(response);
    const struct booking_list *list = answer->list;
    size_t bytes_max = ENVELOPE_BYTES + REST_META_BYTES_MAX;
    for (uint32_t i = 0; i < list->count; i++) {
        struct rest_booking booking = item_of(list, i);
        const struct catalog_zone *zone = catalog_zone(catalog, &booking.facts->zone_id);
        if (zone == NULL) {
            rest_behind(rest, response);
            return;
        }
        bytes_max += rest_booking_bytes(catalog, zone, &booking) + 2;
    }
    char *body;
    char *at = rest_open_answer(response, answer, 200, bytes_max, &body);
    at = put_items(at, catalog, list);
    at = rest_put_meta(at, (struct rest_page){memo->rest_page, memo->rest_flags}, list->total);
    at = JSON_PUT(at, "}");
    http_response_end(response, (size_t)(at - body));
}

static void answer_summary(const struct answer *answer, struct http_response *response)
{
    const struct booking_summary *summary = &answer->summary;
    uint32_t taken = summary->reserved + summary->confirmed;
    char *body;
    char *at = rest_open_answer(response, answer, 200, ENVELOPE_BYTES + 192, &body);
    at = JSON_PUT(at, "{\"max_per_user\":");
    at = json_put_count(at, summary->limit);
    at = JSON_PUT(at, ",\"reserved\":");
    at = json_put_count(at, summary->reserved);
    at = JSON_PUT(at, ",\"confirmed\":");
    at = json_put_count(at, summary->confirmed);
    at = JSON_PUT(at, ",\"remaining\":");
    at = json_put_count(at, taken < summary->limit ? summary->limit - taken : 0);
    at = JSON_PUT(at, ",\"bookings\":");
    at = json_put_count(at, summary->bookings);
    at = JSON_PUT(at, "}}");
    http_response_end(response, (size_t)(at - body));
}

void rest_answer_booking(struct rest *rest, const struct answer *answer,
                         struct http_response *response)
{
    switch (answer->kind) {
    case COMMAND_BOOKING_LIST:
        answer_list(rest, answer, response);
        break;
    case COMMAND_BOOKING_SUMMARY:
        answer_summary(answer, response);
        break;
    default:
        answer_one(rest, answer, response);
        break;
    }
}

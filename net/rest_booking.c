/* Bookings: requests become commands for the user's home shard, answers become
 * bodies. What a booking is for comes from the worker's replica by its zone. */
#include "rest_form.h"

#include <xxhash.h>

#include "../engine/currency.h"
#include "json_text.h"
#include "rest_routes.h"

enum { ENVELOPE_BYTES = 96 };

/* --- reserve --- */

struct reserve_form {
    struct uuid zone_id, show_id, event_id;
    int64_t quantity;
    struct text unit_price;
    struct text idempotency_key;
    struct text seats, from_stop, to_stop, best_available, queue_pass;
};

#define UUID_EXPECTED "a UUID"
#define SEATED_LATER "to be left out: seated zones are not available yet"
#define TRIP_LATER "to be left out: trips are not available yet"

static const struct form_field reserve_fields[] = {
    FORM_FIELD(struct reserve_form, zone_id, FORM_ID, true, 0, 0, UUID_EXPECTED),
    FORM_FIELD(struct reserve_form, quantity, FORM_COUNT, true, 1, CATALOG_ZONE_SEATS_MAX,
               "an integer from 1 to 10000000"),
    FORM_FIELD(struct reserve_form, unit_price, FORM_DECIMAL, false, 0, 0,
               "a number in major units, with no more decimals than the currency has"),
    FORM_FIELD(struct reserve_form, show_id, FORM_ID, false, 0, 0, UUID_EXPECTED),
    FORM_FIELD(struct reserve_form, event_id, FORM_ID, false, 0, 0, UUID_EXPECTED),
    FORM_KEY(struct reserve_form),
    FORM_FIELD(struct reserve_form, seats, FORM_LATER, false, 0, 0, SEATED_LATER),
    FORM_FIELD(struct reserve_form, best_available, FORM_LATER, false, 0, 0, SEATED_LATER),
    FORM_FIELD(struct reserve_form, from_stop, FORM_LATER, false, 0, 0, TRIP_LATER),
    FORM_FIELD(struct reserve_form, to_stop, FORM_LATER, false, 0, 0, TRIP_LATER),
    FORM_FIELD(struct reserve_form, queue_pass, FORM_LATER, false, 0, 0,
               "to be left out: the waiting room is not available yet"),
};

enum { RESERVE_FIELD_COUNT = sizeof reserve_fields / sizeof reserve_fields[0] };

/* The price the client believes, in the zone's minor units. The currency of an
 * unknown zone is unknown too: any well-formed price will do, as the engine will
 * refuse the zone, and the price can match none. */
static int64_t price_believed(struct rest_call *call, const struct reserve_form *form,
                              struct form_faults *faults)
{
    const struct catalog_zone *zone =
        catalog_zone(worker_catalog(call->rest->worker), &form->zone_id);
    int64_t minor = 0;
    unsigned decimals = 3;
    if (zone != NULL) {
        int currency = currency_index(zone->currency, strlen(zone->currency));
        decimals = currency_at(currency)->decimals;
        call->memo->rest_flags = (uint8_t)(currency + 1);
    }
    if (money_parse(form->unit_price.bytes, form->unit_price.length, decimals, &minor) != MONEY_OK)
        form_fault(faults, "unit_price", reserve_fields[2].expected);
    return zone != NULL ? minor : INT64_MIN;
}

/* What makes two reserves the same request. No padding: it is hashed. */
struct reserve_identity {
    struct uuid zone_id, show_id, event_id;
    uint64_t quantity;
    uint64_t has_price;
    int64_t price_minor;
};

static uint64_t reserve_hash(const struct reserve_form *form, bool has_price, int64_t price_minor)
{
    struct reserve_identity identity = {form->zone_id,     form->show_id,
                                        form->event_id,    (uint64_t)form->quantity,
                                        has_price ? 1 : 0, price_minor};
    return XXH3_64bits(&identity, sizeof identity);
}

enum rest_outcome rest_booking_reserve(struct rest_call *call)
{
    struct reserve_form form;
    struct form_faults faults;
    if (!form_read(call, reserve_fields, RESERVE_FIELD_COUNT, &form, sizeof form, &faults))
        return REST_ANSWERED;
    bool has_price = form.unit_price.bytes != NULL;
    int64_t price_minor = has_price ? price_believed(call, &form, &faults) : 0;
    struct request_key key =
        form_key(call, form.idempotency_key, reserve_hash(&form, has_price, price_minor), &faults);
    if (faults.count > 0)
        return form_refuse(call, &faults);
    struct command *command = rest_command(call, COMMAND_RESERVE);
    if (command == NULL)
        return REST_ANSWERED;
    command->key = key;
    command->reserve = (struct command_reserve){.zone_id = form.zone_id,
                                                .quantity = (uint32_t)form.quantity,
                                                .has_price = has_price,
                                                .unit_price_minor = price_minor,
                                                .show_id = form.show_id,
                                                .event_id = form.event_id};
    return rest_submit(call);
}

/* --- confirm, cancel --- */

struct settle_form {
    struct uuid payment_id;
    struct text idempotency_key;
};

static const struct form_field settle_fields[] = {
    FORM_KEY(struct settle_form),
    FORM_FIELD(struct settle_form, payment_id, FORM_ID, false, 0, 0, UUID_EXPECTED),
};

/* Confirm takes all fields, cancel only the first. */
static enum rest_outcome settle(struct rest_call *call, enum command_kind kind, size_t field_count)
{
    struct settle_form form;
    struct form_faults faults;
    struct uuid booking_id;
    if (!uuid_parse(&booking_id, call->parameter.bytes, call->parameter.length))
        return rest_not_found(call);
    if (!form_read(call, settle_fields, field_count, &form, sizeof form, &faults))
        return REST_ANSWERED;
    struct uuid identity[2] = {booking_id, form.payment_id};
    struct request_key key =
        form_key(call, form.idempotency_key, XXH3_64bits(identity, sizeof identity), &faults);
    if (faults.count > 0)
        return form_refuse(call, &faults);
    struct command *command = rest_command(call, kind);
    if (command == NULL)
        return REST_ANSWERED;
    command->key = key;
    command->booking =
        (struct command_booking){.booking_id = booking_id, .payment_id = form.payment_id};
    return rest_submit(call);
}

enum rest_outcome rest_booking_confirm(struct rest_call *call)
{
    return settle(call, COMMAND_CONFIRM, 2);
}

enum rest_outcome rest_booking_cancel(struct rest_call *call)
{
    return settle(call, COMMAND_CANCEL, 1);
}

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

/* The zone has reached every replica before a booking of it can be made, so one
 * that is missing is our fault and no answer of ours would be true. */
static void answer_one(struct rest *rest, const struct answer *answer,
                       struct http_response *response)
{
    const struct catalog *catalog = worker_catalog(rest->worker);
    const struct booking_facts *booking = &answer->booking;
    const struct catalog_zone *zone = catalog_zone(catalog, &booking->zone_id);
    bool reserve = answer->kind == COMMAND_RESERVE;
    bool named = answer->kind == COMMAND_BOOKING_GET;
    enum booking_status as = reserve                           ? BOOKING_RESERVED
                             : answer->kind == COMMAND_CONFIRM ? BOOKING_CONFIRMED
                             : answer->kind == COMMAND_CANCEL  ? BOOKING_CANCELLED
                                                               : booking->status;
    if (zone == NULL) {
        rest_error(rest, 503, "UNAVAILABLE", "Not all of this is known here yet; try again.",
                   response);
        return;
    }
    char *body;
    char *at = rest_open_answer(response, answer, reserve ? 201 : 200,
                                ENVELOPE_BYTES + rest_booking_bytes(catalog, zone, named), &body);
    at = rest_put_booking(at, catalog, zone, booking, as, named);
    if (reserve) {
        at = JSON_PUT(at, ",\"remaining_seats\":");
        at = json_put_count(at, booking->remaining);
    }
    at = JSON_PUT(at, "}}");
    http_response_end(response, (size_t)(at - body));
}

static void answer_list(struct rest *rest, const struct answer *answer,
                        struct http_response *response)
{
    const struct catalog *catalog = worker_catalog(rest->worker);
    const struct http_memo *memo = http_response_memo(response);
    const struct booking_list *items = answer->list;
    size_t bytes_max = ENVELOPE_BYTES + REST_META_BYTES_MAX;
    for (uint32_t i = 0; i < items->count; i++) {
        const struct catalog_zone *zone = catalog_zone(catalog, &items->items[i].zone_id);
        if (zone == NULL) {
            rest_error(rest, 503, "UNAVAILABLE", "Not all of this is known here yet; try again.",
                       response);
            return;
        }
        bytes_max += rest_booking_bytes(catalog, zone, true) + 2;
    }
    char *body;
    char *at = rest_open_answer(response, answer, 200, bytes_max, &body);
    *at++ = '[';
    for (uint32_t i = 0; i < items->count; i++) {
        const struct booking_facts *booking = &items->items[i];
        if (i > 0)
            *at++ = ',';
        at = rest_put_booking(at, catalog, catalog_zone(catalog, &booking->zone_id), booking,
                              booking->status, true);
        *at++ = '}';
    }
    *at++ = ']';
    at = rest_put_meta(at, (struct rest_page){memo->rest_page, memo->rest_flags}, items->total);
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

/* The numbers behind a refusal by the engine, as members of its details. */
#include "../engine/currency.h"
#include "json_text.h"
#include "rest_seats.h"

static char *put_number(char *at, const char *name, uint64_t value)
{
    *at++ = '"';
    at = stpcpy(at, name);
    at = JSON_PUT(at, "\":");
    at = json_put_count(at, value);
    *at++ = ',';
    return at;
}

static char *put_moment(char *at, const char *name, uint64_t unix_ms)
{
    *at++ = '"';
    at = stpcpy(at, name);
    at = JSON_PUT(at, "\":");
    at = json_put_time_or_null(at, unix_ms);
    *at++ = ',';
    return at;
}

static char *put_name(char *at, const char *name, const char *value)
{
    *at++ = '"';
    at = stpcpy(at, name);
    at = JSON_PUT(at, "\":\"");
    at = stpcpy(at, value);
    at = JSON_PUT(at, "\",");
    return at;
}

static char *put_id(char *at, const char *name, const struct uuid *id)
{
    *at++ = '"';
    at = stpcpy(at, name);
    at = JSON_PUT(at, "\":");
    at = json_put_uuid(at, id);
    *at++ = ',';
    return at;
}

/* The refusal knows the price but not its currency; the zone does. */
static char *put_price(char *at, const struct catalog_zone *zone, int64_t price_minor)
{
    if (zone == NULL)
        return at;
    const struct currency *currency = rest_zone_currency(zone);
    at = JSON_PUT(at, "\"unit_price\":");
    at = money_format(at, price_minor, currency->decimals);
    *at++ = ',';
    return put_name(at, "currency", currency->code);
}

static const char *state_name(const struct answer *answer)
{
    switch (answer->kind) {
    case COMMAND_EVENT_STATUS:
    case COMMAND_EVENT_SALE:
        return "cancelled"; /* the one state that nothing leads out of */
    case COMMAND_SHOW_CREATE:
    case COMMAND_ZONE_CREATE:
        return "cancelled_or_full";
    case COMMAND_STATION_CREATE:
    case COMMAND_ROUTE_CREATE:
    case COMMAND_BLOCK_CREATE:
        return "full";
    case COMMAND_BLOCK_END:
        return "ended";
    default:
        return booking_status_name(answer->refusal.status);
    }
}

/* Of a zone the refusal is about: the engine says which where it knows better. */
static const struct catalog_zone *zone_of(const struct rest *rest, const struct answer *answer,
                                          const struct http_memo *memo)
{
    const struct uuid *id =
        uuid_is_nil(&answer->refusal.zone_id) ? &memo->rest_zone : &answer->refusal.zone_id;
    return catalog_zone(worker_catalog(rest->worker), id);
}

static char *put_seats(char *at, const struct rest *rest, const struct answer *answer,
                       const struct http_memo *memo)
{
    const struct catalog_zone *zone = zone_of(rest, answer, memo);
    if (zone == NULL || zone->plan == NULL || answer->seat_count == 0)
        return at;
    if (answer->result == RESULT_ORPHAN_SEAT) {
        at = JSON_PUT(at, "\"seat\":");
        at = rest_put_seat(at, zone->plan, answer->seats[0] & REST_SEAT_INDEX_MASK);
    } else {
        at = JSON_PUT(at, "\"seats\":");
        at = rest_put_refused_seats(at, zone->plan, answer);
    }
    return JSON_PUT(at, ",");
}

/* A reserve takes what one order may; a change what its booking has. */
static char *put_quantity(char *at, const struct answer *answer)
{
    uint32_t limit = answer->refusal.limit;
    if (answer->kind == COMMAND_EXCHANGE || answer->kind == COMMAND_EXCHANGE_ZONE)
        return JSON_PUT(at,
                        "\"fields\":[{\"field\":\"seats\",\"expected\":\"as many as the booking "
                        "has\"}],");
    at = JSON_PUT(at, "\"fields\":[{\"field\":\"quantity\",\"expected\":\"an integer from 1 to ");
    at = json_put_count(at, limit);
    at = JSON_PUT(at, "\"}],");
    return put_number(at, "limit", limit);
}

static char *put_kind(char *at, const struct answer *answer)
{
    switch (answer->kind) {
    case COMMAND_EXCHANGE_ZONE: /* seats that a general zone has not were refused before */
        return JSON_PUT(at,
                        "\"fields\":[{\"field\":\"zone_id\",\"expected\":\"a zone of a show that "
                        "has the booking's stops\"}],");
    case COMMAND_EXCHANGE:
        return JSON_PUT(
            at, "\"fields\":[{\"field\":\"seats\",\"expected\":\"to be left out: the zone has "
                "no numbered seats\"}],");
    case COMMAND_CAPACITY:
        return JSON_PUT(
            at, "\"fields\":[{\"field\":\"total_seats\",\"expected\":\"to be left out: the seats "
                "of a seated zone are its plan's\"}],");
    default:
        return JSON_PUT(at, "\"fields\":[{\"field\":\"kind\",\"expected\":\"general\"}],");
    }
}

static char *put_of_result(char *at, const struct rest *rest, const struct answer *answer,
                           const struct http_memo *memo)
{
    const struct refusal_detail *refusal = &answer->refusal;
    switch (answer->result) {
    case RESULT_SALE_NOT_OPEN:
        return put_moment(at, "opens_at", refusal->at_ms);
    case RESULT_SALE_CLOSED:
        return put_moment(at, "closed_at", refusal->at_ms);
    case RESULT_QUANTITY_INVALID:
        return put_quantity(at, answer);
    case RESULT_MAX_PER_USER_EXCEEDED:
        at = put_number(at, "limit", refusal->limit);
        return put_number(at, "held", refusal->held);
    case RESULT_PRICE_CHANGED:
        return put_price(at, zone_of(rest, answer, memo), refusal->price_minor);
    case RESULT_INSUFFICIENT_STOCK:
        at = put_number(at, "requested", refusal->requested);
        return put_number(at, "available", refusal->available);
    case RESULT_RESERVATION_EXPIRED:
        return put_moment(at, "expired_at", refusal->at_ms);
    case RESULT_INVALID_STATE:
        return put_name(at, "status", state_name(answer));
    case RESULT_CONFLICT:
        return put_name(at, "field", answer->kind == COMMAND_STATION_CREATE ? "code" : "slug");
    case RESULT_KIND_UNSUPPORTED:
        return put_kind(at, answer);
    case RESULT_SEAT_UNAVAILABLE:
    case RESULT_ORPHAN_SEAT:
    case RESULT_SEAT_NOT_IN_BOOKING:
        return put_seats(at, rest, answer, memo);
    case RESULT_SEATS_NOT_TOGETHER:
        at = put_number(at, "requested", refusal->requested);
        at = put_number(at, "available", refusal->available);
        return put_number(at, "together", refusal->together);
    case RESULT_HOLD_LIMIT_REACHED:
        return put_moment(at, "latest_expires_at", refusal->at_ms);
    case RESULT_CAPACITY_BELOW_SOLD:
        at = put_number(at, "requested", refusal->requested);
        return put_number(at, "held", refusal->held);
    case RESULT_PART_OF_ORDER:
        return put_id(at, "order_id", &refusal->order_id);
    case RESULT_RATE_LIMITED:
        return put_number(at, "limit", refusal->limit);
    case RESULT_OVERLOADED:
    case RESULT_STORAGE_LOW:
    case RESULT_SHUTTING_DOWN:
    case RESULT_INDETERMINATE:
        return put_name(at, "reason", result_name(answer->result));
    default:
        return at;
    }
}

char *rest_put_details(char *at, const struct rest *rest, const struct answer *answer,
                       const struct http_memo *memo)
{
    at = put_of_result(at, rest, answer, memo);
    return answer->kind == COMMAND_ORDER_CREATE ? put_number(at, "item", answer->refusal.item) : at;
}

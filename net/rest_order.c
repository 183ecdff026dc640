/* Orders: several reserves that are made together or not at all. */
#include <stdlib.h>
#include <xxhash.h>

#include "../engine/currency.h"
#include "json_text.h"
#include "rest_reserve.h"
#include "rest_routes.h"

enum { ENVELOPE_BYTES = 512, TOTAL_BYTES = 80 };

/* --- create --- */

struct order_form {
    struct form_list items;
    struct text idempotency_key;
};

static const struct form_field order_fields[] = {
    FORM_FIELD(struct order_form, items, FORM_LIST, true, 1, ORDER_ITEMS_MAX,
               "a list of 1 to 8 reserves"),
    FORM_KEY(struct order_form),
};

enum { ORDER_FIELD_COUNT = sizeof order_fields / sizeof order_fields[0] };

struct order_wishes {
    uint32_t count;
    uint32_t not_found; /* the first whose zone is unknown here, and one more; 0: none */
    uint64_t hash;
    struct reserve_wish wishes[ORDER_ITEMS_MAX];
};

static void read_items(struct rest_call *call, const struct form_list *items,
                       struct order_wishes *order, struct form_faults *faults)
{
    struct reserve_form form;
    order->count = order->not_found = 0;
    order->hash = 0;
    for (uint32_t i = items->first; i < items->end; i = items->nodes[i].next) {
        struct reserve_wish *wish = &order->wishes[order->count++];
        faults->item = order->count;
        form_read_element(reserve_fields, RESERVE_ITEM_FIELD_COUNT, items, i, &form, sizeof form,
                          faults);
        reserve_resolve(call, &form, wish, faults);
        if (wish->not_found && order->not_found == 0)
            order->not_found = order->count;
        order->hash = XXH3_64bits_withSeed(&wish->hash, sizeof wish->hash, order->hash);
    }
    faults->item = 0;
}

/* NULL: out of memory. */
static struct order_draft *order_draft(const struct order_wishes *order)
{
    struct order_draft *draft = calloc(1, sizeof *draft);
    if (draft == NULL)
        return NULL;
    draft->count = order->count;
    for (uint32_t i = 0; i < order->count; i++) {
        const struct reserve_wish *wish = &order->wishes[i];
        draft->items[i].reserve = wish->reserve;
        draft->items[i].seat_count = wish->seat_count;
        memcpy(draft->items[i].seats, wish->seats, wish->seat_count * sizeof wish->seats[0]);
    }
    return draft;
}

static enum rest_outcome refuse_unknown(struct rest_call *call, uint32_t item)
{
    char details[32];
    char *end = JSON_PUT(details, "\"item\":");
    end = json_put_count(end, item);
    *end++ = ',';
    return rest_problem(call->response,
                        &(struct rest_problem){.status = 404,
                                               .code = "NOT_FOUND",
                                               .message = "There is no such zone here.",
                                               .details = details,
                                               .details_length = (size_t)(end - details)});
}

enum rest_outcome rest_order_create(struct rest_call *call)
{
    struct order_form form;
    struct form_faults faults;
    struct order_wishes order = {.hash = 0};
    if (!form_read(call, order_fields, ORDER_FIELD_COUNT, &form, sizeof form, &faults))
        return REST_ANSWERED;
    if (faults.count == 0)
        read_items(call, &form.items, &order, &faults);
    struct request_key key = form_key(call, form.idempotency_key, order.hash, &faults);
    if (faults.count > 0)
        return form_refuse(call, &faults);
    if (order.not_found > 0)
        return refuse_unknown(call, order.not_found - 1);
    struct order_draft *draft = order_draft(&order);
    struct command *command = rest_create_command(call, COMMAND_ORDER_CREATE, key, draft);
    if (command == NULL)
        return REST_ANSWERED;
    command->order_draft = draft;
    return rest_submit(call);
}

/* --- confirm, cancel, get --- */

struct order_change_form {
    struct uuid payment_id;
    struct text idempotency_key;
};

static const struct form_field order_change_fields[] = {
    FORM_KEY(struct order_change_form),
    FORM_FIELD(struct order_change_form, payment_id, FORM_ID, false, 0, 0, "a UUID"),
};

/* Confirm takes all fields, cancel only the first. */
static enum rest_outcome change(struct rest_call *call, enum command_kind kind, size_t field_count)
{
    struct order_change_form form;
    struct form_faults faults;
    struct uuid order_id;
    if (!uuid_parse(&order_id, call->parameter.bytes, call->parameter.length))
        return rest_not_found(call);
    if (!form_read(call, order_change_fields, field_count, &form, sizeof form, &faults))
        return REST_ANSWERED;
    struct uuid identity[2] = {order_id, form.payment_id};
    struct request_key key =
        form_key(call, form.idempotency_key, XXH3_64bits(identity, sizeof identity), &faults);
    if (faults.count > 0)
        return form_refuse(call, &faults);
    struct command *command = rest_command(call, kind);
    if (command == NULL)
        return REST_ANSWERED;
    command->key = key;
    command->order.order_id = order_id;
    command->order.payment_id = form.payment_id;
    return rest_submit(call);
}

enum rest_outcome rest_order_confirm(struct rest_call *call)
{
    return change(call, COMMAND_ORDER_CONFIRM, 2);
}

enum rest_outcome rest_order_cancel(struct rest_call *call)
{
    return change(call, COMMAND_ORDER_CANCEL, 1);
}

enum rest_outcome rest_order_get(struct rest_call *call)
{
    struct uuid order_id;
    if (!uuid_parse(&order_id, call->parameter.bytes, call->parameter.length))
        return rest_not_found(call);
    struct command *command = rest_command(call, COMMAND_ORDER_GET);
    if (command == NULL)
        return REST_ANSWERED;
    command->order.order_id = order_id;
    return rest_submit(call);
}

/* --- answers --- */

static enum booking_status spoken_of(const struct answer *answer)
{
    switch (answer->kind) {
    case COMMAND_ORDER_CREATE:
        return BOOKING_RESERVED;
    case COMMAND_ORDER_CONFIRM:
        return BOOKING_CONFIRMED;
    case COMMAND_ORDER_CANCEL:
        return BOOKING_CANCELLED;
    default:
        return answer->order->status;
    }
}

static struct rest_booking item_of(const struct answer *answer, uint32_t i)
{
    const struct order_facts *order = answer->order;
    bool get = answer->kind == COMMAND_ORDER_GET;
    return (struct rest_booking){.facts = &order->items[i].booking,
                                 .seats = order->items[i].seats,
                                 .seat_count = order->items[i].seat_count,
                                 .as = get ? order->items[i].booking.status : spoken_of(answer),
                                 .named = get};
}

/* One sum for each currency, in the order they first come. Each item fits; should
 * their sum not, the most there is stands for it. */
struct total {
    const struct currency *currency;
    int64_t minor;
};

static uint32_t sum_up(const struct order_facts *order, const struct catalog_zone **zones,
                       struct total totals[ORDER_ITEMS_MAX])
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < order->count; i++) {
        const struct currency *currency = rest_zone_currency(zones[i]);
        uint32_t at = 0;
        while (at < count && totals[at].currency != currency)
            at++;
        if (at == count)
            totals[count++] = (struct total){currency, 0};
        const struct booking_facts *booking = &order->items[i].booking;
        int64_t product = 0;
        if (!money_multiply(booking->unit_price_minor, booking->quantity, &product) ||
            __builtin_add_overflow(totals[at].minor, product, &totals[at].minor))
            totals[at].minor = INT64_MAX;
    }
    return count;
}

static char *put_totals(char *at, const struct order_facts *order,
                        const struct catalog_zone **zones)
{
    struct total totals[ORDER_ITEMS_MAX];
    uint32_t count = sum_up(order, zones, totals);
    at = JSON_PUT(at, ",\"total_amounts\":[");
    for (uint32_t i = 0; i < count; i++) {
        at = i > 0 ? JSON_PUT(at, ",{\"total_amount\":") : JSON_PUT(at, "{\"total_amount\":");
        at = money_format(at, totals[i].minor, totals[i].currency->decimals);
        at = JSON_PUT(at, ",\"currency\":\"");
        at = stpcpy(at, totals[i].currency->code);
        at = JSON_PUT(at, "\"}");
    }
    return JSON_PUT(at, "]");
}

/* An order is over when the first of its bookings is. */
static uint64_t expires_ms(const struct order_facts *order)
{
    uint64_t soonest = UINT64_MAX;
    for (uint32_t i = 0; i < order->count; i++)
        if (order->items[i].booking.expires_ms < soonest)
            soonest = order->items[i].booking.expires_ms;
    return soonest;
}

static char *put_order(char *at, const struct catalog *catalog, const struct answer *answer,
                       const struct catalog_zone **zones)
{
    const struct order_facts *order = answer->order;
    at = JSON_PUT(at, "{\"order_id\":");
    at = json_put_uuid(at, &order->order_id);
    at = JSON_PUT(at, ",\"user_id\":");
    at = json_put_uuid(at, &order->user_id);
    at = JSON_PUT(at, ",\"status\":\"");
    at = stpcpy(at, booking_status_name(spoken_of(answer)));
    at = JSON_PUT(at, "\"");
    at = put_totals(at, order, zones);
    at = JSON_PUT(at, ",\"expires_at\":");
    at = json_put_time(at, expires_ms(order));
    at = JSON_PUT(at, ",\"bookings\":[");
    for (uint32_t i = 0; i < order->count; i++) {
        struct rest_booking booking = item_of(answer, i);
        if (i > 0)
            *at++ = ',';
        at = rest_put_booking(at, catalog, zones[i], &booking);
        *at++ = '}';
    }
    return JSON_PUT(at, "]}}");
}

void rest_answer_order(struct rest *rest, const struct answer *answer,
                       struct http_response *response)
{
    const struct catalog *catalog = worker_catalog(rest->worker);
    const struct order_facts *order = answer->order;
    const struct catalog_zone *zones[ORDER_ITEMS_MAX];
    size_t bytes_max = ENVELOPE_BYTES + TOTAL_BYTES * ORDER_ITEMS_MAX;
    for (uint32_t i = 0; i < order->count; i++) {
        struct rest_booking booking = item_of(answer, i);
        zones[i] = catalog_zone(catalog, &booking.facts->zone_id);
        if (zones[i] == NULL) {
            rest_behind(rest, response);
            return;
        }
        bytes_max += rest_booking_bytes(catalog, zones[i], &booking) + 2;
    }
    char *body;
    char *at = rest_open_answer(response, answer, answer->kind == COMMAND_ORDER_CREATE ? 201 : 200,
                                bytes_max, &body);
    at = put_order(at, catalog, answer, zones);
    http_response_end(response, (size_t)(at - body));
}

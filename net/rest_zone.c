/* Zones: making one, seated or general, and changing its capacity and its sale. */
#include <stdlib.h>

#include "../engine/currency.h"
#include "json_text.h"
#include "rest_organizer.h"
#include "rest_plan.h"
#include "rest_routes.h"
#include "rest_zone.h"

enum { FACTS_BYTES = 384 };

struct zone_form {
    struct text name, price, kind, idempotency_key;
    int currency;
    int64_t total_seats;
    struct form_list rows, segment_prices;
    const struct json_node *focal_point;
};

#define PRICE_EXPECTED                                                                             \
    "a number in major units, not negative, with no more decimals than the currency has"
#define SEGMENT_PRICES_EXPECTED "as many prices as the trip has segments, one less than its stops"

static const struct form_field zone_fields[] = {
    FORM_FIELD(struct zone_form, name, FORM_LINE, true, 0, CATALOG_TEXT_BYTES_MAX, LINE_EXPECTED),
    FORM_FIELD(struct zone_form, price, FORM_DECIMAL, false, 0, 0, PRICE_EXPECTED),
    FORM_FIELD(struct zone_form, currency, FORM_CURRENCY, true, 0, 0,
               "an ISO 4217 code such as EUR"),
    FORM_FIELD(struct zone_form, total_seats, FORM_COUNT, false, 1, CATALOG_ZONE_SEATS_MAX,
               "an integer from 1 to 10000000"),
    FORM_FIELD(struct zone_form, kind, FORM_WORD, false, 0, 16, "general or seated"),
    FORM_FIELD(struct zone_form, rows, FORM_LIST, false, 1, SEAT_PLAN_ROWS_MAX, ROWS_EXPECTED),
    FORM_FIELD(struct zone_form, focal_point, FORM_OBJECT, false, 0, 0, FOCAL_EXPECTED),
    FORM_FIELD(struct zone_form, segment_prices, FORM_LIST, false, 1, CATALOG_SEGMENTS_MAX,
               SEGMENT_PRICES_EXPECTED),
    FORM_KEY(struct zone_form),
};

enum { ZONE_FIELD_COUNT = sizeof zone_fields / sizeof zone_fields[0] };

/* A zone as it was asked for, on its way to a draft. */
struct zone_wish {
    enum zone_kind kind;
    int64_t price_minor;
    uint32_t segment_price_count;
    int64_t segment_prices[CATALOG_SEGMENTS_MAX];
    struct rest_plan plan;
    char price_path[40]; /* of a fault */
};

static bool text_is(struct text text, const char *wanted)
{
    return text.length == strlen(wanted) && memcmp(text.bytes, wanted, text.length) == 0;
}

/* A field that was sent badly is named once, not again as missing. */
static bool is_at_fault(const struct form_faults *faults, const char *field)
{
    for (uint32_t i = 0; i < faults->count; i++)
        if (text_is(faults->faults[i].field, field))
            return true;
    return false;
}

/* --- what does not go together --- */

static void check_general(const struct zone_form *form, struct form_faults *faults)
{
    if (form->total_seats == 0 && !is_at_fault(faults, "total_seats"))
        form_fault(faults, "total_seats", "an integer from 1 to 10000000");
    if (form->rows.nodes != NULL)
        form_fault(faults, "rows", "to be left out, or kind to be seated");
    if (form->focal_point != NULL)
        form_fault(faults, "focal_point", "to be left out, or kind to be seated");
}

static void check_seated(const struct zone_form *form, const struct rest_plan *plan,
                         struct form_faults *faults)
{
    if (form->rows.nodes == NULL && !is_at_fault(faults, "rows"))
        form_fault(faults, "rows", ROWS_EXPECTED);
    else if (form->total_seats != 0 && plan->bytes != NULL && form->total_seats != plan->seat_count)
        form_fault(faults, "total_seats", "as many as the rows have seats, or to be left out");
}

static enum zone_kind read_kind(const struct zone_form *form, struct form_faults *faults)
{
    if (form->kind.bytes == NULL || text_is(form->kind, "general"))
        return ZONE_GENERAL;
    if (!text_is(form->kind, "seated"))
        form_fault(faults, "kind", "general or seated");
    return ZONE_SEATED;
}

/* --- prices --- */

/* So high that all seats together overflow is refused here, so that no order's total
 * ever can. */
static void read_price(const struct zone_form *form, struct zone_wish *wish,
                       struct form_faults *faults)
{
    int64_t most;
    if (form->currency == 0 || form->price.bytes == NULL)
        return;
    unsigned decimals = currency_at(form->currency - 1)->decimals;
    if (money_parse(form->price.bytes, form->price.length, decimals, &wish->price_minor) !=
        MONEY_OK)
        form_fault(faults, "price", PRICE_EXPECTED);
    else if (!money_multiply(wish->price_minor, CATALOG_ZONE_SEATS_MAX, &most))
        form_fault(faults, "price", "a price that ten million seats can be sold at");
}

static bool read_segment_price(const struct zone_form *form, const struct json_node *node,
                               int64_t *minor)
{
    unsigned decimals = currency_at(form->currency - 1)->decimals;
    return node->type == JSON_NUMBER &&
           money_parse(node->text, node->text_length, decimals, minor) == MONEY_OK;
}

static void read_segment_prices(const struct zone_form *form, const struct catalog_show *show,
                                struct zone_wish *wish, struct form_faults *faults)
{
    const struct form_list *list = &form->segment_prices;
    int64_t sum;
    if (show->stop_count == 0 || list->count != show->segment_count) {
        form_fault(faults, "segment_prices",
                   show->stop_count == 0 ? "to be left out: the show is not a trip"
                                         : SEGMENT_PRICES_EXPECTED);
        return;
    }
    for (uint32_t i = list->first; form->currency != 0 && i < list->end; i = list->nodes[i].next) {
        int64_t *minor = &wish->segment_prices[wish->segment_price_count];
        if (!read_segment_price(form, &list->nodes[i], minor)) {
            char *end = JSON_PUT(wish->price_path, "segment_prices[");
            *(char *)JSON_PUT(json_put_count(end, wish->segment_price_count), "]") = '\0';
            form_fault(faults, wish->price_path, PRICE_EXPECTED);
            return;
        }
        wish->segment_price_count++;
    }
    if (!catalog_sum_prices(wish->segment_prices, wish->segment_price_count, &sum))
        form_fault(faults, "segment_prices", "prices that ten million seats can be sold at");
    else if (form->price.bytes != NULL && form->currency != 0 && sum != wish->price_minor)
        form_fault(faults, "price", "the sum of segment_prices, or to be left out");
    wish->price_minor = sum;
}

static void read_prices(const struct zone_form *form, const struct catalog_show *show,
                        struct zone_wish *wish, struct form_faults *faults)
{
    read_price(form, wish, faults);
    if (form->segment_prices.nodes != NULL)
        read_segment_prices(form, show, wish, faults);
    else if (form->price.bytes == NULL && !is_at_fault(faults, "price"))
        form_fault(faults, "price", PRICE_EXPECTED);
}

/* --- the draft --- */

static uint64_t zone_hash(const struct zone_form *form, const struct catalog_show *show,
                          const struct zone_wish *wish)
{
    int64_t numbers[4] = {wish->price_minor, form->total_seats, wish->kind,
                          (int64_t)wish->plan.hash};
    uint64_t hash = rest_fold(rest_fold(0, &show->id, sizeof show->id), numbers, sizeof numbers);
    hash = rest_fold(hash, wish->segment_prices,
                     wish->segment_price_count * sizeof wish->segment_prices[0]);
    if (form->currency != 0)
        hash = rest_fold(hash, currency_at(form->currency - 1)->code, 3);
    return rest_fold_text(hash, form->name);
}

/* In one block with its lists and name, and without counters: those are made for the
 * zone when it is decided, not for its draft. */
static struct catalog_zone *zone_draft(const struct zone_form *form,
                                       const struct catalog_show *show,
                                       const struct zone_wish *wish)
{
    size_t prices_bytes = wish->segment_price_count * sizeof wish->segment_prices[0];
    size_t plan_bytes = wish->plan.bytes != NULL ? wish->plan.length : 0;
    struct catalog_zone *draft =
        calloc(1, sizeof *draft + prices_bytes + plan_bytes + form->name.length);
    if (draft == NULL)
        return NULL;
    int64_t *prices = (int64_t *)(void *)(draft + 1);
    uint8_t *plan = (uint8_t *)prices + prices_bytes;
    char *name = (char *)plan + plan_bytes;
    memcpy(prices, wish->segment_prices, prices_bytes);
    if (plan_bytes > 0)
        memcpy(plan, wish->plan.bytes, plan_bytes);
    memcpy(name, form->name.bytes, form->name.length);
    draft->kind = wish->kind;
    draft->show_id = show->id;
    draft->event_id = show->event_id;
    draft->price_minor = wish->price_minor;
    memcpy(draft->currency, currency_at(form->currency - 1)->code, sizeof draft->currency);
    draft->total_seats =
        wish->kind == ZONE_SEATED ? wish->plan.seat_count : (uint32_t)form->total_seats;
    draft->segment_price_count = wish->segment_price_count;
    draft->segment_prices = prices;
    draft->plan_bytes = plan;
    draft->plan_length = (uint32_t)plan_bytes;
    draft->name = (struct text){name, form->name.length};
    return draft;
}

static const struct catalog_show *managed_show(struct rest_call *call)
{
    struct uuid id;
    const struct catalog *catalog = worker_catalog(call->rest->worker);
    const struct catalog_show *show = NULL;
    if (uuid_parse(&id, call->parameter.bytes, call->parameter.length))
        show = catalog_show(catalog, &id);
    const struct catalog_event *event =
        show == NULL ? NULL : catalog_event(catalog, &show->event_id);
    return rest_managed_event(call, event) == NULL ? NULL : show;
}

static enum rest_outcome submit_zone(struct rest_call *call, struct request_key key,
                                     struct catalog_zone *draft)
{
    struct command *command = rest_create_command(call, COMMAND_ZONE_CREATE, key, draft);
    if (command == NULL)
        return REST_ANSWERED;
    command->zone = draft;
    return rest_submit(call);
}

enum rest_outcome rest_zone_create(struct rest_call *call)
{
    struct zone_form form;
    struct form_faults faults;
    struct zone_wish wish = {.plan = {.bytes = NULL}};
    bool out_of_memory = false;
    const struct catalog_show *show = managed_show(call);
    if (show == NULL ||
        !form_read_large(call, zone_fields, ZONE_FIELD_COUNT, &form, sizeof form, &faults))
        return REST_ANSWERED;
    wish.kind = read_kind(&form, &faults);
    read_prices(&form, show, &wish, &faults);
    bool kind_known = !is_at_fault(&faults, "kind");
    if (wish.kind == ZONE_SEATED && form.rows.nodes != NULL && !is_at_fault(&faults, "rows"))
        rest_plan_read(&form.rows, form.focal_point, &wish.plan, &faults, &out_of_memory);
    if (kind_known && wish.kind == ZONE_SEATED)
        check_seated(&form, &wish.plan, &faults);
    else if (kind_known)
        check_general(&form, &faults);
    struct request_key key =
        form_key(call, form.idempotency_key, zone_hash(&form, show, &wish), &faults);
    enum rest_outcome outcome;
    if (faults.count > 0)
        outcome = form_refuse(call, &faults);
    else
        outcome = submit_zone(call, key, out_of_memory ? NULL : zone_draft(&form, show, &wish));
    free(wish.plan.bytes);
    return outcome;
}

/* --- capacity, sale --- */

const struct catalog_zone *rest_managed_zone(struct rest_call *call)
{
    struct uuid id;
    const struct catalog *catalog = worker_catalog(call->rest->worker);
    const struct catalog_zone *zone = NULL;
    if (uuid_parse(&id, call->parameter.bytes, call->parameter.length))
        zone = catalog_zone(catalog, &id);
    const struct catalog_event *event =
        zone == NULL ? NULL : catalog_event(catalog, &zone->event_id);
    return rest_managed_event(call, event) == NULL ? NULL : zone;
}

struct command *rest_zone_command(struct rest_call *call, enum command_kind kind,
                                  const struct catalog_zone *zone, struct request_key key)
{
    struct command *command = rest_command(call, kind);
    if (command == NULL)
        return NULL;
    call->memo->rest_zone = zone->id;
    command->key = key;
    command->zone_change.zone_id = zone->id;
    return command;
}

struct capacity_form {
    int64_t total_seats;
    bool drain;
    struct text idempotency_key;
};

enum rest_outcome rest_zone_capacity(struct rest_call *call)
{
    static const struct form_field fields[] = {
        FORM_FIELD(struct capacity_form, total_seats, FORM_COUNT, true, 0, CATALOG_ZONE_SEATS_MAX,
                   "an integer from 0 to 10000000"),
        FORM_FIELD(struct capacity_form, drain, FORM_FLAG, false, 0, 0, "true or false"),
        FORM_KEY(struct capacity_form),
    };
    struct capacity_form form;
    struct form_faults faults;
    const struct catalog_zone *zone = rest_managed_zone(call);
    if (zone == NULL || !form_read(call, fields, 3, &form, sizeof form, &faults))
        return REST_ANSWERED;
    if (zone->kind == ZONE_SEATED)
        form_fault(&faults, "total_seats", "a general zone: the seats of this one are its plan's");
    int64_t numbers[2] = {form.total_seats, form.drain};
    uint64_t hash = rest_fold(rest_fold(0, &zone->id, sizeof zone->id), numbers, sizeof numbers);
    struct request_key key = form_key(call, form.idempotency_key, hash, &faults);
    if (faults.count > 0)
        return form_refuse(call, &faults);
    struct command *command = rest_zone_command(call, COMMAND_CAPACITY, zone, key);
    if (command == NULL)
        return REST_ANSWERED;
    command->zone_change.total = (uint32_t)form.total_seats;
    command->zone_change.drain = form.drain;
    return rest_submit(call);
}

static enum rest_outcome change_sale(struct rest_call *call, bool closed)
{
    struct request_key key;
    const struct catalog_zone *zone = rest_managed_zone(call);
    if (zone == NULL || !rest_read_key_only(call, rest_fold(0, &zone->id, sizeof zone->id), &key))
        return REST_ANSWERED;
    struct command *command = rest_zone_command(call, COMMAND_ZONE_SALE, zone, key);
    if (command == NULL)
        return REST_ANSWERED;
    command->zone_change.closed = closed;
    return rest_submit(call);
}

enum rest_outcome rest_zone_close(struct rest_call *call)
{
    return change_sale(call, true);
}

enum rest_outcome rest_zone_reopen(struct rest_call *call)
{
    return change_sale(call, false);
}

void rest_answer_zone(struct rest *rest, const struct answer *answer,
                      struct http_response *response)
{
    (void)rest;
    const struct zone_facts *facts = &answer->zone_facts;
    char *body;
    char *at = rest_open_answer(response, answer, 200, FACTS_BYTES, &body);
    at = JSON_PUT(at, "{\"zone_id\":");
    at = json_put_uuid(at, &facts->zone_id);
    at = JSON_PUT(at, ",\"total_seats\":");
    at = json_put_count(at, facts->total);
    at = JSON_PUT(at, ",\"target_seats\":");
    at = json_put_count(at, facts->target);
    at = JSON_PUT(at, ",\"available_seats\":");
    at = json_put_count(at, facts->available);
    at = JSON_PUT(at, ",\"reserved_seats\":");
    at = json_put_count(at, facts->reserved);
    at = JSON_PUT(at, ",\"sold_seats\":");
    at = json_put_count(at, facts->sold);
    at = JSON_PUT(at, ",\"blocked_seats\":");
    at = json_put_count(at, facts->blocked);
    at = facts->closed ? JSON_PUT(at, ",\"closed\":true}}") : JSON_PUT(at, ",\"closed\":false}}");
    http_response_end(response, (size_t)(at - body));
}

#include "rest_reserve.h"

#include <xxhash.h>

#include "../engine/currency.h"
#include "key_digest.h"
#include "money.h"
#include "rest_routes.h"
#include "rest_seats.h"

#define UUID_EXPECTED "a UUID"
#define QUANTITY_EXPECTED "an integer from 1 to 10000000"
#define PRICE_EXPECTED "a number in major units, with no more decimals than the currency has"
#define STOP_EXPECTED "a stop of this trip: a station's id or code, or its place counted from 0"
#define FLAG_EXPECTED "true or false"

const struct form_field reserve_fields[RESERVE_FIELD_COUNT] = {
    FORM_FIELD(struct reserve_form, zone_id, FORM_ID, true, 0, 0, UUID_EXPECTED),
    FORM_FIELD(struct reserve_form, quantity, FORM_COUNT, false, 1, CATALOG_ZONE_SEATS_MAX,
               QUANTITY_EXPECTED),
    FORM_FIELD(struct reserve_form, seats, FORM_LIST, false, 1, RECORD_SEATS_MAX, SEATS_EXPECTED),
    FORM_FIELD(struct reserve_form, unit_price, FORM_DECIMAL, false, 0, 0, PRICE_EXPECTED),
    FORM_FIELD(struct reserve_form, show_id, FORM_ID, false, 0, 0, UUID_EXPECTED),
    FORM_FIELD(struct reserve_form, event_id, FORM_ID, false, 0, 0, UUID_EXPECTED),
    FORM_FIELD(struct reserve_form, best_available, FORM_FLAG, false, 0, 0, FLAG_EXPECTED),
    FORM_FIELD(struct reserve_form, allow_split, FORM_FLAG, false, 0, 0, FLAG_EXPECTED),
    FORM_FIELD(struct reserve_form, from_stop, FORM_STOP, false, 0, 64, STOP_EXPECTED),
    FORM_FIELD(struct reserve_form, to_stop, FORM_STOP, false, 0, 64, STOP_EXPECTED),
    FORM_FIELD(struct reserve_form, allotment_key, FORM_LINE, false, 0, 200,
               "one line of 1 to 200 bytes"),
    FORM_KEY(struct reserve_form),
    FORM_FIELD(struct reserve_form, queue_pass, FORM_LATER, false, 0, 0,
               "to be left out: the waiting room is not available yet"),
};

/* --- what is wanted, and what of it fits the zone --- */

static bool names_seating(const struct reserve_form *form)
{
    return form->seats.nodes != NULL || form->allow_split || form->from_stop != NULL ||
           form->to_stop != NULL || form->allotment_key.length > 0;
}

static bool asks_for_seats(const struct reserve_form *form)
{
    return form->seats.nodes != NULL || form->best_available || form->allow_split;
}

static bool names_stops(const struct reserve_form *form)
{
    return form->from_stop != NULL || form->to_stop != NULL;
}

/* Of this item, when it is one. */
static bool has_fault(const struct form_faults *faults, const char *field)
{
    for (uint32_t i = 0; i < faults->count; i++) {
        struct text name = faults->faults[i].field;
        if (faults->faults[i].item == faults->item &&
            (field == NULL ||
             (name.length == strlen(field) && memcmp(name.bytes, field, name.length) == 0)))
            return true;
    }
    return false;
}

static void check_required(const struct reserve_form *form, struct form_faults *faults)
{
    bool sent = form->quantity != 0 || form->seats.nodes != NULL;
    if (!sent && !has_fault(faults, "quantity") && !has_fault(faults, "seats") &&
        !has_fault(faults, ""))
        form_fault(faults, "quantity", QUANTITY_EXPECTED ", or seats");
}

static void check_quantity(const struct reserve_form *form, struct form_faults *faults)
{
    bool named = form->seats.nodes != NULL;
    if (named && form->quantity != 0 && form->quantity != form->seats.count)
        form_fault(faults, "quantity", "as many as there are seats, or to be left out");
    if (named && form->best_available)
        form_fault(faults, "best_available", "to be left out where seats are named");
    if (named && form->allow_split)
        form_fault(faults, "allow_split", "to be left out where seats are named");
}

static void check_kind(const struct reserve_form *form, struct form_faults *faults)
{
    static const char expected[] = "to be left out: the zone has no numbered seats";
    if (form->seats.nodes != NULL)
        form_fault(faults, "seats", expected);
    if (form->best_available)
        form_fault(faults, "best_available", expected);
    if (form->allow_split)
        form_fault(faults, "allow_split", expected);
}

int64_t reserve_price(const struct catalog_zone *zone, struct text price,
                      struct form_faults *faults)
{
    int64_t minor = 0;
    unsigned decimals = zone != NULL ? rest_zone_currency(zone)->decimals : 3;
    if (money_parse(price.bytes, price.length, decimals, &minor) != MONEY_OK)
        form_fault(faults, "unit_price", PRICE_EXPECTED);
    return zone != NULL ? minor : INT64_MIN;
}

static void resolve_seats(const struct catalog_zone *zone, const struct form_list *list,
                          struct reserve_wish *wish, struct form_faults *faults)
{
    struct text labels[RECORD_SEATS_MAX];
    uint32_t count = rest_seats_read(list, labels, faults);
    if (count > 0 && rest_seats_find(zone->plan, labels, count, wish->seats, faults))
        wish->seat_count = count;
}

/* --- stops --- */

static bool is_station(const struct catalog *catalog, const struct uuid *id,
                       const struct json_node *named, const struct uuid *named_id)
{
    if (named_id != NULL)
        return uuid_equal(id, named_id);
    const struct catalog_station *station = catalog_station(catalog, id);
    return station != NULL && json_text_is(named, station->code.bytes, station->code.length);
}

/* False: no stop of the trip is named so. */
static bool find_stop(const struct catalog *catalog, const struct catalog_show *show,
                      const struct json_node *named, uint32_t *place)
{
    struct uuid id;
    int64_t number;
    if (named->type == JSON_NUMBER) {
        *place = json_integer(named, &number) && number < show->stop_count ? (uint32_t)number
                                                                           : show->stop_count;
        return *place < show->stop_count;
    }
    const struct uuid *named_id = uuid_parse(&id, named->text, named->text_length) ? &id : NULL;
    for (*place = 0; *place < show->stop_count; (*place)++)
        if (is_station(catalog, &show->stops[*place].station_id, named, named_id))
            return true;
    return false;
}

/* Without one of them the way is from the first stop or to the last. The whole way
 * is written one way only: 0 and 0. */
static void resolve_stops(const struct catalog *catalog, const struct catalog_show *show,
                          const struct reserve_form *form, struct command_reserve *reserve,
                          struct form_faults *faults)
{
    static const char no_trip[] = "to be left out: the show is not a trip";
    bool trip = show != NULL && show->stop_count > 0;
    uint32_t from = 0, to = trip ? show->stop_count - 1 : 0;
    bool from_known =
        form->from_stop == NULL || (trip && find_stop(catalog, show, form->from_stop, &from));
    bool to_known = form->to_stop == NULL || (trip && find_stop(catalog, show, form->to_stop, &to));
    if (!from_known)
        form_fault(faults, "from_stop", trip ? STOP_EXPECTED : no_trip);
    if (!to_known)
        form_fault(faults, "to_stop", trip ? STOP_EXPECTED : no_trip);
    if (!from_known || !to_known)
        return;
    if (from >= to)
        form_fault(faults, "to_stop", "a stop after from_stop");
    bool whole = from == 0 && to + 1 == show->stop_count;
    reserve->from_segment = (uint16_t)from;
    reserve->to_segment = whole ? 0 : (uint16_t)to;
}

/* --- what makes two reserves the same request --- */

/* No padding: it is hashed. */
struct reserve_identity {
    struct uuid zone_id, show_id, event_id;
    uint64_t quantity;
    uint64_t has_price;
    int64_t price_minor;
};

struct reserve_seating {
    uint64_t allow_split, from_segment, to_segment;
    uint8_t allotment_digest[KEY_DIGEST_BYTES];
};

static uint64_t wish_hash(const struct reserve_wish *wish, bool seating)
{
    const struct command_reserve *reserve = &wish->reserve;
    struct reserve_identity identity = {reserve->zone_id,   reserve->show_id,
                                        reserve->event_id,  reserve->quantity,
                                        reserve->has_price, reserve->unit_price_minor};
    uint64_t hash = XXH3_64bits(&identity, sizeof identity);
    if (!seating)
        return hash;
    struct reserve_seating more = {
        reserve->allow_split, reserve->from_segment, reserve->to_segment, {0}};
    memcpy(more.allotment_digest, reserve->allotment_digest, KEY_DIGEST_BYTES);
    hash = XXH3_64bits_withSeed(&more, sizeof more, hash);
    return XXH3_64bits_withSeed(wish->seats, wish->seat_count * sizeof wish->seats[0], hash);
}

/* --- all of it --- */

/* What needs the zone to be known. */
static void resolve_in_zone(const struct catalog *catalog, const struct catalog_zone *zone,
                            const struct reserve_form *form, struct reserve_wish *wish,
                            struct form_faults *faults)
{
    if (zone->kind != ZONE_SEATED)
        check_kind(form, faults);
    else if (form->seats.nodes != NULL)
        resolve_seats(zone, &form->seats, wish, faults);
    if (names_stops(form))
        resolve_stops(catalog, catalog_show(catalog, &zone->show_id), form, &wish->reserve, faults);
}

void reserve_resolve(struct rest_call *call, const struct reserve_form *form,
                     struct reserve_wish *wish, struct form_faults *faults)
{
    const struct catalog *catalog = worker_catalog(call->rest->worker);
    const struct catalog_zone *zone = catalog_zone(catalog, &form->zone_id);
    struct command_reserve *reserve = &wish->reserve;
    *reserve = (struct command_reserve){.zone_id = form->zone_id,
                                        .show_id = form->show_id,
                                        .event_id = form->event_id,
                                        .allow_split = form->allow_split,
                                        .has_price = form->unit_price.bytes != NULL};
    wish->seat_count = 0;
    wish->hash = 0;
    wish->not_found = false;
    check_required(form, faults);
    if (has_fault(faults, NULL))
        return;
    wish->not_found = zone == NULL && (asks_for_seats(form) || names_stops(form));
    check_quantity(form, faults);
    reserve->quantity = form->seats.nodes != NULL ? form->seats.count : (uint32_t)form->quantity;
    if (reserve->has_price)
        reserve->unit_price_minor = reserve_price(zone, form->unit_price, faults);
    if (form->allotment_key.length > 0)
        key_digest(form->allotment_key.bytes, form->allotment_key.length,
                   reserve->allotment_digest);
    if (zone != NULL)
        resolve_in_zone(catalog, zone, form, wish, faults);
    wish->hash = wish_hash(wish, names_seating(form));
}

enum rest_outcome rest_booking_reserve(struct rest_call *call)
{
    struct reserve_form form;
    struct form_faults faults;
    struct reserve_wish wish;
    if (!form_read(call, reserve_fields, RESERVE_FIELD_COUNT, &form, sizeof form, &faults))
        return REST_ANSWERED;
    reserve_resolve(call, &form, &wish, &faults);
    struct request_key key = form_key(call, form.idempotency_key, wish.hash, &faults);
    if (faults.count > 0)
        return form_refuse(call, &faults);
    if (wish.not_found)
        return rest_not_found(call);
    struct command *command = rest_command(call, COMMAND_RESERVE);
    if (command == NULL)
        return REST_ANSWERED;
    call->memo->rest_zone = wish.reserve.zone_id;
    command->key = key;
    command->reserve = wish.reserve;
    command->seat_count = wish.seat_count;
    memcpy(command->seats, wish.seats, wish.seat_count * sizeof wish.seats[0]);
    return rest_submit(call);
}

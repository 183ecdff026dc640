/* Changes of one booking: requests become commands for the caller's home shard. What
 * names seats of the booking goes by rest_lookup first. */
#include <xxhash.h>

#include "rest_lookup.h"
#include "rest_reserve.h"
#include "rest_routes.h"
#include "rest_seats.h"

#define UUID_EXPECTED "a UUID"
#define NO_SEATS_EXPECTED "to be left out: the zone has no numbered seats"

/* What all of them take together; each table below names its own part. */
struct change_form {
    struct text idempotency_key;
    struct uuid payment_id, user_id, zone_id;
    int64_t quantity, seconds; /* 0: not sent */
    struct form_list seats;
    bool best_available, allow_split;
};

#define CHANGE_PART                                                                                \
    FORM_FIELD(struct change_form, quantity, FORM_COUNT, false, 1, CATALOG_ZONE_SEATS_MAX,         \
               "an integer from 1 to what the booking has"),                                       \
        FORM_FIELD(struct change_form, seats, FORM_LIST, false, 1, RECORD_SEATS_MAX,               \
                   SEATS_EXPECTED)

static const struct form_field confirm_fields[] = {
    FORM_KEY(struct change_form),
    FORM_FIELD(struct change_form, payment_id, FORM_ID, false, 0, 0, UUID_EXPECTED),
    CHANGE_PART,
};

static const struct form_field release_fields[] = {
    FORM_KEY(struct change_form),
    CHANGE_PART,
};

static const struct form_field extend_fields[] = {
    FORM_KEY(struct change_form),
    FORM_FIELD(struct change_form, seconds, FORM_COUNT, false, 1, 86400,
               "an integer from 1 to 86400"),
};

static const struct form_field exchange_fields[] = {
    FORM_KEY(struct change_form),
    FORM_FIELD(struct change_form, zone_id, FORM_ID, false, 0, 0, UUID_EXPECTED),
    FORM_FIELD(struct change_form, seats, FORM_LIST, false, 1, RECORD_SEATS_MAX, SEATS_EXPECTED),
    FORM_FIELD(struct change_form, best_available, FORM_FLAG, false, 0, 0, "true or false"),
    FORM_FIELD(struct change_form, allow_split, FORM_FLAG, false, 0, 0, "true or false"),
};

static const struct form_field transfer_fields[] = {
    FORM_KEY(struct change_form),
    FORM_FIELD(struct change_form, user_id, FORM_ID, true, 0, 0, "the UUID of another user"),
};

#define COUNT_OF(fields) (sizeof(fields) / sizeof(fields)[0])

/* One request on its way to a command. */
struct change {
    struct rest_call *call;
    struct change_form form;
    struct form_faults faults;
    struct uuid booking_id;
    struct text labels[RECORD_SEATS_MAX];
    uint32_t label_count;
};

/* False: the response is complete. Faults of fields are left in change->faults. */
static bool begin(struct change *change, struct rest_call *call, const struct form_field *fields,
                  size_t field_count)
{
    change->call = call;
    change->label_count = 0;
    if (!uuid_parse(&change->booking_id, call->parameter.bytes, call->parameter.length)) {
        rest_not_found(call);
        return false;
    }
    if (!form_read(call, fields, field_count, &change->form, sizeof change->form, &change->faults))
        return false;
    if (change->faults.count == 0 && change->form.seats.nodes != NULL)
        change->label_count = rest_seats_read(&change->form.seats, change->labels, &change->faults);
    return true;
}

/* By quantity or by seats, and then only what does not contradict itself. */
static void check_part(struct change *change, bool required)
{
    const struct change_form *form = &change->form;
    bool named = form->seats.nodes != NULL;
    if (change->faults.count > 0)
        return;
    if (required && !named && form->quantity == 0)
        form_fault(&change->faults, "quantity", "an integer from 1, or seats");
    if (named && form->quantity != 0 && form->quantity != form->seats.count)
        form_fault(&change->faults, "quantity", "as many as there are seats, or to be left out");
}

/* The first two are all that a plain confirm or cancel says. */
static uint64_t change_hash(const struct change *change)
{
    const struct change_form *form = &change->form;
    struct uuid identity[2] = {change->booking_id, form->payment_id};
    struct uuid ids[2] = {form->user_id, form->zone_id};
    uint64_t numbers[6] = {(uint64_t)form->quantity, (uint64_t)form->seconds, form->best_available,
                           form->allow_split,        change->label_count,     0};
    static const uint64_t plain[6];
    uint64_t hash = XXH3_64bits(identity, sizeof identity);
    numbers[5] =
        change->label_count == 0 ? 0 : rest_seats_hash(change->labels, change->label_count);
    if (memcmp(numbers, plain, sizeof plain) == 0 && uuid_is_nil(&ids[0]) && uuid_is_nil(&ids[1]))
        return hash;
    hash = XXH3_64bits_withSeed(ids, sizeof ids, hash);
    return XXH3_64bits_withSeed(numbers, sizeof numbers, hash);
}

/* Fills the command but for its seats. */
static void fill(const struct change *change, enum command_kind kind, struct request_key key,
                 struct command *command)
{
    const struct change_form *form = &change->form;
    command->kind = kind;
    command->to = change->call->to;
    command->actor = change->call->actor;
    command->received_ns = change->call->request->received_ns;
    command->key = key;
    command->seat_count = 0;
    command->booking =
        (struct command_booking){.booking_id = change->booking_id,
                                 .payment_id = form->payment_id,
                                 .user_id = form->user_id,
                                 .zone_id = form->zone_id,
                                 .quantity = change->label_count > 0 ? 0 : (uint32_t)form->quantity,
                                 .seconds = (uint32_t)form->seconds,
                                 .allow_split = form->allow_split};
}

/* Refuses what is wrong, else sends it on: by a lookup if the labels are of the
 * booking's own zone, at once if there are none or their seats are known. */
static enum rest_outcome submit(struct change *change, enum command_kind kind,
                                const uint32_t *seats)
{
    struct rest_call *call = change->call;
    struct request_key key =
        form_key(call, change->form.idempotency_key, change_hash(change), &change->faults);
    if (change->faults.count > 0)
        return form_refuse(call, &change->faults);
    if (change->label_count > 0 && seats == NULL) {
        struct command wanted = {.rate_counted = false};
        fill(change, kind, key, &wanted);
        return rest_lookup_begin(call, &wanted, change->labels, change->label_count);
    }
    struct command *command = rest_command(call, kind);
    if (command == NULL)
        return REST_ANSWERED;
    fill(change, kind, key, command);
    if (seats != NULL) {
        command->seat_count = change->label_count;
        memcpy(command->seats, seats, change->label_count * sizeof seats[0]);
    }
    return rest_submit(call);
}

enum rest_outcome rest_booking_confirm(struct rest_call *call)
{
    struct change change;
    if (!begin(&change, call, confirm_fields, COUNT_OF(confirm_fields)))
        return REST_ANSWERED;
    check_part(&change, false);
    return submit(&change, COMMAND_CONFIRM, NULL);
}

enum rest_outcome rest_booking_cancel(struct rest_call *call)
{
    struct change change;
    if (!begin(&change, call, confirm_fields, 1))
        return REST_ANSWERED;
    return submit(&change, COMMAND_CANCEL, NULL);
}

enum rest_outcome rest_booking_release(struct rest_call *call)
{
    struct change change;
    if (!begin(&change, call, release_fields, COUNT_OF(release_fields)))
        return REST_ANSWERED;
    check_part(&change, true);
    return submit(&change, COMMAND_RELEASE, NULL);
}

enum rest_outcome rest_booking_extend(struct rest_call *call)
{
    struct change change;
    if (!begin(&change, call, extend_fields, COUNT_OF(extend_fields)))
        return REST_ANSWERED;
    return submit(&change, COMMAND_EXTEND, NULL);
}

enum rest_outcome rest_booking_transfer(struct rest_call *call)
{
    struct change change;
    if (!begin(&change, call, transfer_fields, COUNT_OF(transfer_fields)))
        return REST_ANSWERED;
    if (uuid_equal(&change.form.user_id, &call->actor.id))
        form_fault(&change.faults, "user_id", transfer_fields[1].expected);
    return submit(&change, COMMAND_TRANSFER, NULL);
}

enum rest_outcome rest_booking_refund(struct rest_call *call)
{
    struct change change;
    if (!begin(&change, call, confirm_fields, 1))
        return REST_ANSWERED;
    return submit(&change, COMMAND_REFUND, NULL);
}

/* --- exchange --- */

static void check_exchange(struct change *change)
{
    const struct change_form *form = &change->form;
    bool named = form->seats.nodes != NULL;
    if (change->faults.count > 0)
        return;
    if (named && form->best_available)
        form_fault(&change->faults, "best_available", "to be left out where seats are named");
    if (named && form->allow_split)
        form_fault(&change->faults, "allow_split", "to be left out where seats are named");
    if (!named && !form->best_available && uuid_is_nil(&form->zone_id))
        form_fault(&change->faults, "seats", SEATS_EXPECTED ", or best_available");
}

/* The labels are of the other zone. False: the response is complete. */
static bool find_in_other_zone(struct change *change, uint32_t seats[RECORD_SEATS_MAX])
{
    const struct catalog_zone *zone =
        catalog_zone(worker_catalog(change->call->rest->worker), &change->form.zone_id);
    if (zone == NULL) {
        rest_not_found(change->call);
        return false;
    }
    change->call->memo->rest_zone = zone->id;
    if (zone->plan == NULL && change->label_count > 0)
        form_fault(&change->faults, "seats", NO_SEATS_EXPECTED);
    else if (zone->plan == NULL && change->form.best_available)
        form_fault(&change->faults, "best_available", NO_SEATS_EXPECTED);
    else if (change->label_count > 0)
        rest_seats_find(zone->plan, change->labels, change->label_count, seats, &change->faults);
    return true;
}

enum rest_outcome rest_booking_exchange(struct rest_call *call)
{
    struct change change;
    uint32_t seats[RECORD_SEATS_MAX];
    if (!begin(&change, call, exchange_fields, COUNT_OF(exchange_fields)))
        return REST_ANSWERED;
    check_exchange(&change);
    if (uuid_is_nil(&change.form.zone_id))
        return submit(&change, COMMAND_EXCHANGE, NULL);
    if (change.faults.count == 0 && !find_in_other_zone(&change, seats))
        return REST_ANSWERED;
    return submit(&change, COMMAND_EXCHANGE_ZONE, seats);
}

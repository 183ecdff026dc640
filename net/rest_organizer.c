/* Changes to what is on sale, for organizers and admins: requests become drafts
 * that shard 0 decides on. Whose event it is, is checked here against the worker's
 * replica and again where the change is decided. */
#include "rest_form.h"

#include <assert.h>
#include <stdlib.h>
#include <xxhash.h>

#include "../engine/currency.h"
#include "json_text.h"
#include "rest_routes.h"
#include "rest_text.h"

enum { ENVELOPE_BYTES = 64, SLUG_SUFFIX_LENGTH = 13 };

/* Fingerprints fold field after field: `hash` is the seed of the next. */
static uint64_t fold(uint64_t hash, const void *bytes, size_t length)
{
    return XXH3_64bits_withSeed(bytes, length, hash ^ length);
}

static uint64_t fold_text(uint64_t hash, struct text text)
{
    return fold(hash, text.length == 0 ? "" : text.bytes, text.length);
}

/* --- events --- */

struct event_form {
    struct text title, slug, description, venue, city, image_url;
    uint64_t sale_start_at, sale_end_at;
    int64_t max_per_user;
    struct text idempotency_key, category_id;
};

#define LINE_EXPECTED "one line of 1 to 200 bytes without control or invisible characters"
#define TIME_EXPECTED "an RFC 3339 time such as 2026-02-28T19:30:00Z"
#define SALE_END_EXPECTED "a time after sale_start_at"

static const struct form_field event_fields[] = {
    FORM_FIELD(struct event_form, title, FORM_LINE, true, 0, CATALOG_TITLE_BYTES_MAX,
               LINE_EXPECTED),
    FORM_FIELD(struct event_form, slug, FORM_SLUG, false, 0, CATALOG_SLUG_BYTES_MAX,
               "1 to 100 of a-z, 0-9 and '-', not '-' at an end, not a UUID"),
    FORM_FIELD(struct event_form, description, FORM_PROSE, false, 0, CATALOG_DESCRIPTION_BYTES_MAX,
               "text of at most 5000 bytes without control or invisible characters"),
    FORM_FIELD(struct event_form, venue, FORM_LINE, false, 0, CATALOG_TEXT_BYTES_MAX,
               LINE_EXPECTED),
    FORM_FIELD(struct event_form, city, FORM_LINE, false, 0, CATALOG_TEXT_BYTES_MAX, LINE_EXPECTED),
    FORM_FIELD(struct event_form, image_url, FORM_URL, false, 0, CATALOG_URL_BYTES_MAX,
               "an http or https URL of at most 500 bytes"),
    FORM_FIELD(struct event_form, sale_start_at, FORM_TIME, false, 0, 0, TIME_EXPECTED),
    FORM_FIELD(struct event_form, sale_end_at, FORM_TIME, false, 0, 0, TIME_EXPECTED),
    FORM_FIELD(struct event_form, max_per_user, FORM_COUNT, false, 1, 10000,
               "an integer from 1 to 10000"),
    FORM_KEY(struct event_form),
    FORM_FIELD(struct event_form, category_id, FORM_LATER, false, 0, 0,
               "to be left out: categories are not available yet"),
};

enum { EVENT_FIELD_COUNT = sizeof event_fields / sizeof event_fields[0] };

static uint64_t event_hash(const struct event_form *form)
{
    uint64_t numbers[3] = {form->sale_start_at, form->sale_end_at, (uint64_t)form->max_per_user};
    uint64_t hash = fold_text(0, form->title);
    hash = fold_text(hash, form->slug);
    hash = fold_text(hash, form->description);
    hash = fold_text(hash, form->venue);
    hash = fold_text(hash, form->city);
    hash = fold_text(hash, form->image_url);
    return fold(hash, numbers, sizeof numbers);
}

/* Puts '-' and random digits behind the slug so far, or behind "event". */
static size_t distinguish(const struct rest_call *call, char *slug, size_t length)
{
    const struct clock *clock = &worker_group(call->rest->worker)->clock;
    uint64_t random = clock->random(clock->context);
    if (length == 0)
        length = (size_t)(JSON_PUT(slug, "event") - slug);
    slug[length++] = '-';
    for (int i = 1; i < SLUG_SUFFIX_LENGTH; i++, random >>= 4)
        slug[length++] = "0123456789abcdef"[random & 15];
    return length;
}

/* A slug for an event that came without one: made of its title, and unlike the
 * slugs we know of. */
static struct text make_slug(const struct rest_call *call, struct text title,
                             char slug[CATALOG_SLUG_BYTES_MAX])
{
    size_t length = rest_slug_of(title, slug, CATALOG_SLUG_BYTES_MAX - SLUG_SUFFIX_LENGTH);
    bool usable = rest_text_is_slug((struct text){slug, (uint32_t)length});
    if (!usable || catalog_event_by_slug(worker_catalog(call->rest->worker), slug, length) != NULL)
        length = distinguish(call, slug, length);
    return (struct text){slug, (uint32_t)length};
}

static struct catalog_event *event_draft(const struct rest_call *call,
                                         const struct event_form *form)
{
    char slug[CATALOG_SLUG_BYTES_MAX];
    struct catalog_event draft = {.status = EVENT_DRAFT,
                                  .tenant_id = call->tenant,
                                  .organizer_id = call->actor.id,
                                  .sale_start_ms = form->sale_start_at,
                                  .sale_end_ms = form->sale_end_at,
                                  .max_per_user = (uint32_t)form->max_per_user,
                                  .title = form->title,
                                  .slug = form->slug,
                                  .description = form->description,
                                  .venue = form->venue,
                                  .city = form->city,
                                  .image_url = form->image_url};
    if (draft.max_per_user == 0)
        draft.max_per_user = call->rest->config->booking.max_per_user_default;
    if (draft.slug.length == 0)
        draft.slug = make_slug(call, draft.title, slug);
    return catalog_event_new(&draft);
}

enum rest_outcome rest_event_create(struct rest_call *call)
{
    struct event_form form;
    struct form_faults faults;
    if (!form_read(call, event_fields, EVENT_FIELD_COUNT, &form, sizeof form, &faults))
        return REST_ANSWERED;
    if (form.sale_end_at != 0 && form.sale_end_at <= form.sale_start_at)
        form_fault(&faults, "sale_end_at", SALE_END_EXPECTED);
    struct request_key key = form_key(call, form.idempotency_key, event_hash(&form), &faults);
    if (faults.count > 0)
        return form_refuse(call, &faults);
    struct catalog_event *draft = event_draft(call, &form);
    if (draft == NULL)
        return rest_unavailable(call);
    struct command *command = rest_command(call, COMMAND_EVENT_CREATE);
    if (command == NULL) {
        catalog_event_release(draft);
        return REST_ANSWERED;
    }
    command->key = key;
    command->event = draft;
    return rest_submit(call);
}

/* Reads a body that holds nothing but, perhaps, a key. False: answered. */
static bool read_key_only(struct rest_call *call, uint64_t fields, struct request_key *key)
{
    struct key_form {
        struct text idempotency_key;
    } form;
    static const struct form_field fields_taken[] = {FORM_KEY(struct key_form)};
    struct form_faults faults;
    if (!form_read(call, fields_taken, 1, &form, sizeof form, &faults))
        return false;
    *key = form_key(call, form.idempotency_key, fields, &faults);
    if (faults.count == 0)
        return true;
    form_refuse(call, &faults);
    return false;
}

/* The event a path names, if the caller may change it; else 404 and NULL. */
static const struct catalog_event *managed_event(struct rest_call *call,
                                                 const struct catalog_event *event)
{
    if (event != NULL && rest_may_manage(call, event))
        return event;
    rest_not_found(call);
    return NULL;
}

static enum rest_outcome change_status(struct rest_call *call, enum event_status status)
{
    const struct catalog_event *event = managed_event(call, rest_find_event(call));
    struct request_key key;
    if (event == NULL || !read_key_only(call, fold(0, &event->id, sizeof event->id), &key))
        return REST_ANSWERED;
    struct command *command = rest_command(call, COMMAND_EVENT_STATUS);
    if (command == NULL)
        return REST_ANSWERED;
    command->key = key;
    command->event_status.event_id = event->id;
    command->event_status.status = status;
    return rest_submit(call);
}

enum rest_outcome rest_event_publish(struct rest_call *call)
{
    return change_status(call, EVENT_PUBLISHED);
}

enum rest_outcome rest_event_unpublish(struct rest_call *call)
{
    return change_status(call, EVENT_DRAFT);
}

enum rest_outcome rest_event_cancel(struct rest_call *call)
{
    return change_status(call, EVENT_CANCELLED);
}

/* --- shows --- */

struct show_form {
    uint64_t show_date;
    struct text name, idempotency_key, stops;
};

static const struct form_field show_fields[] = {
    FORM_FIELD(struct show_form, show_date, FORM_TIME, true, 0, 0, TIME_EXPECTED),
    FORM_FIELD(struct show_form, name, FORM_LINE, false, 0, CATALOG_TEXT_BYTES_MAX, LINE_EXPECTED),
    FORM_KEY(struct show_form),
    FORM_FIELD(struct show_form, stops, FORM_LATER, false, 0, 0,
               "to be left out: trips are not available yet"),
};

enum { SHOW_FIELD_COUNT = sizeof show_fields / sizeof show_fields[0] };

enum rest_outcome rest_show_create(struct rest_call *call)
{
    struct show_form form;
    struct form_faults faults;
    const struct catalog_event *event = managed_event(call, rest_find_event(call));
    if (event == NULL ||
        !form_read(call, show_fields, SHOW_FIELD_COUNT, &form, sizeof form, &faults))
        return REST_ANSWERED;
    uint64_t hash = fold(0, &event->id, sizeof event->id);
    hash = fold_text(fold(hash, &form.show_date, sizeof form.show_date), form.name);
    struct request_key key = form_key(call, form.idempotency_key, hash, &faults);
    if (faults.count > 0)
        return form_refuse(call, &faults);
    struct catalog_show *draft = catalog_show_new(&(struct catalog_show){
        .event_id = event->id,
        .segment_count = 1,
        .show_date_ms = form.show_date,
        .name = form.name,
    });
    if (draft == NULL)
        return rest_unavailable(call);
    struct command *command = rest_command(call, COMMAND_SHOW_CREATE);
    if (command == NULL) {
        catalog_show_release(draft);
        return REST_ANSWERED;
    }
    command->key = key;
    command->show = draft;
    return rest_submit(call);
}

/* --- zones --- */

struct zone_form {
    struct text name, price, kind, idempotency_key, rows;
    int currency;
    int64_t total_seats;
};

#define PRICE_EXPECTED                                                                             \
    "a number in major units, not negative, with no more decimals than the currency has"

static const struct form_field zone_fields[] = {
    FORM_FIELD(struct zone_form, name, FORM_LINE, true, 0, CATALOG_TEXT_BYTES_MAX, LINE_EXPECTED),
    FORM_FIELD(struct zone_form, price, FORM_DECIMAL, true, 0, 0, PRICE_EXPECTED),
    FORM_FIELD(struct zone_form, currency, FORM_CURRENCY, true, 0, 0,
               "an ISO 4217 code such as EUR"),
    FORM_FIELD(struct zone_form, total_seats, FORM_COUNT, true, 1, CATALOG_ZONE_SEATS_MAX,
               "an integer from 1 to 10000000"),
    FORM_FIELD(struct zone_form, kind, FORM_WORD, false, 0, 16, "general"),
    FORM_KEY(struct zone_form),
    FORM_FIELD(struct zone_form, rows, FORM_LATER, false, 0, 0,
               "to be left out: seated zones are not available yet"),
};

enum { ZONE_FIELD_COUNT = sizeof zone_fields / sizeof zone_fields[0] };

static bool text_is(struct text text, const char *wanted)
{
    return text.length == strlen(wanted) && memcmp(text.bytes, wanted, text.length) == 0;
}

static void check_kind(const struct zone_form *form, struct form_faults *faults)
{
    if (form->kind.bytes == NULL || text_is(form->kind, "general"))
        return;
    form_fault(faults, "kind",
               text_is(form->kind, "seated") ? "general: seated zones are not available yet"
                                             : "general");
}

/* A price so high that all seats together overflow is refused here, so that no
 * order's total ever can. */
static int64_t check_price(const struct zone_form *form, struct form_faults *faults)
{
    int64_t minor = 0, most;
    if (form->price.bytes == NULL || form->currency == 0)
        return 0;
    unsigned decimals = currency_at(form->currency - 1)->decimals;
    if (money_parse(form->price.bytes, form->price.length, decimals, &minor) != MONEY_OK)
        form_fault(faults, "price", PRICE_EXPECTED);
    else if (!money_multiply(minor, CATALOG_ZONE_SEATS_MAX, &most))
        form_fault(faults, "price", "a price that ten million seats can be sold at");
    return minor;
}

/* In one block with its name, and without counters: those are made for the zone
 * when it is decided, not for its draft. */
static struct catalog_zone *zone_draft(const struct zone_form *form,
                                       const struct catalog_show *show, int64_t price_minor)
{
    struct catalog_zone *draft = calloc(1, sizeof *draft + form->name.length);
    if (draft == NULL)
        return NULL;
    char *name = (char *)(draft + 1);
    memcpy(name, form->name.bytes, form->name.length);
    draft->kind = ZONE_GENERAL;
    draft->show_id = show->id;
    draft->event_id = show->event_id;
    draft->price_minor = price_minor;
    memcpy(draft->currency, currency_at(form->currency - 1)->code, sizeof draft->currency);
    draft->total_seats = (uint32_t)form->total_seats;
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
    return managed_event(call, event) == NULL ? NULL : show;
}

enum rest_outcome rest_zone_create(struct rest_call *call)
{
    struct zone_form form;
    struct form_faults faults;
    const struct catalog_show *show = managed_show(call);
    if (show == NULL ||
        !form_read(call, zone_fields, ZONE_FIELD_COUNT, &form, sizeof form, &faults))
        return REST_ANSWERED;
    check_kind(&form, &faults);
    int64_t price_minor = check_price(&form, &faults);
    int64_t numbers[2] = {price_minor, form.total_seats};
    uint64_t hash = fold(fold(0, &show->id, sizeof show->id), numbers, sizeof numbers);
    if (form.currency != 0)
        hash = fold(hash, currency_at(form.currency - 1)->code, 3);
    struct request_key key =
        form_key(call, form.idempotency_key, fold_text(hash, form.name), &faults);
    if (faults.count > 0)
        return form_refuse(call, &faults);
    struct catalog_zone *draft = zone_draft(&form, show, price_minor);
    if (draft == NULL)
        return rest_unavailable(call);
    struct command *command = rest_command(call, COMMAND_ZONE_CREATE);
    if (command == NULL) {
        free(draft);
        return REST_ANSWERED;
    }
    command->key = key;
    command->zone = draft;
    return rest_submit(call);
}

/* --- answers --- */

void rest_answer_catalog(struct rest *rest, const struct answer *answer,
                         struct http_response *response)
{
    const struct catalog *catalog = worker_catalog(rest->worker);
    char *body, *at;
    switch (answer->kind) {
    case COMMAND_SHOW_CREATE:
        at = rest_open_answer(response, answer, 201, ENVELOPE_BYTES + rest_show_bytes(answer->show),
                              &body);
        at = rest_put_show(at, catalog, answer->show);
        break;
    case COMMAND_ZONE_CREATE:
        at = rest_open_answer(response, answer, 201, ENVELOPE_BYTES + rest_zone_bytes(answer->zone),
                              &body);
        at = rest_put_zone(at, answer->zone);
        break;
    default:
        at = rest_open_answer(response, answer, answer->kind == COMMAND_EVENT_CREATE ? 201 : 200,
                              ENVELOPE_BYTES + rest_event_bytes(answer->event, true), &body);
        at = rest_put_event(at, answer->event, true);
        break;
    }
    at = JSON_PUT(at, "}");
    http_response_end(response, (size_t)(at - body));
}

/* Changes to what is on sale, for organizers and admins: requests become drafts
 * that shard 0 decides on. Whose event it is, is checked here against the worker's
 * replica and again where the change is decided. */
#include "rest_organizer.h"

#include <assert.h>
#include <xxhash.h>

#include "json_text.h"
#include "rest_routes.h"
#include "rest_text.h"

enum { ENVELOPE_BYTES = 64, SLUG_SUFFIX_LENGTH = 13 };

uint64_t rest_fold(uint64_t hash, const void *bytes, size_t length)
{
    return XXH3_64bits_withSeed(bytes, length, hash ^ length);
}

uint64_t rest_fold_text(uint64_t hash, struct text text)
{
    return rest_fold(hash, text.length == 0 ? "" : text.bytes, text.length);
}

/* --- events --- */

struct event_form {
    struct text title, slug, description, venue, city, image_url;
    uint64_t sale_start_at, sale_end_at;
    int64_t max_per_user;
    struct form_choice prevent_orphans;
    struct text idempotency_key, category_id;
};

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
    FORM_FIELD(struct event_form, prevent_orphans, FORM_CHOICE, false, 0, 0, "true or false"),
    FORM_KEY(struct event_form),
    FORM_FIELD(struct event_form, category_id, FORM_LATER, false, 0, 0,
               "to be left out: categories are not available yet"),
};

enum { EVENT_FIELD_COUNT = sizeof event_fields / sizeof event_fields[0] };

static uint64_t event_hash(const struct event_form *form)
{
    uint64_t numbers[4] = {form->sale_start_at, form->sale_end_at, (uint64_t)form->max_per_user,
                           form->prevent_orphans.sent && !form->prevent_orphans.value};
    uint64_t hash = rest_fold_text(0, form->title);
    hash = rest_fold_text(hash, form->slug);
    hash = rest_fold_text(hash, form->description);
    hash = rest_fold_text(hash, form->venue);
    hash = rest_fold_text(hash, form->city);
    hash = rest_fold_text(hash, form->image_url);
    return rest_fold(hash, numbers, sizeof numbers);
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
                                  .allow_orphans =
                                      form->prevent_orphans.sent && !form->prevent_orphans.value,
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
    struct command *command = rest_create_command(call, COMMAND_EVENT_CREATE, key, draft);
    if (command == NULL)
        return REST_ANSWERED;
    command->event = draft;
    return rest_submit(call);
}

bool rest_read_key_only(struct rest_call *call, uint64_t fields, struct request_key *key)
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

const struct catalog_event *rest_managed_event(struct rest_call *call,
                                               const struct catalog_event *event)
{
    if (event != NULL && rest_may_manage(call, event))
        return event;
    rest_not_found(call);
    return NULL;
}

/* On an event of the caller's. NULL: the response is complete. */
static struct command *event_command(struct rest_call *call, enum command_kind kind)
{
    const struct catalog_event *event = rest_managed_event(call, rest_find_event(call));
    struct request_key key;
    if (event == NULL ||
        !rest_read_key_only(call, rest_fold(0, &event->id, sizeof event->id), &key))
        return NULL;
    struct command *command = rest_command(call, kind);
    if (command == NULL)
        return NULL;
    command->key = key;
    command->event_status.event_id = event->id;
    return command;
}

static enum rest_outcome change_status(struct rest_call *call, enum event_status status)
{
    struct command *command = event_command(call, COMMAND_EVENT_STATUS);
    if (command == NULL)
        return REST_ANSWERED;
    command->event_status.status = status;
    return rest_submit(call);
}

static enum rest_outcome change_sale(struct rest_call *call, bool closed)
{
    struct command *command = event_command(call, COMMAND_EVENT_SALE);
    if (command == NULL)
        return REST_ANSWERED;
    command->event_status.closed = closed;
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

enum rest_outcome rest_event_close(struct rest_call *call)
{
    return change_sale(call, true);
}

enum rest_outcome rest_event_reopen(struct rest_call *call)
{
    return change_sale(call, false);
}

/* --- answers --- */

void rest_answer_catalog(struct rest *rest, const struct answer *answer,
                         struct http_response *response)
{
    const struct catalog *catalog = worker_catalog(rest->worker);
    char *body, *at;
    switch (answer->kind) {
    case COMMAND_SHOW_CREATE:
        at = rest_open_answer(response, answer, 201,
                              ENVELOPE_BYTES + rest_show_bytes(catalog, answer->show), &body);
        at = rest_put_new_show(at, catalog, answer->show);
        break;
    case COMMAND_STATION_CREATE:
        at = rest_open_answer(response, answer, 201,
                              ENVELOPE_BYTES + rest_station_bytes(answer->station), &body);
        at = rest_put_station(at, answer->station);
        break;
    case COMMAND_ROUTE_CREATE:
        at = rest_open_answer(response, answer, 201,
                              ENVELOPE_BYTES + rest_route_bytes(catalog, answer->route), &body);
        at = rest_put_route(at, catalog, answer->route);
        break;
    case COMMAND_ZONE_CREATE:
        at = rest_open_answer(response, answer, 201, ENVELOPE_BYTES + rest_zone_bytes(answer->zone),
                              &body);
        at = rest_put_new_zone(at, answer->zone);
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

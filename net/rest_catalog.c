/* Reads of what is on sale, answered from the worker's own replica: no command,
 * no other thread. Drafts exist for those who may change them only. */
#include "rest_call.h"

#include <xxhash.h>

#include "json_text.h"
#include "rest_routes.h"

enum { ENVELOPE_BYTES = 64, ETAG_BYTES = 18 };

bool rest_may_manage(const struct rest_call *call, const struct catalog_event *event)
{
    if (!call->authenticated)
        return false;
    if (call->actor.role == ROLE_ADMIN)
        return uuid_equal(&call->tenant, &event->tenant_id);
    return call->actor.role == ROLE_ORGANIZER && uuid_equal(&call->actor.id, &event->organizer_id);
}

static bool may_see(const struct rest_call *call, const struct catalog_event *event)
{
    return event->status != EVENT_DRAFT || rest_may_manage(call, event);
}

static const struct catalog *replica(const struct rest_call *call)
{
    return worker_catalog(call->rest->worker);
}

const struct catalog_event *rest_find_event(const struct rest_call *call)
{
    struct uuid id;
    struct text name = call->parameter;
    if (uuid_parse(&id, name.bytes, name.length))
        return catalog_event(replica(call), &id);
    return catalog_event_by_slug(replica(call), name.bytes, name.length);
}

const struct catalog_event *rest_visible_event(const struct rest_call *call,
                                               const struct catalog_event *event)
{
    return event != NULL && may_see(call, event) ? event : NULL;
}

/* --- one object --- */

/* {"success":true,"data": ... } around what the caller writes. */
static char *open_data(struct rest_call *call, size_t bytes_max, char **body)
{
    http_response_begin(call->response, 200, ENVELOPE_BYTES + bytes_max);
    *body = http_response_body(call->response, NULL);
    return JSON_PUT(*body, "{\"success\":true,\"data\":");
}

static enum rest_outcome close_data(struct rest_call *call, char *body, char *at)
{
    at = JSON_PUT(at, "}");
    http_response_end(call->response, (size_t)(at - body));
    return REST_ANSWERED;
}

/* An event's answer changes only with its version. */
static void event_etag(const struct catalog_event *event, char etag[ETAG_BYTES])
{
    struct {
        struct uuid id;
        uint64_t updated_ms;
        uint64_t status;
    } version = {event->id, event->updated_ms, (uint64_t)event->status};
    uint64_t hash = XXH3_64bits(&version, sizeof version);
    etag[0] = etag[ETAG_BYTES - 1] = '"';
    for (size_t i = 1; i + 1 < ETAG_BYTES; i++, hash <<= 4)
        etag[i] = "0123456789abcdef"[hash >> 60];
}

bool rest_etag_matches(struct text list, const char *etag, size_t length)
{
    if (list.bytes == NULL)
        return false;
    if (list.length == 1 && list.bytes[0] == '*')
        return true;
    return memmem(list.bytes, list.length, etag, length) != NULL;
}

enum rest_outcome rest_event_get(struct rest_call *call)
{
    static const char revalidate[] = "no-cache";
    const struct catalog_event *event = rest_visible_event(call, rest_find_event(call));
    if (event == NULL)
        return rest_not_found(call);
    char etag[ETAG_BYTES];
    event_etag(event, etag);
    bool unchanged = rest_etag_matches(call->request->if_none_match, etag, ETAG_BYTES);
    size_t bytes_max = unchanged ? 0 : ENVELOPE_BYTES + rest_event_bytes(event, true);
    http_response_begin(call->response, unchanged ? 304 : 200, bytes_max);
    http_response_header(call->response, "ETag", etag, ETAG_BYTES);
    http_response_header(call->response, "Cache-Control", revalidate, sizeof revalidate - 1);
    char *body = http_response_body(call->response, NULL);
    if (unchanged) {
        http_response_end(call->response, 0);
        return REST_ANSWERED;
    }
    char *at = JSON_PUT(body, "{\"success\":true,\"data\":");
    return close_data(call, body, rest_put_event(at, event, true));
}

/* The show a path names, if its event may be seen. */
static const struct catalog_show *visible_show(const struct rest_call *call)
{
    struct uuid id;
    if (!uuid_parse(&id, call->parameter.bytes, call->parameter.length))
        return NULL;
    const struct catalog_show *show = catalog_show(replica(call), &id);
    if (show == NULL || !rest_visible_event(call, catalog_event(replica(call), &show->event_id)))
        return NULL;
    return show;
}

enum rest_outcome rest_show_get(struct rest_call *call)
{
    const struct catalog_show *show = visible_show(call);
    if (show == NULL)
        return rest_not_found(call);
    char *body;
    char *at = open_data(call, rest_show_bytes(replica(call), show), &body);
    return close_data(call, body, rest_put_show(at, replica(call), show));
}

enum rest_outcome rest_zone_get(struct rest_call *call)
{
    struct uuid id;
    if (!uuid_parse(&id, call->parameter.bytes, call->parameter.length))
        return rest_not_found(call);
    const struct catalog_zone *zone = catalog_zone(replica(call), &id);
    if (zone == NULL || !rest_visible_event(call, catalog_event(replica(call), &zone->event_id)))
        return rest_not_found(call);
    char *body;
    char *at = open_data(call, rest_zone_bytes(zone), &body);
    return close_data(call, body, rest_put_zone(at, zone));
}

/* --- lists --- */

/* What a list's page holds; objects are collected first so that the body's bound
 * is known before it is begun. */
struct listing {
    struct rest_page page;
    uint64_t total;
    uint32_t count;
    const void *items[100];
};

/* Counts an item, and keeps it if it falls on the page. */
static void listing_add(struct listing *listing, const void *item)
{
    uint64_t first = (uint64_t)(listing->page.number - 1) * listing->page.size;
    if (listing->total >= first && listing->count < listing->page.size)
        listing->items[listing->count++] = item;
    listing->total++;
}

static enum rest_outcome
answer_listing(struct rest_call *call, const struct listing *listing,
               size_t (*bytes)(const struct catalog *catalog, const void *item),
               char *(*put)(char *at, const struct catalog *catalog, const void *item))
{
    size_t bytes_max = REST_META_BYTES_MAX + 2;
    for (uint32_t i = 0; i < listing->count; i++)
        bytes_max += bytes(replica(call), listing->items[i]) + 1;
    char *body;
    char *at = open_data(call, bytes_max, &body);
    *at++ = '[';
    for (uint32_t i = 0; i < listing->count; i++) {
        if (i > 0)
            *at++ = ',';
        at = put(at, replica(call), listing->items[i]);
    }
    *at++ = ']';
    return close_data(call, body, rest_put_meta(at, listing->page, listing->total));
}

static size_t event_bytes(const struct catalog *catalog, const void *item)
{
    (void)catalog;
    return rest_event_bytes(item, false);
}

static char *put_event(char *at, const struct catalog *catalog, const void *item)
{
    (void)catalog;
    return rest_put_event(at, item, false);
}

static size_t show_bytes(const struct catalog *catalog, const void *item)
{
    return rest_show_bytes(catalog, item);
}

static char *put_show(char *at, const struct catalog *catalog, const void *item)
{
    return rest_put_show(at, catalog, item);
}

static size_t zone_bytes(const struct catalog *catalog, const void *item)
{
    (void)catalog;
    return rest_zone_bytes(item);
}

static char *put_zone(char *at, const struct catalog *catalog, const void *item)
{
    (void)catalog;
    return rest_put_zone(at, item);
}

/* The status asked for; published when none is. False: no such status. */
static bool wanted_status(const struct rest_call *call, enum event_status *status)
{
    char buffer[16];
    struct text value;
    enum rest_query found =
        rest_query_text(call->request->query, "status", buffer, sizeof buffer, &value);
    *status = EVENT_PUBLISHED;
    if (found == REST_QUERY_ABSENT)
        return true;
    for (int i = EVENT_DRAFT; found == REST_QUERY_FOUND && i <= EVENT_CANCELLED; i++) {
        *status = (enum event_status)i;
        const char *name = rest_event_status_name(*status);
        if (value.length == strlen(name) && memcmp(value.bytes, name, value.length) == 0)
            return true;
    }
    return false;
}

/* Newest first. */
enum rest_outcome rest_event_list(struct rest_call *call)
{
    enum event_status status;
    struct listing listing = {.total = 0};
    if (!rest_page(call, &listing.page))
        return REST_ANSWERED;
    if (!wanted_status(call, &status))
        return rest_field_problem(call, "status", "draft, published or cancelled");
    const struct catalog *catalog = replica(call);
    for (uint32_t number = catalog_event_count(catalog); number-- > 0;) {
        const struct catalog_event *event = catalog_event_by_number(catalog, number);
        if (event->status == status && may_see(call, event))
            listing_add(&listing, event);
    }
    return answer_listing(call, &listing, event_bytes, put_event);
}

enum rest_outcome rest_event_shows(struct rest_call *call)
{
    struct listing listing = {.total = 0};
    const struct catalog_event *event = rest_visible_event(call, rest_find_event(call));
    if (event == NULL)
        return rest_not_found(call);
    if (!rest_page(call, &listing.page))
        return REST_ANSWERED;
    const struct catalog_show *show;
    for (uint32_t i = 0; (show = catalog_event_show(replica(call), &event->id, i)) != NULL; i++)
        listing_add(&listing, show);
    return answer_listing(call, &listing, show_bytes, put_show);
}

enum rest_outcome rest_show_zones(struct rest_call *call)
{
    struct listing listing = {.total = 0};
    const struct catalog_show *show = visible_show(call);
    if (show == NULL)
        return rest_not_found(call);
    if (!rest_page(call, &listing.page))
        return REST_ANSWERED;
    const struct catalog_zone *zone;
    for (uint32_t i = 0; (zone = catalog_show_zone(replica(call), &show->id, i)) != NULL; i++)
        listing_add(&listing, zone);
    return answer_listing(call, &listing, zone_bytes, put_zone);
}

/* House holds and allotments. The key of an allotment is made here, shown once in the
 * answer, and known to the engine by its digest only. */
#include <stdlib.h>

#include "base64url.h"
#include "json_text.h"
#include "key_digest.h"
#include "rest_organizer.h"
#include "rest_routes.h"
#include "rest_seats.h"
#include "rest_zone.h"

enum { ENVELOPE_BYTES = 64, BLOCK_BYTES = 512, KEY_TEXT_BYTES = 22, KEY_BYTES = 16 };

#define BLOCK_SEATS_EXPECTED "a list of 1 to 1000 labels of seats, each once"
#define QUANTITY_EXPECTED "an integer from 1 to 10000000"

struct block_form {
    struct text kind, reason, idempotency_key;
    struct uuid owner_id;
    int64_t quantity;
    struct form_list seats;
    uint64_t expires_at;
};

static const struct form_field block_fields[] = {
    FORM_FIELD(struct block_form, kind, FORM_WORD, true, 0, 16, "house_hold or allotment"),
    FORM_FIELD(struct block_form, reason, FORM_LINE, false, 0, CATALOG_TEXT_BYTES_MAX,
               LINE_EXPECTED),
    FORM_FIELD(struct block_form, owner_id, FORM_ID, false, 0, 0, "a UUID"),
    FORM_FIELD(struct block_form, quantity, FORM_COUNT, false, 1, CATALOG_ZONE_SEATS_MAX,
               QUANTITY_EXPECTED),
    FORM_FIELD(struct block_form, seats, FORM_LIST, false, 1, RECORD_BLOCK_SEATS_MAX,
               BLOCK_SEATS_EXPECTED),
    FORM_FIELD(struct block_form, expires_at, FORM_TIME, false, 0, 0, TIME_EXPECTED),
    FORM_KEY(struct block_form),
};

enum { BLOCK_FIELD_COUNT = sizeof block_fields / sizeof block_fields[0] };

static bool text_is(struct text text, const char *wanted)
{
    return text.length == strlen(wanted) && memcmp(text.bytes, wanted, text.length) == 0;
}

static int compare_seats(const void *a, const void *b)
{
    uint32_t left = *(const uint32_t *)a, right = *(const uint32_t *)b;
    return (left > right) - (left < right);
}

/* Their indices, ascending; `seats` has room for the list. Returns how many. */
static uint32_t find_seats(const struct seat_plan *plan, const struct form_list *list,
                           uint32_t *seats, struct form_faults *faults)
{
    uint32_t count = 0;
    for (uint32_t i = list->first; i < list->end; i = list->nodes[i].next) {
        const struct json_node *node = &list->nodes[i];
        struct text label = {node->text, node->text_length};
        uint32_t seat =
            node->type == JSON_STRING ? seat_plan_find(plan, label.bytes, label.length) : SEAT_NONE;
        if (seat != SEAT_NONE)
            seats[count++] = seat;
        else if (node->type == JSON_STRING)
            form_fault_value(faults, "seats", "labels of seats of this zone", label);
        else
            form_fault(faults, "seats", BLOCK_SEATS_EXPECTED);
    }
    qsort(seats, count, sizeof seats[0], compare_seats);
    for (uint32_t i = 1; i < count; i++)
        if (seats[i] == seats[i - 1]) {
            form_fault(faults, "seats", "each seat once");
            break;
        }
    return count;
}

static void check_form(const struct block_form *form, const struct catalog_zone *zone,
                       uint64_t now_ms, struct form_faults *faults)
{
    bool named = form->seats.nodes != NULL;
    if (form->kind.bytes != NULL && !text_is(form->kind, "house_hold") &&
        !text_is(form->kind, "allotment"))
        form_fault(faults, "kind", "house_hold or allotment");
    if (form->expires_at != 0 && form->expires_at <= now_ms)
        form_fault(faults, "expires_at", "a time to come");
    if (zone->kind == ZONE_SEATED && !named)
        form_fault(faults, "seats", BLOCK_SEATS_EXPECTED);
    if (zone->kind == ZONE_SEATED && form->quantity != 0 && form->quantity != form->seats.count)
        form_fault(faults, "quantity", "as many as there are seats, or to be left out");
    if (zone->kind == ZONE_GENERAL && named)
        form_fault(faults, "seats", "to be left out: the zone has no numbered seats");
    if (zone->kind == ZONE_GENERAL && form->quantity == 0 && faults->count == 0)
        form_fault(faults, "quantity", QUANTITY_EXPECTED);
}

/* In one block with its text and seats, as yet without a key. NULL: out of memory. */
static struct block_facts *block_draft(const struct block_form *form,
                                       const struct catalog_zone *zone, struct form_faults *faults)
{
    bool seated = zone->plan != NULL && form->seats.nodes != NULL && faults->count == 0;
    size_t seats_bytes = seated ? form->seats.count * sizeof(uint32_t) : 0;
    struct block_facts *draft = calloc(1, sizeof *draft + seats_bytes + form->reason.length);
    if (draft == NULL)
        return NULL;
    uint32_t *seats = (uint32_t *)(void *)(draft + 1);
    char *reason = (char *)seats + seats_bytes;
    if (form->reason.length > 0)
        memcpy(reason, form->reason.bytes, form->reason.length);
    draft->zone_id = zone->id;
    draft->owner_id = form->owner_id;
    draft->kind = text_is(form->kind, "allotment") ? BLOCK_ALLOTMENT : BLOCK_HOUSE_HOLD;
    draft->seats = seats;
    if (seated)
        draft->seat_count = find_seats(zone->plan, &form->seats, seats, faults);
    draft->quantity = seated ? draft->seat_count : (uint32_t)form->quantity;
    draft->expires_ms = form->expires_at;
    draft->reason = (struct text){reason, form->reason.length};
    return draft;
}

static uint64_t block_hash(const struct block_facts *draft)
{
    uint64_t numbers[3] = {draft->kind, draft->quantity, draft->expires_ms};
    uint64_t hash = rest_fold(0, &draft->zone_id, sizeof draft->zone_id);
    hash = rest_fold(hash, numbers, sizeof numbers);
    hash = rest_fold(hash, draft->seats, draft->seat_count * sizeof draft->seats[0]);
    hash = rest_fold(hash, &draft->owner_id, sizeof draft->owner_id);
    return rest_fold_text(hash, draft->reason);
}

static char *put_key(char *at, const uint8_t secret[KEY_BYTES])
{
    return base64url_encode(secret, KEY_BYTES, at);
}

/* Random, 128 bits; the memo keeps it for the answer. */
static void make_key(struct rest_call *call, struct block_facts *draft)
{
    const struct clock *clock = &worker_group(call->rest->worker)->clock;
    uint64_t random[2] = {clock->random(clock->context), clock->random(clock->context)};
    char text[KEY_TEXT_BYTES + 2];
    _Static_assert(sizeof random == KEY_BYTES, "128 bits");
    memcpy(call->memo->rest_secret, random, KEY_BYTES);
    put_key(text, call->memo->rest_secret);
    key_digest(text, KEY_TEXT_BYTES, draft->key_digest);
}

static enum rest_outcome submit_block(struct rest_call *call, const struct catalog_zone *zone,
                                      struct request_key key, struct block_facts *draft)
{
    if (draft->kind == BLOCK_ALLOTMENT)
        make_key(call, draft);
    struct command *command = rest_zone_command(call, COMMAND_BLOCK_CREATE, zone, key);
    if (command == NULL) {
        free(draft);
        return REST_ANSWERED;
    }
    command->zone_change.block = draft;
    return rest_submit(call);
}

enum rest_outcome rest_block_create(struct rest_call *call)
{
    struct block_form form;
    struct form_faults faults;
    const struct catalog_zone *zone = rest_managed_zone(call);
    if (zone == NULL ||
        !form_read_large(call, block_fields, BLOCK_FIELD_COUNT, &form, sizeof form, &faults))
        return REST_ANSWERED;
    check_form(&form, zone, worker_now_ms(call->rest->worker), &faults);
    struct block_facts *draft = block_draft(&form, zone, &faults);
    if (draft == NULL)
        return rest_unavailable(call);
    struct request_key key = form_key(call, form.idempotency_key, block_hash(draft), &faults);
    if (faults.count == 0)
        return submit_block(call, zone, key, draft);
    free(draft);
    return form_refuse(call, &faults);
}

enum rest_outcome rest_block_end(struct rest_call *call)
{
    struct uuid block_id;
    struct request_key key;
    const struct catalog_zone *zone = rest_managed_zone(call);
    if (zone == NULL)
        return REST_ANSWERED;
    if (!uuid_parse(&block_id, call->second_parameter.bytes, call->second_parameter.length))
        return rest_not_found(call);
    uint64_t hash = rest_fold(rest_fold(0, &zone->id, sizeof zone->id), &block_id, sizeof block_id);
    if (!rest_read_key_only(call, hash, &key))
        return REST_ANSWERED;
    struct command *command = rest_zone_command(call, COMMAND_BLOCK_END, zone, key);
    if (command == NULL)
        return REST_ANSWERED;
    command->zone_change.block_id = block_id;
    return rest_submit(call);
}

enum rest_outcome rest_block_list(struct rest_call *call)
{
    const struct catalog_zone *zone = rest_managed_zone(call);
    if (zone == NULL)
        return REST_ANSWERED;
    struct command *command =
        rest_zone_command(call, COMMAND_BLOCK_LIST, zone, (struct request_key){0, 0});
    return command == NULL ? REST_ANSWERED : rest_submit(call);
}

/* --- answers --- */

static size_t block_bytes(const struct block_facts *block)
{
    return BLOCK_BYTES + json_text_bytes(block->reason) + rest_seats_bytes(block->seat_count);
}

/* Left open. */
static char *put_block(char *at, const struct block_facts *block, const struct seat_plan *plan)
{
    at = JSON_PUT(at, "{\"id\":");
    at = json_put_uuid(at, &block->block_id);
    at = JSON_PUT(at, ",\"zone_id\":");
    at = json_put_uuid(at, &block->zone_id);
    at = block->kind == BLOCK_ALLOTMENT ? JSON_PUT(at, ",\"kind\":\"allotment\"")
                                        : JSON_PUT(at, ",\"kind\":\"house_hold\"");
    at = block->active ? JSON_PUT(at, ",\"active\":true") : JSON_PUT(at, ",\"active\":false");
    at = JSON_PUT(at, ",\"reason\":");
    at = json_put_text_or_null(at, block->reason);
    at = JSON_PUT(at, ",\"owner_id\":");
    at = json_put_uuid_or_null(at, &block->owner_id);
    at = JSON_PUT(at, ",\"quantity\":");
    at = json_put_count(at, block->quantity);
    at = JSON_PUT(at, ",\"drawn\":");
    at = json_put_count(at, block->drawn);
    at = JSON_PUT(at, ",\"seats\":");
    at = rest_put_seats(at, plan, block->seats, block->seat_count);
    at = JSON_PUT(at, ",\"created_at\":");
    at = json_put_time(at, block->created_ms);
    at = JSON_PUT(at, ",\"expires_at\":");
    return json_put_time_or_null(at, block->expires_ms);
}

static const struct seat_plan *plan_of(const struct rest *rest, const struct uuid *zone_id)
{
    const struct catalog_zone *zone = catalog_zone(worker_catalog(rest->worker), zone_id);
    return zone == NULL ? NULL : zone->plan;
}

static void answer_list(struct rest *rest, const struct answer *answer,
                        struct http_response *response)
{
    const struct block_list *list = answer->blocks;
    const struct seat_plan *plan = plan_of(rest, &http_response_memo(response)->rest_zone);
    size_t bytes_max = ENVELOPE_BYTES;
    char *body;
    for (uint32_t i = 0; i < list->count; i++)
        bytes_max += block_bytes(list->items[i]) + 2;
    char *at = rest_open_answer(response, answer, 200, bytes_max, &body);
    *at++ = '[';
    for (uint32_t i = 0; i < list->count; i++) {
        if (i > 0)
            *at++ = ',';
        at = put_block(at, list->items[i], plan);
        *at++ = '}';
    }
    at = JSON_PUT(at, "]}");
    http_response_end(response, (size_t)(at - body));
}

void rest_answer_block(struct rest *rest, const struct answer *answer,
                       struct http_response *response)
{
    if (answer->kind == COMMAND_BLOCK_LIST) {
        answer_list(rest, answer, response);
        return;
    }
    const struct block_facts *block = answer->block;
    const struct seat_plan *plan = plan_of(rest, &block->zone_id);
    bool made = answer->kind == COMMAND_BLOCK_CREATE;
    char *body;
    char *at = rest_open_answer(response, answer, made ? 201 : 200,
                                ENVELOPE_BYTES + block_bytes(block), &body);
    at = put_block(at, block, plan);
    if (made && block->kind == BLOCK_ALLOTMENT && !answer->replayed) {
        at = JSON_PUT(at, ",\"key\":\"");
        at = put_key(at, http_response_memo(response)->rest_secret);
        at = JSON_PUT(at, "\"");
    } else if (made) {
        at = JSON_PUT(at, ",\"key\":null");
    }
    at = JSON_PUT(at, "}}");
    http_response_end(response, (size_t)(at - body));
}

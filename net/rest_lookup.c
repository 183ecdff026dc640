#include "rest_lookup.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "rest_seats.h"

enum { LOOKUPS_MAX = 512, LABEL_BYTES_MAX = SEAT_FULL_LABEL_BYTES };

struct lookup {
    struct command command; /* the second step; lacks its seats */
    uint32_t label_count;   /* 0: the place is free */
    uint32_t next_free;
    struct {
        uint32_t length;
        char bytes[LABEL_BYTES_MAX];
    } labels[RECORD_SEATS_MAX];
};

struct rest_lookups {
    uint32_t used;
    uint32_t first_free; /* the one freed last, while its memory is warm */
    struct lookup places[LOOKUPS_MAX];
};

struct rest_lookups *rest_lookups_new(void)
{
    struct rest_lookups *lookups = calloc(1, sizeof *lookups);
    if (lookups == NULL)
        return NULL;
    for (uint32_t i = 0; i < LOOKUPS_MAX; i++)
        lookups->places[i].next_free = i + 1;
    return lookups;
}

void rest_lookups_free(struct rest_lookups *lookups)
{
    free(lookups);
}

/* LOOKUPS_MAX: none is free. */
static uint32_t take_place(struct rest_lookups *lookups)
{
    uint32_t place = lookups->first_free;
    if (place < LOOKUPS_MAX) {
        lookups->first_free = lookups->places[place].next_free;
        lookups->used++;
    }
    return place;
}

static void free_place(struct rest_lookups *lookups, struct lookup *lookup)
{
    lookup->label_count = 0;
    lookup->next_free = lookups->first_free;
    lookups->first_free = (uint32_t)(lookup - lookups->places);
    lookups->used--;
}

/* A label no seat can have is cut to one byte more than any has: it stays unknown. */
static void keep_labels(struct lookup *lookup, const struct text *labels, uint32_t count)
{
    lookup->label_count = count;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t length = labels[i].length < LABEL_BYTES_MAX ? labels[i].length : LABEL_BYTES_MAX;
        lookup->labels[i].length = length;
        memcpy(lookup->labels[i].bytes, labels[i].bytes, length);
    }
}

enum rest_outcome rest_lookup_begin(struct rest_call *call, const struct command *command,
                                    const struct text *labels, uint32_t count)
{
    assert(count > 0 && count <= RECORD_SEATS_MAX && command->seat_count == 0);
    struct rest_lookups *lookups = call->rest->lookups;
    if (lookups->first_free == LOOKUPS_MAX)
        return rest_unavailable(call);
    struct command *read = rest_command(call, COMMAND_BOOKING_GET);
    if (read == NULL)
        return REST_ANSWERED;
    uint32_t place = take_place(lookups);
    struct lookup *lookup = &lookups->places[place];
    memcpy(&lookup->command, command, command_bytes(command));
    lookup->command.to = read->to;
    keep_labels(lookup, labels, count);
    call->memo->rest_page = place + 1;
    read->booking.booking_id = command->booking.booking_id;
    return rest_submit(call);
}

/* Only a first step is a read of one booking that has a place in its memo. */
bool rest_lookup_awaits(const struct answer *answer, const struct http_memo *memo)
{
    return answer->kind == COMMAND_BOOKING_GET && memo->rest_page != 0;
}

/* A caller sees nothing of another's booking; but a repeat of a change of what was
 * theirs then is answered by its key, so labels of that zone are still looked up. */
static const struct uuid *zone_of(const struct answer *answer)
{
    if (answer->result == RESULT_OK)
        return &answer->booking.zone_id;
    return answer->result == RESULT_NOT_FOUND ? &answer->refusal.zone_id : NULL;
}

static uint32_t texts_of(const struct lookup *lookup, struct text labels[RECORD_SEATS_MAX])
{
    for (uint32_t i = 0; i < lookup->label_count; i++)
        labels[i] = (struct text){lookup->labels[i].bytes, lookup->labels[i].length};
    return lookup->label_count;
}

/* False: the response is complete. */
static bool resolve(struct rest_call *call, const struct lookup *lookup,
                    const struct answer *answer, uint32_t seats[RECORD_SEATS_MAX])
{
    const struct uuid *zone_id = zone_of(answer);
    const struct catalog_zone *zone =
        zone_id == NULL ? NULL : catalog_zone(worker_catalog(call->rest->worker), zone_id);
    struct form_faults faults = {.count = 0};
    struct text labels[RECORD_SEATS_MAX];
    uint32_t count = texts_of(lookup, labels);
    bool found = zone != NULL && zone->plan != NULL &&
                 rest_seats_find(zone->plan, labels, count, seats, &faults);
    if (found)
        return true;
    if (answer->result != RESULT_OK) {
        rest_refusal(call->rest, answer, call->response);
    } else if (zone == NULL) {
        rest_behind(call->rest, call->response);
    } else {
        if (zone->plan == NULL)
            form_fault(&faults, "seats", "to be left out: the zone has no numbered seats");
        form_refuse(call, &faults);
    }
    return false;
}

enum rest_outcome rest_lookup_answered(struct rest *rest, const struct answer *answer,
                                       struct http_response *response)
{
    struct rest_lookups *lookups = rest->lookups;
    struct lookup *lookup = &lookups->places[http_response_memo(response)->rest_page - 1];
    struct rest_call call = {.rest = rest, .response = response};
    uint32_t seats[RECORD_SEATS_MAX];
    enum rest_outcome outcome = REST_ANSWERED;
    assert(lookup->label_count > 0 && lookup->command.to.slot == answer->to.slot);
    if (resolve(&call, lookup, answer, seats)) {
        struct command *command = worker_command(rest->worker);
        if (command == NULL) {
            rest_unavailable(&call);
        } else {
            memcpy(command, &lookup->command, command_bytes(&lookup->command));
            command->seat_count = lookup->label_count;
            memcpy(command->seats, seats, lookup->label_count * sizeof seats[0]);
            outcome = rest_submit(&call);
        }
    }
    free_place(lookups, lookup);
    return outcome;
}

static bool is_for(const struct reply_to *a, const struct reply_to *b)
{
    return a->connection == b->connection && a->generation == b->generation && a->slot == b->slot;
}

void rest_lookup_drop(struct rest *rest, const struct answer *answer)
{
    struct rest_lookups *lookups = rest->lookups;
    if (answer->kind != COMMAND_BOOKING_GET || lookups->used == 0)
        return;
    for (uint32_t i = 0; i < LOOKUPS_MAX; i++) {
        struct lookup *lookup = &lookups->places[i];
        if (lookup->label_count > 0 && is_for(&lookup->command.to, &answer->to))
            free_place(lookups, lookup);
    }
}

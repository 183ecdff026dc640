/* Which seats of a seated zone a request gets: the named ones, or the best. */
#include <string.h>

#include "seat_pick.h"
#include "shard.h"
#include "shard_state.h"

bool shard_allows_orphans(const struct shard *shard, const struct zone *zone)
{
    const struct catalog_event *event = catalog_event(shard->catalog, &zone->event_id);
    return event && event->allow_orphans;
}

static void refuse_seat(struct refusal_facts *refusal, uint32_t seat, enum seat_state state)
{
    refusal->seats[refusal->seat_count++] = seat | (uint32_t)state << 24;
}

/* What a seat is to this request: SEAT_FREE if it can be had. */
static enum seat_state state_for(const struct zone *zone, const struct seat_request *request,
                                 uint32_t seat)
{
    enum seat_state state = seat_map_state(zone->map, seat, request->from, request->to);

    if (state == SEAT_RESERVED || state == SEAT_SOLD || !request->block)
        return state;
    return block_has_seat(request->block, seat) ? SEAT_FREE : SEAT_BLOCKED;
}

static enum result check_named(const struct zone *zone, const struct seat_request *request,
                               const uint64_t *only, struct refusal_facts *refusal)
{
    uint32_t seat_count = seat_map_plan(zone->map)->seat_count, single;

    for (uint32_t i = 0; i < request->quantity; i++) {
        uint32_t seat = request->named[i];
        if (seat >= seat_count || (i > 0 && seat <= request->named[i - 1]))
            return RESULT_NOT_FOUND; /* not a list of the zone's seats */
    }
    for (uint32_t i = 0; i < request->quantity; i++) {
        enum seat_state state = state_for(zone, request, request->named[i]);
        if (state != SEAT_FREE)
            refuse_seat(refusal, request->named[i], state);
    }
    if (refusal->seat_count > 0)
        return RESULT_SEAT_UNAVAILABLE;
    if (request->allow_orphans ||
        !seat_pick_leaves_orphan(zone->map, request->named, request->quantity, request->from,
                                 request->to, only, &single))
        return RESULT_OK;
    refuse_seat(refusal, single, SEAT_FREE);
    return RESULT_ORPHAN_SEAT;
}

static enum result choose_best(const struct zone *zone, const struct seat_request *request,
                               const uint64_t *only, uint32_t seats[RECORD_SEATS_MAX],
                               struct refusal_detail *detail)
{
    const struct seat_pick_wish wish = {.from = request->from,
                                        .to = request->to,
                                        .quantity = request->quantity,
                                        .allow_split = request->allow_split,
                                        .only = only};
    struct seat_pick pick;

    switch (seat_pick_best(zone->map, &wish, &pick)) {
    case SEAT_PICK_OK:
        memcpy(seats, pick.seats, request->quantity * sizeof seats[0]);
        return RESULT_OK;
    case SEAT_PICK_TOO_FEW:
        detail->available = pick.free;
        return RESULT_INSUFFICIENT_STOCK;
    case SEAT_PICK_NOT_TOGETHER:
        detail->available = pick.free;
        detail->together = pick.together;
        return RESULT_SEATS_NOT_TOGETHER;
    }
    return RESULT_SEATS_NOT_TOGETHER;
}

enum result shard_choose_seats(const struct zone *zone, const struct seat_request *request,
                               uint32_t seats[RECORD_SEATS_MAX], struct refusal_facts *refusal)
{
    const uint64_t *only = request->block ? request->block->only : request->only;

    if (!request->named)
        return choose_best(zone, request, only, seats, &refusal->detail);
    enum result result = check_named(zone, request, only, refusal);
    if (result == RESULT_OK)
        memcpy(seats, request->named, request->quantity * sizeof seats[0]);
    return result;
}

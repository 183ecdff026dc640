/* Seat maps are polled by crowds: a zone's map of the whole way is made once for
 * each version and copied for everyone else; who has the version gets no map. */
#include <stdlib.h>
#include <string.h>

#include "hash.h"
#include "worker_state.h"

static bool is_whole_way(const struct command_zone *query)
{
    return query->from_segment == 0 && query->to_segment == 0;
}

static struct seat_states *copy(const struct seat_states *states)
{
    size_t bytes = sizeof *states + states->length;
    struct seat_states *made = malloc(bytes);

    if (made)
        memcpy(made, states, bytes);
    return made;
}

/* The same without the map. */
static struct seat_states *unchanged(const struct seat_states *states)
{
    struct seat_states header = *states;

    header.length = 0;
    return copy(&header);
}

/* Brings the zone's place in the memory to the newest version. NULL: not to be
 * had; *made is then what the shard said. */
static const struct seat_states *refresh(struct worker *worker, const struct command_zone *query,
                                         struct seat_states **said)
{
    struct seat_states **place = &worker->seat_maps[hash_uuid(&query->zone_id) % SEAT_MAPS_KEPT];
    struct command_zone newer = *query;
    bool kept = *place && uuid_equal(&(*place)->zone_id, &query->zone_id);

    newer.has_known = kept;
    newer.known_changes = kept ? (*place)->changes : 0;
    *said = shard_seat_states(worker->shard, &newer);
    if (!*said || (*said)->seat_count == 0)
        return NULL;
    if (kept && (*said)->length == 0) {
        free(*said);
    } else {
        free(*place);
        *place = *said;
    }
    *said = NULL;
    return *place;
}

static struct seat_states *states_of(struct worker *worker, const struct command_zone *query)
{
    struct seat_states *said;

    if (!is_whole_way(query))
        return shard_seat_states(worker->shard, query);
    const struct seat_states *newest = refresh(worker, query, &said);
    if (!newest)
        return said;
    return query->has_known && query->known_changes == newest->changes ? unchanged(newest)
                                                                       : copy(newest);
}

void worker_read_seat_map(struct worker *worker, const struct command *command,
                          struct answer *answer)
{
    const struct command_zone *query = &command->zone_change;

    answer->result = RESULT_NOT_FOUND;
    if (!shard_knows_zone(worker->shard, &query->zone_id))
        return;
    struct seat_states *states = states_of(worker, query);
    answer->result = states ? RESULT_OK : RESULT_OVERLOADED;
    if (states && states->seat_count == 0) {
        free(states);
        answer->result = RESULT_KIND_UNSUPPORTED;
    } else {
        answer->seat_states = states;
    }
}

void worker_forget_seat_maps(struct worker *worker)
{
    for (uint32_t i = 0; i < SEAT_MAPS_KEPT; i++)
        free(worker->seat_maps[i]);
}

/* Commands in two steps: a change that names seats of a booking knows neither its
 * zone nor, therefore, what its labels mean. The first step asks the booking's shard
 * for the zone, which never changes; the second submits the command with indices.
 * docs/decisions/0062-labels-and-indices.md. Worker's thread. */
#ifndef NET_REST_LOOKUP_H
#define NET_REST_LOOKUP_H

#include "rest_call.h"

/* Places for commands between their steps; a request that finds none gets 503. */
struct rest_lookups *rest_lookups_new(void); /* NULL: out of memory */
void rest_lookups_free(struct rest_lookups *lookups);

/* Begins with a copy of a command, complete but for its seats. */
enum rest_outcome rest_lookup_begin(struct rest_call *call, const struct command *command,
                                    const struct text *labels, uint32_t count);

/* Is this the answer to a first step? */
bool rest_lookup_awaits(const struct answer *answer, const struct http_memo *memo);

/* Submits the second step, or refuses. */
enum rest_outcome rest_lookup_answered(struct rest *rest, const struct answer *answer,
                                       struct http_response *response);

/* Frees what waits for this answer, if anything does: its connection is gone. */
void rest_lookup_drop(struct rest *rest, const struct answer *answer);

#endif

/* The history of a run, for a checker: a CSV file, a header line, then one line
 * for each attempt, in the order the answers came.
 *
 *   client,n,t_invoke_ns,t_return_ns,op,user,zone,booking,quantity,key,status,code,position
 *
 * Times are CLOCK_MONOTONIC, so histories of one boot compare. An attempt whose
 * answer never came has `-` for t_return_ns, 0 for status, and an unknown
 * outcome; with --retry-lost the same key then appears again. `booking` is the id answered
 * (reserve) or asked for; `code` the error code of a refusal; `position` is the
 * X-Log-Position, shard:sequence. Unknown values are `-`. */
#ifndef BENCH_BOXLOAD_HISTORY_H
#define BENCH_BOXLOAD_HISTORY_H

#include "boxload_scenario.h"

struct history;

struct history_line {
    const struct client *client;
    uint64_t invoke_ns;
    uint64_t return_ns;              /* 0: never answered */
    const struct response *response; /* NULL: never answered */
    const char *position;            /* NULL: none */
    uint32_t position_length;
};

/* NULL: errno says why. */
struct history *history_open(const char *path, const struct scenario *scenario);
void history_write(struct history *history, const struct history_line *line);
/* False: some of it could not be written. */
bool history_close(struct history *history);

#endif

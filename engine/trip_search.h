/* Which trips go from one station to another, in the order they depart.
 *
 * Indexed by departure: for each station and each day (UTC) on which a trip departs
 * there, the trips in the order of their departures. So a search reads the
 * departures of one station on the days it asks for, never all shows. Part of a
 * worker's replica: its thread only. Pure. */
#ifndef ENGINE_TRIP_SEARCH_H
#define ENGINE_TRIP_SEARCH_H

#include "catalog.h"

/* Days on which something departs from a station, over all stations. */
enum { TRIP_DAYS_MAX = 1 << 22 };

struct trip_index *trip_index_new(void); /* NULL: out of memory */
void trip_index_free(struct trip_index *index);

/* Room for all departures of a trip, whatever they are? */
bool trip_index_has_room(const struct trip_index *index);
/* All departures of a show by the catalog's number of it; none of a show without
 * stops. False: out of memory or room; what was added stays. */
bool trip_index_add(struct trip_index *index, uint32_t show_number,
                    const struct catalog_show *show);

struct trip_query {
    struct uuid from, to;        /* stations */
    uint64_t since_ms, until_ms; /* departs in [since, until), Unix milliseconds */
};

struct trip {
    const struct catalog_show *show;
    uint32_t from_stop, to_stop; /* from_stop < to_stop */
};

/* Where a walk through the departures stands. */
struct trip_cursor {
    const struct catalog *catalog;
    struct trip_query query;
    uint64_t day; /* Unix days */
    uint32_t position;
};

struct trip_cursor trip_search(const struct catalog *catalog, const struct trip_query *query);
/* The next trip that stops at `from` and later at `to`; equal departures in the
 * order the shows came. False: there are no more. */
bool trip_search_next(struct trip_cursor *cursor, struct trip *trip);

#endif

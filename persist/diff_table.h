/* The tables `boxreplay diff` compares, and how it asks PostgreSQL for them. Pure. */
#ifndef PERSIST_DIFF_TABLE_H
#define PERSIST_DIFF_TABLE_H

#include "diff_row.h"

enum diff_table {
    DIFF_EVENTS,
    DIFF_STATIONS,
    DIFF_ROUTES,
    DIFF_ROUTE_STOPS,
    DIFF_SHOWS,
    DIFF_SHOW_STOPS,
    DIFF_ZONES,
    DIFF_SEGMENTS,
    DIFF_SEATS,
    DIFF_BLOCKS,
    DIFF_BOOKINGS,
    DIFF_BOOKING_CHANGES,
    DIFF_ORDERS,
    DIFF_TABLE_COUNT
};

const char *diff_table_name(enum diff_table table);

/* Appends a SELECT of the table's rows: the key, then the columns of diff_state_row. */
void diff_table_select(enum diff_table table, struct replay_buffer *sql);

/* A row's key: the id, and where there is one the part behind a '/'. False: not one. */
bool diff_key_parse(struct diff_key *key, const char *text);
enum { DIFF_KEY_BYTES = 64 };
const char *diff_key_format(const struct diff_key *key, enum diff_table table, char *out);

#endif

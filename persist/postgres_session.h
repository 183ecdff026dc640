/* One connection to PostgreSQL and the three things the replayer does with it:
 * statements, COPY in, queries. Blocking; one thread. */
#ifndef PERSIST_POSTGRES_SESSION_H
#define PERSIST_POSTGRES_SESSION_H

#include <libpq-fe.h>
#include <stdbool.h>

#include "replay_buffer.h"

enum postgres_outcome {
    POSTGRES_OK = 0,
    /* The connection is gone or the server cannot do it now: try again later.
     * After a COMMIT this means: outcome unknown. */
    POSTGRES_RETRY,
    /* The server understood and says no: trying again gives the same. */
    POSTGRES_REFUSED
};

enum { POSTGRES_ERROR_BYTES = 1024 };

struct postgres_session {
    PGconn *connection;               /* NULL: not connected */
    char error[POSTGRES_ERROR_BYTES]; /* of the last call that was not OK; one line */
    char sqlstate[6];                 /* its SQLSTATE; "" when the server gave none */
};

void postgres_init(struct postgres_session *session);

/* url: a libpq URL or keyword string. Never OK with a connection that is not
 * set up (UTC, UTF-8, time-outs for locks and statements). */
enum postgres_outcome postgres_connect(struct postgres_session *session, const char *url);
void postgres_disconnect(struct postgres_session *session);

/* One statement or several, no rows wanted. `affected` (may be NULL) gets the
 * row count of the last one. */
enum postgres_outcome postgres_run(struct postgres_session *session, const char *sql,
                                   uint64_t *affected);

/* sql is COPY … FROM STDIN (FORMAT binary); rows is a complete stream. */
enum postgres_outcome postgres_copy(struct postgres_session *session, const char *sql,
                                    const struct replay_buffer *rows);

/* Rows as text; the caller clears *rows on OK. Parameters are text; NULL: none. */
enum postgres_outcome postgres_query(struct postgres_session *session, PGresult **rows,
                                     const char *sql, int parameter_count,
                                     const char *const *parameters);

/* The URL without its password, for messages. */
void postgres_describe(const struct postgres_session *session, char *out, size_t out_bytes);

#endif

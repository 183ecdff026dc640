#include "postgres_session.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { COPY_CHUNK_BYTES = 1 << 20 };

/* Bulk work against a few rows at a time: joins from a small staging table must
 * go by the index however old the statistics are. A lock or statement that takes
 * longer than the time-outs counts as "not now". */
static const char session_settings[] =
    "SET client_encoding = 'UTF8'; SET timezone = 'UTC'; SET datestyle = 'ISO';"
    "SET client_min_messages = warning; SET lock_timeout = '15s'; SET statement_timeout = '120s';"
    "SET idle_in_transaction_session_timeout = '120s';"
    "SET enable_hashjoin = off; SET enable_mergejoin = off; SET random_page_cost = 1.1;"
    "SET synchronous_commit = on; SET application_name = 'boxreplay';"
    "SET temp_buffers = '64MB'; SET jit = off";

static void ignore_notice(void *context, const char *message)
{
    (void)context;
    (void)message;
}

void postgres_init(struct postgres_session *session)
{
    *session = (struct postgres_session){0};
}

static void error_text(struct postgres_session *session, const char *message)
{
    size_t length = 0;
    for (const char *at = message; *at != '\0' && length + 1 < sizeof session->error; at++)
        session->error[length++] = *at == '\n' || *at == '\r' || *at == '\t' ? ' ' : *at;
    while (length > 0 && session->error[length - 1] == ' ')
        length--;
    session->error[length] = '\0';
}

/* Classes of SQLSTATE (PostgreSQL manual, appendix A) that pass by themselves or
 * by an operator's hand without the statement being wrong. */
static bool passing(const char *sqlstate)
{
    static const char classes[][3] = {"08", "40", "53", "57", "58", "XX"};
    for (size_t i = 0; i < sizeof classes / sizeof classes[0]; i++) {
        if (memcmp(sqlstate, classes[i], 2) == 0)
            return true;
    }
    return strcmp(sqlstate, "55P03") == 0 || strcmp(sqlstate, "25006") == 0 ||
           strcmp(sqlstate, "25P03") == 0;
}

static const char *field(const PGresult *result, int code)
{
    const char *text = PQresultErrorField(result, code);
    return text != NULL ? text : "";
}

static enum postgres_outcome failed(struct postgres_session *session, const PGresult *result)
{
    session->sqlstate[0] = '\0';
    if (result == NULL || field(result, PG_DIAG_SQLSTATE)[0] == '\0') {
        error_text(session, PQerrorMessage(session->connection));
        return POSTGRES_RETRY;
    }
    (void)snprintf(session->sqlstate, sizeof session->sqlstate, "%s",
                   field(result, PG_DIAG_SQLSTATE));
    char text[POSTGRES_ERROR_BYTES];
    const char *detail = field(result, PG_DIAG_MESSAGE_DETAIL);
    const char *context = field(result, PG_DIAG_CONTEXT);
    (void)snprintf(text, sizeof text, "%s (SQLSTATE %s)%s%s%s%.120s",
                   field(result, PG_DIAG_MESSAGE_PRIMARY), session->sqlstate,
                   detail[0] != '\0' ? "; " : "", detail, context[0] != '\0' ? "; " : "", context);
    error_text(session, text);
    if (PQstatus(session->connection) != CONNECTION_OK || passing(session->sqlstate))
        return POSTGRES_RETRY;
    return POSTGRES_REFUSED;
}

void postgres_disconnect(struct postgres_session *session)
{
    PQfinish(session->connection); /* NULL is fine */
    session->connection = NULL;
}

enum postgres_outcome postgres_connect(struct postgres_session *session, const char *url)
{
    postgres_disconnect(session);
    /* The URL comes second so that it overrides; keepalives notice a dead peer. */
    const char *keywords[] = {"connect_timeout",
                              "keepalives_idle",
                              "keepalives_interval",
                              "keepalives_count",
                              "tcp_user_timeout",
                              "dbname",
                              NULL};
    const char *values[] = {"5", "10", "5", "3", "30000", url, NULL};
    session->connection = PQconnectdbParams(keywords, values, 1);
    if (session->connection == NULL || PQstatus(session->connection) != CONNECTION_OK) {
        session->sqlstate[0] = '\0';
        error_text(session, PQerrorMessage(session->connection));
        postgres_disconnect(session);
        return POSTGRES_RETRY;
    }
    (void)PQsetNoticeProcessor(session->connection, ignore_notice, NULL);
    return postgres_run(session, session_settings, NULL);
}

enum postgres_outcome postgres_run(struct postgres_session *session, const char *sql,
                                   uint64_t *affected)
{
    PGresult *result = PQexec(session->connection, sql);
    const ExecStatusType status = PQresultStatus(result);
    enum postgres_outcome outcome = POSTGRES_OK;
    if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK)
        outcome = failed(session, result);
    else if (affected != NULL)
        *affected = strtoull(PQcmdTuples(result), NULL, 10);
    PQclear(result);
    return outcome;
}

static bool copy_send(struct postgres_session *session, const struct replay_buffer *rows)
{
    for (size_t sent = 0; sent < rows->length;) {
        size_t chunk = rows->length - sent;
        if (chunk > COPY_CHUNK_BYTES)
            chunk = COPY_CHUNK_BYTES;
        if (PQputCopyData(session->connection, rows->bytes + sent, (int)chunk) != 1)
            return false;
        sent += chunk;
    }
    return PQputCopyEnd(session->connection, NULL) == 1;
}

enum postgres_outcome postgres_copy(struct postgres_session *session, const char *sql,
                                    const struct replay_buffer *rows)
{
    PGresult *result = PQexec(session->connection, sql);
    if (PQresultStatus(result) != PGRES_COPY_IN) {
        const enum postgres_outcome outcome = failed(session, result);
        PQclear(result);
        return outcome;
    }
    PQclear(result);
    const bool sent = copy_send(session, rows);
    enum postgres_outcome outcome = sent ? POSTGRES_OK : POSTGRES_RETRY;
    if (!sent)
        error_text(session, PQerrorMessage(session->connection));
    while ((result = PQgetResult(session->connection)) != NULL) {
        if (PQresultStatus(result) != PGRES_COMMAND_OK)
            outcome = failed(session, result);
        PQclear(result);
        if (PQstatus(session->connection) != CONNECTION_OK)
            break;
    }
    return outcome;
}

enum postgres_outcome postgres_query(struct postgres_session *session, PGresult **rows,
                                     const char *sql, int parameter_count,
                                     const char *const *parameters)
{
    PGresult *result =
        PQexecParams(session->connection, sql, parameter_count, NULL, parameters, NULL, NULL, 0);
    if (PQresultStatus(result) != PGRES_TUPLES_OK) {
        const enum postgres_outcome outcome = failed(session, result);
        PQclear(result);
        return outcome;
    }
    *rows = result;
    return POSTGRES_OK;
}

void postgres_describe(const struct postgres_session *session, char *out, size_t out_bytes)
{
    if (session->connection == NULL) {
        (void)snprintf(out, out_bytes, "(not connected)");
        return;
    }
    (void)snprintf(out, out_bytes, "database %s at %s:%s", PQdb(session->connection),
                   PQhost(session->connection), PQport(session->connection));
}

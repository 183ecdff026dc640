#include "postgres_schema.h"

#include <stdio.h>
#include <stdlib.h>

/* The .sql files lie in the program as they are, so that one text serves the
 * tool, psql and the reader. Paths are from the project's root, where make runs. */
/* NOLINTBEGIN(bugprone-macro-parentheses): the symbol is declared, not computed. */
#define EMBED_SQL(symbol, path)                                                                    \
    extern const char symbol[];                                                                    \
    __asm__(".pushsection .rodata\n.globl " #symbol "\n" #symbol ":\n.incbin \"" path              \
            "\"\n.byte 0\n.popsection\n")
/* NOLINTEND(bugprone-macro-parentheses) */

EMBED_SQL(postgres_schema_0001, "persist/schema/0001_base.sql");
EMBED_SQL(postgres_schema_0002, "persist/schema/0002_inventory.sql");

static const struct migration {
    const char *name;
    const char *sql;
} migrations[] = {
    {"base", postgres_schema_0001},
    {"inventory", postgres_schema_0002},
};

int postgres_schema_version(void)
{
    return (int)(sizeof migrations / sizeof migrations[0]);
}

enum postgres_outcome postgres_schema_read(struct postgres_session *session, int *version)
{
    PGresult *rows = NULL;
    enum postgres_outcome outcome =
        postgres_query(session, &rows, "SELECT to_regclass('mirror_schema') IS NOT NULL", 0, NULL);
    if (outcome != POSTGRES_OK)
        return outcome;
    const bool exists = PQgetvalue(rows, 0, 0)[0] == 't';
    PQclear(rows);
    *version = 0;
    if (!exists)
        return POSTGRES_OK;
    outcome = postgres_query(session, &rows, "SELECT coalesce(max(version), 0) FROM mirror_schema",
                             0, NULL);
    if (outcome != POSTGRES_OK)
        return outcome;
    *version = (int)strtol(PQgetvalue(rows, 0, 0), NULL, 10);
    PQclear(rows);
    return POSTGRES_OK;
}

static enum postgres_outcome refuse(struct postgres_session *session, int found,
                                    const char *what_next)
{
    session->sqlstate[0] = '\0';
    (void)snprintf(session->error, sizeof session->error,
                   "the database has schema version %d, this boxreplay works with version %d: %s",
                   found, postgres_schema_version(), what_next);
    return POSTGRES_REFUSED;
}

static enum postgres_outcome apply(struct postgres_session *session, int version)
{
    const struct migration *migration = &migrations[version - 1];
    char note[256];
    (void)snprintf(note, sizeof note,
                   "INSERT INTO mirror_schema (version, name) VALUES (%d, '%s'); COMMIT", version,
                   migration->name);
    enum postgres_outcome outcome = postgres_run(session, "BEGIN", NULL);
    if (outcome == POSTGRES_OK)
        outcome = postgres_run(session, migration->sql, NULL);
    if (outcome == POSTGRES_OK)
        outcome = postgres_run(session, note, NULL);
    return outcome;
}

enum postgres_outcome postgres_schema_migrate(struct postgres_session *session)
{
    int version = 0;
    enum postgres_outcome outcome = postgres_schema_read(session, &version);
    if (outcome != POSTGRES_OK)
        return outcome;
    if (version > postgres_schema_version())
        return refuse(session, version, "install the newer boxreplay");
    if (version == 0) {
        outcome = postgres_run(session,
                               "CREATE TABLE IF NOT EXISTS mirror_schema (version integer PRIMARY "
                               "KEY, name text NOT NULL, applied_at timestamptz NOT NULL DEFAULT "
                               "now())",
                               NULL);
    }
    while (outcome == POSTGRES_OK && version < postgres_schema_version())
        outcome = apply(session, ++version);
    return outcome;
}

enum postgres_outcome postgres_schema_check(struct postgres_session *session)
{
    int version = 0;
    const enum postgres_outcome outcome = postgres_schema_read(session, &version);
    if (outcome != POSTGRES_OK)
        return outcome;
    if (version == 0)
        return refuse(session, version, "run `boxreplay mirror` first, it makes the tables");
    if (version < postgres_schema_version())
        return refuse(session, version, "run `boxreplay mirror` of this version, it migrates");
    if (version > postgres_schema_version())
        return refuse(session, version, "use the newer boxreplay");
    return POSTGRES_OK;
}

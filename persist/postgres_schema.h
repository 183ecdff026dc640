/* The mirror's tables: persist/schema/NNNN_name.sql, numbered without gaps and
 * built into the program. The table mirror_schema says which were applied. */
#ifndef PERSIST_POSTGRES_SCHEMA_H
#define PERSIST_POSTGRES_SCHEMA_H

#include "postgres_session.h"

/* The newest version this program knows. */
int postgres_schema_version(void);

/* The version the database has; 0: none of our tables. */
enum postgres_outcome postgres_schema_read(struct postgres_session *session, int *version);

/* Applies what is missing, one transaction a version. REFUSED with a message
 * when the database is newer than this program. The caller holds the
 * replayer's lock. */
enum postgres_outcome postgres_schema_migrate(struct postgres_session *session);

/* REFUSED unless the database has exactly our version: for tools that only read. */
enum postgres_outcome postgres_schema_check(struct postgres_session *session);

#endif

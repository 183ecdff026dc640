/* The SQL of a batch: how the rows of each of its tables come into the database.
 * Private to mirror_store. */
#ifndef PERSIST_MIRROR_PLANS_H
#define PERSIST_MIRROR_PLANS_H

#include "mirror_batch.h"

struct mirror_plan {
    const char *copy;
    const char *fold; /* from the staging table; NULL: COPY goes to the table itself */
    const char *what; /* of which each row must match; NULL: need not */
};

extern const struct mirror_plan mirror_plans[MIRROR_TABLE_COUNT];

/* Makes the session's staging tables. */
extern const char mirror_staging_tables[];

/* MIRROR_COUNTED takes the places of its bookings off their zones before the
 * bookings change; this puts them back as they are afterwards. */
extern const char mirror_count_again[];

#endif

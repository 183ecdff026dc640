/* Cells of a table from members of an answer. */
#ifndef ADMIN_BOXCTL_CELL_H
#define ADMIN_BOXCTL_CELL_H

#include "boxctl_call.h"
#include "table.h"

void cell_count(struct table *table, yajl_val object, const char *name);
void cell_bytes(struct table *table, yajl_val object, const char *name);
/* A duration of a histogram; "-" while it is empty. */
void cell_ns(struct table *table, yajl_val histogram, const char *name);

#endif

/* The engine's answers as tables for people. */
#ifndef ADMIN_BOXCTL_VIEW_H
#define ADMIN_BOXCTL_VIEW_H

#include <stdint.h>
#include <stdio.h>

#include "boxctl_call.h"

/* Each prints the data of one command's answer; now_ms is Unix time, for
 * relative times. */
void boxctl_view_status(FILE *out, yajl_val data, uint64_t now_ms);
void boxctl_view_shards(FILE *out, yajl_val data, uint64_t now_ms);
void boxctl_view_shard(FILE *out, yajl_val data, uint64_t now_ms);
void boxctl_view_zone(FILE *out, yajl_val data, uint64_t now_ms);
void boxctl_view_booking(FILE *out, yajl_val data, uint64_t now_ms);
void boxctl_view_user(FILE *out, yajl_val data, uint64_t now_ms);
void boxctl_view_log(FILE *out, yajl_val data, uint64_t now_ms);
void boxctl_view_audit(FILE *out, yajl_val data, uint64_t now_ms);

/* The newest snapshot, and what is kept of the log. */
void boxctl_view_upkeep(FILE *out, yajl_val data);
/* One line on the mirror, or that there is none. */
void boxctl_view_mirror(FILE *out, yajl_val mirror, uint64_t now_ms);

#endif

/* Changes of one zone by its organizer: what rest_zone.c and rest_block.c share. */
#ifndef NET_REST_ZONE_H
#define NET_REST_ZONE_H

#include "rest_call.h"

/* The zone a path names first, if the caller may change it; else 404 and NULL. */
const struct catalog_zone *rest_managed_zone(struct rest_call *call);

/* A command on it, with its key. NULL: the response is complete. */
struct command *rest_zone_command(struct rest_call *call, enum command_kind kind,
                                  const struct catalog_zone *zone, struct request_key key);

#endif

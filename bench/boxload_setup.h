/* What a run needs on the server before it starts, made through the REST API
 * itself: an event on sale with a show and its zones, and sold-out ones where
 * the scenario asks for them. Blocking, one connection at a time. */
#ifndef BENCH_BOXLOAD_SETUP_H
#define BENCH_BOXLOAD_SETUP_H

#include "boxload_scenario.h"

/* Fills `zones` (options->zones of them): creates them with the organizer's
 * token, or takes those given by id. -1: one line in `error`. */
int setup_zones(const struct options *options, const struct token *organizer,
                const struct token_list *users, struct scenario_zone *zones, char *error,
                size_t error_bytes);

/* Asks the server for each zone's counts and holds them against the books of
 * the run. Writes differences, one a line; their number, or -1 with a line. */
int setup_zones_compare(const struct options *options, const struct token *user,
                        const struct scenario_zone *zones, uint32_t zone_count, char *out,
                        size_t out_bytes);

#endif

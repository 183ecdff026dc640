/* How many connections each peer address holds; IPv6 counts by its /64, since a
 * single host owns all of one. Bounded by the number of connections. */
#ifndef NET_ADDRESS_COUNTS_H
#define NET_ADDRESS_COUNTS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

struct address_counts;

/* `connections_max` entries at most; `seed` keeps collisions unpredictable. NULL:
 * out of memory. */
struct address_counts *address_counts_new(uint32_t connections_max, uint64_t seed);
void address_counts_free(struct address_counts *counts);

/* Counts one more connection unless the address has `limit` already (false).
 * `entry` is what address_counts_leave takes. */
bool address_counts_enter(struct address_counts *counts, const struct sockaddr_storage *address,
                          uint32_t limit, uint32_t *entry);
void address_counts_leave(struct address_counts *counts, uint32_t entry);

#endif

/* Listening sockets: one per worker on the same address (SO_REUSEPORT), so that
 * the kernel spreads connections without a shared accept queue. */
#ifndef NET_LISTENER_H
#define NET_LISTENER_H

#include <stddef.h>
#include <stdint.h>

enum { LISTENER_ADDRESS_BYTES = 64 };

/* Opens `count` sockets on "ADDRESS:PORT" or "[v6]:PORT"; port 0 lets the kernel
 * choose one for all. `bound` receives the address actually bound, in the same
 * form. Binds once without SO_REUSEPORT first: otherwise a second server would
 * silently share the port. Raises the process's soft limit of descriptors to its
 * hard one: every connection is a descriptor. Before the workers start; the caller
 * owns the descriptors until server_new takes one. 0, or -errno with one line in
 * `error` (-EINVAL: not an address); nothing stays open then. */
int listener_open(const char *address, uint16_t count, int *descriptors,
                  char bound[LISTENER_ADDRESS_BYTES], char *error, size_t error_bytes);

#endif

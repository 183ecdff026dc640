/* Connections on one io_uring: multishot receives into provided buffers, sends
 * that report only failures, sockets known to the ring by number. One thread. */
#ifndef BENCH_BOXLOAD_RING_H
#define BENCH_BOXLOAD_RING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

struct ring;

/* Bytes received on a connection, or its end (length 0). The bytes hold until
 * ring_release. */
struct ring_event {
    uint32_t connection;
    uint32_t length;
    const char *bytes;
    uint16_t buffer;
    bool rearm;
};

/* NULL: one line in `error`. */
struct ring *ring_new(uint32_t connections, char *error, size_t error_bytes);
void ring_free(struct ring *ring); /* NULL is fine */

/* Connects number `connection` and starts to receive. False: errno says why. */
bool ring_connect(struct ring *ring, uint32_t connection, const struct sockaddr *address,
                  socklen_t address_length);
void ring_disconnect(struct ring *ring, uint32_t connection);

/* Queues the bytes, which must stay as they are until an answer came. */
void ring_send(struct ring *ring, uint32_t connection, const char *bytes, uint32_t length);

/* Submits what is queued; waits for an event, but no longer than wait_ns. */
void ring_wait(struct ring *ring, uint64_t wait_ns);
/* Submits what is queued and collects what is there. */
void ring_poll(struct ring *ring);

/* Takes up to `max` events; each call's must be released before the next. */
uint32_t ring_reap(struct ring *ring, struct ring_event *events, uint32_t max);
void ring_release(struct ring *ring, const struct ring_event *events, uint32_t count);

#endif

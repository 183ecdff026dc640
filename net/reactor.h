/* A worker's io_uring: hands out submission entries, dispatches completions and
 * makes the one system call of a turn. Everything on the thread that created
 * it (SINGLE_ISSUER), except bell_ring().
 *
 * user_data: the top byte is a tag that chooses the handler, the other 56 bits
 * are the handler's. Tags 0x01..0x2f belong to the transport, 0x30..0x3f to the
 * reactor itself, 0x40..0x4f to the log. Tag 0 is dropped. */
#ifndef NET_REACTOR_H
#define NET_REACTOR_H

#include <liburing.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bell.h"

struct reactor;

enum {
    REACTOR_TAG_NETWORK_FIRST = 0x01,
    REACTOR_TAG_NETWORK_LAST = 0x2f,
    REACTOR_TAG_LOG_FIRST = 0x40,
    REACTOR_TAG_LOG_LAST = 0x4f
};

static inline uint64_t reactor_data(uint8_t tag, uint64_t value)
{
    return (uint64_t)tag << 56 | (value & 0x00ffffffffffffffULL);
}

static inline uint8_t reactor_tag(uint64_t user_data)
{
    return (uint8_t)(user_data >> 56);
}

/* On the worker's own thread. Probes what the kernel offers; NULL with one line
 * in `error` if a needed operation is missing or the ring is refused: the
 * process then exits with 78 (EX_CONFIG). `bells` outlives the reactor. */
struct reactor *reactor_new(struct bells *bells, uint16_t worker, char *error, size_t error_bytes);

/* Cancels nothing: the owners of outstanding operations wait for their ends
 * first, or the memory the kernel still writes to must outlive the ring. */
void reactor_free(struct reactor *reactor);

/* For registrations (files, buffers). Take entries from reactor_sqe instead. */
struct io_uring *reactor_ring(struct reactor *reactor);

/* A cleared entry, submitted with the turn's enter. Never NULL: a full queue is
 * submitted first. Entries that must follow each other (IOSQE_IO_LINK) need
 * reactor_reserve before, so that no submission falls between them. */
struct io_uring_sqe *reactor_sqe(struct reactor *reactor);
void reactor_reserve(struct reactor *reactor, unsigned entries);

/* A completion: the entry's user_data, cqe->res and cqe->flags. A handler may
 * take new entries, but must not reap. */
typedef void reactor_handler(void *context, uint64_t user_data, int32_t result, uint32_t flags);

/* Registers the handler of all tags from..to; replaces an earlier one. */
void reactor_on(struct reactor *reactor, uint8_t from, uint8_t to, reactor_handler *handler,
                void *context);

/* Shows `handler` every waiting completion that carries `tag`, without consuming
 * it. True: everything that has ended so far was visible; false: the kernel holds
 * back completions for which the queue had no room. */
bool reactor_scan(struct reactor *reactor, uint8_t tag, reactor_handler *handler, void *context);

/* Dispatches every completion that is there now; never waits. Returns how many. */
uint32_t reactor_reap(struct reactor *reactor);

/* Submits, then waits until a completion is there or wait_ns has passed (0: does
 * not wait). One system call; none if there is nothing to submit or wait for. */
void reactor_submit_and_wait(struct reactor *reactor, uint64_t wait_ns);

/* Wakes the worker or control thread `index`: leaves with the next submission. */
void reactor_ring_bell(struct reactor *reactor, uint16_t index);

#endif

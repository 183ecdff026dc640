#include "reactor.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SUBMISSION_ENTRIES = 4096, COMPLETION_ENTRIES = 32768 };
enum { TAG_BELL = 0x30, TAG_EVENT = 0x31, TAG_COUNT = 256 };

struct handler_entry {
    reactor_handler *call;
    void *context;
};

struct reactor {
    struct io_uring ring;
    struct bells *bells;
    uint16_t worker;
    struct handler_entry handlers[TAG_COUNT];
};

static void on_ignored(void *context, uint64_t user_data, int32_t result, uint32_t flags)
{
    (void)context, (void)user_data, (void)result, (void)flags;
}

/* The eventfd is never read: each write ends the wait, whatever the count. */
static void watch_event(struct reactor *reactor)
{
    struct io_uring_sqe *sqe = reactor_sqe(reactor);
    io_uring_prep_poll_multishot(sqe, bell_descriptor(reactor->bells, reactor->worker), POLLIN);
    sqe->user_data = reactor_data(TAG_EVENT, 0);
}

static void on_event(void *context, uint64_t user_data, int32_t result, uint32_t flags)
{
    struct reactor *reactor = context;
    (void)user_data;
    bell_quiet(reactor->bells, reactor->worker);
    if (!(flags & IORING_CQE_F_MORE) && result != -ECANCELED)
        watch_event(reactor);
}

/* DEFER_TASKRUN came with 6.1, later than multishot accept (5.19) and multishot
 * receive (6.0), which no probe can see: the ring itself vouches for them. */
static const struct {
    int opcode;
    const char *name;
} operations_needed[] = {
    {IORING_OP_ACCEPT, "accept"},     {IORING_OP_RECV, "recv"},
    {IORING_OP_SEND, "send"},         {IORING_OP_ASYNC_CANCEL, "async_cancel"},
    {IORING_OP_CLOSE, "close"},       {IORING_OP_POLL_ADD, "poll_add"},
    {IORING_OP_WRITE, "write"},       {IORING_OP_FSYNC, "fsync"},
    {IORING_OP_MSG_RING, "msg_ring"},
};

static bool operations_supported(struct io_uring *ring, char *error, size_t error_bytes)
{
    struct io_uring_probe *probe = io_uring_get_probe_ring(ring);
    if (!probe) {
        snprintf(error, error_bytes, "io_uring: the kernel does not answer the probe");
        return false;
    }
    bool all = true;
    for (size_t i = 0; i < sizeof operations_needed / sizeof operations_needed[0] && all; i++)
        if (!io_uring_opcode_supported(probe, operations_needed[i].opcode)) {
            snprintf(error, error_bytes, "io_uring: the kernel lacks the operation %s",
                     operations_needed[i].name);
            all = false;
        }
    io_uring_free_probe(probe);
    return all;
}

struct reactor *reactor_new(struct bells *bells, uint16_t worker, char *error, size_t error_bytes)
{
    struct reactor *reactor = calloc(1, sizeof *reactor);
    if (!reactor) {
        snprintf(error, error_bytes, "io_uring: out of memory");
        return NULL;
    }
    struct io_uring_params params = {.flags = IORING_SETUP_SINGLE_ISSUER |
                                              IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_CQSIZE |
                                              IORING_SETUP_SUBMIT_ALL,
                                     .cq_entries = COMPLETION_ENTRIES};
    int result = io_uring_queue_init_params(SUBMISSION_ENTRIES, &reactor->ring, &params);
    if (result < 0) {
        snprintf(error, error_bytes,
                 "io_uring: %s (Linux 6.1 or newer with io_uring allowed is needed)",
                 strerror(-result));
        free(reactor);
        return NULL;
    }
    if (!(params.features & IORING_FEAT_NODROP) || !(params.features & IORING_FEAT_EXT_ARG) ||
        !operations_supported(&reactor->ring, error, error_bytes)) {
        io_uring_queue_exit(&reactor->ring);
        free(reactor);
        return NULL;
    }
    /* Saves a descriptor lookup per enter; a kernel that refuses costs only that. */
    io_uring_register_ring_fd(&reactor->ring);
    reactor->bells = bells;
    reactor->worker = worker;
    reactor_on(reactor, 0, TAG_COUNT - 1, on_ignored, NULL);
    reactor_on(reactor, TAG_EVENT, TAG_EVENT, on_event, reactor);
    watch_event(reactor);
    bell_publish_ring(bells, worker, reactor->ring.ring_fd);
    return reactor;
}

void reactor_free(struct reactor *reactor)
{
    if (!reactor)
        return;
    bell_publish_ring(reactor->bells, reactor->worker, -1);
    io_uring_queue_exit(&reactor->ring);
    free(reactor);
}

struct io_uring *reactor_ring(struct reactor *reactor)
{
    return &reactor->ring;
}

static void submit_now(struct reactor *reactor)
{
    int result;
    do
        result = io_uring_submit(&reactor->ring);
    while (result == -EINTR);
    /* EBUSY and EAGAIN pass when completions have been reaped or memory is
     * free again; the entries stay queued. Anything else is our mistake. */
    assert(result >= 0 || result == -EBUSY || result == -EAGAIN);
}

struct io_uring_sqe *reactor_sqe(struct reactor *reactor)
{
    struct io_uring_sqe *sqe = io_uring_get_sqe(&reactor->ring);
    while (!sqe) {
        submit_now(reactor);
        sqe = io_uring_get_sqe(&reactor->ring);
    }
    return sqe;
}

void reactor_reserve(struct reactor *reactor, unsigned entries)
{
    assert(entries <= SUBMISSION_ENTRIES);
    while (io_uring_sq_space_left(&reactor->ring) < entries)
        submit_now(reactor);
}

void reactor_on(struct reactor *reactor, uint8_t from, uint8_t to, reactor_handler *handler,
                void *context)
{
    assert(from <= to);
    for (unsigned tag = from; tag <= to; tag++)
        reactor->handlers[tag] = (struct handler_entry){handler, context};
}

bool reactor_scan(struct reactor *reactor, uint8_t tag, reactor_handler *handler, void *context)
{
    const struct io_uring_cq *cq = &reactor->ring.cq;
    bool complete =
        !(__atomic_load_n(reactor->ring.sq.kflags, __ATOMIC_ACQUIRE) & IORING_SQ_CQ_OVERFLOW);
    unsigned tail = io_uring_smp_load_acquire(cq->ktail);
    for (unsigned head = *cq->khead; head != tail; head++) {
        const struct io_uring_cqe *cqe = &cq->cqes[head & *cq->kring_mask];
        if (reactor_tag(cqe->user_data) == tag)
            handler(context, cqe->user_data, cqe->res, cqe->flags);
    }
    return complete;
}

uint32_t reactor_reap(struct reactor *reactor)
{
    const struct io_uring_cq *cq = &reactor->ring.cq;
    unsigned tail = io_uring_smp_load_acquire(cq->ktail);
    unsigned first = *cq->khead;
    for (unsigned head = first; head != tail; head++) {
        const struct io_uring_cqe *cqe = &cq->cqes[head & *cq->kring_mask];
        const struct handler_entry *handler = &reactor->handlers[reactor_tag(cqe->user_data)];
        handler->call(handler->context, cqe->user_data, cqe->res, cqe->flags);
    }
    io_uring_cq_advance(&reactor->ring, tail - first);
    return tail - first;
}

void reactor_submit_and_wait(struct reactor *reactor, uint64_t wait_ns)
{
    struct __kernel_timespec timeout = {.tv_sec = (long long)(wait_ns / 1000000000U),
                                        .tv_nsec = (long long)(wait_ns % 1000000000U)};
    struct io_uring_cqe *cqe;
    int result;
    if (wait_ns > 0)
        result = io_uring_submit_and_wait_timeout(&reactor->ring, &cqe, 1, &timeout, NULL);
    else
        result = io_uring_submit_and_get_events(&reactor->ring);
    assert(result >= 0 || result == -ETIME || result == -EINTR || result == -EBUSY ||
           result == -EAGAIN);
}

void reactor_ring_bell(struct reactor *reactor, uint16_t index)
{
    int ring_fd = bell_ring_descriptor(reactor->bells, index);
    if (ring_fd < 0) {
        bell_ring(reactor->bells, index);
        return;
    }
    struct io_uring_sqe *sqe = reactor_sqe(reactor);
    io_uring_prep_msg_ring(sqe, ring_fd, 0, reactor_data(TAG_BELL, 0), 0);
    sqe->user_data = 0;
    sqe->flags |= IOSQE_CQE_SKIP_SUCCESS;
}

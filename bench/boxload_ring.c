#include "boxload_ring.h"

#include <errno.h>
#include <liburing.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { BUFFER_BYTES = 4096, BUFFERS_MIN = 64, BUFFERS_MAX = 4096, ENTRIES = 4096 };
enum ring_operation { RING_RECV, RING_SEND };

struct ring {
    struct io_uring ring;
    struct io_uring_buf_ring *buffer_ring;
    char *buffers;
    uint32_t buffer_count;
    uint32_t connections;
    int *fds;              /* -1: down; the ring knows them by index */
    uint32_t *generations; /* tells a completion of an earlier socket */
};

static void *pages(size_t bytes)
{
    void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return memory == MAP_FAILED ? NULL : memory;
}

static int buffers_init(struct ring *ring)
{
    uint32_t count = BUFFERS_MIN;
    /* One answer each in flight; few enough to stay in the cache. */
    while (count < ring->connections && count < BUFFERS_MAX)
        count *= 2;
    ring->buffer_count = count;
    ring->buffer_ring = pages(count * sizeof(struct io_uring_buf));
    ring->buffers = pages((size_t)count * BUFFER_BYTES);
    if (!ring->buffer_ring || !ring->buffers)
        return -ENOMEM;
    struct io_uring_buf_reg registration = {.ring_addr = (uint64_t)(uintptr_t)ring->buffer_ring,
                                            .ring_entries = count};
    int error = io_uring_register_buf_ring(&ring->ring, &registration, 0);
    if (error)
        return error;
    io_uring_buf_ring_init(ring->buffer_ring);
    for (uint32_t i = 0; i < count; i++)
        io_uring_buf_ring_add(ring->buffer_ring, ring->buffers + (size_t)i * BUFFER_BYTES,
                              BUFFER_BYTES, (unsigned short)i, io_uring_buf_ring_mask(count),
                              (int)i);
    io_uring_buf_ring_advance(ring->buffer_ring, (int)count);
    return 0;
}

struct ring *ring_new(uint32_t connections, char *error, size_t error_bytes)
{
    struct io_uring_params params = {.flags = IORING_SETUP_SINGLE_ISSUER |
                                              IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_CQSIZE,
                                     .cq_entries = 65536};
    struct ring *ring = calloc(1, sizeof *ring);
    int code;
    if (!ring)
        return NULL;
    ring->connections = connections;
    ring->fds = malloc(connections * sizeof *ring->fds);
    ring->generations = calloc(connections, sizeof *ring->generations);
    code = io_uring_queue_init_params(ENTRIES, &ring->ring, &params);
    if (code || !ring->fds || !ring->generations) {
        snprintf(error, error_bytes, "io_uring: %s", strerror(-code));
        free(ring->fds);
        free(ring->generations);
        free(ring);
        return NULL;
    }
    io_uring_register_ring_fd(&ring->ring);
    for (uint32_t i = 0; i < connections; i++)
        ring->fds[i] = -1;
    code = buffers_init(ring);
    if (!code)
        code = io_uring_register_files(&ring->ring, ring->fds, connections);
    if (code) {
        snprintf(error, error_bytes, "io_uring: %s", strerror(-code));
        ring_free(ring);
        return NULL;
    }
    return ring;
}

void ring_free(struct ring *ring)
{
    if (!ring)
        return;
    for (uint32_t i = 0; i < ring->connections; i++)
        if (ring->fds[i] >= 0)
            close(ring->fds[i]);
    io_uring_queue_exit(&ring->ring);
    if (ring->buffer_ring)
        munmap(ring->buffer_ring, ring->buffer_count * sizeof(struct io_uring_buf));
    if (ring->buffers)
        munmap(ring->buffers, (size_t)ring->buffer_count * BUFFER_BYTES);
    free(ring->fds);
    free(ring->generations);
    free(ring);
}

static struct io_uring_sqe *sqe_next(struct ring *ring)
{
    struct io_uring_sqe *sqe = io_uring_get_sqe(&ring->ring);
    while (!sqe) {
        io_uring_submit(&ring->ring);
        sqe = io_uring_get_sqe(&ring->ring);
    }
    return sqe;
}

/* Operation, 31 bits of generation, connection. */
static void tag(struct io_uring_sqe *sqe, const struct ring *ring, enum ring_operation operation,
                uint32_t connection)
{
    sqe->user_data = (uint64_t)operation << 63 |
                     (uint64_t)(ring->generations[connection] & 0x7fffffff) << 32 | connection;
}

static void receive_arm(struct ring *ring, uint32_t connection)
{
    struct io_uring_sqe *sqe = sqe_next(ring);
    io_uring_prep_recv_multishot(sqe, (int)connection, NULL, 0, 0);
    sqe->flags |= IOSQE_BUFFER_SELECT | IOSQE_FIXED_FILE;
    sqe->buf_group = 0;
    tag(sqe, ring, RING_RECV, connection);
}

bool ring_connect(struct ring *ring, uint32_t connection, const struct sockaddr *address,
                  socklen_t address_length)
{
    struct timeval patience = {.tv_sec = 2};
    int fd = socket(address->sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1;
    if (fd < 0)
        return false;
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    /* Pacing congestion control costs on loopback; reno has none. */
    setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, "reno", 4);
    if (connect(fd, address, address_length) != 0 ||
        io_uring_register_files_update(&ring->ring, connection, &fd, 1) != 1) {
        int error = errno;
        close(fd);
        errno = error;
        return false;
    }
    ring->fds[connection] = fd;
    ring->generations[connection]++;
    receive_arm(ring, connection);
    return true;
}

void ring_disconnect(struct ring *ring, uint32_t connection)
{
    int none = -1;
    shutdown(ring->fds[connection], SHUT_RDWR); /* ends the receive that is armed */
    io_uring_register_files_update(&ring->ring, connection, &none, 1);
    close(ring->fds[connection]);
    ring->fds[connection] = -1;
    ring->generations[connection]++;
}

void ring_send(struct ring *ring, uint32_t connection, const char *bytes, uint32_t length)
{
    struct io_uring_sqe *sqe = sqe_next(ring);
    io_uring_prep_send(sqe, (int)connection, bytes, length, MSG_NOSIGNAL | MSG_WAITALL);
    sqe->flags |= IOSQE_CQE_SKIP_SUCCESS | IOSQE_FIXED_FILE;
    tag(sqe, ring, RING_SEND, connection);
}

void ring_wait(struct ring *ring, uint64_t wait_ns)
{
    struct __kernel_timespec timeout = {.tv_sec = (long long)(wait_ns / 1000000000u),
                                        .tv_nsec = (long long)(wait_ns % 1000000000u)};
    struct io_uring_cqe *cqe;
    io_uring_submit_and_wait_timeout(&ring->ring, &cqe, 1, &timeout, NULL);
}

void ring_poll(struct ring *ring)
{
    io_uring_submit_and_get_events(&ring->ring);
}

/* A receive's completion as an event. False: it says nothing to the caller. */
static bool event_make(struct ring *ring, const struct io_uring_cqe *cqe, struct ring_event *event)
{
    uint32_t connection = (uint32_t)cqe->user_data;
    uint32_t generation = (uint32_t)(cqe->user_data >> 32) & 0x7fffffff;
    bool stale = (ring->generations[connection] & 0x7fffffff) != generation;
    bool buffer = cqe->flags & IORING_CQE_F_BUFFER;
    if (cqe->user_data >> 63 == RING_SEND)
        return false; /* a failed send; the receive will end as well */
    *event = (struct ring_event){.connection = connection};
    event->rearm = !(cqe->flags & IORING_CQE_F_MORE) && !stale;
    if (buffer) {
        event->buffer = (uint16_t)(cqe->flags >> IORING_CQE_BUFFER_SHIFT);
        event->bytes = ring->buffers + (size_t)event->buffer * BUFFER_BYTES;
    }
    if (cqe->res == -ENOBUFS) {
        if (!stale)
            receive_arm(ring, connection);
        return false;
    }
    if (stale) {
        if (buffer) {
            io_uring_buf_ring_add(
                ring->buffer_ring, ring->buffers + (size_t)event->buffer * BUFFER_BYTES,
                BUFFER_BYTES, event->buffer, io_uring_buf_ring_mask(ring->buffer_count), 0);
            io_uring_buf_ring_advance(ring->buffer_ring, 1);
        }
        return false;
    }
    event->length = cqe->res > 0 ? (uint32_t)cqe->res : 0;
    return true;
}

uint32_t ring_reap(struct ring *ring, struct ring_event *events, uint32_t max)
{
    struct io_uring_cqe *cqe;
    unsigned head, seen = 0;
    uint32_t count = 0;
    io_uring_for_each_cqe(&ring->ring, head, cqe)
    {
        if (count == max)
            break;
        seen++;
        if (event_make(ring, cqe, &events[count]))
            count++;
    }
    io_uring_cq_advance(&ring->ring, seen);
    return count;
}

void ring_release(struct ring *ring, const struct ring_event *events, uint32_t count)
{
    int returned = 0;
    for (uint32_t i = 0; i < count; i++) {
        if (events[i].bytes)
            io_uring_buf_ring_add(ring->buffer_ring,
                                  ring->buffers + (size_t)events[i].buffer * BUFFER_BYTES,
                                  BUFFER_BYTES, events[i].buffer,
                                  io_uring_buf_ring_mask(ring->buffer_count), returned++);
        if (events[i].rearm && events[i].length > 0 && ring->fds[events[i].connection] >= 0)
            receive_arm(ring, events[i].connection);
    }
    io_uring_buf_ring_advance(ring->buffer_ring, returned);
}

/* floor: the least that a durable HTTP answer can cost on this machine.
 *
 *   floor PORT           memory: each request is answered at once
 *   floor PORT LOGFILE   durable: an answer waits until its record is on disk
 *
 * One thread, one io_uring, no parsing. A receive counts as one whole request;
 * its first 128 bytes are its record. Records collect in one half of a double
 * buffer while the other half is being written and synced (O_DIRECT into
 * extents that were written before, so that a sync changes no metadata); when
 * the sync is done, the answers of that half leave.
 *
 * A yardstick and not a server: no limits, no timeouts, any error stops it.
 * Requests must fit 2 KiB and may not be pipelined. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <liburing.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    BUFFER_COUNT = 4096,
    BUFFER_BYTES = 2048,
    RECORD_BYTES = 128,
    CONNECTIONS_MAX = 65536,
    HALF_BYTES = CONNECTIONS_MAX * RECORD_BYTES,
    LOG_BYTES = 1 << 30,
    BLOCK_BYTES = 4096
};

enum operation {
    OPERATION_ACCEPT,
    OPERATION_RECEIVE,
    OPERATION_SEND,
    OPERATION_WRITE,
    OPERATION_SYNC
};

/* Records and the connections that wait for them. */
struct half {
    char *bytes;
    uint32_t used;
    uint32_t waiting_count;
    int waiting[CONNECTIONS_MAX];
};

struct floor_server {
    struct io_uring ring;
    struct io_uring_buf_ring *buffer_ring;
    char *buffers;
    int buffers_returned; /* in this turn */
    int log_fd;           /* -1: memory only */
    int64_t log_offset;
    int filling; /* index of the half that collects */
    int flushing;
    int answer_bytes;
    char answer[512];
    struct half halves[2];
};

static void stop_on(int error, const char *what)
{
    if (!error)
        return;
    fprintf(stderr, "floor: %s: %s\n", what, strerror(error));
    exit(1);
}

static struct io_uring_sqe *sqe_next(struct floor_server *server)
{
    struct io_uring_sqe *sqe = io_uring_get_sqe(&server->ring);
    while (!sqe) {
        io_uring_submit(&server->ring);
        sqe = io_uring_get_sqe(&server->ring);
    }
    return sqe;
}

/* After the prep helpers, which clear user_data. */
static void tag(struct io_uring_sqe *sqe, enum operation operation, int fd)
{
    sqe->user_data = (uint64_t)operation << 32 | (uint32_t)fd;
}

static void receive_arm(struct floor_server *server, int fd)
{
    struct io_uring_sqe *sqe = sqe_next(server);
    io_uring_prep_recv_multishot(sqe, fd, NULL, 0, 0);
    sqe->flags |= IOSQE_BUFFER_SELECT;
    sqe->buf_group = 0;
    tag(sqe, OPERATION_RECEIVE, fd);
}

static void answer_send(struct floor_server *server, int fd)
{
    struct io_uring_sqe *sqe = sqe_next(server);
    io_uring_prep_send(sqe, fd, server->answer, (size_t)server->answer_bytes, MSG_NOSIGNAL);
    sqe->flags |= IOSQE_CQE_SKIP_SUCCESS;
    tag(sqe, OPERATION_SEND, fd);
}

/* --- the log --- */

static void flush_start(struct floor_server *server)
{
    struct half *half = &server->halves[server->filling];
    uint32_t bytes = (half->used + BLOCK_BYTES - 1) / BLOCK_BYTES * BLOCK_BYTES;
    struct io_uring_sqe *sqe;
    if (server->flushing || half->waiting_count == 0)
        return;
    if (server->log_offset + bytes > LOG_BYTES)
        server->log_offset = 0;
    sqe = sqe_next(server);
    io_uring_prep_write(sqe, server->log_fd, half->bytes, bytes, (uint64_t)server->log_offset);
    sqe->flags |= IOSQE_IO_LINK;
    tag(sqe, OPERATION_WRITE, server->log_fd);
    sqe = sqe_next(server);
    io_uring_prep_fsync(sqe, server->log_fd, IORING_FSYNC_DATASYNC);
    tag(sqe, OPERATION_SYNC, server->log_fd);
    server->log_offset += bytes;
    server->filling = !server->filling;
    server->flushing = 1;
}

static void flush_finish(struct floor_server *server)
{
    struct half *half = &server->halves[!server->filling];
    for (uint32_t i = 0; i < half->waiting_count; i++)
        answer_send(server, half->waiting[i]);
    half->waiting_count = 0;
    half->used = 0;
    server->flushing = 0;
}

static void log_open(struct floor_server *server, const char *path)
{
    server->log_fd = open(path, O_RDWR | O_CREAT | O_DIRECT | O_CLOEXEC, 0600);
    stop_on(server->log_fd < 0 ? errno : 0, path);
    for (int i = 0; i < 2; i++) {
        void *bytes;
        stop_on(posix_memalign(&bytes, BLOCK_BYTES, HALF_BYTES), "memory");
        server->halves[i].bytes = memset(bytes, 1, HALF_BYTES);
    }
    for (int64_t at = 0; at < LOG_BYTES; at += HALF_BYTES)
        stop_on(pwrite(server->log_fd, server->halves[0].bytes, HALF_BYTES, at) < 0 ? errno : 0,
                path);
    stop_on(fsync(server->log_fd) ? errno : 0, path);
}

/* --- connections --- */

static void request_take(struct floor_server *server, int fd, const char *request)
{
    struct half *half = &server->halves[server->filling];
    if (server->log_fd < 0) {
        answer_send(server, fd);
        return;
    }
    memcpy(half->bytes + half->used, request, RECORD_BYTES);
    half->used += RECORD_BYTES;
    half->waiting[half->waiting_count++] = fd;
}

static void accepted(struct floor_server *server, int fd)
{
    int one = 1;
    stop_on(fd < 0 ? -fd : 0, "accept");
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    receive_arm(server, fd);
}

static void received(struct floor_server *server, int fd, const struct io_uring_cqe *cqe)
{
    unsigned short id = (unsigned short)(cqe->flags >> IORING_CQE_BUFFER_SHIFT);
    char *request = server->buffers + (size_t)id * BUFFER_BYTES;
    if (cqe->res == -ENOBUFS) {
        receive_arm(server, fd);
        return;
    }
    if (cqe->res <= 0) {
        close(fd);
        return;
    }
    request_take(server, fd, request);
    io_uring_buf_ring_add(server->buffer_ring, request, BUFFER_BYTES, id,
                          io_uring_buf_ring_mask(BUFFER_COUNT), server->buffers_returned++);
    if (!(cqe->flags & IORING_CQE_F_MORE))
        receive_arm(server, fd);
}

static void completed(struct floor_server *server, const struct io_uring_cqe *cqe)
{
    int fd = (int)(uint32_t)cqe->user_data;
    switch ((enum operation)(cqe->user_data >> 32)) {
    case OPERATION_ACCEPT:
        accepted(server, cqe->res);
        break;
    case OPERATION_RECEIVE:
        received(server, fd, cqe);
        break;
    case OPERATION_SEND:
        break; /* it failed, and the receive will tell so too */
    case OPERATION_WRITE:
        stop_on(cqe->res < 0 ? -cqe->res : 0, "log write");
        break;
    case OPERATION_SYNC:
        stop_on(cqe->res < 0 ? -cqe->res : 0, "log sync");
        flush_finish(server);
        break;
    }
}

static void serve(struct floor_server *server)
{
    for (;;) {
        struct io_uring_cqe *cqe;
        unsigned head, seen = 0;
        io_uring_submit_and_wait(&server->ring, 1);
        server->buffers_returned = 0;
        io_uring_for_each_cqe(&server->ring, head, cqe)
        {
            completed(server, cqe);
            seen++;
        }
        io_uring_buf_ring_advance(server->buffer_ring, server->buffers_returned);
        io_uring_cq_advance(&server->ring, seen);
        if (server->log_fd >= 0)
            flush_start(server);
    }
}

/* --- start --- */

static int listen_on(uint16_t port)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1;
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (fd < 0 || bind(fd, (const struct sockaddr *)&address, sizeof address) || listen(fd, 4096))
        stop_on(errno, "listen");
    return fd;
}

static void answer_render(struct floor_server *server)
{
    server->answer_bytes = snprintf(
        server->answer, sizeof server->answer,
        "HTTP/1.1 201 Created\r\nContent-Type: application/json\r\n"
        "Content-Length: 160\r\nDate: Fri, 20 Nov 2026 10:00:00 GMT\r\n\r\n%-160s",
        "{\"success\":true,\"data\":{\"booking_id\":\"00000000-0000-0000-0000-000000000000\","
        "\"status\":\"reserved\",\"expires_at\":\"2026-11-20T10:10:00Z\"}}");
}

static void *pages(size_t bytes)
{
    void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_ANONYMOUS | MAP_PRIVATE, -1, 0);
    stop_on(memory == MAP_FAILED ? errno : 0, "memory");
    return memory;
}

static void ring_open(struct floor_server *server)
{
    struct io_uring_params params = {.flags = IORING_SETUP_SINGLE_ISSUER |
                                              IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_CQSIZE,
                                     .cq_entries = 16384};
    stop_on(-io_uring_queue_init_params(4096, &server->ring, &params), "io_uring");
    io_uring_register_ring_fd(&server->ring);
    server->buffer_ring = pages(BUFFER_COUNT * sizeof(struct io_uring_buf));
    server->buffers = pages((size_t)BUFFER_COUNT * BUFFER_BYTES);
    struct io_uring_buf_reg registration = {.ring_addr = (uint64_t)(uintptr_t)server->buffer_ring,
                                            .ring_entries = BUFFER_COUNT};
    stop_on(-io_uring_register_buf_ring(&server->ring, &registration, 0), "buffer ring");
    io_uring_buf_ring_init(server->buffer_ring);
    for (int i = 0; i < BUFFER_COUNT; i++)
        io_uring_buf_ring_add(server->buffer_ring, server->buffers + (size_t)i * BUFFER_BYTES,
                              BUFFER_BYTES, (unsigned short)i, io_uring_buf_ring_mask(BUFFER_COUNT),
                              i);
    io_uring_buf_ring_advance(server->buffer_ring, BUFFER_COUNT);
}

int main(int argc, char **argv)
{
    int port = argc > 1 ? atoi(argv[1]) : 0, listener;
    if (argc > 3 || port < 1 || port > 65535) {
        fprintf(stderr, "usage: floor PORT [LOGFILE]\n");
        return 64;
    }
    struct floor_server *server = calloc(1, sizeof *server);
    stop_on(server ? 0 : ENOMEM, "memory");
    server->log_fd = -1;
    if (argc > 2)
        log_open(server, argv[2]);
    answer_render(server);
    listener = listen_on((uint16_t)port);
    ring_open(server);
    struct io_uring_sqe *sqe = sqe_next(server);
    io_uring_prep_multishot_accept(sqe, listener, NULL, NULL, 0);
    tag(sqe, OPERATION_ACCEPT, listener);
    serve(server);
}

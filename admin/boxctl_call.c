#include "boxctl_call.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "../net/timestamp.h"
#include "control_question.h"
#include "control_socket.h"

enum {
    BUFFER_BYTES = 64 << 10,
    BUFFER_BYTES_MAX = 4 << 20,
    /* every shard may take its full time, then some */
    ANSWER_MS = (SHARD_COUNT_MAX + 1) * CONTROL_ANSWER_MS_MAX
};

void boxctl_call_init(struct boxctl_call *call, const char *socket_path)
{
    *call = (struct boxctl_call){.path = socket_path, .fd = -1};
}

static void disconnect(struct boxctl_call *call)
{
    if (call->fd >= 0) {
        close(call->fd);
    }
    call->fd = -1;
}

void boxctl_call_release(struct boxctl_call *call)
{
    disconnect(call);
    yajl_tree_free(call->tree);
    free(call->buffer);
    call->tree = NULL;
    call->buffer = NULL;
}

static enum boxctl_call_result connect_engine(struct boxctl_call *call, char *error, size_t bytes)
{
    if (call->fd >= 0) {
        return BOXCTL_CALL_OK;
    }
    int fd = control_socket_connect(call->path);
    if (fd >= 0) {
        call->fd = fd;
        return BOXCTL_CALL_OK;
    }
    if (fd == -EACCES || fd == -EPERM) {
        snprintf(error, bytes,
                 "%s belongs to another user; run this as the user of the engine, or as root",
                 call->path);
        return BOXCTL_CALL_FORBIDDEN;
    }
    if (fd == -ENOENT || fd == -ECONNREFUSED || fd == -ENOTDIR) {
        snprintf(error, bytes,
                 "no engine listens at %s; start it with `make run` or "
                 "`build/boxoffice --config config.toml`, or name its socket with --socket",
                 call->path);
    } else {
        snprintf(error, bytes, "cannot connect to %s: %s", call->path, strerror(-fd));
    }
    return BOXCTL_CALL_NO_ENGINE;
}

static enum boxctl_call_result gone(struct boxctl_call *call, char *error, size_t bytes)
{
    disconnect(call);
    snprintf(error, bytes, "the engine at %s closed the connection; it may have ended", call->path);
    return BOXCTL_CALL_NO_ENGINE;
}

/* In one piece. A failure is not looked at: who refuses us may have said why and
 * hung up already, and reading tells. */
static void send_request(int fd, const char *request)
{
    struct iovec parts[2] = {{.iov_base = (void *)(uintptr_t)request, .iov_len = strlen(request)},
                             {.iov_base = (void *)(uintptr_t) "\n", .iov_len = 1}};
    struct msghdr message = {.msg_iov = parts, .msg_iovlen = 2};
    ssize_t sent;
    do {
        sent = sendmsg(fd, &message, MSG_NOSIGNAL);
    } while (sent < 0 && errno == EINTR);
}

static uint64_t monotonic_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static bool grow(struct boxctl_call *call)
{
    if (call->length < call->capacity) {
        return true;
    }
    size_t capacity = call->capacity == 0 ? BUFFER_BYTES : call->capacity * 2;
    char *buffer = capacity > BUFFER_BYTES_MAX ? NULL : realloc(call->buffer, capacity + 1);
    if (buffer == NULL) {
        return false;
    }
    call->buffer = buffer;
    call->capacity = capacity;
    return true;
}

/* Reads up to and with the newline. */
static enum boxctl_call_result read_line(struct boxctl_call *call, char *error, size_t bytes)
{
    uint64_t deadline_ms = monotonic_ms() + ANSWER_MS;
    call->length = 0;
    while (call->length == 0 || call->buffer[call->length - 1] != '\n') {
        uint64_t now_ms = monotonic_ms();
        struct pollfd fd = {.fd = call->fd, .events = POLLIN};
        int ready = now_ms >= deadline_ms ? 0 : poll(&fd, 1, (int)(deadline_ms - now_ms));
        if (ready == 0) {
            disconnect(call);
            snprintf(error, bytes, "the engine at %s does not answer", call->path);
            return BOXCTL_CALL_TIMEOUT;
        }
        if (!grow(call)) {
            disconnect(call);
            snprintf(error, bytes, "the engine's answer is too long");
            return BOXCTL_CALL_BROKEN;
        }
        ssize_t got = ready < 0 ? ready
                                : recv(call->fd, call->buffer + call->length,
                                       call->capacity - call->length, 0);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got <= 0) {
            return gone(call, error, bytes);
        }
        call->length += (size_t)got;
    }
    call->buffer[--call->length] = '\0';
    return BOXCTL_CALL_OK;
}

static enum boxctl_call_result broken(struct boxctl_call *call, char *error, size_t bytes)
{
    disconnect(call);
    snprintf(error, bytes, "what answers at %s is not this engine", call->path);
    return BOXCTL_CALL_BROKEN;
}

static enum boxctl_call_result read_answer(struct boxctl_call *call, char *error, size_t bytes)
{
    /* The engine writes exactly this around the data. */
    static const char begin[] = "{\"ok\":true,\"data\":";
    yajl_tree_free(call->tree);
    call->tree = yajl_tree_parse(call->buffer, NULL, 0);
    if (!YAJL_IS_OBJECT(call->tree)) {
        return broken(call, error, bytes);
    }
    if (strncmp(call->buffer, begin, sizeof begin - 1) == 0 && call->length > sizeof begin) {
        call->data = call->buffer + sizeof begin - 1;
        call->data_length = call->length - sizeof begin;
        return BOXCTL_CALL_OK;
    }
    yajl_val failure = answer_member(call->tree, "error");
    if (!YAJL_IS_OBJECT(failure)) {
        return broken(call, error, bytes);
    }
    snprintf(error, bytes, "%s", answer_text(failure, "message"));
    return BOXCTL_CALL_REFUSED;
}

enum boxctl_call_result boxctl_call(struct boxctl_call *call, const char *request, char *error,
                                    size_t error_bytes)
{
    enum boxctl_call_result result = connect_engine(call, error, error_bytes);
    if (result != BOXCTL_CALL_OK) {
        return result;
    }
    send_request(call->fd, request);
    result = read_line(call, error, error_bytes);
    return result == BOXCTL_CALL_OK ? read_answer(call, error, error_bytes) : result;
}

yajl_val boxctl_call_data(const struct boxctl_call *call)
{
    return answer_member(call->tree, "data");
}

const char *boxctl_call_code(const struct boxctl_call *call)
{
    yajl_val failure = answer_member(call->tree, "error");
    return failure == NULL ? NULL : answer_text(failure, "code");
}

bool boxctl_call_wait_end(struct boxctl_call *call, uint64_t timeout_ms)
{
    uint64_t deadline_ms = monotonic_ms() + timeout_ms;
    for (uint64_t now_ms = monotonic_ms(); now_ms < deadline_ms; now_ms = monotonic_ms()) {
        char byte;
        struct pollfd fd = {.fd = call->fd, .events = POLLIN};
        if (poll(&fd, 1, (int)(deadline_ms - now_ms)) > 0 && recv(call->fd, &byte, 1, 0) <= 0) {
            disconnect(call);
            return true;
        }
    }
    return false;
}

yajl_val answer_member(yajl_val object, const char *name)
{
    const char *path[] = {name, NULL};
    return YAJL_IS_OBJECT(object) ? yajl_tree_get(object, path, yajl_t_any) : NULL;
}

uint64_t answer_count(yajl_val object, const char *name)
{
    yajl_val value = answer_member(object, name);
    return YAJL_IS_INTEGER(value) && YAJL_GET_INTEGER(value) > 0 ? (uint64_t)YAJL_GET_INTEGER(value)
                                                                 : 0;
}

double answer_number(yajl_val object, const char *name)
{
    yajl_val value = answer_member(object, name);
    return YAJL_IS_DOUBLE(value) ? YAJL_GET_DOUBLE(value) : (double)answer_count(object, name);
}

const char *answer_text(yajl_val object, const char *name)
{
    yajl_val value = answer_member(object, name);
    return YAJL_IS_STRING(value) ? YAJL_GET_STRING(value) : "";
}

bool answer_bool(yajl_val object, const char *name)
{
    return YAJL_IS_TRUE(answer_member(object, name));
}

uint64_t answer_time_ms(yajl_val object, const char *name)
{
    uint64_t unix_ms = 0;
    const char *text = answer_text(object, name);
    return timestamp_parse(text, strlen(text), &unix_ms) ? unix_ms : 0;
}

size_t answer_length(yajl_val array)
{
    return YAJL_IS_ARRAY(array) ? YAJL_GET_ARRAY(array)->len : 0;
}

yajl_val answer_element(yajl_val array, size_t index)
{
    return index < answer_length(array) ? YAJL_GET_ARRAY(array)->values[index] : NULL;
}

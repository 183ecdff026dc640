#include "control_session.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

void control_session_open(struct control_session *session, int fd, uid_t uid, pid_t pid,
                          uint64_t now_ns)
{
    session->fd = fd;
    session->uid = uid;
    session->pid = pid;
    session->ended = false;
    session->close_after = false;
    session->line_length = 0;
    session->output_length = 0;
    session->output_sent = 0;
    session->since_ns = now_ns;
    session->output = NULL;
}

void control_session_close(struct control_session *session)
{
    close(session->fd);
    free(session->output);
    session->fd = -1;
    session->output = NULL;
    session->question.waiting = false;
}

bool control_session_free(const struct control_session *session)
{
    return session->fd < 0 && !session->question.lent;
}

bool control_session_idle(const struct control_session *session)
{
    return session->fd >= 0 && session->output == NULL && !session->question.waiting;
}

short control_session_events(const struct control_session *session)
{
    if (session->output != NULL) {
        return POLLOUT;
    }
    return session->question.waiting || session->ended ? 0 : POLLIN;
}

bool control_session_receive(struct control_session *session, uint64_t now_ns)
{
    size_t room = sizeof session->line - session->line_length;
    if (room == 0 || session->ended) {
        return true;
    }
    ssize_t got = recv(session->fd, session->line + session->line_length, room, MSG_DONTWAIT);
    if (got < 0) {
        return errno == EAGAIN || errno == EINTR;
    }
    if (got == 0) {
        session->ended = true;
        return true;
    }
    if (session->line_length == 0) {
        session->since_ns = now_ns;
    }
    session->line_length += (size_t)got;
    return true;
}

const char *control_session_line(const struct control_session *session, size_t *length)
{
    if (!control_session_idle(session)) {
        return NULL;
    }
    const char *end = memchr(session->line, '\n', session->line_length);
    if (end == NULL) {
        return NULL;
    }
    *length = (size_t)(end - session->line);
    return session->line;
}

void control_session_consume(struct control_session *session, size_t length)
{
    size_t taken = length + 1;
    session->line_length -= taken;
    memmove(session->line, session->line + taken, session->line_length);
}

bool control_session_overlong(const struct control_session *session)
{
    return session->line_length == sizeof session->line &&
           memchr(session->line, '\n', session->line_length) == NULL;
}

bool control_session_answer(struct control_session *session, const char *bytes, size_t length,
                            uint64_t now_ns)
{
    session->output = malloc(length);
    if (session->output == NULL) {
        return false;
    }
    memcpy(session->output, bytes, length);
    session->output_length = length;
    session->output_sent = 0;
    session->since_ns = now_ns;
    return control_session_send(session, now_ns);
}

bool control_session_send(struct control_session *session, uint64_t now_ns)
{
    while (session->output_sent < session->output_length) {
        ssize_t sent =
            send(session->fd, session->output + session->output_sent,
                 session->output_length - session->output_sent, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (sent < 0) {
            return errno == EAGAIN || errno == EINTR;
        }
        session->output_sent += (size_t)sent;
    }
    free(session->output);
    session->output = NULL;
    session->since_ns = now_ns;
    return !session->close_after;
}

bool control_session_overdue(const struct control_session *session, uint64_t now_ns)
{
    uint64_t limit_ms = session->output != NULL    ? CONTROL_WRITE_MS_MAX
                        : session->line_length > 0 ? CONTROL_LINE_MS_MAX
                                                   : CONTROL_IDLE_MS_MAX;
    return !session->question.waiting && now_ns - session->since_ns > limit_ms * UINT64_C(1000000);
}

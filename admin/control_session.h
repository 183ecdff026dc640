/* One client of the admin socket: lines in, answers out, each with a limit and
 * a deadline. Never blocks. Control thread only. */
#ifndef ADMIN_CONTROL_SESSION_H
#define ADMIN_CONTROL_SESSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "control_question.h"
#include "control_request.h"

enum {
    CONTROL_LINE_MS_MAX = 5000,  /* from a line's first byte to its newline */
    CONTROL_WRITE_MS_MAX = 5000, /* for an answer that the client does not take */
    CONTROL_IDLE_MS_MAX = 60000  /* between requests */
};

struct control_session {
    int fd; /* -1: nobody; the question may still be out */
    uid_t uid;
    pid_t pid;
    bool ended; /* the client will send no more */
    bool close_after;
    size_t line_length;
    size_t output_length, output_sent;
    uint64_t since_ns; /* the line's first byte, the answer, or the last exchange */
    char *output;      /* malloc; NULL: nothing to send */
    struct control_question question;
    char line[CONTROL_LINE_BYTES_MAX];
};

/* In memory that is zeroed or of a session that was closed. Takes over fd. */
void control_session_open(struct control_session *session, int fd, uid_t uid, pid_t pid,
                          uint64_t now_ns);
/* Leaves a question that is out alone. */
void control_session_close(struct control_session *session);

/* Could a new client have this place? */
bool control_session_free(const struct control_session *session);
/* Between requests: nothing begun, nothing to answer. */
bool control_session_idle(const struct control_session *session);

/* The poll(2) events to wait for. */
short control_session_events(const struct control_session *session);

/* Reads what there is. False: the connection is broken. */
bool control_session_receive(struct control_session *session, uint64_t now_ns);

/* The next whole line, without its newline, unless an answer or question is
 * under way. Holds until control_session_consume. NULL: none. */
const char *control_session_line(const struct control_session *session, size_t *length);
void control_session_consume(struct control_session *session, size_t length);
/* More than a line may hold came without a newline. */
bool control_session_overlong(const struct control_session *session);

/* Copies an answer line and begins to send it. False: out of memory or broken. */
bool control_session_answer(struct control_session *session, const char *bytes, size_t length,
                            uint64_t now_ns);
/* Sends on. False: the connection is broken or finished. */
bool control_session_send(struct control_session *session, uint64_t now_ns);

/* True: too slow, or idle too long. */
bool control_session_overdue(const struct control_session *session, uint64_t now_ns);

#endif

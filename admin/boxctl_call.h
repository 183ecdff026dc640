/* Asking the engine: one connection, a line out, a line back. */
#ifndef ADMIN_BOXCTL_CALL_H
#define ADMIN_BOXCTL_CALL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <yajl/yajl_tree.h>

struct boxctl_call {
    const char *path;
    int fd; /* -1: not connected */
    char *buffer;
    size_t capacity, length;
    const char *data; /* the answer's data as it came; until the next call */
    size_t data_length;
    yajl_val tree; /* the whole answer; until the next call */
};

enum boxctl_call_result {
    BOXCTL_CALL_OK,
    BOXCTL_CALL_NO_ENGINE, /* nobody listens, or it went away */
    BOXCTL_CALL_FORBIDDEN, /* the socket is another user's */
    BOXCTL_CALL_REFUSED,   /* the engine answered with an error */
    BOXCTL_CALL_TIMEOUT,
    BOXCTL_CALL_BROKEN /* an answer that is none */
};

void boxctl_call_init(struct boxctl_call *call, const char *socket_path);
void boxctl_call_release(struct boxctl_call *call);

/* Connects if need be, sends the request (a line without its newline), and waits
 * for the answer. On anything but OK `error` holds a sentence for the user, and
 * except for REFUSED the connection is closed. */
enum boxctl_call_result boxctl_call(struct boxctl_call *call, const char *request, char *error,
                                    size_t error_bytes);

/* The value of "data". */
yajl_val boxctl_call_data(const struct boxctl_call *call);

/* The error's code. NULL: the answer is none. */
const char *boxctl_call_code(const struct boxctl_call *call);

/* Waits until the engine closes the connection. False: it did not in time. */
bool boxctl_call_wait_end(struct boxctl_call *call, uint64_t timeout_ms);

/* --- reading an answer: 0, "", false or NULL where a member is missing --- */
yajl_val answer_member(yajl_val object, const char *name);
uint64_t answer_count(yajl_val object, const char *name);
double answer_number(yajl_val object, const char *name);
const char *answer_text(yajl_val object, const char *name);
bool answer_bool(yajl_val object, const char *name);
/* Unix milliseconds of an RFC 3339 text. */
uint64_t answer_time_ms(yajl_val object, const char *name);
size_t answer_length(yajl_val array);
yajl_val answer_element(yajl_val array, size_t index);

#endif

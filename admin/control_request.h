/* One request on the admin socket: a line of JSON such as
 *     {"command":"zone","id":"0190..."}
 * Pure; any thread. */
#ifndef ADMIN_CONTROL_REQUEST_H
#define ADMIN_CONTROL_REQUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../engine/uuid.h"

enum { CONTROL_LINE_BYTES_MAX = 8192 };

enum control_command {
    CONTROL_STATUS,
    CONTROL_SHARDS,
    CONTROL_SHARD,   /* shard */
    CONTROL_ZONE,    /* id */
    CONTROL_BOOKING, /* id */
    CONTROL_USER,    /* id */
    CONTROL_LOG,
    CONTROL_TOP,
    CONTROL_DRAIN, /* confirm: without it the answer only says what would happen */
    CONTROL_AUDIT,
    CONTROL_COMMAND_COUNT
};

const char *control_command_name(enum control_command command);

struct control_request {
    enum control_command command;
    struct uuid id;
    uint32_t shard;
    bool confirm;
};

/* Reads one line without its newline. A field that is unknown, repeated, of the
 * wrong type or not of this command is an error, so that a slip of the pen never
 * does something else than was meant. False: `error` says why. */
bool control_request_parse(struct control_request *request, const char *line, size_t length,
                           char *error, size_t error_bytes);

#endif

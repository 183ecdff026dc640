#include "control_request.h"

#include <stdio.h>
#include <string.h>
#include <yajl/yajl_tree.h>

enum field { FIELD_ID = 1, FIELD_SHARD = 2, FIELD_CONFIRM = 4, FIELD_COMMAND = 8 };

static const struct {
    const char *name;
    unsigned required, allowed;
} commands[] = {
    [CONTROL_STATUS] = {"status", 0, 0},
    [CONTROL_SHARDS] = {"shards", 0, 0},
    [CONTROL_SHARD] = {"shard", FIELD_SHARD, FIELD_SHARD},
    [CONTROL_ZONE] = {"zone", FIELD_ID, FIELD_ID},
    [CONTROL_BOOKING] = {"booking", FIELD_ID, FIELD_ID},
    [CONTROL_USER] = {"user", FIELD_ID, FIELD_ID},
    [CONTROL_LOG] = {"log", 0, 0},
    [CONTROL_TOP] = {"top", 0, 0},
    [CONTROL_DRAIN] = {"drain", 0, FIELD_CONFIRM},
    [CONTROL_AUDIT] = {"audit", 0, 0},
};
_Static_assert(sizeof commands / sizeof commands[0] == CONTROL_COMMAND_COUNT, "one row each");

const char *control_command_name(enum control_command command)
{
    return commands[command].name;
}

static bool read_command(struct control_request *request, yajl_val value)
{
    const char *name = YAJL_GET_STRING(value);
    for (int i = 0; name != NULL && i < CONTROL_COMMAND_COUNT; i++) {
        if (strcmp(name, commands[i].name) == 0) {
            request->command = (enum control_command)i;
            return true;
        }
    }
    return false;
}

static bool read_shard(struct control_request *request, yajl_val value)
{
    if (!YAJL_IS_INTEGER(value) || YAJL_GET_INTEGER(value) < 0 ||
        YAJL_GET_INTEGER(value) > UINT16_MAX) {
        return false;
    }
    request->shard = (uint32_t)YAJL_GET_INTEGER(value);
    return true;
}

/* Reads one member; returns its field's bit. 0: `error` says why. */
static unsigned read_member(struct control_request *request, const char *name, yajl_val value,
                            char *error, size_t error_bytes)
{
    if (strcmp(name, "command") == 0) {
        if (read_command(request, value)) {
            return FIELD_COMMAND;
        }
        snprintf(error, error_bytes,
                 "\"command\" is none of status, shards, shard, zone, booking, "
                 "user, log, top, drain, audit");
        return 0;
    }
    if (strcmp(name, "id") == 0) {
        const char *text = YAJL_GET_STRING(value);
        if (text != NULL && uuid_parse(&request->id, text, strlen(text))) {
            return FIELD_ID;
        }
        snprintf(error, error_bytes, "\"id\" is not a UUID");
        return 0;
    }
    if (strcmp(name, "shard") == 0) {
        if (read_shard(request, value)) {
            return FIELD_SHARD;
        }
        snprintf(error, error_bytes, "\"shard\" is not the number of a shard");
        return 0;
    }
    if (strcmp(name, "confirm") == 0) {
        if (YAJL_IS_TRUE(value) || YAJL_IS_FALSE(value)) {
            request->confirm = YAJL_IS_TRUE(value);
            return FIELD_CONFIRM;
        }
        snprintf(error, error_bytes, "\"confirm\" is neither true nor false");
        return 0;
    }
    snprintf(error, error_bytes, "a field other than command, id, shard and confirm");
    return 0;
}

static bool read_members(struct control_request *request, yajl_val tree, char *error,
                         size_t error_bytes)
{
    unsigned seen = 0;
    for (size_t i = 0; i < YAJL_GET_OBJECT(tree)->len; i++) {
        const char *name = YAJL_GET_OBJECT(tree)->keys[i];
        unsigned field =
            read_member(request, name, YAJL_GET_OBJECT(tree)->values[i], error, error_bytes);
        if (field == 0) {
            return false;
        }
        if ((seen & field) != 0) {
            snprintf(error, error_bytes, "\"%s\" comes twice", name);
            return false;
        }
        seen |= field;
    }
    if ((seen & FIELD_COMMAND) == 0) {
        snprintf(error, error_bytes, "\"command\" is missing");
        return false;
    }
    unsigned given = seen & ~(unsigned)FIELD_COMMAND;
    const char *name = commands[request->command].name;
    if ((commands[request->command].required & ~given) != 0) {
        snprintf(error, error_bytes, "\"%s\" needs \"%s\"", name,
                 request->command == CONTROL_SHARD ? "shard" : "id");
        return false;
    }
    if ((given & ~commands[request->command].allowed) != 0) {
        snprintf(error, error_bytes, "\"%s\" does not take one of these fields", name);
        return false;
    }
    return true;
}

bool control_request_parse(struct control_request *request, const char *line, size_t length,
                           char *error, size_t error_bytes)
{
    char text[CONTROL_LINE_BYTES_MAX + 1];
    *request = (struct control_request){0};
    if (length > CONTROL_LINE_BYTES_MAX || memchr(line, '\0', length) != NULL) {
        snprintf(error, error_bytes, "the line is too long or holds a zero byte");
        return false;
    }
    memcpy(text, line, length);
    text[length] = '\0';
    yajl_val tree = yajl_tree_parse(text, NULL, 0);
    if (!YAJL_IS_OBJECT(tree)) {
        snprintf(error, error_bytes, "the line is not one JSON object");
        yajl_tree_free(tree);
        return false;
    }
    bool good = read_members(request, tree, error, error_bytes);
    yajl_tree_free(tree);
    return good;
}

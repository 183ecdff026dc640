#include "boxload_history.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { HISTORY_BUFFER_BYTES = 1 << 20, HISTORY_LINE_BYTES_MAX = 512 };

struct history {
    const struct scenario *scenario;
    int fd;
    bool failed;
    size_t used;
    char buffer[HISTORY_BUFFER_BYTES];
};

struct history *history_open(const char *path, const struct scenario *scenario)
{
    static const char header[] = "client,n,t_invoke_ns,t_return_ns,op,user,zone,booking,quantity,"
                                 "key,status,code,position\n";
    struct history *history = malloc(sizeof *history);
    if (!history)
        return NULL;
    history->scenario = scenario;
    history->failed = false;
    history->fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (history->fd < 0) {
        free(history);
        return NULL;
    }
    memcpy(history->buffer, header, sizeof header - 1);
    history->used = sizeof header - 1;
    return history;
}

static void history_flush(struct history *history)
{
    size_t done = 0;
    while (done < history->used && !history->failed) {
        ssize_t n = write(history->fd, history->buffer + done, history->used - done);
        if (n <= 0)
            history->failed = true;
        else
            done += (size_t)n;
    }
    history->used = 0;
}

void history_write(struct history *history, const struct history_line *line)
{
    const struct client *client = line->client;
    const struct scenario *scenario = history->scenario;
    bool reserve = client->operation == OPERATION_RESERVE;
    bool made = line->response && line->response->status == 201;
    const char *user = scenario->tokens->count ? scenario->tokens->items[client->user].id : "-";
    const char *zone = scenario->zone_count ? scenario->zones[client->zone].id : "-";
    const char *booking = !reserve || made ? client->booking : "-";
    const char *code = NULL;
    char returned[24] = "-";
    uint32_t code_length = 0;
    if (HISTORY_BUFFER_BYTES - history->used < HISTORY_LINE_BYTES_MAX)
        history_flush(history);
    if (line->return_ns)
        snprintf(returned, sizeof returned, "%" PRIu64, line->return_ns);
    if (line->response && line->response->status >= 400)
        code = response_code(line->response, &code_length);
    int length = snprintf(
        history->buffer + history->used, HISTORY_LINE_BYTES_MAX,
        "%u,%" PRIu64 ",%" PRIu64 ",%s,%s,%.36s,%.36s,%.*s,%u,%.*s,%d,%.*s,%.*s\n", client->index,
        client->n, line->invoke_ns, returned, operation_name(client->operation), user, zone,
        booking[0] == '-' ? 1 : 36, booking, scenario->options->quantity, CLIENT_KEY_LENGTH,
        client->key, line->response ? line->response->status : 0, code ? (int)code_length : 1,
        code ? code : "-", line->position ? (int)line->position_length : 1,
        line->position ? line->position : "-");
    if (length > 0 && length < HISTORY_LINE_BYTES_MAX)
        history->used += (size_t)length;
    else
        history->failed = true;
}

bool history_close(struct history *history)
{
    bool good;
    history_flush(history);
    good = close(history->fd) == 0 && !history->failed;
    free(history);
    return good;
}

/* Any bytes on the admin socket: a line is a request or a refusal with a reason,
 * an accepted one says the same when written anew, and framing neither loses nor
 * makes up a line, however the bytes are split. */
#include <assert.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../../admin/control_session.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void write_anew(char *out, size_t bytes, const struct control_request *request)
{
    char id[UUID_TEXT_LENGTH];
    const char *name = control_command_name(request->command);
    uuid_format(&request->id, id);
    switch (request->command) {
    case CONTROL_SHARD:
        (void)snprintf(out, bytes, "{\"command\":\"%s\",\"shard\":%u}", name, request->shard);
        break;
    case CONTROL_ZONE:
    case CONTROL_BOOKING:
    case CONTROL_USER:
        (void)snprintf(out, bytes, "{\"command\":\"%s\",\"id\":\"%.36s\"}", name, id);
        break;
    default:
        (void)snprintf(out, bytes, "{\"command\":\"%s\"%s}", name,
                       request->confirm ? ",\"confirm\":true" : "");
        break;
    }
}

static void check_line(const char *line, size_t length)
{
    char error[160] = "";
    struct control_request request;
    struct control_request again;
    if (!control_request_parse(&request, line, length, error, sizeof error)) {
        assert(error[0] != '\0');
        return;
    }
    char text[160];
    write_anew(text, sizeof text, &request);
    assert(control_request_parse(&again, text, strlen(text), error, sizeof error));
    assert(again.command == request.command && again.shard == request.shard);
    assert(again.confirm == request.confirm && uuid_equal(&again.id, &request.id));
}

/* Lines of at most the limit, up to the first that is longer. */
static size_t count_lines(const uint8_t *data, size_t size)
{
    size_t count = 0;
    size_t begin = 0;
    for (size_t i = 0; i < size && i - begin < CONTROL_LINE_BYTES_MAX; i++) {
        if (data[i] == '\n') {
            count++;
            begin = i + 1;
        }
    }
    return count;
}

static void check_framing(const uint8_t *data, size_t size, size_t step)
{
    int ends[2];
    size_t lines = 0;
    struct control_session *session = calloc(1, sizeof *session);
    assert(session != NULL);
    int made = socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends);
    assert(made == 0);
    control_session_open(session, ends[0], 0, 0, 0);
    for (size_t at = 0; at < size && !control_session_overlong(session); at += step) {
        size_t length = size - at < step ? size - at : step;
        ssize_t sent = send(ends[1], data + at, length, MSG_DONTWAIT);
        assert(sent == (ssize_t)length);
        for (bool more = true; more;) {
            const char *line;
            size_t line_length;
            size_t before = session->line_length;
            assert(control_session_receive(session, 0));
            more = session->line_length != before;
            while ((line = control_session_line(session, &line_length)) != NULL) {
                check_line(line, line_length);
                control_session_consume(session, line_length);
                lines++;
                more = true;
            }
        }
    }
    assert(lines == count_lines(data, size));
    control_session_close(session);
    close(ends[1]);
    free(session);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0 || size > 100000) {
        return 0;
    }
    check_line((const char *)data, size);
    check_framing(data, size, 1 + data[0] * (size_t)64);
    return 0;
}

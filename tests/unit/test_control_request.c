/* Requests on the admin socket: what is understood, and that nothing else is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "../../admin/control_request.h"

#define ID "0190a3b2-7c51-7a00-8000-000000000001"

static bool parse(struct control_request *request, const char *line, char *error)
{
    return control_request_parse(request, line, strlen(line), error, 160);
}

/* Every command is known by its name, with what it needs. */
static void commands_are_read(void **state)
{
    (void)state;
    for (int command = 0; command < CONTROL_COMMAND_COUNT; command++) {
        const char *name = control_command_name((enum control_command)command);
        char line[160];
        char error[160];
        struct control_request request;
        const char *more =
            command == CONTROL_SHARD ? ",\"shard\":3"
            : command == CONTROL_ZONE || command == CONTROL_BOOKING || command == CONTROL_USER
                ? ",\"id\":\"" ID "\""
                : "";
        snprintf(line, sizeof line, " { \"command\" : \"%s\"%s } ", name, more);
        assert_true(parse(&request, line, error));
        assert_int_equal(request.command, command);
        assert_false(request.confirm);
    }
}

/* Values arrive as they were sent. */
static void fields_are_read(void **state)
{
    (void)state;
    struct control_request request;
    struct uuid id;
    char error[160];
    assert_true(uuid_parse(&id, ID, UUID_TEXT_LENGTH));
    assert_true(parse(&request, "{\"id\":\"" ID "\",\"command\":\"zone\"}", error));
    assert_true(uuid_equal(&request.id, &id));
    assert_true(parse(&request, "{\"command\":\"shard\",\"shard\":65535}", error));
    assert_int_equal(request.shard, 65535);
    assert_true(parse(&request, "{\"command\":\"drain\",\"confirm\":true}", error));
    assert_true(request.confirm);
    assert_true(parse(&request, "{\"command\":\"drain\",\"confirm\":false}", error));
    assert_false(request.confirm);
}

/* Whatever is not exactly a request is refused with a reason. */
static void the_rest_is_refused(void **state)
{
    (void)state;
    static const char *const lines[] = {
        "",
        " ",
        "status",
        "\"status\"",
        "[]",
        "[\"status\"]",
        "{}",
        "{",
        "{\"command\":\"status\"",
        "{\"command\":\"status\"} {}",
        "{\"command\":\"status\"}x",
        "{\"command\":\"Status\"}",
        "{\"command\":\"\"}",
        "{\"command\":7}",
        "{\"command\":null}",
        "{\"command\":\"evict\"}",
        "{\"command\":\"status\",\"command\":\"drain\"}",
        /* NOLINTNEXTLINE(bugprone-suspicious-missing-comma): one text with ID in it. */
        "{\"command\":\"status\",\"id\":\"" ID "\"}",
        "{\"command\":\"status\",\"shard\":0}",
        "{\"command\":\"status\",\"confirm\":true}",
        "{\"command\":\"status\",\"other\":1}",
        "{\"command\":\"shard\"}",
        "{\"command\":\"shard\",\"shard\":-1}",
        "{\"command\":\"shard\",\"shard\":65536}",
        "{\"command\":\"shard\",\"shard\":0.5}",
        "{\"command\":\"shard\",\"shard\":1e2}",
        "{\"command\":\"shard\",\"shard\":\"0\"}",
        "{\"command\":\"shard\",\"shard\":99999999999999999999999}",
        "{\"command\":\"zone\"}",
        "{\"command\":\"zone\",\"id\":\"\"}",
        "{\"command\":\"zone\",\"id\":\"0190a3b2\"}",
        "{\"command\":\"zone\",\"id\":\"" ID " \"}",
        "{\"command\":\"zone\",\"id\":null}",
        "{\"command\":\"zone\",\"id\":\"" ID "\",\"id\":\"" ID "\"}",
        "{\"command\":\"drain\",\"confirm\":1}",
        "{\"command\":\"drain\",\"confirm\":\"true\"}",
        "{\"command\":\"st\\u0000atus\"}",
        "{\"command\":\"\xff\xfe\"}",
    };
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        struct control_request request;
        char error[160] = "";
        if (parse(&request, lines[i], error)) {
            fail_msg("accepted: %s", lines[i]);
        }
        assert_true(strlen(error) > 10);
    }
}

/* A zero byte does not cut a line short, and depth and length are bounded. */
static void hostile_lines_are_refused(void **state)
{
    (void)state;
    struct control_request request;
    char error[160];
    static const char zero[] = "{\"command\":\"status\"}\0{";
    assert_false(control_request_parse(&request, zero, sizeof zero - 1, error, sizeof error));
    char deep[CONTROL_LINE_BYTES_MAX + 1];
    memset(deep, '[', sizeof deep);
    assert_false(
        control_request_parse(&request, deep, CONTROL_LINE_BYTES_MAX, error, sizeof error));
    assert_false(control_request_parse(&request, deep, sizeof deep, error, sizeof error));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(commands_are_read),
        cmocka_unit_test(fields_are_read),
        cmocka_unit_test(the_rest_is_refused),
        cmocka_unit_test(hostile_lines_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* The control thread's socket: who may ask, and how. */
#include "control_fixture.h"

#include <fcntl.h>
#include <pthread.h> /* the thread sanitizer's stage takes the tests that name it */
#include <sys/stat.h>

/* C01: only the engine's user can reach the socket. */
static void socket_is_private(void **state)
{
    (void)state;
    struct engine *engine = engine_open();
    struct stat status;
    char directory[128];
    assert_int_equal(stat(engine->config.admin.socket, &status), 0);
    assert_true(S_ISSOCK(status.st_mode));
    assert_int_equal(status.st_mode & 07777, 0600);
    snprintf(directory, sizeof directory, "%s/admin", engine->directory);
    assert_int_equal(stat(directory, &status), 0);
    assert_int_equal(status.st_mode & 07777, 0700);
    engine_close(engine);
}

static void expect_no_listener(const char *path, const char *reason)
{
    char error[512] = "";
    int fd = control_socket_listen(path, error, sizeof error);
    if (fd >= 0 || strstr(error, reason) == NULL) {
        fail_msg("descriptor %d, \"%s\", expected \"%s\"", fd, error, reason);
    }
}

/* C01, C03: a loose directory, another's file, a link or a living engine at the
 * path stop the start; a dead socket of ours does not. */
static void paths_are_checked(void **state)
{
    (void)state;
    char directory[] = "/tmp/boxoffice-control-XXXXXX";
    char path[64];
    char error[512];
    struct stat status;
    assert_non_null(mkdtemp(directory));
    snprintf(path, sizeof path, "%s/s.sock", directory);

    assert_int_equal(chmod(directory, 0750), 0);
    expect_no_listener(path, "must be 0700");
    assert_int_equal(chmod(directory, 0700), 0);

    int file = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
    assert_true(file >= 0);
    close(file);
    expect_no_listener(path, "not a socket of ours");
    assert_int_equal(unlink(path), 0);

    assert_int_equal(symlink("/dev/null", path), 0);
    expect_no_listener(path, "not a socket of ours");
    assert_int_equal(lstat(path, &status), 0); /* and it is still there */
    assert_int_equal(unlink(path), 0);

    int first = control_socket_listen(path, error, sizeof error);
    assert_true(first >= 0);
    expect_no_listener(path, "another engine listens");
    close(first); /* as a killed engine leaves it */
    int second = control_socket_listen(path, error, sizeof error);
    assert_true(second >= 0);
    control_socket_close(second, path);
    assert_int_not_equal(access(path, F_OK), 0);
    assert_int_equal(rmdir(directory), 0);
}

/* A path longer than a socket address holds works all the same. */
static void long_paths_work(void **state)
{
    (void)state;
    char directory[256] = "/tmp/boxoffice-control-XXXXXX";
    char path[512];
    char error[512];
    assert_non_null(mkdtemp(directory));
    size_t root = strlen(directory);
    memset(directory + root, 'd', 150);
    directory[root] = '/';
    directory[root + 150] = '\0';
    snprintf(path, sizeof path, "%s/s.sock", directory);
    int listener = control_socket_listen(path, error, sizeof error);
    assert_true(listener >= 0);
    int client = control_socket_connect(path);
    assert_true(client >= 0);
    close(client);
    control_socket_close(listener, path);
    assert_int_equal(rmdir(directory), 0);
    directory[root] = '\0';
    assert_int_equal(rmdir(directory), 0);
}

/* Lines sent together are answered one by one, in their order. */
static void lines_are_answered_in_order(void **state)
{
    (void)state;
    char text[65536];
    struct engine *engine = engine_open();
    int fd = connect_raw(engine);
    send_text(fd, "{\"command\":\"shard\",\"shard\":1}\n{\"command\":\"audit\"}\nnonsense\n"
                  "{\"command\":\"shard\",\"shard\":0}\n");
    receive(fd, text, sizeof text, 4);
    const char *first = strstr(text, "{\"ok\":true,\"data\":{\"shard\":1,");
    const char *second = strstr(text, "\"violations\":0}}\n");
    const char *third = strstr(text, "BAD_REQUEST");
    const char *fourth = strstr(text, "{\"ok\":true,\"data\":{\"shard\":0,\"ready\"");
    assert_ptr_equal(first, text);
    assert_true(first < second && second < third && third < fourth);
    /* A client that only shut down its sending side still gets its answer. */
    send_text(fd, "{\"command\":\"audit\"}\n");
    assert_int_equal(shutdown(fd, SHUT_WR), 0);
    receive(fd, text, sizeof text, 1);
    assert_non_null(strstr(text, "\"violations\":0}}\n"));
    assert_true(closed_by_peer(fd));
    close(fd);
    engine_close(engine);
}

/* C04: an endless line ends its connection, with a reason. */
static void overlong_lines_end_the_connection(void **state)
{
    (void)state;
    char text[4096];
    struct engine *engine = engine_open();
    int fd = connect_raw(engine);
    for (int i = 0; i < 300; i++) { /* more than a line, less than a socket's buffer */
        char bytes[64];
        memset(bytes, 'x', sizeof bytes);
        if (send(fd, bytes, sizeof bytes, MSG_NOSIGNAL | MSG_DONTWAIT) < 0) {
            break;
        }
    }
    receive(fd, text, sizeof text, 1);
    assert_non_null(strstr(text, "at most 8,192 bytes"));
    assert_true(closed_by_peer(fd));
    close(fd);
    engine_close(engine);
}

/* C04: whoever sits on a half line, or on an idle connection, keeps nobody out. */
static void idlers_keep_nobody_out(void **state)
{
    (void)state;
    struct engine *engine = engine_open();
    int idle[16];
    for (int i = 0; i < 16; i++) {
        idle[i] = connect_raw(engine);
    }
    send_text(idle[0], "{\"command\":");
    pause_ms(1200);
    struct boxctl_call call = ask(engine, "{\"command\":\"status\"}", BOXCTL_CALL_OK);
    boxctl_call_release(&call);
    for (int i = 0; i < 16; i++) {
        close(idle[i]);
    }
    engine_close(engine);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(socket_is_private),
        cmocka_unit_test(paths_are_checked),
        cmocka_unit_test(long_paths_work),
        cmocka_unit_test(lines_are_answered_in_order),
        cmocka_unit_test(overlong_lines_end_the_connection),
        cmocka_unit_test(idlers_keep_nobody_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

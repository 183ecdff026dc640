/* The control thread on its real socket, with real shards whose mailboxes are
 * served by a thread each, as workers do. */
#include "shard_rig.h"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "../../admin/boxctl_call.h"
#include "../../admin/control.h"
#include "../../admin/control_question.h"
#include "../../admin/control_socket.h"
#include "../../admin/control_watchdog.h"
#include "../../engine/config.h"

enum { SHARDS = 2, CONTROL = SHARDS };

struct engine {
    struct rig rig;
    struct config config;
    struct worker_group group;
    struct bells *bells;
    struct control *control;
    char directory[64];
    pthread_t threads[SHARDS];
    struct engine_thread {
        struct engine *engine;
        uint16_t index;
    } workers[SHARDS];
    _Atomic bool paused[SHARDS]; /* makes no turn */
    _Atomic bool ended;
};

static void pause_ms(int ms)
{
    struct timespec span = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000L};
    nanosleep(&span, NULL);
}

/* --- the shards' threads --- */

static void answer_inquiries(struct engine *engine, uint16_t self)
{
    struct mailbox_grid *mailboxes = engine->group.mailboxes;
    struct message *message;
    while ((message = mailbox_peek(mailboxes, self, CONTROL)) != NULL) {
        assert_int_equal(message->kind, MESSAGE_INQUIRY);
        struct message back = {.kind = MESSAGE_INQUIRY_DONE, .inquiry = message->inquiry};
        shard_inquire(engine->rig.shards[self], message->inquiry);
        assert_true(mailbox_push(mailboxes, self, CONTROL, &back));
        mailbox_consume(mailboxes, self, CONTROL);
        if (mailbox_publish(mailboxes, self, CONTROL)) {
            bell_ring(engine->bells, CONTROL);
        }
    }
}

static void *turn(void *context)
{
    const struct engine_thread *thread = context;
    struct engine *engine = thread->engine;
    struct worker_metrics *metrics = &engine->group.metrics[thread->index];
    while (!atomic_load(&engine->ended)) {
        struct pollfd bell = {.fd = bell_descriptor(engine->bells, thread->index),
                              .events = POLLIN};
        if (atomic_load(&engine->paused[thread->index])) {
            pause_ms(1);
            continue;
        }
        metric_add(&metrics->turns, 1);
        answer_inquiries(engine, thread->index);
        if (mailbox_sleep(engine->group.mailboxes, thread->index)) {
            if (poll(&bell, 1, 100) > 0) {
                bell_quiet(engine->bells, thread->index);
            }
            mailbox_awake(engine->group.mailboxes, thread->index);
        }
    }
    return NULL;
}

/* --- an engine for each test --- */

static struct engine *engine_open(void)
{
    char error[512];
    struct engine *engine = calloc(1, sizeof *engine);
    assert_non_null(engine);
    rig_open(&engine->rig, SHARDS);
    rig_event(&engine->rig, 1, 100);
    rig_zone(&engine->rig, 1, 1, 50, 150000);
    rig_zone(&engine->rig, 2, 1, 60, 150000);
    rig_zone(&engine->rig, 3, 1, 70, 150000);
    strcpy(engine->directory, "/tmp/boxoffice-control-XXXXXX");
    assert_non_null(mkdtemp(engine->directory));
    assert_true(config_load(&engine->config, NULL, error, sizeof error));
    snprintf(engine->config.storage.data_dir, CONFIG_TEXT_BYTES, "%s", engine->directory);
    snprintf(engine->config.admin.socket, CONFIG_TEXT_BYTES, "%s/admin/boxoffice.sock",
             engine->directory);
    engine->config.engine.watchdog_ms = 0;
    engine->group.shard_count = SHARDS;
    engine->group.config = &engine->config;
    engine->group.partitions = engine->rig.partitions;
    engine->group.clock = clock_system();
    engine->group.mailboxes = mailbox_grid_new(SHARDS + 1, 64);
    engine->group.metrics = aligned_alloc(64, SHARDS * sizeof(struct worker_metrics));
    assert_non_null(engine->group.mailboxes);
    assert_non_null(engine->group.metrics);
    memset(engine->group.metrics, 0, SHARDS * sizeof(struct worker_metrics));
    engine->bells = bells_new(SHARDS + 1);
    assert_non_null(engine->bells);
    for (uint16_t i = 0; i < SHARDS; i++) {
        engine->workers[i] = (struct engine_thread){engine, i};
        metric_set(&engine->group.metrics[i].ready, 1);
        assert_int_equal(pthread_create(&engine->threads[i], NULL, turn, &engine->workers[i]), 0);
    }
    engine->control =
        control_new(&engine->group, engine->bells, &engine->config, error, sizeof error);
    assert_non_null(engine->control);
    assert_true(control_start(engine->control));
    return engine;
}

static void engine_close(struct engine *engine)
{
    char path[128];
    atomic_store(&engine->ended, true);
    for (uint16_t i = 0; i < SHARDS; i++) {
        bell_ring(engine->bells, i);
        pthread_join(engine->threads[i], NULL);
    }
    control_stop(engine->control);
    control_free(engine->control);
    assert_int_not_equal(access(engine->config.admin.socket, F_OK), 0); /* removed */
    bells_free(engine->bells);
    mailbox_grid_free(engine->group.mailboxes);
    free(engine->group.metrics);
    rig_close(&engine->rig);
    snprintf(path, sizeof path, "%s/mirror-status.json", engine->directory);
    unlink(path);
    snprintf(path, sizeof path, "%s/admin", engine->directory);
    assert_int_equal(rmdir(path), 0);
    assert_int_equal(rmdir(engine->directory), 0);
    free(engine);
}

/* --- asking --- */

static struct boxctl_call ask(const struct engine *engine, const char *request,
                              enum boxctl_call_result expected)
{
    char error[512] = "";
    struct boxctl_call call;
    boxctl_call_init(&call, engine->config.admin.socket);
    enum boxctl_call_result result = boxctl_call(&call, request, error, sizeof error);
    if (result != expected) {
        fail_msg("%s: %d, %s", request, result, error);
    }
    return call;
}

static int connect_raw(const struct engine *engine)
{
    int fd = control_socket_connect(engine->config.admin.socket);
    assert_true(fd >= 0);
    return fd;
}

/* What comes within two seconds, up to `bytes`, the end or `lines` newlines. */
static size_t receive(int fd, char *out, size_t bytes, int lines)
{
    size_t length = 0;
    struct pollfd readable = {.fd = fd, .events = POLLIN};
    while (length + 1 < bytes && lines > 0 && poll(&readable, 1, 2000) > 0) {
        ssize_t got = recv(fd, out + length, bytes - 1 - length, 0);
        if (got <= 0) {
            break;
        }
        for (ssize_t i = 0; i < got; i++) {
            lines -= out[length + (size_t)i] == '\n';
        }
        length += (size_t)got;
    }
    out[length] = '\0';
    return length;
}

static void send_text(int fd, const char *text)
{
    assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), (ssize_t)strlen(text));
}

static bool closed_by_peer(int fd)
{
    char byte;
    struct pollfd readable = {.fd = fd, .events = POLLIN};
    return poll(&readable, 1, 2000) > 0 && recv(fd, &byte, 1, 0) <= 0;
}

/* --- what it says --- */

/* The published counters come through, summed and by shard. */
static void counters_are_told(void **state)
{
    (void)state;
    struct engine *engine = engine_open();
    for (uint16_t i = 0; i < SHARDS; i++) {
        struct worker_metrics *metrics = &engine->group.metrics[i];
        metric_set(&metrics->requests, 1000U + i);
        metric_set(&metrics->bookings, 7);
        metric_set(&metrics->log_durable, 41U + i);
        metric_set(&metrics->results[COMMAND_RESERVE][RESULT_INSUFFICIENT_STOCK], 5U + i);
        histogram_record(&metrics->latency, 250000);
    }
    struct boxctl_call call = ask(engine, "{\"command\":\"status\"}", BOXCTL_CALL_OK);
    yajl_val data = boxctl_call_data(&call);
    assert_string_equal(answer_text(data, "state"), "serving");
    assert_int_equal(answer_count(data, "requests"), 2001);
    assert_int_equal(answer_count(data, "bookings"), 14);
    assert_int_equal(answer_count(data, "shard_count"), SHARDS);
    assert_true(YAJL_IS_NULL(answer_member(data, "mirror")));
    boxctl_call_release(&call);

    call = ask(engine, "{\"command\":\"shard\",\"shard\":1}", BOXCTL_CALL_OK);
    data = boxctl_call_data(&call);
    assert_int_equal(answer_count(data, "log_durable"), 42);
    yajl_val reserve = answer_member(answer_member(data, "decisions"), "reserve");
    assert_int_equal(answer_count(reserve, "insufficient_stock"), 6);
    assert_int_equal(answer_count(answer_member(data, "latency"), "count"), 1);
    boxctl_call_release(&call);

    call = ask(engine, "{\"command\":\"shard\",\"shard\":2}", BOXCTL_CALL_REFUSED);
    assert_string_equal(boxctl_call_code(&call), "NOT_FOUND");
    boxctl_call_release(&call);
    static const char *const rest[] = {"shards", "log", "top"};
    for (size_t i = 0; i < sizeof rest / sizeof rest[0]; i++) {
        char request[64];
        snprintf(request, sizeof request, "{\"command\":\"%s\"}", rest[i]);
        call = ask(engine, request, BOXCTL_CALL_OK);
        assert_int_equal(answer_length(answer_member(boxctl_call_data(&call), "shards")), SHARDS);
        boxctl_call_release(&call);
    }
    engine_close(engine);
}

/* A shard that is not ready shows in the state, and so does a failed log. */
static void state_is_told(void **state)
{
    (void)state;
    struct engine *engine = engine_open();
    metric_set(&engine->group.metrics[1].ready, 0);
    struct boxctl_call call = ask(engine, "{\"command\":\"status\"}", BOXCTL_CALL_OK);
    assert_string_equal(answer_text(boxctl_call_data(&call), "state"), "starting");
    boxctl_call_release(&call);
    atomic_store(&engine->group.metrics[0].journal_state, JOURNAL_FAILED);
    call = ask(engine, "{\"command\":\"status\"}", BOXCTL_CALL_OK);
    assert_string_equal(answer_text(boxctl_call_data(&call), "state"), "log_failed");
    boxctl_call_release(&call);
    engine_close(engine);
}

static void write_mirror_status(const struct engine *engine, const char *text)
{
    char path[128];
    snprintf(path, sizeof path, "%s/mirror-status.json", engine->directory);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    assert_int_equal(fclose(file), 0);
}

/* The mirror's own words are passed on; a broken file is not. */
static void mirror_is_told(void **state)
{
    (void)state;
    struct engine *engine = engine_open();
    write_mirror_status(engine, "{\"state\": \"following\",\n \"lag_records\": 12}\n");
    struct boxctl_call call = ask(engine, "{\"command\":\"log\"}", BOXCTL_CALL_OK);
    yajl_val mirror = answer_member(boxctl_call_data(&call), "mirror");
    assert_string_equal(answer_text(mirror, "state"), "following");
    assert_int_equal(answer_count(mirror, "lag_records"), 12);
    boxctl_call_release(&call);
    static const char *const broken[] = {"", "{\"state\":", "[1]", "{} {}"};
    for (size_t i = 0; i < sizeof broken / sizeof broken[0]; i++) {
        write_mirror_status(engine, broken[i]);
        call = ask(engine, "{\"command\":\"status\"}", BOXCTL_CALL_OK);
        assert_true(YAJL_IS_NULL(answer_member(boxctl_call_data(&call), "mirror")));
        boxctl_call_release(&call);
    }
    engine_close(engine);
}

static void id_request(char out[128], const char *command, const struct uuid *id)
{
    char text[UUID_TEXT_LENGTH];
    uuid_format(id, text);
    snprintf(out, 128, "{\"command\":\"%s\",\"id\":\"%.36s\"}", command, text);
}

/* Shards answer for their zones, bookings and users, wherever these live. */
static void shards_are_asked(void **state)
{
    (void)state;
    char request[128];
    struct engine *engine = engine_open();
    struct answer made[3];
    atomic_store(&engine->paused[0], true);
    atomic_store(&engine->paused[1], true);
    pause_ms(250); /* the shards' threads are out of their shards */
    for (uint64_t zone = 1; zone <= 3; zone++) {
        made[zone - 1] = rig_ask(&engine->rig, rig_reserve(9, zone, (uint32_t)zone, zone));
        assert_int_equal(made[zone - 1].result, RESULT_OK);
        engine->rig.now_ms += 1000;
    }
    atomic_store(&engine->paused[0], false);
    atomic_store(&engine->paused[1], false);

    for (uint64_t zone = 1; zone <= 3; zone++) {
        struct uuid id = rig_zone_id(zone);
        id_request(request, "zone", &id);
        struct boxctl_call call = ask(engine, request, BOXCTL_CALL_OK);
        yajl_val data = boxctl_call_data(&call);
        assert_int_equal(answer_count(data, "total_seats"), 40 + 10 * zone);
        assert_int_equal(answer_count(data, "reserved_seats"), zone);
        assert_int_equal(answer_count(data, "available_seats"), 40 + 9 * zone);
        boxctl_call_release(&call);

        id_request(request, "booking", &made[zone - 1].booking.booking_id);
        call = ask(engine, request, BOXCTL_CALL_OK);
        yajl_val booking = answer_member(boxctl_call_data(&call), "booking");
        assert_string_equal(answer_text(booking, "status"), "reserved");
        assert_int_equal(answer_count(booking, "quantity"), zone);
        boxctl_call_release(&call);
    }
    struct uuid user = rig_user_id(9);
    id_request(request, "user", &user);
    struct boxctl_call call = ask(engine, request, BOXCTL_CALL_OK);
    yajl_val bookings = answer_member(boxctl_call_data(&call), "bookings");
    assert_int_equal(answer_length(bookings), 3);
    for (size_t i = 0; i < 3; i++) { /* newest first */
        assert_int_equal(answer_count(answer_element(bookings, i), "quantity"), 3 - i);
    }
    boxctl_call_release(&call);

    struct uuid unknown = rig_zone_id(77);
    static const char *const commands[] = {"zone", "booking"};
    for (size_t i = 0; i < 2; i++) {
        id_request(request, commands[i], &unknown);
        call = ask(engine, request, BOXCTL_CALL_REFUSED);
        assert_string_equal(boxctl_call_code(&call), "NOT_FOUND");
        boxctl_call_release(&call);
    }
    call = ask(engine, "{\"command\":\"audit\"}", BOXCTL_CALL_OK);
    assert_int_equal(answer_count(boxctl_call_data(&call), "violations"), 0);
    assert_int_equal(answer_length(answer_member(boxctl_call_data(&call), "shards")), SHARDS);
    boxctl_call_release(&call);
    engine_close(engine);
}

/* Draining needs to be meant. */
static void drain_needs_confirmation(void **state)
{
    (void)state;
    struct engine *engine = engine_open();
    struct boxctl_call call = ask(engine, "{\"command\":\"drain\"}", BOXCTL_CALL_OK);
    assert_false(answer_bool(boxctl_call_data(&call), "draining"));
    boxctl_call_release(&call);
    assert_int_equal(engine->group.stop, 0);
    call = ask(engine, "{\"command\":\"drain\",\"confirm\":true}", BOXCTL_CALL_OK);
    assert_true(answer_bool(boxctl_call_data(&call), "draining"));
    boxctl_call_release(&call);
    assert_int_equal(engine->group.stop, WORKER_DRAIN);
    engine_close(engine);
}

/* --- who may ask, and how --- */

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

/* --- workers that hang --- */

/* A shard that does not answer is named after three seconds, its worker as
 * stuck after two, others answer meanwhile, and all is well when it turns. */
static void silent_shards_are_named(void **state)
{
    (void)state;
    char text[4096];
    struct engine *engine = engine_open();
    atomic_store(&engine->paused[1], true);
    int waiting = connect_raw(engine);
    send_text(waiting, "{\"command\":\"audit\"}\n");
    int leaving = connect_raw(engine);
    send_text(leaving, "{\"command\":\"audit\"}\n");
    pause_ms(100);
    close(leaving);

    struct uuid id = rig_zone_id(1);
    for (uint64_t zone = 1; partition_shard_of(&engine->rig.partitions, &id) != 0; zone++) {
        id = rig_zone_id(zone);
    }
    char request[128];
    id_request(request, "zone", &id);
    struct boxctl_call call = ask(engine, request, BOXCTL_CALL_OK);
    boxctl_call_release(&call);

    pause_ms(2000);
    receive(waiting, text, sizeof text, 1);
    assert_non_null(strstr(text, "SHARD_SILENT"));
    assert_non_null(strstr(text, "shard 1"));
    call = ask(engine, "{\"command\":\"status\"}", BOXCTL_CALL_OK);
    assert_string_equal(answer_text(boxctl_call_data(&call), "state"), "stuck");
    assert_int_equal(answer_length(answer_member(boxctl_call_data(&call), "stuck_shards")), 1);
    boxctl_call_release(&call);
    send_text(waiting, "{\"command\":\"audit\"}\n");
    receive(waiting, text, sizeof text, 1);
    assert_non_null(strstr(text, "BUSY"));

    atomic_store(&engine->paused[1], false);
    pause_ms(700);
    send_text(waiting, "{\"command\":\"audit\"}\n");
    receive(waiting, text, sizeof text, 1);
    assert_non_null(strstr(text, "\"violations\":0}}"));
    call = ask(engine, "{\"command\":\"status\"}", BOXCTL_CALL_OK);
    assert_string_equal(answer_text(boxctl_call_data(&call), "state"), "serving");
    boxctl_call_release(&call);
    close(waiting);
    engine_close(engine);
}

/* The watchdog counts the time it watched, not the time it slept itself. */
static void pauses_of_the_process_are_forgiven(void **state)
{
    (void)state;
    const uint64_t second = 1000000000;
    struct worker_metrics metrics[SHARDS];
    memset(metrics, 0, sizeof metrics);
    struct worker_group group = {.shard_count = SHARDS, .metrics = metrics};
    struct control_watchdog watchdog = {0};
    metric_add(&metrics[0].turns, 1);
    metric_add(&metrics[1].turns, 1);
    assert_int_equal(control_watchdog_check(&watchdog, &group, 10000, second), -1);
    /* An hour in which nothing ran, this thread least of all. */
    assert_int_equal(control_watchdog_check(&watchdog, &group, 10000, 3600 * second), -1);
    assert_false(watchdog.workers[0].stuck);
    uint64_t now_ns = 3600 * second;
    for (int i = 0; i < 18; i++) {
        now_ns += second / 2;
        metric_add(&metrics[0].turns, 1);
        assert_int_equal(control_watchdog_check(&watchdog, &group, 10000, now_ns), -1);
    }
    assert_false(watchdog.workers[0].stuck);
    assert_true(watchdog.workers[1].stuck);
    assert_int_equal(group.stuck, 2);
    now_ns += second / 2;
    assert_int_equal(control_watchdog_check(&watchdog, &group, 10000, now_ns), 1);
    assert_int_equal(control_watchdog_check(&watchdog, &group, 0, now_ns), -1);
    metric_add(&metrics[1].turns, 1);
    metric_add(&metrics[0].turns, 1);
    assert_int_equal(control_watchdog_check(&watchdog, &group, 10000, now_ns + second), -1);
    assert_false(watchdog.workers[1].stuck);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counters_are_told),
        cmocka_unit_test(state_is_told),
        cmocka_unit_test(mirror_is_told),
        cmocka_unit_test(shards_are_asked),
        cmocka_unit_test(drain_needs_confirmation),
        cmocka_unit_test(socket_is_private),
        cmocka_unit_test(paths_are_checked),
        cmocka_unit_test(long_paths_work),
        cmocka_unit_test(lines_are_answered_in_order),
        cmocka_unit_test(overlong_lines_end_the_connection),
        cmocka_unit_test(idlers_keep_nobody_out),
        cmocka_unit_test(silent_shards_are_named),
        cmocka_unit_test(pauses_of_the_process_are_forgiven),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

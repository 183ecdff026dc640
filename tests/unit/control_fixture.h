/* The control thread on its real socket, with real shards whose mailboxes are
 * served by a thread each, as workers do. */
#ifndef TESTS_UNIT_CONTROL_FIXTURE_H
#define TESTS_UNIT_CONTROL_FIXTURE_H

#include "shard_rig.h"

#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "../../admin/boxctl_call.h"
#include "../../admin/control.h"
#include "../../admin/control_socket.h"
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

static inline void pause_ms(int ms)
{
    struct timespec span = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000L};
    nanosleep(&span, NULL);
}

/* --- the shards' threads --- */

static inline void answer_inquiries(struct engine *engine, uint16_t self)
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

static inline void *turn(void *context)
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

static inline struct engine *engine_open(void)
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

static inline void engine_close(struct engine *engine)
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

static inline struct boxctl_call ask(const struct engine *engine, const char *request,
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

static inline int connect_raw(const struct engine *engine)
{
    int fd = control_socket_connect(engine->config.admin.socket);
    assert_true(fd >= 0);
    return fd;
}

/* What comes within two seconds, up to `bytes`, the end or `lines` newlines. */
static inline size_t receive(int fd, char *out, size_t bytes, int lines)
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

static inline void send_text(int fd, const char *text)
{
    assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), (ssize_t)strlen(text));
}

static inline bool closed_by_peer(int fd)
{
    char byte;
    struct pollfd readable = {.fd = fd, .events = POLLIN};
    return poll(&readable, 1, 2000) > 0 && recv(fd, &byte, 1, 0) <= 0;
}

static inline void id_request(char out[128], const char *command, const struct uuid *id)
{
    char text[UUID_TEXT_LENGTH];
    uuid_format(id, text);
    snprintf(out, 128, "{\"command\":\"%s\",\"id\":\"%.36s\"}", command, text);
}

#endif

/* One thread, one poll(2) over the listener, the bell and at most 16 clients.
 * Turn: wait -> read and send what is ready -> take clients in -> take inquiries
 * back -> answer lines -> send inquiries -> drop who is overdue -> look at the
 * workers. */
#include "control.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../engine/logger.h"
#include "control_answer.h"
#include "control_session.h"
#include "control_socket.h"

enum {
    SESSIONS_MAX = 16,
    ANSWER_BYTES_MAX = 2 << 20, /* 64 shards with both histograms full are 1.6 MB */
    WAIT_MS = 250,              /* twice a worker's own rhythm, for the watchdog */
    WAIT_QUESTION_MS = 20,      /* while an inquiry is out, should its bell be lost */
    EVICT_IDLE_MS = 1000        /* who is idle for so long makes way for a newcomer */
};

struct control {
    struct worker_group *group;
    struct bells *bells;
    const struct config *config;
    int listener;
    bool running;
    pthread_t thread;
    _Atomic bool stopping;
    /* --- control thread --- */
    uint64_t started_ms;
    uint64_t now_ns;
    struct control_watchdog watchdog;
    struct control_session sessions[SESSIONS_MAX];
    char answer[ANSWER_BYTES_MAX];
};

/* --- answering --- */

static void send_answer(struct control *control, struct control_session *session,
                        struct json_writer *writer)
{
    if (writer->overflow || writer->length == sizeof control->answer) {
        json_writer_init(writer, control->answer, sizeof control->answer - 1);
        control_answer_error(writer, "TOO_LONG", "the answer is too long");
    }
    control->answer[writer->length] = '\n';
    if (!control_session_answer(session, control->answer, writer->length + 1, control->now_ns)) {
        control_session_close(session);
    }
}

static void send_error(struct control *control, struct control_session *session, const char *code,
                       const char *message)
{
    struct json_writer writer;
    json_writer_init(&writer, control->answer, sizeof control->answer - 1);
    control_answer_error(&writer, code, message);
    send_answer(control, session, &writer);
}

static void write_drain(struct control *control, const struct control_session *session,
                        const struct control_request *request, struct json_writer *writer)
{
    json_writer_object(writer, "data");
    json_writer_bool(writer, "draining", request->confirm || control->group->stop != WORKER_RUN);
    json_writer_count(writer, "pid", (uint64_t)getpid());
    json_writer_count(writer, "drain_timeout_ms", control->config->server.drain_timeout_ms);
    json_writer_text(writer, "effect",
                     request->confirm
                         ? "no new connections; what was begun is finished, flushed and answered, "
                           "then the engine ends"
                         : "nothing yet: say \"confirm\":true to finish what was begun and end");
    json_writer_object_end(writer);
    if (request->confirm) {
        logger_log(LOGGER_INFO, "drain_asked", LOG_TEXT("by", "admin_socket"),
                   LOG_INT("uid", session->uid), LOG_INT("pid", session->pid));
        int running = WORKER_RUN;
        atomic_compare_exchange_strong(&control->group->stop, &running, WORKER_DRAIN);
        for (uint16_t i = 0; control->bells != NULL && i < control->group->shard_count; i++) {
            bell_ring(control->bells, i);
        }
    }
}

static void write_answer(struct control *control, const struct control_session *session,
                         const struct control_request *request, struct json_writer *writer)
{
    const struct clock *clock = &control->group->clock;
    const struct control_scene scene = {.group = control->group,
                                        .config = control->config,
                                        .watchdog = &control->watchdog,
                                        .started_ms = control->started_ms,
                                        .now_ms = clock->wall_ms(clock->context),
                                        .now_ns = control->now_ns};
    control_answer_begin(writer);
    switch (request->command) {
    case CONTROL_STATUS:
        control_answer_status(writer, &scene);
        break;
    case CONTROL_SHARDS:
        control_answer_shards(writer, &scene);
        break;
    case CONTROL_SHARD:
        control_answer_shard(writer, &scene, (uint16_t)request->shard);
        break;
    case CONTROL_LOG:
        control_answer_log(writer, &scene);
        break;
    case CONTROL_TOP:
        control_answer_top(writer, &scene);
        break;
    default:
        write_drain(control, session, request, writer);
        break;
    }
    control_answer_end(writer);
}

static bool needs_shards(enum control_command command)
{
    return command == CONTROL_ZONE || command == CONTROL_BOOKING || command == CONTROL_USER ||
           command == CONTROL_AUDIT;
}

static void handle(struct control *control, struct control_session *session,
                   const struct control_request *request)
{
    struct json_writer writer;
    if (request->command == CONTROL_SHARD && request->shard >= control->group->shard_count) {
        char message[64];
        snprintf(message, sizeof message, "there are shards 0 to %d",
                 control->group->shard_count - 1);
        send_error(control, session, "NOT_FOUND", message);
        return;
    }
    if (needs_shards(request->command)) {
        if (!control_question_begin(&session->question, request, control->group, control->now_ns)) {
            send_error(control, session, "BUSY", "a shard still owes the answer to an earlier one");
        }
        return;
    }
    json_writer_init(&writer, control->answer, sizeof control->answer - 1);
    write_answer(control, session, request, &writer);
    send_answer(control, session, &writer);
}

static void handle_lines(struct control *control, struct control_session *session)
{
    const char *line;
    size_t length;
    while (session->fd >= 0 && (line = control_session_line(session, &length)) != NULL) {
        char error[160];
        struct control_request request;
        bool good = control_request_parse(&request, line, length, error, sizeof error);
        control_session_consume(session, length);
        if (good) {
            handle(control, session, &request);
        } else {
            send_error(control, session, "BAD_REQUEST", error);
        }
    }
    if (!control_session_idle(session)) {
        return;
    }
    if (control_session_overlong(session)) {
        session->close_after = true;
        send_error(control, session, "BAD_REQUEST", "a request is a line of at most 8,192 bytes");
    } else if (session->ended) {
        control_session_close(session);
    }
}

/* --- clients --- */

/* A place for a newcomer: a free one, else that of who is idle longest. */
static struct control_session *find_place(struct control *control)
{
    struct control_session *oldest = NULL;
    for (int i = 0; i < SESSIONS_MAX; i++) {
        struct control_session *session = &control->sessions[i];
        if (control_session_free(session)) {
            return session;
        }
        if (control_session_idle(session) && !session->question.lent &&
            control->now_ns - session->since_ns > EVICT_IDLE_MS * UINT64_C(1000000) &&
            (oldest == NULL || session->since_ns < oldest->since_ns)) {
            oldest = session;
        }
    }
    if (oldest != NULL) {
        control_session_close(oldest);
    }
    return oldest;
}

static void refuse(int fd, const char *text)
{
    /* A fresh socket has room for one line; if not, closing says it too. */
    ssize_t sent = send(fd, text, strlen(text), MSG_DONTWAIT | MSG_NOSIGNAL);
    (void)sent;
    close(fd);
}

static void accept_one(struct control *control, int fd)
{
    uid_t uid;
    pid_t pid;
    if (!control_socket_trusted(fd, &uid, &pid)) {
        logger_log(LOGGER_WARN, "admin_refused", LOG_INT("uid", uid), LOG_INT("pid", pid));
        refuse(fd, "{\"ok\":false,\"error\":{\"code\":\"FORBIDDEN\",\"message\":"
                   "\"only the engine's user and root may ask\"}}\n");
        return;
    }
    struct control_session *session = find_place(control);
    if (session == NULL) {
        refuse(fd, "{\"ok\":false,\"error\":{\"code\":\"BUSY\",\"message\":"
                   "\"16 clients are served already\"}}\n");
        return;
    }
    control_session_open(session, fd, uid, pid, control->now_ns);
}

static void accept_all(struct control *control)
{
    for (int i = 0; i < SESSIONS_MAX; i++) {
        int fd = accept4(control->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0) {
            return;
        }
        accept_one(control, fd);
    }
}

/* --- questions --- */

static void take_inquiry(struct control *control, const struct inquiry *inquiry)
{
    for (int i = 0; i < SESSIONS_MAX; i++) {
        struct control_session *session = &control->sessions[i];
        if (inquiry != &session->question.inquiry) {
            continue;
        }
        if (control_question_take(&session->question, control->now_ns)) {
            struct json_writer writer;
            json_writer_init(&writer, control->answer, sizeof control->answer - 1);
            control_question_answer(&session->question, control->group, &writer);
            send_answer(control, session, &writer);
        }
    }
}

static void take_messages(struct control *control)
{
    struct mailbox_grid *mailboxes = control->group->mailboxes;
    uint16_t self = control->group->shard_count;
    for (uint16_t from = 0; from < self; from++) {
        struct message *message;
        while ((message = mailbox_peek(mailboxes, self, from)) != NULL) {
            if (message->kind == MESSAGE_INQUIRY_DONE) {
                take_inquiry(control, message->inquiry);
            }
            mailbox_consume(mailboxes, self, from);
        }
    }
}

static void push_questions(struct control *control)
{
    for (int i = 0; i < SESSIONS_MAX; i++) {
        struct control_session *session = &control->sessions[i];
        if (control_question_push(&session->question, control->group, control->bells,
                                  control->now_ns)) {
            char message[96];
            snprintf(message, sizeof message, "shard %u did not answer within %d ms",
                     session->question.shard, CONTROL_ANSWER_MS_MAX);
            send_error(control, session, "SHARD_SILENT", message);
        }
    }
}

/* --- the loop --- */

static void drop_overdue(struct control *control)
{
    for (int i = 0; i < SESSIONS_MAX; i++) {
        struct control_session *session = &control->sessions[i];
        if (session->fd >= 0 && control_session_overdue(session, control->now_ns)) {
            control_session_close(session);
        }
    }
}

static void watch_workers(struct control *control)
{
    if (control->group->stop != WORKER_RUN) {
        return; /* workers end one after another; main bounds a drain */
    }
    uint32_t watchdog_ms = control->config->engine.watchdog_ms;
    int hung =
        control_watchdog_check(&control->watchdog, control->group, watchdog_ms, control->now_ns);
    if (hung >= 0) {
        logger_log(LOGGER_ERROR, "watchdog_abort", LOG_INT("shard", hung),
                   LOG_INT("watchdog_ms", watchdog_ms),
                   LOG_TEXT("message", "a worker made no turn; ending so that it restarts"));
        abort();
    }
}

static int wait_ms(const struct control *control)
{
    for (int i = 0; i < SESSIONS_MAX; i++) {
        if (control->sessions[i].question.waiting || control->sessions[i].question.lent) {
            return WAIT_QUESTION_MS;
        }
    }
    return WAIT_MS;
}

/* Sleeps until a client, a worker or the clock calls. */
static void wait_for_events(struct control *control, struct pollfd *fds)
{
    struct mailbox_grid *mailboxes = control->group->mailboxes;
    uint16_t self = control->group->shard_count;
    int bell = control->bells == NULL ? -1 : bell_descriptor(control->bells, self);
    for (int i = 0; i < SESSIONS_MAX; i++) {
        const struct control_session *session = &control->sessions[i];
        fds[i] = (struct pollfd){.fd = session->fd,
                                 .events = session->fd < 0 ? 0 : control_session_events(session)};
    }
    fds[SESSIONS_MAX] = (struct pollfd){.fd = control->listener, .events = POLLIN};
    fds[SESSIONS_MAX + 1] = (struct pollfd){.fd = bell, .events = POLLIN};
    int ready = poll(fds, SESSIONS_MAX + 2, mailbox_sleep(mailboxes, self) ? wait_ms(control) : 0);
    mailbox_awake(mailboxes, self);
    for (int i = 0; ready <= 0 && i < SESSIONS_MAX + 2; i++) {
        fds[i].revents = 0;
    }
    if (control->bells != NULL && (fds[SESSIONS_MAX + 1].revents & POLLIN) != 0) {
        bell_quiet(control->bells, self);
    }
    control->now_ns = control->group->clock.monotonic_ns(control->group->clock.context);
}

static void serve(struct control *control, struct control_session *session, short revents)
{
    bool alive = true;
    if ((revents & POLLOUT) != 0 && session->output != NULL) {
        alive = control_session_send(session, control->now_ns);
    } else if ((revents & POLLIN) != 0) {
        alive = control_session_receive(session, control->now_ns);
    } else if ((revents & (POLLHUP | POLLERR | POLLNVAL)) != 0) {
        alive = false; /* nobody is left to read an answer */
    }
    if (!alive) {
        control_session_close(session);
    }
}

static void *run(void *context)
{
    struct control *control = context;
    struct pollfd fds[SESSIONS_MAX + 2];
    while (!atomic_load(&control->stopping)) {
        wait_for_events(control, fds);
        for (int i = 0; i < SESSIONS_MAX; i++) {
            if (fds[i].revents != 0) {
                serve(control, &control->sessions[i], fds[i].revents);
            }
        }
        if (fds[SESSIONS_MAX].revents != 0) {
            accept_all(control);
        }
        take_messages(control);
        for (int i = 0; i < SESSIONS_MAX; i++) {
            if (control->sessions[i].fd >= 0) {
                handle_lines(control, &control->sessions[i]);
            }
        }
        push_questions(control);
        drop_overdue(control);
        watch_workers(control);
    }
    return NULL;
}

/* --- lifecycle --- */

struct control *control_new(struct worker_group *group, struct bells *bells,
                            const struct config *config, char *error, size_t error_bytes)
{
    struct control *control = calloc(1, sizeof *control);
    if (control == NULL) {
        snprintf(error, error_bytes, "admin socket: out of memory");
        return NULL;
    }
    control->group = group;
    control->bells = bells;
    control->config = config;
    for (int i = 0; i < SESSIONS_MAX; i++) {
        control->sessions[i].fd = -1;
    }
    control->listener = control_socket_listen(config->admin.socket, error, error_bytes);
    if (control->listener < 0) {
        free(control);
        return NULL;
    }
    return control;
}

bool control_start(struct control *control)
{
    const struct clock *clock = &control->group->clock;
    control->started_ms = clock->wall_ms(clock->context);
    control->now_ns = clock->monotonic_ns(clock->context);
    /* Signals are main's. */
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    control->running = pthread_create(&control->thread, NULL, run, control) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (control->running) {
        pthread_setname_np(control->thread, "control");
    }
    return control->running;
}

void control_stop(struct control *control)
{
    if (control->running) {
        atomic_store(&control->stopping, true);
        if (control->bells != NULL) {
            bell_ring(control->bells, control->group->shard_count);
        }
        pthread_join(control->thread, NULL);
        control->running = false;
    }
    if (control->listener >= 0) {
        control_socket_close(control->listener, control->config->admin.socket);
        control->listener = -1;
    }
}

void control_free(struct control *control)
{
    if (control == NULL) {
        return;
    }
    control_stop(control);
    for (int i = 0; i < SESSIONS_MAX; i++) {
        if (control->sessions[i].fd >= 0) {
            control_session_close(&control->sessions[i]);
        }
    }
    free(control);
}

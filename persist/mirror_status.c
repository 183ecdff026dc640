#include "mirror_status.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <poll.h>
#include <time.h>
#include <unistd.h>

#include "../engine/logger.h"
#include "log_error.h"
#include "replay_json.h"

enum { STATUS_TICK_MS = 1000, STATUS_LOG_TICKS = 10, STATUS_ERROR_BYTES = 1200 };

struct mirror_status {
    const char *data_dir;
    pthread_t thread;
    int signals;
    pthread_mutex_t mutex;
    pthread_cond_t stop_asked;
    /* --- under the mutex --- */
    bool stopping; /* asked by a signal */
    bool ending;   /* the mirror is done with us */
    char cluster[UUID_TEXT_LENGTH + 1];
    enum mirror_state state;
    uint32_t epoch;
    uint16_t shard_count;
    uint64_t mirrored[SHARD_COUNT_MAX];
    uint64_t durable[SHARD_COUNT_MAX];
    uint64_t behind_since_ms; /* 0: not behind */
    uint64_t rows, records, batches;
    char error[STATUS_ERROR_BYTES];
    uint64_t error_at_ms;
    /* --- status thread --- */
    uint64_t rows_before;
    uint64_t tick_before_ms;
    uint32_t ticks;
};

static const char *const state_names[] = {[MIRROR_CONNECTING] = "connecting",
                                          [MIRROR_WAITING] = "waiting",
                                          [MIRROR_FOLLOWING] = "following",
                                          [MIRROR_STOPPED] = "stopped"};

static uint64_t now_ms(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_REALTIME, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* --- what is said: under the mutex --- */

static uint64_t lag_records(const struct mirror_status *status)
{
    uint64_t lag = 0;
    for (uint16_t shard = 0; shard < status->shard_count; shard++) {
        if (status->durable[shard] > status->mirrored[shard])
            lag += status->durable[shard] - status->mirrored[shard];
    }
    return lag;
}

static uint64_t lag_ms(const struct mirror_status *status, uint64_t now)
{
    if (status->behind_since_ms == 0 || status->behind_since_ms > now)
        return 0;
    return now - status->behind_since_ms;
}

static void positions_json(struct replay_json *json, const struct mirror_status *status)
{
    replay_json_key(json, "positions");
    replay_json_open(json, '[');
    for (uint16_t shard = 0; shard < status->shard_count; shard++) {
        replay_json_open(json, '{');
        replay_json_key(json, "shard");
        replay_json_unsigned(json, shard);
        replay_json_key(json, "sequence");
        replay_json_unsigned(json, status->mirrored[shard]);
        replay_json_key(json, "durable");
        replay_json_unsigned(json, status->durable[shard]);
        replay_json_close(json, '}');
    }
    replay_json_close(json, ']');
}

static void status_json(struct replay_buffer *out, const struct mirror_status *status, uint64_t now,
                        uint64_t rows_per_second)
{
    struct replay_json json = replay_json_start(out);
    replay_json_open(&json, '{');
    replay_json_key(&json, "cluster");
    replay_json_string(&json, status->cluster);
    replay_json_key(&json, "state");
    replay_json_string(&json, state_names[status->state]);
    replay_json_key(&json, "pid");
    replay_json_unsigned(&json, (uint64_t)getpid());
    replay_json_key(&json, "epoch");
    replay_json_unsigned(&json, status->epoch);
    positions_json(&json, status);
    replay_json_key(&json, "lag_records");
    if (status->epoch > 0)
        replay_json_unsigned(&json, lag_records(status));
    else
        replay_json_null(&json); /* the position is PostgreSQL's to say */
    replay_json_key(&json, "lag_seconds");
    const uint64_t lag = lag_ms(status, now);
    if (status->epoch > 0) {
        replay_buffer_format(out, "%" PRIu64 ".%03u", lag / 1000, (unsigned)(lag % 1000));
        json.comma = true;
    } else {
        replay_json_null(&json);
    }
    replay_json_key(&json, "rows_per_second");
    replay_json_unsigned(&json, rows_per_second);
    replay_json_key(&json, "rows");
    replay_json_unsigned(&json, status->rows);
    replay_json_key(&json, "records");
    replay_json_unsigned(&json, status->records);
    replay_json_key(&json, "batches");
    replay_json_unsigned(&json, status->batches);
    replay_json_key(&json, "last_error");
    if (status->error[0] != '\0')
        replay_json_string(&json, status->error);
    else
        replay_json_null(&json);
    replay_json_key(&json, "last_error_at");
    replay_json_time(&json, status->error_at_ms);
    replay_json_key(&json, "updated_at");
    replay_json_time(&json, now);
    replay_json_close(&json, '}');
    replay_buffer_append(out, "\n", 1);
}

/* --- the thread --- */

/* A reader sees the old file or the new one. Not synced: it says only how things
 * are now. */
static void write_file(const struct mirror_status *status, const struct replay_buffer *text)
{
    char path[LOG_PATH_BYTES];
    char temporary[LOG_PATH_BYTES + 8];
    (void)snprintf(path, sizeof path, "%s/mirror-status.json", status->data_dir);
    (void)snprintf(temporary, sizeof temporary, "%s.tmp", path);
    const int fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (fd < 0)
        return;
    const bool good = write(fd, text->bytes, text->length) == (ssize_t)text->length;
    (void)close(fd);
    if (!good || rename(temporary, path) != 0)
        (void)unlink(temporary);
}

static void say(struct mirror_status *status, bool final)
{
    struct replay_buffer text;
    replay_buffer_init(&text);
    (void)pthread_mutex_lock(&status->mutex);
    const uint64_t now = now_ms();
    const uint64_t passed_ms = now > status->tick_before_ms ? now - status->tick_before_ms : 1;
    const uint64_t rate = (status->rows - status->rows_before) * 1000 / passed_ms;
    status->rows_before = status->rows;
    status->tick_before_ms = now;
    status_json(&text, status, now, rate);
    const uint64_t lag = lag_records(status);
    const uint64_t lag_time_ms = lag_ms(status, now);
    const enum mirror_state state = status->state;
    const uint64_t rows = status->rows;
    (void)pthread_mutex_unlock(&status->mutex);

    if (!text.failed)
        write_file(status, &text);
    replay_buffer_release(&text);
    if (status->ticks++ % STATUS_LOG_TICKS == 0 || final)
        logger_log(LOGGER_INFO, "mirror", LOG_TEXT("state", state_names[state]),
                   LOG_INT("lag_records", lag), LOG_INT("lag_ms", lag_time_ms),
                   LOG_INT("rows", rows), LOG_INT("rows_per_second", rate));
}

static void take_signal(struct mirror_status *status)
{
    struct signalfd_siginfo signal_info;
    if (read(status->signals, &signal_info, sizeof signal_info) != (ssize_t)sizeof signal_info)
        return;
    (void)pthread_mutex_lock(&status->mutex);
    const bool again = status->stopping;
    status->stopping = true;
    (void)pthread_cond_broadcast(&status->stop_asked);
    (void)pthread_mutex_unlock(&status->mutex);
    if (again) /* the open transaction is PostgreSQL's to roll back */
        _exit(128 + (int)signal_info.ssi_signo);
}

static bool ending(struct mirror_status *status)
{
    (void)pthread_mutex_lock(&status->mutex);
    const bool is_ending = status->ending;
    (void)pthread_mutex_unlock(&status->mutex);
    return is_ending;
}

static void *run(void *context)
{
    struct mirror_status *status = context;
    uint64_t next_ms = now_ms();
    while (!ending(status)) {
        const uint64_t now = now_ms();
        if (now >= next_ms || next_ms > now + STATUS_TICK_MS) {
            say(status, false);
            next_ms = now + STATUS_TICK_MS;
        }
        /* Short sleeps: the end is asked for by a flag alone. */
        struct pollfd wait = {.fd = status->signals, .events = POLLIN};
        if (poll(&wait, 1, 50) > 0)
            take_signal(status);
    }
    return NULL;
}

/* --- the mirror's thread --- */

struct mirror_status *mirror_status_new(const char *data_dir)
{
    struct mirror_status *status = calloc(1, sizeof *status);
    if (status == NULL)
        return NULL;
    status->data_dir = data_dir;
    status->tick_before_ms = now_ms();
    (void)pthread_mutex_init(&status->mutex, NULL);
    pthread_condattr_t monotonic;
    (void)pthread_condattr_init(&monotonic);
    (void)pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    (void)pthread_cond_init(&status->stop_asked, &monotonic);
    (void)pthread_condattr_destroy(&monotonic);

    sigset_t set;
    (void)sigemptyset(&set);
    (void)sigaddset(&set, SIGTERM);
    (void)sigaddset(&set, SIGINT);
    (void)pthread_sigmask(SIG_BLOCK, &set, NULL);
    status->signals = signalfd(-1, &set, SFD_CLOEXEC);
    if (status->signals < 0)
        goto fail;
    const int error = pthread_create(&status->thread, NULL, run, status);
    if (error == 0)
        return status;
    (void)close(status->signals);
    errno = error;
fail:
    (void)pthread_cond_destroy(&status->stop_asked);
    (void)pthread_mutex_destroy(&status->mutex);
    free(status);
    return NULL;
}

void mirror_status_free(struct mirror_status *status)
{
    (void)pthread_mutex_lock(&status->mutex);
    status->ending = true;
    status->state = MIRROR_STOPPED;
    (void)pthread_mutex_unlock(&status->mutex);
    (void)pthread_join(status->thread, NULL);
    say(status, true);
    (void)close(status->signals);
    (void)pthread_cond_destroy(&status->stop_asked);
    (void)pthread_mutex_destroy(&status->mutex);
    free(status);
}

bool mirror_status_stopping(struct mirror_status *status)
{
    (void)pthread_mutex_lock(&status->mutex);
    const bool stopping = status->stopping;
    (void)pthread_mutex_unlock(&status->mutex);
    return stopping;
}

bool mirror_status_wait(struct mirror_status *status, uint32_t milliseconds)
{
    struct timespec until;
    (void)clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += milliseconds / 1000;
    until.tv_nsec += (long)(milliseconds % 1000) * 1000000L;
    if (until.tv_nsec >= 1000000000L) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000L;
    }
    (void)pthread_mutex_lock(&status->mutex);
    int waited = 0;
    while (!status->stopping && waited == 0)
        waited = pthread_cond_timedwait(&status->stop_asked, &status->mutex, &until);
    const bool stopping = status->stopping;
    (void)pthread_mutex_unlock(&status->mutex);
    return stopping;
}

void mirror_status_cluster(struct mirror_status *status, const char *cluster)
{
    (void)pthread_mutex_lock(&status->mutex);
    (void)snprintf(status->cluster, sizeof status->cluster, "%s", cluster);
    (void)pthread_mutex_unlock(&status->mutex);
}

void mirror_status_state(struct mirror_status *status, enum mirror_state state)
{
    (void)pthread_mutex_lock(&status->mutex);
    status->state = state;
    (void)pthread_mutex_unlock(&status->mutex);
}

void mirror_status_error(struct mirror_status *status, const char *error)
{
    (void)pthread_mutex_lock(&status->mutex);
    (void)snprintf(status->error, sizeof status->error, "%s", error);
    status->error_at_ms = error[0] != '\0' ? now_ms() : 0;
    (void)pthread_mutex_unlock(&status->mutex);
}

void mirror_status_epoch(struct mirror_status *status, uint32_t epoch, uint16_t shard_count)
{
    (void)pthread_mutex_lock(&status->mutex);
    status->epoch = epoch;
    status->shard_count = shard_count;
    memset(status->mirrored, 0, sizeof status->mirrored);
    memset(status->durable, 0, sizeof status->durable);
    (void)pthread_mutex_unlock(&status->mutex);
}

void mirror_status_position(struct mirror_status *status, uint16_t shard, uint64_t mirrored,
                            uint64_t durable)
{
    (void)pthread_mutex_lock(&status->mutex);
    status->mirrored[shard] = mirrored;
    status->durable[shard] = durable;
    if (lag_records(status) == 0)
        status->behind_since_ms = 0;
    else if (status->behind_since_ms == 0)
        status->behind_since_ms = now_ms();
    (void)pthread_mutex_unlock(&status->mutex);
}

void mirror_status_oldest(struct mirror_status *status, uint64_t stamp_ms)
{
    (void)pthread_mutex_lock(&status->mutex);
    if (lag_records(status) > 0 && stamp_ms > 0)
        status->behind_since_ms = stamp_ms;
    (void)pthread_mutex_unlock(&status->mutex);
}

void mirror_status_batch(struct mirror_status *status, uint32_t records, uint32_t rows)
{
    (void)pthread_mutex_lock(&status->mutex);
    status->records += records;
    status->rows += rows;
    status->batches++;
    (void)pthread_mutex_unlock(&status->mutex);
}

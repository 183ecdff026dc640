#include "mirror_report.h"

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

struct mirror_report {
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
    /* --- report thread --- */
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

static uint64_t lag_records(const struct mirror_report *report)
{
    uint64_t lag = 0;
    for (uint16_t shard = 0; shard < report->shard_count; shard++) {
        if (report->durable[shard] > report->mirrored[shard])
            lag += report->durable[shard] - report->mirrored[shard];
    }
    return lag;
}

static uint64_t lag_ms(const struct mirror_report *report, uint64_t now)
{
    if (report->behind_since_ms == 0 || report->behind_since_ms > now)
        return 0;
    return now - report->behind_since_ms;
}

static void positions_json(struct replay_json *json, const struct mirror_report *report)
{
    replay_json_key(json, "positions");
    replay_json_open(json, '[');
    for (uint16_t shard = 0; shard < report->shard_count; shard++) {
        replay_json_open(json, '{');
        replay_json_key(json, "shard");
        replay_json_unsigned(json, shard);
        replay_json_key(json, "sequence");
        replay_json_unsigned(json, report->mirrored[shard]);
        replay_json_key(json, "durable");
        replay_json_unsigned(json, report->durable[shard]);
        replay_json_close(json, '}');
    }
    replay_json_close(json, ']');
}

static void report_json(struct replay_buffer *out, const struct mirror_report *report, uint64_t now,
                        uint64_t rows_per_second)
{
    struct replay_json json = replay_json_start(out);
    replay_json_open(&json, '{');
    replay_json_key(&json, "cluster");
    replay_json_string(&json, report->cluster);
    replay_json_key(&json, "state");
    replay_json_string(&json, state_names[report->state]);
    replay_json_key(&json, "pid");
    replay_json_unsigned(&json, (uint64_t)getpid());
    replay_json_key(&json, "epoch");
    replay_json_unsigned(&json, report->epoch);
    positions_json(&json, report);
    replay_json_key(&json, "lag_records");
    if (report->epoch > 0)
        replay_json_unsigned(&json, lag_records(report));
    else
        replay_json_null(&json); /* the position is PostgreSQL's to say */
    replay_json_key(&json, "lag_seconds");
    const uint64_t lag = lag_ms(report, now);
    if (report->epoch > 0) {
        replay_buffer_format(out, "%" PRIu64 ".%03u", lag / 1000, (unsigned)(lag % 1000));
        json.comma = true;
    } else {
        replay_json_null(&json);
    }
    replay_json_key(&json, "rows_per_second");
    replay_json_unsigned(&json, rows_per_second);
    replay_json_key(&json, "rows");
    replay_json_unsigned(&json, report->rows);
    replay_json_key(&json, "records");
    replay_json_unsigned(&json, report->records);
    replay_json_key(&json, "batches");
    replay_json_unsigned(&json, report->batches);
    replay_json_key(&json, "last_error");
    if (report->error[0] != '\0')
        replay_json_string(&json, report->error);
    else
        replay_json_null(&json);
    replay_json_key(&json, "last_error_at");
    replay_json_time(&json, report->error_at_ms);
    replay_json_key(&json, "updated_at");
    replay_json_time(&json, now);
    replay_json_close(&json, '}');
    replay_buffer_append(out, "\n", 1);
}

/* --- the thread --- */

/* A reader sees the old file or the new one. Not synced: it says only how things
 * are now. */
static void write_file(const struct mirror_report *report, const struct replay_buffer *text)
{
    char path[LOG_PATH_BYTES];
    char temporary[LOG_PATH_BYTES + 8];
    (void)snprintf(path, sizeof path, "%s/mirror-status.json", report->data_dir);
    (void)snprintf(temporary, sizeof temporary, "%s.tmp", path);
    const int fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (fd < 0)
        return;
    const bool good = write(fd, text->bytes, text->length) == (ssize_t)text->length;
    (void)close(fd);
    if (!good || rename(temporary, path) != 0)
        (void)unlink(temporary);
}

static void say(struct mirror_report *report, bool final)
{
    struct replay_buffer text;
    replay_buffer_init(&text);
    (void)pthread_mutex_lock(&report->mutex);
    const uint64_t now = now_ms();
    const uint64_t passed_ms = now > report->tick_before_ms ? now - report->tick_before_ms : 1;
    const uint64_t rate = (report->rows - report->rows_before) * 1000 / passed_ms;
    report->rows_before = report->rows;
    report->tick_before_ms = now;
    report_json(&text, report, now, rate);
    const uint64_t lag = lag_records(report);
    const uint64_t lag_time_ms = lag_ms(report, now);
    const enum mirror_state state = report->state;
    const uint64_t rows = report->rows;
    (void)pthread_mutex_unlock(&report->mutex);

    if (!text.failed)
        write_file(report, &text);
    replay_buffer_release(&text);
    if (report->ticks++ % STATUS_LOG_TICKS == 0 || final)
        logger_log(LOGGER_INFO, "mirror", LOG_TEXT("state", state_names[state]),
                   LOG_INT("lag_records", lag), LOG_INT("lag_ms", lag_time_ms),
                   LOG_INT("rows", rows), LOG_INT("rows_per_second", rate));
}

static void take_signal(struct mirror_report *report)
{
    struct signalfd_siginfo signal_info;
    if (read(report->signals, &signal_info, sizeof signal_info) != (ssize_t)sizeof signal_info)
        return;
    (void)pthread_mutex_lock(&report->mutex);
    const bool again = report->stopping;
    report->stopping = true;
    (void)pthread_cond_broadcast(&report->stop_asked);
    (void)pthread_mutex_unlock(&report->mutex);
    if (again) /* the open transaction is PostgreSQL's to roll back */
        _exit(128 + (int)signal_info.ssi_signo);
}

static bool ending(struct mirror_report *report)
{
    (void)pthread_mutex_lock(&report->mutex);
    const bool is_ending = report->ending;
    (void)pthread_mutex_unlock(&report->mutex);
    return is_ending;
}

static void *run(void *context)
{
    struct mirror_report *report = context;
    uint64_t next_ms = now_ms();
    while (!ending(report)) {
        const uint64_t now = now_ms();
        if (now >= next_ms || next_ms > now + STATUS_TICK_MS) {
            say(report, false);
            next_ms = now + STATUS_TICK_MS;
        }
        /* Short sleeps: the end is asked for by a flag alone. */
        struct pollfd wait = {.fd = report->signals, .events = POLLIN};
        if (poll(&wait, 1, 50) > 0)
            take_signal(report);
    }
    return NULL;
}

/* --- the mirror's thread --- */

struct mirror_report *mirror_report_new(const char *data_dir)
{
    struct mirror_report *report = calloc(1, sizeof *report);
    if (report == NULL)
        return NULL;
    report->data_dir = data_dir;
    report->tick_before_ms = now_ms();
    (void)pthread_mutex_init(&report->mutex, NULL);
    pthread_condattr_t monotonic;
    (void)pthread_condattr_init(&monotonic);
    (void)pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    (void)pthread_cond_init(&report->stop_asked, &monotonic);
    (void)pthread_condattr_destroy(&monotonic);

    sigset_t set;
    (void)sigemptyset(&set);
    (void)sigaddset(&set, SIGTERM);
    (void)sigaddset(&set, SIGINT);
    (void)pthread_sigmask(SIG_BLOCK, &set, NULL);
    report->signals = signalfd(-1, &set, SFD_CLOEXEC);
    if (report->signals < 0)
        goto fail;
    const int error = pthread_create(&report->thread, NULL, run, report);
    if (error == 0)
        return report;
    (void)close(report->signals);
    errno = error;
fail:
    (void)pthread_cond_destroy(&report->stop_asked);
    (void)pthread_mutex_destroy(&report->mutex);
    free(report);
    return NULL;
}

void mirror_report_free(struct mirror_report *report)
{
    (void)pthread_mutex_lock(&report->mutex);
    report->ending = true;
    report->state = MIRROR_STOPPED;
    (void)pthread_mutex_unlock(&report->mutex);
    (void)pthread_join(report->thread, NULL);
    say(report, true);
    (void)close(report->signals);
    (void)pthread_cond_destroy(&report->stop_asked);
    (void)pthread_mutex_destroy(&report->mutex);
    free(report);
}

bool mirror_report_stopping(struct mirror_report *report)
{
    (void)pthread_mutex_lock(&report->mutex);
    const bool stopping = report->stopping;
    (void)pthread_mutex_unlock(&report->mutex);
    return stopping;
}

bool mirror_report_wait(struct mirror_report *report, uint32_t milliseconds)
{
    struct timespec until;
    (void)clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += milliseconds / 1000;
    until.tv_nsec += (long)(milliseconds % 1000) * 1000000L;
    if (until.tv_nsec >= 1000000000L) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000L;
    }
    (void)pthread_mutex_lock(&report->mutex);
    int waited = 0;
    while (!report->stopping && waited == 0)
        waited = pthread_cond_timedwait(&report->stop_asked, &report->mutex, &until);
    const bool stopping = report->stopping;
    (void)pthread_mutex_unlock(&report->mutex);
    return stopping;
}

void mirror_report_cluster(struct mirror_report *report, const char *cluster)
{
    (void)pthread_mutex_lock(&report->mutex);
    (void)snprintf(report->cluster, sizeof report->cluster, "%s", cluster);
    (void)pthread_mutex_unlock(&report->mutex);
}

void mirror_report_state(struct mirror_report *report, enum mirror_state state)
{
    (void)pthread_mutex_lock(&report->mutex);
    report->state = state;
    (void)pthread_mutex_unlock(&report->mutex);
}

void mirror_report_error(struct mirror_report *report, const char *error)
{
    (void)pthread_mutex_lock(&report->mutex);
    (void)snprintf(report->error, sizeof report->error, "%s", error);
    report->error_at_ms = error[0] != '\0' ? now_ms() : 0;
    (void)pthread_mutex_unlock(&report->mutex);
}

void mirror_report_epoch(struct mirror_report *report, uint32_t epoch, uint16_t shard_count)
{
    (void)pthread_mutex_lock(&report->mutex);
    report->epoch = epoch;
    report->shard_count = shard_count;
    memset(report->mirrored, 0, sizeof report->mirrored);
    memset(report->durable, 0, sizeof report->durable);
    (void)pthread_mutex_unlock(&report->mutex);
}

void mirror_report_position(struct mirror_report *report, uint16_t shard, uint64_t mirrored,
                            uint64_t durable)
{
    (void)pthread_mutex_lock(&report->mutex);
    report->mirrored[shard] = mirrored;
    report->durable[shard] = durable;
    if (lag_records(report) == 0)
        report->behind_since_ms = 0;
    else if (report->behind_since_ms == 0)
        report->behind_since_ms = now_ms();
    (void)pthread_mutex_unlock(&report->mutex);
}

void mirror_report_oldest(struct mirror_report *report, uint64_t stamp_ms)
{
    (void)pthread_mutex_lock(&report->mutex);
    if (lag_records(report) > 0 && stamp_ms > 0)
        report->behind_since_ms = stamp_ms;
    (void)pthread_mutex_unlock(&report->mutex);
}

void mirror_report_batch(struct mirror_report *report, uint32_t records, uint32_t rows)
{
    (void)pthread_mutex_lock(&report->mutex);
    report->records += records;
    report->rows += rows;
    report->batches++;
    (void)pthread_mutex_unlock(&report->mutex);
}

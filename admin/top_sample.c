#include "top_sample.h"

#include <stdio.h>
#include <string.h>

static enum top_group group_of(const char *command)
{
    static const char *const names[] = {"reserve", "confirm", "cancel"};
    for (int i = 0; i < 3; i++) {
        if (strcmp(names[i], command) == 0) {
            return (enum top_group)i;
        }
    }
    return strncmp(command, "booking_", 8) == 0 ? TOP_READ : TOP_CATALOG;
}

static void read_decisions(struct top_shard *shard, yajl_val decisions)
{
    for (size_t i = 0; YAJL_IS_OBJECT(decisions) && i < YAJL_GET_OBJECT(decisions)->len; i++) {
        enum top_group group = group_of(YAJL_GET_OBJECT(decisions)->keys[i]);
        yajl_val outcomes = YAJL_GET_OBJECT(decisions)->values[i];
        for (int result = 0; result < RESULT_COUNT; result++) {
            shard->decisions[group][result] +=
                answer_count(outcomes, result_name((enum result)result));
        }
    }
}

/* Buckets come in ascending order, so one walk over ours finds each. */
static void read_histogram(struct top_histogram *histogram, yajl_val value)
{
    uint32_t at = 0;
    yajl_val buckets = answer_member(value, "buckets");
    for (size_t i = 0; i < answer_length(buckets); i++) {
        yajl_val pair = answer_element(buckets, i);
        yajl_val upper = answer_element(pair, 0);
        yajl_val count = answer_element(pair, 1);
        if (!YAJL_IS_INTEGER(upper) || !YAJL_IS_INTEGER(count)) {
            continue;
        }
        while (at < HISTOGRAM_BUCKETS &&
               histogram_bucket_ns(at) < (uint64_t)YAJL_GET_INTEGER(upper)) {
            at++;
        }
        if (at < HISTOGRAM_BUCKETS) {
            histogram->buckets[at] += (uint64_t)YAJL_GET_INTEGER(count);
        }
    }
}

static void read_shard(struct top_shard *shard, yajl_val value)
{
    shard->ready = answer_bool(value, "ready");
    shard->stuck = answer_bool(value, "stuck");
    shard->connections = answer_count(value, "connections");
    shard->mailbox_depth = answer_count(value, "mailbox_depth");
    shard->deferred = answer_count(value, "deferred");
    shard->bookings = answer_count(value, "bookings");
    shard->requests = answer_count(value, "requests");
    shard->log_records = answer_count(value, "log_records");
    shard->log_blocks = answer_count(value, "log_blocks");
    shard->log_bytes = answer_count(value, "log_bytes");
    read_decisions(shard, answer_member(value, "decisions"));
    read_histogram(&shard->latency, answer_member(value, "latency"));
    read_histogram(&shard->flush, answer_member(value, "flush"));
}

static void copy_text(char *out, size_t bytes, const char *text)
{
    snprintf(out, bytes, "%s", text);
}

bool top_sample_read(struct top_sample *sample, yajl_val data)
{
    yajl_val shards = answer_member(data, "shards");
    yajl_val mirror = answer_member(data, "mirror");
    size_t count = answer_length(shards);
    if (count == 0 || count > SHARD_COUNT_MAX) {
        return false;
    }
    memset(sample, 0, sizeof *sample);
    sample->pid = answer_count(data, "pid");
    sample->taken_ns = answer_count(data, "sample_ns");
    sample->uptime_seconds = answer_count(data, "uptime_seconds");
    copy_text(sample->state, sizeof sample->state, answer_text(data, "state"));
    copy_text(sample->version, sizeof sample->version, answer_text(data, "version"));
    copy_text(sample->listen, sizeof sample->listen, answer_text(data, "listen"));
    const char *now = answer_text(data, "now");
    copy_text(sample->now, 9, strlen(now) > 11 ? now + 11 : ""); /* HH:MM:SS of RFC 3339 */
    if (YAJL_IS_OBJECT(mirror)) {
        sample->has_mirror = true;
        copy_text(sample->mirror_state, sizeof sample->mirror_state, answer_text(mirror, "state"));
        sample->mirror_lag_records = answer_count(mirror, "lag_records");
        sample->mirror_lag_seconds = answer_number(mirror, "lag_seconds");
        sample->mirror_rows_per_second = answer_number(mirror, "rows_per_second");
    }
    sample->shard_count = (uint32_t)count;
    for (size_t i = 0; i < count; i++) {
        read_shard(&sample->shards[i], answer_element(shards, i));
    }
    return true;
}

/* Counters are read one after another while they move: never below zero. */
static uint64_t minus(uint64_t after, uint64_t before)
{
    return after > before ? after - before : 0;
}

static void subtract_histogram(struct top_histogram *after, const struct top_histogram *before)
{
    for (uint32_t i = 0; i < HISTOGRAM_BUCKETS; i++) {
        after->buckets[i] = minus(after->buckets[i], before->buckets[i]);
    }
}

static void subtract_shard(struct top_shard *after, const struct top_shard *before)
{
    after->requests = minus(after->requests, before->requests);
    after->log_records = minus(after->log_records, before->log_records);
    after->log_blocks = minus(after->log_blocks, before->log_blocks);
    after->log_bytes = minus(after->log_bytes, before->log_bytes);
    for (int group = 0; group < TOP_GROUP_COUNT; group++) {
        for (int result = 0; result < RESULT_COUNT; result++) {
            after->decisions[group][result] =
                minus(after->decisions[group][result], before->decisions[group][result]);
        }
    }
    subtract_histogram(&after->latency, &before->latency);
    subtract_histogram(&after->flush, &before->flush);
}

void top_sample_subtract(struct top_sample *difference, const struct top_sample *before,
                         const struct top_sample *after)
{
    *difference = *after;
    if (before->pid != after->pid || before->shard_count != after->shard_count) {
        difference->taken_ns = after->uptime_seconds * UINT64_C(1000000000);
        return;
    }
    difference->taken_ns = minus(after->taken_ns, before->taken_ns);
    for (uint32_t i = 0; i < after->shard_count; i++) {
        subtract_shard(&difference->shards[i], &before->shards[i]);
    }
}

static void add_histogram(struct top_histogram *sum, const struct top_histogram *part)
{
    for (uint32_t i = 0; i < HISTOGRAM_BUCKETS; i++) {
        sum->buckets[i] += part->buckets[i];
    }
}

void top_sample_sum(struct top_shard *sum, const struct top_sample *sample)
{
    memset(sum, 0, sizeof *sum);
    sum->ready = true;
    for (uint32_t i = 0; i < sample->shard_count; i++) {
        const struct top_shard *shard = &sample->shards[i];
        sum->ready = sum->ready && shard->ready;
        sum->stuck = sum->stuck || shard->stuck;
        sum->connections += shard->connections;
        sum->mailbox_depth += shard->mailbox_depth;
        sum->deferred += shard->deferred;
        sum->bookings += shard->bookings;
        sum->requests += shard->requests;
        sum->log_records += shard->log_records;
        sum->log_blocks += shard->log_blocks;
        sum->log_bytes += shard->log_bytes;
        for (int group = 0; group < TOP_GROUP_COUNT; group++) {
            for (int result = 0; result < RESULT_COUNT; result++) {
                sum->decisions[group][result] += shard->decisions[group][result];
            }
        }
        add_histogram(&sum->latency, &shard->latency);
        add_histogram(&sum->flush, &shard->flush);
    }
}

uint64_t top_histogram_count(const struct top_histogram *histogram)
{
    uint64_t count = 0;
    for (uint32_t i = 0; i < HISTOGRAM_BUCKETS; i++) {
        count += histogram->buckets[i];
    }
    return count;
}

uint64_t top_histogram_quantile_ns(const struct top_histogram *histogram, double quantile)
{
    uint64_t count = top_histogram_count(histogram);
    double rank = quantile * (double)count;
    uint64_t seen = 0;
    for (uint32_t i = 0; count > 0 && i < HISTOGRAM_BUCKETS; i++) {
        seen += histogram->buckets[i];
        if (seen > 0 && (double)seen >= rank) {
            return histogram_bucket_ns(i);
        }
    }
    return 0;
}

uint64_t top_accepted(const struct top_shard *shard)
{
    uint64_t count = 0;
    for (int group = 0; group < TOP_GROUP_COUNT; group++) {
        count += shard->decisions[group][RESULT_OK];
    }
    return count;
}

uint64_t top_refused(const struct top_shard *shard)
{
    uint64_t count = 0;
    for (int group = 0; group < TOP_GROUP_COUNT; group++) {
        for (int result = 0; result < RESULT_COUNT; result++) {
            count += result == RESULT_OK ? 0 : shard->decisions[group][result];
        }
    }
    return count;
}

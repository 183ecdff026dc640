/* Health, readiness and metrics, from counters that any thread may read. */
#include "rest_call.h"

#include <assert.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include "json_text.h"
#include "rest_routes.h"

enum { READY_BYTES_PER_SHARD = 64, METRICS_BYTES = 64 * 1024, METRICS_BYTES_PER_SHARD = 4096 };

static enum rest_outcome answer_text(struct rest_call *call, const char *text)
{
    size_t length = strlen(text);
    http_response_begin(call->response, 200, length);
    memcpy(http_response_body(call->response, NULL), text, length);
    http_response_end(call->response, length);
    return REST_ANSWERED;
}

enum rest_outcome rest_health(struct rest_call *call)
{
    return answer_text(call, "{\"success\":true,\"data\":{\"status\":\"ok\"}}");
}

/* --- readiness --- */

/* Why a shard cannot serve writes. NULL: it can. */
static const char *unready_reason(const struct worker_group *group, uint16_t shard)
{
    const struct worker_metrics *metrics = &group->metrics[shard];
    if ((atomic_load_explicit(&group->stuck, memory_order_relaxed) >> shard & 1) != 0)
        return "stuck";
    switch (atomic_load_explicit(&metrics->journal_state, memory_order_relaxed)) {
    case JOURNAL_STORAGE_LOW:
        return "storage_low";
    case JOURNAL_FULL:
        return "storage_full";
    case JOURNAL_FAILED:
        return "log_failed";
    default:
        return metric_get(&metrics->ready) == 1 ? NULL : "not_serving";
    }
}

/* "not_ready":[{"shard":1,"reason":"log_failed"}], ; count says how many. */
static char *put_unready(char *at, const struct worker_group *group, uint32_t *count)
{
    at = JSON_PUT(at, "\"not_ready\":[");
    for (uint16_t i = 0; i < group->shard_count; i++) {
        const char *reason = unready_reason(group, i);
        if (reason == NULL)
            continue;
        if ((*count)++ > 0)
            *at++ = ',';
        at = JSON_PUT(at, "{\"shard\":");
        at = json_put_count(at, i);
        at = JSON_PUT(at, ",\"reason\":\"");
        at = stpcpy(at, reason);
        at = JSON_PUT(at, "\"}");
    }
    return JSON_PUT(at, "],");
}

enum rest_outcome rest_ready(struct rest_call *call)
{
    const struct worker_group *group = worker_group(call->rest->worker);
    char details[SHARD_COUNT_MAX * READY_BYTES_PER_SHARD + 32];
    uint32_t unready = 0;
    char *end = put_unready(details, group, &unready);
    if (unready > 0)
        return rest_problem(call->response,
                            &(struct rest_problem){.status = 503,
                                                   .code = "UNAVAILABLE",
                                                   .message = "Not every shard takes changes.",
                                                   .details = details,
                                                   .details_length = (size_t)(end - details),
                                                   .retry_after_s = 1});
    char text[96];
    snprintf(text, sizeof text, "{\"success\":true,\"data\":{\"status\":\"ready\",\"shards\":%u}}",
             (unsigned)group->shard_count);
    return answer_text(call, text);
}

/* --- metrics: Prometheus text exposition format 0.0.4 --- */

struct page {
    char *at;
    char *end;
};

static void print(struct page *page, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void print(struct page *page, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(page->at, (size_t)(page->end - page->at), format, arguments);
    va_end(arguments);
    assert(length >= 0 && length < page->end - page->at);
    page->at += length;
}

/* A number every worker publishes. */
struct published {
    const char *name;
    const char *type;
    const char *help;
    size_t offset;
};

#define COUNTER(field, name, help)                                                                 \
    {                                                                                              \
        name, "counter", help, offsetof(struct worker_metrics, field)                              \
    }
#define GAUGE(field, name, help)                                                                   \
    {                                                                                              \
        name, "gauge", help, offsetof(struct worker_metrics, field)                                \
    }

static const struct published published[] = {
    GAUGE(connections_open, "boxoffice_connections_open", "Connections now open."),
    COUNTER(connections_accepted, "boxoffice_connections_accepted_total", "Connections accepted."),
    COUNTER(connections_refused, "boxoffice_connections_refused_total",
            "Connections closed at once for a limit."),
    COUNTER(requests, "boxoffice_requests_total", "Request heads parsed."),
    COUNTER(bytes_received, "boxoffice_received_bytes_total", "Bytes received from clients."),
    COUNTER(bytes_sent, "boxoffice_sent_bytes_total", "Bytes sent to clients."),
    COUNTER(turns, "boxoffice_turns_total", "Turns of the worker's loop."),
    COUNTER(idempotent_replays, "boxoffice_idempotent_replays_total",
            "Answers given again to a repeated idempotency key."),
    COUNTER(expired, "boxoffice_reservations_expired_total", "Reservations ended by time."),
    COUNTER(mailbox_full, "boxoffice_mailbox_full_total", "Messages that found a mailbox full."),
    GAUGE(bookings, "boxoffice_bookings", "Bookings in memory, in all states."),
    GAUGE(bookings_reserved, "boxoffice_bookings_reserved", "Bookings now reserved."),
    GAUGE(deferred, "boxoffice_commands_deferred", "Commands waiting for room or an answer."),
    GAUGE(ready, "boxoffice_ready", "1 while the shard serves."),
    GAUGE(log_appended, "boxoffice_log_appended_sequence", "Newest sequence in the log."),
    GAUGE(log_durable, "boxoffice_log_durable_sequence", "Newest sequence that is durable."),
    COUNTER(log_blocks, "boxoffice_log_blocks_total", "Blocks written to the log."),
    COUNTER(log_bytes, "boxoffice_log_bytes_total", "Bytes written to the log."),
    COUNTER(log_records, "boxoffice_log_records_total", "Records written to the log."),
    GAUGE(log_segment, "boxoffice_log_segment", "Number of the segment being written."),
    GAUGE(log_segment_offset, "boxoffice_log_segment_offset_bytes", "Bytes used of that segment."),
    GAUGE(log_segments_spare, "boxoffice_log_segments_spare", "Segments prepared ahead."),
};

static void print_family(struct page *page, const char *name, const char *type, const char *help)
{
    print(page, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void print_published(struct page *page, const struct worker_group *group)
{
    for (size_t i = 0; i < sizeof published / sizeof published[0]; i++) {
        const struct published *family = &published[i];
        print_family(page, family->name, family->type, family->help);
        for (uint16_t shard = 0; shard < group->shard_count; shard++) {
            const void *metric = (const char *)&group->metrics[shard] + family->offset;
            print(page, "%s{shard=\"%u\"} %llu\n", family->name, (unsigned)shard,
                  (unsigned long long)metric_get(metric));
        }
    }
}

static void print_mailboxes(struct page *page, const struct worker_group *group)
{
    print_family(page, "boxoffice_mailbox_depth", "gauge", "Messages waiting for the shard.");
    for (uint16_t shard = 0; shard < group->shard_count; shard++)
        print(page, "boxoffice_mailbox_depth{shard=\"%u\"} %u\n", (unsigned)shard,
              mailbox_depth(group->mailboxes, shard));
    print_family(page, "boxoffice_log_state", "gauge",
                 "0 writable, 1 storage low, 2 storage full, 3 failed.");
    for (uint16_t shard = 0; shard < group->shard_count; shard++)
        print(page, "boxoffice_log_state{shard=\"%u\"} %d\n", (unsigned)shard,
              atomic_load_explicit(&group->metrics[shard].journal_state, memory_order_relaxed));
}

static void print_responses(struct page *page, const struct worker_group *group)
{
    print_family(page, "boxoffice_responses_total", "counter", "Responses by class of status.");
    for (uint16_t shard = 0; shard < group->shard_count; shard++)
        for (unsigned class = 1; class < 6; class ++)
            print(page, "boxoffice_responses_total{shard=\"%u\",class=\"%uxx\"} %llu\n",
                  (unsigned)shard, class,
                  (unsigned long long)metric_get(&group->metrics[shard].responses_by_class[class]));
}

/* Of all shards together; a pair that never happened has no line. */
static void print_decisions(struct page *page, const struct worker_group *group)
{
    print_family(page, "boxoffice_decisions_total", "counter", "Commands by kind and result.");
    for (int kind = 0; kind < COMMAND_KIND_COUNT; kind++)
        for (int result = 0; result < RESULT_COUNT; result++) {
            uint64_t count = 0;
            for (uint16_t shard = 0; shard < group->shard_count; shard++)
                count += metric_get(&group->metrics[shard].results[kind][result]);
            if (count > 0)
                print(page, "boxoffice_decisions_total{kind=\"%s\",result=\"%s\"} %llu\n",
                      command_kind_name((enum command_kind)kind), result_name((enum result)result),
                      (unsigned long long)count);
        }
}

static void print_one(struct page *page, const char *name, const char *type, const char *help,
                      uint64_t value)
{
    print_family(page, name, type, help);
    print(page, "%s %llu\n", name, (unsigned long long)value);
}

static void print_snapshots(struct page *page, const struct upkeep_metrics *upkeep, uint64_t now_ms)
{
    const uint64_t created_ms = metric_get(&upkeep->snapshot_created_ms);
    const uint64_t took_ms = metric_get(&upkeep->snapshot_took_ms);

    print_one(page, "boxoffice_snapshot_number", "gauge", "The newest snapshot; 0: none.",
              metric_get(&upkeep->snapshot_number));
    if (created_ms != 0)
        print_one(page, "boxoffice_snapshot_age_seconds", "gauge",
                  "Since the newest snapshot was begun.",
                  now_ms > created_ms ? (now_ms - created_ms) / 1000 : 0);
    print_family(page, "boxoffice_snapshot_duration_seconds", "gauge",
                 "What the last snapshot of this process took.");
    print(page, "boxoffice_snapshot_duration_seconds %llu.%03llu\n",
          (unsigned long long)(took_ms / 1000), (unsigned long long)(took_ms % 1000));
    print_one(page, "boxoffice_snapshot_bytes", "gauge", "Of the newest snapshot's file.",
              metric_get(&upkeep->snapshot_bytes));
    print_one(page, "boxoffice_snapshot_running", "gauge", "1 while one is taken.",
              metric_get(&upkeep->snapshot_running));
    print_one(page, "boxoffice_snapshots_taken_total", "counter", "Snapshots this process took.",
              metric_get(&upkeep->snapshots_taken));
    print_one(page, "boxoffice_snapshots_failed_total", "counter",
              "Snapshots that failed, each an alarm in the log.",
              metric_get(&upkeep->snapshots_failed));
}

/* Cursors' names are of letters, digits and dashes: nothing to escape. */
static void print_retention(struct page *page, const struct upkeep_metrics *upkeep)
{
    char holder[UPKEEP_HOLDER_BYTES];

    print_one(page, "boxoffice_log_kept_bytes", "gauge", "Of all segments there are.",
              metric_get(&upkeep->log_kept_bytes));
    print_one(page, "boxoffice_log_limit_bytes", "gauge", "Above it is an alarm; 0: no limit.",
              metric_get(&upkeep->log_limit_bytes));
    print_one(page, "boxoffice_log_over_limit", "gauge", "1 while more is kept than the limit.",
              metric_get(&upkeep->log_over_limit));
    print_one(page, "boxoffice_log_segments_given_up_total", "counter",
              "Segments nobody needed any more.", metric_get(&upkeep->segments_given_up));
    print_one(page, "boxoffice_log_upkeep_failures_total", "counter",
              "Looks at the log that failed.", metric_get(&upkeep->upkeep_failures));
    upkeep_metrics_holder(upkeep, holder);
    print_family(page, "boxoffice_log_held_by", "gauge", "Who needs the oldest log there is.");
    if (holder[0] != '\0')
        print(page, "boxoffice_log_held_by{holder=\"%s\"} 1\n", holder);
}

/* Exact seconds: nanoseconds are printed as decimals, not through a float. */
static void print_seconds(struct page *page, uint64_t ns)
{
    print(page, "%llu.%09llu", (unsigned long long)(ns / 1000000000),
          (unsigned long long)(ns % 1000000000));
}

/* Sums a histogram over all shards at each power of two, where its fine buckets
 * and Prometheus's cumulative ones share a bound. The total is the buckets' own,
 * so that +Inf never disagrees with them. */
static void print_histogram(struct page *page, const struct worker_group *group, const char *name,
                            const char *help, size_t offset)
{
    uint64_t count = 0, sum_ns = 0;
    print_family(page, name, "histogram", help);
    for (uint32_t bucket = 0; bucket < HISTOGRAM_BUCKETS; bucket++) {
        for (uint16_t shard = 0; shard < group->shard_count; shard++) {
            const void *place = (const char *)&group->metrics[shard] + offset;
            count += metric_get(&((const struct histogram *)place)->buckets[bucket]);
        }
        if (bucket % 16 != 0)
            continue;
        print(page, "%s_bucket{le=\"", name);
        print_seconds(page, histogram_bucket_ns(bucket));
        print(page, "\"} %llu\n", (unsigned long long)count);
    }
    for (uint16_t shard = 0; shard < group->shard_count; shard++) {
        const void *place = (const char *)&group->metrics[shard] + offset;
        sum_ns += metric_get(&((const struct histogram *)place)->sum_ns);
    }
    print(page, "%s_bucket{le=\"+Inf\"} %llu\n%s_sum ", name, (unsigned long long)count, name);
    print_seconds(page, sum_ns);
    print(page, "\n%s_count %llu\n", name, (unsigned long long)count);
}

/* False: the response is complete. */
static bool may_scrape(struct rest_call *call)
{
    if (call->rest->config->auth.metrics_public)
        return true;
    if (!call->authenticated) {
        rest_unauthorized(call, "missing");
        return false;
    }
    if (call->actor.role != ROLE_ADMIN) {
        rest_forbidden(call, "Metrics are for admins.");
        return false;
    }
    return true;
}

enum rest_outcome rest_metrics(struct rest_call *call)
{
    if (!may_scrape(call))
        return REST_ANSWERED;
    const struct worker_group *group = worker_group(call->rest->worker);
    size_t bytes_max = METRICS_BYTES + (size_t)group->shard_count * METRICS_BYTES_PER_SHARD;
    http_response_begin(call->response, 200, bytes_max);
    char *body = http_response_body(call->response, "text/plain; version=0.0.4; charset=utf-8");
    struct page page = {body, body + bytes_max};
    print_published(&page, group);
    print_mailboxes(&page, group);
    print_snapshots(&page, &group->upkeep, worker_now_ms(call->rest->worker));
    print_retention(&page, &group->upkeep);
    print_responses(&page, group);
    print_decisions(&page, group);
    print_histogram(&page, group, "boxoffice_request_duration_seconds",
                    "From a request's last byte to its answer queued.",
                    offsetof(struct worker_metrics, latency));
    print_histogram(&page, group, "boxoffice_log_flush_duration_seconds",
                    "From a block submitted to it durable.",
                    offsetof(struct worker_metrics, flush));
    http_response_end(call->response, (size_t)(page.at - body));
    return REST_ANSWERED;
}

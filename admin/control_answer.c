#include "control_answer.h"

#include <unistd.h>

#include "../engine/version.h"
#include "mirror_status.h"

static const char *journal_state_name(int state)
{
    switch ((enum journal_state)state) {
    case JOURNAL_OK:
        return "ok";
    case JOURNAL_STORAGE_LOW:
        return "storage_low";
    case JOURNAL_FULL:
        return "full";
    case JOURNAL_FAILED:
        return "failed";
    }
    return "unknown";
}

void control_answer_begin(struct json_writer *writer)
{
    json_writer_object(writer, NULL);
    json_writer_bool(writer, "ok", true);
}

void control_answer_end(struct json_writer *writer)
{
    json_writer_object_end(writer);
}

void control_answer_error(struct json_writer *writer, const char *code, const char *message)
{
    json_writer_object(writer, NULL);
    json_writer_bool(writer, "ok", false);
    json_writer_object(writer, "error");
    json_writer_text(writer, "code", code);
    json_writer_text(writer, "message", message);
    json_writer_object_end(writer);
    json_writer_object_end(writer);
}

const char *control_state_name(const struct control_scene *scene)
{
    bool ready = true;
    bool stuck = false;
    for (uint16_t i = 0; i < scene->group->shard_count; i++) {
        const struct worker_metrics *metrics = &scene->group->metrics[i];
        if (atomic_load_explicit(&metrics->journal_state, memory_order_relaxed) == JOURNAL_FAILED) {
            return "log_failed";
        }
        ready = ready && metric_get(&metrics->ready) != 0;
        stuck = stuck || scene->watchdog->workers[i].stuck;
    }
    if (scene->group->stop != WORKER_RUN) {
        return "draining";
    }
    return stuck ? "stuck" : ready ? "serving" : "starting";
}

static void write_mirror(struct json_writer *writer, const struct control_scene *scene)
{
    char status[MIRROR_STATUS_BYTES_MAX];
    size_t length = mirror_status_read(scene->config->storage.data_dir, status);
    if (length == 0) {
        json_writer_null(writer, "mirror");
    } else {
        json_writer_raw(writer, "mirror", status, length);
    }
}

static void write_quantiles(struct json_writer *writer, const char *name,
                            const struct histogram *histogram, bool buckets)
{
    json_writer_object(writer, name);
    json_writer_count(writer, "count", metric_get(&histogram->count));
    json_writer_count(writer, "sum_ns", metric_get(&histogram->sum_ns));
    json_writer_count(writer, "p50_ns", histogram_quantile_ns(histogram, 0.5));
    json_writer_count(writer, "p90_ns", histogram_quantile_ns(histogram, 0.9));
    json_writer_count(writer, "p99_ns", histogram_quantile_ns(histogram, 0.99));
    json_writer_count(writer, "p999_ns", histogram_quantile_ns(histogram, 0.999));
    json_writer_count(writer, "max_ns", metric_get(&histogram->max_ns));
    if (buckets) {
        json_writer_array(writer, "buckets"); /* [upper bound in ns, count], filled ones only */
        for (uint32_t i = 0; i < HISTOGRAM_BUCKETS; i++) {
            uint64_t count = metric_get(&histogram->buckets[i]);
            if (count != 0) {
                json_writer_array(writer, NULL);
                json_writer_count(writer, NULL, histogram_bucket_ns(i));
                json_writer_count(writer, NULL, count);
                json_writer_array_end(writer);
            }
        }
        json_writer_array_end(writer);
    }
    json_writer_object_end(writer);
}

static void write_decisions(struct json_writer *writer, const struct worker_metrics *metrics)
{
    json_writer_object(writer, "decisions");
    for (int kind = 0; kind < COMMAND_KIND_COUNT; kind++) {
        bool open = false;
        for (int result = 0; result < RESULT_COUNT; result++) {
            uint64_t count = metric_get(&metrics->results[kind][result]);
            if (count == 0) {
                continue;
            }
            if (!open) {
                json_writer_object(writer, command_kind_name((enum command_kind)kind));
                open = true;
            }
            json_writer_count(writer, result_name((enum result)result), count);
        }
        if (open) {
            json_writer_object_end(writer);
        }
    }
    json_writer_object_end(writer);
}

static void write_log(struct json_writer *writer, const struct worker_metrics *metrics)
{
    json_writer_text(
        writer, "log_state",
        journal_state_name(atomic_load_explicit(&metrics->journal_state, memory_order_relaxed)));
    /* Durable first: read later, it could overtake what was appended. */
    uint64_t durable = metric_get(&metrics->log_durable);
    json_writer_count(writer, "log_appended", metric_get(&metrics->log_appended));
    json_writer_count(writer, "log_durable", durable);
    json_writer_count(writer, "log_records", metric_get(&metrics->log_records));
    json_writer_count(writer, "log_blocks", metric_get(&metrics->log_blocks));
    json_writer_count(writer, "log_bytes", metric_get(&metrics->log_bytes));
    json_writer_count(writer, "log_segment", metric_get(&metrics->log_segment));
    json_writer_count(writer, "log_segment_offset", metric_get(&metrics->log_segment_offset));
    json_writer_count(writer, "log_segment_bytes", metric_get(&metrics->log_segment_bytes));
    json_writer_count(writer, "log_segments_spare", metric_get(&metrics->log_segments_spare));
}

static void write_shard(struct json_writer *writer, const struct control_scene *scene,
                        uint16_t shard)
{
    const struct worker_metrics *metrics = &scene->group->metrics[shard];
    uint64_t tick_ms = metric_get(&metrics->tick_ms);
    json_writer_count(writer, "shard", shard);
    json_writer_bool(writer, "ready", metric_get(&metrics->ready) != 0);
    json_writer_bool(writer, "stuck", scene->watchdog->workers[shard].stuck);
    json_writer_count(writer, "turns", metric_get(&metrics->turns));
    json_writer_count(writer, "turn_age_ms", scene->now_ms > tick_ms ? scene->now_ms - tick_ms : 0);
    json_writer_count(writer, "connections", metric_get(&metrics->connections_open));
    json_writer_count(writer, "connections_accepted", metric_get(&metrics->connections_accepted));
    json_writer_count(writer, "connections_refused", metric_get(&metrics->connections_refused));
    json_writer_count(writer, "requests", metric_get(&metrics->requests));
    json_writer_count(writer, "responses_2xx", metric_get(&metrics->responses_by_class[2]));
    json_writer_count(writer, "responses_3xx", metric_get(&metrics->responses_by_class[3]));
    json_writer_count(writer, "responses_4xx", metric_get(&metrics->responses_by_class[4]));
    json_writer_count(writer, "responses_5xx", metric_get(&metrics->responses_by_class[5]));
    json_writer_count(writer, "bytes_received", metric_get(&metrics->bytes_received));
    json_writer_count(writer, "bytes_sent", metric_get(&metrics->bytes_sent));
    json_writer_count(writer, "bookings", metric_get(&metrics->bookings));
    json_writer_count(writer, "bookings_reserved", metric_get(&metrics->bookings_reserved));
    json_writer_count(writer, "expired", metric_get(&metrics->expired));
    json_writer_count(writer, "idempotent_replays", metric_get(&metrics->idempotent_replays));
    json_writer_count(writer, "deferred", metric_get(&metrics->deferred));
    json_writer_count(writer, "mailbox_depth", mailbox_depth(scene->group->mailboxes, shard));
    json_writer_count(writer, "mailbox_full", metric_get(&metrics->mailbox_full));
    write_log(writer, metrics);
}

void control_answer_shard(struct json_writer *writer, const struct control_scene *scene,
                          uint16_t shard)
{
    const struct worker_metrics *metrics = &scene->group->metrics[shard];
    json_writer_object(writer, "data");
    write_shard(writer, scene, shard);
    write_decisions(writer, metrics);
    write_quantiles(writer, "latency", &metrics->latency, true);
    write_quantiles(writer, "flush", &metrics->flush, true);
    json_writer_object_end(writer);
}

void control_answer_shards(struct json_writer *writer, const struct control_scene *scene)
{
    json_writer_object(writer, "data");
    json_writer_array(writer, "shards");
    for (uint16_t shard = 0; shard < scene->group->shard_count; shard++) {
        const struct worker_metrics *metrics = &scene->group->metrics[shard];
        json_writer_object(writer, NULL);
        write_shard(writer, scene, shard);
        write_quantiles(writer, "latency", &metrics->latency, false);
        write_quantiles(writer, "flush", &metrics->flush, false);
        json_writer_object_end(writer);
    }
    json_writer_array_end(writer);
    json_writer_object_end(writer);
}

static void write_engine(struct json_writer *writer, const struct control_scene *scene)
{
    json_writer_text(writer, "version", BOXOFFICE_VERSION);
    json_writer_text(writer, "state", control_state_name(scene));
    json_writer_count(writer, "pid", (uint64_t)getpid());
    json_writer_time(writer, "started_at", scene->started_ms);
    json_writer_time(writer, "now", scene->now_ms);
    json_writer_count(writer, "uptime_seconds",
                      scene->now_ms > scene->started_ms ? (scene->now_ms - scene->started_ms) / 1000
                                                        : 0);
    json_writer_text(writer, "listen", scene->config->server.listen);
    json_writer_text(writer, "data_dir", scene->config->storage.data_dir);
    json_writer_count(writer, "shard_count", scene->group->shard_count);
}

static void write_sum(struct json_writer *writer, const struct control_scene *scene,
                      const char *name, size_t offset)
{
    uint64_t sum = 0;
    for (uint16_t i = 0; i < scene->group->shard_count; i++) {
        const char *metrics = (const char *)&scene->group->metrics[i];
        sum += metric_get((const void *)(metrics + offset));
    }
    json_writer_count(writer, name, sum);
}

static void write_upkeep(struct json_writer *writer, const struct control_scene *scene)
{
    const struct upkeep_metrics *upkeep = &scene->group->upkeep;
    const uint64_t created_ms = metric_get(&upkeep->snapshot_created_ms);
    char holder[UPKEEP_HOLDER_BYTES];
    json_writer_object(writer, "snapshot");
    json_writer_count(writer, "number", metric_get(&upkeep->snapshot_number));
    if (created_ms == 0) {
        json_writer_null(writer, "age_ms");
    } else {
        json_writer_count(writer, "age_ms",
                          scene->now_ms > created_ms ? scene->now_ms - created_ms : 0);
    }
    json_writer_count(writer, "took_ms", metric_get(&upkeep->snapshot_took_ms));
    json_writer_count(writer, "bytes", metric_get(&upkeep->snapshot_bytes));
    json_writer_bool(writer, "running", metric_get(&upkeep->snapshot_running) != 0);
    json_writer_count(writer, "taken", metric_get(&upkeep->snapshots_taken));
    json_writer_count(writer, "failed", metric_get(&upkeep->snapshots_failed));
    json_writer_object_end(writer);
    json_writer_object(writer, "retention");
    json_writer_count(writer, "kept_bytes", metric_get(&upkeep->log_kept_bytes));
    json_writer_count(writer, "limit_bytes", metric_get(&upkeep->log_limit_bytes));
    json_writer_bool(writer, "over_limit", metric_get(&upkeep->log_over_limit) != 0);
    json_writer_count(writer, "given_up", metric_get(&upkeep->segments_given_up));
    json_writer_count(writer, "failures", metric_get(&upkeep->upkeep_failures));
    upkeep_metrics_holder(upkeep, holder);
    json_writer_text(writer, "held_by", holder);
    json_writer_object_end(writer);
}

void control_answer_status(struct json_writer *writer, const struct control_scene *scene)
{
    json_writer_object(writer, "data");
    write_engine(writer, scene);
    json_writer_array(writer, "stuck_shards");
    for (uint16_t i = 0; i < scene->group->shard_count; i++) {
        if (scene->watchdog->workers[i].stuck) {
            json_writer_count(writer, NULL, i);
        }
    }
    json_writer_array_end(writer);
    int worst = JOURNAL_OK;
    for (uint16_t i = 0; i < scene->group->shard_count; i++) {
        int state =
            atomic_load_explicit(&scene->group->metrics[i].journal_state, memory_order_relaxed);
        worst = state > worst ? state : worst;
    }
    json_writer_text(writer, "log_state", journal_state_name(worst));
    write_sum(writer, scene, "connections", offsetof(struct worker_metrics, connections_open));
    write_sum(writer, scene, "requests", offsetof(struct worker_metrics, requests));
    write_sum(writer, scene, "bookings", offsetof(struct worker_metrics, bookings));
    write_sum(writer, scene, "bookings_reserved",
              offsetof(struct worker_metrics, bookings_reserved));
    write_sum(writer, scene, "log_records", offsetof(struct worker_metrics, log_records));
    write_sum(writer, scene, "log_bytes", offsetof(struct worker_metrics, log_bytes));
    write_upkeep(writer, scene);
    write_mirror(writer, scene);
    json_writer_object_end(writer);
}

void control_answer_log(struct json_writer *writer, const struct control_scene *scene)
{
    json_writer_object(writer, "data");
    json_writer_array(writer, "shards");
    for (uint16_t shard = 0; shard < scene->group->shard_count; shard++) {
        const struct worker_metrics *metrics = &scene->group->metrics[shard];
        json_writer_object(writer, NULL);
        json_writer_count(writer, "shard", shard);
        write_log(writer, metrics);
        write_quantiles(writer, "flush", &metrics->flush, true);
        json_writer_object_end(writer);
    }
    json_writer_array_end(writer);
    write_upkeep(writer, scene);
    write_mirror(writer, scene);
    json_writer_object_end(writer);
}

void control_answer_top(struct json_writer *writer, const struct control_scene *scene)
{
    json_writer_object(writer, "data");
    write_engine(writer, scene);
    json_writer_count(writer, "sample_ns", scene->now_ns);
    json_writer_array(writer, "shards");
    for (uint16_t shard = 0; shard < scene->group->shard_count; shard++) {
        const struct worker_metrics *metrics = &scene->group->metrics[shard];
        json_writer_object(writer, NULL);
        write_shard(writer, scene, shard);
        write_decisions(writer, metrics);
        write_quantiles(writer, "latency", &metrics->latency, true);
        write_quantiles(writer, "flush", &metrics->flush, true);
        json_writer_object_end(writer);
    }
    json_writer_array_end(writer);
    write_mirror(writer, scene);
    json_writer_object_end(writer);
}

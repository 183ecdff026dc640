#include "boxctl_view.h"

#include <string.h>

#include "boxctl_cell.h"
#include "figure.h"
#include "table.h"

enum { LABEL_WIDTH = 15 };

/* --- lines of "label  value" --- */

static void print_text(FILE *out, const char *label, const char *value)
{
    fprintf(out, "%-*s%s\n", LABEL_WIDTH, label, value);
}

static void print_count(FILE *out, const char *label, uint64_t value)
{
    char text[FIGURE_BYTES];
    print_text(out, label, figure_count(text, value));
}

static void print_time(FILE *out, const char *label, yajl_val object, const char *name,
                       uint64_t now_ms)
{
    char when[FIGURE_BYTES];
    uint64_t then_ms = answer_time_ms(object, name);
    if (then_ms == 0) {
        print_text(out, label, "-");
        return;
    }
    fprintf(out, "%-*s%s  (%s)\n", LABEL_WIDTH, label, answer_text(object, name),
            figure_when(when, then_ms, now_ms));
}

static void print_table(struct table *table, FILE *out)
{
    table_print(table, out, 0);
    table_free(table);
}

/* --- the mirror --- */

void boxctl_view_mirror(FILE *out, yajl_val mirror, uint64_t now_ms)
{
    char lag[FIGURE_BYTES];
    char span[FIGURE_BYTES];
    char rate[FIGURE_BYTES];
    char when[FIGURE_BYTES];
    if (!YAJL_IS_OBJECT(mirror)) {
        print_text(out, "mirror", "none has run here");
        return;
    }
    uint64_t updated_ms = answer_time_ms(mirror, "updated_at");
    figure_ns(span, (uint64_t)(answer_number(mirror, "lag_seconds") * 1e9));
    fprintf(out, "%-*s%s, %s records (%s) behind, %s rows/s, seen %s\n", LABEL_WIDTH, "mirror",
            answer_text(mirror, "state"), figure_count(lag, answer_count(mirror, "lag_records")),
            span, figure_rate(rate, answer_number(mirror, "rows_per_second")),
            updated_ms == 0 ? "never" : figure_when(when, updated_ms, now_ms));
    if (*answer_text(mirror, "last_error") != '\0') {
        print_text(out, "mirror error", answer_text(mirror, "last_error"));
    }
}

/* --- snapshots and what is kept of the log --- */

static void print_retention(FILE *out, yajl_val retention)
{
    char kept[FIGURE_BYTES];
    char limit[FIGURE_BYTES];
    const char *holder = answer_text(retention, "held_by");
    uint64_t limit_bytes = answer_count(retention, "limit_bytes");
    fprintf(out, "%-*s%s%s%s%s%s%s\n", LABEL_WIDTH, "log kept",
            figure_bytes(kept, answer_count(retention, "kept_bytes")),
            limit_bytes == 0 ? "" : " of ",
            limit_bytes == 0 ? "" : figure_bytes(limit, limit_bytes),
            answer_bool(retention, "over_limit") ? ", TOO MUCH" : "",
            *holder == '\0' ? "" : ", held back by ", holder);
    if (answer_count(retention, "failures") != 0) {
        print_count(out, "upkeep failed", answer_count(retention, "failures"));
    }
}

void boxctl_view_upkeep(FILE *out, yajl_val data)
{
    char age[FIGURE_BYTES];
    char took[FIGURE_BYTES];
    char bytes[FIGURE_BYTES];
    yajl_val snapshot = answer_member(data, "snapshot");
    uint64_t took_ms = answer_count(snapshot, "took_ms");
    if (answer_count(snapshot, "number") == 0) {
        print_text(out, "snapshot", "none");
    } else {
        fprintf(out, "%-*s%llu, %s old, %s%s%s\n", LABEL_WIDTH, "snapshot",
                (unsigned long long)answer_count(snapshot, "number"),
                figure_span(age, answer_count(snapshot, "age_ms") / 1000),
                figure_bytes(bytes, answer_count(snapshot, "bytes")), took_ms == 0 ? "" : ", took ",
                took_ms == 0 ? "" : figure_ns(took, took_ms * 1000000));
    }
    if (answer_bool(snapshot, "running")) {
        print_text(out, "", "another is being taken");
    }
    if (answer_count(snapshot, "failed") != 0) {
        print_count(out, "  FAILED", answer_count(snapshot, "failed"));
    }
    print_retention(out, answer_member(data, "retention"));
}

/* --- status --- */

static const char *state_meaning(const char *state)
{
    static const char *const meanings[][2] = {
        {"serving", "serving"},
        {"starting", "starting: not all shards are ready"},
        {"draining", "draining: ends when what was begun is finished"},
        {"stuck", "STUCK: a worker makes no turns"},
        {"log_failed", "LOG FAILED: a write or sync failed, nothing is acknowledged any more"},
    };
    for (size_t i = 0; i < sizeof meanings / sizeof meanings[0]; i++) {
        if (strcmp(meanings[i][0], state) == 0) {
            return meanings[i][1];
        }
    }
    return state;
}

void boxctl_view_status(FILE *out, yajl_val data, uint64_t now_ms)
{
    char text[FIGURE_BYTES];
    print_text(out, "state", state_meaning(answer_text(data, "state")));
    yajl_val stuck = answer_member(data, "stuck_shards");
    for (size_t i = 0; i < answer_length(stuck); i++) {
        fprintf(out, "%-*sshard %lld\n", LABEL_WIDTH, "stuck",
                YAJL_GET_INTEGER(answer_element(stuck, i)));
    }
    print_text(out, "listen", answer_text(data, "listen"));
    print_text(out, "data", answer_text(data, "data_dir"));
    fprintf(out, "%-*s%s, process %llu\n", LABEL_WIDTH, "version", answer_text(data, "version"),
            (unsigned long long)answer_count(data, "pid"));
    print_text(out, "up", figure_span(text, answer_count(data, "uptime_seconds")));
    print_count(out, "shards", answer_count(data, "shard_count"));
    print_count(out, "connections", answer_count(data, "connections"));
    print_count(out, "requests", answer_count(data, "requests"));
    print_count(out, "bookings", answer_count(data, "bookings"));
    print_count(out, "reserved now", answer_count(data, "bookings_reserved"));
    char records[FIGURE_BYTES];
    char bytes[FIGURE_BYTES];
    fprintf(out, "%-*s%s, %s records, %s\n", LABEL_WIDTH, "log", answer_text(data, "log_state"),
            figure_count(records, answer_count(data, "log_records")),
            figure_bytes(bytes, answer_count(data, "log_bytes")));
    boxctl_view_upkeep(out, data);
    boxctl_view_mirror(out, answer_member(data, "mirror"), now_ms);
}

/* --- shards --- */

static const char *shard_state(yajl_val shard)
{
    if (answer_bool(shard, "stuck")) {
        return "STUCK";
    }
    return answer_bool(shard, "ready") ? "serving" : "not ready";
}

void boxctl_view_shards(FILE *out, yajl_val data, uint64_t now_ms)
{
    (void)now_ms;
    yajl_val shards = answer_member(data, "shards");
    struct table *table =
        table_new(">shard|state|>conns|>requests|>bookings|>reserved|>expired|>mbox|"
                  "log|>durable|>p50|>p99|>flush p99");
    for (size_t i = 0; table != NULL && i < answer_length(shards); i++) {
        yajl_val shard = answer_element(shards, i);
        yajl_val latency = answer_member(shard, "latency");
        cell_count(table, shard, "shard");
        table_cell(table, shard_state(shard));
        cell_count(table, shard, "connections");
        cell_count(table, shard, "requests");
        cell_count(table, shard, "bookings");
        cell_count(table, shard, "bookings_reserved");
        cell_count(table, shard, "expired");
        cell_count(table, shard, "mailbox_depth");
        table_cell(table, answer_text(shard, "log_state"));
        cell_count(table, shard, "log_durable");
        cell_ns(table, latency, "p50_ns");
        cell_ns(table, latency, "p99_ns");
        cell_ns(table, answer_member(shard, "flush"), "p99_ns");
    }
    if (table != NULL) {
        print_table(table, out);
    }
}

static void print_histogram_line(FILE *out, const char *label, yajl_val histogram)
{
    char p50[FIGURE_BYTES];
    char p99[FIGURE_BYTES];
    char p999[FIGURE_BYTES];
    char max[FIGURE_BYTES];
    if (answer_count(histogram, "count") == 0) {
        print_text(out, label, "nothing measured yet");
        return;
    }
    fprintf(out, "%-*sp50 %s, p99 %s, p99.9 %s, longest %s\n", LABEL_WIDTH, label,
            figure_ns(p50, answer_count(histogram, "p50_ns")),
            figure_ns(p99, answer_count(histogram, "p99_ns")),
            figure_ns(p999, answer_count(histogram, "p999_ns")),
            figure_ns(max, answer_count(histogram, "max_ns")));
}

static void print_decisions(FILE *out, yajl_val decisions)
{
    if (!YAJL_IS_OBJECT(decisions) || YAJL_GET_OBJECT(decisions)->len == 0) {
        fputs("\nnothing decided yet\n", out);
        return;
    }
    struct table *table = table_new("command|outcome|>count");
    for (size_t i = 0; table != NULL && i < YAJL_GET_OBJECT(decisions)->len; i++) {
        yajl_val outcomes = YAJL_GET_OBJECT(decisions)->values[i];
        for (size_t j = 0; YAJL_IS_OBJECT(outcomes) && j < YAJL_GET_OBJECT(outcomes)->len; j++) {
            table_cell(table, j == 0 ? YAJL_GET_OBJECT(decisions)->keys[i] : "");
            table_cell(table, YAJL_GET_OBJECT(outcomes)->keys[j]);
            cell_count(table, outcomes, YAJL_GET_OBJECT(outcomes)->keys[j]);
        }
    }
    fputs("\n", out);
    if (table != NULL) {
        print_table(table, out);
    }
}

static void print_segment(FILE *out, yajl_val shard)
{
    char segment[FIGURE_BYTES];
    char offset[FIGURE_BYTES];
    char size[FIGURE_BYTES];
    char spare[FIGURE_BYTES];
    fprintf(out, "%-*s%s, at %s of %s, %s spare\n", LABEL_WIDTH, "segment",
            figure_count(segment, answer_count(shard, "log_segment")),
            figure_bytes(offset, answer_count(shard, "log_segment_offset")),
            figure_bytes(size, answer_count(shard, "log_segment_bytes")),
            figure_count(spare, answer_count(shard, "log_segments_spare")));
}

void boxctl_view_shard(FILE *out, yajl_val data, uint64_t now_ms)
{
    char text[FIGURE_BYTES];
    char more[FIGURE_BYTES];
    (void)now_ms;
    print_count(out, "shard", answer_count(data, "shard"));
    print_text(out, "state", shard_state(data));
    fprintf(out, "%-*s%s, the last %s ago\n", LABEL_WIDTH, "turns",
            figure_count(text, answer_count(data, "turns")),
            figure_ns(more, answer_count(data, "turn_age_ms") * 1000000));
    fprintf(out, "%-*s%s open, ", LABEL_WIDTH, "connections",
            figure_count(text, answer_count(data, "connections")));
    fprintf(out, "%s accepted, %s refused\n",
            figure_count(text, answer_count(data, "connections_accepted")),
            figure_count(more, answer_count(data, "connections_refused")));
    print_count(out, "requests", answer_count(data, "requests"));
    fprintf(out, "%-*s%s 2xx, ", LABEL_WIDTH, "answers",
            figure_count(text, answer_count(data, "responses_2xx")));
    fprintf(out, "%s 4xx, %s 5xx\n", figure_count(text, answer_count(data, "responses_4xx")),
            figure_count(more, answer_count(data, "responses_5xx")));
    print_histogram_line(out, "latency", answer_member(data, "latency"));
    fprintf(out, "%-*s%s, %s of them reserved\n", LABEL_WIDTH, "bookings",
            figure_count(text, answer_count(data, "bookings")),
            figure_count(more, answer_count(data, "bookings_reserved")));
    print_count(out, "expired", answer_count(data, "expired"));
    print_count(out, "repeats", answer_count(data, "idempotent_replays"));
    fprintf(out, "%-*s%s waiting, full %s times; %s commands deferred\n", LABEL_WIDTH, "mailboxes",
            figure_count(text, answer_count(data, "mailbox_depth")),
            figure_count(more, answer_count(data, "mailbox_full")),
            figure_count((char[FIGURE_BYTES]){0}, answer_count(data, "deferred")));
    fprintf(out, "%-*s%s, durable to %s of %s\n", LABEL_WIDTH, "log",
            answer_text(data, "log_state"), figure_count(text, answer_count(data, "log_durable")),
            figure_count(more, answer_count(data, "log_appended")));
    print_segment(out, data);
    print_histogram_line(out, "flush", answer_member(data, "flush"));
    print_decisions(out, answer_member(data, "decisions"));
}

/* --- a zone, a booking, a user --- */

void boxctl_view_zone(FILE *out, yajl_val data, uint64_t now_ms)
{
    char text[FIGURE_BYTES];
    (void)now_ms;
    uint64_t total = answer_count(data, "total_seats");
    static const char *const rows[][2] = {{"available", "available_seats"},
                                          {"reserved", "reserved_seats"},
                                          {"sold", "sold_seats"},
                                          {"total", "total_seats"}};
    fprintf(out, "zone %s on shard %llu, partition %llu\n\n", answer_text(data, "zone_id"),
            (unsigned long long)answer_count(data, "shard"),
            (unsigned long long)answer_count(data, "partition"));
    struct table *table = table_new("tickets|>count|>share");
    for (size_t i = 0; table != NULL && i < sizeof rows / sizeof rows[0]; i++) {
        table_cell(table, rows[i][0]);
        cell_count(table, data, rows[i][1]);
        table_cell(table, figure_percent(text, answer_count(data, rows[i][1]), total));
    }
    if (table != NULL) {
        print_table(table, out);
    }
}

void boxctl_view_booking(FILE *out, yajl_val data, uint64_t now_ms)
{
    char text[FIGURE_BYTES];
    yajl_val booking = answer_member(data, "booking");
    const char *status = answer_text(booking, "status");
    print_text(out, "booking", answer_text(booking, "booking_id"));
    print_text(out, "status", status);
    print_text(out, "user", answer_text(booking, "user_id"));
    print_text(out, "zone", answer_text(booking, "zone_id"));
    print_count(out, "tickets", answer_count(booking, "quantity"));
    fprintf(out, "%-*s%s minor units each\n", LABEL_WIDTH, "price",
            figure_count(text, answer_count(booking, "unit_price_minor")));
    print_time(out, "created", booking, "created_at", now_ms);
    if (strcmp(status, "reserved") == 0) {
        print_time(out, "expires", booking, "expires_at", now_ms);
    } else {
        print_time(out, status, booking, "changed_at", now_ms);
    }
    fprintf(out, "%-*s%llu, partition %llu\n", LABEL_WIDTH, "shard",
            (unsigned long long)answer_count(data, "shard"),
            (unsigned long long)answer_count(data, "partition"));
}

void boxctl_view_user(FILE *out, yajl_val data, uint64_t now_ms)
{
    char text[FIGURE_BYTES];
    yajl_val bookings = answer_member(data, "bookings");
    print_text(out, "user", answer_text(data, "user_id"));
    print_count(out, "home shard", answer_count(data, "home_shard"));
    print_count(out, "bookings", answer_count(data, "booking_count"));
    if (answer_length(bookings) == 0) {
        return;
    }
    fputs("\n", out);
    struct table *table = table_new("booking|status|>tickets|zone|created|expires");
    for (size_t i = 0; table != NULL && i < answer_length(bookings); i++) {
        yajl_val booking = answer_element(bookings, i);
        bool open = strcmp(answer_text(booking, "status"), "reserved") == 0;
        table_cell(table, answer_text(booking, "booking_id"));
        table_cell(table, answer_text(booking, "status"));
        cell_count(table, booking, "quantity");
        table_cell(table, answer_text(booking, "zone_id"));
        table_cell(table, figure_when(text, answer_time_ms(booking, "created_at"), now_ms));
        table_cell(table,
                   open ? figure_when(text, answer_time_ms(booking, "expires_at"), now_ms) : "-");
    }
    if (table != NULL) {
        print_table(table, out);
    }
    if (answer_length(bookings) < answer_count(data, "booking_count")) {
        fprintf(out, "the newest %zu of %s\n", answer_length(bookings),
                figure_count(text, answer_count(data, "booking_count")));
    }
}

/* --- audit --- */

void boxctl_view_audit(FILE *out, yajl_val data, uint64_t now_ms)
{
    char text[FIGURE_BYTES];
    (void)now_ms;
    yajl_val shards = answer_member(data, "shards");
    struct table *table = table_new(">shard|>zones|>bookings|>violations|>took|first violation");
    for (size_t i = 0; table != NULL && i < answer_length(shards); i++) {
        yajl_val shard = answer_element(shards, i);
        cell_count(table, shard, "shard");
        cell_count(table, shard, "zones");
        cell_count(table, shard, "bookings");
        cell_count(table, shard, "violations");
        table_cell(table, figure_ns(text, answer_count(shard, "took_ns")));
        table_cell(table, answer_text(shard, "first_violation"));
    }
    if (table != NULL) {
        print_table(table, out);
    }
    uint64_t violations = answer_count(data, "violations");
    if (violations == 0) {
        fputs("\nevery count equals its recount\n", out);
    } else {
        fprintf(out, "\n%s violations: keep the data directory, see docs/operations.md\n",
                figure_count(text, violations));
    }
}

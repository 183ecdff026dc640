#include "replay_diff.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "diff_state.h"
#include "log_reader.h"
#include "mirror_store.h"
#include "postgres_schema.h"

enum { DIFF_REPORTED_MAX = 100 };
#define FETCH "FETCH 5000 FROM rows"

struct key_list {
    struct diff_key *keys;
    size_t count, capacity;
};

struct diff {
    const struct replay_options *options;
    struct data_dir *dir;
    struct postgres_session session;
    struct mirror_cursor *cursors;
    uint32_t cursor_count;
    struct diff_state state;
    struct diff_row row;
    struct key_list seen;    /* in PostgreSQL, of the table being compared; sorted in the end */
    struct snapshot_cut cut; /* the fold began with; number 0: with the log's first record */
    uint64_t rows;
    uint64_t differences;
    uint64_t passed_over; /* rows of what only given up log said */
    enum diff_table table;
    struct log_error error;
};

static int postgres_failed(struct diff *diff, enum postgres_outcome outcome)
{
    if (outcome == POSTGRES_REFUSED)
        return log_error_set(&diff->error, LOG_EXIT_CORRUPT, NULL, "PostgreSQL refuses: %s",
                             diff->session.error);
    return log_error_set(&diff->error, REPLAY_EXIT_UNAVAILABLE, NULL,
                         "PostgreSQL cannot be used: %s. Check that it runs and [mirror] postgres",
                         diff->session.error);
}

/* --- the log's side --- */

static uint64_t cursor_of(const struct diff *diff, uint32_t epoch, uint16_t shard)
{
    for (uint32_t i = 0; i < diff->cursor_count; i++) {
        if (diff->cursors[i].position.epoch == epoch && diff->cursors[i].position.shard == shard)
            return diff->cursors[i].position.sequence;
    }
    return 0;
}

static int fold_records(struct diff *diff, struct log_reader *reader, uint32_t epoch,
                        uint16_t shard, uint64_t through)
{
    struct record record;
    while (log_reader_sequence(reader) <= through) {
        const enum log_reader_status status = log_reader_next(reader, &record, &diff->error);
        if (status == LOG_READER_ERROR)
            return diff->error.exit_code;
        if (status != LOG_READER_RECORD)
            return log_error_set(&diff->error, LOG_EXIT_CORRUPT, "RG",
                                 "PostgreSQL has shard %u of epoch %" PRIu32
                                 " up to sequence %" PRIu64 ", the log ends at %" PRIu64
                                 ": the log has lost acknowledged records, or the database is of "
                                 "another copy",
                                 (unsigned)shard, epoch, through, log_reader_sequence(reader) - 1);
        const enum shard_replay_result result =
            diff_state_apply(&diff->state, epoch, shard, &record);
        if (result != SHARD_REPLAY_OK)
            return log_error_set(
                &diff->error, LOG_EXIT_BUG, "RS",
                "epoch %" PRIu32 " shard %u sequence %" PRIu64 ": %s; run `boxreplay verify`",
                epoch, (unsigned)shard, record.sequence, shard_replay_result_name(result));
    }
    return 0;
}

static int fold_epoch(struct diff *diff, const struct data_dir_epoch *epoch)
{
    int code = 0;
    for (uint16_t shard = 0; shard < epoch->shard_count && code == 0; shard++) {
        const uint64_t first = diff->cut.epoch == epoch->number
                                   ? diff->cut.positions[shard].sequence + 1
                                   : epoch->first_sequence;
        const struct log_reader_options options = {
            .dir = diff->dir, .epoch = epoch->number, .shard = shard, .sequence = first};
        struct log_reader *reader = NULL;
        const uint64_t through = cursor_of(diff, epoch->number, shard);
        if (through < first)
            continue;
        code = log_reader_open(&reader, &options, &diff->error);
        if (code == 0)
            code = fold_records(diff, reader, epoch->number, shard, through);
        log_reader_close(reader);
    }
    return code;
}

/* Whether the log has its first record, or could not have had one. */
static int shard_is_whole(struct diff *diff, uint32_t epoch, uint16_t shard, bool *whole)
{
    const struct log_reader_options options = {.dir = diff->dir, .epoch = epoch, .shard = shard};
    struct log_error error = {0};
    struct log_reader *reader = NULL;
    struct record record;
    int code = log_reader_open(&reader, &options, &error);
    if (code == 0 && log_reader_next(reader, &record, &error) == LOG_READER_ERROR)
        code = error.exit_code;
    log_reader_close(reader);
    *whole = code != LOG_EXIT_NO_DATA;
    if (code == 0 || !*whole)
        return 0;
    diff->error = error;
    return code;
}

static int log_is_whole(struct diff *diff, const struct data_dir_epoch *epochs, uint32_t count,
                        bool *whole)
{
    int code = 0;
    *whole = count > 0 && epochs[0].first_sequence == 1;
    for (uint32_t i = 0; i < count && code == 0 && *whole; i++)
        for (uint16_t shard = 0; shard < epochs[i].shard_count && code == 0 && *whole; shard++)
            code = shard_is_whole(diff, epochs[i].number, shard, whole);
    return code;
}

/* A snapshot that has nothing PostgreSQL has not. Cursors of an epoch are made when
 * all before it is mirrored. */
static bool is_mirrored(void *context, const struct snapshot_cut *cut)
{
    const struct diff *diff = context;
    const uint32_t epoch = diff->cursors[diff->cursor_count - 1].position.epoch;
    bool mirrored = cut->epoch == epoch;
    for (uint16_t shard = 0; mirrored && shard < cut->shard_count; shard++)
        mirrored = cut->positions[shard].segment == 0 ||
                   cut->positions[shard].sequence <= cursor_of(diff, epoch, shard);
    return mirrored || cut->epoch < epoch;
}

static int begin_with_snapshot(struct diff *diff)
{
    int code =
        diff_state_restore(&diff->state, diff->dir, is_mirrored, diff, &diff->cut, &diff->error);
    if (code != 0 || diff->cut.number > 0)
        return code;
    return log_error_set(&diff->error, LOG_EXIT_NO_DATA, "RM",
                         "the beginning of the log in %s was given up, and no good snapshot is as "
                         "old as what PostgreSQL has: run `boxreplay mirror`, then this again",
                         data_dir_path(diff->dir));
}

static int fold_log(struct diff *diff)
{
    struct data_dir_epoch *epochs = NULL;
    uint32_t count = 0;
    bool whole = true;
    int code = data_dir_epochs(diff->dir, &epochs, &count, &diff->error);
    if (code == 0)
        code = log_is_whole(diff, epochs, count, &whole);
    if (code == 0 && !whole)
        code = begin_with_snapshot(diff);
    for (uint32_t i = 0; i < count && code == 0; i++)
        if (epochs[i].number >= diff->cut.epoch)
            code = fold_epoch(diff, &epochs[i]);
    free(epochs);
    return code;
}

/* --- what differs --- */

/* Whether this difference is among those that are shown. */
static bool shown(struct diff *diff)
{
    return diff->differences++ < DIFF_REPORTED_MAX;
}

static void print_field(const char *bytes, size_t length, bool null)
{
    if (null)
        (void)fputs("NULL", stdout);
    else
        (void)printf("%.*s", length > 200 ? 200 : (int)length, bytes);
}

static void compare_row(struct diff *diff, const PGresult *rows, int at)
{
    const struct diff_row *row = &diff->row;
    bool said = false;
    bool quiet = false;
    size_t begin = 0;
    for (int field = 0; field < row->count; begin = row->ends[field], field++) {
        const size_t length = row->ends[field] - begin;
        const char *wanted = row->text.bytes + begin;
        const bool null = PQgetisnull(rows, at, field + 1) != 0;
        const char *found = PQgetvalue(rows, at, field + 1);
        const size_t found_length = (size_t)PQgetlength(rows, at, field + 1);
        if (row->unknown[field])
            continue;
        if (null == row->null[field] && found_length == length &&
            (length == 0 || memcmp(found, wanted, length) == 0))
            continue;
        if (!said)
            quiet = !shown(diff);
        if (quiet)
            return;
        if (!said)
            (void)printf("%s %s:", diff_table_name(diff->table), PQgetvalue(rows, at, 0));
        (void)printf("%s %s: log ", said ? ";" : "", PQfname(rows, field + 1));
        print_field(wanted, length, row->null[field]);
        (void)fputs(", PostgreSQL ", stdout);
        print_field(found, found_length, null);
        said = true;
    }
    if (said)
        (void)fputs("\n", stdout);
}

static bool note_seen(struct key_list *list, const struct diff_key *key)
{
    if (list->count == list->capacity) {
        const size_t capacity = list->capacity > 0 ? list->capacity * 2 : 1024;
        struct diff_key *keys = realloc(list->keys, capacity * sizeof *keys);
        if (keys == NULL)
            return false;
        list->keys = keys;
        list->capacity = capacity;
    }
    list->keys[list->count++] = *key;
    return true;
}

static uint64_t column_number(const PGresult *rows, int at, const char *name)
{
    const char *text = PQgetvalue(rows, at, PQfnumber(rows, name));
    return text == NULL ? 0 : strtoull(text, NULL, 10);
}

/* A row of what happened once, which only the log before the snapshot said. */
static bool is_before_snapshot(const struct diff *diff, const struct diff_key *key,
                               const PGresult *rows, int at)
{
    const struct snapshot_cut *cut = &diff->cut;
    if (cut->number == 0)
        return false;
    if (diff->table == DIFF_ORDERS)
        return column_number(rows, at, "decided_at") <= cut->stamp_ms * 1000;
    if (diff->table != DIFF_BOOKING_CHANGES)
        return false;
    const uint64_t epoch = column_number(rows, at, "log_epoch");
    const uint64_t shard = column_number(rows, at, "log_shard");
    return epoch < cut->epoch || (epoch == cut->epoch && shard < cut->shard_count &&
                                  key->part <= cut->positions[shard].sequence);
}

static int compare_rows(struct diff *diff, const PGresult *rows)
{
    for (int at = 0; at < PQntuples(rows); at++) {
        struct diff_key key;
        if (!diff_key_parse(&key, PQgetvalue(rows, at, 0)))
            return log_error_set(&diff->error, LOG_EXIT_CORRUPT, NULL, "%s has a row without an id",
                                 diff_table_name(diff->table));
        if (diff->table != DIFF_BOOKINGS && !note_seen(&diff->seen, &key))
            return log_error_set(&diff->error, LOG_EXIT_BUG, NULL, "out of memory");
        if (diff_state_row(&diff->state, diff->table, &key, &diff->row))
            compare_row(diff, rows, at);
        else if (is_before_snapshot(diff, &key, rows, at))
            diff->passed_over++;
        else if (shown(diff))
            (void)printf("%s %s: in PostgreSQL only\n", diff_table_name(diff->table),
                         PQgetvalue(rows, at, 0));
        diff->rows++;
    }
    return diff->row.text.failed ? log_error_set(&diff->error, LOG_EXIT_BUG, NULL, "out of memory")
                                 : 0;
}

static int key_order(const void *a, const void *b)
{
    const struct diff_key *x = a, *y = b;
    const int order = memcmp(&x->id, &y->id, sizeof x->id);
    return order != 0 ? order : (x->part > y->part) - (x->part < y->part);
}

static bool missing_row(void *context, const struct diff_key *key)
{
    struct diff *diff = context;
    if (diff->table != DIFF_BOOKINGS && diff->seen.count > 0 &&
        bsearch(key, diff->seen.keys, diff->seen.count, sizeof *key, key_order) != NULL)
        return true;
    if (shown(diff)) {
        char text[DIFF_KEY_BYTES];
        (void)printf("%s %s: in the log only\n", diff_table_name(diff->table),
                     diff_key_format(key, diff->table, text));
    }
    return true;
}

static enum postgres_outcome open_rows(struct diff *diff)
{
    struct replay_buffer sql;
    replay_buffer_init(&sql);
    replay_buffer_text(&sql, "DECLARE rows NO SCROLL CURSOR FOR ");
    diff_table_select(diff->table, &sql);
    const enum postgres_outcome outcome =
        sql.failed ? POSTGRES_RETRY
                   : postgres_run(&diff->session, replay_buffer_string(&sql), NULL);
    replay_buffer_release(&sql);
    return outcome;
}

static int compare_table(struct diff *diff)
{
    enum postgres_outcome outcome = open_rows(diff);
    int code = 0;
    diff->seen.count = 0;
    for (bool more = true; outcome == POSTGRES_OK && code == 0 && more;) {
        PGresult *rows = NULL;
        outcome = postgres_query(&diff->session, &rows, FETCH, 0, NULL);
        if (outcome != POSTGRES_OK)
            break;
        code = compare_rows(diff, rows);
        more = PQntuples(rows) > 0;
        PQclear(rows);
    }
    if (outcome == POSTGRES_OK && code == 0)
        outcome = postgres_run(&diff->session, "CLOSE rows", NULL);
    if (outcome != POSTGRES_OK)
        return postgres_failed(diff, outcome);
    if (code != 0)
        return code;
    if (diff->seen.count > 0)
        qsort(diff->seen.keys, diff->seen.count, sizeof *diff->seen.keys, key_order);
    diff_state_each(&diff->state, diff->table, missing_row, diff);
    return 0;
}

/* --- all of it --- */

/* One snapshot for the cursor and the rows: the mirror may go on meanwhile. */
static int open_snapshot(struct diff *diff)
{
    char cluster[UUID_TEXT_LENGTH + 1] = {0};
    (void)uuid_format(data_dir_cluster(diff->dir), cluster);
    enum postgres_outcome outcome =
        postgres_connect(&diff->session, diff->options->config.mirror.postgres);
    if (outcome == POSTGRES_OK)
        outcome = postgres_schema_check(&diff->session);
    if (outcome == POSTGRES_OK)
        outcome = postgres_run(&diff->session,
                               "SET idle_in_transaction_session_timeout = 0;"
                               "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
                               NULL);
    if (outcome == POSTGRES_OK)
        outcome = (enum postgres_outcome)mirror_store_cursors(&diff->session, cluster,
                                                              &diff->cursors, &diff->cursor_count);
    if (outcome != POSTGRES_OK)
        return postgres_failed(diff, outcome);
    if (diff->cursor_count == 0)
        return log_error_set(&diff->error, LOG_EXIT_CORRUPT, NULL,
                             "the database has never mirrored cluster %s: run `boxreplay mirror`, "
                             "or check [mirror] postgres",
                             cluster);
    return 0;
}

static void print_result(const struct diff *diff)
{
    if (diff->differences > DIFF_REPORTED_MAX)
        (void)printf("and %" PRIu64 " more\n", diff->differences - DIFF_REPORTED_MAX);
    (void)printf("%" PRIu64 " rows compared at", diff->rows);
    for (uint32_t i = 0; i < diff->cursor_count; i++) {
        const struct log_position *position = &diff->cursors[i].position;
        if (position->epoch == diff->cursors[diff->cursor_count - 1].position.epoch)
            (void)printf(" %" PRIu32 "/%u:%" PRIu64, position->epoch, (unsigned)position->shard,
                         position->sequence);
    }
    if (diff->differences == 0)
        (void)printf(": equal\n");
    else
        (void)printf(": %" PRIu64 " differ\n", diff->differences);
    if (diff->cut.number > 0)
        (void)printf("the log begins with snapshot %" PRIu64 ": %" PRIu64
                     " rows of changes and orders before it, and what of older bookings only the "
                     "log had, were not compared\n",
                     diff->cut.number, diff->passed_over);
}

static int run(struct diff *diff)
{
    int code =
        data_dir_open_reader(&diff->dir, diff->options->config.storage.data_dir, &diff->error);
    if (code == 0 && !diff_state_init(&diff->state, diff->options->config.booking.max_per_order))
        code = log_error_set(&diff->error, LOG_EXIT_BUG, NULL, "out of memory");
    if (code == 0)
        code = open_snapshot(diff);
    if (code == 0)
        code = fold_log(diff);
    if (code == 0 && !diff_segments_count(&diff->state))
        code = log_error_set(&diff->error, LOG_EXIT_BUG, NULL, "out of memory");
    for (int table = 0; table < DIFF_TABLE_COUNT && code == 0; table++) {
        diff->table = (enum diff_table)table;
        code = compare_table(diff);
    }
    if (code != 0)
        return code;
    print_result(diff);
    return diff->differences > 0 ? REPLAY_EXIT_DIFFERENT : 0;
}

int replay_diff(const struct replay_options *options)
{
    struct diff diff = {.options = options};
    postgres_init(&diff.session);
    replay_buffer_init(&diff.row.text);
    const int code = run(&diff);
    (void)fflush(stdout);
    if (diff.error.exit_code != 0)
        (void)fprintf(stderr, "boxreplay: %s\n", diff.error.text);
    postgres_disconnect(&diff.session);
    replay_buffer_release(&diff.row.text);
    diff_state_release(&diff.state);
    free(diff.cursors);
    free(diff.seen.keys);
    data_dir_close(diff.dir);
    return code;
}

/* The walk: from block to block along sequence and chain, through all segments,
 * until the expected block is not there; log_judge.c says what that means. */
#include "log_scan_private.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "durable_mark.h"
#include "record_codec.h"
#include "segment.h"

enum { WINDOW_BYTES = 4 * LOG_BLOCK_BYTES_MAX };

int log_scan_fail(struct log_scan *scan, int exit_code, const char *label, const char *what)
{
    char file[LOG_PATH_BYTES];
    snprintf(file, sizeof file, "%s", scan->path);
    log_error_set(scan->error, exit_code, label,
                  "%s: %s at offset %llu, expected sequence %llu of epoch %u shard %u (case %s)%s",
                  file, what, (unsigned long long)scan->offset,
                  (unsigned long long)scan->next_sequence, scan->options->epoch.number,
                  scan->options->shard, label,
                  exit_code == LOG_EXIT_CORRUPT
                      ? "; nothing was changed: look with `boxreplay verify` and keep a copy"
                      : "");
    snprintf(scan->error->file, sizeof scan->error->file, "%s", file);
    scan->error->offset = scan->offset;
    scan->error->sequence = scan->next_sequence;
    return exit_code;
}

int log_scan_fail_read(struct log_scan *scan, int code)
{
    char what[128];
    if (code == -ENOENT) /* listed a moment ago */
        return log_scan_fail(scan, LOG_EXIT_CORRUPT, "RM", "the segment has vanished");
    snprintf(what, sizeof what, "cannot read after 3 tries: %s", strerror(-code));
    return log_scan_fail(scan, log_error_exit_of(-code), "RR", what);
}

/* --- segments --- */

/* Opens a segment and reads its header; judges only what can be read. */
int log_scan_open(struct log_scan *scan, uint32_t index)
{
    const uint8_t *bytes;
    size_t available;
    scan->at = index;
    segment_path(scan->shard_path, scan->numbers[index], scan->path);
    int code = log_window_open(&scan->window, scan->path);
    if (code == 0)
        code = log_window_page(&scan->window, 0, &bytes, &available);
    if (code < 0)
        return log_scan_fail_read(scan, code);
    memset(&scan->header, 0, sizeof scan->header);
    if (available < LOG_SEGMENT_HEADER_BYTES) {
        scan->header_state = log_bytes_zero(bytes, available) ? LOG_HEADER_ZERO : LOG_HEADER_BAD;
        return 0;
    }
    scan->header_state = log_file_header_check(bytes, LOG_SEGMENT_MAGIC);
    memcpy(&scan->header, bytes, sizeof scan->header);
    return 0;
}

/* The header must be ours. A segment gets its name only when header and zeros
 * are synced, so a damaged one is never the work of a crash of ours. */
int log_scan_check(struct log_scan *scan)
{
    const struct log_segment_header *header = &scan->header;
    char what[160];
    uint64_t offset = scan->offset;
    scan->offset = 0;
    if (scan->header_state == LOG_HEADER_NEWER) {
        snprintf(what, sizeof what, "format version %u, this program knows up to %d",
                 header->head.version, LOG_FORMAT_VERSION);
        return log_scan_fail(scan, LOG_EXIT_CONFIG, "RL", what);
    }
    if (scan->header_state == LOG_HEADER_BAD)
        return log_scan_fail(scan, LOG_EXIT_CORRUPT, "RF", "the segment's header is damaged");
    if (scan->header_state == LOG_HEADER_GOOD &&
        (!uuid_equal(&header->cluster, data_dir_cluster(scan->options->dir)) ||
         header->epoch != scan->options->epoch.number || header->shard != scan->options->shard ||
         header->number != scan->numbers[scan->at])) {
        snprintf(what, sizeof what, "the segment is number %llu of epoch %u shard %u of %s cluster",
                 (unsigned long long)header->number, header->epoch, header->shard,
                 uuid_equal(&header->cluster, data_dir_cluster(scan->options->dir)) ? "this"
                                                                                    : "another");
        return log_scan_fail(scan, LOG_EXIT_CORRUPT, "RK", what);
    }
    scan->offset = offset;
    return 0;
}

/* With a snapshot the log begins with the segment that has the snapshot's last
 * record, or the one behind it if that was given up. */
static uint64_t first_number(struct log_scan *scan)
{
    const struct log_start *start = scan->options->start;
    uint32_t before = 0;
    if (!start || start->segment == 0)
        return 1;
    while (before < scan->count && scan->numbers[before] < start->segment)
        before++;
    scan->count -= before;
    if (before > 0)
        memmove(scan->numbers, scan->numbers + before, scan->count * sizeof *scan->numbers);
    return scan->count > 0 && scan->numbers[0] > start->segment ? start->segment + 1
                                                                : start->segment;
}

static int check_numbers(struct log_scan *scan)
{
    uint64_t expected = first_number(scan), first = expected;
    for (uint32_t i = 0; i < scan->count; i++, expected++) {
        if (scan->numbers[i] == expected)
            continue;
        segment_path(scan->shard_path, expected, scan->path);
        return log_scan_fail(scan, LOG_EXIT_CORRUPT, "RM", "the segment is missing");
    }
    if (scan->count > 0 || (scan->covered > 0 && scan->options->start->clean_stop))
        return 0;
    segment_path(scan->shard_path, first, scan->path);
    return log_scan_fail(scan, LOG_EXIT_CORRUPT, "RM", "the segment is missing");
}

/* --- one place --- */

int log_scan_find(struct log_scan *scan, uint64_t offset, enum log_finding *finding,
                  const struct log_block_header **block)
{
    static const enum log_finding bad[] = {
        [LOG_BLOCK_ZERO] = FOUND_ZERO,
        [LOG_BLOCK_BAD_HEADER] = FOUND_BAD_HEADER,
        [LOG_BLOCK_BAD_PAYLOAD] = FOUND_BAD_PAYLOAD,
    };
    enum log_block_state state;
    int code = log_window_block(&scan->window, offset, &state, block);
    if (code < 0)
        return log_scan_fail_read(scan, code);
    scan->found_bytes = state == LOG_BLOCK_BAD_PAYLOAD ? log_block_size(*block) : 0;
    if (state == LOG_BLOCK_ZERO || state == LOG_BLOCK_BAD_HEADER)
        *finding = bad[state];
    else if ((*block)->nonce != scan->header.nonce)
        *finding = FOUND_STALE;
    else if (state == LOG_BLOCK_BAD_PAYLOAD)
        *finding = FOUND_BAD_PAYLOAD;
    else if ((*block)->shard != scan->options->shard)
        *finding = FOUND_FOREIGN;
    else if ((*block)->previous_hash != scan->previous_hash)
        *finding = FOUND_UNCHAINED;
    else if ((*block)->first_sequence != scan->next_sequence)
        *finding = FOUND_SEQUENCE;
    else
        *finding = FOUND_NEXT;
    return 0;
}

static int visit_record(struct log_scan *scan)
{
    const struct log_scan_options *options = scan->options;
    if (!options->visit || scan->record.sequence <= scan->covered)
        return 0;
    int code =
        options->visit(options->context, options->epoch.number, options->shard, &scan->record);
    if (code >= 0)
        return 0;
    char what[160];
    snprintf(what, sizeof what, "the record (%s) breaks an invariant (%d)",
             record_kind_name(scan->record.kind), code);
    return log_scan_fail(scan, LOG_EXIT_BUG, code == LOG_VISIT_STATE_DIFFERS ? "RT" : "RS", what);
}

/* A snapshot ends with a block, and its chain must be this log's. */
static int check_covered(struct log_scan *scan, const struct log_block_header *header)
{
    uint64_t last = log_block_last_sequence(header);
    if (header->first_sequence > scan->covered || last < scan->covered)
        return 0;
    if (last == scan->covered && header->header_hash == scan->options->start->previous_hash)
        return 0;
    return log_scan_fail(scan, LOG_EXIT_CORRUPT, "RQ",
                         "the snapshot does not belong to this log: another block ends it");
}

/* A block that the snapshot has: its records are not looked at. */
static void pass_block(struct log_scan *scan, const struct log_block_header *header)
{
    scan->previous_hash = header->header_hash;
    scan->next_sequence = header->first_sequence + header->count;
    scan->offset += log_block_size(header);
    scan->end->stamp_ms = header->stamp_ms;
    scan->end->clean_stop =
        scan->next_sequence == scan->covered + 1 && scan->options->start->clean_stop;
    scan->end->segment = scan->numbers[scan->at];
    scan->end->offset = scan->offset;
}

static int take_block(struct log_scan *scan, const struct log_block_header *block)
{
    const uint8_t *at = (const uint8_t *)block + LOG_BLOCK_HEADER_BYTES, *limit = at + block->bytes;
    const struct log_block_header header = *block;
    if (scan->covered > 0 && check_covered(scan, &header) != 0)
        return scan->error->exit_code;
    if (log_block_last_sequence(&header) <= scan->covered) {
        pass_block(scan, &header);
        return 0;
    }
    for (uint32_t i = 0; i < header.count; i++) {
        int32_t used = record_decode(&scan->record, &scan->scratch, at, (size_t)(limit - at));
        if (used < 0)
            return log_scan_fail(scan, LOG_EXIT_BUG, "RS", record_decode_error_name(used));
        at += used;
        scan->record.sequence = scan->next_sequence;
        int code = visit_record(scan);
        if (code != 0)
            return code;
        scan->next_sequence++;
    }
    if (at != limit)
        return log_scan_fail(scan, LOG_EXIT_BUG, "RS",
                             record_decode_error_name(RECORD_DECODE_TRAILING));
    scan->previous_hash = header.header_hash;
    scan->offset += log_block_size(&header);
    scan->end->stamp_ms = scan->record.stamp_ms;
    scan->end->clean_stop = scan->record.kind == RECORD_CLEAN_STOP;
    scan->end->segment = scan->numbers[scan->at];
    scan->end->offset = scan->offset;
    scan->end->records += header.count;
    scan->end->blocks++;
    scan->end->bytes += header.bytes;
    return 0;
}

/* --- the walk --- */

/* Of the open segment: it need not be read again, neither for the judgement nor
 * before it is written to. */
static void note_unused(struct log_scan *scan)
{
    scan->unused_at = scan->at;
    if (scan->header.bytes == scan->window.file_bytes)
        scan->end->unused_segment = scan->numbers[scan->at];
}

/* Whether anything of this log's was written to the open segment. */
static int was_written(struct log_scan *scan, bool *written)
{
    const uint8_t *page;
    size_t available;
    struct log_evidence there = {false, false, 0};
    int code = log_window_page(&scan->window, LOG_SEGMENT_HEADER_BYTES, &page, &available);
    if (code < 0)
        return log_scan_fail_read(scan, code);
    const struct log_block_header *block = (const struct log_block_header *)(const void *)page;
    bool is_stale = available == LOG_ALIGNMENT && log_block_header_good(block, UINT64_MAX) &&
                    block->nonce != scan->header.nonce;
    *written = !log_bytes_zero(page, available) && !is_stale;
    /* The first sectors of a first flush may be the ones that never came. */
    if (!*written && !(scan->header.head.flags & LOG_SEGMENT_RECYCLED)) {
        code = log_judge_gather(scan, LOG_SEGMENT_HEADER_BYTES, 0, &there);
        *written = there.last_written > 0;
        if (code == 0 && !*written)
            note_unused(scan);
    }
    return code;
}

/* Whether the log goes on in the next segment: something was written to it.
 * Leaves the current segment open unless it does. */
static int goes_on(struct log_scan *scan, bool *on)
{
    struct log_evidence tail = {false, false, 0};
    uint32_t at = scan->at;
    bool recycled = scan->header.head.flags & LOG_SEGMENT_RECYCLED;
    *on = false;
    /* No segment is left before it has a block. */
    if (at + 1 == scan->count || scan->offset == LOG_SEGMENT_HEADER_BYTES)
        return 0;
    int code = log_scan_open(scan, at + 1);
    if (code == 0)
        code = log_scan_check(scan);
    if (code == 0)
        code = was_written(scan, on);
    if (code == 0)
        code = log_scan_open(scan, at);
    if (code == 0 && *on && !recycled)
        code = log_judge_gather(scan, scan->offset, 0, &tail);
    if (code != 0 || !*on)
        return code;
    if (tail.valid_later)
        return log_judge_refuse_lost(scan, FOUND_ZERO);
    if (tail.last_written > scan->offset)
        return log_scan_fail(scan, LOG_EXIT_CORRUPT, "RF",
                             "garbage behind the last block of a full segment");
    scan->offset = LOG_SEGMENT_HEADER_BYTES;
    return log_scan_open(scan, at + 1);
}

/* Where a log that a snapshot covers begins: its first segment says with which
 * record, which the snapshot must have or be followed by. */
static int anchor(struct log_scan *scan)
{
    const struct log_start *start = scan->options->start;
    enum log_block_state state;
    const struct log_block_header *block;
    scan->next_sequence = start->sequence + 1;
    scan->previous_hash = start->previous_hash;
    if (scan->numbers[0] != start->segment)
        return 0;
    int code = log_window_block(&scan->window, LOG_SEGMENT_HEADER_BYTES, &state, &block);
    if (code < 0)
        return log_scan_fail_read(scan, code);
    if (state == LOG_BLOCK_ZERO || (state == LOG_BLOCK_GOOD && block->nonce != scan->header.nonce))
        return log_scan_fail(scan, LOG_EXIT_CORRUPT, "RQ",
                             "the snapshot has records that the log has not");
    if (state != LOG_BLOCK_GOOD || block->first_sequence > start->sequence)
        return log_scan_fail(scan, LOG_EXIT_CORRUPT, "RF",
                             "the segment a snapshot ends in is damaged");
    scan->next_sequence = block->first_sequence;
    scan->previous_hash = block->previous_hash;
    return 0;
}

/* Behind the last block of a full segment are zeros or, if it is recycled, blocks of an
 * earlier life; a page of theirs need not be the first one of a block. */
static bool may_be_full(const struct log_scan *scan, enum log_finding finding)
{
    return finding == FOUND_ZERO || finding == FOUND_STALE ||
           (finding == FOUND_BAD_HEADER && scan->header.head.flags & LOG_SEGMENT_RECYCLED);
}

static int walk(struct log_scan *scan)
{
    const struct log_block_header *block;
    enum log_finding finding;
    bool on;
    int code = log_scan_open(scan, 0);
    scan->offset = LOG_SEGMENT_HEADER_BYTES;
    if (code == 0)
        code = log_scan_check(scan);
    if (code == 0 && scan->covered > 0)
        code = anchor(scan);
    while (code == 0) {
        if (scan->options->live && scan->next_sequence > scan->durable)
            return 0;
        if (scan->header_state == LOG_HEADER_ZERO)
            return log_judge_zero_header(scan);
        if ((code = log_scan_find(scan, scan->offset, &finding, &block)) != 0)
            break;
        if (finding == FOUND_NEXT) {
            code = take_block(scan, block);
            continue;
        }
        on = false;
        if (may_be_full(scan, finding))
            code = goes_on(scan, &on);
        if (code == 0 && !on)
            return log_judge(scan, finding);
    }
    return code;
}

/* Every segment's header, the spares' too: a foreign file is named even where
 * the walk would not get to it. */
static int check_headers(struct log_scan *scan)
{
    for (uint32_t i = 0; i < scan->count; i++) {
        int code = log_scan_open(scan, i);
        if (code == 0)
            code = log_scan_check(scan);
        if (code != 0)
            return code;
    }
    return 0;
}

static void read_mark(struct log_scan *scan)
{
    const struct storage *storage = data_dir_storage(scan->options->dir);
    struct durable_page *page;
    if (durable_mark_open(storage, scan->shard_path, false, &page) < 0)
        return;
    scan->durable = scan->options->live ? durable_mark_read(page) : durable_mark_settled(page);
    durable_mark_close(storage, page);
}

static int prepare(struct log_scan *scan)
{
    read_mark(scan); /* before the listing: a live writer must have named what it marks */
    scan->watermark = scan->durable;
    if (scan->options->mirror_sequence > scan->watermark)
        scan->watermark = scan->options->mirror_sequence;
    int code = segment_list(data_dir_storage(scan->options->dir), scan->shard_path,
                            !scan->options->live, &scan->numbers, &scan->count);
    snprintf(scan->path, sizeof scan->path, "%s", scan->shard_path);
    if (code == -ENOENT)
        return log_scan_fail(scan, LOG_EXIT_CORRUPT, "RM", "the shard's directory is missing");
    if (code < 0)
        return log_scan_fail_read(scan, code);
    code = check_numbers(scan);
    return code != 0 ? code : check_headers(scan);
}

/* Nothing is left of the log, which had ended in order where the snapshot ends. */
static void begin_anew(struct log_scan *scan)
{
    const struct log_start *start = scan->options->start;
    snprintf(scan->end->label, sizeof scan->end->label, "RQ");
    scan->next_sequence = start->sequence + 1;
    scan->previous_hash = start->previous_hash;
    scan->end->stamp_ms = start->stamp_ms;
    scan->end->clean_stop = true;
    scan->end->fresh_segment = start->segment + 1;
}

/* The snapshot must not be ahead of the log, nor may the log have lost the place
 * where the snapshot ends. */
static int check_reached(struct log_scan *scan)
{
    if (scan->covered == 0)
        return 0;
    if (scan->next_sequence <= scan->covered)
        return log_scan_fail(scan, LOG_EXIT_CORRUPT, "RQ",
                             "the snapshot has records that the log has not");
    if (scan->end->segment == 0 && scan->count > 0)
        return log_scan_fail(scan, LOG_EXIT_CORRUPT, "RM",
                             "the segment a snapshot ends in is missing");
    return 0;
}

int log_scan(const struct log_scan_options *options, struct log_scan_end *end,
             struct log_error *error)
{
    struct log_scan *scan = calloc(1, sizeof *scan);
    int code = LOG_EXIT_IO;
    memset(end, 0, sizeof *end);
    if (!scan)
        return log_error_set(error, LOG_EXIT_IO, NULL, "out of memory");
    log_window_init(&scan->window, data_dir_storage(options->dir), WINDOW_BYTES);
    scan->options = options;
    scan->end = end;
    scan->error = error;
    scan->unused_at = UINT32_MAX;
    scan->next_sequence = options->epoch.first_sequence;
    data_dir_shard_path(options->dir, options->epoch.number, options->shard, scan->shard_path);
    if (options->start && options->start->segment > 0)
        scan->covered = options->start->sequence;
    code = prepare(scan);
    if (code == 0 && scan->count == 0)
        begin_anew(scan);
    else if (code == 0)
        code = walk(scan);
    if (code == 0)
        code = check_reached(scan);
    end->next_sequence = scan->next_sequence;
    end->previous_hash = scan->previous_hash;
    end->segments = scan->count;
    log_window_release(&scan->window);
    free(scan->numbers);
    free(scan);
    return code;
}

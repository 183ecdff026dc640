/* The walk. At each place there is one expected block: the next sequence, chained
 * to the block before. The first place where it is not decides everything, and
 * what lies behind that place is the evidence:
 *
 *   a good block of this log's life behind it  -> the bad one was durable: refuse
 *   a good header that says so, the durable
 *   mark, the mirror, or a later write begun   -> acknowledged data missing: refuse
 *   nothing                                    -> the last flush never finished: the end
 *
 * This works because one flush is one block and the next block is written only
 * when the one before is durable: a crash leaves at most one unfinished block. */
#include "log_scan.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "durable_mark.h"
#include "log_window.h"
#include "record_codec.h"
#include "segment.h"

enum { WINDOW_BYTES = 4 * LOG_BLOCK_BYTES_MAX };

/* What is found where the next block should be. */
enum finding {
    FOUND_NEXT, /* the expected block */
    FOUND_ZERO, /* nothing was ever written here */
    FOUND_BAD_HEADER,
    FOUND_BAD_PAYLOAD,
    FOUND_STALE,     /* a good block of an earlier life of this file */
    FOUND_UNCHAINED, /* a good block of this life that follows another */
    FOUND_SEQUENCE,  /* chained, but a gap or a repeat */
    FOUND_FOREIGN    /* of another shard */
};

struct scan {
    const struct log_scan_options *options;
    struct log_scan_end *end;
    struct log_error *error;
    struct log_window window;
    char shard_path[LOG_PATH_BYTES];
    char path[LOG_PATH_BYTES]; /* of the open segment */
    uint64_t *numbers;
    uint32_t count;
    uint32_t at; /* index of the open segment */
    struct log_segment_header header;
    enum log_header_state header_state;
    uint64_t offset;
    uint64_t found_bytes; /* of the block last found, by its header */
    uint64_t next_sequence;
    uint64_t previous_hash;
    uint64_t durable;   /* mark; 0: none */
    uint64_t watermark; /* the highest sequence known to have been durable */
    struct record record;
};

static int fail(struct scan *scan, int exit_code, const char *label, const char *what)
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

static int fail_read(struct scan *scan, int code)
{
    char what[128];
    if (code == -ENOENT) /* listed a moment ago */
        return fail(scan, LOG_EXIT_CORRUPT, "RM", "the segment has vanished");
    snprintf(what, sizeof what, "cannot read after 3 tries: %s", strerror(-code));
    return fail(scan, log_error_exit_of(-code), "RR", what);
}

/* --- segments --- */

/* Opens a segment and reads its header; judges only what can be read. */
static int segment_open_at(struct scan *scan, uint32_t index)
{
    const uint8_t *bytes;
    size_t available;
    scan->at = index;
    segment_path(scan->shard_path, scan->numbers[index], scan->path);
    int code = log_window_open(&scan->window, scan->path);
    if (code == 0)
        code = log_window_read(&scan->window, 0, LOG_SEGMENT_HEADER_BYTES, &bytes, &available);
    if (code < 0)
        return fail_read(scan, code);
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
static int segment_check(struct scan *scan)
{
    const struct log_segment_header *header = &scan->header;
    char what[160];
    uint64_t offset = scan->offset;
    scan->offset = 0;
    if (scan->header_state == LOG_HEADER_NEWER) {
        snprintf(what, sizeof what, "format version %u, this program knows up to %d",
                 header->head.version, LOG_FORMAT_VERSION);
        return fail(scan, LOG_EXIT_CONFIG, "RL", what);
    }
    if (scan->header_state == LOG_HEADER_BAD)
        return fail(scan, LOG_EXIT_CORRUPT, "RF", "the segment's header is damaged");
    if (scan->header_state == LOG_HEADER_GOOD &&
        (!uuid_equal(&header->cluster, data_dir_cluster(scan->options->dir)) ||
         header->epoch != scan->options->epoch.number || header->shard != scan->options->shard ||
         header->number != scan->numbers[scan->at])) {
        snprintf(what, sizeof what, "the segment is number %llu of epoch %u shard %u of %s cluster",
                 (unsigned long long)header->number, header->epoch, header->shard,
                 uuid_equal(&header->cluster, data_dir_cluster(scan->options->dir)) ? "this"
                                                                                    : "another");
        return fail(scan, LOG_EXIT_CORRUPT, "RK", what);
    }
    scan->offset = offset;
    return 0;
}

static int check_numbers(struct scan *scan)
{
    uint64_t expected = 1;
    for (uint32_t i = 0; i < scan->count; i++, expected++) {
        if (scan->numbers[i] == expected)
            continue;
        segment_path(scan->shard_path, expected, scan->path);
        return fail(scan, LOG_EXIT_CORRUPT, "RM", "the segment is missing");
    }
    if (scan->count > 0)
        return 0;
    segment_path(scan->shard_path, 1, scan->path);
    return fail(scan, LOG_EXIT_CORRUPT, "RM", "the segment is missing");
}

/* --- one place --- */

static int find(struct scan *scan, uint64_t offset, enum finding *finding,
                const struct log_block_header **block)
{
    static const enum finding bad[] = {
        [LOG_BLOCK_ZERO] = FOUND_ZERO,
        [LOG_BLOCK_BAD_HEADER] = FOUND_BAD_HEADER,
        [LOG_BLOCK_BAD_PAYLOAD] = FOUND_BAD_PAYLOAD,
    };
    enum log_block_state state;
    int code = log_window_block(&scan->window, offset, &state, block);
    if (code < 0)
        return fail_read(scan, code);
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

static int visit_record(struct scan *scan)
{
    const struct log_scan_options *options = scan->options;
    if (!options->visit)
        return 0;
    int code =
        options->visit(options->context, options->epoch.number, options->shard, &scan->record);
    if (code >= 0)
        return 0;
    char what[160];
    snprintf(what, sizeof what, "the record (%s) breaks an invariant (%d)",
             record_kind_name(scan->record.kind), code);
    return fail(scan, LOG_EXIT_BUG, "RS", what);
}

static int take_block(struct scan *scan, const struct log_block_header *block)
{
    const uint8_t *at = (const uint8_t *)block + LOG_BLOCK_HEADER_BYTES, *limit = at + block->bytes;
    const struct log_block_header header = *block;
    for (uint32_t i = 0; i < header.count; i++) {
        int32_t used = record_decode(&scan->record, at, (size_t)(limit - at));
        if (used < 0)
            return fail(scan, LOG_EXIT_BUG, "RS", record_decode_error_name(used));
        at += used;
        scan->record.sequence = scan->next_sequence;
        int code = visit_record(scan);
        if (code != 0)
            return code;
        scan->next_sequence++;
    }
    if (at != limit)
        return fail(scan, LOG_EXIT_BUG, "RS", record_decode_error_name(RECORD_DECODE_TRAILING));
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

/* --- evidence --- */

struct evidence {
    bool valid_later;      /* a good block of this life */
    bool written_later;    /* anything behind the block that was to come */
    uint64_t last_written; /* end of the last 4 KiB that are not zero, in the stop's segment */
};

/* Looks at every place from `offset` on in the open segment. A block at `stop` is
 * the one being judged, not evidence. */
static int gather(struct scan *scan, uint64_t offset, uint64_t stop, struct evidence *evidence)
{
    enum log_block_state state;
    const struct log_block_header *block;
    while (offset < scan->window.file_bytes) {
        int code = log_window_block(&scan->window, offset, &state, &block);
        if (code < 0)
            return fail_read(scan, code);
        bool header_good = state == LOG_BLOCK_GOOD || state == LOG_BLOCK_BAD_PAYLOAD;
        uint64_t step = LOG_ALIGNMENT;
        if (state != LOG_BLOCK_ZERO)
            evidence->last_written = offset + LOG_ALIGNMENT;
        if (header_good && block->nonce == scan->header.nonce) {
            if (log_block_watermark(block) > scan->watermark)
                scan->watermark = log_block_watermark(block);
            if (state == LOG_BLOCK_GOOD && offset != stop &&
                block->first_sequence >= scan->next_sequence)
                evidence->valid_later = true;
            if (state == LOG_BLOCK_GOOD)
                step = log_block_size(block);
            evidence->last_written = offset + step;
        }
        offset += step;
    }
    return 0;
}

static int gather_later(struct scan *scan, uint32_t from, struct evidence *evidence)
{
    for (uint32_t i = from; i < scan->count; i++) {
        struct evidence there = {false, false, 0};
        int code = segment_open_at(scan, i);
        if (code == 0)
            code = segment_check(scan);
        if (code == 0)
            code = gather(scan, LOG_SEGMENT_HEADER_BYTES, 0, &there);
        if (code != 0)
            return code;
        bool recycled = scan->header.head.flags & LOG_SEGMENT_RECYCLED;
        evidence->valid_later = evidence->valid_later || there.valid_later;
        evidence->written_later = evidence->written_later || (there.last_written > 0 && !recycled);
    }
    return 0;
}

/* --- the verdict --- */

static int refuse_lost(struct scan *scan, enum finding finding)
{
    if (finding == FOUND_UNCHAINED || finding == FOUND_STALE)
        return fail(scan, LOG_EXIT_CORRUPT, "RI",
                    "a block out of the chain with good blocks behind it");
    if (finding == FOUND_ZERO)
        return fail(scan, LOG_EXIT_CORRUPT, "RG",
                    "acknowledged data is missing: good blocks lie behind a hole");
    return fail(scan, LOG_EXIT_CORRUPT, "RF", "a damaged block with good blocks behind it");
}

static int refuse_watermark(struct scan *scan)
{
    char what[160];
    snprintf(what, sizeof what,
             "acknowledged data is missing: the log ends here, but sequence %llu was durable",
             (unsigned long long)scan->watermark);
    return fail(scan, LOG_EXIT_CORRUPT, "RG", what);
}

static void set_torn(struct scan *scan, const char *label, const struct evidence *evidence)
{
    snprintf(scan->end->label, sizeof scan->end->label, "%s", label);
    scan->end->torn_segment = scan->numbers[scan->at];
    scan->end->torn_offset = scan->offset;
    scan->end->torn_bytes = evidence->last_written - scan->offset;
    /* In a recycled file stale blocks follow: one block is all that was torn. */
    if (scan->end->torn_bytes > LOG_BLOCK_BYTES_MAX)
        scan->end->torn_bytes = LOG_BLOCK_BYTES_MAX;
}

static void set_end(struct scan *scan, enum finding finding, const struct evidence *evidence)
{
    bool recycled = scan->header.head.flags & LOG_SEGMENT_RECYCLED;
    switch (finding) {
    case FOUND_BAD_HEADER:
        set_torn(scan, "RD", evidence);
        break;
    case FOUND_BAD_PAYLOAD:
        set_torn(scan, "RE", evidence);
        break;
    case FOUND_UNCHAINED:
        set_torn(scan, "RH", evidence);
        break;
    case FOUND_STALE:
        snprintf(scan->end->label, sizeof scan->end->label, "RH");
        break;
    default:
        /* A flush whose first sectors never came leaves garbage behind zeros. */
        if (evidence->last_written > scan->offset && !recycled)
            set_torn(scan, "RD", evidence);
        else
            snprintf(scan->end->label, sizeof scan->end->label, "RC");
    }
}

/* The expected block is not at (segment, offset). */
static int judge(struct scan *scan, enum finding finding)
{
    struct evidence evidence = {false, false, 0};
    uint32_t at = scan->at;
    bool recycled = scan->header.head.flags & LOG_SEGMENT_RECYCLED;
    if (finding == FOUND_SEQUENCE)
        return fail(scan, LOG_EXIT_CORRUPT, "RJ", "a gap or repeat in the sequence");
    if (finding == FOUND_FOREIGN)
        return fail(scan, LOG_EXIT_CORRUPT, "RK", "a block of another shard");
    int code = gather(scan, scan->offset, scan->offset, &evidence);
    /* The next flush starts when the one before is durable, so its first byte
     * vouches for the block before. That block's length is in its header. */
    evidence.written_later = finding == FOUND_BAD_PAYLOAD && !recycled &&
                             evidence.last_written > scan->offset + scan->found_bytes;
    if (code == 0)
        code = gather_later(scan, at + 1, &evidence);
    if (code != 0)
        return code;
    /* Back to where it happened, for messages and for what is to be cut. */
    if ((code = segment_open_at(scan, at)) != 0)
        return code;
    if (evidence.valid_later)
        return refuse_lost(scan, finding);
    if (scan->watermark >= scan->next_sequence)
        return refuse_watermark(scan);
    if (evidence.written_later)
        return fail(scan, LOG_EXIT_CORRUPT, "RG",
                    "acknowledged data is missing: a later write was begun");
    set_end(scan, finding, &evidence);
    if (scan->options->sealed && scan->end->torn_segment != 0)
        return fail(scan, LOG_EXIT_CORRUPT, "RF", "damage in an epoch that was closed in order");
    return 0;
}

/* --- the walk --- */

/* Whether anything of this log's was written to the open segment. */
static int was_written(struct scan *scan, bool *written)
{
    enum finding finding;
    const struct log_block_header *block;
    struct evidence there = {false, false, 0};
    int code = find(scan, LOG_SEGMENT_HEADER_BYTES, &finding, &block);
    *written = code == 0 && finding != FOUND_ZERO && finding != FOUND_STALE;
    /* The first sectors of a first flush may be the ones that never came. */
    if (code == 0 && !*written && !(scan->header.head.flags & LOG_SEGMENT_RECYCLED)) {
        code = gather(scan, LOG_SEGMENT_HEADER_BYTES, 0, &there);
        *written = there.last_written > 0;
    }
    return code;
}

/* Whether the log goes on in the next segment: something was written to it.
 * Leaves the current segment open unless it does. */
static int goes_on(struct scan *scan, bool *on)
{
    struct evidence tail = {false, false, 0};
    uint32_t at = scan->at;
    bool recycled = scan->header.head.flags & LOG_SEGMENT_RECYCLED;
    *on = false;
    /* No segment is left before it has a block. */
    if (at + 1 == scan->count || scan->offset == LOG_SEGMENT_HEADER_BYTES)
        return 0;
    int code = segment_open_at(scan, at + 1);
    if (code == 0)
        code = segment_check(scan);
    if (code == 0)
        code = was_written(scan, on);
    if (code == 0)
        code = segment_open_at(scan, at);
    if (code == 0 && *on && !recycled)
        code = gather(scan, scan->offset, 0, &tail);
    if (code != 0 || !*on)
        return code;
    if (tail.valid_later)
        return refuse_lost(scan, FOUND_ZERO);
    if (tail.last_written > scan->offset)
        return fail(scan, LOG_EXIT_CORRUPT, "RF",
                    "garbage behind the last block of a full segment");
    scan->offset = LOG_SEGMENT_HEADER_BYTES;
    return segment_open_at(scan, at + 1);
}

/* The last segment may be empty: made, never used (RN). */
static int judge_zero_header(struct scan *scan)
{
    struct evidence evidence = {false, false, 0};
    uint32_t at = scan->at;
    int code = gather(scan, 0, 0, &evidence);
    if (code == 0 && (evidence.last_written > 0 || at + 1 < scan->count))
        return fail(scan, LOG_EXIT_CORRUPT, "RF", "the segment's header is missing");
    if (code == 0 && scan->watermark >= scan->next_sequence)
        return refuse_watermark(scan);
    snprintf(scan->end->label, sizeof scan->end->label, "RN");
    return code;
}

static int walk(struct scan *scan)
{
    const struct log_block_header *block;
    enum finding finding;
    bool on;
    int code = segment_open_at(scan, 0);
    if (code == 0)
        code = segment_check(scan);
    scan->offset = LOG_SEGMENT_HEADER_BYTES;
    while (code == 0) {
        if (scan->options->live && scan->next_sequence > scan->durable)
            return 0;
        if (scan->header_state == LOG_HEADER_ZERO)
            return judge_zero_header(scan);
        if ((code = find(scan, scan->offset, &finding, &block)) != 0)
            break;
        if (finding == FOUND_NEXT) {
            code = take_block(scan, block);
            continue;
        }
        on = false;
        if (finding == FOUND_ZERO || finding == FOUND_STALE)
            code = goes_on(scan, &on);
        if (code == 0 && !on)
            return judge(scan, finding);
    }
    return code;
}

/* Every segment's header, the spares' too: a foreign file is named even where
 * the walk would not get to it. */
static int check_headers(struct scan *scan)
{
    for (uint32_t i = 0; i < scan->count; i++) {
        int code = segment_open_at(scan, i);
        if (code == 0)
            code = segment_check(scan);
        if (code != 0)
            return code;
    }
    return 0;
}

static void read_mark(struct scan *scan)
{
    struct durable_page *page = durable_mark_open(scan->shard_path, false);
    if (!page)
        return;
    scan->durable = scan->options->live ? durable_mark_read(page) : durable_mark_settled(page);
    durable_mark_close(page);
}

static int prepare(struct scan *scan)
{
    read_mark(scan); /* before the listing: a live writer must have named what it marks */
    scan->watermark = scan->durable;
    if (scan->options->mirror_sequence > scan->watermark)
        scan->watermark = scan->options->mirror_sequence;
    int code = segment_list(scan->shard_path, !scan->options->live, &scan->numbers, &scan->count);
    snprintf(scan->path, sizeof scan->path, "%s", scan->shard_path);
    if (code == -ENOENT)
        return fail(scan, LOG_EXIT_CORRUPT, "RM", "the shard's directory is missing");
    if (code < 0)
        return fail_read(scan, code);
    code = check_numbers(scan);
    return code != 0 ? code : check_headers(scan);
}

int log_scan(const struct log_scan_options *options, struct log_scan_end *end,
             struct log_error *error)
{
    struct scan *scan = calloc(1, sizeof *scan);
    int code = LOG_EXIT_IO;
    memset(end, 0, sizeof *end);
    if (!scan)
        return log_error_set(error, LOG_EXIT_IO, NULL, "out of memory");
    log_window_init(&scan->window, data_dir_storage(options->dir), WINDOW_BYTES);
    scan->options = options;
    scan->end = end;
    scan->error = error;
    scan->next_sequence = options->epoch.first_sequence;
    data_dir_shard_path(options->dir, options->epoch.number, options->shard, scan->shard_path);
    code = prepare(scan);
    if (code == 0)
        code = walk(scan);
    end->next_sequence = scan->next_sequence;
    end->previous_hash = scan->previous_hash;
    end->segments = scan->count;
    log_window_release(&scan->window);
    free(scan->numbers);
    free(scan);
    return code;
}

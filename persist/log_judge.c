/* At each place there is one expected block: the next sequence, chained
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
#include "log_scan_private.h"

#include <stdio.h>
#include <string.h>

/* --- evidence --- */

/* Looks at every place from `offset` on in the open segment. A block at `stop` is
 * the one being judged, not evidence. */
int log_judge_gather(struct log_scan *scan, uint64_t offset, uint64_t stop,
                     struct log_evidence *evidence)
{
    enum log_block_state state;
    const struct log_block_header *block;
    while (offset < scan->window.file_bytes) {
        int code = log_window_block(&scan->window, offset, &state, &block);
        if (code < 0)
            return log_scan_fail_read(scan, code);
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

static int gather_later(struct log_scan *scan, uint32_t from, struct log_evidence *evidence)
{
    for (uint32_t i = from; i < scan->count; i++) {
        struct log_evidence there = {false, false, 0};
        if (i == scan->unused_at)
            continue;
        int code = log_scan_open(scan, i);
        if (code == 0)
            code = log_scan_check(scan);
        if (code == 0)
            code = log_judge_gather(scan, LOG_SEGMENT_HEADER_BYTES, 0, &there);
        if (code != 0)
            return code;
        bool recycled = scan->header.head.flags & LOG_SEGMENT_RECYCLED;
        evidence->valid_later = evidence->valid_later || there.valid_later;
        evidence->written_later = evidence->written_later || (there.last_written > 0 && !recycled);
    }
    return 0;
}

/* --- the verdict --- */

int log_judge_refuse_lost(struct log_scan *scan, enum log_finding finding)
{
    if (finding == FOUND_UNCHAINED || finding == FOUND_STALE)
        return log_scan_fail(scan, LOG_EXIT_CORRUPT, "RI",
                             "a block out of the chain with good blocks behind it");
    if (finding == FOUND_ZERO)
        return log_scan_fail(scan, LOG_EXIT_CORRUPT, "RG",
                             "acknowledged data is missing: good blocks lie behind a hole");
    return log_scan_fail(scan, LOG_EXIT_CORRUPT, "RF",
                         "a damaged block with good blocks behind it");
}

static int refuse_watermark(struct log_scan *scan)
{
    char what[160];
    snprintf(what, sizeof what,
             "acknowledged data is missing: the log ends here, but sequence %llu was durable",
             (unsigned long long)scan->watermark);
    return log_scan_fail(scan, LOG_EXIT_CORRUPT, "RG", what);
}

static void set_torn(struct log_scan *scan, const char *label, const struct log_evidence *evidence)
{
    snprintf(scan->end->label, sizeof scan->end->label, "%s", label);
    scan->end->torn_segment = scan->numbers[scan->at];
    scan->end->torn_offset = scan->offset;
    scan->end->torn_bytes = evidence->last_written - scan->offset;
    /* In a recycled file stale blocks follow: one block is all that was torn. */
    if (scan->end->torn_bytes > LOG_BLOCK_BYTES_MAX)
        scan->end->torn_bytes = LOG_BLOCK_BYTES_MAX;
}

static void set_end(struct log_scan *scan, enum log_finding finding,
                    const struct log_evidence *evidence)
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
int log_judge(struct log_scan *scan, enum log_finding finding)
{
    struct log_evidence evidence = {false, false, 0};
    uint32_t at = scan->at;
    bool recycled = scan->header.head.flags & LOG_SEGMENT_RECYCLED;
    if (finding == FOUND_SEQUENCE)
        return log_scan_fail(scan, LOG_EXIT_CORRUPT, "RJ", "a gap or repeat in the sequence");
    if (finding == FOUND_FOREIGN)
        return log_scan_fail(scan, LOG_EXIT_CORRUPT, "RK", "a block of another shard");
    int code = log_judge_gather(scan, scan->offset, scan->offset, &evidence);
    /* The next flush starts when the one before is durable, so its first byte
     * vouches for the block before. That block's length is in its header. */
    evidence.written_later = finding == FOUND_BAD_PAYLOAD && !recycled &&
                             evidence.last_written > scan->offset + scan->found_bytes;
    if (code == 0)
        code = gather_later(scan, at + 1, &evidence);
    if (code != 0)
        return code;
    /* Back to where it happened, for messages and for what is to be cut. */
    if ((code = log_scan_open(scan, at)) != 0)
        return code;
    if (evidence.valid_later)
        return log_judge_refuse_lost(scan, finding);
    if (scan->watermark >= scan->next_sequence)
        return refuse_watermark(scan);
    if (evidence.written_later)
        return log_scan_fail(scan, LOG_EXIT_CORRUPT, "RG",
                             "acknowledged data is missing: a later write was begun");
    set_end(scan, finding, &evidence);
    if (scan->options->sealed && scan->end->torn_segment != 0)
        return log_scan_fail(scan, LOG_EXIT_CORRUPT, "RF",
                             "damage in an epoch that was closed in order");
    return 0;
}

/* The last segment may be empty: made, never used (RN). */
int log_judge_zero_header(struct log_scan *scan)
{
    struct log_evidence evidence = {false, false, 0};
    uint32_t at = scan->at;
    int code = log_judge_gather(scan, 0, 0, &evidence);
    if (code == 0 && (evidence.last_written > 0 || at + 1 < scan->count))
        return log_scan_fail(scan, LOG_EXIT_CORRUPT, "RF", "the segment's header is missing");
    if (code == 0 && scan->watermark >= scan->next_sequence)
        return refuse_watermark(scan);
    snprintf(scan->end->label, sizeof scan->end->label, "RN");
    return code;
}

/* The recovery table of docs/wal-format.md, case by case: what a start sees, what
 * it decides and with which exit code. */
#include "log_fixture.h"

static struct fixture f;

static int setup(void **state)
{
    (void)state;
    fixture_init(&f);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    fixture_release(&f);
    return 0;
}

/* A log of shard 0 with quantities 1..count, stopped as by kill -9. */
static void make_log(uint32_t count, uint32_t per_block)
{
    assert_int_equal(fixture_recover(&f, true), 0);
    fixture_write(&f);
    fixture_await_spare(&f);
    fixture_fill(&f, 1, count, per_block);
    fixture_stop(&f);
}

static void assert_refused(int exit_code, const char *label)
{
    assert_int_equal(fixture_recover(&f, false), exit_code);
    assert_string_equal(f.error.label, label);
    assert_true(strlen(f.error.text) > 0);
}

static uint32_t quarantined(void)
{
    char path[LOG_PATH_BYTES + 16];
    uint32_t count = 0;
    snprintf(path, sizeof path, "%s/quarantine", fixture_shard_path(&f, 1, 0));
    DIR *directory = opendir(path);
    struct dirent *entry;
    assert_non_null(directory);
    while ((entry = readdir(directory)) != NULL)
        count += entry->d_name[0] != '.';
    closedir(directory);
    return count;
}

/* RA: no files and no --init: refused, and nothing is made. */
static void test_RA_no_data_without_init(void **state)
{
    (void)state;
    char inner[LOG_PATH_BYTES];
    assert_refused(LOG_EXIT_NO_DATA, "RA");
    snprintf(inner, sizeof inner, "%s/LOCK", f.path);
    assert_int_equal(access(inner, F_OK), -1);
    rmdir(f.path);
    assert_refused(LOG_EXIT_NO_DATA, "RA");
    assert_int_equal(access(f.path, F_OK), -1);
}

/* RA: a cluster whose epochs are gone is lost data, also with --init. */
static void test_RA_epochs_lost(void **state)
{
    (void)state;
    char path[LOG_PATH_BYTES];
    make_log(3, 1);
    snprintf(path, sizeof path, "%s/epoch-000001", f.path);
    fixture_remove(path);
    assert_int_equal(fixture_recover(&f, true), LOG_EXIT_CORRUPT);
    assert_string_equal(f.error.label, "RM");
}

/* RB: an empty directory is not new when the mirror knows this cluster. */
static void test_RB_mirror_knows_the_cluster(void **state)
{
    (void)state;
    struct log_position mirror = {1, 0, 7};
    struct data_dir_options options = {
        .path = f.path, .init = true, .allow_buffered = true, .mirror = &mirror, .mirror_count = 1};
    assert_int_equal(data_dir_open(&f.dir, &options, &f.error), LOG_EXIT_NO_DATA);
    assert_string_equal(f.error.label, "RB");
    mirror.sequence = 0;
    assert_int_equal(data_dir_open(&f.dir, &options, &f.error), 0);
}

/* RC: good blocks, then zeros: the end. Everything comes back, again and again. */
static void test_RC_end_of_log(void **state)
{
    (void)state;
    make_log(10, 3);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(fixture_recover(&f, false), 0);
        fixture_assert_visited(&f, 1, 10);
        assert_int_equal(f.recovered.tails[0].next_sequence, 11);
        assert_int_equal(f.recovered.torn, 0);
        data_dir_close(f.dir);
        f.dir = NULL;
    }
    assert_int_equal(quarantined(), 0);
}

/* RD: the last block's header never came whole: cut, a copy kept. */
static void test_RD_torn_header(void **state)
{
    (void)state;
    uint8_t zeros[4096 - 40] = {0};
    make_log(9, 3);
    fixture_forget_mark(&f);
    file_write(fixture_segment(&f, 1), block_offset(fixture_segment(&f, 1), 2) + 40, zeros,
               sizeof zeros);
    assert_int_equal(fixture_recover(&f, false), 0);
    fixture_assert_visited(&f, 1, 6);
    assert_int_equal(f.recovered.torn, 1);
    assert_int_equal(quarantined(), 1);
    /* The log goes on, and the cut block never comes back. */
    fixture_write(&f);
    fixture_fill(&f, 7, 12, 2);
    fixture_stop(&f);
    assert_int_equal(fixture_recover(&f, false), 0);
    fixture_assert_visited(&f, 1, 12);
}

/* RD: the first sectors of the last flush are missing, later ones are there. */
static void test_RD_first_sectors_missing(void **state)
{
    (void)state;
    uint8_t zeros[512] = {0};
    make_log(9, 3);
    fixture_forget_mark(&f);
    file_write(fixture_segment(&f, 1), block_offset(fixture_segment(&f, 1), 2), zeros, 64);
    assert_int_equal(fixture_recover(&f, false), 0);
    fixture_assert_visited(&f, 1, 6);
    assert_int_equal(quarantined(), 1);
}

/* RE: header good, payload bad, nothing behind it: cut, a copy kept. */
static void test_RE_torn_payload(void **state)
{
    (void)state;
    make_log(9, 3);
    fixture_forget_mark(&f);
    file_flip(fixture_segment(&f, 1), block_offset(fixture_segment(&f, 1), 2) + 200, 4);
    assert_int_equal(fixture_recover(&f, false), 0);
    fixture_assert_visited(&f, 1, 6);
    assert_int_equal(f.recovered.torn, 1);
    assert_int_equal(quarantined(), 1);
}

/* RF: a bad block with a good one behind it is corruption; the message names
 * file, offset, sequence and the tool, and nothing is changed. */
static void test_RF_corrupt_with_good_behind(void **state)
{
    (void)state;
    make_log(9, 3);
    uint64_t offset = block_offset(fixture_segment(&f, 1), 1);
    file_flip(fixture_segment(&f, 1), offset + 200, 4);
    uint8_t before[FIXTURE_SEGMENT_BYTES], after[FIXTURE_SEGMENT_BYTES];
    file_read(fixture_segment(&f, 1), 0, before, sizeof before);
    assert_refused(LOG_EXIT_CORRUPT, "RF");
    file_read(fixture_segment(&f, 1), 0, after, sizeof after);
    assert_memory_equal(before, after, sizeof before);
    assert_int_equal(f.error.offset, offset);
    assert_int_equal(f.error.sequence, 4);
    assert_non_null(strstr(f.error.text, "segment-0000000001.log"));
    assert_non_null(strstr(f.error.text, "boxreplay"));
}

/* RF: a damaged last block of a full segment, good blocks in the next one. */
static void test_RF_good_block_in_the_next_segment(void **state)
{
    (void)state;
    make_log(60, 2); /* 30 blocks of 4 KiB: two segments */
    fixture_forget_mark(&f);
    uint64_t last = FIXTURE_SEGMENT_BYTES - 4096;
    file_flip(fixture_segment(&f, 1), last + 10, 1);
    assert_refused(LOG_EXIT_CORRUPT, "RF");
    assert_int_equal(f.error.offset, last);
}

/* RF: a damaged segment header: no crash of ours leaves one. */
static void test_RF_damaged_segment_header(void **state)
{
    (void)state;
    make_log(3, 1);
    file_flip(fixture_segment(&f, 1), 4000, 1);
    assert_refused(LOG_EXIT_CORRUPT, "RF");
}

/* RG: the bad block was acknowledged: the durable mark says so. */
static void test_RG_below_the_durable_mark(void **state)
{
    (void)state;
    make_log(9, 3);
    file_flip(fixture_segment(&f, 1), block_offset(fixture_segment(&f, 1), 2) + 200, 4);
    assert_refused(LOG_EXIT_CORRUPT, "RG");
    assert_int_equal(f.error.sequence, 7);
}

/* RG: a later block is torn itself, but its header vouches for the bad one. */
static void test_RG_below_a_block_watermark(void **state)
{
    (void)state;
    make_log(9, 3);
    fixture_forget_mark(&f);
    file_flip(fixture_segment(&f, 1), block_offset(fixture_segment(&f, 1), 1) + 200, 4);
    file_flip(fixture_segment(&f, 1), block_offset(fixture_segment(&f, 1), 2) + 200, 4);
    assert_refused(LOG_EXIT_CORRUPT, "RG");
}

/* RG: the mirror has more than the log. */
static void test_RG_below_the_mirror(void **state)
{
    (void)state;
    make_log(9, 3);
    struct log_position mirror = {1, 0, 10};
    struct data_dir_options options = {.path = f.path, .allow_buffered = true};
    struct recovery_options recovery = {.shard_count = 1,
                                        .segment_bytes = FIXTURE_SEGMENT_BYTES,
                                        .mirror_positions = &mirror,
                                        .mirror_position_count = 1};
    assert_int_equal(data_dir_open(&f.dir, &options, &f.error), 0);
    assert_int_equal(recovery_run(f.dir, &recovery, NULL, NULL, &f.recovered, &f.error),
                     LOG_EXIT_CORRUPT);
    assert_string_equal(f.error.label, "RG");
    mirror.sequence = 9;
    assert_int_equal(recovery_run(f.dir, &recovery, NULL, NULL, &f.recovered, &f.error), 0);
}

/* RG: a hole with a good block behind it. */
static void test_RG_missing_block(void **state)
{
    (void)state;
    uint8_t zeros[4096] = {0};
    make_log(9, 3);
    fixture_forget_mark(&f);
    file_write(fixture_segment(&f, 1), block_offset(fixture_segment(&f, 1), 1), zeros,
               sizeof zeros);
    assert_refused(LOG_EXIT_CORRUPT, "RG");
}

/* RG (DK16): the last segment is gone, and the mark knows. */
static void test_RG_last_segment_missing(void **state)
{
    (void)state;
    make_log(60, 2);
    unlink(fixture_segment(&f, 3));
    unlink(fixture_segment(&f, 2));
    assert_refused(LOG_EXIT_CORRUPT, "RG");
}

/* Puts a sealed block made from another at `offset`. */
static void forge_block(uint64_t from, uint64_t to, void (*change)(struct log_block_header *))
{
    static _Alignas(4096) uint8_t block[4096];
    struct log_block_header *header = (struct log_block_header *)(void *)block;
    file_read(fixture_segment(&f, 1), from, block, sizeof block);
    assert_int_equal(log_block_size(header), sizeof block);
    change(header);
    log_block_seal(header);
    file_write(fixture_segment(&f, 1), to, block, sizeof block);
}

static void of_an_earlier_life(struct log_block_header *header)
{
    header->nonce ^= 1;
}

static void out_of_chain(struct log_block_header *header)
{
    header->previous_hash ^= 1;
}

/* RH: a recycled file's old blocks behind the end are the end (DK15). */
static void test_RH_stale_block_at_the_end(void **state)
{
    (void)state;
    make_log(6, 3);
    forge_block(4096, 3 * 4096, of_an_earlier_life);
    assert_int_equal(fixture_recover(&f, false), 0);
    fixture_assert_visited(&f, 1, 6);
}

/* RH: a good block out of the chain at the very end was never acknowledged. */
static void test_RH_unchained_block_at_the_end(void **state)
{
    (void)state;
    make_log(9, 3);
    fixture_forget_mark(&f);
    forge_block(3 * 4096, 3 * 4096, out_of_chain);
    assert_int_equal(fixture_recover(&f, false), 0);
    fixture_assert_visited(&f, 1, 6);
}

/* RH (DK15): a segment that was really recycled never shows its earlier life. */
static void test_RH_recycled_segment(void **state)
{
    (void)state;
    make_log(60, 2);
    char free_path[LOG_PATH_BYTES + 32];
    /* Its content is what a retired segment looks like: full of good blocks. */
    snprintf(free_path, sizeof free_path, "%s/free-0000000009.log", fixture_shard_path(&f, 1, 0));
    file_copy(fixture_segment(&f, 1), free_path);
    unlink(fixture_segment(&f, 3));
    assert_int_equal(fixture_recover(&f, false), 0);
    fixture_write(&f);
    fixture_await_spare(&f);
    assert_int_equal(access(free_path, F_OK), -1); /* the keeper took it */
    fixture_fill(&f, 61, 140, 2);
    fixture_stop(&f);
    assert_int_equal(fixture_recover(&f, false), 0);
    fixture_assert_visited(&f, 1, 140);
}

/* RI: out of the chain with a good block behind it. */
static void test_RI_unchained_with_good_behind(void **state)
{
    (void)state;
    make_log(9, 3);
    forge_block(2 * 4096, 2 * 4096, out_of_chain);
    assert_refused(LOG_EXIT_CORRUPT, "RI");
}

static void skips_a_sequence(struct log_block_header *header)
{
    header->first_sequence++;
}

static void repeats_a_sequence(struct log_block_header *header)
{
    header->first_sequence--;
}

/* RJ: chained, but with a gap or a repeat in the sequence. */
static void test_RJ_gap_and_repeat(void **state)
{
    (void)state;
    make_log(9, 3);
    forge_block(3 * 4096, 3 * 4096, skips_a_sequence);
    assert_refused(LOG_EXIT_CORRUPT, "RJ");
    forge_block(3 * 4096, 3 * 4096, repeats_a_sequence);
    forge_block(3 * 4096, 3 * 4096, repeats_a_sequence);
    assert_refused(LOG_EXIT_CORRUPT, "RJ");
}

/* RK (DK14): a segment of another shard, number or cluster copied in. */
static void test_RK_foreign_segments(void **state)
{
    (void)state;
    char own[LOG_PATH_BYTES], other[LOG_PATH_BYTES], keep[LOG_PATH_BYTES + 8];
    f.shard_count = 2;
    make_log(6, 3);
    snprintf(own, sizeof own, "%s", fixture_segment(&f, 1));
    snprintf(keep, sizeof keep, "%s.new", own);
    file_copy(own, keep);
    segment_path(fixture_shard_path(&f, 1, 1), 1, other);
    file_copy(other, own); /* another shard's */
    assert_refused(LOG_EXIT_CORRUPT, "RK");
    assert_non_null(strstr(f.error.text, "shard 1"));
    file_copy(fixture_segment(&f, 2), own); /* another number's */
    assert_refused(LOG_EXIT_CORRUPT, "RK");
    file_copy(keep, own);
    struct log_segment_header header; /* another cluster's */
    static uint8_t page[4096];
    file_read(own, 0, page, sizeof page);
    memcpy(&header, page, sizeof header);
    header.cluster.bytes[0] ^= 1;
    memcpy(page, &header, sizeof header);
    log_file_header_seal(page, sizeof header);
    file_write(own, 0, page, sizeof page);
    assert_refused(LOG_EXIT_CORRUPT, "RK");
    assert_non_null(strstr(f.error.text, "another cluster"));
}

static void set_version(const char *path, uint32_t version)
{
    static uint8_t page[4096];
    struct log_file_head head;
    file_read(path, 0, page, sizeof page);
    memcpy(&head, page, sizeof head);
    head.version = version;
    memcpy(page, &head, sizeof head);
    log_file_header_seal(page, 4088);
    file_write(path, 0, page, sizeof page);
}

/* A log of every older format version is read and gone on with. */
static void test_older_formats_are_read(void **state)
{
    (void)state;
    char path[LOG_PATH_BYTES];
    make_log(3, 1);
    set_version(fixture_segment(&f, 1), LOG_FORMAT_VERSION_MIN);
    snprintf(path, sizeof path, "%s/cluster", f.path);
    set_version(path, LOG_FORMAT_VERSION_MIN);
    assert_int_equal(fixture_recover(&f, false), 0);
    set_version(path, LOG_FORMAT_VERSION_MIN - 1);
    assert_int_not_equal(fixture_recover(&f, false), 0);
}

static uint32_t version_of(uint64_t segment)
{
    struct log_file_head head;
    file_read(fixture_segment(&f, segment), 0, &head, sizeof head);
    return head.version;
}

/* An upgraded engine appends nothing to a segment of an older format, not even after a
 * clean stop, nor to one that the older engine made ahead of use: it rolls. */
static void test_older_format_is_not_gone_on_with(void **state)
{
    (void)state;
    f.segment_bytes = 4 << 20;
    make_log(9, 3);
    assert_int_equal(fixture_recover(&f, false), 0);
    fixture_write(&f);
    fixture_fill(&f, 10, 12, 3);
    assert_true(fixture_append_clean_stop(&f) > 0);
    fixture_flush(&f);
    fixture_await_spare(&f);
    fixture_stop(&f);
    const uint32_t now = LOG_FORMAT_VERSION, before = LOG_FORMAT_VERSION_MIN;
    set_version(fixture_segment(&f, 2), before);
    set_version(fixture_segment(&f, 3), before); /* empty yet */
    const uint64_t next = f.recovered.tails[0].next_sequence;
    assert_int_equal(fixture_recover(&f, false), 0);
    assert_true(f.recovered.clean);
    assert_int_equal(f.recovered.tails[0].segment, 3);
    assert_int_equal(f.recovered.tails[0].next_sequence, next + 4);
    assert_int_equal(version_of(2), before);
    assert_int_equal(version_of(3), now);
    fixture_write(&f);
    fixture_fill(&f, 13, 20, 3);
    assert_true(fixture_append_clean_stop(&f) > 0);
    fixture_flush(&f);
    fixture_stop(&f);
    assert_int_equal(fixture_recover(&f, false), 0);
    fixture_assert_visited(&f, 1, 20);
    assert_int_equal(f.recovered.tails[0].segment, 3); /* of this format: gone on with */
}

/* RL (PR14): a newer format is refused and named. */
static void test_RL_newer_format(void **state)
{
    (void)state;
    char path[LOG_PATH_BYTES];
    make_log(3, 1);
    set_version(fixture_segment(&f, 1), LOG_FORMAT_VERSION + 1);
    assert_refused(LOG_EXIT_CONFIG, "RL");
    assert_non_null(strstr(f.error.text, "version 3"));
    set_version(fixture_segment(&f, 1), LOG_FORMAT_VERSION);
    snprintf(path, sizeof path, "%s/cluster", f.path);
    set_version(path, LOG_FORMAT_VERSION + 1);
    assert_refused(LOG_EXIT_CONFIG, "RL");
}

/* RM: a segment missing between two, or the first. */
static void test_RM_missing_segment(void **state)
{
    (void)state;
    make_log(90, 2);
    char keep[LOG_PATH_BYTES];
    snprintf(keep, sizeof keep, "%s.new", fixture_segment(&f, 2));
    assert_int_equal(rename(fixture_segment(&f, 2), keep), 0);
    assert_refused(LOG_EXIT_CORRUPT, "RM");
    assert_non_null(strstr(f.error.text, "segment-0000000002.log"));
    assert_int_equal(rename(keep, fixture_segment(&f, 2)), 0);
    unlink(fixture_segment(&f, 1));
    assert_refused(LOG_EXIT_CORRUPT, "RM");
}

/* RM: an epoch missing. */
static void test_RM_missing_epoch(void **state)
{
    (void)state;
    char path[LOG_PATH_BYTES];
    make_log(6, 3);
    f.shard_count = 2;
    assert_int_equal(fixture_recover(&f, false), 0);
    fixture_stop(&f);
    snprintf(path, sizeof path, "%s/epoch-000002", f.path);
    fixture_remove(path);
    assert_refused(LOG_EXIT_CORRUPT, "RM");
}

/* RN: the last segment has no bytes, or only zeros: it was never used. */
static void test_RN_empty_last_segment(void **state)
{
    (void)state;
    make_log(6, 3);
    assert_int_equal(truncate(fixture_segment(&f, 2), 0), 0);
    assert_int_equal(fixture_recover(&f, false), 0);
    fixture_assert_visited(&f, 1, 6);
    fixture_write(&f);
    fixture_fill(&f, 7, 40, 2);
    fixture_stop(&f);
    assert_int_equal(fixture_recover(&f, false), 0);
    fixture_assert_visited(&f, 1, 40);
}

static void test_RN_zero_last_segment(void **state)
{
    (void)state;
    static uint8_t zeros[FIXTURE_SEGMENT_BYTES];
    make_log(6, 3);
    file_write(fixture_segment(&f, 2), 0, zeros, sizeof zeros);
    assert_int_equal(fixture_recover(&f, false), 0);
    fixture_assert_visited(&f, 1, 6);
}

/* --- RR: a disk that cannot be read --- */

struct failing_disk {
    const struct storage *below;
    int reads_that_fail;
    int reads;
};

static int failing_open(void *context, const char *path, enum storage_open how)
{
    const struct storage *below = ((struct failing_disk *)context)->below;
    return below->open(below->context, path, how);
}

static void failing_close(void *context, int fd)
{
    const struct storage *below = ((struct failing_disk *)context)->below;
    below->close(below->context, fd);
}

static int64_t failing_read(void *context, int fd, void *bytes, size_t length, uint64_t offset)
{
    struct failing_disk *disk = context;
    if (offset >= 2 * 4096 || length > 4096) {
        disk->reads++;
        if (disk->reads <= disk->reads_that_fail)
            return -EIO;
    }
    return disk->below->read(disk->below->context, fd, bytes, length, offset);
}

/* RR (DK20): two failing reads are overcome, a third is an I/O error with its
 * file, and an unreadable place is never taken for the end. */
static void test_RR_read_error(void **state)
{
    (void)state;
    make_log(9, 3);
    static struct failing_disk disk; /* the directory is closed after this function */
    static struct storage storage;
    disk = (struct failing_disk){storage_system(true), 2, 0};
    storage = *storage_system(true);
    storage.context = &disk;
    storage.open = failing_open;
    storage.close = failing_close;
    storage.read = failing_read;
    struct data_dir_options options = {.path = f.path, .storage = &storage};
    assert_int_equal(data_dir_open(&f.dir, &options, &f.error), 0);
    struct data_dir_epoch epoch = {1, 1, 1, 0};
    struct log_scan_options scan = {.dir = f.dir, .epoch = epoch};
    struct log_scan_end end;
    assert_int_equal(log_scan(&scan, &end, &f.error), 0);
    assert_int_equal(end.records, 9);
    disk.reads = 0;
    disk.reads_that_fail = 3;
    assert_int_equal(log_scan(&scan, &end, &f.error), LOG_EXIT_IO);
    assert_string_equal(f.error.label, "RR");
    assert_non_null(strstr(f.error.text, "segment-"));
}

static int object_to_seven(void *context, uint32_t epoch, uint16_t shard,
                           const struct record *record)
{
    (void)context, (void)epoch, (void)shard;
    return record->reserved.quantity == 7 ? -3 : 0;
}

/* RS: a record that breaks an invariant when applied is our bug: 70. */
static void test_RS_record_breaks_an_invariant(void **state)
{
    (void)state;
    make_log(9, 3);
    struct data_dir_options options = {.path = f.path, .allow_buffered = true};
    struct recovery_options recovery = {.shard_count = 1, .segment_bytes = FIXTURE_SEGMENT_BYTES};
    assert_int_equal(data_dir_open(&f.dir, &options, &f.error), 0);
    assert_int_equal(recovery_run(f.dir, &recovery, object_to_seven, NULL, &f.recovered, &f.error),
                     LOG_EXIT_BUG);
    assert_string_equal(f.error.label, "RS");
    assert_int_equal(f.error.sequence, 7);
}

static int judge_state(void *context, uint32_t epoch, uint16_t shard, const struct record *record)
{
    const uint64_t *hash = context;
    (void)epoch, (void)shard;
    return record->kind == RECORD_STATE && record->state_hash != *hash ? LOG_VISIT_STATE_DIFFERS
                                                                       : 0;
}

/* RT: the log tells of another state than the one reached: 70, and the record's name. The
 * engine's own judgement is tested in tests/live/test_state.py. */
static void test_RT_state_differs(void **state)
{
    (void)state;
    uint64_t hash = 0x1122334455667788;
    make_log(9, 3);
    assert_int_equal(fixture_recover(&f, false), 0);
    fixture_write(&f);
    struct record record = {.kind = RECORD_STATE, .stamp_ms = 1800000000000u, .state_hash = hash};
    assert_int_equal(f.journal->append(f.journal->context, &record), 10);
    fixture_flush(&f);
    fixture_stop(&f);
    struct data_dir_options options = {.path = f.path, .allow_buffered = true};
    struct recovery_options recovery = {.shard_count = 1, .segment_bytes = FIXTURE_SEGMENT_BYTES};
    assert_int_equal(data_dir_open(&f.dir, &options, &f.error), 0);
    hash++;
    assert_int_equal(recovery_run(f.dir, &recovery, judge_state, &hash, &f.recovered, &f.error),
                     LOG_EXIT_BUG);
    assert_string_equal(f.error.label, "RT");
    assert_int_equal(f.error.sequence, 10);
    hash--;
    assert_int_equal(recovery_run(f.dir, &recovery, judge_state, &hash, &f.recovered, &f.error), 0);
}

/* RS: a block that hashes well and holds what is no record. */
static void spoil_first_record(struct log_block_header *header)
{
    ((uint8_t *)header)[LOG_BLOCK_HEADER_BYTES] = 0xc1;
}

static void test_RS_undecodable_record(void **state)
{
    (void)state;
    make_log(9, 3);
    forge_block(3 * 4096, 3 * 4096, spoil_first_record);
    assert_refused(LOG_EXIT_BUG, "RS");
}

/* RU (PR12): a second process is refused before it touches anything, and told
 * who owns the directory. */
static void test_RU_locked(void **state)
{
    (void)state;
    make_log(3, 1);
    assert_int_equal(fixture_recover(&f, false), 0);
    uint8_t before[64] = {0}, after[64] = {0};
    char path[LOG_PATH_BYTES], pid[32];
    snprintf(path, sizeof path, "%s/LOCK", f.path);
    file_read(path, 0, before, file_bytes(path));
    struct data_dir_options options = {.path = f.path, .allow_buffered = true};
    struct data_dir *second = NULL;
    assert_int_equal(data_dir_open(&second, &options, &f.error), LOG_EXIT_LOCKED);
    assert_string_equal(f.error.label, "RU");
    snprintf(pid, sizeof pid, "process %d", getpid());
    assert_non_null(strstr(f.error.text, pid));
    file_read(path, 0, after, file_bytes(path));
    assert_memory_equal(before, after, sizeof before);
}

/* RV: files that nobody knows are left where they are. */
static void test_RV_unknown_files(void **state)
{
    (void)state;
    char top[LOG_PATH_BYTES], inner[LOG_PATH_BYTES + 32];
    make_log(3, 1);
    snprintf(top, sizeof top, "%s/notes.txt", f.path);
    snprintf(inner, sizeof inner, "%s/segment-1.log.bak", fixture_shard_path(&f, 1, 0));
    file_write(top, 0, "x", 1);
    file_write(inner, 0, "y", 1);
    assert_int_equal(fixture_recover(&f, false), 0);
    fixture_assert_visited(&f, 1, 3);
    assert_int_equal(access(top, F_OK), 0);
    assert_int_equal(access(inner, F_OK), 0);
}

/* After a clean stop the same segment goes on, with nothing rewritten. */
static void test_clean_stop_goes_on_in_place(void **state)
{
    (void)state;
    f.segment_bytes = 4 << 20;
    make_log(9, 3);
    assert_int_equal(fixture_recover(&f, false), 0);
    assert_false(f.recovered.clean);
    fixture_write(&f);
    fixture_fill(&f, 10, 12, 3);
    assert_true(fixture_append_clean_stop(&f) > 0);
    fixture_flush(&f);
    fixture_stop(&f);
    assert_int_equal(fixture_recover(&f, false), 0);
    assert_true(f.recovered.clean);
    assert_int_equal(f.recovered.tails[0].segment, 2);
    assert_int_equal(f.recovered.tails[0].offset, 3 * 4096);
    fixture_write(&f);
    fixture_fill(&f, 13, 20, 3);
    fixture_stop(&f);
    assert_int_equal(fixture_recover(&f, false), 0);
    assert_false(f.recovered.clean);
    fixture_assert_visited(&f, 1, 20);
}

/* Another shard count starts an epoch; old ones are replayed first, and sequences
 * go on behind the greatest: 1 -> 2 -> 3 -> 3. */
static void test_resharding(void **state)
{
    (void)state;
    uint32_t next = 1;
    uint64_t first = 1;
    make_log(5, 2);
    next = 6;
    for (uint16_t shards = 2; shards <= 3; shards++) {
        f.shard_count = shards;
        assert_int_equal(fixture_recover(&f, false), 0);
        fixture_assert_visited(&f, 1, next - 1);
        assert_true(f.recovered.resharded);
        assert_int_equal(f.recovered.epoch, shards);
        assert_int_equal(f.recovered.shard_count, shards);
        first = f.recovered.tails[0].next_sequence;
        assert_int_equal(first, next);
        for (uint16_t shard = 0; shard < shards; shard++)
            assert_int_equal(f.recovered.tails[shard].next_sequence, first);
        fixture_write(&f);
        fixture_fill(&f, next, next + 3, 2);
        next += 4;
        fixture_stop(&f);
    }
    assert_int_equal(fixture_recover(&f, false), 0);
    assert_false(f.recovered.resharded);
    fixture_assert_visited(&f, 1, next - 1);
}

/* Damage in an epoch that was closed in order is never a torn tail. */
static void test_sealed_epoch_is_strict(void **state)
{
    (void)state;
    make_log(9, 3);
    f.shard_count = 2;
    assert_int_equal(fixture_recover(&f, false), 0);
    fixture_stop(&f);
    fixture_forget_mark(&f);
    file_flip(fixture_segment(&f, 1), block_offset(fixture_segment(&f, 1), 2) + 200, 4);
    assert_refused(LOG_EXIT_CORRUPT, "RF");
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_RA_no_data_without_init),
        CASE(test_RA_epochs_lost),
        CASE(test_RB_mirror_knows_the_cluster),
        CASE(test_RC_end_of_log),
        CASE(test_RD_torn_header),
        CASE(test_RD_first_sectors_missing),
        CASE(test_RE_torn_payload),
        CASE(test_RF_corrupt_with_good_behind),
        CASE(test_RF_good_block_in_the_next_segment),
        CASE(test_RF_damaged_segment_header),
        CASE(test_RG_below_the_durable_mark),
        CASE(test_RG_below_a_block_watermark),
        CASE(test_RG_below_the_mirror),
        CASE(test_RG_missing_block),
        CASE(test_RG_last_segment_missing),
        CASE(test_RH_stale_block_at_the_end),
        CASE(test_RH_unchained_block_at_the_end),
        CASE(test_RH_recycled_segment),
        CASE(test_RI_unchained_with_good_behind),
        CASE(test_RJ_gap_and_repeat),
        CASE(test_RK_foreign_segments),
        CASE(test_older_formats_are_read),
        CASE(test_older_format_is_not_gone_on_with),
        CASE(test_RL_newer_format),
        CASE(test_RM_missing_segment),
        CASE(test_RM_missing_epoch),
        CASE(test_RN_empty_last_segment),
        CASE(test_RN_zero_last_segment),
        CASE(test_RR_read_error),
        CASE(test_RS_record_breaks_an_invariant),
        CASE(test_RS_undecodable_record),
        CASE(test_RT_state_differs),
        CASE(test_RU_locked),
        CASE(test_RV_unknown_files),
        CASE(test_clean_stop_goes_on_in_place),
        CASE(test_resharding),
        CASE(test_sealed_epoch_is_strict),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

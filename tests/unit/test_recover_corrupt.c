/* The recovery table of docs/wal-format.md, case by case: what no crash explains, which a
 * start refuses with its exit code and the place. */
#include "recover_rig.h"

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_RF_corrupt_with_good_behind),
        CASE(test_RF_good_block_in_the_next_segment),
        CASE(test_RF_damaged_segment_header),
        CASE(test_RG_below_the_durable_mark),
        CASE(test_RG_below_a_block_watermark),
        CASE(test_RG_below_the_mirror),
        CASE(test_RG_missing_block),
        CASE(test_RG_last_segment_missing),
        CASE(test_RI_unchained_with_good_behind),
        CASE(test_RJ_gap_and_repeat),
        CASE(test_RK_foreign_segments),
        CASE(test_RM_missing_segment),
        CASE(test_RM_missing_epoch),
        CASE(test_sealed_epoch_is_strict),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

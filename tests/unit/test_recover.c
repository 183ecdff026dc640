/* The recovery table of docs/wal-format.md, case by case: where a start finds the end of
 * the log, what it cuts there and how the log goes on. */
#include "recover_rig.h"

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

static void of_an_earlier_life(struct log_block_header *header)
{
    header->nonce ^= 1;
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

/* RH: behind the last block of a full recycled segment lies the inside of an old block,
 * which has no header to know it by; the log goes on in the next segment. */
static void test_RH_inside_of_an_old_block(void **state)
{
    (void)state;
    make_log(60, 2);
    char free_path[LOG_PATH_BYTES + 32], pages[FIXTURE_SEGMENT_BYTES - 4096];
    snprintf(free_path, sizeof free_path, "%s/free-0000000009.log", fixture_shard_path(&f, 1, 0));
    file_copy(fixture_segment(&f, 1), free_path);
    memset(pages, 0xa5, sizeof pages);
    file_write(free_path, 4096, pages, sizeof pages);
    unlink(fixture_segment(&f, 3));
    assert_int_equal(fixture_recover(&f, false), 0);
    fixture_write(&f);
    fixture_await_spare(&f);
    /* Blocks of two pages, in fifteen: one stays as it was. */
    fixture_fill(&f, 61, 1060, 60);
    fixture_stop(&f);
    char last[4096];
    uint32_t left = 0;
    for (uint64_t number = 3; access(fixture_segment(&f, number), F_OK) == 0; number++) {
        file_read(fixture_segment(&f, number), FIXTURE_SEGMENT_BYTES - sizeof last, last,
                  sizeof last);
        left += memcmp(last, pages, sizeof last) == 0;
    }
    assert_int_equal(left, 1);
    assert_int_equal(fixture_recover(&f, false), 0);
    fixture_assert_visited(&f, 1, 1060);
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
        CASE(test_RH_stale_block_at_the_end),
        CASE(test_RH_unchained_block_at_the_end),
        CASE(test_RH_recycled_segment),
        CASE(test_RH_inside_of_an_old_block),
        CASE(test_RN_empty_last_segment),
        CASE(test_RN_zero_last_segment),
        CASE(test_RU_locked),
        CASE(test_RV_unknown_files),
        CASE(test_clean_stop_goes_on_in_place),
        CASE(test_resharding),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

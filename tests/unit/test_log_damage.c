/* Places in a log that no crash of ours leaves, in logs of large segments too: what recovery
 * says of each, and what a follower that reads the same files says. */
#include "log_case.h"

#include "../../persist/log_reader.h"
#include "faulty_storage.h"

enum { LARGE_SEGMENT_BYTES = 6 << 20, FAR_BYTES = 3 << 20 };

static struct log_error error;

/* Quantities 1..count, three in a block, stopped as by kill -9. */
static void make_log(uint32_t count)
{
    assert_int_equal(fixture_recover(&f, true), 0);
    fixture_write(&f);
    fixture_await_spare(&f);
    fixture_fill(&f, 1, count, 3);
    fixture_await_spare(&f);
    fixture_stop(&f);
}

static void assert_refused(int exit_code, const char *label, const char *why)
{
    assert_int_equal(fixture_recover(&f, false), exit_code);
    assert_string_equal(f.error.label, label);
    if (!strstr(f.error.text, why))
        fail_msg("not \"%s\": %s", why, f.error.text);
}

static void assert_recovers(uint32_t last)
{
    assert_int_equal(fixture_recover(&f, false), 0);
    fixture_assert_visited(&f, 1, last);
    data_dir_close(f.dir);
    f.dir = NULL;
}

/* The block at `index` of segment 1, changed and sealed again. */
static void change_block(uint32_t index, void change(struct log_block_header *))
{
    static _Alignas(4096) uint8_t block[4096];
    struct log_block_header *header = (struct log_block_header *)(void *)block;
    uint64_t at = block_offset(fixture_segment(&f, 1), index);
    file_read(fixture_segment(&f, 1), at, block, sizeof block);
    change(header);
    log_block_seal(header);
    file_write(fixture_segment(&f, 1), at, block, sizeof block);
}

static void of_another_shard(struct log_block_header *header)
{
    header->shard++;
}
static void of_another_life(struct log_block_header *header)
{
    header->nonce++;
}
static void out_of_chain(struct log_block_header *header)
{
    header->previous_hash++;
}
static void out_of_sequence(struct log_block_header *header)
{
    header->first_sequence++;
}
static void one_byte_longer(struct log_block_header *header)
{
    header->bytes++;
}
static void garbled_record(struct log_block_header *header)
{
    ((uint8_t *)header)[LOG_BLOCK_HEADER_BYTES] = 0xc1;
}

static struct log_segment_header segment_header(uint64_t number)
{
    struct log_segment_header header;
    file_read(fixture_segment(&f, number), 0, &header, sizeof header);
    return header;
}

static void put_segment_header(uint64_t number, const struct log_segment_header *header)
{
    uint8_t page[LOG_SEGMENT_HEADER_BYTES];
    memcpy(page, header, sizeof *header);
    log_file_header_seal(page, sizeof *header);
    file_write(fixture_segment(&f, number), 0, page, sizeof page);
}

static void put_zeros(uint64_t number, uint64_t offset, size_t length)
{
    static uint8_t zeros[FIXTURE_SEGMENT_BYTES];
    file_write(fixture_segment(&f, number), offset, zeros, length);
}

/* --- recovery --- */

/* RK: a block of another shard, chained and in sequence, is no end of a log. */
static void test_foreign_block(void **state)
{
    (void)state;
    make_log(12);
    change_block(3, of_another_shard);
    assert_refused(LOG_EXIT_CORRUPT, "RK", "a block of another shard");
}

/* RS: a block with more bytes than its records, and one that is no record. */
static void test_bytes_behind_the_records(void **state)
{
    (void)state;
    make_log(12);
    change_block(3, one_byte_longer);
    assert_refused(LOG_EXIT_BUG, "RS", "");
    change_block(3, garbled_record);
    assert_refused(LOG_EXIT_BUG, "RS", "");
}

/* RN, RF, RG: a first segment without a header is an empty log only if nothing is in it,
 * nothing behind it, and nobody knows of more. */
static void test_zero_header(void **state)
{
    const struct log_position mirror = {1, 0, 9};
    const struct data_dir_options open = {.path = f.path, .allow_buffered = true};
    struct recovery_options options = {.shard_count = 1,
                                       .segment_bytes = FIXTURE_SEGMENT_BYTES,
                                       .mirror_positions = &mirror,
                                       .mirror_position_count = 1};
    (void)state;
    make_log(12);
    put_zeros(1, 0, LOG_SEGMENT_HEADER_BYTES);
    assert_refused(LOG_EXIT_CORRUPT, "RF", "the segment's header is missing"); /* data */
    put_zeros(1, 0, FIXTURE_SEGMENT_BYTES);
    fixture_forget_mark(&f);
    assert_refused(LOG_EXIT_CORRUPT, "RF", "the segment's header is missing"); /* one behind */
    unlink(fixture_segment(&f, 2));
    assert_int_equal(data_dir_open(&f.dir, &open, &f.error), 0);
    assert_int_equal(recovery_run(f.dir, &options, fixture_visit, &f, &f.recovered, &f.error),
                     LOG_EXIT_CORRUPT);
    assert_string_equal(f.error.label, "RG"); /* the mirror has more */
    data_dir_close(f.dir);
    f.dir = NULL;
    assert_int_equal(fixture_recover(&f, false), 0);
    assert_int_equal(f.visited_count, 0);
}

/* A segment shorter than its header: of zeros it was never begun, of others it is damage. */
static void test_short_segment(void **state)
{
    (void)state;
    make_log(12);
    assert_int_equal(truncate(fixture_segment(&f, 2), 0), 0);
    put_zeros(2, 0, 100);
    assert_recovers(12);
    fixture_remove(f.path);
    mkdir(f.path, 0700);
    make_log(12);
    assert_int_equal(truncate(fixture_segment(&f, 2), 100), 0);
    assert_refused(LOG_EXIT_CORRUPT, "RF", "header is damaged");
}

/* One that says another cluster (0), epoch, shard or number (3). */
static struct log_segment_header foreign_header(struct log_segment_header header, int part)
{
    header.cluster.bytes[5] ^= part == 0;
    header.epoch += part == 1;
    header.shard = (uint16_t)(header.shard + (part == 2));
    header.number += part == 3;
    return header;
}

/* RK: each part of whose a segment is. */
static void test_foreign_segment(void **state)
{
    (void)state;
    make_log(12);
    const struct log_segment_header good = segment_header(2);
    for (int part = 0; part < 4; part++) {
        const struct log_segment_header bad = foreign_header(good, part);
        put_segment_header(2, &bad);
        assert_refused(LOG_EXIT_CORRUPT, "RK", part == 0 ? "another cluster" : "this cluster");
    }
    put_segment_header(2, &good);
    assert_recovers(12);
}

/* Makes a file of segment 1's bytes that says it was recycled, in place of itself. */
static void say_recycled(uint64_t number)
{
    struct log_segment_header header = segment_header(number);
    header.head.flags |= LOG_SEGMENT_RECYCLED;
    put_segment_header(number, &header);
}

/* In a recycled file what lies behind the end is an earlier life's: a torn block there
 * is cut, with nothing behind it counting as a later write. */
static void test_torn_in_a_recycled_file(void **state)
{
    (void)state;
    make_log(12);
    say_recycled(1);
    uint64_t last = block_offset(fixture_segment(&f, 1), 3);
    file_flip(fixture_segment(&f, 1), last + 100, 1);
    file_flip(fixture_segment(&f, 1), last + 3 * LOG_ALIGNMENT, 0xff);
    fixture_forget_mark(&f);
    assert_recovers(9);
    fixture_remove(f.path);
    mkdir(f.path, 0700);
    make_log(12);
    last = block_offset(fixture_segment(&f, 1), 3);
    file_flip(fixture_segment(&f, 1), last + 100, 1);
    file_flip(fixture_segment(&f, 1), last + 3 * LOG_ALIGNMENT, 0xff);
    fixture_forget_mark(&f);
    assert_refused(LOG_EXIT_CORRUPT, "RG", "a later write was begun");
}

/* Garbage behind zeros is a flush whose first sectors never came; in a recycled file it
 * is nothing. */
static void test_garbage_behind_the_end(void **state)
{
    (void)state;
    make_log(12);
    uint64_t end = block_offset(fixture_segment(&f, 1), 4);
    say_recycled(1);
    file_flip(fixture_segment(&f, 1), end + LOG_ALIGNMENT, 0xff);
    assert_int_equal(fixture_recover(&f, false), 0);
    fixture_assert_visited(&f, 1, 12);
    assert_int_equal(f.recovered.torn, 0);
}

/* Of a torn block with garbage far behind it, no more than the longest block is kept
 * apart. */
static void test_far_garbage(void **state)
{
    char path[LOG_PATH_BYTES + 16];
    struct stat info;
    (void)state;
    f.segment_bytes = LARGE_SEGMENT_BYTES;
    make_log(12);
    uint64_t last = block_offset(fixture_segment(&f, 1), 3);
    file_flip(fixture_segment(&f, 1), last, 1);
    file_flip(fixture_segment(&f, 1), last + FAR_BYTES, 0xff);
    fixture_forget_mark(&f);
    assert_int_equal(fixture_recover(&f, false), 0);
    fixture_assert_visited(&f, 1, 9);
    assert_int_equal(f.recovered.torn, 1);
    snprintf(path, sizeof path, "%s/quarantine", fixture_shard_path(&f, 1, 0));
    DIR *directory = opendir(path);
    struct dirent *entry;
    uint32_t kept = 0;
    while ((entry = readdir(directory)) != NULL)
        if (entry->d_name[0] != '.') {
            assert_int_equal(fstatat(dirfd(directory), entry->d_name, &info, 0), 0);
            assert_true(info.st_size <= LOG_BLOCK_BYTES_MAX + LOG_ALIGNMENT);
            kept++;
        }
    closedir(directory);
    assert_true(kept > 0);
}

/* A torn last block, and a recycled spare behind it full of an earlier life: the end. */
static void test_recycled_spare(void **state)
{
    (void)state;
    make_log(12);
    struct log_segment_header spare = segment_header(2);
    file_copy(fixture_segment(&f, 1), fixture_segment(&f, 2));
    spare.head.flags |= LOG_SEGMENT_RECYCLED;
    put_segment_header(2, &spare);
    uint64_t last = block_offset(fixture_segment(&f, 1), 3);
    file_flip(fixture_segment(&f, 1), last + 100, 1);
    fixture_forget_mark(&f);
    assert_recovers(9);
}

/* --- followers --- */

static struct data_dir *reader_dir;
static struct log_reader *reader;

static int follow(const struct log_reader_options *options)
{
    struct log_reader_options all = *options;
    log_reader_close(reader);
    reader = NULL;
    if (!reader_dir)
        assert_int_equal(data_dir_open_reader(&reader_dir, f.path, &error), 0);
    all.dir = reader_dir;
    all.epoch = all.epoch ? all.epoch : 1;
    return log_reader_open(&reader, &all, &error);
}

static void follow_no_more(void)
{
    log_reader_close(reader);
    data_dir_close(reader_dir);
    reader = NULL;
    reader_dir = NULL;
}

/* How many records come, and what comes behind the last. */
static uint32_t read_all(enum log_reader_status *end)
{
    static struct record record;
    uint32_t count = 0;
    error = (struct log_error){0};
    while ((*end = log_reader_next(reader, &record, &error)) == LOG_READER_RECORD)
        count++;
    return count;
}

/* A durable block that is not the one that must be there is damage, whichever way. */
static void test_reader_wrong_blocks(void **state)
{
    static void (*const changes[])(struct log_block_header *) = {of_another_shard, of_another_life,
                                                                 out_of_chain, out_of_sequence};
    enum log_reader_status end;
    (void)state;
    make_log(12);
    for (size_t i = 0; i < sizeof changes / sizeof changes[0]; i++) {
        char kept[LOG_PATH_BYTES + 8];
        snprintf(kept, sizeof kept, "%s.kept", fixture_segment(&f, 1));
        file_copy(fixture_segment(&f, 1), kept);
        change_block(2, changes[i]);
        assert_int_equal(follow(&(struct log_reader_options){.epoch = 1}), 0);
        assert_int_equal(read_all(&end), 6);
        assert_int_equal(end, LOG_READER_ERROR);
        assert_int_equal(error.exit_code, LOG_EXIT_CORRUPT);
        assert_non_null(strstr(error.text, "segment-0000000001.log"));
        rename(kept, fixture_segment(&f, 1));
    }
    change_block(2, garbled_record); /* the chain behind it breaks too: after the record */
    assert_int_equal(follow(&(struct log_reader_options){.epoch = 1}), 0);
    assert_int_equal(read_all(&end), 6);
    assert_int_equal(error.exit_code, LOG_EXIT_BUG);
    follow_no_more();
}

/* A segment that is another's is not read as this log's. */
static void test_reader_foreign_segment(void **state)
{
    enum log_reader_status end;
    (void)state;
    make_log(12);
    const struct log_segment_header good = segment_header(1);
    for (int part = 0; part < 4; part++) {
        const struct log_segment_header bad = foreign_header(good, part);
        put_segment_header(1, &bad);
        assert_int_equal(follow(&(struct log_reader_options){.epoch = 1}), 0);
        assert_int_equal(read_all(&end), 0);
        assert_int_equal(end, LOG_READER_ERROR);
        assert_int_equal(error.exit_code, LOG_EXIT_CORRUPT);
    }
    put_segment_header(1, &good);
    assert_int_equal(truncate(fixture_segment(&f, 1), 100), 0);
    assert_int_equal(follow(&(struct log_reader_options){.epoch = 1}), 0);
    assert_int_equal(read_all(&end), 0);
    assert_int_equal(error.exit_code, LOG_EXIT_CORRUPT);
    unlink(fixture_segment(&f, 1));
    unlink(fixture_segment(&f, 2));
    assert_int_equal(follow(&(struct log_reader_options){.epoch = 1}), 0);
    assert_int_equal(read_all(&end), 0);
    assert_int_equal(end, LOG_READER_ERROR);
    assert_int_equal(error.exit_code, LOG_EXIT_IO); /* nothing to read, which was there */
    follow_no_more();
}

/* Records that were given up are refused by name, unless the oldest there are will do. */
static void test_reader_given_up(void **state)
{
    enum log_reader_status end;
    struct log_start position;
    (void)state;
    make_log(600);
    uint32_t whole = 0;
    assert_int_equal(follow(&(struct log_reader_options){.epoch = 1}), 0);
    log_reader_position(reader, &position);
    assert_int_equal(position.segment, 0); /* nothing read yet */
    assert_int_equal(read_all(&end), 600);
    log_reader_position(reader, &position);
    assert_true(position.segment > 1);
    assert_int_equal(position.sequence, 600);
    unlink(fixture_segment(&f, 1));
    assert_int_equal(follow(&(struct log_reader_options){.epoch = 1}), 0);
    whole = read_all(&end);
    assert_int_equal(whole, 0);
    assert_int_equal(end, LOG_READER_ERROR);
    assert_int_equal(error.exit_code, LOG_EXIT_NO_DATA);
    assert_int_equal(follow(&(struct log_reader_options){.epoch = 1, .from_oldest = true}), 0);
    uint32_t rest = read_all(&end);
    assert_int_equal(end, LOG_READER_IDLE);
    assert_true(rest > 0 && rest < 600);
    follow_no_more();
}

/* Places that no log has. */
static void test_reader_unknown_places(void **state)
{
    (void)state;
    make_log(3);
    const struct log_reader_options wrong[] = {
        {.epoch = 2}, {.epoch = 1, .shard = 1}, {.epoch = UINT32_MAX}};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        assert_int_equal(follow(&wrong[i]), LOG_EXIT_NO_DATA);
    assert_int_equal(follow(&(struct log_reader_options){.epoch = 1}), 0);
    struct log_reader_options none = {.dir = reader_dir, .epoch = 0};
    struct log_reader *other = NULL;
    assert_int_equal(log_reader_open(&other, &none, &error), LOG_EXIT_NO_DATA);
    assert_null(other);
    follow_no_more();
}

/* A disk that fails at each call in turn: the follower says so, or has every record. */
static void test_reader_faults(void **state)
{
    static const int errors[] = {-EIO, -ENOENT, -EACCES};
    struct faulty_storage faulty;
    enum log_reader_status end = LOG_READER_IDLE;
    uint32_t failed = 0;
    (void)state;
    f.segment_bytes = LARGE_SEGMENT_BYTES;
    make_log(45000);
    faulty_init(&faulty);
    for (uint32_t at = 1;; at++) {
        faulty_arm(&faulty, at, 3, errors[at % 3]);
        error = (struct log_error){0};
        int code = data_dir_open_reader_on(&reader_dir, &faulty.storage, f.path, &error);
        if (code == 0)
            code = follow(&(struct log_reader_options){.epoch = 1});
        if (code == 0) {
            uint32_t count = read_all(&end);
            code = error.exit_code;
            assert_true(count == 45000 || end == LOG_READER_ERROR);
        }
        failed += code != 0;
        bool struck = faulty_struck(&faulty);
        faulty_arm(&faulty, 0, 1, 0);
        follow_no_more();
        if (!struck)
            break;
    }
    assert_true(failed > 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_foreign_block),
        CASE(test_bytes_behind_the_records),
        CASE(test_zero_header),
        CASE(test_short_segment),
        CASE(test_foreign_segment),
        CASE(test_torn_in_a_recycled_file),
        CASE(test_garbage_behind_the_end),
        CASE(test_far_garbage),
        CASE(test_recycled_spare),
        CASE(test_reader_wrong_blocks),
        CASE(test_reader_foreign_segment),
        CASE(test_reader_given_up),
        CASE(test_reader_unknown_places),
        CASE(test_reader_faults),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

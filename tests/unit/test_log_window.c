#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <errno.h>
#include <cmocka.h>

#include "../../persist/log_window.h"

enum { FILE_BYTES = 24 << 20, PIECE_BYTES = 4 << 20, BLOCKS_MAX = 4096 };

/* The system's disk, which counts, and fails when it is told to. */
struct disk {
    struct storage storage;
    const struct storage *below;
    uint32_t reads, begun, ended;
    size_t longest_read;
    bool refuse_begin, fail_end;
    uint32_t reads_to_fail;
};

struct bench {
    char directory[64], path[96];
    struct disk disk;
    struct log_window window;
    uint64_t offsets[BLOCKS_MAX];
    uint32_t count;
};

static int64_t disk_read(void *context, int fd, void *bytes, size_t length, uint64_t offset)
{
    struct disk *disk = context;
    disk->reads++;
    disk->longest_read = length > disk->longest_read ? length : disk->longest_read;
    if (disk->reads_to_fail > 0) {
        disk->reads_to_fail--;
        return -EIO;
    }
    return disk->below->read(disk->below->context, fd, bytes, length, offset);
}

static struct storage_ahead *disk_read_begin(void *context, int fd, void *bytes, size_t length,
                                             uint64_t offset)
{
    struct disk *disk = context;
    if (disk->refuse_begin)
        return NULL;
    disk->begun++;
    return disk->below->read_begin(disk->below->context, fd, bytes, length, offset);
}

static int64_t disk_read_end(void *context, struct storage_ahead *ahead)
{
    struct disk *disk = context;
    disk->ended++;
    int64_t got = disk->below->read_end(disk->below->context, ahead);
    return disk->fail_end ? -EIO : got;
}

static int disk_open(void *context, const char *path, enum storage_open how)
{
    const struct disk *disk = context;
    return disk->below->open(disk->below->context, path, how);
}

static void disk_close(void *context, int fd)
{
    const struct disk *disk = context;
    disk->below->close(disk->below->context, fd);
}

static void disk_init(struct disk *disk)
{
    *disk = (struct disk){.below = storage_system(true), .storage = *storage_system(true)};
    disk->storage.context = disk;
    disk->storage.open = disk_open;
    disk->storage.close = disk_close;
    disk->storage.read = disk_read;
    disk->storage.read_begin = disk_read_begin;
    disk->storage.read_end = disk_read_end;
}

/* Blocks of all lengths, one behind the other, the last one near the end. */
static void make_blocks(struct bench *bench, uint8_t *file)
{
    uint64_t offset = 0, dice = 1;
    while (bench->count < BLOCKS_MAX) {
        dice = dice * 6364136223846793005u + 1442695040888963407u;
        uint32_t most = bench->count % 3 == 0 ? LOG_BLOCK_BYTES_MAX - LOG_BLOCK_HEADER_BYTES : 9000;
        struct log_block_header header = {.magic = LOG_BLOCK_MAGIC,
                                          .count = 1,
                                          .bytes = 1 + (uint32_t)(dice >> 33) % most,
                                          .nonce = 7,
                                          .first_sequence = bench->count + 1};
        if (offset + log_block_size(&header) > FILE_BYTES)
            return;
        memset(file + offset + LOG_BLOCK_HEADER_BYTES, (int)(dice >> 56), header.bytes);
        memcpy(file + offset, &header, sizeof header);
        log_block_seal((struct log_block_header *)(void *)(file + offset));
        bench->offsets[bench->count++] = offset;
        offset += log_block_size(&header);
    }
}

static int set_up(void **state)
{
    struct bench *bench = calloc(1, sizeof *bench);
    uint8_t *file = aligned_alloc(STORAGE_ALIGNMENT, FILE_BYTES);
    assert_non_null(bench);
    assert_non_null(file);
    memset(file, 0, FILE_BYTES);
    snprintf(bench->directory, sizeof bench->directory, "window-XXXXXX");
    assert_non_null(mkdtemp(bench->directory));
    snprintf(bench->path, sizeof bench->path, "%s/file", bench->directory);
    make_blocks(bench, file);
    disk_init(&bench->disk);
    const struct storage *disk = bench->disk.below;
    int fd = disk->open(disk->context, bench->path, STORAGE_CREATE);
    assert_true(fd >= 0);
    assert_int_equal(disk->write(disk->context, fd, file, FILE_BYTES, 0), 0);
    disk->close(disk->context, fd);
    free(file);
    log_window_init(&bench->window, &bench->disk.storage, PIECE_BYTES);
    *state = bench;
    return 0;
}

static int tear_down(void **state)
{
    struct bench *bench = *state;
    log_window_release(&bench->window);
    assert_int_equal(bench->disk.begun, bench->disk.ended);
    unlink(bench->path);
    rmdir(bench->directory);
    free(bench);
    return 0;
}

static void expect_block(struct bench *bench, uint32_t index)
{
    enum log_block_state block_state;
    const struct log_block_header *block;
    assert_int_equal(log_window_block(&bench->window, bench->offsets[index], &block_state, &block),
                     0);
    assert_int_equal(block_state, LOG_BLOCK_GOOD);
    assert_int_equal(block->first_sequence, index + 1);
}

static void read_all(struct bench *bench)
{
    assert_int_equal(log_window_open(&bench->window, bench->path), 0);
    for (uint32_t i = 0; i < bench->count; i++)
        expect_block(bench, i);
}

/* A file that is read on shows every block, and all its pieces but the first two are
 * read while those before them are looked at. */
static void test_reads_ahead(void **state)
{
    struct bench *bench = *state;
    read_all(bench);
    assert_in_range(bench->disk.reads, 1, 2);
    assert_in_range(bench->disk.begun, FILE_BYTES / PIECE_BYTES - 2, FILE_BYTES / PIECE_BYTES + 1);
}

/* Where nothing can be read ahead, all is read when it is wanted. */
static void test_reads_without(void **state)
{
    struct bench *bench = *state;
    bench->disk.refuse_begin = true;
    read_all(bench);
    assert_true(bench->disk.reads >= FILE_BYTES / PIECE_BYTES);
    bench->disk.storage.read_begin = NULL;
    read_all(bench);
    assert_int_equal(bench->disk.begun, 0);
}

/* A piece that could not be read ahead is read again, and counts as unreadable only
 * after three more failures. */
static void test_failing_piece_is_read_again(void **state)
{
    struct bench *bench = *state;
    enum log_block_state block_state;
    const struct log_block_header *block;
    bench->disk.fail_end = true;
    read_all(bench);
    assert_true(bench->disk.begun > 0);
    assert_int_equal(log_window_open(&bench->window, bench->path), 0);
    uint32_t at = 0;
    while (bench->window.ahead == NULL)
        expect_block(bench, at++);
    bench->disk.reads_to_fail = 3;
    int error = 0;
    while (error == 0 && at < bench->count)
        error = log_window_block(&bench->window, bench->offsets[at++], &block_state, &block);
    assert_int_equal(error, -EIO);
    assert_int_equal(bench->disk.reads_to_fail, 0);
    expect_block(bench, at - 1);
}

/* What is looked at need not be what was read ahead: before it, far behind it, after
 * what was read is forgotten, and in a file that was opened in between. */
static void test_goes_elsewhere_meanwhile(void **state)
{
    struct bench *bench = *state;
    assert_int_equal(log_window_open(&bench->window, bench->path), 0);
    uint32_t at = 0;
    while (bench->window.ahead == NULL)
        expect_block(bench, at++);
    expect_block(bench, 0);
    for (uint32_t turn = 0; turn < 4; turn++) {
        at = 1;
        while (bench->window.ahead == NULL)
            expect_block(bench, at++);
        if (turn == 0)
            expect_block(bench, bench->count - 1);
        else if (turn == 1)
            log_window_refresh(&bench->window);
        else
            assert_int_equal(log_window_open(&bench->window, bench->path), 0);
        expect_block(bench, 0);
    }
    at = 1;
    while (bench->window.ahead == NULL)
        expect_block(bench, at++);
}

/* A page is read without what lies behind it, which comes when it is wanted. */
static void test_page_reads_a_page(void **state)
{
    struct bench *bench = *state;
    const uint8_t *bytes;
    size_t available;
    assert_int_equal(log_window_open(&bench->window, bench->path), 0);
    assert_int_equal(log_window_page(&bench->window, 0, &bytes, &available), 0);
    assert_int_equal(available, LOG_ALIGNMENT);
    assert_int_equal(bench->disk.longest_read, LOG_ALIGNMENT);
    assert_int_equal(((const struct log_block_header *)(const void *)bytes)->first_sequence, 1);
    assert_int_equal(log_window_page(&bench->window, FILE_BYTES, &bytes, &available), 0);
    assert_int_equal(available, 0);
    bench->disk.reads_to_fail = 3;
    assert_int_equal(log_window_page(&bench->window, 0, &bytes, &available), -EIO);
    expect_block(bench, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_reads_ahead, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_reads_without, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_failing_piece_is_read_again, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_goes_elsewhere_meanwhile, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_page_reads_a_page, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

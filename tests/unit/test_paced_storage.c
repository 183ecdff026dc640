#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "../../persist/paced_storage.h"
#include "../../persist/snapshot_process.h"

enum { BYTES = 1 << 20, MB_PER_SECOND = 10 };

struct file {
    char directory[64], path[96];
    uint8_t *bytes, *back;
    struct paced_storage paced;
};

static int set_up(void **state)
{
    struct file *file = calloc(1, sizeof *file);
    snprintf(file->directory, sizeof file->directory, "paced-XXXXXX");
    assert_non_null(mkdtemp(file->directory));
    snprintf(file->path, sizeof file->path, "%s/file", file->directory);
    file->bytes = aligned_alloc(STORAGE_ALIGNMENT, BYTES);
    file->back = aligned_alloc(STORAGE_ALIGNMENT, BYTES);
    for (uint32_t i = 0; i < BYTES; i++)
        file->bytes[i] = (uint8_t)(i * 2654435761u >> 24);
    memset(file->back, 0, BYTES);
    *state = file;
    return 0;
}

static int tear_down(void **state)
{
    struct file *file = *state;
    unlink(file->path);
    rmdir(file->directory);
    free(file->bytes);
    free(file->back);
    free(file);
    return 0;
}

static const struct storage *paced(struct file *file, uint32_t read_mb, uint32_t write_mb)
{
    paced_storage_init(&file->paced, storage_system(true), read_mb, write_mb);
    return &file->paced.storage;
}

static int open_file(const struct storage *storage, const struct file *file, enum storage_open how)
{
    int fd = storage->open(storage->context, file->path, how);
    assert_true(fd >= 0);
    return fd;
}

/* What is written in pieces and read in pieces is what it was, and a read ends where the file
 * does. */
static void test_same_bytes(void **state)
{
    struct file *file = *state;
    const struct storage *storage = paced(file, 0, 0);
    int fd = open_file(storage, file, STORAGE_CREATE);
    assert_int_equal(storage->write(storage->context, fd, file->bytes, BYTES, 0), 0);
    assert_int_equal(storage->size(storage->context, fd), BYTES);
    storage->close(storage->context, fd);
    fd = open_file(storage, file, STORAGE_READ);
    assert_int_equal(storage->read(storage->context, fd, file->back, BYTES, 0), BYTES);
    assert_memory_equal(file->bytes, file->back, BYTES);
    assert_int_equal(storage->read(storage->context, fd, file->back, BYTES, BYTES - 12288), 12288);
    assert_memory_equal(file->bytes + BYTES - 12288, file->back, 12288);
    assert_int_equal(storage->read(storage->context, fd, file->back, BYTES, BYTES), 0);
    storage->close(storage->context, fd);
}

/* Reading and writing take the time their rates ask for, each its own, less one piece. */
static void test_rates(void **state)
{
    struct file *file = *state;
    const struct storage *storage = paced(file, MB_PER_SECOND, MB_PER_SECOND);
    const uint64_t least_ns = (uint64_t)(BYTES - PACED_PIECE_BYTES) * 1000 / MB_PER_SECOND;
    uint64_t began_ns = snapshot_monotonic_ns();
    int fd = open_file(storage, file, STORAGE_CREATE);
    assert_int_equal(storage->write(storage->context, fd, file->bytes, BYTES, 0), 0);
    storage->close(storage->context, fd);
    assert_true(snapshot_monotonic_ns() - began_ns >= least_ns);
    fd = open_file(storage, file, STORAGE_READ);
    began_ns = snapshot_monotonic_ns();
    assert_int_equal(storage->read(storage->context, fd, file->back, BYTES, 0), BYTES);
    assert_true(snapshot_monotonic_ns() - began_ns >= least_ns);
    assert_memory_equal(file->bytes, file->back, BYTES);
    storage->close(storage->context, fd);
}

/* Time in which nothing was read is not made up for by a burst. */
static void test_no_burst(void **state)
{
    struct file *file = *state;
    const struct storage *storage = paced(file, MB_PER_SECOND, 0);
    int fd = open_file(storage, file, STORAGE_CREATE);
    assert_int_equal(storage->write(storage->context, fd, file->bytes, BYTES, 0), 0);
    snapshot_sleep_ns(200000000);
    uint64_t began_ns = snapshot_monotonic_ns();
    assert_int_equal(storage->read(storage->context, fd, file->back, BYTES, 0), BYTES);
    assert_true(snapshot_monotonic_ns() - began_ns >=
                (uint64_t)(BYTES - PACED_PIECE_BYTES) * 1000 / MB_PER_SECOND);
    storage->close(storage->context, fd);
}

/* A failure is the inner storage's own. */
static void test_failures(void **state)
{
    struct file *file = *state;
    const struct storage *storage = paced(file, 0, 0);
    assert_true(storage->open(storage->context, file->path, STORAGE_READ) < 0);
    assert_true(storage->read(storage->context, -1, file->back, BYTES, 0) < 0);
    assert_true(storage->write(storage->context, -1, file->bytes, BYTES, 0) < 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_same_bytes, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_rates, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_no_burst, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_failures, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

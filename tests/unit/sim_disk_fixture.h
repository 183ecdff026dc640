/* A simulated disk for each test, files of one page and flushes of one page. */
#ifndef TESTS_UNIT_SIM_DISK_FIXTURE_H
#define TESTS_UNIT_SIM_DISK_FIXTURE_H

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "../sim/disk.h"

enum { PAGE = STORAGE_ALIGNMENT, SEEDS = 200 };

static struct sim_disk *disk;
static const struct storage *files;
static _Alignas(PAGE) uint8_t page[4 * PAGE];

static inline void start(uint64_t seed)
{
    disk = sim_disk_new(seed);
    files = sim_disk_storage(disk);
}

static inline int setup(void **state)
{
    (void)state;
    start(1);
    return 0;
}

static inline int teardown(void **state)
{
    (void)state;
    sim_disk_free(disk);
    disk = NULL;
    return 0;
}

static inline const uint8_t *filled(uint8_t value)
{
    memset(page, value, sizeof page);
    return page;
}

/* A file of one page of `value`, synced, with a durable name if `named`. */
static inline int make_file(const char *path, uint8_t value, bool named)
{
    int fd = files->open(files->context, path, STORAGE_CREATE);
    assert_true(fd >= 0);
    assert_int_equal(files->write(files->context, fd, filled(value), PAGE, 0), 0);
    assert_int_equal(files->sync(files->context, fd), 0);
    if (named)
        assert_int_equal(files->sync_directory(files->context, "/"), 0);
    return fd;
}

/* -1: no such file. */
static inline int64_t read_file(const char *path)
{
    int fd = files->open(files->context, path, STORAGE_READ);
    if (fd < 0)
        return -1;
    int64_t got = files->read(files->context, fd, page, sizeof page, 0);
    assert_int_equal(got, files->size(files->context, fd));
    files->close(files->context, fd);
    return got;
}

static inline void assert_page(const char *path, uint8_t value)
{
    assert_int_equal(read_file(path), PAGE);
    for (size_t i = 0; i < PAGE; i++)
        assert_int_equal(page[i], value);
}

static inline void weigh(uint32_t old, uint32_t new, uint32_t zero, uint32_t random, uint32_t name)
{
    struct sim_disk_weights weights = {
        .old = old, .new = new, .zero = zero, .random = random, .name = name};
    sim_disk_set_weights(disk, &weights);
}

static struct log_storage *flushes;
static int status, done_count;

static inline void note(void *context, int result)
{
    (void)context;
    status = result;
    done_count++;
}

static inline void flush(int fd, uint8_t value, uint64_t offset)
{
    if (!flushes) {
        flushes = sim_disk_log_storage_new(disk);
        log_storage_bind(flushes, note, NULL);
    }
    status = 1;
    log_storage_submit(flushes, fd, filled(value), PAGE, offset);
}

static inline int flush_to_the_end(int fd, uint8_t value, uint64_t offset)
{
    flush(fd, value, offset);
    while (status == 1 && sim_disk_due(disk) != UINT64_MAX)
        sim_disk_advance(disk, sim_disk_due(disk));
    return status;
}

static inline void end_flushes(void)
{
    log_storage_free(flushes);
    flushes = NULL;
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

#endif

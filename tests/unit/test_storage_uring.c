/* Flushes on a real ring: what the kernel says of a descriptor, a full device, a file
 * that may not grow and a full queue is what the flush says; and which way of flushing
 * is taken for a disk. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <liburing.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "../../engine/logger.h"
#include "../../persist/storage.h"

enum { BYTES = 16384, SMALL_BYTES = 4096, BAD_FD = 4000, TAG = 0x42, PENDING = 1, RETRIES = 16 };

static char base[64];
static char path[128];
static uint8_t bytes[BYTES] __attribute__((aligned(STORAGE_ALIGNMENT)));
static struct io_uring ring;
static struct log_storage *storage;
static int status;

static void note(void *context, int result)
{
    *(int *)context = result;
}

static int begin(void **state)
{
    (void)state;
    logger_init(LOGGER_ERROR);
    signal(SIGXFSZ, SIG_IGN);
    snprintf(base, sizeof base, "/tmp/boxoffice-uring-XXXXXX");
    assert_non_null(mkdtemp(base));
    snprintf(path, sizeof path, "%s/file", base);
    return 0;
}

static int end(void **state)
{
    const struct storage *disk = storage_system(true);
    (void)state;
    return disk->remove_tree(disk->context, base);
}

static void open_ring(enum log_storage_method method)
{
    assert_int_equal(io_uring_queue_init(4, &ring, 0), 0);
    storage = log_storage_uring_new(&ring, TAG, method);
    log_storage_bind(storage, note, &status);
}

static void close_ring(void)
{
    log_storage_free(storage);
    io_uring_queue_exit(&ring);
}

/* Takes what has come of the storage's; false: there was nothing. */
static bool take_completion(void)
{
    struct io_uring_cqe *cqe;
    if (io_uring_peek_cqe(&ring, &cqe) < 0)
        return false;
    if (cqe->user_data >> 56 == TAG)
        log_storage_complete(storage, cqe->user_data, cqe->res);
    io_uring_cqe_seen(&ring, cqe);
    return true;
}

/* What becomes of a flush of `length` bytes to the start of the file. */
static int flush(int fd, uint32_t length)
{
    status = PENDING;
    log_storage_submit(storage, fd, bytes, length, 0);
    while (status == PENDING) {
        io_uring_submit_and_wait(&ring, 1);
        while (take_completion())
            ;
    }
    return status;
}

static int create(void)
{
    const struct storage *disk = storage_system(true);
    int fd = disk->open(disk->context, path, STORAGE_CREATE);
    assert_true(fd >= 0);
    return fd;
}

/* No file of this process may be longer, until 0. */
static void limit_file_bytes(rlim_t most)
{
    struct rlimit limit;
    getrlimit(RLIMIT_FSIZE, &limit);
    limit.rlim_cur = most ? most : limit.rlim_max;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

/* fsync fails with it; 0: it works. */
static int fsync_error;

int fsync(int fd)
{
    if (fsync_error != 0) {
        errno = fsync_error;
        return -1;
    }
    return (int)syscall(SYS_fsync, fd);
}

/* --- tests --- */

/* A flush that went well says so, in one operation or in two. */
static void test_good(void **state)
{
    (void)state;
    for (int method = 0; method < 2; method++) {
        int fd = create();
        open_ring((enum log_storage_method)method);
        assert_int_equal(flush(fd, SMALL_BYTES), 0);
        assert_int_equal(flush(fd, BYTES), 0);
        close_ring();
        struct stat info;
        assert_int_equal(fstat(fd, &info), 0);
        assert_int_equal(info.st_size, BYTES);
        close(fd);
    }
}

/* A descriptor that is not open, one that only reads, a device without room: the
 * kernel's word, by either method and for either size. */
static void test_refused(void **state)
{
    (void)state;
    close(create());
    int full = open("/dev/full", O_RDWR | O_CLOEXEC), reading = open(path, O_RDONLY | O_CLOEXEC);
    for (int method = 0; method < 2; method++) {
        open_ring((enum log_storage_method)method);
        for (uint32_t length = SMALL_BYTES; length <= BYTES; length += BYTES - SMALL_BYTES) {
            assert_int_equal(flush(BAD_FD, length), -EBADF);
            assert_int_equal(flush(reading, length), -EBADF);
            assert_int_equal(flush(full, length), -ENOSPC);
        }
        close_ring();
    }
    close(full);
    close(reading);
}

/* A file that may not grow as far: half a block on the disk is no flush, nor is none. */
static void test_short_write(void **state)
{
    (void)state;
    for (int method = 0; method < 2; method++) {
        int fd = create();
        open_ring((enum log_storage_method)method);
        limit_file_bytes(2 * SMALL_BYTES);
        int first = flush(fd, BYTES);
        limit_file_bytes(0);
        assert_int_equal(first, -EIO);
        assert_int_equal(flush(fd, BYTES), 0);
        close_ring();
        close(fd);
    }
}

/* A ring whose queue is full makes room: write and sync are never torn apart. */
static void test_full_queue(void **state)
{
    (void)state;
    int fd = create();
    open_ring(LOG_STORAGE_WRITE_SYNC);
    for (int i = 0; i < 3; i++) {
        struct io_uring_sqe *sqe = io_uring_get_sqe(&ring);
        io_uring_prep_nop(sqe);
        io_uring_sqe_set_data64(sqe, 7);
    }
    assert_int_equal(io_uring_sq_space_left(&ring), 1);
    assert_int_equal(flush(fd, BYTES), 0);
    close_ring();
    close(fd);
}

/* A write that never began is tried again, so many times and no more; one behind which
 * the sync did run is not. */
static void test_retries(void **state)
{
    (void)state;
    for (int method = 0; method < 2; method++) {
        open_ring((enum log_storage_method)method);
        bool pair = method == LOG_STORAGE_WRITE_SYNC;
        status = PENDING;
        log_storage_submit(storage, BAD_FD, bytes, BYTES, 0);
        int tries = 0;
        while (status == PENDING) {
            /* The generation is in the operations that lie in the queue, never entered. */
            uint64_t data = (uint64_t)TAG << 56 | (uint64_t)(uint16_t)(tries + 1) << 8;
            ring.sq.sqe_head = ring.sq.sqe_tail = 0;
            log_storage_complete(storage, data, tries % 2 ? -EAGAIN : -EINTR);
            if (pair)
                log_storage_complete(storage, data | 1, -ECANCELED);
            tries++;
        }
        assert_int_equal(tries, RETRIES + 1);
        assert_true(status == -EINTR || status == -EAGAIN);
        close_ring();
    }
    open_ring(LOG_STORAGE_WRITE_SYNC);
    status = PENDING;
    log_storage_submit(storage, BAD_FD, bytes, BYTES, 0);
    log_storage_complete(storage, (uint64_t)TAG << 56 | 1 << 8, -EINTR);
    log_storage_complete(storage, (uint64_t)TAG << 56 | 1 << 8 | 1, -EIO);
    assert_int_equal(status, -EINTR);
    close_ring();
}

/* --- which way --- */

static uint32_t files_left(void)
{
    uint32_t count = 0;
    DIR *directory = opendir(base);
    while (readdir(directory))
        count++;
    closedir(directory);
    return count - 2;
}

/* On a disk that works one of the two is measured to be better, and told; the scratch
 * file is gone. */
static void test_calibrate(void **state)
{
    char said[512] = "";
    (void)state;
    unlink(path);
    int kept = dup(STDERR_FILENO), out = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    logger_init(LOGGER_INFO);
    dup2(out, STDERR_FILENO);
    enum log_storage_method method = log_storage_calibrate(base);
    dup2(kept, STDERR_FILENO);
    logger_init(LOGGER_ERROR);
    assert_true(pread(out, said, sizeof said - 1, 0) > 0);
    assert_non_null(strstr(said, "log_backend"));
    assert_non_null(strstr(said, log_storage_method_name(method)));
    assert_string_not_equal(log_storage_method_name(LOG_STORAGE_WRITE_SYNC),
                            log_storage_method_name(LOG_STORAGE_WRITE_DSYNC));
    assert_int_equal(files_left(), 1);
    close(out);
    close(kept);
}

/* Where nothing can be measured the careful way is taken: without a directory, without
 * room, without a sync, without a ring. */
static void test_calibrate_without(void **state)
{
    struct rlimit limit, none;
    (void)state;
    unlink(path);
    assert_int_equal(log_storage_calibrate("/nonexistent"), LOG_STORAGE_WRITE_SYNC);
    limit_file_bytes(SMALL_BYTES);
    assert_int_equal(log_storage_calibrate(base), LOG_STORAGE_WRITE_SYNC);
    limit_file_bytes(0);
    fsync_error = EIO;
    assert_int_equal(log_storage_calibrate(base), LOG_STORAGE_WRITE_SYNC);
    fsync_error = 0;
    int next = dup(STDERR_FILENO); /* the scratch file is the last descriptor there is */
    close(next);
    getrlimit(RLIMIT_NOFILE, &limit);
    none = limit;
    none.rlim_cur = (rlim_t)next + 1;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    enum log_storage_method method = log_storage_calibrate(base);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
    assert_int_equal(method, LOG_STORAGE_WRITE_SYNC);
    assert_int_equal(files_left(), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_short_write),
        cmocka_unit_test(test_full_queue),
        cmocka_unit_test(test_retries),
        cmocka_unit_test(test_calibrate),
        cmocka_unit_test(test_calibrate_without),
    };
    return cmocka_run_group_tests(tests, begin, end);
}

/* The operating system's storage says what the kernel said: each call with a thing that
 * is not there, is of another kind, is closed, or is full; and goes on after a signal. */
#undef _FORTIFY_SOURCE /* this program has a pread of its own */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "../../engine/logger.h"
#include "../../persist/storage.h"

enum { PATH_BYTES = 160, BAD_FD = 4000 };

static char base[PATH_BYTES / 2];
static char path[PATH_BYTES];
static uint8_t page[2 * STORAGE_ALIGNMENT] __attribute__((aligned(STORAGE_ALIGNMENT)));
static const struct storage *disk;

static const char *name(const char *last)
{
    snprintf(path, sizeof path, "%s/%s", base, last);
    return path;
}

static int begin(void **state)
{
    (void)state;
    logger_init(LOGGER_ERROR);
    snprintf(base, sizeof base, "/tmp/boxoffice-storage-XXXXXX");
    assert_non_null(mkdtemp(base));
    disk = storage_system(true);
    signal(SIGXFSZ, SIG_IGN);
    return 0;
}

static int end(void **state)
{
    (void)state;
    return disk->remove_tree(disk->context, base);
}

/* No file of this process may be longer, until 0. */
static void limit_file_bytes(rlim_t bytes)
{
    struct rlimit limit;
    getrlimit(RLIMIT_FSIZE, &limit);
    limit.rlim_cur = bytes ? bytes : limit.rlim_max;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static int create(const char *last)
{
    int fd = disk->open(disk->context, name(last), STORAGE_CREATE);
    assert_true(fd >= 0);
    return fd;
}

/* --- calls that a signal, or a kernel in trouble, cuts short --- */

/* How the next call of the kind ends: 0 as ever, else with this errno; NOTHING: with 0. */
enum { NOTHING = -1 };
static struct {
    int read, write, random, status, sync, shorten;
    size_t random_bytes;
} next;

static bool cut_short(int *how)
{
    int error = *how;
    *how = 0;
    if (error > 0)
        errno = error;
    return error != 0;
}

ssize_t pread(int fd, void *bytes, size_t length, off_t offset)
{
    if (cut_short(&next.read))
        return -1;
    return syscall(SYS_pread64, fd, bytes, length, offset);
}

ssize_t pwrite(int fd, const void *bytes, size_t length, off_t offset)
{
    int error = next.write;
    if (cut_short(&next.write))
        return error == NOTHING ? 0 : -1;
    return syscall(SYS_pwrite64, fd, bytes, length, offset);
}

ssize_t getrandom(void *bytes, size_t length, unsigned flags)
{
    if (cut_short(&next.random))
        return -1;
    if (next.random_bytes && next.random_bytes < length)
        length = next.random_bytes;
    return syscall(SYS_getrandom, bytes, length, flags);
}

int fstat(int fd, struct stat *info)
{
    if (cut_short(&next.status))
        return -1;
    return (int)syscall(SYS_fstat, fd, info);
}

int fsync(int fd)
{
    if (cut_short(&next.sync))
        return -1;
    return (int)syscall(SYS_fsync, fd);
}

int ftruncate(int fd, off_t length)
{
    if (cut_short(&next.shorten))
        return -1;
    return (int)syscall(SYS_ftruncate, fd, length);
}

/* --- tests --- */

/* A read or a write that a signal interrupted goes on; one the device refuses does not. */
static void test_interrupted(void **state)
{
    (void)state;
    int fd = create("file");
    memset(page, 7, sizeof page);
    next.write = EINTR;
    assert_int_equal(disk->write(disk->context, fd, page, sizeof page, 0), 0);
    memset(page, 0, sizeof page);
    next.read = EINTR;
    assert_int_equal(disk->read(disk->context, fd, page, sizeof page, 0), sizeof page);
    assert_int_equal(page[sizeof page - 1], 7);
    next.read = EIO;
    assert_int_equal(disk->read(disk->context, fd, page, sizeof page, 0), -EIO);
    next.write = EDQUOT;
    assert_int_equal(disk->write(disk->context, fd, page, sizeof page, 0), -EDQUOT);
    next.write = NOTHING;
    assert_int_equal(disk->write(disk->context, fd, page, sizeof page, 0), -EIO);
    disk->close(disk->context, fd);
}

/* Random bytes come whole, in however many pieces the kernel gives them; or not. */
static void test_random(void **state)
{
    uint8_t bytes[64] = {0};
    (void)state;
    next.random = EINTR;
    next.random_bytes = 5;
    assert_int_equal(disk->random(disk->context, bytes, sizeof bytes), 0);
    uint32_t zeros = 0;
    for (size_t i = 0; i < sizeof bytes; i++)
        zeros += bytes[i] == 0;
    assert_true(zeros < 16);
    next.random_bytes = 0;
    next.random = ENOSYS;
    assert_int_equal(disk->random(disk->context, bytes, sizeof bytes), -ENOSYS);
}

/* A read ends with the file, in the middle of a page too. */
static void test_end_of_file(void **state)
{
    (void)state;
    int fd = create("short");
    assert_int_equal(disk->write(disk->context, fd, page, STORAGE_ALIGNMENT, 0), 0);
    assert_int_equal(disk->read(disk->context, fd, page, sizeof page, 0), STORAGE_ALIGNMENT);
    assert_int_equal(disk->read(disk->context, fd, page, sizeof page, STORAGE_ALIGNMENT), 0);
    assert_int_equal(truncate(path, STORAGE_ALIGNMENT + 100), 0);
    assert_int_equal(disk->read(disk->context, fd, page, sizeof page, 0), STORAGE_ALIGNMENT + 100);
    assert_int_equal(disk->size(disk->context, fd), STORAGE_ALIGNMENT + 100);
    disk->close(disk->context, fd);
}

/* Whatever is done with a descriptor that is not open is refused as that. */
static void test_closed(void **state)
{
    (void)state;
    assert_int_equal(disk->read(disk->context, BAD_FD, page, STORAGE_ALIGNMENT, 0), -EBADF);
    assert_int_equal(disk->write(disk->context, BAD_FD, page, STORAGE_ALIGNMENT, 0), -EBADF);
    assert_int_equal(disk->zero(disk->context, BAD_FD, STORAGE_ALIGNMENT), -EBADF);
    assert_int_equal(disk->size(disk->context, BAD_FD), -EBADF);
    assert_int_equal(disk->sync(disk->context, BAD_FD), -EBADF);
}

/* A file that may not grow, and a device without room: the write says so, with nothing
 * left of it but what fitted. */
static void test_no_room(void **state)
{
    (void)state;
    int fd = create("full");
    limit_file_bytes(STORAGE_ALIGNMENT);
    assert_int_equal(disk->write(disk->context, fd, page, sizeof page, 0), -EFBIG);
    assert_int_equal(disk->zero(disk->context, fd, 8 * STORAGE_ALIGNMENT), -EFBIG);
    limit_file_bytes(0);
    assert_int_equal(disk->size(disk->context, fd), STORAGE_ALIGNMENT);
    disk->close(disk->context, fd);
    fd = open("/dev/full", O_RDWR | O_CLOEXEC);
    assert_int_equal(disk->write(disk->context, fd, page, STORAGE_ALIGNMENT, 0), -ENOSPC);
    close(fd);
}

/* A file system without O_DIRECT is taken where that is allowed, and said once. */
static void test_buffered(void **state)
{
    const struct storage *strict = storage_system(false);
    char said[256] = "";
    (void)state;
    assert_int_equal(strict->open(strict->context, "/proc/self/status", STORAGE_READ), -EINVAL);
    int kept = dup(STDERR_FILENO), out = open(name("said"), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    logger_init(LOGGER_WARN);
    dup2(out, STDERR_FILENO);
    int opened[2];
    for (int i = 0; i < 2; i++)
        opened[i] = disk->open(disk->context, "/proc/self/status", STORAGE_READ);
    dup2(kept, STDERR_FILENO);
    logger_init(LOGGER_ERROR);
    assert_true(opened[0] >= 0 && opened[1] >= 0);
    assert_true(pread(out, said, sizeof said - 1, 0) > 0);
    assert_non_null(strstr(said, "log_buffered"));
    assert_non_null(strstr(said, "/proc/self/status"));
    assert_null(strchr(strchr(said, '\n') + 1, '\n'));
    for (int i = 0; i < 2; i++)
        disk->close(disk->context, opened[i]);
    close(out);
    close(kept);
}

/* The shared page: made and filled by who writes, wanted whole by who reads. */
static void test_shared_page(void **state)
{
    void *mine, *theirs;
    (void)state;
    assert_int_equal(disk->map(disk->context, name("page"), false, &theirs), -ENOENT);
    assert_int_equal(disk->map(disk->context, base, true, &mine), -EISDIR);
    int fd = create("page");
    assert_int_equal(disk->map(disk->context, path, false, &theirs), -ENOENT);
    limit_file_bytes(100);
    assert_int_equal(disk->map(disk->context, path, true, &mine), -EFBIG);
    limit_file_bytes(0);
    next.status = EIO;
    assert_int_equal(disk->map(disk->context, path, true, &mine), -EIO);
    assert_int_equal(disk->map(disk->context, path, true, &mine), 0);
    assert_int_equal(disk->map(disk->context, path, false, &theirs), 0);
    memcpy(mine, "shared", 7);
    assert_string_equal(theirs, "shared");
    disk->unmap(disk->context, mine);
    disk->unmap(disk->context, theirs);
    disk->close(disk->context, fd);
}

/* Without an address for the page there is no page. */
static void test_no_address(void **state)
{
    void *mapped;
    struct rlimit limit, none;
    (void)state;
    disk->close(disk->context, create("page"));
    assert_int_equal(disk->map(disk->context, path, true, &mapped), 0);
    disk->unmap(disk->context, mapped);
    getrlimit(RLIMIT_AS, &limit);
    none = limit;
    none.rlim_cur = STORAGE_ALIGNMENT;
    setrlimit(RLIMIT_AS, &none);
    int result = disk->map(disk->context, path, false, &mapped);
    setrlimit(RLIMIT_AS, &limit);
    assert_int_equal(result, -ENOMEM);
}

/* Names that are not there or of another kind. */
static void test_names(void **state)
{
    struct storage_status status;
    char to[PATH_BYTES];
    (void)state;
    snprintf(to, sizeof to, "%s/to", base);
    assert_int_equal(disk->rename(disk->context, name("none"), to), -ENOENT);
    assert_int_equal(disk->unlink(disk->context, path), -ENOENT);
    assert_int_equal(disk->status(disk->context, path, &status), -ENOENT);
    assert_int_equal(disk->remove_tree(disk->context, path), 0);
    assert_int_equal(disk->sync_directory(disk->context, path), -ENOENT);
    assert_int_equal(disk->make_directory(disk->context, base), -EEXIST);
    assert_int_equal(disk->make_directory(disk->context, name("none/below")), -ENOENT);
    disk->close(disk->context, create("file"));
    assert_int_equal(disk->sync_directory(disk->context, path), -ENOTDIR);
    assert_int_equal(disk->remove_tree(disk->context, name("file/below")), -ENOTDIR);
    assert_int_equal(disk->status(disk->context, base, &status), 0);
    assert_true(status.directory);
    next.sync = EIO;
    assert_int_equal(disk->sync_directory(disk->context, base), -EIO);
    assert_int_equal(disk->sync_directory(disk->context, base), 0);
}

/* A lock is one process's; who has it stands in it, and a disk that cannot note that
 * gives none. */
static void test_lock(void **state)
{
    char owner[32], own[32];
    (void)state;
    assert_int_equal(disk->lock(disk->context, name("none/LOCK"), owner, sizeof owner), -ENOENT);
    next.shorten = EIO;
    assert_int_equal(disk->lock(disk->context, name("LOCK"), owner, sizeof owner), -EIO);
    next.write = ENOSPC;
    assert_int_equal(disk->lock(disk->context, name("LOCK"), owner, sizeof owner), -ENOSPC);
    int fd = disk->lock(disk->context, path, owner, sizeof owner);
    assert_true(fd >= 0);
    assert_int_equal(disk->lock(disk->context, path, owner, sizeof owner), -EWOULDBLOCK);
    snprintf(own, sizeof own, "%ld", (long)getpid());
    assert_string_equal(owner, own);
    next.read = EIO;
    assert_int_equal(disk->lock(disk->context, path, owner, sizeof owner), -EWOULDBLOCK);
    assert_string_equal(owner, "");
    disk->unlock(disk->context, fd);
    fd = disk->lock(disk->context, path, owner, sizeof owner);
    assert_true(fd >= 0);
    disk->unlock(disk->context, fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_interrupted), cmocka_unit_test(test_random),
        cmocka_unit_test(test_end_of_file), cmocka_unit_test(test_closed),
        cmocka_unit_test(test_no_room),     cmocka_unit_test(test_buffered),
        cmocka_unit_test(test_shared_page), cmocka_unit_test(test_no_address),
        cmocka_unit_test(test_names),       cmocka_unit_test(test_lock),
    };
    return cmocka_run_group_tests(tests, begin, end);
}

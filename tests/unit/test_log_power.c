/* DK1, loop B: power loss. The log lies on an ext4 of its own; while a child
 * writes, the file system is shut down as by a power cut: what was not synced is
 * gone. After a fresh mount everything acknowledged is there, and in order. */
#include "log_fixture.h"

#include <liburing.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/wait.h>

#define EXT4_SHUTDOWN _IOR('X', 125, uint32_t)
enum { SHUTDOWN_NO_LOG_FLUSH = 2, ROUNDS = 10 };

static struct fixture f;
static char base[] = "/tmp/boxoffice-power-XXXXXX";
static char image[sizeof base + 8], mount_point[sizeof base + 8];
static _Atomic uint64_t *acknowledged; /* shared with the child */

static bool run(const char *format, ...) __attribute__((format(printf, 1, 2)));
static bool run(const char *format, ...)
{
    char command[512];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(command, sizeof command, format, arguments);
    va_end(arguments);
    return system(command) == 0; /* NOLINT(cert-env33-c): mkfs and mount are programs */
}

static bool make_file_system(void)
{
    assert_non_null(mkdtemp(base));
    snprintf(image, sizeof image, "%s/image", base);
    snprintf(mount_point, sizeof mount_point, "%s/disk", base);
    assert_int_equal(mkdir(mount_point, 0700), 0);
    return geteuid() == 0 && run("truncate -s 48M %s", image) &&
           run("mkfs.ext4 -q -F %s >/dev/null 2>&1", image) &&
           run("mount -o loop %s %s 2>/dev/null", image, mount_point);
}

/* A killed process's ring gives its files back a little later. */
static bool unmount(void)
{
    for (int i = 0; i < 500; i++) {
        if (run("umount %s 2>/dev/null", mount_point))
            return true;
        usleep(10000);
    }
    return false;
}

static void remount(void)
{
    assert_true(unmount());
    assert_true(run("mount -o loop %s %s", image, mount_point));
}

/* Writes through a real ring until it is killed or its log fails. */
static void write_until_dark(void)
{
    struct io_uring ring;
    struct io_uring_cqe *cqe;
    int quiet = open("/dev/null", O_WRONLY);
    dup2(quiet, STDERR_FILENO); /* the failure is announced, and meant */
    if (fixture_recover(&f, true) != 0 || f.visited_count < *acknowledged)
        _exit(1);
    fixture_write(&f);
    log_writer_free(f.writer);
    io_uring_queue_init(8, &ring, 0);
    struct log_storage *storage = log_storage_uring_new(&ring, 0x40, LOG_STORAGE_WRITE_SYNC);
    struct log_writer_options options = {.dir = f.dir,
                                         .epoch = 1,
                                         .tail = f.recovered.tails[0],
                                         .batch_bytes_max = f.batch_bytes,
                                         .keeper = f.keeper,
                                         .storage = storage};
    if (log_writer_new(&f.writer, &options, &f.error) != 0)
        _exit(2);
    f.journal = log_writer_journal(f.writer);
    for (uint32_t i = f.visited_count + 1; fixture_state(&f) != JOURNAL_FAILED;) {
        for (int n = 0; n < 20 && fixture_append(&f, i) != 0; n++)
            i++;
        fixture_flush(&f);
        if (!log_writer_busy(f.writer))
            continue;
        io_uring_submit_and_wait(&ring, 1);
        while (io_uring_peek_cqe(&ring, &cqe) == 0) {
            log_storage_complete(storage, cqe->user_data, cqe->res);
            io_uring_cqe_seen(&ring, cqe);
        }
        *acknowledged = fixture_durable(&f);
    }
    _exit(0);
}

static void cut_power(void)
{
    uint32_t how = SHUTDOWN_NO_LOG_FLUSH;
    int fd = open(mount_point, O_RDONLY | O_DIRECTORY);
    assert_true(fd >= 0);
    assert_int_equal(ioctl(fd, EXT4_SHUTDOWN, &how), 0);
    close(fd);
}

static void test_DK1_power_loss(void **state)
{
    (void)state;
    if (!make_file_system()) {
        print_message("needs root, mkfs.ext4 and a loop device\n");
        skip();
    }
    fixture_init_at(&f, mount_point);
    acknowledged = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_true(acknowledged != MAP_FAILED);
    uint64_t total = 0;
    assert_int_equal(fixture_recover(&f, true), 0); /* the cluster exists for good */
    fixture_stop(&f);
    for (uint32_t round = 0; round < ROUNDS; round++) {
        pid_t child = fork();
        assert_true(child >= 0);
        if (child == 0)
            write_until_dark();
        for (int i = 0; i < 5000 && *acknowledged < total + 100; i++)
            usleep(1000);
        usleep(round * 7919 % 40000);
        cut_power();
        kill(child, SIGKILL);
        int status;
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_true(WIFSIGNALED(status) || WEXITSTATUS(status) == 0);
        remount();
        int code = fixture_recover(&f, false);
        if (code != 0)
            fail_msg("round %u: exit %d: %s", round, code, f.error.text);
        if (f.visited_count < *acknowledged)
            fail_msg("round %u: %u recovered, %llu acknowledged", round, f.visited_count,
                     (unsigned long long)*acknowledged);
        for (uint32_t i = 0; i < f.visited_count; i++)
            assert_int_equal(f.visited[i], i + 1);
        fixture_stop(&f);
        assert_true(*acknowledged >= total + 100); /* it did write, each time */
        total = f.visited_count;
        *acknowledged = total;
    }
}

/* Also after a failure: no mount is left behind. */
static int tidy_up(void **state)
{
    (void)state;
    fixture_stop(&f);
    if (run("mountpoint -q %s", mount_point))
        assert_true(unmount());
    fixture_remove(base);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_DK1_power_loss, tidy_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* A data directory that is not what it should be: each thing that can be wrong with its
 * path, its lock, its cluster file and its epochs is refused by name, and nothing made. */
#include "log_case.h"

#include <sys/file.h>

#include "captured_log.h"
#include "faulty_storage.h"

static struct captured_log captured;

static void stop(void)
{
    data_dir_close(f.dir);
    f.dir = NULL;
}

/* Opens `path` as the owner: the exit code. */
static int open_at(const char *path, bool init)
{
    const struct data_dir_options options = {.path = path, .init = init, .allow_buffered = true};
    f.error = (struct log_error){0};
    return data_dir_open(&f.dir, &options, &f.error);
}

static const char *below(const char *name)
{
    static char path[LOG_PATH_BYTES];
    snprintf(path, sizeof path, "%s/%s", f.path, name);
    return path;
}

/* --- paths --- */

/* Only six digits make an epoch's name. */
static void test_epoch_names(void **state)
{
    (void)state;
    assert_int_equal(data_dir_epoch_of_name("epoch-000007"), 7);
    assert_int_equal(data_dir_epoch_of_name("epoch-123456"), 123456);
    assert_int_equal(data_dir_epoch_of_name("epoch-00000x"), 0);
    assert_int_equal(data_dir_epoch_of_name("epoch-00007"), 0);
    assert_int_equal(data_dir_epoch_of_name("epoch-000001.new"), 0);
    assert_int_equal(data_dir_epoch_of_name("epocs-000001"), 0);
}

/* A path without a name or longer than its buffers is none. */
static void test_impossible_paths(void **state)
{
    char path[2 * LOG_PATH_BYTES];
    (void)state;
    memset(path, 'x', sizeof path);
    path[sizeof path - 1] = '\0';
    assert_int_equal(open_at("", true), LOG_EXIT_CONFIG);
    assert_int_equal(open_at(path, true), LOG_EXIT_CONFIG);
    assert_int_equal(data_dir_open_reader(&f.dir, "", &f.error), LOG_EXIT_CONFIG);
    assert_null(f.dir);
}

/* A relative path, a path with a slash at its end, and one whose upper directories are
 * not there yet: all are made. */
static void test_paths(void **state)
{
    char before[LOG_PATH_BYTES];
    (void)state;
    assert_non_null(getcwd(before, sizeof before));
    assert_int_equal(chdir(f.path), 0);
    assert_int_equal(open_at("plain", true), 0);
    stop();
    assert_int_equal(open_at("plain", false), 0);
    stop();
    assert_int_equal(chdir(before), 0);
    assert_int_equal(open_at(below("some/where/else/"), true), 0);
    stop();
    assert_int_equal(access(below("some/where/else/cluster"), F_OK), 0);
}

/* A file where the directory should be is no empty directory. */
static void test_file_in_the_way(void **state)
{
    (void)state;
    file_write(below("file"), 0, "x", 1);
    assert_int_equal(open_at(below("file"), false), LOG_EXIT_NO_DATA);
    assert_int_equal(open_at(below("file"), true), LOG_EXIT_IO);
    assert_int_equal(open_at(below("file/below"), true), LOG_EXIT_IO);
    assert_int_equal(file_bytes(below("file")), 1);
}

/* What may not be seen may be a log: it is not begun anew. */
static void test_unseen(void **state)
{
    static const int errors[] = {-EACCES, -EPERM, -EIO};
    struct faulty_storage faulty;
    (void)state;
    for (size_t i = 0; i < sizeof errors / sizeof errors[0]; i++) {
        faulty_init(&faulty);
        faulty_arm(&faulty, 1, 100, errors[i]);
        const struct data_dir_options options = {
            .path = f.path, .init = true, .storage = &faulty.storage};
        assert_int_equal(data_dir_open(&f.dir, &options, &f.error),
                         errors[i] == -EIO ? LOG_EXIT_IO : LOG_EXIT_PERMISSION);
        faulty_arm(&faulty, 1, 1, errors[i]); /* only the look at what is there */
        assert_int_equal(data_dir_open(&f.dir, &options, &f.error), LOG_EXIT_NO_DATA);
        assert_int_equal(access(below("cluster"), F_OK), -1);
    }
}

/* --- the owner --- */

/* Who has the lock is named, if that is known. */
static void test_locked(void **state)
{
    (void)state;
    assert_int_equal(open_at(f.path, true), 0);
    stop();
    int fd = open(below("LOCK"), O_RDWR);
    assert_int_equal(ftruncate(fd, 0), 0);
    assert_int_equal(flock(fd, LOCK_EX), 0);
    assert_int_equal(open_at(f.path, false), LOG_EXIT_LOCKED);
    assert_string_equal(f.error.label, "RU");
    assert_non_null(strstr(f.error.text, "(unknown)"));
    assert_int_equal(pwrite(fd, "4711\n", 5, 0), 5);
    assert_int_equal(open_at(f.path, false), LOG_EXIT_LOCKED);
    assert_non_null(strstr(f.error.text, "process 4711"));
    close(fd);
    assert_int_equal(open_at(f.path, false), 0);
    stop();
}

/* Epochs without the cluster's file are a log that lost it, not an empty directory. */
static void test_cluster_lost(void **state)
{
    (void)state;
    assert_int_equal(fixture_recover(&f, true), 0);
    stop();
    unlink(below("cluster"));
    assert_int_equal(open_at(f.path, true), LOG_EXIT_NO_DATA);
    assert_string_equal(f.error.label, "RA");
    assert_int_equal(access(below("cluster"), F_OK), -1);
    assert_int_equal(data_dir_open_reader(&f.dir, f.path, &f.error), LOG_EXIT_NO_DATA);
}

/* What lies there that nobody knows is named, once each, and left alone. */
static void test_unknown_files(void **state)
{
    char path[2 * LOG_PATH_BYTES];
    (void)state;
    assert_int_equal(fixture_recover(&f, true), 0);
    stop();
    file_write(below("strange.txt"), 0, "x", 1);
    file_write(below(".hidden"), 0, "x", 1);
    file_write(below("jwt-keys"), 0, "x", 1);
    static const char *const names[] = {"segment-0000000001.lox",
                                        "segment-000000000a.log",
                                        "segment-000000000..log",
                                        "segment-0000000000.log",
                                        "free-0000000009.log",
                                        "segment-0000000009.log.new",
                                        ".hidden",
                                        "note",
                                        "segment-00000000001.log",
                                        "segment-:000000001.log"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        snprintf(path, sizeof path, "%s/%s", fixture_shard_path(&f, 1, 0), names[i]);
        file_write(path, 0, "x", 1);
    }
    captured_begin(&captured, LOGGER_WARN);
    assert_int_equal(fixture_recover(&f, false), 0);
    const char *said = captured_end(&captured);
    assert_non_null(strstr(said, "strange.txt"));
    assert_non_null(strstr(said, "segment-0000000001.lox"));
    assert_non_null(strstr(said, "segment-000000000a.log"));
    assert_non_null(strstr(said, "segment-:000000001.log"));
    assert_non_null(strstr(said, "segment-0000000000.log"));
    assert_non_null(strstr(said, "\"note\""));
    assert_null(strstr(said, "hidden"));
    assert_null(strstr(said, "jwt-keys"));
    assert_null(strstr(said, ".new"));
    assert_null(strstr(said, "free-"));
    assert_int_equal(access(below("strange.txt"), F_OK), 0);
}

/* --- epochs --- */

static void put_epoch(const struct log_epoch_header *header)
{
    uint8_t page[LOG_SEGMENT_HEADER_BYTES];
    memcpy(page, header, sizeof *header);
    log_file_header_seal(page, sizeof *header);
    file_write(below("epoch-000001/epoch"), 0, page, sizeof page);
}

static void refused(int code, const char *label)
{
    assert_int_equal(fixture_recover(&f, false), code);
    assert_string_equal(f.error.label, label);
}

/* An epoch says its number, its cluster and how many shards it has. */
static void test_epoch_header(void **state)
{
    struct log_epoch_header good, bad;
    (void)state;
    assert_int_equal(fixture_recover(&f, true), 0);
    stop();
    file_read(below("epoch-000001/epoch"), 0, &good, sizeof good);
    bad = good;
    bad.number = 2;
    put_epoch(&bad);
    refused(LOG_EXIT_CORRUPT, "RK");
    bad = good;
    bad.cluster.bytes[0] ^= 1;
    put_epoch(&bad);
    refused(LOG_EXIT_CORRUPT, "RK");
    bad = good;
    bad.shard_count = 0;
    put_epoch(&bad);
    refused(LOG_EXIT_CORRUPT, "RK");
    bad.shard_count = UINT16_MAX;
    put_epoch(&bad);
    refused(LOG_EXIT_CORRUPT, "RK");
    bad = good;
    bad.head.version = LOG_FORMAT_VERSION + 1;
    put_epoch(&bad);
    refused(LOG_EXIT_CONFIG, "RL");
    put_epoch(&good);
    assert_int_equal(fixture_recover(&f, false), 0);
}

/* An epoch's directory without its file, or a file in place of the directory. */
static void test_epoch_missing(void **state)
{
    (void)state;
    assert_int_equal(fixture_recover(&f, true), 0);
    stop();
    unlink(below("epoch-000001/epoch"));
    refused(LOG_EXIT_CORRUPT, "RM");
    fixture_remove(below("epoch-000001"));
    file_write(below("epoch-000001"), 0, "x", 1);
    refused(LOG_EXIT_CORRUPT, "RM");
}

/* A cluster without an epoch is what a crash of the first start leaves: it is filled by a
 * start that may begin anew, and by no other; nor where the mirror knows of data. */
static void test_no_epoch_yet(void **state)
{
    const struct log_position nowhere = {1, 0, 0}, somewhere = {1, 0, 9};
    struct recovery_options options = {.shard_count = 1,
                                       .segment_bytes = FIXTURE_SEGMENT_BYTES,
                                       .mirror_positions = &somewhere,
                                       .mirror_position_count = 1};
    (void)state;
    assert_int_equal(open_at(f.path, true), 0);
    stop();
    refused(LOG_EXIT_NO_DATA, "RA");
    assert_int_equal(open_at(f.path, true), 0);
    assert_int_equal(recovery_run(f.dir, &options, fixture_visit, &f, &f.recovered, &f.error),
                     LOG_EXIT_NO_DATA);
    assert_string_equal(f.error.label, "RB");
    options.mirror_positions = &nowhere;
    assert_int_equal(recovery_run(f.dir, &options, fixture_visit, &f, &f.recovered, &f.error), 0);
    assert_int_equal(f.recovered.epoch, 1);
}

/* Another number of shards is told. */
static void test_reshard_is_told(void **state)
{
    (void)state;
    assert_int_equal(fixture_recover(&f, true), 0);
    stop();
    f.shard_count = 3;
    captured_begin(&captured, LOGGER_INFO);
    assert_int_equal(fixture_recover(&f, false), 0);
    const char *said = captured_end(&captured);
    assert_non_null(strstr(said, "log_resharded"));
    assert_non_null(strstr(said, "\"shards\":3"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_epoch_names),     CASE(test_impossible_paths), CASE(test_paths),
        CASE(test_file_in_the_way), CASE(test_unseen),           CASE(test_locked),
        CASE(test_cluster_lost),    CASE(test_unknown_files),    CASE(test_epoch_header),
        CASE(test_epoch_missing),   CASE(test_no_epoch_yet),     CASE(test_reshard_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

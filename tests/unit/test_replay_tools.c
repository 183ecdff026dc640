/* boxreplay's commands that need no PostgreSQL, as main calls them: what their command line
 * takes, what they find in a log that is good, damaged or impossible, and that what they
 * make of it is a log again. */
#include "world_rig.h"

#include "../../persist/backup.h"
#include "../../persist/replay_dump.h"
#include "../../persist/replay_options.h"
#include "../../persist/replay_rebuild.h"
#include "../../persist/replay_salvage.h"
#include "../../persist/replay_snapshot.h"
#include "../../persist/replay_verify.h"
#include "captured_log.h"

enum { ARGUMENTS_MAX = 12 };

static struct world *world;
static struct captured_log captured;
static char *said; /* on standard output, by the last command */
static size_t said_bytes;

static int set_up(void **state)
{
    (void)state;
    world = world_open();
    write_rest(world);
    assert_int_equal(take(world), 0);
    fixture_stop(&world->fixture); /* as by kill -9 */
    return 0;
}

/* The same with the log's beginning given up: two snapshots have it. */
static int set_up_cut(void **state)
{
    struct retention_report report;
    (void)state;
    world = world_open();
    assert_int_equal(take(world), 0);
    write_rest(world);
    assert_int_equal(take(world), 0);
    const struct retention_options options = {
        .dir = world->reader, .epoch = 1, .segment_bytes = FIXTURE_SEGMENT_BYTES};
    assert_int_equal(retention_step(&options, &report, &world->error), 0);
    assert_true(report.recycled > 0);
    fixture_stop(&world->fixture);
    return 0;
}

/* The lowest or the highest number of a segment with records. */
static uint64_t segment_with_records(bool highest)
{
    uint64_t *numbers, found = 0;
    uint32_t count;
    assert_int_equal(segment_list(data_dir_storage(world->reader),
                                  fixture_shard_path(&world->fixture, 1, 0), false, &numbers,
                                  &count),
                     0);
    for (uint32_t i = 0; i < count && (highest || found == 0); i++) {
        struct log_block_header block;
        file_read(fixture_segment(&world->fixture, numbers[i]), LOG_SEGMENT_HEADER_BYTES, &block,
                  sizeof block);
        found = block.magic == LOG_BLOCK_MAGIC ? numbers[i] : found;
    }
    free(numbers);
    return found;
}

static int tear_down(void **state)
{
    char path[LOG_PATH_BYTES];
    (void)state;
    free(said);
    said = NULL;
    snprintf(path, sizeof path, "%s.made", world->fixture.path);
    fixture_remove(path);
    world_close(world);
    return 0;
}

static const char *made(void)
{
    static char path[LOG_PATH_BYTES];
    snprintf(path, sizeof path, "%s.made", world->fixture.path);
    return path;
}

/* Runs `boxreplay` with the words, of which "DIR" is the directory and "OUT" a new one:
 * its exit code. */
static int run(const char *words)
{
    static struct replay_options options;
    char copy[512], *arguments[ARGUMENTS_MAX + 1] = {(char *)(uintptr_t) "boxreplay"}, *rest = NULL;
    int count = 1;
    snprintf(copy, sizeof copy, "%s", words);
    for (char *word = strtok_r(copy, " ", &rest); word; word = strtok_r(NULL, " ", &rest)) {
        assert_true(count < ARGUMENTS_MAX);
        arguments[count++] = strcmp(word, "DIR") == 0   ? world->fixture.path
                             : strcmp(word, "OUT") == 0 ? (char *)(uintptr_t)made()
                                                        : word;
    }
    fflush(stdout);
    int out = memfd_create("standard-output", MFD_CLOEXEC), kept = dup(STDOUT_FILENO);
    dup2(out, STDOUT_FILENO);
    captured_begin(&captured, LOGGER_ERROR);
    int code = replay_options_parse(&options, count, arguments);
    if (code == 0)
        code = options.command == REPLAY_VERIFY     ? replay_verify(&options)
               : options.command == REPLAY_DUMP     ? replay_dump(&options)
               : options.command == REPLAY_REBUILD  ? replay_rebuild(&options)
               : options.command == REPLAY_SALVAGE  ? replay_salvage(&options)
               : options.command == REPLAY_SNAPSHOT ? replay_snapshot(&options)
                                                    : 0;
    if (code == 0 && options.command == REPLAY_HELP)
        replay_options_usage();
    fflush(stdout);
    dup2(kept, STDOUT_FILENO);
    captured_end(&captured);
    off_t bytes = lseek(out, 0, SEEK_END);
    said_bytes = bytes < 0 ? 0 : (size_t)bytes;
    free(said);
    said = calloc(1, said_bytes + 1);
    assert_int_equal(pread(out, said, said_bytes, 0), said_bytes);
    close(out);
    close(kept);
    return code;
}

static uint64_t lines(void)
{
    uint64_t count = 0;
    for (const char *at = said; (at = strchr(at, '\n')); at++)
        count++;
    return count;
}

/* --- the command line --- */

/* What is not a command, an option of it or its value is refused, with 64, before anything
 * is looked at. */
static void test_wrong_use(void **state)
{
    static const char *const wrong[] = {"",
                                        "sing",
                                        "--once",
                                        "verify --nonsense DIR",
                                        "verify --data-dir",
                                        "verify",
                                        "verify DIR more",
                                        "verify --once DIR",
                                        "verify --postgres x DIR",
                                        "verify --epoch 1 DIR",
                                        "verify --shard 1 DIR",
                                        "verify --out OUT DIR",
                                        "dump --shard 64 DIR",
                                        "dump --shard -1 DIR",
                                        "dump --shard 1x DIR",
                                        "dump --epoch 0 DIR",
                                        "dump --epoch x DIR",
                                        "dump --from 0 DIR",
                                        "dump --to 0 DIR",
                                        "dump --from 9 --to 8 DIR",
                                        "rebuild DIR",
                                        "salvage DIR",
                                        "rebuild --out OUT --to never DIR",
                                        "rebuild --out OUT --to 5x DIR",
                                        "rebuild --out OUT --to 0:1,0:2 DIR",
                                        "rebuild --out OUT --to 1:1 DIR",
                                        "rebuild --out OUT --to 64:1 DIR",
                                        "rebuild --out OUT --to 0:,1:2 DIR",
                                        "rebuild --out OUT --to 0:1;1:2 DIR",
                                        "rebuild --out OUT --to 0:1,1:1 DIR",
                                        "rebuild --out OUT --to 2026-11-21T DIR",
                                        "rebuild --out OUT --to 2026-11-21T10:00:00 DIR",
                                        "rebuild --out OUT --to 2026-11-21T10:00:00+25:00 DIR",
                                        "rebuild --out OUT --to 2026-11-21T10:00:00+0700 DIR",
                                        "rebuild --out OUT --to 2026-11-21T10:00:00+07:61 DIR",
                                        "rebuild --out OUT --to 1960-01-01T00:00:00Z DIR"};
    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        if (run(wrong[i]) != REPLAY_EXIT_USAGE)
            fail_msg("taken: %s", wrong[i]);
    assert_int_equal(access(made(), F_OK), -1);
    assert_int_equal(run("mirror DIR"), LOG_EXIT_CONFIG); /* no PostgreSQL named */
    assert_int_equal(run("verify --config /nonexistent"), LOG_EXIT_CONFIG);
}

/* Help and version need nothing else. */
static void test_help(void **state)
{
    (void)state;
    assert_int_equal(run("--help"), 0);
    assert_non_null(strstr(said, "salvage"));
    assert_int_equal(run("help"), 0);
    assert_int_equal(run("dump --help"), 0);
    assert_int_equal(run("--version"), 0);
}

/* --- verify --- */

/* A good log and its snapshots are ok, live or not. */
static void test_verify(void **state)
{
    char path[LOG_PATH_BYTES], owner[32];
    const struct storage *disk = storage_system(true);
    (void)state;
    assert_int_equal(run("verify DIR"), 0);
    assert_non_null(strstr(said, "\nok\n"));
    assert_non_null(strstr(said, "snapshot 3: ok"));
    snprintf(path, sizeof path, "%s/LOCK", world->fixture.path);
    int fd = disk->lock(disk->context, path, owner, sizeof owner);
    assert_int_equal(run("verify DIR"), 0);
    assert_non_null(strstr(said, "the engine is running"));
    disk->unlock(disk->context, fd);
    assert_int_equal(run("verify OUT"), LOG_EXIT_NO_DATA);
}

/* A snapshot that is damaged, a log that is, and one whose records cannot be. */
static void test_verify_finds(void **state)
{
    char path[LOG_PATH_BYTES];
    struct fixture *f = &world->fixture;
    (void)state;
    const uint64_t segment = segment_with_records(true);
    const uint64_t at = block_offset(fixture_segment(f, segment), 1) + 100;
    file_flip(snapshot_path(world->reader, 3, path), 9, 1);
    assert_int_equal(run("verify DIR"), LOG_EXIT_CORRUPT);
    assert_null(strstr(said, "snapshot 3: ok"));
    assert_non_null(strstr(captured.text, "[case RO]"));
    file_flip(snapshot_path(world->reader, 3, path), 9, 1);
    file_flip(fixture_segment(f, segment), at, 1);
    assert_int_equal(run("verify DIR"), LOG_EXIT_CORRUPT);
    assert_null(strstr(said, "\nok\n"));
    file_flip(fixture_segment(f, segment), at, 1);
    assert_int_equal(run("verify DIR"), 0);
}

/* Records that tell of a zone nobody made. */
static void test_verify_impossible(void **state)
{
    (void)state;
    assert_int_equal(run("verify DIR"), LOG_EXIT_BUG); /* this log has no catalog */
    assert_non_null(strstr(captured.text, "[case RS]"));
    assert_non_null(strstr(captured.text, "sequence 1"));
}

/* What never came whole at the end is told and is no damage. */
static void test_verify_torn(void **state)
{
    struct fixture *f = &world->fixture;
    (void)state;
    const uint64_t segment = segment_with_records(true);
    uint64_t at = LOG_SEGMENT_HEADER_BYTES, last = 0;
    struct log_block_header block;
    for (; at < file_bytes(fixture_segment(f, segment)); at += log_block_size(&block)) {
        file_read(fixture_segment(f, segment), at, &block, sizeof block);
        if (block.magic != LOG_BLOCK_MAGIC)
            break;
        last = at;
    }
    char path[LOG_PATH_BYTES];
    unlink(snapshot_path(world->reader, 3, path)); /* it has the torn block */
    file_flip(fixture_segment(f, segment), last + 100, 1);
    fixture_forget_mark(f);
    assert_int_equal(run("verify DIR"), 0);
    assert_non_null(strstr(said, "torn tail"));
}

/* --- dump --- */

/* Every record is a line, or those that were asked for. */
static void test_dump(void **state)
{
    (void)state;
    assert_int_equal(run("dump DIR"), 0);
    assert_int_equal(lines(), world->story.rig.log_count);
    assert_int_equal(run("dump --from 10 --to 19 DIR"), 0);
    assert_int_equal(lines(), 10);
    assert_non_null(strstr(said, "\"sequence\":10,"));
    assert_int_equal(run("dump --epoch 1 --shard 0 --to 5 DIR"), 0);
    assert_int_equal(lines(), 5);
    assert_int_equal(run("dump --epoch 2 DIR"), LOG_EXIT_NO_DATA);
    assert_int_equal(run("dump --shard 3 DIR"), LOG_EXIT_NO_DATA);
    assert_int_equal(run("dump OUT"), LOG_EXIT_NO_DATA);
    uint64_t at = block_offset(fixture_segment(&world->fixture, 1), 3);
    file_flip(fixture_segment(&world->fixture, 1), at + 100, 1);
    assert_int_equal(run("dump DIR"), LOG_EXIT_CORRUPT);
    assert_true(lines() > 0 && lines() < world->story.rig.log_count);
}

/* --- what is made of it --- */

/* A state of the past is a log of its own: to a sequence, to a time, to the end. */
static void test_rebuild(void **state)
{
    static const char *const points[] = {"--to 100",
                                         "--to 0:100",
                                         "--to 2023-11-14T22:20:00Z",
                                         "--to 2023-11-15T05:20:00.250+07:00",
                                         "--to 2023-11-14T17:20:00-05:00",
                                         ""};
    char words[128];
    (void)state;
    for (size_t i = 0; i < sizeof points / sizeof points[0]; i++) {
        snprintf(words, sizeof words, "rebuild --out OUT %s DIR", points[i]);
        if (run(words) != 0)
            fail_msg("%s: %s", words, captured.text);
        assert_int_equal(run(words), BACKUP_EXIT_EXISTS);
        assert_int_equal(run("verify OUT"), 0);
        fixture_remove(made());
    }
    assert_int_equal(run("rebuild --out OUT --to 99999999 DIR"), LOG_EXIT_NO_DATA);
    assert_int_equal(run("rebuild --out OUT --epoch 2 DIR"), LOG_EXIT_NO_DATA);
    assert_int_equal(run("rebuild --out OUT --to 0:1,1:1 DIR"), REPLAY_EXIT_USAGE);
    assert_int_equal(access(made(), F_OK), -1);
}

/* Of a damaged log all that is good is a log again, and what is not is told. */
static void test_salvage(void **state)
{
    char path[LOG_PATH_BYTES + 16], report[16384] = "";
    struct fixture *f = &world->fixture;
    (void)state;
    unlink(snapshot_path(world->reader, 2, path));
    uint64_t third = block_offset(fixture_segment(f, 1), 3);
    file_flip(fixture_segment(f, 1), third + 100, 1);
    file_flip(fixture_segment(f, 2), 20, 1); /* its header */
    unlink(fixture_segment(f, 3));
    assert_int_equal(mkdir(fixture_segment(f, 3), 0700), 0);
    assert_int_equal(run("salvage --out OUT DIR"), 0);
    snprintf(path, sizeof path, "%s/report.json", made());
    uint64_t bytes = file_bytes(path);
    file_read(path, 0, report, bytes < sizeof report - 1 ? bytes : sizeof report - 1);
    assert_non_null(strstr(report, "\"lost\":\"bytes\""));
    assert_non_null(strstr(report, "\"lost\":\"records\""));
    assert_non_null(strstr(report, "the segment's header is damaged"));
    assert_int_equal(run("verify OUT"), 0);
    assert_int_equal(run("salvage --out OUT DIR"), BACKUP_EXIT_EXISTS);
    assert_int_equal(run("salvage --out /nonexistent/here DIR"), LOG_EXIT_IO);
    assert_int_equal(run("salvage --out OUT /nonexistent"), LOG_EXIT_NO_DATA);
}

/* A snapshot taken by the tool is one more, if there is news. */
static void test_snapshot(void **state)
{
    char path[LOG_PATH_BYTES];
    (void)state;
    assert_int_equal(run("snapshot DIR"), 0);
    assert_int_equal(access(snapshot_path(world->reader, 3, path), F_OK), -1);
    unlink(snapshot_path(world->reader, 2, path));
    assert_int_equal(run("snapshot DIR"), 0);
    assert_int_equal(access(snapshot_path(world->reader, 2, path), F_OK), 0);
    assert_int_equal(run("snapshot OUT"), LOG_EXIT_NO_DATA);
}

/* A copy is whole or it is not there, whichever call of the disk fails meanwhile. */
static void test_backup(void **state)
{
    struct backup_result result;
    uint32_t failed = 0, good = 0;
    (void)state;
    for (uint32_t at = 1;; at += at < 40 ? 1 : 5) {
        char half[LOG_PATH_BYTES + 8];
        faulty_arm(&world->faulty, at, at % 2 ? 3 : 1, at % 3 ? -EIO : -ENOSPC);
        int code = backup_make(world->reader, made(), &result, &world->error);
        bool struck = faulty_struck(&world->faulty);
        faulty_arm(&world->faulty, 0, 1, 0);
        failed += code != 0;
        if (code != 0) {
            assert_int_equal(access(made(), F_OK), -1);
        } else {
            good++;
            assert_int_equal(result.positions[0], world->story.rig.log_count);
            if (good == 1 || !struck)
                assert_int_equal(run("verify OUT"), 0);
        }
        fixture_remove(made());
        snprintf(half, sizeof half, "%s.new", made());
        fixture_remove(half);
        if (!struck)
            break;
    }
    assert_true(failed > 10 && good > 0);
    assert_int_equal(mkdir(made(), 0700), 0);
    assert_int_equal(backup_make(world->reader, made(), &result, &world->error),
                     BACKUP_EXIT_EXISTS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_wrong_use, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_help, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_verify, set_up_cut, tear_down),
        cmocka_unit_test_setup_teardown(test_verify_finds, set_up_cut, tear_down),
        cmocka_unit_test_setup_teardown(test_verify_impossible, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_verify_torn, set_up_cut, tear_down),
        cmocka_unit_test_setup_teardown(test_dump, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_rebuild, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_salvage, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_snapshot, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_backup, set_up_cut, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

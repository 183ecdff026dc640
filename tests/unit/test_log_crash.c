/* Killed at every named point, also while recovering from being killed: what was
 * acknowledged comes back, once, in order, and recovery always converges. */
#include "log_fixture.h"

#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "../../persist/crash_point.h"

static const char *const points[] = {
    "flush.submit",    "flush.written",    "flush.synced",         "roll",
    "segment.filled",  "segment.renamed",  "keeper.ready",         "header.written",
    "epoch.filled",    "epoch.renamed",    "recovery.scanned",     "recovery.kept",
    "recovery.copied", "recovery.renamed", "recovery.shard_ready",
};
enum { POINTS = sizeof points / sizeof points[0], RECORDS = 90 };

static struct fixture f;
static _Atomic uint64_t *acknowledged; /* shared with the children */
static uint32_t point_hits[POINTS];

static int setup(void **state)
{
    (void)state;
    fixture_init(&f);
    acknowledged = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_true(acknowledged != MAP_FAILED);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    munmap((void *)acknowledged, 4096);
    fixture_release(&f);
    return 0;
}

/* The child's life: recover, check, go on writing. Exits 0, or 1 if what it
 * found is not what its forebears acknowledged. */
static void live(uint16_t shards, uint32_t records)
{
    f.shard_count = shards;
    if (fixture_recover(&f, true) != 0) {
        dprintf(STDERR_FILENO, "%s\n", f.error.text);
        _exit(1);
    }
    if (f.visited_count < *acknowledged)
        _exit(2);
    for (uint32_t i = 0; i < f.visited_count; i++)
        if (f.visited[i] != i + 1)
            _exit(3);
    *acknowledged = f.visited_count; /* recovered is durable: it must stay */
    fixture_write(&f);
    for (uint32_t i = f.visited_count + 1; i <= f.visited_count + records;) {
        i += fixture_append(&f, i) != 0;
        if (i % 3 == 0) {
            fixture_flush(&f);
            *acknowledged = fixture_durable(&f);
        }
    }
    fixture_flush(&f);
    *acknowledged = fixture_durable(&f);
    fixture_stop(&f);
    _exit(0);
}

/* True: the point was reached and killed it. */
static bool live_and_die(const char *point, uint32_t pass, uint16_t shards, uint32_t records)
{
    char spec[64];
    int status;
    snprintf(spec, sizeof spec, "%s:%u", point, pass);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        setenv("BOXOFFICE_CRASH_AT", spec, 1);
        crash_point_init();
        live(shards, records);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    if (WIFSIGNALED(status)) {
        assert_int_equal(WTERMSIG(status), SIGKILL);
        return true;
    }
    if (WEXITSTATUS(status) != 0)
        fail_msg("after a crash at %s: exit %d", spec, WEXITSTATUS(status));
    return false;
}

/* PR1: each point, on each of its first passes, then a start that goes on. */
static void test_PR1_killed_at_every_point(void **state)
{
    (void)state;
    for (uint32_t p = 0; p < POINTS; p++) {
        for (uint32_t pass = 1; pass <= 4; pass++) {
            fixture_remove(f.path);
            assert_int_equal(mkdir(f.path, 0700), 0);
            *acknowledged = 0;
            bool died = live_and_die(points[p], pass, 1, RECORDS);
            point_hits[p] += died;
            live_and_die("none", 1, 1, RECORDS);
            live_and_die("none", 1, 1, RECORDS);
        }
    }
}

/* A crash that leaves a torn tail, for the points that only such a start passes. */
static void tear_tail(void)
{
    char path[LOG_PATH_BYTES];
    uint64_t *numbers;
    uint32_t count;
    assert_int_equal(
        segment_list(storage_system(true), fixture_shard_path(&f, 1, 0), false, &numbers, &count),
        0);
    for (uint32_t i = count; i-- > 0;) {
        uint8_t magic[4];
        snprintf(path, sizeof path, "%s", fixture_segment(&f, numbers[i]));
        uint64_t end = LOG_SEGMENT_HEADER_BYTES;
        while (end + 4096 <= file_bytes(path)) {
            file_read(path, end, magic, sizeof magic);
            if (memcmp(magic, "BLK1", 4) != 0)
                break;
            end += 4096;
        }
        if (end + 4096 > file_bytes(path))
            continue; /* full, or a rehomed one: the tail is in the next */
        file_write(path, end, "torn half way", 13);
        free(numbers);
        return;
    }
    free(numbers);
}

/* PR2: killed again and again inside recovery itself, over a torn tail: any
 * number of crashes leads to the same content. */
static void test_PR2_killed_inside_recovery(void **state)
{
    (void)state;
    static const char *const inside[] = {"recovery.scanned",    "recovery.kept",  "recovery.copied",
                                         "recovery.renamed",    "segment.filled", "segment.renamed",
                                         "recovery.shard_ready"};
    enum { INSIDE = sizeof inside / sizeof inside[0] };
    uint32_t kills = 0;
    for (uint32_t round = 0; round < 12; round++) {
        fixture_remove(f.path);
        assert_int_equal(mkdir(f.path, 0700), 0);
        *acknowledged = 0;
        live_and_die("flush.written", 5 + round * 3, 1, RECORDS);
        uint64_t before = *acknowledged;
        tear_tail();
        for (uint32_t i = 0; i < 2 * INSIDE; i++) {
            uint32_t at = (round * 5 + i * 3) % INSIDE;
            bool died = live_and_die(inside[at], 1, 1, 0);
            kills += died;
            for (uint32_t p = 0; died && p < POINTS; p++)
                point_hits[p] += strcmp(points[p], inside[at]) == 0;
        }
        live_and_die("none", 1, 1, 0);
        assert_true(*acknowledged >= before && *acknowledged <= before + 3);
        live_and_die("none", 1, 1, RECORDS);
    }
    assert_true(kills >= 50);
}

/* Killed while the shard count changes: before or after, never between. */
static void test_killed_while_resharding(void **state)
{
    (void)state;
    static const char *const inside[] = {"header.written", "segment.filled", "epoch.filled",
                                         "epoch.renamed", "recovery.shard_ready"};
    for (uint32_t p = 0; p < sizeof inside / sizeof inside[0]; p++)
        for (uint32_t pass = 1; pass <= 3; pass++) {
            fixture_remove(f.path);
            assert_int_equal(mkdir(f.path, 0700), 0);
            *acknowledged = 0;
            live_and_die("none", 1, 1, RECORDS);
            live_and_die(inside[p], pass, 2, RECORDS);
            live_and_die(inside[p], pass, 3, RECORDS);
            live_and_die("none", 1, 3, RECORDS);
            live_and_die("none", 1, 3, 0);
        }
}

/* Every point of the list was really passed: a renamed one would go untested. */
static void test_every_point_was_hit(void **state)
{
    (void)state;
    for (uint32_t p = 0; p < POINTS; p++)
        if (point_hits[p] == 0)
            fail_msg("no crash at %s", points[p]);
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_PR1_killed_at_every_point),
        CASE(test_PR2_killed_inside_recovery),
        CASE(test_killed_while_resharding),
        CASE(test_every_point_was_hit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

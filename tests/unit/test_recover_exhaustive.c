/* The recovery table driven by generators: every small log of good, torn,
 * corrupt, stale and missing blocks; every length and many sector subsets of a
 * torn last block; single bit flips in full segments. */
#include "log_case.h"
#include "sanitized.h"

enum { BLOCKS = 5, BLOCK_BYTES = 4096, PER_BLOCK = 3, SEGMENTS_MAX = 3 };
/* What is only a sample is a smaller one under the sanitizer. */
enum { SUBSET_STEP = ADDRESS_SANITIZED ? 35 : 7, FLIPS = ADDRESS_SANITIZED ? 2000 : 10000 };

enum block_state { GOOD, TORN, CORRUPT, STALE, MISSING, STATES };

/* --- building logs by hand --- */

struct segment_image {
    _Alignas(4096) uint8_t bytes[LOG_SEGMENT_HEADER_BYTES + (BLOCKS + 1) * BLOCK_BYTES];
};

static struct segment_image images[SEGMENTS_MAX];

static uint64_t build_block(uint8_t *at, uint64_t nonce, uint32_t index, uint64_t previous_hash)
{
    struct log_block_header *header = (struct log_block_header *)(void *)at;
    uint32_t used = 0;
    memset(at, 0, BLOCK_BYTES);
    for (uint32_t i = 0; i < PER_BLOCK; i++) {
        struct record record = fixture_record(index * PER_BLOCK + i + 1);
        used += record_encode(&record, at + LOG_BLOCK_HEADER_BYTES + used);
    }
    *header = (struct log_block_header){.magic = LOG_BLOCK_MAGIC,
                                        .count = PER_BLOCK,
                                        .bytes = used,
                                        .nonce = nonce,
                                        .first_sequence = (uint64_t)index * PER_BLOCK + 1,
                                        .stamp_ms = 1,
                                        .previous_hash = previous_hash};
    log_block_seal(header);
    return header->header_hash;
}

static void spoil(uint8_t *at, enum block_state how)
{
    struct log_block_header *header = (struct log_block_header *)(void *)at;
    switch (how) {
    case TORN: /* the second half of its records never came */
        memset(at + LOG_BLOCK_HEADER_BYTES + header->bytes / 2, 0,
               BLOCK_BYTES - LOG_BLOCK_HEADER_BYTES - header->bytes / 2);
        break;
    case CORRUPT:
        header->first_sequence ^= 4;
        break;
    case STALE:
        header->nonce ^= 0xff;
        log_block_seal(header);
        break;
    case MISSING:
        memset(at, 0, BLOCK_BYTES);
        break;
    default:
        break;
    }
}

/* Blocks first_of[s] .. first_of[s+1]-1 lie in segment s. */
static void build_log(const enum block_state *states, const uint32_t *first_of, uint32_t segments)
{
    uint64_t previous_hash = 0;
    memset(images, 0, sizeof images);
    for (uint32_t s = 0; s < segments; s++) {
        struct log_segment_header header = {
            .head = {LOG_SEGMENT_MAGIC, LOG_FORMAT_VERSION, 0},
            .cluster = *data_dir_cluster(f.dir),
            .epoch = 1,
            .number = s + 1,
            .nonce = 1000 + s,
            .bytes = sizeof images[s].bytes,
        };
        memcpy(images[s].bytes, &header, sizeof header);
        log_file_header_seal(images[s].bytes, sizeof header);
        for (uint32_t i = first_of[s]; i < first_of[s + 1]; i++) {
            uint8_t *at =
                images[s].bytes + LOG_SEGMENT_HEADER_BYTES + (i - first_of[s]) * BLOCK_BYTES;
            previous_hash = build_block(at, header.nonce, i, previous_hash);
            spoil(at, states[i]);
        }
    }
}

static void write_log(uint32_t segments)
{
    for (uint32_t s = 0; s < SEGMENTS_MAX; s++) {
        if (s >= segments) {
            unlink(fixture_segment(&f, s + 1));
            continue;
        }
        int fd = open(fixture_segment(&f, s + 1), O_WRONLY | O_CREAT, 0600);
        assert_true(fd >= 0);
        assert_int_equal(ftruncate(fd, sizeof images[s].bytes), 0); /* as it is already, mostly */
        assert_int_equal(write(fd, images[s].bytes, sizeof images[s].bytes),
                         sizeof images[s].bytes);
        close(fd);
    }
}

/* --- the oracle: what the table says, without looking at bytes --- */

struct verdict {
    bool refuse;
    uint32_t blocks; /* that survive */
};

static bool any_written(const enum block_state *states, uint32_t from, uint32_t to)
{
    for (uint32_t i = from; i < to; i++)
        if (states[i] != MISSING)
            return true;
    return false;
}

static uint32_t segment_of(const uint32_t *first_of, uint32_t index)
{
    uint32_t segment = 0;
    while (index >= first_of[segment + 1])
        segment++;
    return segment;
}

/* A flush begins when the one before it is durable. So the first bad block was
 * durable, and its loss is refused, when a later one is good or has a good
 * header; when anything is in a later segment; and when anything lies behind it
 * while its header tells where "behind" begins. */
static bool was_durable(const enum block_state *states, const uint32_t *first_of, uint32_t bad)
{
    uint32_t segment = segment_of(first_of, bad);
    for (uint32_t i = bad + 1; i < BLOCKS; i++)
        if (states[i] == GOOD || states[i] == TORN)
            return true;
    if (states[bad] == TORN)
        return any_written(states, bad + 1, BLOCKS);
    /* Nothing at all in the rest of a segment: it ended there in order, and the
     * bad block is the first of the next one that was begun. */
    if (bad > first_of[segment] && !any_written(states, bad, first_of[segment + 1])) {
        uint32_t next = first_of[segment + 1];
        if (next < BLOCKS && any_written(states, next, first_of[segment + 2]))
            segment++;
    }
    return any_written(states, first_of[segment + 1], BLOCKS);
}

static struct verdict oracle(const enum block_state *states, const uint32_t *first_of)
{
    for (uint32_t i = 0; i < BLOCKS; i++)
        if (states[i] != GOOD)
            return (struct verdict){was_durable(states, first_of, i), i};
    return (struct verdict){false, BLOCKS};
}

static int scan(struct log_scan_end *end)
{
    struct log_scan_options options = {
        .dir = f.dir, .epoch = {1, 1, 1, 0}, .visit = fixture_visit, .context = &f};
    f.visited_count = 0;
    return log_scan(&options, end, &f.error);
}

/* All of recovery on a copy of the verdict: it must come back, twice, equal. */
static void recover_twice(uint32_t blocks)
{
    for (int i = 0; i < 2; i++) {
        data_dir_close(f.dir);
        f.dir = NULL;
        assert_int_equal(fixture_recover(&f, false), 0);
        assert_int_equal(f.visited_count, blocks * PER_BLOCK);
        assert_int_equal(f.recovered.tails[0].next_sequence, blocks * PER_BLOCK + 1);
    }
    fixture_forget_mark(&f);
    fixture_remove(fixture_segment(&f, SEGMENTS_MAX + 1));
}

static void check(const enum block_state *states, const uint32_t *first_of, uint32_t segments,
                  bool recover)
{
    struct log_scan_end end;
    struct verdict verdict = oracle(states, first_of);
    build_log(states, first_of, segments);
    write_log(segments);
    int code = scan(&end);
    if (code != (verdict.refuse ? LOG_EXIT_CORRUPT : 0))
        fail_msg("states %d%d%d%d%d, %u segments: exit %d, expected refusal %d: %s", states[0],
                 states[1], states[2], states[3], states[4], segments, code, verdict.refuse,
                 f.error.text);
    if (code != 0)
        return;
    assert_int_equal(f.visited_count, verdict.blocks * PER_BLOCK);
    for (uint32_t i = 0; i < f.visited_count; i++)
        assert_int_equal(f.visited[i], i + 1);
    if (recover)
        recover_twice(verdict.blocks);
}

/* Every combination of five states of five blocks, in every way to spread them
 * over one to three segments: accepted or refused as the table says, and what is
 * accepted is exactly the prefix before the first bad block. */
static void test_every_small_log(void **state)
{
    (void)state;
    static const uint32_t placements[][SEGMENTS_MAX + 1] = {
        {0, 5, 5, 5}, {0, 1, 5, 5}, {0, 2, 5, 5}, {0, 3, 5, 5}, {0, 4, 5, 5}, {0, 1, 2, 5},
        {0, 1, 3, 5}, {0, 1, 4, 5}, {0, 2, 3, 5}, {0, 2, 4, 5}, {0, 3, 4, 5}};
    uint32_t cases = 0;
    assert_int_equal(fixture_recover(&f, true), 0);
    fixture_forget_mark(&f);
    for (uint32_t p = 0; p < sizeof placements / sizeof placements[0]; p++) {
        uint32_t segments = p == 0 ? 1 : p < 5 ? 2 : 3;
        for (uint32_t code = 0; code < 3125; code++, cases++) {
            enum block_state states[BLOCKS];
            uint32_t rest = code;
            for (uint32_t i = 0; i < BLOCKS; i++, rest /= STATES)
                states[i] = (enum block_state)(rest % STATES);
            check(states, placements[p], segments, cases % 11 == 0);
        }
    }
    assert_int_equal(cases, 34375);
}

/* --- torn last blocks (DK2) --- */

static uint8_t whole[FIXTURE_SEGMENT_BYTES];

/* A log of 20 records, the last 12 in a block of its own of at most 8 KiB. */
static uint64_t make_torn_subject(uint64_t *size)
{
    struct log_block_header header;
    assert_int_equal(fixture_recover(&f, true), 0);
    fixture_write(&f);
    fixture_await_spare(&f);
    fixture_fill(&f, 1, 20, 20);
    fixture_fill(&f, 21, 80, 60);
    fixture_stop(&f);
    fixture_forget_mark(&f);
    assert_int_equal(file_bytes(fixture_segment(&f, 1)), sizeof whole);
    file_read(fixture_segment(&f, 1), 0, whole, sizeof whole);
    uint64_t at = block_offset(fixture_segment(&f, 1), 1);
    memcpy(&header, whole + at, sizeof header);
    *size = log_block_size(&header);
    assert_int_equal(*size, 2 * BLOCK_BYTES);
    struct data_dir_options options = {.path = f.path, .allow_buffered = true};
    assert_int_equal(data_dir_open(&f.dir, &options, &f.error), 0);
    return at;
}

/* The last block as `torn` says; the log must end before it, or behind it when
 * nothing of it is missing. */
static void check_torn(uint64_t at, uint64_t size, const uint8_t *torn, bool recover)
{
    struct log_scan_end end;
    bool complete = memcmp(torn, whole + at, size) == 0;
    int fd = open(fixture_segment(&f, 1), O_WRONLY);
    assert_int_equal(pwrite(fd, torn, size, (off_t)at), size);
    close(fd);
    assert_int_equal(scan(&end), 0);
    fixture_assert_visited(&f, 1, complete ? 80 : 20);
    assert_int_equal(end.next_sequence, complete ? 81 : 21);
    if (!recover)
        return;
    data_dir_close(f.dir);
    f.dir = NULL;
    assert_int_equal(fixture_recover(&f, false), 0);
    fixture_assert_visited(&f, 1, complete ? 80 : 20);
    /* The suspect file is gone; put the original back for the next case. */
    fixture_forget_mark(&f);
    unlink(fixture_segment(&f, 1));
    unlink(fixture_segment(&f, 3));
    file_write(fixture_segment(&f, 1), 0, whole, sizeof whole);
}

/* Every byte length of the last block. */
static void test_every_length_of_the_last_block(void **state)
{
    (void)state;
    static uint8_t torn[2 * BLOCK_BYTES];
    uint64_t size, at = make_torn_subject(&size);
    for (uint64_t length = 0; length <= size; length++) {
        memset(torn, 0, sizeof torn);
        memcpy(torn, whole + at, length);
        check_torn(at, size, torn, length % 97 == 0);
    }
}

/* Every subset of the sectors of the last block, the missing ones zero or full
 * of an earlier life's bytes. */
static void test_every_sector_subset_of_the_last_block(void **state)
{
    (void)state;
    static uint8_t torn[2 * BLOCK_BYTES], old[2 * BLOCK_BYTES];
    uint64_t size, at = make_torn_subject(&size);
    for (size_t i = 0; i < sizeof old; i++)
        old[i] = (uint8_t)(i * 131 + 7);
    for (uint32_t subset = 0; subset < 65536; subset += SUBSET_STEP) {
        for (uint32_t sector = 0; sector < 16; sector++) {
            const uint8_t *from = subset >> sector & 1 ? whole + at : old;
            if (subset % 2 && from == old)
                memset(torn + sector * 512, 0, 512);
            else
                memcpy(torn + sector * 512, from + sector * 512, 512);
        }
        check_torn(at, size, torn, subset % 1001 == 0);
    }
}

/* --- flipped bits (DK12) --- */

static uint64_t flip_state = 88172645463325252u;

static uint64_t flip_random(void) /* xorshift64: Marsaglia, 2003 */
{
    flip_state ^= flip_state << 13;
    flip_state ^= flip_state >> 7;
    return flip_state ^= flip_state << 17;
}

static void check_flip(const char *path, uint64_t offset, uint8_t bit)
{
    struct log_scan_end end;
    uint8_t byte;
    int fd = open(path, O_RDWR);
    assert_int_equal(pread(fd, &byte, 1, (off_t)offset), 1);
    byte ^= bit;
    assert_int_equal(pwrite(fd, &byte, 1, (off_t)offset), 1);
    if (scan(&end) == 0)
        fail_msg("a flip of bit %u at offset %llu was not noticed", bit,
                 (unsigned long long)offset);
    byte ^= bit;
    assert_int_equal(pwrite(fd, &byte, 1, (off_t)offset), 1);
    close(fd);
}

/* One flipped bit in a full segment is found wherever it is: thousands of random
 * places, all bits of the file's and of every block's header, and the unused end. */
static void test_single_bit_flips_in_a_full_segment(void **state)
{
    (void)state;
    struct log_scan_end end;
    char path[LOG_PATH_BYTES];
    assert_int_equal(fixture_recover(&f, true), 0);
    fixture_write(&f);
    fixture_await_spare(&f);
    fixture_fill(&f, 1, 160, 5);
    fixture_stop(&f);
    assert_int_equal(fixture_recover(&f, false), 0); /* keeps the directory open */
    assert_int_equal(scan(&end), 0);
    snprintf(path, sizeof path, "%s", fixture_segment(&f, 1));
    assert_true(end.segment > 1);
    uint64_t bytes = file_bytes(path);
    for (uint64_t offset = 0; offset < sizeof(struct log_segment_header); offset++)
        check_flip(path, offset, (uint8_t)(1u << offset % 8));
    for (uint64_t block = 4096; block < bytes; block += 4096)
        for (uint32_t offset = 0; offset < LOG_BLOCK_HEADER_BYTES; offset++)
            check_flip(path, block + offset, (uint8_t)(1u << flip_random() % 8));
    for (int i = 0; i < FLIPS; i++)
        check_flip(path, flip_random() % bytes, (uint8_t)(1u << flip_random() % 8));
    assert_int_equal(scan(&end), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_every_small_log),
        CASE(test_every_length_of_the_last_block),
        CASE(test_every_sector_subset_of_the_last_block),
        CASE(test_single_bit_flips_in_a_full_segment),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

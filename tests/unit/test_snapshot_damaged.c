/* A snapshot whose pages are whole but say what cannot be: each field of its header, its
 * trailer and its blocks in turn, sealed again so that no hash tells. Each is refused by
 * name, and a start takes the one before. */
#include "story_rig.h"

#include "../../engine/shard_export.h"
#include "../../persist/snapshot_load.h"
#include "../../persist/snapshot_take.h"
#include "../../persist/snapshot_write.h"

struct world {
    struct fixture fixture;
    struct rig rig;
    char path[LOG_PATH_BYTES];
    uint8_t *bytes; /* of snapshot 2, as it was written */
    uint64_t length;
    struct log_error error;
};

static struct world *world;

static void write_snapshot(uint64_t number)
{
    const struct snapshot_write_options write = {
        .dir = world->fixture.dir,
        .cut = {.number = number, .epoch = 1, .shard_count = 1, .stamp_ms = 5},
        .shards = world->rig.shards,
        .shard_count = 1};
    assert_int_equal(snapshot_write(&write, &world->error), 0);
    assert_int_equal(snapshot_publish(world->fixture.dir, number, &world->error), 0);
}

static int set_up(void **state)
{
    (void)state;
    world = test_calloc(1, sizeof *world);
    fixture_init(&world->fixture);
    assert_int_equal(fixture_recover(&world->fixture, true), 0);
    open_rig(&world->rig);
    write_snapshot(1);
    write_snapshot(2);
    snapshot_path(world->fixture.dir, 2, world->path);
    world->length = file_bytes(world->path);
    world->bytes = test_malloc(world->length);
    file_read(world->path, 0, world->bytes, world->length);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    rig_close(&world->rig);
    data_dir_close(world->fixture.dir);
    fixture_remove(world->fixture.path);
    test_free(world->bytes);
    test_free(world);
    return 0;
}

/* --- changing it --- */

static void restore_file(void)
{
    file_write(world->path, 0, world->bytes, world->length);
    assert_int_equal(truncate(world->path, (off_t)world->length), 0);
}

static struct snapshot_header header_now(void)
{
    struct snapshot_header header;
    memcpy(&header, world->bytes, sizeof header);
    return header;
}

static void put_header(const struct snapshot_header *header)
{
    uint8_t page[SNAPSHOT_HEADER_BYTES];
    memcpy(page, header, sizeof *header);
    log_file_header_seal(page, sizeof *header);
    file_write(world->path, 0, page, sizeof page);
}

static struct snapshot_trailer trailer_now(void)
{
    struct snapshot_trailer trailer;
    memcpy(&trailer, world->bytes + world->length - SNAPSHOT_TRAILER_BYTES, sizeof trailer);
    return trailer;
}

static void put_trailer(const struct snapshot_trailer *trailer)
{
    uint8_t page[SNAPSHOT_TRAILER_BYTES];
    memcpy(page, trailer, sizeof *trailer);
    log_file_header_seal(page, sizeof *trailer);
    file_write(world->path, world->length - SNAPSHOT_TRAILER_BYTES, page, sizeof page);
}

/* Opens it and loads it into fresh shards: the exit code. */
static int load(void)
{
    static struct snapshot_file file;
    struct shard *shards[SHARD_COUNT_MAX] = {NULL};
    struct partition_map partitions;
    partition_map_init(&partitions, 1);
    const struct shard_options options = {.partitions = &partitions,
                                          .reservation_ttl_ms = RIG_TTL_MS,
                                          .max_per_order = RIG_MAX_PER_ORDER,
                                          .idempotency_ms = RIG_KEY_MS};
    world->error = (struct log_error){0};
    int code = snapshot_file_open(&file, world->fixture.dir, 2, NULL, &world->error);
    if (code == 0) {
        assert_true(snapshot_make_shards(&options, shards));
        code = snapshot_load(&file, shards, &partitions, &world->error);
    }
    snapshot_free_shards(shards, SHARD_COUNT_MAX);
    return code;
}

static bool accept_all(void *context, const struct snapshot_cut *cut)
{
    (void)context, (void)cut;
    return true;
}

/* Which snapshot a start begins with. */
static uint64_t chosen(snapshot_accept *accept)
{
    struct shard *shards[SHARD_COUNT_MAX] = {NULL};
    struct partition_map partitions;
    struct snapshot_cut cut;
    partition_map_init(&partitions, 1);
    const struct shard_options options = {.partitions = &partitions,
                                          .reservation_ttl_ms = RIG_TTL_MS,
                                          .max_per_order = RIG_MAX_PER_ORDER,
                                          .idempotency_ms = RIG_KEY_MS};
    int code = snapshot_restore_if(world->fixture.dir, &options, accept, NULL, shards, &cut,
                                   &world->error);
    snapshot_free_shards(shards, 1);
    return code == 0 ? cut.number : (uint64_t)-code;
}

/* Refused as damaged, with these words; the file is put right again. */
static void refused(const char *why)
{
    assert_int_equal(load(), LOG_EXIT_CORRUPT);
    assert_string_equal(world->error.label, "RO");
    if (!strstr(world->error.text, why))
        fail_msg("not \"%s\": %s", why, world->error.text);
    assert_string_equal(world->error.file, world->path);
    assert_int_equal(chosen(NULL), 1);
    restore_file();
    assert_int_equal(load(), 0);
}

/* --- tests --- */

/* The header is that of the snapshot by this name, of this cluster. */
static void test_header(void **state)
{
    struct snapshot_header header;
    (void)state;
    header = header_now();
    header.cluster.bytes[3] ^= 1;
    put_header(&header);
    refused("another cluster");
    header = header_now();
    header.number = 7;
    put_header(&header);
    refused("parts of different snapshots");
    header = header_now();
    header.nonce++;
    put_header(&header);
    refused("parts of different snapshots");
    header = header_now();
    header.head.magic++;
    put_header(&header);
    refused("a damaged page");
}

/* As many shards as there may be, and as many sections as they make. */
static void test_shard_count(void **state)
{
    static const uint16_t counts[] = {0, 2, SHARD_COUNT_MAX, SHARD_COUNT_MAX + 1, UINT16_MAX};
    (void)state;
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
        struct snapshot_header header = header_now();
        header.shard_count = counts[i];
        put_header(&header);
        refused("an impossible number of shards");
    }
    struct snapshot_trailer trailer = trailer_now();
    trailer.section_count++;
    put_trailer(&trailer);
    refused("an impossible number of shards");
}

/* The trailer is the same snapshot's as the header. */
static void test_trailer(void **state)
{
    struct snapshot_trailer trailer;
    (void)state;
    trailer = trailer_now();
    trailer.number = 1;
    put_trailer(&trailer);
    refused("parts of different snapshots");
    trailer = trailer_now();
    trailer.nonce--;
    put_trailer(&trailer);
    refused("parts of different snapshots");
    trailer = trailer_now();
    trailer.cluster.bytes[15] ^= 0x80;
    put_trailer(&trailer);
    refused("parts of different snapshots");
    trailer = trailer_now();
    trailer.head.magic = SNAPSHOT_MAGIC;
    put_trailer(&trailer);
    refused("a damaged page");
}

/* Sections lie on pages, in order, inside the file. */
static void test_sections(void **state)
{
    struct snapshot_trailer trailer;
    (void)state;
    trailer = trailer_now();
    trailer.sections[1].offset++;
    put_trailer(&trailer);
    refused("impossible sections");
    trailer = trailer_now();
    trailer.sections[2].offset = world->length;
    put_trailer(&trailer);
    refused("impossible sections");
    trailer = trailer_now();
    trailer.sections[0].offset = 0;
    put_trailer(&trailer);
    refused("impossible sections");
    trailer = trailer_now();
    trailer.sections[1].offset = trailer.sections[0].offset - LOG_ALIGNMENT;
    put_trailer(&trailer);
    refused("impossible sections");
}

/* Where a section ends the next begins, with the entry and the chain it says. */
static void test_section_ends(void **state)
{
    struct snapshot_trailer trailer;
    (void)state;
    trailer = trailer_now();
    trailer.sections[1].first_entry++;
    put_trailer(&trailer);
    refused("a section ends elsewhere");
    trailer = trailer_now();
    trailer.sections[1].previous_hash++;
    put_trailer(&trailer);
    refused("a section ends elsewhere");
    trailer = trailer_now();
    trailer.entries++;
    put_trailer(&trailer);
    refused("a section ends elsewhere");
    trailer = trailer_now();
    trailer.last_hash ^= 1;
    put_trailer(&trailer);
    refused("a section ends elsewhere");
    trailer = trailer_now();
    trailer.sections[1].offset = trailer.sections[0].offset;
    trailer.sections[2].offset = trailer.sections[0].offset;
    put_trailer(&trailer);
    refused("a section ends elsewhere");
}

/* The catalog's first block, changed by the function and sealed as if it had always been. */
static void change_block(void change(struct log_block_header *))
{
    struct snapshot_trailer trailer = trailer_now();
    uint64_t at = trailer.sections[0].offset;
    struct log_block_header *block = (struct log_block_header *)(void *)(world->bytes + at);
    uint64_t size = log_block_size(block);
    uint8_t *copy = aligned_alloc(LOG_ALIGNMENT, size);
    memcpy(copy, block, size);
    change((struct log_block_header *)(void *)copy);
    log_block_seal((struct log_block_header *)(void *)copy);
    file_write(world->path, at, copy, size);
    free(copy);
}

static void change_nonce(struct log_block_header *block)
{
    block->nonce++;
}
static void change_section(struct log_block_header *block)
{
    block->shard++;
}
static void change_sequence(struct log_block_header *block)
{
    block->first_sequence++;
}
static void change_chain(struct log_block_header *block)
{
    block->previous_hash++;
}
static void cut_entries(struct log_block_header *block)
{
    block->count++;
}
static void garble_entry(struct log_block_header *block)
{
    ((uint8_t *)block)[LOG_BLOCK_HEADER_BYTES] = 0xc1;
}
static void change_nothing_but_time(struct log_block_header *block)
{
    block->stamp_ms++;
}

/* A block that is good by itself must belong where it lies. */
static void test_blocks(void **state)
{
    static void (*const changes[])(struct log_block_header *) = {change_nonce, change_section,
                                                                 change_sequence, change_chain};
    (void)state;
    for (size_t i = 0; i < sizeof changes / sizeof changes[0]; i++) {
        change_block(changes[i]);
        refused("does not belong here");
    }
    change_block(change_nothing_but_time); /* but the chain behind it knows */
    refused("a section ends elsewhere");
}

/* Entries must be as many as the block says, and be entries. */
static void test_entries(void **state)
{
    (void)state;
    change_block(cut_entries);
    assert_int_equal(load(), LOG_EXIT_CORRUPT);
    restore_file();
    change_block(garble_entry);
    assert_int_equal(load(), LOG_EXIT_CORRUPT);
    restore_file();
}

/* Half a page too much or too little is a file that was cut off. */
static void test_length(void **state)
{
    (void)state;
    assert_int_equal(truncate(world->path, (off_t)world->length + 512), 0);
    refused("cut off");
    assert_int_equal(truncate(world->path, 100), 0);
    refused("cut off");
    assert_int_equal(truncate(world->path, SNAPSHOT_HEADER_BYTES + SNAPSHOT_TRAILER_BYTES), 0);
    refused("a damaged page");
}

/* A later program's snapshot is no damage: the start ends and says that it knows no such
 * format, and takes no older one. */
static void test_newer(void **state)
{
    (void)state;
    struct snapshot_header header = header_now();
    header.head.version = LOG_FORMAT_VERSION + 1;
    put_header(&header);
    assert_int_equal(load(), LOG_EXIT_CONFIG);
    assert_string_equal(world->error.label, "RL");
    assert_int_equal(chosen(NULL), (uint64_t)-LOG_EXIT_CONFIG);
    restore_file();
    struct snapshot_trailer trailer = trailer_now();
    trailer.head.version = LOG_FORMAT_VERSION + 1;
    put_trailer(&trailer);
    assert_int_equal(load(), LOG_EXIT_CONFIG);
    restore_file();
}

/* The state that is loaded must be the one that was written. */
static void test_state_hash(void **state)
{
    (void)state;
    const struct shard_options options = {.reservation_ttl_ms = RIG_TTL_MS,
                                          .max_per_order = RIG_MAX_PER_ORDER,
                                          .idempotency_ms = RIG_KEY_MS};
    assert_int_equal(snapshot_check(world->fixture.dir, &options, 2, NULL, &world->error), 0);
    struct snapshot_trailer trailer = trailer_now();
    trailer.state_hash++;
    put_trailer(&trailer);
    assert_int_equal(snapshot_check(world->fixture.dir, &options, 2, NULL, &world->error),
                     LOG_EXIT_BUG);
    assert_string_equal(world->error.label, "RT");
    restore_file();
}

static bool accept_first(void *context, const struct snapshot_cut *cut)
{
    (void)context;
    return cut->number == 1;
}

static bool accept_none(void *context, const struct snapshot_cut *cut)
{
    (void)context, (void)cut;
    return false;
}

/* The newest good and wanted one is begun with; none is no snapshot, and no error. */
static void test_choice(void **state)
{
    char first[LOG_PATH_BYTES];
    (void)state;
    assert_int_equal(chosen(NULL), 2);
    assert_int_equal(chosen(accept_all), 2);
    assert_int_equal(chosen(accept_first), 1);
    assert_int_equal(chosen(accept_none), 0);
    file_flip(world->path, 9, 1);
    assert_int_equal(chosen(accept_all), 1);
    file_flip(snapshot_path(world->fixture.dir, 1, first), 9, 1);
    assert_int_equal(chosen(accept_all), 0);
    assert_int_equal(chosen(NULL), 0);
    restore_file();
}

/* Names beside the snapshots that are not theirs are left alone and not counted. */
static void test_names(void **state)
{
    static const char *const names[] = {"snapshot-00000000zz.snap",  "snapshot-0000000000.snap",
                                        "snapshot-00000000:1.snap",  "snapshot-00000000.1.snap",
                                        "snapshot-0000000001.snip",  "snapshot-1.snap",
                                        "snapshot-0000000003.snap~", "other",
                                        "snapshot-!!!!!!!!!!.snap",  "snapshot-"};
    char path[2 * LOG_PATH_BYTES];
    uint64_t *numbers;
    uint32_t count;
    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        snprintf(path, sizeof path, "%s/snapshots/%s", world->fixture.path, names[i]);
        file_write(path, 0, "x", 1);
    }
    assert_int_equal(snapshot_list(world->fixture.dir, &numbers, &count), 0);
    assert_int_equal(count, 2);
    assert_int_equal(numbers[0], 2);
    assert_int_equal(numbers[1], 1);
    free(numbers);
    assert_int_equal(snapshot_prune(world->fixture.dir, 1), 0);
    assert_int_equal(chosen(NULL), 2);
    assert_int_equal(access(path, F_OK), 0);
}

/* Without a directory there are no snapshots, and nothing to remove. */
static void test_no_directory(void **state)
{
    char path[LOG_PATH_BYTES];
    uint64_t *numbers;
    uint32_t count;
    (void)state;
    fixture_remove(snapshot_directory(world->fixture.dir, path));
    assert_int_equal(snapshot_list(world->fixture.dir, &numbers, &count), 0);
    assert_int_equal(count, 0);
    free(numbers);
    assert_int_equal(snapshot_prune(world->fixture.dir, 1), 0);
    assert_int_equal(chosen(NULL), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_header, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_shard_count, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_trailer, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_sections, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_section_ends, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_blocks, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_entries, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_length, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_newer, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_state_hash, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_choice, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_names, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_no_directory, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* A snapshot put together entry by entry, with any entry in any section, sealed as if the
 * engine had written it. */
#ifndef TESTS_UNIT_MADE_SNAPSHOT_H
#define TESTS_UNIT_MADE_SNAPSHOT_H

#include "log_fixture.h"

#include "../../engine/answer_memory.h"
#include "../../persist/snapshot.h"
#include "../../persist/snapshot_entry.h"

enum { MADE_BLOCK_BYTES = 65536 };

struct made_snapshot {
    const struct data_dir *dir;
    char path[LOG_PATH_BYTES];
    uint64_t number;
    uint16_t shard_count;
    uint16_t section;
    uint64_t offset;
    struct snapshot_trailer trailer;
    uint8_t *block; /* MADE_BLOCK_BYTES */
    uint32_t used;  /* of entries in it */
    uint32_t count;
};

static inline void made_end_block(struct made_snapshot *made)
{
    struct log_block_header *header = (struct log_block_header *)(void *)made->block;
    if (made->count == 0)
        return;
    *header = (struct log_block_header){.magic = LOG_BLOCK_MAGIC,
                                        .shard = made->section,
                                        .count = made->count,
                                        .bytes = made->used,
                                        .nonce = 77,
                                        .first_sequence = made->trailer.entries + 1,
                                        .previous_hash = made->trailer.last_hash};
    log_block_seal(header);
    file_write(made->path, made->offset, header, log_block_size(header));
    made->offset += log_block_size(header);
    made->trailer.entries += made->count;
    made->trailer.blocks++;
    made->trailer.last_hash = header->header_hash;
    made->used = made->count = 0;
}

/* Sections come one after the other; what is put goes into the last begun. */
static inline void made_section(struct made_snapshot *made, uint16_t section)
{
    made_end_block(made);
    for (uint32_t i = made->trailer.section_count; i <= section; i++)
        made->trailer.sections[i] = (struct snapshot_section){
            made->offset, made->trailer.entries + 1, made->trailer.last_hash};
    made->trailer.section_count = section + 1U;
    made->section = section;
}

static inline void made_begin(struct made_snapshot *made, const struct data_dir *dir,
                              uint64_t number, uint16_t shard_count)
{
    char directory[LOG_PATH_BYTES];
    *made = (struct made_snapshot){.dir = dir,
                                   .number = number,
                                   .shard_count = shard_count,
                                   .offset = SNAPSHOT_HEADER_BYTES,
                                   .block = aligned_alloc(LOG_ALIGNMENT, MADE_BLOCK_BYTES)};
    mkdir(snapshot_directory(dir, directory), 0700);
    snapshot_path(dir, number, made->path);
    unlink(made->path);
    made_section(made, SNAPSHOT_CATALOG);
}

/* Where the next entry is encoded; at most `most` bytes. */
static inline uint8_t *made_room(struct made_snapshot *made, uint32_t most)
{
    if (LOG_BLOCK_HEADER_BYTES + made->used + most > MADE_BLOCK_BYTES)
        made_end_block(made);
    return made->block + LOG_BLOCK_HEADER_BYTES + made->used;
}

static inline void made_put(struct made_snapshot *made, uint32_t bytes)
{
    assert_true(bytes > 0);
    made->used += bytes;
    made->count++;
}

static inline void made_record(struct made_snapshot *made, const struct record *record)
{
    uint8_t *out = made_room(made, record_encoded_bytes_max(record));
    made_put(made, record_encode(record, out));
}

static inline void made_zone(struct made_snapshot *made, const struct shard_zone_state *zone)
{
    made_put(made, snapshot_encode_zone(zone, made_room(made, SNAPSHOT_ENTRY_BYTES_MAX)));
}

static inline void made_zone_end(struct made_snapshot *made, uint32_t zone)
{
    made_put(made, snapshot_encode_zone_end(zone, 1, made_room(made, SNAPSHOT_ENTRY_BYTES_MAX)));
}

static inline void made_block(struct made_snapshot *made, const struct shard_block_state *block)
{
    made_put(made, snapshot_encode_block(block, made_room(made, SNAPSHOT_ENTRY_BYTES_MAX)));
}

static inline void made_booking(struct made_snapshot *made,
                                const struct shard_booking_state *booking)
{
    made_put(made, snapshot_encode_booking(booking, made_room(made, SNAPSHOT_ENTRY_BYTES_MAX)));
}

static inline void made_order(struct made_snapshot *made, const struct order *order)
{
    made_put(made, snapshot_encode_order(order, made_room(made, SNAPSHOT_ENTRY_BYTES_MAX)));
}

static inline void made_key(struct made_snapshot *made, const struct shard_key_state *key)
{
    made_put(made, snapshot_encode_key(key, made_room(made, SNAPSHOT_ENTRY_BYTES_MAX)));
}

static inline void made_page(const struct made_snapshot *made, const void *page, size_t used,
                             uint64_t offset)
{
    uint8_t bytes[LOG_ALIGNMENT];
    memcpy(bytes, page, used);
    log_file_header_seal(bytes, used);
    file_write(made->path, offset, bytes, sizeof bytes);
}

/* Ends it: the file is there. */
static inline void made_end(struct made_snapshot *made)
{
    static struct snapshot_header header;
    made_section(made, (uint16_t)(2 * made->shard_count)); /* the last there is */
    made_end_block(made);
    header = (struct snapshot_header){.head = {SNAPSHOT_MAGIC, LOG_FORMAT_VERSION, 0},
                                      .cluster = *data_dir_cluster(made->dir),
                                      .number = made->number,
                                      .nonce = 77,
                                      .epoch = 1,
                                      .shard_count = made->shard_count,
                                      .answer_layout = answer_memory_layout()};
    made_page(made, &header, sizeof header, 0);
    made->trailer.head = (struct log_file_head){SNAPSHOT_TRAILER_MAGIC, LOG_FORMAT_VERSION, 0};
    made->trailer.cluster = header.cluster;
    made->trailer.number = made->number;
    made->trailer.nonce = 77;
    made_page(made, &made->trailer, sizeof made->trailer, made->offset);
    free(made->block);
}

#endif

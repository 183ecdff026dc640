/* The bytes of the log on disk, little-endian, and the only code that makes or
 * judges them. docs/wal-format.md tells the same story with its reasons.
 * Pure; any thread. */
#ifndef PERSIST_LOG_FORMAT_H
#define PERSIST_LOG_FORMAT_H

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../engine/uuid.h"

enum {
    LOG_FORMAT_VERSION = 2, /* 1: without the inventory's records; read all the same */
    LOG_FORMAT_VERSION_MIN = 1,
    LOG_ALIGNMENT = 4096,
    LOG_SEGMENT_HEADER_BYTES = 4096, /* the first block follows */
    LOG_BLOCK_HEADER_BYTES = 64,
    LOG_BLOCK_BYTES_MAX = 1 << 20,
    LOG_SEGMENT_BYTES_MIN = 16384
};

#define LOG_SEGMENT_MAGIC 0x31474553584f42ull /* "BOXSEG1" */
#define LOG_BLOCK_MAGIC 0x314b4c42u           /* "BLK1" */
#define LOG_CLUSTER_MAGIC 0x31554c43584f42ull /* "BOXCLU1" */
#define LOG_EPOCH_MAGIC 0x31485045584f42ull   /* "BOXEPH1" */

static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "headers are stored as they lie");

enum {
    LOG_SEGMENT_REHOMED = 1, /* a shortened copy of a suspect segment; sealed */
    LOG_SEGMENT_RECYCLED = 2 /* behind its blocks lie those of an earlier life */
};

/* The head of every 4 KiB file header: the same place in all versions for ever,
 * as is the hash in the last 8 of the 4,096 bytes. */
struct log_file_head {
    uint64_t magic;
    uint32_t version;
    uint32_t flags;
};

struct log_segment_header {
    struct log_file_head head;
    struct uuid cluster;
    uint32_t epoch;
    uint16_t shard;
    uint16_t reserved;
    uint64_t number; /* from 1 within its shard and epoch */
    uint64_t nonce;  /* random: tells this life of the file from an earlier one */
    uint64_t bytes;  /* of the file when it was made */
};
static_assert(sizeof(struct log_segment_header) == 64, "on-disk format");

struct log_cluster_header {
    struct log_file_head head;
    struct uuid cluster;
    uint64_t created_ms;
    uint32_t newest_epoch; /* an epoch up to this one that is missing was lost; 0: none yet */
    uint32_t reserved;
};
static_assert(sizeof(struct log_cluster_header) == 48, "on-disk format");

struct log_epoch_header {
    struct log_file_head head;
    struct uuid cluster;
    uint64_t created_ms;
    uint64_t first_sequence;
    uint32_t number;
    uint16_t shard_count;
    uint16_t reserved;
};
static_assert(sizeof(struct log_epoch_header) == 56, "on-disk format");

/* One flush. `bytes` of records follow, then zeros up to the next 4 KiB. */
struct log_block_header {
    uint32_t magic;
    uint16_t shard;
    uint16_t reserved;
    uint32_t count; /* of records, at least 1 */
    uint32_t bytes;
    uint64_t nonce;          /* the segment's */
    uint64_t first_sequence; /* everything before it was durable when this was built */
    uint64_t stamp_ms;       /* of the last record */
    uint64_t previous_hash;  /* header_hash of the block before; 0: the epoch's first */
    uint64_t payload_hash;   /* XXH3-64 of records and padding */
    uint64_t header_hash;    /* XXH3-64 of the 56 bytes above */
};
static_assert(sizeof(struct log_block_header) == LOG_BLOCK_HEADER_BYTES, "on-disk format");

static inline uint64_t log_round_up(uint64_t bytes)
{
    return (bytes + LOG_ALIGNMENT - 1) & ~(uint64_t)(LOG_ALIGNMENT - 1);
}

/* Header, records and padding. */
static inline uint64_t log_block_size(const struct log_block_header *header)
{
    return log_round_up(LOG_BLOCK_HEADER_BYTES + (uint64_t)header->bytes);
}

static inline uint64_t log_block_last_sequence(const struct log_block_header *header)
{
    return header->first_sequence + header->count - 1;
}

/* Everything up to this was durable before the block was written: one flush is
 * in flight at a time. */
static inline uint64_t log_block_watermark(const struct log_block_header *header)
{
    return header->first_sequence - 1;
}

/* Zeroes the padding and fills both hashes of a block whose records and other
 * header fields are in place. The buffer has log_block_size bytes. */
void log_block_seal(struct log_block_header *header);

/* The header is one that log_block_seal made and that fits into `room` bytes. */
bool log_block_header_good(const struct log_block_header *header, uint64_t room);
/* The bytes behind a good header are what was sealed. */
bool log_block_payload_good(const struct log_block_header *header);

/* Zeroes the rest of a 4,096-byte file header and fills its hash. */
void log_file_header_seal(void *header, size_t used);

enum log_header_state { LOG_HEADER_GOOD, LOG_HEADER_BAD, LOG_HEADER_NEWER, LOG_HEADER_ZERO };
/* LOG_HEADER_NEWER: undamaged, of a later format version. */
enum log_header_state log_file_header_check(const void *header, uint64_t magic);

bool log_bytes_zero(const void *bytes, size_t length);

#endif

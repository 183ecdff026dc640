/* Snapshots: the state a log leads to at one position of every shard, so that a
 * start need not replay what lies before, and that log can be given up.
 *
 *   snapshots/snapshot-0000000007.snap       whole and verified, since it has its name
 *   snapshots/snapshot-0000000008.snap.new   being made; counts for nothing
 *
 * A snapshot is a fold of the log made outside the engine (snapshot_take.h). The
 * file is a sealed header, blocks like the log's (log_format.h) and a sealed
 * trailer; docs/wal-format.md has the bytes. This header has the format and the
 * names; snapshot_write.h, snapshot_read.h and snapshot_load.h the work. */
#ifndef PERSIST_SNAPSHOT_H
#define PERSIST_SNAPSHOT_H

#include "../engine/partition.h"
#include "data_dir.h"
#include "log_format.h"
#include "log_scan.h"

#define SNAPSHOT_MAGIC 0x31504e53584f42ull         /* "BOXSNP1" */
#define SNAPSHOT_TRAILER_MAGIC 0x31545253584f42ull /* "BOXSRT1" */

enum {
    SNAPSHOT_HEADER_BYTES = 4096,
    SNAPSHOT_TRAILER_BYTES = 4096,
    SNAPSHOT_BLOCK_BYTES = 256 << 10, /* a block is ended when it has so many */
    SNAPSHOT_SECTIONS_MAX = 1 + 2 * SHARD_COUNT_MAX,
    SNAPSHOT_KEPT = 2 /* the newest and the one before it */
};

/* Sections: the catalog, then for each shard its zone role and its home role. */
enum { SNAPSHOT_CATALOG = 0 };
static inline uint16_t snapshot_zone_section(uint16_t shard)
{
    return (uint16_t)(1 + 2 * shard);
}
static inline uint16_t snapshot_home_section(uint16_t shard)
{
    return (uint16_t)(2 + 2 * shard);
}

/* Where the fold stopped in each shard's log. */
struct snapshot_cut {
    uint64_t number; /* 0: no snapshot */
    uint32_t epoch;  /* all before it is in it */
    uint16_t shard_count;
    uint64_t created_ms;
    uint64_t stamp_ms; /* of the newest record in it: ages are counted from here */
    struct log_start positions[SHARD_COUNT_MAX];
};

/* --- on disk --- */

struct snapshot_position {
    uint64_t sequence; /* of the last record in it */
    uint64_t previous_hash;
    uint64_t stamp_ms;
    uint64_t segment;    /* with that record; 0: the shard had none in this epoch */
    uint32_t clean_stop; /* 1: that record says the engine had stopped in order */
    uint32_t reserved;
};
static_assert(sizeof(struct snapshot_position) == 40, "on-disk format");

struct snapshot_header {
    struct log_file_head head;
    struct uuid cluster;
    uint64_t number;
    uint64_t nonce; /* of its blocks */
    uint64_t created_ms;
    uint64_t stamp_ms;
    uint32_t epoch;
    uint16_t shard_count;
    uint16_t answer_layout; /* answer_memory_layout of the writer */
    struct snapshot_position positions[SHARD_COUNT_MAX];
};
static_assert(sizeof(struct snapshot_header) == 72 + 40 * SHARD_COUNT_MAX, "on-disk format");

/* Where a section begins: a place, and what its first block must say. */
struct snapshot_section {
    uint64_t offset;
    uint64_t first_entry;
    uint64_t previous_hash;
};

struct snapshot_trailer {
    struct log_file_head head;
    struct uuid cluster;
    uint64_t number;
    uint64_t nonce;
    uint64_t state_hash; /* of all shards: shard_state_hash and shard_home_hash */
    uint64_t entries;
    uint64_t blocks;
    uint64_t last_hash; /* of the last block */
    uint64_t bookings;
    uint64_t zones;
    uint64_t keys;
    uint64_t users; /* of bookings, each shard's */
    uint32_t section_count;
    uint32_t reserved;
    struct snapshot_section sections[SNAPSHOT_SECTIONS_MAX];
};
static_assert(sizeof(struct snapshot_trailer) <= SNAPSHOT_TRAILER_BYTES - 8, "on-disk format");

/* --- names --- */

/* Written to buffers of LOG_PATH_BYTES; return the buffer. */
const char *snapshot_directory(const struct data_dir *dir, char *out);
const char *snapshot_path(const struct data_dir *dir, uint64_t number, char *out);

/* The numbers of the snapshots there are, newest first; malloc'd, the caller's.
 * No directory is no snapshot. 0 or -errno. */
int snapshot_list(const struct data_dir *dir, uint64_t **numbers, uint32_t *count);

/* Removes what is older than the newest `kept`, and what was left half-made. 0 or
 * -errno. */
int snapshot_prune(const struct data_dir *dir, uint32_t kept);

#endif

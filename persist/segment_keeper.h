/* Makes segments ahead of their use, for all shards, so that a shard never waits
 * for allocation: each shard has a next segment, zero-written and synced, before
 * its current one is half full. When the disk is full it tries again every 500 ms.
 * Every 2 s it also looks whether the directory it works in is still the one it
 * was given.
 *
 * The work is in segment_keeper.c: steps that whoever owns the keeper calls. The
 * engine gives them a thread (segment_keeper_thread.c), a simulator calls them. */
#ifndef PERSIST_SEGMENT_KEEPER_H
#define PERSIST_SEGMENT_KEEPER_H

#include "data_dir.h"
#include "recovery.h"

struct segment_keeper;

struct segment_keeper_options {
    const struct data_dir *dir;
    uint32_t epoch;
    uint16_t shard_count;
    uint32_t segment_bytes;
    uint32_t retry_ms; /* 0: 500 */
    uint32_t watch_ms; /* 0: 2000 */
    bool threadless;   /* no thread: the caller takes the steps */
};

/* Starts the thread unless threadless. Outlives all log writers. */
int segment_keeper_new(struct segment_keeper **keeper, const struct segment_keeper_options *options,
                       struct log_error *error);
void segment_keeper_free(struct segment_keeper *keeper); /* joins; NULL: nothing */

/* --- the keeper's thread, or the owner of a threadless keeper --- */

/* Makes the segment that the shard wants, if it wants one. True: it could not be
 * made; again later. */
bool segment_keeper_step(struct segment_keeper *keeper, uint16_t shard);
/* Looks whether the directory is still the one it was. */
void segment_keeper_watch(struct segment_keeper *keeper);

/* --- a shard's thread --- */

struct segment_spare {
    int fd; /* O_DIRECT, the taker's */
    uint64_t number;
    uint64_t nonce;
    uint64_t bytes;
};

/* Asks for segment `number` (the one behind the current). Never blocks long. */
void segment_keeper_want(struct segment_keeper *keeper, uint16_t shard, uint64_t number);
/* True: *spare is the wanted segment. */
bool segment_keeper_take(struct segment_keeper *keeper, uint16_t shard,
                         struct segment_spare *spare);

enum segment_keeper_state { SEGMENT_NONE, SEGMENT_MAKING, SEGMENT_READY, SEGMENT_LOW };
/* SEGMENT_LOW: the last try failed; the keeper goes on trying. */
enum segment_keeper_state segment_keeper_state(const struct segment_keeper *keeper, uint16_t shard);

/* The epoch's directory is gone or another one has its name (a lost mount): what
 * is written goes nowhere. Final. */
bool segment_keeper_lost(const struct segment_keeper *keeper);

#endif

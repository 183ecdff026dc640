/* A log to be spoilt, and what a start says of it: for the recovery table of
 * docs/wal-format.md. */
#ifndef TESTS_UNIT_RECOVER_RIG_H
#define TESTS_UNIT_RECOVER_RIG_H

#include "log_case.h"

/* A log of shard 0 with quantities 1..count, stopped as by kill -9. */
static inline void make_log(uint32_t count, uint32_t per_block)
{
    assert_int_equal(fixture_recover(&f, true), 0);
    fixture_write(&f);
    fixture_await_spare(&f);
    fixture_fill(&f, 1, count, per_block);
    fixture_stop(&f);
}

static inline void assert_refused(int exit_code, const char *label)
{
    assert_int_equal(fixture_recover(&f, false), exit_code);
    assert_string_equal(f.error.label, label);
    assert_true(strlen(f.error.text) > 0);
}

/* Puts a sealed block made from another at `offset`. */
static inline void forge_block(uint64_t from, uint64_t to,
                               void (*change)(struct log_block_header *))
{
    static _Alignas(4096) uint8_t block[4096];
    struct log_block_header *header = (struct log_block_header *)(void *)block;
    file_read(fixture_segment(&f, 1), from, block, sizeof block);
    assert_int_equal(log_block_size(header), sizeof block);
    change(header);
    log_block_seal(header);
    file_write(fixture_segment(&f, 1), to, block, sizeof block);
}

static inline void out_of_chain(struct log_block_header *header)
{
    header->previous_hash ^= 1;
}

#endif

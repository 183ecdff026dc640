/* Rows kept as they should be in PostgreSQL, found again by key: of tables whose
 * records say all there is to say. One thread. */
#ifndef PERSIST_DIFF_KEPT_H
#define PERSIST_DIFF_KEPT_H

#include "../engine/hash_index.h"
#include "diff_table.h"

struct diff_kept_row {
    struct diff_key key;
    enum diff_table table;
    int count;
    uint32_t nulls; /* bit: field */
    size_t at;      /* in bytes: the fields' ends, then the text */
    uint32_t length;
};

struct diff_kept {
    struct diff_kept_row *rows;
    uint32_t count, capacity;
    struct hash_index by_key;
    struct replay_buffer bytes;
};

bool diff_kept_init(struct diff_kept *kept); /* false: out of memory */
void diff_kept_release(struct diff_kept *kept);

/* In place of the one with this key. False: out of memory. */
bool diff_kept_put(struct diff_kept *kept, enum diff_table table, const struct diff_key *key,
                   const struct diff_row *row);
/* Fills `row`, which is empty. False: none has this key. */
bool diff_kept_get(const struct diff_kept *kept, enum diff_table table, const struct diff_key *key,
                   struct diff_row *row);

#endif

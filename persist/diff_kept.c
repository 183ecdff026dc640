#include "diff_kept.h"

#include <stdlib.h>
#include <string.h>

#include "../engine/hash.h"
#include "growing_array.h"

enum { DIFF_KEPT_MIN = 1024, DIFF_KEPT_MAX = 1 << 28 };

struct place {
    const struct diff_key *key;
    enum diff_table table;
};

static uint64_t key_hash(const struct diff_key *key)
{
    return hash_uuid_seeded(&key->id, key->part);
}

static uint64_t hash_of(const void *table, uint32_t slot)
{
    const struct diff_kept *kept = table;
    return key_hash(&kept->rows[slot].key);
}

static bool match(const void *table, uint32_t slot, const void *wanted)
{
    const struct diff_kept_row *row = &((const struct diff_kept *)table)->rows[slot];
    const struct place *place = wanted;
    return row->table == place->table && row->key.part == place->key->part &&
           uuid_equal(&row->key.id, &place->key->id);
}

bool diff_kept_init(struct diff_kept *kept)
{
    *kept = (struct diff_kept){0};
    replay_buffer_init(&kept->bytes);
    return hash_index_init(&kept->by_key, DIFF_KEPT_MAX, kept, match, hash_of);
}

void diff_kept_release(struct diff_kept *kept)
{
    hash_index_release(&kept->by_key);
    replay_buffer_release(&kept->bytes);
    free(kept->rows);
    kept->rows = NULL;
}

static bool grow(struct diff_kept *kept)
{
    struct diff_kept_row *rows =
        growing_array_room(kept->rows, kept->count, &kept->capacity, sizeof *rows,
                           (struct growing_array_limits){DIFF_KEPT_MIN, DIFF_KEPT_MAX});
    if (rows != NULL)
        kept->rows = rows;
    return rows != NULL;
}

bool diff_kept_put(struct diff_kept *kept, enum diff_table table, const struct diff_key *key,
                   const struct diff_row *row)
{
    const struct place place = {key, table};
    uint32_t slot = hash_index_find(&kept->by_key, key_hash(key), &place);
    const bool fresh = slot == HASH_INDEX_MISSING;
    if (row->text.failed || (fresh && !grow(kept)))
        return false;
    if (fresh)
        slot = kept->count;
    struct diff_kept_row *put = &kept->rows[slot];
    *put = (struct diff_kept_row){
        *key, table, row->count, 0, kept->bytes.length, (uint32_t)row->text.length};
    for (int field = 0; field < row->count; field++)
        put->nulls |= (uint32_t)row->null[field] << field;
    replay_buffer_append(&kept->bytes, row->ends, (size_t)row->count * sizeof row->ends[0]);
    replay_buffer_append(&kept->bytes, row->text.bytes, row->text.length);
    if (kept->bytes.failed)
        return false;
    if (fresh && !hash_index_insert(&kept->by_key, key_hash(key), slot))
        return false;
    kept->count += fresh;
    return true;
}

bool diff_kept_get(const struct diff_kept *kept, enum diff_table table, const struct diff_key *key,
                   struct diff_row *row)
{
    const struct place place = {key, table};
    const uint32_t slot = hash_index_find(&kept->by_key, key_hash(key), &place);
    if (slot == HASH_INDEX_MISSING)
        return false;
    const struct diff_kept_row *got = &kept->rows[slot];
    const char *bytes = kept->bytes.bytes + got->at;
    const size_t ends_bytes = (size_t)got->count * sizeof row->ends[0];
    memcpy(row->ends, bytes, ends_bytes);
    replay_buffer_append(&row->text, bytes + ends_bytes, got->length);
    for (int field = 0; field < got->count; field++) {
        row->null[field] = (got->nulls >> field & 1) != 0;
        row->unknown[field] = false;
    }
    row->count = got->count;
    return true;
}

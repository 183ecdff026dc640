/* Values to msgpack, over a packer that writes to memory which has the room.
 * Private to the encoder. */
#ifndef PERSIST_RECORD_PACK_H
#define PERSIST_RECORD_PACK_H

#include <assert.h>
#include <msgpack.h>

#include "record_codec.h"
#include "record_schema.h"

static inline void pack_uuid(msgpack_packer *packer, const struct uuid *uuid)
{
    msgpack_pack_bin(packer, sizeof uuid->bytes);
    msgpack_pack_bin_body(packer, uuid->bytes, sizeof uuid->bytes);
}

static inline void pack_text(msgpack_packer *packer, const struct text *text)
{
    msgpack_pack_str(packer, text->length);
    if (text->length > 0)
        msgpack_pack_str_body(packer, text->bytes, text->length);
}

static inline void pack_uuid_or_nil(msgpack_packer *packer, const struct uuid *uuid)
{
    if (uuid_is_nil(uuid))
        msgpack_pack_nil(packer);
    else
        pack_uuid(packer, uuid);
}

static inline void pack_bool(msgpack_packer *packer, bool value)
{
    if (value)
        msgpack_pack_true(packer);
    else
        msgpack_pack_false(packer);
}

/* Ascending seats, each as the number of seats between it and the one before. */
static inline void pack_seats(msgpack_packer *packer, const uint32_t *seats, uint32_t count)
{
    uint32_t next = 0;
    msgpack_pack_array(packer, count);
    for (uint32_t i = 0; i < count; i++) {
        assert(seats[i] >= next && seats[i] < SEAT_PLAN_SEATS_MAX);
        msgpack_pack_uint32(packer, seats[i] - next);
        next = seats[i] + 1;
    }
}

/* Most actors are the booking's own user: one byte instead of eighteen. */
static inline void pack_actor(msgpack_packer *packer, const struct actor *actor,
                              const struct uuid *user)
{
    msgpack_pack_uint8(packer, (uint8_t)actor->role);
    if (uuid_is_nil(&actor->id))
        msgpack_pack_nil(packer);
    else if (user && uuid_equal(&actor->id, user))
        msgpack_pack_true(packer);
    else
        pack_uuid(packer, &actor->id);
}

static inline void pack_head(msgpack_packer *packer, const struct record *record, size_t fields,
                             const struct uuid *user)
{
    msgpack_pack_array(packer, RECORD_HEAD_FIELDS + fields);
    msgpack_pack_uint8(packer, (uint8_t)record->kind);
    msgpack_pack_uint64(packer, record->stamp_ms);
    pack_actor(packer, &record->actor, user);
    msgpack_pack_uint64(packer, record->key.hash);
    msgpack_pack_uint32(packer, record->key.fingerprint);
}

/* The whole of a catalog record (record_encode_catalog.c). */
void record_pack_catalog(msgpack_packer *packer, const struct record *record);

#endif

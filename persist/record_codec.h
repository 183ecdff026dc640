/* Records as msgpack arrays; docs/wal-format.md has the schema. Pure; any thread. */
#ifndef PERSIST_RECORD_CODEC_H
#define PERSIST_RECORD_CODEC_H

#include <stddef.h>
#include <stdint.h>

#include "../engine/record.h"

/* No record is longer than this when encoded. */
enum { RECORD_BYTES_MAX = 8192 };

/* At most as many bytes as the record will take, cheap to know; 0: a text of it
 * is longer than the catalog allows. */
uint32_t record_encoded_bytes_max(const struct record *record);

/* Encodes into `out`, which has record_encoded_bytes_max(record) bytes of room.
 * Returns the bytes written. The sequence is not in them: the block has it. */
uint32_t record_encode(const struct record *record, uint8_t *out);

enum record_decode_error {
    RECORD_DECODE_TRUNCATED = -1,
    RECORD_DECODE_TYPE = -2,    /* another msgpack type than the schema's */
    RECORD_DECODE_RANGE = -3,   /* a number or length the engine never writes */
    RECORD_DECODE_UNKNOWN = -4, /* a kind this version does not know */
    RECORD_DECODE_TRAILING = -5 /* bytes behind the record (record_decode_exact) */
};

/* Decodes one record from the front of `bytes`. Returns its length, or a
 * negative record_decode_error. No allocation; texts of the record point into
 * `bytes`. Sets everything but `sequence`; of a union only the kind's member. */
int32_t record_decode(struct record *record, const uint8_t *bytes, size_t length);

/* As record_decode, but the record must fill `bytes` exactly. Returns 0. */
int32_t record_decode_exact(struct record *record, const uint8_t *bytes, size_t length);

const char *record_decode_error_name(int32_t error);

#endif

/* Records as msgpack arrays; docs/wal-format.md has the schema. Pure; any thread. */
#ifndef PERSIST_RECORD_CODEC_H
#define PERSIST_RECORD_CODEC_H

#include <stddef.h>
#include <stdint.h>

#include "../engine/record.h"

enum {
    /* No record but a zone with a plan is longer than this when encoded. */
    RECORD_BYTES_MAX = 8192,
    /* No record at all is longer than this. */
    RECORD_ZONE_BYTES_MAX = SEAT_PLAN_BYTES_MAX + RECORD_BYTES_MAX
};

/* At most as many bytes as the record will take, cheap to know; 0: a text, list or
 * plan of it is longer than the catalog allows. */
uint32_t record_encoded_bytes_max(const struct record *record);

/* Encodes into `out`, which has record_encoded_bytes_max(record) bytes of room.
 * Returns the bytes written. The sequence is not in them: the block has it.
 * Asserts that seats are ascending and each there once. */
uint32_t record_encode(const struct record *record, uint8_t *out);

enum record_decode_error {
    RECORD_DECODE_TRUNCATED = -1,
    RECORD_DECODE_TYPE = -2,    /* another msgpack type than the schema's */
    RECORD_DECODE_RANGE = -3,   /* a number or length the engine never writes */
    RECORD_DECODE_UNKNOWN = -4, /* a kind this version does not know */
    RECORD_DECODE_TRAILING = -5 /* bytes behind the record (record_decode_exact) */
};

/* Where lists of a decoded record live that are not in its bytes as they are
 * needed. One for each record that is in use at a time. */
struct record_scratch {
    union {
        struct catalog_stop stops[CATALOG_STOPS_MAX];
        struct uuid stations[CATALOG_STOPS_MAX];
        int64_t segment_prices[CATALOG_SEGMENTS_MAX];
        uint32_t seats[RECORD_BLOCK_SEATS_MAX];
    };
};

/* Decodes one record from the front of `bytes`. Returns its length, or a
 * negative record_decode_error. No allocation; texts and plan bytes of the record
 * point into `bytes`, its lists into `scratch`. Sets everything but `sequence`; of
 * a union only the kind's member. */
int32_t record_decode(struct record *record, struct record_scratch *scratch, const uint8_t *bytes,
                      size_t length);

/* As record_decode, but the record must fill `bytes` exactly. Returns 0. */
int32_t record_decode_exact(struct record *record, struct record_scratch *scratch,
                            const uint8_t *bytes, size_t length);

const char *record_decode_error_name(int32_t error);

#endif

#include "log_format.h"

#include <string.h>
#include <xxhash.h>

void log_block_seal(struct log_block_header *header)
{
    uint8_t *block = (uint8_t *)header;
    size_t used = LOG_BLOCK_HEADER_BYTES + (size_t)header->bytes;
    size_t size = log_block_size(header);
    assert(header->count > 0 && header->first_sequence > 0);
    memset(block + used, 0, size - used);
    header->payload_hash =
        XXH3_64bits(block + LOG_BLOCK_HEADER_BYTES, size - LOG_BLOCK_HEADER_BYTES);
    header->header_hash = XXH3_64bits(block, offsetof(struct log_block_header, header_hash));
}

bool log_block_header_good(const struct log_block_header *header, uint64_t room)
{
    return header->magic == LOG_BLOCK_MAGIC && header->count > 0 && header->first_sequence > 0 &&
           header->bytes <= LOG_BLOCK_BYTES_MAX - LOG_BLOCK_HEADER_BYTES &&
           log_block_size(header) <= room &&
           header->header_hash ==
               XXH3_64bits(header, offsetof(struct log_block_header, header_hash));
}

bool log_block_payload_good(const struct log_block_header *header)
{
    return header->payload_hash == XXH3_64bits((const uint8_t *)header + LOG_BLOCK_HEADER_BYTES,
                                               log_block_size(header) - LOG_BLOCK_HEADER_BYTES);
}

enum { HASHED_BYTES = LOG_SEGMENT_HEADER_BYTES - sizeof(uint64_t) };

void log_file_header_seal(void *header, size_t used)
{
    uint8_t *bytes = header;
    memset(bytes + used, 0, HASHED_BYTES - used);
    uint64_t hash = XXH3_64bits(bytes, HASHED_BYTES);
    memcpy(bytes + HASHED_BYTES, &hash, sizeof hash);
}

enum log_header_state log_file_header_check(const void *header, uint64_t magic)
{
    struct log_file_head head;
    uint64_t hash;
    memcpy(&head, header, sizeof head);
    memcpy(&hash, (const uint8_t *)header + HASHED_BYTES, sizeof hash);
    if (log_bytes_zero(header, LOG_SEGMENT_HEADER_BYTES))
        return LOG_HEADER_ZERO;
    if (head.magic != magic || hash != XXH3_64bits(header, HASHED_BYTES))
        return LOG_HEADER_BAD;
    if (head.version > LOG_FORMAT_VERSION)
        return LOG_HEADER_NEWER;
    return head.version >= LOG_FORMAT_VERSION_MIN ? LOG_HEADER_GOOD : LOG_HEADER_BAD;
}

bool log_bytes_zero(const void *bytes, size_t length)
{
    const uint8_t *at = bytes;
    if (length == 0)
        return true;
    /* Equal to itself one byte on, and the first is zero: memcmp runs at memory speed. */
    return at[0] == 0 && memcmp(at, at + 1, length - 1) == 0;
}

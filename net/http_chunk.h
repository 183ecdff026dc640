/* Decodes a chunked body in place, strictly: sizes of 1 to 16 hex digits, line
 * ends of CR LF only, extensions well formed and 256 bytes in all, trailer fields
 * well formed, 1 KiB in all, and dropped. Resumable at any byte. */
#ifndef NET_HTTP_CHUNK_H
#define NET_HTTP_CHUNK_H

#include <stdint.h>

enum { HTTP_CHUNK_EXTENSIONS_BYTES_MAX = 256, HTTP_TRAILERS_BYTES_MAX = 1024 };

/* Zeroed before a body's first byte. */
struct http_chunk {
    uint64_t remaining; /* of the current chunk's data */
    uint32_t body_bytes;
    uint16_t extension_bytes;
    uint16_t trailer_bytes;
    uint8_t digits;
    uint8_t state;
};

enum http_chunk_result {
    HTTP_CHUNK_MORE,
    HTTP_CHUNK_DONE,
    HTTP_CHUNK_BAD,           /* 400 */
    HTTP_CHUNK_BODY_LARGE,    /* over body_bytes_max: 413 */
    HTTP_CHUNK_TRAILERS_LARGE /* 431 */
};

/* Reads `length` bytes at `input` and moves the data among them to `output`, which
 * may not lie behind input. *consumed: bytes read, all of them unless the body
 * ended or was refused; *produced: bytes of data moved. */
enum http_chunk_result http_chunk_decode(struct http_chunk *chunk, const char *input,
                                         uint32_t length, char *output, uint32_t body_bytes_max,
                                         uint32_t *consumed, uint32_t *produced);

#endif

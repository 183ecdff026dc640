/* One state per place in the grammar of RFC 9112, section 7.1, without its
 * "bad whitespace":
 *
 *   size [ext] CR LF data CR LF ... "0" [ext] CR LF (name ":" value CR LF)* CR LF
 *   ext = ";" token [ "=" ( token | quoted ) ]
 *
 * and without escapes in quoted values, which llhttp refuses as well.
 */
#include "http_chunk.h"

#include <assert.h>
#include <stdbool.h>
#include <string.h>

#include "../engine/hex.h"
#include "http_token.h"

enum chunk_state {
    SIZE,
    EXTENSION_NAME_FIRST,
    EXTENSION_NAME,
    EXTENSION_VALUE_FIRST,
    EXTENSION_VALUE,
    EXTENSION_QUOTED,
    EXTENSION_END,
    SIZE_LF,
    DATA,
    DATA_CR,
    DATA_LF,
    TRAILER_FIRST,
    TRAILER_NAME,
    TRAILER_VALUE,
    TRAILER_LF,
    END_LF,
    DONE
};

static bool is_text(unsigned char byte)
{
    return byte == '\t' || (byte >= 0x20 && byte != 0x7f);
}

static enum http_chunk_result size_byte(struct http_chunk *chunk, unsigned char byte)
{
    int value = hex_digit_value((char)byte);
    if (value >= 0) {
        if (chunk->digits++ == 16)
            return HTTP_CHUNK_BAD;
        chunk->remaining = chunk->remaining << 4 | (unsigned)value;
        return HTTP_CHUNK_MORE;
    }
    if (chunk->digits == 0 || (byte != '\r' && byte != ';'))
        return HTTP_CHUNK_BAD;
    chunk->state = byte == '\r' ? SIZE_LF : EXTENSION_NAME_FIRST;
    return HTTP_CHUNK_MORE;
}

/* After a complete extension, or an extension's bare name. */
static bool extension_next(struct http_chunk *chunk, unsigned char byte)
{
    if (byte == '\r')
        chunk->state = SIZE_LF;
    else if (byte == ';')
        chunk->state = EXTENSION_NAME_FIRST;
    else
        return false;
    return true;
}

static bool extension_byte(struct http_chunk *chunk, unsigned char byte)
{
    if (++chunk->extension_bytes > HTTP_CHUNK_EXTENSIONS_BYTES_MAX)
        return false;
    switch (chunk->state) {
    case EXTENSION_NAME_FIRST:
        chunk->state = EXTENSION_NAME;
        return http_is_token(byte);
    case EXTENSION_NAME:
        if (byte == '=')
            chunk->state = EXTENSION_VALUE_FIRST;
        return byte == '=' || http_is_token(byte) || extension_next(chunk, byte);
    case EXTENSION_VALUE_FIRST:
        chunk->state = byte == '"' ? EXTENSION_QUOTED : EXTENSION_VALUE;
        return byte == '"' || http_is_token(byte);
    case EXTENSION_VALUE:
        return http_is_token(byte) || extension_next(chunk, byte);
    case EXTENSION_QUOTED:
        if (byte == '"')
            chunk->state = EXTENSION_END;
        return is_text(byte) && byte != '\\';
    default:
        assert(chunk->state == EXTENSION_END);
        return extension_next(chunk, byte);
    }
}

static bool trailer_byte(struct http_chunk *chunk, unsigned char byte)
{
    switch (chunk->state) {
    case TRAILER_FIRST:
        if (byte == '\r') {
            chunk->state = END_LF;
            return true;
        }
        chunk->state = TRAILER_NAME;
        return http_is_token(byte);
    case TRAILER_NAME:
        if (byte == ':')
            chunk->state = TRAILER_VALUE;
        return byte == ':' || http_is_token(byte);
    case TRAILER_VALUE:
        if (byte == '\r')
            chunk->state = TRAILER_LF;
        return byte == '\r' || is_text(byte);
    default:
        assert(chunk->state == TRAILER_LF);
        chunk->state = TRAILER_FIRST;
        return byte == '\n';
    }
}

static enum http_chunk_result size_line_end(struct http_chunk *chunk, uint32_t body_bytes_max)
{
    chunk->digits = 0;
    chunk->state = chunk->remaining > 0 ? DATA : TRAILER_FIRST;
    if (chunk->remaining > body_bytes_max - chunk->body_bytes)
        return HTTP_CHUNK_BODY_LARGE;
    return HTTP_CHUNK_MORE;
}

static enum http_chunk_result framing_byte(struct http_chunk *chunk, unsigned char byte,
                                           uint32_t body_bytes_max)
{
    bool good;
    switch (chunk->state) {
    case SIZE:
        return size_byte(chunk, byte);
    case SIZE_LF:
        return byte == '\n' ? size_line_end(chunk, body_bytes_max) : HTTP_CHUNK_BAD;
    case DATA_CR:
        chunk->state = DATA_LF;
        return byte == '\r' ? HTTP_CHUNK_MORE : HTTP_CHUNK_BAD;
    case DATA_LF:
        chunk->state = SIZE;
        return byte == '\n' ? HTTP_CHUNK_MORE : HTTP_CHUNK_BAD;
    case END_LF:
        chunk->state = DONE;
        return byte == '\n' ? HTTP_CHUNK_DONE : HTTP_CHUNK_BAD;
    case TRAILER_FIRST:
    case TRAILER_NAME:
    case TRAILER_VALUE:
    case TRAILER_LF:
        if (++chunk->trailer_bytes > HTTP_TRAILERS_BYTES_MAX)
            return HTTP_CHUNK_TRAILERS_LARGE;
        good = trailer_byte(chunk, byte);
        break;
    default:
        good = extension_byte(chunk, byte);
        break;
    }
    return good ? HTTP_CHUNK_MORE : HTTP_CHUNK_BAD;
}

enum http_chunk_result http_chunk_decode(struct http_chunk *chunk, const char *input,
                                         uint32_t length, char *output, uint32_t body_bytes_max,
                                         uint32_t *consumed, uint32_t *produced)
{
    assert(chunk->state != DONE);
    enum http_chunk_result result = HTTP_CHUNK_MORE;
    uint32_t at = 0;
    *produced = 0;
    while (at < length && result == HTTP_CHUNK_MORE) {
        if (chunk->state != DATA) {
            result = framing_byte(chunk, (unsigned char)input[at++], body_bytes_max);
            continue;
        }
        uint32_t run = length - at;
        if (run > chunk->remaining)
            run = (uint32_t)chunk->remaining;
        memmove(output + *produced, input + at, run);
        at += run;
        *produced += run;
        chunk->body_bytes += run;
        chunk->remaining -= run;
        if (chunk->remaining == 0)
            chunk->state = DATA_CR;
    }
    *consumed = at;
    return result;
}

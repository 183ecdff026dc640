#include "http_scan.h"

#include <assert.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

static bool is_control(unsigned char byte)
{
    return byte < 0x20 || byte == 0x7f;
}

/* The first control byte in [at, end), or end. Most of a head is passed over
 * here, 16 bytes a step; never reads beyond end. */
static uint32_t control_find(const char *bytes, uint32_t at, uint32_t end)
{
#ifdef __SSE2__
    const __m128i last_control = _mm_set1_epi8(0x1f), delete = _mm_set1_epi8(0x7f);
    while (end - at >= 16) {
        __m128i block = _mm_loadu_si128((const __m128i *)(const void *)(bytes + at));
        __m128i control = _mm_or_si128(_mm_cmpeq_epi8(_mm_min_epu8(block, last_control), block),
                                       _mm_cmpeq_epi8(block, delete));
        int mask = _mm_movemask_epi8(control);
        if (mask)
            return at + (uint32_t)__builtin_ctz((unsigned)mask);
        at += 16;
    }
#endif
    while (at < end && !is_control((unsigned char)bytes[at]))
        at++;
    return at;
}

/* Where the limit in force cuts the scan off: two more for the line's end. */
static uint32_t scan_limit(const struct http_scan *scan)
{
    if (scan->fields_start == 0)
        return scan->start + HTTP_REQUEST_LINE_BYTES_MAX + 2;
    return scan->fields_start + HTTP_FIELDS_BYTES_MAX;
}

static enum http_scan_result over_limit(const struct http_scan *scan)
{
    return scan->fields_start == 0 ? HTTP_SCAN_LINE_LONG : HTTP_SCAN_FIELDS_LARGE;
}

/* A line ended at scan->at (its CR). */
static enum http_scan_result line_end(struct http_scan *scan, const char *bytes)
{
    uint32_t line = scan->line;
    bool empty = scan->at == line;
    scan->at += 2;
    scan->line = scan->at;
    if (scan->fields_start == 0) {
        if (!empty) {
            scan->fields_start = scan->at;
            scan->lines = 1;
            return HTTP_SCAN_REQUEST_LINE;
        }
        if (scan->start > 0)
            return HTTP_SCAN_BAD;
        scan->start = scan->at; /* one empty line, as RFC 9112 2.2 asks for */
        return HTTP_SCAN_MORE;
    }
    if (empty)
        return HTTP_SCAN_HEAD;
    if (bytes[line] == ' ' || bytes[line] == '\t')
        return HTTP_SCAN_BAD;
    if (scan->lines++ > HTTP_FIELDS_MAX)
        return HTTP_SCAN_FIELDS_LARGE;
    return HTTP_SCAN_MORE;
}

enum http_scan_result http_scan(struct http_scan *scan, const char *bytes, uint32_t length)
{
    assert(scan->at <= length);
    for (;;) {
        uint32_t limit = scan_limit(scan);
        uint32_t end = length < limit ? length : limit;
        scan->at = control_find(bytes, scan->at, end);
        if (scan->at == end)
            return end == limit ? over_limit(scan) : HTTP_SCAN_MORE;
        if (bytes[scan->at] == '\t' && scan->fields_start > 0 && scan->at > scan->line) {
            scan->at++;
            continue;
        }
        if (bytes[scan->at] != '\r')
            return HTTP_SCAN_BAD;
        if (scan->at + 1 == end)
            return end == limit ? over_limit(scan) : HTTP_SCAN_MORE;
        if (bytes[scan->at + 1] != '\n')
            return HTTP_SCAN_BAD;
        enum http_scan_result result = line_end(scan, bytes);
        if (result != HTTP_SCAN_MORE)
            return result;
    }
}

/* Any bytes as a stream of requests. Three claims:
 *   1. cut into pieces anywhere, the stream gives the same requests and the same
 *      refusal as in one piece, and no byte beyond a piece is read;
 *   2. what comes out is what the gate promises: no control bytes, a decoded path
 *      without dot segments, a body within its limit;
 *   3. what we accept, llhttp accepts by itself, with the same target and body.
 * The first four bytes choose the cuts. */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#define XXH_INLINE_ALL
#include <xxhash.h>

#include "../../net/http_intake.h"

/* llhttp's method names are ours too. */
#define HTTP_DELETE LLHTTP_DELETE
#define HTTP_GET LLHTTP_GET
#define HTTP_HEAD LLHTTP_HEAD
#define HTTP_POST LLHTTP_POST
#define HTTP_PUT LLHTTP_PUT
#define HTTP_OPTIONS LLHTTP_OPTIONS
#include <llhttp.h>
#undef HTTP_DELETE
#undef HTTP_GET
#undef HTTP_HEAD
#undef HTTP_POST
#undef HTTP_PUT
#undef HTTP_OPTIONS

enum { BODY_BYTES_MAX = 2048, STREAM_BYTES_MAX = 65536 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What a stream came to; equal for equal streams. */
struct outcome {
    uint64_t digest; /* of all requests, in order */
    uint32_t requests;
    int status; /* of the refusal that ended it, or 0 */
    bool closed;
};

struct stream {
    struct http_fields *fields;
    struct http_intake intake;
    struct outcome outcome;
    char *bytes; /* exactly as large as what it holds */
    uint32_t length;
};

static void digest_text(struct outcome *outcome, struct text text)
{
    outcome->digest = XXH3_64bits_withSeed(text.bytes ? text.bytes : "", text.length,
                                           outcome->digest + (text.bytes != NULL));
}

static void check_text(struct text text)
{
    for (uint32_t i = 0; i < text.length; i++) {
        unsigned char byte = (unsigned char)text.bytes[i];
        assert((byte >= 0x20 && byte != 0x7f) || byte == '\t');
    }
}

static void check_path(const struct http_head *head)
{
    struct text path = head->request.path;
    if (head->connect)
        return;
    assert(path.length > 0);
    assert(path.bytes[0] == '/' || (path.length == 1 && path.bytes[0] == '*'));
    check_text(path);
    for (uint32_t i = 0; i < path.length; i++) {
        if (path.bytes[i] != '/')
            continue;
        uint32_t left = path.length - i;
        const char *at = path.bytes + i;
        assert(!(left >= 2 && at[1] == '.' && (left == 2 || at[2] == '/')));
        assert(!(left >= 3 && at[1] == '.' && at[2] == '.' && (left == 3 || at[3] == '/')));
    }
}

static void request_take(struct outcome *outcome, const struct http_head *head)
{
    const struct http_request *request = &head->request;
    const struct text texts[] = {request->path,
                                 request->query,
                                 request->authorization,
                                 request->content_type,
                                 request->content_encoding,
                                 request->idempotency_key,
                                 request->origin,
                                 request->access_control_request_method,
                                 request->if_none_match,
                                 head->request_id,
                                 head->traceparent};
    check_path(head);
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        check_text(texts[i]);
        digest_text(outcome, texts[i]);
    }
    assert(request->body.length <= BODY_BYTES_MAX);
    digest_text(outcome, request->body);
    outcome->digest += (uint64_t)request->method * 3 + head->close;
    outcome->requests++;
    outcome->closed = head->close;
}

/* --- llhttp alone --- */

struct reference {
    uint32_t messages;
    uint32_t body_bytes;
    uint32_t target_bytes;
    char body[STREAM_BYTES_MAX];
    char target[STREAM_BYTES_MAX];
};

static int on_target(llhttp_t *parser, const char *at, size_t length)
{
    struct reference *reference = parser->data;
    memcpy(reference->target + reference->target_bytes, at, length);
    reference->target_bytes += (uint32_t)length;
    return 0;
}

static int on_body(llhttp_t *parser, const char *at, size_t length)
{
    struct reference *reference = parser->data;
    memcpy(reference->body + reference->body_bytes, at, length);
    reference->body_bytes += (uint32_t)length;
    return 0;
}

static int on_complete(llhttp_t *parser)
{
    struct reference *reference = parser->data;
    reference->messages++;
    return 0;
}

static void compare(const char *raw, uint32_t bytes, const struct http_head *head)
{
    static struct reference reference; /* too large for a stack */
    llhttp_settings_t settings;
    llhttp_t parser;
    reference.messages = reference.body_bytes = reference.target_bytes = 0;
    llhttp_settings_init(&settings);
    settings.on_url = on_target;
    settings.on_body = on_body;
    settings.on_message_complete = on_complete;
    llhttp_init(&parser, HTTP_REQUEST, &settings);
    parser.data = &reference;
    llhttp_errno_t error = llhttp_execute(&parser, raw, bytes);
    if (error == HPE_PAUSED_UPGRADE)
        return; /* it stops where a tunnel would begin; we go on with HTTP */
    assert(error == HPE_OK);
    assert(reference.messages == 1);
    assert(reference.body_bytes == head->request.body.length);
    if (reference.body_bytes > 0)
        assert(memcmp(reference.body, head->request.body.bytes, reference.body_bytes) == 0);
    assert(reference.target_bytes > 0 &&
           memmem(raw, bytes, reference.target, reference.target_bytes) != NULL);
}

/* --- the stream --- */

static bool over(const struct stream *stream)
{
    return stream->outcome.status != 0 || stream->outcome.closed;
}

/* No claim about trailers, which llhttp interprets and we drop unread, nor about chunk
 * extensions, of which llhttp 8 refuses good ones (a ';' after a value). */
static bool comparable(const struct http_intake *intake)
{
    return !intake->chunked ||
           (intake->chunk.trailer_bytes <= 1 && intake->chunk.extension_bytes == 0);
}

/* Takes one request from bytes[0]; false: needs more, or the stream is over. `raw`:
 * the same bytes untouched, when the stream is in one piece. */
static bool take(struct stream *stream, const char *raw)
{
    struct http_head head;
    struct http_refusal refusal = {0};
    struct http_intake *intake = &stream->intake;
    bool fresh = intake->head_bytes == 0;
    uint32_t next = 0;
    enum http_intake_result result = HTTP_INTAKE_DONE;
    if (fresh) /* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): run() frees the bytes */
        result = http_intake_head(intake, stream->fields, stream->bytes, stream->length,
                                  BODY_BYTES_MAX, &head, &refusal);
    if (result == HTTP_INTAKE_DONE)
        result = http_intake_body(intake, stream->bytes, &stream->length, BODY_BYTES_MAX, &next,
                                  &refusal);
    if (result == HTTP_INTAKE_REFUSED) {
        assert(refusal.status >= 400 && refusal.status <= 599 && refusal.reason);
        stream->outcome.status = refusal.status;
    }
    if (result != HTTP_INTAKE_DONE)
        return false;
    http_intake_request(intake, stream->fields, stream->bytes, fresh, &head);
    request_take(&stream->outcome, &head);
    if (raw && comparable(intake))
        compare(raw, next, &head);
    memset(intake, 0, sizeof *intake);
    stream->length -= next;
    memmove(stream->bytes, stream->bytes + next, stream->length);
    return !over(stream);
}

static void feed(struct stream *stream, const char *bytes, uint32_t length, bool whole)
{
    const char *raw = whole ? bytes : NULL;
    char *grown = malloc(stream->length + length);
    assert(grown || stream->length + length == 0);
    if (stream->length > 0)
        memcpy(grown, stream->bytes, stream->length);
    memcpy(grown + stream->length, bytes, length);
    free(stream->bytes);
    stream->bytes = grown;
    stream->length += length;
    uint32_t before = stream->length;
    while (stream->length > 0 && take(stream, raw)) {
        if (raw)
            raw += before - stream->length;
        before = stream->length;
    }
}

static struct outcome run(struct http_fields *fields, const char *bytes, uint32_t length,
                          uint32_t cuts)
{
    struct stream stream = {.fields = fields};
    uint32_t at = 0;
    while (at < length && !over(&stream)) {
        uint32_t piece = length - at;
        if (cuts != 0) {
            cuts = cuts * 1664525 + 1013904223; /* Numerical Recipes' generator */
            uint32_t most = 1 + (cuts >> 24) % 41;
            piece = piece < most ? piece : most;
        }
        feed(&stream, bytes + at, piece, cuts == 0);
        at += piece;
    }
    free(stream.bytes);
    return stream.outcome;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct http_fields *fields;
    uint32_t cuts;
    if (!fields)
        fields = http_fields_new();
    assert(fields);
    if (size < sizeof cuts || size > STREAM_BYTES_MAX)
        return 0;
    memcpy(&cuts, data, sizeof cuts);
    const char *bytes = (const char *)data + sizeof cuts;
    uint32_t length = (uint32_t)(size - sizeof cuts);
    struct outcome whole = run(fields, bytes, length, 0);
    struct outcome pieces = run(fields, bytes, length, cuts | 1);
    assert(whole.requests == pieces.requests);
    assert(whole.digest == pieces.digest);
    assert(whole.status == pieces.status);
    return 0;
}

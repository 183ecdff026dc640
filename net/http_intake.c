#include "http_intake.h"

#include <assert.h>

enum http_intake_result http_intake_head(struct http_intake *intake, struct http_fields *fields,
                                         const char *bytes, uint32_t length,
                                         uint32_t body_bytes_max, struct http_head *head,
                                         struct http_refusal *refusal)
{
    assert(intake->head_bytes == 0);
    int status = http_head_parse(head, &intake->scan, fields, bytes, length, body_bytes_max,
                                 &refusal->reason);
    if (status == HTTP_HEAD_MORE)
        return HTTP_INTAKE_MORE;
    if (status != HTTP_HEAD_COMPLETE) {
        refusal->status = status;
        return HTTP_INTAKE_REFUSED;
    }
    intake->head_bytes = head->bytes;
    intake->content_length = head->content_length;
    intake->chunked = head->chunked;
    intake->continue_wanted = head->expect_continue;
    return HTTP_INTAKE_DONE;
}

static enum http_intake_result refuse(struct http_refusal *refusal, int status, const char *reason)
{
    *refusal = (struct http_refusal){status, reason};
    return HTTP_INTAKE_REFUSED;
}

/* Data moves down to where the body ends so far, over the framing before it. */
static enum http_intake_result chunks_take(struct http_intake *intake, char *bytes,
                                           uint32_t *length, uint32_t body_bytes_max,
                                           uint32_t *next, struct http_refusal *refusal)
{
    uint32_t at = intake->head_bytes + intake->chunk.body_bytes, consumed, produced;
    enum http_chunk_result result = http_chunk_decode(
        &intake->chunk, bytes + at, *length - at, bytes + at, body_bytes_max, &consumed, &produced);
    *next = at + consumed;
    switch (result) {
    case HTTP_CHUNK_MORE:
        *length = at + produced;
        return HTTP_INTAKE_MORE;
    case HTTP_CHUNK_DONE:
        return HTTP_INTAKE_DONE;
    case HTTP_CHUNK_BODY_LARGE:
        return refuse(refusal, 413, "The body is too large.");
    case HTTP_CHUNK_TRAILERS_LARGE:
        return refuse(refusal, 431, "The trailer fields are too large.");
    case HTTP_CHUNK_BAD:
        break;
    }
    return refuse(refusal, 400, "The chunked body is malformed.");
}

enum http_intake_result http_intake_body(struct http_intake *intake, char *bytes, uint32_t *length,
                                         uint32_t body_bytes_max, uint32_t *next,
                                         struct http_refusal *refusal)
{
    assert(intake->head_bytes > 0 && intake->head_bytes <= *length);
    if (intake->chunked)
        return chunks_take(intake, bytes, length, body_bytes_max, next, refusal);
    *next = intake->head_bytes + intake->content_length;
    return *length < *next ? HTTP_INTAKE_MORE : HTTP_INTAKE_DONE;
}

void http_intake_request(struct http_intake *intake, struct http_fields *fields, char *bytes,
                         bool head_fresh, struct http_head *head)
{
    if (!head_fresh) {
        struct http_scan scan = {0};
        const char *reason;
        int status =
            http_head_parse(head, &scan, fields, bytes, intake->head_bytes, UINT32_MAX, &reason);
        assert(status == HTTP_HEAD_COMPLETE && head->bytes == intake->head_bytes);
    }
    uint32_t body_bytes = intake->chunked ? intake->chunk.body_bytes : intake->content_length;
    if (body_bytes > 0 || intake->chunked)
        head->request.body = (struct text){bytes + intake->head_bytes, body_bytes};
    http_head_decode(head, bytes);
}

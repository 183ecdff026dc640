/* The one shape of every answer that is not a success, and the table that gives
 * each result of the engine its status and code. */
#include "rest_call.h"

#include <assert.h>
#include <stdio.h>

#include "json_text.h"

enum { RETRY_AFTER_SECONDS = 1 };

struct refusal_kind {
    int status;
    const char *code;
    const char *message;
};

static const struct refusal_kind refusal_kinds[RESULT_COUNT] = {
    [RESULT_IDEMPOTENCY_IN_PROGRESS] = {409, "IDEMPOTENCY_IN_PROGRESS",
                                        "The first request with this key is still running."},
    [RESULT_IDEMPOTENCY_KEY_REUSED] = {422, "IDEMPOTENCY_KEY_REUSED",
                                       "This key was used for a different request."},
    [RESULT_NOT_FOUND] = {404, "NOT_FOUND", "There is no such thing here."},
    [RESULT_SALE_NOT_OPEN] = {409, "SALE_NOT_OPEN", "The sale has not opened yet."},
    [RESULT_SALE_CLOSED] = {409, "SALE_CLOSED", "The sale has closed."},
    [RESULT_QUANTITY_INVALID] = {400, "VALIDATION_ERROR", "It cannot be so many."},
    [RESULT_MAX_PER_USER_EXCEEDED] = {409, "MAX_PER_USER_EXCEEDED",
                                      "That would be more tickets than one person may have."},
    [RESULT_PRICE_CHANGED] = {409, "PRICE_CHANGED", "The price is not the one you sent."},
    [RESULT_INSUFFICIENT_STOCK] = {409, "INSUFFICIENT_STOCK", "Not that many are left."},
    [RESULT_RESERVATION_EXPIRED] = {410, "RESERVATION_EXPIRED", "The reservation has expired."},
    [RESULT_INVALID_STATE] = {409, "INVALID_STATE", "Its state does not allow that."},
    [RESULT_SEAT_UNAVAILABLE] = {409, "SEAT_UNAVAILABLE", "A seat you named is not free."},
    [RESULT_SEATS_NOT_TOGETHER] = {409, "SEATS_NOT_TOGETHER",
                                   "Not that many are left side by side."},
    [RESULT_ORPHAN_SEAT] = {409, "ORPHAN_SEAT", "That would leave a single seat alone."},
    [RESULT_SEAT_NOT_IN_BOOKING] = {409, "SEAT_NOT_IN_BOOKING",
                                    "A seat you named is not in this booking."},
    [RESULT_ALLOTMENT_UNKNOWN] = {404, "ALLOTMENT_UNKNOWN",
                                  "No allotment of this zone has that key."},
    [RESULT_HOLD_LIMIT_REACHED] = {409, "HOLD_LIMIT_REACHED",
                                   "The reservation cannot be extended any further."},
    [RESULT_CAPACITY_BELOW_SOLD] = {409, "CAPACITY_BELOW_SOLD",
                                    "More than that are reserved, sold or blocked."},
    [RESULT_PART_OF_ORDER] = {409, "PART_OF_ORDER",
                              "The booking can only be changed with its order."},
    [RESULT_FORBIDDEN] = {403, "FORBIDDEN", "Your account may not do that."},
    [RESULT_CONFLICT] = {409, "INVALID_STATE", "Something else has this name already."},
    [RESULT_KIND_UNSUPPORTED] = {400, "VALIDATION_ERROR",
                                 "The kind of this zone does not allow that."},
    [RESULT_RATE_LIMITED] = {429, "RATE_LIMITED", "Too many requests; try again later."},
    [RESULT_OVERLOADED] = {503, "UNAVAILABLE", "The service is busy; try again."},
    [RESULT_STORAGE_LOW] = {503, "UNAVAILABLE", "The service takes no changes at the moment."},
    [RESULT_SHUTTING_DOWN] = {503, "UNAVAILABLE", "The service is restarting; try again."},
    [RESULT_INDETERMINATE] = {503, "UNAVAILABLE",
                              "Whether this was done is unknown; repeat it with the same key."},
};

static size_t problem_bytes(const struct rest_problem *problem)
{
    return 128 + strlen(problem->code) + strlen(problem->message) + problem->details_length +
           6 * HTTP_REQUEST_ID_BYTES_MAX;
}

static void put_retry_after(struct http_response *response, uint32_t seconds)
{
    char text[JSON_TEXT_NUMBER_BYTES];
    char *end = json_put_count(text, seconds);
    http_response_header(response, "Retry-After", text, (size_t)(end - text));
}

enum rest_outcome rest_problem(struct http_response *response, const struct rest_problem *problem)
{
    const struct http_memo *memo = http_response_memo(response);
    http_response_begin(response, problem->status, problem_bytes(problem));
    for (size_t i = 0; i < problem->header_count; i++)
        http_response_header(response, problem->headers[i].name, problem->headers[i].value,
                             problem->headers[i].length);
    if (problem->retry_after_s > 0)
        put_retry_after(response, problem->retry_after_s);
    if (problem->answer != NULL)
        rest_put_position(response, problem->answer);
    char *body = http_response_body(response, NULL);
    char *at = JSON_PUT(body, "{\"success\":false,\"error\":{\"code\":\"");
    at = json_put_bytes(at, problem->code, strlen(problem->code));
    at = JSON_PUT(at, "\",\"message\":\"");
    at = json_put_bytes(at, problem->message, strlen(problem->message));
    at = JSON_PUT(at, "\",\"details\":{");
    at = json_put_bytes(at, problem->details, problem->details_length);
    at = JSON_PUT(at, "\"request_id\":");
    at = json_put_text(at, (struct text){memo->request_id, memo->request_id_length});
    at = JSON_PUT(at, "}}}");
    http_response_end(response, (size_t)(at - body));
    return REST_ANSWERED;
}

enum rest_outcome rest_not_found(struct rest_call *call)
{
    const struct refusal_kind *kind = &refusal_kinds[RESULT_NOT_FOUND];
    return rest_problem(call->response, &(struct rest_problem){.status = kind->status,
                                                               .code = kind->code,
                                                               .message = kind->message,
                                                               .details = ""});
}

enum rest_outcome rest_unavailable(struct rest_call *call)
{
    static const char details[] = "\"reason\":\"overloaded\",";
    const struct refusal_kind *kind = &refusal_kinds[RESULT_OVERLOADED];
    return rest_problem(call->response,
                        &(struct rest_problem){.status = kind->status,
                                               .code = kind->code,
                                               .message = kind->message,
                                               .details = details,
                                               .details_length = sizeof details - 1,
                                               .retry_after_s = RETRY_AFTER_SECONDS});
}

enum rest_outcome rest_unauthorized(struct rest_call *call, const char *reason)
{
    static const char challenge[] = "Bearer realm=\"boxoffice\"";
    static const char challenge_bad[] = "Bearer realm=\"boxoffice\", error=\"invalid_token\"";
    bool missing = strcmp(reason, "missing") == 0;
    struct rest_header header = {"WWW-Authenticate", challenge, sizeof challenge - 1};
    if (!missing)
        header = (struct rest_header){header.name, challenge_bad, sizeof challenge_bad - 1};
    char details[64];
    int length = snprintf(details, sizeof details, "\"reason\":\"%s\",", reason);
    return rest_problem(call->response,
                        &(struct rest_problem){.status = 401,
                                               .code = "UNAUTHORIZED",
                                               .message = missing ? "This needs an access token."
                                                                  : "The access token was refused.",
                                               .details = details,
                                               .details_length = (size_t)length,
                                               .headers = &header,
                                               .header_count = 1});
}

enum rest_outcome rest_forbidden(struct rest_call *call, const char *message)
{
    return rest_problem(call->response,
                        &(struct rest_problem){
                            .status = 403, .code = "FORBIDDEN", .message = message, .details = ""});
}

/* --- refusals by the engine --- */

/* Seconds until a refused caller may come again, at least one. */
static uint32_t retry_after_s(const struct rest *rest, const struct answer *answer, int status)
{
    uint64_t now_ms = worker_now_ms(rest->worker);
    if (answer->result == RESULT_RATE_LIMITED && answer->refusal.at_ms > now_ms)
        return (uint32_t)((answer->refusal.at_ms - now_ms + 999) / 1000);
    return status == 503 || status == 429 ? RETRY_AFTER_SECONDS : 0;
}

void rest_refusal(struct rest *rest, const struct answer *answer, struct http_response *response)
{
    assert(answer->result > RESULT_OK && answer->result < RESULT_COUNT);
    const struct refusal_kind *kind = &refusal_kinds[answer->result];
    char details[REST_DETAILS_BYTES_MAX];
    char *end = rest_put_details(details, rest, answer, http_response_memo(response));
    assert(end <= details + sizeof details);
    char limit[JSON_TEXT_NUMBER_BYTES], reset[JSON_TEXT_NUMBER_BYTES];
    struct rest_header headers[3] = {{"Idempotent-Replayed", "true", 4}};
    size_t count = answer->replayed ? 1 : 0;
    if (answer->result == RESULT_RATE_LIMITED) {
        char *limit_end = json_put_count(limit, answer->refusal.limit);
        char *reset_end = json_put_count(reset, (answer->refusal.at_ms + 999) / 1000);
        headers[0] = (struct rest_header){"X-RateLimit-Limit", limit, (size_t)(limit_end - limit)};
        headers[1] = (struct rest_header){"X-RateLimit-Remaining", "0", 1};
        headers[2] = (struct rest_header){"X-RateLimit-Reset", reset, (size_t)(reset_end - reset)};
        count = 3;
    }
    rest_problem(response,
                 &(struct rest_problem){.status = kind->status,
                                        .code = kind->code,
                                        .message = kind->message,
                                        .details = details,
                                        .details_length = (size_t)(end - details),
                                        .headers = headers,
                                        .header_count = count,
                                        .retry_after_s = retry_after_s(rest, answer, kind->status),
                                        .answer = answer});
}

void rest_put_position(struct http_response *response, const struct answer *answer)
{
    char text[2 * JSON_TEXT_NUMBER_BYTES + 1];
    char *at = json_put_count(text, answer->position_shard);
    *at++ = ':';
    at = json_put_count(at, answer->position_sequence);
    http_response_header(response, "X-Log-Position", text, (size_t)(at - text));
}

void rest_behind(struct rest *rest, struct http_response *response)
{
    rest_error(rest, 503, "UNAVAILABLE", "Not all of this is known here yet; try again.", response);
}

/* --- refusals by framing --- */

void rest_error(struct rest *rest, int status, const char *code, const char *message,
                struct http_response *response)
{
    (void)rest;
    rest_problem(response, &(struct rest_problem){.status = status,
                                                  .code = code,
                                                  .message = message,
                                                  .details = "",
                                                  .retry_after_s = status == 503 || status == 429
                                                                       ? RETRY_AFTER_SECONDS
                                                                       : 0});
}

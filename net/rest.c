/* From a request to its operation and from the engine's answer to a body. The
 * order of refusals before an operation is asked: path (404), method (405), token
 * (401), role (403); the operation then checks media type (415) and body (400). */
#include "rest_call.h"

#include <stdlib.h>

#include "json_text.h"
#include "rest_lookup.h"

struct rest *rest_new(struct worker *worker, const struct config *config)
{
    struct rest *rest = calloc(1, sizeof *rest);
    if (rest == NULL)
        return NULL;
    rest->worker = worker;
    rest->config = config;
    rest->jwt = jwt_checker_new(config);
    rest->json = json_parser_new(config->server.body_bytes_max);
    rest->json_large = json_parser_new_large(config->server.body_bytes_max);
    rest->lookups = rest_lookups_new();
    if (rest->jwt == NULL || rest->json == NULL || rest->json_large == NULL ||
        rest->lookups == NULL) {
        rest_free(rest);
        return NULL;
    }
    return rest;
}

void rest_free(struct rest *rest)
{
    if (rest == NULL)
        return;
    jwt_checker_free(rest->jwt);
    json_parser_free(rest->json);
    json_parser_free(rest->json_large);
    rest_lookups_free(rest->lookups);
    free(rest);
}

int rest_admission(struct rest *rest)
{
    return worker_accepting(rest->worker) ? 0 : 503;
}

/* --- commands --- */

struct command *rest_command(struct rest_call *call, enum command_kind kind)
{
    struct command *command = worker_command(call->rest->worker);
    if (command == NULL) {
        rest_unavailable(call);
        return NULL;
    }
    command->kind = kind;
    command->to = call->to;
    command->actor = call->actor;
    command->received_ns = call->request->received_ns;
    return command;
}

struct command *rest_create_command(struct rest_call *call, enum command_kind kind,
                                    struct request_key key, void *draft)
{
    if (draft == NULL) {
        rest_unavailable(call);
        return NULL;
    }
    struct command *command = rest_command(call, kind);
    if (command == NULL)
        free(draft);
    else
        command->key = key;
    return command;
}

enum rest_outcome rest_submit(struct rest_call *call)
{
    worker_submit(call->rest->worker);
    return REST_SUBMITTED;
}

/* --- OPTIONS and 405 --- */

enum { ALLOW_BYTES_MAX = 64 };

static enum rest_outcome answer_options(struct rest_call *call, const char *allow,
                                        size_t allow_length)
{
    static const char headers[] = "Authorization, Content-Type, Idempotency-Key, "
                                  "X-Idempotency-Key, X-Request-ID, If-None-Match, traceparent";
    static const char max_age[] = "600";
    bool preflight =
        call->memo->origin_index != 0 && call->request->access_control_request_method.bytes != NULL;
    http_response_begin(call->response, 204, 0);
    http_response_header(call->response, "Allow", allow, allow_length);
    if (preflight) {
        http_response_header(call->response, "Access-Control-Allow-Methods", allow, allow_length);
        http_response_header(call->response, "Access-Control-Allow-Headers", headers,
                             sizeof headers - 1);
        http_response_header(call->response, "Access-Control-Max-Age", max_age, sizeof max_age - 1);
    }
    http_response_body(call->response, NULL);
    http_response_end(call->response, 0);
    return REST_ANSWERED;
}

static enum rest_outcome refuse_method(struct rest_call *call, const struct rest_header *allow)
{
    return rest_problem(call->response,
                        &(struct rest_problem){.status = 405,
                                               .code = "VALIDATION_ERROR",
                                               .message = "This path does not take that method.",
                                               .details = "",
                                               .headers = allow,
                                               .header_count = 1});
}

/* --- requests --- */

/* False: the response is complete. */
static bool authorize(struct rest_call *call)
{
    enum route_auth wanted = call->route->auth;
    if (wanted == ROUTE_AUTH_NONE)
        return true;
    if (!rest_authenticate(call))
        return false;
    if (wanted >= ROUTE_AUTH_USER && !call->authenticated) {
        rest_unauthorized(call, "missing");
        return false;
    }
    if (wanted == ROUTE_AUTH_ORGANIZER && call->actor.role == ROLE_USER) {
        rest_forbidden(call, "This is for organizers and admins.");
        return false;
    }
    return true;
}

enum rest_outcome rest_handle(struct rest *rest, const struct http_request *request,
                              struct http_memo *memo, struct rest_token_cache *token_cache,
                              struct reply_to to, struct http_response *response)
{
    struct rest_call call = {.rest = rest,
                             .request = request,
                             .memo = memo,
                             .response = response,
                             .token_cache = token_cache,
                             .to = to};
    memo->rest_flags = 0;
    memo->rest_zone = (struct uuid){0};
    struct route_match match = router_match(request->method, request->path);
    if (match.first == NULL)
        return rest_not_found(&call);
    if (match.route == NULL) {
        char allow[ALLOW_BYTES_MAX];
        size_t length = (size_t)(router_allow(match.first, allow) - allow);
        struct rest_header header = {"Allow", allow, length};
        return request->method == HTTP_OPTIONS ? answer_options(&call, allow, length)
                                               : refuse_method(&call, &header);
    }
    call.route = match.route;
    call.parameter = match.parameters[0];
    call.second_parameter = match.parameters[1];
    return authorize(&call) ? match.route->handle(&call) : REST_ANSWERED;
}

/* --- answers --- */

char *rest_open_answer(struct http_response *response, const struct answer *answer, int status,
                       size_t bytes_max, char **body)
{
    http_response_begin(response, status, bytes_max);
    rest_put_position(response, answer);
    if (answer->replayed)
        http_response_header(response, "Idempotent-Replayed", "true", 4);
    *body = http_response_body(response, NULL);
    return JSON_PUT(*body, "{\"success\":true,\"data\":");
}

static void answer_success(struct rest *rest, const struct answer *answer,
                           struct http_response *response)
{
    switch (answer->kind) {
    case COMMAND_EVENT_CREATE:
    case COMMAND_EVENT_STATUS:
    case COMMAND_EVENT_SALE:
    case COMMAND_SHOW_CREATE:
    case COMMAND_ZONE_CREATE:
    case COMMAND_STATION_CREATE:
    case COMMAND_ROUTE_CREATE:
        rest_answer_catalog(rest, answer, response);
        break;
    case COMMAND_CAPACITY:
    case COMMAND_ZONE_SALE:
        rest_answer_zone(rest, answer, response);
        break;
    case COMMAND_BLOCK_CREATE:
    case COMMAND_BLOCK_END:
    case COMMAND_BLOCK_LIST:
        rest_answer_block(rest, answer, response);
        break;
    case COMMAND_SEAT_MAP:
        rest_answer_seat_map(rest, answer, response);
        break;
    case COMMAND_ORDER_CREATE:
    case COMMAND_ORDER_CONFIRM:
    case COMMAND_ORDER_CANCEL:
    case COMMAND_ORDER_GET:
        rest_answer_order(rest, answer, response);
        break;
    default:
        rest_answer_booking(rest, answer, response);
        break;
    }
}

enum rest_outcome rest_answer(struct rest *rest, const struct answer *answer,
                              struct http_response *response)
{
    if (rest_lookup_awaits(answer, http_response_memo(response)))
        return rest_lookup_answered(rest, answer, response);
    if (answer->result == RESULT_OK)
        answer_success(rest, answer, response);
    else
        rest_refusal(rest, answer, response);
    return REST_ANSWERED;
}

void rest_drop(struct rest *rest, const struct answer *answer)
{
    rest_lookup_drop(rest, answer);
}

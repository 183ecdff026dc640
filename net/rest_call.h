/* What the files rest*.c share: one request being handled, on its worker's
 * thread, and the ways to answer it. */
#ifndef NET_REST_CALL_H
#define NET_REST_CALL_H

#include "../engine/config.h"
#include "../engine/worker.h"
#include "http.h"
#include "json.h"
#include "jwt.h"
#include "router.h"

struct currency;

struct rest_lookups;

struct rest {
    struct rest_lookups *lookups;
    struct worker *worker;
    const struct config *config;
    struct jwt_checker *jwt;
    struct json_parser *json, *json_large;
};

struct rest_call {
    struct rest *rest;
    const struct http_request *request;
    struct http_memo *memo;
    struct http_response *response;
    struct rest_token_cache *token_cache;
    struct reply_to to;
    const struct route *route;
    struct text parameter; /* of the path; bytes NULL: none */
    struct text second_parameter;
    bool authenticated;
    struct actor actor; /* set when authenticated */
    struct uuid tenant; /* nil: the token names none */
};

/* --- rest_problem.c: the error envelope --- */

struct rest_header {
    const char *name;
    const char *value;
    size_t length;
};

struct rest_problem {
    int status;
    const char *code;
    const char *message; /* JSON-safe, for a person */
    /* Members of details, rendered, each with a comma behind it. */
    const char *details;
    size_t details_length;
    const struct rest_header *headers; /* more headers */
    size_t header_count;
    uint32_t retry_after_s;      /* 0: no Retry-After */
    const struct answer *answer; /* NULL: no shard decided this; else its position is named */
};

/* Completes the response. */
enum rest_outcome rest_problem(struct http_response *response, const struct rest_problem *problem);

/* Problems that have no numbers in them. */
enum rest_outcome rest_not_found(struct rest_call *call);
enum rest_outcome rest_unavailable(struct rest_call *call);
enum rest_outcome rest_unauthorized(struct rest_call *call, const char *reason);
enum rest_outcome rest_forbidden(struct rest_call *call, const char *message);

/* 400 VALIDATION_ERROR about one field; `expected` is JSON-safe. rest_form.c */
enum rest_outcome rest_field_problem(struct rest_call *call, const char *field,
                                     const char *expected);

/* 503: the replica here is behind the one that decided. */
void rest_behind(struct rest *rest, struct http_response *response);

/* A refusal by the engine. */
void rest_refusal(struct rest *rest, const struct answer *answer, struct http_response *response);

/* X-Log-Position, between http_response_begin and http_response_body. */
void rest_put_position(struct http_response *response, const struct answer *answer);

/* --- rest_auth.c --- */

/* Fills the call's actor from its token, if one was sent. False: a token was
 * sent and refused; the response is complete. */
bool rest_authenticate(struct rest_call *call);

/* --- rest_query.c --- */

/* The decoded value of a query parameter, in `buffer`. Names are plain. */
enum rest_query { REST_QUERY_ABSENT, REST_QUERY_FOUND, REST_QUERY_BAD };
enum rest_query rest_query_text(struct text query, const char *name, char *buffer,
                                size_t buffer_bytes, struct text *value);

struct rest_page {
    uint32_t number; /* from 1 */
    uint32_t size;   /* 1..100 */
};

/* Reads page and per_page. False: the response is complete. */
bool rest_page(struct rest_call *call, struct rest_page *page);

/* Writes ,"meta":{...} of a list. At most REST_META_BYTES_MAX bytes. */
enum { REST_META_BYTES_MAX = 128 };
char *rest_put_meta(char *at, struct rest_page page, uint64_t total);

/* --- rest_render.c: objects as JSON, and how many bytes at most that takes --- */

size_t rest_event_bytes(const struct catalog_event *event, bool description);
char *rest_put_event(char *at, const struct catalog_event *event, bool description);

size_t rest_show_bytes(const struct catalog *catalog, const struct catalog_show *show);
char *rest_put_show(char *at, const struct catalog *catalog, const struct catalog_show *show);
/* With the counts it was made with: a repeat of the request must not tell later ones. */
char *rest_put_new_show(char *at, const struct catalog *catalog, const struct catalog_show *show);

size_t rest_zone_bytes(const struct catalog_zone *zone);
char *rest_put_zone(char *at, const struct catalog_zone *zone);
char *rest_put_new_zone(char *at, const struct catalog_zone *zone); /* as rest_put_new_show */

/* --- rest_render_trip.c --- */

size_t rest_station_bytes(const struct catalog_station *station);
char *rest_put_station(char *at, const struct catalog_station *station);

size_t rest_route_bytes(const struct catalog *catalog, const struct catalog_route *route);
char *rest_put_route(char *at, const struct catalog *catalog, const struct catalog_route *route);

/* [{"station_id":...,"code":...,"name":...,"arrives_at":...,"departs_at":...},...] */
size_t rest_stops_bytes(const struct catalog *catalog, const struct catalog_show *show);
char *rest_put_stops(char *at, const struct catalog *catalog, const struct catalog_show *show);

const char *rest_event_status_name(enum event_status status);
const struct currency *rest_zone_currency(const struct catalog_zone *zone);

/* --- rest_render_booking.c --- */

struct rest_booking {
    const struct booking_facts *facts;
    const uint32_t *seats;
    uint32_t seat_count;
    enum booking_status
        as;     /* the status the answer speaks of: a repeat tells what the first told */
    bool named; /* with the titles of event and zone, for reads */
};

/* The object is left open, for the caller to add to and to close. */
size_t rest_booking_bytes(const struct catalog *catalog, const struct catalog_zone *zone,
                          const struct rest_booking *booking);
char *rest_put_booking(char *at, const struct catalog *catalog, const struct catalog_zone *zone,
                       const struct rest_booking *booking);

/* --- rest_detail.c --- */

/* Members of a refusal's details, each with a comma behind it. */
enum { REST_DETAILS_BYTES_MAX = 10240 };
char *rest_put_details(char *at, const struct rest *rest, const struct answer *answer,
                       const struct http_memo *memo);

/* --- rest_booking.c, rest_order.c, rest_organizer.c: successes of the engine --- */

void rest_answer_order(struct rest *rest, const struct answer *answer,
                       struct http_response *response);

void rest_answer_booking(struct rest *rest, const struct answer *answer,
                         struct http_response *response);
void rest_answer_catalog(struct rest *rest, const struct answer *answer,
                         struct http_response *response);
/* rest_zone.c, rest_block.c, rest_seat_map.c */
void rest_answer_zone(struct rest *rest, const struct answer *answer,
                      struct http_response *response);
void rest_answer_block(struct rest *rest, const struct answer *answer,
                       struct http_response *response);
void rest_answer_seat_map(struct rest *rest, const struct answer *answer,
                          struct http_response *response);

/* Begins a success that a shard decided, with its position. */
char *rest_open_answer(struct http_response *response, const struct answer *answer, int status,
                       size_t bytes_max, char **body);

/* --- rest_catalog.c --- */

/* The event a path names by id or slug. NULL: unknown. */
const struct catalog_event *rest_find_event(const struct rest_call *call);

/* The event a zone or show is of, if the caller may see it. NULL: not. */
const struct catalog_event *rest_visible_event(const struct rest_call *call,
                                               const struct catalog_event *event);

/* Reads If-None-Match: "*", or a list with this tag, weak or not (RFC 9110, 13.1.2). */
bool rest_etag_matches(struct text list, const char *etag, size_t length);

/* May the caller change this event: its organizer, or an admin of its tenant? */
bool rest_may_manage(const struct rest_call *call, const struct catalog_event *event);

/* --- rest.c --- */

/* A slot for a command with everything but its own part filled. NULL: the
 * response is complete (503). */
struct command *rest_command(struct rest_call *call, enum command_kind kind);
/* For a create: its key is filled too, and the command is to get the draft, one block
 * from malloc. NULL: the response is complete (503) and the draft, if there was the
 * memory for one, is freed. */
struct command *rest_create_command(struct rest_call *call, enum command_kind kind,
                                    struct request_key key, void *draft);
enum rest_outcome rest_submit(struct rest_call *call);

#endif

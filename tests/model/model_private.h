/* What the model's parts share: its state, and the few ways to change it. All state is
 * flat arrays that name each other by index, so that a copy is a copy of bytes. */
#ifndef TESTS_MODEL_MODEL_PRIVATE_H
#define TESTS_MODEL_MODEL_PRIVATE_H

#include "model.h"

#define MODEL_NONE UINT32_MAX

enum { MODEL_SEATED_ORDER_MAX = 32, MODEL_BLOCKS_ACTIVE_MAX = 1000 };

/* From one or two ids to a number. Open addressing, nothing is ever taken out. */
struct model_map_entry {
    struct uuid a, b;
    uint32_t value;
    bool used;
};

struct model_map {
    struct model_map_entry *entries;
    uint32_t count, room; /* room: a power of two, or 0 */
};

/* MODEL_NONE: not there. b may be NULL. */
uint32_t model_map_get(const struct model_map *map, const struct uuid *a, const struct uuid *b);
void model_map_set(struct model_map *map, const struct uuid *a, const struct uuid *b,
                   uint32_t value);

/* Grows and never shrinks; a pointer into it holds until the next item is added. */
struct model_vector {
    void *items;
    uint32_t count, room;
};

/* The first of `count` new items, zeroed. */
void *model_vector_add(struct model_vector *vector, uint32_t count, size_t item_bytes);

struct model_zone {
    struct uuid id, show_id;
    enum zone_kind kind;
    uint32_t event;
    uint32_t segment_count;
    int64_t price_minor;
    uint32_t segment_price_count;
    int64_t segment_prices[CATALOG_SEGMENTS_MAX];
    uint32_t total, target;
    bool closed;
    uint64_t quiet_until_ms;           /* nothing of it lapses before */
    uint32_t live_first;               /* bookings that are reserved or confirmed, newest first */
    uint32_t block_first;              /* active blocks, newest first */
    uint32_t place_first, place_count; /* seats; none in a general zone */
    uint32_t cell_first;
};

/* A seat. Its cells, one a segment, hold the booking that has it there plus 1, or 0. */
struct model_place {
    uint32_t rank, row;
    uint8_t flags;
    bool opens_block;
    uint32_t block; /* the active block it is of, plus 1; 0: none */
};

struct model_booking {
    struct booking_facts facts; /* remaining is 0 */
    uint32_t zone;
    uint32_t block; /* the allotment it draws from, ended or not; or MODEL_NONE */
    uint32_t order; /* or MODEL_NONE */
    uint32_t live_next, live_previous;
    uint32_t seat_count;
    uint32_t seats[RECORD_SEATS_MAX];
};

struct model_block {
    struct block_facts facts; /* drawn is 0, seats NULL */
    uint32_t zone;
    uint32_t seat_first;
    uint32_t next;
};

struct model_order {
    struct uuid id, user_id;
    enum booking_status status; /* RESERVED also when an item has lapsed */
    uint32_t count;
    uint32_t bookings[ORDER_ITEMS_MAX];
};

/* The answer to a key. */
struct model_kept {
    uint64_t kept_ms;
    uint32_t fingerprint;
    bool live, fleeting; /* fleeting: of memory only, a crash forgets it */
    uint32_t order;      /* of the kept orders; MODEL_NONE: none */
    _Alignas(8) unsigned char answer[offsetof(struct model_answer, order)];
};

/* A seat as a request sees it. */
struct model_view {
    bool open;
    uint32_t slack;
};

enum model_vectors {
    MODEL_EVENTS, /* struct catalog_event, without its texts */
    MODEL_ZONES,
    MODEL_PLACES,
    MODEL_CELLS, /* uint32_t */
    MODEL_BOOKINGS,
    MODEL_BLOCKS,
    MODEL_BLOCK_SEATS, /* uint32_t */
    MODEL_ORDERS,
    MODEL_KEPT,
    MODEL_KEPT_ORDERS, /* struct order_facts */
    MODEL_VIEWS,
    MODEL_VECTOR_COUNT
};

enum model_maps {
    MODEL_EVENT_IDS,
    MODEL_SHOW_SEGMENTS, /* how many a show has */
    MODEL_ZONE_IDS,
    MODEL_BOOKING_IDS,
    MODEL_BLOCK_IDS,
    MODEL_ORDER_IDS,
    MODEL_KEYS,
    MODEL_TICKETS, /* of user and event */
    MODEL_MAP_COUNT
};

struct model {
    struct model_options options;
    struct model_vector vectors[MODEL_VECTOR_COUNT];
    struct model_map maps[MODEL_MAP_COUNT];
};

/* Pointers into the arrays. */
#define MODEL_AT(model, vector, type, index) ((type *)(model)->vectors[vector].items + (index))
#define model_event_at(model, i) MODEL_AT(model, MODEL_EVENTS, struct catalog_event, i)
#define model_zone_at(model, i) MODEL_AT(model, MODEL_ZONES, struct model_zone, i)
#define model_booking_at(model, i) MODEL_AT(model, MODEL_BOOKINGS, struct model_booking, i)
#define model_block_at(model, i) MODEL_AT(model, MODEL_BLOCKS, struct model_block, i)
#define model_order_at(model, i) MODEL_AT(model, MODEL_ORDERS, struct model_order, i)
#define model_kept_at(model, i) MODEL_AT(model, MODEL_KEPT, struct model_kept, i)
#define model_place_at(model, zone, seat)                                                          \
    MODEL_AT(model, MODEL_PLACES, struct model_place, (zone)->place_first + (seat))
#define model_cell(model, zone, seat, segment)                                                     \
    MODEL_AT(model, MODEL_CELLS, uint32_t,                                                         \
             (zone)->cell_first + (seat) * (zone)->segment_count + (segment))

/* One command on its way. */
struct model_step {
    struct model *model;
    const struct command *command;
    const struct uuid *named; /* the ids of what is made */
    uint64_t now_ms;
    struct model_answer *answer;
    bool same; /* accepted, but it was so already: no record */
};

/* Places that somebody wants. */
struct model_want {
    uint32_t zone;
    uint32_t quantity;
    uint32_t from, to;
    uint32_t block; /* the allotment to draw from, or MODEL_NONE */
    uint32_t own;   /* the booking whose seats count as open, or MODEL_NONE */
    bool allow_split;
    uint32_t seat_count; /* named; 0: the best available */
    const uint32_t *seats;
    uint32_t chosen_count; /* found, ascending; none in a general zone */
    uint32_t chosen[RECORD_SEATS_MAX];
};

/* --- model_state.c: what is taken, and by whom --- */

/* Seats among seats. */
bool model_has(const uint32_t *seats, uint32_t count, uint32_t seat);
uint32_t model_zone_index(const struct model *model, const struct uuid *zone_id);
uint32_t model_tickets(const struct model *model, const struct uuid *user_id, uint32_t event);
/* On [from, to), not counting what `except` (or MODEL_NONE) has. FREE: by nobody. */
enum model_seat_state model_taken(const struct model *model, const struct model_zone *zone,
                                  uint32_t seat, uint32_t from, uint32_t to, uint32_t except);
struct model_tally {
    uint32_t reserved[CATALOG_SEGMENTS_MAX];
    uint32_t sold[CATALOG_SEGMENTS_MAX];
    uint32_t blocked[CATALOG_SEGMENTS_MAX];
};
void model_tally(const struct model *model, const struct model_zone *zone,
                 struct model_tally *tally);
/* The greatest of reserved + sold + blocked on a segment. */
uint32_t model_used(const struct model *model, const struct model_zone *zone);
uint32_t model_left(const struct model *model, const struct model_zone *zone, uint32_t from,
                    uint32_t to);
/* What is not drawn from a block anywhere on the way. */
uint32_t model_block_left(const struct model *model, uint32_t block, uint32_t from, uint32_t to);
/* With what is drawn from it now. */
void model_block_facts(const struct model *model, uint32_t block, struct block_facts *facts);
int64_t model_price(const struct model_zone *zone, uint32_t from, uint32_t to);

/* A new reservation on the chosen places; its id is known only once named. */
uint32_t model_booking_make(struct model *model, const struct model_want *want,
                            const struct booking_facts *facts);
void model_booking_name(struct model *model, uint32_t booking);
/* As if the newest booking, not named yet, had never been. */
void model_booking_unmake(struct model *model, uint32_t booking);
/* It has no places from now on. */
void model_booking_end(struct model *model, uint32_t booking, enum booking_status status,
                       uint64_t at_ms);
/* It has `quantity` places from now on, of a seated zone these; never more than it had. */
void model_booking_keep(struct model *model, uint32_t booking, uint32_t quantity,
                        const uint32_t *seats);
void model_booking_owner(struct model *model, uint32_t booking, const struct uuid *user_id);
void model_booking_deadline(struct model *model, uint32_t booking, uint64_t expires_ms);
void model_block_end(struct model *model, uint32_t block);
/* A draining zone's total follows what is used. */
void model_drain(struct model *model, struct model_zone *zone);
void model_lapse(struct model *model, uint32_t zone, uint64_t now_ms);

/* --- model_seats.c --- */

/* Finds seats for a want in a seated zone, the named or the best. */
enum result model_find_seats(struct model_step *step, struct model_want *want);

/* --- model_reserve.c --- */

/* ordered: places of the same event that earlier items of the order take. */
enum result model_reserve_home(struct model_step *step, const struct command_reserve *reserve,
                               uint32_t seat_count, const uint32_t *seats, uint32_t ordered,
                               struct model_want *want);
enum result model_reserve_zone(struct model_step *step, const struct command_reserve *reserve,
                               struct model_want *want);
enum result model_find(struct model_step *step, struct model_want *want);
/* Books what was found for the command's caller, as a new reservation not named yet. */
uint32_t model_reserve_book(struct model_step *step, const struct model_want *want,
                            const struct uuid *booking_id, const struct order_part *part);
uint32_t model_reserve_left(const struct model *model, const struct model_want *want);
enum result model_reserve(struct model_step *step);

/* --- model_change.c: commands on one booking --- */

enum result model_change(struct model_step *step);
/* Answers with the booking as it is. */
enum result model_answer_booking(struct model_step *step, uint32_t booking);

/* --- model_organize.c: commands on zones --- */

enum result model_organize(struct model_step *step);
bool model_may_organize(const struct actor *actor, const struct catalog_event *event);

/* --- model_order.c --- */

enum result model_order_step(struct model_step *step, const struct uuid *booking_ids);

#endif

/* What the model's parts share: its state, and the few ways to change it. */
#ifndef TESTS_MODEL_MODEL_PRIVATE_H
#define TESTS_MODEL_MODEL_PRIVATE_H

#include "../sim/table.h"
#include "model.h"

/* Pointers to items that begin with their ids, the oldest first. */
struct model_list {
    void **items;
    uint32_t count, room;
};

struct model_event {
    struct uuid id;
    struct catalog_event facts; /* without its texts */
};

struct model_show {
    struct uuid id;
    uint32_t segment_count;
};

struct model_seat {
    struct seat plan;
    const struct model_block *block; /* the active one it is of; NULL: none */
    /* As the request under way sees it. Bit s of the first two: on segment s. */
    uint64_t reserved, sold;
    bool open, chosen;
    uint32_t slack;
};

struct model_zone {
    struct uuid id, show_id;
    const struct model_event *event;
    enum zone_kind kind;
    uint32_t segment_count;
    int64_t price_minor;
    uint32_t segment_price_count;
    int64_t segment_prices[CATALOG_SEGMENTS_MAX];
    uint32_t total, target; /* target < total: draining */
    bool closed;
    uint32_t seat_count; /* 0: a general zone */
    struct model_seat *seats;
    struct model_list live;   /* its bookings that are reserved or confirmed */
    struct model_list blocks; /* its active blocks */
};

struct model_block {
    struct block_facts facts; /* drawn is 0, seats NULL */
    struct model_zone *zone;
};

struct model_booking {
    struct booking_facts facts; /* remaining is 0 */
    struct model_zone *zone;
    const struct model_block *block; /* the allotment it draws from, ended or not; or NULL */
    uint32_t seat_count;             /* 0: of a general zone */
    uint32_t seats[RECORD_SEATS_MAX];
};

struct model_order {
    struct uuid id, user_id;
    enum booking_status status; /* RESERVED also when an item has lapsed */
    uint32_t count;
    struct model_booking *bookings[ORDER_ITEMS_MAX];
};

/* The answer to a key. */
struct model_kept {
    uint64_t until_ms;
    uint32_t fingerprint;
    bool fleeting;              /* of memory only, a crash forgets it */
    struct model_answer answer; /* only the bytes that mean something */
};

struct model {
    struct model_options options;
    struct model_list events, shows, zones, bookings, blocks, orders, kept;
    /* Hashes of booking ids, and of keys, to places on the lists: searching tens of
     * thousands for every command takes longer than all the rest. */
    struct sim_table booking_ids, keys;
};

/* One command on its way. */
struct model_step {
    struct model *model;
    const struct command *command;
    const struct uuid *ids; /* of what is made */
    uint64_t now_ms;
    struct model_answer *answer;
    struct refusal_detail *detail; /* the answer's */
    bool same;                     /* accepted, but it was so already: no record */
    struct model_booking *booking; /* which it is about, or has made */
    uint32_t remaining;            /* to be answered with it */
};

/* Places that somebody wants. */
struct model_want {
    const struct command_reserve *reserve; /* NULL: an exchange */
    struct model_zone *zone;
    uint32_t quantity;
    uint32_t from, to;
    bool allow_split;
    const struct model_block *block; /* the allotment to draw from; NULL: general sale */
    const struct model_booking *own; /* its seats count as open; or NULL */
    uint32_t seat_count;             /* named; 0: the best available */
    const uint32_t *seats;
    uint32_t chosen_count; /* found, ascending; none in a general zone */
    uint32_t chosen[RECORD_SEATS_MAX];
};

/* --- model_state.c: what is taken, and by whom --- */

/* Zeroed. */
void *model_memory(size_t bytes);
void model_list_add(struct model_list *list, void *item);
/* A new item, zeroed. */
void *model_list_new(struct model_list *list, size_t bytes);
/* NULL: none has this id. */
void *model_list_find(const struct model_list *list, const struct uuid *id);
struct model_booking *model_find_booking(const struct model *model, const struct uuid *id);
/* Seats among seats. */
bool model_has(const uint32_t *seats, uint32_t count, uint32_t seat);

int64_t model_price(const struct model_zone *zone, uint32_t from, uint32_t to);
/* Of each the most that there is on one segment of a way. */
struct model_counts {
    uint32_t used;    /* reserved, sold and blocked */
    uint32_t blocked; /* of active blocks, not drawn */
    uint32_t drawn;   /* from the block asked for */
};
struct model_counts model_count(const struct model_zone *zone, const struct model_block *block,
                                uint32_t from, uint32_t to);
/* Places free on the whole way: of a block, or (NULL) for general sale. */
uint32_t model_left(const struct model_zone *zone, const struct model_block *block, uint32_t from,
                    uint32_t to);
/* Sets reserved and sold of the zone's seats, leaving out the booking that `except` is. */
void model_look(const struct model_zone *zone, const struct model_booking *except);
/* On [from, to), as model_look saw it. FREE: not taken, blocked or not. */
enum model_seat_state model_taken(const struct model_seat *seat, uint32_t from, uint32_t to);

/* A new reservation of the command's caller on the chosen places. */
struct model_booking *model_book(struct model_step *step, const struct model_want *want,
                                 const struct uuid *booking_id);
/* As if the newest booking had never been. */
void model_unbook(struct model *model);
/* Confirms it; or ends it, and it has no places from now on. */
void model_settle(struct model_booking *booking, enum booking_status status, uint64_t at_ms);
/* It has `quantity` places from now on, of a seated zone these; never more than it had. */
void model_keep(struct model_booking *booking, uint32_t quantity, const uint32_t *seats);
void model_end_block(struct model_block *block);
/* Ends what is due. */
void model_lapse(struct model *model, uint64_t now_ms);

/* --- what the step's command is about --- */

/* SEAT_UNAVAILABLE, with all of the named seats that are. */
enum result model_find_named(struct model_step *step, const struct model_want *want);
/* Are the places to be had? In a seated zone it chooses the named seats or the best. */
enum result model_find(struct model_step *step, struct model_want *want);
enum result model_reserve(struct model_step *step); /* an order too */
enum result model_end_order(struct model_step *step);
enum result model_change(struct model_step *step);
enum result model_organize(struct model_step *step);
bool model_may_organize(const struct actor *actor, const struct model_event *event);

#endif

/* One thing that happens in a run: a client's command, a wait, a crash. Numbers
 * only, so that it can be written down and done again; what it refers to, it names
 * by the number of the operation that made it, so that others can be left out. */
#ifndef TESTS_SIM_OPERATION_H
#define TESTS_SIM_OPERATION_H

#include "plan.h"

enum sim_operation_kind {
    SIM_RESERVE,
    SIM_CONFIRM,
    SIM_CANCEL,
    SIM_EXTEND,
    SIM_RELEASE,
    SIM_EXCHANGE,
    SIM_TRANSFER,
    SIM_REFUND,
    SIM_GET,
    SIM_LIST,
    SIM_SUMMARY,
    SIM_SEAT_MAP,
    SIM_BLOCK_LIST,
    SIM_BLOCK,
    SIM_BLOCK_END,
    SIM_SET_CAPACITY,
    SIM_ZONE_SALE,
    SIM_EVENT_SALE,
    SIM_EVENT_STATUS,
    SIM_MAKE_EVENT,
    SIM_MAKE_SHOW,
    SIM_MAKE_ZONE,
    SIM_MAKE_STATION,
    SIM_MAKE_ROUTE,
    SIM_ORDER, /* value: items; other: from one's zone to the next's */
    SIM_ORDER_CONFIRM,
    SIM_ORDER_CANCEL,
    SIM_ORDER_GET,
    SIM_EXCHANGE_ZONE, /* zone: the new one */
    SIM_COMMAND_LAST = SIM_EXCHANGE_ZONE,
    /* the world */
    SIM_WAIT,     /* value: ms */
    SIM_CRASH,    /* value: enum sim_end; quantity: shards from then on */
    SIM_CUT_DISK, /* value: the power goes in so many disk operations */
    SIM_JUMP,     /* value: ms the wall clock jumps, seat 1: backwards */
    SIM_FAULTS,   /* value 1: on, 0: off */
    SIM_SNAPSHOT,
    SIM_MIRROR_STEP, /* value: records at most; flags 1: the commit's outcome is unknown */
    SIM_OPERATION_KINDS
};

enum sim_end { SIM_END_POWER, SIM_END_KILL, SIM_END_STOP };

enum sim_flag {
    SIM_NAMED = 1, /* seats: `quantity` of them from `seat` on, in steps of 1 + SIM_SPREAD */
    SIM_SPREAD = 2,
    SIM_SPLIT = 4,     /* best available may be split */
    SIM_PRICED = 8,    /* sends a price: the zone's + value */
    SIM_ALLOTTED = 16, /* draws from the allotment made by operation `other` */
    SIM_DRAIN = 32,
    SIM_CLOSE = 64,
    SIM_WRONG_PARENT = 128 /* names a show that is not the zone's */
};

enum sim_role { SIM_USER, SIM_ORGANIZER, SIM_OTHER_ORGANIZER, SIM_ADMIN };

struct sim_operation {
    uint32_t number;
    uint32_t target; /* the operation that made the booking or block; 0: none */
    uint32_t other;  /* an allotment; a transfer's receiver */
    uint32_t key;    /* the operation whose key it has; 0: none */
    uint32_t quantity;
    uint32_t seat;
    uint32_t value;
    uint16_t user, zone; /* zone: or the event, show, station */
    uint16_t from, to;
    uint16_t flags;
    uint8_t kind, role;
};

static inline bool sim_is_command(const struct sim_operation *operation)
{
    return operation->kind <= SIM_COMMAND_LAST;
}

/* The world is made before the load: each of its operations is awaited. */
static inline bool sim_makes_world(const struct sim_operation *operation)
{
    return operation->kind >= SIM_MAKE_EVENT && operation->kind <= SIM_MAKE_STATION &&
           operation->key == operation->number;
}

const char *sim_operation_name(enum sim_operation_kind kind);
/* One line. */
void sim_operation_write(const struct sim_operation *operation, FILE *out);
/* False: the line is none. */
bool sim_operation_read(struct sim_operation *operation, const char *line);
/* Of its body: what makes two requests with one key the same. */
uint32_t sim_operation_fingerprint(const struct sim_operation *operation);

#endif

/* Holds back what rests on log records that are not durable yet: answers, and
 * messages to other workers. First in, first out: sequences never go down. */
#ifndef ENGINE_GATE_H
#define ENGINE_GATE_H

#include "mailbox.h"

struct gate_entry {
    uint64_t sequence; /* leaves when this is durable */
    uint16_t to;       /* worker */
    struct message message;
};

struct gate {
    struct gate_entry *entries;
    uint32_t capacity;
    uint32_t head, count;
    uint64_t last_sequence;
};

/* False: out of memory. */
bool gate_init(struct gate *gate, uint32_t capacity);
void gate_release(struct gate *gate);

/* There must be room (asserted): the worker bounds what can be under way. */
void gate_push(struct gate *gate, uint64_t sequence, uint16_t to, const struct message *message);
/* The oldest entry whose sequence is durable. NULL: none. */
struct gate_entry *gate_front(struct gate *gate, uint64_t durable);
void gate_pop(struct gate *gate);

static inline uint32_t gate_room(const struct gate *gate)
{
    return gate->capacity - gate->count;
}

#endif

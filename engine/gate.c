#include "gate.h"

#include <assert.h>

#include "memory.h"

bool gate_init(struct gate *gate, uint32_t capacity)
{
    *gate = (struct gate){.capacity = capacity};
    gate->entries = memory_reserve(capacity * sizeof *gate->entries);
    return gate->entries != NULL;
}

void gate_release(struct gate *gate)
{
    memory_release(gate->entries, gate->capacity * sizeof *gate->entries);
    gate->entries = NULL;
}

void gate_push(struct gate *gate, uint64_t sequence, uint16_t to, const struct message *message)
{
    assert(gate->count < gate->capacity);
    assert(sequence >= gate->last_sequence);
    /* Starting over when empty keeps a lightly used gate in few cache lines. */
    if (gate->count == 0)
        gate->head = 0;
    uint32_t place = gate->head + gate->count;
    if (place >= gate->capacity)
        place -= gate->capacity;
    struct gate_entry *entry = &gate->entries[place];
    entry->sequence = gate->last_sequence = sequence;
    entry->to = to;
    message_copy(&entry->message, message);
    gate->count++;
}

struct gate_entry *gate_front(struct gate *gate, uint64_t durable)
{
    struct gate_entry *front = &gate->entries[gate->head];
    return gate->count > 0 && front->sequence <= durable ? front : NULL;
}

void gate_pop(struct gate *gate)
{
    assert(gate->count > 0);
    gate->count--;
    if (++gate->head == gate->capacity)
        gate->head = 0;
}

/* A chain's first chunk begins with the string's length; every chunk begins with
 * the next one's index, where a freed chunk has the slab's link. */
#include "answer_memory.h"

#include <assert.h>
#include <stddef.h>
#include <string.h>

#include "memory.h"

enum { CHUNK_BYTES = 64, CHUNK_DATA = CHUNK_BYTES - sizeof(uint32_t) };

struct chunk {
    uint32_t next; /* SLAB_NONE: the last */
    uint8_t data[CHUNK_DATA];
};

_Static_assert(sizeof(struct order_facts) <= ANSWER_MEMORY_BYTES_MAX, "with all its items");
_Static_assert(sizeof(struct chunk) == CHUNK_BYTES, "a cache line");
_Static_assert(sizeof(uint32_t) + sizeof(struct block_facts) + CATALOG_TEXT_BYTES_MAX * 4 +
                       RECORD_BLOCK_SEATS_MAX * sizeof(uint32_t) <=
                   ANSWER_MEMORY_BYTES_MAX,
               "the longest there is");

bool answer_memory_init(struct answer_memory *memory, uint32_t chunks_max)
{
    return slab_init(&memory->chunks, CHUNK_BYTES, chunks_max);
}

void answer_memory_release(struct answer_memory *memory)
{
    slab_release(&memory->chunks);
}

/* --- chains of chunks --- */

static struct chunk *chunk_at(const struct answer_memory *memory, uint32_t index)
{
    return slab_at(&memory->chunks, index);
}

uint32_t answer_memory_room(const struct answer_memory *memory)
{
    return memory->chunks.capacity - memory->chunks.live;
}

static uint32_t chunks_for(uint32_t length)
{
    return (length + (uint32_t)sizeof length + CHUNK_DATA - 1) / CHUNK_DATA;
}

/* Where the next byte of a chain goes or comes from. */
struct cursor {
    uint32_t chunk;
    uint32_t offset;
};

static uint32_t append(struct answer_memory *memory, struct cursor *cursor, const void *bytes,
                       uint32_t length)
{
    const uint8_t *from = bytes;

    while (length > 0) {
        if (cursor->offset == CHUNK_DATA) {
            uint32_t next = slab_take(&memory->chunks);
            assert(next != SLAB_NONE); /* the room was looked at */
            chunk_at(memory, next)->next = SLAB_NONE;
            chunk_at(memory, cursor->chunk)->next = next;
            *cursor = (struct cursor){next, 0};
        }
        uint32_t room = (uint32_t)CHUNK_DATA - cursor->offset;
        uint32_t part = length < room ? length : room;
        memcpy(chunk_at(memory, cursor->chunk)->data + cursor->offset, from, part);
        cursor->offset += part;
        from += part;
        length -= part;
    }
    return cursor->chunk;
}

uint32_t answer_memory_write(struct answer_memory *memory, const uint8_t *bytes, uint32_t length)
{
    if (chunks_for(length) > answer_memory_room(memory))
        return SLAB_NONE;
    uint32_t first = slab_take(&memory->chunks);
    struct cursor cursor = {first, 0};

    chunk_at(memory, first)->next = SLAB_NONE;
    append(memory, &cursor, &length, sizeof length);
    append(memory, &cursor, bytes, length);
    return first;
}

uint32_t answer_memory_read(const struct answer_memory *memory, uint32_t kept, uint8_t *out)
{
    const struct chunk *chunk = chunk_at(memory, kept);
    uint32_t length, offset = sizeof length, done = 0;

    memcpy(&length, chunk->data, sizeof length);
    assert(length <= ANSWER_MEMORY_BYTES_MAX);
    while (done < length) {
        if (offset == CHUNK_DATA) {
            chunk = chunk_at(memory, chunk->next);
            offset = 0;
        }
        uint32_t room = (uint32_t)CHUNK_DATA - offset;
        uint32_t part = length - done < room ? length - done : room;
        memcpy(out + done, chunk->data + offset, part);
        offset += part;
        done += part;
    }
    return length;
}

/* The count is raised by hand when what is kept changes but not its size. */
uint16_t answer_memory_layout(void)
{
    enum { COUNT = 1 };
    size_t sizes = (sizeof(struct booking_facts) * 31 + sizeof(struct block_facts)) * 31 +
                   sizeof(struct zone_facts) * 7 + sizeof(struct order_facts);
    return (uint16_t)(sizes * 31 + COUNT);
}

void answer_memory_forget(struct answer_memory *memory, uint32_t kept)
{
    while (kept != SLAB_NONE) {
        uint32_t next = chunk_at(memory, kept)->next;
        slab_give(&memory->chunks, kept);
        kept = next;
    }
}

uint64_t answer_memory_bytes(const struct answer_memory *memory)
{
    return (uint64_t)memory->chunks.used * memory->chunks.entry_bytes;
}

/* --- what is kept of which answer --- */

enum answer_facts answer_facts_of(enum command_kind kind)
{
    switch (kind) {
    case COMMAND_BLOCK_CREATE:
    case COMMAND_BLOCK_END:
        return ANSWER_FACTS_BLOCK;
    case COMMAND_CAPACITY:
    case COMMAND_ZONE_SALE:
        return ANSWER_FACTS_ZONE;
    case COMMAND_ORDER_CREATE:
    case COMMAND_ORDER_CONFIRM:
    case COMMAND_ORDER_CANCEL:
        return ANSWER_FACTS_ORDER;
    default:
        return ANSWER_FACTS_BOOKING;
    }
}

static uint32_t put(uint8_t *out, uint32_t at, const void *bytes, size_t length)
{
    if (length > 0)
        memcpy(out + at, bytes, length);
    return at + (uint32_t)length;
}

/* What is kept is hashed as it lies there. Between the fields of a struct lies whatever
 * the compiler left: it must not count. */
#define END_OF(type, member) (offsetof(type, member) + sizeof(((const type *)NULL)->member))

static void blank(uint8_t *bytes, size_t from, size_t to)
{
    memset(bytes + from, 0, to - from);
}

static void blank_booking(uint8_t *bytes)
{
    blank(bytes, END_OF(struct booking_facts, exchanged_from), sizeof(struct booking_facts));
}

static uint32_t pack_booking(uint8_t *out, const struct answer *answer)
{
    uint32_t at = put(out, 0, &answer->booking, sizeof answer->booking);

    blank_booking(out);
    return put(out, at, answer->seats, answer->seat_count * sizeof answer->seats[0]);
}

static uint32_t pack_zone(uint8_t *out, const struct zone_facts *zone)
{
    uint32_t at = put(out, 0, zone, sizeof *zone);

    blank(out, END_OF(struct zone_facts, closed), sizeof *zone);
    return at;
}

static uint32_t pack_order(uint8_t *out, const struct order_facts *order)
{
    uint32_t at = put(out, 0, order, order_facts_bytes(order));

    for (uint32_t i = 0; i < order->count; i++) {
        uint8_t *item = out + ((const uint8_t *)&order->items[i] - (const uint8_t *)order);
        const uint8_t *said = (const uint8_t *)&order->items[i].seats[order->items[i].seat_count];
        blank_booking(item);
        blank(item, (size_t)(said - (const uint8_t *)&order->items[i]), sizeof order->items[i]);
    }
    return at;
}

static uint32_t pack_block(uint8_t *out, const struct block_facts *block)
{
    struct block_facts facts = *block;

    facts.reason.bytes = NULL;
    facts.seats = NULL;
    uint32_t at = put(out, 0, &facts, sizeof facts);
    blank(out, END_OF(struct block_facts, active), offsetof(struct block_facts, quantity));
    blank(out, END_OF(struct block_facts, reason.length), offsetof(struct block_facts, seat_count));
    blank(out, END_OF(struct block_facts, seat_count), offsetof(struct block_facts, seats));
    at = put(out, at, block->seats, block->seat_count * sizeof block->seats[0]);
    return put(out, at, block->reason.bytes, block->reason.length);
}

/* One allocation with its seats and text, as every block's facts. */
static struct block_facts *unpack_block(const uint8_t *bytes, uint32_t length)
{
    struct block_facts *block = memory_new(length);

    if (!block)
        return NULL;
    memcpy(block, bytes, length);
    uint32_t *seats = (uint32_t *)(block + 1);
    block->seats = block->seat_count > 0 ? seats : NULL;
    block->reason.bytes = (const char *)(seats + block->seat_count);
    return block;
}

uint32_t answer_memory_keep(struct answer_memory *memory, const struct answer *answer)
{
    uint8_t bytes[ANSWER_MEMORY_BYTES_MAX];
    uint32_t length = 0;

    assert(answer->result == RESULT_OK);
    switch (answer_facts_of(answer->kind)) {
    case ANSWER_FACTS_BOOKING:
        length = pack_booking(bytes, answer);
        break;
    case ANSWER_FACTS_BLOCK:
        length = pack_block(bytes, answer->block);
        break;
    case ANSWER_FACTS_ZONE:
        length = pack_zone(bytes, &answer->zone_facts);
        break;
    case ANSWER_FACTS_ORDER:
        length = pack_order(bytes, answer->order);
        break;
    }
    return answer_memory_write(memory, bytes, length);
}

bool answer_memory_recall(const struct answer_memory *memory, uint32_t kept, struct answer *answer)
{
    _Alignas(8) uint8_t bytes[ANSWER_MEMORY_BYTES_MAX];
    uint32_t length = answer_memory_read(memory, kept, bytes);
    uint32_t seat_bytes;

    switch (answer_facts_of(answer->kind)) {
    case ANSWER_FACTS_BOOKING:
        assert(length >= sizeof answer->booking &&
               length <= sizeof answer->booking + sizeof answer->seats);
        seat_bytes = length - (uint32_t)sizeof answer->booking;
        memcpy(&answer->booking, bytes, sizeof answer->booking);
        memcpy(answer->seats, bytes + sizeof answer->booking, seat_bytes);
        answer->seat_count = seat_bytes / (uint32_t)sizeof answer->seats[0];
        return true;
    case ANSWER_FACTS_BLOCK:
        answer->block = unpack_block(bytes, length);
        return answer->block != NULL;
    case ANSWER_FACTS_ZONE:
        assert(length == sizeof answer->zone_facts);
        memcpy(&answer->zone_facts, bytes, length);
        return true;
    case ANSWER_FACTS_ORDER:
        answer->order = memory_new(sizeof *answer->order);
        if (answer->order)
            memcpy(answer->order, bytes, length);
        return answer->order != NULL;
    }
    return false;
}

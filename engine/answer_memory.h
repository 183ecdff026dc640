/* The facts of answers that were given to requests with an idempotency key, for
 * as long as the key is kept: a booking changes, what was said of it does not.
 * Each is a string of bytes in a chain of 64-byte chunks. Pure; one thread. */
#ifndef ENGINE_ANSWER_MEMORY_H
#define ENGINE_ANSWER_MEMORY_H

#include "command.h"
#include "slab.h"

struct answer_memory {
    struct slab chunks;
};

/* What an answer says. On disk: never renumber. */
enum answer_facts {
    ANSWER_FACTS_BOOKING = 0, /* kept: struct booking_facts, its seats (uint32) */
    ANSWER_FACTS_BLOCK = 1, /* struct block_facts (pointers NULL), its seats, its reason's bytes */
    ANSWER_FACTS_ZONE = 2,  /* struct zone_facts */
    ANSWER_FACTS_ORDER = 3  /* order_facts_bytes of struct order_facts */
};

enum answer_facts answer_facts_of(enum command_kind kind);

enum { ANSWER_MEMORY_CHUNKS_MAX = 1 << 25, ANSWER_MEMORY_BYTES_MAX = 8192 };

/* False: out of memory. */
bool answer_memory_init(struct answer_memory *memory, uint32_t chunks_max);
void answer_memory_release(struct answer_memory *memory);

/* Keeps what the answer (RESULT_OK, on bookings, blocks or a zone) says, and
 * nothing of where it goes. SLAB_NONE: full, nothing is kept. */
uint32_t answer_memory_keep(struct answer_memory *memory, const struct answer *answer);

/* Says it again: answer->kind is of the same group as the kept answer's. False:
 * out of memory (a block's facts are the new answer's own). */
bool answer_memory_recall(const struct answer_memory *memory, uint32_t kept, struct answer *answer);
void answer_memory_forget(struct answer_memory *memory, uint32_t kept);

/* The bytes of what is kept, as at enum answer_facts: at most ANSWER_MEMORY_BYTES_MAX.
 * They are this build's structs and nothing to write to a file. */
uint32_t answer_memory_read(const struct answer_memory *memory, uint32_t kept, uint8_t *out);
/* SLAB_NONE: full. */
uint32_t answer_memory_write(struct answer_memory *memory, const uint8_t *bytes, uint32_t length);

/* Tells layouts apart: bytes that answer_memory_read gave mean something only to a
 * build that says the same number. */
uint16_t answer_memory_layout(void);

/* Chunks that can still be taken. */
uint32_t answer_memory_room(const struct answer_memory *memory);
uint64_t answer_memory_bytes(const struct answer_memory *memory);

#endif

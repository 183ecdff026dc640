/* What was answered to a request with an idempotency key, field by field: a
 * snapshot's bytes are the same whichever build lays the structs out. Each is a
 * msgpack array that begins with what it is; docs/wal-format.md has the schema.
 * Pure; any thread. Private to the snapshot's entries. */
#ifndef PERSIST_SNAPSHOT_ANSWER_H
#define PERSIST_SNAPSHOT_ANSWER_H

#include <msgpack.h>

#include "../engine/answer_memory.h"
#include "record_cursor.h"

/* The order's answer, or nil for NULL. */
void snapshot_pack_order_facts(msgpack_packer *packer, const struct order_facts *facts);
/* `facts` filled, or NULL for nil and after an error. */
struct order_facts *snapshot_take_order_facts(struct cursor *cursor, struct order_facts *facts);

/* A kept answer of a command of the kind, as answer_memory_read gives it. */
void snapshot_pack_answer(msgpack_packer *packer, enum command_kind kind, const uint8_t *kept,
                          uint32_t length);
/* Into `kept` with ANSWER_MEMORY_BYTES_MAX of room, aligned to 8, as
 * answer_memory_write takes it. Returns its length. Another kind's is refused. */
uint32_t snapshot_take_answer(struct cursor *cursor, enum command_kind kind, uint8_t *kept);

#endif

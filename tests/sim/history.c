#include "history.h"

#include <stdio.h>

#include "../../persist/record_codec.h"

void sim_history_release(struct sim_history *history)
{
    for (uint32_t i = 0; i < history->log_count; i++)
        free(history->logs[i].entries);
    free(history->logs);
    free(history->entries);
    free(history->bytes);
    *history = (struct sim_history){0};
}

struct sim_history_log *sim_history_log(struct sim_history *history, uint32_t epoch, uint16_t shard)
{
    for (uint32_t i = history->log_count; i-- > 0;)
        if (history->logs[i].epoch == epoch && history->logs[i].shard == shard)
            return &history->logs[i];
    return NULL;
}

struct sim_history_log *sim_history_open(struct sim_history *history, uint32_t epoch,
                                         uint16_t shard, uint64_t first)
{
    struct sim_history_log *log = sim_history_log(history, epoch, shard);

    if (log)
        return log;
    history->logs =
        sim_grow(history->logs, history->log_count, &history->log_room, sizeof *history->logs);
    log = &history->logs[history->log_count++];
    *log =
        (struct sim_history_log){.epoch = epoch, .shard = shard, .first = first, .seen = first - 1};
    return log;
}

static uint8_t *room_for(struct sim_history *history, uint32_t bytes)
{
    while (history->byte_count + bytes > history->byte_room) {
        history->byte_room = history->byte_room ? 2 * history->byte_room : 1 << 16;
        history->bytes = realloc(history->bytes, history->byte_room);
        if (!history->bytes)
            abort();
    }
    return history->bytes + history->byte_count;
}

void sim_history_append(struct sim_history *history, struct sim_history_log *log, uint64_t sequence,
                        const struct record *record)
{
    uint32_t at = history->count;

    history->entries = sim_grow(history->entries, at, &history->room, sizeof *history->entries);
    uint8_t *out = room_for(history, record_encoded_bytes_max(record));
    uint32_t length = record_encode(record, out);
    history->entries[at] = (struct sim_history_entry){.sequence = sequence,
                                                      .offset = history->byte_count,
                                                      .length = length,
                                                      .epoch = log->epoch,
                                                      .shard = log->shard};
    history->byte_count += length;
    history->count++;
    log->entries = sim_grow(log->entries, log->count, &log->room, sizeof log->entries[0]);
    log->entries[log->count++] = at;
}

/* --- a recovery --- */

void sim_history_begin(struct sim_history *history, uint32_t epoch, const uint64_t *start,
                       uint16_t shard_count)
{
    for (uint32_t i = 0; i < history->log_count; i++) {
        struct sim_history_log *log = &history->logs[i];
        log->seen = log->first - 1;
        if (log->epoch < epoch)
            log->seen = log->first + log->count - 1;
        else if (log->epoch == epoch && log->shard < shard_count && start[log->shard] > log->seen)
            log->seen = start[log->shard];
    }
}

const char *sim_history_seen(struct sim_history *history, uint32_t epoch, uint16_t shard,
                             const struct record *record)
{
    static uint8_t bytes[RECORD_ZONE_BYTES_MAX];
    struct sim_history_log *log = sim_history_log(history, epoch, shard);

    snprintf(history->text, sizeof history->text,
             "I12 epoch %u shard %u: recovered record %llu (%s) ", epoch, shard,
             (unsigned long long)record->sequence, record_kind_name(record->kind));
    if (!log || record->sequence < log->first || record->sequence >= log->first + log->count)
        return strcat(history->text, "was never appended");
    if (record->sequence != log->seen + 1)
        return strcat(history->text, "is out of order");
    log->seen = record->sequence;
    const struct sim_history_entry *entry =
        &history->entries[log->entries[record->sequence - log->first]];
    uint32_t length = record_encode(record, bytes);
    if (length != entry->length || memcmp(bytes, history->bytes + entry->offset, length) != 0)
        return strcat(history->text, "has other bytes than were appended");
    return NULL;
}

const char *sim_history_end(struct sim_history *history)
{
    for (uint32_t i = 0; i < history->log_count; i++) {
        struct sim_history_log *log = &history->logs[i];
        if (log->seen < log->acked) {
            snprintf(history->text, sizeof history->text,
                     "I9 epoch %u shard %u: acknowledged up to %llu, recovered up to %llu",
                     log->epoch, log->shard, (unsigned long long)log->acked,
                     (unsigned long long)log->seen);
            return history->text;
        }
        while (log->count > 0 && log->first + log->count - 1 > log->seen)
            history->entries[log->entries[--log->count]].lost = true;
        log->acked = log->seen; /* it is shown from now on */
    }
    return NULL;
}

const char *sim_history_enter(const struct sim_history *history, struct sim_ledger *ledger)
{
    static struct record_scratch scratch;
    static struct record record;
    const char *fault = NULL;

    for (uint32_t i = 0; i < history->count && !fault; i++) {
        const struct sim_history_entry *entry = &history->entries[i];
        if (entry->lost)
            continue;
        if (record_decode_exact(&record, &scratch, history->bytes + entry->offset, entry->length) !=
            0)
            return "a record that was appended cannot be decoded";
        fault = sim_ledger_record(ledger, entry->shard, &record);
    }
    return fault;
}

#include "snapshot_write.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../engine/shard_export.h"
#include "crash_point.h"
#include "header_file.h"
#include "record_codec.h"
#include "segment.h"
#include "snapshot_entry.h"
#include "snapshot_process.h"

struct writer {
    const struct snapshot_write_options *options;
    const struct storage *storage;
    int fd;
    int result;     /* the first failure; -EFBIG: an entry no block holds */
    uint8_t *block; /* LOG_BLOCK_BYTES_MAX, aligned */
    uint32_t bytes; /* of entries in it */
    uint32_t count;
    uint16_t section;
    uint64_t offset; /* of the block */
    struct snapshot_pace pace;
    struct snapshot_trailer trailer;
};

/* --- blocks --- */

static void end_block(struct writer *writer)
{
    struct log_block_header *header = (struct log_block_header *)(void *)writer->block;
    if (writer->count == 0 || writer->result != 0)
        return;
    *header = (struct log_block_header){.magic = LOG_BLOCK_MAGIC,
                                        .shard = writer->section,
                                        .count = writer->count,
                                        .bytes = writer->bytes,
                                        .nonce = writer->trailer.nonce,
                                        .first_sequence = writer->trailer.entries + 1,
                                        .stamp_ms = writer->options->cut.stamp_ms,
                                        .previous_hash = writer->trailer.last_hash};
    log_block_seal(header);
    uint64_t size = log_block_size(header);
    writer->result = writer->storage->write(writer->storage->context, writer->fd, writer->block,
                                            size, writer->offset);
    crash_point("snapshot.block");
    writer->offset += size;
    writer->trailer.entries += writer->count;
    writer->trailer.blocks++;
    writer->trailer.last_hash = header->header_hash;
    writer->count = writer->bytes = 0;
    snapshot_pace_keep(&writer->pace, writer->offset);
}

static void begin_section(struct writer *writer, uint16_t section)
{
    end_block(writer);
    writer->section = section;
    writer->trailer.sections[section] = (struct snapshot_section){
        writer->offset, writer->trailer.entries + 1, writer->trailer.last_hash};
    writer->trailer.section_count = section + 1U;
}

/* Room for an entry of at most so many bytes; NULL: there can be none. */
static uint8_t *room(struct writer *writer, uint32_t bytes_max)
{
    if (writer->bytes + bytes_max > LOG_BLOCK_BYTES_MAX - LOG_BLOCK_HEADER_BYTES ||
        writer->bytes > SNAPSHOT_BLOCK_BYTES - LOG_BLOCK_HEADER_BYTES)
        end_block(writer);
    if (bytes_max > LOG_BLOCK_BYTES_MAX - LOG_BLOCK_HEADER_BYTES && writer->result == 0)
        writer->result = -EFBIG;
    return writer->result == 0 ? writer->block + LOG_BLOCK_HEADER_BYTES + writer->bytes : NULL;
}

static void added(struct writer *writer, uint32_t bytes)
{
    writer->bytes += bytes;
    writer->count++;
}

/* --- the catalog --- */

static void put_record(struct writer *writer, const struct record *record)
{
    uint8_t *out = room(writer, record_encoded_bytes_max(record));
    if (out)
        added(writer, record_encode(record, out));
}

static void put_event(struct writer *writer, const struct catalog_event *event)
{
    struct record record = {.kind = RECORD_EVENT, .stamp_ms = event->updated_ms, .event = *event};
    put_record(writer, &record);
}

static void put_show(struct writer *writer, const struct catalog_show *show)
{
    struct record record = {.kind = RECORD_SHOW, .stamp_ms = show->updated_ms, .show = *show};
    put_record(writer, &record);
}

static void put_zone(struct writer *writer, const struct catalog_zone *zone)
{
    struct record record = {.kind = RECORD_ZONE, .stamp_ms = zone->updated_ms, .zone = *zone};
    put_record(writer, &record);
}

static void put_station(struct writer *writer, const struct catalog_station *station)
{
    struct record record = {
        .kind = RECORD_STATION, .stamp_ms = station->created_ms, .station = *station};
    put_record(writer, &record);
}

static void put_route(struct writer *writer, const struct catalog_route *route)
{
    struct record record = {.kind = RECORD_ROUTE, .stamp_ms = route->created_ms, .route = *route};
    put_record(writer, &record);
}

static void put_catalog(struct writer *writer, const struct catalog *catalog)
{
    begin_section(writer, SNAPSHOT_CATALOG);
    for (uint32_t i = 0; i < catalog_station_count(catalog); i++)
        put_station(writer, catalog_station_at(catalog, i));
    for (uint32_t i = 0; i < catalog_route_count(catalog); i++)
        put_route(writer, catalog_route_at(catalog, i));
    for (uint32_t i = 0; i < catalog_event_count(catalog); i++)
        put_event(writer, catalog_event_by_number(catalog, i));
    for (uint32_t i = 0; i < catalog_event_count(catalog); i++) {
        const struct catalog_event *event = catalog_event_by_number(catalog, i);
        const struct catalog_show *show;
        for (uint32_t j = 0; (show = catalog_event_show(catalog, &event->id, j)); j++)
            put_show(writer, show);
    }
    for (uint32_t i = 0; i < catalog_zone_count(catalog); i++)
        put_zone(writer, catalog_zone_at(catalog, i));
}

/* --- shards --- */

static void put_zone_role(struct writer *writer, const struct shard *shard)
{
    struct shard_zone_state zone;
    struct shard_block_state block;
    struct shard_booking_state booking;
    struct shard_totals totals;
    uint8_t *out;
    shard_totals(shard, &totals);
    writer->trailer.users += totals.users;
    for (uint32_t i = 0; i < shard_export_zone_count(shard); i++) {
        shard_export_zone(shard, i, &zone);
        if ((out = room(writer, SNAPSHOT_ENTRY_BYTES_MAX)))
            added(writer, snapshot_encode_zone(&zone, out));
        writer->trailer.zones++;
    }
    for (uint32_t i = 0; i < shard_export_block_count(shard); i++)
        if (shard_export_block(shard, i, &block) && (out = room(writer, SNAPSHOT_ENTRY_BYTES_MAX)))
            added(writer, snapshot_encode_block(&block, out));
    for (uint32_t i = 0; i < shard_export_booking_count(shard) && writer->result == 0; i++) {
        if (!shard_export_booking(shard, i, &booking))
            continue;
        if ((out = room(writer, SNAPSHOT_ENTRY_BYTES_MAX)))
            added(writer, snapshot_encode_booking(&booking, out));
        writer->trailer.bookings++;
    }
    for (uint32_t i = 0; i < shard_export_zone_count(shard); i++) {
        shard_export_zone(shard, i, &zone);
        if ((out = room(writer, SNAPSHOT_ENTRY_BYTES_MAX)))
            added(writer, snapshot_encode_zone_end(i, zone.changes, out));
    }
}

static void put_key(struct writer *writer, const struct shard_key_state *key)
{
    uint8_t *out = room(writer, SNAPSHOT_ENTRY_BYTES_MAX);
    if (out)
        added(writer, snapshot_encode_key(key, out));
    if (key->kind == SHARD_KEY_EVENT)
        put_event(writer, key->event);
    else if (key->kind == SHARD_KEY_SHOW)
        put_show(writer, key->show);
    else if (key->kind == SHARD_KEY_ZONE)
        put_zone(writer, key->zone);
    else if (key->kind == SHARD_KEY_STATION)
        put_station(writer, key->station);
    else if (key->kind == SHARD_KEY_ROUTE)
        put_route(writer, key->route);
    writer->trailer.keys++;
}

static void put_home_role(struct writer *writer, const struct shard *shard)
{
    struct shard_key_state key;
    uint8_t answer[ANSWER_MEMORY_BYTES_MAX], *out;
    for (uint32_t i = 0; i < shard_export_order_count(shard) && writer->result == 0; i++) {
        const struct order *order = shard_export_order(shard, i);
        if (order && (out = room(writer, SNAPSHOT_ENTRY_BYTES_MAX)))
            added(writer, snapshot_encode_order(order, out));
    }
    for (uint32_t at = 0;
         writer->result == 0 &&
         shard_export_key(shard, writer->options->cut.stamp_ms, &at, answer, &key);)
        put_key(writer, &key);
}

/* --- the file --- */

static int write_page(const struct writer *writer, const void *page, size_t used, uint64_t offset)
{
    uint8_t *bytes = writer->block; /* between blocks it is free */
    memcpy(bytes, page, used);
    log_file_header_seal(bytes, used);
    return writer->storage->write(writer->storage->context, writer->fd, bytes, LOG_ALIGNMENT,
                                  offset);
}

static int write_header(const struct writer *writer)
{
    const struct snapshot_cut *cut = &writer->options->cut;
    struct snapshot_header header = {.head = {SNAPSHOT_MAGIC, LOG_FORMAT_VERSION, 0},
                                     .cluster = *data_dir_cluster(writer->options->dir),
                                     .number = cut->number,
                                     .nonce = writer->trailer.nonce,
                                     .created_ms = cut->created_ms,
                                     .stamp_ms = cut->stamp_ms,
                                     .epoch = cut->epoch,
                                     .shard_count = cut->shard_count,
                                     .answer_layout = answer_memory_layout()};
    for (uint16_t i = 0; i < cut->shard_count; i++) {
        const struct log_start *at = &cut->positions[i];
        header.positions[i] = (struct snapshot_position){
            at->sequence, at->previous_hash, at->stamp_ms, at->segment, at->clean_stop, 0};
    }
    return write_page(writer, &header, sizeof header, 0);
}

static void write_all(struct writer *writer)
{
    const struct snapshot_write_options *options = writer->options;
    writer->trailer.head = (struct log_file_head){SNAPSHOT_TRAILER_MAGIC, LOG_FORMAT_VERSION, 0};
    writer->trailer.cluster = *data_dir_cluster(options->dir);
    writer->trailer.number = options->cut.number;
    writer->trailer.state_hash =
        snapshot_state_hash(options->shards, options->shard_count, options->cut.stamp_ms);
    writer->result = segment_nonce(writer->storage, &writer->trailer.nonce);
    if (writer->result == 0)
        writer->result = write_header(writer);
    writer->offset = SNAPSHOT_HEADER_BYTES;
    put_catalog(writer, shard_catalog(options->shards[0]));
    for (uint16_t i = 0; i < options->shard_count; i++) {
        begin_section(writer, snapshot_zone_section(i));
        put_zone_role(writer, options->shards[i]);
        begin_section(writer, snapshot_home_section(i));
        put_home_role(writer, options->shards[i]);
    }
    end_block(writer);
    if (writer->result == 0)
        writer->result =
            write_page(writer, &writer->trailer, sizeof writer->trailer, writer->offset);
    if (writer->result == 0)
        writer->result = writer->storage->sync(writer->storage->context, writer->fd);
}

static const char *temporary_path(const struct data_dir *dir, uint64_t number, char *out)
{
    size_t length = strlen(snapshot_path(dir, number, out));
    snprintf(out + length, 8, ".new");
    return out;
}

int snapshot_write(const struct snapshot_write_options *options, struct log_error *error)
{
    const struct storage *storage = data_dir_storage(options->dir);
    char path[LOG_PATH_BYTES + 8];
    int made = storage->make_directory(storage->context, snapshot_directory(options->dir, path));
    /* Also when it is there already: who made it may have died before this. */
    if (made == 0 || made == -EEXIST)
        made = storage->sync_directory(storage->context, data_dir_path(options->dir));
    if (made < 0)
        return header_file_fail(error, "make directory", path, made);
    struct writer *writer = calloc(1, sizeof *writer);
    uint8_t *block = aligned_alloc(LOG_ALIGNMENT, LOG_BLOCK_BYTES_MAX);
    temporary_path(options->dir, options->cut.number, path);
    int result = writer && block ? 0 : -ENOMEM;
    if (result == 0) {
        *writer = (struct writer){.options = options, .storage = storage, .block = block};
        snapshot_pace_begin(&writer->pace, options->mb_per_second);
        result = writer->fd = storage->open(storage->context, path, STORAGE_CREATE);
    }
    if (result >= 0) {
        write_all(writer);
        storage->close(storage->context, writer->fd);
        result = writer->result;
        if (options->out)
            *options->out = writer->trailer;
        if (result < 0)
            storage->unlink(storage->context, path);
    }
    free(block);
    free(writer);
    crash_point("snapshot.written");
    return result < 0 ? header_file_fail(error, "write", path, result) : 0;
}

int snapshot_publish(const struct data_dir *dir, uint64_t number, struct log_error *error)
{
    const struct storage *storage = data_dir_storage(dir);
    char from[LOG_PATH_BYTES + 8], to[LOG_PATH_BYTES], directory[LOG_PATH_BYTES];
    temporary_path(dir, number, from);
    int result = storage->rename(storage->context, from, snapshot_path(dir, number, to));
    crash_point("snapshot.renamed");
    if (result == 0)
        result = storage->sync_directory(storage->context, snapshot_directory(dir, directory));
    return result < 0 ? header_file_fail(error, "rename", from, result) : 0;
}

uint64_t snapshot_state_hash(struct shard *const *shards, uint16_t shard_count, uint64_t now_ms)
{
    uint64_t sum = 0;
    for (uint16_t i = 0; i < shard_count; i++)
        sum += shard_state_hash(shards[i]) + shard_home_hash(shards[i], now_ms);
    return sum;
}

#include "snapshot_read.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../engine/answer_memory.h"
#include "header_file.h"

enum { WINDOW_BYTES = 4 << 20 };

static int damaged(struct log_error *error, const char *path, uint64_t offset, const char *what)
{
    log_error_set(error, LOG_EXIT_CORRUPT, "RO", "%s: %s at offset %llu", path, what,
                  (unsigned long long)offset);
    snprintf(error->file, sizeof error->file, "%s", path);
    error->offset = offset;
    return LOG_EXIT_CORRUPT;
}

/* --- header and trailer --- */

static int read_page(struct log_window *window, const char *path, uint64_t offset, uint64_t magic,
                     void *out, size_t used, struct log_error *error)
{
    const uint8_t *bytes;
    size_t available;
    int result = log_window_read(window, offset, LOG_ALIGNMENT, &bytes, &available);
    if (result < 0)
        return header_file_fail(error, "read", path, result);
    if (available < LOG_ALIGNMENT)
        return damaged(error, path, offset, "the file is too short");
    enum log_header_state state = log_file_header_check(bytes, magic);
    memcpy(out, bytes, used);
    if (state == LOG_HEADER_NEWER)
        return log_error_set(error, LOG_EXIT_CONFIG, "RL", "%s is of a newer format", path);
    return state == LOG_HEADER_GOOD ? 0 : damaged(error, path, offset, "a damaged page");
}

static void take_header(struct snapshot_file *file, const struct snapshot_header *header)
{
    struct snapshot_cut *cut = &file->cut;
    file->nonce = header->nonce;
    cut->number = header->number;
    cut->epoch = header->epoch;
    cut->shard_count = header->shard_count;
    cut->created_ms = header->created_ms;
    cut->stamp_ms = header->stamp_ms;
    for (uint16_t i = 0; i < header->shard_count; i++) {
        const struct snapshot_position *at = &header->positions[i];
        cut->positions[i] = (struct log_start){at->sequence, at->previous_hash, at->stamp_ms,
                                               at->segment, at->clean_stop != 0};
    }
}

/* What a good hash does not say: that the file is the one it should be. */
static int check_identity(const struct snapshot_file *file, const struct snapshot_header *header,
                          uint64_t number, struct log_error *error)
{
    const struct snapshot_trailer *trailer = &file->trailer;
    if (!uuid_equal(&header->cluster, data_dir_cluster(file->dir)))
        return damaged(error, file->path, 0, "a snapshot of another cluster");
    if (header->answer_layout != answer_memory_layout())
        return log_error_set(error, LOG_EXIT_CONFIG, "RL",
                             "%s: the answers it keeps are of another version's layout",
                             file->path);
    if (header->number != number || trailer->number != number || trailer->nonce != header->nonce ||
        !uuid_equal(&trailer->cluster, &header->cluster))
        return damaged(error, file->path, 0, "parts of different snapshots");
    if (header->shard_count < 1 || header->shard_count > SHARD_COUNT_MAX ||
        trailer->section_count != 1 + 2U * header->shard_count)
        return damaged(error, file->path, 0, "an impossible number of shards");
    for (uint32_t i = 0; i < trailer->section_count; i++) {
        uint64_t offset = trailer->sections[i].offset;
        if (offset % LOG_ALIGNMENT != 0 || offset > file->bytes - SNAPSHOT_TRAILER_BYTES ||
            offset < (i == 0 ? SNAPSHOT_HEADER_BYTES : trailer->sections[i - 1].offset))
            return damaged(error, file->path, file->bytes - SNAPSHOT_TRAILER_BYTES,
                           "impossible sections");
    }
    return 0;
}

static int read_pages(struct snapshot_file *file, struct log_window *window, uint64_t number,
                      struct log_error *error)
{
    struct snapshot_header header;
    file->bytes = window->file_bytes;
    if (file->bytes < SNAPSHOT_HEADER_BYTES + SNAPSHOT_TRAILER_BYTES ||
        file->bytes % LOG_ALIGNMENT != 0)
        return damaged(error, file->path, file->bytes, "the file is cut off");
    int code = read_page(window, file->path, 0, SNAPSHOT_MAGIC, &header, sizeof header, error);
    if (code == 0)
        code = read_page(window, file->path, file->bytes - SNAPSHOT_TRAILER_BYTES,
                         SNAPSHOT_TRAILER_MAGIC, &file->trailer, sizeof file->trailer, error);
    if (code == 0)
        code = check_identity(file, &header, number, error);
    if (code == 0)
        take_header(file, &header);
    return code;
}

int snapshot_file_open(struct snapshot_file *file, const struct data_dir *dir, uint64_t number,
                       const char *path, struct log_error *error)
{
    struct log_window window;
    memset(file, 0, sizeof *file);
    file->dir = dir;
    if (path)
        snprintf(file->path, sizeof file->path, "%s", path);
    else
        snapshot_path(dir, number, file->path);
    log_window_init(&window, data_dir_storage(dir), LOG_ALIGNMENT * 2);
    int result = log_window_open(&window, file->path);
    int code = 0;
    if (result == -ENOENT)
        code = log_error_set(error, LOG_EXIT_NO_DATA, NULL, "%s does not exist", file->path);
    else if (result < 0)
        code = header_file_fail(error, "read", file->path, result);
    else
        code = read_pages(file, &window, number, error);
    log_window_release(&window);
    return code;
}

/* --- entries --- */

struct snapshot_reader {
    const struct snapshot_file *file;
    struct log_window window;
    struct record_scratch scratch;
    uint16_t section;
    uint64_t offset, end; /* of the next block; of the section */
    uint64_t next_entry;
    uint64_t previous_hash;
    const uint8_t *at, *limit; /* in the block being handed out */
    uint32_t left;
};

int snapshot_reader_open(struct snapshot_reader **out, const struct snapshot_file *file,
                         uint16_t section, struct log_error *error)
{
    const struct snapshot_trailer *trailer = &file->trailer;
    struct snapshot_reader *reader = calloc(1, sizeof *reader);
    if (!reader)
        return log_error_set(error, LOG_EXIT_IO, NULL, "out of memory");
    reader->file = file;
    reader->section = section;
    reader->offset = trailer->sections[section].offset;
    reader->next_entry = trailer->sections[section].first_entry;
    reader->previous_hash = trailer->sections[section].previous_hash;
    reader->end = section + 1U < trailer->section_count ? trailer->sections[section + 1].offset
                                                        : file->bytes - SNAPSHOT_TRAILER_BYTES;
    log_window_init(&reader->window, data_dir_storage(file->dir), WINDOW_BYTES);
    int result = log_window_open(&reader->window, file->path);
    if (result < 0) {
        snapshot_reader_close(reader);
        return header_file_fail(error, "read", file->path, result);
    }
    *out = reader;
    return 0;
}

void snapshot_reader_close(struct snapshot_reader *reader)
{
    if (!reader)
        return;
    log_window_release(&reader->window);
    free(reader);
}

/* The section's end must be where the next one, or the trailer, says it is. */
static int check_end(const struct snapshot_reader *reader, struct log_error *error)
{
    const struct snapshot_trailer *trailer = &reader->file->trailer;
    bool last = reader->section + 1U == trailer->section_count;
    const struct snapshot_section *next = &trailer->sections[reader->section + !last];
    uint64_t entry = last ? trailer->entries + 1 : next->first_entry;
    uint64_t hash = last ? trailer->last_hash : next->previous_hash;
    if (reader->offset == reader->end && reader->next_entry == entry &&
        reader->previous_hash == hash)
        return 0;
    return -damaged(error, reader->file->path, reader->offset, "a section ends elsewhere");
}

static int next_block(struct snapshot_reader *reader, struct log_error *error)
{
    enum log_block_state state;
    const struct log_block_header *block;
    const char *path = reader->file->path;
    if (reader->offset >= reader->end)
        return check_end(reader, error);
    int result = log_window_block(&reader->window, reader->offset, &state, &block);
    if (result < 0)
        return -header_file_fail(error, "read", path, result);
    if (state != LOG_BLOCK_GOOD)
        return -damaged(error, path, reader->offset, "a damaged block");
    if (block->nonce != reader->file->nonce || block->shard != reader->section ||
        block->first_sequence != reader->next_entry ||
        block->previous_hash != reader->previous_hash)
        return -damaged(error, path, reader->offset, "a block that does not belong here");
    reader->at = (const uint8_t *)block + LOG_BLOCK_HEADER_BYTES;
    reader->limit = reader->at + block->bytes;
    reader->left = block->count;
    reader->next_entry += block->count;
    reader->previous_hash = block->header_hash;
    reader->offset += log_block_size(block);
    return 1;
}

int snapshot_reader_next(struct snapshot_reader *reader, struct snapshot_entry *entry,
                         struct log_error *error)
{
    if (reader->left == 0) {
        int result = next_block(reader, error);
        if (result <= 0)
            return result;
    }
    int32_t used =
        snapshot_decode(entry, &reader->scratch, reader->at, (size_t)(reader->limit - reader->at));
    if (used < 0)
        return -damaged(error, reader->file->path, reader->offset, record_decode_error_name(used));
    reader->at += used;
    reader->left--;
    return 1;
}

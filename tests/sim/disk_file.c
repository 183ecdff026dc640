/* The content of a file: the medium, the writes on their way to it, and what a
 * power cut makes of them, sector by sector. */
#include <stdlib.h>

#include "disk_private.h"

enum { SECTOR = SIM_DISK_SECTOR_BYTES, PROMISED_MAX = 64 };

static void reserve(struct disk_node *node, uint64_t bytes)
{
    if (bytes <= node->capacity)
        return;
    uint64_t wanted = node->capacity * 2 > bytes ? node->capacity * 2 : bytes;
    uint8_t *more = realloc(node->durable, wanted);
    assert(more);
    memset(more + node->capacity, 0, wanted - node->capacity);
    node->durable = more;
    node->capacity = wanted;
}

static bool overlap(const struct disk_write *write, uint64_t offset, uint64_t length,
                    uint64_t *first, uint64_t *end)
{
    uint64_t write_end = write->offset + write->length;
    *first = write->offset > offset ? write->offset : offset;
    *end = write_end < offset + length ? write_end : offset + length;
    return *first < *end;
}

/* --- damage: where the medium differs from what was written --- */

static void note_damage(struct disk_node *node, uint64_t offset, enum sim_disk_cause cause,
                        const uint8_t *written)
{
    if (node->damage_count == node->damage_capacity) {
        node->damage_capacity = node->damage_capacity ? node->damage_capacity * 2 : 8;
        node->damage = realloc(node->damage, node->damage_capacity * sizeof *node->damage);
        assert(node->damage);
    }
    struct disk_damage *damage = &node->damage[node->damage_count++];
    damage->offset = offset;
    damage->cause = cause;
    memcpy(damage->written, written, SECTOR);
}

const struct disk_damage *disk_file_damage(const struct disk_node *node, uint64_t offset)
{
    for (uint32_t i = 0; i < node->damage_count; i++)
        if (node->damage[i].offset == offset)
            return &node->damage[i];
    return NULL;
}

static void forget_damage(struct disk_node *node, uint64_t offset, uint64_t length)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < node->damage_count; i++)
        if (node->damage[i].offset < offset || node->damage[i].offset >= offset + length)
            node->damage[kept++] = node->damage[i];
    node->damage_count = kept;
}

void disk_file_rot(struct disk_node *node, uint64_t offset, uint8_t bits)
{
    assert(offset < node->durable_bytes);
    uint64_t sector = offset - offset % SECTOR;
    reserve(node, sector + SECTOR);
    if (!disk_file_damage(node, sector))
        note_damage(node, sector, SIM_DISK_CAUSE_ROT, node->durable + sector);
    node->durable[offset] ^= bits;
}

static void misplace(struct disk_node *node, uint64_t offset, const uint8_t *written,
                     uint64_t length)
{
    for (uint64_t at = 0; at < length; at += SECTOR)
        if (!disk_file_damage(node, offset + at))
            note_damage(node, offset + at, SIM_DISK_CAUSE_MISDIRECTED, written + at);
}

void disk_file_misdirect(struct disk_node *node, uint64_t offset, uint64_t wrong, const void *bytes,
                         uint64_t length)
{
    reserve(node, wrong + length);
    misplace(node, wrong, node->durable + wrong, length);
    memcpy(node->durable + wrong, bytes, length);
    forget_damage(node, offset, length);
    misplace(node, offset, bytes, length);
}

/* --- writing --- */

void disk_file_write(struct disk_node *node, uint64_t offset, const void *bytes, uint64_t length)
{
    struct disk_write *write = disk_allocate(sizeof *write);
    write->offset = offset;
    write->length = length;
    if (bytes) {
        write->bytes = disk_allocate(length);
        memcpy(write->bytes, bytes, length);
    }
    *(node->writes ? &node->writes_last->next : &node->writes) = write;
    node->writes_last = write;
    node->write_count++;
    if (offset + length > node->bytes)
        node->bytes = offset + length;
}

static void store(struct disk_node *node, uint64_t offset, const void *bytes, uint64_t length)
{
    reserve(node, offset + length);
    if (bytes)
        memcpy(node->durable + offset, bytes, length);
    else
        memset(node->durable + offset, 0, length);
    if (node->damage_count > 0)
        forget_damage(node, offset, length);
}

/* A lost write no longer hides what has become durable over it. */
static void show_through(struct disk_node *node, uint64_t offset, uint64_t length)
{
    uint64_t first, end;
    for (struct disk_write *write = node->writes; write; write = write->next) {
        if (!write->lost || !overlap(write, offset, length, &first, &end))
            continue;
        if (!write->bytes)
            write->bytes = disk_allocate(write->length);
        memcpy(write->bytes + (first - write->offset), node->durable + first, end - first);
    }
}

static void set_length(struct disk_node *node, uint64_t bytes)
{
    reserve(node, bytes);
    if (bytes < node->durable_bytes)
        memset(node->durable + bytes, 0, node->capacity - bytes);
    node->durable_bytes = bytes;
}

void disk_file_write_through(struct disk_node *node, uint64_t offset, const void *bytes,
                             uint64_t length)
{
    if (node->writes) {
        disk_file_write(node, offset, bytes, length);
        disk_file_sync(node);
        return;
    }
    store(node, offset, bytes, length);
    if (offset + length > node->bytes)
        node->bytes = offset + length;
    node->durable_bytes = node->bytes;
}

static void free_write(struct disk_node *node, struct disk_write *write)
{
    node->write_count--;
    free(write->bytes);
    free(write);
}

/* Puts the first `count` writes that are not lost on the medium. */
static void apply(struct disk_node *node, uint32_t count)
{
    struct disk_write **at = &node->writes, *last = NULL;
    while (*at) {
        struct disk_write *write = *at;
        if (write->lost || count == 0) {
            last = write;
            at = &write->next;
            continue;
        }
        count--;
        store(node, write->offset, write->bytes, write->length);
        show_through(node, write->offset, write->length);
        *at = write->next;
        free_write(node, write);
    }
    node->writes_last = last;
}

void disk_file_sync(struct disk_node *node)
{
    apply(node, UINT32_MAX);
    set_length(node, node->bytes);
}

void disk_file_lose(struct disk_node *node)
{
    for (struct disk_write *write = node->writes; write; write = write->next)
        write->lost = true;
}

void disk_file_promise(struct disk_node *node)
{
    for (struct disk_write *write = node->writes; write; write = write->next)
        write->promised = true;
    if (node->write_count <= PROMISED_MAX)
        return;
    apply(node, node->write_count - PROMISED_MAX);
    if (node->durable_bytes < node->bytes)
        set_length(node, node->bytes);
}

/* The old bytes go like a write of zeros, so that a power cut may bring them back. */
void disk_file_truncate(struct disk_node *node)
{
    if (node->bytes > 0)
        disk_file_write(node, 0, NULL, node->bytes);
    node->bytes = 0;
}

size_t disk_file_read(const struct disk_node *node, uint64_t offset, void *bytes, size_t length)
{
    uint64_t first, end, stored = 0;
    if (offset >= node->bytes)
        return 0;
    if (length > node->bytes - offset)
        length = (size_t)(node->bytes - offset);
    if (offset < node->capacity)
        stored = node->capacity - offset < length ? node->capacity - offset : length;
    if (stored > 0)
        memcpy(bytes, node->durable + offset, stored);
    memset((uint8_t *)bytes + stored, 0, length - stored);
    for (const struct disk_write *write = node->writes; write; write = write->next) {
        if (!overlap(write, offset, length, &first, &end))
            continue;
        uint8_t *to = (uint8_t *)bytes + (first - offset);
        if (write->bytes)
            memcpy(to, write->bytes + (first - write->offset), end - first);
        else
            memset(to, 0, end - first);
    }
    return length;
}

/* --- a power cut --- */

enum outcome { OLD, NEW, ZERO, RANDOM, OTHER };

static enum outcome draw_outcome(struct sim_disk *disk)
{
    const struct sim_disk_weights *weights = &disk->weights;
    const uint32_t parts[] = {weights->old, weights->new, weights->zero, weights->random,
                              weights->other};
    uint64_t sum = 0;
    for (int i = 0; i < 5; i++)
        sum += parts[i];
    uint64_t at = sum > 0 ? sim_random_below(&disk->crash_random, sum) : 0;
    for (int i = 0; i < 5; i++) {
        if (at < parts[i])
            return (enum outcome)i;
        at -= parts[i];
    }
    return OLD;
}

static void copy_sector(const struct disk_write *write, uint64_t offset, uint8_t *sector)
{
    if (write->bytes)
        memcpy(sector, write->bytes + (offset - write->offset), SECTOR);
    else
        memset(sector, 0, SECTOR);
}

static bool covers(const struct disk_write *write, uint64_t offset)
{
    return write->offset <= offset && offset < write->offset + write->length;
}

/* What else was on its way here, or to somewhere else. False: nothing. */
static bool other_sector(struct sim_disk *disk, const struct disk_node *node,
                         const struct disk_write *last, uint64_t offset, uint8_t *sector)
{
    bool found = false;
    for (const struct disk_write *write = node->writes; write != last; write = write->next)
        if (covers(write, offset)) {
            copy_sector(write, offset, sector);
            found = true;
        }
    if (found || disk->sample_count == 0)
        return found;
    const struct disk_sample *sample =
        &disk->samples[sim_random_below(&disk->crash_random, disk->sample_count)];
    if (sample->node == node)
        return false;
    memcpy(sector, sample->bytes, SECTOR);
    return true;
}

static void settle_sector(struct sim_disk *disk, struct disk_node *node,
                          const struct disk_write *write, uint64_t offset, enum outcome outcome)
{
    uint8_t written[SECTOR], sector[SECTOR];
    uint8_t *medium = node->durable + offset;
    copy_sector(write, offset, written);
    memcpy(sector, medium, SECTOR);
    if (outcome == NEW)
        memcpy(sector, written, SECTOR);
    else if (outcome == ZERO)
        memset(sector, 0, SECTOR);
    else if (outcome == RANDOM)
        sim_random_fill(&disk->crash_random, sector, SECTOR);
    else if (outcome == OTHER && !other_sector(disk, node, write, offset, sector))
        memcpy(sector, medium, SECTOR);
    memcpy(medium, sector, SECTOR);
    if (memcmp(sector, written, SECTOR) == 0)
        return;
    enum sim_disk_cause cause = write->lost       ? SIM_DISK_CAUSE_LOST
                                : write->promised ? SIM_DISK_CAUSE_LIE
                                                  : SIM_DISK_CAUSE_UNSYNCED;
    note_damage(node, offset, cause, written);
}

static bool covered_later(const struct disk_write *write, uint64_t offset)
{
    for (write = write->next; write; write = write->next)
        if (covers(write, offset))
            return true;
    return false;
}

static void settle_write(struct sim_disk *disk, struct disk_node *node,
                         const struct disk_write *write)
{
    bool whole = sim_random_chance(&disk->crash_random, disk->weights.whole);
    bool kept = sim_random_chance(&disk->crash_random, SIM_RANDOM_MILLION / 2);
    for (uint64_t offset = write->offset; offset < write->offset + write->length;
         offset += SECTOR) {
        if (covered_later(write, offset))
            continue;
        enum outcome outcome = OLD;
        if (!write->lost)
            outcome = whole ? (kept ? NEW : OLD) : draw_outcome(disk);
        settle_sector(disk, node, write, offset, outcome);
    }
}

void disk_file_settle(struct sim_disk *disk, struct disk_node *node)
{
    uint64_t bytes = node->bytes, end = bytes > node->durable_bytes ? bytes : node->durable_bytes;
    if (!node->writes && bytes == node->durable_bytes)
        return;
    for (const struct disk_write *write = node->writes; write; write = write->next)
        end = write->offset + write->length > end ? write->offset + write->length : end;
    reserve(node, (end + SECTOR - 1) / SECTOR * SECTOR);
    for (const struct disk_write *write = node->writes; write; write = write->next) {
        forget_damage(node, write->offset, write->length);
        settle_write(disk, node, write);
    }
    while (node->writes) {
        struct disk_write *write = node->writes;
        node->writes = write->next;
        free_write(node, write);
    }
    bool kept = sim_random_chance(&disk->crash_random, disk->weights.name);
    uint64_t length = kept ? bytes : node->durable_bytes;
    node->durable_bytes = end; /* nothing beyond the length survives in the buffer */
    set_length(node, length);
    node->bytes = length;
}

void disk_file_release(struct disk_node *node)
{
    while (node->writes) {
        struct disk_write *write = node->writes;
        node->writes = write->next;
        free_write(node, write);
    }
    free(node->durable);
    free(node->damage);
}

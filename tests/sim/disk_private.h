/* What the parts of the simulated disk share. Private to disk*.c.
 *
 * A file is what the medium has (`durable`) and, in their order, the writes that it
 * does not have yet; a reader sees the one overlaid with the others. A directory is
 * two sets of names, now and durable, and the changes that lie between them. */
#ifndef TESTS_SIM_DISK_PRIVATE_H
#define TESTS_SIM_DISK_PRIVATE_H

#include "disk.h"

struct disk_write {
    struct disk_write *next;
    uint64_t offset, length;
    uint8_t *bytes; /* NULL: zeros */
    bool lost;      /* a sync of it failed: it will never be durable */
    bool promised;  /* a sync of it was said to have succeeded */
};

struct disk_damage {
    uint64_t offset;
    enum sim_disk_cause cause;
    uint8_t written[SIM_DISK_SECTOR_BYTES];
};

struct disk_node;

struct disk_entry {
    char *name;
    struct disk_node *node;
};

struct disk_names {
    struct disk_entry *entries; /* sorted */
    uint32_t count, capacity;
};

struct disk_change {
    struct disk_change *next;
    char *name;
    struct disk_node *node; /* NULL: the name is removed */
    uint64_t group;         /* of one group all or none become durable */
};

struct disk_node {
    uint64_t number;
    uint32_t references; /* names, changes, descriptors, pages, flights */
    bool directory, locked;
    /* a file */
    uint8_t *durable; /* zeros from durable_bytes to capacity */
    uint64_t capacity, durable_bytes;
    uint64_t bytes; /* as a reader sees it */
    struct disk_write *writes, *writes_last;
    uint32_t write_count;
    struct disk_damage *damage;
    uint32_t damage_count, damage_capacity;
    /* a directory */
    struct disk_names now, settled;
    struct disk_change *changes, *changes_last;
};

struct disk_handle {
    struct disk_node *node; /* NULL: free */
    bool writable, direct;
    uint32_t next_free;
};

/* A page some process shares; kept until it is released, even after a crash. */
struct disk_page {
    struct disk_page *next;
    struct disk_node *node; /* NULL: from before a crash */
    uint32_t users;
    uint8_t *bytes;
    uint8_t frozen[STORAGE_ALIGNMENT]; /* what it was when the power went */
};

enum { DISK_HANDLES_MAX = 4096, DISK_SAMPLES_MAX = 16 };

/* A sector of a write that was in flight when the power went. */
struct disk_sample {
    const struct disk_node *node;
    uint8_t bytes[SIM_DISK_SECTOR_BYTES];
};

struct disk_flight;

struct sim_disk {
    struct storage storage;
    struct disk_node *root;
    struct disk_handle handles[DISK_HANDLES_MAX];
    uint32_t free_handle; /* DISK_HANDLES_MAX: none */
    uint32_t generation;  /* of descriptors: one for each life of a process */
    struct disk_page *pages;
    struct disk_flight *flights; /* by due time, then by order */
    uint64_t now, order, node_number, group_number, device;
    /* faults */
    struct sim_disk_faults faults;
    struct sim_disk_weights weights;
    uint32_t armed; /* a bit for each fault that has a rate or is injected */
    uint32_t injected[SIM_DISK_FAULT_COUNT]; /* met when it counts down to 0; 0: not */
    uint64_t met[SIM_DISK_FAULT_COUNT];
    uint64_t full_until;
    uint64_t operations, cut_at; /* 0: none */
    bool dark;
    struct disk_sample samples[DISK_SAMPLES_MAX];
    uint32_t sample_count;
    struct sim_random fault_random, latency_random, crash_random, name_random, secret_random;
};

/* --- disk_file.c: a file's content --- */

void disk_file_write(struct disk_node *node, uint64_t offset, const void *bytes, uint64_t length);
/* Straight to the medium, as a write whose sync succeeds. */
void disk_file_write_through(struct disk_node *node, uint64_t offset, const void *bytes,
                             uint64_t length);
void disk_file_truncate(struct disk_node *node);
size_t disk_file_read(const struct disk_node *node, uint64_t offset, void *bytes, size_t length);
void disk_file_sync(struct disk_node *node);
void disk_file_lose(struct disk_node *node);    /* a sync failed */
void disk_file_promise(struct disk_node *node); /* a sync lied */
void disk_file_settle(struct sim_disk *disk, struct disk_node *node);
/* Puts on the medium at `wrong` what was meant for `offset`. */
void disk_file_misdirect(struct disk_node *node, uint64_t offset, uint64_t wrong, const void *bytes,
                         uint64_t length);
void disk_file_rot(struct disk_node *node, uint64_t offset, uint8_t bits);
const struct disk_damage *disk_file_damage(const struct disk_node *node, uint64_t offset);
void disk_file_release(struct disk_node *node);

/* --- disk_names.c: nodes and names --- */

struct disk_node *disk_node_new(struct sim_disk *disk, bool directory); /* one reference */
void disk_node_hold(struct disk_node *node);
void disk_node_drop(struct disk_node *node);
struct disk_node *disk_find(const struct sim_disk *disk, const char *path); /* NULL: none */
struct disk_node *disk_find_durable(const struct sim_disk *disk, const char *path);
/* 0, or -ENOENT, -ENOTDIR, -EEXIST. */
int disk_add(struct sim_disk *disk, const char *path, struct disk_node *node);
int disk_remove(struct sim_disk *disk, const char *path);
int disk_move(struct sim_disk *disk, const char *from, const char *to);
void disk_sync_names(struct disk_node *directory);
/* After a power cut: names, and the content of all that has one. */
void disk_settle(struct sim_disk *disk, struct disk_node *node);

/* --- disk.c --- */

bool disk_draw(struct sim_disk *disk, enum sim_disk_fault fault);
static inline bool disk_meets(struct sim_disk *disk, enum sim_disk_fault fault)
{
    return (disk->armed >> fault & 1) != 0 && disk_draw(disk, fault);
}
/* Counts an operation. False: the power is gone, or has just gone and the
 * operation did nothing. The caller then fails with -EIO. */
bool disk_operate(struct sim_disk *disk);
void *disk_allocate(size_t bytes); /* zeroed; never NULL */

/* --- disk_calls.c --- */

extern const struct storage disk_calls;                            /* without its context */
struct disk_handle *disk_handle_of(struct sim_disk *disk, int fd); /* NULL: not open */
/* The power, or the process, is gone: what pages hold is their files' now. */
void disk_pages_end(struct sim_disk *disk, bool power);

/* --- disk_flush.c --- */

/* The power, or the process, is gone: flights become writes, or nothing. */
void disk_flights_end(struct sim_disk *disk, bool power);

#endif

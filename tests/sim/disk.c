/* A disk's life: its faults, the two ways in which a process ends on it, and what a
 * checker may ask. */
#include "disk.h"

#include <stdlib.h>
#include <xxhash.h>

#include "disk_private.h"

void *disk_allocate(size_t bytes)
{
    void *memory = calloc(1, bytes);
    assert(memory);
    return memory;
}

/* --- faults --- */

bool disk_draw(struct sim_disk *disk, enum sim_disk_fault fault)
{
    bool met = disk->faults.rates[fault] > 0 &&
               sim_random_chance(&disk->fault_random, disk->faults.rates[fault]);
    if (disk->injected[fault] > 0 && --disk->injected[fault] == 0) {
        met = true;
        if (disk->faults.rates[fault] == 0)
            disk->armed &= ~(1u << fault);
    }
    disk->met[fault] += met;
    return met;
}

static void arm(struct sim_disk *disk)
{
    disk->armed = 0;
    for (int fault = 0; fault < SIM_DISK_FAULT_COUNT; fault++)
        if (disk->faults.rates[fault] > 0 || disk->injected[fault] > 0)
            disk->armed |= 1u << fault;
}

void sim_disk_set_faults(struct sim_disk *disk, const struct sim_disk_faults *faults)
{
    disk->faults = *faults;
    arm(disk);
}

enum sim_disk_class sim_disk_class_of(enum sim_disk_fault fault)
{
    switch (fault) {
    case SIM_DISK_INTERRUPTED:
    case SIM_DISK_CLOG:
    case SIM_DISK_READ_EIO:
    case SIM_DISK_WRITE_EIO:
    case SIM_DISK_FULL:
        return SIM_DISK_TOLERATE;
    case SIM_DISK_ROT:
    case SIM_DISK_MISDIRECTED:
        return SIM_DISK_DETECT;
    default:
        return SIM_DISK_STOP;
    }
}

void sim_disk_inject(struct sim_disk *disk, enum sim_disk_fault fault, uint32_t after)
{
    disk->injected[fault] = after + 1;
    arm(disk);
}

void sim_disk_set_weights(struct sim_disk *disk, const struct sim_disk_weights *weights)
{
    disk->weights = *weights;
}

struct sim_disk_weights sim_disk_weights_draw(struct sim_random *random)
{
    struct sim_disk_weights weights = {.old = 0};
    uint32_t *const parts[] = {&weights.old, &weights.new, &weights.zero, &weights.random,
                               &weights.other};
    static const uint32_t usual[] = {35, 35, 10, 10, 10};
    for (int i = 0; i < 5; i++)
        *parts[i] = usual[i] * (uint32_t)sim_random_below(random, 5);
    if (weights.old + weights.new == 0)
        weights.old = 1;
    weights.whole = (uint32_t)sim_random_below(random, SIM_RANDOM_MILLION / 2);
    weights.name = (uint32_t)sim_random_below(random, SIM_RANDOM_MILLION + 1);
    return weights;
}

static void go_dark(struct sim_disk *disk)
{
    disk->dark = true;
    for (struct disk_page *page = disk->pages; page; page = page->next)
        memcpy(page->frozen, page->bytes, STORAGE_ALIGNMENT);
}

bool disk_operate(struct sim_disk *disk)
{
    if (disk->dark)
        return false;
    disk->operations++;
    if (disk->cut_at == 0 || disk->operations < disk->cut_at)
        return true;
    go_dark(disk);
    return false;
}

/* --- lifecycle --- */

static void handles_init(struct sim_disk *disk)
{
    disk->free_handle = 0;
    disk->generation++;
    for (uint32_t i = 0; i < DISK_HANDLES_MAX; i++) {
        if (disk->handles[i].node) {
            disk->handles[i].node->locked = false;
            disk_node_drop(disk->handles[i].node);
        }
        disk->handles[i] = (struct disk_handle){NULL, false, false, i + 1};
    }
}

static void streams_init(struct sim_disk *disk, uint64_t seed)
{
    struct sim_random weights;
    sim_random_init(&disk->fault_random, seed, "disk.fault");
    sim_random_init(&disk->latency_random, seed, "disk.latency");
    sim_random_init(&disk->crash_random, seed, "disk.crash");
    sim_random_init(&disk->name_random, seed, "disk.name");
    sim_random_init(&disk->secret_random, seed, "disk.secret");
    sim_random_init(&weights, seed, "disk.weights");
    disk->weights = sim_disk_weights_draw(&weights);
}

struct sim_disk *sim_disk_new(uint64_t seed)
{
    struct sim_disk *disk = disk_allocate(sizeof *disk);
    disk->storage = disk_calls;
    disk->storage.context = disk;
    disk->device = 1;
    disk->root = disk_node_new(disk, true);
    handles_init(disk);
    streams_init(disk, seed);
    return disk;
}

void sim_disk_free(struct sim_disk *disk)
{
    if (!disk)
        return;
    assert(!disk->flights);
    disk_pages_end(disk, false);
    handles_init(disk);
    while (disk->pages) {
        struct disk_page *page = disk->pages;
        disk->pages = page->next;
        free(page->bytes);
        free(page);
    }
    disk_node_drop(disk->root);
    free(disk);
}

const struct storage *sim_disk_storage(struct sim_disk *disk)
{
    return &disk->storage;
}

/* --- ends of a process --- */

void sim_disk_cut_after(struct sim_disk *disk, uint64_t operations)
{
    disk->cut_at = operations == 0 ? 0 : disk->operations + operations;
}

bool sim_disk_dark(const struct sim_disk *disk)
{
    return disk->dark;
}

uint64_t sim_disk_operations(const struct sim_disk *disk)
{
    return disk->operations;
}

static void process_end(struct sim_disk *disk, bool power)
{
    disk_flights_end(disk, power);
    disk_pages_end(disk, power);
    handles_init(disk);
    disk->dark = false;
    disk->cut_at = 0;
}

void sim_disk_crash(struct sim_disk *disk)
{
    process_end(disk, true);
    disk_settle(disk, disk->root);
}

void sim_disk_kill(struct sim_disk *disk)
{
    assert(!disk->dark);
    process_end(disk, false);
}

void sim_disk_lose_mount(struct sim_disk *disk)
{
    disk->device++;
}

/* --- for checkers --- */

bool sim_disk_rot(struct sim_disk *disk, const char *path, uint64_t offset, uint8_t bits)
{
    struct disk_node *node = disk_find_durable(disk, path);
    if (!node || node->directory || offset >= node->durable_bytes)
        return false;
    disk_file_rot(node, offset, bits);
    return true;
}

bool sim_disk_rot_some(struct sim_disk *disk, const char *path)
{
    struct disk_node *node = disk_find_durable(disk, path);
    uint64_t first = 0, length, at = 0;

    if (!node || node->directory || node->durable_bytes == 0)
        return false;
    length = node->durable_bytes < STORAGE_ALIGNMENT ? node->durable_bytes : STORAGE_ALIGNMENT;
    uint64_t part = sim_random_below(&disk->fault_random, 3);
    if (part == 1)
        first = node->durable_bytes - length;
    else if (part == 2)
        length = node->durable_bytes;
    for (int tries = 0; tries < 1000; tries++) {
        at = first + sim_random_below(&disk->fault_random, length);
        if (node->durable[at] != 0)
            break;
    }
    disk_file_rot(node, at, (uint8_t)(1u << sim_random_below(&disk->fault_random, 8)));
    return true;
}

bool sim_disk_sound(const struct sim_disk *disk, const char *path)
{
    const struct disk_node *node = disk_find_durable(disk, path);
    return node && !node->directory && node->damage_count == 0 && sim_disk_settled(disk, path);
}

enum sim_disk_cause sim_disk_explain(const struct sim_disk *disk, const char *path, uint64_t offset,
                                     uint8_t written[SIM_DISK_SECTOR_BYTES])
{
    const struct disk_node *node = disk_find(disk, path);
    const struct disk_damage *damage = node ? disk_file_damage(node, offset) : NULL;
    if (damage && written)
        memcpy(written, damage->written, SIM_DISK_SECTOR_BYTES);
    return damage ? damage->cause : SIM_DISK_AS_WRITTEN;
}

bool sim_disk_settled(const struct sim_disk *disk, const char *path)
{
    const struct disk_node *node = disk_find_durable(disk, path);
    return node && node == disk_find(disk, path) && !node->writes &&
           node->bytes == node->durable_bytes;
}

uint64_t sim_disk_faults_met(const struct sim_disk *disk, enum sim_disk_fault fault)
{
    return disk->met[fault];
}

static uint64_t hash_file(const struct disk_node *node, uint64_t hash)
{
    uint8_t *bytes = disk_allocate(node->bytes + 1);
    disk_file_read(node, 0, bytes, node->bytes);
    hash = XXH3_64bits_withSeed(bytes, node->bytes, hash);
    free(bytes);
    return hash;
}

static uint64_t hash_node(const struct disk_node *node, uint64_t hash)
{
    if (!node->directory)
        return hash_file(node, hash);
    for (uint32_t i = 0; i < node->now.count; i++) {
        const struct disk_entry *entry = &node->now.entries[i];
        hash = hash_node(entry->node, XXH3_64bits_withSeed(entry->name, strlen(entry->name), hash));
    }
    return hash;
}

uint64_t sim_disk_hash(const struct sim_disk *disk)
{
    return hash_node(disk->root, 0);
}

/* Nodes and the tree of names, now and durable. */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "disk_private.h"

/* --- sets of names --- */

/* Where the name is, or would be. */
static uint32_t position(const struct disk_names *names, const char *name, bool *found)
{
    uint32_t low = 0, high = names->count;
    *found = false;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        int order = strcmp(names->entries[middle].name, name);
        if (order == 0) {
            *found = true;
            return middle;
        }
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static struct disk_node *names_find(const struct disk_names *names, const char *name)
{
    bool found;
    uint32_t at = position(names, name, &found);
    return found ? names->entries[at].node : NULL;
}

static void names_set(struct disk_names *names, const char *name, struct disk_node *node)
{
    bool found;
    uint32_t at = position(names, name, &found);
    disk_node_hold(node);
    if (found) {
        assert(names->entries);
        disk_node_drop(names->entries[at].node);
        names->entries[at].node = node;
        return;
    }
    if (names->count == names->capacity) {
        names->capacity = names->capacity ? names->capacity * 2 : 8;
        names->entries = realloc(names->entries, names->capacity * sizeof *names->entries);
        assert(names->entries);
    }
    memmove(&names->entries[at + 1], &names->entries[at],
            (names->count - at) * sizeof *names->entries);
    names->entries[at] = (struct disk_entry){strdup(name), node};
    names->count++;
}

static void names_remove(struct disk_names *names, const char *name)
{
    bool found;
    uint32_t at = position(names, name, &found);
    if (!found)
        return;
    struct disk_entry entry = names->entries[at];
    names->count--;
    memmove(&names->entries[at], &names->entries[at + 1],
            (names->count - at) * sizeof *names->entries);
    free(entry.name);
    disk_node_drop(entry.node);
}

static void names_release(struct disk_names *names)
{
    for (uint32_t i = 0; i < names->count; i++) {
        free(names->entries[i].name);
        disk_node_drop(names->entries[i].node);
    }
    free(names->entries);
    *names = (struct disk_names){NULL, 0, 0};
}

/* --- changes of a directory --- */

static void change(struct disk_node *directory, const char *name, struct disk_node *node,
                   uint64_t group)
{
    struct disk_change *next = disk_allocate(sizeof *next);
    next->name = strdup(name);
    next->node = node;
    next->group = group;
    if (node)
        disk_node_hold(node);
    *(directory->changes ? &directory->changes_last->next : &directory->changes) = next;
    directory->changes_last = next;
}

static struct disk_change *take_change(struct disk_node *directory)
{
    struct disk_change *first = directory->changes;
    if (first)
        directory->changes = first->next;
    return first;
}

static void free_change(struct disk_change *done)
{
    if (done->node)
        disk_node_drop(done->node);
    free(done->name);
    free(done);
}

static void make_durable(struct disk_node *directory, const struct disk_change *done)
{
    if (done->node)
        names_set(&directory->settled, done->name, done->node);
    else
        names_remove(&directory->settled, done->name);
}

void disk_sync_names(struct disk_node *directory)
{
    struct disk_change *next;
    while ((next = take_change(directory)) != NULL) {
        make_durable(directory, next);
        free_change(next);
    }
}

static void settle_names(struct sim_disk *disk, struct disk_node *directory)
{
    struct disk_change *next;
    uint64_t group = 0;
    bool kept = false;
    if (!directory->changes)
        return;
    while ((next = take_change(directory)) != NULL) {
        if (next->group != group)
            kept = sim_random_chance(&disk->crash_random, disk->weights.name);
        group = next->group;
        if (kept)
            make_durable(directory, next);
        free_change(next);
    }
    names_release(&directory->now);
    for (uint32_t i = 0; i < directory->settled.count; i++)
        names_set(&directory->now, directory->settled.entries[i].name,
                  directory->settled.entries[i].node);
}

void disk_settle(struct sim_disk *disk, struct disk_node *node)
{
    if (!node->directory) {
        disk_file_settle(disk, node);
        return;
    }
    settle_names(disk, node);
    for (uint32_t i = 0; i < node->settled.count; i++)
        disk_settle(disk, node->settled.entries[i].node);
}

/* --- nodes --- */

struct disk_node *disk_node_new(struct sim_disk *disk, bool directory)
{
    struct disk_node *node = disk_allocate(sizeof *node);
    node->number = ++disk->node_number;
    node->directory = directory;
    node->references = 1;
    return node;
}

void disk_node_hold(struct disk_node *node)
{
    node->references++;
}

void disk_node_drop(struct disk_node *node)
{
    struct disk_change *next;
    assert(node->references > 0);
    if (--node->references > 0)
        return;
    while ((next = take_change(node)) != NULL)
        free_change(next);
    names_release(&node->now);
    names_release(&node->settled);
    disk_file_release(node);
    free(node);
}

/* --- paths --- */

enum { NAME_BYTES = 256 };

/* The next part of a path; false: there is none. */
static bool next_part(const char **path, char part[NAME_BYTES])
{
    for (;;) {
        while (**path == '/')
            (*path)++;
        size_t length = strcspn(*path, "/");
        if (length == 0)
            return false;
        assert(length < NAME_BYTES);
        memcpy(part, *path, length);
        part[length] = '\0';
        *path += length;
        if (strcmp(part, ".") != 0)
            return true;
    }
}

/* The directory a path's last part is in. NULL: a directory on the way is missing. */
static struct disk_node *parent_of(const struct sim_disk *disk, const char *path,
                                   char last[NAME_BYTES])
{
    struct disk_node *at = disk->root;
    char part[NAME_BYTES];
    last[0] = '\0';
    while (next_part(&path, part)) {
        if (last[0] != '\0')
            at = names_find(&at->now, last);
        if (!at || !at->directory)
            return NULL;
        memcpy(last, part, NAME_BYTES);
    }
    return at;
}

struct disk_node *disk_find(const struct sim_disk *disk, const char *path)
{
    char last[NAME_BYTES];
    struct disk_node *parent = parent_of(disk, path, last);
    return !parent || last[0] == '\0' ? parent : names_find(&parent->now, last);
}

struct disk_node *disk_find_durable(const struct sim_disk *disk, const char *path)
{
    struct disk_node *at = disk->root;
    char part[NAME_BYTES];
    while (at && next_part(&path, part))
        at = names_find(&at->settled, part);
    return at;
}

int disk_add(struct sim_disk *disk, const char *path, struct disk_node *node)
{
    char last[NAME_BYTES];
    struct disk_node *parent = parent_of(disk, path, last);
    if (!parent)
        return -ENOENT;
    if (last[0] == '\0' || names_find(&parent->now, last))
        return -EEXIST;
    names_set(&parent->now, last, node);
    change(parent, last, node, ++disk->group_number);
    return 0;
}

int disk_remove(struct sim_disk *disk, const char *path)
{
    char last[NAME_BYTES];
    struct disk_node *parent = parent_of(disk, path, last);
    if (!parent || !names_find(&parent->now, last))
        return -ENOENT;
    change(parent, last, NULL, ++disk->group_number);
    names_remove(&parent->now, last);
    return 0;
}

int disk_move(struct sim_disk *disk, const char *from, const char *to)
{
    char old_name[NAME_BYTES], new_name[NAME_BYTES];
    struct disk_node *source = parent_of(disk, from, old_name);
    struct disk_node *target = parent_of(disk, to, new_name);
    struct disk_node *node = source ? names_find(&source->now, old_name) : NULL;
    if (!node || !target)
        return -ENOENT;
    const struct disk_node *there = names_find(&target->now, new_name);
    if (there == node)
        return 0;
    if (there && (there->directory || node->directory))
        return -EEXIST;
    uint64_t group = ++disk->group_number;
    change(source, old_name, NULL, group);
    change(target, new_name, node, group);
    names_set(&target->now, new_name, node);
    names_remove(&source->now, old_name);
    return 0;
}

#include "snapshot.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *snapshot_directory(const struct data_dir *dir, char *out)
{
    snprintf(out, LOG_PATH_BYTES, "%s/snapshots", data_dir_path(dir));
    return out;
}

const char *snapshot_path(const struct data_dir *dir, uint64_t number, char *out)
{
    snprintf(out, LOG_PATH_BYTES, "%s/snapshots/snapshot-%010llu.snap", data_dir_path(dir),
             (unsigned long long)number);
    return out;
}

/* snapshot-NNNNNNNNNN.snap; 0: another name. */
static uint64_t number_of_name(const char *name)
{
    uint64_t number = 0;
    if (strncmp(name, "snapshot-", 9) != 0 || strlen(name) != 24 || strcmp(name + 19, ".snap") != 0)
        return 0;
    for (const char *at = name + 9; at < name + 19; at++) {
        if (*at < '0' || *at > '9')
            return 0;
        number = number * 10 + (uint64_t)(*at - '0');
    }
    return number;
}

static bool is_half_made(const char *name)
{
    size_t length = strlen(name);
    return strncmp(name, "snapshot-", 9) == 0 && length > 4 &&
           strcmp(name + length - 4, ".new") == 0;
}

struct listing {
    uint64_t *numbers;
    uint32_t count;
};

static int list_name(void *context, const char *name)
{
    struct listing *listing = context;
    uint64_t number = number_of_name(name);
    if (number == 0)
        return 0;
    uint64_t *more = realloc(listing->numbers, (listing->count + 1) * sizeof *more);
    if (!more)
        return -ENOMEM;
    listing->numbers = more;
    listing->numbers[listing->count++] = number;
    return 0;
}

static int newest_first(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x < y) - (x > y);
}

int snapshot_list(const struct data_dir *dir, uint64_t **numbers, uint32_t *count)
{
    const struct storage *storage = data_dir_storage(dir);
    struct listing listing = {NULL, 0};
    char path[LOG_PATH_BYTES];
    int result =
        storage->list(storage->context, snapshot_directory(dir, path), list_name, &listing);
    if (result < 0 && result != -ENOENT) {
        free(listing.numbers);
        return result;
    }
    if (listing.count > 0)
        qsort(listing.numbers, listing.count, sizeof *listing.numbers, newest_first);
    *numbers = listing.numbers;
    *count = listing.count;
    return 0;
}

/* --- pruning --- */

struct half_made {
    char name[256];
};

static int find_half_made(void *context, const char *name)
{
    struct half_made *found = context;
    if (!is_half_made(name))
        return 0;
    snprintf(found->name, sizeof found->name, "%s", name);
    return 1;
}

static int remove_half_made(const struct data_dir *dir)
{
    const struct storage *storage = data_dir_storage(dir);
    char directory[LOG_PATH_BYTES], path[LOG_PATH_BYTES + 260];
    struct half_made found;
    int result;
    snapshot_directory(dir, directory);
    while ((result = storage->list(storage->context, directory, find_half_made, &found)) > 0) {
        snprintf(path, sizeof path, "%s/%s", directory, found.name);
        result = storage->unlink(storage->context, path);
        if (result < 0)
            return result;
    }
    return result == -ENOENT ? 0 : result;
}

int snapshot_prune(const struct data_dir *dir, uint32_t kept)
{
    const struct storage *storage = data_dir_storage(dir);
    char path[LOG_PATH_BYTES];
    uint64_t *numbers;
    uint32_t count;
    int result = remove_half_made(dir);
    if (result == 0)
        result = snapshot_list(dir, &numbers, &count);
    if (result < 0)
        return result;
    for (uint32_t i = kept; i < count && result == 0; i++)
        result = storage->unlink(storage->context, snapshot_path(dir, numbers[i], path));
    free(numbers);
    if (result == 0)
        result = storage->sync_directory(storage->context, snapshot_directory(dir, path));
    return result == -ENOENT ? 0 : result;
}

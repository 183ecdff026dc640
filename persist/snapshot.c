#include "snapshot.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "numbered_file.h"

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

static bool is_half_made(const char *name)
{
    size_t length = strlen(name);
    return strncmp(name, "snapshot-", 9) == 0 && length > 4 &&
           strcmp(name + length - 4, ".new") == 0;
}

static int list_name(void *context, const char *name)
{
    uint64_t number = numbered_file_parse(name, "snapshot-", ".snap");
    return number == 0 ? 0 : number_list_append(context, number);
}

int snapshot_list(const struct data_dir *dir, uint64_t **numbers, uint32_t *count)
{
    const struct storage *storage = data_dir_storage(dir);
    struct number_list list = {0};
    char path[LOG_PATH_BYTES];
    int result = storage->list(storage->context, snapshot_directory(dir, path), list_name, &list);
    if (result < 0 && result != -ENOENT) {
        free(list.numbers);
        return result;
    }
    number_list_sort(&list, NUMBER_LIST_NEWEST_FIRST);
    *numbers = list.numbers;
    *count = list.count;
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

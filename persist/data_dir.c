#include "data_dir.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../engine/logger.h"
#include "header_file.h"

struct data_dir {
    char path[LOG_PATH_BYTES - 64]; /* room for the names below it */
    struct uuid cluster;
    uint64_t created_ms;
    uint32_t noted_epoch;
    const struct storage *storage;
    bool init;
    int lock_fd; /* -1: a reader */
};

/* --- names --- */

const char *data_dir_epoch_path(const struct data_dir *dir, uint32_t epoch, char *out)
{
    snprintf(out, LOG_PATH_BYTES, "%s/epoch-%06u", dir->path, epoch);
    return out;
}

const char *data_dir_shard_path(const struct data_dir *dir, uint32_t epoch, uint16_t shard,
                                char *out)
{
    snprintf(out, LOG_PATH_BYTES, "%s/epoch-%06u/shard-%03u", dir->path, epoch, shard);
    return out;
}

uint32_t data_dir_epoch_of_name(const char *name)
{
    if (strncmp(name, "epoch-", 6) != 0 || strlen(name) != 12 ||
        strspn(name + 6, "0123456789") != 6)
        return 0;
    return (uint32_t)strtoul(name + 6, NULL, 10);
}

static int report_unknown(void *context, const char *name)
{
    static const char *const known[] = {"LOCK",   "cluster",  "cluster.new",        "calibrate.tmp",
                                        "admin",  "jwt-keys", "mirror-status.json", "snapshots",
                                        "cursors"};
    const struct data_dir *dir = context;
    bool found = name[0] == '.' || strncmp(name, "epoch-", 6) == 0;
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        found = found || strcmp(name, known[i]) == 0;
    if (!found)
        logger_log(LOGGER_WARN, "log_unknown_file", LOG_TEXT("case", "RV"),
                   LOG_TEXT("directory", dir->path), LOG_TEXT("name", name));
    return 0;
}

/* --- opening --- */

/* What an owner to be finds, before it makes anything. */
struct contents {
    bool cluster; /* the name: a link to a volume that is not mounted counts too */
    bool epochs;
};

static int note_content(void *context, const char *name)
{
    struct contents *contents = context;
    contents->cluster = contents->cluster || strcmp(name, "cluster") == 0;
    contents->epochs = contents->epochs || data_dir_epoch_of_name(name) != 0;
    return 0;
}

static struct contents look_into(const struct data_dir *dir)
{
    struct contents contents = {false, false};
    int result = dir->storage->list(dir->storage->context, dir->path, note_content, &contents);
    /* What we may not see may be a log. Reading it says what is wrong. */
    contents.cluster = contents.cluster || (result < 0 && result != -ENOENT && result != -ENOTDIR);
    return contents;
}

/* One directory, durably: a log must not vanish with the name of its directory. */
static int make_one(const struct storage *storage, const char *path, struct log_error *error)
{
    char parent[LOG_PATH_BYTES];
    int result = storage->make_directory(storage->context, path);
    if (result == -EEXIST)
        return 0;
    snprintf(parent, sizeof parent, "%s", path);
    char *slash = strrchr(parent, '/');
    if (slash)
        slash[slash == parent] = '\0';
    if (result == 0)
        result = storage->sync_directory(storage->context, slash ? parent : ".");
    return result < 0 ? header_file_fail(error, "make directory", path, result) : 0;
}

static int make_directory(const struct data_dir *dir, struct log_error *error)
{
    char part[LOG_PATH_BYTES];
    int code = 0;
    snprintf(part, sizeof part, "%s", dir->path);
    for (char *at = part + 1; *at && code == 0; at++) {
        if (*at != '/' || at[1] == '\0')
            continue;
        *at = '\0';
        code = make_one(dir->storage, part, error);
        *at = '/';
    }
    return code == 0 ? make_one(dir->storage, part, error) : code;
}

static int lock(struct data_dir *dir, struct log_error *error)
{
    char path[LOG_PATH_BYTES], owner[32];
    snprintf(path, sizeof path, "%s/LOCK", dir->path);
    dir->lock_fd = dir->storage->lock(dir->storage->context, path, owner, sizeof owner);
    if (dir->lock_fd == -EWOULDBLOCK)
        return log_error_set(error, LOG_EXIT_LOCKED, "RU",
                             "%s is in use by process %s; nothing was touched", dir->path,
                             owner[0] ? owner : "(unknown)");
    return dir->lock_fd < 0 ? header_file_fail(error, "lock", path, dir->lock_fd) : 0;
}

static int check_fresh(const struct data_dir_options *options, bool epochs, struct log_error *error)
{
    for (size_t i = 0; i < options->mirror_count; i++)
        if (options->mirror[i].sequence > 0)
            return log_error_set(error, LOG_EXIT_NO_DATA, "RB",
                                 "%s is empty, but the mirror has this cluster up to epoch %u "
                                 "shard %u sequence %llu: the log is lost, not new",
                                 options->path, options->mirror[i].epoch, options->mirror[i].shard,
                                 (unsigned long long)options->mirror[i].sequence);
    if (epochs)
        return log_error_set(error, LOG_EXIT_NO_DATA, "RA",
                             "%s holds epochs but its cluster file is missing", options->path);
    return 0;
}

static int write_cluster(struct data_dir *dir, struct log_error *error)
{
    struct log_cluster_header header = {
        .head = {LOG_CLUSTER_MAGIC, LOG_FORMAT_VERSION, 0},
        .cluster = dir->cluster,
        .created_ms = dir->created_ms,
        .newest_epoch = dir->noted_epoch,
    };
    return header_file_write(dir->storage, dir->path, "cluster", &header, sizeof header, error);
}

static int create_cluster(struct data_dir *dir, uint64_t now_ms, struct log_error *error)
{
    const struct storage *storage = dir->storage;
    dir->created_ms = now_ms;
    int result = storage->random(storage->context, dir->cluster.bytes, sizeof dir->cluster.bytes);
    if (result < 0)
        return header_file_fail(error, "draw a cluster id for", dir->path, result);
    return write_cluster(dir, error);
}

int data_dir_note_epoch(struct data_dir *dir, uint32_t number, struct log_error *error)
{
    dir->noted_epoch = number;
    return write_cluster(dir, error);
}

uint32_t data_dir_noted_epoch(const struct data_dir *dir)
{
    return dir->noted_epoch;
}

static int read_cluster(struct data_dir *dir, struct log_error *error)
{
    struct log_cluster_header header;
    int code = header_file_read(dir->storage, dir->path, "cluster", LOG_CLUSTER_MAGIC, &header,
                                sizeof header, error);
    if (code != 0)
        return code;
    dir->cluster = header.cluster;
    dir->created_ms = header.created_ms;
    dir->noted_epoch = header.newest_epoch;
    return 0;
}

static int own(struct data_dir *dir, const struct data_dir_options *options,
               struct log_error *error)
{
    struct contents found = look_into(dir);
    bool fresh = !found.cluster;
    int code = 0;
    /* Before anything is made: a wrong path must not become a second, empty log. */
    if (fresh && !options->init)
        return log_error_set(error, LOG_EXIT_NO_DATA, "RA",
                             "%s has no log; start with --init to make a new, empty one",
                             dir->path);
    if (fresh && (code = check_fresh(options, found.epochs, error)) != 0)
        return code;
    if (fresh && (code = make_directory(dir, error)) != 0)
        return code;
    if ((code = lock(dir, error)) != 0)
        return code;
    if (fresh && !look_into(dir).cluster &&
        (code = create_cluster(dir, options->now_ms, error)) != 0)
        return code;
    return read_cluster(dir, error);
}

static struct data_dir *dir_new(const char *path, const struct storage *storage,
                                struct log_error *error)
{
    struct data_dir *dir = calloc(1, sizeof *dir);
    if (!dir || strlen(path) == 0 || strlen(path) >= sizeof dir->path) {
        log_error_set(error, LOG_EXIT_CONFIG, NULL, "cannot use data directory \"%.200s\"", path);
        free(dir);
        return NULL;
    }
    snprintf(dir->path, sizeof dir->path, "%s", path);
    dir->storage = storage;
    dir->lock_fd = -1;
    return dir;
}

int data_dir_open(struct data_dir **out, const struct data_dir_options *options,
                  struct log_error *error)
{
    const struct storage *storage =
        options->storage ? options->storage : storage_system(options->allow_buffered);
    struct data_dir *dir = dir_new(options->path, storage, error);
    if (!dir)
        return error->exit_code;
    dir->init = options->init;
    int code = own(dir, options, error);
    if (code != 0) {
        data_dir_close(dir);
        return code;
    }
    storage->list(storage->context, dir->path, report_unknown, dir);
    *out = dir;
    return 0;
}

int data_dir_open_reader(struct data_dir **out, const char *path, struct log_error *error)
{
    return data_dir_open_reader_on(out, storage_system(true), path, error);
}

int data_dir_open_reader_on(struct data_dir **out, const struct storage *storage, const char *path,
                            struct log_error *error)
{
    struct data_dir *dir = dir_new(path, storage, error);
    if (!dir)
        return error->exit_code;
    int code = read_cluster(dir, error);
    if (code != 0) {
        data_dir_close(dir);
        return code;
    }
    *out = dir;
    return 0;
}

void data_dir_close(struct data_dir *dir)
{
    if (!dir)
        return;
    if (dir->lock_fd >= 0)
        dir->storage->unlock(dir->storage->context, dir->lock_fd);
    free(dir);
}

const char *data_dir_path(const struct data_dir *dir)
{
    return dir->path;
}

const struct uuid *data_dir_cluster(const struct data_dir *dir)
{
    return &dir->cluster;
}

const struct storage *data_dir_storage(const struct data_dir *dir)
{
    return dir->storage;
}

uint64_t data_dir_created_ms(const struct data_dir *dir)
{
    return dir->created_ms;
}

bool data_dir_may_init(const struct data_dir *dir)
{
    return dir->init;
}

#include "data_dir.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

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

/* 0: not the name of an epoch. */
static uint32_t epoch_of_name(const char *name)
{
    if (strncmp(name, "epoch-", 6) != 0 || strlen(name) != 12 ||
        strspn(name + 6, "0123456789") != 6)
        return 0;
    return (uint32_t)strtoul(name + 6, NULL, 10);
}

static void report_unknown(const struct data_dir *dir)
{
    static const char *const known[] = {"LOCK",  "cluster",  "cluster.new",        "calibrate.tmp",
                                        "admin", "jwt-keys", "mirror-status.json", "jwt-keys"};
    DIR *directory = opendir(dir->path);
    struct dirent *entry;
    if (!directory)
        return;
    while ((entry = readdir(directory)) != NULL) {
        bool found = entry->d_name[0] == '.' || strncmp(entry->d_name, "epoch-", 6) == 0;
        for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
            found = found || strcmp(entry->d_name, known[i]) == 0;
        if (!found)
            logger_log(LOGGER_WARN, "log_unknown_file", LOG_TEXT("case", "RV"),
                       LOG_TEXT("directory", dir->path), LOG_TEXT("name", entry->d_name));
    }
    closedir(directory);
}

static bool has_epochs(const char *path)
{
    DIR *directory = opendir(path);
    struct dirent *entry;
    bool found = false;
    if (!directory)
        return false;
    while ((entry = readdir(directory)) != NULL)
        found = found || epoch_of_name(entry->d_name) != 0;
    closedir(directory);
    return found;
}

/* --- opening --- */

static bool cluster_exists(const char *path)
{
    char name[LOG_PATH_BYTES];
    struct stat info;
    snprintf(name, sizeof name, "%s/cluster", path);
    return lstat(name, &info) == 0 || errno == EACCES;
}

static int make_directory(const char *path, struct log_error *error)
{
    char part[LOG_PATH_BYTES];
    snprintf(part, sizeof part, "%s", path);
    for (char *at = part + 1; *at; at++) {
        if (*at != '/')
            continue;
        *at = '\0';
        if (mkdir(part, 0700) < 0 && errno != EEXIST)
            return header_file_fail(error, "make directory", part, -errno);
        *at = '/';
    }
    if (mkdir(path, 0700) < 0 && errno != EEXIST)
        return header_file_fail(error, "make directory", path, -errno);
    return 0;
}

static int lock(struct data_dir *dir, struct log_error *error)
{
    char path[LOG_PATH_BYTES], owner[32] = "";
    snprintf(path, sizeof path, "%s/LOCK", dir->path);
    dir->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (dir->lock_fd < 0)
        return header_file_fail(error, "open", path, -errno);
    if (flock(dir->lock_fd, LOCK_EX | LOCK_NB) < 0) {
        ssize_t n = pread(dir->lock_fd, owner, sizeof owner - 1, 0);
        owner[n < 0 ? 0 : strcspn(owner, "\n")] = '\0';
        return log_error_set(error, LOG_EXIT_LOCKED, "RU",
                             "%s is in use by process %s; nothing was touched", dir->path,
                             owner[0] ? owner : "(unknown)");
    }
    int length = snprintf(owner, sizeof owner, "%ld\n", (long)getpid());
    if (ftruncate(dir->lock_fd, 0) < 0 || pwrite(dir->lock_fd, owner, (size_t)length, 0) < 0)
        return header_file_fail(error, "write", path, -errno);
    return 0;
}

static uint64_t unix_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static int check_fresh(const struct data_dir_options *options, struct log_error *error)
{
    for (size_t i = 0; i < options->mirror_count; i++)
        if (options->mirror[i].sequence > 0)
            return log_error_set(error, LOG_EXIT_NO_DATA, "RB",
                                 "%s is empty, but the mirror has this cluster up to epoch %u "
                                 "shard %u sequence %llu: the log is lost, not new",
                                 options->path, options->mirror[i].epoch, options->mirror[i].shard,
                                 (unsigned long long)options->mirror[i].sequence);
    if (has_epochs(options->path))
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

static int create_cluster(struct data_dir *dir, struct log_error *error)
{
    dir->created_ms = unix_ms();
    if (getrandom(dir->cluster.bytes, sizeof dir->cluster.bytes, 0) !=
        (ssize_t)sizeof dir->cluster.bytes)
        return header_file_fail(error, "draw a cluster id for", dir->path, -errno);
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
    bool fresh = !cluster_exists(dir->path);
    int code = 0;
    /* Before anything is made: a wrong path must not become a second, empty log. */
    if (fresh && !options->init)
        return log_error_set(error, LOG_EXIT_NO_DATA, "RA",
                             "%s has no log; start with --init to make a new, empty one",
                             dir->path);
    if (fresh && (code = check_fresh(options, error)) != 0)
        return code;
    if (fresh && (code = make_directory(dir->path, error)) != 0)
        return code;
    if ((code = lock(dir, error)) != 0)
        return code;
    if (fresh && !cluster_exists(dir->path) && (code = create_cluster(dir, error)) != 0)
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
    report_unknown(dir);
    *out = dir;
    return 0;
}

int data_dir_open_reader(struct data_dir **out, const char *path, struct log_error *error)
{
    struct data_dir *dir = dir_new(path, storage_system(true), error);
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
        close(dir->lock_fd);
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

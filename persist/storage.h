/* The disk as a port, and all that the log asks of the operating system: files,
 * directories, the page followers read, the lock, random numbers. Two parts:
 * `storage`, plain blocking calls for recovery, the segment keeper and tools; and
 * `log_storage`, the one asynchronous operation the shard thread needs: make
 * these bytes durable there.
 *
 * storage.c, storage_blocking.c and storage_uring.c are the operating system's
 * side; tests/sim/disk.c is a simulated one. Blocking calls return 0 or what they
 * say, or -errno; any thread. */
#ifndef PERSIST_STORAGE_H
#define PERSIST_STORAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum storage_open {
    STORAGE_READ,         /* O_DIRECT where it works: what the device has, not the cache */
    STORAGE_WRITE,        /* existing file, O_DIRECT */
    STORAGE_CREATE,       /* new file, or an existing one truncated, O_DIRECT */
    STORAGE_READ_BUFFERED /* small files */
};

enum { STORAGE_ALIGNMENT = 4096 };

/* What a name leads to. device and number are the same as long as it is the same
 * file or directory, whatever its name. */
struct storage_status {
    uint64_t bytes;
    uint64_t device, number;
    bool directory;
};

/* Called with each name in a directory, without "." and "..". Not 0: stop there. */
typedef int storage_visit(void *context, const char *name);

struct storage {
    void *context;

    /* --- files --- */
    int (*open)(void *context, const char *path, enum storage_open how); /* a descriptor */
    void (*close)(void *context, int fd);
    /* Buffer, length and offset are multiples of STORAGE_ALIGNMENT. Fewer bytes
     * than asked only at the end of the file. */
    int64_t (*read)(void *context, int fd, void *bytes, size_t length, uint64_t offset);
    /* All or an error. */
    int (*write)(void *context, int fd, const void *bytes, size_t length, uint64_t offset);
    /* Writes zeros over the first `length` bytes (a multiple of STORAGE_ALIGNMENT).
     * Written, not only allocated: a flush must not have to convert extents. */
    int (*zero)(void *context, int fd, uint64_t length);
    int64_t (*size)(void *context, int fd);
    int (*sync)(void *context, int fd);

    /* Shares the file's first page (STORAGE_ALIGNMENT bytes) with whoever maps it
     * too. writable: makes and fills the file where it is short; its bytes reach
     * the disk at some time or never. Not writable: -ENOENT for a shorter file. */
    int (*map)(void *context, const char *path, bool writable, void **page);
    void (*unmap)(void *context, void *page);

    /* --- names --- */
    /* Durable once the directory is synced; so are new and removed names. */
    int (*rename)(void *context, const char *from, const char *to);
    int (*unlink)(void *context, const char *path);
    int (*make_directory)(void *context, const char *path); /* -EEXIST: is there */
    /* The directory and all below it; one that is not there is gone already. */
    int (*remove_tree)(void *context, const char *path);
    /* In no order; what the visitor returned if it stopped. */
    int (*list)(void *context, const char *path, storage_visit *visit, void *visit_context);
    int (*status)(void *context, const char *path, struct storage_status *status);
    int (*sync_directory)(void *context, const char *path);

    /* --- the owner --- */
    /* Takes the lock that the file `path` stands for, and writes into it who has
     * it; makes the file. A descriptor to be unlocked; the lock goes with the
     * process. -EWOULDBLOCK: another has it, *owner says who ("": not known). */
    int (*lock)(void *context, const char *path, char *owner, size_t owner_bytes);
    void (*unlock)(void *context, int fd);

    /* Unpredictable bytes: identities and nonces. */
    int (*random)(void *context, void *bytes, size_t length);

    /* --- reading ahead: both, or neither --- */
    /* As read, but going on while the caller does other work: the buffer and the
     * descriptor are in use until read_end, which must follow and says what read would
     * have said. NULL, as a function or from it: there is only read. Whoever puts
     * something in the place of read puts it in the place of these too. */
    struct storage_ahead *(*read_begin)(void *context, int fd, void *bytes, size_t length,
                                        uint64_t offset);
    int64_t (*read_end)(void *context, struct storage_ahead *ahead);
};

/* The operating system. allow_buffered: opens without O_DIRECT where the file
 * system refuses it (and says so once per process in the log). */
const struct storage *storage_system(bool allow_buffered);

/* --- flushes: one writer's thread --- */

struct log_storage;

/* What became of a flush; called from log_storage_complete, by the synchronous
 * kind from within submit, by the simulated one when its time has come. status 0:
 * every byte written and synced; else -errno (-EIO for a short write, -ECANCELED
 * for a lost sync). */
typedef void log_storage_done(void *context, int status);

/* The head of every kind, its first member. A kind fills the three functions and
 * calls done(context, status) once for each submit, on the thread of the writer. */
struct log_storage {
    void (*submit)(struct log_storage *storage, int fd, const void *bytes, uint32_t length,
                   uint64_t offset);
    void (*complete)(struct log_storage *storage, uint64_t user_data, int32_t result);
    void (*free)(struct log_storage *storage);
    log_storage_done *done;
    void *context;
};

/* io_uring: a write linked to an fdatasync, or (LOG_STORAGE_WRITE_DSYNC, blocks
 * of 12 KiB and more) one RWF_DSYNC write, in the
 * caller's ring, which need not be set up before the first submit. user_data of
 * all operations has `tag` in its top byte. */
struct io_uring;
enum log_storage_method { LOG_STORAGE_WRITE_SYNC, LOG_STORAGE_WRITE_DSYNC };
struct log_storage *log_storage_uring_new(struct io_uring *ring, uint8_t tag,
                                          enum log_storage_method method);

/* Measures both methods in a scratch file of `directory` (some 10 ms) and
 * returns the faster: the single synchronous write, unless write-then-sync is
 * clearly quicker. */
enum log_storage_method log_storage_calibrate(const char *directory);
const char *log_storage_method_name(enum log_storage_method method);

/* Blocking pwrite and fdatasync, for tests and tools, with faults on demand. */
enum log_storage_fault {
    LOG_STORAGE_FAULT_NONE,
    LOG_STORAGE_FAULT_SHORT_WRITE, /* half of the bytes, no sync */
    LOG_STORAGE_FAULT_WRITE_EIO,
    LOG_STORAGE_FAULT_WRITE_ENOSPC,
    LOG_STORAGE_FAULT_SYNC_EIO,    /* the bytes are written, the sync fails */
    LOG_STORAGE_FAULT_CANCELED,    /* the bytes are written, the sync never ran */
    LOG_STORAGE_FAULT_WRITE_EINTR, /* interrupted before anything was written */
    LOG_STORAGE_FAULT_HANG         /* submitted, never completes */
};
struct log_storage *log_storage_blocking_new(void);
/* Flush number `after` from now (0: the next) meets the fault, the others do not. */
void log_storage_inject(struct log_storage *storage, enum log_storage_fault fault, uint32_t after);

void log_storage_free(struct log_storage *storage); /* NULL: nothing */

/* The writer's side. One flush at a time; the bytes stay as they are until it is
 * done. */
void log_storage_bind(struct log_storage *storage, log_storage_done *done, void *context);
void log_storage_submit(struct log_storage *storage, int fd, const void *bytes, uint32_t length,
                        uint64_t offset);

/* The ring owner's side: hands in a completion whose user_data has the tag. */
void log_storage_complete(struct log_storage *storage, uint64_t user_data, int32_t result);

#endif

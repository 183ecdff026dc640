/* A disk in memory: `struct storage` and `log_storage` with the manners of a real
 * one. What is written is volatile until a sync of its file completes, a name until
 * its directory is synced, and a power cut takes or leaves each of them as chance
 * wills. Faults come by rate or on demand; all chance comes from the seed.
 *
 * Time is the caller's: a flush completes when sim_disk_advance reaches its time.
 * One thread. No flush allocates once its buffer has grown to size. */
#ifndef TESTS_SIM_DISK_H
#define TESTS_SIM_DISK_H

#include "../../persist/storage.h"
#include "random.h"

struct sim_disk;

enum { SIM_DISK_SECTOR_BYTES = 512 };

/* Each is drawn once for every operation it can befall. */
enum sim_disk_fault {
    /* flushes */
    SIM_DISK_SHORT_WRITE,  /* its first sectors are written, nothing is synced: -EIO */
    SIM_DISK_INTERRUPTED,  /* nothing is done, it goes again by itself; the 17th time: -EINTR */
    SIM_DISK_CANCELED,     /* written, not synced: -ECANCELED */
    SIM_DISK_FLUSH_EIO,    /* the write fails, having done nothing or anything */
    SIM_DISK_FLUSH_ENOSPC, /* the write fails, nothing is done */
    SIM_DISK_FLUSH_LOST,   /* the sync fails: -EIO; reads show the bytes until power goes,
                              and they never become durable */
    SIM_DISK_CLOG,         /* takes clog_ticks longer */
    /* blocking calls */
    SIM_DISK_READ_EIO,  /* one read fails, the next may not */
    SIM_DISK_WRITE_EIO, /* write, zero: nothing is done */
    SIM_DISK_SYNC_EIO,  /* as SIM_DISK_FLUSH_LOST */
    SIM_DISK_FULL,      /* for full_ticks whatever needs space fails with -ENOSPC: new names,
                           writes behind the end of a file, but not flushes */
    /* the medium; drawn for every flush */
    SIM_DISK_ROT,         /* one bit of some durable sector of some file turns */
    SIM_DISK_MISDIRECTED, /* it is written to another place in its file, and called done */
    SIM_DISK_FAULT_COUNT
};

/* What the program owes under a fault. */
enum sim_disk_class {
    SIM_DISK_TOLERATE, /* stay correct and available */
    SIM_DISK_STOP,     /* stay correct; a restart recovers everything acknowledged */
    SIM_DISK_DETECT    /* refuse what cannot be trusted. A disk that lies is of this class */
};
enum sim_disk_class sim_disk_class_of(enum sim_disk_fault fault);

struct sim_disk_faults {
    uint32_t rates[SIM_DISK_FAULT_COUNT];          /* in millionths */
    uint32_t latency_ticks_min, latency_ticks_max; /* of every flush */
    uint32_t clog_ticks;
    uint32_t full_ticks;
    bool lie; /* syncs of flushes and files report success at once; what they cover
                 becomes durable some dozens of writes later, if power lasts */
};

/* What a power cut makes of a sector that was being written, in relation to each
 * other. `other`: what an earlier unsynced write meant for this sector, or, where
 * there is none, a sector of another file's unsynced write. */
struct sim_disk_weights {
    uint32_t old, new, zero, random, other;
    uint32_t whole; /* millionths: a write is wholly there or wholly not */
    uint32_t name;  /* millionths: a name, or a length, that was not synced is kept */
};

/* The weights of a seed: all kinds, some rare, some frequent. */
struct sim_disk_weights sim_disk_weights_draw(struct sim_random *random);

struct sim_disk *sim_disk_new(uint64_t seed); /* empty, without faults */
void sim_disk_free(struct sim_disk *disk);    /* after its log storages; NULL: nothing */

/* The port. Holds as long as the disk. Descriptors are none of the operating
 * system's, and of no use after a crash. */
const struct storage *sim_disk_storage(struct sim_disk *disk);
/* A log storage for one writer after another; freed by log_storage_free. Its
 * completions come from sim_disk_advance, in the order of their times. */
struct log_storage *sim_disk_log_storage_new(struct sim_disk *disk);

/* --- time --- */

/* Goes on to `now` (ticks, not backwards) and completes what is due. What is
 * submitted meanwhile is left for the next call. */
void sim_disk_advance(struct sim_disk *disk, uint64_t now);
uint64_t sim_disk_due(const struct sim_disk *disk); /* of the next completion; UINT64_MAX: none */

/* --- faults --- */

void sim_disk_set_faults(struct sim_disk *disk, const struct sim_disk_faults *faults);
void sim_disk_set_weights(struct sim_disk *disk, const struct sim_disk_weights *weights);
/* The operation `after` (0: the next) that the fault can befall meets it once. */
void sim_disk_inject(struct sim_disk *disk, enum sim_disk_fault fault, uint32_t after);
/* Turns one bit of what the medium has of a file. False: no such file, or shorter. */
bool sim_disk_rot(struct sim_disk *disk, const char *path, uint64_t offset, uint8_t bits);
/* As before, of some byte of the file's first page, of its last or of any, that is not
 * zero: of those a page is full that is hardly used. */
bool sim_disk_rot_some(struct sim_disk *disk, const char *path);
/* From now on every path leads to another device, as when a volume is unmounted. */
void sim_disk_lose_mount(struct sim_disk *disk);

/* --- ends of a process --- */

/* The power goes in the midst of operation number `operations` from now (1: the
 * next; 0: not at all): it and all later ones do nothing and fail with -EIO, and no
 * flush completes, until sim_disk_crash. */
void sim_disk_cut_after(struct sim_disk *disk, uint64_t operations);
bool sim_disk_dark(const struct sim_disk *disk);
uint64_t sim_disk_operations(const struct sim_disk *disk); /* so far, blocking calls and flushes */

/* The power goes and comes back: what was not durable is decided, descriptors,
 * pages, locks and flushes in flight are gone. Those who had them may release them
 * before or afterwards. */
void sim_disk_crash(struct sim_disk *disk);
/* The process dies, the machine goes on: nothing written is lost, and a flush in
 * flight is done, not done, or done in part, but not synced. */
void sim_disk_kill(struct sim_disk *disk);

/* --- for checkers --- */

enum sim_disk_cause {
    SIM_DISK_AS_WRITTEN,     /* what the last write meant */
    SIM_DISK_CAUSE_UNSYNCED, /* power went before a sync: not a fault */
    SIM_DISK_CAUSE_LOST,     /* a failed sync was followed by a power cut */
    SIM_DISK_CAUSE_LIE,      /* a sync said it was durable */
    SIM_DISK_CAUSE_ROT,
    SIM_DISK_CAUSE_MISDIRECTED /* not written here, or overwritten by what was not for here */
};

/* Why the sector of a file at `offset` (a multiple of 512) is not as it was last
 * written, and, where it is not, what was written (NULL: not wanted). */
enum sim_disk_cause sim_disk_explain(const struct sim_disk *disk, const char *path, uint64_t offset,
                                     uint8_t written[SIM_DISK_SECTOR_BYTES]);
/* True: the medium has all that was written to the file and all its names. */
bool sim_disk_settled(const struct sim_disk *disk, const char *path);
/* True: there is such a file, and all of it is durable and as it was written. */
bool sim_disk_sound(const struct sim_disk *disk, const char *path);
uint64_t sim_disk_faults_met(const struct sim_disk *disk, enum sim_disk_fault fault);
/* A hash over all files, names and bytes as a reader would see them. */
uint64_t sim_disk_hash(const struct sim_disk *disk);

#endif

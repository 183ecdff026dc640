/* Questions the control thread (admin socket) puts to a shard. The control
 * thread owns an inquiry and lends it to one worker at a time through its
 * mailbox; the worker fills in the answer on its own thread and hands it back,
 * so nothing is read across threads. */
#ifndef ENGINE_INQUIRY_H
#define ENGINE_INQUIRY_H

#include "command.h"

enum { INQUIRY_BOOKINGS_MAX = 100 };

enum inquiry_kind {
    INQUIRY_ZONE,    /* id: zone; asked of its shard */
    INQUIRY_BOOKING, /* id: booking; asked of its shard */
    INQUIRY_USER,    /* id: user; asked of every shard */
    INQUIRY_AUDIT    /* recount everything against the counters */
};

struct inquiry_zone {
    uint32_t total, available, reserved, sold;
};

struct inquiry_user {
    uint32_t booking_count; /* in this shard's zones */
    uint32_t listed;
    struct booking_facts bookings[INQUIRY_BOOKINGS_MAX]; /* newest first */
    bool is_home;
    uint32_t idempotency_keys; /* of the whole home shard */
    uint32_t quota_entries;
};

struct inquiry_audit {
    uint64_t zones, bookings, violations;
    char first_violation[256];
};

struct inquiry {
    enum inquiry_kind kind;
    uint16_t shard;
    struct uuid id;
    bool found;
    union {
        struct inquiry_zone zone;
        struct booking_facts booking;
        struct inquiry_user user;
        struct inquiry_audit audit;
    };
};

#endif

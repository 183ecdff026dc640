/* Each mailbox: the producer's cursors on one cache line, the consumer's on
 * another, and slots of four lines. Cursors count for ever and wrap by mask. */
#include "mailbox.h"

#include <assert.h>
#include <stdatomic.h>

#include "memory.h"

struct slot {
    _Alignas(64) struct message message;
};

struct mailbox {
    /* --- producer --- */
    _Alignas(64) _Atomic uint32_t published; /* read by the consumer */
    uint32_t written;                        /* pushed, perhaps not published */
    uint32_t consumed_seen;                  /* what it last saw of the other side */
    /* --- consumer --- */
    _Alignas(64) _Atomic uint32_t consumed; /* read by the producer */
    uint32_t published_seen;
    /* --- constant --- */
    _Alignas(64) struct slot *slots;
};

/* 1 while the thread sleeps or is about to; whoever resets it rings the bell. */
struct sleeper {
    _Alignas(64) _Atomic uint32_t asleep;
};

struct mailbox_grid {
    uint16_t threads;
    uint32_t slot_count;
    struct sleeper *sleepers;
    struct mailbox *mailboxes; /* [to * threads + from] */
};

static struct mailbox *mailbox_at(const struct mailbox_grid *grid, uint16_t from, uint16_t to)
{
    assert(from < grid->threads && to < grid->threads);
    return &grid->mailboxes[(size_t)to * grid->threads + from];
}

static size_t pairs(const struct mailbox_grid *grid)
{
    return (size_t)grid->threads * grid->threads;
}

struct mailbox_grid *mailbox_grid_new(uint16_t threads, uint32_t slots)
{
    assert(slots >= 2 && (slots & (slots - 1)) == 0);
    struct mailbox_grid *grid = memory_new(sizeof *grid);
    if (!grid)
        return NULL;
    grid->threads = threads;
    grid->slot_count = slots;
    grid->sleepers = memory_new_aligned(64, threads * sizeof *grid->sleepers);
    grid->mailboxes = memory_new_aligned(64, pairs(grid) * sizeof *grid->mailboxes);
    for (size_t i = 0; grid->mailboxes && i < pairs(grid); i++) {
        grid->mailboxes[i].slots = memory_reserve(slots * sizeof(struct slot));
        if (!grid->mailboxes[i].slots) {
            mailbox_grid_free(grid);
            return NULL;
        }
    }
    if (grid->sleepers && grid->mailboxes)
        return grid;
    mailbox_grid_free(grid);
    return NULL;
}

void mailbox_grid_free(struct mailbox_grid *grid)
{
    if (!grid)
        return;
    for (size_t i = 0; grid->mailboxes && i < pairs(grid); i++)
        memory_release(grid->mailboxes[i].slots, grid->slot_count * sizeof(struct slot));
    memory_free(grid->mailboxes);
    memory_free(grid->sleepers);
    memory_free(grid);
}

bool mailbox_push(struct mailbox_grid *grid, uint16_t from, uint16_t to,
                  const struct message *message)
{
    struct mailbox *mailbox = mailbox_at(grid, from, to);

    if (mailbox->written - mailbox->consumed_seen == grid->slot_count) {
        mailbox->consumed_seen = atomic_load_explicit(&mailbox->consumed, memory_order_acquire);
        if (mailbox->written - mailbox->consumed_seen == grid->slot_count)
            return false;
    }
    message_copy(&mailbox->slots[mailbox->written++ & (grid->slot_count - 1)].message, message);
    return true;
}

bool mailbox_publish(struct mailbox_grid *grid, uint16_t from, uint16_t to)
{
    struct mailbox *mailbox = mailbox_at(grid, from, to);

    if (atomic_load_explicit(&mailbox->published, memory_order_relaxed) == mailbox->written)
        return false;
    atomic_store_explicit(&mailbox->published, mailbox->written, memory_order_release);
    /* Against the fence in mailbox_sleep: either the sleeper sees our message
     * when it looks again, or we see that it sleeps. */
    atomic_thread_fence(memory_order_seq_cst);
    struct sleeper *sleeper = &grid->sleepers[to];
    return atomic_load_explicit(&sleeper->asleep, memory_order_relaxed) != 0 &&
           atomic_exchange_explicit(&sleeper->asleep, 0, memory_order_relaxed) != 0;
}

struct message *mailbox_peek(struct mailbox_grid *grid, uint16_t to, uint16_t from)
{
    return mailbox_peek_ahead(grid, to, from, 0);
}

struct message *mailbox_peek_ahead(struct mailbox_grid *grid, uint16_t to, uint16_t from,
                                   uint32_t ahead)
{
    struct mailbox *mailbox = mailbox_at(grid, from, to);
    uint32_t next = atomic_load_explicit(&mailbox->consumed, memory_order_relaxed);

    if (mailbox->published_seen - next <= ahead) {
        mailbox->published_seen = atomic_load_explicit(&mailbox->published, memory_order_acquire);
        if (mailbox->published_seen - next <= ahead)
            return NULL;
    }
    struct slot *slots = mailbox->slots;
    __builtin_prefetch(&slots[(next + ahead + 2) & (grid->slot_count - 1)]);
    return &slots[(next + ahead) & (grid->slot_count - 1)].message;
}

void mailbox_consume(struct mailbox_grid *grid, uint16_t to, uint16_t from)
{
    struct mailbox *mailbox = mailbox_at(grid, from, to);
    uint32_t next = atomic_load_explicit(&mailbox->consumed, memory_order_relaxed);

    assert(next != mailbox->published_seen);
    atomic_store_explicit(&mailbox->consumed, next + 1, memory_order_release);
}

static bool is_empty(const struct mailbox *mailbox)
{
    return atomic_load_explicit(&mailbox->published, memory_order_acquire) ==
           atomic_load_explicit(&mailbox->consumed, memory_order_relaxed);
}

bool mailbox_sleep(struct mailbox_grid *grid, uint16_t to)
{
    atomic_store_explicit(&grid->sleepers[to].asleep, 1, memory_order_relaxed);
    atomic_thread_fence(memory_order_seq_cst);
    for (uint16_t from = 0; from < grid->threads; from++) {
        if (!is_empty(mailbox_at(grid, from, to))) {
            mailbox_awake(grid, to);
            return false;
        }
    }
    return true;
}

void mailbox_awake(struct mailbox_grid *grid, uint16_t to)
{
    atomic_store_explicit(&grid->sleepers[to].asleep, 0, memory_order_relaxed);
}

uint32_t mailbox_depth(const struct mailbox_grid *grid, uint16_t to)
{
    uint32_t depth = 0;

    for (uint16_t from = 0; from < grid->threads; from++) {
        const struct mailbox *mailbox = mailbox_at(grid, from, to);
        depth += atomic_load_explicit(&mailbox->published, memory_order_relaxed) -
                 atomic_load_explicit(&mailbox->consumed, memory_order_relaxed);
    }
    return depth;
}

void message_release(struct message *message)
{
    switch (message->kind) {
    case MESSAGE_ANSWER_RECEIVER:
    case MESSAGE_ANSWER_HOME:
    case MESSAGE_ANSWER:
    case MESSAGE_GATHERED:
    case MESSAGE_ORDER_PART:
        answer_release(&message->answer);
        break;
    case MESSAGE_CATALOG_EVENT:
        catalog_event_release(message->event);
        break;
    case MESSAGE_CATALOG_SHOW:
        catalog_show_release(message->show);
        break;
    case MESSAGE_CATALOG_ZONE:
        catalog_zone_release(message->zone);
        break;
    case MESSAGE_CATALOG_STATION:
        catalog_station_release(message->station);
        break;
    case MESSAGE_CATALOG_ROUTE:
        catalog_route_release(message->route);
        break;
    default: /* commands are not held back; the others own nothing */
        break;
    }
}

/* A question that only the shards themselves can answer, put to one shard after
 * another. The inquiry is lent to a worker through its mailbox; until it is back
 * it must stay where it is, even when whoever asked is gone. Control thread. */
#ifndef ADMIN_CONTROL_QUESTION_H
#define ADMIN_CONTROL_QUESTION_H

#include "../engine/worker.h"
#include "../net/bell.h"
#include "control_request.h"
#include "json_writer.h"

enum { CONTROL_ANSWER_MS_MAX = 3000 }; /* for one shard; a worker that turns needs less */

struct control_audit {
    uint64_t zones, bookings, violations, ns;
    char first_violation[256];
};

struct control_question {
    struct inquiry inquiry;
    bool lent;      /* a worker has the inquiry */
    bool waiting;   /* asked, and neither answered nor given up */
    uint16_t shard; /* asked now */
    uint16_t last;  /* to ask */
    uint64_t asked_ns;
    enum control_command command;
    /* gathered so far */
    uint64_t booking_count;
    uint32_t listed;
    struct booking_facts bookings[2 * INQUIRY_BOOKINGS_MAX]; /* half of it in use between shards */
    uint32_t idempotency_keys, quota_entries;
    struct control_audit audits[SHARD_COUNT_MAX];
};

/* Begins one for zone, booking, user or audit. False: the inquiry of an earlier
 * question that was given up is still out. */
bool control_question_begin(struct control_question *question,
                            const struct control_request *request, const struct worker_group *group,
                            uint64_t now_ns);

/* Sends the inquiry if it is due and there is room, and wakes the worker (bells
 * NULL: it wakes by itself soon); gives up on a shard that took too long. True: given up, and
 * `waiting` has ended. */
bool control_question_push(struct control_question *question, const struct worker_group *group,
                           struct bells *bells, uint64_t now_ns);

/* The inquiry came back: take it in, go on to the next shard. True: the question
 * is answered, and `waiting` has ended. */
bool control_question_take(struct control_question *question, uint64_t now_ns);

/* Writes the whole answer line of an answered question. */
void control_question_answer(const struct control_question *question,
                             const struct worker_group *group, struct json_writer *writer);

#endif

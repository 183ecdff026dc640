#include "control_question.h"

#include <stdlib.h>

#include "control_answer.h"

static uint16_t first_shard(const struct control_request *request,
                            const struct partition_map *partitions)
{
    switch (request->command) {
    case CONTROL_ZONE:
        return partition_shard_of(partitions, &request->id);
    case CONTROL_BOOKING:
        return partition_shard_of_booking(partitions, &request->id);
    default:
        return 0;
    }
}

static enum inquiry_kind kind_of(enum control_command command)
{
    switch (command) {
    case CONTROL_ZONE:
        return INQUIRY_ZONE;
    case CONTROL_BOOKING:
        return INQUIRY_BOOKING;
    case CONTROL_USER:
        return INQUIRY_USER;
    default:
        return INQUIRY_AUDIT;
    }
}

bool control_question_begin(struct control_question *question,
                            const struct control_request *request, const struct worker_group *group,
                            uint64_t now_ns)
{
    if (question->lent) {
        return false;
    }
    bool everywhere = request->command == CONTROL_USER || request->command == CONTROL_AUDIT;
    *question = (struct control_question){.command = request->command, .waiting = true};
    question->inquiry.kind = kind_of(request->command);
    question->inquiry.id = request->id;
    question->shard = first_shard(request, &group->partitions);
    question->last = everywhere ? (uint16_t)(group->shard_count - 1) : question->shard;
    question->asked_ns = now_ns;
    return true;
}

static void lend(struct control_question *question, const struct worker_group *group,
                 struct bells *bells)
{
    uint16_t self = group->shard_count;
    struct message message = {.kind = MESSAGE_INQUIRY, .inquiry = &question->inquiry};
    question->inquiry.shard = question->shard;
    if (!mailbox_push(group->mailboxes, self, question->shard, &message)) {
        return; /* full: again in a millisecond */
    }
    question->lent = true;
    if (mailbox_publish(group->mailboxes, self, question->shard) && bells != NULL) {
        bell_ring(bells, question->shard);
    }
}

bool control_question_push(struct control_question *question, const struct worker_group *group,
                           struct bells *bells, uint64_t now_ns)
{
    if (!question->waiting) {
        return false;
    }
    if (now_ns - question->asked_ns > CONTROL_ANSWER_MS_MAX * UINT64_C(1000000)) {
        question->waiting = false;
        return true;
    }
    if (!question->lent) {
        lend(question, group, bells);
    }
    return false;
}

static int newest_first(const void *left, const void *right)
{
    const struct booking_facts *a = left;
    const struct booking_facts *b = right;
    return (a->created_ms < b->created_ms) - (a->created_ms > b->created_ms);
}

static void gather_user(struct control_question *question)
{
    const struct inquiry_user *user = &question->inquiry.user;
    question->booking_count += user->booking_count;
    for (uint32_t i = 0; i < user->listed && i < INQUIRY_BOOKINGS_MAX; i++) {
        question->bookings[question->listed++] = user->bookings[i];
    }
    qsort(question->bookings, question->listed, sizeof question->bookings[0], newest_first);
    if (question->listed > INQUIRY_BOOKINGS_MAX) {
        question->listed = INQUIRY_BOOKINGS_MAX;
    }
    if (user->is_home) {
        question->idempotency_keys = user->idempotency_keys;
        question->quota_entries = user->quota_entries;
    }
}

static void gather_audit(struct control_question *question, uint64_t now_ns)
{
    const struct inquiry_audit *audit = &question->inquiry.audit;
    struct control_audit *out = &question->audits[question->shard];
    *out = (struct control_audit){.zones = audit->zones,
                                  .bookings = audit->bookings,
                                  .violations = audit->violations,
                                  .ns = now_ns - question->asked_ns};
    memcpy(out->first_violation, audit->first_violation, sizeof out->first_violation - 1);
}

bool control_question_take(struct control_question *question, uint64_t now_ns)
{
    question->lent = false;
    if (!question->waiting) {
        return false;
    }
    if (question->command == CONTROL_USER) {
        gather_user(question);
    } else if (question->command == CONTROL_AUDIT) {
        gather_audit(question, now_ns);
    }
    if (question->shard < question->last) {
        question->shard++;
        question->asked_ns = now_ns;
        return false;
    }
    question->waiting = false;
    return true;
}

static void write_booking(struct json_writer *writer, const char *name,
                          const struct booking_facts *facts)
{
    json_writer_object(writer, name);
    json_writer_uuid(writer, "booking_id", &facts->booking_id);
    json_writer_uuid(writer, "user_id", &facts->user_id);
    json_writer_uuid(writer, "zone_id", &facts->zone_id);
    json_writer_text(writer, "status", booking_status_name(facts->status));
    json_writer_count(writer, "quantity", facts->quantity);
    json_writer_integer(writer, "unit_price_minor", facts->unit_price_minor);
    json_writer_time(writer, "created_at", facts->created_ms);
    json_writer_time(writer, "expires_at", facts->expires_ms);
    json_writer_time(writer, "changed_at", facts->changed_ms);
    json_writer_object_end(writer);
}

static void answer_zone(const struct control_question *question, struct json_writer *writer)
{
    const struct inquiry_zone *zone = &question->inquiry.zone;
    json_writer_object(writer, "data");
    json_writer_uuid(writer, "zone_id", &question->inquiry.id);
    json_writer_count(writer, "shard", question->shard);
    json_writer_count(writer, "partition", partition_of(&question->inquiry.id));
    json_writer_count(writer, "total_seats", zone->total);
    json_writer_count(writer, "available_seats", zone->available);
    json_writer_count(writer, "reserved_seats", zone->reserved);
    json_writer_count(writer, "sold_seats", zone->sold);
    json_writer_object_end(writer);
}

static void answer_booking(const struct control_question *question, struct json_writer *writer)
{
    json_writer_object(writer, "data");
    json_writer_count(writer, "shard", question->shard);
    json_writer_count(writer, "partition", uuid_v7_partition(&question->inquiry.id));
    write_booking(writer, "booking", &question->inquiry.booking);
    json_writer_object_end(writer);
}

static void answer_user(const struct control_question *question, const struct worker_group *group,
                        struct json_writer *writer)
{
    json_writer_object(writer, "data");
    json_writer_uuid(writer, "user_id", &question->inquiry.id);
    json_writer_count(writer, "home_shard",
                      partition_shard_of(&group->partitions, &question->inquiry.id));
    json_writer_count(writer, "home_shard_idempotency_keys", question->idempotency_keys);
    json_writer_count(writer, "home_shard_quota_entries", question->quota_entries);
    json_writer_count(writer, "booking_count", question->booking_count);
    json_writer_array(writer, "bookings");
    for (uint32_t i = 0; i < question->listed; i++) {
        write_booking(writer, NULL, &question->bookings[i]);
    }
    json_writer_array_end(writer);
    json_writer_object_end(writer);
}

static void answer_audit(const struct control_question *question, struct json_writer *writer)
{
    uint64_t violations = 0;
    json_writer_object(writer, "data");
    json_writer_array(writer, "shards");
    for (uint16_t shard = 0; shard <= question->last; shard++) {
        const struct control_audit *audit = &question->audits[shard];
        violations += audit->violations;
        json_writer_object(writer, NULL);
        json_writer_count(writer, "shard", shard);
        json_writer_count(writer, "zones", audit->zones);
        json_writer_count(writer, "bookings", audit->bookings);
        json_writer_count(writer, "violations", audit->violations);
        json_writer_text(writer, "first_violation", audit->first_violation);
        json_writer_count(writer, "took_ns", audit->ns);
        json_writer_object_end(writer);
    }
    json_writer_array_end(writer);
    json_writer_count(writer, "violations", violations);
    json_writer_object_end(writer);
}

void control_question_answer(const struct control_question *question,
                             const struct worker_group *group, struct json_writer *writer)
{
    bool one = question->command == CONTROL_ZONE || question->command == CONTROL_BOOKING;
    if (one && !question->inquiry.found) {
        control_answer_error(writer, "NOT_FOUND",
                             question->command == CONTROL_ZONE ? "no zone has this id"
                                                               : "no booking has this id");
        return;
    }
    control_answer_begin(writer);
    if (question->command == CONTROL_ZONE) {
        answer_zone(question, writer);
    } else if (question->command == CONTROL_BOOKING) {
        answer_booking(question, writer);
    } else if (question->command == CONTROL_USER) {
        answer_user(question, group, writer);
    } else {
        answer_audit(question, writer);
    }
    control_answer_end(writer);
}

/* How rows of the outbox and the audit log begin. Private to the mirror's rows. */
#ifndef PERSIST_MIRROR_HISTORY_H
#define PERSIST_MIRROR_HISTORY_H

#include <inttypes.h>
#include <stdio.h>

#include "mirror_rows.h"
#include "replay_record.h"

static inline struct replay_json json_for_postgres(struct replay_buffer *out)
{
    struct replay_json json = replay_json_start(out);
    json.without_nul = true;
    return json;
}

static inline void outbox_begin(struct replay_buffer *out, const struct mirror_origin *origin,
                                uint16_t item, const char *aggregate,
                                const struct uuid *aggregate_id, const char *event_type)
{
    char id[80];
    (void)snprintf(id, sizeof id, "%" PRIu32 "/%u:%" PRIu64 ":%u", origin->epoch,
                   (unsigned)origin->shard, origin->sequence, (unsigned)item);
    copy_row(out, 6);
    copy_string(out, id);
    copy_string(out, aggregate);
    copy_uuid(out, aggregate_id);
    copy_string(out, event_type);
    copy_time(out, origin->stamp_ms);
}

static inline void audit_begin(struct replay_buffer *out, const struct mirror_origin *origin,
                               uint16_t item, const char *action, const char *object_type,
                               const struct uuid *object_id)
{
    copy_row(out, 12);
    copy_time(out, origin->stamp_ms);
    copy_uuid_or_null(out, &origin->actor.id);
    copy_string(out, replay_role_name(origin->actor.role));
    copy_string(out, action);
    copy_string(out, object_type);
    copy_uuid(out, object_id);
    copy_integer(out, (int32_t)origin->epoch);
    copy_smallint(out, origin->shard);
    copy_bigint(out, (int64_t)origin->sequence);
    copy_smallint(out, item);
}

#endif

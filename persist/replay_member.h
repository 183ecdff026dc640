/* Members of a JSON object in the project's ways. Private to the files that
 * write records. */
#ifndef PERSIST_REPLAY_MEMBER_H
#define PERSIST_REPLAY_MEMBER_H

#include "replay_json.h"

static inline void member_uuid(struct replay_json *json, const char *name, const struct uuid *id)
{
    replay_json_key(json, name);
    replay_json_uuid(json, id);
}

static inline void member_time(struct replay_json *json, const char *name, uint64_t unix_ms)
{
    replay_json_key(json, name);
    replay_json_time(json, unix_ms);
}

static inline void member_unsigned(struct replay_json *json, const char *name, uint64_t value)
{
    replay_json_key(json, name);
    replay_json_unsigned(json, value);
}

static inline void member_string(struct replay_json *json, const char *name, const char *text)
{
    replay_json_key(json, name);
    replay_json_string(json, text);
}

static inline void member_text(struct replay_json *json, const char *name, const struct text *text)
{
    replay_json_key(json, name);
    replay_json_text(json, text->bytes, text->length);
}

static inline void member_bool(struct replay_json *json, const char *name, bool value)
{
    replay_json_key(json, name);
    replay_json_bool(json, value);
}

#endif

/* What the control thread can say without asking a shard: published counters as
 * JSON. Each function writes the value of "data". Control thread only. */
#ifndef ADMIN_CONTROL_ANSWER_H
#define ADMIN_CONTROL_ANSWER_H

#include "../engine/worker.h"
#include "control_watchdog.h"
#include "json_writer.h"

/* What all answers are about. */
struct control_scene {
    const struct worker_group *group;
    const struct config *config;
    const struct control_watchdog *watchdog;
    uint64_t started_ms; /* Unix */
    uint64_t now_ms;     /* Unix */
    uint64_t now_ns;     /* monotonic */
};

/* Every answer is one of these two around a value. */
void control_answer_begin(struct json_writer *writer);
void control_answer_end(struct json_writer *writer);
void control_answer_error(struct json_writer *writer, const char *code, const char *message);

void control_answer_status(struct json_writer *writer, const struct control_scene *scene);
void control_answer_shards(struct json_writer *writer, const struct control_scene *scene);
/* shard < shard_count. */
void control_answer_shard(struct json_writer *writer, const struct control_scene *scene,
                          uint16_t shard);
void control_answer_log(struct json_writer *writer, const struct control_scene *scene);
/* Totals since the start; whoever asks twice has rates. */
void control_answer_top(struct json_writer *writer, const struct control_scene *scene);

/* "serving", "starting", "draining", "stuck" or "log_failed". */
const char *control_state_name(const struct control_scene *scene);

#endif
